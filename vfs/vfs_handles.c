/*
 * The handle table.
 */
#include "vfs/vfs_handles.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/io.h"
#include "vfs/vfs_at.h"
#include "vfs/vfs_dirs.h"
#include "vfs/vfs_stage.h"

_Static_assert(VFS_HANDLES_MAX <= 0x10000, "a slot has 16 bits in a handle");

struct vfs_file *vfs_handles_new_file(struct vfs_mount *mount, const char *path)
{
	struct vfs_file *file = calloc(1, sizeof *file);

	if (file == NULL)
		return NULL;
	file->fd = -1;
	file->mount = mount;
	file->path = strdup(path);
	if (file->path == NULL)
		vfs_handles_free_file(&file);
	return file;
}

void vfs_handles_free_file(struct vfs_file **file)
{
	if (*file != NULL) {
		io_close(&(*file)->fd);
		vfs_stage_free(&(*file)->stage);
		vfs_dirs_free_listing(&(*file)->listing);
		free((*file)->path);
	}
	free(*file);
	*file = NULL;
}

static uint32_t number_of(const struct vfs *vfs, size_t slot)
{
	return (uint32_t)vfs->slots[slot].generation << 16 | (uint32_t)slot;
}

bool vfs_handles_full(const struct vfs *vfs)
{
	for (size_t i = 0; i < VFS_HANDLES_MAX; i++)
		if (vfs->slots[i].file == NULL)
			return false;
	return true;
}

enum vfs_status vfs_handles_add(struct vfs *vfs, struct vfs_file *file, uint32_t *handle_out)
{
	for (size_t i = 0; i < VFS_HANDLES_MAX; i++) {
		struct vfs_slot *slot = &vfs->slots[i];

		if (slot->file != NULL)
			continue;
		slot->file = file;
		/* Never 0, so that handle 0 is always wrong. */
		slot->generation =
		    slot->generation == UINT16_MAX ? 1 : (uint16_t)(slot->generation + 1);
		file->serial = ++vfs->serial;
		vfs->uploads += file->stage != NULL;
		*handle_out = number_of(vfs, i);
		return VFS_OK;
	}
	return VFS_TOO_MANY_OPEN;
}

struct vfs_file *vfs_handles_get(struct vfs *vfs, uint32_t handle)
{
	size_t i = handle & 0xffffu;

	if (i >= VFS_HANDLES_MAX || number_of(vfs, i) != handle)
		return NULL;
	return vfs->slots[i].file;
}

struct vfs_file *vfs_handles_remove(struct vfs *vfs, uint32_t handle)
{
	struct vfs_file *file = vfs_handles_get(vfs, handle);

	if (file == NULL)
		return NULL;
	vfs->slots[handle & 0xffffu].file = NULL;
	vfs->uploads -= file->stage != NULL;
	return file;
}

bool vfs_handles_any(const struct vfs *vfs, uint32_t *handle_out)
{
	for (size_t i = 0; i < VFS_HANDLES_MAX; i++) {
		if (vfs->slots[i].file == NULL)
			continue;
		*handle_out = number_of(vfs, i);
		return true;
	}
	return false;
}

/* The upload in this slot if it still will be published. */
static struct vfs_stage *running(const struct vfs_slot *slot)
{
	struct vfs_stage *stage = slot->file == NULL ? NULL : slot->file->stage;

	return stage == NULL || stage->dropped ? NULL : stage;
}

size_t vfs_handles_uploads(
    struct vfs *vfs, int dir_fd, const char *name, struct vfs_file *out[VFS_HANDLES_MAX])
{
	struct vfs_identity dir = { .inode = 0 };
	size_t count = 0;
	struct statx st;

	for (size_t i = 0; vfs->uploads > 0 && i < VFS_HANDLES_MAX; i++) {
		const struct vfs_stage *stage = running(&vfs->slots[i]);

		if (stage == NULL || strcmp(stage->name, name) != 0)
			continue;
		if (dir.inode == 0) {
			if (vfs_at_stat(dir_fd, "", &st) != 0)
				return 0;
			dir = vfs_at_identity(&st);
		}
		if (vfs_at_same(&stage->dir, &dir))
			out[count++] = vfs->slots[i].file;
	}
	return count;
}

struct vfs_file *vfs_handles_upload(struct vfs *vfs, int dir_fd, const char *name)
{
	struct vfs_file *all[VFS_HANDLES_MAX];
	size_t count = vfs_handles_uploads(vfs, dir_fd, name, all);
	struct vfs_file *newest = NULL;

	for (size_t i = 0; i < count; i++)
		if (newest == NULL || all[i]->serial > newest->serial)
			newest = all[i];
	return newest;
}

struct vfs_file *vfs_handles_staged(
    struct vfs *vfs, const struct vfs_identity *dir, const char *staged)
{
	for (size_t i = 0; i < VFS_HANDLES_MAX; i++) {
		const struct vfs_stage *stage = running(&vfs->slots[i]);

		if (stage != NULL && strcmp(stage->staged, staged) == 0 &&
		    vfs_at_same(&stage->dir, dir))
			return vfs->slots[i].file;
	}
	return NULL;
}

struct vfs_stage *vfs_handles_stage(const struct vfs_file *file)
{
	return file->upload != NULL ? file->upload->stage : file->stage;
}

/* A kept upload is not taken up by anybody while one of these may still write to it; they hold one lock in turn. */
static void lock_lost(const struct vfs *vfs)
{
	for (size_t i = 0; i < VFS_HANDLES_MAX; i++) {
		const struct vfs_file *file = vfs->slots[i].file;

		if (file != NULL && file->lost && file->write)
			(void)vfs_at_lock(file->fd);
	}
}

void vfs_handles_upload_ended(struct vfs *vfs, const struct vfs_file *upload, bool lost)
{
	for (size_t i = 0; i < VFS_HANDLES_MAX; i++) {
		struct vfs_file *file = vfs->slots[i].file;

		if (file == NULL || file->upload != upload)
			continue;
		file->upload = NULL;
		file->lost = lost;
	}
	if (lost)
		lock_lost(vfs);
}

void vfs_handles_lost_ended(struct vfs *vfs, const struct vfs_file *file)
{
	/* The front's copy of the descriptor would hold the lock until it closes it. */
	vfs_at_unlock(file->fd);
	lock_lost(vfs);
}

void vfs_handles_moved(struct vfs *vfs, const char *from, const char *to)
{
	size_t from_length = strlen(from);
	size_t to_length = strlen(to);

	for (size_t i = 0; i < VFS_HANDLES_MAX; i++) {
		struct vfs_file *file = vfs->slots[i].file;
		size_t rest;
		char *path;

		if (file == NULL || strncmp(file->path, from, from_length) != 0 ||
		    file->path[from_length] != '/')
			continue;
		rest = strlen(file->path + from_length);
		/* Without memory, or too long for any client, the old path stays: it is for the log
		 * only. */
		path = to_length + rest < VFS_PATH_MAX ? malloc(to_length + rest + 1) : NULL;
		if (path == NULL)
			continue;
		memcpy(path, to, to_length);
		memcpy(path + to_length, file->path + from_length, rest + 1);
		free(file->path);
		file->path = path;
	}
}
