/*
 * The preset inbox: upload only, and see nothing but what this session uploaded.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/vfs/tree.h"

static struct tree tree;
static struct vfs *alice;

static void set_up(void)
{
	tree_new(&tree);
	tree.mounts[0].access = ACCESS_INBOX;
	tree_put(&tree, "theirs", "secret");
	tree_mkdir(&tree, "dir");
	alice = tree_login(&tree, "alice");
}

static void tear_down(void)
{
	vfs_free(&alice);
	tree_free(&tree);
}

TestSuite(vfs_inbox, .init = set_up, .fini = tear_down);

Test(vfs_inbox, shows_only_what_the_session_uploaded)
{
	struct vfs *bob = tree_login(&tree, "bob");
	struct vfs *again;

	cr_assert_status(upload(alice, "/mine", STOR, 0, "12345", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_eq(size_of(alice, "/mine"), 5);
	cr_assert_eq(size_of(alice, "/theirs"), -1);
	cr_assert_eq(list_names(alice, "/", NULL, 0), 1);
	cr_assert(lists(alice, "/", "mine"));
	cr_assert_eq(list_names(bob, "/", NULL, 0), 0);
	cr_assert_eq(size_of(bob, "/mine"), -1);
	again = tree_login(&tree, "alice");
	cr_assert_eq(size_of(again, "/mine"), -1);
	vfs_free(&again);
	vfs_free(&bob);
}

Test(vfs_inbox, lets_directories_be_entered_but_not_listed)
{
	struct vfs_attr attr;

	cr_assert_status(vfs_chdir(alice, "/dir"), VFS_OK);
	cr_assert_status(vfs_stat(alice, "/dir", false, &attr), VFS_OK);
	cr_assert(!lists(alice, "/", "dir"));
	cr_assert_status(upload(alice, "/dir/a", STOR, 0, "1", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(lists(alice, "/dir", "a"));
}

Test(vfs_inbox, reads_nothing_back_but_checksums_of_its_own)
{
	uint32_t checksum = VFS_OPEN_READ | VFS_OPEN_CHECKSUM;
	struct vfs_opened file;

	cr_assert_status(upload(alice, "/mine", STOR, 0, "12345", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_status(start(alice, "/mine", VFS_OPEN_READ, 0, &file), VFS_FORBIDDEN);
	cr_assert_status(start(alice, "/theirs", checksum, 0, &file), VFS_NOT_FOUND);
	cr_assert_status(start(alice, "/mine", checksum, 0, &file), VFS_OK);
	cr_assert_status(end(alice, &file, VFS_CLOSE_COMPLETE), VFS_OK);
}

Test(vfs_inbox, renames_duplicates_and_finds_them_under_the_asked_name)
{
	struct vfs_change change = { .fields = VFS_SET_MTIME, .mtime = 1000 };
	struct vfs_opened file;
	struct vfs_closed closed;

	cr_assert_status(start(alice, "/theirs", STOR, 0, &file), VFS_OK);
	cr_assert_str_eq(file.path.text, "/theirs.1");
	write_text(&file, "0123456789");
	cr_assert_eq(size_of(alice, "/theirs"), 10);
	cr_assert_status(vfs_close(alice, file.handle, VFS_CLOSE_COMPLETE, &closed), VFS_OK);
	cr_assert_str_eq(closed.path.text, "/theirs.1");
	cr_assert_eq(size_of(alice, "/theirs"), 10);
	cr_assert_status(vfs_setattr(alice, "/theirs", false, &change), VFS_OK);
	cr_assert_eq(tree_stat(&tree, "theirs.1").st_mtime, 1000);
	cr_assert(tree_holds(&tree, "theirs", "secret"));
	cr_assert(lists(alice, "/", "theirs.1") && !lists(alice, "/", "theirs"));
	/* Once more: the latest counts. */
	cr_assert_status(upload(alice, "/theirs", STOR, 0, "123", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_eq(size_of(alice, "/theirs"), 3);
	cr_assert(tree_holds(&tree, "theirs.2", "123"));
}

Test(vfs_inbox, refuses_duplicates_where_the_mount_says_so)
{
	struct vfs_opened file;

	tree.mounts[0].existing = CONF_EXISTING_REFUSE;
	cr_assert_status(start(alice, "/theirs", STOR, 0, &file), VFS_EXISTS);
	cr_assert_eq(tree_staged(&tree, "."), 0);
}

Test(vfs_inbox, touches_no_file_of_others_by_any_operation)
{
	struct vfs_change change = {
		.fields = VFS_SET_MTIME | VFS_SET_SIZE, .mtime = 1000, .size = 0
	};
	struct vfs_opened file;
	char text[VFS_PATH_MAX];

	cr_assert_status(start(alice, "/theirs", REST, 3, &file), VFS_RANGE);
	cr_assert_status(start(alice, "/theirs", VFS_OPEN_WRITE, 0, &file), VFS_NOT_FOUND);
	cr_assert_status(vfs_setattr(alice, "/theirs", false, &change), VFS_NOT_FOUND);
	cr_assert_status(vfs_remove(alice, "/theirs"), VFS_FORBIDDEN);
	cr_assert_status(vfs_rename(alice, "/theirs", "/x", true), VFS_FORBIDDEN);
	cr_assert_status(vfs_link(alice, "/theirs", "/x"), VFS_FORBIDDEN);
	cr_assert_status(vfs_symlink(alice, "theirs", "/x"), VFS_FORBIDDEN);
	cr_assert_status(vfs_readlink(alice, "/theirs", text), VFS_FORBIDDEN);
	cr_assert_status(vfs_mkdir(alice, "/x", 0755), VFS_FORBIDDEN);
	cr_assert_status(vfs_rmdir(alice, "/dir"), VFS_FORBIDDEN);
	cr_assert(tree_holds(&tree, "theirs", "secret"));
	/* Even with more rights, own means own. */
	tree.mounts[0].access = CONF_RIGHTS_FULL | RIGHT_own;
	cr_assert_status(start(alice, "/theirs", VFS_OPEN_READ, 0, &file), VFS_NOT_FOUND);
	cr_assert_status(vfs_remove(alice, "/theirs"), VFS_NOT_FOUND);
	cr_assert_status(upload(alice, "/theirs", STOR, 0, "x", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_status(upload(alice, "/mine", STOR, 0, "x", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_status(vfs_rename(alice, "/mine", "/theirs", true), VFS_FORBIDDEN);
	cr_assert(tree_holds(&tree, "theirs", "secret"));
	cr_assert_status(vfs_remove(alice, "/mine"), VFS_OK);
}

Test(vfs_inbox, follows_no_links_and_shows_none)
{
	struct vfs_opened file;

	cr_assert_eq(symlinkat("../outside/canary", tree.root_fd, "link"), 0);
	cr_assert_eq(symlinkat("theirs", tree.root_fd, "link2"), 0);
	cr_assert_eq(size_of(alice, "/link"), -1);
	cr_assert_status(upload(alice, "/link2", STOR, 0, "x", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "theirs", "secret") && tree_holds(&tree, "link2.1", "x"));
	cr_assert_status(
	    start(alice, "/link2", VFS_OPEN_READ | VFS_OPEN_CHECKSUM, 0, &file), VFS_OK);
	cr_assert_status(end(alice, &file, VFS_CLOSE_COMPLETE), VFS_OK);
}

Test(vfs_inbox, continues_its_uploads)
{
	cr_assert_status(upload(alice, "/theirs", STOR, 0, "12345", VFS_CLOSE_ABORTED), VFS_OK);
	cr_assert_eq(size_of(alice, "/theirs"), 5);
	cr_assert_status(upload(alice, "/theirs", REST, 5, "6", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "theirs.1", "123456") && tree_holds(&tree, "theirs", "secret"));
	cr_assert_eq(size_of(alice, "/theirs"), 6);
}

Test(vfs_inbox, sees_its_own_among_many)
{
	char name[32];

	for (unsigned i = 0; i < 500; i++) {
		snprintf(name, sizeof name, "/f%u", i);
		cr_assert_status(upload(alice, name, STOR, 0, "x", VFS_CLOSE_COMPLETE), VFS_OK);
	}
	cr_assert_eq(list_names(alice, "/", NULL, 0), 500);
	/* A file that took the place of ours is not ours. */
	cr_assert_eq(unlinkat(tree.root_fd, "f7", 0), 0);
	tree_put(&tree, "f7", "theirs");
	cr_assert_eq(size_of(alice, "/f7"), -1);
}
