/*
 * vfs_close: the end of a handle, and with it of an upload.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/text.h"
#include "vfs/vfs_handles.h"
#include "vfs/vfs_private.h"
#include "vfs/vfs_publish.h"
#include "vfs/vfs_stage.h"

/* Of a file that is complete nobody goes on, so that its end can be sought, which costs less than its attributes. */
static off_t size_of(const struct vfs_file *file, enum vfs_outcome outcome)
{
	struct stat st;

	if (outcome == VFS_CLOSE_COMPLETE)
		return lseek(file->fd, 0, SEEK_END);
	return fstat(file->fd, &st) == 0 ? st.st_size : -1;
}

static void measure(const struct vfs_file *file, enum vfs_outcome outcome, struct vfs_closed *out)
{
	off_t position = lseek(file->fd, 0, SEEK_CUR);
	off_t size = size_of(file, outcome);

	if (size >= 0)
		out->size = (uint64_t)size;
	if (position >= 0)
		out->moved = (uint64_t)position > file->offset ? (uint64_t)position - file->offset
		                                               : file->offset - (uint64_t)position;
}

static enum vfs_status end_stage(
    struct vfs *vfs, struct vfs_file *file, enum vfs_outcome outcome, struct vfs_closed *out)
{
	bool removed = file->stage->dropped; /* by the session itself */
	enum vfs_status status = VFS_OK;

	if (!removed && outcome == VFS_CLOSE_COMPLETE)
		status = vfs_publish(vfs, file, &out->published);
	else if (!removed && outcome == VFS_CLOSE_ABORTED)
		out->kept = vfs_stage_keep(vfs, file);
	if (!out->published && !out->kept)
		vfs_stage_drop(file->stage);
	vfs_handles_upload_ended(vfs, file, !removed && !out->published);
	return status;
}

/* A file that was written in place.  Whatever is not under its name yet, or never will be, is no success. */
static enum vfs_status settle(const struct vfs_file *file)
{
	if (file->lost)
		return VFS_CANCELLED;
	if (file->upload != NULL && !file->upload->stage->dropped)
		return VFS_BUSY;
	return vfs_publish_settle(file);
}

enum vfs_status vfs_close(
    struct vfs *vfs, uint32_t handle, enum vfs_outcome outcome, struct vfs_closed *out)
{
	struct vfs_file *file = vfs_handles_remove(vfs, handle);
	enum vfs_status status = VFS_OK;

	memset(out, 0, sizeof *out);
	(void)vfs_path_resolve(&out->path, "/", "/");
	if (file == NULL)
		return VFS_BAD_HANDLE;
	out->write = file->write;
	if (file->listing == NULL) {
		measure(file, outcome, out);
		if (file->stage != NULL)
			status = end_stage(vfs, file, outcome, out);
		else if (file->write && outcome == VFS_CLOSE_COMPLETE)
			status = settle(file);
	}
	if (file->lost)
		vfs_handles_lost_ended(vfs, file);
	if (text_copy(out->path.text, sizeof out->path.text, file->path))
		out->path.length = strlen(out->path.text);
	vfs_handles_free_file(&file);
	return status;
}
