#include "server/tls/tls_records.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/secret.h"
#include "server/tls/tls_aead.h"
#include "server/tls/tls_limits.h"

#define MAX_INNER_BYTES (TLS_RECORD_BYTES + 256u) /* RFC 8446 5.2: of what is behind the header */
#define MIN_INNER_BYTES (1u + TLS_AEAD_TAG_BYTES)
/* RFC 8446 5.5: with AES-GCM 2^24.5 records of full size keep a margin of 2^-57. */
#define RECORDS_PER_KEY (UINT64_C(1) << 24)

#define KEY_UPDATE_BYTES 5u /* RFC 8446 4.6.3: type, three of length, and whether an answer is wanted */
#define ALERT_BYTES	 2u

struct tls_records {
	struct tls_bio *bio;
	struct tls_aead *opening;
	struct tls_aead *sealing; /* NULL: the kernel has the keys, and nobody else */
	uint8_t *rest; /* in bio->in: opened, and not yet given to the caller */
	size_t rest_bytes;
	struct iovec lent[TLS_LENT_MAX]; /* in bio->in, in order: the caller's until taken back */
	int lent_count;
	size_t lent_bytes;
	uint8_t message[KEY_UPDATE_BYTES]; /* of the client's that has begun; RFC 8446 5.1 lets it be in pieces */
	size_t message_bytes;
	uint64_t records_per_key;
	bool lacks_keys;
	bool said_end;
	enum tls_records_status end; /* once it is neither OK nor AGAIN, it stays */
	const char *failure;
};

/* --- life --------------------------------------------------------------------------------------- */

struct tls_records *tls_records_new(
    const SSL_CIPHER *suite, const struct tls_secrets *secrets, struct tls_bio *bio)
{
	struct tls_records *records = calloc(1, sizeof(*records));

	if (records == NULL)
		return NULL;
	records->bio = bio;
	records->records_per_key = RECORDS_PER_KEY;
	records->failure = "";
	records->opening = tls_aead_new(suite, secrets->client, secrets->client_bytes, AEAD_OPEN);
	records->sealing = tls_aead_new(suite, secrets->server, secrets->server_bytes, AEAD_SEAL);
	if (records->opening == NULL || records->sealing == NULL)
		tls_records_free(&records);
	return records;
}

struct tls_records *tls_records_follow(
    const SSL *ssl, const struct tls_secrets *secrets, struct tls_bio *bio)
{
	const SSL_SESSION *session = SSL_get0_session(ssl);

	/* What libssl has read already, or written as a ticket, would be missing here. */
	if (SSL_version(ssl) != TLS1_3_VERSION || SSL_has_pending(ssl) ||
	    SSL_get_num_tickets(ssl) != 0 || session == NULL ||
	    SSL_SESSION_get_max_fragment_length(session) != TLSEXT_max_fragment_length_DISABLED)
		return NULL;
	return tls_records_new(SSL_get_current_cipher(ssl), secrets, bio);
}

void tls_records_set_limit(struct tls_records *records, uint64_t records_per_key)
{
	records->records_per_key = records_per_key;
}

void tls_records_free(struct tls_records **records)
{
	if (*records == NULL)
		return;
	tls_aead_free(&(*records)->opening);
	tls_aead_free(&(*records)->sealing);
	free(*records);
	*records = NULL;
}

const char *tls_records_failure(const struct tls_records *records)
{
	return records->failure;
}

/* --- out ---------------------------------------------------------------------------------------- */

static bool put_record(struct tls_records *records, uint8_t type, const uint8_t *bytes, size_t n)
{
	uint8_t *out;

	if (records->sealing == NULL)
		return type != SSL3_RT_APPLICATION_DATA &&
		       tls_kernel_send_record(records->bio->fd, type, bytes, n);
	out = tls_bio_reserve(records->bio, n + TLS_AEAD_OVERHEAD_BYTES);
	if (out == NULL || !tls_aead_seal(records->sealing, type, bytes, n, out))
		return false;
	tls_bio_commit(records->bio, n + TLS_AEAD_OVERHEAD_BYTES);
	return true;
}

static bool update_sealing(struct tls_records *records)
{
	static const uint8_t message[KEY_UPDATE_BYTES] = { SSL3_MT_KEY_UPDATE, 0, 0, 1,
		SSL_KEY_UPDATE_NOT_REQUESTED };

	return put_record(records, SSL3_RT_HANDSHAKE, message, sizeof(message)) &&
	       tls_aead_update(records->sealing);
}

static enum tls_records_status wrong(struct tls_records *records, uint8_t alert, const char *why)
{
	const uint8_t message[ALERT_BYTES] = { SSL3_AL_FATAL, alert };

	records->failure = why;
	if (!records->said_end)
		put_record(records, SSL3_RT_ALERT, message, sizeof(message));
	return TLS_RECORDS_WRONG;
}

enum tls_records_status tls_records_write(struct tls_records *records, const uint8_t *bytes, size_t n)
{
	if (records->sealing == NULL)
		return wrong(records, SSL_AD_INTERNAL_ERROR, "the kernel has the keys");
	while (n > 0) {
		size_t part = n < TLS_RECORD_BYTES ? n : TLS_RECORD_BYTES;

		if (tls_aead_count(records->sealing) >= records->records_per_key && !update_sealing(records))
			return wrong(records, SSL_AD_INTERNAL_ERROR, "no new keys");
		if (!put_record(records, SSL3_RT_APPLICATION_DATA, bytes, part))
			return wrong(records, SSL_AD_INTERNAL_ERROR, "a record could not be made");
		bytes += part;
		n -= part;
	}
	return TLS_RECORDS_OK;
}

/* Whoever reads the keys is the only one to have them afterwards: the same nonce twice would betray both records. */
enum tls_kernel_answer tls_records_hand_over(struct tls_records *records)
{
	enum tls_kernel_answer answer = TLS_KERNEL_NOT_NOW;
	struct tls_aead_keys keys;

	if (records->sealing == NULL || tls_bio_has_output(records->bio) || records->said_end)
		return answer;
	if (tls_aead_tell_keys(records->sealing, &keys))
		answer = tls_kernel_take(records->bio->fd, &keys);
	secret_wipe(&keys, sizeof(keys));
	if (answer == TLS_KERNEL_SEALS)
		tls_aead_free(&records->sealing);
	return answer;
}

bool tls_records_are_kernels(const struct tls_records *records)
{
	return records->sealing == NULL;
}

bool tls_records_lacks_keys(const struct tls_records *records)
{
	return records->lacks_keys;
}

static enum tls_records_status explain_kernel(struct tls_records *records)
{
	if (errno == EAGAIN)
		return TLS_RECORDS_AGAIN;
	records->bio->error = errno;
	return TLS_RECORDS_LOST;
}

enum tls_records_status tls_records_close(struct tls_records *records)
{
	static const uint8_t message[ALERT_BYTES] = { SSL3_AL_WARNING, SSL3_AD_CLOSE_NOTIFY };
	const bool put = put_record(records, SSL3_RT_ALERT, message, sizeof(message));

	if (!put && records->sealing == NULL)
		return explain_kernel(records);
	if (!put)
		return wrong(records, SSL_AD_INTERNAL_ERROR, "a record could not be made");
	records->said_end = true;
	return TLS_RECORDS_OK;
}

/* --- in ----------------------------------------------------------------------------------------- */

/* What is behind the header of the record that has begun to arrive; 0: not even its header is here. */
static size_t inner_bytes(const struct tls_bio *bio)
{
	const uint8_t *header = bio->in + bio->in_start;

	if (bio->in_end - bio->in_start < TLS_AEAD_HEADER_BYTES)
		return 0;
	return (size_t)header[3] << 8 | header[4];
}

/* Must not be waited for: a whole record, or the beginning of one that is wrong. */
static bool has_record(const struct tls_bio *bio)
{
	size_t n = bio->in_end - bio->in_start;
	size_t inner = inner_bytes(bio);

	if (n > 0 && bio->in[bio->in_start] != SSL3_RT_APPLICATION_DATA)
		return true;
	return n >= TLS_AEAD_HEADER_BYTES &&
	       (n - TLS_AEAD_HEADER_BYTES >= inner || inner > MAX_INNER_BYTES);
}

bool tls_records_has_input(const struct tls_records *records)
{
	return records->end != TLS_RECORDS_OK || records->rest_bytes > 0 || has_record(records->bio);
}

static enum tls_records_status take_alert(struct tls_records *records, const uint8_t *alert, size_t n)
{
	/* RFC 8446 5.1: neither in pieces nor several in one record. */
	if (n != ALERT_BYTES)
		return wrong(records, SSL_AD_UNEXPECTED_MESSAGE, "an alert of a wrong length");
	if (alert[1] == SSL3_AD_CLOSE_NOTIFY)
		return TLS_RECORDS_END;
	/* RFC 8446 6: all others but user_canceled, behind which close_notify comes, are errors. */
	if (alert[1] == SSL_AD_USER_CANCELLED)
		return TLS_RECORDS_OK;
	records->failure = SSL_alert_desc_string_long(alert[1]);
	return TLS_RECORDS_WRONG;
}

/* RFC 8446 4.6.3: before the next payload, or not at all. */
static enum tls_records_status answer_key_update(struct tls_records *records)
{
	records->lacks_keys = records->sealing == NULL;
	if (records->lacks_keys)
		return wrong(records, SSL_AD_INTERNAL_ERROR, "new keys, which the kernel does not take");
	if (!update_sealing(records))
		return wrong(records, SSL_AD_INTERNAL_ERROR, "no room for a KeyUpdate");
	return TLS_RECORDS_OK;
}

static enum tls_records_status take_key_update(struct tls_records *records, uint8_t request)
{
	if (request != SSL_KEY_UPDATE_NOT_REQUESTED && request != SSL_KEY_UPDATE_REQUESTED)
		return wrong(records, SSL_AD_ILLEGAL_PARAMETER, "a KeyUpdate that is none");
	if (!tls_aead_update(records->opening))
		return wrong(records, SSL_AD_INTERNAL_ERROR, "no new keys");
	if (request == SSL_KEY_UPDATE_REQUESTED && !records->said_end)
		return answer_key_update(records);
	return TLS_RECORDS_OK;
}

/*
 * A KeyUpdate is all that a client may say after the handshake.  RFC 8446 5.1: in as many records as it likes, none of
 * which is empty, and with nothing behind it in the last.
 */
static enum tls_records_status take_handshake(
    struct tls_records *records, const uint8_t *bytes, size_t n)
{
	static const uint8_t expected[] = { SSL3_MT_KEY_UPDATE, 0, 0, 1 };
	size_t known;

	if (n == 0 || n > KEY_UPDATE_BYTES - records->message_bytes)
		return wrong(records, SSL_AD_UNEXPECTED_MESSAGE, "a message after the handshake");
	memcpy(records->message + records->message_bytes, bytes, n);
	records->message_bytes += n;
	known = records->message_bytes < sizeof(expected) ? records->message_bytes : sizeof(expected);
	if (memcmp(records->message, expected, known) != 0)
		return wrong(records, SSL_AD_UNEXPECTED_MESSAGE, "a message after the handshake");
	if (records->message_bytes < KEY_UPDATE_BYTES)
		return TLS_RECORDS_OK;
	records->message_bytes = 0;
	return take_key_update(records, records->message[sizeof(expected)]);
}

/* What was authenticated, but for payload. */
static enum tls_records_status take_message(
    struct tls_records *records, uint8_t type, const uint8_t *bytes, size_t n)
{
	if (type == SSL3_RT_HANDSHAKE)
		return take_handshake(records, bytes, n);
	if (type == SSL3_RT_ALERT)
		return take_alert(records, bytes, n);
	return wrong(records, SSL_AD_UNEXPECTED_MESSAGE, "a record of an unknown type");
}

static enum tls_records_status refuse(struct tls_records *records, enum tls_aead_opened why)
{
	switch (why) {
	case TLS_AEAD_TYPELESS:
		return wrong(records, SSL_AD_UNEXPECTED_MESSAGE, "a record without a type");
	case TLS_AEAD_TOO_LONG:
		return wrong(records, SSL_AD_RECORD_OVERFLOW, "a record that is too long inside");
	case TLS_AEAD_FORGED:
	case TLS_AEAD_OPENED:
		break;
	}
	return wrong(records, SSL_AD_BAD_RECORD_MAC, "a record that was changed");
}

/* One record that has_record tells of, at bio->in_start.  Its payload is the rest then. */
static enum tls_records_status take_record(struct tls_records *records)
{
	struct tls_bio *bio = records->bio;
	uint8_t *record = bio->in + bio->in_start;
	const size_t bytes = TLS_AEAD_HEADER_BYTES + inner_bytes(bio);
	uint8_t *body = record + TLS_AEAD_HEADER_BYTES;
	enum tls_aead_opened opened;
	uint8_t type;
	size_t n;

	if (record[0] != SSL3_RT_APPLICATION_DATA)
		return wrong(records, SSL_AD_UNEXPECTED_MESSAGE, "a record that is not encrypted");
	if (bytes > TLS_AEAD_HEADER_BYTES + MAX_INNER_BYTES)
		return wrong(records, SSL_AD_RECORD_OVERFLOW, "a record that is too long");
	if (bytes < TLS_AEAD_HEADER_BYTES + MIN_INNER_BYTES)
		return wrong(records, SSL_AD_DECODE_ERROR, "a record that is too short");
	opened = tls_aead_open(records->opening, record, bytes, &n, &type);
	if (opened != TLS_AEAD_OPENED)
		return refuse(records, opened);
	bio->in_start += bytes;
	if (records->message_bytes > 0 && type != SSL3_RT_HANDSHAKE)
		return wrong(records, SSL_AD_UNEXPECTED_MESSAGE, "a record within a message");
	if (type != SSL3_RT_APPLICATION_DATA)
		return take_message(records, type, body, n);
	records->rest = body;
	records->rest_bytes = n;
	return TLS_RECORDS_OK;
}

/* With pieces lent nothing is moved: behind a full buffer there is no room, and a read of no bytes would look like the end
 * of the connection. */
static bool has_room(const struct tls_records *records)
{
	return records->lent_count == 0 || tls_bio_has_room(records->bio);
}

static enum tls_records_status receive_more(struct tls_records *records)
{
	struct tls_bio *bio = records->bio;
	ssize_t n;

	if (records->lent_count == 0)
		tls_bio_compact(bio);
	assert(tls_bio_has_room(bio));
	n = tls_bio_receive(bio);
	if (n > 0)
		return TLS_RECORDS_OK;
	if (n == 0 && bio->error != 0)
		return TLS_RECORDS_LOST;
	if (n == 0 && (tls_bio_has_input(bio) || records->message_bytes > 0)) {
		/* Whatever may pass for an end, this cannot. */
		records->failure = "cut in the middle of a record";
		return TLS_RECORDS_WRONG;
	}
	if (n == 0)
		return TLS_RECORDS_CUT;
	return errno == EAGAIN ? TLS_RECORDS_AGAIN : TLS_RECORDS_LOST;
}

/* Until payload waits in the rest: OK, or why there is none.  At most one look at the socket, while *may_receive. */
static enum tls_records_status fetch(struct tls_records *records, bool *may_receive, uint64_t *chaff_out)
{
	enum tls_records_status status = records->end;

	/* A flood is not followed to its end: the caller shall see that it is one. */
	while (status == TLS_RECORDS_OK && records->rest_bytes == 0 && *chaff_out <= TLS_CHAFF_RECORDS) {
		if (has_record(records->bio)) {
			status = take_record(records);
			if (status == TLS_RECORDS_OK && records->rest_bytes == 0)
				++*chaff_out;
		} else if (*may_receive && has_room(records)) {
			*may_receive = false;
			status = receive_more(records);
		} else {
			status = TLS_RECORDS_AGAIN;
		}
	}
	if (status != TLS_RECORDS_AGAIN)
		records->end = status;
	return status == TLS_RECORDS_OK && records->rest_bytes == 0 ? TLS_RECORDS_AGAIN : status;
}

static size_t take_rest(struct tls_records *records, uint8_t *to, size_t room)
{
	size_t n = records->rest_bytes < room ? records->rest_bytes : room;

	memmove(to, records->rest, n);
	records->rest += n;
	records->rest_bytes -= n;
	return n;
}

enum tls_records_status tls_records_read(
    struct tls_records *records, uint8_t *bytes, size_t n, size_t *got_out, uint64_t *chaff_out)
{
	enum tls_records_status status;
	bool may_receive = true;

	assert(records->lent_count == 0);
	*got_out = 0;
	*chaff_out = 0;
	do {
		status = fetch(records, &may_receive, chaff_out);
		if (status == TLS_RECORDS_OK)
			*got_out += take_rest(records, bytes + *got_out, n - *got_out);
		/* One that has something to work on does not look for more. */
		may_receive = false;
	} while (status == TLS_RECORDS_OK && *got_out < n);
	/* What is wrong behind the payload is told the next time. */
	return *got_out > 0 ? TLS_RECORDS_OK : status;
}

/* --- without a copy ----------------------------------------------------------------------------- */

/* At most n bytes of the rest; so many were lent. */
static size_t lend_rest(struct tls_records *records, size_t n)
{
	struct iovec *last = &records->lent[records->lent_count > 0 ? records->lent_count - 1 : 0];

	if (n > records->rest_bytes)
		n = records->rest_bytes;
	if (records->lent_count > 0 && n < TLS_LENT_WHOLE_BYTES) {
		take_rest(records, (uint8_t *)last->iov_base + last->iov_len, n);
		last->iov_len += n;
	} else {
		records->lent[records->lent_count++] = (struct iovec){ .iov_base = records->rest, .iov_len = n };
		records->rest += n;
		records->rest_bytes -= n;
	}
	records->lent_bytes += n;
	return n;
}

/* What was received lies where it was lent, up to the end of the buffer. */
static bool is_full(const struct tls_records *records)
{
	return records->lent_count == TLS_LENT_MAX ||
	       (records->lent_count > 0 && records->rest_bytes == 0 && !has_room(records) &&
		   !tls_records_has_input(records));
}

enum tls_records_status tls_records_lend(
    struct tls_records *records, size_t most, size_t *got_out, uint64_t *chaff_out)
{
	enum tls_records_status status = TLS_RECORDS_OK;
	bool may_receive = true;

	*got_out = 0;
	*chaff_out = 0;
	while (status == TLS_RECORDS_OK && records->lent_bytes < most && !is_full(records)) {
		status = fetch(records, &may_receive, chaff_out);
		if (status == TLS_RECORDS_OK)
			*got_out += lend_rest(records, most - records->lent_bytes);
	}
	return status;
}

struct iovec *tls_records_lent(struct tls_records *records, int *count_out)
{
	*count_out = records->lent_count;
	return records->lent;
}

void tls_records_take_back(struct tls_records *records)
{
	records->lent_count = 0;
	records->lent_bytes = 0;
}
