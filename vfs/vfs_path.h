/*
 * Client path -> path below the user's root.
 *
 * Pure text: no system call, so the front may use it to answer PWD.  It is NOT the security
 * boundary: the guard opens the result beneath the mount (chroot and openat2), and that is
 * what confines the user.
 *
 *   client "../a//b/./c", cwd "/x"   ->  "/a/b/c"
 */
#ifndef VFS_PATH_H
#define VFS_PATH_H

#include "vfs/vfs_types.h"

struct vfs_path {
	size_t length;			/* without NUL */
	char text[VFS_PATH_MAX];	/* always starts with '/', no trailing '/' but for the root */
};

/*
 * Bytes; '/' is the only separator; "." and empty components vanish; ".." stops at the root.
 * VFS_OK; VFS_NAME_TOO_LONG (path or a component); VFS_BAD_NAME (a component starts with
 * VFS_STAGED_PREFIX).  NUL cannot occur (C strings).  On error *out is "/".
 */
enum vfs_status vfs_path_resolve(struct vfs_path *out, const char *cwd, const char *client_path);

/* Split "/a/b" into parent "/a" and name "b" (points into path).  The root has name "". */
void vfs_path_split(const struct vfs_path *path, struct vfs_path *parent, const char **name);

#endif
