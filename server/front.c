/*
 * The front: the exposed half of a session.
 *
 * Forked by a nursery; locks itself in before the first byte of a client can reach it, waits for
 * its guard to hand it a connection, speaks the protocol, and exits.  Everything it may do
 * afterwards is in sandbox_profiles.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/base/os_linux.h"
#include "server/base/proctitle.h"
#include "server/base/text.h"
#include "server/become_user.h"
#include "server/ftp/ftp_engine.h"
#include "server/guard_client.h"
#include "server/nursery_messages.h"
#include "server/sandbox.h"
#include "server/session.h"
#include "server/sftp/ssh_front.h"

#define POLL_MS          60000
#define SESSION_ID_BYTES 33

/* A client that vanished without a word is noticed after this time at the latest: half of it
 * without a sign of life, and then four probes without an answer. */
#define VANISHED_MAX_MS  120000
#define KEEPALIVE_PROBES 4

/* The client, as the guard announced it. */
struct client {
	int fd;
	uint32_t listener;
	char session[SESSION_ID_BYTES];
	struct netaddr local;
	struct netaddr peer;
	bool greeted;
	struct wire_blob unread; /* in the guard client's memory */
};

/* --- locking oneself in
 * --------------------------------------------------------------------------- */

static void confine(const struct session_start *start)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct become_user plan = {
		.role = "front",
		.as_root = start->as_root,
		.root_dir_fd = start->empty_dir_fd,
		.uid = start->front_uid,
		.gid = start->front_gid,
	};
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
	if (null_fd < 0)
		_exit(SESSION_EXIT_FAILED);
	become_user(&plan);
	if (os_landlock_confine(NULL, 0, false) < 0) {
		dprintf(STDERR_FILENO, "transomd: front: Landlock: %s\n", strerror(errno));
		_exit(SESSION_EXIT_FAILED);
	}
	if (start->empty_dir_fd >= 0)
		close(start->empty_dir_fd);
	sandbox_drop_stdio(null_fd);
	close(null_fd);
	sandbox_enter(SANDBOX_FRONT);
}

static void say_waiting(int leash_fd)
{
	const char byte = NURSERY_LEASH_WAITING;

	/* A nursery that is gone lets its guard know, and the guard us. */
	wire_send(leash_fd, &byte, sizeof(byte), -1);
	close(leash_fd);
}

/* --- the client
 * -------------------------------------------------------------------------------------- */

static bool take_client(const struct guard_client_event *event, struct client *out)
{
	const struct guard_note_start *note = &event->note.start;

	out->fd = event->fd;
	out->listener = note->listener;
	if (out->fd < 0 || !text_copy(out->session, sizeof(out->session), note->session) ||
	    !netaddr_parse_ip(&out->local, note->local) ||
	    !netaddr_parse_ip(&out->peer, note->peer))
		return false;
	out->local.port = (uint16_t)note->local_port;
	out->peer.port = (uint16_t)note->peer_port;
	out->greeted = note->greeted != 0;
	out->unread = note->unread;
	return true;
}

/* Wait until the guard hands over a connection; the process ends when the guard does. */
static bool wait_for_client(struct guard_client *guard, struct client *out)
{
	struct guard_client_event event;

	for (;;) {
		struct pollfd watch = { .fd = guard_client_fd(guard), .events = POLLIN };

		if (guard_client_next(guard, &event)) {
			if (event.notice && event.number == GUARD_NOTICE_start)
				return take_client(&event, out);
			return false; /* told to stop before there was a client */
		}
		poll(&watch, 1, POLL_MS);
	}
}

static void set_option(int fd, int level, int option, int value)
{
	/* Each of them makes the session better; none is worth refusing it. */
	setsockopt(fd, level, option, &value, sizeof(value));
}

static int at_least_one(int64_t seconds)
{
	return seconds < 1 ? 1 : (int)seconds;
}

/* The probes find out while a transfer runs, too, and whichever connection it uses: then nothing is
 * said on this one for long. */
static void notice_its_end(int fd, int64_t stall_timeout_ms)
{
	int64_t ms = stall_timeout_ms < VANISHED_MAX_MS ? stall_timeout_ms : VANISHED_MAX_MS;

	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, at_least_one(ms / 2000));
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, at_least_one(ms / 2000 / KEEPALIVE_PROBES));
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
	/* Probes are not sent while a reply is on its way: this bounds the tries to get it across.
	 */
	set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)ms);
}

static bool prepare_socket(int fd, const struct conf_ftp *ftp)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	notice_its_end(fd, ftp->stall_timeout);
	/* ABOR comes after an urgent Telnet signal (RFC 959 4.1.3): keep it in its place in the
	 * stream. */
	set_option(fd, SOL_SOCKET, SO_OOBINLINE, 1);
	return io_set_nonblocking(fd, true);
}

/* --- the process
 * --------------------------------------------------------------------------------------- */

static int serve_ftp(
    const struct session_start *start, struct guard_client *guard, const struct client *client)
{
	struct ftp_start engine = {
		.conf = start->conf,
		.listener = &start->conf->listeners[client->listener],
		.guard = guard,
		.control_fd = client->fd,
		.local = client->local,
		.peer = client->peer,
		.session = client->session,
		.greeted = client->greeted,
		.unread = client->unread,
		.tls = start->tls,
	};

	return ftp_engine_run(&engine);
}

static int serve_sftp(
    const struct session_start *start, struct guard_client *guard, const struct client *client)
{
	const struct ssh_front_start ssh = {
		.conf = start->conf,
		.listener = &start->conf->listeners[client->listener],
		.keys = start->keys,
		.guard = guard,
		.client_fd = client->fd,
		.peer = client->peer,
		.session = client->session,
	};

	return ssh_front_run(&ssh);
}

void front_run(const struct session_start *start)
{
	/* In the order of enum conf_protocol. */
	static int (*const protocols[CONF_PROTOCOL_COUNT])(
	    const struct session_start *, struct guard_client *, const struct client *) = {
		[CONF_PROTOCOL_FTP] = serve_ftp,
		[CONF_PROTOCOL_FTPS] = serve_ftp,
		[CONF_PROTOCOL_SFTP] = serve_sftp,
	};
	struct guard_client *guard;
	struct client client = { .fd = -1 };
	int protocol;

	proctitle_set("transomd: front idle");
	confine(start);
	guard = guard_client_new(start->wall_fd);
	if (guard == NULL)
		_exit(SESSION_EXIT_FAILED);
	say_waiting(start->leash_fd);
	if (!wait_for_client(guard, &client))
		_exit(SESSION_EXIT_OK);
	if (client.listener >= start->conf->listener_count ||
	    !prepare_socket(client.fd, &start->conf->ftp))
		_exit(SESSION_EXIT_FAILED);
	protocol = start->conf->listeners[client.listener].protocol;
	proctitle_set("transomd: front %s", conf_protocol_name(protocol));
	_exit(protocols[protocol](start, guard, &client));
}
