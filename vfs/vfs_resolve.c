/*
 * Path resolution.
 */
#include "vfs/vfs_resolve.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "server/base/io.h"
#include "server/base/text.h"
#include "vfs/vfs_at.h"
#include "vfs/vfs_errno.h"
#include "vfs/vfs_mounts.h"
#include "vfs/vfs_rights.h"

#define DEPTH_MAX VFS_PATH_MAX /* directories above a directory: more than any path can name */

/* --- behind mount points ------------------------------------------------------------------ */

static bool is_inside(const struct vfs_mount *inner, const struct vfs_mount *mount)
{
	return inner != mount && strncmp(inner->title, mount->title, mount->title_length) == 0 &&
	       inner->title[mount->title_length] == '/';
}

/*
 * The real directories that mount points below `mount` hide.  The user cannot name them, and a
 * symbolic link must not lead there either: the inner mount may allow less than the outer one.
 */
static size_t find_hidden(
    const struct vfs *vfs, const struct vfs_mount *mount, struct vfs_identity *hidden)
{
	size_t count = 0;

	for (size_t i = 1; i < vfs->mount_count; i++) {
		const struct vfs_mount *inner = &vfs->mounts[i];
		struct statx st;
		int fd;

		if (!is_inside(inner, mount))
			continue;
		fd = vfs_at_open_dir(mount->fd, vfs_mounts_inside(mount, inner->title), true);
		if (fd >= 0 && vfs_at_stat(fd, "", &st) == 0)
			hidden[count++] = vfs_at_identity(&st);
		io_close(&fd);
	}
	return count;
}

static bool is_one_of(const struct vfs_identity *id, const struct vfs_identity *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (vfs_at_same(id, &list[i]))
			return true;
	return false;
}

/* Walk from dir_fd up to the mount's root; VFS_FORBIDDEN when a hidden directory is on the way. */
static enum vfs_status walk_up(
    const struct vfs_mount *mount, int dir_fd, const struct vfs_identity *hidden, size_t count)
{
	enum vfs_status status = VFS_FORBIDDEN;
	struct vfs_identity here = { .inode = 0 };
	struct vfs_identity below;
	struct vfs_identity root;
	struct statx st;
	int fd = -1;

	if (vfs_at_stat(mount->fd, "", &st) != 0)
		return VFS_FAILED;
	root = vfs_at_identity(&st);
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		int at = depth == 0 ? dir_fd : fd;
		int parent;

		below = here;
		if (vfs_at_stat(at, "", &st) != 0)
			break;
		here = vfs_at_identity(&st);
		/* The root of the machine, or of the chroot, is its own parent. */
		if (vfs_at_same(&here, &root) || vfs_at_same(&here, &below)) {
			status = VFS_OK;
			break;
		}
		if (is_one_of(&here, hidden, count))
			break;
		parent = vfs_at_open_parent(at);
		io_close(&fd);
		fd = parent;
		if (fd < 0)
			break;
	}
	io_close(&fd);
	return status;
}

static enum vfs_status refuse_hidden(
    const struct vfs *vfs, const struct vfs_mount *mount, int dir_fd)
{
	struct vfs_identity hidden[CONF_MOUNTS_MAX];
	size_t count = find_hidden(vfs, mount, hidden);

	return count == 0 ? VFS_OK : walk_up(mount, dir_fd, hidden, count);
}

/* Does an inner mount's title lead over this directory, or to it? */
static bool leads_over(const struct vfs_mount *mount, const char *title, const struct statx *st)
{
	struct vfs_identity id = vfs_at_identity(st);
	char path[VFS_PATH_MAX];
	bool found = false;

	if (!text_copy(path, sizeof path, title))
		return false;
	while (!found && path[0] != '\0') {
		struct statx step;
		char *slash;
		int fd = vfs_at_open_dir(mount->fd, path, true);

		if (fd >= 0 && vfs_at_stat(fd, "", &step) == 0) {
			struct vfs_identity step_id = vfs_at_identity(&step);

			found = vfs_at_same(&step_id, &id);
		}
		io_close(&fd);
		slash = strrchr(path, '/');
		*(slash == NULL ? path : slash) = '\0';
	}
	return found;
}

enum vfs_status vfs_resolve_refuse_fixed(
    const struct vfs *vfs, const struct vfs_place *place, const struct statx *st)
{
	const struct vfs_mount *mount = place->mount;

	if (place->kind != VFS_PLACE_NAME)
		return VFS_FORBIDDEN;
	/* Without a link the path itself would have told. */
	if (!place->linked || !mount->has_inner || !S_ISDIR(st->stx_mode))
		return VFS_OK;
	for (size_t i = 1; i < vfs->mount_count; i++) {
		const struct vfs_mount *inner = &vfs->mounts[i];

		if (is_inside(inner, mount) &&
		    leads_over(mount, vfs_mounts_inside(mount, inner->title), st))
			return VFS_FORBIDDEN;
	}
	return VFS_OK;
}

/* --- directories -------------------------------------------------------------------------- */

/*
 * Open a directory of the mount by text into place->dir_fd.  place->linked tells, before and after,
 * whether a symbolic link had a part in it: only then can it be behind a mount point.
 */
static enum vfs_status open_dir(const struct vfs *vfs, struct vfs_place *place, const char *where)
{
	const struct vfs_mount *mount = place->mount;
	const char *path = where[0] == '\0' ? "." : where;
	enum vfs_status status = VFS_OK;
	int fd = -1;

	if (mount->has_inner && !place->linked) {
		fd = vfs_at_open_dir(mount->fd, path, false);
		place->linked = fd < 0 && errno == ELOOP;
		if (fd < 0 && !place->linked)
			return vfs_errno_status(errno);
	}
	if (fd < 0)
		fd = vfs_at_open_dir(mount->fd, path, true);
	if (fd < 0)
		return vfs_errno_status(errno);
	if (mount->has_inner && place->linked)
		status = refuse_hidden(vfs, mount, fd);
	if (status != VFS_OK)
		io_close(&fd);
	place->dir_fd = fd;
	return status;
}

/* Does the path of the parent exist only because a mount point is below it? */
static bool parent_is_virtual(const struct vfs *vfs, const struct vfs_path *path)
{
	struct vfs_path parent;
	const char *name;

	vfs_path_split(path, &parent, &name);
	return parent.length > 1 && vfs_mounts_below(vfs, parent.text);
}

/* A path with mount points below it: a real directory, or one that is only thought. */
static void place_ancestor(struct vfs *vfs, struct vfs_place *place, const char *inside)
{
	place->kind = VFS_PLACE_ANCESTOR;
	if (!text_copy(place->where, sizeof place->where, inside) ||
	    open_dir(vfs, place, inside) != VFS_OK) {
		place->kind = VFS_PLACE_VIRTUAL;
		place->dir_fd = -1;
	}
}

/* --- links in the last component ------------------------------------------------------------ */

/* The text of a link replaces the last component of where/name, as text: the kernel walks it later.
 */
static bool join_link(struct vfs_place *place, const char *text)
{
	char joined[VFS_PATH_MAX];

	if (text[0] == '/' || place->where[0] == '\0')
		return text_copy(place->where, sizeof place->where, text + strspn(text, "/"));
	return text_format(joined, sizeof joined, "%s/%s", place->where, text) &&
	       text_copy(place->where, sizeof place->where, joined);
}

/* Take the last component off place->where into place->name; "" when it names a directory as such.
 */
static enum vfs_status split_where(struct vfs_place *place)
{
	size_t length = strlen(place->where);
	char *name;

	while (length > 0 && place->where[length - 1] == '/')
		place->where[--length] = '\0';
	name = strrchr(place->where, '/');
	name = name == NULL ? place->where : name + 1;
	place->name[0] = '\0';
	if (name[0] == '\0' || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return VFS_OK;
	if (strncmp(name, VFS_STAGED_PREFIX, sizeof VFS_STAGED_PREFIX - 1) == 0)
		return VFS_NOT_FOUND;
	if (!text_copy(place->name, sizeof place->name, name))
		return VFS_NAME_TOO_LONG;
	*name = '\0';
	return VFS_OK;
}

/* If the last component is a link, take one hop.  *again: it was. */
static enum vfs_status follow_once(struct vfs *vfs, struct vfs_place *place, bool *again)
{
	char text[VFS_PATH_MAX];
	enum vfs_status status;
	ssize_t n = -1;

	place->seen = vfs_at_stat(place->dir_fd, place->name, &place->st);
	place->looked = true;
	if (place->seen == 0 && S_ISLNK(place->st.stx_mode))
		n = vfs_at_readlink(place->dir_fd, place->name, text, sizeof text);
	/* Not a link, missing, not readable: whoever opens it will be told. */
	*again = n >= 0;
	if (n < 0)
		return VFS_OK;
	if (!join_link(place, text))
		return VFS_NAME_TOO_LONG;
	status = split_where(place);
	if (status != VFS_OK)
		return status;
	vfs_resolve_clear(place);
	place->linked = true;
	status = open_dir(vfs, place, place->where);
	if (place->name[0] == '\0') {
		place->kind = VFS_PLACE_DIR;
		*again = false;
	}
	return status;
}

static enum vfs_status follow_links(struct vfs *vfs, struct vfs_place *place)
{
	enum vfs_status status = VFS_OK;
	bool again = true;

	for (int hops = 0; status == VFS_OK && again; hops++) {
		if (hops > VFS_LINK_HOPS_MAX)
			return VFS_LOOP;
		status = follow_once(vfs, place, &again);
	}
	return status;
}

/* --- the whole ------------------------------------------------------------------------------ */

static enum vfs_status resolve_name(
    struct vfs *vfs, const char *inside, unsigned flags, struct vfs_place *place)
{
	enum vfs_status status;

	if (!text_copy(place->where, sizeof place->where, inside))
		return VFS_NAME_TOO_LONG;
	status = split_where(place);
	if (status != VFS_OK)
		return status;
	if (place->where[0] == '\0') {
		place->dir_fd = place->mount->fd;
		place->borrowed = true;
	} else {
		status = open_dir(vfs, place, place->where);
	}
	if ((status == VFS_NOT_FOUND || status == VFS_NOT_DIR) &&
	    parent_is_virtual(vfs, &place->path))
		return (flags & VFS_RESOLVE_MAKE) != 0 ? VFS_FORBIDDEN : VFS_NOT_FOUND;
	if (status == VFS_OK && (flags & VFS_RESOLVE_FOLLOW) != 0 &&
	    !vfs_rights_own_only(place->mount))
		status = follow_links(vfs, place);
	return status;
}

enum vfs_status vfs_resolve(
    struct vfs *vfs, const char *path, unsigned flags, struct vfs_place *out)
{
	enum vfs_status status;
	const char *inside;

	out->kind = VFS_PLACE_NAME;
	out->dir_fd = -1;
	out->borrowed = false;
	out->linked = false;
	out->looked = false;
	out->name[0] = '\0';
	out->where[0] = '\0';
	status = vfs_path_resolve(&out->path, "/", path);
	out->mount = vfs_mounts_find(vfs, out->path.text);
	if (status == VFS_BAD_NAME)
		return (flags & VFS_RESOLVE_MAKE) != 0 ? VFS_BAD_NAME : VFS_NOT_FOUND;
	if (status != VFS_OK)
		return status;
	inside = vfs_mounts_inside(out->mount, out->path.text);
	if (*inside == '\0') {
		out->kind = VFS_PLACE_MOUNT;
		out->dir_fd = out->mount->fd;
		out->borrowed = true;
	} else if (vfs_mounts_below(vfs, out->path.text)) {
		place_ancestor(vfs, out, inside);
	} else {
		status = resolve_name(vfs, inside, flags, out);
	}
	if (status != VFS_OK)
		vfs_resolve_clear(out);
	return status;
}

void vfs_resolve_clear(struct vfs_place *place)
{
	if (!place->borrowed)
		io_close(&place->dir_fd);
	place->dir_fd = -1;
	place->borrowed = false;
	place->looked = false;
}

int vfs_resolve_take_dir(struct vfs_place *place)
{
	int fd = place->dir_fd;

	if (place->borrowed)
		return fcntl(fd, F_DUPFD_CLOEXEC, 0);
	/* The place goes on using it, but no longer closes it. */
	place->borrowed = true;
	return fd;
}

enum vfs_status vfs_resolve_dir(struct vfs *vfs, const struct vfs_place *place, int *fd_out)
{
	/* Even "." needs search permission, which O_PATH of the entry alone would not ask for. */
	const char *name = place->kind == VFS_PLACE_NAME ? place->name : ".";
	enum vfs_status status = VFS_OK;
	int named_fd = -1;
	int fd = -1;

	*fd_out = -1;
	if (place->kind == VFS_PLACE_VIRTUAL)
		return VFS_OK;
	named_fd = vfs_at_open(place->dir_fd, name, O_PATH | O_DIRECTORY, 0);
	if (named_fd >= 0)
		fd = vfs_at_open(named_fd, ".", O_PATH | O_DIRECTORY, 0);
	if (fd < 0)
		status = vfs_errno_status(errno);
	else if (place->linked && place->mount->has_inner)
		status = refuse_hidden(vfs, place->mount, fd);
	if (status != VFS_OK)
		io_close(&fd);
	io_close(&named_fd);
	*fd_out = fd;
	return status;
}
