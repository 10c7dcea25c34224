#include "server/sftp/fxp_gather.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "server/base/pages.h"
#include "server/front_errno.h"

/* --- files ---------------------------------------------------------------------------------- */

/* To the file; after the first failure nothing is written any more, since a gap would be worse than an end. */
static void write_out(struct fxp_handle *handle, uint64_t offset, const uint8_t *bytes, size_t n)
{
	while (n > 0 && handle->failure == VFS_OK) {
		/* With O_APPEND Linux takes no notice of the offset (pwrite(2), BUGS): as it should be here. */
		ssize_t written = pwrite(handle->fd, bytes, n, (off_t)offset);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0) {
			handle->failure = written < 0 ? front_errno_write(errno) : VFS_IO;
			break;
		}
		handle->moved += (uint64_t)written;
		bytes += written;
		offset += (uint64_t)written;
		n -= (size_t)written;
	}
}

static void flush(struct fxp_gather_buffer *buffer)
{
	if (buffer->length == 0)
		return;
	write_out(buffer->owner, buffer->offset, buffer->bytes, buffer->length);
	memmove(buffer->bytes, buffer->bytes + buffer->length, buffer->partial);
	buffer->offset += buffer->length;
	buffer->length = 0;
}

/* --- buffers -------------------------------------------------------------------------------- */

static struct fxp_gather_buffer *find(struct fxp_gather *gather, const struct fxp_handle *handle)
{
	for (size_t i = 0; i < FXP_GATHERS; i++)
		if (gather->buffers[i].owner == handle)
			return &gather->buffers[i];
	return NULL;
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

uint8_t *fxp_gather_room(
    struct fxp_gather *gather, struct fxp_handle *handle, uint64_t offset, size_t n, int64_t now_ms)
{
	struct fxp_gather_buffer *buffer = find(gather, handle);

	if (buffer == NULL) {
		buffer = find_empty(gather);
		if (buffer == NULL)
			return NULL;
		if (buffer->bytes == NULL && !allocate(gather, buffer))
			return NULL;
		buffer->owner = handle;
	}
	assert(buffer->partial == 0);
	if (buffer->length == 0)
		buffer->offset = offset;
	else if (!handle->append && buffer->offset + buffer->length != offset)
		return NULL;
	if (n > FXP_GATHER_BYTES - buffer->length)
		return NULL;
	buffer->used_ms = now_ms;
	return buffer->bytes + buffer->length;
}

uint8_t *fxp_gather_extend(struct fxp_gather *gather, const struct fxp_handle *handle, size_t n)
{
	struct fxp_gather_buffer *buffer = find(gather, handle);

	assert(buffer != NULL && n <= FXP_GATHER_BYTES - buffer->length - buffer->partial);
	buffer->partial += n;
	if (buffer->touched < buffer->length + buffer->partial)
		buffer->touched = buffer->length + buffer->partial;
	return buffer->bytes + buffer->length + buffer->partial;
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
	uint8_t *room = fxp_gather_room(gather, handle, offset, n, now_ms);

	if (room == NULL) {
		struct fxp_gather_buffer *own = find(gather, handle);

		flush(own != NULL ? own : find_oldest(gather));
		room = fxp_gather_room(gather, handle, offset, n, now_ms);
	}
	if (room == NULL) {
		/* No buffer to be had: slower, but it works. */
		write_out(handle, offset, bytes, n);
	} else if (handle->failure == VFS_OK) {
		memcpy(room, bytes, n);
		(void)fxp_gather_extend(gather, handle, n);
		fxp_gather_commit(gather, handle);
	}
	return handle->failure;
}

/* --- flushing ------------------------------------------------------------------------------- */

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
		struct fxp_gather_buffer *buffer = &gather->buffers[i];

		if (buffer->length > 0 && buffer->owner->attr.inode == handle->attr.inode &&
		    buffer->owner->attr.device == handle->attr.device)
			flush(buffer);
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
