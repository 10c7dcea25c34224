/* Files of revocation lists: which ones count, whose they are, and when to worry. */
#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/crl_file.h"

#define DAY (24 * 60 * 60)

TestSuite(crl_file, .timeout = 60);

/* Append one that began a day ago and is good for so many days more; INT_MIN: for ever. */
static void add_list(FILE *file, EVP_PKEY *key, const char *issuer, int days)
{
	X509_CRL *list = X509_CRL_new();
	X509_NAME *name = X509_NAME_new();
	ASN1_TIME *when = ASN1_TIME_new();

	cr_assert(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)issuer, -1, -1, 0) == 1);
	cr_assert(X509_CRL_set_version(list, 1) == 1 && X509_CRL_set_issuer_name(list, name) == 1);
	cr_assert_not_null(X509_gmtime_adj(when, -DAY));
	cr_assert_eq(X509_CRL_set1_lastUpdate(list, when), 1);
	if (days != INT32_MIN) {
		cr_assert_not_null(X509_gmtime_adj(when, (long)days * DAY));
		cr_assert_eq(X509_CRL_set1_nextUpdate(list, when), 1);
	}
	cr_assert_gt(X509_CRL_sign(list, key, EVP_sha256()), 0);
	cr_assert_eq(PEM_write_X509_CRL(file, list), 1);
	ASN1_TIME_free(when);
	X509_NAME_free(name);
	X509_CRL_free(list);
}

static struct crl_file_list list_at(const char *path, int at, int count)
{
	STACK_OF(X509_CRL) *lists = crl_file_load(path);
	struct crl_file_list told = { .expires = 0 };

	cr_assert_eq(sk_X509_CRL_num(lists), count);
	if (at < count)
		crl_file_describe(sk_X509_CRL_value(lists, at), &told);
	crl_file_free(&lists);
	cr_assert_null(lists);
	return told;
}

static void expect_days(const struct crl_file_list *list, int days)
{
	cr_expect_leq(llabs(list->expires - (time(NULL) + (int64_t)days * DAY)), 5);
	cr_expect_leq(llabs(list->begins - (time(NULL) - DAY)), 5);
}

Test(crl_file, of_each_authority_the_last_to_end_counts)
{
	char path[] = "/tmp/transom-crl-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct crl_file_list list;

	list_at(path, 0, 0);
	add_list(file, key, "for ever", INT32_MIN);
	add_list(file, key, "one", -2);
	add_list(file, key, "other\n\"x\"", 4);
	add_list(file, key, "one", 9);
	add_list(file, key, "one", 3);
	fclose(file);
	list = list_at(path, 0, 3);
	cr_expect_eq(list.expires, INT64_MAX);
	list = list_at(path, 1, 3);
	expect_days(&list, 9);
	cr_expect_not_null(strstr(list.issuer, "CN=one"), "%s", list.issuer);
	list = list_at(path, 2, 3);
	expect_days(&list, 4);
	cr_expect_null(strchr(list.issuer, '\n'));
	EVP_PKEY_free(key);
	unlink(path);
	list_at(path, 0, 0);
}

/* The master must never wait for who may write the file. */
Test(crl_file, neither_a_fifo_nor_a_password_is_waited_for)
{
	char path[] = "/tmp/transom-crl-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");

	fputs("-----BEGIN X509 CRL-----\nProc-Type: 4,ENCRYPTED\n"
	      "DEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAAAAAAAAAAAAAAAAAAAA==\n"
	      "-----END X509 CRL-----\n", file);
	fclose(file);
	list_at(path, 0, 0);
	unlink(path);
	cr_assert_eq(mkfifo(path, 0600), 0);
	list_at(path, 0, 0);
	unlink(path);
}

Test(crl_file, the_warning_is_a_fifth_of_a_life_and_no_more_than_the_administrators)
{
	struct crl_file_list list = { .begins = 0, .expires = 10 * DAY };

	cr_expect_eq(crl_file_warning(&list, 21 * DAY), 2 * DAY);
	cr_expect_eq(crl_file_warning(&list, DAY), DAY);
	cr_expect_eq(crl_file_warning(&list, 0), 0);
	list.begins = INT64_MIN;
	cr_expect_eq(crl_file_warning(&list, 21 * DAY), 21 * DAY);
}
