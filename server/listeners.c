#include "server/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/base/netaddr.h"
#include "server/base/text.h"

#define SYSTEMD_FIRST_FD 3
#define SYSTEMD_MAX_FDS  256

/* --- systemd -------------------------------------------------------------------------------- */

static size_t systemd_count(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *count = getenv("LISTEN_FDS");
	uint64_t pid_number = 0;
	uint64_t count_number = 0;

	if (pid == NULL || count == NULL || !text_parse_u64(pid, &pid_number) ||
	    !text_parse_u64(count, &count_number) || pid_number != (uint64_t)getpid() ||
	    count_number > SYSTEMD_MAX_FDS)
		return 0;
	return (size_t)count_number;
}

static bool is_listening(int fd)
{
	int yes = 0;
	socklen_t length = sizeof(yes);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &length) == 0 && yes != 0;
}

void listeners_from_systemd(struct listeners *out)
{
	size_t count = systemd_count();

	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	*out = (struct listeners){ .items = calloc(count + 1, sizeof(*out->items)) };
	if (out->items == NULL)
		return;
	for (size_t i = 0; i < count; i++) {
		struct listener *item = &out->items[out->count];

		item->fd = SYSTEMD_FIRST_FD + (int)i;
		item->systemd = true;
		/* Something else, a FIFO or a datagram socket, matches no listener of ours. */
		if (!netaddr_local(&item->address, item->fd) || !is_listening(item->fd))
			item->address = (struct netaddr){ 0 };
		fcntl(item->fd, F_SETFD, FD_CLOEXEC);
		io_set_nonblocking(item->fd, true);
		out->count++;
	}
}

/* --- opening -------------------------------------------------------------------------------- */

static bool set_flag(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* The socket, or -1 with errno. */
static int open_at(const struct netaddr *address, int backlog)
{
	struct sockaddr_storage storage;
	socklen_t length = netaddr_to_sockaddr(address, &storage);
	int fd = socket(address->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (!set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1))
		goto fail;
	/* [::] serves IPv4 too; any other IPv6 address is only itself. */
	if (address->family == AF_INET6 &&
	    !set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, netaddr_is_any(address) ? 0 : 1))
		goto fail;
	if (bind(fd, (const struct sockaddr *)&storage, length) == 0 && listen(fd, backlog) == 0)
		return fd;
fail:
	io_close(&fd);
	return -1;
}

static int open_listener(const struct conf_listener *row)
{
	struct netaddr plain = { .family = AF_INET, .port = row->address.port };
	int fd = open_at(&row->address, (int)row->backlog);

	/* A kernel without IPv6: then everywhere means everywhere in IPv4. */
	if (fd < 0 && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL) &&
	    row->address.family == AF_INET6 && netaddr_is_any(&row->address))
		fd = open_at(&plain, (int)row->backlog);
	return fd;
}

static bool holds(const struct listeners *set, int fd)
{
	for (size_t i = 0; set != NULL && i < set->count; i++)
		if (set->items[i].fd == fd)
			return true;
	return false;
}

/* One of old for this address that is not among the taken ones yet: two listeners on port 0 are two sockets. */
static const struct listener *find(
    const struct listeners *old, const struct netaddr *address, const struct listeners *taken)
{
	for (size_t i = 0; old != NULL && i < old->count; i++) {
		const struct netaddr *known = &old->items[i].address;

		if (known->family != 0 && known->port == address->port &&
		    netaddr_same_ip(known, address) && !holds(taken, old->items[i].fd))
			return &old->items[i];
	}
	return NULL;
}

static const char *cure_of(int error)
{
	if (error == EACCES)
		return "; ports below 1024 need root, CAP_NET_BIND_SERVICE or systemd's socket";
	if (error == EADDRINUSE)
		return "; another server or listener has it";
	if (error == EADDRNOTAVAIL)
		return "; this machine has no such address";
	return "";
}

bool listeners_open(struct listeners *out, const struct conf *conf, const struct listeners *old,
    char message[CONF_MESSAGE_BYTES])
{
	*out = (struct listeners){ .items = calloc(conf->listener_count + 1, sizeof(*out->items)) };
	if (out->items == NULL) {
		text_format(message, CONF_MESSAGE_BYTES, "%s: out of memory", conf->file);
		return false;
	}
	for (size_t i = 0; i < conf->listener_count; i++) {
		const struct conf_listener *row = &conf->listeners[i];
		const struct listener *known = find(old, &row->address, out);
		struct listener *item = &out->items[i];
		char address[NETADDR_TEXT_BYTES];

		if (known != NULL) {
			*item = *known;
			listen(item->fd, (int)row->backlog);
		} else {
			item->fd = open_listener(row);
		}
		if (item->fd < 0) {
			int error = errno;

			netaddr_format(&row->address, address);
			text_format(message, CONF_MESSAGE_BYTES,
			    "%s: listener \"%s\": cannot listen on %s: %s%s", conf->file,
			    row->title, address, strerror(error), cure_of(error));
			listeners_close_except(out, old);
			return false;
		}
		item->address = row->address;
		out->count++;
	}
	return true;
}

void listeners_close_except(struct listeners *set, const struct listeners *keep)
{
	for (size_t i = 0; i < set->count; i++) {
		struct listener *item = &set->items[i];

		if (item->fd < 0 || holds(keep, item->fd))
			continue;
		/* Nurseries and idle guards may hold it for a moment longer. */
		if (!item->systemd)
			shutdown(item->fd, SHUT_RDWR);
		io_close(&item->fd);
	}
	free(set->items);
	*set = (struct listeners){ 0 };
}

/* --- the ready line ------------------------------------------------------------------------- */

void listeners_describe(
    const struct listeners *set, const struct conf *conf, char *out, size_t out_bytes)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < set->count && used < out_bytes; i++) {
		struct netaddr real = set->items[i].address;
		char address[NETADDR_TEXT_BYTES];

		netaddr_local(&real, set->items[i].fd);
		netaddr_format(&real, address);
		snprintf(out + used, out_bytes - used, "%s%s=%s@%s", i > 0 ? " " : "",
		    conf->listeners[i].title, conf_protocol_name(conf->listeners[i].protocol), address);
		used += strlen(out + used);
	}
}
