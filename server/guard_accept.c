/*
 * From an idle guard to a session: accept, ask the clerk, refuse on the spot or hand the socket to
 * the front.
 *
 * Not a byte of the client is read here.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "server/base/io.h"
#include "server/base/proctitle.h"
#include "server/base/random.h"
#include "server/base/text.h"
#include "server/guard_private.h"
#include "server/nursery_messages.h"

const char *guard_protocol_name(const struct conf_listener *listener)
{
	static const char *const names[] = { [CONF_PROTOCOL_FTP] = "ftp" };

	return names[listener->protocol];
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
	const char *line = refusal(verdict);
	char waste[512];

	guard_log_refuse(guard, clerk_verdict_text(verdict));
	(void)send(client_fd, line, strlen(line), MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(client_fd, SHUT_WR);
	/* Bytes left unread would turn the close into a reset, which overtakes the line. */
	(void)recv(client_fd, waste, sizeof(waste), MSG_DONTWAIT);
	clerk_client_leave(guard->clerk);
	guard->session[0] = '\0';
	guard->listener = NULL;
	guard->peer.family = 0;
}

static void tell_nursery(struct guard *guard, enum nursery_leash message)
{
	const char byte = (char)message;

	/* A nursery that has gone or retired does not matter to a client that is here. */
	if (guard->leash_fd >= 0)
		(void)wire_send(guard->leash_fd, &byte, sizeof(byte), -1);
}

static void close_listeners(struct guard *guard)
{
	for (size_t i = 0; i < guard->listener_count; i++) {
		loop_unwatch(guard->loop, guard->listener_fds[i]);
		io_close(&guard->listener_fds[i]);
	}
	loop_timer_set(guard->accept_pause, CLOCK_NEVER);
}

static void begin_session(struct guard *guard, int client_fd)
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
	};

	close_listeners(guard);
	tell_nursery(guard, NURSERY_LEASH_BUSY);
	loop_unwatch(guard->loop, guard->leash_fd);
	io_close(&guard->leash_fd);
	guard->state = GUARD_STATE_LOGIN;
	proctitle_set("transomd: guard login");
	loop_timer_set(guard->login_deadline, guard->since_ms + guard->conf->login_timeout);
	if (guard->conf->session_timeout > 0)
		loop_timer_set(
		    guard->session_deadline, guard->since_ms + guard->conf->session_timeout);
	guard_log_accept(guard);
	netaddr_format_ip(&guard->local, local);
	netaddr_format_ip(&guard->peer, peer);
	/* From here on the front alone holds the connection: its end is the client's too. */
	if (!guard_notify_start(guard, &note, client_fd))
		guard_end(guard, SESSION_EXIT_OK, "the front is gone");
}

static void admit(struct guard *guard, int client_fd)
{
	char peer_ip[NETADDR_TEXT_BYTES];
	uint8_t id[(GUARD_SESSION_BYTES - 1) / 2];
	enum clerk_verdict verdict;

	random_bytes(id, sizeof(id));
	text_hex(guard->session, id, sizeof(id));
	netaddr_format_ip(&guard->peer, peer_ip);
	verdict = clerk_client_admit(guard->clerk, guard->session,
	    guard_protocol_name(guard->listener), guard->listener->title, peer_ip);
	if (verdict == CLERK_ALLOWED)
		begin_session(guard, client_fd);
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
		admit(guard, client_fd);
	io_close(&client_fd);
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
	tell_nursery(guard, NURSERY_LEASH_WAITING);
	return true;
}
