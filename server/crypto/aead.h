/*
 * Authenticated encryption under one key, in one direction: by libcrypto, or by intel-ipsec-mb where that takes a third of
 * the time.
 *
 * Fronts only, for the packets of SFTP (server/sftp/ssh_cipher_shapes.c) and the records of FTPS (server/tls/tls_aead.c):
 * AES-GCM (NIST SP 800-38D) and ChaCha20-Poly1305 (RFC 8439), with nonces of 12 bytes and tags of 16.  Which back end
 * does what is decided once, before the nursery forks, and none does anything that has not agreed with libcrypto first.
 */
#ifndef CRYPTO_AEAD_H
#define CRYPTO_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AEAD_KEY_MAX_BYTES 32u
#define AEAD_NONCE_BYTES   12u
#define AEAD_TAG_BYTES     16u

enum aead_algorithm { AEAD_AES_128_GCM, AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305, AEAD_ALGORITHMS };
enum aead_use { AEAD_SEAL, AEAD_OPEN };

struct aead;

/* Choose the back ends; nursery, before it forks.  Without it the first aead_new chooses. */
void aead_warm_up(void);
/* The name and version of the one that does AES-GCM, for the log and transomd -V; for ever. */
const char *aead_name_of_gcm(void);

size_t aead_key_bytes(enum aead_algorithm algorithm);
/* The caller wipes the key.  NULL when memory ran out. */
struct aead *aead_new(enum aead_algorithm algorithm, const uint8_t *key, enum aead_use use);
/* Wipes the key; NULL is fine. */
void aead_free(struct aead **aead);
/* Another key.  False, here and below: the back end failed, and the connection must end. */
bool aead_set_key(struct aead *aead, const uint8_t *key);

/* A message begins: what is authenticated, and not encrypted.  A nonce is never used twice to seal: the caller counts. */
bool aead_begin(
    struct aead *aead, const uint8_t nonce[AEAD_NONCE_BYTES], const uint8_t *aad, size_t aad_bytes);
/* The next n bytes of it, from one place to another or in their own; not so that they overlap. */
bool aead_update(struct aead *aead, uint8_t *out, const uint8_t *in, size_t n);
/* Its end: write the tag. */
bool aead_seal_end(struct aead *aead, uint8_t tag[AEAD_TAG_BYTES]);
/* Its end: is this the tag?  What was opened must not be looked at before, nor when it is not. */
bool aead_open_end(struct aead *aead, const uint8_t tag[AEAD_TAG_BYTES]);

#endif
