#include <criterion/criterion.h>
#include <string.h>

#include "records_peer.h"
#include "server/tls/tls_limits.h"

/* tls_records_lend: payload is written to a file from where it was decrypted. */

#define SENT_BYTES (3u << 20)

static struct records_peer peer; /* large; one process for each test */
static uint8_t sent[SENT_BYTES], record[2 * RECORDS_PEER_ROOM];
static size_t given, taken; /* of sent: to the peer, and out of what was lent */

static void open_peer(void)
{
	for (size_t i = 0; i < SENT_BYTES; i++)
		sent[i] = (uint8_t)(i * 13 + i / 241);
	cr_assert(records_peer_open(&peer, 0));
}

static void close_peer(void)
{
	records_peer_close(&peer);
}

TestSuite(tls_lend, .init = open_peer, .fini = close_peer);

/* The next n bytes as a record. */
static void send_next(size_t n)
{
	cr_assert(records_peer_send(&peer, SSL3_RT_APPLICATION_DATA, sent + given, n));
	given += n;
}

static enum tls_records_status lend(size_t most, size_t *got)
{
	uint64_t chaff;

	return tls_records_lend(peer.records, most, got, &chaff);
}

/* What is lent is what comes next. */
static size_t look(void)
{
	int count;
	const struct iovec *pieces = tls_records_lent(peer.records, &count);
	size_t n = 0;

	cr_assert_leq(count, TLS_LENT_MAX);
	for (int i = 0; i < count; i++) {
		cr_assert_eq(memcmp(pieces[i].iov_base, sent + taken + n, pieces[i].iov_len), 0);
		n += pieces[i].iov_len;
	}
	return n;
}

static void take_back(void)
{
	taken += look();
	tls_records_take_back(peer.records);
}

Test(tls_lend, what_is_lent_stays_while_more_comes)
{
	size_t got;

	send_next(5000);
	cr_expect_eq(lend(SIZE_MAX, &got), TLS_RECORDS_AGAIN);
	cr_expect_eq(got, 5000);
	for (unsigned i = 0; i < 20; i++) {
		send_next(4096 + 600 * i);
		cr_expect_eq(lend(SIZE_MAX, &got), TLS_RECORDS_AGAIN);
		cr_expect_eq(got, 4096 + 600 * i);
		cr_expect_eq(look(), given);
	}
	take_back();
	cr_expect_eq(taken, given);
	cr_expect_eq(look(), 0);
}

Test(tls_lend, no_more_than_was_asked_for)
{
	size_t got;

	send_next(10000);
	cr_expect_eq(lend(10, &got), TLS_RECORDS_OK);
	cr_expect_eq(got, 10);
	cr_expect_eq(lend(10, &got), TLS_RECORDS_OK);
	cr_expect_eq(got, 0);
	cr_expect_eq(lend(6000, &got), TLS_RECORDS_OK);
	cr_expect_eq(got, 5990);
	cr_expect(tls_records_has_input(peer.records));
	take_back();
	cr_expect_eq(lend(6000, &got), TLS_RECORDS_AGAIN);
	cr_expect_eq(got, 4000);
	take_back();
	cr_expect_eq(taken, given);
	cr_expect_not(tls_records_has_input(peer.records));
}

Test(tls_lend, short_pieces_become_one)
{
	size_t got, total = 0;
	int count;

	for (unsigned i = 0; i < 3 * TLS_LENT_MAX; i++) {
		send_next(1 + 20 * i);
		cr_assert_eq(lend(SIZE_MAX, &got), TLS_RECORDS_AGAIN);
		total += got;
	}
	tls_records_lent(peer.records, &count);
	cr_expect_eq(count, 1);
	cr_expect_eq(total, given);
	cr_expect_eq(look(), given);
}

Test(tls_lend, so_many_pieces_and_no_more)
{
	size_t got;
	int count;

	for (unsigned i = 0; i < TLS_LENT_MAX - 1; i++) {
		send_next(TLS_LENT_WHOLE_BYTES);
		cr_assert_eq(lend(SIZE_MAX, &got), TLS_RECORDS_AGAIN);
	}
	send_next(TLS_LENT_WHOLE_BYTES);
	cr_assert_eq(lend(SIZE_MAX, &got), TLS_RECORDS_OK);
	tls_records_lent(peer.records, &count);
	cr_expect_eq(count, TLS_LENT_MAX);
	take_back();
	cr_expect_eq(taken, given);
}

Test(tls_lend, a_full_buffer_has_to_be_taken_back_and_nothing_is_lost)
{
	const size_t bytes = TLS_RECORD_BYTES;
	bool full = false;
	size_t got;

	while (given + bytes <= SENT_BYTES) {
		enum tls_records_status status;

		send_next(bytes);
		status = lend(SIZE_MAX, &got);
		cr_assert(status == TLS_RECORDS_AGAIN || status == TLS_RECORDS_OK);
		if (status == TLS_RECORDS_AGAIN)
			continue;
		/* A block of a file, in full records. */
		cr_expect_eq(look(), TLS_RECEIVE_RECORDS * TLS_RECORD_BYTES);
		take_back();
		full = true;
	}
	cr_expect(full);
	take_back();
	cr_expect_eq(taken, given);
}

Test(tls_lend, records_in_any_lengths_and_pieces_of_them)
{
	size_t got, n = 1;

	while (given + TLS_RECORD_BYTES <= SENT_BYTES / 2) {
		size_t sealed = records_peer_seal(
		    &peer, SSL3_RT_APPLICATION_DATA, sent + given, n, record, sizeof(record));
		size_t first = sealed * (n % 7) / 7;

		given += n;
		cr_assert(records_peer_write(&peer, record, first));
		if (lend(1 + n * 31 % 100003, &got) == TLS_RECORDS_OK)
			take_back();
		cr_assert(records_peer_write(&peer, record + first, sealed - first));
		if (lend(1 + n * 17 % 300007, &got) == TLS_RECORDS_OK || n % 5 == 0)
			take_back();
		n = (n * 7 + 3) % TLS_RECORD_BYTES + 1;
	}
	take_back();
	while (lend(SIZE_MAX, &got) == TLS_RECORDS_OK || got > 0)
		take_back();
	cr_expect_eq(taken, given);
}

static void send_key_update(void)
{
	static const uint8_t message[] = { SSL3_MT_KEY_UPDATE, 0, 0, 1, SSL_KEY_UPDATE_NOT_REQUESTED };

	cr_assert(records_peer_send(&peer, SSL3_RT_HANDSHAKE, message, sizeof(message)));
	cr_assert(tls_aead_update(peer.sealing));
}

/* Twice as many pieces as may be lent, and what fills the buffer up to its last byte is no payload. */
Test(tls_lend, a_full_buffer_that_ends_with_nothing_is_not_the_end)
{
	const size_t update = 5 + TLS_AEAD_OVERHEAD_BYTES;
	const size_t whole = TLS_LENT_WHOLE_BYTES + TLS_AEAD_OVERHEAD_BYTES;
	size_t left = TLS_RECEIVE_BYTES - update, got;

	for (; left >= 2 * whole; left -= whole) {
		send_next(TLS_LENT_WHOLE_BYTES);
		cr_assert_gt(tls_bio_receive(&peer.bio), 0);
	}
	send_next(left - TLS_AEAD_OVERHEAD_BYTES);
	send_key_update();
	cr_assert_gt(tls_bio_receive(&peer.bio), 0);
	cr_assert_not(tls_bio_has_room(&peer.bio));
	for (unsigned i = 0; i < 8; i++)
		send_next(TLS_LENT_WHOLE_BYTES);
	while (taken + look() < given) {
		enum tls_records_status status = lend(TLS_RECEIVE_BYTES, &got);

		cr_assert(status == TLS_RECORDS_OK || status == TLS_RECORDS_AGAIN, "%d after %zu of %zu: %s", (int)status,
		    taken + look(), given, tls_records_failure(peer.records));
		if (status == TLS_RECORDS_OK || got == 0)
			take_back();
	}
	take_back();
	cr_expect_eq(taken, given);
}

Test(tls_lend, the_end_comes_along_with_the_last_bytes)
{
	static const uint8_t close_notify[] = { SSL3_AL_WARNING, SSL3_AD_CLOSE_NOTIFY };
	size_t got;

	send_next(100);
	cr_assert(records_peer_send(&peer, SSL3_RT_ALERT, close_notify, sizeof(close_notify)));
	cr_expect_eq(lend(SIZE_MAX, &got), TLS_RECORDS_END);
	cr_expect_eq(got, 100);
	take_back();
	cr_expect_eq(lend(SIZE_MAX, &got), TLS_RECORDS_END);
	cr_expect_eq(got, 0);
}

Test(tls_lend, what_was_genuine_before_a_changed_record_is_lent_and_no_more)
{
	size_t got, n;

	send_next(100);
	n = records_peer_seal(&peer, SSL3_RT_APPLICATION_DATA, sent + given, 5000, record, sizeof(record));
	record[n / 2] ^= 1;
	cr_assert(records_peer_write(&peer, record, n));
	cr_expect_eq(lend(SIZE_MAX, &got), TLS_RECORDS_WRONG);
	cr_expect_eq(got, 100);
	cr_expect_eq(look(), 100);
}

Test(tls_lend, a_flood_of_nothing_is_counted_and_not_followed)
{
	uint64_t chaff;
	size_t got;

	for (unsigned i = 0; i < 2 * TLS_CHAFF_RECORDS; i++)
		cr_assert(records_peer_send(&peer, SSL3_RT_APPLICATION_DATA, sent, 0));
	cr_expect_eq(tls_records_lend(peer.records, SIZE_MAX, &got, &chaff), TLS_RECORDS_AGAIN);
	cr_expect_eq(chaff, TLS_CHAFF_RECORDS + 1);
	cr_expect_eq(got, 0);
}
