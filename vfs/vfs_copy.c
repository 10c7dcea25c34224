/*
 * vfs_copy: bytes from one open file to another, inside the server.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "vfs/vfs_at.h"
#include "vfs/vfs_errno.h"
#include "vfs/vfs_handles.h"
#include "vfs/vfs_private.h"

#define BUFFER_BYTES (256u << 10)

struct range {
	int from_fd;
	int to_fd;
	off_t from;
	off_t to;
	size_t left;
};

static void advance(struct range *range, size_t n)
{
	range->from += (off_t)n;
	range->to += (off_t)n;
	range->left -= n;
}

/* In the kernel.  0 at the end of the source or of the range, else errno. */
static int copy_in_kernel(struct range *range)
{
	while (range->left > 0) {
		off_t from = range->from;
		off_t to = range->to;
		ssize_t n =
		    copy_file_range(range->from_fd, &from, range->to_fd, &to, range->left, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? 0 : errno;
		advance(range, (size_t)n);
	}
	return 0;
}

static int write_all(struct range *range, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t written = pwrite(range->to_fd, bytes, n, range->to);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return errno;
		advance(range, (size_t)written);
		bytes += written;
		n -= (size_t)written;
	}
	return 0;
}

/* Through a buffer, where the kernel cannot: other filesystems, O_APPEND, old network mounts. */
static int copy_by_hand(struct range *range)
{
	char *bytes = malloc(BUFFER_BYTES);
	int error = bytes == NULL ? ENOMEM : 0;

	while (error == 0 && range->left > 0) {
		size_t want = range->left < BUFFER_BYTES ? range->left : BUFFER_BYTES;
		ssize_t n = pread(range->from_fd, bytes, want, range->from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			error = n == 0 ? 0 : errno;
			break;
		}
		error = write_all(range, bytes, (size_t)n);
	}
	free(bytes);
	return error;
}

static bool kernel_cannot(int error)
{
	return error == EXDEV || error == EINVAL || error == EOPNOTSUPP || error == ENOSYS ||
	       error == EBADF || error == EPERM;
}

/* Within one file the ranges must not overlap: the copy would read what it wrote, without end. */
static enum vfs_status check_overlap(const struct range *range, size_t *length)
{
	struct statx from;
	struct statx to;
	struct vfs_identity a;
	struct vfs_identity b;
	uint64_t size;

	if (vfs_at_stat(range->from_fd, "", &from) != 0 || vfs_at_stat(range->to_fd, "", &to) != 0)
		return VFS_FAILED;
	a = vfs_at_identity(&from);
	b = vfs_at_identity(&to);
	if (!vfs_at_same(&a, &b))
		return VFS_OK;
	size = from.stx_size > (uint64_t)range->from ? from.stx_size - (uint64_t)range->from : 0;
	if (*length > size)
		*length = (size_t)size;
	if (range->from < range->to + (off_t)*length && range->to < range->from + (off_t)*length)
		return VFS_INVALID;
	return VFS_OK;
}

enum vfs_status vfs_copy(struct vfs *vfs, uint32_t from, uint64_t from_offset, uint32_t to,
    uint64_t to_offset, uint64_t length, uint64_t *copied)
{
	struct vfs_file *source = vfs_handles_get(vfs, from);
	struct vfs_file *sink = vfs_handles_get(vfs, to);
	size_t step = length < VFS_COPY_STEP_BYTES ? (size_t)length : VFS_COPY_STEP_BYTES;
	struct range range;
	enum vfs_status status;
	int error;

	*copied = 0;
	if (source == NULL || sink == NULL || source->listing != NULL || sink->listing != NULL)
		return VFS_BAD_HANDLE;
	if (!source->read || !sink->write)
		return VFS_PERMISSION;
	if (from_offset > INT64_MAX - (uint64_t)step || to_offset > INT64_MAX - (uint64_t)step)
		return VFS_INVALID;
	range = (struct range){
		.from_fd = source->fd,
		.to_fd = sink->fd,
		.from = (off_t)from_offset,
		.to = (off_t)to_offset,
	};
	status = check_overlap(&range, &step);
	if (status != VFS_OK || step == 0)
		return status;
	range.left = step;
	error = copy_in_kernel(&range);
	if (range.left == step && kernel_cannot(error))
		error = copy_by_hand(&range);
	*copied = step - range.left;
	/* What was copied is told first; the next call meets the error again. */
	return error == 0 || *copied > 0 ? VFS_OK : vfs_errno_status(error);
}
