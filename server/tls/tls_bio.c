#include "server/tls/tls_bio.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/io.h"
#include "server/base/pages.h"
#include "server/tls/tls_limits.h"

#define OUT_STEP_BYTES 4096u

void tls_bio_init(struct tls_bio *bio, int fd, bool bulk)
{
	*bio = (struct tls_bio){ .fd = fd, .bulk = bulk, .receive_limit = UINT64_MAX };
}

void tls_bio_clear(struct tls_bio *bio)
{
	if (bio->bulk) {
		pages_free(bio->out, TLS_SEND_BUFFER_BYTES);
		pages_free(bio->in, TLS_RECEIVE_BYTES);
	} else {
		free(bio->out);
	}
	tls_bio_init(bio, -1, false);
}

bool tls_bio_has_output(const struct tls_bio *bio)
{
	return bio->out_end > bio->out_start;
}

bool tls_bio_gathers(const struct tls_bio *bio)
{
	return bio->bulk && bio->out_start == 0 && bio->out_end < TLS_SEND_BYTES;
}

bool tls_bio_has_input(const struct tls_bio *bio)
{
	return bio->in_end > bio->in_start;
}

/* --- out ---------------------------------------------------------------------------------------- */

/* Room for n bytes more behind out_end. */
static bool make_room(struct tls_bio *bio, size_t n)
{
	size_t size = bio->out_end + n;
	uint8_t *larger;

	if (size <= bio->out_size)
		return true;
	if (size > TLS_SEND_BUFFER_BYTES)
		return false;
	if (bio->bulk) {
		bio->out = pages_new(TLS_SEND_BUFFER_BYTES);
		bio->out_size = bio->out != NULL ? TLS_SEND_BUFFER_BYTES : 0;
		return bio->out != NULL;
	}
	size = (size + OUT_STEP_BYTES - 1) / OUT_STEP_BYTES * OUT_STEP_BYTES;
	larger = realloc(bio->out, size);
	if (larger == NULL)
		return false;
	bio->out = larger;
	bio->out_size = size;
	return true;
}

static int bio_write(BIO *self, const char *bytes, size_t n, size_t *written)
{
	struct tls_bio *bio = BIO_get_data(self);

	BIO_clear_retry_flags(self);
	*written = 0;
	if (bio->error != 0 || !make_room(bio, n))
		return 0;
	memcpy(bio->out + bio->out_end, bytes, n);
	bio->out_end += n;
	*written = n;
	return 1;
}

uint8_t *tls_bio_reserve(struct tls_bio *bio, size_t n)
{
	return bio->error == 0 && make_room(bio, n) ? bio->out + bio->out_end : NULL;
}

void tls_bio_commit(struct tls_bio *bio, size_t n)
{
	bio->out_end += n;
}

bool tls_bio_flush(struct tls_bio *bio)
{
	while (tls_bio_has_output(bio)) {
		ssize_t n = io_write(bio->fd, bio->out + bio->out_start, bio->out_end - bio->out_start);

		if (n < 0) {
			if (errno != EAGAIN)
				bio->error = errno;
			return false;
		}
		bio->out_start += (size_t)n;
		bio->sent += (uint64_t)n;
	}
	bio->out_start = 0;
	bio->out_end = 0;
	/* An idle connection keeps no buffer. */
	if (!bio->bulk && bio->out != NULL) {
		free(bio->out);
		bio->out = NULL;
		bio->out_size = 0;
	}
	return true;
}

/* --- in ----------------------------------------------------------------------------------------- */

static ssize_t receive(struct tls_bio *bio, uint8_t *to, size_t room)
{
	uint64_t left = bio->receive_limit - bio->received;
	ssize_t n;

	if (left == 0) {
		errno = EMSGSIZE;
		return -1;
	}
	n = io_read(bio->fd, to, left < room ? (size_t)left : room);
	if (n > 0)
		bio->received += (uint64_t)n;
	else if (n == 0)
		bio->ended = true;
	return n;
}

static ssize_t receive_ahead(struct tls_bio *bio, uint8_t *to, size_t room)
{
	ssize_t n;

	if (bio->in == NULL)
		bio->in = pages_new(TLS_RECEIVE_BYTES);
	if (bio->in == NULL)
		return -1;
	if (!tls_bio_has_input(bio)) {
		n = receive(bio, bio->in, TLS_RECEIVE_BYTES);
		if (n <= 0)
			return n;
		bio->in_start = 0;
		bio->in_end = (size_t)n;
	}
	if (room > bio->in_end - bio->in_start)
		room = bio->in_end - bio->in_start;
	memcpy(to, bio->in + bio->in_start, room);
	bio->in_start += room;
	return (ssize_t)room;
}

bool tls_bio_has_room(const struct tls_bio *bio)
{
	return bio->in_end < TLS_RECEIVE_BYTES;
}

void tls_bio_compact(struct tls_bio *bio)
{
	bio->in_end -= bio->in_start;
	memmove(bio->in, bio->in + bio->in_start, bio->in_end);
	bio->in_start = 0;
}

ssize_t tls_bio_receive(struct tls_bio *bio)
{
	ssize_t n;

	if (bio->in == NULL)
		bio->in = pages_new(TLS_RECEIVE_BYTES);
	if (bio->in == NULL) {
		bio->error = ENOMEM;
		return -1;
	}
	n = receive(bio, bio->in + bio->in_end, TLS_RECEIVE_BYTES - bio->in_end);
	if (n > 0)
		bio->in_end += (size_t)n;
	else if (n < 0 && errno != EAGAIN)
		bio->error = errno;
	return n;
}

static int bio_read(BIO *self, char *to, size_t room, size_t *read_out)
{
	struct tls_bio *bio = BIO_get_data(self);
	ssize_t n;

	BIO_clear_retry_flags(self);
	*read_out = 0;
	if (bio->error != 0)
		return 0;
	n = bio->bulk ? receive_ahead(bio, (uint8_t *)to, room) : receive(bio, (uint8_t *)to, room);
	if (n > 0) {
		*read_out = (size_t)n;
		return 1;
	}
	if (n < 0 && errno == EAGAIN)
		BIO_set_retry_read(self);
	else if (n < 0)
		bio->error = errno;
	return 0;
}

static long bio_ctrl(BIO *self, int command, long number, void *pointer)
{
	const struct tls_bio *bio = BIO_get_data(self);

	(void)number;
	(void)pointer;
	switch (command) {
	case BIO_CTRL_FLUSH: /* tls_bio_flush is called when a whole gathering is there */
		return 1;
	case BIO_CTRL_EOF:
		return bio->ended;
	default:
		return 0;
	}
}

BIO_METHOD *tls_bio_method_new(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "transom");

	if (method == NULL)
		return NULL;
	if (BIO_meth_set_write_ex(method, bio_write) != 1 ||
	    BIO_meth_set_read_ex(method, bio_read) != 1 || BIO_meth_set_ctrl(method, bio_ctrl) != 1) {
		BIO_meth_free(method);
		return NULL;
	}
	return method;
}

BIO *tls_bio_new(BIO_METHOD *method, struct tls_bio *bio)
{
	BIO *self = BIO_new(method);

	if (self == NULL)
		return NULL;
	BIO_set_data(self, bio);
	BIO_set_init(self, 1);
	return self;
}
