/*
 * Operations that only look at a name: stat, chdir, readlink.
 */
#include "vfs/vfs_look.h"

#include <errno.h>
#include <string.h>

#include "server/base/io.h"
#include "vfs/vfs_at.h"
#include "vfs/vfs_attr.h"
#include "vfs/vfs_errno.h"
#include "vfs/vfs_resolve.h"
#include "vfs/vfs_rights.h"
#include "vfs/vfs_view.h"

enum vfs_status vfs_look_at(struct vfs *vfs, struct vfs_place *place, struct vfs_attr *out)
{
	struct vfs_view view;
	enum vfs_status status;
	struct statx st;
	int error;

	if (place->kind == VFS_PLACE_NAME) {
		status = vfs_view_look(vfs, place, VFS_VIEW_ALIAS | VFS_VIEW_KEPT, &view);
		return status == VFS_OK ? vfs_view_attr(&view, place->mount, out) : status;
	}
	if (place->kind == VFS_PLACE_VIRTUAL) {
		vfs_attr_fill_virtual(out, place->path.text, place->mount);
		return VFS_OK;
	}
	error = vfs_at_stat(place->dir_fd, "", &st);
	if (error != 0)
		return vfs_errno_status(error);
	vfs_attr_fill_fixed(out, &st, place->mount);
	return VFS_OK;
}

enum vfs_status vfs_stat(struct vfs *vfs, const char *path, bool follow, struct vfs_attr *out)
{
	struct vfs_place place;
	enum vfs_status status = vfs_resolve(vfs, path, follow ? VFS_RESOLVE_FOLLOW : 0, &place);

	if (status != VFS_OK)
		return status;
	status = vfs_rights_allow(place.mount, VFS_OPERATION_stat) ? vfs_look_at(vfs, &place, out)
	                                                           : VFS_FORBIDDEN;
	vfs_resolve_clear(&place);
	return status;
}

enum vfs_status vfs_chdir(struct vfs *vfs, const char *path)
{
	struct vfs_place place;
	enum vfs_status status = vfs_resolve(vfs, path, VFS_RESOLVE_FOLLOW, &place);
	int fd = -1;

	if (status != VFS_OK)
		return status;
	if (!vfs_rights_allow(place.mount, VFS_OPERATION_chdir))
		status = VFS_FORBIDDEN;
	else
		status = vfs_resolve_dir(vfs, &place, &fd);
	io_close(&fd);
	vfs_resolve_clear(&place);
	return status;
}

enum vfs_status vfs_readlink(struct vfs *vfs, const char *path, char target_out[VFS_PATH_MAX])
{
	struct vfs_place place;
	enum vfs_status status = vfs_resolve(vfs, path, 0, &place);

	target_out[0] = '\0';
	if (status != VFS_OK)
		return status;
	if (!vfs_rights_allow(place.mount, VFS_OPERATION_readlink))
		status = VFS_FORBIDDEN;
	else if (place.kind != VFS_PLACE_NAME)
		status = VFS_INVALID;
	else if (vfs_at_readlink(place.dir_fd, place.name, target_out, VFS_PATH_MAX) < 0)
		status = vfs_errno_status(errno);
	vfs_resolve_clear(&place);
	return status;
}
