#include "server/front_errno.h"

#include <errno.h>

enum vfs_status front_errno_write(int error)
{
	switch (error) {
	case ENOSPC:
		return VFS_NO_SPACE;
	case EDQUOT:
		return VFS_QUOTA;
	case EFBIG:
		return VFS_TOO_BIG;
	case EROFS:
		return VFS_READ_ONLY;
	default:
		return VFS_IO;
	}
}
