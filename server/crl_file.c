#include "server/crl_file.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "server/base/io.h"
#include "server/base/text.h"
#include "server/tls/tls_certificate.h"

#define WARNING_SHARE 5 /* of a list's life: those live days, and are renewed long before their end */

static void write_issuer(const X509_CRL *list, char out[CRL_FILE_ISSUER_BYTES])
{
	BIO *memory = BIO_new(BIO_s_mem());
	char *text = NULL;
	long length;

	out[0] = '\0';
	if (memory == NULL)
		return;
	if (X509_NAME_print_ex(memory, X509_CRL_get_issuer(list), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0 &&
	    (length = BIO_get_mem_data(memory, &text)) > 0)
		text_escape(out, CRL_FILE_ISSUER_BYTES, text, (size_t)length);
	BIO_free(memory);
}

static int64_t end_of(const X509_CRL *list)
{
	return tls_certificate_seconds(X509_CRL_get0_nextUpdate(list), INT64_MAX);
}

void crl_file_describe(const X509_CRL *list, struct crl_file_list *out)
{
	unsigned length = 0;

	out->begins = tls_certificate_seconds(X509_CRL_get0_lastUpdate(list), INT64_MIN);
	out->expires = end_of(list);
	write_issuer(list, out->issuer);
	X509_CRL_digest(list, EVP_sha256(), out->digest, &length);
}

/* Of an issuer's lists OpenSSL goes by one that is in force, so the others do not matter.  Takes the list over. */
static bool keep_last(STACK_OF(X509_CRL) *lists, X509_CRL *list)
{
	for (int i = 0; i < sk_X509_CRL_num(lists); i++) {
		X509_CRL *other = sk_X509_CRL_value(lists, i);

		if (X509_NAME_cmp(X509_CRL_get_issuer(other), X509_CRL_get_issuer(list)) != 0)
			continue;
		if (end_of(list) > end_of(other)) {
			sk_X509_CRL_set(lists, i, list);
			list = other;
		}
		X509_CRL_free(list);
		return true;
	}
	if (sk_X509_CRL_num(lists) < CRL_FILE_ISSUERS_MAX && sk_X509_CRL_push(lists, list) > 0)
		return true;
	X509_CRL_free(list);
	return false;
}

STACK_OF(X509_CRL) *crl_file_load(const char *path)
{
	/* In the place of a password: nobody is asked for one. */
	char no_password[] = "";
	size_t length = 0;
	char *text = io_read_file(AT_FDCWD, path, CRL_FILE_MAX_BYTES, &length);
	BIO *memory = text == NULL ? NULL : BIO_new_mem_buf(text, (int)length);
	STACK_OF(X509_CRL) *lists = sk_X509_CRL_new_null();
	X509_CRL *list;

	while (memory != NULL && lists != NULL &&
	       (list = PEM_read_bio_X509_CRL(memory, NULL, NULL, no_password)) != NULL && keep_last(lists, list))
		;
	BIO_free(memory);
	free(text);
	ERR_clear_error();
	return lists;
}

void crl_file_free(STACK_OF(X509_CRL) **lists)
{
	sk_X509_CRL_pop_free(*lists, X509_CRL_free);
	*lists = NULL;
}

int64_t crl_file_warning(const struct crl_file_list *list, int64_t most)
{
	int64_t share;

	if (list->begins == INT64_MIN || list->begins >= list->expires || list->expires == INT64_MAX)
		return most;
	share = (list->expires - list->begins) / WARNING_SHARE;
	return share < most ? share : most;
}
