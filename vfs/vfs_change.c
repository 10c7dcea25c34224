/*
 * Operations that make or remove a name: mkdir, rmdir, remove, link, symlink.  (rename:
 * vfs_rename.c.)
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "server/base/io.h"
#include "vfs/vfs_at.h"
#include "vfs/vfs_errno.h"
#include "vfs/vfs_handles.h"
#include "vfs/vfs_modes.h"
#include "vfs/vfs_names.h"
#include "vfs/vfs_private.h"
#include "vfs/vfs_publish.h"
#include "vfs/vfs_resolve.h"
#include "vfs/vfs_rights.h"
#include "vfs/vfs_stage.h"
#include "vfs/vfs_sweep.h"
#include "vfs/vfs_view.h"

/* Where something is to be made.  A place that is not a name exists already. */
static enum vfs_status resolve_new(
    struct vfs *vfs, const char *path, enum vfs_operation operation, struct vfs_place *place)
{
	enum vfs_status status = vfs_resolve(vfs, path, VFS_RESOLVE_MAKE, place);

	if (status == VFS_OK && !vfs_rights_allow(place->mount, operation))
		status = VFS_FORBIDDEN;
	else if (status == VFS_OK && place->kind != VFS_PLACE_NAME)
		status = VFS_EXISTS;
	if (status != VFS_OK)
		vfs_resolve_clear(place);
	return status;
}

/* --- directories -------------------------------------------------------------------------------
 */

/* The umask of the process may have taken bits that the mount gives. */
static enum vfs_status correct_mode(int dir_fd, const char *name, uint32_t mode)
{
	enum vfs_status status = VFS_OK;
	struct statx st;
	int fd = vfs_at_open(dir_fd, name, O_RDONLY | O_DIRECTORY, 0);
	int error;

	/* Not readable for its owner: then it was made so. */
	if (fd < 0)
		return errno == EACCES ? VFS_OK : vfs_errno_status(errno);
	error = vfs_at_stat(fd, "", &st);
	if (error == 0 && (st.stx_mode & 07777u & ~(uint32_t)S_ISGID) != mode &&
	    fchmod(fd, (mode_t)(mode | (st.stx_mode & S_ISGID))) != 0)
		error = errno;
	if (error != 0)
		status = vfs_errno_status(error);
	io_close(&fd);
	return status;
}

enum vfs_status vfs_mkdir(struct vfs *vfs, const char *path, uint32_t mode)
{
	struct vfs_place place;
	enum vfs_status status = resolve_new(vfs, path, VFS_OPERATION_mkdir, &place);
	uint32_t final;

	if (status != VFS_OK)
		return status;
	final = vfs_modes_of_dir(place.mount, mode);
	if (mkdirat(place.dir_fd, place.name, (mode_t) final) != 0)
		status = vfs_errno_status(errno);
	else
		status = correct_mode(place.dir_fd, place.name, final);
	vfs_resolve_clear(&place);
	return status;
}

/* An empty directory may still hold staged files whose time has come. */
static int rmdir_swept(const struct vfs *vfs, const struct vfs_place *place)
{
	int error = unlinkat(place->dir_fd, place->name, AT_REMOVEDIR) == 0 ? 0 : errno;
	int fd = -1;

	if (error != ENOTEMPTY && error != EEXIST)
		return error;
	fd = vfs_at_open(place->dir_fd, place->name, O_PATH | O_DIRECTORY, 0);
	if (fd >= 0 && vfs_sweep_dir(vfs, place->mount, fd) > 0)
		error = unlinkat(place->dir_fd, place->name, AT_REMOVEDIR) == 0 ? 0 : errno;
	io_close(&fd);
	return error == EEXIST ? ENOTEMPTY : error;
}

enum vfs_status vfs_rmdir(struct vfs *vfs, const char *path)
{
	struct vfs_place place;
	enum vfs_status status = vfs_resolve(vfs, path, 0, &place);
	struct statx st;
	int error = 0;

	if (status != VFS_OK)
		return status;
	if (!vfs_rights_allow(place.mount, VFS_OPERATION_rmdir) || place.kind != VFS_PLACE_NAME)
		status = VFS_FORBIDDEN;
	else
		error = vfs_at_stat(place.dir_fd, place.name, &st);
	if (status == VFS_OK && error == 0)
		status = vfs_resolve_refuse_fixed(vfs, &place, &st);
	if (status == VFS_OK && error == 0)
		error = rmdir_swept(vfs, &place);
	if (status == VFS_OK && error != 0)
		status = vfs_errno_status(error);
	vfs_resolve_clear(&place);
	return status;
}

/* --- files -------------------------------------------------------------------------------------
 */

/*
 * A name goes with all that it means: uploads that still run, and what they would have replaced.  What they would not is
 * another's file, beside which they are to get a name of their own.
 */
static enum vfs_status remove_seen(
    struct vfs *vfs, struct vfs_place *place, const struct vfs_view *view)
{
	struct vfs_file *uploads[VFS_HANDLES_MAX];
	size_t count = view->running != NULL
	                   ? vfs_handles_uploads(vfs, place->dir_fd, place->name, uploads)
	                   : 0;

	if (view->real && (count == 0 || vfs_publish_replaces(vfs, view->running, &view->st))) {
		if (S_ISDIR(view->st.stx_mode))
			return VFS_IS_DIR;
		if (unlinkat(place->dir_fd, place->name, 0) != 0)
			return vfs_errno_status(errno);
	}
	for (size_t i = 0; i < count; i++)
		vfs_stage_drop(uploads[i]->stage);
	if (view->real || count > 0)
		return VFS_OK;
	if (view->kept.state == VFS_KEPT_FREE)
		return vfs_sweep_unlocked(place->dir_fd, view->kept.staged) ? VFS_OK : VFS_BUSY;
	return VFS_NOT_FOUND;
}

enum vfs_status vfs_remove(struct vfs *vfs, const char *path)
{
	struct vfs_place place;
	struct vfs_view view;
	enum vfs_status status = vfs_resolve(vfs, path, 0, &place);

	if (status != VFS_OK)
		return status;
	if (!vfs_rights_allow(place.mount, VFS_OPERATION_remove))
		status = VFS_FORBIDDEN;
	else if (place.kind != VFS_PLACE_NAME)
		status = VFS_IS_DIR;
	else
		status = vfs_view_look(vfs, &place, VFS_VIEW_ALIAS | VFS_VIEW_KEPT, &view);
	if (status == VFS_OK)
		status = remove_seen(vfs, &place, &view);
	vfs_resolve_clear(&place);
	return status;
}

/* --- links -------------------------------------------------------------------------------------
 */

static enum vfs_status link_seen(
    struct vfs *vfs, struct vfs_place *from, const struct vfs_place *to)
{
	struct vfs_view view;
	enum vfs_status status = vfs_view_look(vfs, from, VFS_VIEW_ALIAS | VFS_VIEW_KEPT, &view);

	if (status != VFS_OK)
		return status;
	/* Staged files have no second name: publication would not reach it. */
	if (view.running != NULL)
		return VFS_BUSY;
	if (!view.real)
		return VFS_NOT_FOUND;
	if (!S_ISREG(view.st.stx_mode))
		return VFS_NOT_FILE;
	if (!vfs_names_allowed(to->mount, to->name))
		return VFS_BAD_NAME;
	/* Flags 0: should the name have become a symbolic link meanwhile, it is the link that gets
	 * a name. */
	return linkat(from->dir_fd, from->name, to->dir_fd, to->name, 0) == 0
	           ? VFS_OK
	           : vfs_errno_status(errno);
}

enum vfs_status vfs_link(struct vfs *vfs, const char *from, const char *to)
{
	struct vfs_place source;
	struct vfs_place target;
	enum vfs_status status = resolve_new(vfs, to, VFS_OPERATION_link, &target);

	if (status != VFS_OK)
		return status;
	status = vfs_resolve(vfs, from, 0, &source);
	if (status == VFS_OK && !vfs_rights_allow(source.mount, VFS_OPERATION_link))
		status = VFS_FORBIDDEN;
	else if (status == VFS_OK && source.mount != target.mount)
		status = VFS_CROSS_MOUNT;
	else if (status == VFS_OK && source.kind != VFS_PLACE_NAME)
		status = VFS_IS_DIR;
	else if (status == VFS_OK)
		status = link_seen(vfs, &source, &target);
	vfs_resolve_clear(&source);
	vfs_resolve_clear(&target);
	return status;
}

enum vfs_status vfs_symlink(struct vfs *vfs, const char *target, const char *path)
{
	struct vfs_place place;
	enum vfs_status status = resolve_new(vfs, path, VFS_OPERATION_symlink, &place);

	if (status != VFS_OK)
		return status;
	if (target[0] == '\0')
		status = VFS_INVALID;
	else if (strlen(target) >= VFS_PATH_MAX)
		status = VFS_NAME_TOO_LONG;
	else if (!vfs_names_allowed(place.mount, place.name))
		status = VFS_BAD_NAME;
	else if (symlinkat(target, place.dir_fd, place.name) != 0)
		status = vfs_errno_status(errno);
	vfs_resolve_clear(&place);
	return status;
}
