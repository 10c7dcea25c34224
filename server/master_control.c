/*
 * The master's part in the control socket: it makes it, gives it to each clerk, and removes it.  It never accepts.
 *
 * One server at a time has a runtime_dir: who holds the lock on the file beside the socket.  The kernel lets go of it
 * when a server dies, so a socket that is found while holding it is a dead one's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/text.h"
#include "server/control_messages.h"
#include "server/master_files.h"
#include "server/master_private.h"

#define LOCK_NAME  CONTROL_SOCKET_NAME ".lock"
#define LOCK_MODE  0600
#define SOCKET_UMASK 0177 /* for its owner and root */
#define BACKLOG    32
#define PID_BYTES  24
#define LOCK_TRIES 20 /* a server that ends has it for a moment */
#define LOCK_PAUSE { .tv_nsec = 10 * 1000 * 1000 }
#define OTHER_PLACE "; runtime_dir must be on a file system with sockets and locks, such as that of /run"

struct master_control {
	int dir_fd;
	int lock_fd;
	int listen_fd;
	int64_t since; /* wall clock */
	struct stat made; /* the socket's file, so that another's is never removed */
};

/* --- the lock ----------------------------------------------------------------------------------- */

/* The lock file says whose it is, for the one who finds it held. */
static void sign_lock(int fd)
{
	char text[PID_BYTES];

	text_format(text, sizeof(text), "%ld\n", (long)getpid());
	/* Only a help: without it the holder is unknown. */
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, strlen(text), 0) < 0)
		return;
}

static void holder_of_lock(int fd, char out[PID_BYTES])
{
	ssize_t got = pread(fd, out, PID_BYTES - 1, 0);

	out[got > 0 ? got : 0] = '\0';
	out[strspn(out, "0123456789")] = '\0';
	if (out[0] == '\0')
		text_copy(out, PID_BYTES, "unknown");
}

static bool lock(int fd)
{
	const struct timespec pause = LOCK_PAUSE;

	for (unsigned try = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; try++) {
		if (errno != EWOULDBLOCK || try == LOCK_TRIES)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static bool take_lock(struct master_control *control, const struct conf *conf,
    char message[CONF_MESSAGE_BYTES])
{
	char holder[PID_BYTES];

	control->lock_fd = openat(control->dir_fd, LOCK_NAME,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, LOCK_MODE);
	if (control->lock_fd >= 0 && lock(control->lock_fd)) {
		sign_lock(control->lock_fd);
		return true;
	}
	if (control->lock_fd < 0 || errno != EWOULDBLOCK) {
		text_format(message, CONF_MESSAGE_BYTES, "%s: \"%s/%s\": %s" OTHER_PLACE, conf->file,
		    conf->runtime_dir, LOCK_NAME, strerror(errno));
		return false;
	}
	holder_of_lock(control->lock_fd, holder);
	text_format(message, CONF_MESSAGE_BYTES,
	    "%s: \"%s/%s\": a server runs with this runtime_dir already (process %s): stop it, or give this one "
	    "a runtime_dir of its own",
	    conf->file, conf->runtime_dir, CONTROL_SOCKET_NAME, holder);
	return false;
}

/* --- the socket --------------------------------------------------------------------------------- */

/* What a server left that died; *wrong says why it cannot go. */
static bool remove_stale(const struct master_control *control, const char **wrong)
{
	struct stat status;

	if (fstatat(control->dir_fd, CONTROL_SOCKET_NAME, &status, AT_SYMLINK_NOFOLLOW) != 0) {
		*wrong = strerror(errno);
		return errno == ENOENT;
	}
	if (!S_ISSOCK(status.st_mode)) {
		*wrong = "it is no socket; remove it";
		return false;
	}
	*wrong = strerror(EACCES);
	return unlinkat(control->dir_fd, CONTROL_SOCKET_NAME, 0) == 0;
}

static bool bind_socket(struct master_control *control, const char *runtime_dir)
{
	struct sockaddr_un address;
	mode_t before;
	bool ok;

	control_address(&address, runtime_dir, control->dir_fd);
	control->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->listen_fd < 0)
		return false;
	before = umask(SOCKET_UMASK); /* never open to others, not for a moment */
	ok = bind(control->listen_fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
	umask(before);
	return ok && listen(control->listen_fd, BACKLOG) == 0 &&
	       fstatat(control->dir_fd, CONTROL_SOCKET_NAME, &control->made, AT_SYMLINK_NOFOLLOW) == 0;
}

bool master_control_open(struct master *master, char message[CONF_MESSAGE_BYTES])
{
	const struct conf *conf = master->now.conf;
	struct master_control *control = calloc(1, sizeof(*control));
	const char *wrong = NULL;

	master->control = control;
	if (control == NULL) {
		text_format(message, CONF_MESSAGE_BYTES, "%s: out of memory", conf->file);
		return false;
	}
	control->lock_fd = control->listen_fd = -1;
	control->since = clock_wall().tv_sec;
	control->dir_fd = master_files_open_runtime(conf, message);
	if (control->dir_fd < 0 || !take_lock(control, conf, message))
		return false;
	if (!remove_stale(control, &wrong)) {
		text_format(message, CONF_MESSAGE_BYTES, "%s: \"%s/%s\": %s", conf->file,
		    conf->runtime_dir, CONTROL_SOCKET_NAME, wrong);
		return false;
	}
	if (!bind_socket(control, conf->runtime_dir)) {
		text_format(message, CONF_MESSAGE_BYTES,
		    "%s: \"%s/%s\": the control socket cannot be made: %s" OTHER_PLACE, conf->file,
		    conf->runtime_dir, CONTROL_SOCKET_NAME, strerror(errno));
		return false;
	}
	return true;
}

void master_control_tell(struct master *master)
{
	struct clerk_msg_control message = {
		.uid = geteuid(),
		.pid = (uint32_t)getpid(),
		.since = master->control->since,
	};

	master_tell_control(master, &message, master->control->listen_fd);
}

void master_control_yield(struct master *master)
{
	/* Not by the close alone: a child that was just forked has it open, too. */
	if (master->control->lock_fd >= 0)
		flock(master->control->lock_fd, LOCK_UN);
	io_close(&master->control->lock_fd);
}

void master_control_close(struct master *master)
{
	struct master_control *control = master->control;
	char message[CONF_MESSAGE_BYTES];
	struct stat status;

	if (control == NULL)
		return;
	/* With the lock nobody makes a new one between the look and the removal. */
	if (control->listen_fd >= 0 &&
	    (control->lock_fd >= 0 || take_lock(control, master->now.conf, message)) &&
	    fstatat(control->dir_fd, CONTROL_SOCKET_NAME, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	    status.st_ino == control->made.st_ino && status.st_dev == control->made.st_dev)
		unlinkat(control->dir_fd, CONTROL_SOCKET_NAME, 0);
	io_close(&control->listen_fd);
	io_close(&control->lock_fd);
	io_close(&control->dir_fd);
	free(control);
	master->control = NULL;
}
