/*
 * Between OpenSSL and a socket that does not block: gathers what OpenSSL writes record by record, and reads far more
 * at once than OpenSSL asks for.
 *
 * Front, and the nursery's self-test.  OpenSSL's writes always succeed while memory lasts: they only fill the buffer,
 * and tls_bio_flush sends.  One struct serves one connection; tls_stream.c owns it.
 */
#ifndef TLS_BIO_H
#define TLS_BIO_H

#include <openssl/bio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tls_bio {
	int fd;		     /* borrowed */
	bool bulk;	     /* large mapped buffers both ways; else the heap, and reads as OpenSSL asks for them */
	uint8_t *out;	     /* encrypted, not yet sent; NULL while there is nothing (but for bulk) */
	size_t out_size, out_start, out_end;
	uint8_t *in;	     /* bulk: received, not yet given to OpenSSL */
	size_t in_start, in_end;
	uint64_t sent, received;
	uint64_t receive_limit; /* of received; UINT64_MAX: none */
	bool ended;	     /* the peer has closed its side */
	int error;	     /* errno of what broke the connection; 0: it is whole */
};

/* Once in a process (the nursery's, inherited): what OpenSSL calls.  NULL when memory ran out. */
BIO_METHOD *tls_bio_method_new(void);

void tls_bio_init(struct tls_bio *bio, int fd, bool bulk);
void tls_bio_clear(struct tls_bio *bio);
/* A BIO for SSL_set_bio, whose calls work on *bio.  NULL when memory ran out. */
BIO *tls_bio_new(BIO_METHOD *method, struct tls_bio *bio);

/* Send what the socket takes.  True when nothing is left; false with errno (EAGAIN: later). */
bool tls_bio_flush(struct tls_bio *bio);
bool tls_bio_has_output(const struct tls_bio *bio);
/* For files: is it better to wait for more before it is sent? */
bool tls_bio_gathers(const struct tls_bio *bio);
/* Was something received that OpenSSL has not asked for yet? */
bool tls_bio_has_input(const struct tls_bio *bio);

/* Without OpenSSL (bulk only): where the next n bytes to be sent are to be written, or NULL; and that they were. */
uint8_t *tls_bio_reserve(struct tls_bio *bio, size_t n);
void tls_bio_commit(struct tls_bio *bio, size_t n);
/* Is there room behind what was received, as it lies? */
bool tls_bio_has_room(const struct tls_bio *bio);
/* Move what was received to the beginning; most often a part of a record. */
void tls_bio_compact(struct tls_bio *bio);
/* Receive more behind it, where there is room.  As read(2). */
ssize_t tls_bio_receive(struct tls_bio *bio);

#endif
