#include "tests/unit/sftp/cipher_pairs.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "server/sftp/ssh_algorithms.h"

struct ssh_cipher_keys cipher_keys;
uint8_t *cipher_body;
uint8_t *cipher_wire;
uint8_t *cipher_scratch;

void cipher_set_up(void)
{
	for (uint8_t i = 0; i < SSH_CIPHER_KEY_BYTES; i++) {
		cipher_keys.key[i] = i;
		cipher_keys.iv[i] = (uint8_t)(0x40 + i);
		cipher_keys.mac[i] = (uint8_t)(0x80 + i);
	}
	cipher_body = malloc(CIPHER_ROOM);
	cipher_wire = calloc(1, CIPHER_ROOM);
	cipher_scratch = calloc(1, CIPHER_ROOM);
	for (size_t i = 0; i < CIPHER_ROOM; i++)
		cipher_body[i] = (uint8_t)(i * 7 + i / 256);
}

void cipher_tear_down(void)
{
	free(cipher_body);
	free(cipher_wire);
	free(cipher_scratch);
}

static bool brings_its_own_mac(const char *cipher)
{
	return ssh_cipher_is_known(cipher, NULL);
}

void cipher_for_each_pair(void (*check)(const struct cipher_pair *pair))
{
	for (size_t i = 0; i < ssh_algorithms_count; i++) {
		const struct ssh_algorithm *cipher = &ssh_algorithms[i];

		if (cipher->kind != SSH_ALGORITHM_CIPHER)
			continue;
		if (brings_its_own_mac(cipher->name)) {
			check(&(struct cipher_pair){ cipher->name, "" });
			continue;
		}
		for (size_t j = 0; j < ssh_algorithms_count; j++) {
			if (ssh_algorithms[j].kind == SSH_ALGORITHM_MAC)
				check(&(struct cipher_pair){ cipher->name, ssh_algorithms[j].name });
		}
	}
}

struct ssh_cipher *cipher_make(const struct cipher_pair *pair, enum ssh_cipher_use use)
{
	struct ssh_cipher *c = ssh_cipher_new(pair->cipher, pair->mac, &cipher_keys, use);

	cr_assert_not_null(c, "%s %s", pair->cipher, pair->mac);
	return c;
}

bool cipher_open_packet(struct ssh_cipher *c, uint32_t sequence, uint8_t *packet, size_t bytes,
    uint8_t **payload, size_t *payload_bytes)
{
	size_t total;

	return bytes >= ssh_cipher_head_bytes(c) &&
	       ssh_cipher_length(c, sequence, packet, &total) && total <= bytes &&
	       ssh_cipher_open(c, sequence, packet, total, payload, payload_bytes);
}

bool cipher_is_gcm(const struct cipher_pair *pair)
{
	return strstr(pair->cipher, "gcm") != NULL;
}

bool cipher_is_chacha(const struct cipher_pair *pair)
{
	return strncmp(pair->cipher, "chacha", 6) == 0;
}

bool cipher_is_etm(const struct cipher_pair *pair)
{
	return strstr(pair->mac, "-etm") != NULL;
}

size_t cipher_block_of(const struct cipher_pair *pair)
{
	return cipher_is_chacha(pair) || strcmp(pair->cipher, "3des-cbc") == 0 ? 8 : 16;
}

size_t cipher_clear_of(const struct cipher_pair *pair)
{
	return cipher_is_gcm(pair) || cipher_is_chacha(pair) || cipher_is_etm(pair) ? 4 : 0;
}

size_t cipher_tag_of(const struct cipher_pair *pair)
{
	if (pair->mac[0] == '\0')
		return 16;
	return strstr(pair->mac, "512") != NULL ? 64 : strstr(pair->mac, "256") != NULL ? 32 : 20;
}

struct cipher_pipe cipher_pipe_new(const struct cipher_pair *pair)
{
	return (struct cipher_pipe){ pair, cipher_make(pair, SSH_CIPHER_SEAL),
		cipher_make(pair, SSH_CIPHER_OPEN), 0xffffff00 };
}

void cipher_pipe_free(struct cipher_pipe *pipe)
{
	ssh_cipher_free(&pipe->seal);
	ssh_cipher_free(&pipe->open);
}

size_t cipher_pipe_seal(struct cipher_pipe *pipe, size_t head_bytes, size_t n)
{
	const struct cipher_pair *pair = pipe->pair;
	const size_t total = ssh_cipher_sealed_bytes(pipe->seal, n);
	const size_t sealed = total - cipher_tag_of(pair);

	cr_assert_geq(sealed, n + 4 + 1 + 4);
	cr_assert_geq(sealed, 16);
	cr_assert_leq(total, n + SSH_CIPHER_OVERHEAD_MAX);
	cr_assert_eq(
	    (sealed - cipher_clear_of(pair)) % cipher_block_of(pair), 0, "%s %s", pair->cipher, pair->mac);
	memset(cipher_wire + total, 0xa5, 64);
	cr_assert(ssh_cipher_seal(
	    pipe->seal, pipe->sequence, cipher_body, head_bytes, cipher_body + head_bytes, n - head_bytes, cipher_wire));
	for (size_t i = 0; i < 64; i++)
		cr_assert_eq(cipher_wire[total + i], 0xa5);
	return total;
}
