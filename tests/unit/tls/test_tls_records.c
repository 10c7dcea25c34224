#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "records_peer.h"
#include "server/tls/tls_limits.h"
#include "tls_peer.h"

/* What a client may send on a data connection, as tls_stream.c sees it through tls_records.c; the other end is libssl,
 * whose records are kept back and changed on their way. */

#define RECORD_ROOM (TLS_RECORD_BYTES + TLS_RECORD_EXTRA)

struct fixture {
	struct tls_peer peer;
	struct tls_line line;
	SSL_CTX *client;
	BIO *kept; /* what the client sends */
};

static void open_line(struct fixture *f, const char *suite)
{
	f->client = tls_peer_client(TLS1_3_VERSION);
	if (suite != NULL)
		SSL_CTX_set_ciphersuites(f->client, suite);
	cr_assert(tls_peer_init(&f->peer, ""), "%s", f->peer.message);
	tls_line_open(&f->line, &f->peer, f->client, true, NULL);
	cr_assert_eq(tls_line_shake_hands(&f->line), TLS_OK);
	f->kept = BIO_new(BIO_s_mem());
	SSL_set0_wbio(f->line.client, f->kept);
}

static void close_line(struct fixture *f)
{
	tls_line_close(&f->line);
	SSL_CTX_free(f->client);
	tls_peer_clear(&f->peer);
}

/* All that is kept, once. */
static size_t take(struct fixture *f, uint8_t *out, size_t room)
{
	int n = BIO_read(f->kept, out, (int)room);

	return n > 0 ? (size_t)n : 0;
}

static void send_bytes(struct fixture *f, const uint8_t *bytes, size_t n)
{
	cr_assert_eq(write(f->line.fds[0], bytes, n), (ssize_t)n);
}

static void deliver(struct fixture *f)
{
	static uint8_t bytes[4 * RECORD_ROOM];

	send_bytes(f, bytes, take(f, bytes, sizeof(bytes)));
}

static void expect_failure(struct fixture *f, const char *why)
{
	uint8_t bytes[64];
	size_t n;

	cr_expect_eq(tls_stream_read(f->line.server, bytes, sizeof(bytes), &n), TLS_FAILED);
	cr_expect_eq(n, 0);
	cr_expect_not_null(strstr(tls_stream_failure(f->line.server), why), "%s",
	    tls_stream_failure(f->line.server));
	cr_expect_eq(tls_stream_read(f->line.server, bytes, sizeof(bytes), &n), TLS_FAILED);
	/* And the client hears an alert that is under our keys. */
	cr_expect_eq(tls_line_client_reads(&f->line, bytes, sizeof(bytes)), 0);
	cr_expect_eq(SSL_get_shutdown(f->line.client) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
}

Test(tls_records, every_suite_carries_any_sizes_in_any_pieces)
{
	static const char *const suites[] = { "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
		"TLS_CHACHA20_POLY1305_SHA256" };
	static uint8_t sent[3 * TLS_RECORD_BYTES + 77], wire[4 * RECORD_ROOM], got[sizeof(sent)];

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 11 + i / 253);
	for (size_t s = 0; s < 3; s++) {
		struct fixture f;
		size_t total, read = 0, n;

		open_line(&f, suites[s]);
		SSL_write_ex(f.line.client, sent, sizeof(sent), &n);
		total = take(&f, wire, sizeof(wire));
		for (size_t at = 0, piece = 1; at < total; at += piece, piece = piece * 3 % 4999 + 1) {
			enum tls_status status;

			if (piece > total - at)
				piece = total - at;
			send_bytes(&f, wire + at, piece);
			do {
				size_t room = 1 + at % 20011;

				status = tls_stream_read(f.line.server, got + read,
				    room < sizeof(got) - read ? room : sizeof(got) - read, &n);
				read += n;
			} while (status == TLS_OK && read < sizeof(got));
			cr_assert_neq(status, TLS_FAILED, "%s", tls_stream_failure(f.line.server));
		}
		cr_expect_eq(read, sizeof(sent));
		cr_expect_eq(memcmp(sent, got, sizeof(sent)), 0);
		cr_expect_not(tls_stream_has_input(f.line.server));
		close_line(&f);
	}
}

Test(tls_records, padding_is_not_payload)
{
	struct fixture f;
	uint8_t bytes[64];
	size_t n;

	open_line(&f, NULL);
	SSL_set_block_padding(f.line.client, 512);
	SSL_write_ex(f.line.client, "padded", 6, &n);
	deliver(&f);
	cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_OK);
	cr_expect_eq(n, 6);
	SSL_shutdown(f.line.client);
	deliver(&f);
	cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_END);
	cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_END);
	close_line(&f);
}

Test(tls_records, new_keys_both_ways_and_the_connection_goes_on)
{
	struct fixture f;
	uint8_t bytes[64];
	size_t n;

	open_line(&f, NULL);
	for (int i = 0; i < 3; i++) {
		SSL_key_update(f.line.client, SSL_KEY_UPDATE_REQUESTED);
		SSL_write_ex(f.line.client, "under new keys", 14, &n);
		deliver(&f);
		cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_OK);
		cr_expect_eq(n, 14);
		cr_expect_eq(tls_stream_write(f.line.server, "likewise", 8, &n), TLS_OK);
		cr_expect_eq(tls_stream_flush(f.line.server), TLS_OK);
		cr_expect_eq(tls_line_client_reads(&f.line, bytes, sizeof(bytes)), 8);
	}
	close_line(&f);
}

/* A client's message callback: KeyUpdates that it has heard. */
static void count_key_updates(
    int is_written, int version, int type, const void *bytes, size_t n, SSL *ssl, void *context)
{
	unsigned *count = context;

	(void)version;
	(void)ssl;
	if (!is_written && type == SSL3_RT_HANDSHAKE && n > 0 && *(const uint8_t *)bytes == SSL3_MT_KEY_UPDATE)
		++*count;
}

Test(tls_records, a_client_that_is_sent_a_file_gets_the_new_keys_it_asks_for)
{
	static uint8_t bytes[4 * TLS_SEND_BYTES], got[sizeof(bytes)];
	size_t written = 0, read = 0;
	unsigned heard = 0;
	struct fixture f;
	int unread = -1;

	open_line(&f, NULL);
	SSL_set_msg_callback(f.line.client, count_key_updates);
	SSL_set_msg_callback_arg(f.line.client, &heard);
	SSL_key_update(f.line.client, SSL_KEY_UPDATE_REQUESTED);
	SSL_do_handshake(f.line.client);
	deliver(&f);
	for (size_t n; written < sizeof(bytes) || tls_stream_has_output(f.line.server);) {
		cr_assert_neq(tls_stream_write(f.line.server, bytes, sizeof(bytes) - written, &n), TLS_FAILED);
		written += n;
		if (written == sizeof(bytes))
			cr_assert_neq(tls_stream_close(f.line.server), TLS_FAILED);
		while ((n = tls_line_client_reads(&f.line, got, sizeof(got))) > 0)
			read += n;
	}
	cr_expect_eq(read, sizeof(bytes));
	cr_expect_eq(heard, 1);
	/* Nor would the close be a reset. */
	cr_assert_eq(ioctl(f.line.fds[1], FIONREAD, &unread), 0);
	cr_expect_eq(unread, 0);
	close_line(&f);
}

Test(tls_records, a_client_that_tells_of_an_error_while_it_is_sent_a_file_has_not_got_it)
{
	static const uint8_t alert[] = { 23, 3, 3, 0, 17, 'n', 'o', ' ', 'r', 'e', 'c', 'o', 'r', 'd', ' ', 'o', 'f',
		' ', 'o', 'u', 'r', 's' };
	struct fixture f;
	size_t n;

	open_line(&f, NULL);
	cr_expect_eq(tls_stream_write(f.line.server, "file", 4, &n), TLS_OK);
	send_bytes(&f, alert, sizeof(alert));
	cr_expect_eq(tls_stream_close(f.line.server), TLS_FAILED);
	cr_expect_not(tls_stream_is_lost(f.line.server));
	close_line(&f);
}

Test(tls_records, what_follows_the_close_is_not_read)
{
	struct fixture f;
	uint8_t first[RECORD_ROOM], second[RECORD_ROOM], bytes[64];
	size_t a, b, n;

	open_line(&f, NULL);
	SSL_shutdown(f.line.client);
	a = take(&f, first, sizeof(first));
	memcpy(second, first, a);
	b = a;
	send_bytes(&f, first, a);
	send_bytes(&f, second, b);
	cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_END);
	cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_END);
	close_line(&f);
}

Test(tls_records, a_changed_record_is_a_failure_that_the_client_hears_of)
{
	struct fixture f;
	uint8_t record[RECORD_ROOM];
	size_t total, n;

	open_line(&f, NULL);
	SSL_write_ex(f.line.client, "payload", 7, &n);
	total = take(&f, record, sizeof(record));
	record[8] ^= 1;
	send_bytes(&f, record, total);
	expect_failure(&f, "changed");
	close_line(&f);
}

Test(tls_records, a_record_too_long_is_not_waited_for)
{
	static const uint8_t head[] = { 23, 3, 3, 0x41, 0x01 };
	struct fixture f;

	open_line(&f, NULL);
	send_bytes(&f, head, sizeof(head));
	expect_failure(&f, "too long");
	close_line(&f);
}

Test(tls_records, a_record_too_short_for_a_tag_is_a_failure)
{
	static const uint8_t record[5 + 16] = { 23, 3, 3, 0, 16 };
	static const uint8_t nothing[5] = { 23, 3, 3, 0, 0 };
	struct fixture f;

	open_line(&f, NULL);
	send_bytes(&f, record, sizeof(record));
	expect_failure(&f, "too short");
	close_line(&f);
	open_line(&f, NULL);
	send_bytes(&f, nothing, sizeof(nothing));
	expect_failure(&f, "too short");
	close_line(&f);
}

Test(tls_records, nothing_unencrypted_is_believed)
{
	static const uint8_t end[] = { 21, 3, 3, 0, 2, 1, 0 };
	static const uint8_t change[] = { 20, 3, 3, 0, 1, 1 };
	struct fixture f;

	open_line(&f, NULL);
	send_bytes(&f, end, sizeof(end));
	expect_failure(&f, "not encrypted");
	close_line(&f);
	open_line(&f, NULL);
	send_bytes(&f, change, sizeof(change));
	expect_failure(&f, "not encrypted");
	close_line(&f);
}

/* --- what libssl's client never says ------------------------------------------------------------- */

#define INNER_ROOM (TLS_RECORD_BYTES + 256)

static const uint8_t key_update[] = { SSL3_MT_KEY_UPDATE, 0, 0, 1, SSL_KEY_UPDATE_NOT_REQUESTED };
static const uint8_t key_update_requested[] = { SSL3_MT_KEY_UPDATE, 0, 0, 1, SSL_KEY_UPDATE_REQUESTED };
static const uint8_t close_notify[] = { SSL3_AL_WARNING, SSL3_AD_CLOSE_NOTIFY };

static struct records_peer raw; /* large; one process for each test */
static uint8_t inner[2 * RECORDS_PEER_ROOM];

static void open_raw(void)
{
	cr_assert(records_peer_open(&raw, 0));
}

static void say(uint8_t type, const void *bytes, size_t n)
{
	cr_assert(records_peer_send(&raw, type, bytes, n));
}

static void expect_read(const char *text)
{
	uint8_t bytes[64];
	uint64_t chaff;
	size_t n;

	cr_expect_eq(tls_records_read(raw.records, bytes, sizeof(bytes), &n, &chaff), TLS_RECORDS_OK);
	cr_expect_eq(n, strlen(text));
	cr_expect_arr_eq(bytes, text, n);
}

static void expect_nothing_read(enum tls_records_status status, uint64_t expected_chaff)
{
	uint8_t bytes[64];
	uint64_t chaff;
	size_t n;

	cr_expect_eq(tls_records_read(raw.records, bytes, sizeof(bytes), &n, &chaff), status, "%s",
	    tls_records_failure(raw.records));
	cr_expect_eq(n, 0);
	cr_expect_eq(chaff, expected_chaff);
}

static void expect_heard(uint8_t type, const void *bytes, size_t n)
{
	uint8_t heard_type = 0;
	size_t heard = 0;

	cr_assert_eq(records_peer_hear(&raw, inner, &heard, &heard_type), PEER_HEARD_RECORD);
	cr_expect_eq(heard_type, type);
	cr_assert_eq(heard, n);
	cr_expect_arr_eq(inner, bytes, n);
}

static void expect_nothing_heard(void)
{
	uint8_t type;
	size_t n;

	cr_expect_eq(records_peer_hear(&raw, inner, &n, &type), PEER_HEARD_NOTHING);
}

/* Refused now and from now on, and the client is told so once. */
static void expect_refused(uint8_t alert)
{
	const uint8_t expected[] = { SSL3_AL_FATAL, alert };

	expect_nothing_read(TLS_RECORDS_WRONG, 0);
	say(SSL3_RT_APPLICATION_DATA, "more", 4);
	expect_nothing_read(TLS_RECORDS_WRONG, 0);
	expect_heard(SSL3_RT_ALERT, expected, sizeof(expected));
	expect_nothing_heard();
}

Test(tls_records, a_key_update_may_come_in_pieces)
{
	for (size_t first = 1; first < sizeof(key_update); first++) {
		open_raw();
		say(SSL3_RT_HANDSHAKE, key_update_requested, first);
		expect_nothing_read(TLS_RECORDS_AGAIN, 1);
		expect_nothing_heard();
		say(SSL3_RT_HANDSHAKE, key_update_requested + first, sizeof(key_update_requested) - first);
		cr_assert(tls_aead_update(raw.sealing));
		say(SSL3_RT_APPLICATION_DATA, "new keys", 8);
		expect_read("new keys");
		expect_heard(SSL3_RT_HANDSHAKE, key_update, sizeof(key_update));
		cr_assert(tls_aead_update(raw.opening));
		cr_expect_eq(tls_records_write(raw.records, (const uint8_t *)"ours too", 8), TLS_RECORDS_OK);
		expect_heard(SSL3_RT_APPLICATION_DATA, "ours too", 8);
		records_peer_close(&raw);
	}
}

Test(tls_records, nothing_may_stand_between_its_pieces)
{
	static const struct {
		uint8_t type;
		size_t n;
	} between[] = { { SSL3_RT_APPLICATION_DATA, 4 }, { SSL3_RT_APPLICATION_DATA, 0 }, { SSL3_RT_ALERT, 2 },
		{ SSL3_RT_HANDSHAKE, 0 } };

	for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
		open_raw();
		say(SSL3_RT_HANDSHAKE, key_update, 3);
		expect_nothing_read(TLS_RECORDS_AGAIN, 1);
		say(between[i].type, close_notify, between[i].n < 2 ? between[i].n : 2);
		expect_refused(SSL_AD_UNEXPECTED_MESSAGE);
		records_peer_close(&raw);
	}
}

Test(tls_records, nor_anything_behind_it_in_its_record_and_no_other_message_is_taken)
{
	static const struct {
		uint8_t alert;
		size_t n;
		uint8_t bytes[10];
	} bad[] = {
		{ SSL_AD_UNEXPECTED_MESSAGE, 6, { SSL3_MT_KEY_UPDATE, 0, 0, 1, 0, 0 } },
		{ SSL_AD_UNEXPECTED_MESSAGE, 10, { SSL3_MT_KEY_UPDATE, 0, 0, 1, 0, SSL3_MT_KEY_UPDATE, 0, 0, 1, 0 } },
		{ SSL_AD_UNEXPECTED_MESSAGE, 1, { SSL3_MT_CLIENT_HELLO } },
		{ SSL_AD_UNEXPECTED_MESSAGE, 5, { SSL3_MT_CERTIFICATE, 0, 0, 1, 0 } },
		{ SSL_AD_UNEXPECTED_MESSAGE, 4, { SSL3_MT_KEY_UPDATE, 0, 0, 2 } },
		{ SSL_AD_UNEXPECTED_MESSAGE, 0, { 0 } },
		{ SSL_AD_ILLEGAL_PARAMETER, 5, { SSL3_MT_KEY_UPDATE, 0, 0, 1, 2 } },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		open_raw();
		say(SSL3_RT_HANDSHAKE, bad[i].bytes, bad[i].n);
		expect_refused(bad[i].alert);
		records_peer_close(&raw);
	}
}

Test(tls_records, our_own_keys_are_renewed_after_so_many_records)
{
	open_raw();
	tls_records_set_limit(raw.records, 3);
	for (int i = 0; i < 12; i++) {
		cr_expect_eq(tls_records_write(raw.records, (const uint8_t *)"x", 1), TLS_RECORDS_OK);
		if (i > 0 && i % 3 == 0) {
			expect_heard(SSL3_RT_HANDSHAKE, key_update, sizeof(key_update));
			cr_assert(tls_aead_update(raw.opening));
		}
		expect_heard(SSL3_RT_APPLICATION_DATA, "x", 1);
	}
	records_peer_close(&raw);
}

Test(tls_records, alerts_end_it_but_for_user_canceled)
{
	static const uint8_t canceled[] = { SSL3_AL_WARNING, SSL_AD_USER_CANCELLED };
	static const uint8_t fatal[] = { SSL3_AL_FATAL, SSL_AD_INTERNAL_ERROR };
	static const uint8_t both[] = { SSL3_AL_WARNING, SSL_AD_USER_CANCELLED, SSL3_AL_WARNING, 0 };

	open_raw();
	say(SSL3_RT_ALERT, canceled, sizeof(canceled));
	say(SSL3_RT_APPLICATION_DATA, "on", 2);
	expect_read("on");
	say(SSL3_RT_ALERT, close_notify, sizeof(close_notify));
	expect_nothing_read(TLS_RECORDS_END, 0);
	say(SSL3_RT_APPLICATION_DATA, "more", 4);
	expect_nothing_read(TLS_RECORDS_END, 0);
	records_peer_close(&raw);
	open_raw();
	say(SSL3_RT_ALERT, fatal, sizeof(fatal));
	say(SSL3_RT_APPLICATION_DATA, "more", 4);
	expect_nothing_read(TLS_RECORDS_WRONG, 0);
	expect_nothing_read(TLS_RECORDS_WRONG, 0);
	/* One is not answered with another. */
	expect_nothing_heard();
	records_peer_close(&raw);
	for (size_t n = 0; n <= sizeof(both); n++) {
		if (n == sizeof(canceled))
			continue;
		open_raw();
		say(SSL3_RT_ALERT, both, n);
		expect_refused(SSL_AD_UNEXPECTED_MESSAGE);
		records_peer_close(&raw);
	}
}

Test(tls_records, after_our_close_nothing_of_ours_follows)
{
	open_raw();
	cr_expect_eq(tls_records_close(raw.records), TLS_RECORDS_OK);
	expect_heard(SSL3_RT_ALERT, close_notify, sizeof(close_notify));
	say(SSL3_RT_HANDSHAKE, key_update_requested, sizeof(key_update_requested));
	cr_assert(tls_aead_update(raw.sealing));
	say(SSL3_RT_APPLICATION_DATA, "late", 4);
	expect_read("late");
	say(99, "", 0);
	expect_nothing_read(TLS_RECORDS_WRONG, 0);
	expect_nothing_heard();
	records_peer_close(&raw);
}

Test(tls_records, a_record_is_no_longer_than_a_record_may_be)
{
	static uint8_t bytes[INNER_ROOM];

	/* 2^14 of payload are fine, as long as the padding. */
	open_raw();
	memset(bytes, 'x', TLS_RECORD_BYTES);
	say(SSL3_RT_APPLICATION_DATA, bytes, TLS_RECORD_BYTES);
	bytes[TLS_RECORD_BYTES] = SSL3_RT_APPLICATION_DATA;
	say(0, bytes, TLS_RECORD_BYTES + 1);
	for (size_t read = 0; read < 2 * TLS_RECORD_BYTES;) {
		uint64_t chaff;
		size_t n;

		cr_assert_eq(tls_records_read(raw.records, inner, 3 * 1000, &n, &chaff), TLS_RECORDS_OK);
		cr_assert_eq(inner[0], 'x');
		cr_assert_eq(memcmp(inner, inner + 1, n - 1), 0);
		read += n;
	}
	expect_nothing_read(TLS_RECORDS_AGAIN, 0);
	memset(bytes, 'x', sizeof(bytes));
	say(SSL3_RT_APPLICATION_DATA, bytes, TLS_RECORD_BYTES + 1);
	expect_refused(SSL_AD_RECORD_OVERFLOW);
	records_peer_close(&raw);
}

Test(tls_records, a_client_that_reads_no_answers_cannot_make_them_pile_up)
{
	enum tls_records_status status = TLS_RECORDS_AGAIN;
	uint8_t byte;
	size_t n;

	open_raw();
	for (unsigned i = 0; i < 100000 && status == TLS_RECORDS_AGAIN; i++) {
		uint64_t chaff;

		say(SSL3_RT_HANDSHAKE, key_update_requested, sizeof(key_update_requested));
		cr_assert(tls_aead_update(raw.sealing));
		status = tls_records_read(raw.records, &byte, 1, &n, &chaff);
	}
	cr_expect_eq(status, TLS_RECORDS_WRONG);
	cr_expect_str_eq(tls_records_failure(raw.records), "no room for a KeyUpdate");
	cr_expect_leq(raw.bio.out_end, TLS_SEND_BUFFER_BYTES);
	records_peer_close(&raw);
}

Test(tls_records, what_cannot_be_a_record_is_not_waited_for)
{
	open_raw();
	cr_assert(records_peer_write(&raw, (const uint8_t *)"\x16", 1));
	expect_refused(SSL_AD_UNEXPECTED_MESSAGE);
	records_peer_close(&raw);
}

/* tls_stream.c: the handshake's libssl has no way to the socket any more, whose nonces are ours now. */
Test(tls_records, libssl_sends_nothing_once_the_records_are_ours)
{
	struct fixture f;
	uint64_t traffic;
	uint8_t byte;
	size_t n;

	open_line(&f, NULL);
	traffic = tls_stream_traffic(f.line.server);
	tls_stream_renew_ticket(f.line.server);
	SSL_shutdown(tls_stream_ssl(f.line.server));
	SSL_write_ex(tls_stream_ssl(f.line.server), "x", 1, &n);
	cr_expect_eq(tls_stream_flush(f.line.server), TLS_OK);
	cr_expect_eq(tls_stream_traffic(f.line.server), traffic);
	cr_expect_eq(tls_stream_write(f.line.server, "y", 1, &n), TLS_OK);
	cr_expect_eq(tls_stream_flush(f.line.server), TLS_OK);
	cr_expect_eq(tls_line_client_reads(&f.line, &byte, 1), 1);
	cr_expect_eq(byte, 'y');
	close_line(&f);
}
