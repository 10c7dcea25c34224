/*
 * Mount table: longest prefix wins.
 */
#include "vfs/vfs_mounts.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/io.h"
#include "vfs/vfs_at.h"

/* path below title: what follows, starting at '/' or at the end.  NULL when it is not. */
static const char *after_title(const char *path, const char *title, size_t title_length)
{
	if (strncmp(path, title, title_length) != 0)
		return NULL;
	path += title_length;
	return *path == '/' || *path == '\0' ? path : NULL;
}

bool vfs_mounts_init(struct vfs *vfs, const struct vfs_mount_source *sources, size_t count)
{
	bool ok = true;

	vfs->mounts = calloc(count, sizeof *vfs->mounts);
	for (size_t i = 0; vfs->mounts == NULL && i < count; i++) {
		int fd = sources[i].dir_fd;

		io_close(&fd);
	}
	if (vfs->mounts == NULL)
		return false;
	vfs->mount_count = count;
	for (size_t i = 0; i < count; i++) {
		struct vfs_mount *mount = &vfs->mounts[i];
		struct statx st;

		mount->policy = sources[i].mount;
		mount->fd = sources[i].dir_fd;
		ok = vfs_at_stat(mount->fd, "", &st) == 0 && ok;
		if (ok)
			mount->id = vfs_at_identity(&st);
		mount->title = strdup(i == 0 ? "" : sources[i].mount->title);
		if (mount->title != NULL)
			mount->title_length = strlen(mount->title);
		ok = ok && mount->title != NULL;
	}
	for (size_t i = 0; ok && i < count; i++) {
		struct vfs_mount *mount = &vfs->mounts[i];

		mount->has_inner = vfs_mounts_below(vfs, i == 0 ? "/" : mount->title);
	}
	return ok;
}

void vfs_mounts_clear(struct vfs *vfs)
{
	for (size_t i = 0; i < vfs->mount_count; i++) {
		io_close(&vfs->mounts[i].fd);
		free(vfs->mounts[i].title);
	}
	free(vfs->mounts);
	vfs->mounts = NULL;
	vfs->mount_count = 0;
}

struct vfs_mount *vfs_mounts_find(struct vfs *vfs, const char *path)
{
	struct vfs_mount *best = &vfs->mounts[0];

	for (size_t i = 1; i < vfs->mount_count; i++) {
		struct vfs_mount *mount = &vfs->mounts[i];

		if (mount->title_length > best->title_length &&
		    after_title(path, mount->title, mount->title_length) != NULL)
			best = mount;
	}
	return best;
}

const char *vfs_mounts_inside(const struct vfs_mount *mount, const char *path)
{
	const char *rest = path + mount->title_length;

	return rest + strspn(rest, "/");
}

/* First component of the mount's title below path; its length, or 0 when the mount is not below. */
static size_t child_of(const struct vfs_mount *mount, const char *path, const char **child)
{
	size_t length = strcmp(path, "/") == 0 ? 0 : strlen(path);
	const char *rest = after_title(mount->title, path, length);

	if (rest == NULL || *rest == '\0')
		return 0;
	*child = rest + 1;
	return strcspn(rest + 1, "/");
}

bool vfs_mounts_below(const struct vfs *vfs, const char *path)
{
	const char *child;

	for (size_t i = 1; i < vfs->mount_count; i++)
		if (child_of(&vfs->mounts[i], path, &child) != 0)
			return true;
	return false;
}

/* Does a mount before number `end` have this child? */
static bool seen_before(
    const struct vfs *vfs, size_t end, const char *path, const char *name, size_t n)
{
	const char *child;

	for (size_t i = 1; i < end; i++)
		if (child_of(&vfs->mounts[i], path, &child) == n && memcmp(child, name, n) == 0)
			return true;
	return false;
}

bool vfs_mounts_next_child(
    const struct vfs *vfs, const char *path, size_t *cursor, char name_out[VFS_NAME_MAX + 1])
{
	for (size_t i = *cursor == 0 ? 1 : *cursor; i < vfs->mount_count; i++) {
		const char *child = NULL;
		size_t n = child_of(&vfs->mounts[i], path, &child);

		if (n == 0 || n > VFS_NAME_MAX || seen_before(vfs, i, path, child, n))
			continue;
		memcpy(name_out, child, n);
		name_out[n] = '\0';
		*cursor = i + 1;
		return true;
	}
	*cursor = vfs->mount_count;
	return false;
}

bool vfs_mounts_has_child(const struct vfs *vfs, const char *path, const char *name)
{
	return seen_before(vfs, vfs->mount_count, path, name, strlen(name));
}
