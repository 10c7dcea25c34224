/*
 * errno -> enum vfs_status: the only place where the two meet.
 *
 * Guard only.  It touches nothing; it does not log.
 */
#ifndef VFS_ERRNO_H
#define VFS_ERRNO_H

#include "vfs/vfs_types.h"

/* The status for an errno; VFS_FAILED for one that has no better word, never VFS_OK. */
enum vfs_status vfs_errno_status(int error);

#endif
