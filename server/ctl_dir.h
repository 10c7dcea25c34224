/*
 * The users' directory as transomctl edits it: one writer at a time, old file or new file, nothing
 * else.
 *
 * transomctl only; it says itself, on standard error, what went wrong.  Readers (guards) take no
 * lock: a file is replaced in one step.
 */
#ifndef SERVER_CTL_DIR_H
#define SERVER_CTL_DIR_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"
#include "conf/conf_users.h"

struct ctl_dir {
	const struct conf *conf; /* borrowed */
	int fd;
	int lock_fd; /* -1 = not locked */
};

/* Open conf->users_dir; with make, make it (mode 0700) if it is missing.  False when it cannot be.
 */
bool ctl_dir_open(struct ctl_dir *out, const struct conf *conf, bool make);
/*
 * Wait some seconds to be the only writer; false when another one keeps the lock.  The lock lasts
 * until ctl_dir_close.  Removes what a killed writer left behind.
 */
bool ctl_dir_lock(struct ctl_dir *dir);
void ctl_dir_close(struct ctl_dir *dir);

/* "users.d/NAME.conf", as messages call it. */
void ctl_dir_file(const struct ctl_dir *dir, const char *name, char *out, size_t out_bytes);
bool ctl_dir_has(const struct ctl_dir *dir, const char *name);
/* The text of a user's file, on the heap; NULL, and said, when there is none. */
char *ctl_dir_read(const struct ctl_dir *dir, const char *name, size_t *length_out);
/*
 * Put text in the place of a user's file, if it is a valid one: otherwise the old file stays, what
 * is wrong is said, and the answer is false.  The file is for its owner only.  The lock must be
 * held.
 */
bool ctl_dir_write(struct ctl_dir *dir, const char *name, const char *text, size_t length);
/* Remove a user's file for good; false, and said, when it cannot be.  The lock must be held. */
bool ctl_dir_remove(struct ctl_dir *dir, const char *name);
/* Names of all users, sorted, on the heap like the array; false when the directory cannot be read.
 */
bool ctl_dir_names(const struct ctl_dir *dir, char ***names_out, size_t *count_out);
void ctl_dir_free_names(char **names, size_t count);

#endif
