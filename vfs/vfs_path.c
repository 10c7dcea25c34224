/*
 * The one path normaliser.
 */
#include "vfs/vfs_path.h"

#include <string.h>

static void set_root(struct vfs_path *path)
{
	path->length = 1;
	path->text[0] = '/';
	path->text[1] = '\0';
}

static void drop_last(struct vfs_path *path)
{
	while (path->length > 1 && path->text[path->length - 1] != '/')
		path->length--;
	if (path->length > 1)
		path->length--;
	path->text[path->length] = '\0';
}

static enum vfs_status append_component(struct vfs_path *path, const char *name, size_t n)
{
	size_t slash = path->length > 1 ? 1 : 0;

	if (n > VFS_NAME_MAX || path->length + slash + n >= VFS_PATH_MAX)
		return VFS_NAME_TOO_LONG;
	if (n >= sizeof VFS_STAGED_PREFIX - 1 &&
	    memcmp(name, VFS_STAGED_PREFIX, sizeof VFS_STAGED_PREFIX - 1) == 0)
		return VFS_BAD_NAME;
	if (slash)
		path->text[path->length++] = '/';
	memcpy(path->text + path->length, name, n);
	path->length += n;
	path->text[path->length] = '\0';
	return VFS_OK;
}

static enum vfs_status append_path(struct vfs_path *path, const char *text)
{
	enum vfs_status status = VFS_OK;

	while (*text != '\0' && status == VFS_OK) {
		size_t n = strcspn(text, "/");

		if (n == 2 && memcmp(text, "..", 2) == 0)
			drop_last(path);
		else if (n > 0 && !(n == 1 && *text == '.'))
			status = append_component(path, text, n);
		text += n;
		text += strspn(text, "/");
	}
	return status;
}

enum vfs_status vfs_path_resolve(struct vfs_path *out, const char *cwd, const char *client_path)
{
	enum vfs_status status = VFS_OK;

	set_root(out);
	if (client_path[0] != '/')
		status = append_path(out, cwd);
	if (status == VFS_OK)
		status = append_path(out, client_path);
	if (status != VFS_OK)
		set_root(out);
	return status;
}

void vfs_path_split(const struct vfs_path *path, struct vfs_path *parent, const char **name)
{
	const char *slash = strrchr(path->text, '/');

	*name = slash + 1;
	parent->length = slash == path->text ? 1 : (size_t)(slash - path->text);
	memcpy(parent->text, path->text, parent->length);
	parent->text[parent->length] = '\0';
}
