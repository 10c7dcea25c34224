/*
 * Every cipher with every MAC that goes with it, and room for their packets.
 */
#ifndef TESTS_UNIT_SFTP_CIPHER_PAIRS_H
#define TESTS_UNIT_SFTP_CIPHER_PAIRS_H

#include "server/sftp/ssh_cipher.h"

#define CIPHER_ROOM (SSH_CIPHER_PACKET_MAX + 1024u)

extern struct ssh_cipher_keys cipher_keys;
extern uint8_t *cipher_body; /* a payload of CIPHER_ROOM bytes; the two others, as large, are zero */
extern uint8_t *cipher_wire;
extern uint8_t *cipher_scratch;

/* .init and .fini of a suite. */
void cipher_set_up(void);
void cipher_tear_down(void);

struct cipher_pair {
	const char *cipher;
	const char *mac; /* "": the cipher's own */
};

void cipher_for_each_pair(void (*check)(const struct cipher_pair *pair));
/* One half, under cipher_keys. */
struct ssh_cipher *cipher_make(const struct cipher_pair *pair, enum ssh_cipher_use use);
/* A packet with room behind it; false: refused, or longer than what is there. */
bool cipher_open_packet(struct ssh_cipher *c, uint32_t sequence, uint8_t *packet, size_t bytes,
    uint8_t **payload, size_t *payload_bytes);

bool cipher_is_gcm(const struct cipher_pair *pair);
bool cipher_is_chacha(const struct cipher_pair *pair);
bool cipher_is_etm(const struct cipher_pair *pair);
size_t cipher_block_of(const struct cipher_pair *pair);
/* Bytes that do not count for the padding's alignment. */
size_t cipher_clear_of(const struct cipher_pair *pair);
size_t cipher_tag_of(const struct cipher_pair *pair);

/* Both halves. */
struct cipher_pipe {
	const struct cipher_pair *pair;
	struct ssh_cipher *seal;
	struct ssh_cipher *open;
	uint32_t sequence;
};
struct cipher_pipe cipher_pipe_new(const struct cipher_pair *pair);
void cipher_pipe_free(struct cipher_pipe *pipe);
/*
 * Seal n bytes of cipher_body, the first head_bytes apart, into cipher_wire; how many it becomes.  The size on the wire is
 * as RFC 4253 6 has it, and nothing is written behind it.
 */
size_t cipher_pipe_seal(struct cipher_pipe *pipe, size_t head_bytes, size_t n);

#endif
