#include "server/nursery.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "server/base/io.h"
#include "server/base/loop.h"
#include "server/base/proctitle.h"
#include "server/become_user.h"
#include "server/clerk_client.h"
#include "server/ftp/ftp_digest.h"
#include "server/nursery_messages.h"
#include "server/pool.h"
#include "server/sandbox.h"

#define FLUSH_MS 2000

struct nursery {
	struct loop *loop;
	struct conf *conf;
	struct clerk_client *clerk;
	struct pool *pool;
	struct session_start start;
	int *listener_fds; /* heap */
	bool ready, retired;
};

/* --- what the pool tells ------------------------------------------------------------------------
 */

static void report(const struct nursery_report *message)
{
	/* The master may be gone; then nobody needs to know. */
	wire_send(ROLE_FD_MASTER, message, sizeof(*message), -1);
}

static void on_ready(void *context)
{
	struct nursery *nursery = context;

	nursery->ready = true;
	report(&(struct nursery_report){ .kind = NURSERY_READY });
}

static void on_crashed(void *context, enum role_id role, pid_t pid, int wait_status)
{
	(void)context;
	report(&(struct nursery_report){
	    .kind = NURSERY_CRASH, .role = role, .pid = pid, .wait_status = wait_status });
}

static void on_failed(void *context, int error)
{
	struct nursery *nursery = context;
	struct event event;

	event_init(&event, EVENT_FORK_FAILED);
	event_number(&event, EVENT_FIELD_GENERATION, nursery->start.generation);
	event_text(&event, EVENT_FIELD_REASON,
	    error != 0 ? strerror(error) : "session processes end before a client comes");
	event_text(&event, EVENT_FIELD_CURE,
	    error != 0
	        ? "allow the service more processes or memory (TasksMax, pids.max, ulimit -u)"
	        : "the crash lines before this one name the process and its status");
	clerk_client_log(nursery->clerk, &event);
	/* The first pairs fail: this generation will never serve, and the master must not wait for
	 * it. */
	if (!nursery->ready && error == 0)
		loop_stop(nursery->loop, SESSION_EXIT_FAILED);
}

static void on_quiet(void *context)
{
	(void)context;
	report(&(struct nursery_report){ .kind = NURSERY_QUIET });
}

static void on_empty(void *context)
{
	struct nursery *nursery = context;

	loop_stop(nursery->loop, SESSION_EXIT_OK);
}

/* --- what wakes it ------------------------------------------------------------------------------
 */

static void retire(struct nursery *nursery)
{
	if (nursery->retired)
		return;
	nursery->retired = true;
	/* A listener that was removed must not stay open as long as our last session lives. */
	for (size_t i = 0; i < nursery->conf->listener_count; i++)
		io_close(&nursery->listener_fds[i]);
	proctitle_set("transomd: nursery %u retired", nursery->start.generation);
	pool_retire(nursery->pool);
}

static void on_master(struct loop *loop, int fd, uint32_t events, void *context)
{
	struct nursery_report message;
	int passed_fd = -1;
	ssize_t got = wire_receive(fd, &message, sizeof(message), &passed_fd);

	(void)events;
	io_close(&passed_fd);
	if (got == (ssize_t)sizeof(message) && message.kind != NURSERY_RETIRE)
		return;
	/* Told to, or the master is gone: our sessions live on, and nobody is to join them. */
	loop_unwatch(loop, fd);
	retire(context);
}

static void on_signal(struct loop *loop, const struct signalfd_siginfo *info, void *context)
{
	struct nursery *nursery = context;
	int status;
	pid_t pid;

	(void)loop;
	(void)info;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		pool_reaped(nursery->pool, pid, status);
}

/* --- birth --------------------------------------------------------------------------------------
 */

/* The master's snapshot: file name, NUL, text. */
static bool read_snapshot(struct nursery *nursery)
{
	char message[CONF_MESSAGE_BYTES];
	struct stat status;
	char *bytes = NULL;
	size_t size;
	bool ok = false;

	if (fstat(ROLE_FD_SNAPSHOT, &status) != 0 || status.st_size <= 0)
		return false;
	size = (size_t)status.st_size;
	bytes = calloc(1, size + 1);
	if (bytes == NULL || pread(ROLE_FD_SNAPSHOT, bytes, size, 0) != (ssize_t)size ||
	    memchr(bytes, '\0', size) == NULL)
		goto out;
	ok = conf_parse(&nursery->conf, bytes, bytes + strlen(bytes) + 1, message) == CONF_OK;
	if (!ok)
		dprintf(STDERR_FILENO, "transomd: nursery: %s\n", message);
	close(ROLE_FD_SNAPSHOT);
out:
	free(bytes);
	return ok;
}

/*
 * Load now what libc and OpenSSL would load at the first use: a session inherits it instead of making its
 * own 200 KiB of it, and a chroot would lack the files.
 */
static void warm_up(void)
{
	gid_t groups[1];
	int count = 1;

	getpwnam("root");
	getgrouplist("root", 0, groups, &count);
	ftp_digest_warm_up();
}

static bool prepare_start(struct nursery *nursery)
{
	struct session_start *start = &nursery->start;
	const struct conf *conf = nursery->conf;

	nursery->listener_fds = calloc(conf->listener_count + 1, sizeof(*nursery->listener_fds));
	if (nursery->listener_fds == NULL)
		return false;
	for (size_t i = 0; i < conf->listener_count; i++) {
		nursery->listener_fds[i] = ROLE_FD_LISTENERS + (int)i;
		fcntl(nursery->listener_fds[i], F_SETFD, FD_CLOEXEC);
	}
	for (int fd = ROLE_FD_DOOR; fd < ROLE_FD_SNAPSHOT; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	*start = (struct session_start){
		.conf = conf,
		.as_root = geteuid() == 0,
		.generation = roles_generation_from_environment(),
		.wall_fd = -1,
		.door_fd = ROLE_FD_DOOR,
		.leash_fd = -1,
		.users_dir_fd = open(conf->users_dir, O_PATH | O_DIRECTORY | O_CLOEXEC),
		.empty_dir_fd = -1,
		.listener_fds = nursery->listener_fds,
		.parent_title = role_table[ROLE_NURSERY].name,
	};
	if (!start->as_root)
		return true;
	start->empty_dir_fd = ROLE_FD_EMPTY_DIR;
	return conf_account_resolve(conf->front_user, "", &start->front_uid, &start->front_gid);
}

static bool set_up(struct nursery *nursery)
{
	struct pool_owner owner = {
		.context = nursery,
		.ready = on_ready,
		.crashed = on_crashed,
		.failed = on_failed,
		.quiet = on_quiet,
		.empty = on_empty,
	};
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	if (!read_snapshot(nursery) || !prepare_start(nursery) || !sandbox_prepare())
		return false;
	proctitle_set("transomd: nursery %u", nursery->start.generation);
	warm_up();
	if (nursery->start.as_root)
		/* KILL: of a hung half, whose uid is another. */
		become_user_limit_root("nursery",
		    UINT64_C(1) << CAP_KILL | guard_capabilities(nursery->conf));
	nursery->loop = loop_new();
	nursery->clerk = clerk_client_new("nursery", ROLE_FD_DOOR);
	if (nursery->loop == NULL || nursery->clerk == NULL ||
	    !clerk_client_attach_loop(nursery->clerk, nursery->loop, NULL, NULL) ||
	    !loop_signals(nursery->loop, &signals, on_signal, nursery) ||
	    !loop_watch(nursery->loop, ROLE_FD_MASTER, EPOLLIN, on_master, nursery))
		return false;
	nursery->pool = pool_new(nursery->loop, &nursery->start, &owner);
	return nursery->pool != NULL;
}

int nursery_run(void)
{
	struct nursery nursery = { .start = { .users_dir_fd = -1 } };
	int status = SESSION_EXIT_FAILED;

	if (!set_up(&nursery)) {
		dprintf(STDERR_FILENO, "transomd: nursery: cannot start: %s\n", strerror(errno));
		goto out;
	}
	pool_fill(nursery.pool);
	status = loop_run(nursery.loop);
	clerk_client_flush(nursery.clerk, FLUSH_MS);
out:
	pool_free(&nursery.pool);
	clerk_client_free(&nursery.clerk);
	loop_free(&nursery.loop);
	io_close(&nursery.start.users_dir_fd);
	free(nursery.listener_fds);
	conf_free(&nursery.conf);
	return status;
}
