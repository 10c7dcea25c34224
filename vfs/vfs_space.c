/*
 * vfs_statvfs and what it shares with vfs_fstatvfs.
 */
#include "vfs/vfs_space.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "server/base/io.h"
#include "vfs/vfs_errno.h"
#include "vfs/vfs_resolve.h"
#include "vfs/vfs_rights.h"

enum vfs_status vfs_space_of(int fd, struct vfs_space *out)
{
	struct statfs st;
	uint64_t id = 0;

	if (fstatfs(fd, &st) != 0)
		return vfs_errno_status(errno);
	memcpy(&id, &st.f_fsid, sizeof id < sizeof st.f_fsid ? sizeof id : sizeof st.f_fsid);
	*out = (struct vfs_space){
		.block_size = (uint64_t)st.f_bsize,
		.fragment_size = (uint64_t)(st.f_frsize != 0 ? st.f_frsize : st.f_bsize),
		.blocks = st.f_blocks,
		.blocks_free = st.f_bfree,
		.blocks_available = st.f_bavail,
		.files = st.f_files,
		.files_free = st.f_ffree,
		.files_available = st.f_ffree,
		.filesystem_id = id,
		.name_max =
		    (uint64_t)st.f_namelen < VFS_NAME_MAX ? (uint64_t)st.f_namelen : VFS_NAME_MAX,
		.read_only = (st.f_flags & ST_RDONLY) != 0,
	};
	return VFS_OK;
}

enum vfs_status vfs_statvfs(struct vfs *vfs, const char *path, struct vfs_space *out)
{
	struct vfs_place place;
	enum vfs_status status = vfs_resolve(vfs, path, VFS_RESOLVE_FOLLOW, &place);

	if (status != VFS_OK)
		return status;
	if (!vfs_rights_allow(place.mount, VFS_OPERATION_statvfs))
		status = VFS_FORBIDDEN;
	else
		status = vfs_space_of(place.dir_fd >= 0 ? place.dir_fd : place.mount->fd, out);
	vfs_resolve_clear(&place);
	return status;
}
