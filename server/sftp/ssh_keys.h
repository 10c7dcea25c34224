/*
 * Host keys of a front: true public halves, no private ones; each signature is fetched from the guard.
 *
 * Front only.  Nothing here is secret: a front that is taken over can ask its guard for the one signature that a key
 * exchange of its own connection needs, and for nothing else.
 */
#ifndef SERVER_SFTP_SSH_KEYS_H
#define SERVER_SFTP_SSH_KEYS_H

#include <libssh/libssh.h>
#include <libssh/server.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/guard_client.h"
#include "server/keeper_client.h"

struct ssh_keys {
	struct guard_client *guard;
	const struct keeper_public_keys *known;
	EVP_PKEY *keys[KEEPER_KEYS_MAX]; /* of SSH; NULL at the others' places */
	unsigned exchanges; /* of keys that were signed */
};

/*
 * Give bind the host keys.  allowed: names of host key algorithms, best first; offered_out gets those of them that a
 * key is there for.  If that is none, what the keys can do at best: a server whose one key is ECDSA stays reachable
 * under `modern`.  False: no key, or no memory.
 */
bool ssh_keys_install(struct ssh_keys *keys, ssh_bind bind, const char *allowed, char *offered_out,
    size_t offered_bytes);
/* From now on every signature of this process is the guard's, and every one of a client is remembered for it. */
void ssh_keys_divert(struct ssh_keys *keys);
void ssh_keys_clear(struct ssh_keys *keys);

#endif
