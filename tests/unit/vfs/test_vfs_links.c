/*
 * Symbolic links: inside the root they work, and out of it they do not lead.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/vfs/tree.h"

static struct tree tree;
static struct vfs *vfs;

static void set_up(void)
{
	tree_new(&tree);
	tree_mkdir(&tree, "dir");
	tree_put(&tree, "dir/file", "content");
	vfs = tree_login(&tree, "alice");
}

static void tear_down(void)
{
	vfs_free(&vfs);
	tree_free(&tree);
}

TestSuite(vfs_links, .init = set_up, .fini = tear_down);

Test(vfs_links, follows_links_inside_the_root)
{
	static const struct {
		const char *text;
		const char *path;
	} links[] = {
		{ "dir/file", "/l1" },
		{ "/dir/file", "/l2" },
		{ "../../../dir/file", "/l3" },
		{ "file", "/dir/l4" },
		{ "../dir/../dir/file", "/dir/l5" },
		{ "l5", "/dir/l6" },
		{ "/dir/l6", "/l7" },
	};

	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
		char text[VFS_PATH_MAX];
		struct vfs_attr attr;

		cr_assert_status(vfs_symlink(vfs, links[i].text, links[i].path), VFS_OK);
		cr_assert(reads(vfs, links[i].path, "content"), "%s", links[i].path);
		cr_assert_status(vfs_readlink(vfs, links[i].path, text), VFS_OK);
		cr_assert_str_eq(text, links[i].text);
		cr_assert_status(vfs_stat(vfs, links[i].path, true, &attr), VFS_OK);
		cr_assert_eq(attr.kind, VFS_KIND_FILE);
		cr_assert_status(vfs_stat(vfs, links[i].path, false, &attr), VFS_OK);
		cr_assert_eq(attr.kind, VFS_KIND_LINK);
	}
	cr_assert_status(vfs_symlink(vfs, "dir", "/d"), VFS_OK);
	cr_assert(reads(vfs, "/d/file", "content"));
	cr_assert_status(vfs_chdir(vfs, "/d"), VFS_OK);
	cr_assert(lists(vfs, "/d", "file"));
}

Test(vfs_links, leads_nowhere_outside)
{
	static const char *const texts[] = { "../outside/canary", "/../outside/canary",
		"../../../../../../etc/passwd", "/etc/passwd", "/proc/self/root/etc/passwd",
		"dir/../../outside/canary" };
	char path[32];
	struct vfs_opened file;
	struct vfs_attr attr;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		snprintf(path, sizeof path, "/l%zu", i);
		cr_assert_status(vfs_symlink(vfs, texts[i], path), VFS_OK);
		cr_assert_status(start(vfs, path, VFS_OPEN_READ, 0, &file), VFS_NOT_FOUND);
		cr_assert_status(start(vfs, path, STOR, 0, &file), VFS_NOT_FOUND);
		cr_assert_status(vfs_stat(vfs, path, true, &attr), VFS_NOT_FOUND);
		cr_assert_eq(vfs_chdir(vfs, path), VFS_NOT_FOUND);
	}
	cr_assert_status(vfs_symlink(vfs, tree.base, "/base"), VFS_OK);
	cr_assert_status(vfs_stat(vfs, "/base/outside/canary", false, &attr), VFS_NOT_FOUND);
	cr_assert_status(vfs_symlink(vfs, "..", "/up"), VFS_OK);
	cr_assert_status(vfs_stat(vfs, "/up/outside", false, &attr), VFS_NOT_FOUND);
	cr_assert(lists(vfs, "/up", "dir"), "the root is its own parent");
}

Test(vfs_links, uploads_through_a_link_into_the_directory_of_its_target)
{
	struct vfs_opened file;

	cr_assert_status(vfs_symlink(vfs, "dir/file", "/l"), VFS_OK);
	cr_assert_status(start(vfs, "/l", STOR, 0, &file), VFS_OK);
	cr_assert_eq(tree_staged(&tree, "dir"), 1);
	cr_assert_eq(tree_staged(&tree, "."), 0);
	write_text(&file, "new");
	cr_assert_status(end(vfs, &file, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "dir/file", "new"));
	cr_assert(S_ISLNK(tree_stat(&tree, "l").st_mode));
	/* A link to nothing yet. */
	cr_assert_status(vfs_symlink(vfs, "/dir/made", "/m"), VFS_OK);
	cr_assert_status(upload(vfs, "/m", STOR, 0, "x", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "dir/made", "x"));
	cr_assert_status(start(vfs, "/l", STOR | VFS_OPEN_EXCLUSIVE, 0, &file), VFS_EXISTS);
}

Test(vfs_links, gives_up_on_loops)
{
	struct vfs_opened file;
	struct vfs_attr attr;
	char from[16];
	char to[16];

	cr_assert_status(vfs_symlink(vfs, "b", "/a"), VFS_OK);
	cr_assert_status(vfs_symlink(vfs, "a", "/b"), VFS_OK);
	cr_assert_status(vfs_symlink(vfs, "self/x", "/self"), VFS_OK);
	cr_assert_status(start(vfs, "/a", VFS_OPEN_READ, 0, &file), VFS_LOOP);
	cr_assert_status(start(vfs, "/a", STOR, 0, &file), VFS_LOOP);
	cr_assert_status(vfs_stat(vfs, "/self/y", false, &attr), VFS_LOOP);
	cr_assert_status(vfs_stat(vfs, "/self", true, &attr), VFS_LOOP);
	tree_put(&tree, "n0", "end");
	for (int i = 1; i <= 9; i++) {
		snprintf(from, sizeof from, "/n%d", i);
		snprintf(to, sizeof to, "n%d", i - 1);
		cr_assert_status(vfs_symlink(vfs, to, from), VFS_OK);
	}
	cr_assert(reads(vfs, "/n8", "end"));
	cr_assert_status(start(vfs, "/n9", VFS_OPEN_READ, 0, &file), VFS_LOOP);
}

Test(vfs_links, acts_on_the_link_itself_where_links_are_not_followed)
{
	struct vfs_change change = { .fields = VFS_SET_MTIME, .mtime = 1234 };

	tree_put(&tree, "file", "content");
	cr_assert_status(vfs_symlink(vfs, "file", "/l"), VFS_OK);
	cr_assert_status(vfs_setattr(vfs, "/l", false, &change), VFS_OK);
	cr_assert_eq(tree_stat(&tree, "l").st_mtime, 1234);
	cr_assert_neq(tree_stat(&tree, "file").st_mtime, 1234);
	change.mtime = 4321;
	cr_assert_status(vfs_setattr(vfs, "/l", true, &change), VFS_OK);
	cr_assert_eq(tree_stat(&tree, "file").st_mtime, 4321);
	change.fields = VFS_SET_MODE;
	change.mode = 0600;
	cr_assert_status(vfs_setattr(vfs, "/l", false, &change), VFS_UNSUPPORTED);
	change.fields = VFS_SET_SIZE;
	cr_assert_status(vfs_setattr(vfs, "/l", false, &change), VFS_NOT_FILE);
	cr_assert(tree_holds(&tree, "file", "content"));
	cr_assert_eq(tree_stat(&tree, "file").st_mode & 0777, 0644);
	cr_assert_status(vfs_rename(vfs, "/l", "/m", false), VFS_OK);
	cr_assert(S_ISLNK(tree_stat(&tree, "m").st_mode));
	tree_put(&tree, "other", "x");
	cr_assert_status(vfs_rename(vfs, "/other", "/m", true), VFS_OK);
	cr_assert(tree_holds(&tree, "m", "x") && tree_holds(&tree, "file", "content"));
	cr_assert_status(vfs_symlink(vfs, "dir", "/d"), VFS_OK);
	cr_assert_status(vfs_rmdir(vfs, "/d"), VFS_NOT_DIR);
	cr_assert_status(vfs_link(vfs, "/d", "/hard"), VFS_NOT_FILE);
	cr_assert_status(vfs_remove(vfs, "/d"), VFS_OK);
	cr_assert(tree_has(&tree, "dir/file"));
}

Test(vfs_links, refuses_targets_that_are_too_long_or_empty)
{
	static char text[VFS_PATH_MAX + 1];
	char back[VFS_PATH_MAX];

	memset(text, 't', sizeof text - 1);
	cr_assert_status(vfs_symlink(vfs, text, "/l"), VFS_NAME_TOO_LONG);
	text[VFS_PATH_MAX - 1] = '\0';
	cr_assert_status(vfs_symlink(vfs, text, "/l"), VFS_OK);
	cr_assert_status(vfs_readlink(vfs, "/l", back), VFS_OK);
	cr_assert_str_eq(back, text);
	cr_assert_status(vfs_symlink(vfs, "", "/e"), VFS_INVALID);
	cr_assert_status(vfs_readlink(vfs, "/dir", back), VFS_INVALID);
}

Test(vfs_links, makes_hard_links_to_regular_files)
{
	cr_assert_status(vfs_link(vfs, "/dir/file", "/hard"), VFS_OK);
	cr_assert_eq(tree_stat(&tree, "hard").st_nlink, 2);
	cr_assert_status(vfs_link(vfs, "/dir/file", "/hard"), VFS_EXISTS);
	cr_assert_status(vfs_link(vfs, "/dir", "/hard2"), VFS_NOT_FILE);
	cr_assert_status(vfs_link(vfs, "/none", "/hard2"), VFS_NOT_FOUND);
}
