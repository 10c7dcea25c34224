#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "server/sftp/ssh_algorithms.h"
#include "tests/unit/sftp/cipher_pairs.h"

TestSuite(ssh_cipher, .init = cipher_set_up, .fini = cipher_tear_down);

static void assert_known_with_every_mac(const struct cipher_pair *pair)
{
	cr_assert(ssh_cipher_is_known(pair->cipher, pair->mac), "%s %s", pair->cipher, pair->mac);
	for (size_t i = 0; i < ssh_algorithms_count; i++) {
		if (ssh_algorithms[i].kind == SSH_ALGORITHM_MAC)
			cr_assert(ssh_cipher_is_known(pair->cipher, ssh_algorithms[i].name));
	}
}

Test(ssh_cipher, every_algorithm_on_offer_is_known)
{
	cipher_for_each_pair(assert_known_with_every_mac);
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
	cr_assert_null(ssh_cipher_new("AES-128-CTR", "hmac-sha2-256", &cipher_keys, SSH_CIPHER_SEAL));
}

Test(ssh_cipher, the_freed_one_is_null)
{
	struct ssh_cipher *c =
	    ssh_cipher_new("aes128-ctr", "hmac-sha2-256", &cipher_keys, SSH_CIPHER_SEAL);

	cr_assert_not_null(c);
	ssh_cipher_free(&c);
	cr_assert_null(c);
	ssh_cipher_free(&c);
}

/* --- there and back --------------------------------------------------------------------------- */

static void assert_comes_back(struct cipher_pipe *pipe, size_t head_bytes, size_t n)
{
	const size_t total = cipher_pipe_seal(pipe, head_bytes, n);
	size_t told = 0;
	uint8_t *payload = NULL;
	size_t payload_bytes = 0;

	for (int again = 0; again < 3; again++) {
		cr_assert(ssh_cipher_length(pipe->open, pipe->sequence, cipher_wire, &told));
		cr_assert_eq(told, total);
	}
	cr_assert(
	    ssh_cipher_open(pipe->open, pipe->sequence, cipher_wire, total, &payload, &payload_bytes),
	    "%s %s: %zu", pipe->pair->cipher, pipe->pair->mac, n);
	cr_assert_eq(payload_bytes, n);
	cr_assert_arr_eq(payload, cipher_body, n);
	cr_assert_eq(ssh_cipher_blocks(pipe->seal), ssh_cipher_blocks(pipe->open));
	pipe->sequence++;
}

static void assert_payloads_come_back(const struct cipher_pair *pair)
{
	struct cipher_pipe pipe = cipher_pipe_new(pair);

	for (size_t n = 1; n <= 600; n++)
		assert_comes_back(&pipe, n < 9 ? 0 : 9, n);
	for (size_t n = 500; n <= 700; n++)
		assert_comes_back(&pipe, n % 97, n);
	for (size_t head = 0; head <= 70; head++)
		assert_comes_back(&pipe, head, 1500);
	assert_comes_back(&pipe, 9, 9 + (32u << 10));
	assert_comes_back(&pipe, 9, 9 + (255u << 10));
	assert_comes_back(&pipe, 300, 300);
	cipher_pipe_free(&pipe);
}

Test(ssh_cipher, payloads_come_back, .timeout = 120)
{
	cipher_for_each_pair(assert_payloads_come_back);
}

static void assert_largest_is_the_largest(const struct cipher_pair *pair)
{
	struct cipher_pipe pipe = cipher_pipe_new(pair);
	/* Without the byte of the padding's length and the shortest padding; where packet_length
	 * itself is part of what is aligned, a longest packet_length is not. */
	const size_t n = SSH_CIPHER_PACKET_MAX - 1 - 4 - (cipher_clear_of(pair) > 0 ? 0 : 4);

	cr_assert_not(ssh_cipher_seal(pipe.seal, 0, NULL, 0, NULL, 0, cipher_wire));
	cr_assert_not(ssh_cipher_seal(pipe.seal, 0, cipher_body, 9, cipher_body, SIZE_MAX, cipher_wire));
	cr_assert_not(ssh_cipher_seal(pipe.seal, 0, cipher_body, 9, cipher_body, n + 1 - 9, cipher_wire));
	assert_comes_back(&pipe, 9, n);
	cipher_pipe_free(&pipe);
}

Test(ssh_cipher, nothing_and_more_than_a_packet_holds_are_not_sealed)
{
	cipher_for_each_pair(assert_largest_is_the_largest);
}

Test(ssh_cipher, padding_is_random)
{
	const struct cipher_pair pair = { "aes128-ctr", "hmac-sha2-256" };
	uint8_t first[64];

	for (int i = 0; i < 2; i++) {
		struct cipher_pipe pipe = cipher_pipe_new(&pair);
		uint8_t *payload;
		size_t n;

		cr_assert(cipher_open_packet(
		    pipe.open, pipe.sequence, cipher_wire, cipher_pipe_seal(&pipe, 0, 1), &payload, &n));
		if (i == 0)
			memcpy(first, payload + n, 10);
		else
			cr_assert_arr_neq(first, payload + n, 10);
		cipher_pipe_free(&pipe);
	}
}

static void assert_blocks_are_counted(const struct cipher_pair *pair)
{
	struct ssh_cipher *c = cipher_make(pair, SSH_CIPHER_SEAL);
	const size_t n = ssh_cipher_sealed_bytes(c, 1000) - cipher_tag_of(pair) - cipher_clear_of(pair);

	cr_assert_eq(ssh_cipher_blocks(c), 0);
	cr_assert(ssh_cipher_seal(c, 0, cipher_body, 9, cipher_body, 991, cipher_wire));
	cr_assert_eq(ssh_cipher_blocks(c), n / cipher_block_of(pair));
	cr_assert(ssh_cipher_seal(c, 0, cipher_body, 9, cipher_body, 991, cipher_wire));
	cr_assert_eq(ssh_cipher_blocks(c), 2 * (n / cipher_block_of(pair)));
	cr_assert_eq(ssh_cipher_blocks_max(c), UINT64_C(1) << (cipher_block_of(pair) == 16 ? 32 : 27));
	ssh_cipher_free(&c);
}

Test(ssh_cipher, blocks_are_counted)
{
	cipher_for_each_pair(assert_blocks_are_counted);
}

/* --- others' packets -------------------------------------------------------------------------- */

/*
 * By asyncssh 2.10.1 (asyncssh.encryption.get_encryption(...).encrypt_packet), an implementation
 * that has nothing to do with this one: "hello" and "the second payload, longer" one after the
 * other under the cipher_keys of cipher_set_up, sequence numbers FIRST_SEQUENCE and the next, the padding as
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
	size_t left = from_hex(hex, cipher_wire);
	uint8_t *at = cipher_wire;

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
		const struct cipher_pair pair = { vectors[i].cipher, vectors[i].mac };
		struct ssh_cipher *c = cipher_make(&pair, SSH_CIPHER_OPEN);

		assert_two_packets_open(c, FIRST_SEQUENCE, vectors[i].hex, pair.cipher);
		ssh_cipher_free(&c);
	}
}

Test(ssh_cipher, the_counter_of_gcm_carries_and_wraps)
{
	const struct cipher_pair pair = { "aes128-gcm@openssh.com", "" };

	for (size_t i = 0; i < sizeof(carries) / sizeof(carries[0]); i++) {
		struct ssh_cipher *c;

		memcpy(cipher_keys.iv + 4, carries[i].counter, sizeof(carries[i].counter));
		c = cipher_make(&pair, SSH_CIPHER_OPEN);
		assert_two_packets_open(c, 0, carries[i].hex, pair.cipher);
		ssh_cipher_free(&c);
	}
}
