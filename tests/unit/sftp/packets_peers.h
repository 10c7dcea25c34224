/*
 * The two whom ssh_packets.c stands between: a client at the far end of a socket pair, and libssh behind send(2) and
 * recv(2).  Each has its own keys and counts; keys are derived as libssh derives them.
 *
 * For tests/unit/sftp/packets_play.c and tests/fuzz/fuzz_ssh_packets.c, so nothing here asserts.  One at a time:
 * the connection below is the process's only one.
 */
#ifndef PACKETS_PEERS_H
#define PACKETS_PEERS_H

#include "server/base/buf.h"
#include "server/sftp/ssh_packets.h"

#define PACKETS_ROOM_BYTES (SSH_CIPHER_PACKET_MAX + 1024u)

/* What a session agrees on. */
struct packets_setting {
	const char *cipher;
	const char *mac; /* "": the cipher's own */
	bool strict_client, strict_server;
};

struct packets_peer {
	struct ssh_cipher *seal, *open; /* NULL: in the clear */
	struct ssh_cipher *next_seal, *next_open;
	uint32_t sent, received; /* sequence numbers */
	struct buf in;		 /* what came and is no whole packet yet */
};

struct packets_peers {
	struct packets_setting setting;
	struct ssh_packets packets;
	struct packets_peer client, library;
	int client_fd, library_fd;
	unsigned exchanges; /* so far; makes the keys of each different */
	uint8_t *packet;    /* of PACKETS_ROOM_BYTES: the one that was read last */
};

/* A connection over which nothing has gone yet.  False: no memory, no sockets. */
bool packets_peers_open(struct packets_peers *peers, const struct packets_setting *setting,
    const struct ssh_packets_owner *owner);
void packets_peers_close(struct packets_peers *peers);

/* Bytes of the client's that ssh_packets.c has then; the library's that it has written. */
bool packets_client_write(struct packets_peers *peers, const uint8_t *bytes, size_t n);
bool packets_library_write(struct packets_peers *peers, const uint8_t *bytes, size_t n);

/* Make a packet of a peer's; its bytes on the wire.  out: room for n + SSH_CIPHER_OVERHEAD_MAX. */
size_t packets_seal(struct packets_peer *peer, const uint8_t *payload, size_t n, uint8_t *out);
/* Make and write it. */
bool packets_client_send(struct packets_peers *peers, const uint8_t *payload, size_t n);
bool packets_library_send(struct packets_peers *peers, const uint8_t *payload, size_t n);

enum packets_got { PACKETS_NONE, PACKETS_ONE, PACKETS_FORGED };

/* The next packet that came to a peer; *payload_out is good until the next call. */
enum packets_got packets_client_read(
    struct packets_peers *peers, const uint8_t **payload_out, size_t *n_out);
enum packets_got packets_library_read(
    struct packets_peers *peers, const uint8_t **payload_out, size_t *n_out);

/* A KEXINIT of one side; its bytes.  out: room for 1024. */
size_t packets_kexinit(const struct packets_peers *peers, bool of_client, uint8_t *out);
/* Both sides derive the keys of the next exchange, as libssh does behind its NEWKEYS. */
bool packets_derive(struct packets_peers *peers);
/* Both ends of a direction go over to the keys that were derived last, with their counts. */
void packets_switch_out(struct packets_peers *peers);
void packets_switch_in(struct packets_peers *peers);

#endif
