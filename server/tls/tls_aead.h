/*
 * One direction of TLS 1.3 under one traffic secret: a fragment becomes a record, and a record a fragment again.
 *
 * Front only, for data connections, through tls_records.c.  RFC 8446 5.2 (records), 5.3 (nonces), 7.3 (keys).  It reads
 * no socket, knows no message, and trusts no length of a record that it was not given.
 */
#ifndef TLS_AEAD_H
#define TLS_AEAD_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/crypto/aead.h"

#define TLS_AEAD_SECRET_MAX_BYTES 48u
#define TLS_AEAD_HEADER_BYTES	  5u
#define TLS_AEAD_TAG_BYTES	  AEAD_TAG_BYTES
/* A record is so much longer than its fragment, when it is not padded: header, type, tag. */
#define TLS_AEAD_OVERHEAD_BYTES (TLS_AEAD_HEADER_BYTES + 1u + TLS_AEAD_TAG_BYTES)

enum tls_aead_opened {
	TLS_AEAD_OPENED,
	TLS_AEAD_FORGED,   /* the tag is wrong: bad_record_mac */
	TLS_AEAD_TYPELESS, /* nothing but padding: unexpected_message */
	TLS_AEAD_TOO_LONG, /* more than TLS_RECORD_BYTES: record_overflow */
};

struct tls_aead;

/* The caller wipes the secret.  NULL: not one of TLS 1.3's suites that are known here, or no memory. */
struct tls_aead *tls_aead_new(
    const SSL_CIPHER *suite, const uint8_t *secret, size_t secret_bytes, enum aead_use use);
/* Wipes the keys; NULL is fine. */
void tls_aead_free(struct tls_aead **aead);

/* Go over to the next traffic secret (RFC 8446 7.2).  False: libcrypto failed, and the connection must end. */
bool tls_aead_update(struct tls_aead *aead);
/* Records under the present keys. */
uint64_t tls_aead_count(const struct tls_aead *aead);

/* What somebody else needs to make the records that come next. */
struct tls_aead_keys {
	uint16_t suite; /* RFC 8446 B.4 */
	uint8_t key[AEAD_KEY_MAX_BYTES];
	size_t key_bytes;
	uint8_t iv[AEAD_NONCE_BYTES];
	uint64_t count;
};

/* The caller wipes them, and frees the aead when somebody else seals with them.  False: libcrypto failed. */
bool tls_aead_tell_keys(const struct tls_aead *aead, struct tls_aead_keys *out);

/* Make a record of at most TLS_RECORD_BYTES; out has room for n + TLS_AEAD_OVERHEAD_BYTES and does not overlap.  False:
 * libcrypto failed, and the connection must end. */
bool tls_aead_seal(struct tls_aead *aead, uint8_t type, const uint8_t *bytes, size_t n, uint8_t *out);

/*
 * Open a whole record of record_bytes, header and at least a byte and a tag included, where it lies: its fragment is then
 * the *n_out bytes behind its header.  What is there after a failure is nobody's data.
 */
enum tls_aead_opened tls_aead_open(
    struct tls_aead *aead, uint8_t *record, size_t record_bytes, size_t *n_out, uint8_t *type_out);

#endif
