#include "server/crl_file.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <time.h>

#include "server/base/clock.h"
#include "server/base/text.h"

#define WARNING_SHARE 5 /* of a list's life: those live days, and are renewed long before their end */

static int64_t seconds_of(const ASN1_TIME *when, int64_t otherwise)
{
	struct tm fields;

	return when != NULL && ASN1_TIME_to_tm(when, &fields) == 1 ? clock_from_utc(&fields) : otherwise;
}

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

static void describe(const X509_CRL *list, struct crl_file_list *out)
{
	unsigned length = 0;

	out->begins = seconds_of(X509_CRL_get0_lastUpdate(list), INT64_MIN);
	out->expires = seconds_of(X509_CRL_get0_nextUpdate(list), INT64_MAX);
	write_issuer(list, out->issuer);
	X509_CRL_digest(list, EVP_sha256(), out->digest, &length);
}

bool crl_file_first_to_end(const char *path, struct crl_file_list *out)
{
	BIO *file = BIO_new_file(path, "r");
	bool found = false;
	X509_CRL *list;

	while (file != NULL && (list = PEM_read_bio_X509_CRL(file, NULL, NULL, NULL)) != NULL) {
		if (!found || seconds_of(X509_CRL_get0_nextUpdate(list), INT64_MAX) < out->expires)
			describe(list, out);
		found = true;
		X509_CRL_free(list);
	}
	BIO_free(file);
	ERR_clear_error();
	return found;
}

int64_t crl_file_warning(const struct crl_file_list *list, int64_t most)
{
	int64_t share;

	if (list->begins == INT64_MIN || list->begins >= list->expires || list->expires == INT64_MAX)
		return most;
	share = (list->expires - list->begins) / WARNING_SHARE;
	return share < most ? share : most;
}
