/*
 * A growable byte buffer with a hard upper bound.
 *
 * Any role.  It is a queue: bytes are appended at the end and consumed at the
 * front.  It never grows past its limit, so a peer that sends without end, or
 * never reads, costs a known amount.  Not for secrets (use base/secret.h).
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data; /* heap; NULL while empty and never used */
	size_t start;  /* first byte not yet consumed */
	size_t end;    /* one past the last byte */
	size_t size;   /* bytes allocated */
	size_t limit;  /* end - start never exceeds this */
	bool failed;   /* an append did not fit or memory ran out; sticky until buf_reset */
};

/* Make an empty buffer that may hold at most limit_bytes.  Allocates nothing. */
void buf_init(struct buf *buf, size_t limit_bytes);
/* Free the memory; the buffer is as after buf_init with the same limit. */
void buf_clear(struct buf *buf);
/* Forget the content and the failure, keep the memory. */
void buf_reset(struct buf *buf);

/* The bytes waiting, and how many there are.  The pointer is good until the next append. */
const uint8_t *buf_bytes(const struct buf *buf);
size_t buf_length(const struct buf *buf);
/* How many bytes may still be appended before the limit. */
size_t buf_room(const struct buf *buf);

/* Drop n bytes from the front (n <= buf_length). */
void buf_consume(struct buf *buf, size_t n);

/* Append; false, with nothing appended and failed set, when it would not fit. */
bool buf_append(struct buf *buf, const void *bytes, size_t n);
bool buf_append_string(struct buf *buf, const char *text);
bool buf_appendf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool buf_vappendf(struct buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

/*
 * Room for up to n contiguous bytes to be written by the caller (a read(2), an encoder),
 * who then tells with buf_commit how many were.  NULL when n bytes do not fit.
 */
uint8_t *buf_reserve(struct buf *buf, size_t n);
void buf_commit(struct buf *buf, size_t n);

#endif
