#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/sftp/ssh_algorithms.h"
#include "server/sftp/ssh_cipher.h"

#define ROOM (SSH_CIPHER_PACKET_MAX + 1024u)

static struct ssh_cipher_keys keys;
static uint8_t *body; /* of ROOM bytes, like the two others */
static uint8_t *wire;
static uint8_t *scratch;

static void set_up(void)
{
	for (uint8_t i = 0; i < SSH_CIPHER_KEY_BYTES; i++) {
		keys.key[i] = i;
		keys.iv[i] = (uint8_t)(0x40 + i);
		keys.mac[i] = (uint8_t)(0x80 + i);
	}
	body = malloc(ROOM);
	wire = calloc(1, ROOM);
	scratch = calloc(1, ROOM);
	for (size_t i = 0; i < ROOM; i++)
		body[i] = (uint8_t)(i * 7 + i / 256);
}

static void tear_down(void)
{
	free(body);
	free(wire);
	free(scratch);
}

TestSuite(ssh_cipher, .init = set_up, .fini = tear_down);

/* --- all pairs -------------------------------------------------------------------------------- */

struct pair {
	const char *cipher;
	const char *mac; /* "": the cipher's own */
};

static bool brings_its_own_mac(const char *cipher)
{
	return ssh_cipher_is_known(cipher, NULL);
}

static void for_each_pair(void (*check)(const struct pair *pair))
{
	for (size_t i = 0; i < ssh_algorithms_count; i++) {
		const struct ssh_algorithm *cipher = &ssh_algorithms[i];

		if (cipher->kind != SSH_ALGORITHM_CIPHER)
			continue;
		if (brings_its_own_mac(cipher->name)) {
			check(&(struct pair){ cipher->name, "" });
			continue;
		}
		for (size_t j = 0; j < ssh_algorithms_count; j++) {
			if (ssh_algorithms[j].kind == SSH_ALGORITHM_MAC)
				check(&(struct pair){ cipher->name, ssh_algorithms[j].name });
		}
	}
}

static struct ssh_cipher *make(const struct pair *pair, enum ssh_cipher_use use)
{
	struct ssh_cipher *c = ssh_cipher_new(pair->cipher, pair->mac, &keys, use);

	cr_assert_not_null(c, "%s %s", pair->cipher, pair->mac);
	return c;
}

/* A packet with room behind it; false: refused, or longer than what is there. */
static bool open_packet(struct ssh_cipher *c, uint32_t sequence, uint8_t *packet, size_t bytes,
    uint8_t **payload, size_t *payload_bytes)
{
	size_t total;

	return bytes >= ssh_cipher_head_bytes(c) &&
	       ssh_cipher_length(c, sequence, packet, &total) && total <= bytes &&
	       ssh_cipher_open(c, sequence, packet, total, payload, payload_bytes);
}

static bool is_gcm(const struct pair *pair)
{
	return strstr(pair->cipher, "gcm") != NULL;
}

static bool is_chacha(const struct pair *pair)
{
	return strncmp(pair->cipher, "chacha", 6) == 0;
}

static bool is_etm(const struct pair *pair)
{
	return strstr(pair->mac, "-etm") != NULL;
}

static size_t block_of(const struct pair *pair)
{
	return is_chacha(pair) || strcmp(pair->cipher, "3des-cbc") == 0 ? 8 : 16;
}

/* Bytes that do not count for the padding's alignment. */
static size_t clear_of(const struct pair *pair)
{
	return is_gcm(pair) || is_chacha(pair) || is_etm(pair) ? 4 : 0;
}

static size_t tag_of(const struct pair *pair)
{
	if (pair->mac[0] == '\0')
		return 16;
	return strstr(pair->mac, "512") != NULL ? 64 : strstr(pair->mac, "256") != NULL ? 32 : 20;
}

static void assert_known_with_every_mac(const struct pair *pair)
{
	cr_assert(ssh_cipher_is_known(pair->cipher, pair->mac), "%s %s", pair->cipher, pair->mac);
	for (size_t i = 0; i < ssh_algorithms_count; i++) {
		if (ssh_algorithms[i].kind == SSH_ALGORITHM_MAC)
			cr_assert(ssh_cipher_is_known(pair->cipher, ssh_algorithms[i].name));
	}
}

Test(ssh_cipher, every_algorithm_on_offer_is_known)
{
	for_each_pair(assert_known_with_every_mac);
}

Test(ssh_cipher, other_algorithms_are_not)
{
	cr_assert_not(ssh_cipher_is_known("none", "hmac-sha2-256"));
	cr_assert_not(ssh_cipher_is_known("", ""));
	cr_assert_not(ssh_cipher_is_known(NULL, NULL));
	cr_assert_not(ssh_cipher_is_known("aes128-ctr", NULL));
	cr_assert_not(ssh_cipher_is_known("aes128-ctr", ""));
	cr_assert_not(ssh_cipher_is_known("aes128-ctr", "none"));
	cr_assert_not(ssh_cipher_is_known("aes128-ctr", "hmac-md5"));
	cr_assert_null(ssh_cipher_new("AES-128-CTR", "hmac-sha2-256", &keys, SSH_CIPHER_SEAL));
}

Test(ssh_cipher, the_freed_one_is_null)
{
	struct ssh_cipher *c =
	    ssh_cipher_new("aes128-ctr", "hmac-sha2-256", &keys, SSH_CIPHER_SEAL);

	cr_assert_not_null(c);
	ssh_cipher_free(&c);
	cr_assert_null(c);
	ssh_cipher_free(&c);
}

/* --- there and back --------------------------------------------------------------------------- */

struct pipe {
	const struct pair *pair;
	struct ssh_cipher *seal;
	struct ssh_cipher *open;
	uint32_t sequence;
};

static struct pipe make_pipe(const struct pair *pair)
{
	return (struct pipe){ pair, make(pair, SSH_CIPHER_SEAL), make(pair, SSH_CIPHER_OPEN),
		0xffffff00 };
}

static void free_pipe(struct pipe *pipe)
{
	ssh_cipher_free(&pipe->seal);
	ssh_cipher_free(&pipe->open);
}

/* The size on the wire as RFC 4253 6 has it, and nothing written behind it. */
static size_t seal_some(struct pipe *pipe, size_t head_bytes, size_t n)
{
	const struct pair *pair = pipe->pair;
	const size_t total = ssh_cipher_sealed_bytes(pipe->seal, n);
	const size_t sealed = total - tag_of(pair);

	cr_assert_geq(sealed, n + 4 + 1 + 4);
	cr_assert_geq(sealed, 16);
	cr_assert_leq(total, n + SSH_CIPHER_OVERHEAD_MAX);
	cr_assert_eq(
	    (sealed - clear_of(pair)) % block_of(pair), 0, "%s %s", pair->cipher, pair->mac);
	memset(wire + total, 0xa5, 64);
	cr_assert(ssh_cipher_seal(
	    pipe->seal, pipe->sequence, body, head_bytes, body + head_bytes, n - head_bytes, wire));
	for (size_t i = 0; i < 64; i++)
		cr_assert_eq(wire[total + i], 0xa5);
	return total;
}

static void assert_comes_back(struct pipe *pipe, size_t head_bytes, size_t n)
{
	const size_t total = seal_some(pipe, head_bytes, n);
	size_t told = 0;
	uint8_t *payload = NULL;
	size_t payload_bytes = 0;

	for (int again = 0; again < 3; again++) {
		cr_assert(ssh_cipher_length(pipe->open, pipe->sequence, wire, &told));
		cr_assert_eq(told, total);
	}
	cr_assert(
	    ssh_cipher_open(pipe->open, pipe->sequence, wire, total, &payload, &payload_bytes),
	    "%s %s: %zu", pipe->pair->cipher, pipe->pair->mac, n);
	cr_assert_eq(payload_bytes, n);
	cr_assert_arr_eq(payload, body, n);
	cr_assert_eq(ssh_cipher_blocks(pipe->seal), ssh_cipher_blocks(pipe->open));
	pipe->sequence++;
}

static void assert_payloads_come_back(const struct pair *pair)
{
	struct pipe pipe = make_pipe(pair);

	for (size_t n = 1; n <= 600; n++)
		assert_comes_back(&pipe, n < 9 ? 0 : 9, n);
	for (size_t n = 500; n <= 700; n++)
		assert_comes_back(&pipe, n % 97, n);
	for (size_t head = 0; head <= 70; head++)
		assert_comes_back(&pipe, head, 1500);
	assert_comes_back(&pipe, 9, 9 + (32u << 10));
	assert_comes_back(&pipe, 9, 9 + (255u << 10));
	assert_comes_back(&pipe, 300, 300);
	free_pipe(&pipe);
}

Test(ssh_cipher, payloads_come_back, .timeout = 120)
{
	for_each_pair(assert_payloads_come_back);
}

static void assert_largest_is_the_largest(const struct pair *pair)
{
	struct pipe pipe = make_pipe(pair);
	/* Without the byte of the padding's length and the shortest padding; where packet_length
	 * itself is part of what is aligned, a longest packet_length is not. */
	const size_t n = SSH_CIPHER_PACKET_MAX - 1 - 4 - (clear_of(pair) > 0 ? 0 : 4);

	cr_assert_not(ssh_cipher_seal(pipe.seal, 0, NULL, 0, NULL, 0, wire));
	cr_assert_not(ssh_cipher_seal(pipe.seal, 0, body, 9, body, SIZE_MAX, wire));
	cr_assert_not(ssh_cipher_seal(pipe.seal, 0, body, 9, body, n + 1 - 9, wire));
	assert_comes_back(&pipe, 9, n);
	free_pipe(&pipe);
}

Test(ssh_cipher, nothing_and_more_than_a_packet_holds_are_not_sealed)
{
	for_each_pair(assert_largest_is_the_largest);
}

Test(ssh_cipher, padding_is_random)
{
	const struct pair pair = { "aes128-ctr", "hmac-sha2-256" };
	uint8_t first[64];

	for (int i = 0; i < 2; i++) {
		struct pipe pipe = make_pipe(&pair);
		uint8_t *payload;
		size_t n;

		cr_assert(open_packet(
		    pipe.open, pipe.sequence, wire, seal_some(&pipe, 0, 1), &payload, &n));
		if (i == 0)
			memcpy(first, payload + n, 10);
		else
			cr_assert_arr_neq(first, payload + n, 10);
		free_pipe(&pipe);
	}
}

static void assert_blocks_are_counted(const struct pair *pair)
{
	struct ssh_cipher *c = make(pair, SSH_CIPHER_SEAL);
	const size_t n = ssh_cipher_sealed_bytes(c, 1000) - tag_of(pair) - clear_of(pair);

	cr_assert_eq(ssh_cipher_blocks(c), 0);
	cr_assert(ssh_cipher_seal(c, 0, body, 9, body, 991, wire));
	cr_assert_eq(ssh_cipher_blocks(c), n / block_of(pair));
	cr_assert(ssh_cipher_seal(c, 0, body, 9, body, 991, wire));
	cr_assert_eq(ssh_cipher_blocks(c), 2 * (n / block_of(pair)));
	cr_assert_eq(ssh_cipher_blocks_max(c), UINT64_C(1) << (block_of(pair) == 16 ? 32 : 27));
	ssh_cipher_free(&c);
}

Test(ssh_cipher, blocks_are_counted)
{
	for_each_pair(assert_blocks_are_counted);
}

/* --- others' packets -------------------------------------------------------------------------- */

/*
 * By asyncssh 2.10.1 (asyncssh.encryption.get_encryption(...).encrypt_packet), an implementation
 * that has nothing to do with this one: "hello" and "the second payload, longer" one after the
 * other under the keys of set_up, sequence numbers FIRST_SEQUENCE and the next, the padding as
 * short as it may be.
 */
#define FIRST_SEQUENCE 0x01fffffeu

/* clang-format off */
static const struct {
	const char *cipher;
	const char *mac;
	const char *hex;
} vectors[] = {
	{ "aes128-gcm@openssh.com", "",
	    "0000001033410ca6012489c0fcc9336f8e570d88e72c557530c41c63fe3439d418c2339400000020"
	    "a585a470ec9a79b1b6c3eb2f5a91174e56efd7803b47a9f44363e45c0f59c8f8b7ed1de1647ee81a"
	    "e3a94c7ec269bf12" },
	{ "aes256-gcm@openssh.com", "",
	    "00000010e8d1cb4f4a53f773bdb46746eb14632b513fbf28da28d3f859298b65bf31832900000020"
	    "4795f8f87e49a27cbaecb827574dc912347e53d3f3cfad2eafcb51812f200ae5d4d1e3734638fabf"
	    "f2fd673f779e6a36" },
	{ "chacha20-poly1305@openssh.com", "",
	    "430379df83f5e69e1c03951f091cbc0a70a0f75db053bba5206fa5f00c0823c219c43f01b9a3aabf"
	    "99ea1d613aa4f15cff192dc26cd526fff3ed1535e2aa13155281bd3222f0b35255f02bea210da02f"
	    "8d962f8afef65ce0" },
	{ "aes128-ctr", "hmac-sha2-256-etm@openssh.com",
	    "00000010df5b80f729ce239d0e2eec2d8c8d3adafd7d5cc97884f4299316a9ebe3e3f4df2b9b5e33"
	    "b5b818589df629d33e9e78fe0000002037bdb5a71059ca8ba5d5b102be415c77295cf98c6dbdb6cc"
	    "fbe9aa99621a0f40e1653bf46a71e605b1085015a50e52a4a6b7fbac70d9701088963cdb00b7622f" },
	{ "aes192-ctr", "hmac-sha2-512-etm@openssh.com",
	    "000000102d3cfb5d4b365de380e110fd579916a460da9a69a64246703da9c27bd06c5401921c8983"
	    "c788d29ba4a4a7d5e89c9bd15aef22604e8df95f24ec915bc72f61469e1d616979a107ce33fe4bee"
	    "612c4a7100000020561a5adca9d4bf6bf09f37cc6f8660959c5402dab25917e19437cde047ac18f3"
	    "feb5b881b8b56a93bf8c7972db38f0d582726ddfe22ca426424789300bb8924476d29df84d9159e5"
	    "a3c4d562602d858e0af895da1bea3c2e8576adcf6131274e" },
	{ "aes256-ctr", "hmac-sha2-256",
	    "a37edf339132df83ff1412b7fd2bc12718c78ffa34638afc65e66c5f27a17397f3f141955ccf5dc2"
	    "dfa27780bef88402b0751ebfb99a0c24ab9ad8ad3f3831119511da87c281c328cda5d1a023934f03"
	    "c2847172cb60966d204760119170f416ddd7113c393a0c63ee730ec38a76fe7ca7d580906ed504e2"
	    "bd36c95161c001d6" },
	{ "aes128-cbc", "hmac-sha1-etm@openssh.com",
	    "00000010ceb6dbdd59006f54ff025f1c5fb1a8e6b953a37d24f1c3edc5ba40e77cfbaad60dcd194a"
	    "00000020004c535b06b484775ba93503d1968ad92f33a7ffbe2f6871ed1a8c7c9c96d4452362e86f"
	    "65bd05107c7176e78ac1c2dbe65524ac" },
	{ "aes192-cbc", "hmac-sha1",
	    "a5fd8fc0bc241ce9d3502be89ce53b7ad3b517c25f302375c0ee2a16b4d1639011926bd9325310e6"
	    "8286a2b93e8306f874595278bbb8608de361f5ba58a2cc6ad47ce9dde84c179d4536289873032aa4"
	    "63fe723448198e0b4845beb661436bfd781a4ec6fc768c14" },
	{ "aes256-cbc", "hmac-sha2-512",
	    "ed029b8dbe660582d45876b68f3ca92a4218d1dcebe37269a8b96d5ce25141b0c6dc7feed75b30fd"
	    "424a6275df2b676840beb89792d18f6f477931ead3608a960fb4b8da0ed559994e57c748868ff753"
	    "46832c2f199a0525bf72bd1171d09eb430a5d26a7b80d9c94c02ebbcdf39ccd60bd4fd68c12c9867"
	    "0d71640525bb87cd7861df5fe193388ae81dfb45f8f21215e5c07bbd6cab302a23c87d2016157d8d"
	    "b355b2fcc2a75b7830a7364d9f689514ca01f581808399e371ac1b0debfe43e6" },
	{ "3des-cbc", "hmac-sha2-256",
	    "babe3566fb07f302af6fa3c950ff157d18c78ffa34638afc65e66c5f27a17397f3f141955ccf5dc2"
	    "dfa27780bef88402c405b8e52eb9cf4801085aa7532fba95c8f26c348d05d4fb96bfe46fbde51601"
	    "84af1bc78511ea4b492a08b0d025959481b41f1f71a9042c932a9d71b7483f555eb1b8f6f1b09358" },
};

/* The same with an AES-GCM whose invocation counter is about to carry, and sequence numbers 0 and 1. */
static const struct {
	uint8_t counter[8];
	const char *hex;
} carries[] = {
	{ { 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff },
	    "00000010798d7827fdb171a10a2b09e2fc0fa9ef56c0011a7156309545db5caa7c68353300000020"
	    "3a5652d0abca0ebe8dff83a7f3e1ab53204132f05ddb459053269a268f1883db91fc4bc44bf5cd1b"
	    "bf17f36f0dd8769f" },
	{ { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
	    "000000100c82df09fc1dbe611308e45832b000033b1292f208cf55547de31ef3f124fc9200000020"
	    "88529fac35c204f03c0c5660371ee80a63c06ea3b3857e3c6761626527da55d55760ddc2ed9873fd"
	    "7407726fd8c905ee" },
};
/* clang-format on */

static size_t from_hex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned byte;

		cr_assert_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
	return n;
}

static void assert_two_packets_open(
    struct ssh_cipher *c, uint32_t sequence, const char *hex, const char *what)
{
	static const char *const texts[] = { "hello", "the second payload, longer" };
	size_t left = from_hex(hex, wire);
	uint8_t *at = wire;

	for (uint32_t i = 0; i < 2; i++) {
		size_t total = 0;
		uint8_t *payload = NULL;
		size_t n = 0;

		cr_assert(ssh_cipher_length(c, sequence + i, at, &total), "%s", what);
		cr_assert_leq(total, left);
		cr_assert(
		    ssh_cipher_open(c, sequence + i, at, total, &payload, &n), "%s: %u", what, i);
		cr_assert_eq(n, strlen(texts[i]));
		cr_assert_arr_eq(payload, texts[i], n);
		at += total;
		left -= total;
	}
	cr_assert_eq(left, 0);
}

Test(ssh_cipher, packets_of_another_implementation_are_opened)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct pair pair = { vectors[i].cipher, vectors[i].mac };
		struct ssh_cipher *c = make(&pair, SSH_CIPHER_OPEN);

		assert_two_packets_open(c, FIRST_SEQUENCE, vectors[i].hex, pair.cipher);
		ssh_cipher_free(&c);
	}
}

Test(ssh_cipher, the_counter_of_gcm_carries_and_wraps)
{
	const struct pair pair = { "aes128-gcm@openssh.com", "" };

	for (size_t i = 0; i < sizeof(carries) / sizeof(carries[0]); i++) {
		struct ssh_cipher *c;

		memcpy(keys.iv + 4, carries[i].counter, sizeof(carries[i].counter));
		c = make(&pair, SSH_CIPHER_OPEN);
		assert_two_packets_open(c, 0, carries[i].hex, pair.cipher);
		ssh_cipher_free(&c);
	}
}

/* --- what was changed on the way -------------------------------------------------------------- */

static void assert_flips_are_refused(const struct pair *pair)
{
	struct ssh_cipher *seal = make(pair, SSH_CIPHER_SEAL);
	const size_t total = ssh_cipher_sealed_bytes(seal, 40);

	cr_assert(ssh_cipher_seal(seal, 7, body, 9, body + 9, 31, wire));
	ssh_cipher_free(&seal);
	for (size_t i = 0; i < 2 * total; i++) {
		struct ssh_cipher *c = make(pair, SSH_CIPHER_OPEN);
		uint8_t *payload;
		size_t n;

		memcpy(scratch, wire, total);
		scratch[i / 2] ^= i % 2 == 0 ? 0x01 : 0x80;
		/* ROOM: a length that became longer finds its bytes, too. */
		cr_assert_not(open_packet(c, 7, scratch, ROOM, &payload, &n), "%s %s: %zu",
		    pair->cipher, pair->mac, i);
		ssh_cipher_free(&c);
	}
}

Test(ssh_cipher, a_flipped_bit_anywhere_is_refused, .timeout = 120)
{
	for_each_pair(assert_flips_are_refused);
}

static void assert_other_sequence_is_refused(const struct pair *pair)
{
	struct pipe pipe = make_pipe(pair);
	const size_t total = seal_some(&pipe, 9, 40);
	uint8_t *payload;
	size_t n;

	/* GCM knows no sequence numbers: its own counter has their place. */
	if (!is_gcm(pair))
		cr_assert_not(open_packet(pipe.open, pipe.sequence + 1, wire, total, &payload, &n));
	free_pipe(&pipe);
}

Test(ssh_cipher, another_sequence_number_is_refused)
{
	for_each_pair(assert_other_sequence_is_refused);
}

static void assert_replay_is_refused(const struct pair *pair)
{
	struct pipe pipe = make_pipe(pair);
	const size_t total = seal_some(&pipe, 9, 40);
	uint8_t *payload;
	size_t n;

	memcpy(scratch, wire, total);
	cr_assert(open_packet(pipe.open, pipe.sequence, wire, total, &payload, &n));
	cr_assert_not(open_packet(pipe.open, pipe.sequence + 1, scratch, ROOM, &payload, &n),
	    "%s %s", pair->cipher, pair->mac);
	free_pipe(&pipe);
}

Test(ssh_cipher, a_packet_that_came_before_is_refused)
{
	for_each_pair(assert_replay_is_refused);
}

static void assert_total_is_told_first(const struct pair *pair)
{
	struct pipe pipe = make_pipe(pair);
	const size_t total = seal_some(&pipe, 9, 40);
	uint8_t *payload;
	size_t told;
	size_t n;

	cr_assert_not(ssh_cipher_open(pipe.open, pipe.sequence, wire, total, &payload, &n));
	cr_assert(ssh_cipher_length(pipe.open, pipe.sequence, wire, &told));
	cr_assert_not(ssh_cipher_open(pipe.open, pipe.sequence, wire, total - 1, &payload, &n));
	cr_assert_not(ssh_cipher_open(pipe.open, pipe.sequence, wire, 0, &payload, &n));
	free_pipe(&pipe);
}

Test(ssh_cipher, a_packet_is_opened_only_with_the_total_that_was_told)
{
	for_each_pair(assert_total_is_told_first);
}

/* Where the length is the plain text of CBC, only when the longest packet would have ended (CVE-2008-5161). */
static void assert_may_be_refused(const struct pair *pair, struct ssh_cipher *c, bool in_pieces)
{
	const bool late = strstr(pair->cipher, "-cbc") != NULL && !is_etm(pair);
	const size_t n = SSH_CIPHER_PACKET_MAX + tag_of(pair);

	if (late && in_pieces)
		cr_assert_not(ssh_cipher_may_refuse(c, wire, n - 1));
	memset(wire + n, 0xa5, 64);
	cr_assert(ssh_cipher_may_refuse(c, wire, late ? n : 64), "%s %s", pair->cipher, pair->mac);
	for (size_t i = 0; i < 64; i++)
		cr_assert_eq(wire[n + i], 0xa5);
}

static void assert_refusals(const struct pair *pair)
{
	static const size_t sizes[] = { 40, 40, 30000, SSH_CIPHER_PACKET_MAX - 16, SSH_CIPHER_PACKET_MAX - 16 };
	size_t total;
	uint8_t *payload;
	size_t n;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct pipe pipe = make_pipe(pair);
		size_t bytes = seal_some(&pipe, 9, sizes[i]);

		wire[bytes - 1] ^= 1;
		cr_assert_not(open_packet(pipe.open, pipe.sequence, wire, bytes, &payload, &n));
		assert_may_be_refused(pair, pipe.open, i % 2 != 0);
		free_pipe(&pipe);
		pipe = make_pipe(pair);
		seal_some(&pipe, 9, sizes[i]);
		wire[0] ^= 0x80;
		if (!ssh_cipher_length(pipe.open, pipe.sequence, wire, &total))
			assert_may_be_refused(pair, pipe.open, i % 2 != 0);
		free_pipe(&pipe);
	}
}

Test(ssh_cipher, a_refusal_waits_for_the_longest_packet_only_where_it_would_tell_of_plain_text)
{
	for_each_pair(assert_refusals);
}

/* --- genuine packets that are not well-formed ------------------------------------------------- */

static void put_u32(uint8_t *at, uint32_t number)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(number >> (24 - 8 * i));
}

static const char *libcrypto_name(const struct pair *pair)
{
	static char name[32];
	unsigned bits;
	char mode[4];

	if (strcmp(pair->cipher, "3des-cbc") == 0)
		return "DES-EDE3-CBC";
	if (is_chacha(pair))
		return "ChaCha20";
	cr_assert_eq(sscanf(pair->cipher, "aes%u-%3s", &bits, mode), 2);
	snprintf(name, sizeof(name), "AES-%u-%s", bits, mode);
	return name;
}

/* Encrypt in place under a fresh context, plain text and all that a shape adds by itself. */
static void encrypt(const struct pair *pair, const uint8_t *key, const uint8_t *iv, uint8_t *aad,
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

static void forge_chacha(const struct pair *pair, uint32_t sequence, uint8_t *packet, size_t n)
{
	uint8_t iv[16] = { 0 };
	uint8_t mac_key[32] = { 0 };
	size_t tag_bytes;
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "POLY1305", NULL);
	EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);

	put_u32(iv + 12, sequence);
	encrypt(pair, keys.key + 32, iv, NULL, packet, 4, NULL);
	encrypt(pair, keys.key, iv, NULL, mac_key, sizeof(mac_key), NULL);
	iv[0] = 1;
	encrypt(pair, keys.key, iv, NULL, packet + 4, n - 4, NULL);
	cr_assert_eq(EVP_MAC_init(context, mac_key, sizeof(mac_key), NULL), 1);
	cr_assert_eq(EVP_MAC_update(context, packet, n), 1);
	cr_assert_eq(EVP_MAC_final(context, packet + n, &tag_bytes, 16), 1);
	EVP_MAC_CTX_free(context);
	EVP_MAC_free(mac);
}

static void hmac_packet(
    const struct pair *pair, uint32_t sequence, const uint8_t *packet, size_t n, uint8_t *tag)
{
	const size_t bytes = tag_of(pair);
	const EVP_MD *md = bytes == 64 ? EVP_sha512() : bytes == 32 ? EVP_sha256() : EVP_sha1();
	uint8_t *text = malloc(4 + n);

	put_u32(text, sequence);
	memcpy(text + 4, packet, n);
	cr_assert_not_null(HMAC(md, keys.mac, (int)bytes, text, 4 + n, tag, NULL));
	free(text);
}

/* The first packet under keys, of n bytes of plain text (with its length, whatever that says), with
 * a tag that fits. */
static void forge(const struct pair *pair, uint32_t sequence, uint8_t *packet, size_t n)
{
	if (is_gcm(pair)) {
		encrypt(pair, keys.key, keys.iv, packet, packet + 4, n - 4, packet + n);
	} else if (is_chacha(pair)) {
		forge_chacha(pair, sequence, packet, n);
	} else if (is_etm(pair)) {
		encrypt(pair, keys.key, keys.iv, NULL, packet + 4, n - 4, NULL);
		hmac_packet(pair, sequence, packet, n, packet + n);
	} else {
		hmac_packet(pair, sequence, packet, n, packet + n);
		encrypt(pair, keys.key, keys.iv, NULL, packet, n, NULL);
	}
}

/* Is a packet of n bytes before its tag opened, whose padding claims to be of so many? */
static bool opens_with_padding(const struct pair *pair, size_t n, uint8_t padding)
{
	struct ssh_cipher *c = make(pair, SSH_CIPHER_OPEN);
	uint8_t *payload = NULL;
	size_t payload_bytes = 0;
	bool opened;

	memset(wire, 0x70, n);
	put_u32(wire, (uint32_t)(n - 4));
	wire[4] = padding;
	forge(pair, 3, wire, n);
	opened = open_packet(c, 3, wire, n + tag_of(pair), &payload, &payload_bytes);
	if (opened) {
		cr_assert_eq(payload, wire + 5);
		cr_assert_eq(payload_bytes, n - 4 - 1 - padding);
	}
	ssh_cipher_free(&c);
	return opened;
}

static void assert_paddings(const struct pair *pair)
{
	const size_t sizes[] = { clear_of(pair) + 16, clear_of(pair) + 48, clear_of(pair) + 1024 };

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const size_t n = sizes[i];

		for (unsigned padding = 0; padding <= UINT8_MAX; padding++) {
			const bool good = padding >= 4 && padding + 1 < n - 4;

			cr_assert_eq(opens_with_padding(pair, n, (uint8_t)padding), good,
			    "%s %s: %u of %zu", pair->cipher, pair->mac, padding, n);
		}
	}
}

Test(ssh_cipher, padding_too_short_or_without_a_payload_is_refused, .timeout = 120)
{
	for_each_pair(assert_paddings);
}

/* Is a packet_length believed? */
static bool is_length(const struct pair *pair, uint32_t length, size_t *total)
{
	struct ssh_cipher *c = make(pair, SSH_CIPHER_OPEN);
	bool good;

	memset(wire, 4, 64);
	put_u32(wire, length);
	forge(pair, 9, wire, clear_of(pair) + 16);
	good = ssh_cipher_length(c, 9, wire, total);
	cr_assert_eq(ssh_cipher_length(c, 9, wire, total), good);
	ssh_cipher_free(&c);
	return good;
}

static void assert_lengths(const struct pair *pair)
{
	static const uint32_t others[] = { SSH_CIPHER_PACKET_MAX + 16, 1u << 20, 1u << 31,
		UINT32_MAX - 31, UINT32_MAX - 15, UINT32_MAX - 3, UINT32_MAX };
	size_t total = 0;

	for (uint32_t n = 0; n <= SSH_CIPHER_PACKET_MAX + 100; n++) {
		const bool good = n >= 6 && (n + 4 - clear_of(pair)) % block_of(pair) == 0 &&
		                  n <= SSH_CIPHER_PACKET_MAX;

		if (n == 200)
			n = SSH_CIPHER_PACKET_MAX - 100;
		else {
			cr_assert_eq(is_length(pair, n, &total), good, "%s %s: %u", pair->cipher,
			    pair->mac, n);
			if (good)
				cr_assert_eq(total, 4 + n + tag_of(pair));
		}
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_assert_not(is_length(pair, others[i], &total));
}

Test(ssh_cipher, lengths_that_no_packet_has_are_refused, .timeout = 120)
{
	for_each_pair(assert_lengths);
}

static void assert_head_is_enough(const struct pair *pair)
{
	struct ssh_cipher *c = make(pair, SSH_CIPHER_OPEN);

	cr_assert_eq(ssh_cipher_head_bytes(c), clear_of(pair) > 0 ? 4 : block_of(pair));
	ssh_cipher_free(&c);
}

Test(ssh_cipher, the_head_is_the_length_or_a_block)
{
	for_each_pair(assert_head_is_enough);
}
