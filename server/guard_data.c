/*
 * Data connections, made by the strong half: the peer is checked here, and again by what is
 * connected.
 *
 * Passive: a port of the configured range at the address that the client dialled, open until the
 * client's own connection has come, be that before or after the front asks for it: strangers who
 * filled the queue meanwhile would keep the client out.  Most clients connect and ask at once, so
 * for a moment nobody is woken for the connection alone; it goes with the file that they ask for, and for those
 * who ask again and again the next port is opened at once.  Active: to the control connection's peer
 * and nobody else (the FTP bounce, CVE-1999-0017); the address that the front brings is compared,
 * never used.  At most one of them at a time.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "server/base/io.h"
#include "server/base/random.h"
#include "server/base/text.h"
#include "server/guard_private.h"

#define BACKLOG          64 /* the client, and strangers who must not keep it out */
#define SYSTEM_PORTS_TRIED 32 /* before the system is asked for one */
#define LOOK_MS          20 /* then the queue is emptied though nobody asks */
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
	const char *host = guard_policy_announce(&guard->conf->ftp, &guard->local, &guard->peer);
	char reason[TEXT_BYTES + NETADDR_TEXT_BYTES];

	announce->family = 0;
	if (host == NULL)
		return;
	if ((netaddr_parse_ip(announce, host) || resolve_ipv4(host, announce)) &&
	    announce->family == AF_INET && !netaddr_is_any(announce))
		return;
	announce->family = 0;
	text_format(
	    reason, sizeof(reason), "the public address %s has no usable IPv4 address", host);
	guard_log_data_failed(guard, NULL, reason,
	    "correct public_address or public_addresses in ftp { }, or the name service; until "
	    "then PASV tells the address the client dialled");
}

/* --- one at a time ------------------------------------------------------------------------ */

static void close_listener(struct guard *guard)
{
	if (guard->data.listener_fd >= 0)
		loop_unwatch(guard->loop, guard->data.listener_fd);
	loop_timer_set(guard->data.look, CLOCK_NEVER);
	io_close(&guard->data.listener_fd);
}

/* Forget the passive port and what came to it. */
static void close_passive(struct guard *guard)
{
	close_listener(guard);
	io_close(&guard->data.early_fd);
	guard->data.lapsed = false;
	if (guard->data.waits == GUARD_DATA_WAITS_NOT)
		loop_timer_set(guard->data.deadline, CLOCK_NEVER);
}

void guard_data_forget(struct guard_data *data)
{
	data->algorithms[0] = '\0';
	data->end_reason = NULL;
}

static void count_given(struct guard_data *data)
{
	data->given++;
	guard_data_forget(data);
}

/* Answer the request that waits, whichever it is; fd is the connection or -1, closed here. */
static void answer(struct guard *guard, enum vfs_status status, int fd)
{
	const struct guard_rep_data_accept accepted = { 0 };
	const struct guard_rep_data_connect connected = { 0 };
	const enum guard_data_wait waits = guard->data.waits;

	guard->data.waits = GUARD_DATA_WAITS_NOT;
	loop_timer_set(guard->data.deadline, CLOCK_NEVER);
	if (status == VFS_OK)
		count_given(&guard->data);
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
	if (guard->data.waits != GUARD_DATA_CONNECTS)
		guard_log_data_failed(guard, &here, "nobody connected to the passive port in time",
		    "open passive_ports in the firewalls before this server; behind NAT set "
		    "public_address");
	else
		guard_log_data_failed(guard, &guard->data.target,
		    "the client's port did not answer",
		    "the client is behind a firewall or NAT: let it use passive mode");
	/* Most clients ask for a transfer only when they are connected: then nothing waits here. */
	guard->data.lapsed = guard->data.waits == GUARD_DATA_WAITS_NOT;
	close_listener(guard);
	answer(guard, VFS_TIMEOUT, -1);
}

static void on_look(struct loop *loop, void *context);

bool guard_data_init(struct guard *guard)
{
	guard->data.listener_fd = -1;
	guard->data.early_fd = -1;
	guard->data.connect_fd = -1;
	guard->data.along_fd = -1;
	guard->data.deadline = loop_timer_new(guard->loop, on_deadline, guard);
	guard->data.look = loop_timer_new(guard->loop, on_look, guard);
	return guard->data.deadline != NULL && guard->data.look != NULL;
}

void guard_data_end(struct guard *guard)
{
	int fd = take_connect_fd(guard);

	io_close(&fd);
	guard->data.waits = GUARD_DATA_WAITS_NOT;
	close_passive(guard);
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

/* One of 65536, each used once; fetched in stock, since every fetch is a system call. */
static uint32_t take_chance(struct guard_data *data)
{
	if (data->chances_left == 0) {
		random_bytes(data->chances, sizeof(data->chances));
		data->chances_left = sizeof(data->chances) / sizeof(data->chances[0]);
	}
	return data->chances[--data->chances_left];
}

/* A free port of the range, from a place that nobody can guess; -1 with errno. */
static int listen_in_range(
    struct guard *guard, struct conf_ports range, uint32_t attempts, uint16_t *port_out)
{
	const uint32_t start = take_chance(&guard->data);
	int fd = -1;

	errno = EADDRINUSE;
	for (uint32_t i = 0; fd < 0 && errno == EADDRINUSE && i < attempts; i++) {
		*port_out = guard_policy_port(range, start, i);
		if (*port_out == 0)
			break;
		fd = listen_at(&guard->local, *port_out);
	}
	return fd;
}

/* The system's own choice. */
static int listen_anywhere(const struct guard *guard, uint16_t *port_out)
{
	struct netaddr bound;
	int fd = listen_at(&guard->local, 0);

	if (fd >= 0 && !netaddr_local(&bound, fd))
		io_close(&fd);
	else if (fd >= 0)
		*port_out = bound.port;
	return fd;
}

/* Where the system would choose, we do it for it: it looks for a port that was not used for a minute,
 * which after some thousand transfers takes longer than a transfer. */
static int listen_somewhere(struct guard *guard, uint16_t *port_out)
{
	const struct conf_ports range = guard->conf->ftp.passive_ports;
	int fd;

	if (range.first != 0)
		return listen_in_range(guard, range, UINT32_MAX, port_out);
	fd = listen_in_range(guard, guard->start->system_ports, SYSTEM_PORTS_TRIED, port_out);
	return fd < 0 && errno == EADDRINUSE ? listen_anywhere(guard, port_out) : fd;
}

/* Open a passive port that the client hears of within so long; false with errno. */
static bool open_port(struct guard *guard, int64_t untold_ms)
{
	struct guard_data *data = &guard->data;
	const int64_t told_ms = clock_mono_ms() + untold_ms;

	data->listener_fd = listen_somewhere(guard, &data->port);
	if (data->listener_fd < 0)
		return false;
	data->strangers = 0;
	/* A port that nobody comes to is not held for the whole session. */
	loop_timer_set(data->deadline, told_ms + guard->conf->ftp.data_timeout);
	loop_timer_set(data->look, told_ms + LOOK_MS);
	return true;
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
	guard_log_data_failed(guard, &here, reason,
	    "if clients come from several addresses, by way of a balancer, set data_peers = \"any\" in ftp { }");
}

/* The client is here, fd is ours: what was asked for, or kept until it is. */
static void take_client(struct guard *guard, int fd)
{
	close_listener(guard);
	if (guard->data.waits == GUARD_DATA_ACCEPTS) {
		answer(guard, VFS_OK, fd);
		return;
	}
	guard->data.early_fd = fd;
	loop_timer_set(guard->data.deadline, CLOCK_NEVER);
}

/* Whoever is first in the queue.  False: nobody is. */
static bool accept_first(struct guard *guard)
{
	struct sockaddr_storage name = { 0 };
	socklen_t length = sizeof(name);
	struct netaddr peer;
	int fd = accept4(guard->data.listener_fd, (struct sockaddr *)&name, &length,
	    SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0) {
		/* Gone before we came: wait on.  Without descriptors, waiting would spin. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			close_listener(guard);
			answer(guard, VFS_FAILED, -1);
		}
		return false;
	}
	if (netaddr_from_sockaddr(&peer, (struct sockaddr *)&name, length) &&
	    (netaddr_same_ip(&peer, &guard->peer) ||
	        guard->conf->ftp.data_peers == CONF_DATA_PEERS_ANY)) {
		take_client(guard, fd);
		return true;
	}
	drop_stranger(guard, &peer);
	io_close(&fd);
	return true;
}

static void on_passive_client(struct loop *loop, int listener_fd, uint32_t events, void *context)
{
	(void)loop;
	(void)listener_fd;
	(void)events;
	accept_first(context);
}

/* Who is in the queue: strangers, until the client is found or nobody is left. */
static void search_queue(struct guard *guard)
{
	for (int i = 0; i < BACKLOG && guard->data.listener_fd >= 0; i++) {
		if (!accept_first(guard))
			break;
	}
}

/* Who is in the queue, and from now on whoever comes. */
static void look(struct guard *guard)
{
	loop_timer_set(guard->data.look, CLOCK_NEVER);
	search_queue(guard);
	if (guard->data.listener_fd < 0 || loop_watch(guard->loop, guard->data.listener_fd, EPOLLIN,
	                                       on_passive_client, guard))
		return;
	close_listener(guard);
	answer(guard, VFS_FAILED, -1);
}

static void on_look(struct loop *loop, void *context)
{
	(void)loop;
	look(context);
}

enum vfs_status guard_do_data_listen(struct guard *guard, const struct guard_req_data_listen *ask,
    struct guard_rep_data_listen *reply, int *fd_out)
{
	struct guard_data *data = &guard->data;
	enum vfs_status status;

	(void)fd_out;
	if (data->waits != GUARD_DATA_WAITS_NOT)
		return VFS_BUSY;
	status = guard_policy_family(&guard->local, ask->family);
	if (status != VFS_OK)
		return status;
	close_passive(guard);
	if (!open_port(guard, 0))
		return listen_failed(guard);
	netaddr_format_ip(
	    data->announce.family != 0 ? &data->announce : &guard->local, guard->text);
	reply->address = guard->text;
	reply->port = data->port;
	return VFS_OK;
}

enum vfs_status guard_do_data_accept(struct guard *guard, const struct guard_req_data_accept *ask,
    struct guard_rep_data_accept *reply, int *fd_out)
{
	struct guard_data *data = &guard->data;
	enum vfs_status status;
	int fd = data->early_fd;

	(void)ask;
	(void)reply;
	(void)fd_out;
	if (data->waits != GUARD_DATA_WAITS_NOT)
		return VFS_BUSY;
	guard_data_forget(data);
	if (data->listener_fd < 0 && fd < 0) {
		status = data->lapsed ? VFS_TIMEOUT : VFS_INVALID;
		data->lapsed = false;
		return status;
	}
	status = wait_for(guard, GUARD_DATA_ACCEPTS);
	data->early_fd = -1;
	if (fd >= 0)
		answer(guard, VFS_OK, fd);
	else
		look(guard);
	return status;
}

uint16_t guard_data_bring_along(struct guard *guard, enum guard_passive passive)
{
	struct guard_data *data = &guard->data;

	if (passive == GUARD_PASSIVE_LEAVE || data->waits != GUARD_DATA_WAITS_NOT)
		return 0;
	search_queue(guard);
	if (data->early_fd < 0)
		return 0;
	data->along_fd = data->early_fd;
	data->early_fd = -1;
	count_given(data);
	/* Without another port the client's next PASV asks for one, and hears why there is none. */
	if (passive == GUARD_PASSIVE_RENEW &&
	    guard_policy_may_renew(guard->conf->ftp.passive_ports, guard->conf->max_sessions) &&
	    open_port(guard, GUARD_RENEWED_MS))
		return data->port;
	return 0;
}

/* --- active ------------------------------------------------------------------------------- */

/* Log what active_source_port stands in the way of, and the status that says so. */
static enum vfs_status source_failed(struct guard *guard, int error)
{
	char reason[TEXT_BYTES];

	text_format(reason, sizeof(reason), "connecting from port %u: %s",
	    (unsigned)guard->conf->ftp.active_source_port, strerror(error));
	guard_log_data_failed(guard, &guard->data.target, reason,
	    error == EACCES
	        ? "give the server the capability CAP_NET_BIND_SERVICE, or set active_source_port "
	          "in ftp { } to 0"
	        : "let active_source_port in ftp { } be 0, or a port that nothing else uses");
	return VFS_UNREACHABLE;
}

/* Log why the client's port could not be reached, and the status that says so. */
static enum vfs_status connect_failed(struct guard *guard, int error)
{
	char reason[TEXT_BYTES];

	/* The same two ports as a moment ago; with a source port of its own none is like another.
	 */
	if (error == EADDRNOTAVAIL)
		return source_failed(guard, error);
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

/* A socket at the address that the client dialled, since its firewall expects us to come from where
 * it went, and at the configured port; -1 with errno. */
static int open_source(const struct guard *guard)
{
	struct netaddr source = guard->local;
	struct sockaddr_storage name;
	socklen_t length;
	const int on = 1;
	int fd = socket(source.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	source.port = (uint16_t)guard->conf->ftp.active_source_port;
	length = netaddr_to_sockaddr(&source, &name);
	/* Many sessions share the one port, each towards another client; a port that the system
	 * chooses is better chosen when it knows that client. */
	if (source.port != 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	else
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&name, length) != 0)
		io_close(&fd);
	return fd;
}

/* Start to connect to guard->data.target. */
static enum vfs_status start_connecting(struct guard *guard)
{
	struct sockaddr_storage name;
	socklen_t length = netaddr_to_sockaddr(&guard->data.target, &name);
	int fd = open_source(guard);
	enum vfs_status status = VFS_FAILED;

	if (fd < 0)
		return source_failed(guard, errno);
	if (connect(fd, (struct sockaddr *)&name, length) != 0 && errno != EINPROGRESS)
		status = connect_failed(guard, errno);
	else if (loop_watch(guard->loop, fd, EPOLLOUT, on_connected, guard))
		status = VFS_OK;
	if (status != VFS_OK)
		io_close(&fd);
	guard->data.connect_fd = fd;
	return status;
}

enum vfs_status guard_do_data_connect(struct guard *guard, const struct guard_req_data_connect *ask,
    struct guard_rep_data_connect *reply, int *fd_out)
{
	char reason[TEXT_BYTES];
	enum vfs_status status;

	(void)reply;
	(void)fd_out;
	if (ask->after_open != 0 && guard->open_failed)
		return VFS_CANCELLED;
	if (guard->data.waits != GUARD_DATA_WAITS_NOT)
		return VFS_BUSY;
	guard_data_forget(&guard->data);
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
	close_passive(guard);
	guard->data.target = guard->peer;
	guard->data.target.port = (uint16_t)ask->port;
	status = start_connecting(guard);
	return status == VFS_OK ? wait_for(guard, GUARD_DATA_CONNECTS) : status;
}
