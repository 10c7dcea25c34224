/*
 * Listings: streaming, whatever the size of the directory; entries of every kind.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/vfs/tree.h"

#define MANY 10000

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

TestSuite(vfs_dirs, .init = set_up, .fini = tear_down);

/* The whole listing in batches of n bytes; how often each number between 0 and MANY occurred in
 * names. */
static unsigned count_batches(uint32_t handle, uint32_t flags, size_t n, unsigned char *seen)
{
	static uint8_t bytes[VFS_BATCH_MAX_BYTES];
	unsigned batches = 0;
	bool done = false;

	while (!done) {
		struct vfs_batch_writer writer = { .bytes = bytes, .size = n };
		struct vfs_batch_reader reader = { .bytes = bytes };
		struct vfs_entry entry;

		cr_assert_status(vfs_readdir(vfs, handle, flags, &writer, &done), VFS_OK);
		reader.left = writer.length;
		while (vfs_batch_next(&reader, &entry) == 1)
			seen[strtoul(entry.name + 1, NULL, 10)]++;
		batches++;
	}
	return batches;
}

Test(vfs_dirs, streams_ten_thousand_entries_in_constant_memory)
{
	static unsigned char seen[MANY];
	struct vfs_closed closed;
	uint32_t handle;
	size_t before;
	size_t after;
	char name[16];

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "f%d", i);
		cr_assert_eq(mknodat(tree.root_fd, name, S_IFREG | 0644, 0), 0);
	}
	cr_assert_status(vfs_opendir(vfs, "/", &handle), VFS_OK);
	before = mallinfo2().uordblks;
	cr_assert_gt(count_batches(handle, 0, VFS_BATCH_MAX_BYTES, seen), 10);
	after = mallinfo2().uordblks;
	cr_assert_leq(after, before);
	for (int i = 0; i < MANY; i++)
		cr_assert_eq(seen[i], 1, "f%d", i);
	cr_assert_status(vfs_rewinddir(vfs, handle), VFS_OK);
	count_batches(handle, VFS_READDIR_NAMES_ONLY, 500, seen);
	for (int i = 0; i < MANY; i++)
		cr_assert_eq(seen[i], 2, "f%d", i);
	cr_assert_status(vfs_close(vfs, handle, VFS_CLOSE_COMPLETE, &closed), VFS_OK);
}

Test(vfs_dirs, tells_every_kind_and_the_targets_of_links)
{
	uint8_t bytes[4096];
	struct vfs_batch_writer writer = { .bytes = bytes, .size = sizeof bytes };
	struct vfs_batch_reader reader = { .bytes = bytes };
	struct vfs_entry entry;
	unsigned kinds = 0;
	uint32_t handle;
	bool done;

	tree_put(&tree, "file", "12345");
	tree_mkdir(&tree, "dir");
	cr_assert_eq(symlinkat("/some/target", tree.root_fd, "link"), 0);
	cr_assert_eq(mkfifoat(tree.root_fd, "other", 0644), 0);
	cr_assert_status(vfs_opendir(vfs, "/", &handle), VFS_OK);
	cr_assert_status(vfs_readdir(vfs, handle, 0, &writer, &done), VFS_OK);
	cr_assert(done);
	reader.left = writer.length;
	while (vfs_batch_next(&reader, &entry) == 1) {
		kinds |= 1u << entry.attr.kind;
		if (entry.attr.kind == VFS_KIND_FILE)
			cr_assert_eq(entry.attr.size, 5);
		if (entry.attr.kind == VFS_KIND_LINK)
			cr_assert_str_eq(entry.target, "/some/target");
		else
			cr_assert_str_eq(entry.target, "");
	}
	cr_assert_eq(kinds, 15);
	cr_assert_eq(vfs_handle_fd(vfs, handle), -1, "no directory descriptor leaves the guard");
}

Test(vfs_dirs, lists_an_empty_directory_and_one_that_is_removed_meanwhile)
{
	uint8_t bytes[100];
	struct vfs_batch_writer writer = { .bytes = bytes, .size = sizeof bytes };
	uint32_t handle;
	bool done;

	tree_mkdir(&tree, "d");
	cr_assert_eq(list_names(vfs, "/d", NULL, 0), 0);
	cr_assert_status(vfs_opendir(vfs, "/d", &handle), VFS_OK);
	cr_assert_status(vfs_rmdir(vfs, "/d"), VFS_OK);
	cr_assert_status(vfs_readdir(vfs, handle, 0, &writer, &done), VFS_OK);
	cr_assert(done);
	cr_assert_eq(writer.length, 0);
	cr_assert_status(vfs_opendir(vfs, "/none", &handle), VFS_NOT_FOUND);
	tree_put(&tree, "file", "x");
	cr_assert_status(vfs_opendir(vfs, "/file", &handle), VFS_NOT_DIR);
}
