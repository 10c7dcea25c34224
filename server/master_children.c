/* The master's children: the clerk and the nurseries. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/master_files.h"
#include "server/master_private.h"
#include "server/nursery_messages.h"
#include "server/pool.h"

#define CLERK_MESSAGE_BYTES   256  /* of those that it sends */
#define TELL_BYTES            8192 /* the longest for it: a path and the names of a certificate */
#define FILES_BESIDE_SESSIONS 256

void master_log_crash(struct master *master, const char *role, pid_t pid, int status,
    uint32_t generation, const char *then)
{
	struct event event;

	event_init(&event, EVENT_CRASH);
	event_text(&event, EVENT_FIELD_ROLE, role);
	event_number(&event, EVENT_FIELD_PID, (uint64_t)pid);
	if (WIFSIGNALED(status)) {
		const char *name = sigabbrev_np(WTERMSIG(status));

		event_text(&event, EVENT_FIELD_SIGNAL, name != NULL ? name : "unknown");
	} else {
		event_number(&event, EVENT_FIELD_STATUS, (uint64_t)WEXITSTATUS(status));
	}
	if (generation != 0)
		event_number(&event, EVENT_FIELD_GENERATION, generation);
	event_text(&event, EVENT_FIELD_REASON, then);
	clerk_client_log(master->log, &event);
}

static bool is_stopping(const struct master *master)
{
	return master->phase >= MASTER_DRAINING;
}

/* --- what the master tells the clerk
 * -------------------------------------------------------------- */

#define DEFINE_TELL(name)                                                                          \
	static bool tell_##name(int to, const struct clerk_msg_##name *message, int fd)            \
	{                                                                                          \
		uint8_t bytes[TELL_BYTES];                                                         \
		struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };             \
		struct wire_header header = { .type = CLERK_MESSAGE_##name, .kind = WIRE_NOTICE }; \
                                                                                                   \
		wire_put_header(&writer, &header);                                                 \
		clerk_put_##name(&writer, message);                                                \
		return !writer.failed && wire_send(to, bytes, writer.length, fd);                  \
	}

DEFINE_TELL(limits)
DEFINE_TELL(log_file)
DEFINE_TELL(drain)
DEFINE_TELL(control)
DEFINE_TELL(certificates)
DEFINE_TELL(certificate)

void master_tell_limits(struct master *master)
{
	const struct conf *conf = master->now.conf;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct clerk_msg_limits message = {
		.max_sessions = conf->max_sessions,
		.max_sessions_per_address = conf->max_sessions_per_address,
		.max_hashing = conf->max_hashing,
		.log_format = (uint32_t)conf->log.format,
	};

	if (message.max_hashing == 0)
		message.max_hashing = processors > 0 ? (uint32_t)processors : 1;
	/* One connection a guard, two while it changes clerks. */
	roles_raise_files(master->clerk_pid,
	    2 * ((uint64_t)conf->max_sessions + conf->spare_max) + FILES_BESIDE_SESSIONS);
	tell_limits(master->clerk_fd, &message, -1);
}

bool master_tell_log(struct master *master, int log_fd, enum clerk_log_kind kind)
{
	struct clerk_msg_log_file message = { .kind = kind };

	return tell_log_file(master->clerk_fd, &message, log_fd);
}

void master_tell_drain(struct master *master)
{
	struct clerk_msg_drain message = { .now = master->phase >= MASTER_LEAVING };

	tell_drain(master->clerk_fd, &message, -1);
}

void master_tell_control(struct master *master, const struct clerk_msg_control *message, int listen_fd)
{
	tell_control(master->clerk_fd, message, listen_fd);
}

bool master_tell_certificates(struct master *master, const struct clerk_msg_certificates *message)
{
	return tell_certificates(master->clerk_fd, message, -1);
}

bool master_tell_certificate(struct master *master, const struct clerk_msg_certificate *message)
{
	return tell_certificate(master->clerk_fd, message, -1);
}

/* --- the clerk ------------------------------------------------------------------------------ */

/* The only thing it ever says to us: the log goes nowhere. */
static void on_clerk(struct loop *loop, int fd, uint32_t events, void *context)
{
	struct master *master = context;
	uint8_t bytes[CLERK_MESSAGE_BYTES];
	struct wire_reader reader = { .bytes = bytes };
	struct wire_header header;
	int passed_fd = -1;
	ssize_t got = wire_receive(fd, bytes, sizeof(bytes), &passed_fd);

	(void)events;
	io_close(&passed_fd);
	if (got <= 0) {
		loop_unwatch(loop, fd); /* waitpid tells the rest */
		return;
	}
	reader.left = (size_t)got;
	wire_get_header(&reader, &header);
	if (wire_done(&reader) && header.type == CLERK_MESSAGE_log_lost)
		loop_timer_set(master->log_timer, clock_mono_ms() + MASTER_LOG_RETRY_MS);
}

static bool give_log_to_clerk(struct master *master)
{
	struct master_setup *setup = &master->now;
	char message[CONF_MESSAGE_BYTES];
	bool ok;

	if (setup->log_fd < 0 &&
	    !master_files_open_log(setup->conf, &setup->log_fd, &setup->log_kind, message)) {
		dprintf(STDERR_FILENO, "transomd: %s\n", message);
		/* Without any log the clerk would let nobody in. */
		return master_tell_log(master, STDERR_FILENO, CLERK_LOG_PLAIN);
	}
	ok = master_tell_log(master, setup->log_fd, setup->log_kind);
	io_close(&setup->log_fd);
	return ok;
}

bool master_start_clerk(struct master *master)
{
	struct roles_start start = { .role = ROLE_CLERK };
	int channel[2] = { -1, -1 };
	bool ok = false;

	if (master->as_root && !conf_account_resolve(master->now.conf->clerk_user, "",
	                           &start.account.uid, &start.account.gid))
		return false;
	if (!wire_pair(channel) || !io_set_nonblocking(channel[0], true))
		goto out;
	start.fds = (const int[]){ master->door_receive_fd, channel[1], master->empty_dir_fd };
	start.fd_count = 3;
	master->clerk_started_at = clock_mono_ms();
	master->clerk_pid = roles_start(&start);
	if (master->clerk_pid < 0)
		goto out;
	master->clerk_fd = channel[0];
	channel[0] = -1;
	loop_watch(master->loop, master->clerk_fd, EPOLLIN, on_clerk, master);
	master_tell_limits(master);
	ok = give_log_to_clerk(master);
	if (is_stopping(master))
		master_tell_drain(master);
	master_control_tell(master);
	master_certificates_tell_clerk(master);
out:
	io_close(&channel[0]);
	io_close(&channel[1]);
	return ok;
}

static void clerk_died(struct master *master, int status)
{
	int64_t now = clock_mono_ms();
	pid_t pid = master->clerk_pid;

	master->clerk_pid = 0;
	loop_unwatch(master->loop, master->clerk_fd);
	io_close(&master->clerk_fd);
	if (master->phase == MASTER_STARTING) {
		dprintf(STDERR_FILENO, "transomd: the clerk could not start (see above)\n");
		loop_stop(master->loop, EXIT_FAILURE);
		return;
	}
	if (now - master->clerk_started_at > MASTER_CLERK_STEADY_MS)
		master->clerk_pause_ms = 0;
	master_log_crash(master, "clerk", pid, status, 0, "a new clerk is started, sessions go on");
	loop_timer_set(master->clerk_timer, now + master->clerk_pause_ms);
	master->clerk_pause_ms =
	    master->clerk_pause_ms == 0 ? MASTER_CLERK_PAUSE_MIN_MS : master->clerk_pause_ms * 2;
	if (master->clerk_pause_ms > MASTER_CLERK_PAUSE_MAX_MS)
		master->clerk_pause_ms = MASTER_CLERK_PAUSE_MAX_MS;
	master_log(master, EVENT_CLERK_BACK, NULL);
}

/* --- nurseries ------------------------------------------------------------------------------ */

static void send_nursery(struct master_nursery *nursery, enum nursery_report_kind kind)
{
	const struct nursery_report message = { .kind = kind };

	if (nursery->channel_fd >= 0)
		wire_send(nursery->channel_fd, &message, sizeof(message), -1);
}

static void retire(struct master_nursery *nursery)
{
	if (nursery->state == NURSERY_STARTING || nursery->state == NURSERY_CURRENT) {
		send_nursery(nursery, NURSERY_RETIRE);
		nursery->state = NURSERY_RETIRED;
	}
}

void master_retire_starting(struct master *master)
{
	master_end_keepers(master, MASTER_EVERY_GENERATION, false);
	for (struct master_nursery *each = master->nurseries; each != NULL; each = each->next)
		if (each->state == NURSERY_STARTING)
			retire(each);
}

void master_retire_all(struct master *master)
{
	master_end_keepers(master, MASTER_EVERY_GENERATION, false);
	for (struct master_nursery *each = master->nurseries; each != NULL; each = each->next)
		retire(each);
}

void master_kill_all(struct master *master)
{
	master_end_keepers(master, MASTER_EVERY_GENERATION, true);
	for (struct master_nursery *each = master->nurseries; each != NULL; each = each->next)
		kill(-each->pid, SIGKILL);
}

void master_kill_slow(struct master *master)
{
	master_end_keepers(master, MASTER_EVERY_GENERATION, false);
	for (struct master_nursery *each = master->nurseries; each != NULL; each = each->next)
		if (each->state == NURSERY_STARTING)
			kill(-each->pid, SIGKILL);
}

static bool is_one(const struct master *master, enum master_nursery_state state)
{
	for (const struct master_nursery *each = master->nurseries; each != NULL; each = each->next)
		if (each->state == state)
			return true;
	return false;
}

bool master_nursery_is_needed(const struct master *master, uint32_t generation)
{
	for (const struct master_nursery *each = master->nurseries; each != NULL; each = each->next)
		if (each->generation == generation)
			return each->state == NURSERY_STARTING || each->state == NURSERY_CURRENT;
	return false;
}

static void on_ready(struct master_nursery *nursery)
{
	struct master *master = nursery->master;

	if (nursery->state != NURSERY_STARTING)
		return;
	/* Not a younger one: it tries a configuration that somebody waits for. */
	master_end_keepers(master, nursery->generation, false);
	for (struct master_nursery *each = master->nurseries; each != NULL; each = each->next)
		if (each->generation < nursery->generation)
			retire(each);
	nursery->state = NURSERY_CURRENT;
	master->fresh_wanted = false;
	loop_timer_set(master->patience_timer, CLOCK_NEVER);
	if (master->phase == MASTER_STARTING)
		master_say_ready(master);
	else if (master->next.conf != NULL && nursery->generation == master->next_generation)
		master_reload_commit(master);
}

/* Only the layout of the current generation is still worth guessing at. */
static void on_crash(struct master_nursery *nursery, const struct nursery_report *report)
{
	struct master *master = nursery->master;
	bool fresh = nursery->state == NURSERY_CURRENT && !is_stopping(master);
	const char *role = report->role < ROLE_COUNT ? role_table[report->role].name : "unknown";

	if (master->phase == MASTER_KILLING)
		return;
	master_log_crash(master, role, report->pid, report->wait_status, nursery->generation,
	    fresh ? "a fresh nursery is started" : "no client comes to this nursery any more");
	if (fresh)
		master_want_nursery(master);
}

static bool hear(struct master_nursery *nursery)
{
	struct nursery_report report;
	int passed_fd = -1;
	ssize_t got = wire_receive(nursery->channel_fd, &report, sizeof(report), &passed_fd);

	io_close(&passed_fd);
	if (got < 0 && errno == ECONNRESET)
		return true; /* it closed before it had read all of ours; its own words are still
		                there */
	if (got != (ssize_t)sizeof(report))
		return false;
	if (report.kind == NURSERY_READY)
		on_ready(nursery);
	if (report.kind == NURSERY_CRASH)
		on_crash(nursery, &report);
	if (report.kind == NURSERY_QUIET) {
		nursery->quiet = true;
		master_reload_tell(nursery->master, false);
	}
	if (report.kind == NURSERY_FAILED && nursery->reason == NULL)
		nursery->reason = strndup(report.reason, sizeof(report.reason));
	return true;
}

static void on_channel(struct loop *loop, int fd, uint32_t events, void *context)
{
	struct master_nursery *nursery = context;

	(void)events;
	if (!hear(nursery) && errno != EAGAIN)
		loop_unwatch(loop, fd); /* waitpid tells the rest */
}

bool master_start_nursery(struct master *master)
{
	const struct master_setup *setup = master->next.conf != NULL ? &master->next : &master->now;

	loop_timer_set(master->patience_timer, clock_mono_ms() + MASTER_NURSERY_PATIENCE_MS);
	master->nursery_started_at = clock_mono_ms();
	master->generation++;
	if (setup == &master->next)
		master->next_generation = master->generation;
	return conf_needs_keeper(setup->conf)
	           ? master_start_keeper(master, setup, master->generation)
	           : master_start_nursery_with(master, NULL);
}

bool master_start_nursery_with(struct master *master, struct master_keeper *keeper)
{
	const uint32_t generation = keeper != NULL ? keeper->generation : master->generation;
	const struct master_setup *setup =
	    master->next.conf != NULL && master->next_generation == generation ? &master->next
	                                                                      : &master->now;
	struct master_nursery *nursery = calloc(1, sizeof(*nursery));
	struct roles_start start = { .role = ROLE_NURSERY, .generation = generation };
	size_t fixed = ROLE_FD_LISTENERS - ROLE_FD_DOOR;
	int *fds = calloc(fixed + setup->listeners.count, sizeof(*fds));
	int channel[2] = { -1, -1 };
	bool ok = false;

	if (nursery == NULL || fds == NULL || !wire_pair(channel) ||
	    !io_set_nonblocking(channel[0], true))
		goto out;
	fds[ROLE_FD_DOOR - ROLE_FD_DOOR] = master->door_send_fd;
	fds[ROLE_FD_MASTER - ROLE_FD_DOOR] = channel[1];
	fds[ROLE_FD_EMPTY_DIR - ROLE_FD_DOOR] = master->empty_dir_fd;
	fds[ROLE_FD_SNAPSHOT - ROLE_FD_DOOR] = setup->snapshot_fd;
	fds[ROLE_FD_KEEPER - ROLE_FD_DOOR] = keeper != NULL ? keeper->door_send_fd : -1;
	for (size_t i = 0; i < setup->listeners.count; i++)
		fds[fixed + i] = setup->listeners.items[i].fd;
	start.fds = fds;
	start.fd_count = fixed + setup->listeners.count;
	*nursery = (struct master_nursery){
		.master = master,
		.pid = roles_start(&start),
		.generation = start.generation,
		.channel_fd = channel[0],
	};
	if (nursery->pid < 0 || !loop_watch(master->loop, channel[0], EPOLLIN, on_channel, nursery))
		goto out;
	nursery->next = master->nurseries;
	master->nurseries = nursery;
	channel[0] = -1;
	nursery = NULL;
	ok = true;
out:
	io_close(&channel[0]);
	io_close(&channel[1]);
	free(fds);
	free(nursery);
	return ok;
}

void master_want_nursery(struct master *master)
{
	int64_t now = clock_mono_ms();
	int64_t at = master->nursery_started_at + MASTER_NURSERY_GAP_MS;

	/* One that starts now is fresh; should it fail, this wish stands. */
	master->fresh_wanted = true;
	if (!is_one(master, NURSERY_STARTING) && !master_waits_for_keeper(master))
		loop_timer_set(master->nursery_timer, at > now ? at : now);
}

void master_nursery_failed(struct master *master, uint32_t generation, const char *reason)
{
	const bool tried_next = master->next.conf != NULL && generation == master->next_generation;

	if (master->phase == MASTER_STARTING) {
		dprintf(STDERR_FILENO, "transomd: %s\n", reason);
		loop_stop(master->loop, EXIT_FAILURE);
		return;
	}
	if (is_stopping(master))
		return;
	if (tried_next)
		master_reload_abort(master, reason);
	else
		master_log(master, EVENT_FORK_FAILED, reason);
	if (master->fresh_wanted || !is_one(master, NURSERY_CURRENT))
		master_want_nursery(master);
}

static void nursery_died(struct master_nursery *nursery, int status)
{
	struct master *master = nursery->master;
	enum master_nursery_state was;

	while (hear(nursery))
		;
	loop_unwatch(master->loop, nursery->channel_fd);
	io_close(&nursery->channel_fd);
	was = nursery->state;
	nursery->state = NURSERY_ORPHANS;
	master_reload_tell(master, false);
	/* It is the configuration's fault, or that of a file it names: no crash. */
	if (was == NURSERY_STARTING && nursery->reason != NULL) {
		master_nursery_failed(master, nursery->generation, nursery->reason);
		return;
	}
	if (master->phase == MASTER_STARTING) {
		dprintf(STDERR_FILENO, "transomd: no session process could start (see above)\n");
		loop_stop(master->loop, EXIT_FAILURE);
		return;
	}
	if (is_stopping(master))
		return;
	if (was != NURSERY_RETIRED || pool_is_crash(status))
		master_log_crash(master, "nursery", nursery->pid, status, nursery->generation,
		    was == NURSERY_RETIRED ? "its sessions go on"
		                           : "a new one is started, its sessions go on");
	if (was == NURSERY_STARTING && master->next.conf != NULL &&
	    nursery->generation == master->next_generation)
		master_reload_abort(
		    master, "no session process could start with the new configuration");
	if (was != NURSERY_RETIRED && (master->fresh_wanted || !is_one(master, NURSERY_CURRENT)))
		master_want_nursery(master);
}

/* --- the end of any child -----------------------------------------------------------------------
 */

/* Forget nurseries of which no process is left.  A group's number is not reused while it has
 * members. */
static void forget_empty(struct master *master)
{
	struct master_nursery **link = &master->nurseries;

	while (*link != NULL) {
		struct master_nursery *each = *link;

		if (each->state != NURSERY_ORPHANS || kill(-each->pid, 0) == 0 || errno != ESRCH) {
			link = &each->next;
			continue;
		}
		*link = each->next;
		free(each->reason);
		free(each);
	}
}

static void child_died(struct master *master, pid_t pid, int status)
{
	if (pid == master->clerk_pid) {
		clerk_died(master, status);
		return;
	}
	if (master_keeper_died(master, pid, status))
		return;
	for (struct master_nursery *each = master->nurseries; each != NULL; each = each->next) {
		if (each->pid == pid && each->state != NURSERY_ORPHANS) {
			nursery_died(each, status);
			return;
		}
	}
	/* A session whose nursery is gone: it came to us, the subreaper. */
	if (pool_is_crash(status) && master->phase != MASTER_KILLING)
		master_log_crash(
		    master, "session", pid, status, 0, "no client comes to its nursery any more");
}

void master_reap(struct master *master)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		child_died(master, pid, status);
	forget_empty(master);
	master_check_stopped(master);
}
