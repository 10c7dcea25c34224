#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/tls/tls_certificate.h"

#define DAY 86400L

/* What a test certificate is to say. */
struct wanted {
	const char *common_name;
	const char *names; /* as openssl's configuration writes them; NULL: no such extension */
	long from, until;  /* seconds from now */
};

/* Self-signed, which nobody here minds. */
static X509 *make(const struct wanted *wanted)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509 *made = X509_new();
	X509_NAME *subject = X509_get_subject_name(made);

	cr_assert_not_null(key);
	X509_set_version(made, 2);
	X509_gmtime_adj(X509_getm_notBefore(made), wanted->from);
	X509_gmtime_adj(X509_getm_notAfter(made), wanted->until);
	X509_set_pubkey(made, key);
	if (wanted->common_name != NULL)
		X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
		    (const unsigned char *)wanted->common_name, -1, -1, 0);
	if (wanted->names != NULL) {
		X509_EXTENSION *extension =
		    X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, wanted->names);

		cr_assert_not_null(extension);
		X509_add_ext(made, extension, -1);
		X509_EXTENSION_free(extension);
	}
	cr_assert_gt(X509_sign(made, key, EVP_sha256()), 0);
	EVP_PKEY_free(key);
	return made;
}

/* A temporary file; the caller removes it. */
struct file {
	char path[64];
	FILE *stream;
};

static void open_file(struct file *file)
{
	int fd;

	snprintf(file->path, sizeof(file->path), "/tmp/transom-certificate-XXXXXX");
	fd = mkstemp(file->path);
	cr_assert_geq(fd, 0);
	file->stream = fdopen(fd, "w");
}

static struct tls_certificate_file *load(struct file *file, char message[256])
{
	struct tls_certificate_file *loaded;

	fclose(file->stream);
	loaded = tls_certificate_load(file->path, message, 256);
	unlink(file->path);
	return loaded;
}

Test(tls_certificate, names_are_the_alternative_ones_or_else_the_common_name)
{
	static const struct {
		struct wanted wanted;
		const char *names;
	} rows[] = {
		{ { "common", "DNS:a.example.org,DNS:*.b.example.org", 0, DAY },
		    "a.example.org *.b.example.org" },
		{ { "common", "DNS:a,IP:192.0.2.1,IP:2001:db8::1,email:x@example.org", 0, DAY },
		    "a 192.0.2.1 2001:db8::1" },
		{ { "ftp.example.org", NULL, 0, DAY }, "ftp.example.org" },
		{ { NULL, NULL, 0, DAY }, "" },
		{ { "new\nline", NULL, 0, DAY }, "new\\x0aline" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		X509 *made = make(&rows[i].wanted);
		char names[TLS_CERTIFICATE_NAMES_BYTES];

		tls_certificate_names(made, names, sizeof(names));
		cr_expect_str_eq(names, rows[i].names);
		tls_certificate_names(made, names, 8);
		cr_expect_lt(strlen(names), 8);
		X509_free(made);
	}
}

Test(tls_certificate, is_for_the_hosts_that_a_client_would_take_it_for)
{
	X509 *made = make(&(struct wanted){
	    "common", "DNS:a.example.org,DNS:*.b.example.org,IP:192.0.2.1", 0, DAY });
	static const struct {
		const char *host;
		bool is_for;
	} rows[] = {
		{ "a.example.org", true },
		{ "A.Example.ORG", true },
		{ "x.b.example.org", true },
		{ "y.x.b.example.org", false },
		{ "b.example.org", false },
		{ "common", false },
		{ "192.0.2.1", true },
		{ "192.0.2.2", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(tls_certificate_is_for(made, rows[i].host), rows[i].is_for, "%s", rows[i].host);
	X509_free(made);
}

Test(tls_certificate, a_file_is_a_chain_in_its_order_and_its_first_end_counts)
{
	X509 *one = make(&(struct wanted){ "one", NULL, -DAY, 30 * DAY });
	X509 *two = make(&(struct wanted){ "two", NULL, -DAY, 10 * DAY });
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	char message[256], names[64];
	struct tls_certificate_file *loaded;
	struct file file;

	open_file(&file);
	fputs("Bag Attributes\n    what some tools write before it\n", file.stream);
	PEM_write_X509(file.stream, one);
	PEM_write_PrivateKey(file.stream, key, NULL, NULL, 0, NULL, NULL);
	PEM_write_X509(file.stream, two);
	loaded = load(&file, message);
	cr_assert_not_null(loaded, "%s", message);
	cr_assert_eq(tls_certificate_count(loaded), 2);
	tls_certificate_names(tls_certificate_at(loaded, 0), names, sizeof(names));
	cr_expect_str_eq(names, "one");
	cr_expect_eq(tls_certificate_first_to_end(loaded), 1);
	cr_expect_leq(llabs(tls_certificate_not_after(tls_certificate_at(loaded, 1)) - (time(NULL) + 10 * DAY)), 5);
	cr_expect_leq(llabs(tls_certificate_not_before(tls_certificate_at(loaded, 1)) - (time(NULL) - DAY)), 5);
	tls_certificate_free(&loaded);
	cr_assert_null(loaded);
	EVP_PKEY_free(key);
	X509_free(one);
	X509_free(two);
}

Test(tls_certificate, what_is_no_chain_is_told)
{
	static const struct {
		const char *text;
		const char *message;
	} rows[] = {
		{ "", "it holds no certificate in PEM form" },
		{ "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		    "it holds no certificate in PEM form" },
		{ "-----BEGIN CERTIFICATE-----\nAAAA\n", "certificate number 1 in it has no end" },
		{ "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		    "certificate number 1 in it is damaged" },
	};
	char message[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct file file;

		open_file(&file);
		fputs(rows[i].text, file.stream);
		cr_expect_null(load(&file, message));
		cr_expect_str_eq(message, rows[i].message);
	}
	cr_expect_null(tls_certificate_load("/nonexistent", message, sizeof(message)));
	cr_expect_str_eq(message, "No such file or directory");
	cr_expect_null(tls_certificate_load("/", message, sizeof(message)));
	cr_expect_str_eq(message, "it is a directory");
	cr_expect_null(tls_certificate_load("/dev/null", message, sizeof(message)));
	cr_expect_str_eq(message, "it is no regular file");
}

Test(tls_certificate, dates_are_days)
{
	char date[TLS_CERTIFICATE_DATE_BYTES];

	tls_certificate_date(1000000000, date);
	cr_expect_str_eq(date, "2001-09-09");
}

Test(tls_certificate, digests_tell_certificates_apart)
{
	X509 *one = make(&(struct wanted){ "same", NULL, 0, DAY });
	X509 *two = make(&(struct wanted){ "same", NULL, 0, DAY });
	uint8_t a[TLS_CERTIFICATE_DIGEST_BYTES], b[TLS_CERTIFICATE_DIGEST_BYTES];

	cr_assert(tls_certificate_digest(one, a) && tls_certificate_digest(two, b));
	cr_expect_neq(memcmp(a, b, sizeof(a)), 0);
	X509_free(one);
	X509_free(two);
}
