/*
 * vfs_new and vfs_free.
 */
#include "vfs/vfs.h"

#include "server/base/io.h"
#include "server/base/pages.h"
#include "vfs/vfs_handles.h"
#include "vfs/vfs_mounts.h"
#include "vfs/vfs_names.h"
#include "vfs/vfs_own.h"
#include "vfs/vfs_private.h"

struct vfs *vfs_new(const char *user_name, const struct vfs_mount_source *sources, size_t count)
{
	struct vfs *vfs = pages_new(sizeof *vfs);

	if (vfs == NULL) {
		for (size_t i = 0; i < count; i++) {
			int fd = sources[i].dir_fd;

			io_close(&fd);
		}
		return NULL;
	}
	if (!vfs_mounts_init(vfs, sources, count) || !vfs_names_tag(user_name, vfs->tag))
		vfs_free(&vfs);
	return vfs;
}

void vfs_free(struct vfs **vfs)
{
	struct vfs_closed closed;
	uint32_t handle;

	if (*vfs == NULL)
		return;
	while (vfs_handles_any(*vfs, &handle))
		(void)vfs_close(*vfs, handle, VFS_CLOSE_ABORTED, &closed);
	vfs_own_clear(*vfs);
	vfs_mounts_clear(*vfs);
	pages_free(*vfs, sizeof **vfs);
	*vfs = NULL;
}
