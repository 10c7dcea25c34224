/*
 * Handles, opens in place, special files, copying, names and their rules, changing and removing.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/vfs/tree.h"

static struct tree tree;
static struct vfs *vfs;

static void set_up(void)
{
	tree_new(&tree);
	vfs = tree_login(&tree, "alice");
}

static void tear_down(void)
{
	vfs_free(&vfs);
	tree_free(&tree);
}

TestSuite(vfs_files, .init = set_up, .fini = tear_down);

/* --- opening in place --------------------------------------------------------------------------
 */

Test(vfs_files, opens_with_exactly_the_access_asked_for)
{
	static const struct {
		uint32_t flags;
		int access;
	} rows[] = {
		{ VFS_OPEN_READ, O_RDONLY },
		{ VFS_OPEN_WRITE, O_WRONLY },
		{ VFS_OPEN_READ | VFS_OPEN_WRITE, O_RDWR },
		{ VFS_OPEN_WRITE | VFS_OPEN_APPEND, O_WRONLY | O_APPEND },
		{ STOR, O_WRONLY },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct vfs_opened file;

		tree_put(&tree, "a", "content");
		cr_assert_status(start(vfs, "/a", rows[i].flags, 0, &file), VFS_OK);
		cr_assert_eq(
		    fcntl(file.fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK), rows[i].access);
		cr_assert_eq(fcntl(file.fd, F_GETFD), FD_CLOEXEC);
		cr_assert_eq(vfs_handle_fd(vfs, file.handle), file.fd);
		cr_assert_status(end(vfs, &file, VFS_CLOSE_ABORTED), VFS_OK);
	}
}

Test(vfs_files, reads_from_the_offset_and_tells_how_far_it_got)
{
	struct vfs_opened file;
	struct vfs_closed closed;
	char bytes[4];

	tree_put(&tree, "a", "0123456789");
	cr_assert_status(start(vfs, "/a", VFS_OPEN_READ | VFS_OPEN_RESUME, 4, &file), VFS_OK);
	cr_assert_eq(read(file.fd, bytes, 3), 3);
	cr_assert_eq(memcmp(bytes, "456", 3), 0);
	cr_assert_status(vfs_close(vfs, file.handle, VFS_CLOSE_COMPLETE, &closed), VFS_OK);
	cr_assert_eq(closed.moved, 3);
	cr_assert_eq(closed.size, 10);
	cr_assert(!closed.write);
	cr_assert_status(start(vfs, "/a", VFS_OPEN_READ | VFS_OPEN_RESUME, 11, &file), VFS_RANGE);
	cr_assert_status(
	    start(vfs, "/a", VFS_OPEN_READ | VFS_OPEN_RESUME, UINT64_MAX, &file), VFS_INVALID);
}

Test(vfs_files, writes_inside_and_at_the_end_of_existing_files_in_place)
{
	struct vfs_opened file;

	tree_put(&tree, "a", "0123456789");
	cr_assert_status(upload(vfs, "/a", REST, 4, "AB", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "0123AB6789"));
	cr_assert_status(
	    upload(vfs, "/a", VFS_OPEN_WRITE | VFS_OPEN_CREATE, 0, "X", VFS_CLOSE_COMPLETE),
	    VFS_OK);
	cr_assert(tree_holds(&tree, "a", "X123AB6789"));
	cr_assert_status(start(vfs, "/a", APPE, 0, &file), VFS_OK);
	cr_assert(!file.staged);
	cr_assert_eq(file.offset, 10);
	write_text(&file, "Z");
	cr_assert_status(end(vfs, &file, VFS_CLOSE_ABORTED), VFS_OK);
	cr_assert(tree_holds(&tree, "a", "X123AB6789Z"));
	cr_assert_status(start(vfs, "/a", REST, 12, &file), VFS_RANGE);
	cr_assert_status(start(vfs, "/none", REST, 12, &file), VFS_RANGE);
	cr_assert_status(start(vfs, "/none", VFS_OPEN_WRITE, 0, &file), VFS_NOT_FOUND);
	cr_assert_status(
	    start(vfs, "/none", VFS_OPEN_WRITE | VFS_OPEN_TRUNCATE, 0, &file), VFS_NOT_FOUND);
}

Test(vfs_files, never_waits_for_special_files)
{
	struct vfs_opened file;

	cr_assert_eq(mkfifoat(tree.root_fd, "fifo", 0666), 0);
	cr_assert_status(start(vfs, "/fifo", VFS_OPEN_READ, 0, &file), VFS_NOT_FILE);
	cr_assert_status(start(vfs, "/fifo", VFS_OPEN_WRITE, 0, &file), VFS_NOT_FILE);
	cr_assert_status(start(vfs, "/fifo", STOR, 0, &file), VFS_NOT_FILE);
	cr_assert_status(start(vfs, "/fifo", APPE, 0, &file), VFS_NOT_FILE);
	tree_mkdir(&tree, "dir");
	cr_assert_status(start(vfs, "/dir", VFS_OPEN_READ, 0, &file), VFS_IS_DIR);
	cr_assert_status(start(vfs, "/dir", STOR, 0, &file), VFS_IS_DIR);
	cr_assert_status(start(vfs, "/", VFS_OPEN_READ, 0, &file), VFS_IS_DIR);
	cr_assert_status(start(vfs, "/fifo/x", STOR, 0, &file), VFS_NOT_DIR);
}

/* --- handles -----------------------------------------------------------------------------------
 */

Test(vfs_files, knows_stale_and_invented_handles)
{
	struct vfs_opened first;
	struct vfs_opened second;
	struct vfs_closed closed;
	struct vfs_attr attr;
	struct vfs_change change = { .fields = 0 };
	uint8_t bytes[100];
	struct vfs_batch_writer writer = { .bytes = bytes, .size = sizeof bytes };
	bool done;
	uint64_t copied;

	tree_put(&tree, "a", "x");
	cr_assert_status(start(vfs, "/a", VFS_OPEN_READ, 0, &first), VFS_OK);
	cr_assert_status(end(vfs, &first, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_status(start(vfs, "/a", VFS_OPEN_READ, 0, &second), VFS_OK);
	cr_assert_neq(first.handle, second.handle);
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t bad = i == 0 ? first.handle : i == 1 ? 0 : UINT32_MAX;

		cr_assert_status(vfs_fstat(vfs, bad, &attr), VFS_BAD_HANDLE);
		cr_assert_status(vfs_fsetattr(vfs, bad, &change), VFS_BAD_HANDLE);
		cr_assert_status(vfs_fsync(vfs, bad), VFS_BAD_HANDLE);
		cr_assert_status(vfs_close(vfs, bad, VFS_CLOSE_COMPLETE, &closed), VFS_BAD_HANDLE);
		cr_assert_status(vfs_readdir(vfs, bad, 0, &writer, &done), VFS_BAD_HANDLE);
		cr_assert_status(
		    vfs_copy(vfs, bad, 0, second.handle, 0, 1, &copied), VFS_BAD_HANDLE);
		cr_assert_eq(vfs_handle_fd(vfs, bad), -1);
	}
	cr_assert_status(vfs_readdir(vfs, second.handle, 0, &writer, &done), VFS_BAD_HANDLE);
	cr_assert_status(vfs_fsync(vfs, second.handle), VFS_OK);
}

Test(vfs_files, has_as_many_handles_as_it_says)
{
	static struct vfs_opened files[VFS_HANDLES_MAX];
	struct vfs_opened more;

	tree_put(&tree, "a", "x");
	for (size_t i = 0; i < VFS_HANDLES_MAX; i++)
		cr_assert_status(start(vfs, "/a", VFS_OPEN_READ, 0, &files[i]), VFS_OK);
	cr_assert_status(start(vfs, "/b", STOR, 0, &more), VFS_TOO_MANY_OPEN);
	cr_assert_eq(tree_staged(&tree, "."), 0);
	cr_assert_status(end(vfs, &files[77], VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_status(start(vfs, "/a", VFS_OPEN_READ, 0, &more), VFS_OK);
	cr_assert_status(end(vfs, &files[77], VFS_CLOSE_COMPLETE), VFS_BAD_HANDLE);
}

Test(vfs_files, leaks_no_descriptor)
{
	struct vfs_opened file;
	uint32_t handle;
	int before = dup(0);
	int after;

	close(before);
	tree_mkdir(&tree, "d");
	for (unsigned i = 0; i < 20; i++) {
		upload(vfs, "/d/a", STOR, 0, "x", (enum vfs_outcome)(i % 3));
		upload(vfs, "/d/a", REST, 1, "x", (enum vfs_outcome)(i % 3));
		start(vfs, "/none/a", STOR, 0, &file);
		start(vfs, "/d", STOR, 0, &file);
		vfs_symlink(vfs, "d/../d/a", "/l");
		size_of(vfs, "/l");
		reads(vfs, "/l", "x");
		lists(vfs, "/d", "a");
		vfs_opendir(vfs, "/l", &handle);
		vfs_chdir(vfs, "/d");
		vfs_mkdir(vfs, "/d/e", 0755);
		vfs_rmdir(vfs, "/d/e");
		vfs_rename(vfs, "/d/a", "/d/b", true);
		vfs_link(vfs, "/d/b", "/d/a");
	}
	vfs_free(&vfs);
	after = dup(0);
	close(after);
	/* vfs_free gave back the root's descriptor too. */
	cr_assert_leq(after, before);
	vfs = tree_login(&tree, "alice");
}

/* --- attributes by handle ----------------------------------------------------------------------
 */

Test(vfs_files, changes_attributes_of_open_files)
{
	struct vfs_change change = { .fields = VFS_SET_SIZE | VFS_SET_MODE | VFS_SET_MTIME |
		                               VFS_SET_ATIME,
		.size = 3,
		.mode = 0640,
		.mtime = -5,
		.mtime_nsec = 7,
		.atime = 9 };
	struct vfs_opened file;
	struct vfs_attr attr;

	cr_assert_status(start(vfs, "/a", STOR, 0, &file), VFS_OK);
	write_text(&file, "123456");
	cr_assert_status(vfs_fsetattr(vfs, file.handle, &change), VFS_OK);
	cr_assert_status(end(vfs, &file, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_status(vfs_stat(vfs, "/a", false, &attr), VFS_OK);
	cr_assert_eq(attr.size, 3);
	cr_assert_eq(attr.mode, 0640);
	cr_assert_eq(attr.mtime, -5);
	cr_assert_eq(attr.mtime_nsec, 7);
	cr_assert_eq(attr.atime, 9);
	cr_assert_status(start(vfs, "/a", VFS_OPEN_READ, 0, &file), VFS_OK);
	change.size = 1;
	cr_assert_status(vfs_fsetattr(vfs, file.handle, &change), VFS_PERMISSION);
	change.size = UINT64_MAX;
	cr_assert_status(vfs_setattr(vfs, "/a", false, &change), VFS_INVALID);
	change.fields = VFS_SET_MTIME;
	change.mtime_nsec = 1000000000;
	cr_assert_status(vfs_setattr(vfs, "/a", false, &change), VFS_INVALID);
}

/* --- copying -----------------------------------------------------------------------------------
 */

Test(vfs_files, copies_ranges_between_open_files)
{
	struct vfs_opened from;
	struct vfs_opened to;
	uint64_t copied;

	tree_put(&tree, "a", "0123456789");
	cr_assert_status(start(vfs, "/a", VFS_OPEN_READ | VFS_OPEN_WRITE, 0, &from), VFS_OK);
	cr_assert_status(start(vfs, "/b", STOR, 0, &to), VFS_OK);
	cr_assert_status(vfs_copy(vfs, from.handle, 2, to.handle, 1, 3, &copied), VFS_OK);
	cr_assert_eq(copied, 3);
	cr_assert_status(vfs_copy(vfs, from.handle, 8, to.handle, 4, UINT64_MAX, &copied), VFS_OK);
	cr_assert_eq(copied, 2);
	cr_assert_status(vfs_copy(vfs, from.handle, 10, to.handle, 6, UINT64_MAX, &copied), VFS_OK);
	cr_assert_eq(copied, 0);
	cr_assert_status(
	    vfs_copy(vfs, from.handle, (1ull << 63) - 1, to.handle, 0, 10, &copied), VFS_INVALID);
	cr_assert_status(
	    vfs_copy(vfs, from.handle, 0, to.handle, UINT64_MAX, 10, &copied), VFS_INVALID);
	cr_assert_status(vfs_copy(vfs, to.handle, 0, from.handle, 0, 1, &copied), VFS_PERMISSION);
	cr_assert_status(vfs_copy(vfs, from.handle, 0, from.handle, 5, 6, &copied), VFS_INVALID);
	cr_assert_status(
	    vfs_copy(vfs, from.handle, 0, from.handle, 10, UINT64_MAX, &copied), VFS_OK);
	cr_assert_eq(copied, 10);
	cr_assert_status(end(vfs, &to, VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_eq(size_of(vfs, "/b"), 6);
	cr_assert(tree_holds(&tree, "a", "01234567890123456789"));
}

Test(vfs_files, copies_into_files_open_for_append)
{
	struct vfs_opened from;
	struct vfs_opened to;
	uint64_t copied;

	tree_put(&tree, "a", "0123456789");
	tree_put(&tree, "b", "x");
	cr_assert_status(start(vfs, "/a", VFS_OPEN_READ, 0, &from), VFS_OK);
	cr_assert_status(start(vfs, "/b", APPE, 0, &to), VFS_OK);
	cr_assert_status(vfs_copy(vfs, from.handle, 0, to.handle, 1, 100, &copied), VFS_OK);
	cr_assert_eq(copied, 10);
	cr_assert(tree_holds(&tree, "b", "x0123456789"));
}

/* --- names -------------------------------------------------------------------------------------
 */

Test(vfs_files, takes_names_of_any_bytes)
{
	char path[3] = "/x";
	char inner[5] = "/a_b";

	for (unsigned byte = 1; byte < 256; byte++) {
		char name[2] = { (char)byte, '\0' };

		if (byte == '/' || byte == '.')
			continue;
		path[1] = (char)byte;
		inner[2] = (char)byte;
		cr_assert_status(upload(vfs, path, STOR, 0, name, VFS_CLOSE_COMPLETE), VFS_OK);
		cr_assert_status(upload(vfs, inner, STOR, 0, "x", VFS_CLOSE_ABORTED), VFS_OK);
		cr_assert_eq(size_of(vfs, inner), 1);
		cr_assert(tree_holds(&tree, name, name));
	}
	cr_assert_eq(list_names(vfs, "/", NULL, 0), 2 * 253);
	cr_assert_status(vfs_mkdir(vfs, "/\xc0\xaf..", UINT32_MAX), VFS_OK);
}

Test(vfs_files, refuses_names_and_paths_that_are_too_long)
{
	static char path[2 * VFS_PATH_MAX];
	struct vfs_opened file;

	memset(path, 'n', 300);
	path[0] = '/';
	cr_assert_status(start(vfs, path, STOR, 0, &file), VFS_NAME_TOO_LONG);
	cr_assert_status(vfs_mkdir(vfs, path, 0755), VFS_NAME_TOO_LONG);
	for (size_t i = 0; i < sizeof path - 1; i++)
		path[i] = i % 2 ? 'd' : '/';
	cr_assert_status(start(vfs, path, VFS_OPEN_READ, 0, &file), VFS_NAME_TOO_LONG);
}

Test(vfs_files, obeys_the_name_rules_wherever_a_file_is_made)
{
	char pdf[] = "*.pdf";
	char txt[] = "*.txt";
	char secret[] = "secret*";
	char *allow[] = { pdf, txt };
	char *deny[] = { secret };
	struct vfs_opened file;

	tree.mounts[0].allow_names = (struct conf_list){ allow, 2 };
	tree.mounts[0].deny_names = (struct conf_list){ deny, 1 };
	cr_assert_status(upload(vfs, "/a.pdf", STOR, 0, "x", VFS_CLOSE_COMPLETE), VFS_OK);
	cr_assert_status(start(vfs, "/a.php", STOR, 0, &file), VFS_BAD_NAME);
	cr_assert_status(start(vfs, "/secret.pdf", STOR, 0, &file), VFS_BAD_NAME);
	cr_assert_status(start(vfs, "/a.php", APPE, 0, &file), VFS_BAD_NAME);
	cr_assert_status(start(vfs, "/a.php", STOR | VFS_OPEN_UNIQUE, 0, &file), VFS_BAD_NAME);
	cr_assert_status(vfs_rename(vfs, "/a.pdf", "/a.php", false), VFS_BAD_NAME);
	cr_assert_status(vfs_link(vfs, "/a.pdf", "/a.php"), VFS_BAD_NAME);
	cr_assert_status(vfs_symlink(vfs, "a.pdf", "/a.php"), VFS_BAD_NAME);
	cr_assert_status(vfs_mkdir(vfs, "/dir", 0755), VFS_OK);
	cr_assert_status(vfs_rename(vfs, "/dir", "/dir2", false), VFS_OK);
	/* Not even through a link that has a good name. */
	cr_assert_status(vfs_symlink(vfs, "evil.php", "/link.pdf"), VFS_OK);
	cr_assert_status(start(vfs, "/link.pdf", STOR, 0, &file), VFS_BAD_NAME);
	cr_assert_eq(list_names(vfs, "/", NULL, 0), 3);
}

/* --- changing ----------------------------------------------------------------------------------
 */

Test(vfs_files, makes_and_removes_directories)
{
	mode_t old = umask(077);

	cr_assert_status(vfs_mkdir(vfs, "/d", UINT32_MAX), VFS_OK);
	umask(old);
	cr_assert_eq(tree_stat(&tree, "d").st_mode & 07777, 0755);
	cr_assert_status(vfs_mkdir(vfs, "/d", UINT32_MAX), VFS_EXISTS);
	cr_assert_status(vfs_mkdir(vfs, "/none/d", UINT32_MAX), VFS_NOT_FOUND);
	cr_assert_status(vfs_mkdir(vfs, "/d/e", 0700), VFS_OK);
	cr_assert_eq(tree_stat(&tree, "d/e").st_mode & 07777, 0700);
	cr_assert_status(vfs_rmdir(vfs, "/d"), VFS_NOT_EMPTY);
	cr_assert_status(vfs_remove(vfs, "/d/e"), VFS_IS_DIR);
	cr_assert_status(vfs_rmdir(vfs, "/d/e"), VFS_OK);
	cr_assert_status(vfs_rmdir(vfs, "/d"), VFS_OK);
	cr_assert_status(vfs_rmdir(vfs, "/d"), VFS_NOT_FOUND);
	tree_put(&tree, "f", "x");
	cr_assert_status(vfs_rmdir(vfs, "/f"), VFS_NOT_DIR);
	cr_assert_status(vfs_chdir(vfs, "/f"), VFS_NOT_DIR);
	cr_assert_status(vfs_chdir(vfs, "/none"), VFS_NOT_FOUND);
}

Test(vfs_files, renames_with_and_without_replacing)
{
	tree_put(&tree, "a", "a");
	tree_put(&tree, "b", "b");
	tree_mkdir(&tree, "d");
	cr_assert_status(vfs_rename(vfs, "/a", "/b", false), VFS_EXISTS);
	cr_assert_status(vfs_rename(vfs, "/a", "/d", true), VFS_IS_DIR);
	cr_assert_status(vfs_rename(vfs, "/d", "/d/e", false), VFS_INVALID);
	cr_assert_status(vfs_rename(vfs, "/none", "/c", false), VFS_NOT_FOUND);
	cr_assert_status(vfs_rename(vfs, "/a", "/b", true), VFS_OK);
	cr_assert(tree_holds(&tree, "b", "a") && !tree_has(&tree, "a"));
	cr_assert_status(vfs_rename(vfs, "/b", "/d/b", false), VFS_OK);
	cr_assert(tree_holds(&tree, "d/b", "a"));
	tree.mounts[0].access &= ~(uint32_t)RIGHT_overwrite;
	tree_put(&tree, "c", "c");
	cr_assert_status(vfs_rename(vfs, "/c", "/d/b", true), VFS_FORBIDDEN);
	cr_assert(tree_holds(&tree, "d/b", "a"));
}

Test(vfs_files, tells_the_space_of_the_filesystem)
{
	struct vfs_space space;
	struct vfs_opened file;

	cr_assert_status(vfs_statvfs(vfs, "/", &space), VFS_OK);
	cr_assert_gt(space.fragment_size, 0);
	cr_assert_gt(space.blocks, 0);
	cr_assert_eq(space.name_max, 255);
	cr_assert_status(start(vfs, "/a", STOR, 0, &file), VFS_OK);
	cr_assert_status(vfs_fstatvfs(vfs, file.handle, &space), VFS_OK);
}
