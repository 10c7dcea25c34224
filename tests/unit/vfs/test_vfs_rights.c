/*
 * Every operation of the rights table, with each right missing in turn: what the row needs is
 * refused without it, and nothing else is.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/vfs/tree.h"
#include "vfs/vfs_rights.h"

static enum vfs_status open_close(
    struct vfs *vfs, const char *path, uint32_t flags, uint64_t offset)
{
	struct vfs_opened file;
	enum vfs_status status = start(vfs, path, flags, offset, &file);

	return status == VFS_OK ? end(vfs, &file, VFS_CLOSE_COMPLETE) : status;
}

static enum vfs_status change(struct vfs *vfs, uint32_t field)
{
	struct vfs_change wish = { .fields = field, .mode = 0600, .mtime = 5, .size = 1 };

	return vfs_setattr(vfs, "/file", false, &wish);
}

static enum vfs_status do_stat(struct vfs *vfs)
{
	struct vfs_attr attr;

	return vfs_stat(vfs, "/file", false, &attr);
}
static enum vfs_status do_list(struct vfs *vfs)
{
	struct vfs_closed closed;
	uint32_t handle;
	enum vfs_status status = vfs_opendir(vfs, "/dir", &handle);

	return status == VFS_OK ? vfs_close(vfs, handle, VFS_CLOSE_COMPLETE, &closed) : status;
}
static enum vfs_status do_readlink(struct vfs *vfs)
{
	char text[VFS_PATH_MAX];

	return vfs_readlink(vfs, "/link", text);
}
static enum vfs_status do_chdir(struct vfs *vfs)
{
	return vfs_chdir(vfs, "/dir");
}
static enum vfs_status do_statvfs(struct vfs *vfs)
{
	struct vfs_space space;

	return vfs_statvfs(vfs, "/", &space);
}
static enum vfs_status do_read(struct vfs *vfs)
{
	return open_close(vfs, "/file", VFS_OPEN_READ, 0);
}
static enum vfs_status do_checksum(struct vfs *vfs)
{
	return open_close(vfs, "/file", VFS_OPEN_READ | VFS_OPEN_CHECKSUM, 0);
}
static enum vfs_status do_create(struct vfs *vfs)
{
	return open_close(vfs, "/new", STOR, 0);
}
static enum vfs_status do_overwrite(struct vfs *vfs)
{
	return open_close(vfs, "/file", VFS_OPEN_WRITE | VFS_OPEN_TRUNCATE, 0);
}
static enum vfs_status do_resume(struct vfs *vfs)
{
	return open_close(vfs, "/file", REST, 2);
}
static enum vfs_status do_append(struct vfs *vfs)
{
	return open_close(vfs, "/file", APPE, 0);
}
static enum vfs_status do_continue(struct vfs *vfs)
{
	return open_close(vfs, "/kept", REST, 2);
}
static enum vfs_status do_remove(struct vfs *vfs)
{
	return vfs_remove(vfs, "/file");
}
static enum vfs_status do_rename(struct vfs *vfs)
{
	return vfs_rename(vfs, "/file", "/new", false);
}
static enum vfs_status do_replace(struct vfs *vfs)
{
	return vfs_rename(vfs, "/file", "/file2", true);
}
static enum vfs_status do_mkdir(struct vfs *vfs)
{
	return vfs_mkdir(vfs, "/new", UINT32_MAX);
}
static enum vfs_status do_rmdir(struct vfs *vfs)
{
	return vfs_rmdir(vfs, "/dir");
}
static enum vfs_status do_chmod(struct vfs *vfs)
{
	return change(vfs, VFS_SET_MODE);
}
static enum vfs_status do_times(struct vfs *vfs)
{
	return change(vfs, VFS_SET_MTIME);
}
static enum vfs_status do_truncate(struct vfs *vfs)
{
	return change(vfs, VFS_SET_SIZE);
}
static enum vfs_status do_link(struct vfs *vfs)
{
	return vfs_link(vfs, "/file", "/new");
}
static enum vfs_status do_symlink(struct vfs *vfs)
{
	return vfs_symlink(vfs, "file", "/new");
}

#define ACT(name, needed, own, doc) [VFS_OPERATION_##name] = do_##name,
static enum vfs_status (*const acts[VFS_OPERATION_COUNT])(struct vfs *) = { VFS_OPERATIONS(ACT) };

/* What an operation needs beside its own row, because it does two things. */
static uint32_t also_needed(int operation)
{
	return operation == VFS_OPERATION_replace ? RIGHT_rename : 0;
}

/* Do one operation in a fresh tree with these rights. */
static enum vfs_status act(int operation, uint32_t rights)
{
	enum vfs_status status;
	struct tree tree;
	struct vfs *vfs;

	tree_new(&tree);
	tree.mounts[0].setattr = CONF_SETATTR_REFUSE;
	tree.mounts[0].existing = CONF_EXISTING_REFUSE;
	tree_put(&tree, "file", "content");
	tree_put(&tree, "file2", "content");
	tree_mkdir(&tree, "dir");
	vfs = tree_login(&tree, "alice");
	cr_assert_status(vfs_symlink(vfs, "file", "/link"), VFS_OK);
	cr_assert_status(upload(vfs, "/kept", STOR, 0, "content", VFS_CLOSE_ABORTED), VFS_OK);
	tree.mounts[0].access = rights;
	status = acts[operation](vfs);
	vfs_free(&vfs);
	tree_free(&tree);
	return status;
}

Test(vfs_rights, refuses_every_operation_without_a_right_it_needs_and_only_then)
{
	for (int operation = 0; operation < VFS_OPERATION_COUNT; operation++) {
		const struct vfs_rights_row *row = &vfs_rights_rows[operation];
		uint32_t needed = row->needed | also_needed(operation);

		cr_assert_eq(act(operation, CONF_RIGHTS_FULL), VFS_OK, "%s", row->name);
		cr_assert_eq(act(operation, 0), VFS_FORBIDDEN, "%s", row->name);
		for (uint32_t right = 1; right <= RIGHT_symlink; right <<= 1) {
			enum vfs_status status = act(operation, CONF_RIGHTS_FULL & ~right);

			if ((needed & right) == 0)
				cr_assert_eq(status, VFS_OK, "%s without %#x: %s", row->name, right,
				    vfs_status_name(status));
			else
				cr_assert(status == VFS_FORBIDDEN || status == VFS_EXISTS,
				    "%s without %#x: %s", row->name, right,
				    vfs_status_name(status));
		}
	}
}

Test(vfs_rights, creates_nothing_for_a_read_only_user_however_it_is_asked)
{
	static const uint32_t flags[] = { STOR, REST, APPE, VFS_OPEN_WRITE,
		VFS_OPEN_READ | VFS_OPEN_CREATE,
		VFS_OPEN_READ | VFS_OPEN_CREATE | VFS_OPEN_TRUNCATE,
		VFS_OPEN_READ | VFS_OPEN_WRITE | VFS_OPEN_CREATE, VFS_OPEN_READ | VFS_OPEN_APPEND,
		STOR | VFS_OPEN_UNIQUE, STOR | VFS_OPEN_EXCLUSIVE };
	struct tree tree;
	struct vfs *vfs;
	struct vfs_opened file;

	tree_new(&tree);
	tree.mounts[0].access = RIGHT_list | RIGHT_read;
	tree_put(&tree, "file", "content");
	vfs = tree_login(&tree, "alice");
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		enum vfs_status on_new = start(vfs, "/new", flags[i], 3, &file);
		enum vfs_status on_old = start(vfs, "/file", flags[i], 3, &file);

		cr_assert(
		    on_new == VFS_FORBIDDEN || on_new == VFS_NOT_FOUND, "flags %#x", flags[i]);
		cr_assert_eq(on_old, VFS_FORBIDDEN, "flags %#x", flags[i]);
	}
	cr_assert(reads(vfs, "/file", "content"));
	cr_assert_eq(list_names(vfs, "/", NULL, 0), 1);
	vfs_free(&vfs);
	tree_free(&tree);
}

Test(vfs_rights, ignores_or_refuses_forbidden_attributes_as_the_mount_says)
{
	struct vfs_change wish = { .fields = VFS_SET_MODE | VFS_SET_MTIME | VFS_SET_OWNER,
		.mode = 0777,
		.mtime = 5,
		.uid = 12345,
		.gid = 12345 };
	struct vfs_attr before;
	struct vfs_attr after;
	struct tree tree;
	struct vfs *vfs;

	tree_new(&tree);
	tree.mounts[0].access = RIGHT_list;
	tree_put(&tree, "file", "content");
	vfs = tree_login(&tree, "alice");
	vfs_stat(vfs, "/file", false, &before);
	cr_assert_status(vfs_setattr(vfs, "/file", false, &wish), VFS_OK);
	vfs_stat(vfs, "/file", false, &after);
	cr_assert_eq(memcmp(&before, &after, sizeof before), 0);
	tree.mounts[0].setattr = CONF_SETATTR_REFUSE;
	cr_assert_status(vfs_setattr(vfs, "/file", false, &wish), VFS_FORBIDDEN);
	tree.mounts[0].access = CONF_RIGHTS_FULL;
	cr_assert_status(vfs_setattr(vfs, "/file", false, &wish), VFS_FORBIDDEN);
	wish.uid = before.uid;
	wish.gid = before.gid;
	cr_assert_status(vfs_setattr(vfs, "/file", false, &wish), VFS_OK);
	vfs_stat(vfs, "/file", false, &after);
	cr_assert_eq(after.mode, 0755, "the umask holds for chmod too");
	cr_assert_eq(after.mtime, 5);
	vfs_free(&vfs);
	tree_free(&tree);
}

Test(vfs_rights, gives_special_bits_only_where_the_administrator_has_them)
{
	struct vfs_change wish = { .fields = VFS_SET_MODE, .mode = 06755 };
	struct tree tree;
	struct vfs *vfs;
	struct vfs_opened file;

	tree_new(&tree);
	vfs = tree_login(&tree, "alice");
	cr_assert_status(vfs_open(vfs, "/a", STOR, 0, 07777, &file), VFS_OK);
	cr_assert_status(end(vfs, &file, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_eq(tree_stat(&tree, "a").st_mode & 07777, 0755);
	cr_assert_status(vfs_setattr(vfs, "/a", false, &wish), VFS_OK);
	cr_assert_eq(tree_stat(&tree, "a").st_mode & 07777, 0755);
	cr_assert_status(vfs_mkdir(vfs, "/d", 07777), VFS_OK);
	cr_assert_eq(tree_stat(&tree, "d").st_mode & 07777, 0755);
	tree.mounts[0].dir_mode = 02770;
	tree.mounts[0].umask = 0;
	cr_assert_status(vfs_mkdir(vfs, "/e", UINT32_MAX), VFS_OK);
	cr_assert_eq(tree_stat(&tree, "e").st_mode & 07777, 02770);
	vfs_free(&vfs);
	tree_free(&tree);
}

Test(vfs_rights, tells_rights_per_entry)
{
	struct vfs_attr attr;
	struct tree tree;
	struct vfs *vfs;

	tree_new(&tree);
	tree_put(&tree, "file", "content");
	vfs = tree_login(&tree, "alice");
	vfs_stat(vfs, "/file", false, &attr);
	cr_assert(
	    attr.rights & RIGHT_read && attr.rights & RIGHT_delete && !(attr.rights & RIGHT_mkdir));
	vfs_stat(vfs, "/", false, &attr);
	cr_assert(
	    attr.rights & RIGHT_list && !(attr.rights & (RIGHT_rename | RIGHT_rmdir | RIGHT_read)));
	vfs_free(&vfs);
	tree_free(&tree);
}
