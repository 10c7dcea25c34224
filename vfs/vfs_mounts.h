/*
 * The mount table of one user: which mount serves a path, and which mount points lie below it.
 *
 * Guard only.  Pure text but for closing descriptors; paths are normalised ("/a/b").
 */
#ifndef VFS_MOUNTS_H
#define VFS_MOUNTS_H

#include "vfs/vfs_private.h"

/*
 * Take over the sources and their descriptors.  False when memory ran out: then vfs_mounts_clear is
 * all that may still be called.
 */
bool vfs_mounts_init(struct vfs *vfs, const struct vfs_mount_source *sources, size_t count);
void vfs_mounts_clear(struct vfs *vfs);

/* The mount with the longest title that leads to path; the root at least. */
struct vfs_mount *vfs_mounts_find(struct vfs *vfs, const char *path);
/* path without the mount's title: "a/b", or "" for the mount point itself.  Points into path. */
const char *vfs_mounts_inside(const struct vfs_mount *mount, const char *path);
/* Is there a mount point somewhere below path? */
bool vfs_mounts_below(const struct vfs *vfs, const char *path);

/*
 * Entries that mount points add to the directory `path`: mount points in it, and directories on the
 * way to deeper ones.  *cursor starts at 0; false when there are no more.  Each name comes once.
 */
bool vfs_mounts_next_child(
    const struct vfs *vfs, const char *path, size_t *cursor, char name_out[VFS_NAME_MAX + 1]);
/* Is name one of them? */
bool vfs_mounts_has_child(const struct vfs *vfs, const char *path, const char *name);

#endif
