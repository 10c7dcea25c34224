/* Packets of anybody under each pair of algorithms: two bytes name the pair, the rest is the
 * stream. */
#include <stdlib.h>
#include <string.h>

#include "server/sftp/ssh_algorithms.h"
#include "server/sftp/ssh_cipher.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* One of a kind, by its number in the table. */
static const char *pick(enum ssh_algorithm_kind kind, unsigned number)
{
	for (;;) {
		for (size_t i = 0; i < ssh_algorithms_count; i++)
			if (ssh_algorithms[i].kind == kind && number-- == 0)
				return ssh_algorithms[i].name;
	}
}

static void set_keys(struct ssh_cipher_keys *keys)
{
	for (uint8_t i = 0; i < SSH_CIPHER_KEY_BYTES; i++) {
		keys->key[i] = i;
		keys->iv[i] = (uint8_t)(0x40 + i);
		keys->mac[i] = (uint8_t)(0x80 + i);
	}
}

/* The first packet of a stream; all of its bytes, or 0: there is none. */
static size_t open_first(
    struct ssh_cipher *c, uint32_t sequence, const uint8_t *stream, size_t length)
{
	uint8_t *payload;
	uint8_t *packet;
	size_t total;
	size_t n;
	bool opened;

	if (length < ssh_cipher_head_bytes(c) || !ssh_cipher_length(c, sequence, stream, &total) ||
	    total > length)
		return 0;
	/* Not a byte more than is the packet's. */
	packet = malloc(total);
	if (packet == NULL)
		abort();
	memcpy(packet, stream, total);
	opened = ssh_cipher_open(c, sequence, packet, total, &payload, &n);
	if (opened && (n == 0 || payload < packet || n > total || payload + n > packet + total))
		abort();
	free(packet);
	return opened ? total : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct ssh_cipher_keys keys;
	struct ssh_cipher *c;
	uint32_t sequence = 0x01fffffe; /* of the seeds, as in tests/unit/sftp/test_ssh_cipher.c */

	if (length < 2)
		return 0;
	set_keys(&keys);
	c = ssh_cipher_new(pick(SSH_ALGORITHM_CIPHER, bytes[0]), pick(SSH_ALGORITHM_MAC, bytes[1]),
	    &keys, SSH_CIPHER_OPEN);
	if (c == NULL)
		abort();
	for (size_t at = 2, n = 1; n > 0; at += n)
		n = open_first(c, sequence++, bytes + at, length - at);
	ssh_cipher_free(&c);
	return 0;
}
