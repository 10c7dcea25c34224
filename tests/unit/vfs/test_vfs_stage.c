/*
 * The life of an upload: staged, published, broken off, continued, dropped, swept.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/vfs/tree.h"

static struct tree tree;
static struct vfs *alice;

static void set_up(void)
{
	tree_new(&tree);
	alice = tree_login(&tree, "alice");
}

static void tear_down(void)
{
	vfs_free(&alice);
	tree_free(&tree);
}

TestSuite(vfs_stage, .init = set_up, .fini = tear_down);

Test(vfs_stage, publishes_on_complete_close_and_not_before)
{
	struct vfs_opened file;
	struct vfs_closed closed;

	cr_assert_status(start(alice, "/a", STOR, 0, &file), VFS_OK);
	cr_assert(file.staged);
	cr_assert_str_eq(file.path.text, "/a");
	cr_assert_eq(file.offset, 0);
	write_text(&file, "hello");
	cr_assert(!tree_has(&tree, "a"));
	cr_assert_eq(tree_staged(&tree, "."), 1);
	cr_assert_eq(tree_stat(&tree, ".").st_nlink, 2);
	cr_assert_status(vfs_close(alice, file.handle, VFS_CLOSE_COMPLETE, &closed), VFS_OK);
	cr_assert(closed.published && !closed.kept && closed.write);
	cr_assert_eq(closed.size, 5);
	cr_assert_eq(closed.moved, 5);
	cr_assert_str_eq(closed.path.text, "/a");
	cr_assert(tree_holds(&tree, "a", "hello"));
	cr_assert_eq(tree_staged(&tree, "."), 0);
	cr_assert_eq(tree_stat(&tree, "a").st_mode & 07777, 0644);
}

Test(vfs_stage, keeps_the_old_file_and_its_mode_until_the_new_one_is_whole)
{
	struct vfs_opened file;

	tree_put(&tree, "a", "old");
	cr_assert_eq(fchmodat(tree.root_fd, "a", 0600, 0), 0);
	cr_assert_status(start(alice, "/a", STOR, 0, &file), VFS_OK);
	write_text(&file, "new content");
	cr_assert(tree_holds(&tree, "a", "old"));
	cr_assert_status(end(alice, &file, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "new content"));
	cr_assert_eq(tree_stat(&tree, "a").st_mode & 07777, 0600);
}

Test(vfs_stage, leaves_the_old_file_when_an_overwrite_breaks_off_or_fails)
{
	tree_put(&tree, "a", "old");
	cr_assert_status(upload(alice, "/a", STOR, 0, "half", VFS_CLOSE_FAILED), VFS_OK);
	cr_assert_eq(tree_staged(&tree, "."), 0);
	cr_assert_status(upload(alice, "/a", STOR, 0, "half", VFS_CLOSE_ABORTED), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "old"));
	cr_assert_eq(size_of(alice, "/a"), 3);
}

Test(vfs_stage, drops_a_failed_upload_at_once)
{
	struct vfs_opened file;
	struct vfs_closed closed;

	cr_assert_status(start(alice, "/a", STOR, 0, &file), VFS_OK);
	write_text(&file, "x");
	cr_assert_status(vfs_close(alice, file.handle, VFS_CLOSE_FAILED, &closed), VFS_OK);
	cr_assert(!closed.published && !closed.kept);
	cr_assert_eq(tree_staged(&tree, "."), 0);
	cr_assert_eq(size_of(alice, "/a"), -1);
}

Test(vfs_stage, keeps_what_broke_off_for_its_user_and_shows_it_to_nobody_else)
{
	struct vfs *bob = tree_login(&tree, "bob");
	struct vfs *alice_again;
	struct vfs_opened file;
	struct vfs_closed closed;

	cr_assert_status(start(alice, "/a", STOR, 0, &file), VFS_OK);
	write_text(&file, "0123456789");
	cr_assert_status(vfs_close(alice, file.handle, VFS_CLOSE_ABORTED, &closed), VFS_OK);
	cr_assert(closed.kept && !closed.published);
	alice_again = tree_login(&tree, "alice");
	cr_assert_eq(size_of(alice, "/a"), 10);
	cr_assert_eq(size_of(alice_again, "/a"), 10);
	cr_assert(lists(alice_again, "/", "a"));
	cr_assert_eq(size_of(bob, "/a"), -1);
	cr_assert(!lists(bob, "/", "a"));
	cr_assert_status(start(alice, "/a", VFS_OPEN_READ, 0, &file), VFS_NOT_FOUND);
	cr_assert(!tree_has(&tree, "a"));
	vfs_free(&alice_again);
	vfs_free(&bob);
}

Test(vfs_stage, continues_a_kept_upload_by_rest_and_stor)
{
	struct vfs_opened file;

	cr_assert_status(upload(alice, "/a", STOR, 0, "0123456789", VFS_CLOSE_ABORTED), VFS_OK);
	cr_assert_status(start(alice, "/a", REST, 11, &file), VFS_RANGE);
	cr_assert_eq(size_of(alice, "/a"), 10, "a refused resume loses nothing");
	cr_assert_status(start(alice, "/a", REST, 4, &file), VFS_OK);
	cr_assert(file.staged);
	cr_assert_eq(file.offset, 4);
	write_text(&file, "ABC");
	cr_assert_status(end(alice, &file, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "0123ABC"));
	cr_assert_eq(tree_stat(&tree, "a").st_mode & 07777, 0644);
	cr_assert_eq(tree_staged(&tree, "."), 0);
}

Test(vfs_stage, continues_a_kept_upload_by_append_and_by_open_without_truncation)
{
	cr_assert_status(upload(alice, "/a", STOR, 0, "01234", VFS_CLOSE_ABORTED), VFS_OK);
	cr_assert_status(upload(alice, "/a", APPE, 0, "567", VFS_CLOSE_ABORTED), VFS_OK);
	cr_assert_eq(size_of(alice, "/a"), 8);
	cr_assert_status(upload(alice, "/a", VFS_OPEN_WRITE, 0, "AB", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "AB234567"));
}

Test(vfs_stage, begins_anew_when_a_kept_upload_is_stored_again)
{
	cr_assert_status(upload(alice, "/a", STOR, 0, "0123456789", VFS_CLOSE_ABORTED), VFS_OK);
	cr_assert_status(upload(alice, "/a", REST, 0, "new", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "new"));
	cr_assert_eq(tree_staged(&tree, "."), 0);
}

Test(vfs_stage, drops_an_empty_upload_that_broke_off)
{
	cr_assert_status(upload(alice, "/a", STOR, 0, "", VFS_CLOSE_ABORTED), VFS_OK);
	cr_assert_eq(tree_staged(&tree, "."), 0);
	cr_assert_status(upload(alice, "/a", STOR, 0, "", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", ""));
}

Test(vfs_stage, drops_at_once_without_a_resume_window_or_the_right_to_resume)
{
	tree.mounts[0].resume_window = 0;
	cr_assert_status(upload(alice, "/a", STOR, 0, "x", VFS_CLOSE_ABORTED), VFS_OK);
	cr_assert_eq(tree_staged(&tree, "."), 0);
	tree.mounts[0].resume_window = 1000000;
	tree.mounts[0].access = RIGHT_upload | RIGHT_list;
	cr_assert_status(upload(alice, "/a", STOR, 0, "x", VFS_CLOSE_ABORTED), VFS_OK);
	cr_assert_eq(tree_staged(&tree, "."), 0);
}

Test(vfs_stage, keeps_what_a_killed_process_left)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct vfs_opened file;

		if (start(alice, "/a", STOR, 0, &file) != VFS_OK || write(file.fd, "12345", 5) != 5)
			_exit(1);
		_exit(0); /* no vfs_close, as after SIGKILL */
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
	cr_assert_eq(size_of(alice, "/a"), 5);
	cr_assert_status(upload(alice, "/a", APPE, 0, "6", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "123456"));
}

Test(vfs_stage, stays_locked_while_the_front_has_its_copy_but_not_after_a_break)
{
	struct vfs_opened file;
	int copy;

	cr_assert_status(start(alice, "/a", STOR, 0, &file), VFS_OK);
	write_text(&file, "123");
	copy = dup(file.fd);
	cr_assert_status(end(alice, &file, VFS_CLOSE_ABORTED), VFS_OK);
	cr_assert_eq(size_of(alice, "/a"), 3);
	cr_assert_status(upload(alice, "/a", REST, 3, "4", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "1234"));
	close(copy);
}

Test(vfs_stage, keeps_two_uploads_of_one_name_apart)
{
	struct vfs *other = tree_login(&tree, "alice");
	struct vfs_opened first;
	struct vfs_opened second;

	cr_assert_status(start(alice, "/a", STOR, 0, &first), VFS_OK);
	write_text(&first, "first");
	cr_assert_status(start(other, "/a", STOR, 0, &second), VFS_OK);
	write_text(&second, "second one");
	cr_assert_eq(tree_staged(&tree, "."), 2);
	cr_assert_eq(size_of(alice, "/a"), 5);
	cr_assert_eq(size_of(other, "/a"), 10);
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "first"));
	cr_assert_status(end(other, &second, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "second one"));
	cr_assert_eq(tree_staged(&tree, "."), 0);
	vfs_free(&other);
}

Test(vfs_stage, keeps_the_second_upload_if_the_place_is_free_and_drops_it_if_not)
{
	struct vfs *other = tree_login(&tree, "alice");
	struct vfs_opened first;
	struct vfs_opened second;

	cr_assert_status(start(alice, "/a", STOR, 0, &first), VFS_OK);
	cr_assert_status(start(other, "/a", STOR, 0, &second), VFS_OK);
	write_text(&first, "12345");
	write_text(&second, "1234567");
	cr_assert_status(end(other, &second, VFS_CLOSE_ABORTED), VFS_OK);
	cr_assert_eq(tree_staged(&tree, "."), 1, "the place was taken by the first");
	cr_assert_status(start(other, "/a", STOR, 0, &second), VFS_OK);
	write_text(&second, "123");
	cr_assert_status(end(alice, &first, VFS_CLOSE_FAILED), VFS_OK);
	cr_assert_status(end(other, &second, VFS_CLOSE_ABORTED), VFS_OK);
	cr_assert_eq(size_of(alice, "/a"), 3);
	vfs_free(&other);
}

Test(vfs_stage, does_not_continue_what_another_session_still_writes)
{
	struct vfs *other = tree_login(&tree, "alice");
	struct vfs_opened stale;
	struct vfs_opened file;

	cr_assert_status(start(other, "/a", STOR, 0, &stale), VFS_OK);
	write_text(&stale, "12345");
	cr_assert_eq(size_of(alice, "/a"), -1);
	cr_assert(!lists(alice, "/", "a"));
	cr_assert_status(start(alice, "/a", REST, 5, &file), VFS_BUSY);
	cr_assert_status(start(alice, "/a", APPE, 0, &file), VFS_BUSY);
	cr_assert_status(start(alice, "/a", VFS_OPEN_WRITE, 0, &file), VFS_BUSY);
	vfs_free(&other);
	cr_assert_status(upload(alice, "/a", REST, 5, "6", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "123456"));
}

Test(vfs_stage, shows_the_session_its_running_upload_under_the_final_name)
{
	struct vfs_change change = {
		.fields = VFS_SET_MODE | VFS_SET_MTIME, .mode = 0600, .mtime = 1000000
	};
	struct vfs_opened file;
	struct vfs_attr attr;

	tree_put(&tree, "a", "older content");
	cr_assert_status(start(alice, "/a", STOR, 0, &file), VFS_OK);
	write_text(&file, "new");
	cr_assert_eq(size_of(alice, "/a"), 3);
	cr_assert_status(vfs_fstat(alice, file.handle, &attr), VFS_OK);
	cr_assert_eq(attr.mode, 0644);
	cr_assert_status(vfs_setattr(alice, "/a", false, &change), VFS_OK);
	cr_assert_status(vfs_stat(alice, "/a", false, &attr), VFS_OK);
	cr_assert_eq(attr.mode, 0600);
	cr_assert_eq(attr.mtime, 1000000);
	cr_assert(tree_holds(&tree, "a", "older content"));
	cr_assert_status(end(alice, &file, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_eq(tree_stat(&tree, "a").st_mode & 07777, 0600);
	cr_assert_eq(tree_stat(&tree, "a").st_mtime, 1000000);
}

Test(vfs_stage, lists_a_running_upload_once)
{
	char names[200];
	struct vfs_opened first;
	struct vfs_opened second;

	tree_put(&tree, "a", "old");
	cr_assert_status(start(alice, "/a", STOR, 0, &first), VFS_OK);
	cr_assert_status(start(alice, "/b", STOR, 0, &second), VFS_OK);
	cr_assert_eq(list_names(alice, "/", names, sizeof names), 2, "%s", names);
	cr_assert(lists(alice, "/", "a") && lists(alice, "/", "b"));
	cr_assert_status(end(alice, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_status(end(alice, &second, VFS_CLOSE_COMPLETE), VFS_OK);
}

Test(vfs_stage, lets_the_session_remove_its_running_upload)
{
	struct vfs_opened file;
	struct vfs_closed closed;

	cr_assert_status(start(alice, "/a", STOR, 0, &file), VFS_OK);
	write_text(&file, "x");
	cr_assert_status(vfs_remove(alice, "/a"), VFS_OK);
	cr_assert_eq(size_of(alice, "/a"), -1);
	cr_assert_eq(tree_staged(&tree, "."), 0);
	cr_assert_status(vfs_close(alice, file.handle, VFS_CLOSE_COMPLETE, &closed), VFS_OK);
	cr_assert(!closed.published && !tree_has(&tree, "a"));
}

Test(vfs_stage, lets_the_session_rename_its_running_upload)
{
	struct vfs_opened file;
	struct vfs_closed closed;

	tree_mkdir(&tree, "d");
	cr_assert_status(start(alice, "/a", STOR, 0, &file), VFS_OK);
	write_text(&file, "x");
	cr_assert_status(vfs_rename(alice, "/a", "/d/b", false), VFS_OK);
	cr_assert_eq(size_of(alice, "/a"), -1);
	cr_assert_eq(size_of(alice, "/d/b"), 1);
	cr_assert_eq(tree_staged(&tree, "d"), 1);
	cr_assert_status(vfs_close(alice, file.handle, VFS_CLOSE_COMPLETE, &closed), VFS_OK);
	cr_assert_str_eq(closed.path.text, "/d/b");
	cr_assert(tree_holds(&tree, "d/b", "x") && !tree_has(&tree, "a"));
}

Test(vfs_stage, survives_the_rename_of_its_directory)
{
	struct vfs_opened file;
	struct vfs_closed closed;

	tree_mkdir(&tree, "d");
	cr_assert_status(start(alice, "/d/a", STOR, 0, &file), VFS_OK);
	write_text(&file, "x");
	cr_assert_status(vfs_rename(alice, "/d", "/e", false), VFS_OK);
	cr_assert_eq(size_of(alice, "/e/a"), 1);
	cr_assert_status(vfs_close(alice, file.handle, VFS_CLOSE_COMPLETE, &closed), VFS_OK);
	cr_assert_str_eq(closed.path.text, "/e/a");
	cr_assert(tree_holds(&tree, "e/a", "x"));
}

Test(vfs_stage, removes_and_renames_kept_uploads)
{
	cr_assert_status(upload(alice, "/a", STOR, 0, "123", VFS_CLOSE_ABORTED), VFS_OK);
	cr_assert_status(vfs_rename(alice, "/a", "/b", false), VFS_OK);
	cr_assert_eq(size_of(alice, "/a"), -1);
	cr_assert_eq(size_of(alice, "/b"), 3);
	cr_assert_status(vfs_remove(alice, "/b"), VFS_OK);
	cr_assert_eq(size_of(alice, "/b"), -1);
	cr_assert_eq(tree_staged(&tree, "."), 0);
	cr_assert_status(vfs_remove(alice, "/b"), VFS_NOT_FOUND);
}

Test(vfs_stage, hides_a_kept_upload_behind_a_file_of_its_name)
{
	cr_assert_status(upload(alice, "/a", STOR, 0, "12345", VFS_CLOSE_ABORTED), VFS_OK);
	tree_put(&tree, "a", "real");
	cr_assert_eq(size_of(alice, "/a"), 4);
	cr_assert_eq(list_names(alice, "/", NULL, 0), 1);
	cr_assert_status(vfs_remove(alice, "/a"), VFS_OK);
	cr_assert_eq(size_of(alice, "/a"), 5);
}

Test(vfs_stage, lets_nobody_name_staged_files)
{
	struct vfs_opened file;
	struct vfs_attr attr;
	char link_target[300];

	tree_put(&tree, ".transom-0011223344556677-x", "secret");
	cr_assert_status(
	    start(alice, "/.transom-0011223344556677-x", VFS_OPEN_READ, 0, &file), VFS_NOT_FOUND);
	cr_assert_status(start(alice, "/.transom-y", STOR, 0, &file), VFS_BAD_NAME);
	cr_assert_status(vfs_mkdir(alice, "/.transom-d", 0755), VFS_BAD_NAME);
	cr_assert_status(
	    vfs_stat(alice, "/.transom-0011223344556677-x", false, &attr), VFS_NOT_FOUND);
	cr_assert_status(vfs_remove(alice, "/.transom-0011223344556677-x"), VFS_NOT_FOUND);
	cr_assert_status(vfs_symlink(alice, ".transom-0011223344556677-x", "/link"), VFS_OK);
	cr_assert_status(start(alice, "/link", VFS_OPEN_READ, 0, &file), VFS_NOT_FOUND);
	cr_assert_status(vfs_stat(alice, "/link", true, &attr), VFS_NOT_FOUND);
	snprintf(link_target, sizeof link_target, "./x/../.transom-0011223344556677-x");
	cr_assert_status(vfs_symlink(alice, link_target, "/link2"), VFS_OK);
	cr_assert_status(start(alice, "/link2", STOR, 0, &file), VFS_NOT_FOUND);
	cr_assert_status(vfs_link(alice, "/.transom-0011223344556677-x", "/y"), VFS_NOT_FOUND);
	cr_assert_status(vfs_rename(alice, "/link", "/.transom-z", true), VFS_BAD_NAME);
	cr_assert(!lists(alice, "/", ".transom-0011223344556677-x"));
}

Test(vfs_stage, sweeps_what_is_older_than_the_window_and_orphans)
{
	struct timespec moment = { .tv_nsec = 30 * 1000000 };

	cr_assert_status(upload(alice, "/old", STOR, 0, "1", VFS_CLOSE_ABORTED), VFS_OK);
	tree_put(&tree, ".transom-0123456789abcdef~01234567-x", "orphan");
	tree_put(&tree, ".transom-0123456789abcdef-other", "another user's, kept");
	tree_put(&tree, ".transom-not-ours", "malformed");
	cr_assert_eq(tree_staged(&tree, "."), 4);
	tree.mounts[0].resume_window = 10;
	nanosleep(&moment, NULL);
	cr_assert_eq(size_of(alice, "/old"), -1);
	cr_assert_eq(list_names(alice, "/", NULL, 0), 0);
	cr_assert(tree_has(&tree, ".transom-0123456789abcdef-other"));
	cr_assert(tree_has(&tree, ".transom-not-ours"));
	cr_assert_eq(tree_staged(&tree, "."), 2);
}

Test(vfs_stage, sweeps_a_directory_when_it_uploads_there_and_never_what_is_being_written)
{
	struct vfs *bob = tree_login(&tree, "bob");
	struct vfs_opened first;
	struct vfs_opened second;

	cr_assert_status(start(bob, "/x", STOR, 0, &first), VFS_OK);
	cr_assert_status(start(bob, "/x", STOR, 0, &second), VFS_OK);
	tree_put(&tree, ".transom-0123456789abcdef~01234567-x", "orphan");
	cr_assert_eq(tree_staged(&tree, "."), 3);
	cr_assert_status(upload(alice, "/a", STOR, 0, "1", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_eq(tree_staged(&tree, "."), 2);
	write_text(&second, "whole");
	cr_assert_status(end(bob, &second, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "x", "whole"));
	vfs_free(&bob);
}

Test(vfs_stage, removes_a_directory_that_holds_nothing_but_garbage)
{
	tree_mkdir(&tree, "d");
	tree_put(&tree, "d/.transom-0123456789abcdef~01234567-x", "orphan");
	cr_assert_status(vfs_rmdir(alice, "/d"), VFS_OK);
	tree_mkdir(&tree, "e");
	cr_assert_status(upload(alice, "/e/a", STOR, 0, "1", VFS_CLOSE_ABORTED), VFS_OK);
	cr_assert_status(vfs_rmdir(alice, "/e"), VFS_NOT_EMPTY);
	cr_assert_eq(size_of(alice, "/e/a"), 1);
}

Test(vfs_stage, publishes_durably)
{
	tree.mounts[0].durable = true;
	cr_assert_status(upload(alice, "/a", STOR, 0, "x", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "x"));
	cr_assert_status(upload(alice, "/a", APPE, 0, "y", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "xy"));
}

Test(vfs_stage, publishes_nothing_over_a_directory)
{
	struct vfs_opened file;
	struct vfs_closed closed;

	cr_assert_status(start(alice, "/a", STOR, 0, &file), VFS_OK);
	tree_mkdir(&tree, "a");
	cr_assert_status(vfs_close(alice, file.handle, VFS_CLOSE_COMPLETE, &closed), VFS_IS_DIR);
	cr_assert(!closed.published);
	cr_assert_eq(tree_staged(&tree, "."), 0);
	cr_assert_status(start(alice, "/a", STOR, 0, &file), VFS_IS_DIR);
}

Test(vfs_stage, decides_about_overwriting_when_it_publishes)
{
	struct vfs_opened file;
	struct vfs_closed closed;

	tree.mounts[0].access = RIGHT_upload | RIGHT_list;
	cr_assert_status(start(alice, "/a", STOR, 0, &file), VFS_OK);
	write_text(&file, "mine");
	tree_put(&tree, "a", "theirs");
	cr_assert_status(vfs_close(alice, file.handle, VFS_CLOSE_COMPLETE, &closed), VFS_OK);
	cr_assert_str_eq(closed.path.text, "/a.1");
	cr_assert(tree_holds(&tree, "a", "theirs") && tree_holds(&tree, "a.1", "mine"));

	tree.mounts[0].existing = CONF_EXISTING_REFUSE;
	cr_assert_status(start(alice, "/b", STOR, 0, &file), VFS_OK);
	tree_put(&tree, "b", "theirs");
	cr_assert_status(end(alice, &file, VFS_CLOSE_COMPLETE), VFS_EXISTS);
	cr_assert(tree_holds(&tree, "b", "theirs"));
	cr_assert_status(start(alice, "/b", STOR, 0, &file), VFS_EXISTS);
	cr_assert_eq(tree_staged(&tree, "."), 0);
}

Test(vfs_stage, replaces_nothing_when_asked_to_be_exclusive)
{
	struct vfs_opened file;

	cr_assert_status(start(alice, "/a", STOR | VFS_OPEN_EXCLUSIVE, 0, &file), VFS_OK);
	tree_put(&tree, "a", "faster");
	cr_assert_status(end(alice, &file, VFS_CLOSE_COMPLETE), VFS_EXISTS);
	cr_assert(tree_holds(&tree, "a", "faster"));
	cr_assert_status(start(alice, "/a", STOR | VFS_OPEN_EXCLUSIVE, 0, &file), VFS_EXISTS);
}

Test(vfs_stage, finds_unique_names)
{
	uint32_t stou = STOR | VFS_OPEN_UNIQUE;
	struct vfs_opened first;
	struct vfs_opened second;
	struct vfs_closed closed;

	tree_put(&tree, "a", "old");
	cr_assert_status(start(alice, "/a", stou, 0, &first), VFS_OK);
	cr_assert_str_eq(first.path.text, "/a.1");
	cr_assert_status(start(alice, "/a", stou, 0, &second), VFS_OK);
	cr_assert_str_eq(second.path.text, "/a.2");
	write_text(&second, "two");
	cr_assert_status(vfs_close(alice, second.handle, VFS_CLOSE_COMPLETE, &closed), VFS_OK);
	cr_assert_str_eq(closed.path.text, "/a.2");
	tree_put(&tree, "a.1", "faster");
	write_text(&first, "one");
	cr_assert_status(vfs_close(alice, first.handle, VFS_CLOSE_COMPLETE, &closed), VFS_OK);
	cr_assert_str_eq(closed.path.text, "/a.1.1");
	cr_assert(tree_holds(&tree, "a", "old") && tree_holds(&tree, "a.1", "faster"));
	cr_assert(tree_holds(&tree, "a.2", "two") && tree_holds(&tree, "a.1.1", "one"));
}

Test(vfs_stage, stages_and_continues_the_longest_names)
{
	char name[VFS_NAME_MAX + 2];
	char path[VFS_NAME_MAX + 3];

	for (unsigned length = 215; length <= VFS_NAME_MAX; length++) {
		struct vfs_opened file;

		memset(name, 'n', length);
		name[length] = '\0';
		snprintf(path, sizeof path, "/%s", name);
		cr_assert_status(start(alice, path, STOR, 0, &file), VFS_OK);
		write_text(&file, "123");
		/* And a second one of the same name, in its longer form. */
		cr_assert_status(upload(alice, path, STOR, 0, "x", VFS_CLOSE_ABORTED), VFS_OK);
		cr_assert_status(end(alice, &file, VFS_CLOSE_ABORTED), VFS_OK);
		cr_assert_eq(size_of(alice, path), 3);
		cr_assert_status(upload(alice, path, REST, 3, "4", VFS_CLOSE_COMPLETE), VFS_OK);
		cr_assert(tree_holds(&tree, name, "1234"));
	}
	cr_assert_eq(tree_staged(&tree, "."), 0);
}

Test(vfs_stage, writes_directly_where_the_mount_says_so)
{
	struct vfs_opened file;

	tree.mounts[0].publish = CONF_PUBLISH_DIRECT;
	tree.mounts[0].file_mode = 0666;
	tree.mounts[0].umask = 002;
	cr_assert_status(start(alice, "/a", STOR, 0, &file), VFS_OK);
	cr_assert(!file.staged);
	write_text(&file, "half");
	cr_assert(tree_holds(&tree, "a", "half"));
	cr_assert_status(end(alice, &file, VFS_CLOSE_ABORTED), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "half"));
	cr_assert_eq(tree_stat(&tree, "a").st_mode & 07777, 0664);
	cr_assert_status(upload(alice, "/a", REST, 4, " more", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "half more"));
	cr_assert_status(upload(alice, "/a", STOR, 0, "new", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "new"));
	tree.mounts[0].access &= ~(uint32_t)RIGHT_overwrite;
	cr_assert_status(start(alice, "/a", STOR, 0, &file), VFS_OK);
	cr_assert_str_eq(file.path.text, "/a.1");
	cr_assert_status(end(alice, &file, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "new") && tree_holds(&tree, "a.1", ""));
	cr_assert_eq(tree_staged(&tree, "."), 0);
}

Test(vfs_stage, stages_where_the_mount_writes_directly_when_asked_to)
{
	struct vfs_opened file;

	tree.mounts[0].publish = CONF_PUBLISH_DIRECT;
	tree_put(&tree, "a", "old");
	cr_assert_status(start(alice, "/a", STOR | VFS_OPEN_STAGED, 0, &file), VFS_OK);
	cr_assert(file.staged);
	write_text(&file, "half");
	cr_assert(tree_holds(&tree, "a", "old"));
	cr_assert_status(end(alice, &file, VFS_CLOSE_FAILED), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "old"));
	cr_assert_eq(tree_staged(&tree, "."), 0);
	cr_assert_status(
	    upload(alice, "/a", STOR | VFS_OPEN_STAGED, 0, "new", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "new"));
	tree.mounts[0].access &= ~(uint32_t)RIGHT_overwrite;
	cr_assert_status(
	    upload(alice, "/a", STOR | VFS_OPEN_STAGED, 0, "2nd", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "new") && tree_holds(&tree, "a.1", "2nd"));
	cr_assert_eq(tree_staged(&tree, "."), 0);
}

Test(vfs_stage, ends_running_uploads_when_the_session_ends)
{
	struct vfs_opened file;

	cr_assert_status(start(alice, "/a", STOR, 0, &file), VFS_OK);
	write_text(&file, "123");
	vfs_free(&alice);
	alice = tree_login(&tree, "alice");
	cr_assert_eq(size_of(alice, "/a"), 3);
}
