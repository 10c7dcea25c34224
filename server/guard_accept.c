/*
 * From an idle guard to a session: accept, or take over from a session that was given up; ask the
 * clerk, refuse on the spot or hand the socket to the front.
 *
 * Not a byte of the client is read here.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "server/base/io.h"
#include "server/base/os_linux.h"
#include "server/base/proctitle.h"
#include "server/base/random.h"
#include "server/base/secret.h"
#include "server/base/text.h"
#include "server/guard_private.h"
#include "server/nursery_messages.h"

const char *guard_protocol_name(const struct conf_listener *listener)
{
	return conf_protocol_name(listener->protocol);
}

/* What a client reads that may not come in; every other word of FTP is the front's. */
static const char *refusal(enum clerk_verdict verdict)
{
	switch (verdict) {
	case CLERK_TOO_MANY_FROM_ADDRESS:
		return "421 Too many connections from your address, try again later.\r\n";
	case CLERK_SHUTTING_DOWN:
		return "421 Server is going down.\r\n";
	case CLERK_UNAVAILABLE:
		return "421 Service not available, try again later.\r\n";
	default:
		return "421 Too many connections, try again later.\r\n";
	}
}

/* Sent as far as it goes at once: a client that does not read must not hold us up. */
static void refuse(struct guard *guard, int client_fd, enum clerk_verdict verdict)
{
	/* Of RFC 8446 6: fatal, internal_error.  Words would be no TLS, and "wrong version" to the client. */
	static const char alert[] = "\x15\x03\x03\x00\x02\x02\x50";
	const bool in_tls = guard->listener->protocol == CONF_PROTOCOL_FTPS;
	const char *line = refusal(verdict);
	char waste[512];

	guard_log_refuse(guard, clerk_verdict_text(verdict));
	(void)send(client_fd, in_tls ? alert : line, in_tls ? sizeof(alert) - 1 : strlen(line),
	    MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(client_fd, SHUT_WR);
	/* Bytes left unread would turn the close into a reset, which overtakes the line. */
	(void)recv(client_fd, waste, sizeof(waste), MSG_DONTWAIT);
	clerk_client_leave(guard->clerk);
	guard->session[0] = '\0';
	guard->listener = NULL;
	guard->peer.family = 0;
}

static void say_waiting(const struct guard *guard)
{
	const char byte = NURSERY_LEASH_WAITING;

	if (guard->leash_fd >= 0)
		(void)wire_send(guard->leash_fd, &byte, sizeof(byte), -1);
}

static void say_busy(const struct guard *guard)
{
	const struct nursery_client message = {
		.kind = NURSERY_LEASH_BUSY,
		.listener = (uint32_t)(guard->listener - guard->conf->listeners),
		.cookie = guard->cookie,
	};

	/* A nursery that has gone or retired does not matter to a client that is here. */
	if (guard->leash_fd < 0)
		return;
	(void)wire_send(guard->leash_fd, &message, sizeof(message), -1);
	/* It stays open for REIN; its end means nothing any more. */
	loop_unwatch(guard->loop, guard->leash_fd);
}

static void close_listeners(struct guard *guard)
{
	for (size_t i = 0; i < guard->listener_count; i++) {
		loop_unwatch(guard->loop, guard->listener_fds[i]);
		io_close(&guard->listener_fds[i]);
	}
	loop_timer_set(guard->accept_pause, CLOCK_NEVER);
}

/* What an earlier session of the connection has left (REIN). */
struct left {
	struct wire_blob unread;
	bool greeted;
};

static void begin_session(struct guard *guard, int client_fd, const struct left *left)
{
	char local[NETADDR_TEXT_BYTES];
	char peer[NETADDR_TEXT_BYTES];
	const struct guard_note_start note = {
		.listener = (uint32_t)(guard->listener - guard->conf->listeners),
		.session = guard->session,
		.local = local,
		.local_port = guard->local.port,
		.peer = peer,
		.peer_port = guard->peer.port,
		.greeted = left->greeted,
		.unread = left->unread,
	};

	close_listeners(guard);
	say_busy(guard);
	guard->state = GUARD_STATE_LOGIN;
	proctitle_set("transomd: guard login");
	loop_timer_set(guard->login_deadline, guard->since_ms + guard->conf->login_timeout);
	if (guard->conf->session_timeout > 0)
		loop_timer_set(
		    guard->session_deadline, guard->since_ms + guard->conf->session_timeout);
	guard_watchdog_begin(guard);
	guard_log_accept(guard);
	netaddr_format_ip(&guard->local, local);
	netaddr_format_ip(&guard->peer, peer);
	/* From here on the front alone holds the connection: its end is the client's too. */
	if (!guard_notify_start(guard, &note, client_fd))
		guard_end(guard, SESSION_EXIT_OK, "the front is gone");
}

static void admit(struct guard *guard, int client_fd, const struct left *left)
{
	char peer_ip[NETADDR_TEXT_BYTES];
	uint8_t id[(GUARD_SESSION_BYTES - 1) / 2];
	enum clerk_verdict verdict;

	guard->cookie = os_socket_cookie(client_fd);
	random_bytes(id, sizeof(id));
	text_hex(guard->session, id, sizeof(id));
	netaddr_format_ip(&guard->peer, peer_ip);
	netaddr_format(&guard->peer, guard->peer_text);
	verdict = clerk_client_admit(guard->clerk, guard->session,
	    guard_protocol_name(guard->listener), guard->listener->title, peer_ip);
	if (verdict == CLERK_ALLOWED)
		begin_session(guard, client_fd, left);
	else
		refuse(guard, client_fd, verdict);
}

static void accept_failed(struct guard *guard, int listener_fd)
{
	switch (errno) {
	case EAGAIN: /* another guard was faster */
	case EINTR:
	case ECONNABORTED:
		return;
	case EINVAL: /* shut down by the master: the leash tells what comes next */
		loop_unwatch(guard->loop, listener_fd);
		return;
	default:
		/*
		 * No descriptors or memory in the process or the system (EMFILE, ENFILE, ENOBUFS,
		 * ENOMEM), or an error of the client's network that accept(2) passes on.  The
		 * listener stays readable, so look away for a moment instead of spinning.
		 */
		for (size_t i = 0; i < guard->listener_count; i++)
			loop_unwatch(guard->loop, guard->listener_fds[i]);
		loop_timer_set(guard->accept_pause, clock_mono_ms() + GUARD_ACCEPT_PAUSE_MS);
	}
}

static void on_client(struct loop *loop, int listener_fd, uint32_t events, void *context)
{
	struct guard *guard = context;
	struct sockaddr_storage peer = { 0 };
	socklen_t length = sizeof(peer);
	size_t index = 0;
	int client_fd;

	(void)loop;
	(void)events;
	client_fd =
	    accept4(listener_fd, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client_fd < 0) {
		accept_failed(guard, listener_fd);
		return;
	}
	while (guard->listener_fds[index] != listener_fd)
		index++;
	guard->listener = &guard->conf->listeners[index];
	guard->since_ms = clock_mono_ms();
	if (netaddr_from_sockaddr(&guard->peer, (struct sockaddr *)&peer, length) &&
	    netaddr_local(&guard->local, client_fd))
		admit(guard, client_fd, &(struct left){ 0 });
	io_close(&client_fd);
}

/* The nursery's message is its own making but for the bytes of `unread`, which are for the front. */
static bool take_over(struct guard *guard, size_t length, int client_fd)
{
	const struct nursery_client *message = (const void *)guard->in;
	struct left left;

	if (length < sizeof(*message) || message->kind != NURSERY_LEASH_INHERIT || client_fd < 0 ||
	    message->listener >= guard->conf->listener_count ||
	    message->cookie != os_socket_cookie(client_fd))
		return false;
	left.greeted = message->greeted;
	left.unread = (struct wire_blob){
		.bytes = message->unread, .length = length - sizeof(*message)
	};
	guard->listener = &guard->conf->listeners[message->listener];
	guard->since_ms = clock_mono_ms();
	/* A client that has left meanwhile is nobody's session. */
	if (netaddr_peer(&guard->peer, client_fd) && netaddr_local(&guard->local, client_fd))
		admit(guard, client_fd, &left);
	return guard->state == GUARD_STATE_LOGIN;
}

static void on_inheritance(struct loop *loop, int leash_fd, uint32_t events, void *context)
{
	struct guard *guard = context;
	int client_fd = -1;
	ssize_t length = wire_receive(leash_fd, guard->in, WIRE_MAX_BYTES, &client_fd);

	(void)events;
	if (length < 0 && errno == EAGAIN)
		return;
	loop_unwatch(loop, leash_fd);
	/* Refused, or retired before it came: there is no other client for this guard. */
	if (length <= 0 || !take_over(guard, (size_t)length, client_fd))
		guard_end(guard, SESSION_EXIT_OK, NULL);
	if (length > 0)
		secret_wipe(guard->in, (size_t)length);
	io_close(&client_fd);
}

bool guard_accept_inherit(struct guard *guard)
{
	close_listeners(guard);
	if (!loop_watch(guard->loop, guard->leash_fd, EPOLLIN, on_inheritance, guard))
		return false;
	say_waiting(guard);
	return true;
}

static bool watch_listeners(struct guard *guard)
{
	for (size_t i = 0; i < guard->listener_count; i++) {
		/* EPOLLEXCLUSIVE: one client wakes one guard, not the whole herd. */
		if (!loop_watch(guard->loop, guard->listener_fds[i], EPOLLIN | EPOLLEXCLUSIVE,
		        on_client, guard))
			return false;
	}
	return true;
}

void guard_accept_resume(struct loop *loop, void *context)
{
	struct guard *guard = context;

	(void)loop;
	if (!watch_listeners(guard))
		guard_end(guard, SESSION_EXIT_FAILED, NULL);
}

bool guard_accept_begin(struct guard *guard)
{
	for (size_t i = 0; i < guard->listener_count; i++) {
		/* Another guard may be faster between our waking up and accept(2). */
		if (!io_set_nonblocking(guard->listener_fds[i], true))
			return false;
	}
	if (!watch_listeners(guard))
		return false;
	say_waiting(guard);
	return true;
}
