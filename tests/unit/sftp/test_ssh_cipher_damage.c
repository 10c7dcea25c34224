/*
 * Packets that must be refused: changed on the way, or never well-formed.
 */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/sftp/cipher_pairs.h"

TestSuite(ssh_cipher_damage, .init = cipher_set_up, .fini = cipher_tear_down);

/* --- what was changed on the way -------------------------------------------------------------- */

static void assert_flips_are_refused(const struct cipher_pair *pair)
{
	struct ssh_cipher *seal = cipher_make(pair, SSH_CIPHER_SEAL);
	const size_t total = ssh_cipher_sealed_bytes(seal, 40);

	cr_assert(ssh_cipher_seal(seal, 7, cipher_body, 9, cipher_body + 9, 31, cipher_wire));
	ssh_cipher_free(&seal);
	for (size_t i = 0; i < 2 * total; i++) {
		struct ssh_cipher *c = cipher_make(pair, SSH_CIPHER_OPEN);
		uint8_t *payload;
		size_t n;

		memcpy(cipher_scratch, cipher_wire, total);
		cipher_scratch[i / 2] ^= i % 2 == 0 ? 0x01 : 0x80;
		/* CIPHER_ROOM: a length that became longer finds its bytes, too. */
		cr_assert_not(cipher_open_packet(c, 7, cipher_scratch, CIPHER_ROOM, &payload, &n), "%s %s: %zu",
		    pair->cipher, pair->mac, i);
		ssh_cipher_free(&c);
	}
}

Test(ssh_cipher_damage, a_flipped_bit_anywhere_is_refused, .timeout = 120)
{
	cipher_for_each_pair(assert_flips_are_refused);
}

static void assert_other_sequence_is_refused(const struct cipher_pair *pair)
{
	struct cipher_pipe pipe = cipher_pipe_new(pair);
	const size_t total = cipher_pipe_seal(&pipe, 9, 40);
	uint8_t *payload;
	size_t n;

	/* GCM knows no sequence numbers: its own counter has their place. */
	if (!cipher_is_gcm(pair))
		cr_assert_not(cipher_open_packet(pipe.open, pipe.sequence + 1, cipher_wire, total, &payload, &n));
	cipher_pipe_free(&pipe);
}

Test(ssh_cipher_damage, another_sequence_number_is_refused)
{
	cipher_for_each_pair(assert_other_sequence_is_refused);
}

static void assert_replay_is_refused(const struct cipher_pair *pair)
{
	struct cipher_pipe pipe = cipher_pipe_new(pair);
	const size_t total = cipher_pipe_seal(&pipe, 9, 40);
	uint8_t *payload;
	size_t n;

	memcpy(cipher_scratch, cipher_wire, total);
	cr_assert(cipher_open_packet(pipe.open, pipe.sequence, cipher_wire, total, &payload, &n));
	cr_assert_not(cipher_open_packet(pipe.open, pipe.sequence + 1, cipher_scratch, CIPHER_ROOM, &payload, &n),
	    "%s %s", pair->cipher, pair->mac);
	cipher_pipe_free(&pipe);
}

Test(ssh_cipher_damage, a_packet_that_came_before_is_refused)
{
	cipher_for_each_pair(assert_replay_is_refused);
}

static void assert_total_is_told_first(const struct cipher_pair *pair)
{
	struct cipher_pipe pipe = cipher_pipe_new(pair);
	const size_t total = cipher_pipe_seal(&pipe, 9, 40);
	uint8_t *payload;
	size_t told;
	size_t n;

	cr_assert_not(ssh_cipher_open(pipe.open, pipe.sequence, cipher_wire, total, &payload, &n));
	cr_assert(ssh_cipher_length(pipe.open, pipe.sequence, cipher_wire, &told));
	cr_assert_not(ssh_cipher_open(pipe.open, pipe.sequence, cipher_wire, total - 1, &payload, &n));
	cr_assert_not(ssh_cipher_open(pipe.open, pipe.sequence, cipher_wire, 0, &payload, &n));
	cipher_pipe_free(&pipe);
}

Test(ssh_cipher_damage, a_packet_is_opened_only_with_the_total_that_was_told)
{
	cipher_for_each_pair(assert_total_is_told_first);
}

/* Where the length is the plain text of CBC, only when the longest packet would have ended (CVE-2008-5161). */
static void assert_may_be_refused(const struct cipher_pair *pair, struct ssh_cipher *c, bool in_pieces)
{
	const bool late = strstr(pair->cipher, "-cbc") != NULL && !cipher_is_etm(pair);
	const size_t n = SSH_CIPHER_PACKET_MAX + cipher_tag_of(pair);

	if (late && in_pieces)
		cr_assert_not(ssh_cipher_may_refuse(c, cipher_wire, n - 1));
	memset(cipher_wire + n, 0xa5, 64);
	cr_assert(ssh_cipher_may_refuse(c, cipher_wire, late ? n : 64), "%s %s", pair->cipher, pair->mac);
	for (size_t i = 0; i < 64; i++)
		cr_assert_eq(cipher_wire[n + i], 0xa5);
}

static void assert_refusals(const struct cipher_pair *pair)
{
	static const size_t sizes[] = { 40, 40, 30000, SSH_CIPHER_PACKET_MAX - 16, SSH_CIPHER_PACKET_MAX - 16 };
	size_t total;
	uint8_t *payload;
	size_t n;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct cipher_pipe pipe = cipher_pipe_new(pair);
		size_t bytes = cipher_pipe_seal(&pipe, 9, sizes[i]);

		cipher_wire[bytes - 1] ^= 1;
		cr_assert_not(cipher_open_packet(pipe.open, pipe.sequence, cipher_wire, bytes, &payload, &n));
		assert_may_be_refused(pair, pipe.open, i % 2 != 0);
		cipher_pipe_free(&pipe);
		pipe = cipher_pipe_new(pair);
		cipher_pipe_seal(&pipe, 9, sizes[i]);
		cipher_wire[0] ^= 0x80;
		if (!ssh_cipher_length(pipe.open, pipe.sequence, cipher_wire, &total))
			assert_may_be_refused(pair, pipe.open, i % 2 != 0);
		cipher_pipe_free(&pipe);
	}
}

Test(ssh_cipher_damage, a_refusal_waits_for_the_longest_packet_only_where_it_would_tell_of_plain_text)
{
	cipher_for_each_pair(assert_refusals);
}

/* --- genuine packets that are not well-formed ------------------------------------------------- */

static void put_u32(uint8_t *at, uint32_t number)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(number >> (24 - 8 * i));
}

static const char *libcrypto_name(const struct cipher_pair *pair)
{
	static char name[32];
	unsigned bits;
	char mode[4];

	if (strcmp(pair->cipher, "3des-cbc") == 0)
		return "DES-EDE3-CBC";
	if (cipher_is_chacha(pair))
		return "ChaCha20";
	cr_assert_eq(sscanf(pair->cipher, "aes%u-%3s", &bits, mode), 2);
	snprintf(name, sizeof(name), "AES-%u-%s", bits, mode);
	return name;
}

/* Encrypt in place under a fresh context, plain text and all that a shape adds by itself. */
static void encrypt(const struct cipher_pair *pair, const uint8_t *key, const uint8_t *iv, uint8_t *aad,
    uint8_t *at, size_t n, uint8_t *tag)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, libcrypto_name(pair), NULL);
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int written;

	cr_assert_eq(EVP_EncryptInit_ex(context, cipher, NULL, key, iv), 1);
	EVP_CIPHER_CTX_set_padding(context, 0);
	if (aad != NULL)
		cr_assert_eq(EVP_EncryptUpdate(context, NULL, &written, aad, 4), 1);
	cr_assert_eq(EVP_EncryptUpdate(context, at, &written, at, (int)n), 1);
	if (tag != NULL) {
		cr_assert_eq(EVP_EncryptFinal_ex(context, tag, &written), 1);
		cr_assert_eq(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, tag), 1);
	}
	EVP_CIPHER_CTX_free(context);
	EVP_CIPHER_free(cipher);
}

static void forge_chacha(const struct cipher_pair *pair, uint32_t sequence, uint8_t *packet, size_t n)
{
	uint8_t iv[16] = { 0 };
	uint8_t mac_key[32] = { 0 };
	size_t tag_bytes;
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "POLY1305", NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);

	put_u32(iv + 12, sequence);
	encrypt(pair, cipher_keys.key + 32, iv, NULL, packet, 4, NULL);
	encrypt(pair, cipher_keys.key, iv, NULL, mac_key, sizeof(mac_key), NULL);
	iv[0] = 1;
	encrypt(pair, cipher_keys.key, iv, NULL, packet + 4, n - 4, NULL);
	cr_assert_eq(EVP_MAC_init(context, mac_key, sizeof(mac_key), NULL), 1);
	cr_assert_eq(EVP_MAC_update(context, packet, n), 1);
	cr_assert_eq(EVP_MAC_final(context, packet + n, &tag_bytes, 16), 1);
	EVP_MAC_CTX_free(context);
	EVP_MAC_free(mac);
}

static void hmac_packet(
    const struct cipher_pair *pair, uint32_t sequence, const uint8_t *packet, size_t n, uint8_t *tag)
{
	const size_t bytes = cipher_tag_of(pair);
	const EVP_MD *md = bytes == 64 ? EVP_sha512() : bytes == 32 ? EVP_sha256() : EVP_sha1();
	uint8_t *text = malloc(4 + n);

	put_u32(text, sequence);
	memcpy(text + 4, packet, n);
	cr_assert_not_null(HMAC(md, cipher_keys.mac, (int)bytes, text, 4 + n, tag, NULL));
	free(text);
}

/* The first packet under cipher_keys, of n bytes of plain text (with its length, whatever that says), with
 * a tag that fits. */
static void forge(const struct cipher_pair *pair, uint32_t sequence, uint8_t *packet, size_t n)
{
	if (cipher_is_gcm(pair)) {
		encrypt(pair, cipher_keys.key, cipher_keys.iv, packet, packet + 4, n - 4, packet + n);
	} else if (cipher_is_chacha(pair)) {
		forge_chacha(pair, sequence, packet, n);
	} else if (cipher_is_etm(pair)) {
		encrypt(pair, cipher_keys.key, cipher_keys.iv, NULL, packet + 4, n - 4, NULL);
		hmac_packet(pair, sequence, packet, n, packet + n);
	} else {
		hmac_packet(pair, sequence, packet, n, packet + n);
		encrypt(pair, cipher_keys.key, cipher_keys.iv, NULL, packet, n, NULL);
	}
}

/* Is a packet of n bytes before its tag opened, whose padding claims to be of so many? */
static bool opens_with_padding(const struct cipher_pair *pair, size_t n, uint8_t padding)
{
	struct ssh_cipher *c = cipher_make(pair, SSH_CIPHER_OPEN);
	uint8_t *payload = NULL;
	size_t payload_bytes = 0;
	bool opened;

	memset(cipher_wire, 0x70, n);
	put_u32(cipher_wire, (uint32_t)(n - 4));
	cipher_wire[4] = padding;
	forge(pair, 3, cipher_wire, n);
	opened = cipher_open_packet(c, 3, cipher_wire, n + cipher_tag_of(pair), &payload, &payload_bytes);
	if (opened) {
		cr_assert_eq(payload, cipher_wire + 5);
		cr_assert_eq(payload_bytes, n - 4 - 1 - padding);
	}
	ssh_cipher_free(&c);
	return opened;
}

static void assert_paddings(const struct cipher_pair *pair)
{
	const size_t sizes[] = { cipher_clear_of(pair) + 16, cipher_clear_of(pair) + 48, cipher_clear_of(pair) + 1024 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const size_t n = sizes[i];

		for (unsigned padding = 0; padding <= UINT8_MAX; padding++) {
			const bool good = padding >= 4 && padding + 1 < n - 4;

			cr_assert_eq(opens_with_padding(pair, n, (uint8_t)padding), good,
			    "%s %s: %u of %zu", pair->cipher, pair->mac, padding, n);
		}
	}
}

Test(ssh_cipher_damage, padding_too_short_or_without_a_payload_is_refused, .timeout = 120)
{
	cipher_for_each_pair(assert_paddings);
}

/* Is a packet_length believed? */
static bool is_length(const struct cipher_pair *pair, uint32_t length, size_t *total)
{
	struct ssh_cipher *c = cipher_make(pair, SSH_CIPHER_OPEN);
	bool good;

	memset(cipher_wire, 4, 64);
	put_u32(cipher_wire, length);
	forge(pair, 9, cipher_wire, cipher_clear_of(pair) + 16);
	good = ssh_cipher_length(c, 9, cipher_wire, total);
	cr_assert_eq(ssh_cipher_length(c, 9, cipher_wire, total), good);
	ssh_cipher_free(&c);
	return good;
}

static void assert_lengths(const struct cipher_pair *pair)
{
	static const uint32_t others[] = { SSH_CIPHER_PACKET_MAX + 16, 1u << 20, 1u << 31,
		UINT32_MAX - 31, UINT32_MAX - 15, UINT32_MAX - 3, UINT32_MAX };
	size_t total = 0;

	for (uint32_t n = 0; n <= SSH_CIPHER_PACKET_MAX + 100; n++) {
		const bool good = n >= 6 && (n + 4 - cipher_clear_of(pair)) % cipher_block_of(pair) == 0 &&
		                  n <= SSH_CIPHER_PACKET_MAX;

		if (n == 200)
			n = SSH_CIPHER_PACKET_MAX - 100;
		else {
			cr_assert_eq(is_length(pair, n, &total), good, "%s %s: %u", pair->cipher,
			    pair->mac, n);
			if (good)
				cr_assert_eq(total, 4 + n + cipher_tag_of(pair));
		}
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_assert_not(is_length(pair, others[i], &total));
}

Test(ssh_cipher_damage, lengths_that_no_packet_has_are_refused, .timeout = 120)
{
	cipher_for_each_pair(assert_lengths);
}

static void assert_head_is_enough(const struct cipher_pair *pair)
{
	struct ssh_cipher *c = cipher_make(pair, SSH_CIPHER_OPEN);

	cr_assert_eq(ssh_cipher_head_bytes(c), cipher_clear_of(pair) > 0 ? 4 : cipher_block_of(pair));
	ssh_cipher_free(&c);
}

Test(ssh_cipher_damage, the_head_is_the_length_or_a_block)
{
	cipher_for_each_pair(assert_head_is_enough);
}
