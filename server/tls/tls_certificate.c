#include "server/tls/tls_certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/netaddr.h"
#include "server/base/secret.h"
#include "server/base/text.h"

#define SHOWN_NAME_BYTES 300
#define BEGIN_LINE       "-----BEGIN CERTIFICATE-----"
#define END_LINE         "-----END CERTIFICATE-----"

struct tls_certificate_file {
	STACK_OF(X509) * items;
};

/* --- reading ------------------------------------------------------------------------------------ */

/* One PEM block; false when it is none that OpenSSL understands. */
static bool take_block(struct tls_certificate_file *file, const char *block, size_t length)
{
	/* In the place of a password: nobody is asked for one. */
	char no_password[] = "";
	BIO *memory = BIO_new_mem_buf(block, (int)length);
	X509 *item = memory == NULL ? NULL : PEM_read_bio_X509(memory, NULL, NULL, no_password);

	BIO_free(memory);
	if (item != NULL && sk_X509_push(file->items, item) > 0)
		return true;
	X509_free(item);
	ERR_clear_error();
	return false;
}

/* Everything between BEGIN CERTIFICATE and END CERTIFICATE; whatever else is in the text is not looked at. */
static bool take_all(struct tls_certificate_file *file, const char *text, char *message, size_t bytes)
{
	const char *begin = text;

	while ((begin = strstr(begin, BEGIN_LINE)) != NULL) {
		const char *end = strstr(begin, END_LINE);
		int number = sk_X509_num(file->items) + 1;

		if (end == NULL) {
			text_format(message, bytes, "certificate number %d in it has no end", number);
			return false;
		}
		end += strlen(END_LINE);
		if (!take_block(file, begin, (size_t)(end - begin))) {
			text_format(message, bytes, "certificate number %d in it is damaged", number);
			return false;
		}
		begin = end;
	}
	if (sk_X509_num(file->items) > 0)
		return true;
	text_format(message, bytes, "it holds no certificate in PEM form");
	return false;
}

/* The whole file, NUL-terminated, in one piece of memory: nothing that grows, and leaves copies behind. */
static char *read_text(const char *path, size_t *length, char *message, size_t message_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	const char *wrong = NULL;
	struct stat status;
	char *text = NULL;
	ssize_t got = -1;

	if (fd < 0 || fstat(fd, &status) != 0)
		wrong = strerror(errno);
	else if (!S_ISREG(status.st_mode))
		wrong = S_ISDIR(status.st_mode) ? "it is a directory" : "it is no regular file";
	else if (status.st_size > (off_t)TLS_CERTIFICATE_FILE_MAX_BYTES)
		wrong = "it is larger than a mebibyte";
	else if ((text = calloc(1, (size_t)status.st_size + 1)) == NULL ||
	         (got = io_read_full(fd, text, (size_t)status.st_size)) < 0)
		wrong = strerror(errno);
	io_close(&fd);
	if (wrong != NULL) {
		text_copy(message, message_bytes, wrong);
		free(text);
		return NULL;
	}
	*length = (size_t)got;
	return text;
}

struct tls_certificate_file *tls_certificate_load(const char *path, char *message, size_t message_bytes)
{
	struct tls_certificate_file *file = calloc(1, sizeof(*file));
	size_t length = 0;
	char *text = NULL;
	bool ok = false;

	if (file == NULL || (file->items = sk_X509_new_null()) == NULL) {
		text_format(message, message_bytes, "out of memory");
		goto out;
	}
	text = read_text(path, &length, message, message_bytes);
	if (text == NULL)
		goto out;
	ok = take_all(file, text, message, message_bytes);
	/* A private key may have stood beside the certificates. */
	secret_wipe(text, length);
out:
	free(text);
	if (!ok)
		tls_certificate_free(&file);
	return file;
}

void tls_certificate_free(struct tls_certificate_file **file)
{
	if (*file == NULL)
		return;
	sk_X509_pop_free((*file)->items, X509_free);
	free(*file);
	*file = NULL;
}

size_t tls_certificate_count(const struct tls_certificate_file *file)
{
	return (size_t)sk_X509_num(file->items);
}

X509 *tls_certificate_at(const struct tls_certificate_file *file, size_t index)
{
	return sk_X509_value(file->items, (int)index);
}

/* --- dates -------------------------------------------------------------------------------------- */

int64_t tls_certificate_seconds(const ASN1_TIME *when, int64_t otherwise)
{
	struct tm fields;

	return when != NULL && ASN1_TIME_to_tm(when, &fields) == 1 ? clock_from_utc(&fields) : otherwise;
}

int64_t tls_certificate_not_before(X509 *certificate)
{
	return tls_certificate_seconds(X509_get0_notBefore(certificate), INT64_MIN);
}

int64_t tls_certificate_not_after(X509 *certificate)
{
	return tls_certificate_seconds(X509_get0_notAfter(certificate), INT64_MIN);
}

size_t tls_certificate_first_to_end(const struct tls_certificate_file *file)
{
	size_t first = 0;

	for (size_t i = 1; i < tls_certificate_count(file); i++)
		if (tls_certificate_not_after(tls_certificate_at(file, i)) <
		    tls_certificate_not_after(tls_certificate_at(file, first)))
			first = i;
	return first;
}

bool tls_certificate_digest(X509 *certificate, uint8_t out[TLS_CERTIFICATE_DIGEST_BYTES])
{
	unsigned length = 0;

	return X509_digest(certificate, EVP_sha256(), out, &length) == 1 &&
	       length == TLS_CERTIFICATE_DIGEST_BYTES;
}

void tls_certificate_date(int64_t seconds, char out[TLS_CERTIFICATE_DATE_BYTES])
{
	struct tm fields;

	clock_utc(seconds, &fields);
	text_format(out, TLS_CERTIFICATE_DATE_BYTES, "%04d-%02d-%02d", fields.tm_year + 1900,
	    fields.tm_mon + 1, fields.tm_mday);
}

/* --- names -------------------------------------------------------------------------------------- */

static void add_name(char *out, size_t out_bytes, const void *bytes, size_t n)
{
	size_t used = strlen(out);
	char shown[SHOWN_NAME_BYTES];

	text_escape(shown, sizeof(shown), bytes, n);
	text_format(out + used, out_bytes - used, "%s%s", used == 0 ? "" : " ", shown);
}

static void add_address(char *out, size_t out_bytes, const ASN1_OCTET_STRING *octets)
{
	struct netaddr address = { 0 };
	char shown[NETADDR_TEXT_BYTES];
	int length = ASN1_STRING_length(octets);

	if (length != 4 && length != 16)
		return;
	address.family = length == 4 ? AF_INET : AF_INET6;
	memcpy(address.bytes, ASN1_STRING_get0_data(octets), (size_t)length);
	netaddr_format_ip(&address, shown);
	add_name(out, out_bytes, shown, strlen(shown));
}

static void add_common_name(X509 *certificate, char *out, size_t out_bytes)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	const ASN1_STRING *value;

	if (at < 0)
		return;
	value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
	add_name(out, out_bytes, ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value));
}

void tls_certificate_names(X509 *certificate, char *out, size_t out_bytes)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

	out[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			add_name(out, out_bytes, ASN1_STRING_get0_data(name->d.dNSName),
			    (size_t)ASN1_STRING_length(name->d.dNSName));
		else if (name->type == GEN_IPADD)
			add_address(out, out_bytes, name->d.iPAddress);
	}
	if (out[0] == '\0')
		add_common_name(certificate, out, out_bytes);
	GENERAL_NAMES_free(names);
}

bool tls_certificate_is_for(X509 *certificate, const char *host)
{
	struct netaddr address;

	if (netaddr_parse_ip(&address, host))
		return X509_check_ip_asc(certificate, host, 0) == 1;
	return X509_check_host(certificate, host, strlen(host), 0, NULL) == 1;
}
