/*
 * What a name means to this session: its own running upload, a real file, or a kept upload, in this
 * order.
 *
 * Guard only.  In an inbox files of others exist, but are not seen.
 */
#ifndef VFS_VIEW_H
#define VFS_VIEW_H

#include "vfs/vfs_private.h"
#include "vfs/vfs_stage.h"

struct vfs_view {
	struct vfs_file *running; /* upload of the name by this session, or NULL */
	bool real;                /* there is a real entry that the session sees: st */
	bool hidden;              /* there is one that it does not see */
	struct statx st;
	struct vfs_kept kept; /* looked for only while no real entry is seen */
};

enum vfs_view_how {
	VFS_VIEW_ALIAS = 1 << 0, /* where this session's upload of the name got another, place->name
	                            becomes that */
	VFS_VIEW_KEPT = 1 << 1, /* look for a kept upload; else kept.state is NONE */
};
/* Look at place->name (place->kind is VFS_PLACE_NAME).  how: VFS_VIEW_*.  VFS_OK also when there is
 * nothing at all. */
enum vfs_status vfs_view_look(
    struct vfs *vfs, struct vfs_place *place, unsigned how, struct vfs_view *out);
/* Attributes of what it means; VFS_NOT_FOUND when it means nothing. */
enum vfs_status vfs_view_attr(
    const struct vfs_view *view, const struct vfs_mount *mount, struct vfs_attr *out);
/* Does a session see the real entry st of this mount? */
bool vfs_view_sees(const struct vfs *vfs, const struct vfs_mount *mount, const struct statx *st);

/* Attributes of an open file: for a staged upload those it will have.  The second: as st says. */
enum vfs_status vfs_view_file_attr(const struct vfs_file *file, struct vfs_attr *out);
void vfs_view_opened_attr(
    const struct vfs_file *file, const struct statx *st, struct vfs_attr *out);
/* Attributes of a kept upload. */
void vfs_view_kept_attr(
    const struct statx *st, const struct vfs_mount *mount, struct vfs_attr *out);

#endif
