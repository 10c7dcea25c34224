/*
 * vfs_rename: of real entries, of this session's running uploads, of kept ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/io.h"
#include "vfs/vfs_at.h"
#include "vfs/vfs_errno.h"
#include "vfs/vfs_handles.h"
#include "vfs/vfs_names.h"
#include "vfs/vfs_private.h"
#include "vfs/vfs_publish.h"
#include "vfs/vfs_resolve.h"
#include "vfs/vfs_rights.h"
#include "vfs/vfs_stage.h"
#include "vfs/vfs_view.h"

struct renaming {
	struct vfs *vfs;
	bool replace;
	struct vfs_place from;
	struct vfs_place to;
	struct vfs_view source;
	struct vfs_view target;
};

/* What exists under the new name: may it go? */
static enum vfs_status check_target(const struct renaming *r)
{
	bool taken = r->target.real || r->target.hidden || r->target.running != NULL;

	if (!taken)
		return VFS_OK;
	if (!r->replace)
		return VFS_EXISTS;
	if (!vfs_rights_allow(r->to.mount, VFS_OPERATION_replace) || r->target.hidden)
		return VFS_FORBIDDEN;
	return r->target.real ? vfs_resolve_refuse_fixed(r->vfs, &r->to, &r->target.st) : VFS_OK;
}

static enum vfs_status rename_real(struct renaming *r)
{
	enum vfs_status status = vfs_resolve_refuse_fixed(r->vfs, &r->from, &r->source.st);
	int error = 0;

	if (status != VFS_OK)
		return status;
	/* Replacing is asked of the kernel only when there is something that may be replaced. */
	if (r->replace && r->target.real)
		error = renameat2(r->from.dir_fd, r->from.name, r->to.dir_fd, r->to.name, 0) == 0
		            ? 0
		            : errno;
	else
		error = vfs_at_rename_new(r->from.dir_fd, r->from.name, r->to.dir_fd, r->to.name);
	if (error != 0)
		return vfs_errno_status(error);
	if (S_ISDIR(r->source.st.stx_mode))
		vfs_handles_moved(r->vfs, r->from.path.text, r->to.path.text);
	return VFS_OK;
}

/* One upload will be published as `to`. */
static enum vfs_status rename_upload(
    struct renaming *r, struct vfs_file *file, struct vfs_place *to)
{
	char *path = strdup(to->path.text);
	enum vfs_status status = path == NULL ? VFS_NO_MEMORY : vfs_stage_rename(r->vfs, file->stage, to);

	if (status != VFS_OK) {
		free(path);
		return status;
	}
	free(file->path);
	file->path = path;
	return VFS_OK;
}

/*
 * Running uploads, and with them what they would have replaced: under the old name nothing must be left, and if they
 * break off that is what the new one has.
 */
static enum vfs_status rename_running(struct renaming *r, struct vfs_file **uploads, size_t count)
{
	enum vfs_status status = VFS_OK;
	size_t done = 0;

	if (r->target.real && S_ISDIR(r->target.st.stx_mode))
		return VFS_IS_DIR;
	while (status == VFS_OK && done < count) {
		status = rename_upload(r, uploads[done], &r->to);
		done += status == VFS_OK;
	}
	if (status == VFS_OK && r->source.real &&
	    vfs_publish_replaces(r->vfs, r->source.running, &r->source.st))
		status = rename_real(r);
	while (status != VFS_OK && done > 0)
		(void)rename_upload(r, uploads[--done], &r->from);
	return status;
}

static enum vfs_status rename_kept(struct renaming *r)
{
	char staged[VFS_NAME_MAX + 1];
	enum vfs_status status = VFS_OK;
	int error;
	int fd;

	/* As a running upload's, the names of a kept one are changed under its lock only. */
	fd = vfs_at_open(r->from.dir_fd, r->source.kept.staged, O_WRONLY, 0);
	if (fd < 0)
		return vfs_errno_status(errno);
	if (vfs_at_lock(fd) == VFS_LOCK_BUSY)
		status = VFS_BUSY;
	else if (!vfs_names_staged(r->vfs->tag, r->to.name, false, staged))
		status = VFS_NO_MEMORY;
	if (status == VFS_OK) {
		error =
		    vfs_at_rename_new(r->from.dir_fd, r->source.kept.staged, r->to.dir_fd, staged);
		if (error != 0)
			status = vfs_errno_status(error);
	}
	io_close(&fd);
	return status;
}

/* All that the old name means; what the new one meant goes, also uploads that are still running. */
static enum vfs_status rename_all(struct renaming *r)
{
	struct vfs_file *moved[VFS_HANDLES_MAX];
	struct vfs_file *replaced[VFS_HANDLES_MAX];
	size_t moved_count = 0;
	size_t replaced_count = 0;
	enum vfs_status status;

	if (r->source.running != NULL)
		moved_count = vfs_handles_uploads(r->vfs, r->from.dir_fd, r->from.name, moved);
	if (r->target.running != NULL)
		replaced_count = vfs_handles_uploads(r->vfs, r->to.dir_fd, r->to.name, replaced);
	if (moved_count > 0 && replaced_count > 0 && moved[0] == replaced[0])
		replaced_count = 0; /* a name that is renamed to itself */
	if (moved_count > 0)
		status = rename_running(r, moved, moved_count);
	else
		status = r->source.real ? rename_real(r) : rename_kept(r);
	for (size_t i = 0; status == VFS_OK && i < replaced_count; i++)
		vfs_stage_drop(replaced[i]->stage);
	return status;
}

static enum vfs_status rename_seen(struct renaming *r)
{
	bool is_dir = false;
	enum vfs_status status =
	    vfs_view_look(r->vfs, &r->from, VFS_VIEW_ALIAS | VFS_VIEW_KEPT, &r->source);

	if (status == VFS_OK)
		status = vfs_view_look(r->vfs, &r->to, VFS_VIEW_KEPT, &r->target);
	if (status != VFS_OK)
		return status;
	if (r->source.running == NULL && !r->source.real && r->source.kept.state != VFS_KEPT_FREE)
		return VFS_NOT_FOUND;
	is_dir = r->source.running == NULL && r->source.real && S_ISDIR(r->source.st.stx_mode);
	if (!is_dir && !vfs_names_allowed(r->to.mount, r->to.name))
		return VFS_BAD_NAME;
	status = check_target(r);
	if (status != VFS_OK)
		return status;
	return rename_all(r);
}

static enum vfs_status check_places(const struct renaming *r)
{
	if (!vfs_rights_allow(r->from.mount, VFS_OPERATION_rename) ||
	    !vfs_rights_allow(r->to.mount, VFS_OPERATION_rename))
		return VFS_FORBIDDEN;
	/* Mount points, and what leads to them, stay where they are. */
	if (r->from.kind != VFS_PLACE_NAME || r->to.kind != VFS_PLACE_NAME)
		return VFS_FORBIDDEN;
	return r->from.mount == r->to.mount ? VFS_OK : VFS_CROSS_MOUNT;
}

enum vfs_status vfs_rename(struct vfs *vfs, const char *from, const char *to, bool replace)
{
	struct renaming r = { .vfs = vfs, .replace = replace };
	enum vfs_status status = vfs_resolve(vfs, from, 0, &r.from);

	if (status != VFS_OK)
		return status;
	status = vfs_resolve(vfs, to, VFS_RESOLVE_MAKE, &r.to);
	if (status == VFS_OK)
		status = check_places(&r);
	if (status == VFS_OK)
		status = rename_seen(&r);
	vfs_resolve_clear(&r.from);
	vfs_resolve_clear(&r.to);
	return status;
}
