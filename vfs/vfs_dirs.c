/*
 * opendir, readdir, rewinddir: a directory as this session sees it.
 *
 * First the entries that mount points add, then the real ones; a mount point hides a real entry of
 * its name.
 */
#include "vfs/vfs_dirs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/io.h"
#include "vfs/vfs_at.h"
#include "vfs/vfs_attr.h"
#include "vfs/vfs_dirread.h"
#include "vfs/vfs_errno.h"
#include "vfs/vfs_handles.h"
#include "vfs/vfs_look.h"
#include "vfs/vfs_mounts.h"
#include "vfs/vfs_names.h"
#include "vfs/vfs_resolve.h"
#include "vfs/vfs_rights.h"
#include "vfs/vfs_stage.h"
#include "vfs/vfs_sweep.h"
#include "vfs/vfs_view.h"

struct vfs_listing {
	struct vfs_dirread *reader; /* NULL for a virtual directory */
	struct vfs_identity dir;
	size_t next_child; /* cursor of vfs_mounts_next_child */
};

/* One step of a listing: what is known of the entry at hand. */
struct step {
	struct vfs *vfs;
	struct vfs_file *file;
	bool names_only;
	struct vfs_entry entry;
	char target[VFS_PATH_MAX];
};

void vfs_dirs_free_listing(struct vfs_listing **listing)
{
	if (*listing != NULL)
		vfs_dirread_free(&(*listing)->reader);
	free(*listing);
	*listing = NULL;
}

/* --- opening -----------------------------------------------------------------------------------
 */

/* Make the file's listing; dir_fd is O_PATH, or -1 for a virtual directory. */
static enum vfs_status begin(struct vfs_file *file, int dir_fd)
{
	struct statx st;
	int error;

	file->listing = calloc(1, sizeof *file->listing);
	if (file->listing == NULL)
		return VFS_NO_MEMORY;
	if (dir_fd < 0)
		return VFS_OK;
	file->fd = vfs_at_reopen_dir(dir_fd);
	if (file->fd < 0)
		return vfs_errno_status(errno);
	error = vfs_at_stat(file->fd, "", &st);
	if (error != 0)
		return vfs_errno_status(error);
	file->listing->dir = vfs_at_identity(&st);
	file->listing->reader = vfs_dirread_new(file->fd);
	return file->listing->reader == NULL ? VFS_NO_MEMORY : VFS_OK;
}

enum vfs_status vfs_opendir(struct vfs *vfs, const char *path, uint32_t *handle_out)
{
	struct vfs_file *file = NULL;
	struct vfs_place place;
	enum vfs_status status = vfs_resolve(vfs, path, VFS_RESOLVE_FOLLOW, &place);
	int dir_fd = -1;

	if (status != VFS_OK)
		return status;
	if (!vfs_rights_allow(place.mount, VFS_OPERATION_list))
		status = VFS_FORBIDDEN;
	else
		status = vfs_resolve_dir(vfs, &place, &dir_fd);
	if (status == VFS_OK) {
		file = vfs_handles_new_file(place.mount, place.path.text);
		status = file == NULL ? VFS_NO_MEMORY : begin(file, dir_fd);
	}
	if (status == VFS_OK)
		status = vfs_handles_add(vfs, file, handle_out);
	if (status != VFS_OK)
		vfs_handles_free_file(&file);
	io_close(&dir_fd);
	vfs_resolve_clear(&place);
	return status;
}

/* --- one entry: true when there is something to show -------------------------------------------
 */

static void set_name(struct step *step, const char *name)
{
	step->entry.name = name;
	step->entry.name_length = strlen(name);
	step->entry.target = "";
}

static bool show_child(struct step *step, const char *name)
{
	struct vfs_path path;
	struct vfs_place place;
	bool shown = false;

	set_name(step, name);
	if (vfs_path_resolve(&path, step->file->path, name) == VFS_OK &&
	    vfs_resolve(step->vfs, path.text, 0, &place) == VFS_OK) {
		shown = vfs_look_at(step->vfs, &place, &step->entry.attr) == VFS_OK;
		vfs_resolve_clear(&place);
	}
	return shown;
}

/* A staged name: this session's running uploads and this user's kept ones, where no real file has
 * the name. */
static bool show_staged(struct step *step, const char *entry)
{
	struct vfs *vfs = step->vfs;
	struct vfs_file *file = step->file;
	struct vfs_file *upload = vfs_handles_staged(vfs, &file->listing->dir, entry);
	struct vfs_staged_name parsed;
	struct vfs_kept kept;
	struct statx st;
	const char *name;

	if (upload == NULL && vfs_sweep_entry(vfs, file->mount, file->fd, entry))
		return false;
	parsed = vfs_names_parse(vfs->tag, entry);
	name = upload != NULL ? upload->stage->name : parsed.name;
	if (name == NULL || name[0] == '\0' || vfs_mounts_has_child(vfs, file->path, name) ||
	    (vfs_at_stat(file->fd, name, &st) == 0 && vfs_view_sees(vfs, file->mount, &st)))
		return false;
	set_name(step, name);
	if (upload != NULL)
		return vfs_handles_upload(vfs, file->fd, name) == upload &&
		       vfs_view_file_attr(upload, &step->entry.attr) == VFS_OK;
	if (!parsed.mine || parsed.kind != VFS_STAGED_MAIN ||
	    vfs_handles_upload(vfs, file->fd, name) != NULL)
		return false;
	vfs_stage_find_kept(vfs, file->mount, file->fd, name, &kept);
	if (kept.state == VFS_KEPT_FREE)
		vfs_view_kept_attr(&kept.st, file->mount, &step->entry.attr);
	return kept.state == VFS_KEPT_FREE;
}

static enum vfs_kind kind_of_type(unsigned char type)
{
	switch (type) {
	case DT_REG:
		return VFS_KIND_FILE;
	case DT_DIR:
		return VFS_KIND_DIR;
	case DT_LNK:
		return VFS_KIND_LINK;
	default:
		return VFS_KIND_OTHER;
	}
}

static bool show_real(struct step *step, const struct dirent64 *entry)
{
	struct vfs_file *file = step->file;
	bool own_only = vfs_rights_own_only(file->mount);
	struct vfs_file *upload;
	struct statx st;

	set_name(step, entry->d_name);
	if (vfs_mounts_has_child(step->vfs, file->path, entry->d_name))
		return false;
	if (step->names_only && !own_only) {
		step->entry.attr = (struct vfs_attr){ .kind = kind_of_type(entry->d_type) };
		return true;
	}
	/* It may have gone since; then it is not shown. */
	if (vfs_at_stat(file->fd, entry->d_name, &st) != 0)
		return false;
	/* An inbox shows no directories, though they can be entered. */
	if (own_only && (S_ISDIR(st.stx_mode) || !vfs_view_sees(step->vfs, file->mount, &st)))
		return false;
	upload = vfs_handles_upload(step->vfs, file->fd, entry->d_name);
	if (upload != NULL)
		return vfs_view_file_attr(upload, &step->entry.attr) == VFS_OK;
	vfs_attr_fill(&step->entry.attr, &st, file->mount);
	if (S_ISLNK(st.stx_mode) &&
	    vfs_at_readlink(file->fd, entry->d_name, step->target, sizeof step->target) > 0)
		step->entry.target = step->target;
	return true;
}

/* --- reading -----------------------------------------------------------------------------------
 */

/* Entries that mount points add.  False when the writer is full. */
static bool read_children(struct step *step, struct vfs_batch_writer *writer)
{
	struct vfs_listing *listing = step->file->listing;
	size_t cursor = listing->next_child;
	char name[VFS_NAME_MAX + 1];

	while (vfs_mounts_next_child(step->vfs, step->file->path, &cursor, name)) {
		if (show_child(step, name) && !vfs_batch_append(writer, &step->entry))
			return false;
		listing->next_child = cursor;
	}
	listing->next_child = cursor;
	return true;
}

static bool show_entry(struct step *step, const struct dirent64 *entry)
{
	/* Some filesystems have longer names than any client could send back. */
	if (strlen(entry->d_name) > VFS_NAME_MAX)
		return false;
	if (strncmp(entry->d_name, VFS_STAGED_PREFIX, sizeof VFS_STAGED_PREFIX - 1) == 0)
		return show_staged(step, entry->d_name);
	return show_real(step, entry);
}

static enum vfs_status read_entries(struct step *step, struct vfs_batch_writer *writer, bool *end)
{
	struct vfs_dirread *reader = step->file->listing->reader;
	const struct dirent64 *entry;

	for (int i = 0; i < VFS_READDIR_ENTRIES_MAX; i++) {
		enum vfs_status status = vfs_dirread_peek(reader, &entry);

		if (status != VFS_OK)
			return status;
		if (entry == NULL) {
			*end = true;
			return VFS_OK;
		}
		if (show_entry(step, entry) && !vfs_batch_append(writer, &step->entry))
			return VFS_OK;
		vfs_dirread_skip(reader);
	}
	return VFS_OK;
}

enum vfs_status vfs_readdir(
    struct vfs *vfs, uint32_t handle, uint32_t flags, struct vfs_batch_writer *writer, bool *end)
{
	struct step step = { .vfs = vfs, .file = vfs_handles_get(vfs, handle) };

	*end = false;
	if (step.file == NULL || step.file->listing == NULL)
		return VFS_BAD_HANDLE;
	step.names_only = (flags & VFS_READDIR_NAMES_ONLY) != 0;
	if (!read_children(&step, writer))
		return VFS_OK;
	if (step.file->listing->reader != NULL)
		return read_entries(&step, writer, end);
	*end = true;
	return VFS_OK;
}

enum vfs_status vfs_rewinddir(struct vfs *vfs, uint32_t handle)
{
	struct vfs_file *file = vfs_handles_get(vfs, handle);

	if (file == NULL || file->listing == NULL)
		return VFS_BAD_HANDLE;
	file->listing->next_child = 0;
	return file->listing->reader == NULL ? VFS_OK : vfs_dirread_rewind(file->listing->reader);
}
