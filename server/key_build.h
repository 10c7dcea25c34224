/*
 * OpenSSL keys out of their numbers.
 *
 * Used where a key does not come in a format that OpenSSL reads: OpenSSH's file format (key_openssh.c), and keys
 * without a private half (key_dummy.c).  Nothing is proven here: whether the halves belong together is the
 * caller's affair.  Secret numbers are kept in OpenSSL's secure heap where the process has one.
 */
#ifndef SERVER_KEY_BUILD_H
#define SERVER_KEY_BUILD_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_BUILD_ED25519_BYTES 32

/* Unsigned, most significant byte first. */
struct key_number {
	const uint8_t *bytes;
	size_t length;
};

struct key_rsa_numbers {
	struct key_number n, e, d, p, q, iqmp;
};

/* All: the caller frees the key (EVP_PKEY_free); NULL when OpenSSL refuses the numbers or memory ran out. */
EVP_PKEY *key_build_ed25519(const uint8_t public_half[KEY_BUILD_ED25519_BYTES],
    const uint8_t private_half[KEY_BUILD_ED25519_BYTES]);
/* group: OpenSSL's name, "prime256v1"; point: uncompressed (SEC 1 2.3.3). */
EVP_PKEY *key_build_ecdsa(
    const char *group, const uint8_t *point, size_t point_length, struct key_number d);
EVP_PKEY *key_build_rsa(const struct key_rsa_numbers *numbers);

#endif
