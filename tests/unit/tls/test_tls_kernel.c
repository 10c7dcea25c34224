#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "records_peer.h"
#include "tls_peer.h"

/* What a download's keys become in the kernel's hands, and that nothing is sealed here any more.  That a kernel makes the
 * same records of them is tests/e2e/test_ftps_kernel.py's affair. */

#define COUNT UINT64_C(0x0102030405060708)

static struct tls_aead_keys keys_of(uint16_t suite, size_t key_bytes)
{
	struct tls_aead_keys keys = { .suite = suite, .key_bytes = key_bytes, .count = COUNT };

	for (size_t i = 0; i < key_bytes; i++)
		keys.key[i] = (uint8_t)(0x40 + i);
	for (size_t i = 0; i < sizeof(keys.iv); i++)
		keys.iv[i] = (uint8_t)(0xa0 + i);
	return keys;
}

static const uint8_t sequence[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

Test(tls_kernel, aes_is_told_with_the_iv_in_two_parts)
{
	struct tls_aead_keys keys = keys_of(0x1301, 16);
	union tls_kernel_info info;

	cr_assert_eq(tls_kernel_describe(&keys, &info), sizeof(info.aes_128));
	cr_expect_eq(info.head.version, 0x0304);
	cr_expect_eq(info.head.cipher_type, TLS_CIPHER_AES_GCM_128);
	cr_expect_arr_eq(info.aes_128.key, keys.key, 16);
	cr_expect_arr_eq(info.aes_128.salt, keys.iv, 4);
	cr_expect_arr_eq(info.aes_128.iv, keys.iv + 4, 8);
	cr_expect_arr_eq(info.aes_128.rec_seq, sequence, 8);

	keys = keys_of(0x1302, 32);
	cr_assert_eq(tls_kernel_describe(&keys, &info), sizeof(info.aes_256));
	cr_expect_eq(info.head.version, 0x0304);
	cr_expect_eq(info.head.cipher_type, TLS_CIPHER_AES_GCM_256);
	cr_expect_arr_eq(info.aes_256.key, keys.key, 32);
	cr_expect_arr_eq(info.aes_256.salt, keys.iv, 4);
	cr_expect_arr_eq(info.aes_256.iv, keys.iv + 4, 8);
	cr_expect_arr_eq(info.aes_256.rec_seq, sequence, 8);
}

#ifdef TLS_CIPHER_CHACHA20_POLY1305
Test(tls_kernel, chacha_is_told_with_the_iv_in_one)
{
	struct tls_aead_keys keys = keys_of(0x1303, 32);
	union tls_kernel_info info;
	const uint8_t *bytes = (const uint8_t *)&info;

	cr_assert_eq(tls_kernel_describe(&keys, &info), sizeof(info.chacha));
	cr_expect_eq(info.head.version, 0x0304);
	cr_expect_eq(info.head.cipher_type, TLS_CIPHER_CHACHA20_POLY1305);
	cr_expect_arr_eq(info.chacha.key, keys.key, 32);
	cr_expect_arr_eq(info.chacha.iv, keys.iv, 12);
	cr_expect_arr_eq(bytes + offsetof(struct tls12_crypto_info_chacha20_poly1305, rec_seq), sequence, 8);
}
#endif

Test(tls_kernel, what_the_kernel_does_not_have_is_not_told)
{
	struct tls_aead_keys keys = keys_of(0x1304, 16);
	union tls_kernel_info info;

	cr_expect_eq(tls_kernel_describe(&keys, &info), 0);
	keys = keys_of(0x1301, 32);
	cr_expect_eq(tls_kernel_describe(&keys, &info), 0);
}

/* --- the records ---------------------------------------------------------------------------------- */

static void hear(struct records_peer *peer, const char *expected)
{
	static uint8_t bytes[RECORDS_PEER_ROOM];
	uint8_t type;
	size_t n;

	cr_assert_eq(records_peer_hear(peer, bytes, &n, &type), PEER_HEARD_RECORD);
	cr_expect_eq(type, SSL3_RT_APPLICATION_DATA);
	cr_assert_eq(n, strlen(expected));
	cr_expect_arr_eq(bytes, expected, n);
}

static void say(struct records_peer *peer, const char *text)
{
	cr_assert_eq(tls_records_write(peer->records, (const uint8_t *)text, strlen(text)), TLS_RECORDS_OK);
}

Test(tls_kernel, a_refusal_leaves_everything_as_it_was)
{
	static const struct {
		int ulp, keys;
		enum tls_kernel_answer answer;
	} refusals[] = {
		{ ENOENT, 0, TLS_KERNEL_NEVER }, { EPERM, 0, TLS_KERNEL_NEVER },
		{ ENOTCONN, 0, TLS_KERNEL_NOT_NOW }, { 0, EINVAL, TLS_KERNEL_NEVER },
		{ 0, ENOMEM, TLS_KERNEL_NOT_NOW },
	};
	struct records_peer peer;

	cr_assert(records_peer_open(&peer, 0));
	say(&peer, "before");
	hear(&peer, "before");
	fake_kernel.on = true;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		fake_kernel.ulp_errno = refusals[i].ulp;
		fake_kernel.keys_errno = refusals[i].keys;
		cr_expect_eq(tls_records_hand_over(peer.records), refusals[i].answer);
		cr_expect_not(tls_records_are_kernels(peer.records));
		say(&peer, "as ever");
		hear(&peer, "as ever");
	}
	cr_expect_eq(fake_kernel.taken, 0);
	records_peer_close(&peer);
}

Test(tls_kernel, a_real_socket_that_is_no_tcp_is_refused_too)
{
	struct records_peer peer;

	cr_assert(records_peer_open(&peer, 0));
	cr_expect_eq(tls_records_hand_over(peer.records), TLS_KERNEL_NEVER);
	say(&peer, "as ever");
	hear(&peer, "as ever");
	records_peer_close(&peer);
}

Test(tls_kernel, nothing_is_sealed_once_the_kernel_has_the_keys)
{
	struct records_peer peer;
	struct tls_aead_keys keys;
	union tls_kernel_info expected;
	const size_t suites = 3;

	for (unsigned suite = 0; suite < suites; suite++) {
		memset(&fake_kernel, 0, sizeof(fake_kernel));
		cr_assert(records_peer_open(&peer, suite));
		say(&peer, "one");
		fake_kernel.on = true;
		/* What is sealed already must go first. */
		cr_expect_eq(tls_records_hand_over(peer.records), TLS_KERNEL_NOT_NOW);
		cr_expect_eq(fake_kernel.asked, 0);
		hear(&peer, "one");
		say(&peer, "two");
		hear(&peer, "two");
		cr_expect_eq(tls_records_hand_over(peer.records), TLS_KERNEL_SEALS);
		cr_expect(tls_records_are_kernels(peer.records));
		/* The client's end has the same keys, and has counted the same records. */
		cr_assert(tls_aead_tell_keys(peer.opening, &keys));
		cr_expect_eq(keys.count, 2);
		cr_assert_gt(tls_kernel_describe(&keys, &expected), 0);
		cr_expect_arr_eq((uint8_t *)&fake_kernel.info, (uint8_t *)&expected, sizeof(expected));

		cr_expect_eq(tls_records_hand_over(peer.records), TLS_KERNEL_NOT_NOW);
		cr_expect_eq(tls_records_write(peer.records, (const uint8_t *)"three", 5), TLS_RECORDS_WRONG);
		cr_expect_eq(tls_records_close(peer.records), TLS_RECORDS_OK);
		cr_expect_not(tls_bio_has_output(&peer.bio));
		cr_expect_eq(fake_kernel.taken, 1);
		cr_expect_eq(fake_kernel.type, SSL3_RT_ALERT);
		cr_expect_arr_eq(fake_kernel.record, ((const uint8_t[]){ SSL3_AL_WARNING, SSL3_AD_CLOSE_NOTIFY }), 2);
		records_peer_close(&peer);
	}
}

static enum tls_records_status key_update(struct records_peer *peer, uint8_t request)
{
	const uint8_t message[] = { SSL3_MT_KEY_UPDATE, 0, 0, 1, request };
	uint8_t bytes[16];
	uint64_t chaff;
	size_t n;

	cr_assert(records_peer_send(peer, SSL3_RT_HANDSHAKE, message, sizeof(message)));
	cr_assert(tls_aead_update(peer->sealing));
	return tls_records_read(peer->records, bytes, sizeof(bytes), &n, &chaff);
}

Test(tls_kernel, a_client_may_renew_its_own_keys_and_not_the_kernels)
{
	struct records_peer peer;

	cr_assert(records_peer_open(&peer, 0));
	fake_kernel.on = true;
	cr_assert_eq(tls_records_hand_over(peer.records), TLS_KERNEL_SEALS);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(key_update(&peer, SSL_KEY_UPDATE_NOT_REQUESTED), TLS_RECORDS_AGAIN);
	cr_expect_eq(fake_kernel.records, 0);
	cr_expect_not(tls_records_lacks_keys(peer.records));
	cr_expect_eq(key_update(&peer, SSL_KEY_UPDATE_REQUESTED), TLS_RECORDS_WRONG);
	cr_expect(tls_records_lacks_keys(peer.records));
	cr_expect_eq(fake_kernel.records, 1);
	cr_expect_eq(fake_kernel.type, SSL3_RT_ALERT);
	cr_expect_arr_eq(fake_kernel.record, ((const uint8_t[]){ SSL3_AL_FATAL, SSL_AD_INTERNAL_ERROR }), 2);
	cr_expect_eq(fake_kernel.taken, 1);
	records_peer_close(&peer);
}

/* --- room ----------------------------------------------------------------------------------------- */

Test(tls_kernel, an_alert_waits_until_all_before_it_fits)
{
	static const struct {
		uint32_t size, queued, largest;
		bool sent;
	} cases[] = {
		{ 4u << 20, 1u << 20, 0, true },
		{ 4u << 20, (4u << 20) - 4096, 0, false },
		{ 4u << 20, 5u << 20, 0, false },
		{ 46080, 40000, 425984, true },  /* made larger */
		{ 46080, 80000, 16384, false },  /* where wmem_max forbids it, POLLOUT must do */
		{ 46080, 30000, 46080, true },
		{ 46080, 31000, 46080, false },
	};
	const uint8_t alert[2] = { SSL3_AL_WARNING, SSL3_AD_CLOSE_NOTIFY };

	fake_kernel.on = true;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_kernel.size = cases[i].size;
		fake_kernel.queued = cases[i].queued;
		fake_kernel.largest = cases[i].largest;
		fake_kernel.records = 0;
		cr_expect_eq(tls_kernel_send_record(-1, SSL3_RT_ALERT, alert, 2), cases[i].sent, "case %zu", i);
		cr_expect_eq(fake_kernel.records, cases[i].sent, "case %zu", i);
		if (!cases[i].sent)
			cr_expect_eq(errno, EAGAIN, "case %zu", i);
	}
}

/* --- the stream ----------------------------------------------------------------------------------- */

struct fixture {
	struct tls_peer peer;
	struct tls_line line;
	SSL_CTX *client;
};

static void open_line(struct fixture *f, int version)
{
	f->client = tls_peer_client(version);
	cr_assert(tls_peer_init(&f->peer, ""), "%s", f->peer.message);
	tls_line_open(&f->line, &f->peer, f->client, true, NULL);
	cr_assert_eq(tls_line_shake_hands(&f->line), TLS_OK);
}

static void close_line(struct fixture *f)
{
	tls_line_close(&f->line);
	SSL_CTX_free(f->client);
	tls_peer_clear(&f->peer);
}

static void expect_wire(struct fixture *f, const char *text)
{
	char bytes[256];

	cr_assert_eq(read(f->line.fds[0], bytes, sizeof(bytes)), (ssize_t)strlen(text));
	cr_expect_arr_eq(bytes, text, strlen(text));
}

Test(tls_kernel, the_stream_gives_the_socket_the_file_and_waits_at_its_end)
{
	FILE *file = tmpfile();
	struct fixture f;
	size_t n;

	cr_assert_not_null(file);
	fputs("content of a file", file);
	rewind(file);
	open_line(&f, TLS1_3_VERSION);
	fake_kernel.on = true;
	cr_expect_eq(tls_stream_send_file(f.line.server, fileno(file), 7), -1);
	cr_assert_eq(tls_stream_hand_over(f.line.server), TLS_KERNEL_SEALS);
	cr_expect_eq(tls_stream_hand_over(f.line.server), TLS_KERNEL_NOT_NOW);
	/* What is on the wire here is what the kernel would encrypt. */
	cr_expect_eq(tls_stream_send_file(f.line.server, fileno(file), 7), 7);
	expect_wire(&f, "content");
	cr_expect_eq(tls_stream_write(f.line.server, " grown", 6, &n), TLS_OK);
	cr_expect_eq(n, 6);
	expect_wire(&f, " grown");

	fake_kernel.size = 4u << 20;
	fake_kernel.queued = 4u << 20;
	cr_expect_eq(tls_stream_close(f.line.server), TLS_AGAIN);
	cr_expect_eq(tls_stream_events(f.line.server), POLLOUT);
	cr_expect_eq(fake_kernel.records, 0);
	fake_kernel.queued = 0;
	cr_expect_eq(tls_stream_close(f.line.server), TLS_OK);
	cr_expect_eq(tls_stream_close(f.line.server), TLS_OK);
	cr_expect_eq(tls_stream_events(f.line.server), 0);
	cr_expect_eq(fake_kernel.records, 1);
	cr_expect_eq(tls_stream_send_file(f.line.server, fileno(file), 7), -1);
	close_line(&f);
	fclose(file);
}

Test(tls_kernel, what_libssl_carries_is_not_handed_over)
{
	struct fixture f;

	open_line(&f, TLS1_2_VERSION);
	fake_kernel.on = true;
	cr_expect_eq(tls_stream_hand_over(f.line.server), TLS_KERNEL_NOT_NOW);
	cr_expect_eq(fake_kernel.asked, 0);
	close_line(&f);
}
