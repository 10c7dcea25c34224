/*
 * From a path of the client to a place: an open directory and a name in it.
 *
 * Guard only.  Text is normalised, the mount with the longest title is taken, and ONE openat2 opens
 * the parent directory beneath the mount's root.  What is done afterwards is relative to that
 * descriptor, so that nothing that is renamed meanwhile leads anywhere else.
 *
 * Symbolic links are resolved inside the mount that holds them: a link never leads into another
 * mount, and where it would lead to a directory that a mount point hides it is refused.
 */
#ifndef VFS_RESOLVE_H
#define VFS_RESOLVE_H

#include "vfs/vfs_private.h"

enum vfs_resolve_flag {
	VFS_RESOLVE_FOLLOW = 1 << 0, /* a link in the last component too; never in an inbox */
	VFS_RESOLVE_MAKE = 1 << 1, /* something is to be made here: decides which refusal is told */
};

#define VFS_LINK_HOPS_MAX 8 /* links followed in the last component, as POSIX's SYMLOOP_MAX */

/*
 * Where is it?  On VFS_OK *out holds a descriptor (vfs_resolve_clear); the name need not exist.
 * VFS_NOT_FOUND, VFS_NOT_DIR, VFS_PERMISSION, ... of the parent; VFS_BAD_NAME or VFS_NOT_FOUND for
 * reserved names; VFS_FORBIDDEN when something is to be made in a virtual directory, or a link
 * leads behind a mount point; VFS_LOOP.
 */
enum vfs_status vfs_resolve(
    struct vfs *vfs, const char *path, unsigned flags, struct vfs_place *out);
/* Close what vfs_resolve opened; harmless twice. */
void vfs_resolve_clear(struct vfs_place *place);

/* The parent directory's descriptor as the caller's own.  -1 with errno. */
int vfs_resolve_take_dir(struct vfs_place *place);
/*
 * The directory that the place is, O_PATH, as the caller's own; *fd_out -1 for a virtual one.
 * VFS_NOT_FOUND, VFS_NOT_DIR, VFS_PERMISSION (no search permission), VFS_FORBIDDEN ...
 */
enum vfs_status vfs_resolve_dir(struct vfs *vfs, const struct vfs_place *place, int *fd_out);

/*
 * May the entry st at this place be renamed or removed?  VFS_FORBIDDEN for a mount point and for
 * what leads to one, also when a symbolic link gave it another path.
 */
enum vfs_status vfs_resolve_refuse_fixed(
    const struct vfs *vfs, const struct vfs_place *place, const struct statx *st);

#endif
