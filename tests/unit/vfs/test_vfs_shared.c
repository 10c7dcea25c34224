/*
 * A running upload to its own session: opened again, renamed, removed.  Clients that stand for many programs do all that
 * (sshfs tells of the close after the program went on).
 */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/vfs/tree.h"

#define BOTH (VFS_OPEN_READ | VFS_OPEN_WRITE)

static struct tree tree;
static struct vfs *alice;
static struct vfs_opened first; /* an upload of "/a" over "old", "one" so far */
static struct vfs_opened second;

static void set_up(void)
{
	tree_new(&tree);
	alice = tree_login(&tree, "alice");
	tree_put(&tree, "a", "old");
	cr_assert_status(start(alice, "/a", STOR, 0, &first), VFS_OK);
	write_text(&first, "one");
}

static void tear_down(void)
{
	vfs_free(&alice);
	tree_free(&tree);
}

TestSuite(vfs_shared, .init = set_up, .fini = tear_down);

static void write_at(const struct vfs_opened *file, const char *text, off_t offset)
{
	cr_assert_eq(pwrite(file->fd, text, strlen(text), offset), (ssize_t)strlen(text));
}

Test(vfs_shared, is_read_as_far_as_it_came)
{
	char bytes[8] = "";

	cr_assert_status(start(alice, "/a", VFS_OPEN_READ, 0, &second), VFS_OK);
	cr_assert(!second.staged && second.attr.size == 3);
	cr_assert_eq(pread(second.fd, bytes, sizeof(bytes), 0), 3);
	cr_assert_str_eq(bytes, "one");
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_status(end(alice, &second, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "one"));
}

Test(vfs_shared, is_written_in_place_before_and_after_it_is_published)
{
	cr_assert_status(start(alice, "/a", BOTH, 0, &second), VFS_OK);
	cr_assert(!second.staged && second.attr.size == 3);
	write_at(&second, "ON", 0);
	cr_assert(tree_holds(&tree, "a", "old"));
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "ONe"));
	write_at(&second, "E", 2);
	cr_assert_status(end(alice, &second, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "ONE"));
	cr_assert_eq(tree_staged(&tree, "."), 0);
}

Test(vfs_shared, is_appended_to)
{
	cr_assert_status(start(alice, "/a", VFS_OPEN_WRITE | VFS_OPEN_APPEND, 0, &second), VFS_OK);
	cr_assert_eq(second.offset, 3);
	write_text(&second, "two");
	/* No promise: the bytes have no name yet. */
	cr_assert_status(end(alice, &second, VFS_CLOSE_COMPLETE), VFS_BUSY);
	cr_assert(tree_holds(&tree, "a", "old"));
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "onetwo"));
}

Test(vfs_shared, cannot_be_continued_as_if_it_had_broken_off)
{
	cr_assert_status(start(alice, "/a", REST, 3, &second), VFS_BUSY);
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "one"));
}

Test(vfs_shared, has_one_mode_by_every_handle)
{
	struct vfs_change change = { .fields = VFS_SET_MODE, .mode = 0640 };
	struct vfs_attr attr;

	cr_assert_status(start(alice, "/a", VFS_OPEN_READ, 0, &second), VFS_OK);
	cr_assert_eq(second.attr.mode, 0644);
	cr_assert_status(vfs_fsetattr(alice, second.handle, &change), VFS_OK);
	cr_assert_status(vfs_fstat(alice, first.handle, &attr), VFS_OK);
	cr_assert_eq(attr.mode, 0640);
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_eq(tree_stat(&tree, "a").st_mode & 07777, 0640);
	change.mode = 0600;
	cr_assert_status(vfs_fsetattr(alice, second.handle, &change), VFS_OK);
	cr_assert_eq(tree_stat(&tree, "a").st_mode & 07777, 0600);
}

Test(vfs_shared, promises_nothing_after_the_upload_broke_off)
{
	static const enum vfs_outcome broken[] = { VFS_CLOSE_ABORTED, VFS_CLOSE_FAILED };

	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		cr_assert_status(start(alice, "/a", BOTH, 0, &second), VFS_OK);
		write_at(&second, "two", 0);
		cr_assert_status(end(alice, &first, broken[i]), VFS_OK);
		cr_assert_status(end(alice, &second, VFS_CLOSE_COMPLETE), VFS_CANCELLED);
		cr_assert(tree_holds(&tree, "a", "old"));
		cr_assert_status(start(alice, "/a", STOR, 0, &first), VFS_OK);
		write_text(&first, "one");
	}
}

Test(vfs_shared, is_not_continued_while_somebody_still_writes_to_what_broke_off)
{
	struct vfs *other = tree_login(&tree, "alice");
	struct vfs_opened third;
	struct vfs_opened taken;

	cr_assert_status(start(alice, "/b", STOR, 0, &second), VFS_OK);
	write_text(&second, "123");
	cr_assert_status(start(alice, "/b", BOTH, 0, &third), VFS_OK);
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_status(start(alice, "/b", VFS_OPEN_WRITE, 0, &first), VFS_OK);
	cr_assert_status(end(alice, &second, VFS_CLOSE_ABORTED), VFS_OK);
	cr_assert_status(start(other, "/b", REST, 3, &taken), VFS_BUSY);
	cr_assert_status(end(alice, &third, VFS_CLOSE_COMPLETE), VFS_CANCELLED);
	cr_assert_status(start(other, "/b", REST, 3, &taken), VFS_BUSY);
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_CANCELLED);
	cr_assert_status(upload(other, "/b", REST, 3, "4", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "b", "1234"));
	vfs_free(&other);
}

Test(vfs_shared, promises_nothing_after_publishing_failed)
{
	cr_assert_status(start(alice, "/a", BOTH, 0, &second), VFS_OK);
	cr_assert_eq(unlinkat(tree.root_fd, "a", 0), 0);
	tree_mkdir(&tree, "a");
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_IS_DIR);
	cr_assert_status(end(alice, &second, VFS_CLOSE_COMPLETE), VFS_CANCELLED);
}

static void assert_nothing_is_left(void)
{
	char names[100];

	cr_assert_eq(list_names(alice, "/", names, sizeof names), 0, "%s", names);
	cr_assert_eq(tree_staged(&tree, "."), 0);
}

Test(vfs_shared, is_removed_with_what_it_would_have_replaced)
{
	struct vfs_opened later;

	cr_assert_status(start(alice, "/a", STOR, 0, &later), VFS_OK);
	cr_assert_status(start(alice, "/a", BOTH, 0, &second), VFS_OK);
	cr_assert_status(vfs_remove(alice, "/a"), VFS_OK);
	assert_nothing_is_left();
	write_at(&second, "two", 0);
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_status(end(alice, &second, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_status(end(alice, &later, VFS_CLOSE_COMPLETE), VFS_OK);
	assert_nothing_is_left();
	cr_assert_status(vfs_remove(alice, "/a"), VFS_NOT_FOUND);
}

Test(vfs_shared, is_renamed_with_what_it_would_have_replaced)
{
	cr_assert_status(start(alice, "/a", BOTH, 0, &second), VFS_OK);
	cr_assert_status(vfs_rename(alice, "/a", "/b", false), VFS_OK);
	cr_assert_eq(size_of(alice, "/a"), -1);
	cr_assert(tree_holds(&tree, "b", "old"), "until the new one is whole");
	write_at(&second, "two", 0);
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_status(end(alice, &second, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "b", "two") && !tree_has(&tree, "a"));
}

Test(vfs_shared, is_renamed_with_others_of_its_name)
{
	struct vfs_opened later;

	cr_assert_status(start(alice, "/a", STOR, 0, &later), VFS_OK);
	write_text(&later, "later");
	cr_assert_status(vfs_rename(alice, "/a", "/b", false), VFS_OK);
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_eq(size_of(alice, "/a"), -1);
	cr_assert_status(end(alice, &later, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "b", "later") && !tree_has(&tree, "a"));
}

Test(vfs_shared, is_not_renamed_to_what_exists_nor_to_a_directory)
{
	tree_put(&tree, "b", "bbb");
	tree_mkdir(&tree, "d");
	cr_assert_status(vfs_rename(alice, "/a", "/b", false), VFS_EXISTS);
	cr_assert_status(vfs_rename(alice, "/a", "/d", true), VFS_IS_DIR);
	cr_assert_status(vfs_rename(alice, "/a", "/a", true), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "old") && tree_holds(&tree, "b", "bbb"));
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "one"));
}

Test(vfs_shared, gives_way_to_what_is_renamed_over_it)
{
	tree_put(&tree, "lock", "locked");
	cr_assert_status(vfs_rename(alice, "/lock", "/a", false), VFS_EXISTS);
	cr_assert_status(vfs_rename(alice, "/lock", "/a", true), VFS_OK);
	cr_assert_eq(size_of(alice, "/a"), 6);
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "locked"), "what came later stays");
	cr_assert_eq(tree_staged(&tree, "."), 0);
}

Test(vfs_shared, gives_way_to_another_upload_that_is_renamed_over_it)
{
	cr_assert_status(start(alice, "/lock", STOR, 0, &second), VFS_OK);
	write_text(&second, "locked");
	cr_assert_status(vfs_rename(alice, "/lock", "/a", true), VFS_OK);
	cr_assert_status(end(alice, &second, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "locked"));
	cr_assert_eq(tree_staged(&tree, "."), 0);
}

Test(vfs_shared, has_one_name_only_until_it_is_published)
{
	cr_assert_status(vfs_link(alice, "/a", "/b"), VFS_BUSY);
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_status(vfs_link(alice, "/a", "/b"), VFS_OK);
}

/* Without the right to overwrite an upload gets a name of its own beside what is there. */
static void begin_duplicate(void)
{
	cr_assert_status(end(alice, &first, VFS_CLOSE_FAILED), VFS_OK);
	vfs_free(&alice);
	tree.mounts[0].access &= ~(unsigned)RIGHT_overwrite;
	alice = tree_login(&tree, "alice");
	cr_assert_status(start(alice, "/a", STOR, 0, &first), VFS_OK);
	write_text(&first, "one");
}

Test(vfs_shared, leaves_alone_what_it_would_not_replace_when_it_is_removed)
{
	begin_duplicate();
	cr_assert_status(vfs_remove(alice, "/a"), VFS_OK);
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "old") && !tree_has(&tree, "a.1"));
}

Test(vfs_shared, leaves_alone_what_it_would_not_replace_when_it_is_renamed)
{
	begin_duplicate();
	cr_assert_status(vfs_rename(alice, "/a", "/b", false), VFS_OK);
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "old") && tree_holds(&tree, "b", "one"));
}

/* In an inbox "/a" means what this session has put there, as "a.1"; an upload of "/a.1" itself is another one. */
static void begin_beside_alias(void)
{
	cr_assert_status(end(alice, &first, VFS_CLOSE_FAILED), VFS_OK);
	vfs_free(&alice);
	tree.mounts[0].access = ACCESS_INBOX | RIGHT_delete | RIGHT_rename;
	alice = tree_login(&tree, "alice");
	cr_assert_status(upload(alice, "/a", STOR, 0, "mine", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a.1", "mine"));
	cr_assert_status(start(alice, "/a.1", STOR, 0, &first), VFS_OK);
	write_text(&first, "other");
}

Test(vfs_shared, is_not_removed_by_a_name_that_means_another_file)
{
	begin_beside_alias();
	cr_assert_status(vfs_remove(alice, "/a"), VFS_OK);
	cr_assert(!tree_has(&tree, "a.1"));
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a.1", "other"));
}

Test(vfs_shared, is_not_renamed_by_a_name_that_means_another_file)
{
	begin_beside_alias();
	cr_assert_status(vfs_rename(alice, "/a", "/b", false), VFS_OK);
	cr_assert(tree_holds(&tree, "b", "mine"));
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a.1", "other"));
}

Test(vfs_shared, may_end_with_the_session_in_any_order)
{
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_status(start(alice, "/b", STOR, 0, &first), VFS_OK);
	write_text(&first, "123");
	cr_assert_status(start(alice, "/b", BOTH, 0, &second), VFS_OK);
	vfs_free(&alice);
	alice = tree_login(&tree, "alice");
	cr_assert_eq(size_of(alice, "/b"), 3);
}
