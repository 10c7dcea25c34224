/*
 * A directory tree for a test, and sessions of the VFS on it.
 *
 *   <temp>/root		the user's "/"
 *   <temp>/outside/canary	what must never be read, changed or reached
 */
#ifndef TESTS_UNIT_VFS_TREE_H
#define TESTS_UNIT_VFS_TREE_H

#include <sys/stat.h>

#include "vfs/vfs.h"

#define TREE_MOUNTS_MAX 6
#define TREE_CANARY     "canary"
#define ACCESS_INBOX    (RIGHT_own | RIGHT_upload | RIGHT_resume | RIGHT_times)

struct tree {
	char base[512];
	int base_fd;
	int root_fd;
	int outside_fd;
	size_t mount_count;
	struct conf_mount
	    mounts[TREE_MOUNTS_MAX]; /* [0] is the policy of "/": change it before a session */
	char sources[TREE_MOUNTS_MAX][64];
};

void tree_new(struct tree *tree);
/* Removes everything; fails the test when the canary was touched. */
void tree_free(struct tree *tree);
/* A mount more: source is relative to the base directory and is made. */
struct conf_mount *tree_add_mount(struct tree *tree, char *title, const char *source);
/* Log in. */
struct vfs *tree_login(const struct tree *tree, const char *user);

/* Real files, past the VFS; paths relative to the root. */
void tree_put(const struct tree *tree, const char *path, const char *content);
void tree_mkdir(const struct tree *tree, const char *path);
bool tree_has(const struct tree *tree, const char *path);
/* Does the file hold exactly this? */
bool tree_holds(const struct tree *tree, const char *path, const char *content);
struct stat tree_stat(const struct tree *tree, const char *path);
/* How many staged files are in a directory. */
unsigned tree_staged(const struct tree *tree, const char *dir);

/* Through the VFS. */
#define STOR (VFS_OPEN_WRITE | VFS_OPEN_CREATE | VFS_OPEN_TRUNCATE)
#define REST (VFS_OPEN_WRITE | VFS_OPEN_CREATE | VFS_OPEN_RESUME)
#define APPE (VFS_OPEN_WRITE | VFS_OPEN_CREATE | VFS_OPEN_APPEND)
/* Open, without writing yet. */
enum vfs_status start(
    struct vfs *vfs, const char *path, uint32_t flags, uint64_t offset, struct vfs_opened *out);
void write_text(const struct vfs_opened *file, const char *text);
/* Open, write, close with the outcome: the first status that is not OK. */
enum vfs_status upload(struct vfs *vfs, const char *path, uint32_t flags, uint64_t offset,
    const char *text, enum vfs_outcome outcome);
enum vfs_status end(struct vfs *vfs, const struct vfs_opened *file, enum vfs_outcome outcome);
/* Size as stat tells it, -1 when there is none. */
long long size_of(struct vfs *vfs, const char *path);
/* Whole listing as "a b c " in no certain order, at most n bytes; how many entries. */
unsigned list_names(struct vfs *vfs, const char *path, char *out, size_t n);
bool lists(struct vfs *vfs, const char *dir, const char *name);
/* Does reading it give this text? */
bool reads(struct vfs *vfs, const char *path, const char *text);

#define cr_assert_status(actual, wanted)                                            \
	do {                                                                        \
		enum vfs_status status_is = (actual);                               \
		cr_assert(status_is == (wanted), "%s is %s instead of %s", #actual, \
		    vfs_status_name(status_is), vfs_status_name(wanted));           \
	} while (0)

#endif
