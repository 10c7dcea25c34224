/*
 * Mounts, mount points, virtual directories, and links that would lead behind a mount point.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/vfs/tree.h"

static struct tree tree;
static struct vfs *vfs;
static char inbox[] = "/inbox";
static char deep[] = "/a/b/deep";
static char inner[] = "/real/inner";

/* "/" full; "/inbox" with the preset; "/a/b/deep" below nothing real; "/real/inner" read-only over
 * a real dir. */
static void set_up(void)
{
	tree_new(&tree);
	tree_mkdir(&tree, "real");
	tree_add_mount(&tree, inbox, "inbox-source")->access = ACCESS_INBOX;
	tree_add_mount(&tree, deep, "deep-source");
	tree_add_mount(&tree, inner, "root/real/inner")->access = RIGHT_list | RIGHT_read;
	tree_put(&tree, "real/inner/file", "protected");
	tree_mkdir(&tree, "real/inner/dir");
	vfs = tree_login(&tree, "alice");
}

static void tear_down(void)
{
	vfs_free(&vfs);
	tree_free(&tree);
}

TestSuite(vfs_mounts, .init = set_up, .fini = tear_down);

Test(vfs_mounts, serves_each_path_by_the_mount_with_the_longest_title)
{
	cr_assert_status(upload(vfs, "/a/b/deep/x", STOR, 0, "deep", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_eq(faccessat(tree.base_fd, "deep-source/x", F_OK, 0), 0);
	cr_assert_status(upload(vfs, "/inbox/y", STOR, 0, "in", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_eq(faccessat(tree.base_fd, "inbox-source/y", F_OK, 0), 0);
	cr_assert_status(upload(vfs, "/inboxes", STOR, 0, "no", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "inboxes", "no"));
	cr_assert(reads(vfs, "/real/inner/file", "protected"));
	cr_assert(reads(vfs, "/a/../real/./inner//file", "protected"));
}

Test(vfs_mounts, lists_mount_points_once_and_before_real_entries_of_the_name)
{
	tree_put(&tree, "inbox", "a file in the way");
	cr_assert(lists(vfs, "/", "inbox") && lists(vfs, "/", "a") && lists(vfs, "/", "real"));
	cr_assert_eq(list_names(vfs, "/", NULL, 0), 3);
	cr_assert(lists(vfs, "/a", "b") && lists(vfs, "/a/b", "deep"));
	cr_assert_eq(list_names(vfs, "/a/b", NULL, 0), 1);
	cr_assert_eq(list_names(vfs, "/real", NULL, 0), 1);
}

Test(vfs_mounts, has_virtual_directories_where_nothing_can_be_made)
{
	struct vfs_attr attr;
	struct vfs_space space;
	struct vfs_opened file;
	uint32_t handle;

	cr_assert_status(vfs_chdir(vfs, "/a/b"), VFS_OK);
	cr_assert_status(vfs_stat(vfs, "/a", false, &attr), VFS_OK);
	cr_assert_eq(attr.kind, VFS_KIND_DIR);
	cr_assert_status(vfs_statvfs(vfs, "/a/b", &space), VFS_OK);
	cr_assert_status(start(vfs, "/a/x", STOR, 0, &file), VFS_FORBIDDEN);
	cr_assert_status(vfs_mkdir(vfs, "/a/x", 0755), VFS_FORBIDDEN);
	cr_assert_status(vfs_symlink(vfs, "x", "/a/b/x"), VFS_FORBIDDEN);
	cr_assert_status(vfs_stat(vfs, "/a/x", false, &attr), VFS_NOT_FOUND);
	cr_assert_status(vfs_mkdir(vfs, "/a", 0755), VFS_EXISTS);
	cr_assert_status(start(vfs, "/a", STOR, 0, &file), VFS_IS_DIR);
	cr_assert_status(start(vfs, "/a", VFS_OPEN_READ, 0, &file), VFS_IS_DIR);
	cr_assert_status(vfs_opendir(vfs, "/a", &handle), VFS_OK);
	cr_assert_status(vfs_fstat(vfs, handle, &attr), VFS_OK);
	cr_assert_status(vfs_rewinddir(vfs, handle), VFS_OK);
	cr_assert_status(vfs_fstatvfs(vfs, handle, &space), VFS_OK);
	cr_assert(!tree_has(&tree, "a"));
}

Test(vfs_mounts, moves_and_removes_no_mount_point_nor_what_leads_to_one)
{
	static const char *const fixed[] = { "/", "/inbox", "/a", "/a/b", "/a/b/deep", "/real",
		"/real/inner" };
	struct vfs_change change = { .fields = VFS_SET_MODE, .mode = 0700 };

	tree_mkdir(&tree, "d");
	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
		cr_assert_status(vfs_rmdir(vfs, fixed[i]), VFS_FORBIDDEN);
		cr_assert_neq(vfs_remove(vfs, fixed[i]), VFS_OK);
		cr_assert_status(vfs_rename(vfs, fixed[i], "/z", true), VFS_FORBIDDEN);
		cr_assert_status(vfs_rename(vfs, "/d", fixed[i], true), VFS_FORBIDDEN);
		cr_assert_status(vfs_setattr(vfs, fixed[i], false, &change), VFS_OK);
	}
	cr_assert_eq(tree_stat(&tree, "real").st_mode & 0777, 0755);
}

Test(vfs_mounts, renames_and_links_nothing_across_mounts)
{
	tree_put(&tree, "x", "x");
	cr_assert_status(vfs_rename(vfs, "/x", "/a/b/deep/x", false), VFS_CROSS_MOUNT);
	cr_assert_status(vfs_link(vfs, "/x", "/a/b/deep/x"), VFS_CROSS_MOUNT);
	cr_assert_status(vfs_rename(vfs, "/x", "/inbox/x", false), VFS_FORBIDDEN);
}

/* The root is "full", and physically holds the read-only mount's files: no link may be a way round.
 */
Test(vfs_mounts, lets_no_link_lead_behind_a_mount_point)
{
	struct vfs_opened file;
	struct vfs_attr attr;
	uint32_t handle;

	cr_assert_status(vfs_symlink(vfs, "real", "/r"), VFS_OK);
	cr_assert_status(vfs_symlink(vfs, "/real/inner", "/i"), VFS_OK);
	cr_assert_status(vfs_symlink(vfs, "real/inner/file", "/f"), VFS_OK);
	cr_assert_status(vfs_symlink(vfs, "real/inner/dir/..", "/u"), VFS_OK);
	cr_assert_status(start(vfs, "/r/inner/file", STOR, 0, &file), VFS_FORBIDDEN);
	cr_assert_status(start(vfs, "/i/file", STOR, 0, &file), VFS_FORBIDDEN);
	cr_assert_status(start(vfs, "/i/dir/new", STOR, 0, &file), VFS_FORBIDDEN);
	cr_assert_status(start(vfs, "/f", STOR, 0, &file), VFS_FORBIDDEN);
	cr_assert_status(vfs_remove(vfs, "/r/inner/file"), VFS_FORBIDDEN);
	cr_assert_status(vfs_mkdir(vfs, "/i/new", 0755), VFS_FORBIDDEN);
	cr_assert_status(vfs_chdir(vfs, "/i"), VFS_FORBIDDEN);
	cr_assert_status(vfs_chdir(vfs, "/r/inner"), VFS_FORBIDDEN);
	cr_assert_status(vfs_opendir(vfs, "/r/inner", &handle), VFS_FORBIDDEN);
	cr_assert_status(vfs_stat(vfs, "/u", true, &attr), VFS_FORBIDDEN);
	cr_assert_status(vfs_rename(vfs, "/r/inner", "/z", false), VFS_FORBIDDEN);
	cr_assert_status(vfs_rmdir(vfs, "/r/inner"), VFS_FORBIDDEN);
	/* Other ways through links stay open. */
	cr_assert_status(upload(vfs, "/r/other", STOR, 0, "x", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "real/other", "x"));
	cr_assert(tree_holds(&tree, "real/inner/file", "protected"));
}

Test(vfs_mounts, resolves_links_inside_the_mount_that_holds_them)
{
	tree_put(&tree, "top", "of the root");
	cr_assert_status(
	    upload(vfs, "/a/b/deep/top", STOR, 0, "of the mount", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_status(vfs_symlink(vfs, "/top", "/a/b/deep/l1"), VFS_OK);
	cr_assert_status(vfs_symlink(vfs, "../../../../top", "/a/b/deep/l2"), VFS_OK);
	cr_assert(reads(vfs, "/a/b/deep/l1", "of the mount"));
	cr_assert(reads(vfs, "/a/b/deep/l2", "of the mount"));
}
