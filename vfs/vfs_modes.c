/*
 * Mode policy.
 */
#include "vfs/vfs_modes.h"

#include "vfs/vfs_rights.h"

#define PLAIN_BITS   0777u
#define SPECIAL_BITS 07000u

static uint32_t confined(const struct vfs_mount *mount, uint32_t mode, uint32_t special)
{
	return ((mode & PLAIN_BITS) | (mode & special & SPECIAL_BITS)) & ~mount->policy->umask;
}

static uint32_t wished(const struct vfs_mount *mount, uint32_t wish, uint32_t usual)
{
	bool heard = wish != UINT32_MAX && vfs_rights_allow(mount, VFS_OPERATION_chmod);

	return confined(mount, heard ? wish : usual, usual);
}

uint32_t vfs_modes_of_file(const struct vfs_mount *mount, uint32_t wish)
{
	return wished(mount, wish, mount->policy->file_mode);
}

uint32_t vfs_modes_of_dir(const struct vfs_mount *mount, uint32_t wish)
{
	return wished(mount, wish, mount->policy->dir_mode);
}

uint32_t vfs_modes_of_successor(const struct vfs_mount *mount, uint32_t old)
{
	return (old & PLAIN_BITS) | (old & SPECIAL_BITS & mount->policy->file_mode);
}

uint32_t vfs_modes_changed(const struct vfs_mount *mount, uint32_t wish, uint32_t old)
{
	/* A directory keeps its special bits, as chmod(1) does with a numeric mode: group folders
	 * rely on it. */
	if (S_ISDIR(old))
		return confined(mount, wish, mount->policy->dir_mode) | (old & SPECIAL_BITS);
	return confined(mount, wish, mount->policy->file_mode);
}
