/*
 * What one side offers: the name lists of its SSH_MSG_KEXINIT (RFC 4253 7.1).
 *
 * Front only.  Read by ssh_packets.c from both sides' packets, to know which cipher the next keys are for; and by
 * ssh_front.c, since an administrator whose client cannot connect needs the lists, which libssh keeps for itself.
 */
#ifndef SERVER_SFTP_SSH_OFFER_H
#define SERVER_SFTP_SSH_OFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSH_OFFER_NAME_MAX_BYTES 64u /* RFC 4251 6 */

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

/* All zero is "not read yet". */
struct ssh_offer {
	bool strict_client, strict_server; /* marks of strict key exchange among the methods (OpenSSH's PROTOCOL 1.9) */
	char *lists[SSH_OFFER_LISTS];	/* comma-separated; heap, all or none */
};

/* From the payload of a KEXINIT; replaces what was read before.  False, with nothing in it, when it is not well-formed. */
bool ssh_offer_parse(struct ssh_offer *offer, const uint8_t *payload, size_t n);
void ssh_offer_clear(struct ssh_offer *offer);
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

/*
 * The cipher and the MAC of one direction, as both sides must choose them (RFC 4253 7.1); the MAC is empty where the
 * cipher is its own.  True when there are such.
 */
bool ssh_offer_agree(const struct ssh_offer *ours, const struct ssh_offer *theirs, bool client_to_server,
    char cipher[SSH_OFFER_NAME_MAX_BYTES + 1], char mac[SSH_OFFER_NAME_MAX_BYTES + 1]);

#endif
