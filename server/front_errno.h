/*
 * What writing to a file that the guard opened can run into, in a front.
 *
 * Front only; everything else about files is asked of the guard, which has vfs_errno.c for that.
 */
#ifndef SERVER_FRONT_ERRNO_H
#define SERVER_FRONT_ERRNO_H

#include "vfs/vfs_types.h"

/* The status for an errno of write(2) or pwrite(2); VFS_IO for all that is the disk's fault. */
enum vfs_status front_errno_write(int error);

#endif
