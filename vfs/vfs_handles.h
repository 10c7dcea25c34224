/*
 * Open files and directories of the session, under numbers for the other side of the wall.
 *
 * Guard only.  A number is generation << 16 | slot: one that was closed is not mistaken for its
 * successor.
 */
#ifndef VFS_HANDLES_H
#define VFS_HANDLES_H

#include "vfs/vfs_private.h"

/* An empty record (fd -1) for `path`; NULL when memory ran out. */
struct vfs_file *vfs_handles_new_file(struct vfs_mount *mount, const char *path);
/* Close and free a record and all that hangs on it; publishes and removes nothing. */
void vfs_handles_free_file(struct vfs_file **file);

/* Is there no number left? */
bool vfs_handles_full(const struct vfs *vfs);
/* Give the file a number; VFS_TOO_MANY_OPEN.  The table owns it afterwards. */
enum vfs_status vfs_handles_add(struct vfs *vfs, struct vfs_file *file, uint32_t *handle_out);
/* The file behind a number, NULL for one that is not (any more) open. */
struct vfs_file *vfs_handles_get(struct vfs *vfs, uint32_t handle);
/* Take the file out of the table: the caller's again. */
struct vfs_file *vfs_handles_remove(struct vfs *vfs, uint32_t handle);
/* Some open handle; false when there is none. */
bool vfs_handles_any(const struct vfs *vfs, uint32_t *handle_out);

/* The running upload that will be published as `name` in this directory (the newest); NULL. */
struct vfs_file *vfs_handles_upload(struct vfs *vfs, int dir_fd, const char *name);
/* All of them, in any order; how many. */
size_t vfs_handles_uploads(
    struct vfs *vfs, int dir_fd, const char *name, struct vfs_file *out[VFS_HANDLES_MAX]);
/* The running upload whose staged file is `staged` in this directory; NULL. */
struct vfs_file *vfs_handles_staged(
    struct vfs *vfs, const struct vfs_identity *dir, const char *staged);
/* The stage of the upload that this file belongs to: its own, or that of the upload it was opened through; NULL. */
struct vfs_stage *vfs_handles_stage(const struct vfs_file *file);
/* An upload that was taken out of the table ended: files that were opened through it stand alone from now on. */
void vfs_handles_upload_ended(struct vfs *vfs, const struct vfs_file *upload, bool lost);
/* The same of a file that was opened through an upload which broke off: it writes no more. */
void vfs_handles_lost_ended(struct vfs *vfs, const struct vfs_file *file);
/* A directory of the user's view was renamed: so are the paths of what is open below it. */
void vfs_handles_moved(struct vfs *vfs, const char *from, const char *to);

#endif
