#include "server/master_watch.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What tells one content from another.  Not the time of the last change of the inode: a backup by hard links
 * changes it every night. */
struct state {
	int error; /* of stat(2); the rest is 0 then */
	dev_t device;
	ino_t inode;
	off_t size;
	mode_t mode; /* these three: a file that could not be read and now can */
	uid_t uid;
	gid_t gid;
	int64_t seconds, nanoseconds;
};

struct watched {
	struct watched *next;
	struct state taken; /* when it was read */
	struct state seen;  /* at the last look */
	char path[];
};

struct master_watch {
	struct watched *files;
};

static struct state state_of(const char *path)
{
	struct stat status;

	if (stat(path, &status) != 0)
		return (struct state){ .error = errno };
	return (struct state){
		.device = status.st_dev,
		.inode = status.st_ino,
		.size = status.st_size,
		.mode = status.st_mode,
		.uid = status.st_uid,
		.gid = status.st_gid,
		.seconds = status.st_mtim.tv_sec,
		.nanoseconds = status.st_mtim.tv_nsec,
	};
}

static bool is_same(const struct state *a, const struct state *b)
{
	return a->error == b->error && a->device == b->device && a->inode == b->inode &&
	       a->size == b->size && a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
	       a->seconds == b->seconds && a->nanoseconds == b->nanoseconds;
}

struct master_watch *master_watch_new(void)
{
	return calloc(1, sizeof(struct master_watch));
}

void master_watch_free(struct master_watch **watch)
{
	if (*watch == NULL)
		return;
	while ((*watch)->files != NULL) {
		struct watched *file = (*watch)->files;

		(*watch)->files = file->next;
		free(file);
	}
	free(*watch);
	*watch = NULL;
}

bool master_watch_add(struct master_watch *watch, const char *path)
{
	struct watched **link = &watch->files;
	size_t length = strlen(path);
	struct watched *file;

	if (length == 0)
		return true;
	for (; *link != NULL; link = &(*link)->next)
		if (strcmp((*link)->path, path) == 0)
			return true;
	file = calloc(1, sizeof(*file) + length + 1);
	if (file == NULL)
		return false;
	memcpy(file->path, path, length);
	file->taken = file->seen = state_of(path);
	*link = file;
	return true;
}

size_t master_watch_count(const struct master_watch *watch)
{
	size_t count = 0;

	for (const struct watched *file = watch->files; file != NULL; file = file->next)
		count++;
	return count;
}

void master_watch_taken(struct master_watch *watch)
{
	for (struct watched *file = watch->files; file != NULL; file = file->next)
		file->taken = file->seen = state_of(file->path);
}

enum master_watch_result master_watch_look(struct master_watch *watch, const char **path_out)
{
	bool moving = false;

	*path_out = NULL;
	for (struct watched *file = watch->files; file != NULL; file = file->next) {
		struct state now = state_of(file->path);

		moving = moving || !is_same(&now, &file->seen);
		file->seen = now;
		if (*path_out == NULL && !is_same(&now, &file->taken))
			*path_out = file->path;
	}
	if (*path_out == NULL)
		return MASTER_WATCH_SAME;
	if (moving)
		return MASTER_WATCH_MOVING;
	for (struct watched *file = watch->files; file != NULL; file = file->next)
		file->taken = file->seen;
	return MASTER_WATCH_CHANGED;
}
