/*
 * vfs_close: the end of a handle, and with it of an upload.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/text.h"
#include "vfs/vfs_handles.h"
#include "vfs/vfs_private.h"
#include "vfs/vfs_publish.h"
#include "vfs/vfs_stage.h"

static void measure(const struct vfs_file *file, struct vfs_closed *out)
{
	off_t position = lseek(file->fd, 0, SEEK_CUR);
	/* Nobody goes on from there; and it costs less than asking for all attributes. */
	off_t size = lseek(file->fd, 0, SEEK_END);

	if (size >= 0)
		out->size = (uint64_t)size;
	if (position >= 0)
		out->moved = (uint64_t)position > file->offset ? (uint64_t)position - file->offset
		                                               : file->offset - (uint64_t)position;
}

static enum vfs_status end_stage(
    struct vfs *vfs, struct vfs_file *file, enum vfs_outcome outcome, struct vfs_closed *out)
{
	enum vfs_status status = VFS_OK;

	if (file->stage->dropped)
		return VFS_OK;
	if (outcome == VFS_CLOSE_COMPLETE)
		status = vfs_publish(vfs, file, &out->published);
	else if (outcome == VFS_CLOSE_ABORTED)
		out->kept = vfs_stage_keep(vfs, file);
	if (!out->published && !out->kept)
		vfs_stage_drop(file->stage);
	return status;
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
		measure(file, out);
		if (file->stage != NULL)
			status = end_stage(vfs, file, outcome, out);
		else if (file->write && outcome == VFS_CLOSE_COMPLETE)
			status = vfs_publish_settle(file);
	}
	if (text_copy(out->path.text, sizeof out->path.text, file->path))
		out->path.length = strlen(out->path.text);
	vfs_handles_free_file(&file);
	return status;
}
