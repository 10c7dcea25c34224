/*
 * Packets between the client and libssh: the binary packet protocol is ours, key exchange and logins are libssh's.
 *
 * Front only.  libssh makes about five passes over every byte and keeps no bound of what a client sends.  So it gets
 * only what is not bulk.  Every packet of the client is opened here under the keys of the wire.  Channel data and
 * windows go to ssh_channels.c where they lie; all else is sealed again under keys that only libssh and this file
 * have (ssh_libcrypto.h), with a count of its own, and libssh never learns what passed it by.  What libssh says goes
 * the opposite way, and data of ours in between.
 *
 * RFC 4253 6 to 9, RFC 4254 5, OpenSSH's PROTOCOL 1.9 (strict key exchange).
 */
#ifndef SERVER_SFTP_SSH_PACKETS_H
#define SERVER_SFTP_SSH_PACKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/sftp/ssh_cipher.h"
#include "server/sftp/ssh_offer.h"

/* From a KEXINIT after the login to the next NEWKEYS, whatever waits in front of it. */
#define SSH_PACKETS_EXCHANGE_MS 60000
#define SSH_PACKETS_DATA_MAX (32u << 10) /* bytes of data in a packet of ours; most clients' maximum, too */

/* What a client or libssh has said of a new channel (RFC 4254 5.1). */
struct ssh_packets_opening {
	uint32_t theirs;	/* the client's number of the channel */
	uint32_t ours;		/* libssh's; only in a confirmation */
	uint32_t window;	/* bytes that whoever says so takes */
	uint32_t packet_max;	/* bytes of data in a packet */
};

/* Who is told; each false ends the session: the owner has set why. */
struct ssh_packets_owner {
	void *context;
	/* CHANNEL_DATA, or CHANNEL_EXTENDED_DATA (extended). */
	bool (*data)(void *context, uint32_t channel, bool extended, const uint8_t *bytes, size_t n);
	bool (*window)(void *context, uint32_t channel, uint32_t more);
	/* libssh confirms a channel; window and packet_max may be changed before the client reads them. */
	bool (*confirmed)(void *context, struct ssh_packets_opening *opening);
	/* May another packet of the client's come now? */
	bool (*ready)(void *context);
};

/* One direction. */
struct ssh_packets_half {
	bool line;		/* the identification has passed (RFC 4253 4.2) */
	bool renew;		/* NEWKEYS has passed: what follows is under the new keys */
	bool exchanging;	/* KEXINIT has passed, NEWKEYS has not */
	struct ssh_cipher *wire, *inner;	/* NULL before the first NEWKEYS */
	uint32_t wire_sequence, inner_sequence;
	uint64_t packets, bytes; /* under these keys */
	struct ssh_offer offer;	/* of its last KEXINIT; read until ssh_packets_forget_offers */
	char cipher[SSH_OFFER_NAME_MAX_BYTES + 1], mac[SSH_OFFER_NAME_MAX_BYTES + 1]; /* agreed on */
};

struct ssh_packets {
	struct ssh_packets_owner owner;
	struct ssh_packets_half in, out;
	bool serving;		/* logged in: channels are ours */
	bool exchanged;		/* the first KEXINITs have passed, which alone tell of strictness */
	unsigned new_keys;	/* NEWKEYS of either side that have passed */
	int64_t exchange_ms;	/* when the exchange that is under way was first seen, or went on; 0: none is */
	unsigned exchange_keys;	/* new_keys then */
	bool strict;		/* both sides count anew after NEWKEYS */
	bool strict_inner;	/* libssh does, which goes by any KEXINIT of the client's */
	bool broken;		/* our own side failed: nothing more may go out */
	unsigned answers_held;	/* packets that libssh may answer, and keeps the answers until our exchange is over */
	bool damaged;		/* the client's packet is none, which it is not to notice before ssh_cipher_may_refuse */
	bool refused;		/* a packet of the client's was: nothing more is taken */
	unsigned login_requests; /* USERAUTH_REQUEST passed on */
	uint32_t handed;	/* sequence number of what libssh read last */
	const char *login_keys;	/* algorithms that clients are told of (ssh_ext_info.h); NULL: libssh's */
	uint64_t rekey_bytes;	/* new keys after so many in a direction; 0: as often as the cipher needs */
	struct ssh_packets_opening opening; /* the client's, of what libssh read last */
};

enum ssh_packets_state {
	SSH_PACKETS_HUNGRY,	/* the next packet is not whole */
	SSH_PACKETS_HANDED,	/* libssh has something to read, and the next packet waits for that */
	SSH_PACKETS_PAUSED,	/* the owner is not ready */
	SSH_PACKETS_BROKEN,	/* no packet, or a forged one, or the owner ends the session */
};

/* ssh_socket_open comes before.  owner->context stays the caller's. */
void ssh_packets_init(struct ssh_packets *packets, const struct ssh_packets_owner *owner);
void ssh_packets_clear(struct ssh_packets *packets);

/* Take the input as far as it goes. */
enum ssh_packets_state ssh_packets_advance(struct ssh_packets *packets);

/* Logged in: channel data and windows pass libssh by from now on. */
void ssh_packets_serve(struct ssh_packets *packets);
/* The lists of a key exchange that is over are needed no more. */
void ssh_packets_forget_offers(struct ssh_packets *packets);

/* May data be sent?  Not while a key exchange runs (RFC 4253 7.1), nor into a connection that is full. */
bool ssh_packets_take_data(const struct ssh_packets *packets);
/*
 * Send data on the client's channel, n <= SSH_PACKETS_DATA_MAX bytes in one packet, or open its window by more bytes.
 * The caller keeps the windows.  False: libcrypto or memory failed, the session must end.
 */
bool ssh_packets_send_data(struct ssh_packets *packets, uint32_t channel, const uint8_t *bytes, size_t n);
bool ssh_packets_send_window(struct ssh_packets *packets, uint32_t channel, uint32_t more);

/* Have these keys been used as much as they should (RFC 4253 9, RFC 4344 3), and is no exchange under way? */
bool ssh_packets_want_rekey(const struct ssh_packets *packets);
/*
 * Until when the key exchange that is under way must have brought new keys; CLOCK_NEVER: none is.  Time runs from the
 * first call that sees it, so it is to be asked in every turn, now being clock_mono_ms().
 */
int64_t ssh_packets_exchange_deadline(struct ssh_packets *packets, int64_t now);

#endif
