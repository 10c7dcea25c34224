/*
 * THE table from errno to status.
 */
#include "vfs/vfs_errno.h"

#include <errno.h>

static const struct {
	int error;
	enum vfs_status status;
} rows[] = {
	{ ENOENT, VFS_NOT_FOUND },
	{ EEXIST, VFS_EXISTS },
	{ EACCES, VFS_PERMISSION },
	{ EPERM, VFS_PERMISSION },
	{ ENOTDIR, VFS_NOT_DIR },
	{ EISDIR, VFS_IS_DIR },
	{ ENOTEMPTY, VFS_NOT_EMPTY },
	{ ENXIO, VFS_NOT_FILE }, /* a fifo nobody reads, a socket, a device that is gone */
	{ ENODEV, VFS_NOT_FILE },
	{ ENAMETOOLONG, VFS_NAME_TOO_LONG },
	{ EILSEQ, VFS_BAD_NAME }, /* filesystems that want UTF-8 */
	{ ENOSPC, VFS_NO_SPACE },
	{ EDQUOT, VFS_QUOTA },
	{ EFBIG, VFS_TOO_BIG },
	{ EOVERFLOW, VFS_TOO_BIG },
	{ EROFS, VFS_READ_ONLY },
	{ ELOOP, VFS_LOOP },
	{ EXDEV, VFS_CROSS_MOUNT },
	{ EBUSY, VFS_BUSY },
	{ ETXTBSY, VFS_BUSY },
	{ EAGAIN, VFS_BUSY }, /* openat2 lost every race against renames; a lease; a lock */
	{ EINTR, VFS_BUSY },
	{ EIO, VFS_IO },
	{ ESTALE, VFS_IO },
	{ EINVAL, VFS_INVALID },
	{ EOPNOTSUPP, VFS_UNSUPPORTED },
	{ ENOSYS, VFS_UNSUPPORTED },
	{ EMLINK,
	    VFS_UNSUPPORTED }, /* as many links or subdirectories as the filesystem can have */
	{ EMFILE, VFS_TOO_MANY_OPEN },
	{ ENFILE, VFS_TOO_MANY_OPEN },
	{ EBADF, VFS_BAD_HANDLE },
	{ ENOMEM, VFS_NO_MEMORY },
	{ ETIMEDOUT, VFS_TIMEOUT },
};

enum vfs_status vfs_errno_status(int error)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		if (rows[i].error == error)
			return rows[i].status;
	return VFS_FAILED;
}
