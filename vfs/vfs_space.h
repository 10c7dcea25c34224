/*
 * Size and free space of the filesystem behind a descriptor.
 *
 * Guard only.  fstatfs(2), since statvfs(3) of libc may want to read /proc.
 */
#ifndef VFS_SPACE_H
#define VFS_SPACE_H

#include "vfs/vfs_private.h"

/* fd may be O_PATH.  VFS_OK or what fstatfs failed with. */
enum vfs_status vfs_space_of(int fd, struct vfs_space *out);

#endif
