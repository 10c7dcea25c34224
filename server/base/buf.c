#include "server/base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST_BYTES 256u

void buf_init(struct buf *buf, size_t limit_bytes)
{
	*buf = (struct buf){ .limit = limit_bytes };
}

void buf_clear(struct buf *buf)
{
	free(buf->data);
	buf_init(buf, buf->limit);
}

void buf_reset(struct buf *buf)
{
	buf->start = 0;
	buf->end = 0;
	buf->failed = false;
}

const uint8_t *buf_bytes(const struct buf *buf)
{
	/* Not NULL + 0 for a buffer never used: that is undefined, and memcpy refuses NULL. */
	return buf->data != NULL ? buf->data + buf->start : (const uint8_t *)"";
}

size_t buf_length(const struct buf *buf)
{
	return buf->end - buf->start;
}

size_t buf_room(const struct buf *buf)
{
	return buf->limit - buf_length(buf);
}

void buf_consume(struct buf *buf, size_t n)
{
	assert(n <= buf_length(buf));
	buf->start += n;
	if (buf->start == buf->end) {
		buf->start = 0;
		buf->end = 0;
	}
}

/*
 * Make n bytes writable at data + end: first by moving what is waiting to the beginning, then by
 * growing.  The limit is the caller's affair.
 */
static bool make_contiguous(struct buf *buf, size_t n)
{
	size_t length = buf_length(buf);
	size_t wanted;
	size_t size;
	uint8_t *data;

	if (buf->data != NULL && buf->size - buf->end >= n)
		return true;
	if (buf->start > 0) {
		memmove(buf->data, buf->data + buf->start, length);
		buf->start = 0;
		buf->end = length;
	}
	if (buf->data != NULL && buf->size - buf->end >= n)
		return true;
	if (__builtin_add_overflow(length, n, &wanted))
		return false;
	size = buf->size < BUF_FIRST_BYTES ? BUF_FIRST_BYTES : buf->size;
	while (size < wanted) {
		if (size > SIZE_MAX / 2)
			return false;
		size *= 2;
	}
	data = realloc(buf->data, size);
	if (data == NULL)
		return false;
	buf->data = data;
	buf->size = size;
	return true;
}

uint8_t *buf_reserve(struct buf *buf, size_t n)
{
	if (n > buf_room(buf) || !make_contiguous(buf, n))
		return NULL;
	return buf->data + buf->end;
}

void buf_commit(struct buf *buf, size_t n)
{
	assert(n <= buf->size - buf->end && n <= buf_room(buf));
	buf->end += n;
}

bool buf_append(struct buf *buf, const void *bytes, size_t n)
{
	uint8_t *room;

	if (n == 0)
		return true;
	room = buf_reserve(buf, n);
	if (room == NULL) {
		buf->failed = true;
		return false;
	}
	memcpy(room, bytes, n);
	buf->end += n;
	return true;
}

bool buf_append_string(struct buf *buf, const char *text)
{
	return buf_append(buf, text, strlen(text));
}

bool buf_vappendf(struct buf *buf, const char *format, va_list args)
{
	va_list again;
	int length;

	va_copy(again, args);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	/* One byte more than the limit counts: vsnprintf ends in a NUL that is not content. */
	if (length < 0 || (size_t)length > buf_room(buf) ||
	    !make_contiguous(buf, (size_t)length + 1)) {
		buf->failed = true;
		return false;
	}
	vsnprintf((char *)buf->data + buf->end, (size_t)length + 1, format, args);
	buf->end += (size_t)length;
	return true;
}

bool buf_appendf(struct buf *buf, const char *format, ...)
{
	va_list args;
	bool fitted;

	va_start(args, format);
	fitted = buf_vappendf(buf, format, args);
	va_end(args);
	return fitted;
}
