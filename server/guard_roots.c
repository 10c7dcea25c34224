/*
 * Opening a user's directories with root's rights.
 *
 * A path of the configuration may lead through directories that users write to ("%u/outgoing").
 * Opened as root in one go, a symbolic link planted there would make any directory of the system
 * the user's root, so every link on the way must belong to root.  What has been opened cannot be
 * exchanged any more: the guard goes on with the descriptor, never with the path.
 *
 * A file that says who the user is (authorized_keys) must moreover be such that nobody but root and
 * the user's own account can have put it there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/base/text.h"
#include "server/guard_private.h"

#define LINKS_MAX 40 /* as the kernel's own limit, path_resolution(7) */

struct walk {
	int dir_fd; /* where we are */
	unsigned links;
	const uint32_t *owner;   /* NULL: the directories on the way may be anybody's */
	char rest[VFS_PATH_MAX]; /* what is left of the path */
};

/* Put the link's text before the rest of the path. */
static bool follow_link(struct walk *walk, int link_fd)
{
	char target[VFS_PATH_MAX];
	char rest[VFS_PATH_MAX];
	ssize_t length = readlinkat(link_fd, "", target, sizeof(target) - 1);

	if (length < 0)
		return false;
	target[length] = '\0';
	if (++walk->links > LINKS_MAX) {
		errno = ELOOP;
		return false;
	}
	if (!text_format(rest, sizeof(rest), "%s/%s", target, walk->rest)) {
		errno = ENAMETOOLONG;
		return false;
	}
	text_copy(walk->rest, sizeof(walk->rest), rest);
	if (target[0] == '/') {
		io_close(&walk->dir_fd);
		walk->dir_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	return walk->dir_fd >= 0;
}

/* Cut the first component off the rest; false at the end of the path. */
static bool next_component(struct walk *walk, char name[VFS_PATH_MAX])
{
	const char *start = walk->rest + strspn(walk->rest, "/");
	size_t length = strcspn(start, "/");

	if (length == 0)
		return false;
	memcpy(name, start, length);
	name[length] = '\0';
	memmove(walk->rest, start + length, strlen(start + length) + 1);
	return true;
}

/* Can nobody else than root and the owner exchange what is in the directory?  Where the sticky bit
 * is set, as in /tmp, others can add to it, but not replace. */
static bool is_closed(const struct stat *status, uint32_t owner)
{
	if (status->st_uid != 0 && status->st_uid != owner)
		return false;
	return (status->st_mode & (S_IWGRP | S_IWOTH)) == 0 || (status->st_mode & S_ISVTX) != 0;
}

static bool step(struct walk *walk, const char *name)
{
	/* O_PATH|O_NOFOLLOW opens a link itself, so that what is looked at is what is followed. */
	int fd = openat(walk->dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	bool ok = false;

	if (fd < 0 || fstat(fd, &status) != 0)
		goto out;
	if (S_ISLNK(status.st_mode)) {
		if (status.st_uid == 0)
			ok = follow_link(walk, fd);
		else
			errno = ELOOP;
	} else if (S_ISDIR(status.st_mode) && walk->owner != NULL &&
	           !is_closed(&status, *walk->owner)) {
		errno = EPERM;
	} else if (S_ISDIR(status.st_mode)) {
		io_close(&walk->dir_fd);
		walk->dir_fd = fd;
		fd = -1;
		ok = true;
	} else {
		errno = ENOTDIR;
	}
out:
	io_close(&fd);
	return ok;
}

/* The directory that *walk's rest names; -1 with errno. */
static int walk_down(struct walk *walk, const char *path)
{
	char name[VFS_PATH_MAX];

	if (!text_copy(walk->rest, sizeof(walk->rest), path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	walk->dir_fd = open(path[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (walk->dir_fd >= 0 && next_component(walk, name)) {
		if (!step(walk, name))
			io_close(&walk->dir_fd);
	}
	return walk->dir_fd;
}

int guard_root_open(const char *path, bool trust_links)
{
	struct walk walk = { .links = 0 };

	return trust_links ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : walk_down(&walk, path);
}

/* --- files
 * ---------------------------------------------------------------------------------------- */

/* The directory that holds the file; *name_out points into path. */
static int open_parent(const char *path, bool trust_links, uint32_t owner, const char **name_out)
{
	const char *slash = strrchr(path, '/');
	struct walk walk = { .owner = &owner };
	char parent[VFS_PATH_MAX];

	*name_out = slash == NULL ? path : slash + 1;
	if (slash == NULL ||
	    !text_format(parent, sizeof(parent), "%.*s/", (int)(slash - path), path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return trust_links ? open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC)
	                   : walk_down(&walk, parent);
}

static const char *open_failure(int error)
{
	switch (error) {
	case ENOENT:
		return "there is no such file";
	case ELOOP:
		return "it is, or lies behind, a symbolic link of somebody else than root";
	case EPERM:
		return "a directory above it can be written by others than root and files_user";
	case EACCES:
		return "it may not be read";
	default:
		return "it cannot be opened";
	}
}

static const char *judge_file(const struct stat *status, uint32_t owner, size_t limit)
{
	if (!S_ISREG(status->st_mode))
		return "it is not a regular file";
	if (status->st_uid != 0 && status->st_uid != owner)
		return "it belongs neither to root nor to files_user";
	if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return "others than its owner can write it";
	return (uint64_t)status->st_size > limit ? "it is too large" : NULL;
}

char *guard_root_read(const char *path, bool trust_links, uint32_t owner, size_t limit,
    size_t *length_out, const char **why_out)
{
	const char *name;
	int dir_fd = open_parent(path, trust_links, owner, &name);
	int fd = -1;
	struct stat status;
	char *text = NULL;
	ssize_t length;

	/* O_NONBLOCK: a FIFO in its place must not hold us. */
	if (dir_fd >= 0)
		fd =
		    openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	*why_out = open_failure(errno);
	if (fd < 0 || fstat(fd, &status) != 0)
		goto out;
	*why_out = judge_file(&status, owner, limit);
	if (*why_out != NULL)
		goto out;
	*why_out = "it cannot be read";
	text = malloc((size_t)status.st_size + 1);
	length = text == NULL ? -1 : io_read_full(fd, text, (size_t)status.st_size);
	if (length < 0) {
		free(text);
		text = NULL;
		goto out;
	}
	text[length] = '\0';
	*length_out = (size_t)length;
	*why_out = NULL;
out:
	io_close(&fd);
	io_close(&dir_fd);
	return text;
}
