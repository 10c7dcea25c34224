/*
 * The guard: the strong half of a session.
 *
 * Forked by a nursery beside its front.  It waits for a client, checks the credentials that the
 * front brings, becomes the user for good, and serves the front's requests about files and data
 * connections. It believes the front nothing.  This file: its birth, what wakes it, its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/os_linux.h"
#include "server/base/pages.h"
#include "server/base/proctitle.h"
#include "server/become_user.h"
#include "server/guard_private.h"
#include "server/sandbox.h"

#define PRIVILEGED_PORTS 1024 /* those below it */

void guard_end(struct guard *guard, int status, const char *reason)
{
	if (guard->ending)
		return;
	guard->ending = true;
	guard->end_reason = reason;
	loop_stop(guard->loop, status);
}

/* For the logout line. */
static const char *stop_text(enum guard_stop reason)
{
	switch (reason) {
	case GUARD_STOP_LOGIN_TIMEOUT:
		return "login timeout";
	case GUARD_STOP_SESSION_TIMEOUT:
		return "session timeout";
	default:
		return "ended by the server";
	}
}

void guard_stop(struct guard *guard, enum guard_stop reason, bool now)
{
	const struct guard_note_stop note = { .reason = (uint32_t)reason, .now = now };

	if (guard->state == GUARD_STATE_IDLE) {
		guard_end(guard, SESSION_EXIT_OK, NULL);
		return;
	}
	guard->stop_reason = stop_text(reason);
	if (!guard_notify_stop(guard, &note)) {
		guard_end(guard, SESSION_EXIT_OK, guard->stop_reason);
		return;
	}
	if (now) {
		guard->outlived = false;
		guard->was_busy = false;
		loop_timer_set(guard->goodbye, clock_mono_ms() + GUARD_GOODBYE_MS);
	}
}

bool guard_listen_to_front(struct guard *guard, bool on)
{
	/* Without EPOLLIN the kernel still reports EPOLLHUP, when the front is gone. */
	return loop_watch(guard->loop, guard->wall_fd, on ? EPOLLIN : 0, guard_dispatch, guard);
}

/* --- what wakes it besides the front and clients ------------------------------------------ */

static void on_clerk_stop(void *context, enum guard_stop reason, bool now)
{
	guard_stop(context, reason, now);
}

static void on_signal(struct loop *loop, const struct signalfd_siginfo *info, void *context)
{
	(void)loop;
	if (info->ssi_signo == GUARD_WATCHDOG_SIGNAL)
		guard_watchdog_step(context);
	else
		guard_stop(context, GUARD_STOP_SHUTDOWN, true);
}

/* The nursery lets an idle guard go by closing the leash; it never writes. */
static void on_leash(struct loop *loop, int fd, uint32_t events, void *context)
{
	struct guard *guard = context;

	(void)events;
	loop_unwatch(loop, fd);
	guard_end(guard, SESSION_EXIT_OK, NULL);
}

static void on_login_deadline(struct loop *loop, void *context)
{
	struct guard *guard = context;

	(void)loop;
	if (guard->state == GUARD_STATE_LOGIN)
		guard_stop(guard, GUARD_STOP_LOGIN_TIMEOUT, true);
}

/* A transfer that runs is finished, if the client takes part: stall_timeout sees to that. */
static void on_session_deadline(struct loop *loop, void *context)
{
	struct guard *guard = context;

	(void)loop;
	guard->outlived = true;
	guard_stop(guard, GUARD_STOP_SESSION_TIMEOUT, false);
	loop_timer_set(guard->goodbye, clock_mono_ms() + GUARD_GOODBYE_MS);
}

static void on_goodbye(struct loop *loop, void *context)
{
	struct guard *guard = context;
	const bool busy = guard->outlived && guard_transfers_are_open(guard);

	(void)loop;
	/* The front has its moment after the end of the last transfer, too. */
	if (busy || guard->was_busy) {
		guard->was_busy = busy;
		loop_timer_set(guard->goodbye, clock_mono_ms() + GUARD_GOODBYE_MS);
		return;
	}
	guard_end(guard, SESSION_EXIT_OK, guard->stop_reason);
}

/* --- birth -------------------------------------------------------------------------------- */

/* Standard descriptors to nowhere, everything that is not ours closed. */
static bool keep_only_own_descriptors(struct guard *guard)
{
	const struct session_start *start = guard->start;
	int *keep = calloc(guard->listener_count + 6, sizeof(*keep));
	size_t count = 0;
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	bool ok = false;

	if (keep == NULL || null_fd < 0)
		goto out;
	sandbox_drop_stdio(null_fd);
	keep[count++] = start->wall_fd;
	keep[count++] = start->door_fd;
	if (start->leash_fd >= 0)
		keep[count++] = start->leash_fd;
	if (start->users_dir_fd >= 0)
		keep[count++] = start->users_dir_fd;
	if (start->keeper_door_fd >= 0)
		keep[count++] = start->keeper_door_fd;
	for (size_t i = 0; i < guard->listener_count; i++)
		keep[count++] = guard->listener_fds[i];
	ok = os_close_all_but(3, keep, count);
	null_fd = -1; /* closed with the rest, or one of 0 to 2 */
out:
	if (null_fd > 2)
		io_close(&null_fd);
	free(keep);
	return ok;
}

uint64_t guard_capabilities(const struct conf *conf)
{
	const uint32_t port = conf->ftp.active_source_port;

	return conf->ftp.active && port > 0 && port < PRIVILEGED_PORTS
	           ? UINT64_C(1) << CAP_NET_BIND_SERVICE
	           : 0;
}

static void limit_self(const struct guard *guard)
{
	const struct rlimit none = { 0, 0 };
	sigset_t empty;

	/* A write to a vanished peer and a file beyond the limit are errors to report, not deaths;
	 * the terminal's signals are the master's affair. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigemptyset(&empty);
	sigprocmask(SIG_SETMASK, &empty, NULL);

	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		_exit(SESSION_EXIT_FAILED);
	if (guard->start->as_root)
		become_user_limit_root("guard", guard_capabilities(guard->conf));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		_exit(SESSION_EXIT_FAILED);
	sandbox_enter(SANDBOX_GUARD_LOGIN);
}

static bool allocate(struct guard *guard)
{
	const struct session_start *start = guard->start;

	guard->conf = start->conf;
	guard->wall_fd = start->wall_fd;
	guard->door_fd = start->door_fd;
	guard->leash_fd = start->leash_fd;
	guard->users_dir_fd = start->users_dir_fd;
	guard->listener_count = start->conf->listener_count;
	guard->state = GUARD_STATE_IDLE;
	guard->listener_fds = calloc(guard->listener_count + 1, sizeof(*guard->listener_fds));
	guard->calls = calloc(guard_message_row_count, sizeof(*guard->calls));
	guard->in = pages_new(WIRE_MAX_BYTES);
	guard->out = pages_new(WIRE_MAX_BYTES);
	guard->batch = pages_new(VFS_BATCH_MAX_BYTES);
	if (guard->listener_fds == NULL || guard->calls == NULL || guard->in == NULL ||
	    guard->out == NULL || guard->batch == NULL)
		return false;
	for (size_t i = 0; i < guard->listener_count; i++)
		guard->listener_fds[i] = start->listener_fds[i];
	return true;
}

static bool make_loop(struct guard *guard)
{
	sigset_t signals;

	guard->loop = loop_new();
	if (guard->loop == NULL)
		return false;
	guard->accept_pause = loop_timer_new(guard->loop, guard_accept_resume, guard);
	guard->login_deadline = loop_timer_new(guard->loop, on_login_deadline, guard);
	guard->session_deadline = loop_timer_new(guard->loop, on_session_deadline, guard);
	guard->goodbye = loop_timer_new(guard->loop, on_goodbye, guard);
	guard->login.delay = loop_timer_new(guard->loop, guard_login_answer, guard);
	if (guard->accept_pause == NULL || guard->login_deadline == NULL ||
	    guard->session_deadline == NULL || guard->goodbye == NULL ||
	    guard->login.delay == NULL || !guard_data_init(guard) || !guard_watchdog_init(guard))
		return false;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, GUARD_WATCHDOG_SIGNAL);
	return loop_signals(guard->loop, &signals, on_signal, guard) &&
	       guard_listen_to_front(guard, true) &&
	       (guard->leash_fd < 0 ||
	           loop_watch(guard->loop, guard->leash_fd, EPOLLIN, on_leash, guard));
}

static bool set_up(struct guard *guard)
{
	const struct timeval send_timeout = { .tv_sec = GUARD_SEND_TIMEOUT_MS / 1000 };

	if (!allocate(guard) || !keep_only_own_descriptors(guard))
		return false;
	/* The wall stays blocking: a front that takes no replies costs this long. */
	if (!io_set_nonblocking(guard->wall_fd, false) ||
	    setsockopt(
	        guard->wall_fd, SOL_SOCKET, SO_SNDTIMEO, &send_timeout, sizeof(send_timeout)) != 0)
		return false;
	limit_self(guard);
	guard->clerk = clerk_client_new("guard", guard->door_fd);
	return guard->clerk != NULL && make_loop(guard) &&
	       clerk_client_attach_loop(guard->clerk, guard->loop, on_clerk_stop, guard) &&
	       (guard->start->inherits ? guard_accept_inherit(guard) : guard_accept_begin(guard));
}

/* --- the end ------------------------------------------------------------------------------ */

static _Noreturn void finish(struct guard *guard, int status)
{
	if (guard->state == GUARD_STATE_USER)
		guard_transfers_abort(guard);
	guard_data_end(guard);
	if (guard->state != GUARD_STATE_IDLE)
		guard_log_logout(guard, status);
	vfs_free(&guard->vfs);
	clerk_client_flush(guard->clerk, GUARD_FLUSH_MS);
	/* _exit: what the nursery registered with atexit or left in stdio's buffers is not ours.
	 * The kernel frees the rest, and closing the clerk's connection is what gives the session's
	 * counts back. */
	_exit(status);
}

_Noreturn void guard_run(const struct session_start *start)
{
	struct guard *guard = pages_new(sizeof(*guard));

	proctitle_set("transomd: guard idle");
	if (guard == NULL)
		_exit(SESSION_EXIT_FAILED);
	guard->start = start;
	if (!set_up(guard))
		_exit(SESSION_EXIT_FAILED);
	finish(guard, loop_run(guard->loop));
}
