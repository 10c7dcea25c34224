/*
 * The records of a TLS 1.3 connection after its handshake, without libssl: what is sealed goes straight from the file's
 * buffer into the one that is sent, and the other way round; libssl copies each byte twice more in either direction.
 *
 * Front only, for data connections, through tls_stream.c, which goes on with libssl whenever this cannot be had (TLS
 * 1.2, short fragments).  It knows what may come after a handshake that issues no tickets and asks for no certificate
 * later: application data, alerts and KeyUpdate.  Deadlines, and how many empty records are too many, are the caller's.
 */
#ifndef TLS_RECORDS_H
#define TLS_RECORDS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "server/tls/tls_bio.h"
#include "server/tls/tls_kernel.h"
#include "server/tls/tls_secrets.h"

enum tls_records_status {
	TLS_RECORDS_OK,
	TLS_RECORDS_AGAIN, /* reading: nothing is here */
	TLS_RECORDS_END,   /* close_notify */
	TLS_RECORDS_CUT,   /* the peer has closed its side without it */
	TLS_RECORDS_LOST,  /* the socket's error is bio->error */
	TLS_RECORDS_WRONG, /* the peer broke the protocol, or libcrypto failed: tls_records_failure; an alert waits in bio */
};

struct tls_records;

/*
 * After the handshake, before anything else was read or written.  bio is borrowed; the caller wipes the secrets.  NULL
 * when it cannot be had.  Else libssl must make no record any more: it would be one under a nonce that is used here.
 */
struct tls_records *tls_records_follow(
    const SSL *ssl, const struct tls_secrets *secrets, struct tls_bio *bio);
/* The same without a handshake. */
struct tls_records *tls_records_new(
    const SSL_CIPHER *suite, const struct tls_secrets *secrets, struct tls_bio *bio);
/* New keys are taken after so many records; 2^24 when nothing is said. */
void tls_records_set_limit(struct tls_records *records, uint64_t records_per_key);
/* Wipes the keys; NULL is fine. */
void tls_records_free(struct tls_records **records);

/* At most n bytes, and at least one with OK; *chaff_out: records without payload that were met.  Not while bytes are
 * lent. */
enum tls_records_status tls_records_read(
    struct tls_records *records, uint8_t *bytes, size_t n, size_t *got_out, uint64_t *chaff_out);
/*
 * The same without a copy: what arrives is opened where it lies, and lent until it is taken back.  OK: `most` bytes are
 * lent, or as many as there is room for; AGAIN: more may come.  *got_out: bytes that this call has added, whatever it
 * returns.
 */
enum tls_records_status tls_records_lend(
    struct tls_records *records, size_t most, size_t *got_out, uint64_t *chaff_out);
/* All that is lent, in order: *count_out pieces, which the caller may change. */
struct iovec *tls_records_lent(struct tls_records *records, int *count_out);
void tls_records_take_back(struct tls_records *records);
/* Can something be read, or said about the connection, without the socket? */
bool tls_records_has_input(const struct tls_records *records);
/* Seal n bytes into bio, which has room for them (TLS_SEND_BUFFER_BYTES).  OK, or WRONG. */
enum tls_records_status tls_records_write(struct tls_records *records, const uint8_t *bytes, size_t n);
/*
 * Let the kernel seal from now on, if it will: then the keys are gone here, and tls_records_write is WRONG.  bio must hold
 * nothing that is still to be sent.
 */
enum tls_kernel_answer tls_records_hand_over(struct tls_records *records);
bool tls_records_are_kernels(const struct tls_records *records);
/* Did it end because the client wants new keys, and the kernel has no way to take them? */
bool tls_records_lacks_keys(const struct tls_records *records);
/* Put a close_notify there, behind which nothing of ours comes any more.  Where the kernel seals it is sent: AGAIN until
 * it can be, and OK when the socket may be closed without a loss. */
enum tls_records_status tls_records_close(struct tls_records *records);
const char *tls_records_failure(const struct tls_records *records);

#endif
