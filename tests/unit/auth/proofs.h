/*
 * What a client would bring to a login, made in software: SSH keys, requests and signatures;
 * certificates of TLS.
 *
 * For the tests of auth/ and of the guard.  Everything that is made is good; a test spoils what it
 * wants spoilt.
 */
#ifndef PROOFS_H
#define PROOFS_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROOF_BLOB_BYTES 2048u
#define PROOF_DATA_BYTES 8192u

/* Bytes being put together. */
struct proof_bytes {
	uint8_t bytes[PROOF_DATA_BYTES];
	size_t length;
};
void proof_put(struct proof_bytes *out, const void *bytes, size_t length);
void proof_put_byte(struct proof_bytes *out, uint8_t byte);
void proof_put_u32(struct proof_bytes *out, uint32_t number);
void proof_put_string(struct proof_bytes *out, const void *bytes, size_t length);
void proof_put_text(struct proof_bytes *out, const char *text);

/* A key pair; blob is the public half as SSH sends it. */
struct proof_key {
	EVP_PKEY *key;
	const char *type;
	const char *digest; /* that its signatures use by default; NULL: its own */
	struct proof_bytes blob;
};
/* type: one of auth_key_types; bits: of RSA, else 0. */
void proof_key_make(struct proof_key *out, const char *type, unsigned bits);
void proof_key_free(struct proof_key *key);
/* "TYPE BASE64 COMMENT". */
void proof_key_line(const struct proof_key *key, const char *comment, char out[4096]);

/* The fields of what is signed (RFC 4252 7), all to be overridden. */
struct proof_request {
	const uint8_t *session;
	size_t session_length;
	uint8_t message;
	const char *user, *service, *method;
	uint8_t has_signature;
	const char *algorithm;
	const struct proof_bytes *key;
};
struct proof_request proof_request_of(
    const struct proof_key *key, const uint8_t *session, size_t length, const char *user);
void proof_request_encode(const struct proof_request *request, struct proof_bytes *out);
/* What a security key signs instead. */
void proof_request_encode_sk(const struct proof_request *request, const char *application,
    uint8_t flags, struct proof_bytes *out);
/* digest NULL: none. */
void proof_sign(EVP_PKEY *key, const char *digest, bool pss, const struct proof_bytes *data,
    struct proof_bytes *signature);

/* A certificate and its key. */
struct proof_certificate {
	EVP_PKEY *key;
	X509 *x509;
};
struct proof_subject {
	const char *common_name;
	const char *alternatives; /* "DNS:a,email:b,URI:c" or NULL */
	const char *usage;        /* extendedKeyUsage or NULL */
	bool authority;
	int days_before, days_after; /* of now: when it starts and ends; 0 0: yesterday, tomorrow */
	const char *group;           /* of its EC key; NULL: P-256; "RSA", "ED25519": such a key */
};
/* issuer NULL: self-signed. */
void proof_certificate_make(struct proof_certificate *out, const struct proof_subject *subject,
    const struct proof_certificate *issuer);
void proof_certificate_free(struct proof_certificate *certificate);
/* A revocation list; revoked may be NULL. */
X509_CRL *proof_crl_make(
    const struct proof_certificate *issuer, const struct proof_certificate *revoked);
/* Append DER after its length, as login_certificate wants it. */
void proof_put_certificate(struct proof_bytes *chain, const struct proof_certificate *certificate);
/* What a client signs in TLS 1.3, with some hash. */
void proof_tls13(struct proof_bytes *out);
/* A handshake of TLS 1.2 up to the client's key exchange, with its certificates. */
void proof_tls12(struct proof_bytes *out, const struct proof_certificate *client);

#endif
