/*
 * A thread swaps a directory and a link that leads outside, as fast as it can; nothing ever goes
 * there.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/vfs/tree.h"

#define RACE_MS 1200

static atomic_bool stop;

static void *swap(void *context)
{
	const struct tree *tree = context;

	while (!atomic_load(&stop)) {
		renameat2(tree->root_fd, "dir", tree->root_fd, "link", RENAME_EXCHANGE);
		renameat2(tree->root_fd, "deep", tree->root_fd, "dir/deep", 0);
		renameat2(tree->root_fd, "dir/deep", tree->root_fd, "deep", 0);
	}
	return NULL;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Everything a client can do below /dir, once. */
static void try_all(struct vfs *vfs)
{
	struct vfs_change change = { .fields = VFS_SET_MODE | VFS_SET_MTIME | VFS_SET_SIZE,
		.mode = 0777 };
	struct vfs_opened file;
	struct vfs_attr attr;
	uint32_t handle;

	upload(vfs, "/dir/new", STOR, 0, "new", VFS_CLOSE_COMPLETE);
	upload(vfs, "/dir/canary", STOR, 0, "gone", VFS_CLOSE_COMPLETE);
	upload(vfs, "/dir/canary", APPE, 0, "gone", VFS_CLOSE_COMPLETE);
	upload(vfs, "/dir/deep/../new", STOR, 0, "new", VFS_CLOSE_ABORTED);
	cr_assert(!reads(vfs, "/dir/canary", TREE_CANARY), "the canary was read");
	cr_assert(!reads(vfs, "/dir/deep/canary", TREE_CANARY), "the canary was read");
	if (vfs_stat(vfs, "/dir/canary", true, &attr) == VFS_OK)
		cr_assert_neq(attr.size, strlen(TREE_CANARY), "the canary was seen");
	vfs_setattr(vfs, "/dir/canary", true, &change);
	vfs_mkdir(vfs, "/dir/made", 0755);
	vfs_rename(vfs, "/dir/made", "/dir/moved", true);
	vfs_rmdir(vfs, "/dir/moved");
	vfs_rmdir(vfs, "/dir/made");
	vfs_symlink(vfs, "x", "/dir/sym");
	vfs_remove(vfs, "/dir/sym");
	vfs_link(vfs, "/dir/canary", "/stolen");
	cr_assert(!reads(vfs, "/stolen", TREE_CANARY), "the canary was linked");
	vfs_remove(vfs, "/stolen");
	vfs_remove(vfs, "/dir/new");
	vfs_remove(vfs, "/dir/canary");
	if (vfs_opendir(vfs, "/dir", &handle) == VFS_OK) {
		struct vfs_closed closed;

		vfs_close(vfs, handle, VFS_CLOSE_COMPLETE, &closed);
	}
	if (start(vfs, "/dir", VFS_OPEN_READ, 0, &file) == VFS_OK)
		end(vfs, &file, VFS_CLOSE_COMPLETE);
}

Test(race, swapping_directories_and_links_never_leads_outside, .timeout = 20)
{
	struct tree tree;
	struct vfs *vfs;
	pthread_t thread;
	int64_t until;
	unsigned rounds = 0;

	tree_new(&tree);
	tree_mkdir(&tree, "dir");
	tree_mkdir(&tree, "deep");
	cr_assert_eq(symlinkat("../outside", tree.root_fd, "link"), 0);
	vfs = tree_login(&tree, "alice");
	cr_assert_eq(pthread_create(&thread, NULL, swap, &tree), 0);
	for (until = now_ms() + RACE_MS; now_ms() < until; rounds++)
		try_all(vfs);
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	cr_assert_gt(rounds, 10);
	vfs_free(&vfs);
	tree_free(&tree);
}
