/*
 * A file of certificates (PEM), as an administrator asks about it: who is it for, until when, is it whole?
 *
 * Nursery (contexts), master (expiry), transomctl check.  It never keeps a private key: where certificate and key share a file, only
 * the certificates are taken from it, and the rest is wiped.  It makes no TLS context (tls_contexts.h) and trusts nobody.
 */
#ifndef TLS_CERTIFICATE_H
#define TLS_CERTIFICATE_H

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_CERTIFICATE_FILE_MAX_BYTES (1u << 20)	/* a bundle of all public authorities has a quarter of a MiB */
#define TLS_CERTIFICATE_NAMES_BYTES 1024
#define TLS_CERTIFICATE_DATE_BYTES 32
#define TLS_CERTIFICATE_DIGEST_BYTES 32

/* The certificates of a file, in its order: in a server's file, its own first. */
struct tls_certificate_file;

/* NULL, and message says what is wrong, without the file's name: "it holds no certificate". */
struct tls_certificate_file *tls_certificate_load(const char *path, char *message, size_t message_bytes);
void tls_certificate_free(struct tls_certificate_file **file);

size_t tls_certificate_count(const struct tls_certificate_file *file);
/* One of them; stays the file's. */
X509 *tls_certificate_at(const struct tls_certificate_file *file, size_t index);

/* Seconds since the epoch; otherwise for NULL and for a date that is none. */
int64_t tls_certificate_seconds(const ASN1_TIME *when, int64_t otherwise);
/* The same; INT64_MIN for a date that is none. */
int64_t tls_certificate_not_before(X509 *certificate);
int64_t tls_certificate_not_after(X509 *certificate);
/* Which of the file's certificates ends first: the chain is good for no longer. */
size_t tls_certificate_first_to_end(const struct tls_certificate_file *file);
/* SHA-256 of the certificate. */
bool tls_certificate_digest(X509 *certificate, uint8_t out[TLS_CERTIFICATE_DIGEST_BYTES]);

/*
 * The host names and addresses that it is for: its alternative names, or its common name where it has none of them.
 * Separated by spaces, bytes that are no text escaped, cut to what fits; "" for none.
 */
void tls_certificate_names(X509 *certificate, char *out, size_t out_bytes);
/* Does it serve this host name (wildcards of one label included) or address? */
bool tls_certificate_is_for(X509 *certificate, const char *host);
/* "2026-11-20". */
void tls_certificate_date(int64_t seconds, char out[TLS_CERTIFICATE_DATE_BYTES]);

#endif
