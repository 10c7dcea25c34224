/*
 * What a client may send on a protected data connection after its handshake.  The first byte chooses the suite and how
 * many records a key of ours is good for; then steps of one byte for what happens, one for a length, and so many bytes:
 * sealed as we are told to, or as they are.  Nothing may be delivered that was not sealed as payload, and in that order.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls/records_peer.h"

#define SENT_MAX_BYTES (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static struct records_peer peer;
static uint8_t sent[SENT_MAX_BYTES]; /* payload that was sealed */
static size_t sent_bytes, read_bytes, lent_bytes;
static enum tls_records_status ended;

/* RFC 8446 5.2: the last byte inside that is not zero is the type. */
static void note_payload(uint8_t type, const uint8_t *bytes, size_t n)
{
	while (type == 0 && n > 0)
		type = bytes[--n];
	if (type != SSL3_RT_APPLICATION_DATA)
		return;
	if (n > sizeof(sent) - sent_bytes)
		n = sizeof(sent) - sent_bytes;
	memcpy(sent + sent_bytes, bytes, n);
	sent_bytes += n;
}

static void take(const uint8_t *bytes, size_t n)
{
	if (n > sent_bytes - read_bytes || memcmp(bytes, sent + read_bytes, n) != 0)
		abort();
	read_bytes += n;
}

static void note_end(enum tls_records_status status)
{
	if (ended != TLS_RECORDS_AGAIN && status != ended)
		abort();
	if (status != TLS_RECORDS_OK)
		ended = status;
}

static void take_back(void)
{
	int count;
	const struct iovec *pieces = tls_records_lent(peer.records, &count);

	for (int i = 0; i < count; i++)
		take(pieces[i].iov_base, pieces[i].iov_len);
	tls_records_take_back(peer.records);
	lent_bytes = 0;
}

/* Without a copy; what is lent may stay so for some steps. */
static void lend_some(size_t most)
{
	uint64_t chaff;
	size_t n;
	enum tls_records_status status = tls_records_lend(peer.records, most, &n, &chaff);

	lent_bytes += n;
	if (status != TLS_RECORDS_AGAIN || most % 3 == 0)
		take_back();
	note_end(status);
}

static void read_some(size_t room)
{
	static uint8_t got[1u << 16];
	enum tls_records_status status;
	uint64_t chaff;
	size_t n;

	if (lent_bytes > 0 || room % 2 == 1) {
		lend_some(lent_bytes + 1 + room % sizeof(got));
		return;
	}
	status = tls_records_read(peer.records, got, 1 + room % sizeof(got), &n, &chaff);
	if ((status == TLS_RECORDS_OK) != (n > 0))
		abort();
	take(got, n);
	note_end(status);
}

/* All that we say is a good record, under keys that the client can follow. */
static void hear_all(void)
{
	static uint8_t to[RECORDS_PEER_ROOM];
	enum records_peer_heard heard;
	uint8_t type;
	size_t n;

	while ((heard = records_peer_hear(&peer, to, &n, &type)) == PEER_HEARD_RECORD) {
		if (type == SSL3_RT_HANDSHAKE && (n != 5 || !tls_aead_update(peer.opening)))
			abort();
	}
	if (heard == PEER_HEARD_NONSENSE)
		abort();
}

/* The record in two parts, with a look at the first one in between.  False from here on: the socket is full. */
static bool send_sealed(uint8_t type, const uint8_t *bytes, size_t n, size_t split)
{
	static uint8_t record[2 * RECORDS_PEER_ROOM];
	size_t total = records_peer_seal(&peer, type, bytes, n, record, sizeof(record));

	if (total == 0)
		abort();
	split %= total;
	note_payload(type, bytes, n);
	if (!records_peer_write(&peer, record, split))
		return false;
	read_some(n + split);
	return records_peer_write(&peer, record + split, total - split);
}

static bool send_long(const uint8_t *bytes, size_t n)
{
	static uint8_t payload[RECORDS_PEER_ROOM];
	const size_t long_bytes = n == 0 ? TLS_RECORD_BYTES : 64 * n + bytes[0] % 64u;

	for (size_t i = 0; i < long_bytes; i++)
		payload[i] = (uint8_t)(n == 0 ? i : bytes[i % n]);
	/* Nothing of one that is too long is to be had. */
	if (long_bytes <= TLS_RECORD_BYTES)
		note_payload(SSL3_RT_APPLICATION_DATA, payload, long_bytes);
	return records_peer_send(&peer, SSL3_RT_APPLICATION_DATA, payload, long_bytes);
}

static bool send_key_update(uint8_t request)
{
	const uint8_t message[] = { SSL3_MT_KEY_UPDATE, 0, 0, 1, request };

	return records_peer_send(&peer, SSL3_RT_HANDSHAKE, message, sizeof(message)) &&
	       tls_aead_update(peer.sealing);
}

static bool step(uint8_t what, const uint8_t *bytes, size_t n)
{
	bool goes_on = true;

	switch (what % 8) {
	case 0:
		goes_on = records_peer_write(&peer, bytes, n);
		break;
	case 1:
		goes_on = send_sealed(SSL3_RT_APPLICATION_DATA, bytes, n, what / 8u);
		break;
	case 2: /* any type; 0: padded */
		if (n > 0)
			goes_on = send_sealed(bytes[0], bytes + 1, n - 1, what / 8u);
		break;
	case 3:
		goes_on = send_key_update(what / 8u % 3);
		break;
	case 4:
		goes_on = send_long(bytes, n);
		break;
	case 5:
		goes_on = tls_records_write(peer.records, bytes, n) == TLS_RECORDS_OK;
		break;
	case 6:
		goes_on = tls_aead_update(peer.sealing);
		break;
	default:
		break;
	}
	read_some(n * (what / 8u + 1u));
	hear_all();
	return goes_on && ended == TLS_RECORDS_AGAIN;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length < 1 || length > 8192)
		return 0;
	if (!records_peer_open(&peer, bytes[0] % 3u))
		abort();
	tls_records_set_limit(peer.records, 1u + bytes[0] / 3u);
	sent_bytes = 0;
	read_bytes = 0;
	lent_bytes = 0;
	ended = TLS_RECORDS_AGAIN;
	for (size_t at = 1, n; at + 2 <= length; at += 2 + n) {
		n = bytes[at + 1];
		if (n > length - at - 2)
			n = length - at - 2;
		if (!step(bytes[at], bytes + at + 2, n))
			break;
	}
	for (unsigned i = 0; i < 64; i++)
		read_some(4095 + i);
	take_back();
	records_peer_close(&peer);
	return 0;
}
