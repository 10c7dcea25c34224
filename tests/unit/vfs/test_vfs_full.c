/*
 * A disk that is full: the reply says so, nothing is published, and the space is back.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/vfs/tree.h"

/* In a child with a mount namespace of its own: 0 when all went as it must, else the number of the
 * step. */
static int fill_the_disk(void)
{
	static char bytes[64 << 10];
	struct tree tree;
	struct vfs *vfs;
	struct vfs_opened file;
	struct vfs_space before;
	struct vfs_space after;
	char root[600];
	ssize_t n;

	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return 77;
	tree_new(&tree);
	snprintf(root, sizeof root, "%s/root", tree.base);
	if (mount("tmpfs", root, "tmpfs", 0, "size=1m,nr_inodes=16") != 0)
		return 77;
	close(tree.root_fd);
	tree.root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	tree_put(&tree, "a", "old");
	vfs = tree_login(&tree, "alice");
	if (vfs_statvfs(vfs, "/", &before) != VFS_OK || start(vfs, "/a", STOR, 0, &file) != VFS_OK)
		return 1;
	do
		n = write(file.fd, bytes, sizeof bytes);
	while (n > 0);
	if (n == 0 || errno != ENOSPC)
		return 2;
	if (end(vfs, &file, VFS_CLOSE_FAILED) != VFS_OK || !tree_holds(&tree, "a", "old"))
		return 3;
	if (vfs_statvfs(vfs, "/", &after) != VFS_OK || after.blocks_free != before.blocks_free)
		return 4;
	/* No inodes left: the upload cannot even begin. */
	for (int i = 0; i < 16; i++) {
		char path[16];

		snprintf(path, sizeof path, "/d%d", i);
		if (vfs_mkdir(vfs, path, 0755) == VFS_NO_SPACE)
			break;
	}
	if (start(vfs, "/b", STOR, 0, &file) != VFS_NO_SPACE)
		return 5;
	vfs_free(&vfs);
	umount2(root, MNT_DETACH);
	tree_free(&tree);
	return 0;
}

Test(vfs_full, gives_the_space_back_and_keeps_the_old_file)
{
	int status = 0;
	pid_t child;

	if (geteuid() != 0)
		cr_skip_test("needs root to mount a small tmpfs");
	child = fork();
	if (child == 0)
		_exit(fill_the_disk());
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		cr_skip_test("may not mount here");
	cr_assert_eq(WEXITSTATUS(status), 0);
}
