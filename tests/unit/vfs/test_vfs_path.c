/*
 * The normaliser: a table, and a comparison with what the kernel makes of the same path.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/base/os_linux.h"
#include "tests/unit/vfs/tree.h"
#include "vfs/vfs_path.h"

static const struct {
	const char *cwd;
	const char *client;
	const char *result;
} paths[] = {
	{ "/", "", "/" },
	{ "/", "/", "/" },
	{ "/", "////", "/" },
	{ "/", ".", "/" },
	{ "/", "..", "/" },
	{ "/", "../../..", "/" },
	{ "/", "a", "/a" },
	{ "/x", "", "/x" },
	{ "/x", "a", "/x/a" },
	{ "/x", "/a", "/a" },
	{ "/x", "../a//b/./c", "/a/b/c" },
	{ "/x/y", "..", "/x" },
	{ "/x/y", "../..", "/" },
	{ "/x/y", "../../../../z", "/z" },
	{ "/", "/a/b/../c/", "/a/c" },
	{ "/", "/a/./././b", "/a/b" },
	{ "/", "...", "/..." },
	{ "/", "..a/.b/c..", "/..a/.b/c.." },
	{ "/", "a\\..\\b", "/a\\..\\b" },
	{ "/", "\xc0\xaf..\xc0\xaf", "/\xc0\xaf..\xc0\xaf" },
	{ "/", "a\nb\rc\x1b", "/a\nb\rc\x1b" },
	{ "/", "/a/..//./b/../../c", "/c" },
	{ "/", ".transom", "/.transom" },
	{ "/", "x.transom-y", "/x.transom-y" },
};

Test(vfs_path, normalises_every_row_of_the_table)
{
	struct vfs_path path;

	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		cr_assert_eq(vfs_path_resolve(&path, paths[i].cwd, paths[i].client), VFS_OK);
		cr_assert_str_eq(
		    path.text, paths[i].result, "%s + %s", paths[i].cwd, paths[i].client);
		cr_assert_eq(path.length, strlen(path.text));
	}
}

Test(vfs_path, refuses_reserved_names_wherever_they_stand)
{
	static const char *const reserved[] = { ".transom-", ".transom-x", "/a/.transom-x/b",
		"/.transom-a/..", "a/../.transom-0123456789abcdef-file" };
	struct vfs_path path;

	for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
		cr_assert_eq(vfs_path_resolve(&path, "/", reserved[i]), VFS_BAD_NAME);
		cr_assert_str_eq(path.text, "/");
	}
}

Test(vfs_path, takes_components_and_paths_up_to_their_limits_and_no_longer)
{
	char name[VFS_NAME_MAX + 2];
	char text[VFS_PATH_MAX + 300];
	struct vfs_path path;

	memset(name, 'n', sizeof name);
	name[VFS_NAME_MAX] = '\0';
	cr_assert_eq(vfs_path_resolve(&path, "/", name), VFS_OK);
	cr_assert_eq(path.length, VFS_NAME_MAX + 1u);
	name[VFS_NAME_MAX] = 'n';
	name[VFS_NAME_MAX + 1] = '\0';
	cr_assert_eq(vfs_path_resolve(&path, "/", name), VFS_NAME_TOO_LONG);
	cr_assert_eq(vfs_path_resolve(&path, name, ""), VFS_NAME_TOO_LONG);

	memset(text, 0, sizeof text);
	for (size_t i = 0; i + 1 < VFS_PATH_MAX; i++)
		text[i] = i % 2 == 0 ? '/' : 'd';
	/* 4095 bytes, the last of them a separator that vanishes. */
	cr_assert_eq(vfs_path_resolve(&path, "/", text), VFS_OK);
	cr_assert_eq(path.length, VFS_PATH_MAX - 2u);
	memcpy(text + strlen(text), "d/d", 4);
	cr_assert_eq(vfs_path_resolve(&path, "/", text), VFS_NAME_TOO_LONG);
	cr_assert_str_eq(path.text, "/");
}

Test(vfs_path, splits_into_parent_and_name)
{
	struct vfs_path path;
	struct vfs_path parent;
	const char *name;

	vfs_path_resolve(&path, "/", "/a/b/c");
	vfs_path_split(&path, &parent, &name);
	cr_assert_str_eq(parent.text, "/a/b");
	cr_assert_eq(parent.length, 4);
	cr_assert_str_eq(name, "c");
	vfs_path_resolve(&path, "/", "/a");
	vfs_path_split(&path, &parent, &name);
	cr_assert_str_eq(parent.text, "/");
	cr_assert_str_eq(name, "a");
	vfs_path_resolve(&path, "/", "/");
	vfs_path_split(&path, &parent, &name);
	cr_assert_str_eq(parent.text, "/");
	cr_assert_str_eq(name, "");
}

/* In a tree without links the kernel, confined to the root, must arrive at the same directory. */
Test(vfs_path, arrives_where_the_kernel_arrives)
{
	static const char *const pieces[] = { "a", "b", "..", ".", "", "a/b", "../a" };
	struct tree tree;
	unsigned compared = 0;

	tree_new(&tree);
	tree_mkdir(&tree, "a");
	tree_mkdir(&tree, "b");
	tree_mkdir(&tree, "a/a");
	tree_mkdir(&tree, "a/b");
	tree_mkdir(&tree, "a/b/a");
	for (unsigned n = 0; n < 7 * 7 * 7 * 7; n++) {
		uint64_t resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
		struct vfs_path path;
		struct stat ours;
		struct stat kernels;
		char client[64];
		int fd;
		int our_fd;

		snprintf(client, sizeof client, "/%s/%s/%s//%s", pieces[n % 7], pieces[n / 7 % 7],
		    pieces[n / 49 % 7], pieces[n / 343 % 7]);
		fd = os_openat2(tree.root_fd, client, O_PATH, 0, resolve);
		if (fd < 0)
			continue;
		cr_assert_eq(vfs_path_resolve(&path, "/", client), VFS_OK);
		our_fd = os_openat2(tree.root_fd, path.text, O_PATH, 0, resolve);
		cr_assert(our_fd >= 0, "%s -> %s", client, path.text);
		fstat(fd, &kernels);
		fstat(our_fd, &ours);
		cr_assert_eq(ours.st_ino, kernels.st_ino, "%s -> %s", client, path.text);
		close(fd);
		close(our_fd);
		compared++;
	}
	cr_assert_gt(compared, 500);
	tree_free(&tree);
}
