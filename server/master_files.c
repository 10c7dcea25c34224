#include "server/master_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/base/text.h"

#define EMPTY_NAME  "empty"
#define SYSLOG_PATH "/dev/log"
#define DIR_MODE    0755
#define STATE_MODE  0750
#define EMPTY_MODE  0555
#define LOG_MODE    0640

/* --- directories ---------------------------------------------------------------------------- */

/* Open a directory of ours, made if missing: it must belong to us, and nobody else may write to it.
 */
static int open_own_directory(int parent_fd, const char *path, mode_t mode, const char **wrong)
{
	struct stat status;
	int fd;

	if (mkdirat(parent_fd, path, mode) != 0 && errno != EEXIST) {
		*wrong = strerror(errno);
		return -1;
	}
	fd = openat(parent_fd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &status) != 0) {
		*wrong = strerror(errno);
		io_close(&fd);
		return -1;
	}
	*wrong = NULL;
	if (status.st_uid != geteuid())
		*wrong = "it belongs to somebody else";
	else if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		*wrong = "others may write to it";
	if (*wrong != NULL)
		io_close(&fd);
	return fd;
}

/* Takes the descriptor's directory stream; the descriptor stays open. */
static bool is_empty_directory(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;
	bool empty = true;

	if (directory == NULL) {
		io_close(&copy);
		return false;
	}
	while ((entry = readdir(directory)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			empty = false;
	closedir(directory);
	return empty;
}

int master_files_open_runtime(const struct conf *conf, char message[CONF_MESSAGE_BYTES])
{
	const char *wrong = NULL;
	int fd = open_own_directory(AT_FDCWD, conf->runtime_dir, DIR_MODE, &wrong);

	if (fd < 0)
		text_format(message, CONF_MESSAGE_BYTES, "%s: runtime_dir \"%s\": %s", conf->file,
		    conf->runtime_dir, wrong);
	return fd;
}

bool master_files_prepare(
    const struct conf *conf, int *empty_dir_fd, char message[CONF_MESSAGE_BYTES])
{
	const char *wrong = NULL;
	int runtime_fd = -1;
	int state_fd = -1;
	bool ok = false;

	*empty_dir_fd = -1;
	runtime_fd = master_files_open_runtime(conf, message);
	if (runtime_fd < 0)
		goto out;
	state_fd = open_own_directory(AT_FDCWD, conf->state_dir, STATE_MODE, &wrong);
	if (state_fd < 0) {
		text_format(message, CONF_MESSAGE_BYTES, "%s: state_dir \"%s\": %s", conf->file,
		    conf->state_dir, wrong);
		goto out;
	}
	*empty_dir_fd = open_own_directory(runtime_fd, EMPTY_NAME, EMPTY_MODE, &wrong);
	if (*empty_dir_fd >= 0 && !is_empty_directory(*empty_dir_fd))
		wrong = "it must be empty";
	if (wrong != NULL) {
		text_format(message, CONF_MESSAGE_BYTES, "%s: \"%s/%s\": %s", conf->file,
		    conf->runtime_dir, EMPTY_NAME, wrong);
		io_close(empty_dir_fd);
		goto out;
	}
	ok = true;
out:
	io_close(&runtime_fd);
	io_close(&state_fd);
	return ok;
}

/* --- log ------------------------------------------------------------------------------------ */

static int open_syslog(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = SYSLOG_PATH };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		io_close(&fd);
	return fd;
}

/*
 * Standard error for the clerk.  A pipe or terminal is opened anew, so that it can be non-blocking
 * without changing what we share with whoever started us; a file must keep its shared position.
 */
static int open_stderr(enum clerk_log_kind *kind)
{
	struct stat status;
	int fd = -1;

	if (fstat(STDERR_FILENO, &status) != 0)
		return -1;
	if (S_ISSOCK(status.st_mode))
		*kind = CLERK_LOG_STREAM_SOCKET;
	if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode))
		fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd >= 0 ? fd : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

/* A relative path is relative to the configuration file, like every other. */
static int open_log_file(const struct conf *conf, const char *path)
{
	char whole[4096];
	const char *slash = strrchr(conf->file, '/');

	if (path[0] != '/' && slash != NULL) {
		if (!text_format(whole, sizeof(whole), "%.*s/%s", (int)(slash - conf->file),
		        conf->file, path)) {
			errno = ENAMETOOLONG;
			return -1;
		}
		path = whole;
	}
	/* NONBLOCK: a FIFO without a reader must not hang the start. */
	return open(path,
	    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC,
	    LOG_MODE);
}

bool master_files_open_log(
    const struct conf *conf, int *fd, enum clerk_log_kind *kind, char message[CONF_MESSAGE_BYTES])
{
	const char *target = conf->log.target;

	*kind = CLERK_LOG_PLAIN;
	if (strcmp(target, "stderr") == 0) {
		*fd = open_stderr(kind);
	} else if (strcmp(target, "syslog") == 0) {
		*kind = CLERK_LOG_SYSLOG;
		*fd = open_syslog();
	} else {
		*fd = open_log_file(conf, target);
	}
	if (*fd >= 0)
		return true;
	text_format(message, CONF_MESSAGE_BYTES, "%s: log target \"%s\": %s", conf->file, target,
	    strerror(errno));
	return false;
}

/* --- snapshot ------------------------------------------------------------------------------- */

int master_files_snapshot(const char *file, const char *text)
{
	int fd = memfd_create("transom.conf", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (io_write_full(fd, file, strlen(file) + 1) && io_write_full(fd, text, strlen(text)) &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0)
		return fd;
	io_close(&fd);
	return -1;
}
