/*
 * One TLS connection, server's side, on a socket that does not block.
 *
 * Front only.  Nothing here waits: what cannot go on says TLS_AGAIN, and the caller polls for tls_stream_events.
 * Deadlines are the caller's; bounds in bytes and records are kept here (tls_limits.h).  Contexts, certificates and
 * the question who may resume what are tls_session.c's.
 */
#ifndef TLS_STREAM_H
#define TLS_STREAM_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "server/tls/tls_kernel.h"

#define TLS_DESCRIPTION_BYTES 160u

enum tls_status {
	TLS_OK,
	TLS_AGAIN,  /* when the socket is ready */
	TLS_END,    /* the peer has said that this was all (close_notify) */
	TLS_CUT,    /* the peer has closed its side of the connection without that */
	TLS_FAILED, /* the connection broke, or the peer broke the protocol or a bound: tls_stream_failure */
};

struct tls_stream;

/* bulk: for files, with large buffers while there is something in them; else for a control connection.  fd stays the
 * caller's.  NULL when memory ran out. */
struct tls_stream *tls_stream_new(SSL_CTX *ctx, BIO_METHOD *method, int fd, bool bulk);
/* Says nothing to the peer.  A session that was made can still be resumed. */
void tls_stream_free(struct tls_stream **stream);

/* TLS_OK once it is done, and from then on. */
enum tls_status tls_stream_handshake(struct tls_stream *stream);
bool tls_stream_is_open(const struct tls_stream *stream);
/* Was it resumed, from a session of this process? */
bool tls_stream_is_resumed(const struct tls_stream *stream);
/* At most n bytes, and at least one with TLS_OK. */
enum tls_status tls_stream_read(struct tls_stream *stream, void *bytes, size_t n, size_t *got_out);
/*
 * Where tls_stream_can_lend: what is read is lent as pieces of the receive buffer (tls_records.h), without a copy.
 * TLS_OK: no more will be before it is taken back; TLS_AGAIN: more may come.  *got_out bytes were added, whatever is
 * returned.  tls_stream_read must not be called while anything is lent.
 */
bool tls_stream_can_lend(const struct tls_stream *stream);
enum tls_status tls_stream_lend(struct tls_stream *stream, size_t most, size_t *got_out);
struct iovec *tls_stream_lent(struct tls_stream *stream, int *count_out);
void tls_stream_take_back(struct tls_stream *stream);
/*
 * Encrypt at most n bytes and send what the socket takes; *taken_out is how many of them need not be given again.
 * TLS_OK also when not all of it is sent yet; TLS_AGAIN when earlier bytes stand in the way and nothing was taken.
 * bulk: nothing is sent before much has been gathered, or flush or close is called; and it is for one direction alone,
 * since payload that comes meanwhile may be dropped.
 */
enum tls_status tls_stream_write(
    struct tls_stream *stream, const void *bytes, size_t n, size_t *taken_out);
/* Send what still waits.  TLS_OK when that is nothing. */
enum tls_status tls_stream_flush(struct tls_stream *stream);
/* Say that this was all (close_notify, once) and flush.  The peer is not waited for. */
enum tls_status tls_stream_close(struct tls_stream *stream);
/*
 * bulk, to send a file: let the kernel make the records from now on (tls_kernel.h); no more than TLS_KERNEL_MAX_BYTES are
 * to follow.  Unless it SEALS, everything is as before.
 */
enum tls_kernel_answer tls_stream_hand_over(struct tls_stream *stream);
/* Then: as sendfile(2), from the file's own position.  EPROTO: tls_stream_failure. */
ssize_t tls_stream_send_file(struct tls_stream *stream, int file_fd, size_t n);
/* Did it fail because the client wants new keys, which the kernel does not take? */
bool tls_stream_lacks_keys(const struct tls_stream *stream);
/* Give a client of TLS 1.3 one more ticket, along with what is written next. */
void tls_stream_renew_ticket(struct tls_stream *stream);

/* For poll(2), to go on with what said TLS_AGAIN; POLLIN is the caller's affair once the stream is open. */
short tls_stream_events(const struct tls_stream *stream);
bool tls_stream_has_output(const struct tls_stream *stream);
/* Is there something to read that no descriptor tells of? */
bool tls_stream_has_input(const struct tls_stream *stream);
/* Bytes on the wire so far, both ways: grows as long as anything moves. */
uint64_t tls_stream_traffic(const struct tls_stream *stream);

/* Did it fail because the connection broke?  Else the peer is to blame. */
bool tls_stream_is_lost(const struct tls_stream *stream);
/* Why it failed, in OpenSSL's words: for the log alone. */
const char *tls_stream_failure(const struct tls_stream *stream);
/* "TLSv1.3 TLS_AES_128_GCM_SHA256 x25519 resumed" */
void tls_stream_describe(const struct tls_stream *stream, char out[TLS_DESCRIPTION_BYTES]);
/* Versions and cipher suites that were offered by us and, as far as we know them, by the client. */
void tls_stream_offers(
    const struct tls_stream *stream, char *ours, size_t ours_bytes, char *theirs, size_t theirs_bytes);
/* The host name that the client asked for (SNI), "" for none. */
const char *tls_stream_host(const struct tls_stream *stream);
/* RFC 8446 4.2.3: of the client's CertificateVerify; 0: there was none. */
unsigned tls_stream_client_scheme(const struct tls_stream *stream);
/* For tls_session.c. */
SSL *tls_stream_ssl(const struct tls_stream *stream);

#endif
