/*
 * Opening a user's directories with root's rights.
 *
 * A path of the configuration may lead through directories that users write to ("%u/outgoing").
 * Opened as root in one go, a symbolic link planted there would make any directory of the system
 * the user's root, so every link on the way must belong to root.  What has been opened cannot be
 * exchanged any more: the guard goes on with the descriptor, never with the path.
 */
#include <errno.h>
#include <fcntl.h>
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
	bool done;
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

int guard_root_open(const char *path, bool trust_links)
{
	struct walk walk = { .links = 0 };
	char name[VFS_PATH_MAX];

	if (trust_links)
		return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!text_copy(walk.rest, sizeof(walk.rest), path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	walk.dir_fd = open(path[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	while (walk.dir_fd >= 0 && next_component(&walk, name)) {
		if (!step(&walk, name))
			io_close(&walk.dir_fd);
	}
	return walk.dir_fd;
}
