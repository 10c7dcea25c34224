/*
 * Sweeping of staged files.
 *
 * Whoever moves or removes a staged file holds its lock.  So a sweeper that got the lock and still
 * finds the same file under the name may remove the name: nobody can have put another one there.
 */
#include "vfs/vfs_sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "vfs/vfs_at.h"
#include "vfs/vfs_dirread.h"
#include "vfs/vfs_names.h"

/* Another user's window may be longer than ours: leave that user's kept uploads at least a day. */
#define OTHERS_WINDOW_MS (24 * 60 * 60 * 1000ll)

bool vfs_sweep_expired(const struct vfs_mount *mount, const struct statx *st, bool mine)
{
	/* The change time: no client can set it. */
	struct timespec now = clock_wall();
	int64_t age_ms = (now.tv_sec - st->stx_ctime.tv_sec) * 1000 +
	                 (now.tv_nsec - st->stx_ctime.tv_nsec) / 1000000;
	int64_t window_ms = mount->policy->resume_window;

	if (!mine && window_ms < OTHERS_WINDOW_MS)
		window_ms = OTHERS_WINDOW_MS;
	return window_ms == 0 || age_ms > window_ms;
}

bool vfs_sweep_unlocked(int dir_fd, const char *staged)
{
	struct statx opened;
	struct statx named;
	bool gone = false;
	int fd = vfs_at_open(dir_fd, staged, O_WRONLY, 0);

	if (fd < 0)
		return errno == ENOENT;
	if (vfs_at_lock(fd) == VFS_LOCK_GOT && vfs_at_stat(fd, "", &opened) == 0 &&
	    vfs_at_stat(dir_fd, staged, &named) == 0) {
		struct vfs_identity a = vfs_at_identity(&opened);
		struct vfs_identity b = vfs_at_identity(&named);

		gone = vfs_at_same(&a, &b) && unlinkat(dir_fd, staged, 0) == 0;
	}
	io_close(&fd);
	return gone;
}

bool vfs_sweep_entry(
    const struct vfs *vfs, const struct vfs_mount *mount, int dir_fd, const char *entry)
{
	struct vfs_staged_name parsed = vfs_names_parse(vfs->tag, entry);
	struct statx st;

	if (parsed.kind != VFS_STAGED_MAIN && parsed.kind != VFS_STAGED_ANOTHER)
		return false;
	if (vfs_at_stat(dir_fd, entry, &st) != 0 || !S_ISREG(st.stx_mode))
		return false;
	if (parsed.kind == VFS_STAGED_MAIN && !vfs_sweep_expired(mount, &st, parsed.mine))
		return false;
	return vfs_sweep_unlocked(dir_fd, entry);
}

unsigned vfs_sweep_dir(const struct vfs *vfs, const struct vfs_mount *mount, int dir_fd)
{
	unsigned removed = 0;
	int fd = vfs_at_reopen_dir(dir_fd);
	struct vfs_dirread *reader = fd < 0 ? NULL : vfs_dirread_new(fd);
	const struct dirent64 *entry;

	for (int i = 0; reader != NULL && i < VFS_SWEEP_ENTRIES_MAX; i++) {
		if (vfs_dirread_peek(reader, &entry) != VFS_OK || entry == NULL)
			break;
		if (vfs_sweep_entry(vfs, mount, dir_fd, entry->d_name))
			removed++;
		vfs_dirread_skip(reader);
	}
	vfs_dirread_free(&reader);
	io_close(&fd);
	return removed;
}

void vfs_sweep_dir_once(
    struct vfs *vfs, const struct vfs_mount *mount, int dir_fd, const struct vfs_identity *dir)
{
	for (size_t i = 0; i < VFS_SWEPT_MAX; i++)
		if (vfs_at_same(&vfs->swept[i], dir))
			return;
	vfs->swept[vfs->swept_next] = *dir;
	vfs->swept_next = (vfs->swept_next + 1) % VFS_SWEPT_MAX;
	(void)vfs_sweep_dir(vfs, mount, dir_fd);
}
