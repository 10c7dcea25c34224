/* Files of revocation lists: which one ends first, whose it is, and when to worry. */
#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

Test(crl_file, the_first_to_end_is_told)
{
	char path[] = "/tmp/transom-crl-XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct crl_file_list list;

	cr_expect_not(crl_file_first_to_end(path, &list));
	add_list(file, key, "for ever", INT32_MIN);
	fflush(file);
	cr_assert(crl_file_first_to_end(path, &list));
	cr_expect_eq(list.expires, INT64_MAX);
	add_list(file, key, "late", 9);
	add_list(file, key, "early\n\"x\"", 4);
	add_list(file, key, "later", 20);
	fclose(file);
	cr_assert(crl_file_first_to_end(path, &list));
	cr_expect_leq(llabs(list.expires - (time(NULL) + 4 * DAY)), 5);
	cr_expect_leq(llabs(list.begins - (time(NULL) - DAY)), 5);
	cr_expect_not_null(strstr(list.issuer, "CN=early"), "%s", list.issuer);
	cr_expect_null(strchr(list.issuer, '\n'));
	EVP_PKEY_free(key);
	unlink(path);
	cr_expect_not(crl_file_first_to_end(path, &list));
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
