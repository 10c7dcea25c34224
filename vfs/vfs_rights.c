/*
 * Rights: the table and its three questions.
 */
#include "vfs/vfs_rights.h"

enum { NO, OWN };

#define ROW(operation, rights, own_too, text)                                                  \
	[VFS_OPERATION_##operation] = {                                                        \
		.name = #operation, .doc = (text), .needed = (rights), .own = (own_too) == OWN \
	},
const struct vfs_rights_row vfs_rights_rows[VFS_OPERATION_COUNT] = { VFS_OPERATIONS(ROW) };

#define OF_FILE                                                                      \
	(RIGHT_read | RIGHT_overwrite | RIGHT_append | RIGHT_resume | RIGHT_delete | \
	    RIGHT_rename | RIGHT_chmod | RIGHT_times | RIGHT_own)
#define OF_DIR                                                                                 \
	(RIGHT_list | RIGHT_upload | RIGHT_delete | RIGHT_rename | RIGHT_mkdir | RIGHT_rmdir | \
	    RIGHT_chmod | RIGHT_times | RIGHT_symlink)
#define OF_FIXED (RIGHT_rename | RIGHT_rmdir | RIGHT_chmod | RIGHT_times)

static const uint32_t rights_of_kind[] = {
	[VFS_KIND_FILE] = OF_FILE,
	[VFS_KIND_DIR] = OF_DIR,
	[VFS_KIND_LINK] = RIGHT_read | RIGHT_delete | RIGHT_rename | RIGHT_times,
	[VFS_KIND_OTHER] = RIGHT_delete | RIGHT_rename,
};

bool vfs_rights_own_only(const struct vfs_mount *mount)
{
	return (mount->policy->access & RIGHT_own) != 0;
}

bool vfs_rights_allow(const struct vfs_mount *mount, enum vfs_operation operation)
{
	const struct vfs_rights_row *row = &vfs_rights_rows[operation];
	uint32_t has = mount->policy->access;

	if (row->needed == 0)
		return has != 0;
	return (has & row->needed) == row->needed || (row->own && vfs_rights_own_only(mount));
}

uint32_t vfs_rights_of(const struct vfs_mount *mount, enum vfs_kind kind, bool fixed)
{
	uint32_t rights = mount->policy->access & rights_of_kind[kind];

	/* The session's own uploads may be listed in an inbox. */
	if (kind == VFS_KIND_DIR && vfs_rights_own_only(mount))
		rights |= RIGHT_list;
	if (fixed)
		rights &= ~(uint32_t)OF_FIXED;
	return rights;
}
