/*
 * Directory trees for tests of the VFS.
 */
#include "tests/unit/vfs/tree.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct conf_mount usual = {
	.access = CONF_RIGHTS_FULL,
	.resume_window = 24 * 60 * 60 * 1000,
	.file_mode = 0644,
	.dir_mode = 0755,
	.umask = 022,
};

static void put(int dir_fd, const char *path, const char *content)
{
	int fd = openat(dir_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	cr_assert(fd >= 0, "%s: %s", path, strerror(errno));
	cr_assert(write(fd, content, strlen(content)) == (ssize_t)strlen(content));
	close(fd);
}

static bool holds(int dir_fd, const char *path, const char *content)
{
	char bytes[4096];
	int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)strlen(content) && memcmp(bytes, content, (size_t)n) == 0;
}

static int make_dir(int dir_fd, const char *path)
{
	int fd;

	cr_assert(mkdirat(dir_fd, path, 0755) == 0, "%s: %s", path, strerror(errno));
	fd = openat(dir_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cr_assert(fd >= 0);
	return fd;
}

void tree_new(struct tree *tree)
{
	const char *temp = getenv("TMPDIR");

	memset(tree, 0, sizeof *tree);
	snprintf(tree->base, sizeof tree->base, "%s/vfs-XXXXXX", temp != NULL ? temp : "/tmp");
	cr_assert_not_null(mkdtemp(tree->base));
	tree->base_fd = open(tree->base, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cr_assert(tree->base_fd >= 0);
	tree->root_fd = make_dir(tree->base_fd, "root");
	tree->outside_fd = make_dir(tree->base_fd, "outside");
	put(tree->outside_fd, "canary", TREE_CANARY);
	tree->mounts[0] = usual;
	snprintf(tree->sources[0], sizeof tree->sources[0], "root");
	tree->mount_count = 1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static unsigned count_entries(int dir_fd, const char *path, const char *prefix)
{
	int fd = openat(dir_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	unsigned count = 0;

	cr_assert_not_null(dir);
	for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir))
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
		    strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			count++;
	closedir(dir);
	return count;
}

void tree_free(struct tree *tree)
{
	cr_assert(holds(tree->outside_fd, "canary", TREE_CANARY), "the canary was touched");
	cr_assert(count_entries(tree->outside_fd, ".", "") == 1, "something was made outside");
	close(tree->base_fd);
	close(tree->root_fd);
	close(tree->outside_fd);
	nftw(tree->base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

struct conf_mount *tree_add_mount(struct tree *tree, char *title, const char *source)
{
	struct conf_mount *mount = &tree->mounts[tree->mount_count];

	cr_assert(tree->mount_count < TREE_MOUNTS_MAX);
	*mount = usual;
	mount->title = title;
	snprintf(tree->sources[tree->mount_count], sizeof tree->sources[0], "%s", source);
	if (mkdirat(tree->base_fd, source, 0755) != 0)
		cr_assert(errno == EEXIST);
	tree->mount_count++;
	return mount;
}

struct vfs *tree_login(const struct tree *tree, const char *user)
{
	struct vfs_mount_source sources[TREE_MOUNTS_MAX];
	struct vfs *vfs;

	for (size_t i = 0; i < tree->mount_count; i++) {
		sources[i].mount = &tree->mounts[i];
		sources[i].dir_fd =
		    openat(tree->base_fd, tree->sources[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		cr_assert(sources[i].dir_fd >= 0);
	}
	vfs = vfs_new(user, sources, tree->mount_count);
	cr_assert_not_null(vfs);
	return vfs;
}

void tree_put(const struct tree *tree, const char *path, const char *content)
{
	put(tree->root_fd, path, content);
}

void tree_mkdir(const struct tree *tree, const char *path)
{
	close(make_dir(tree->root_fd, path));
}

bool tree_has(const struct tree *tree, const char *path)
{
	struct stat st;

	return fstatat(tree->root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

bool tree_holds(const struct tree *tree, const char *path, const char *content)
{
	return holds(tree->root_fd, path, content);
}

struct stat tree_stat(const struct tree *tree, const char *path)
{
	struct stat st;

	cr_assert(fstatat(tree->root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0, "%s", path);
	return st;
}

unsigned tree_staged(const struct tree *tree, const char *dir)
{
	return count_entries(tree->root_fd, dir, VFS_STAGED_PREFIX);
}

enum vfs_status start(
    struct vfs *vfs, const char *path, uint32_t flags, uint64_t offset, struct vfs_opened *out)
{
	return vfs_open(vfs, path, flags, offset, UINT32_MAX, out);
}

void write_text(const struct vfs_opened *file, const char *text)
{
	cr_assert(write(file->fd, text, strlen(text)) == (ssize_t)strlen(text));
}

enum vfs_status end(struct vfs *vfs, const struct vfs_opened *file, enum vfs_outcome outcome)
{
	struct vfs_closed closed;

	return vfs_close(vfs, file->handle, outcome, &closed);
}

enum vfs_status upload(struct vfs *vfs, const char *path, uint32_t flags, uint64_t offset,
    const char *text, enum vfs_outcome outcome)
{
	struct vfs_opened file;
	enum vfs_status status = start(vfs, path, flags, offset, &file);

	if (status != VFS_OK)
		return status;
	write_text(&file, text);
	return end(vfs, &file, outcome);
}

long long size_of(struct vfs *vfs, const char *path)
{
	struct vfs_attr attr;

	return vfs_stat(vfs, path, false, &attr) == VFS_OK ? (long long)attr.size : -1;
}

unsigned list_names(struct vfs *vfs, const char *path, char *out, size_t n)
{
	static uint8_t bytes[VFS_BATCH_MAX_BYTES];
	struct vfs_closed closed;
	unsigned count = 0;
	size_t length = 0;
	uint32_t handle;
	bool done = false;

	if (n > 0)
		out[0] = '\0';
	cr_assert_status(vfs_opendir(vfs, path, &handle), VFS_OK);
	while (!done) {
		struct vfs_batch_writer writer = { .bytes = bytes, .size = sizeof bytes };
		struct vfs_batch_reader reader = { .bytes = bytes };
		struct vfs_entry entry;
		int result;

		cr_assert_status(vfs_readdir(vfs, handle, 0, &writer, &done), VFS_OK);
		reader.left = writer.length;
		while ((result = vfs_batch_next(&reader, &entry)) == 1) {
			count++;
			if (length + entry.name_length + 2 <= n)
				length +=
				    (size_t)snprintf(out + length, n - length, "%s ", entry.name);
		}
		cr_assert(result == 0);
	}
	cr_assert_status(vfs_close(vfs, handle, VFS_CLOSE_COMPLETE, &closed), VFS_OK);
	return count;
}

bool lists(struct vfs *vfs, const char *dir, const char *name)
{
	char names[8192] = " ";
	char wanted[300];

	list_names(vfs, dir, names + 1, sizeof names - 1);
	snprintf(wanted, sizeof wanted, " %s ", name);
	return strstr(names, wanted) != NULL;
}

bool reads(struct vfs *vfs, const char *path, const char *text)
{
	struct vfs_opened file;
	char bytes[4096];
	ssize_t n;

	if (start(vfs, path, VFS_OPEN_READ, 0, &file) != VFS_OK)
		return false;
	n = read(file.fd, bytes, sizeof bytes);
	cr_assert_status(end(vfs, &file, VFS_CLOSE_COMPLETE), VFS_OK);
	return n == (ssize_t)strlen(text) && memcmp(bytes, text, (size_t)n) == 0;
}
