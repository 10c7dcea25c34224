/*
 * Data connections, made by the strong half: the peer is checked here, and again by what is
 * connected.
 *
 * Passive: a port of the configured range at the address that the client dialled, open until the
 * client's own connection has come.  Active: to the control connection's peer and nobody else (the
 * FTP bounce, CVE-1999-0017); the address that the front brings is compared, never used.  At most
 * one of them at a time.
 */
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "server/base/io.h"
#include "server/base/random.h"
#include "server/base/text.h"
#include "server/guard_private.h"

#define BACKLOG          4 /* the client, and strangers who must not keep it out */
#define STRANGERS_LOGGED 3 /* for one port: a stranger must not fill the log either */
#define TEXT_BYTES       256

/* --- what is announced -------------------------------------------------------------------- */

/* The name service may be slow; two seconds a server is what a login can wait. */
static bool resolve_ipv4(const char *name, struct netaddr *out)
{
	const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	bool ok = false;

	setenv("RES_OPTIONS", "timeout:2 attempts:1", 1);
	if (getaddrinfo(name, NULL, &hints, &found) == 0 && found != NULL)
		ok = netaddr_from_sockaddr(out, found->ai_addr, found->ai_addrlen);
	if (found != NULL)
		freeaddrinfo(found);
	return ok;
}

void guard_data_resolve_announce(struct guard *guard)
{
	struct netaddr *announce = &guard->data.announce;
	const char *public_address = guard->conf->ftp.public_address;
	char reason[TEXT_BYTES + NETADDR_TEXT_BYTES];

	announce->family = 0;
	if (public_address[0] == '\0' || guard_policy_is_near(&guard->peer))
		return;
	if (netaddr_parse_ip(announce, public_address) || resolve_ipv4(public_address, announce))
		return;
	announce->family = 0;
	text_format(
	    reason, sizeof(reason), "public_address %s has no IPv4 address", public_address);
	guard_log_data_failed(guard, NULL, reason,
	    "correct public_address in ftp { }; until then PASV tells the address the client "
	    "dialled");
}

/* --- one at a time ------------------------------------------------------------------------ */

static void close_listener(struct guard *guard)
{
	if (guard->data.listener_fd >= 0)
		loop_unwatch(guard->loop, guard->data.listener_fd);
	io_close(&guard->data.listener_fd);
}

/* Answer the request that waits, whichever it is; fd is the connection or -1, closed here. */
static void answer(struct guard *guard, enum vfs_status status, int fd)
{
	const struct guard_rep_data_accept accepted = { 0 };
	const struct guard_rep_data_connect connected = { 0 };
	const enum guard_data_wait waits = guard->data.waits;

	guard->data.waits = GUARD_DATA_WAITS_NOT;
	loop_timer_set(guard->data.deadline, CLOCK_NEVER);
	if (waits == GUARD_DATA_ACCEPTS) {
		close_listener(guard);
		guard_reply_data_accept(guard, guard->data.id, status, &accepted, fd);
	} else if (waits == GUARD_DATA_CONNECTS) {
		guard_reply_data_connect(guard, guard->data.id, status, &connected, fd);
	}
	io_close(&fd);
}

/* Wait for the network; the reply comes later. */
static enum vfs_status wait_for(struct guard *guard, enum guard_data_wait what)
{
	guard->data.waits = what;
	guard->data.id = guard->request_id;
	loop_timer_set(guard->data.deadline, clock_mono_ms() + guard->conf->ftp.data_timeout);
	return (enum vfs_status)GUARD_ANSWER_LATER;
}

/* The connection that active mode was making; -1 and forgotten here. */
static int take_connect_fd(struct guard *guard)
{
	int fd = guard->data.connect_fd;

	if (fd >= 0)
		loop_unwatch(guard->loop, fd);
	guard->data.connect_fd = -1;
	return fd;
}

static void on_deadline(struct loop *loop, void *context)
{
	struct guard *guard = context;
	struct netaddr here = guard->local;
	int fd = take_connect_fd(guard);

	(void)loop;
	io_close(&fd);
	here.port = guard->data.port;
	if (guard->data.waits == GUARD_DATA_ACCEPTS)
		guard_log_data_failed(guard, &here, "nobody connected to the passive port in time",
		    "open passive_ports in the firewalls before this server; behind NAT set "
		    "public_address");
	else
		guard_log_data_failed(guard, &guard->data.target,
		    "the client's port did not answer",
		    "the client is behind a firewall or NAT: let it use passive mode");
	answer(guard, VFS_TIMEOUT, -1);
}

bool guard_data_init(struct guard *guard)
{
	guard->data.listener_fd = -1;
	guard->data.connect_fd = -1;
	guard->data.deadline = loop_timer_new(guard->loop, on_deadline, guard);
	return guard->data.deadline != NULL;
}

void guard_data_end(struct guard *guard)
{
	int fd = take_connect_fd(guard);

	io_close(&fd);
	close_listener(guard);
	guard->data.waits = GUARD_DATA_WAITS_NOT;
	loop_timer_set(guard->data.deadline, CLOCK_NEVER);
}

enum vfs_status guard_do_data_close(struct guard *guard, const struct guard_req_data_close *ask,
    struct guard_rep_data_close *reply, int *fd_out)
{
	(void)ask;
	(void)reply;
	(void)fd_out;
	if (guard->data.waits != GUARD_DATA_WAITS_NOT)
		answer(guard, VFS_CANCELLED, -1);
	guard_data_end(guard);
	return VFS_OK;
}

/* --- passive ------------------------------------------------------------------------------ */

/* A listening socket at this port of the dialled address; -1 with errno. */
static int listen_at(const struct netaddr *local, uint16_t port)
{
	struct netaddr address = *local;
	struct sockaddr_storage name;
	socklen_t length;
	const int on = 1;
	int fd = socket(local->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	address.port = port;
	length = netaddr_to_sockaddr(&address, &name);
	/* Ports in TIME_WAIT are free for us; one that another session listens on is not. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(fd, (struct sockaddr *)&name, length) != 0 || listen(fd, BACKLOG) != 0)
		io_close(&fd);
	return fd;
}

/* A free port of the range, from a place that nobody can guess; -1 with errno. */
static int listen_in_range(const struct guard *guard)
{
	const struct conf_ports range = guard->conf->ftp.passive_ports;
	const uint32_t start = random_below(UINT16_MAX + 1u);
	uint16_t port;
	int fd = -1;

	if (range.first == 0)
		return listen_at(&guard->local, 0);
	errno = EADDRINUSE;
	for (uint32_t i = 0; fd < 0 && errno == EADDRINUSE; i++) {
		port = guard_policy_port(range, start, i);
		if (port == 0)
			break;
		fd = listen_at(&guard->local, port);
	}
	return fd;
}

static enum vfs_status listen_failed(struct guard *guard)
{
	const int error = errno;
	char reason[TEXT_BYTES];

	if (error == EADDRINUSE) {
		guard_log_data_failed(guard, &guard->local, "every port of passive_ports is in use",
		    "make passive_ports in ftp { } a longer range");
		return VFS_BUSY;
	}
	text_format(reason, sizeof(reason), "no passive port could be opened: %s", strerror(error));
	guard_log_data_failed(guard, &guard->local, reason,
	    error == EACCES ? "let passive_ports in ftp { } start at 1024 or above" : NULL);
	return error == ENOMEM || error == ENOBUFS ? VFS_NO_MEMORY : VFS_FAILED;
}

enum vfs_status guard_do_data_listen(struct guard *guard, const struct guard_req_data_listen *ask,
    struct guard_rep_data_listen *reply, int *fd_out)
{
	const struct netaddr *announced;
	struct netaddr bound;
	enum vfs_status status;

	(void)fd_out;
	if (guard->data.waits != GUARD_DATA_WAITS_NOT)
		return VFS_BUSY;
	status = guard_policy_family(&guard->local, ask->family);
	if (status != VFS_OK)
		return status;
	close_listener(guard);
	guard->data.listener_fd = listen_in_range(guard);
	if (guard->data.listener_fd < 0)
		return listen_failed(guard);
	if (!netaddr_local(&bound, guard->data.listener_fd)) {
		close_listener(guard);
		return VFS_FAILED;
	}
	guard->data.port = bound.port;
	guard->data.strangers = 0;
	announced = guard_policy_announce(&guard->data.announce, &guard->local, &guard->peer);
	netaddr_format_ip(announced, guard->text);
	reply->address = guard->text;
	reply->port = bound.port;
	return VFS_OK;
}

static void drop_stranger(struct guard *guard, const struct netaddr *stranger)
{
	struct netaddr here = guard->local;
	char text[NETADDR_TEXT_BYTES];
	char reason[TEXT_BYTES];

	if (guard->data.strangers++ >= STRANGERS_LOGGED)
		return;
	here.port = guard->data.port;
	netaddr_format(stranger, text);
	text_format(reason, sizeof(reason), "dropped a connection from %s: not the client", text);
	guard_log_data_failed(guard, &here, reason, NULL);
}

static void on_passive_client(struct loop *loop, int listener_fd, uint32_t events, void *context)
{
	struct guard *guard = context;
	struct sockaddr_storage name = { 0 };
	socklen_t length = sizeof(name);
	struct netaddr peer;
	int fd;

	(void)loop;
	(void)events;
	fd = accept4(listener_fd, (struct sockaddr *)&name, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0) {
		/* Gone before we came: wait on.  Without descriptors, waiting would spin. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			answer(guard, VFS_FAILED, -1);
		return;
	}
	if (netaddr_from_sockaddr(&peer, (struct sockaddr *)&name, length) &&
	    netaddr_same_ip(&peer, &guard->peer)) {
		answer(guard, VFS_OK, fd);
		return;
	}
	drop_stranger(guard, &peer);
	io_close(&fd);
}

enum vfs_status guard_do_data_accept(struct guard *guard, const struct guard_req_data_accept *ask,
    struct guard_rep_data_accept *reply, int *fd_out)
{
	(void)ask;
	(void)reply;
	(void)fd_out;
	if (guard->data.waits != GUARD_DATA_WAITS_NOT)
		return VFS_BUSY;
	if (guard->data.listener_fd < 0)
		return VFS_INVALID;
	if (!loop_watch(guard->loop, guard->data.listener_fd, EPOLLIN, on_passive_client, guard)) {
		close_listener(guard);
		return VFS_FAILED;
	}
	return wait_for(guard, GUARD_DATA_ACCEPTS);
}

/* --- active ------------------------------------------------------------------------------- */

/* Log why the client's port could not be reached, and the status that says so. */
static enum vfs_status connect_failed(struct guard *guard, int error)
{
	char reason[TEXT_BYTES];

	text_format(reason, sizeof(reason), "connecting to the client's port: %s", strerror(error));
	guard_log_data_failed(guard, &guard->data.target, reason,
	    "the client is behind a firewall or NAT: let it use passive mode");
	return error == ETIMEDOUT ? VFS_TIMEOUT : VFS_UNREACHABLE;
}

static void on_connected(struct loop *loop, int connect_fd, uint32_t events, void *context)
{
	struct guard *guard = context;
	int error = 0;
	socklen_t length = sizeof(error);
	int fd;

	(void)loop;
	(void)events;
	if (getsockopt(connect_fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		error = errno;
	fd = take_connect_fd(guard);
	if (error == 0) {
		answer(guard, VFS_OK, fd);
		return;
	}
	io_close(&fd);
	answer(guard, connect_failed(guard, error), -1);
}

/* A connection on its way from the dialled address to the target; -1 with errno. */
static int start_connecting(const struct netaddr *local, const struct netaddr *target)
{
	struct netaddr source = *local;
	struct sockaddr_storage name;
	socklen_t length;
	int fd = socket(target->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	/* The client's firewall expects us to come from where it went. */
	source.port = 0;
	length = netaddr_to_sockaddr(&source, &name);
	if (bind(fd, (struct sockaddr *)&name, length) != 0)
		goto failed;
	length = netaddr_to_sockaddr(target, &name);
	if (connect(fd, (struct sockaddr *)&name, length) != 0 && errno != EINPROGRESS)
		goto failed;
	return fd;
failed:
	io_close(&fd);
	return -1;
}

enum vfs_status guard_do_data_connect(struct guard *guard, const struct guard_req_data_connect *ask,
    struct guard_rep_data_connect *reply, int *fd_out)
{
	char reason[TEXT_BYTES];

	(void)reply;
	(void)fd_out;
	if (guard->data.waits != GUARD_DATA_WAITS_NOT)
		return VFS_BUSY;
	if (!guard->conf->ftp.active) {
		guard_log_data_failed(guard, NULL, "active mode is switched off",
		    "set active = yes in ftp { }, or let the client use passive mode");
		return VFS_FORBIDDEN;
	}
	if (guard_policy_active(&guard->peer, ask->address, ask->port) != VFS_OK) {
		text_format(reason, sizeof(reason),
		    "refused to connect to %s port %u: not the client, or a port below 1024",
		    ask->address, ask->port);
		guard_log_data_failed(guard, NULL, reason, NULL);
		return VFS_FORBIDDEN;
	}
	close_listener(guard);
	guard->data.target = guard->peer;
	guard->data.target.port = (uint16_t)ask->port;
	guard->data.connect_fd = start_connecting(&guard->local, &guard->data.target);
	if (guard->data.connect_fd < 0)
		return connect_failed(guard, errno);
	if (!loop_watch(guard->loop, guard->data.connect_fd, EPOLLOUT, on_connected, guard)) {
		int fd = take_connect_fd(guard);

		io_close(&fd);
		return VFS_FAILED;
	}
	return wait_for(guard, GUARD_DATA_CONNECTS);
}
