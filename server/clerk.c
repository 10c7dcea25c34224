#include "server/clerk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/loop.h"
#include "server/base/os_linux.h"
#include "server/base/text.h"
#include "server/become_user.h"
#include "server/clerk_control.h"
#include "server/clerk_log.h"
#include "server/clerk_sessions.h"
#include "server/metrics.h"
#include "server/roles.h"
#include "server/sandbox.h"
#include "server/session.h"

#define MESSAGES_PER_TURN 32 /* of one connection, before the others get theirs */

/* A sender is told that its lines are written after so many, or so long: each time wakes it up. */
#define ACKNOWLEDGE_LINES 8
#define ACKNOWLEDGE_MS    10

/* A sender of many lines one after the other, as of small files, is heard only so often: waking up costs more than a
 * line.  Meanwhile they wait in the socket, safe from its death. */
#define BURST_LINES  4  /* so many make a burst, */
#define BURST_GAP_MS 20 /* when they come closer than this */
#define BURST_REST_MS 3

/* One client. */
struct connection {
	struct clerk *clerk;
	struct connection *next, *previous;
	int fd;
	bool is_master; /* the socket pair that the master gave at the start */
	bool broken;    /* closed at the end of the turn */
	pid_t pid;
	char role[CLERK_TITLE_MAX + 1];
	struct clerk_session *session; /* NULL for the master's */
	uint32_t hash_id;              /* of the request that waits for a turn */
	uint64_t logged, acknowledged; /* numbers of events */
	int64_t logged_ms;             /* when the last one came */
	unsigned burst;                /* events in a row */
	bool resting;                  /* not heard until the timer rings */
};

struct clerk {
	struct loop *loop;
	struct clerk_sessions *books;
	struct clerk_log *log;
	struct clerk_control *control;
	struct metrics metrics;
	int door_fd;
	struct loop_timer *acknowledge;
	struct loop_timer *wake; /* those that rest */
	bool acknowledge_soon; /* the timer is set */
	struct connection *connections;
	bool has_limits, has_log;
	bool door_open;
	bool draining, draining_now;
	bool orphaned; /* the master is gone */
	bool any_broken;
	uint8_t in[WIRE_MAX_BYTES];
};

/* --- sending -------------------------------------------------------------------------------- */

static void mark_broken(struct connection *connection)
{
	connection->broken = true;
	connection->clerk->any_broken = true;
}

/*
 * A client that does not read its answers is cut off: it comes back and asks again.  One that is
 * gone is not: what it said last waits in the socket still, and the end of file comes behind it.
 */
static void send_out(struct connection *connection, const struct wire_writer *writer)
{
	if (connection->broken || wire_send(connection->fd, writer->bytes, writer->length, -1))
		return;
	if (errno != EPIPE && errno != ECONNRESET)
		mark_broken(connection);
}

#define DEFINE_SEND(name, wire_kind_)                                                   \
	static void send_##name(                                                        \
	    struct connection *to, uint32_t id, const struct clerk_msg_##name *message) \
	{                                                                               \
		uint8_t bytes[sizeof(struct wire_header) + 32];                         \
		struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };  \
		struct wire_header header = {                                           \
			.type = CLERK_MESSAGE_##name, .kind = (wire_kind_), .id = id    \
		};                                                                      \
                                                                                        \
		wire_put_header(&writer, &header);                                      \
		clerk_put_##name(&writer, message);                                     \
		send_out(to, &writer);                                                  \
	}

DEFINE_SEND(verdict, WIRE_REPLY)
DEFINE_SEND(written, WIRE_NOTICE)
DEFINE_SEND(stop, WIRE_NOTICE)
DEFINE_SEND(log_lost, WIRE_NOTICE)

static void answer(struct connection *to, uint32_t id, enum clerk_verdict verdict)
{
	if (id != 0)
		send_verdict(to, id, &(struct clerk_msg_verdict){ .verdict = verdict });
}

static void tell_to_stop(struct connection *to)
{
	struct clerk_msg_stop message = {
		.reason = GUARD_STOP_SHUTDOWN,
		.now = to->clerk->draining_now,
	};

	if (to->session != NULL && clerk_sessions_is_admitted(to->session))
		send_stop(to, 0, &message);
}

static void acknowledge(struct connection *to)
{
	if (to->logged == to->acknowledged)
		return;
	clerk_log_flush(to->clerk->log);
	send_written(to, 0, &(struct clerk_msg_written){ .seq = to->logged });
	to->acknowledged = to->logged;
}

/* --- one handler a message; false when the client broke the protocol ---------------------------
 */

static bool do_attach(
    struct connection *from, uint32_t id, const struct clerk_msg_attach *ask, int fd)
{
	(void)from;
	(void)id;
	(void)ask;
	(void)fd;
	return false; /* only through the door */
}

static void answer_admit(
    struct connection *to, uint32_t id, enum conf_protocol protocol, enum clerk_verdict verdict)
{
	struct metrics *metrics = &to->clerk->metrics;

	if (verdict == CLERK_ALLOWED)
		metrics->admitted[protocol]++;
	else
		metrics->refused[verdict]++;
	answer(to, id, verdict);
}

static bool do_admit(
    struct connection *from, uint32_t id, const struct clerk_msg_admit *ask, int fd)
{
	const enum conf_protocol protocol = metrics_protocol(ask->protocol, strlen(ask->protocol));

	(void)fd;
	if (from->session == NULL || clerk_sessions_is_admitted(from->session) ||
	    protocol == CONF_PROTOCOL_COUNT)
		return false;
	answer_admit(from, id, protocol,
	    clerk_sessions_admit(from->clerk->books, from->session, protocol, ask->peer));
	return true;
}

static bool do_leave(
    struct connection *from, uint32_t id, const struct clerk_msg_leave *ask, int fd)
{
	(void)ask;
	(void)fd;
	if (from->session == NULL)
		return false;
	clerk_sessions_leave(from->clerk->books, from->session);
	answer(from, id, CLERK_ALLOWED);
	return true;
}

static bool do_login(
    struct connection *from, uint32_t id, const struct clerk_msg_login *ask, int fd)
{
	enum clerk_verdict verdict;

	(void)fd;
	if (from->session == NULL || !clerk_sessions_is_admitted(from->session) ||
	    clerk_sessions_has_user(from->session) || ask->user[0] == '\0')
		return false;
	verdict =
	    clerk_sessions_login(from->clerk->books, from->session, ask->user, ask->max_sessions);
	if (verdict != CLERK_ALLOWED)
		from->clerk->metrics.refused[verdict]++;
	answer(from, id, verdict);
	return true;
}

static bool do_hash_begin(
    struct connection *from, uint32_t id, const struct clerk_msg_hash_begin *ask, int fd)
{
	(void)ask;
	(void)fd;
	if (from->session == NULL || !clerk_sessions_hash_begin(from->clerk->books, from->session))
		return false;
	from->hash_id = id;
	return true;
}

/* Without a turn it is no offence: a former clerk gave it. */
static bool do_hash_end(
    struct connection *from, uint32_t id, const struct clerk_msg_hash_end *ask, int fd)
{
	(void)ask;
	(void)fd;
	if (from->session == NULL)
		return false;
	clerk_sessions_hash_end(from->clerk->books, from->session);
	answer(from, id, CLERK_ALLOWED);
	return true;
}

static bool do_sync(
    struct connection *from, uint32_t id, const struct clerk_msg_sync *ask, int fd)
{
	(void)id;
	(void)ask;
	(void)fd;
	acknowledge(from);
	return true;
}

static bool do_event(
    struct connection *from, uint32_t id, const struct clerk_msg_event *ask, int fd)
{
	int64_t now = clock_mono_ms();
	struct clerk_log_line line = {
		.seconds = ask->seconds,
		.milliseconds = ask->milliseconds,
		.event = (enum event_id)ask->event,
		.role = from->role,
		.pid = from->pid,
		.seq = ask->seq,
		.fields = ask->fields,
	};

	(void)fd;
	if (id != 0 || !clerk_log_write(from->clerk->log, &line))
		return false;
	metrics_count_event(&from->clerk->metrics, line.event, ask->fields);
	from->logged = ask->seq;
	from->burst = now - from->logged_ms < BURST_GAP_MS ? from->burst + 1 : 1;
	from->logged_ms = now;
	return true;
}

static bool do_log_file(
    struct connection *from, uint32_t id, const struct clerk_msg_log_file *ask, int fd)
{
	(void)id;
	clerk_log_set_target(from->clerk->log, fd, (enum clerk_log_kind)ask->kind);
	from->clerk->has_log = true;
	return true;
}

static bool do_limits(
    struct connection *from, uint32_t id, const struct clerk_msg_limits *ask, int fd)
{
	struct clerk_limits limits = {
		.max_sessions = ask->max_sessions,
		.max_sessions_per_address = ask->max_sessions_per_address,
		.max_hashing = ask->max_hashing,
	};

	(void)id;
	(void)fd;
	clerk_sessions_set_limits(from->clerk->books, &limits);
	clerk_log_set_format(from->clerk->log, (enum conf_log_format)ask->log_format);
	from->clerk->has_limits = true;
	return true;
}

static bool do_control(
    struct connection *from, uint32_t id, const struct clerk_msg_control *ask, int fd)
{
	(void)id;
	from->clerk->metrics.master_pid = ask->pid;
	from->clerk->metrics.start_time = ask->since;
	clerk_control_listen(from->clerk->control, fd, ask->uid);
	return true;
}

static bool do_certificates(
    struct connection *from, uint32_t id, const struct clerk_msg_certificates *ask, int fd)
{
	(void)id;
	(void)fd;
	/* Without memory what was told before holds. */
	metrics_certificates_begin(&from->clerk->metrics, ask->count);
	return true;
}

static bool do_certificate(
    struct connection *from, uint32_t id, const struct clerk_msg_certificate *ask, int fd)
{
	(void)id;
	(void)fd;
	metrics_certificates_add(&from->clerk->metrics, (enum clerk_certificate_kind)ask->kind, ask->file,
	    ask->names, ask->expires);
	return true;
}

static bool do_drain(
    struct connection *from, uint32_t id, const struct clerk_msg_drain *ask, int fd)
{
	struct clerk *clerk = from->clerk;

	(void)id;
	(void)fd;
	clerk->draining = true;
	clerk->draining_now = clerk->draining_now || ask->now != 0;
	clerk_sessions_shut(clerk->books);
	for (struct connection *each = clerk->connections; each != NULL; each = each->next)
		tell_to_stop(each);
	return true;
}

/* --- the table at work ------------------------------------------------------------------------ */

#define FD_OK_NONE(fd) ((fd) < 0)
#define FD_OK_FILE(fd) ((fd) >= 0)

#define CASE_CLIENT(name, fd_kind, allowed)                                     \
	case CLERK_MESSAGE_##name: {                                            \
		struct clerk_msg_##name message;                                \
                                                                                \
		clerk_get_##name(reader, &message);                             \
		return (allowed) && wire_done(reader) && FD_OK_##fd_kind(fd) && \
		       do_##name(from, header->id, &message, fd);               \
	}
#define CASE_MASTER(name, fd_kind, allowed)      CASE_CLIENT(name, fd_kind, from->is_master)
#define CASE_CLERK(name, fd_kind, allowed)       /* ours to send */
#define CASE(name, number, sender, fd_kind, why) CASE_##sender(name, fd_kind, true)

static bool handle(
    struct connection *from, const struct wire_header *header, struct wire_reader *reader, int fd)
{
	if (header->kind != (header->id != 0 ? WIRE_REQUEST : WIRE_NOTICE))
		return false;
	switch (header->type) {
		CLERK_MESSAGES(CASE)
	default:
		return false;
	}
}

/* --- connections ---------------------------------------------------------------------------- */

static void drop(struct connection *connection)
{
	struct clerk *clerk = connection->clerk;

	if (connection->previous != NULL)
		connection->previous->next = connection->next;
	else
		clerk->connections = connection->next;
	if (connection->next != NULL)
		connection->next->previous = connection->previous;
	if (connection->is_master) {
		clerk->orphaned = true;
		/* A server without a master is none to ask; whoever comes next makes the socket anew. */
		clerk_control_listen(clerk->control, -1, 0);
	}
	loop_unwatch(clerk->loop, connection->fd);
	io_close(&connection->fd);
	clerk_sessions_close(clerk->books, &connection->session);
	free(connection);
}

static void drop_broken(struct clerk *clerk)
{
	struct connection *next;

	clerk->any_broken = false;
	for (struct connection *each = clerk->connections; each != NULL; each = next) {
		next = each->next;
		if (each->broken)
			drop(each);
	}
}

/* After every turn: give out turns to hash, close what broke (which may free turns). */
static void settle(struct clerk *clerk)
{
	struct clerk_session *session;

	do {
		while ((session = clerk_sessions_hash_next(clerk->books)) != NULL) {
			struct connection *to = clerk_sessions_context(session);

			answer(to, to->hash_id, CLERK_ALLOWED);
		}
		if (clerk->any_broken)
			drop_broken(clerk);
	} while (clerk->any_broken);
	/* Without a master: serve the sessions that live, then go. */
	if (clerk->orphaned && clerk->connections == NULL)
		loop_stop(clerk->loop, 0);
}

/* One message in; false when there is none for now. */
static bool receive(struct connection *from)
{
	struct clerk *clerk = from->clerk;
	struct wire_reader reader = { .bytes = clerk->in };
	struct wire_header header;
	int fd = -1;
	ssize_t got = wire_receive(from->fd, clerk->in, sizeof(clerk->in), &fd);

	if (got < 0 && errno == EAGAIN)
		return false;
	/* The client closed before it had read all of ours; its own messages are still there. */
	if (got < 0 && errno == ECONNRESET)
		return true;
	if (got > 0) {
		reader.left = (size_t)got;
		wire_get_header(&reader, &header);
		if (handle(from, &header, &reader, fd))
			return true; /* a descriptor is the handler's now */
	}
	io_close(&fd);
	mark_broken(from);
	return false;
}

static void on_door(struct loop *loop, int fd, uint32_t events, void *context);

/* Clients are let in once there is a log to write to and limits to judge by. */
static void open_door(struct clerk *clerk)
{
	if (clerk->door_open || !clerk->has_limits || !clerk->has_log)
		return;
	clerk->door_open = loop_watch(clerk->loop, clerk->door_fd, EPOLLIN, on_door, clerk);
}

static void on_acknowledge(struct loop *loop, void *context)
{
	struct clerk *clerk = context;

	(void)loop;
	clerk->acknowledge_soon = false;
	for (struct connection *each = clerk->connections; each != NULL; each = each->next)
		acknowledge(each);
	settle(clerk);
}

static void acknowledge_in_time(struct connection *to)
{
	struct clerk *clerk = to->clerk;

	if (to->logged - to->acknowledged >= ACKNOWLEDGE_LINES) {
		acknowledge(to);
	} else if (to->logged != to->acknowledged && !clerk->acknowledge_soon) {
		clerk->acknowledge_soon = true;
		loop_timer_set(clerk->acknowledge, clock_mono_ms() + ACKNOWLEDGE_MS);
	}
}

static void on_message(struct loop *loop, int fd, uint32_t events, void *context);

static void on_wake(struct loop *loop, void *context)
{
	struct clerk *clerk = context;

	for (struct connection *each = clerk->connections; each != NULL; each = each->next) {
		if (each->resting && !loop_watch(loop, each->fd, EPOLLIN, on_message, each))
			mark_broken(each);
		each->resting = false;
	}
	settle(clerk);
}

/* The end of a connection is heard all the same. */
static void rest_in_burst(struct connection *from)
{
	if (from->is_master || from->broken || from->burst < BURST_LINES ||
	    !loop_watch(from->clerk->loop, from->fd, 0, on_message, from))
		return;
	from->resting = true;
	loop_timer_set(from->clerk->wake, clock_mono_ms() + BURST_REST_MS);
}

static void on_message(struct loop *loop, int fd, uint32_t events, void *context)
{
	struct connection *from = context;
	struct clerk *clerk = from->clerk;

	(void)loop;
	(void)fd;
	(void)events;
	for (int i = 0; i < MESSAGES_PER_TURN && !from->broken && receive(from); i++)
		;
	clerk_log_flush(clerk->log);
	acknowledge_in_time(from);
	rest_in_burst(from);
	if (clerk_log_lost(clerk->log))
		for (struct connection *each = clerk->connections; each != NULL; each = each->next)
			if (each->is_master)
				send_log_lost(each, 0, &(struct clerk_msg_log_lost){ 0 });
	open_door(clerk);
	settle(clerk);
}

/* Takes the descriptor; NULL when memory ran out or the process has too many. */
static struct connection *add_connection(struct clerk *clerk, int fd, pid_t pid)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL || !io_set_nonblocking(fd, true))
		goto fail;
	connection->clerk = clerk;
	connection->fd = fd;
	connection->pid = pid;
	connection->is_master = pid == 0;
	if (!connection->is_master)
		connection->session = clerk_sessions_open(clerk->books, pid, connection);
	if (!connection->is_master && connection->session == NULL)
		goto fail;
	if (!loop_watch(clerk->loop, fd, EPOLLIN, on_message, connection))
		goto fail;
	connection->next = clerk->connections;
	if (connection->next != NULL)
		connection->next->previous = connection;
	clerk->connections = connection;
	return connection;
fail:
	if (connection != NULL)
		clerk_sessions_close(clerk->books, &connection->session);
	free(connection);
	io_close(&fd);
	return NULL;
}

/* The first message of a client, with its end of the connection. */
static void attach(struct clerk *clerk, size_t length, int fd, pid_t pid)
{
	struct wire_reader reader = { .bytes = clerk->in, .left = length };
	struct clerk_msg_attach message;
	struct wire_header header;
	struct connection *connection;
	enum conf_protocol protocol;

	wire_get_header(&reader, &header);
	clerk_get_attach(&reader, &message);
	if (!wire_done(&reader) || header.type != CLERK_MESSAGE_attach ||
	    header.kind != WIRE_NOTICE || fd < 0 || pid <= 0) {
		io_close(&fd);
		return;
	}
	connection = add_connection(clerk, fd, pid);
	if (connection == NULL)
		return;
	text_copy(connection->role, sizeof(connection->role), message.role);
	if (message.peer[0] == '\0')
		return;
	protocol = metrics_protocol(message.protocol, strlen(message.protocol));
	if (protocol == CONF_PROTOCOL_COUNT ||
	    !clerk_sessions_restore(
	        clerk->books, connection->session, protocol, message.peer, message.user))
		mark_broken(connection);
	if (clerk->draining)
		tell_to_stop(connection);
}

static void on_door(struct loop *loop, int fd, uint32_t events, void *context)
{
	struct clerk *clerk = context;
	ssize_t got;

	(void)loop;
	for (int i = 0; i < MESSAGES_PER_TURN; i++) {
		int client_fd = -1;
		pid_t pid = 0;
		uid_t uid = 0;

		got = wire_receive_from(fd, clerk->in, sizeof(clerk->in), &client_fd, &pid, &uid);
		if (got < 0 && errno == EAGAIN)
			break;
		if (got > 0)
			attach(clerk, (size_t)got, client_fd, pid);
		else if (got == 0 && (events & EPOLLHUP) != 0) {
			/* Nobody holds the other end any more; without the kernel's word for that it is
			 * an empty message, which anybody may send. */
			loop_unwatch(clerk->loop, fd);
			break;
		}
	}
	settle(clerk);
}

/* --- what the control socket tells -------------------------------------------------------------- */

static const struct metrics *facts(void *context)
{
	struct clerk *clerk = context;
	struct metrics *metrics = &clerk->metrics;

	metrics->draining = clerk->draining;
	metrics->users = clerk_sessions_users(clerk->books);
	for (int i = 0; i < CONF_PROTOCOL_COUNT; i++)
		metrics->sessions[i] = clerk_sessions_over(clerk->books, (enum conf_protocol)i);
	metrics->lines_lost = clerk_log_lines_lost(clerk->log);
	/* The one event that is the log's own. */
	metrics->events[EVENT_LOG_DROPPED] = clerk_log_reports(clerk->log);
	return metrics;
}

/* --- the process ---------------------------------------------------------------------------- */

static void confine(void)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct roles_account account;
	struct become_user plan = { .role = "clerk", .as_root = geteuid() == 0, .root_dir_fd = -1 };

	if (null_fd < 0 || !sandbox_prepare() || !roles_account_from_environment(&account))
		_exit(SESSION_EXIT_FAILED);
	roles_apply_limits(ROLE_CLERK);
	if (plan.as_root) {
		plan.root_dir_fd = ROLE_FD_EMPTY_DIR;
		plan.uid = account.uid;
		plan.gid = account.gid;
	}
	become_user(&plan);
	if (os_landlock_confine(NULL, 0, false) < 0)
		_exit(SESSION_EXIT_FAILED);
	close(ROLE_FD_EMPTY_DIR);
	sandbox_drop_stdio(null_fd);
	close(null_fd);
	sandbox_enter(SANDBOX_CLERK);
}

int clerk_run(void)
{
	struct clerk *clerk = calloc(1, sizeof(*clerk));
	int status = SESSION_EXIT_FAILED;

	confine();
	if (clerk == NULL)
		return status;
	clerk->door_fd = ROLE_FD_DOOR;
	clerk->loop = loop_new();
	if (clerk->loop != NULL)
		clerk->acknowledge = loop_timer_new(clerk->loop, on_acknowledge, clerk);
	if (clerk->loop != NULL)
		clerk->wake = loop_timer_new(clerk->loop, on_wake, clerk);
	if (clerk->loop != NULL)
		clerk->control = clerk_control_new(clerk->loop, facts, clerk);
	clerk->books = clerk_sessions_new();
	clerk->log = clerk_log_new();
	if (clerk->acknowledge == NULL || clerk->wake == NULL || clerk->control == NULL ||
	    clerk->books == NULL || clerk->log == NULL || !io_set_nonblocking(clerk->door_fd, true) ||
	    add_connection(clerk, ROLE_FD_MASTER, 0) == NULL)
		goto out;
	status = loop_run(clerk->loop);
out:
	while (clerk->connections != NULL)
		drop(clerk->connections);
	clerk_control_free(&clerk->control);
	metrics_clear(&clerk->metrics);
	clerk_log_free(&clerk->log);
	if (clerk->books != NULL)
		clerk_sessions_free(&clerk->books);
	loop_free(&clerk->loop);
	free(clerk);
	return status;
}
