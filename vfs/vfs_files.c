/*
 * Operations on open handles: fstat, fsync, fstatvfs.  (fsetattr: vfs_setattr.c; copy: vfs_copy.c.)
 */
#include <errno.h>
#include <unistd.h>

#include "vfs/vfs_at.h"
#include "vfs/vfs_attr.h"
#include "vfs/vfs_errno.h"
#include "vfs/vfs_handles.h"
#include "vfs/vfs_private.h"
#include "vfs/vfs_space.h"
#include "vfs/vfs_view.h"

int vfs_handle_fd(struct vfs *vfs, uint32_t handle)
{
	struct vfs_file *file = vfs_handles_get(vfs, handle);

	/* A directory's descriptor never leaves the guard. */
	return file == NULL || file->listing != NULL ? -1 : file->fd;
}

enum vfs_status vfs_fstat(struct vfs *vfs, uint32_t handle, struct vfs_attr *out)
{
	struct vfs_file *file = vfs_handles_get(vfs, handle);

	if (file == NULL)
		return VFS_BAD_HANDLE;
	if (file->fd < 0) {
		vfs_attr_fill_virtual(out, file->path, file->mount);
		return VFS_OK;
	}
	return vfs_view_file_attr(file, out);
}

enum vfs_status vfs_fsync(struct vfs *vfs, uint32_t handle)
{
	struct vfs_file *file = vfs_handles_get(vfs, handle);

	if (file == NULL || file->listing != NULL)
		return VFS_BAD_HANDLE;
	return fsync(file->fd) == 0 ? VFS_OK : vfs_errno_status(errno);
}

enum vfs_status vfs_fstatvfs(struct vfs *vfs, uint32_t handle, struct vfs_space *out)
{
	struct vfs_file *file = vfs_handles_get(vfs, handle);

	if (file == NULL)
		return VFS_BAD_HANDLE;
	return vfs_space_of(file->fd >= 0 ? file->fd : file->mount->fd, out);
}
