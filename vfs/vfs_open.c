/*
 * vfs_open: which file an open means, and whether it is written in place, continued or staged.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/base/text.h"
#include "vfs/vfs_at.h"
#include "vfs/vfs_errno.h"
#include "vfs/vfs_handles.h"
#include "vfs/vfs_modes.h"
#include "vfs/vfs_names.h"
#include "vfs/vfs_own.h"
#include "vfs/vfs_private.h"
#include "vfs/vfs_publish.h"
#include "vfs/vfs_resolve.h"
#include "vfs/vfs_rights.h"
#include "vfs/vfs_stage.h"
#include "vfs/vfs_view.h"

/* An open on its way. */
struct opening {
	struct vfs *vfs;
	uint32_t flags;
	uint64_t offset; /* asked for, then where the first byte belongs */
	uint32_t mode;
	int access;     /* O_RDONLY ..., O_APPEND */
	bool duplicate; /* the name exists and may not be replaced: another one will be found */
	bool continued; /* a kept upload was taken up: on failure it stays kept */
	struct vfs_place place;
	struct vfs_view view;
	struct vfs_file *file;
	bool known;      /* what the open file is like: st */
	struct statx st;
};

#define NEEDS_WRITE                                                                   \
	(VFS_OPEN_CREATE | VFS_OPEN_TRUNCATE | VFS_OPEN_EXCLUSIVE | VFS_OPEN_APPEND | \
	    VFS_OPEN_UNIQUE)

static bool has(const struct opening *o, uint32_t flags)
{
	return (o->flags & flags) != 0;
}

static bool allowed(const struct opening *o, enum vfs_operation operation)
{
	return vfs_rights_allow(o->place.mount, operation);
}

static int access_of(uint32_t flags)
{
	int access = O_RDONLY;

	if ((flags & VFS_OPEN_WRITE) != 0)
		access = (flags & VFS_OPEN_READ) != 0 ? O_RDWR : O_WRONLY;
	if ((flags & VFS_OPEN_APPEND) != 0 && (flags & VFS_OPEN_RESUME) == 0)
		access |= O_APPEND;
	return access;
}

/* --- in place --------------------------------------------------------------------------------- */

/* Open what is there.  In an inbox it is looked at again: the name may mean another file by now. */
static enum vfs_status open_existing(struct opening *o)
{
	enum vfs_status status =
	    vfs_at_open_regular(o->place.dir_fd, o->place.name, o->access, &o->file->fd, &o->st);

	o->known = status == VFS_OK;
	if (status == VFS_OK && !vfs_view_sees(o->vfs, o->place.mount, &o->st))
		status = VFS_NOT_FOUND;
	return status;
}

/*
 * The session's own upload of the name once more, as clients do that stand for many programs: sshfs opens a file
 * again before it has told us that it was closed.  The upload stays that of the handle that began it.
 */
static enum vfs_status open_running(struct opening *o)
{
	const struct vfs_stage *stage = o->view.running->stage;
	enum vfs_status status = vfs_at_open_regular(
	    stage->dir_fd, stage->staged, o->access, &o->file->fd, &o->st);

	o->known = status == VFS_OK;
	o->file->upload = o->view.running;
	return status;
}

/* What the name means to this session: its running upload, or what is there. */
static enum vfs_status open_seen(struct opening *o)
{
	return o->view.running != NULL ? open_running(o) : open_existing(o);
}

static enum vfs_status open_to_read(struct opening *o)
{
	enum vfs_status status;

	if (o->view.running == NULL && !o->view.real)
		return VFS_NOT_FOUND;
	status = open_seen(o);
	if (status == VFS_OK && o->offset > o->st.stx_size)
		status = VFS_RANGE;
	return status;
}

static enum vfs_status open_in_place(struct opening *o)
{
	bool append = has(o, VFS_OPEN_APPEND) && !has(o, VFS_OPEN_RESUME);
	enum vfs_status status;

	if (!allowed(o, append ? VFS_OPERATION_append : VFS_OPERATION_resume))
		return VFS_FORBIDDEN;
	status = open_seen(o);
	if (status != VFS_OK)
		return status;
	if (append)
		o->offset = o->st.stx_size;
	return o->offset > o->st.stx_size ? VFS_RANGE : VFS_OK;
}

/* --- new content -------------------------------------------------------------------------------
 */

/* Another name for place->name, and for the path that is told. */
static bool set_name(struct opening *o, const char *name)
{
	(void)text_copy(o->place.name, sizeof o->place.name, name);
	o->place.looked = false;
	return vfs_names_sibling(&o->place.path, name, &o->place.path);
}

/* publish = direct: a new file under its own name at once, or under the first free number. */
static enum vfs_status create_direct(struct opening *o)
{
	bool renames = has(o, VFS_OPEN_UNIQUE) || o->duplicate;
	uint32_t mode = vfs_modes_of_file(o->place.mount, o->mode);
	char name[VFS_NAME_MAX + 1];
	struct statx st;
	int fd = -1;

	memcpy(name, o->place.name, sizeof name);
	for (unsigned n = o->duplicate ? 1 : 0; fd < 0; n++) {
		if (n > VFS_NUMBERED_MAX || (n > 0 && !renames))
			return VFS_EXISTS;
		if (n > 0 && !vfs_names_numbered(o->place.name, n, name))
			return VFS_NAME_TOO_LONG;
		fd = vfs_at_open(o->place.dir_fd, name, o->access | O_CREAT | O_EXCL, mode);
		if (fd < 0 && errno != EEXIST)
			return vfs_errno_status(errno);
	}
	o->file->fd = fd;
	/* The umask of the process is not the mount's. */
	if (fchmod(fd, (mode_t)mode) != 0)
		return vfs_errno_status(errno);
	if (vfs_rights_own_only(o->place.mount) && vfs_at_stat(fd, "", &st) == 0) {
		vfs_own_add(o->vfs, &st);
		if (strcmp(name, o->place.name) != 0 &&
		    vfs_at_stat(o->place.dir_fd, "", &st) == 0) {
			struct vfs_identity dir = vfs_at_identity(&st);

			vfs_own_add_alias(o->vfs, &dir, o->place.name, name);
		}
	}
	return set_name(o, name) ? VFS_OK : VFS_NAME_TOO_LONG;
}

static enum vfs_status truncate_direct(struct opening *o)
{
	enum vfs_status status = open_existing(o);

	o->known = false; /* any more */
	if (status == VFS_OK && ftruncate(o->file->fd, 0) != 0)
		status = vfs_errno_status(errno);
	return status;
}

static enum vfs_status create_staged(struct opening *o)
{
	struct vfs_file *file = o->file;
	enum vfs_status status =
	    vfs_stage_create(o->vfs, &o->place, o->access, &file->stage, &file->fd, &o->st);

	if (status != VFS_OK)
		return status;
	o->known = true;
	file->stage->exclusive = has(o, VFS_OPEN_EXCLUSIVE);
	file->stage->unique = has(o, VFS_OPEN_UNIQUE);
	file->stage->mode = o->view.real && !o->duplicate
	                        ? vfs_modes_of_successor(o->place.mount, o->view.st.stx_mode)
	                        : vfs_modes_of_file(o->place.mount, o->mode);
	return VFS_OK;
}

static enum vfs_status create(struct opening *o)
{
	bool replaces = o->view.real && !o->duplicate;

	o->offset = 0;
	if (!vfs_names_allowed(o->place.mount, o->place.name))
		return VFS_BAD_NAME;
	if (o->place.mount->policy->publish != CONF_PUBLISH_DIRECT || has(o, VFS_OPEN_STAGED))
		return create_staged(o);
	return replaces ? truncate_direct(o) : create_direct(o);
}

/* The name is taken: replace it, find another one, or refuse. */
static enum vfs_status create_over(struct opening *o)
{
	enum vfs_kind kind = vfs_at_kind(&o->view.st);

	if (!o->view.real && !has(o, VFS_OPEN_CREATE))
		return VFS_NOT_FOUND;
	if (kind == VFS_KIND_DIR)
		return VFS_IS_DIR;
	if (kind == VFS_KIND_OTHER)
		return VFS_NOT_FILE;
	/* Links were followed, so this one appeared just now; in an inbox they are names of others.
	 */
	if (kind == VFS_KIND_LINK && o->view.real)
		return VFS_LOOP;
	if (!o->view.real || !allowed(o, VFS_OPERATION_overwrite)) {
		if (!allowed(o, VFS_OPERATION_create))
			return VFS_FORBIDDEN;
		if (o->place.mount->policy->existing == CONF_EXISTING_REFUSE)
			return VFS_EXISTS;
		o->duplicate = true;
	}
	return create(o);
}

static enum vfs_status create_new(struct opening *o)
{
	if (!has(o, VFS_OPEN_CREATE))
		return VFS_NOT_FOUND;
	return allowed(o, VFS_OPERATION_create) ? create(o) : VFS_FORBIDDEN;
}

/* STOU: the name itself if nothing has it, else the first free number. */
static enum vfs_status choose_unique(struct opening *o)
{
	char asked[VFS_NAME_MAX + 1];
	char name[VFS_NAME_MAX + 1];

	memcpy(asked, o->place.name, sizeof asked);
	memcpy(name, asked, sizeof name);
	for (unsigned n = 1; n <= VFS_NUMBERED_MAX; n++) {
		struct vfs_view *view = &o->view;
		enum vfs_status status = vfs_view_look(o->vfs, &o->place, VFS_VIEW_KEPT, view);

		if (status != VFS_OK)
			return status;
		if (view->running == NULL && !view->real && !view->hidden &&
		    view->kept.state == VFS_KEPT_NONE)
			return VFS_OK;
		if (!vfs_names_numbered(asked, n, name) || !set_name(o, name))
			return VFS_NAME_TOO_LONG;
	}
	return VFS_EXISTS;
}

/* --- continuing --------------------------------------------------------------------------------
 */

static enum vfs_status open_kept(struct opening *o)
{
	struct vfs_file *file = o->file;
	enum vfs_status status;
	uint64_t size = 0;

	if (!allowed(o, VFS_OPERATION_continue))
		return VFS_FORBIDDEN;
	if (!vfs_names_allowed(o->place.mount, o->place.name))
		return VFS_BAD_NAME;
	status = vfs_stage_continue(o->vfs, &o->place, o->access, &file->stage, &file->fd, &size);
	if (status != VFS_OK)
		return status;
	o->continued = true;
	file->stage->mode = vfs_modes_of_file(o->place.mount, o->mode);
	if (has(o, VFS_OPEN_RESUME)) {
		if (o->offset > size)
			return VFS_RANGE;
		if (ftruncate(file->fd, (off_t)o->offset) != 0)
			return vfs_errno_status(errno);
	} else if (has(o, VFS_OPEN_APPEND)) {
		o->offset = size;
	}
	return VFS_OK;
}

/* --- the decision ------------------------------------------------------------------------------
 */

static enum vfs_status open_to_write(struct opening *o)
{
	const struct vfs_view *view = &o->view;
	bool taken = view->real || view->hidden;

	if (has(o, VFS_OPEN_EXCLUSIVE) && has(o, VFS_OPEN_CREATE)) {
		if (!taken && view->running == NULL)
			return create_new(o);
		return allowed(o, VFS_OPERATION_create) ? VFS_EXISTS : VFS_FORBIDDEN;
	}
	if (has(o, VFS_OPEN_TRUNCATE))
		return taken ? create_over(o) : create_new(o);
	if (view->running != NULL)
		return has(o, VFS_OPEN_RESUME) ? VFS_BUSY : open_in_place(o);
	if (view->real)
		return open_in_place(o);
	/* What is still being written has its writer, perhaps a stale session of this client. */
	if (view->kept.state == VFS_KEPT_BUSY)
		return VFS_BUSY;
	if (view->kept.state == VFS_KEPT_FREE)
		return open_kept(o);
	if (has(o, VFS_OPEN_RESUME) && has(o, VFS_OPEN_CREATE))
		return allowed(o, VFS_OPERATION_continue) ? VFS_RANGE : VFS_FORBIDDEN;
	return view->hidden ? create_over(o) : create_new(o);
}

static enum vfs_status check_flags(const struct opening *o)
{
	if (has(o, VFS_OPEN_READ) &&
	    !allowed(o, has(o, VFS_OPEN_CHECKSUM) ? VFS_OPERATION_checksum : VFS_OPERATION_read))
		return VFS_FORBIDDEN;
	/* A read-only user who asks to create while reading must hear of rights, not of flags. */
	if (!has(o, VFS_OPEN_WRITE) && has(o, NEEDS_WRITE))
		return allowed(o, VFS_OPERATION_create) ? VFS_INVALID : VFS_FORBIDDEN;
	if (!has(o, VFS_OPEN_READ | VFS_OPEN_WRITE) || o->offset > INT64_MAX)
		return VFS_INVALID;
	return VFS_OK;
}

static enum vfs_status locate(struct opening *o, const char *path)
{
	unsigned how = has(o, VFS_OPEN_EXCLUSIVE | VFS_OPEN_UNIQUE) ? 0 : VFS_RESOLVE_FOLLOW;
	enum vfs_status status;

	if (has(o, VFS_OPEN_CREATE))
		how |= VFS_RESOLVE_MAKE;
	status = vfs_resolve(o->vfs, path, how, &o->place);
	if (status == VFS_OK)
		status = check_flags(o);
	if (status == VFS_OK && o->place.kind != VFS_PLACE_NAME)
		status = VFS_IS_DIR;
	if (status != VFS_OK)
		return status;
	if (has(o, VFS_OPEN_UNIQUE))
		return choose_unique(o);
	/* New content takes nothing up: what is kept makes room when its name is needed. */
	return vfs_view_look(o->vfs, &o->place,
	    has(o, VFS_OPEN_TRUNCATE) ? 0 : VFS_VIEW_ALIAS | VFS_VIEW_KEPT, &o->view);
}

/* What a staged duplicate will probably be called: the first free number now, decided at
 * publication. */
static void foretell_path(const struct opening *o, struct vfs_path *path)
{
	char name[VFS_NAME_MAX + 1];
	struct statx st;

	for (unsigned n = 1; n <= VFS_NUMBERED_MAX; n++) {
		if (!vfs_names_numbered(o->place.name, n, name))
			return;
		if (vfs_at_stat(o->place.dir_fd, name, &st) == ENOENT) {
			(void)vfs_names_sibling(&o->place.path, name, path);
			return;
		}
	}
}

static enum vfs_status finish(struct opening *o, struct vfs_opened *out)
{
	struct vfs_file *file = o->file;
	char *path = strdup(o->place.path.text);
	enum vfs_status status = VFS_OK;

	if (path == NULL)
		return VFS_NO_MEMORY;
	free(file->path);
	file->path = path;
	file->read = has(o, VFS_OPEN_READ);
	file->write = has(o, VFS_OPEN_WRITE);
	file->offset = o->offset;
	if (o->offset > 0 && lseek(file->fd, (off_t)o->offset, SEEK_SET) < 0)
		return vfs_errno_status(errno);
	if (o->known)
		vfs_view_opened_attr(file, &o->st, &out->attr);
	else
		status = vfs_view_file_attr(file, &out->attr);
	if (status == VFS_OK)
		status = vfs_handles_add(o->vfs, file, &out->handle);
	out->fd = file->fd;
	out->offset = file->offset;
	out->staged = file->stage != NULL;
	out->path = o->place.path;
	if (o->duplicate && file->stage != NULL)
		foretell_path(o, &out->path);
	return status;
}

/* Undo: an upload that never began leaves nothing, one that was kept stays kept. */
static void abandon(struct opening *o)
{
	if (o->file != NULL && o->file->stage != NULL && !o->continued)
		vfs_stage_drop(o->file->stage);
	vfs_handles_free_file(&o->file);
}

enum vfs_status vfs_open(struct vfs *vfs, const char *path, uint32_t flags, uint64_t offset,
    uint32_t mode, struct vfs_opened *out)
{
	struct opening o = { .vfs = vfs, .mode = mode };
	enum vfs_status status;

	/* RESUME from the start is a new upload. */
	if ((flags & VFS_OPEN_WRITE) != 0 && (flags & VFS_OPEN_RESUME) != 0 && offset == 0)
		flags = (flags & ~(uint32_t)VFS_OPEN_RESUME) | VFS_OPEN_TRUNCATE;
	if ((flags & VFS_OPEN_UNIQUE) != 0)
		flags |= VFS_OPEN_TRUNCATE;
	o.flags = flags;
	o.offset = (flags & VFS_OPEN_RESUME) != 0 ? offset : 0;
	o.access = access_of(flags);
	out->fd = -1;
	if (vfs_handles_full(vfs))
		return VFS_TOO_MANY_OPEN;
	status = locate(&o, path);
	if (status == VFS_OK) {
		o.file = vfs_handles_new_file(o.place.mount, o.place.path.text);
		if (o.file == NULL)
			status = VFS_NO_MEMORY;
		else
			status = has(&o, VFS_OPEN_WRITE) ? open_to_write(&o) : open_to_read(&o);
	}
	if (status == VFS_OK)
		status = finish(&o, out);
	if (status != VFS_OK)
		abandon(&o);
	vfs_resolve_clear(&o.place);
	return status;
}
