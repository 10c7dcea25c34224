/*
 * Staged uploads: a hidden file in the directory of its final name, until it is published
 * (vfs_publish.c), kept for resume, or dropped.
 *
 * Guard only.  While an upload runs its staged file is locked, and the lock is shared by the
 * descriptor that the front has.  A process that is killed therefore leaves an unlocked staged
 * file: a kept upload, with no record anywhere else that could disagree.
 */
#ifndef VFS_STAGE_H
#define VFS_STAGE_H

#include "vfs/vfs_private.h"

#define VFS_STAGED_MODE 0600u /* until it is published nobody else on the machine reads it either \
	                       */

/* An upload of `name` that broke off, as its user sees it. */
enum vfs_kept_state {
	VFS_KEPT_NONE,
	VFS_KEPT_FREE, /* can be continued */
	VFS_KEPT_BUSY, /* still being written, by this or another session of the user */
};
struct vfs_kept {
	enum vfs_kept_state state;
	struct statx st; /* with VFS_KEPT_FREE */
	char staged[VFS_NAME_MAX + 1];
};
/* Is there one in this directory? */
void vfs_stage_find_kept(const struct vfs *vfs, const struct vfs_mount *mount, int dir_fd,
    const char *name, struct vfs_kept *out);

/*
 * Begin the upload of place->name with an empty staged file, open with `access` (O_WRONLY, O_RDWR,
 * O_APPEND). An older kept upload of the name is given up for it.  The caller frees *out
 * (vfs_stage_free) and closes *fd_out, which *st tells of.  VFS_OK, or why no file could be made.
 */
enum vfs_status vfs_stage_create(struct vfs *vfs, struct vfs_place *place, int access,
    struct vfs_stage **out, int *fd_out, struct statx *st);
/* Take up a kept upload: VFS_NOT_FOUND when there is none, VFS_BUSY when it is being written. */
enum vfs_status vfs_stage_continue(struct vfs *vfs, struct vfs_place *place, int access,
    struct vfs_stage **out, int *fd_out, uint64_t *size_out);

/* Another final name for a running upload, perhaps in another directory of the mount. */
enum vfs_status vfs_stage_rename(struct vfs *vfs, struct vfs_stage *stage, struct vfs_place *to);
/* The upload broke off: keep it if there is anything to keep and the mount wants so.  True if kept.
 */
bool vfs_stage_keep(struct vfs *vfs, struct vfs_file *file);
/* Remove the staged file. */
void vfs_stage_drop(struct vfs_stage *stage);
/* Close the directory, free the record. */
void vfs_stage_free(struct vfs_stage **stage);

#endif
