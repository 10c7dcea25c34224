/*
 * The *at() calls of the VFS, with the flags that keep them from following links and from hanging.
 *
 * Guard only.  Knows nothing of mounts, rights or staged names.  Failures are told as errno to the
 * caller in vfs/, which turns it into a status with vfs_errno_status.
 */
#ifndef VFS_AT_H
#define VFS_AT_H

#include "vfs/vfs_private.h"

/*
 * O_PATH descriptor of the directory `path` beneath root_fd; neither "..", absolute links nor magic
 * links leave root_fd.  links false: any symbolic link is ELOOP.  -1 with errno.
 */
int vfs_at_open_dir(int root_fd, const char *path, bool links);
/*
 * Open the entry `name` (one component) of dir_fd; never through a link (ELOOP), never waiting for
 * a fifo or device.  mode counts with O_CREAT.  -1 with errno.
 */
int vfs_at_open(int dir_fd, const char *name, int flags, uint32_t mode);
/* vfs_at_open of a regular file: whatever else turns up is closed again.  The descriptor blocks as
 * usual. */
enum vfs_status vfs_at_open_regular(
    int dir_fd, const char *name, int flags, int *fd_out, struct statx *st);
/* The directory dir_fd (O_PATH) once more, for reading or fsync.  -1 with errno. */
int vfs_at_reopen_dir(int dir_fd);
/* The parent of a directory, as the kernel knows it.  -1 with errno. */
int vfs_at_open_parent(int dir_fd);

/* Attributes of an entry, or of fd itself with name "".  Never follows.  0, or errno. */
int vfs_at_stat(int fd, const char *name, struct statx *st);
struct vfs_identity vfs_at_identity(const struct statx *st);
bool vfs_at_same(const struct vfs_identity *a, const struct vfs_identity *b);
uint64_t vfs_at_device(const struct statx *st);
enum vfs_kind vfs_at_kind(const struct statx *st);

/*
 * Locks of the open file description: the descriptor a front got shares them, they end with the
 * last copy of it, and asking for one does not take it (which flock(2) cannot do).  fd must be open
 * for writing to lock.
 */
enum vfs_lock {
	VFS_LOCK_GOT,
	VFS_LOCK_BUSY,    /* somebody else holds it */
	VFS_LOCK_UNKNOWN, /* the filesystem cannot lock */
};
enum vfs_lock vfs_at_lock(int fd);
void vfs_at_unlock(int fd);
bool vfs_at_is_locked(int fd);

/* Rename that replaces nothing (EEXIST), also where the filesystem cannot do it in one step.  0, or
 * errno. */
int vfs_at_rename_new(int from_fd, const char *from, int to_fd, const char *to);
/* Permissions of a regular file or directory by name, never of a link's target.  0, or errno. */
int vfs_at_chmod(int dir_fd, const char *name, uint32_t mode);
/* Text of a link, NUL-terminated, cut to size - 1 bytes.  Its length, or -1 with errno. */
ssize_t vfs_at_readlink(int dir_fd, const char *name, char *out, size_t size);

#endif
