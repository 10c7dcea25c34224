/*
 * What a private key may sign: handshakes, and nothing else.
 *
 * Pure.  Called twice for every signature, by two processes that need not believe one another: the guard, for the
 * connection it serves, and the keeper.
 */
#ifndef SERVER_KEY_SHAPES_H
#define SERVER_KEY_SHAPES_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "server/keeper_messages.h"

/* Kinds of keys that are served; each says which digests go with it. */
enum key_kind {
	KEY_KIND_ED25519,
	KEY_KIND_P256,
	KEY_KIND_P384,
	KEY_KIND_P521,
	KEY_KIND_RSA,
	KEY_KIND_OTHER, /* of no use to us */
};

/* Smallest RSA key that is taken for a server's own. */
#define KEY_RSA_MIN_BITS 2048

/* The kinds and the size, for messages. */
#define KEY_SHAPES_ALLOWED "Ed25519, RSA with 2048 bits or more, or ECDSA on P-256, P-384 or P-521"

enum key_kind key_shapes_kind(EVP_PKEY *key);
/* "Ed25519", "ECDSA P-256" ... for messages. */
const char *key_shapes_kind_name(enum key_kind kind);

/* NULL when the data is a handshake's in which a key of this use has its part; else what is wrong, static text. */
const char *key_shapes_problem(enum keeper_use use, const struct keeper_msg_sign *ask);
/*
 * Do digest and padding go with the key in this protocol?  with_sha1: RSA keys sign SSH's oldest algorithm, too
 * (listeners with the profile `legacy`).
 */
bool key_shapes_digest_fits(enum key_kind kind, bool with_sha1, const struct keeper_msg_sign *ask);

#endif
