#include "server/sftp/fxp_status.h"

/*
 * Where version 3 has no code of its own, clients go by these: sshfs makes ENOENT of NO_SUCH_FILE, EACCES of
 * PERMISSION_DENIED and EPERM of FAILURE, and shows no message; others show the message.
 */
static const struct fxp_status_row rows[VFS_STATUS_COUNT] = {
	[VFS_OK] = { FXP_CODE_OK, "" },
	[VFS_NOT_FOUND] = { FXP_CODE_NO_SUCH_FILE, "No such file or directory" },
	[VFS_EXISTS] = { FXP_CODE_FAILURE, "The name exists already" },
	[VFS_PERMISSION] = { FXP_CODE_PERMISSION_DENIED, "Permission denied" },
	[VFS_FORBIDDEN] = { FXP_CODE_PERMISSION_DENIED, "Your account may not do this here" },
	[VFS_NOT_DIR] = { FXP_CODE_NO_SUCH_FILE, "Not a directory" },
	[VFS_IS_DIR] = { FXP_CODE_FAILURE, "It is a directory" },
	[VFS_NOT_EMPTY] = { FXP_CODE_FAILURE, "The directory is not empty" },
	[VFS_NOT_FILE] = { FXP_CODE_FAILURE, "Not a regular file" },
	[VFS_NAME_TOO_LONG] = { FXP_CODE_FAILURE, "The name is too long" },
	[VFS_BAD_NAME] = { FXP_CODE_PERMISSION_DENIED, "This name is not allowed here" },
	[VFS_NO_SPACE] = { FXP_CODE_FAILURE, "No space left on the server" },
	[VFS_QUOTA] = { FXP_CODE_FAILURE, "Your quota is used up" },
	[VFS_TOO_BIG] = { FXP_CODE_FAILURE, "The file is larger than the server can store" },
	[VFS_READ_ONLY] = { FXP_CODE_PERMISSION_DENIED, "The file system is read-only" },
	[VFS_LOOP] = { FXP_CODE_NO_SUCH_FILE, "Too many symbolic links" },
	[VFS_CROSS_MOUNT] = { FXP_CODE_FAILURE,
	    "The two names are on different storage: copy and delete instead" },
	[VFS_BUSY] = { FXP_CODE_FAILURE, "It is still being written: try again later" },
	[VFS_IO] = { FXP_CODE_FAILURE, "The server's disk failed" },
	[VFS_INVALID] = { FXP_CODE_FAILURE, "Invalid argument" },
	[VFS_RANGE] = { FXP_CODE_FAILURE, "The offset is beyond the end of the file" },
	[VFS_UNSUPPORTED] = { FXP_CODE_OP_UNSUPPORTED, "Not supported" },
	[VFS_TOO_MANY_OPEN] = { FXP_CODE_FAILURE, "Too many open files: close some first" },
	[VFS_BAD_HANDLE] = { FXP_CODE_FAILURE, "Invalid handle" },
	[VFS_NO_MEMORY] = { FXP_CODE_FAILURE, "The server is out of memory: try again later" },
	[VFS_TIMEOUT] = { FXP_CODE_FAILURE, "Timed out" },
	[VFS_CANCELLED] = { FXP_CODE_FAILURE, "Cancelled" },
	[VFS_UNREACHABLE] = { FXP_CODE_FAILURE, "Cannot connect" },
	[VFS_FAILED] = { FXP_CODE_FAILURE, "Failed" },
};

const struct fxp_status_row *fxp_status_find(enum vfs_status status)
{
	return &rows[(unsigned)status < VFS_STATUS_COUNT ? status : VFS_FAILED];
}
