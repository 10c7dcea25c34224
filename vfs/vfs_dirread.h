/*
 * getdents64 with one buffer of fixed size: a directory of any size costs the same memory.
 *
 * Guard only.
 */
#ifndef VFS_DIRREAD_H
#define VFS_DIRREAD_H

#include <dirent.h>

#include "vfs/vfs_private.h"

struct vfs_dirread;

/* fd: a directory open for reading, stays the caller's.  NULL when memory ran out. */
struct vfs_dirread *vfs_dirread_new(int fd);
void vfs_dirread_free(struct vfs_dirread **reader);
/*
 * The entry at hand, the same until vfs_dirread_skip; *out NULL at the end.  "." and ".." do not
 * occur. VFS_OK, or what getdents64 failed with.
 */
enum vfs_status vfs_dirread_peek(struct vfs_dirread *reader, const struct dirent64 **out);
void vfs_dirread_skip(struct vfs_dirread *reader);
enum vfs_status vfs_dirread_rewind(struct vfs_dirread *reader);

#endif
