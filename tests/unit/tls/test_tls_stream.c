#include <criterion/criterion.h>
#include <openssl/hmac.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/tls/tls_limits.h"
#include "tls_peer.h"

#define MANY_BYTES (3u << 20)

struct fixture {
	struct tls_peer peer;
	struct tls_line line;
	SSL_CTX *client;
};

static void open_line(struct fixture *fixture, int version, bool data)
{
	fixture->client = tls_peer_client(version);
	cr_assert(tls_peer_init(&fixture->peer, ""), "%s", fixture->peer.message);
	tls_line_open(&fixture->line, &fixture->peer, fixture->client, data, NULL);
	cr_assert_eq(tls_line_shake_hands(&fixture->line), TLS_OK);
}

static void close_line(struct fixture *fixture)
{
	tls_line_close(&fixture->line);
	SSL_CTX_free(fixture->client);
	tls_peer_clear(&fixture->peer);
}

Test(tls_stream, close_notify_is_the_end)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct fixture f;
	char bytes[16];
	size_t n;

	for (size_t v = 0; v < 2; v++) {
		open_line(&f, versions[v], true);
		SSL_write_ex(f.line.client, "all", 3, &n);
		SSL_shutdown(f.line.client);
		cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_OK);
		cr_expect_eq(n, 3);
		cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_END);
		close_line(&f);
	}
}

Test(tls_stream, an_end_without_close_notify_is_a_cut_and_the_other_way_stays_open)
{
	struct fixture f;
	char bytes[16];
	size_t n;

	open_line(&f, TLS1_3_VERSION, true);
	SSL_write_ex(f.line.client, "all", 3, &n);
	shutdown(f.line.fds[0], SHUT_WR);
	cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_OK);
	cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_CUT);
	cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_CUT);
	cr_expect_eq(tls_stream_write(f.line.server, "y", 1, &n), TLS_OK);
	cr_expect_eq(tls_stream_flush(f.line.server), TLS_OK);
	cr_expect_eq(tls_line_client_reads(&f.line, bytes, 1), 1);
	close_line(&f);
}

/* Whoever takes a cut for an end cannot take this for one. */
Test(tls_stream, a_cut_in_the_middle_of_a_record_is_a_failure)
{
	static const uint8_t half[] = { 23, 3, 3, 0, 100, 'x' };
	struct fixture f;
	char bytes[16];
	size_t n;

	open_line(&f, TLS1_3_VERSION, true);
	cr_assert_eq(write(f.line.fds[0], half, sizeof(half)), (ssize_t)sizeof(half));
	cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_AGAIN);
	cr_expect_not(tls_stream_has_input(f.line.server));
	shutdown(f.line.fds[0], SHUT_WR);
	cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_FAILED);
	close_line(&f);
}

/* A record of libssl's that is cut behind so many of its bytes; the status of the server's last read. */
static enum tls_status read_cut_record(struct fixture *f, const uint8_t *record, size_t bytes)
{
	enum tls_status status;
	char read[64];
	size_t n;

	cr_assert_eq(write(f->line.fds[0], record, bytes), (ssize_t)bytes);
	do
		status = tls_stream_read(f->line.server, read, sizeof(read), &n);
	while (status == TLS_OK);
	cr_expect_eq(status, TLS_AGAIN);
	shutdown(f->line.fds[0], SHUT_WR);
	do
		status = tls_stream_read(f->line.server, read, sizeof(read), &n);
	while (status == TLS_OK);
	/* And it stays that. */
	cr_expect_eq(tls_stream_read(f->line.server, read, sizeof(read), &n), status);
	return status;
}

Test(tls_stream, a_cut_is_one_between_records_alone_wherever_it_comes)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	for (size_t v = 0; v < 2; v++) {
		size_t length = 1;

		for (size_t cut = 0; cut <= length; cut++) {
			BIO *far = BIO_new(BIO_s_mem());
			struct fixture f;
			uint8_t record[256];
			size_t n;
			int first = cut % 2; /* with another record before it, or without */

			open_line(&f, versions[v], true);
			if (first != 0)
				SSL_write_ex(f.line.client, "whole", 5, &n);
			SSL_set0_wbio(f.line.client, far);
			SSL_write_ex(f.line.client, "half", 4, &n);
			length = (size_t)BIO_read(far, record, sizeof(record));
			cr_expect_eq(read_cut_record(&f, record, cut), cut == 0 || cut == length ? TLS_CUT : TLS_FAILED,
			    "version %zu, %zu of %zu", v, cut, length);
			close_line(&f);
		}
	}
}

Test(tls_stream, plain_text_is_a_failure)
{
	struct fixture f;
	char bytes[16];
	size_t n;

	open_line(&f, TLS1_3_VERSION, false);
	cr_assert_gt(write(f.line.fds[0], "QUIT\r\n", 6), 0);
	cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_FAILED);
	cr_expect_neq(tls_stream_failure(f.line.server)[0], '\0');
	cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_FAILED);
	close_line(&f);
}

Test(tls_stream, closing_says_close_notify_once_and_after_the_payload)
{
	struct fixture f;
	char bytes[16];
	size_t n;

	open_line(&f, TLS1_3_VERSION, true);
	cr_expect_eq(tls_stream_write(f.line.server, "end", 3, &n), TLS_OK);
	cr_expect_eq(tls_stream_close(f.line.server), TLS_OK);
	cr_expect_eq(tls_stream_close(f.line.server), TLS_OK);
	cr_expect_eq(tls_line_client_reads(&f.line, bytes, sizeof(bytes)), 3);
	cr_expect_eq(tls_line_client_reads(&f.line, bytes, sizeof(bytes)), 0);
	cr_expect_eq(SSL_get_shutdown(f.line.client) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
	close_line(&f);
}

Test(tls_stream, many_bytes_go_through_a_socket_that_does_not_block)
{
	static uint8_t sent[MANY_BYTES];
	static uint8_t got[MANY_BYTES];
	struct fixture f;
	size_t written = 0;
	size_t read = 0;
	bool waited = false;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 7 + i / 251);
	open_line(&f, TLS1_3_VERSION, true);
	for (int turn = 0; turn < 100000 && read < sizeof(sent); turn++) {
		enum tls_status status = TLS_OK;
		size_t n = 0;

		while (status == TLS_OK && written < sizeof(sent)) {
			status = tls_stream_write(
			    f.line.server, sent + written, sizeof(sent) - written, &n);
			written += n;
		}
		waited |= status == TLS_AGAIN;
		tls_stream_flush(f.line.server);
		while ((n = tls_line_client_reads(&f.line, got + read, sizeof(got) - read)) > 0)
			read += n;
	}
	cr_expect(waited);
	cr_expect_eq(read, sizeof(sent));
	cr_expect_eq(memcmp(sent, got, sizeof(sent)), 0);
	close_line(&f);
}

Test(tls_stream, a_control_connection_sends_at_once)
{
	struct fixture f;
	char byte;
	size_t n;

	open_line(&f, TLS1_3_VERSION, false);
	cr_expect_eq(tls_stream_write(f.line.server, "y", 1, &n), TLS_OK);
	cr_expect_not(tls_stream_has_output(f.line.server));
	cr_expect_eq(tls_line_client_reads(&f.line, &byte, 1), 1);
	close_line(&f);
}

Test(tls_stream, a_data_connection_gathers_until_it_has_much_or_is_told)
{
	static uint8_t bytes[TLS_SEND_BYTES];
	struct fixture f;
	uint64_t before;
	size_t sent = 0;
	size_t n;

	open_line(&f, TLS1_3_VERSION, true);
	before = tls_stream_traffic(f.line.server);
	cr_expect_eq(tls_stream_write(f.line.server, "y", 1, &n), TLS_OK);
	cr_expect_eq(tls_stream_traffic(f.line.server), before);
	cr_expect(tls_stream_has_output(f.line.server));
	cr_expect_eq(tls_stream_events(f.line.server), POLLOUT);
	cr_expect_eq(tls_stream_flush(f.line.server), TLS_OK);
	cr_expect_eq(tls_line_client_reads(&f.line, bytes, 1), 1);
	before = tls_stream_traffic(f.line.server);
	while (sent < sizeof(bytes)) {
		cr_assert_eq(tls_stream_traffic(f.line.server), before);
		cr_assert_eq(
		    tls_stream_write(f.line.server, bytes + sent, sizeof(bytes) - sent, &n), TLS_OK);
		cr_assert_gt(n, 0);
		sent += n;
	}
	cr_expect_gt(tls_stream_traffic(f.line.server), before);
	close_line(&f);
}

/* RFC 6066 4: each record brings little more than its own overhead. */
Test(tls_stream, a_client_with_little_memory_gets_small_records)
{
	static uint8_t bytes[TLS_SEND_BYTES + TLS_WRITE_BYTES];
	/* Encrypted, that is just too little to be sent. */
	const size_t first = TLS_SEND_BYTES / (TLS_RECORD_LEAST + 22) * TLS_RECORD_LEAST;
	enum tls_status status = TLS_OK;
	struct fixture f;
	size_t written = 0;
	size_t read = 0;

	f.client = tls_peer_client(TLS1_3_VERSION);
	SSL_CTX_set_tlsext_max_fragment_length(f.client, TLSEXT_max_fragment_length_512);
	cr_assert(tls_peer_init(&f.peer, ""), "%s", f.peer.message);
	tls_line_open(&f.line, &f.peer, f.client, true, NULL);
	cr_assert_eq(tls_line_shake_hands(&f.line), TLS_OK);
	for (int turn = 0; turn < 100000 && read < sizeof(bytes) && status != TLS_FAILED; turn++) {
		size_t n = 0;

		if (written < sizeof(bytes))
			status = tls_stream_write(f.line.server, bytes + written,
			    (written < first ? first : sizeof(bytes)) - written, &n);
		else
			status = tls_stream_flush(f.line.server);
		written += n;
		while ((n = tls_line_client_reads(&f.line, bytes, TLS_RECORD_BYTES)) > 0)
			read += n;
	}
	cr_expect_neq(status, TLS_FAILED, "%s", tls_stream_failure(f.line.server));
	cr_expect_eq(read, sizeof(bytes));
	close_line(&f);
}

/* Unread it would make the close a reset. */
Test(tls_stream, what_a_client_says_in_a_download_is_taken_in_every_version)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	for (size_t v = 0; v < 2; v++) {
		for (int ends = 0; ends < 2; ends++) {
			struct fixture f;
			char byte;
			size_t n;

			open_line(&f, versions[v], true);
			SSL_write_ex(f.line.client, "noise", 5, &n);
			cr_expect_eq(tls_stream_write(f.line.server, "file", 4, &n), TLS_OK);
			cr_expect_eq(n, 4);
			if (ends == 1)
				SSL_shutdown(f.line.client);
			cr_expect_eq(tls_stream_close(f.line.server), TLS_OK);
			cr_expect_eq(recv(f.line.fds[1], &byte, 1, MSG_DONTWAIT), -1, "version %zu %d", v, ends);
			close_line(&f);
		}
	}
}

Test(tls_stream, a_record_that_was_changed_ends_a_download_in_every_version)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	static const uint8_t bad[5 + 40] = { 23, 3, 3, 0, 40 };

	for (size_t v = 0; v < 2; v++) {
		struct fixture f;
		size_t n;

		open_line(&f, versions[v], true);
		cr_assert_eq(write(f.line.fds[0], bad, sizeof(bad)), (ssize_t)sizeof(bad));
		cr_expect_eq(tls_stream_write(f.line.server, "file", 4, &n), TLS_FAILED);
		close_line(&f);
	}
}

Test(tls_stream, writing_to_a_control_connection_takes_nothing_of_what_was_said)
{
	struct fixture f;
	char bytes[16];
	size_t n;

	open_line(&f, TLS1_2_VERSION, false);
	SSL_write_ex(f.line.client, "NOOP", 4, &n);
	cr_expect_eq(tls_stream_write(f.line.server, "200", 3, &n), TLS_OK);
	cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_OK);
	cr_expect_eq(n, 4);
	close_line(&f);
}

Test(tls_stream, one_read_takes_many_records_and_tells_of_a_bad_one_behind_them_the_next_time)
{
	static const uint8_t bad[] = { 23, 3, 3, 0, 17, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x',
		'x', 'x', 'x', 'x', 'x', 'x' };
	struct fixture f;
	char bytes[64];
	size_t n;

	open_line(&f, TLS1_3_VERSION, true);
	for (int i = 0; i < 3; i++)
		SSL_write_ex(f.line.client, "abcdefgh", 8, &n);
	cr_assert_eq(write(f.line.fds[0], bad, sizeof(bad)), (ssize_t)sizeof(bad));
	cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_OK);
	cr_expect_eq(n, 24);
	cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_FAILED);
	cr_expect_eq(n, 0);
	cr_expect_neq(tls_stream_failure(f.line.server)[0], '\0');
	close_line(&f);
}

Test(tls_stream, input_read_ahead_is_told_of)
{
	struct fixture f;
	char bytes[4];
	size_t n;

	open_line(&f, TLS1_3_VERSION, true);
	for (int i = 0; i < 3; i++)
		SSL_write_ex(f.line.client, "abcdefgh", 8, &n);
	cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_OK);
	for (int i = 0; i < 5; i++) {
		cr_expect(tls_stream_has_input(f.line.server));
		cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_OK);
	}
	cr_expect_not(tls_stream_has_input(f.line.server));
	cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_AGAIN);
	close_line(&f);
}

/* KeyUpdates of the client, each followed by some payload; the status of the server's last read. */
static enum tls_status update_keys(struct fixture *f, int count, size_t payload)
{
	static char bytes[1u << 17];
	enum tls_status status = TLS_OK;
	size_t n;

	for (int i = 0; i < count && (status == TLS_OK || status == TLS_AGAIN); i++) {
		SSL_key_update(f->line.client, SSL_KEY_UPDATE_REQUESTED);
		SSL_do_handshake(f->line.client);
		if (payload > 0)
			SSL_write_ex(f->line.client, bytes, payload, &n);
		do
			status = tls_stream_read(f->line.server, bytes, sizeof(bytes), &n);
		while (status == TLS_OK || (status == TLS_AGAIN && tls_stream_has_input(f->line.server)));
		tls_line_client_reads(&f->line, bytes, sizeof(bytes));
	}
	return status;
}

Test(tls_stream, a_flood_of_key_updates_is_a_failure)
{
	struct fixture f;

	open_line(&f, TLS1_3_VERSION, true);
	cr_expect_eq(update_keys(&f, (int)TLS_CHAFF_RECORDS, 0), TLS_AGAIN);
	cr_expect_eq(update_keys(&f, 2, 0), TLS_FAILED);
	cr_expect_not_null(strstr(tls_stream_failure(f.line.server), "without payload"));
	close_line(&f);
}

Test(tls_stream, key_updates_now_and_then_are_none)
{
	struct fixture f;

	open_line(&f, TLS1_3_VERSION, true);
	cr_expect_eq(update_keys(&f, 4 * (int)TLS_CHAFF_RECORDS, 1u << 16), TLS_AGAIN);
	close_line(&f);
}

Test(tls_stream, a_flood_between_single_bytes_is_one_too)
{
	struct fixture f;

	open_line(&f, TLS1_3_VERSION, true);
	cr_expect_eq(update_keys(&f, 2 * (int)TLS_CHAFF_RECORDS, 1), TLS_FAILED);
	close_line(&f);
}

/* --- records that libssl never makes ---------------------------------------------------------------- */

#define SECRET_BYTES 32 /* of TLS_AES_128_GCM_SHA256 */
#define KEY_BYTES    16
#define IV_BYTES     12
#define TAG_BYTES    16

static uint8_t client_secret[SECRET_BYTES];

/* NSS's format of key logs: "CLIENT_TRAFFIC_SECRET_0 RANDOM SECRET", in hexadecimal. */
static void keep_secret(const SSL *ssl, const char *line)
{
	const char *hex = strrchr(line, ' ');

	(void)ssl;
	if (strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) != 0)
		return;
	for (size_t i = 0; i < SECRET_BYTES; i++)
		cr_assert_eq(sscanf(hex + 1 + 2 * i, "%2hhx", &client_secret[i]), 1);
}

/* RFC 8446 7.1, HKDF-Expand-Label without a context, for what one HMAC yields. */
static void expand_label(const char *label, uint8_t *out, uint8_t bytes)
{
	uint8_t info[64] = { 0, bytes, (uint8_t)strlen(label) };
	uint8_t block[EVP_MAX_MD_SIZE];
	size_t length = 3 + strlen(label);

	memcpy(info + 3, label, strlen(label));
	info[length++] = 0; /* no context */
	info[length++] = 1; /* the first block */
	HMAC(EVP_sha256(), client_secret, SECRET_BYTES, info, length, block, NULL);
	memcpy(out, block, bytes);
}

/* The client's record of that number since its traffic keys began, with nothing in it. */
static void send_empty_record(struct fixture *f, uint8_t number)
{
	uint8_t record[5 + 1 + TAG_BYTES] = { 23, 3, 3, 0, 1 + TAG_BYTES };
	const uint8_t type = 23; /* application data, the inner type */
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	uint8_t key[KEY_BYTES], iv[IV_BYTES];
	int n;

	expand_label("tls13 key", key, KEY_BYTES);
	expand_label("tls13 iv", iv, IV_BYTES);
	iv[IV_BYTES - 1] ^= number;
	cr_assert_eq(EVP_EncryptInit_ex(cipher, EVP_aes_128_gcm(), NULL, key, iv), 1);
	cr_assert_eq(EVP_EncryptUpdate(cipher, NULL, &n, record, 5), 1);
	cr_assert_eq(EVP_EncryptUpdate(cipher, record + 5, &n, &type, 1), 1);
	cr_assert_eq(EVP_EncryptFinal_ex(cipher, record + 6, &n), 1);
	cr_assert_eq(EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, record + 6), 1);
	EVP_CIPHER_CTX_free(cipher);
	cr_assert_eq(write(f->line.fds[0], record, sizeof(record)), (ssize_t)sizeof(record));
}

static void expect_flood_of_empty_records(bool data)
{
	enum tls_status status = TLS_AGAIN;
	struct fixture f;
	uint8_t sent = 0;
	char bytes[16];
	size_t n;

	f.client = tls_peer_client(TLS1_3_VERSION);
	SSL_CTX_set_keylog_callback(f.client, keep_secret);
	cr_assert(tls_peer_init(&f.peer, ""), "%s", f.peer.message);
	tls_line_open(&f.line, &f.peer, f.client, data, NULL);
	cr_assert_eq(tls_line_shake_hands(&f.line), TLS_OK);
	while (status == TLS_AGAIN && sent < 4 * TLS_CHAFF_RECORDS) {
		send_empty_record(&f, sent++);
		do
			status = tls_stream_read(f.line.server, bytes, sizeof(bytes), &n);
		while (status == TLS_AGAIN && tls_stream_has_input(f.line.server));
	}
	cr_expect_eq(status, TLS_FAILED);
	/* They were good records, and it was their number that did it. */
	cr_expect_gt(sent, TLS_CHAFF_RECORDS / 2, "%u: %s", sent, tls_stream_failure(f.line.server));
	cr_expect_leq(sent, TLS_CHAFF_RECORDS + 2, "%u: %s", sent, tls_stream_failure(f.line.server));
	close_line(&f);
}

Test(tls_stream, a_flood_of_empty_records_is_a_failure)
{
	expect_flood_of_empty_records(false);
	expect_flood_of_empty_records(true);
}

Test(tls_stream, renegotiation_is_not_served)
{
	struct fixture f;
	char bytes[16];
	size_t n;

	open_line(&f, TLS1_2_VERSION, false);
	SSL_renegotiate(f.line.client);
	SSL_do_handshake(f.line.client);
	cr_expect_eq(tls_stream_read(f.line.server, bytes, sizeof(bytes), &n), TLS_AGAIN);
	cr_expect_neq(SSL_do_handshake(f.line.client), 1);
	cr_expect_eq(f.peer.signatures, 1);
	close_line(&f);
}

Test(tls_stream, a_handshake_is_bounded_in_bytes)
{
	/* A ClientHello that says it is nearly as long as OpenSSL takes, in records of 16,000 bytes. */
	uint8_t record[5 + 16000] = { 22, 3, 1, 16000 >> 8, 16000 & 0xff, 1, 1, 0xf0, 0 };
	enum tls_status status = TLS_AGAIN;
	struct fixture f;

	f.client = tls_peer_client(TLS1_3_VERSION);
	cr_assert(tls_peer_init(&f.peer, ""), "%s", f.peer.message);
	tls_line_open(&f.line, &f.peer, f.client, false, NULL);
	for (int i = 0; i < 8 && status == TLS_AGAIN; i++) {
		cr_assert_eq(write(f.line.fds[0], record, sizeof(record)), (ssize_t)sizeof(record));
		memset(record + 5, 0, 4);
		status = tls_stream_handshake(f.line.server);
	}
	cr_expect_eq(status, TLS_FAILED);
	cr_expect_str_eq(tls_stream_failure(f.line.server), "the handshake is too long");
	cr_expect_lt(tls_stream_traffic(f.line.server), TLS_HANDSHAKE_MAX_BYTES + 1024);
	close_line(&f);
}

Test(tls_stream, a_handshake_in_single_bytes_succeeds_and_waits_in_between)
{
	struct fixture f;
	BIO *near = BIO_new(BIO_s_mem());
	BIO *far = BIO_new(BIO_s_mem());
	char *bytes;
	long n;

	f.client = tls_peer_client(TLS1_3_VERSION);
	cr_assert(tls_peer_init(&f.peer, ""), "%s", f.peer.message);
	tls_line_open(&f.line, &f.peer, f.client, false, NULL);
	SSL_set_bio(f.line.client, near, far);
	SSL_do_handshake(f.line.client);
	n = BIO_get_mem_data(far, &bytes);
	for (long i = 0; i < n; i++) {
		cr_assert_eq(tls_stream_handshake(f.line.server), TLS_AGAIN);
		cr_assert_eq(tls_stream_traffic(f.line.server), (uint64_t)i);
		cr_assert_eq(write(f.line.fds[0], bytes + i, 1), 1);
	}
	cr_expect_eq(tls_stream_handshake(f.line.server), TLS_AGAIN);
	/* The answer has been sent. */
	cr_expect_gt(tls_stream_traffic(f.line.server), (uint64_t)n);
	close_line(&f);
}

Test(tls_stream, it_describes_what_was_agreed_and_what_was_offered)
{
	char text[TLS_DESCRIPTION_BYTES];
	char expected[TLS_DESCRIPTION_BYTES];
	char ours[4096];
	char theirs[4096];
	struct fixture f;

	open_line(&f, TLS1_3_VERSION, false);
	tls_stream_describe(f.line.server, text);
	snprintf(expected, sizeof(expected), "TLSv1.3 TLS_AES_128_GCM_SHA256 %s", tls_peer_group());
	cr_expect_str_eq(text, expected);
	tls_stream_offers(f.line.server, ours, sizeof(ours), theirs, sizeof(theirs));
	cr_expect_not_null(strstr(ours, "TLS_AES_128_GCM_SHA256"));
	cr_expect_not_null(strstr(theirs, "TLS_AES_128_GCM_SHA256"));
	tls_stream_offers(f.line.server, ours, 4, theirs, 4);
	cr_expect_eq(strlen(ours), 0);
	close_line(&f);
}
