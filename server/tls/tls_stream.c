#include "server/tls/tls_stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "server/base/io.h"
#include "server/base/secret.h"
#include "server/base/text.h"
#include "server/tls/tls_bio.h"
#include "server/tls/tls_limits.h"
#include "server/tls/tls_records.h"
#include "server/tls/tls_secrets.h"

#define FAILURE_BYTES	  160
#define HEARD_ASIDE_BYTES 1024

/* A record's header as the message callback sees it (RFC 8446 5.1). */
#define RECORD_HEADER_BYTES 5

struct tls_stream {
	SSL *ssl;
	struct tls_bio bio;
	struct tls_secrets secrets;  /* bulk: from the handshake to its end */
	struct tls_records *records; /* bulk: instead of OpenSSL's, once the handshake is done; NULL: OpenSSL's */
	bool open;		 /* the handshake is done */
	bool said_end;		 /* our close_notify has been written */
	bool end_waits;		 /* in the kernel's hands: for room in the socket */
	bool heard_end;		 /* the peer's */
	bool failed;		 /* OpenSSL has given up on it */
	uint64_t payload;	 /* bytes read */
	uint64_t chaff;		 /* records without payload, since the handshake */
	unsigned pending_chaff;	 /* records since the last payload: perhaps chaff, perhaps the payload's own */
	unsigned client_scheme;
	char failure[FAILURE_BYTES];
};

/* --- what goes by ----------------------------------------------------------------------------- */

static void on_handshake_message(struct tls_stream *stream, const uint8_t *message, size_t n)
{
	/* type, three bytes of length, then the scheme. */
	if (n >= 6 && message[0] == SSL3_MT_CERTIFICATE_VERIFY)
		stream->client_scheme = (unsigned)message[4] << 8 | message[5];
}

/* Every record and message of the peer, as OpenSSL has checked it. */
static void on_message(int is_written, int version, int type, const void *bytes, size_t n, SSL *ssl,
    void *context)
{
	struct tls_stream *stream = context;
	const uint8_t *message = bytes;

	(void)version;
	(void)ssl;
	if (is_written)
		return;
	if (type == SSL3_RT_HEADER && n == RECORD_HEADER_BYTES && stream->open)
		stream->pending_chaff++;
	else if (type == SSL3_RT_HANDSHAKE && !stream->open)
		on_handshake_message(stream, message, n);
	else if (type == SSL3_RT_ALERT && n == 2 && message[1] == SSL3_AD_CLOSE_NOTIFY)
		stream->heard_end = true;
}

/* Is the client after our time?  See TLS_CHAFF_RECORDS. */
static bool is_flood(const struct tls_stream *stream)
{
	return stream->chaff + stream->pending_chaff >
	       TLS_CHAFF_RECORDS * (1 + ((stream->payload + stream->bio.sent) >> 20));
}

/* --- life ---------------------------------------------------------------------------------------- */

struct tls_stream *tls_stream_new(SSL_CTX *ctx, BIO_METHOD *method, int fd, bool bulk)
{
	struct tls_stream *stream = calloc(1, sizeof(*stream));
	BIO *bio;

	if (stream == NULL)
		return NULL;
	tls_bio_init(&stream->bio, fd, bulk);
	stream->bio.receive_limit = TLS_HANDSHAKE_MAX_BYTES;
	stream->ssl = SSL_new(ctx);
	bio = stream->ssl != NULL ? tls_bio_new(method, &stream->bio) : NULL;
	if (bio == NULL) {
		tls_stream_free(&stream);
		return NULL;
	}
	SSL_set_bio(stream->ssl, bio, bio);
	if (bulk) {
		/* Given back after each record they would be asked for again with the next one. */
		SSL_clear_mode(stream->ssl, SSL_MODE_RELEASE_BUFFERS);
		tls_secrets_collect(stream->ssl, &stream->secrets);
	}
	SSL_set_accept_state(stream->ssl);
	SSL_set_msg_callback(stream->ssl, on_message);
	SSL_set_msg_callback_arg(stream->ssl, stream);
	return stream;
}

void tls_stream_free(struct tls_stream **stream_pointer)
{
	struct tls_stream *stream = *stream_pointer;

	*stream_pointer = NULL;
	if (stream == NULL)
		return;
	tls_records_free(&stream->records);
	if (stream->ssl != NULL) {
		/* RFC 2246 7.2.1 wanted a session forgotten whose connection was cut; RFC 4346 on do not, and
		 * an aborted transfer must not spoil the next one. */
		SSL_set_shutdown(stream->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		SSL_free(stream->ssl);
	}
	tls_bio_clear(&stream->bio);
	secret_wipe(&stream->secrets, sizeof(stream->secrets));
	free(stream);
}

/* --- results ------------------------------------------------------------------------------------ */

static void note_failure(struct tls_stream *stream, const char *fallback)
{
	unsigned long error = ERR_peek_last_error();
	const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;

	if (stream->failure[0] == '\0')
		text_copy(stream->failure, sizeof(stream->failure), reason != NULL ? reason : fallback);
	ERR_clear_error();
}

static enum tls_status fail(struct tls_stream *stream, const char *why)
{
	stream->failed = true;
	ERR_clear_error();
	note_failure(stream, why);
	return TLS_FAILED;
}

/* Has the peer begun a record that is not whole?  libssl calls the body a state of its own, in which nothing need wait. */
static bool is_within_record(const struct tls_stream *stream)
{
	return SSL_has_pending(stream->ssl) == 1 || strcmp(SSL_rstate_string(stream->ssl), "RB") == 0;
}

/* After an OpenSSL call that did not succeed. */
static enum tls_status explain(struct tls_stream *stream, int result)
{
	int error = SSL_get_error(stream->ssl, result);

	if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
		return is_flood(stream) ? fail(stream, "too many records without payload") : TLS_AGAIN;
	if (stream->heard_end)
		return TLS_END;
	if (stream->bio.error == EMSGSIZE)
		return fail(stream, "the handshake is too long");
	if (stream->bio.error != 0)
		return fail(stream, strerror(stream->bio.error));
	/* Whatever may pass for an end, this cannot. */
	if (stream->bio.ended && stream->open && error != SSL_ERROR_SSL && is_within_record(stream))
		return fail(stream, "cut in the middle of a record");
	/* The peer has closed its side; ours may still be used. */
	if (stream->bio.ended && error != SSL_ERROR_SSL) {
		ERR_clear_error();
		return TLS_CUT;
	}
	stream->failed = true;
	note_failure(stream, "protocol error");
	/* An alert of ours may wait, which the client should hear. */
	tls_bio_flush(&stream->bio);
	return TLS_FAILED;
}

enum tls_status tls_stream_flush(struct tls_stream *stream)
{
	if (tls_bio_flush(&stream->bio))
		return TLS_OK;
	return errno == EAGAIN ? TLS_AGAIN : fail(stream, strerror(errno));
}

/* --- the handshake ------------------------------------------------------------------------------- */

/*
 * GnuTLS sends the end of its handshake in two pieces, and the second one waits (Nagle) until the first is acknowledged,
 * which the kernel likes to put off by 40 ms: each small file would take ten times as long.  Good for the next
 * segments only, so it is said anew each time.
 */
static void acknowledge_at_once(const struct tls_stream *stream)
{
	const int yes = 1;

	setsockopt(stream->bio.fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof(yes));
}

static void begin_records(struct tls_stream *stream)
{
	if (!stream->bio.bulk)
		return;
	tls_secrets_collect(stream->ssl, NULL);
	stream->records = tls_records_follow(stream->ssl, &stream->secrets, &stream->bio);
	secret_wipe(&stream->secrets, sizeof(stream->secrets));
	if (stream->records != NULL) {
		/* A record of libssl's would have a nonce that is used here: it cannot send one, whoever asks it to. */
		SSL_set_bio(stream->ssl, NULL, NULL);
		SSL_free_buffers(stream->ssl);
	}
	ERR_clear_error();
}

enum tls_status tls_stream_handshake(struct tls_stream *stream)
{
	enum tls_status status;
	int result;

	if (stream->open)
		return TLS_OK;
	if (stream->failed)
		return TLS_FAILED;
	ERR_clear_error();
	result = SSL_do_handshake(stream->ssl);
	if (result != 1) {
		status = explain(stream, result);
		if (status == TLS_AGAIN && tls_stream_flush(stream) == TLS_FAILED)
			return TLS_FAILED;
		if (status == TLS_AGAIN)
			acknowledge_at_once(stream);
		return status;
	}
	stream->open = true;
	stream->bio.receive_limit = UINT64_MAX;
	begin_records(stream);
	return tls_stream_flush(stream) == TLS_FAILED ? TLS_FAILED : TLS_OK;
}

bool tls_stream_is_open(const struct tls_stream *stream)
{
	return stream->open;
}

bool tls_stream_is_resumed(const struct tls_stream *stream)
{
	return SSL_session_reused(stream->ssl) == 1;
}

/* --- payload ------------------------------------------------------------------------------------- */

/* One record, or what is left of one.  As SSL_read_ex. */
static int read_record(struct tls_stream *stream, uint8_t *to, size_t room, size_t *got_out)
{
	size_t got = 0;
	int result;

	ERR_clear_error();
	result = SSL_read_ex(stream->ssl, to, room, &got);
	if (result != 1)
		return result;
	if (stream->pending_chaff > 1)
		stream->chaff += stream->pending_chaff - 1;
	stream->pending_chaff = 0;
	stream->payload += got;
	*got_out += got;
	return 1;
}

static enum tls_status explain_records(struct tls_stream *stream, enum tls_records_status status)
{
	switch (status) {
	case TLS_RECORDS_OK:
		return TLS_OK;
	case TLS_RECORDS_AGAIN:
		return TLS_AGAIN;
	case TLS_RECORDS_END:
		return TLS_END;
	case TLS_RECORDS_CUT:
		return TLS_CUT;
	case TLS_RECORDS_LOST:
		return fail(stream, strerror(stream->bio.error));
	case TLS_RECORDS_WRONG:
		break;
	}
	/* An alert of ours may wait, which the client should hear. */
	tls_bio_flush(&stream->bio);
	return fail(stream, tls_records_failure(stream->records));
}

/* Of what was read by records: payload, and records without any. */
static enum tls_status count_records(
    struct tls_stream *stream, enum tls_records_status status, size_t payload, uint64_t chaff)
{
	stream->payload += payload;
	stream->chaff += chaff;
	if (is_flood(stream) && (status == TLS_RECORDS_OK || status == TLS_RECORDS_AGAIN))
		return fail(stream, "too many records without payload");
	return explain_records(stream, status);
}

static enum tls_status read_by_records(struct tls_stream *stream, uint8_t *bytes, size_t n, size_t *got_out)
{
	uint64_t chaff;
	enum tls_records_status status = tls_records_read(stream->records, bytes, n, got_out, &chaff);

	return count_records(stream, status, *got_out, chaff);
}

/* An answer to a KeyUpdate may wait; whether it goes is not the reader's affair. */
static void flush_answers(struct tls_stream *stream)
{
	if (tls_bio_has_output(&stream->bio))
		tls_bio_flush(&stream->bio);
}

bool tls_stream_can_lend(const struct tls_stream *stream)
{
	return stream->records != NULL;
}

enum tls_status tls_stream_lend(struct tls_stream *stream, size_t most, size_t *got_out)
{
	enum tls_records_status status;
	uint64_t chaff;

	*got_out = 0;
	if (stream->failed)
		return TLS_FAILED;
	flush_answers(stream);
	status = tls_records_lend(stream->records, most, got_out, &chaff);
	return count_records(stream, status, *got_out, chaff);
}

struct iovec *tls_stream_lent(struct tls_stream *stream, int *count_out)
{
	return tls_records_lent(stream->records, count_out);
}

void tls_stream_take_back(struct tls_stream *stream)
{
	tls_records_take_back(stream->records);
}

static enum tls_status read_by_libssl(struct tls_stream *stream, uint8_t *bytes, size_t n, size_t *got_out)
{
	enum tls_status status = TLS_OK;
	int result;

	do
		result = read_record(stream, bytes + *got_out, n - *got_out, got_out);
	while (result == 1 && *got_out < n && tls_bio_has_input(&stream->bio));
	if (result != 1)
		status = explain(stream, result);
	/* What is wrong behind the payload is told the next time. */
	if (*got_out == 0)
		return status;
	return is_flood(stream) ? fail(stream, "too many records without payload") : TLS_OK;
}

static enum tls_status read_some(struct tls_stream *stream, uint8_t *bytes, size_t n, size_t *got_out)
{
	*got_out = 0;
	if (stream->records != NULL)
		return read_by_records(stream, bytes, n, got_out);
	return read_by_libssl(stream, bytes, n, got_out);
}

enum tls_status tls_stream_read(struct tls_stream *stream, void *bytes, size_t n, size_t *got_out)
{
	*got_out = 0;
	if (stream->failed)
		return TLS_FAILED;
	flush_answers(stream);
	return read_some(stream, bytes, n, got_out);
}

/*
 * Nobody reads while a file is sent, but the client may ask for new keys, or tell that something is wrong.  Called when
 * all that was gathered has gone, so a client that only talks does not look busy.  What it says besides is dropped, and
 * not much of it is taken.
 */
static enum tls_status hear_aside(struct tls_stream *stream)
{
	uint8_t dropped[HEARD_ASIDE_BYTES];
	size_t n;

	/* What comes over a control connection is the engine's. */
	if (!stream->bio.bulk)
		return TLS_OK;
	return read_some(stream, dropped, sizeof(dropped), &n) == TLS_FAILED ? TLS_FAILED : TLS_OK;
}

static bool kernel_seals(const struct tls_stream *stream)
{
	return stream->records != NULL && tls_records_are_kernels(stream->records);
}

enum tls_kernel_answer tls_stream_hand_over(struct tls_stream *stream)
{
	/* Whatever still waits is sealed already. */
	if (stream->records == NULL || stream->failed || tls_stream_flush(stream) != TLS_OK)
		return TLS_KERNEL_NOT_NOW;
	return tls_records_hand_over(stream->records);
}

/* As write(2) and sendfile(2), after n bytes or an error: who is listened to has taken something. */
static ssize_t count_sent(struct tls_stream *stream, ssize_t n)
{
	if (n <= 0)
		return n;
	stream->bio.sent += (uint64_t)n;
	if (hear_aside(stream) != TLS_FAILED)
		return n;
	errno = EPROTO;
	return -1;
}

ssize_t tls_stream_send_file(struct tls_stream *stream, int file_fd, size_t n)
{
	ssize_t sent;

	if (stream->failed || stream->said_end || !kernel_seals(stream)) {
		errno = EPROTO;
		return -1;
	}
	do
		sent = sendfile(stream->bio.fd, file_fd, NULL, n);
	while (sent < 0 && errno == EINTR);
	return count_sent(stream, sent);
}

static enum tls_status write_by_kernel(
    struct tls_stream *stream, const void *bytes, size_t n, size_t *taken_out)
{
	ssize_t sent = count_sent(stream, io_write(stream->bio.fd, bytes, n));

	if (sent >= 0) {
		*taken_out = (size_t)sent;
		return TLS_OK;
	}
	if (errno == EAGAIN)
		return TLS_AGAIN;
	if (stream->failed)
		return TLS_FAILED;
	stream->bio.error = errno;
	return fail(stream, strerror(errno));
}

bool tls_stream_lacks_keys(const struct tls_stream *stream)
{
	return stream->records != NULL && tls_records_lacks_keys(stream->records);
}

enum tls_status tls_stream_write(
    struct tls_stream *stream, const void *bytes, size_t n, size_t *taken_out)
{
	size_t most = stream->bio.bulk ? TLS_WRITE_BYTES : TLS_RECORD_BYTES;
	enum tls_status status = tls_bio_gathers(&stream->bio) ? TLS_OK : tls_stream_flush(stream);
	int result;

	*taken_out = 0;
	/* Nothing more before a full buffer is empty: so OpenSSL's writes always fit, and none is left half done. */
	if (status != TLS_OK)
		return status;
	if (stream->failed || (!tls_bio_has_output(&stream->bio) && hear_aside(stream) == TLS_FAILED))
		return TLS_FAILED;
	if (n > most)
		n = most;
	if (kernel_seals(stream))
		return write_by_kernel(stream, bytes, n, taken_out);
	ERR_clear_error();
	if (stream->records != NULL) {
		status = explain_records(stream, tls_records_write(stream->records, bytes, n));
		if (status != TLS_OK)
			return status;
		*taken_out = n;
	} else {
		result = SSL_write_ex(stream->ssl, bytes, n, taken_out);
		if (result != 1)
			return explain(stream, result);
	}
	if (tls_bio_gathers(&stream->bio))
		return TLS_OK;
	return tls_stream_flush(stream) == TLS_FAILED ? TLS_FAILED : TLS_OK;
}

static enum tls_status say_end(struct tls_stream *stream)
{
	enum tls_status status = TLS_OK;

	ERR_clear_error();
	if (stream->records == NULL)
		SSL_shutdown(stream->ssl);
	else
		status = explain_records(stream, tls_records_close(stream->records));
	ERR_clear_error();
	stream->end_waits = status == TLS_AGAIN;
	stream->said_end = status != TLS_AGAIN;
	return status;
}

enum tls_status tls_stream_close(struct tls_stream *stream)
{
	enum tls_status status;

	if (!stream->open || stream->failed)
		return TLS_FAILED;
	status = stream->said_end ? TLS_OK : say_end(stream);
	if (status != TLS_OK)
		return status;
	status = tls_stream_flush(stream);
	/* What nobody has read turns the close of the socket into a reset, which takes the end of the file along.  A client
	 * that has hung up already has what it wanted. */
	if (status == TLS_OK && hear_aside(stream) == TLS_FAILED && !tls_stream_is_lost(stream))
		return TLS_FAILED;
	return status;
}

void tls_stream_renew_ticket(struct tls_stream *stream)
{
	if (stream->open && !stream->failed && !stream->said_end && stream->records == NULL &&
	    SSL_version(stream->ssl) >= TLS1_3_VERSION)
		SSL_new_session_ticket(stream->ssl);
}

/* --- questions ----------------------------------------------------------------------------------- */

short tls_stream_events(const struct tls_stream *stream)
{
	short events = 0;

	if (tls_bio_has_output(&stream->bio) || stream->end_waits)
		events |= POLLOUT;
	if (!stream->open)
		events |= POLLIN;
	return events;
}

bool tls_stream_has_output(const struct tls_stream *stream)
{
	return tls_bio_has_output(&stream->bio);
}

bool tls_stream_has_input(const struct tls_stream *stream)
{
	if (stream->records != NULL)
		return tls_records_has_input(stream->records);
	/* Not SSL_has_pending: that counts the part of a record whose rest is still to come. */
	return tls_bio_has_input(&stream->bio) || SSL_pending(stream->ssl) > 0;
}

uint64_t tls_stream_traffic(const struct tls_stream *stream)
{
	return stream->bio.sent + stream->bio.received;
}

bool tls_stream_is_lost(const struct tls_stream *stream)
{
	return stream->bio.error != 0 && stream->bio.error != EMSGSIZE;
}

const char *tls_stream_failure(const struct tls_stream *stream)
{
	return stream->failure;
}

const char *tls_stream_host(const struct tls_stream *stream)
{
	const char *name = SSL_get_servername(stream->ssl, TLSEXT_NAMETYPE_host_name);

	return name != NULL ? name : "";
}

unsigned tls_stream_client_scheme(const struct tls_stream *stream)
{
	return stream->client_scheme;
}

SSL *tls_stream_ssl(const struct tls_stream *stream)
{
	return stream->ssl;
}

/* --- descriptions for the log -------------------------------------------------------------------- */

void tls_stream_describe(const struct tls_stream *stream, char out[TLS_DESCRIPTION_BYTES])
{
	int group = (int)SSL_get_negotiated_group(stream->ssl);
	const char *name = group > 0 ? SSL_group_to_name(stream->ssl, group) : NULL;

	text_format(out, TLS_DESCRIPTION_BYTES, "%s %s%s%s%s", SSL_get_version(stream->ssl),
	    SSL_get_cipher_name(stream->ssl), name != NULL ? " " : "", name != NULL ? name : "",
	    tls_stream_is_resumed(stream) ? " resumed" : "");
}

static void list_ciphers(const STACK_OF(SSL_CIPHER) *ciphers, char *out, size_t out_bytes)
{
	size_t length = strlen(out);

	for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
		const char *name = SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i));

		if (!text_format(out + length, out_bytes - length, "%s%s", length > 0 ? " " : "", name)) {
			out[length] = '\0';
			return;
		}
		length = strlen(out);
	}
}

void tls_stream_offers(
    const struct tls_stream *stream, char *ours, size_t ours_bytes, char *theirs, size_t theirs_bytes)
{
	STACK_OF(SSL_CIPHER) *supported = SSL_get1_supported_ciphers(stream->ssl);
	const STACK_OF(SSL_CIPHER) *offered = SSL_get_client_ciphers(stream->ssl);

	ours[0] = '\0';
	theirs[0] = '\0';
	if (supported != NULL)
		list_ciphers(supported, ours, ours_bytes);
	if (offered != NULL)
		list_ciphers(offered, theirs, theirs_bytes);
	sk_SSL_CIPHER_free(supported);
}
