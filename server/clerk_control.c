#include "server/clerk_control.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/text.h"
#include "server/control_messages.h"

#define ACCEPT_PAUSE_MS 1000 /* when the system has no descriptor to give */
#define DAY_SECONDS     (24 * 60 * 60)
#define SHOWN_BYTES     4096 /* of a path or of names, in `status` */

struct connection {
	struct clerk_control *control;
	int fd; /* -1: free */
	struct loop_timer *deadline;
	char line[CONTROL_LINE_MAX_BYTES];
	size_t length;
	bool answered; /* no more is read */
	struct buf out;
};

struct clerk_control {
	struct loop *loop;
	clerk_control_facts_fn *facts;
	void *context;
	int listen_fd;
	uid_t uid;
	struct loop_timer *pause;
	struct connection connections[CONTROL_CONNECTIONS_MAX];
};

/* --- one handler a request ---------------------------------------------------------------------- */

static void do_metrics(
    const struct control_request *request, const struct metrics *metrics, struct buf *out)
{
	(void)request;
	metrics_print(out, metrics);
}

static void put_sessions(struct buf *out, const struct metrics *metrics)
{
	uint32_t total = 0;

	for (int i = 0; i < CONF_PROTOCOL_COUNT; i++)
		total += metrics->sessions[i];
	buf_appendf(out, "sessions: %" PRIu32 " (", total);
	for (int i = 0; i < CONF_PROTOCOL_COUNT; i++)
		buf_appendf(out, "%s%s %" PRIu32, i == 0 ? "" : ", ", conf_protocol_name(i),
		    metrics->sessions[i]);
	buf_appendf(out, "), users: %" PRIu32 "\n", metrics->users);
}

static void put_certificate(struct buf *out, const struct metrics_certificate *certificate)
{
	const bool is_list = certificate->kind == CLERK_CERTIFICATE_LIST;
	const int64_t left = certificate->expires - clock_wall().tv_sec;
	const int64_t days = (left > 0 ? left : -left) / DAY_SECONDS;
	char text[SHOWN_BYTES];
	struct tm day;

	clock_utc(certificate->expires, &day);
	text_escape(text, sizeof(text), certificate->file, strlen(certificate->file));
	buf_appendf(out, "%s %s: %s %04d-%02d-%02d, ", is_list ? "revocation list" : "certificate", text,
	    left > 0 ? "ends" : "has ended", day.tm_year + 1900, day.tm_mon + 1, day.tm_mday);
	text_escape(text, sizeof(text), certificate->names, strlen(certificate->names));
	buf_appendf(out, "%" PRId64 " day%s %s; %s %s\n", days, days == 1 ? "" : "s",
	    left > 0 ? "left" : "ago", is_list ? "by" : "for", text[0] != '\0' ? text : "no name");
}

static void do_status(
    const struct control_request *request, const struct metrics *metrics, struct buf *out)
{
	char since[CLOCK_RFC3339_BYTES];

	(void)request;
	clock_rfc3339((struct timespec){ .tv_sec = metrics->start_time }, since);
	buf_appendf(out, "transom %s, process %" PRIu32 ", since %s\n", TRANSOM_VERSION,
	    metrics->master_pid, since);
	buf_appendf(out, "state: %s\n",
	    metrics->draining ? "stopping, sessions are being ended" : "running");
	put_sessions(out, metrics);
	for (size_t i = 0; i < metrics->certificates.count; i++)
		put_certificate(out, &metrics->certificates.items[i]);
}

typedef void request_fn(
    const struct control_request *request, const struct metrics *metrics, struct buf *out);

#define HANDLER(name, arguments, help) [CONTROL_##name] = do_##name,
static request_fn *const handlers[CONTROL_REQUEST_COUNT] = { CONTROL_REQUESTS(HANDLER) };

/* --- connections -------------------------------------------------------------------------------- */

static void on_listener(struct loop *loop, int fd, uint32_t events, void *context);

static struct connection *free_connection(struct clerk_control *control)
{
	for (size_t i = 0; i < CONTROL_CONNECTIONS_MAX; i++)
		if (control->connections[i].fd < 0)
			return &control->connections[i];
	return NULL;
}

/* Whoever finds no place waits in the kernel's queue: the listener is watched while there is one. */
static void watch_listener(struct clerk_control *control)
{
	if (control->listen_fd < 0)
		return;
	if (free_connection(control) == NULL)
		loop_unwatch(control->loop, control->listen_fd);
	else if (!loop_watch(control->loop, control->listen_fd, EPOLLIN, on_listener, control))
		loop_timer_set(control->pause, clock_mono_ms() + ACCEPT_PAUSE_MS);
}

static void drop(struct connection *connection)
{
	loop_unwatch(connection->control->loop, connection->fd);
	loop_timer_set(connection->deadline, CLOCK_NEVER);
	io_close(&connection->fd);
	buf_clear(&connection->out);
	watch_listener(connection->control);
}

static void on_deadline(struct loop *loop, void *context)
{
	(void)loop;
	drop(context);
}

static void on_connection(struct loop *loop, int fd, uint32_t events, void *context);

/* As much of the answer as it takes now; the rest when there is room. */
static void send_answer(struct connection *connection)
{
	struct buf *out = &connection->out;

	while (buf_length(out) > 0) {
		ssize_t sent = send(connection->fd, buf_bytes(out), buf_length(out),
		    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN &&
		    loop_watch(connection->control->loop, connection->fd, EPOLLOUT, on_connection,
		        connection))
			return;
		if (sent < 0)
			break;
		buf_consume(out, (size_t)sent);
	}
	drop(connection);
}

static void begin_answer(struct connection *connection, const char *error)
{
	struct buf *out = &connection->out;

	connection->answered = true;
	loop_timer_set(connection->deadline, clock_mono_ms() + CONTROL_DEADLINE_MS);
	/* More than there may be, or no memory: half an answer would be a wrong one. */
	if (out->failed) {
		buf_clear(out);
		buf_reset(out);
		error = "the answer is too long";
	}
	if (error != NULL)
		buf_appendf(out, CONTROL_ERROR "%s\n", error);
	send_answer(connection);
}

static void answer(struct connection *connection)
{
	struct clerk_control *control = connection->control;
	struct control_request request;
	const char *error;

	connection->line[connection->length - 1] = '\0';
	error = control_request_parse(&request, connection->line, connection->length - 1);
	if (error == NULL) {
		buf_append_string(&connection->out, CONTROL_OK);
		handlers[request.id](&request, control->facts(control->context), &connection->out);
	}
	begin_answer(connection, error);
}

/* What came so far; is the line whole, can it still become one? */
static void look_at_line(struct connection *connection)
{
	const char *end = memchr(connection->line, '\n', connection->length);

	if (end == NULL && connection->length == sizeof(connection->line))
		begin_answer(connection, "the request is too long");
	else if (end == connection->line + connection->length - 1)
		answer(connection);
	else if (end != NULL)
		begin_answer(connection, "one request a connection");
}

static void receive(struct connection *connection)
{
	ssize_t got = recv(connection->fd, connection->line + connection->length,
	    sizeof(connection->line) - connection->length, MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0 || (got == 0 && connection->length == 0)) {
		drop(connection);
	} else if (got == 0) {
		begin_answer(connection, "the request has no end");
	} else {
		connection->length += (size_t)got;
		look_at_line(connection);
	}
}

static void on_connection(struct loop *loop, int fd, uint32_t events, void *context)
{
	struct connection *connection = context;

	(void)loop;
	(void)fd;
	(void)events;
	if (connection->answered)
		send_answer(connection);
	else
		receive(connection);
}

/* The socket's mode says the same; it may have been changed. */
static bool may_ask(const struct clerk_control *control, int fd)
{
	struct ucred who;
	socklen_t length = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) == 0 &&
	       length == sizeof(who) && (who.uid == 0 || who.uid == control->uid);
}

/* Takes the descriptor. */
static void serve(struct clerk_control *control, int fd)
{
	static const char refusal[] =
	    CONTROL_ERROR "only root and the account that started the server may ask\n";
	struct connection *connection = free_connection(control);

	if (!may_ask(control, fd)) {
		(void)send(fd, refusal, sizeof(refusal) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		io_close(&fd);
		return;
	}
	if (!loop_watch(control->loop, fd, EPOLLIN, on_connection, connection)) {
		io_close(&fd);
		return;
	}
	connection->fd = fd;
	connection->length = 0;
	connection->answered = false;
	buf_init(&connection->out, CONTROL_ANSWER_MAX_BYTES);
	loop_timer_set(connection->deadline, clock_mono_ms() + CONTROL_DEADLINE_MS);
}

static void on_listener(struct loop *loop, int fd, uint32_t events, void *context)
{
	struct clerk_control *control = context;
	int client_fd = 0;

	(void)events;
	/* Some a turn: who is refused takes no place. */
	for (unsigned i = 0; i < CONTROL_CONNECTIONS_MAX && client_fd >= 0 && free_connection(control) != NULL; i++) {
		client_fd = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (client_fd >= 0)
			serve(control, client_fd);
	}
	if (free_connection(control) == NULL) {
		watch_listener(control);
	} else if (client_fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
		/* No descriptor to be had: whoever waits, waits on. */
		loop_unwatch(loop, fd);
		loop_timer_set(control->pause, clock_mono_ms() + ACCEPT_PAUSE_MS);
	}
}

static void on_pause(struct loop *loop, void *context)
{
	(void)loop;
	watch_listener(context);
}

/* --- life --------------------------------------------------------------------------------------- */

void clerk_control_listen(struct clerk_control *control, int listen_fd, uid_t uid)
{
	if (control->listen_fd >= 0)
		loop_unwatch(control->loop, control->listen_fd);
	io_close(&control->listen_fd);
	control->listen_fd = listen_fd;
	control->uid = uid;
	watch_listener(control);
}

struct clerk_control *clerk_control_new(
    struct loop *loop, clerk_control_facts_fn *facts, void *context)
{
	struct clerk_control *control = calloc(1, sizeof(*control));
	bool ok;

	if (control == NULL)
		return NULL;
	control->loop = loop;
	control->facts = facts;
	control->context = context;
	control->listen_fd = -1;
	control->pause = loop_timer_new(loop, on_pause, control);
	ok = control->pause != NULL;
	for (size_t i = 0; i < CONTROL_CONNECTIONS_MAX; i++) {
		struct connection *connection = &control->connections[i];

		connection->control = control;
		connection->fd = -1;
		connection->deadline = loop_timer_new(loop, on_deadline, connection);
		ok = ok && connection->deadline != NULL;
	}
	if (!ok)
		clerk_control_free(&control);
	return control;
}

void clerk_control_free(struct clerk_control **control_pointer)
{
	struct clerk_control *control = *control_pointer;

	if (control == NULL)
		return;
	clerk_control_listen(control, -1, 0);
	for (size_t i = 0; i < CONTROL_CONNECTIONS_MAX; i++) {
		struct connection *connection = &control->connections[i];

		if (connection->fd >= 0)
			drop(connection);
		if (connection->deadline != NULL)
			loop_timer_free(&connection->deadline);
	}
	if (control->pause != NULL)
		loop_timer_free(&control->pause);
	free(control);
	*control_pointer = NULL;
}
