/*
 * Which of a set of files have changed since they were last read?
 *
 * Master only, and only bookkeeping: it looks (stat(2)) when it is told to, has no timer and reads nothing.  Symbolic
 * links are followed at each look, so a link that is pointed elsewhere is a change like a file that is replaced; that is
 * why it looks instead of asking inotify, which also says nothing on network filesystems.
 */
#ifndef SERVER_MASTER_WATCH_H
#define SERVER_MASTER_WATCH_H

#include <stdbool.h>
#include <stddef.h>

struct master_watch;

enum master_watch_result {
	MASTER_WATCH_SAME,	/* as they were when they were read */
	MASTER_WATCH_MOVING,	/* changed since the last look: somebody is at work, look again soon */
	MASTER_WATCH_CHANGED,	/* changed, and the same at two looks; tells once for each change */
};

/* NULL when memory ran out.  No file yet. */
struct master_watch *master_watch_new(void);
void master_watch_free(struct master_watch **watch);
/* Add a file; "" and one that is there already add nothing, one that is missing may appear later.  Its state
 * counts from now on.  False when memory ran out. */
bool master_watch_add(struct master_watch *watch, const char *path);
size_t master_watch_count(const struct master_watch *watch);
/* The files are about to be read: what they are now is no change any more. */
void master_watch_taken(struct master_watch *watch);
/* Look.  *path_out is the first file that differs, the watch's own; NULL with SAME. */
enum master_watch_result master_watch_look(struct master_watch *watch, const char **path_out);

#endif
