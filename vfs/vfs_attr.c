/*
 * Attributes as the user sees them.
 */
#include "vfs/vfs_attr.h"

#include "vfs/vfs_at.h"
#include "vfs/vfs_rights.h"

#define VIRTUAL_MODE 0555u

static void fill(struct vfs_attr *out, const struct statx *st)
{
	*out = (struct vfs_attr){
		.size = st->stx_size,
		.inode = st->stx_ino,
		.device = vfs_at_device(st),
		.mtime = st->stx_mtime.tv_sec,
		.atime = st->stx_atime.tv_sec,
		.mtime_nsec = st->stx_mtime.tv_nsec,
		.atime_nsec = st->stx_atime.tv_nsec,
		.mode = st->stx_mode & 07777u,
		.kind = vfs_at_kind(st),
		.nlink = st->stx_nlink,
		.uid = st->stx_uid,
		.gid = st->stx_gid,
	};
}

void vfs_attr_fill(struct vfs_attr *out, const struct statx *st, const struct vfs_mount *mount)
{
	fill(out, st);
	out->rights = vfs_rights_of(mount, vfs_at_kind(st), false);
}

void vfs_attr_fill_fixed(
    struct vfs_attr *out, const struct statx *st, const struct vfs_mount *mount)
{
	fill(out, st);
	out->rights = vfs_rights_of(mount, vfs_at_kind(st), true);
}

void vfs_attr_fill_virtual(struct vfs_attr *out, const char *path, const struct vfs_mount *mount)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a: any spread will do, clients only compare */

	for (; *path != '\0'; path++)
		hash = (hash ^ (unsigned char)*path) * 0x100000001b3u;
	*out = (struct vfs_attr){
		.inode = hash,
		.mode = VIRTUAL_MODE,
		.kind = VFS_KIND_DIR,
		.nlink = 2,
		.rights = mount->policy->access & RIGHT_list,
	};
}
