/*
 * A connection to the keeper of private keys.
 *
 * A nursery uses it once, to learn the public halves; a guard for as long as its session lives, over the end of the
 * chroot too: the connection is made before login, through the keeper's door, and made again if the keeper was
 * restarted.  Never used by a front: it asks its guard (guard message `sign`).
 */
#ifndef SERVER_KEEPER_CLIENT_H
#define SERVER_KEEPER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/keeper_messages.h"
#include "server/key_shapes.h"
#include "vfs/vfs_types.h"

#define KEEPER_WAIT_MS 5000	/* longest wait for an answer, over a restart of the keeper too */

/* The public half of one key, as a front may know it. */
struct keeper_public_key {
	enum keeper_use use;
	enum key_kind kind;
	char *title;		/* the file of the private half, for messages */
	uint8_t *der;		/* SubjectPublicKeyInfo */
	size_t der_length;
};

/* All keys of a generation; index = number on the wire: host keys, then tls.key, then those of tls_host, in the
 * order of the configuration.  Made by the nursery, inherited by its sessions. */
struct keeper_public_keys {
	struct keeper_public_key keys[KEEPER_KEYS_MAX];
	size_t count;
};

struct keeper_client;

/* role is a title ("nursery", "guard").  door_fd stays the caller's and must stay open.  NULL when memory ran out. */
struct keeper_client *keeper_client_new(const char *role, int door_fd);
void keeper_client_free(struct keeper_client **client);
/* Fetch the list.  False with a message for the administrator when the keeper does not answer in time. */
bool keeper_client_list(
    struct keeper_client *client, struct keeper_public_keys *out, char *message, size_t message_bytes);
void keeper_public_keys_clear(struct keeper_public_keys *keys);
/*
 * One signature.  keys: what the keeper must still hold; a keeper that was restarted after the files changed has
 * other keys under the same numbers.  *length: in, room in signature; out, its length.  VFS_OK; VFS_FORBIDDEN when
 * the keeper holds the request for no handshake's; VFS_TIMEOUT when it does not answer; VFS_FAILED when the key
 * cannot do that, or is not the one of `keys` any more.
 */
enum vfs_status keeper_client_sign(struct keeper_client *client, const struct keeper_public_keys *keys,
    const struct keeper_msg_sign *ask, uint8_t *signature, size_t *length);

#endif
