#include "server/ctl_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/text.h"

#define LOCK_FILE        ".lock"
#define LOCK_WAIT_MS     10000
#define LOCK_RETRY_MS    20
#define TEMPORARY_PREFIX ".replace-" /* io_replace_file's: base/io.c */
#define FILE_PATH_BYTES  (CONF_PATH_BYTES + CONF_USER_FILE_NAME_BYTES)

static bool complain(const char *path, const char *what)
{
	fprintf(stderr, "transomctl: %s: %s\n", path, what);
	return false;
}

bool ctl_dir_open(struct ctl_dir *out, const struct conf *conf, bool make)
{
	*out = (struct ctl_dir){ .conf = conf, .fd = -1, .lock_fd = -1 };
	/* For its owner only: the files in it hold password hashes. */
	if (make && mkdir(conf->users_dir, 0700) != 0 && errno != EEXIST)
		return complain(conf->users_dir, strerror(errno));
	out->fd = open(conf->users_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out->fd < 0)
		return complain(conf->users_dir, strerror(errno));
	return true;
}

void ctl_dir_close(struct ctl_dir *dir)
{
	io_close(&dir->lock_fd);
	io_close(&dir->fd);
}

/* --- the lock ----------------------------------------------------------------------------------
 */

/* Files that io_replace_file had begun when its process was killed: nobody else may write now. */
static void sweep(const struct ctl_dir *dir)
{
	int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (stream == NULL) {
		io_close(&fd);
		return;
	}
	while ((entry = readdir(stream)) != NULL)
		if (strncmp(entry->d_name, TEMPORARY_PREFIX, strlen(TEMPORARY_PREFIX)) == 0)
			unlinkat(dir->fd, entry->d_name, 0);
	closedir(stream);
}

/* The lock file says whose it is, for the one who waits in vain. */
static void sign_lock(int fd)
{
	char text[32];

	text_format(text, sizeof(text), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) == 0)
		io_write_full(fd, text, strlen(text));
}

static void say_holder(const struct ctl_dir *dir)
{
	char pid[32] = "";
	ssize_t got = pread(dir->lock_fd, pid, sizeof(pid) - 1, 0);

	if (got < 0)
		got = 0;
	pid[got] = '\0';
	pid[strspn(pid, "0123456789")] = '\0';
	fprintf(stderr,
	    "transomctl: %s/" LOCK_FILE ": process %s has been editing users for %d seconds; "
	    "try again when it is done\n",
	    dir->conf->users_dir, pid[0] == '\0' ? "(unknown)" : pid, LOCK_WAIT_MS / 1000);
}

bool ctl_dir_lock(struct ctl_dir *dir)
{
	const struct timespec pause = { .tv_nsec = LOCK_RETRY_MS * 1000000L };
	int64_t deadline_ms = clock_mono_ms() + LOCK_WAIT_MS;

	dir->lock_fd =
	    openat(dir->fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	if (dir->lock_fd < 0)
		return complain(dir->conf->users_dir, strerror(errno));
	/* Never a blocking flock: it would wait without bound. */
	while (flock(dir->lock_fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return complain(dir->conf->users_dir, strerror(errno));
		if (clock_mono_ms() >= deadline_ms) {
			say_holder(dir);
			return false;
		}
		nanosleep(&pause, NULL);
	}
	sign_lock(dir->lock_fd);
	sweep(dir);
	return true;
}

/* --- files -------------------------------------------------------------------------------------
 */

static void file_name(const char *name, char out[CONF_USER_FILE_NAME_BYTES])
{
	text_format(out, CONF_USER_FILE_NAME_BYTES, "%s%s", name, CONF_USER_FILE_SUFFIX);
}

void ctl_dir_file(const struct ctl_dir *dir, const char *name, char *out, size_t out_bytes)
{
	text_format(out, out_bytes, "%s/%s%s", dir->conf->users_dir, name, CONF_USER_FILE_SUFFIX);
}

bool ctl_dir_has(const struct ctl_dir *dir, const char *name)
{
	char file[CONF_USER_FILE_NAME_BYTES];
	struct stat st;

	file_name(name, file);
	return fstatat(dir->fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

char *ctl_dir_read(const struct ctl_dir *dir, const char *name, size_t *length_out)
{
	char file[CONF_USER_FILE_NAME_BYTES];
	char path[FILE_PATH_BYTES];
	char *text;

	file_name(name, file);
	text = io_read_file(dir->fd, file, CONF_USER_FILE_MAX_BYTES, length_out);
	if (text == NULL) {
		int error = errno;

		ctl_dir_file(dir, name, path, sizeof(path));
		complain(path, error == ENOENT ? "no such user" : strerror(error));
	}
	return text;
}

/*
 * A file that root wrote into the directory of another account belongs to that account.  It is
 * looked at after it was opened: that account could have put a link to somebody else's file in its
 * place.
 */
static bool give_to_owner(const struct ctl_dir *dir, const char *file)
{
	struct stat dir_st, st;
	bool given = false;
	int fd = -1;

	if (geteuid() != 0)
		return true;
	if (fstat(dir->fd, &dir_st) != 0)
		return false;
	if (dir_st.st_uid == 0 && dir_st.st_gid == 0)
		return true;
	fd = openat(dir->fd, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
		given = fchown(fd, dir_st.st_uid, dir_st.st_gid) == 0;
	io_close(&fd);
	return given;
}

bool ctl_dir_write(struct ctl_dir *dir, const char *name, const char *text, size_t length)
{
	char message[CONF_MESSAGE_BYTES];
	char file[CONF_USER_FILE_NAME_BYTES];
	char path[FILE_PATH_BYTES];
	struct conf_user *user = NULL;

	file_name(name, file);
	ctl_dir_file(dir, name, path, sizeof(path));
	if (length > CONF_USER_FILE_MAX_BYTES)
		return complain(path, "the file would become too large; nothing was changed");
	if (conf_user_parse(&user, dir->conf, name, path, text, length, message) != CONF_OK) {
		fprintf(stderr, "transomctl: %s\ntransomctl: nothing was changed\n", message);
		return false;
	}
	conf_user_free(&user);
	if (!io_replace_file(dir->fd, file, text, length, 0600))
		return complain(path, strerror(errno));
	if (!give_to_owner(dir, file))
		return complain(
		    path, "it was written, but could not be given to the directory's owner");
	return true;
}

bool ctl_dir_remove(struct ctl_dir *dir, const char *name)
{
	char file[CONF_USER_FILE_NAME_BYTES];
	char path[FILE_PATH_BYTES];

	file_name(name, file);
	ctl_dir_file(dir, name, path, sizeof(path));
	if (unlinkat(dir->fd, file, 0) != 0)
		return complain(path, errno == ENOENT ? "no such user" : strerror(errno));
	if (fsync(dir->fd) != 0)
		return complain(path, strerror(errno));
	return true;
}

/* --- the list ----------------------------------------------------------------------------------
 */

/* The user whose file that is, in out; false when it is no user's. */
static bool name_of_file(const char *file, char out[CONF_USER_NAME_MAX + 1])
{
	const size_t suffix = strlen(CONF_USER_FILE_SUFFIX);
	size_t length = strlen(file);

	if (length <= suffix || length - suffix > CONF_USER_NAME_MAX ||
	    strcmp(file + length - suffix, CONF_USER_FILE_SUFFIX) != 0)
		return false;
	memcpy(out, file, length - suffix);
	out[length - suffix] = '\0';
	return conf_user_name_ok(out);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void ctl_dir_free_names(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

static bool add_name(char ***names, size_t *count, size_t *room, const char *name)
{
	if (*count == *room) {
		size_t larger = *room == 0 ? 64 : *room * 2;
		char **array = reallocarray(*names, larger, sizeof(**names));

		if (array == NULL)
			return false;
		*names = array;
		*room = larger;
	}
	(*names)[*count] = strdup(name);
	return (*names)[*count] != NULL && ++*count > 0;
}

bool ctl_dir_names(const struct ctl_dir *dir, char ***names_out, size_t *count_out)
{
	int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	char name[CONF_USER_NAME_MAX + 1];
	struct dirent *entry;
	size_t room = 0;
	bool fine = true;

	*names_out = NULL;
	*count_out = 0;
	if (stream == NULL) {
		complain(dir->conf->users_dir, strerror(errno));
		io_close(&fd);
		return false;
	}
	while (fine && (errno = 0, entry = readdir(stream)) != NULL)
		if (name_of_file(entry->d_name, name))
			fine = add_name(names_out, count_out, &room, name);
	if (!fine || errno != 0) {
		complain(dir->conf->users_dir, strerror(fine ? errno : ENOMEM));
		ctl_dir_free_names(*names_out, *count_out);
		fine = false;
	} else if (*count_out > 0) {
		qsort(*names_out, *count_out, sizeof(**names_out), compare_names);
	}
	closedir(stream);
	return fine;
}
