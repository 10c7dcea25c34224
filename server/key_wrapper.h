/*
 * The wrapper around EVP_DigestSign and EVP_DigestVerify, through which libssh and libssl make and check every
 * signature of a handshake (docs/THREATS.md, "Keys").
 *
 * The executable defines the two functions itself; the dynamic linker binds the libraries' calls to them.  What
 * they do is set here:
 *   keeper, nursery, transomctl, tests: the real functions of libcrypto (the default);
 *   front: a signature is fetched from the guard; what is verified is only remembered (SSH) or verified and
 *          remembered (TLS), for the guard to verify itself.
 *
 * Nobody else in the tree may call EVP_DigestSign or EVP_DigestVerify directly but the keeper and auth/.
 */
#ifndef SERVER_KEY_WRAPPER_H
#define SERVER_KEY_WRAPPER_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/keeper_messages.h"

/* A signature that a library asks for, in the words of the keeper. */
struct key_wrapper_ask {
	EVP_PKEY *key;		/* its public half tells which; the private half is a dummy */
	enum keeper_digest digest;
	bool pss;		/* RSA-PSS with a salt as long as the digest, else PKCS #1 1.5 */
	const uint8_t *data;
	size_t length;
};
/* *signature_length: in, room; out, length.  True when signature is one. */
typedef bool key_wrapper_sign_fn(
    void *context, const struct key_wrapper_ask *ask, uint8_t *signature, size_t *signature_length);

/* What was given to EVP_DigestVerify last. */
struct key_wrapper_seen {
	size_t data_length;
	size_t signature_length;
	uint8_t data[16384];
	uint8_t signature[4096];
};

enum key_wrapper_verify {
	KEY_WRAPPER_VERIFY,		/* verify only: the default */
	KEY_WRAPPER_REMEMBER,		/* SSH: say "good" and remember; the guard decides, and a bad one gets an answer */
	KEY_WRAPPER_VERIFY_AND_REMEMBER, /* TLS: the handshake must fail by itself */
};

/* From now on signatures are sign_fn's; NULL: the real function's.  Calls are counted from 0 again. */
void key_wrapper_divert_sign(key_wrapper_sign_fn *sign_fn, void *context);
void key_wrapper_set_verify(enum key_wrapper_verify mode);
/* NULL when nothing was seen since the last key_wrapper_forget. */
const struct key_wrapper_seen *key_wrapper_seen(void);
void key_wrapper_forget(void);
/* Calls that came through the wrapper since key_wrapper_divert_sign: for the self-tests at start-up. */
unsigned key_wrapper_sign_calls(void);
unsigned key_wrapper_verify_calls(void);

#endif
