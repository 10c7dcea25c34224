#include "server/sftp/fxp_gather.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/base/pages.h"
#include "server/front_errno.h"

/* --- files ---------------------------------------------------------------------------------- */

/* To the file; after the first failure nothing is written any more, since a gap would be worse than an end. */
static void write_out(struct fxp_handle *handle, uint64_t offset, struct iovec *pieces, int count)
{
	io_advance(&pieces, &count, 0);
	while (count > 0 && handle->failure == VFS_OK) {
		/* With O_APPEND Linux takes no notice of the offset (pwrite(2), BUGS): as it should be here. */
		ssize_t written = pwritev(handle->fd, pieces, count, (off_t)offset);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0) {
			handle->failure = written < 0 ? front_errno_write(errno) : VFS_IO;
			break;
		}
		handle->moved += (uint64_t)written;
		offset += (uint64_t)written;
		io_advance(&pieces, &count, (size_t)written);
	}
}

/* What was lent becomes ours. */
static void copy_lent(struct fxp_gather_buffer *buffer)
{
	for (int i = 0; i < buffer->lent_count; i++) {
		memcpy(buffer->bytes + buffer->copied, buffer->lent[i].iov_base, buffer->lent[i].iov_len);
		buffer->copied += buffer->lent[i].iov_len;
	}
	buffer->lent_count = 0;
	if (buffer->touched < buffer->copied)
		buffer->touched = buffer->copied;
}

/* The first `length` bytes as pieces; their number.  What is left of the others stays in the buffer. */
static int take_whole(struct fxp_gather_buffer *buffer, struct iovec pieces[FXP_GATHER_LENT + 1])
{
	size_t left = buffer->length;
	int count = 0;

	for (int i = -1; i < buffer->lent_count && left > 0; i++) {
		struct iovec piece = { .iov_base = buffer->bytes, .iov_len = buffer->copied };

		if (i >= 0)
			piece = buffer->lent[i];
		if (piece.iov_len > left)
			piece.iov_len = left;
		left -= piece.iov_len;
		pieces[count++] = piece;
	}
	return count;
}

/* Behind `length` bytes that were written: the beginning of a WRITE, which moves to the front. */
static void keep_partial(struct fxp_gather_buffer *buffer)
{
	struct iovec *lent = buffer->lent;
	size_t gone = buffer->length;

	if (buffer->copied >= gone) {
		buffer->copied -= gone;
		memmove(buffer->bytes, buffer->bytes + gone, buffer->copied);
	} else {
		gone -= buffer->copied;
		buffer->copied = 0;
		io_advance(&lent, &buffer->lent_count, gone);
		memmove(buffer->lent, lent, (size_t)buffer->lent_count * sizeof(*lent));
	}
	buffer->offset += buffer->length;
	buffer->length = 0;
}

static void flush(struct fxp_gather_buffer *buffer)
{
	struct iovec pieces[FXP_GATHER_LENT + 1];

	if (buffer->length == 0)
		return;
	write_out(buffer->owner, buffer->offset, pieces, take_whole(buffer, pieces));
	keep_partial(buffer);
}

/* --- buffers -------------------------------------------------------------------------------- */

static struct fxp_gather_buffer *find(struct fxp_gather *gather, const struct fxp_handle *handle)
{
	for (size_t i = 0; i < FXP_GATHERS; i++)
		if (gather->buffers[i].owner == handle)
			return &gather->buffers[i];
	return NULL;
}

/* Does a buffer hold bytes for the file that this handle is open on? */
static bool holds_for(const struct fxp_gather_buffer *buffer, const struct fxp_handle *handle)
{
	return buffer->length > 0 && buffer->owner->attr.inode == handle->attr.inode &&
	       buffer->owner->attr.device == handle->attr.device;
}

/* Of WRITEs by two handles to one file the later one must come later, so that only one of them may hold bytes. */
static bool another_holds_for(const struct fxp_gather *gather, const struct fxp_handle *handle)
{
	for (size_t i = 0; i < FXP_GATHERS; i++)
		if (gather->buffers[i].owner != handle && holds_for(&gather->buffers[i], handle))
			return true;
	return false;
}

static bool may_allocate(const struct fxp_gather *gather)
{
	return gather->left == NULL || *gather->left > 0;
}

/*
 * One that holds nothing: free, with memory rather than without, else the one longest idle.  NULL: all hold something,
 * or may not have memory.
 */
static struct fxp_gather_buffer *find_empty(struct fxp_gather *gather)
{
	struct fxp_gather_buffer *best = NULL;

	for (size_t i = 0; i < FXP_GATHERS; i++) {
		struct fxp_gather_buffer *buffer = &gather->buffers[i];

		if (buffer->length > 0 || buffer->partial > 0 ||
		    (buffer->bytes == NULL && !may_allocate(gather)))
			continue;
		if (buffer->owner == NULL && buffer->bytes != NULL)
			return buffer;
		if (best == NULL || (best->owner != NULL &&
					(buffer->owner == NULL || buffer->used_ms < best->used_ms)))
			best = buffer;
	}
	return best;
}

static bool allocate(struct fxp_gather *gather, struct fxp_gather_buffer *buffer)
{
	buffer->bytes = pages_new(FXP_GATHER_BYTES);
	if (buffer->bytes != NULL && gather->left != NULL)
		--*gather->left;
	return buffer->bytes != NULL;
}

static struct fxp_gather_buffer *find_oldest(struct fxp_gather *gather)
{
	struct fxp_gather_buffer *oldest = &gather->buffers[0];

	for (size_t i = 1; i < FXP_GATHERS; i++)
		if (gather->buffers[i].used_ms < oldest->used_ms)
			oldest = &gather->buffers[i];
	return oldest;
}

bool fxp_gather_begin(
    struct fxp_gather *gather, struct fxp_handle *handle, uint64_t offset, size_t n, int64_t now_ms)
{
	struct fxp_gather_buffer *buffer = find(gather, handle);

	if (another_holds_for(gather, handle))
		return false;
	if (buffer == NULL) {
		buffer = find_empty(gather);
		if (buffer == NULL)
			return false;
		if (buffer->bytes == NULL && !allocate(gather, buffer))
			return false;
		buffer->owner = handle;
	}
	assert(buffer->partial == 0);
	if (buffer->length == 0)
		buffer->offset = offset;
	else if (!handle->append && buffer->offset + buffer->length != offset)
		return false;
	if (n > FXP_GATHER_BYTES - buffer->length)
		return false;
	buffer->used_ms = now_ms;
	return true;
}

void fxp_gather_lend(
    struct fxp_gather *gather, const struct fxp_handle *handle, const uint8_t *bytes, size_t n)
{
	struct fxp_gather_buffer *buffer = find(gather, handle);
	union {
		const uint8_t *in;
		void *out;
	} piece = { .in = bytes };

	assert(buffer != NULL && n <= FXP_GATHER_BYTES - buffer->length - buffer->partial);
	if (buffer->lent_count == FXP_GATHER_LENT)
		copy_lent(buffer);
	/* pwritev(2) does not write through it; its struct just has no const. */
	buffer->lent[buffer->lent_count++] = (struct iovec){ .iov_base = piece.out, .iov_len = n };
	buffer->partial += n;
	if (buffer->lent_count == 1 && n < FXP_GATHER_COPIED_BYTES)
		copy_lent(buffer);
}

void fxp_gather_commit(struct fxp_gather *gather, struct fxp_handle *handle)
{
	struct fxp_gather_buffer *buffer = find(gather, handle);

	assert(buffer != NULL);
	buffer->length += buffer->partial;
	buffer->partial = 0;
}

enum vfs_status fxp_gather_add(struct fxp_gather *gather, struct fxp_handle *handle, uint64_t offset,
    const uint8_t *bytes, size_t n, int64_t now_ms)
{
	union {
		const uint8_t *in;
		void *out;
	} all = { .in = bytes };
	struct iovec piece = { .iov_base = all.out, .iov_len = n };
	struct fxp_gather_buffer *buffer;
	bool begun;

	if (another_holds_for(gather, handle))
		fxp_gather_flush_file(gather, handle);
	begun = fxp_gather_begin(gather, handle, offset, n, now_ms);
	if (!begun) {
		buffer = find(gather, handle);
		flush(buffer != NULL ? buffer : find_oldest(gather));
		begun = fxp_gather_begin(gather, handle, offset, n, now_ms);
	}
	if (!begun) {
		/* No buffer to be had: slower, but it works. */
		write_out(handle, offset, &piece, 1);
	} else if (handle->failure == VFS_OK) {
		fxp_gather_lend(gather, handle, bytes, n);
		copy_lent(find(gather, handle));
		fxp_gather_commit(gather, handle);
	}
	return handle->failure;
}

/* --- flushing ------------------------------------------------------------------------------- */

void fxp_gather_settle(struct fxp_gather *gather)
{
	for (size_t i = 0; i < FXP_GATHERS; i++) {
		struct fxp_gather_buffer *buffer = &gather->buffers[i];

		if (buffer->lent_count == 0)
			continue;
		if (buffer->length >= FXP_GATHER_DIRECT_BYTES)
			flush(buffer);
		copy_lent(buffer);
	}
}

enum vfs_status fxp_gather_flush(struct fxp_gather *gather, struct fxp_handle *handle)
{
	struct fxp_gather_buffer *buffer = find(gather, handle);

	if (buffer != NULL)
		flush(buffer);
	return handle->failure;
}

void fxp_gather_flush_file(struct fxp_gather *gather, const struct fxp_handle *handle)
{
	for (size_t i = 0; i < FXP_GATHERS; i++) {
		if (holds_for(&gather->buffers[i], handle))
			flush(&gather->buffers[i]);
	}
}

void fxp_gather_flush_all(struct fxp_gather *gather)
{
	for (size_t i = 0; i < FXP_GATHERS; i++)
		flush(&gather->buffers[i]);
}

void fxp_gather_flush_due(struct fxp_gather *gather, int64_t now_ms)
{
	for (size_t i = 0; i < FXP_GATHERS; i++) {
		struct fxp_gather_buffer *buffer = &gather->buffers[i];

		if (buffer->length >= FXP_GATHER_ENOUGH_BYTES ||
		    now_ms - buffer->used_ms >= FXP_GATHER_WAIT_MS)
			flush(buffer);
	}
}

bool fxp_gather_holds(const struct fxp_gather *gather)
{
	for (size_t i = 0; i < FXP_GATHERS; i++)
		if (gather->buffers[i].length > 0)
			return true;
	return false;
}

/* --- memory --------------------------------------------------------------------------------- */

static void release(struct fxp_gather *gather, struct fxp_gather_buffer *buffer)
{
	pages_free(buffer->bytes, FXP_GATHER_BYTES);
	*buffer = (struct fxp_gather_buffer){ .bytes = NULL };
	if (gather->left != NULL)
		++*gather->left;
}

void fxp_gather_leave(struct fxp_gather *gather, const struct fxp_handle *handle)
{
	struct fxp_gather_buffer *buffer = find(gather, handle);

	if (buffer == NULL)
		return;
	buffer->owner = NULL;
	buffer->length = 0;
	buffer->partial = 0;
	buffer->copied = 0;
	buffer->lent_count = 0;
}

void fxp_gather_trim(struct fxp_gather *gather, int64_t now_ms)
{
	for (size_t i = 0; i < FXP_GATHERS; i++) {
		struct fxp_gather_buffer *buffer = &gather->buffers[i];

		if (buffer->bytes != NULL && buffer->length == 0 && buffer->partial == 0 &&
		    now_ms - buffer->used_ms >= FXP_TRIM_MS &&
		    (buffer->touched > FXP_SMALL_BYTES || !may_allocate(gather) || now_ms == INT64_MAX))
			release(gather, buffer);
	}
}

bool fxp_gather_is_large(const struct fxp_gather *gather)
{
	for (size_t i = 0; i < FXP_GATHERS; i++)
		if (gather->buffers[i].touched > FXP_SMALL_BYTES)
			return true;
	return false;
}
