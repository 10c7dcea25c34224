/*
 * The private keys of a configuration: where they are, whether they may be used, and what they sign.
 *
 * Keeper, and `transomd -t` and `transomctl check`, which only check them.  No other process calls this: who loads a
 * private key has its bytes in its memory.
 */
#ifndef SERVER_KEEPER_KEYS_H
#define SERVER_KEEPER_KEYS_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "server/keeper_messages.h"
#include "server/key_shapes.h"

#define KEEPER_KEY_FILE_MAX_BYTES 65536u
#define KEEPER_WRONG_BYTES 256

struct keeper_key {
	enum keeper_use use;
	enum key_kind kind;
	char *title;	/* its file */
	EVP_PKEY *key;
	uint8_t *der;	/* SubjectPublicKeyInfo of its public half; OpenSSL's memory */
	size_t der_length;
};

/* In the order that keeper_client.h promises. */
struct keeper_keys {
	struct keeper_key keys[KEEPER_KEYS_MAX];
	size_t count;
};

/* What to do about host keys that state_dir lacks, when the configuration names none. */
enum keeper_missing { KEEPER_MISSING_MAKE, KEEPER_MISSING_SKIP };
/*
 * Load every key, and prove that its halves belong together and that nobody else may read its file.  False with one
 * line for the administrator; keeper_keys_clear in either case.
 */
bool keeper_keys_load(struct keeper_keys *out, const struct conf *conf, enum keeper_missing missing,
    char message[CONF_MESSAGE_BYTES]);
void keeper_keys_clear(struct keeper_keys *keys);
/* One file, read and tried as keeper_keys_load does.  The caller's; NULL: wrong is "what is wrong; what is allowed". */
EVP_PKEY *keeper_keys_read(const char *path, enum keeper_use use, char wrong[KEEPER_WRONG_BYTES]);

/*
 * Sign; what and how was checked before (key_shapes.h).  *length: in, room; out, length.  False when OpenSSL cannot.
 */
bool keeper_keys_sign(const struct keeper_key *key, const struct keeper_msg_sign *ask, uint8_t *signature,
    size_t *length);

#endif
