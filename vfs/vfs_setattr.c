/*
 * vfs_setattr and vfs_fsetattr: permissions, times, size, and the owner that nobody may change.
 *
 * First policy takes away what may not be, or refuses all; then what is left is done.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "server/base/io.h"
#include "vfs/vfs_at.h"
#include "vfs/vfs_errno.h"
#include "vfs/vfs_handles.h"
#include "vfs/vfs_modes.h"
#include "vfs/vfs_private.h"
#include "vfs/vfs_resolve.h"
#include "vfs/vfs_rights.h"
#include "vfs/vfs_view.h"

#define NSEC_PER_SEC 1000000000u

/* What is to be changed: an open file, or an entry of a directory. */
struct target {
	const struct vfs_mount *mount;
	struct vfs_stage *stage; /* of a running upload */
	int fd;                  /* open file; -1: by name */
	bool write;              /* fd is open for writing */
	int dir_fd;
	const char *name;
	bool fixed; /* a mount point and the like: nothing may be changed */
	bool kept;  /* a kept upload: its permissions are given at publication */
	struct statx st;
};

/* --- policy ------------------------------------------------------------------------------------
 */

/* Fields that the rights do not allow. */
static uint32_t forbidden_fields(const struct target *target, const struct vfs_change *change)
{
	uint32_t fields = 0;

	if (target->fixed || !vfs_rights_allow(target->mount, VFS_OPERATION_chmod))
		fields |= VFS_SET_MODE;
	if (target->fixed || !vfs_rights_allow(target->mount, VFS_OPERATION_times))
		fields |= VFS_SET_MTIME | VFS_SET_ATIME;
	if (change->uid != target->st.stx_uid || change->gid != target->st.stx_gid)
		fields |= VFS_SET_OWNER;
	return fields & change->fields;
}

/* A size is never ignored: the client would believe that bytes are gone, or are there. */
static enum vfs_status check_size(const struct target *target, const struct vfs_change *change)
{
	if (change->size > INT64_MAX)
		return VFS_INVALID;
	if (target->fixed || S_ISDIR(target->st.stx_mode))
		return VFS_IS_DIR;
	if (!S_ISREG(target->st.stx_mode))
		return VFS_NOT_FILE;
	if (target->stage == NULL && !target->kept && change->size != target->st.stx_size &&
	    !vfs_rights_allow(target->mount, VFS_OPERATION_truncate))
		return VFS_FORBIDDEN;
	return target->fd >= 0 && !target->write ? VFS_PERMISSION : VFS_OK;
}

/* VFS_OK and what of the change is to be done, or why nothing is. */
static enum vfs_status apply_policy(const struct target *target, struct vfs_change *change)
{
	enum vfs_status status = VFS_OK;
	uint32_t forbidden;

	if (((change->fields & VFS_SET_MTIME) != 0 && change->mtime_nsec >= NSEC_PER_SEC) ||
	    ((change->fields & VFS_SET_ATIME) != 0 && change->atime_nsec >= NSEC_PER_SEC))
		return VFS_INVALID;
	forbidden = forbidden_fields(target, change);
	if (forbidden != 0 && target->mount->policy->setattr == CONF_SETATTR_REFUSE)
		return VFS_FORBIDDEN;
	if ((change->fields & VFS_SET_SIZE) != 0)
		status = check_size(target, change);
	change->fields &= ~(forbidden | VFS_SET_OWNER);
	if (target->kept)
		change->fields &= ~(uint32_t)VFS_SET_MODE;
	if (change->size == target->st.stx_size)
		change->fields &= ~(uint32_t)VFS_SET_SIZE;
	return status;
}

/* --- doing it ----------------------------------------------------------------------------------
 */

static enum vfs_status set_size(const struct target *target, uint64_t size)
{
	enum vfs_status status = VFS_OK;
	int fd = target->fd;
	struct statx st;

	if (fd < 0)
		status = vfs_at_open_regular(target->dir_fd, target->name, O_WRONLY, &fd, &st);
	if (status == VFS_OK && ftruncate(fd, (off_t)size) != 0)
		status = vfs_errno_status(errno);
	if (target->fd < 0)
		io_close(&fd);
	return status;
}

static enum vfs_status set_mode(const struct target *target, uint32_t wish)
{
	uint32_t mode = vfs_modes_changed(target->mount, wish, target->st.stx_mode);
	int error;

	if (target->stage != NULL) {
		/* Staged files are private; this is for publication. */
		target->stage->mode = mode;
		return VFS_OK;
	}
	if (S_ISLNK(target->st.stx_mode))
		return VFS_UNSUPPORTED;
	if (target->fd >= 0)
		error = fchmod(target->fd, (mode_t)mode) == 0 ? 0 : errno;
	else
		error = vfs_at_chmod(target->dir_fd, target->name, mode);
	return error == 0 ? VFS_OK : vfs_errno_status(error);
}

static enum vfs_status set_times(const struct target *target, const struct vfs_change *change)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } };
	int result;

	if ((change->fields & VFS_SET_ATIME) != 0)
		times[0] = (struct timespec){ change->atime, (long)change->atime_nsec };
	if ((change->fields & VFS_SET_MTIME) != 0)
		times[1] = (struct timespec){ change->mtime, (long)change->mtime_nsec };
	result = target->fd >= 0
	             ? futimens(target->fd, times)
	             : utimensat(target->dir_fd, target->name, times, AT_SYMLINK_NOFOLLOW);
	return result == 0 ? VFS_OK : vfs_errno_status(errno);
}

static enum vfs_status apply(const struct target *target, const struct vfs_change *wished)
{
	struct vfs_change change = *wished;
	enum vfs_status status = apply_policy(target, &change);

	/* Times last: a new size would set them again. */
	if (status == VFS_OK && (change.fields & VFS_SET_SIZE) != 0)
		status = set_size(target, change.size);
	if (status == VFS_OK && (change.fields & VFS_SET_MODE) != 0)
		status = set_mode(target, change.mode);
	if (status == VFS_OK && (change.fields & (VFS_SET_MTIME | VFS_SET_ATIME)) != 0)
		status = set_times(target, &change);
	return status;
}

/* --- the two ways to name it -------------------------------------------------------------------
 */

static enum vfs_status apply_to_file(struct vfs_file *file, const struct vfs_change *change)
{
	struct target target = {
		.mount = file->mount,
		.stage = vfs_handles_stage(file),
		.fd = file->fd,
		.write = file->write,
		.dir_fd = -1,
	};
	int error = vfs_at_stat(file->fd, "", &target.st);

	return error == 0 ? apply(&target, change) : vfs_errno_status(error);
}

static enum vfs_status apply_to_name(
    struct vfs *vfs, struct vfs_place *place, const struct vfs_change *change)
{
	struct target target = {
		.mount = place->mount,
		.fd = -1,
		.dir_fd = place->dir_fd,
		.name = place->name,
	};
	struct vfs_view view;
	enum vfs_status status = vfs_view_look(vfs, place, VFS_VIEW_ALIAS | VFS_VIEW_KEPT, &view);

	if (status != VFS_OK)
		return status;
	if (view.running != NULL)
		return apply_to_file(view.running, change);
	if (!view.real && view.kept.state != VFS_KEPT_FREE)
		return VFS_NOT_FOUND;
	target.st = view.real ? view.st : view.kept.st;
	if (view.real) {
		target.fixed = vfs_resolve_refuse_fixed(vfs, place, &view.st) != VFS_OK;
	} else {
		target.kept = true;
		target.name = view.kept.staged;
	}
	return apply(&target, change);
}

enum vfs_status vfs_fsetattr(struct vfs *vfs, uint32_t handle, const struct vfs_change *change)
{
	struct vfs_file *file = vfs_handles_get(vfs, handle);

	if (file == NULL || file->listing != NULL)
		return VFS_BAD_HANDLE;
	return apply_to_file(file, change);
}

enum vfs_status vfs_setattr(
    struct vfs *vfs, const char *path, bool follow, const struct vfs_change *change)
{
	struct vfs_place place;
	enum vfs_status status = vfs_resolve(vfs, path, follow ? VFS_RESOLVE_FOLLOW : 0, &place);

	if (status != VFS_OK)
		return status;
	if (place.kind == VFS_PLACE_NAME) {
		status = apply_to_name(vfs, &place, change);
	} else {
		struct target target = { .mount = place.mount,
			.fd = -1,
			.dir_fd = place.dir_fd,
			.name = "",
			.fixed = true };
		int error = place.dir_fd < 0 ? 0 : vfs_at_stat(place.dir_fd, "", &target.st);

		status = error == 0 ? apply(&target, change) : vfs_errno_status(error);
	}
	vfs_resolve_clear(&place);
	return status;
}
