/*
 * What the kernel says of a file -> struct vfs_attr.
 *
 * Guard only.
 */
#ifndef VFS_ATTR_H
#define VFS_ATTR_H

#include "vfs/vfs_private.h"

/* An entry of the mount. */
void vfs_attr_fill(struct vfs_attr *out, const struct statx *st, const struct vfs_mount *mount);
/* A directory that can be neither renamed nor removed: a mount point or a way to one. */
void vfs_attr_fill_fixed(
    struct vfs_attr *out, const struct statx *st, const struct vfs_mount *mount);
/* A directory that exists only as the way to a mount point; path gives it an identity. */
void vfs_attr_fill_virtual(struct vfs_attr *out, const char *path, const struct vfs_mount *mount);

#endif
