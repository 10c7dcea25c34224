/*
 * Publication: a staged file gets its final name, whole, or it is gone.
 *
 * Guard only.  This is where the promise behind 226 and SSH_FX_OK is kept, and where rights are
 * decided for the last time: what exists under the final name now counts, not what existed when the
 * upload began.
 */
#ifndef VFS_PUBLISH_H
#define VFS_PUBLISH_H

#include "vfs/vfs_private.h"

#define VFS_NUMBERED_MAX 9999u /* "name.1" ... before a duplicate is refused */

/*
 * Publish file->stage.  VFS_OK: the bytes are under the final name, on the disk if the mount is
 * durable, and file->path tells which name it is.  Anything else: nothing was published and the
 * staged file is gone; VFS_EXISTS, VFS_IS_DIR, VFS_FORBIDDEN, VFS_NO_SPACE, VFS_QUOTA, VFS_IO ...
 * One exception: when the disk fails on the directory after the rename, the status says so and
 * *published stays true, since it cannot be undone.
 */
enum vfs_status vfs_publish(struct vfs *vfs, struct vfs_file *file, bool *published);
/* Would this upload, published now, take the place of what has its name (existing)?  Else it gets another name, or none. */
bool vfs_publish_replaces(
    const struct vfs *vfs, const struct vfs_file *file, const struct statx *existing);
/* Have all bytes of a file written in place arrived?  fsync where the mount is durable. */
enum vfs_status vfs_publish_settle(const struct vfs_file *file);

#endif
