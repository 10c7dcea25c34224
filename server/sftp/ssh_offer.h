/*
 * What a client offers: its identification and the name lists of its first SSH_MSG_KEXINIT (RFC 4253 4.2, 7.1).
 *
 * Front only.  libssh keeps the lists for itself, and an administrator whose client cannot connect needs them.  Both
 * come in clear before anything else, so they are read along the way, from the bytes that libssh gets too.  Nothing
 * depends on what is found here but lines of the log.
 */
#ifndef SERVER_SFTP_SSH_OFFER_H
#define SERVER_SFTP_SSH_OFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/buf.h"

#define SSH_OFFER_LINE_MAX_BYTES 255u	/* RFC 4253 4.2, CR LF included */
#define SSH_OFFER_PACKET_MAX_BYTES 16384u /* OpenSSH's takes 1.5 KiB */

/* In the order of the packet; the lists of compression and languages are not kept. */
enum ssh_offer_list {
	SSH_OFFER_KEX,
	SSH_OFFER_HOST_KEYS,
	SSH_OFFER_CIPHERS_IN,	/* client to server */
	SSH_OFFER_CIPHERS_OUT,
	SSH_OFFER_MACS_IN,
	SSH_OFFER_MACS_OUT,
	SSH_OFFER_LISTS,
};

struct ssh_offer {
	enum { SSH_OFFER_LINE, SSH_OFFER_PACKET, SSH_OFFER_READ, SSH_OFFER_UNREADABLE } state;
	struct buf bytes;		/* of the line, then of the packet */
	char *lists[SSH_OFFER_LISTS];	/* comma-separated; heap, all or none */
};

void ssh_offer_init(struct ssh_offer *offer);
void ssh_offer_clear(struct ssh_offer *offer);
/* The next bytes of the connection, from its first one on; ignored once all is read. */
void ssh_offer_feed(struct ssh_offer *offer, const uint8_t *bytes, size_t n);
/* All lists at hand? */
bool ssh_offer_is_read(const struct ssh_offer *offer);
/* "key exchange: a,b; host keys: c; ciphers: d; MACs: e" of one side.  Cut when it does not fit. */
void ssh_offer_describe(const char *const lists[SSH_OFFER_LISTS], char *out, size_t out_bytes);
/*
 * The first thing on which the two sides cannot agree: "no common key exchange method"; NULL when there is none.
 * A cipher that authenticates by itself needs no MAC, so those count only for other ciphers.
 */
const char *ssh_offer_conflict(
    const char *const ours[SSH_OFFER_LISTS], const char *const theirs[SSH_OFFER_LISTS]);
/* The first name of theirs that ours holds too, as *length_out bytes at the returned place; NULL: none. */
const char *ssh_offer_choose(const char *ours, const char *theirs, size_t *length_out);

#endif
