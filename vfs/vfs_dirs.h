/*
 * Open directories: the part that vfs_handles.c needs to know.  The operations themselves are in
 * vfs.h.
 */
#ifndef VFS_DIRS_H
#define VFS_DIRS_H

#include "vfs/vfs_private.h"

/* Free the reading state of a directory; NULL is fine. */
void vfs_dirs_free_listing(struct vfs_listing **listing);

#endif
