/*
 * A session of ssh_packets.c as its tests play it: the two peers of packets_peers.h, an owner who notes what he is given,
 * and the steps of which a session consists.  Each step asserts that it went well.
 *
 * One at a time, as the connection is the process's only one.
 */
#ifndef PACKETS_PLAY_H
#define PACKETS_PLAY_H

#include "tests/unit/sftp/packets_peers.h"

/* Types of messages. */
enum {
	IGNORE = 2,
	UNIMPLEMENTED = 3,
	SERVICE_REQUEST = 5,
	EXT_INFO = 7,
	KEXINIT = 20,
	NEWKEYS = 21,
	KEX_INIT = 30,
	KEX_REPLY = 31,
	USERAUTH_REQUEST = 50,
	OPEN = 90,
	CONFIRMATION = 91,
	ADJUST = 93,
	DATA = 94,
	EXTENDED = 95,
	REQUEST = 98,
};

#define PAYLOAD(...) ((const uint8_t[]){ __VA_ARGS__ }), sizeof((const uint8_t[]){ __VA_ARGS__ })
#define U32(n)	     0, 0, 0, (n)
#define CHANNEL	     7
#define MOMENTS_MAX  64

/* --- the owner --- */

enum who { OWNER_DATA, OWNER_EXTENDED, OWNER_WINDOW, LIBRARY };

/* Who was given something, in what order. */
struct moment {
	enum who who;
	uint32_t channel;
	uint32_t n; /* bytes of data or window; the type of a packet for libssh */
};

struct packets_play {
	struct packets_peers peers;
	struct moment moments[MOMENTS_MAX];
	size_t moments_count;
	struct buf taken; /* all data so far */
	bool ready;
	int patience; /* data packets after which the owner is not ready any more; -1: no end */
	bool refusing;
	struct ssh_packets_opening confirmed;
};

extern struct packets_play play;
extern const struct packets_setting play_plain;

/* What the owner has as data must be this text; who was given something since the login, and in what order. */
void play_has_taken(const char *text);
void play_had_moments(const struct moment *wanted, size_t count);

/* --- beginning and end --- */

void play_begin(const struct packets_setting *setting);
void play_identify(void);
/* As far as the identification; as far as channels. */
void play_begin_identified(const struct packets_setting *setting);
void play_begin_served(const struct packets_setting *setting);
void play_end(void);
/* One session after the other; check begins it. */
void play_for_each_setting(void (*check)(const struct packets_setting *setting));

/* --- packets --- */

enum ssh_packets_state play_advance(void);
void play_client_sends(const uint8_t *payload, size_t n);
/* The next packet that a peer has got is this one. */
void play_library_gets(const uint8_t *payload, size_t n);
void play_client_gets(const uint8_t *payload, size_t n);
void play_nobody_gets_more(void);
void play_drop_all_of_the_clients(void);
/* One packet all the way from the client to libssh, and from libssh to the client. */
void play_in(const uint8_t *payload, size_t n);
void play_out(const uint8_t *payload, size_t n);

/* --- key exchanges --- */

void play_kexinit_in(void);
void play_kexinit_out(void);
void play_newkeys_out(void);
void play_newkeys_in(void);
/* All four. */
void play_exchange(void);

/* --- refusals --- */

/* Is a damaged packet told of only when the longest would have ended (ssh_cipher_may_refuse)? */
bool play_is_told_late(const struct packets_setting *setting);
/* More of the stream, for a packet whose length was made larger, or whose end is told late. */
enum ssh_packets_state play_send_more(void);
/* The client's next packet ends it, and so does whatever comes afterwards. */
void play_is_refused(const uint8_t *payload, size_t n);

#endif
