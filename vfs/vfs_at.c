/*
 * Descriptor-relative calls that never follow the last component.
 */
#include "vfs/vfs_at.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/base/os_linux.h"
#include "vfs/vfs_errno.h"

/* openat2 answers EAGAIN when a rename races with ".." in the path: somebody who renames for ever
 * must not keep us here for ever. */
#define RACES_MAX 64

#define NSEC_PER_SEC 1000000000ll

static int open_retrying(int dir_fd, const char *path, int flags, uint32_t mode, uint64_t resolve)
{
	int fd = -1;

	for (int i = 0; i < RACES_MAX; i++) {
		fd = os_openat2(dir_fd, path, (uint64_t)(unsigned)flags, (mode_t)mode, resolve);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd;
}

int vfs_at_open_dir(int root_fd, const char *path, bool links)
{
	uint64_t resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

	if (!links)
		resolve |= RESOLVE_NO_SYMLINKS;
	return open_retrying(root_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, resolve);
}

int vfs_at_open(int dir_fd, const char *name, int flags, uint32_t mode)
{
	/* openat2 refuses what means nothing together with O_PATH; and what is made anew is a plain file. */
	if ((flags & (O_PATH | O_EXCL)) == 0)
		flags |= O_NONBLOCK | O_NOCTTY;
	return open_retrying(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC, mode,
	    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS);
}

enum vfs_status vfs_at_open_regular(
    int dir_fd, const char *name, int flags, int *fd_out, struct statx *st)
{
	enum vfs_status status = VFS_OK;
	int fd = vfs_at_open(dir_fd, name, flags, 0);
	int error;

	*fd_out = -1;
	if (fd < 0)
		return vfs_errno_status(errno);
	error = vfs_at_stat(fd, "", st);
	if (error != 0)
		status = vfs_errno_status(error);
	else if (S_ISDIR(st->stx_mode))
		status = VFS_IS_DIR;
	else if (!S_ISREG(st->stx_mode))
		status = VFS_NOT_FILE;
	else if (!io_set_nonblocking(fd, false))
		status = vfs_errno_status(errno);
	if (status != VFS_OK)
		io_close(&fd);
	*fd_out = fd;
	return status;
}

int vfs_at_reopen_dir(int dir_fd)
{
	return vfs_at_open(dir_fd, ".", O_RDONLY | O_DIRECTORY, 0);
}

int vfs_at_open_parent(int dir_fd)
{
	return open_retrying(dir_fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC, 0, 0);
}

int vfs_at_stat(int fd, const char *name, struct statx *st)
{
	int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (name[0] == '\0' ? AT_EMPTY_PATH : 0);

	return statx(fd, name, flags, STATX_BASIC_STATS | STATX_BTIME, st) == 0 ? 0 : errno;
}

uint64_t vfs_at_device(const struct statx *st)
{
	return makedev(st->stx_dev_major, st->stx_dev_minor);
}

struct vfs_identity vfs_at_identity(const struct statx *st)
{
	struct vfs_identity id = { .device = vfs_at_device(st), .inode = st->stx_ino };

	if ((st->stx_mask & STATX_BTIME) != 0)
		id.born = (int64_t)((uint64_t)st->stx_btime.tv_sec * (uint64_t)NSEC_PER_SEC +
		                    st->stx_btime.tv_nsec);
	return id;
}

bool vfs_at_same(const struct vfs_identity *a, const struct vfs_identity *b)
{
	return a->device == b->device && a->inode == b->inode && a->born == b->born;
}

enum vfs_kind vfs_at_kind(const struct statx *st)
{
	if (S_ISREG(st->stx_mode))
		return VFS_KIND_FILE;
	if (S_ISDIR(st->stx_mode))
		return VFS_KIND_DIR;
	return S_ISLNK(st->stx_mode) ? VFS_KIND_LINK : VFS_KIND_OTHER;
}

enum vfs_lock vfs_at_lock(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return VFS_LOCK_GOT;
	return errno == EAGAIN || errno == EACCES ? VFS_LOCK_BUSY : VFS_LOCK_UNKNOWN;
}

void vfs_at_unlock(int fd)
{
	struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	(void)fcntl(fd, F_OFD_SETLK, &lock);
}

bool vfs_at_is_locked(int fd)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

int vfs_at_rename_new(int from_fd, const char *from, int to_fd, const char *to)
{
	struct statx st;
	int error;

	if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	/* The filesystem lacks RENAME_NOREPLACE; link(2) replaces nothing either, but directories
	 * have none. */
	if (linkat(from_fd, from, to_fd, to, 0) == 0)
		return unlinkat(from_fd, from, 0) == 0 ? 0 : errno;
	if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
		return errno;
	error = vfs_at_stat(to_fd, to, &st);
	if (error != ENOENT)
		return error != 0 ? error : EEXIST;
	return renameat2(from_fd, from, to_fd, to, 0) == 0 ? 0 : errno;
}

int vfs_at_chmod(int dir_fd, const char *name, uint32_t mode)
{
	struct statx st;
	int fd;
	int error;

	if (os_fchmodat2(dir_fd, name, (mode_t)mode, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (errno != ENOSYS)
		return errno;
	fd = vfs_at_open(dir_fd, name, O_RDONLY, 0);
	if (fd < 0 && errno == EACCES)
		fd = vfs_at_open(dir_fd, name, O_WRONLY, 0);
	if (fd < 0)
		return errno;
	error = vfs_at_stat(fd, "", &st);
	if (error == 0 && !S_ISREG(st.stx_mode) && !S_ISDIR(st.stx_mode))
		error = EOPNOTSUPP;
	if (error == 0 && fchmod(fd, (mode_t)mode) != 0)
		error = errno;
	io_close(&fd);
	return error;
}

ssize_t vfs_at_readlink(int dir_fd, const char *name, char *out, size_t size)
{
	ssize_t n = readlinkat(dir_fd, name, out, size - 1);

	if (n >= 0)
		out[n] = '\0';
	return n;
}
