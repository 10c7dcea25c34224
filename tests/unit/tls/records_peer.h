/*
 * A client of tls_records.c without a handshake: both ends know the same secrets, and the client's end seals whatever it
 * is told to.  For the unit tests and the fuzz target.
 */
#ifndef RECORDS_PEER_H
#define RECORDS_PEER_H

#include "server/tls/tls_aead.h"
#include "server/tls/tls_limits.h"
#include "server/tls/tls_records.h"

#define RECORDS_PEER_ROOM (TLS_RECORD_BYTES + TLS_RECORD_EXTRA)

struct records_peer {
	struct tls_bio bio;
	struct tls_records *records; /* the server's end */
	struct tls_aead *sealing;    /* the client's */
	struct tls_aead *opening;
	int fds[2]; /* client's, server's */
	uint8_t heard[2 * RECORDS_PEER_ROOM]; /* what the server has sent and the client has not opened yet */
	size_t heard_bytes;
};

/* suite: which of TLS 1.3's three, counted from 0.  False when something could not be had. */
bool records_peer_open(struct records_peer *peer, unsigned suite);
void records_peer_close(struct records_peer *peer);

/* Seal a record of n bytes, which may be more than a good one has; bytes of it, 0: there is no room. */
size_t records_peer_seal(
    struct records_peer *peer, uint8_t type, const uint8_t *bytes, size_t n, uint8_t *out, size_t room);
/* Give the server's end bytes; false when its socket is full. */
bool records_peer_write(struct records_peer *peer, const uint8_t *bytes, size_t n);
/* Both of them. */
bool records_peer_send(struct records_peer *peer, uint8_t type, const uint8_t *bytes, size_t n);

enum records_peer_heard { PEER_HEARD_NOTHING, PEER_HEARD_RECORD, PEER_HEARD_NONSENSE };
/* Flush, and open the next record of the server's.  to has room for TLS_RECORD_BYTES + 256. */
enum records_peer_heard records_peer_hear(
    struct records_peer *peer, uint8_t *to, size_t *n_out, uint8_t *type_out);

#endif
