/*
 * The life of a staged file before publication.
 */
#include "vfs/vfs_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/base/text.h"
#include "vfs/vfs_at.h"
#include "vfs/vfs_errno.h"
#include "vfs/vfs_names.h"
#include "vfs/vfs_resolve.h"
#include "vfs/vfs_rights.h"
#include "vfs/vfs_sweep.h"

#define ATTEMPTS_MAX \
	16 /* each is lost only to another process that acts on the same name just now */

/* --- records ---------------------------------------------------------------------------------- */

static struct vfs_stage *stage_new(struct vfs_place *place)
{
	struct vfs_stage *stage = calloc(1, sizeof *stage);
	struct statx st;

	if (stage == NULL)
		return NULL;
	(void)text_copy(stage->name, sizeof stage->name, place->name);
	if (place->dir_fd == place->mount->fd) {
		stage->dir_fd = place->dir_fd;
		stage->borrowed = true;
		stage->dir = place->mount->id;
		return stage;
	}
	stage->dir_fd = vfs_resolve_take_dir(place);
	if (stage->dir_fd < 0 || vfs_at_stat(stage->dir_fd, "", &st) != 0)
		vfs_stage_free(&stage);
	else
		stage->dir = vfs_at_identity(&st);
	return stage;
}

void vfs_stage_free(struct vfs_stage **stage)
{
	if (*stage != NULL && !(*stage)->borrowed)
		io_close(&(*stage)->dir_fd);
	free(*stage);
	*stage = NULL;
}

/* --- finding ---------------------------------------------------------------------------------- */

void vfs_stage_find_kept(const struct vfs *vfs, const struct vfs_mount *mount, int dir_fd,
    const char *name, struct vfs_kept *out)
{
	int fd = -1;

	out->state = VFS_KEPT_NONE;
	if (!vfs_names_staged(vfs->tag, name, false, out->staged))
		return;
	if (vfs_at_stat(dir_fd, out->staged, &out->st) != 0 || !S_ISREG(out->st.stx_mode))
		return;
	fd = vfs_at_open(dir_fd, out->staged, O_WRONLY, 0);
	if (fd < 0)
		return;
	if (vfs_at_is_locked(fd))
		out->state = VFS_KEPT_BUSY;
	else if (out->st.stx_size > 0 && !vfs_sweep_expired(mount, &out->st, true))
		out->state = VFS_KEPT_FREE;
	io_close(&fd);
}

/* --- beginning -------------------------------------------------------------------------------- */

/* Lock a staged file that was just opened, and see that no sweeper removed it before. */
static enum vfs_lock lock_linked(int fd, struct statx *st)
{
	enum vfs_lock lock = vfs_at_lock(fd);

	if (lock != VFS_LOCK_BUSY && (vfs_at_stat(fd, "", st) != 0 || st->stx_nlink == 0))
		lock = VFS_LOCK_BUSY;
	return lock;
}

static enum vfs_status create_locked(
    struct vfs *vfs, struct vfs_stage *stage, int access, int *fd_out, struct statx *st)
{
	bool another = false;

	for (int i = 0; i < ATTEMPTS_MAX; i++) {
		int fd;

		if (!vfs_names_staged(vfs->tag, stage->name, another, stage->staged))
			return VFS_NO_MEMORY;
		fd = vfs_at_open(
		    stage->dir_fd, stage->staged, access | O_CREAT | O_EXCL, VFS_STAGED_MODE);
		if (fd < 0 && errno != EEXIST)
			return vfs_errno_status(errno);
		/* In the way: a kept upload makes room for this one, a running one does not. */
		if (fd < 0 && !vfs_sweep_unlocked(stage->dir_fd, stage->staged))
			another = true;
		if (fd < 0)
			continue;
		if (lock_linked(fd, st) != VFS_LOCK_BUSY) {
			*fd_out = fd;
			return VFS_OK;
		}
		io_close(&fd);
	}
	return VFS_BUSY;
}

enum vfs_status vfs_stage_create(struct vfs *vfs, struct vfs_place *place, int access,
    struct vfs_stage **out, int *fd_out, struct statx *st)
{
	struct vfs_stage *stage = stage_new(place);
	enum vfs_status status;

	*out = NULL;
	*fd_out = -1;
	if (stage == NULL)
		return VFS_NO_MEMORY;
	vfs_sweep_dir_once(vfs, place->mount, stage->dir_fd, &stage->dir);
	status = create_locked(vfs, stage, access, fd_out, st);
	if (status != VFS_OK)
		vfs_stage_free(&stage);
	*out = stage;
	return status;
}

enum vfs_status vfs_stage_continue(struct vfs *vfs, struct vfs_place *place, int access,
    struct vfs_stage **out, int *fd_out, uint64_t *size_out)
{
	struct vfs_stage *stage = stage_new(place);
	enum vfs_status status;
	struct statx st;

	*out = NULL;
	*fd_out = -1;
	if (stage == NULL || !vfs_names_staged(vfs->tag, place->name, false, stage->staged)) {
		vfs_stage_free(&stage);
		return VFS_NO_MEMORY;
	}
	status = vfs_at_open_regular(stage->dir_fd, stage->staged, access, fd_out, &st);
	if (status == VFS_OK && lock_linked(*fd_out, &st) == VFS_LOCK_BUSY)
		status = VFS_BUSY;
	if (status != VFS_OK) {
		io_close(fd_out);
		vfs_stage_free(&stage);
		return status;
	}
	*size_out = st.stx_size;
	*out = stage;
	return VFS_OK;
}

/* --- changing and ending -----------------------------------------------------------------------
 */

enum vfs_status vfs_stage_rename(struct vfs *vfs, struct vfs_stage *stage, struct vfs_place *to)
{
	struct vfs_stage *moved = stage_new(to);
	int error = moved == NULL ? ENOMEM : EEXIST;

	for (int i = 0; moved != NULL && error == EEXIST && i < ATTEMPTS_MAX; i++) {
		if (!vfs_names_staged(vfs->tag, moved->name, i > 0, moved->staged))
			error = ENOMEM;
		else
			error = vfs_at_rename_new(
			    stage->dir_fd, stage->staged, moved->dir_fd, moved->staged);
	}
	if (error == 0) {
		const struct vfs_stage old = *stage;

		moved->mode = stage->mode;
		moved->exclusive = stage->exclusive;
		moved->unique = stage->unique;
		*stage = *moved;
		*moved = old;
	}
	vfs_stage_free(&moved);
	return error == 0 ? VFS_OK : vfs_errno_status(error);
}

bool vfs_stage_keep(struct vfs *vfs, struct vfs_file *file)
{
	struct vfs_stage *stage = file->stage;
	struct vfs_staged_name parsed = vfs_names_parse(vfs->tag, stage->staged);
	char kept[VFS_NAME_MAX + 1];
	struct statx st;

	/* Whoever may not continue it has no use for it. */
	if (stage->dropped || file->mount->policy->resume_window == 0 ||
	    !vfs_rights_allow(file->mount, VFS_OPERATION_continue) ||
	    vfs_at_stat(file->fd, "", &st) != 0 || st.stx_size == 0)
		return false;
	if (parsed.kind != VFS_STAGED_MAIN &&
	    (!vfs_names_staged(vfs->tag, stage->name, false, kept) ||
	        vfs_at_rename_new(stage->dir_fd, stage->staged, stage->dir_fd, kept) != 0))
		return false;
	/* The front's copy of the descriptor would hold the lock until it closes it. */
	vfs_at_unlock(file->fd);
	return true;
}

void vfs_stage_drop(struct vfs_stage *stage)
{
	if (!stage->dropped)
		(void)unlinkat(stage->dir_fd, stage->staged, 0);
	stage->dropped = true;
}
