/*
 * Names as this session sees them.
 */
#include "vfs/vfs_view.h"

#include <errno.h>

#include "server/base/text.h"
#include "vfs/vfs_at.h"
#include "vfs/vfs_attr.h"
#include "vfs/vfs_errno.h"
#include "vfs/vfs_handles.h"
#include "vfs/vfs_modes.h"
#include "vfs/vfs_own.h"
#include "vfs/vfs_rights.h"

bool vfs_view_sees(const struct vfs *vfs, const struct vfs_mount *mount, const struct statx *st)
{
	return !vfs_rights_own_only(mount) || S_ISDIR(st->stx_mode) ||
	       (S_ISREG(st->stx_mode) && vfs_own_has(vfs, st));
}

/* The name that this session's duplicate got, as long as that file is there. */
static void use_alias(const struct vfs *vfs, struct vfs_place *place)
{
	struct vfs_identity dir;
	const char *actual;
	struct statx st;

	if (vfs->alias_count == 0 || vfs_at_stat(place->dir_fd, "", &st) != 0)
		return;
	dir = vfs_at_identity(&st);
	actual = vfs_own_alias(vfs, &dir, place->name);
	if (actual == NULL || vfs_at_stat(place->dir_fd, actual, &st) != 0 || !vfs_own_has(vfs, &st))
		return;
	(void)text_copy(place->name, sizeof place->name, actual);
	place->looked = false;
}

enum vfs_status vfs_view_look(
    struct vfs *vfs, struct vfs_place *place, unsigned how, struct vfs_view *out)
{
	int error;

	out->real = out->hidden = false;
	out->kept.state = VFS_KEPT_NONE;
	out->running = vfs_handles_upload(vfs, place->dir_fd, place->name);
	if ((how & VFS_VIEW_ALIAS) != 0 && out->running == NULL && vfs_rights_own_only(place->mount))
		use_alias(vfs, place);
	if (place->looked)
		out->st = place->st;
	error = place->looked ? place->seen : vfs_at_stat(place->dir_fd, place->name, &out->st);
	if (error != 0 && error != ENOENT)
		return vfs_errno_status(error);
	if (error == 0) {
		out->real = vfs_view_sees(vfs, place->mount, &out->st);
		out->hidden = !out->real;
	}
	if (!out->real && (how & VFS_VIEW_KEPT) != 0)
		vfs_stage_find_kept(vfs, place->mount, place->dir_fd, place->name, &out->kept);
	return VFS_OK;
}

enum vfs_status vfs_view_file_attr(const struct vfs_file *file, struct vfs_attr *out)
{
	struct statx st;
	int error = vfs_at_stat(file->fd, "", &st);

	if (error != 0)
		return vfs_errno_status(error);
	vfs_view_opened_attr(file, &st, out);
	return VFS_OK;
}

void vfs_view_opened_attr(const struct vfs_file *file, const struct statx *st, struct vfs_attr *out)
{
	const struct vfs_stage *stage = vfs_handles_stage(file);

	vfs_attr_fill(out, st, file->mount);
	if (stage != NULL)
		out->mode = stage->mode;
}

void vfs_view_kept_attr(const struct statx *st, const struct vfs_mount *mount, struct vfs_attr *out)
{
	vfs_attr_fill(out, st, mount);
	out->mode = vfs_modes_of_file(mount, UINT32_MAX);
}

enum vfs_status vfs_view_attr(
    const struct vfs_view *view, const struct vfs_mount *mount, struct vfs_attr *out)
{
	if (view->running != NULL)
		return vfs_view_file_attr(view->running, out);
	if (view->real)
		vfs_attr_fill(out, &view->st, mount);
	else if (view->kept.state == VFS_KEPT_FREE)
		vfs_view_kept_attr(&view->kept.st, mount, out);
	else
		return VFS_NOT_FOUND;
	return VFS_OK;
}
