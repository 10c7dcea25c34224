/*
 * Private keys that are none: the true public half, and a private half that signs nothing.
 *
 * libssh and libssl want a private key before they ask for a signature; the signature itself then comes from the
 * guard (key_wrapper.h).  Nursery and front.  In: a SubjectPublicKeyInfo in DER, as the keeper lists it
 * (keeper_client.h).  Ed25519, ECDSA on the NIST curves, RSA.
 */
#ifndef SERVER_KEY_DUMMY_H
#define SERVER_KEY_DUMMY_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

/* Fit for SSL_CTX_use_PrivateKey.  The caller's (EVP_PKEY_free); NULL for other kinds, or when memory ran out. */
EVP_PKEY *key_dummy_new(const uint8_t *der, size_t length);
/* Fit for ssh_pki_import_privkey_base64 (no passphrase).  Heap, the caller's (free); NULL as above. */
char *key_dummy_ssh_text(const uint8_t *der, size_t length);

#endif
