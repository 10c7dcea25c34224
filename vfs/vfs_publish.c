/*
 * From staged to published.
 */
#include "vfs/vfs_publish.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/io.h"
#include "vfs/vfs_at.h"
#include "vfs/vfs_errno.h"
#include "vfs/vfs_names.h"
#include "vfs/vfs_own.h"
#include "vfs/vfs_rights.h"
#include "vfs/vfs_stage.h"
#include "vfs/vfs_view.h"

enum vfs_status vfs_publish_settle(const struct vfs_file *file)
{
	/* Network filesystems tell of late write errors when a descriptor is closed, and only then.
	 */
	int copy = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0 || close(copy) != 0)
		return vfs_errno_status(errno);
	if (file->mount->policy->durable && fsync(file->fd) != 0)
		return vfs_errno_status(errno);
	return VFS_OK;
}

/*
 * May it take the final name, whatever is there?  existing NULL: nothing.  VFS_OK; VFS_EXISTS: only
 * if nothing is there, else under another name; VFS_IS_DIR.
 */
static enum vfs_status may_replace(
    const struct vfs *vfs, const struct vfs_file *file, const struct statx *existing)
{
	const struct vfs_stage *stage = file->stage;

	if (existing != NULL && S_ISDIR(existing->stx_mode))
		return VFS_IS_DIR;
	if (stage->exclusive || stage->unique ||
	    !vfs_rights_allow(file->mount, VFS_OPERATION_overwrite))
		return VFS_EXISTS;
	if (existing != NULL)
		return vfs_view_sees(vfs, file->mount, existing) ? VFS_OK : VFS_EXISTS;
	/* What comes into being just now may be replaced too, but in an inbox it would be
	 * another's. */
	return vfs_rights_own_only(file->mount) ||
	               !vfs_rights_allow(file->mount, VFS_OPERATION_create)
	           ? VFS_EXISTS
	           : VFS_OK;
}

bool vfs_publish_replaces(
    const struct vfs *vfs, const struct vfs_file *file, const struct statx *existing)
{
	return may_replace(vfs, file, existing) == VFS_OK;
}

/* Give the staged file the first free name of name, name.1, name.2 ... */
static enum vfs_status rename_to_free(
    const struct vfs_stage *stage, unsigned first, char actual[VFS_NAME_MAX + 1])
{
	for (unsigned n = first; n <= VFS_NUMBERED_MAX; n++) {
		int error;

		if (n == 0)
			memcpy(actual, stage->name, sizeof stage->name);
		else if (!vfs_names_numbered(stage->name, n, actual))
			return VFS_NAME_TOO_LONG;
		error = vfs_at_rename_new(stage->dir_fd, stage->staged, stage->dir_fd, actual);
		if (error != EEXIST)
			return error == 0 ? VFS_OK : vfs_errno_status(error);
	}
	return VFS_EXISTS;
}

/* Whatever has the name makes room, unless it is a directory, which rename(2) itself refuses. */
static bool replaces_anything(const struct vfs_file *file)
{
	return !file->stage->exclusive && !file->stage->unique &&
	       !vfs_rights_own_only(file->mount) &&
	       vfs_rights_allow(file->mount, VFS_OPERATION_overwrite) &&
	       vfs_rights_allow(file->mount, VFS_OPERATION_create);
}

static bool renames_duplicates(const struct vfs_file *file)
{
	return file->stage->unique ||
	       (!file->stage->exclusive && file->mount->policy->existing == CONF_EXISTING_RENAME);
}

static enum vfs_status rename_final(
    const struct vfs *vfs, const struct vfs_file *file, char actual[VFS_NAME_MAX + 1])
{
	const struct vfs_stage *stage = file->stage;
	enum vfs_status status;
	struct statx existing;
	int error = 0;

	memcpy(actual, stage->name, sizeof stage->name);
	status = replaces_anything(file) ? VFS_OK : VFS_EXISTS;
	if (status != VFS_OK) {
		error = vfs_at_stat(stage->dir_fd, stage->name, &existing);
		if (error != 0 && error != ENOENT)
			return vfs_errno_status(error);
		status = may_replace(vfs, file, error == ENOENT ? NULL : &existing);
	}
	if (status == VFS_OK) {
		if (renameat2(stage->dir_fd, stage->staged, stage->dir_fd, actual, 0) == 0)
			return VFS_OK;
		return vfs_errno_status(errno);
	}
	if (status != VFS_EXISTS)
		return status;
	/* It becomes a new name: free now, or numbered. */
	if (!vfs_rights_allow(file->mount, VFS_OPERATION_create))
		return VFS_FORBIDDEN;
	if (renames_duplicates(file))
		return rename_to_free(stage, error == ENOENT ? 0 : 1, actual);
	error = vfs_at_rename_new(stage->dir_fd, stage->staged, stage->dir_fd, actual);
	return error == 0 ? VFS_OK : vfs_errno_status(error);
}

/* The session's own knowledge of what it published. */
static void remember(struct vfs *vfs, struct vfs_file *file, const char *actual)
{
	const struct vfs_stage *stage = file->stage;
	struct vfs_path path;
	struct vfs_path renamed;
	struct statx st;

	if (vfs_rights_own_only(file->mount) && vfs_at_stat(file->fd, "", &st) == 0) {
		vfs_own_add(vfs, &st);
		if (strcmp(actual, stage->name) != 0)
			vfs_own_add_alias(vfs, &stage->dir, stage->name, actual);
	}
	if (strcmp(actual, stage->name) != 0 &&
	    vfs_path_resolve(&path, "/", file->path) == VFS_OK &&
	    vfs_names_sibling(&path, actual, &renamed)) {
		char *text = strdup(renamed.text);

		if (text != NULL) {
			free(file->path);
			file->path = text;
		}
	}
}

enum vfs_status vfs_publish(struct vfs *vfs, struct vfs_file *file, bool *published)
{
	struct vfs_stage *stage = file->stage;
	bool durable = file->mount->policy->durable;
	char actual[VFS_NAME_MAX + 1];
	enum vfs_status status = VFS_OK;
	int sync_fd = -1;

	*published = false;
	if (fchmod(file->fd, (mode_t)stage->mode) != 0)
		status = vfs_errno_status(errno);
	if (status == VFS_OK)
		status = vfs_publish_settle(file);
	if (status == VFS_OK && durable) {
		/* Opened before the rename: afterwards it would be too late to fail.  A directory
		 * that may be written but not read cannot be opened; then fsync of the file commits
		 * its new name too on the journalling filesystems. */
		sync_fd = vfs_at_reopen_dir(stage->dir_fd);
		if (sync_fd < 0 && errno != EACCES)
			status = vfs_errno_status(errno);
	}
	if (status == VFS_OK)
		status = rename_final(vfs, file, actual);
	if (status == VFS_OK) {
		*published = true;
		remember(vfs, file, actual);
		if (durable && fsync(sync_fd >= 0 ? sync_fd : file->fd) != 0)
			status = vfs_errno_status(errno);
	} else {
		vfs_stage_drop(stage);
	}
	io_close(&sync_fd);
	return status;
}
