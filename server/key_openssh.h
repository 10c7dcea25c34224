/*
 * OpenSSH's formats of keys: the file of a private key, and the public key as SSH sends it.
 *
 * The file format is that of ssh-keygen ("openssh-key-v1"), without a passphrase: Ed25519, ECDSA on the three NIST
 * curves, RSA.  Used by the keeper for the administrator's host keys and those it makes itself, and by fronts for
 * keys without a private half (key_dummy.c).  Knows of no files and no permissions.
 */
#ifndef SERVER_KEY_OPENSSH_H
#define SERVER_KEY_OPENSSH_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEY_OPENSSH_BLOB_MAX_BYTES 4096	/* a public key of RSA with 16,384 bits takes 2,080 */
#define KEY_FINGERPRINT_BYTES 52	/* "SHA256:", 43 characters and NUL */

/* Does the text say of itself that it is in this format? */
bool key_openssh_is(const char *text);
/*
 * The key in a text; the caller's (EVP_PKEY_free).  NULL: *problem says what is wrong with it and what to do, static
 * text.  Whether the halves belong together is not proven.
 */
EVP_PKEY *key_openssh_read(const char *text, const char **problem);
/* The text of a key: heap, the caller's (key_openssh_text_free).  NULL for other kinds, or when memory ran out. */
char *key_openssh_write(EVP_PKEY *key, const char *comment);
/* Wipes; NULL is fine. */
void key_openssh_text_free(char **text);

/* The public half as SSH sends it (RFC 4253 6.6, 5656 3.1, 8709 4); its length, 0 for other kinds. */
size_t key_openssh_public(EVP_PKEY *key, uint8_t out[KEY_OPENSSH_BLOB_MAX_BYTES]);
/* "SHA256:..." as ssh-keygen -l prints it; false for other kinds. */
bool key_openssh_fingerprint(EVP_PKEY *key, char out[KEY_FINGERPRINT_BYTES]);
/* "ssh-ed25519", "ecdsa-sha2-nistp256" ..., "ssh-rsa"; NULL for other kinds. */
const char *key_openssh_type(EVP_PKEY *key);

#endif
