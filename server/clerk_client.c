#include "server/clerk_client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/text.h"

#define RETRY_MS       50 /* between attempts to reach a clerk */
#define ATTACH_BYTES   1024
#define QUESTION_BYTES 1024
#define REPLY_BYTES    256 /* what the clerk says is short */

/* A line that is not known to be in the log. */
struct pending {
	uint8_t *bytes; /* the whole message, heap */
	size_t length;
	uint64_t seq;
};

struct clerk_client {
	char role[CLERK_TITLE_MAX + 1];
	int door_fd;
	int fd;               /* -1: not connected */
	uint64_t connections; /* made so far: a question is asked once on each */
	int64_t retry_at;

	struct loop *loop;
	struct loop_timer *timer; /* deferred work: reconnect, a stop that came during a question */
	clerk_client_stop_fn *stop_fn;
	void *stop_context;
	bool stop_waits;
	bool stop_now;
	enum guard_stop stop_reason;

	/* Ring of pending lines: sent ones first. */
	struct pending ring[CLERK_PENDING_MAX];
	size_t first, count, sent;
	uint64_t seq;
	bool gave_up; /* waited in vain: drop at once until the clerk is back */

	/* The question that waits for its answer. */
	uint32_t id;
	bool answered;
	enum clerk_verdict verdict;

	/* What a new clerk must know of us. */
	char session[CLERK_SESSION_MAX + 1];
	char protocol[CLERK_TITLE_MAX + 1];
	char listener[CLERK_TITLE_MAX + 1];
	char peer[NETADDR_TEXT_BYTES];
	char user[GUARD_USER_NAME_MAX + 1];
	int64_t since;
};

static void on_readable(struct loop *loop, int fd, uint32_t events, void *context);
static void on_timer(struct loop *loop, void *context);

/* --- connection ----------------------------------------------------------------------------- */

static void arm(struct clerk_client *client, int64_t deadline)
{
	if (client->timer != NULL)
		loop_timer_set(client->timer, deadline);
}

static void disconnect(struct clerk_client *client)
{
	if (client->fd < 0)
		return;
	if (client->loop != NULL)
		loop_unwatch(client->loop, client->fd);
	io_close(&client->fd);
	client->sent = 0;
	arm(client, client->retry_at);
}

static void encode_attach(const struct clerk_client *client, struct wire_writer *writer)
{
	struct wire_header header = { .type = CLERK_MESSAGE_attach, .kind = WIRE_NOTICE };
	struct clerk_msg_attach message = {
		.role = client->role,
		.session = client->session,
		.protocol = client->protocol,
		.listener = client->listener,
		.peer = client->peer,
		.user = client->user,
		.since = client->since,
	};

	wire_put_header(writer, &header);
	clerk_put_attach(writer, &message);
}

/* One end through the door.  The door is non-blocking: a crowd that comes back waits in RETRY_MS
 * steps. */
static bool introduce(const struct clerk_client *client, int their_end)
{
	uint8_t bytes[ATTACH_BYTES];
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };

	encode_attach(client, &writer);
	return !writer.failed && wire_send(client->door_fd, bytes, writer.length, their_end);
}

static void connect_to_clerk(struct clerk_client *client)
{
	int ends[2] = { -1, -1 };

	if (client->fd >= 0 || clock_mono_ms() < client->retry_at)
		return;
	client->retry_at = clock_mono_ms() + RETRY_MS;
	if (!wire_pair(ends) || !io_set_nonblocking(ends[0], true) || !introduce(client, ends[1]))
		goto out;
	client->fd = ends[0];
	client->connections++;
	ends[0] = -1;
	if (client->loop != NULL)
		loop_watch(client->loop, client->fd, EPOLLIN, on_readable, client);
out:
	io_close(&ends[0]);
	io_close(&ends[1]);
	if (client->fd < 0)
		arm(client, client->retry_at);
}

/* Send what of the ring was not sent on this connection. */
static void push(struct clerk_client *client)
{
	connect_to_clerk(client);
	while (client->fd >= 0 && client->sent < client->count) {
		const struct pending *line =
		    &client->ring[(client->first + client->sent) % CLERK_PENDING_MAX];

		if (wire_send(client->fd, line->bytes, line->length, -1)) {
			client->sent++;
		} else if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM) {
			/* Full: it goes on when the clerk has acknowledged some, or after a while.
			 */
			arm(client, clock_mono_ms() + RETRY_MS);
			return;
		} else {
			disconnect(client);
			connect_to_clerk(client);
		}
	}
}

/* --- what the clerk says ------------------------------------------------------------------------
 */

static void drop_first(struct clerk_client *client)
{
	free(client->ring[client->first].bytes);
	client->ring[client->first].bytes = NULL;
	client->first = (client->first + 1) % CLERK_PENDING_MAX;
	client->count--;
	if (client->sent > 0)
		client->sent--;
}

static void take_written(struct clerk_client *client, const struct clerk_msg_written *message)
{
	while (client->sent > 0 && client->ring[client->first].seq <= message->seq)
		drop_first(client);
	client->gave_up = false;
}

static void take_stop(struct clerk_client *client, const struct clerk_msg_stop *message)
{
	client->stop_waits = true;
	client->stop_reason = (enum guard_stop)message->reason;
	client->stop_now = client->stop_now || message->now != 0;
	/* Not from here: the caller may be in the middle of a question. */
	arm(client, clock_mono_ms());
}

/* False when the clerk talks nonsense. */
static bool take(struct clerk_client *client, const uint8_t *bytes, size_t length)
{
	struct wire_reader reader = { .bytes = bytes, .left = length };
	struct clerk_msg_written written;
	struct clerk_msg_verdict verdict;
	struct clerk_msg_stop stop;
	struct wire_header header;

	wire_get_header(&reader, &header);
	switch (header.type) {
	case CLERK_MESSAGE_written:
		clerk_get_written(&reader, &written);
		if (!wire_done(&reader))
			return false;
		take_written(client, &written);
		return true;
	case CLERK_MESSAGE_verdict:
		clerk_get_verdict(&reader, &verdict);
		if (!wire_done(&reader))
			return false;
		if (header.id == client->id) {
			client->answered = true;
			client->verdict = (enum clerk_verdict)verdict.verdict;
		}
		return true;
	case CLERK_MESSAGE_stop:
		clerk_get_stop(&reader, &stop);
		if (!wire_done(&reader))
			return false;
		take_stop(client, &stop);
		return true;
	default:
		return false;
	}
}

static void receive_all(struct clerk_client *client)
{
	uint8_t bytes[REPLY_BYTES];

	while (client->fd >= 0) {
		int fd = -1;
		ssize_t got = wire_receive(client->fd, bytes, sizeof(bytes), &fd);

		io_close(&fd);
		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0 || !take(client, bytes, (size_t)got))
			disconnect(client);
	}
}

/* For those who wait: send, look for an answer until the deadline or RETRY_MS have passed, receive.
 */
static void take_turn(struct clerk_client *client, int64_t deadline)
{
	struct pollfd watch = { .events = POLLIN };
	int64_t until = clock_mono_ms() + RETRY_MS;

	push(client);
	watch.fd = client->fd; /* -1: poll only waits */
	poll(&watch, 1, clock_poll_ms(until < deadline ? until : deadline));
	receive_all(client);
}

/* --- loop ----------------------------------------------------------------------------------- */

static void on_readable(struct loop *loop, int fd, uint32_t events, void *context)
{
	struct clerk_client *client = context;

	(void)loop;
	(void)fd;
	(void)events;
	receive_all(client);
	push(client);
}

static void on_timer(struct loop *loop, void *context)
{
	struct clerk_client *client = context;

	(void)loop;
	push(client);
	if (client->stop_waits && client->stop_fn != NULL) {
		client->stop_waits = false;
		client->stop_fn(client->stop_context, client->stop_reason, client->stop_now);
	}
}

bool clerk_client_attach_loop(
    struct clerk_client *client, struct loop *loop, clerk_client_stop_fn *stop_fn, void *context)
{
	client->timer = loop_timer_new(loop, on_timer, client);
	if (client->timer == NULL) {
		errno = ENOMEM;
		return false;
	}
	client->loop = loop;
	client->stop_fn = stop_fn;
	client->stop_context = context;
	if (client->fd < 0 || client->stop_waits)
		arm(client, client->retry_at);
	return client->fd < 0 || loop_watch(loop, client->fd, EPOLLIN, on_readable, client);
}

/* --- life ----------------------------------------------------------------------------------- */

struct clerk_client *clerk_client_new(const char *role, int door_fd)
{
	struct clerk_client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		return NULL;
	client->fd = -1;
	client->door_fd = door_fd;
	text_copy(client->role, sizeof(client->role), role);
	if (!io_set_nonblocking(door_fd, true)) {
		free(client);
		return NULL;
	}
	connect_to_clerk(client);
	return client;
}

void clerk_client_free(struct clerk_client **client_pointer)
{
	struct clerk_client *client = *client_pointer;

	if (client == NULL)
		return;
	while (client->count > 0)
		drop_first(client);
	if (client->loop != NULL && client->fd >= 0)
		loop_unwatch(client->loop, client->fd);
	if (client->timer != NULL)
		loop_timer_free(&client->timer);
	io_close(&client->fd);
	free(client);
	*client_pointer = NULL;
}

/* --- log ------------------------------------------------------------------------------------ */

static uint8_t *encode_event(const struct event *event, uint64_t seq, size_t *length_out)
{
	struct wire_header header = { .type = CLERK_MESSAGE_event, .kind = WIRE_NOTICE };
	struct timespec now = clock_wall();
	struct clerk_msg_event message = {
		.seq = seq,
		.seconds = now.tv_sec,
		.milliseconds = (uint32_t)(now.tv_nsec / 1000000L),
		.event = event->id,
		.fields = { .bytes = event->fields, .length = event->length },
	};
	size_t size = sizeof(header) + 64 + event->length;
	uint8_t *bytes = malloc(size);
	struct wire_writer writer = { .bytes = bytes, .size = size };

	if (bytes == NULL)
		return NULL;
	wire_put_header(&writer, &header);
	clerk_put_event(&writer, &message);
	*length_out = writer.length;
	if (writer.failed) {
		free(bytes);
		return NULL;
	}
	return bytes;
}

/* Wait until at most this many lines are pending; false when the deadline came first. */
static bool wait_for_room(struct clerk_client *client, size_t pending, int64_t deadline)
{
	while (client->count > pending) {
		if (clock_mono_ms() >= deadline)
			return false;
		take_turn(client, deadline);
	}
	return true;
}

void clerk_client_log(struct clerk_client *client, const struct event *event)
{
	struct pending *line;
	uint64_t seq = ++client->seq; /* a line that is dropped leaves a gap to be seen */
	size_t length;
	uint8_t *bytes;

	if (client->count == CLERK_PENDING_MAX && client->gave_up)
		return;
	if (!wait_for_room(client, CLERK_PENDING_MAX - 1, clock_mono_ms() + CLERK_WAIT_MS)) {
		client->gave_up = true;
		return;
	}
	bytes = encode_event(event, seq, &length);
	if (bytes == NULL)
		return;
	line = &client->ring[(client->first + client->count) % CLERK_PENDING_MAX];
	*line = (struct pending){ .bytes = bytes, .length = length, .seq = seq };
	client->count++;
	push(client);
}

/* --- questions ------------------------------------------------------------------------------ */

static bool send_question(struct clerk_client *client, const struct wire_writer *question)
{
	push(client); /* what was logged before comes before */
	if (client->fd < 0)
		return false;
	if (wire_send(client->fd, question->bytes, question->length, -1))
		return true;
	if (errno != EAGAIN)
		disconnect(client);
	return false;
}

/* Ask until there is an answer: again on every new connection. */
static enum clerk_verdict ask(
    struct clerk_client *client, const struct wire_writer *question, int64_t wait_ms)
{
	int64_t deadline = clock_mono_ms() + wait_ms;
	uint64_t asked_on = 0;

	client->answered = question->failed;
	client->verdict = CLERK_UNAVAILABLE;
	while (!client->answered) {
		if (asked_on != client->connections && send_question(client, question))
			asked_on = client->connections;
		if (clock_mono_ms() >= deadline)
			break;
		take_turn(client, deadline);
	}
	client->id++; /* an answer that comes too late belongs to nobody */
	return client->verdict;
}

static void start_question(struct clerk_client *client, struct wire_writer *writer, uint16_t type)
{
	struct wire_header header = { .type = type, .kind = WIRE_REQUEST };

	if (++client->id == 0)
		client->id = 1; /* 0 is for notices */
	header.id = client->id;
	wire_put_header(writer, &header);
}

/* Something that needs no answer; a clerk that is not there has nothing to forget. */
static void tell(struct clerk_client *client, uint16_t type)
{
	struct wire_header header = { .type = type, .kind = WIRE_NOTICE };
	uint8_t bytes[sizeof(header)];
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };

	wire_put_header(&writer, &header);
	push(client);
	if (client->fd >= 0 && !wire_send(client->fd, bytes, writer.length, -1))
		disconnect(client);
}

void clerk_client_flush(struct clerk_client *client, int64_t wait_ms)
{
	if (client->count > 0)
		tell(client, CLERK_MESSAGE_sync);
	wait_for_room(client, 0, clock_mono_ms() + wait_ms);
}

enum clerk_verdict clerk_client_admit(struct clerk_client *client, const char *session,
    const char *protocol, const char *listener, const char *peer_ip)
{
	uint8_t bytes[QUESTION_BYTES];
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };
	struct clerk_msg_admit message = {
		.session = session, .protocol = protocol, .listener = listener, .peer = peer_ip
	};
	enum clerk_verdict verdict;

	start_question(client, &writer, CLERK_MESSAGE_admit);
	clerk_put_admit(&writer, &message);
	verdict = ask(client, &writer, CLERK_WAIT_MS);
	if (verdict == CLERK_UNAVAILABLE)
		disconnect(client); /* it may have counted us meanwhile */
	if (verdict != CLERK_ALLOWED)
		return verdict;
	client->since = clock_wall().tv_sec;
	text_copy(client->session, sizeof(client->session), session);
	text_copy(client->protocol, sizeof(client->protocol), protocol);
	text_copy(client->listener, sizeof(client->listener), listener);
	text_copy(client->peer, sizeof(client->peer), peer_ip);
	client->user[0] = '\0';
	return verdict;
}

void clerk_client_leave(struct clerk_client *client)
{
	client->session[0] = client->protocol[0] = client->listener[0] = '\0';
	client->peer[0] = client->user[0] = '\0';
	tell(client, CLERK_MESSAGE_leave);
}

enum clerk_verdict clerk_client_login(
    struct clerk_client *client, const char *user, uint32_t max_sessions)
{
	uint8_t bytes[QUESTION_BYTES];
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };
	struct clerk_msg_login message = { .user = user, .max_sessions = max_sessions };
	enum clerk_verdict verdict;

	start_question(client, &writer, CLERK_MESSAGE_login);
	clerk_put_login(&writer, &message);
	verdict = ask(client, &writer, CLERK_WAIT_MS);
	if (verdict == CLERK_UNAVAILABLE)
		disconnect(client);
	if (verdict == CLERK_ALLOWED)
		text_copy(client->user, sizeof(client->user), user);
	return verdict;
}

bool clerk_client_hash_begin(struct clerk_client *client, int64_t wait_ms)
{
	uint8_t bytes[QUESTION_BYTES];
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };

	start_question(client, &writer, CLERK_MESSAGE_hash_begin);
	if (ask(client, &writer, wait_ms) == CLERK_ALLOWED)
		return true;
	tell(client, CLERK_MESSAGE_hash_end); /* leave the queue */
	return false;
}

void clerk_client_hash_end(struct clerk_client *client)
{
	tell(client, CLERK_MESSAGE_hash_end);
}
