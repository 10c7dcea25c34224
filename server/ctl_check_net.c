/* Checks of what clients connect to: listeners, passive ports, the address that PASV tells. */
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/base/text.h"
#include "server/ctl_check_private.h"
#include "server/ctl_check_sockets.h"

#define WHAT_BYTES      300
#define FEW_PORTS       10 /* clients with several connections at a time use them up */
#define FIRST_FREE_PORT 1024 /* Linux, unless it was told otherwise */

/* --- addresses ---------------------------------------------------------------------------------- */

/* Networks that are not routed over the Internet: RFC 1918, 6598, 3927, 1122. */
static bool is_private(const struct netaddr *address)
{
	static const char *const private_networks[] = { "10.0.0.0/8", "172.16.0.0/12",
		"192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8" };

	for (size_t i = 0; i < sizeof(private_networks) / sizeof(private_networks[0]); i++) {
		struct netaddr_network network;

		if (netaddr_parse_network(&network, private_networks[i]) == NETADDR_NETWORK_OK &&
		    netaddr_in_network(address, &network))
			return true;
	}
	return false;
}

/* --- listeners ---------------------------------------------------------------------------------- */

/* 0, or the errno with which the system refuses the address.  As the server asks: see listeners.c. */
static int try_bind(const struct netaddr *address)
{
	struct sockaddr_storage storage;
	socklen_t length = netaddr_to_sockaddr(address, &storage);
	int fd = socket(address->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int only = !netaddr_is_any(address), yes = 1, error = 0;

	if (fd < 0)
		return errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (address->family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
	if (bind(fd, (const struct sockaddr *)&storage, length) != 0)
		error = errno;
	io_close(&fd);
	return error;
}

/* The port is taken.  By us, by somebody else, or by whom cannot be seen? */
static void say_taken(struct ctl_check *check, const char *what, const char *address, uint16_t port)
{
	size_t count = 0;
	struct ctl_check_socket *sockets = ctl_check_sockets(port, port, &count);
	const struct ctl_check_socket *other = NULL;
	bool ours = false;

	for (size_t i = 0; i < count; i++) {
		ours = ours || ctl_check_socket_is_ours(&sockets[i]);
		if (sockets[i].pid != 0 && !ctl_check_socket_is_ours(&sockets[i]))
			other = &sockets[i];
	}
	if (ours)
		ctl_check_say(check, CTL_CHECK_OK, what, NULL, "%s is held by the running server", address);
	else if (other != NULL)
		ctl_check_say(check, CTL_CHECK_ERROR, what, "stop it, or choose another port",
		    "%s is taken by %s, process %d", address, other->program, (int)other->pid);
	else
		ctl_check_say(check, CTL_CHECK_WARNING, what,
		    "as root, transomctl check can tell whether it is the running server",
		    "%s is taken by somebody else's process", address);
	free(sockets);
}

static void check_address(struct ctl_check *check, const char *what, const struct conf_listener *listener)
{
	char address[NETADDR_TEXT_BYTES];
	int error = try_bind(&listener->address);

	netaddr_format(&listener->address, address);
	/* A kernel without IPv6: then [::] means everywhere in IPv4. */
	if ((error == EAFNOSUPPORT || error == EADDRNOTAVAIL) && netaddr_is_any(&listener->address)) {
		struct netaddr plain = { .family = AF_INET, .port = listener->address.port };

		error = try_bind(&plain);
	}
	if (error == 0)
		ctl_check_say(check, CTL_CHECK_OK, what, NULL, "%s can be opened", address);
	else if (error == EADDRINUSE)
		say_taken(check, what, address, listener->address.port);
	else if (error == EACCES)
		ctl_check_say(check, check->as_root ? CTL_CHECK_ERROR : CTL_CHECK_WARNING, what,
		    "start the server as root, with CAP_NET_BIND_SERVICE or with systemd's socket",
		    "%s: ports below 1024 are not for this account", address);
	else if (error == EADDRNOTAVAIL)
		ctl_check_say(check, CTL_CHECK_ERROR, what, "name one that it has, or [::]",
		    "%s: this machine has no such address", address);
	else
		ctl_check_say(check, CTL_CHECK_ERROR, what, "name another address", "%s: %s", address,
		    strerror(error));
}

/* That ftps needs a certificate, conf_check has said. */
static void check_tls_of(struct ctl_check *check, const char *what, const struct conf_listener *listener)
{
	bool has_tls = check->conf->tls.certificate[0] != '\0';

	if (listener->protocol == CONF_PROTOCOL_SFTP)
		return;
	if (listener->protocol == CONF_PROTOCOL_FTP && listener->require_tls != CONF_TLS_NO && !has_tls)
		ctl_check_say(check, CTL_CHECK_ERROR, what, "set tls.certificate and tls.key",
		    "require_tls lets nobody in without TLS, and there is no certificate");
	if (listener->client_certs != CONF_CLIENT_CERTS_OFF && check->conf->tls.client_ca[0] == '\0')
		ctl_check_say(check, CTL_CHECK_WARNING, what,
		    "set tls.client_ca, unless every user's certificate is named by its fingerprint",
		    "client_certs asks for certificates, and nobody is trusted to issue them");
}

void ctl_check_listeners(struct ctl_check *check)
{
	for (size_t i = 0; i < check->conf->listener_count; i++) {
		const struct conf_listener *listener = &check->conf->listeners[i];
		char what[WHAT_BYTES];

		text_format(what, sizeof(what), "listener %s", listener->title);
		check_address(check, what, listener);
		check_tls_of(check, what, listener);
	}
}

/* --- passive ports ------------------------------------------------------------------------------ */

static uint64_t unprivileged_start(void)
{
	size_t length = 0;
	char *text = io_read_file(
	    AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", 64, &length);
	uint64_t start = FIRST_FREE_PORT;

	if (text != NULL)
		text[strcspn(text, "\n")] = '\0';
	if (text == NULL || !text_parse_u64(text, &start))
		start = FIRST_FREE_PORT;
	free(text);
	return start;
}

/* How many ports of the range are somebody else's. */
static size_t count_foreign(const struct conf_ports *ports, struct ctl_check_socket *example)
{
	size_t count = 0, foreign = 0;
	struct ctl_check_socket *sockets = ctl_check_sockets(ports->first, ports->last, &count);

	for (size_t i = 0; i < count; i++) {
		if (sockets[i].pid == 0 || ctl_check_socket_is_ours(&sockets[i]))
			continue;
		*example = sockets[i];
		foreign++;
	}
	free(sockets);
	return foreign;
}

void ctl_check_passive_ports(struct ctl_check *check)
{
	static const char what[] = "passive_ports";
	const struct conf_ports *ports = &check->conf->ftp.passive_ports;
	const unsigned count = (unsigned)(ports->last - ports->first) + 1u;
	struct ctl_check_socket example;
	bool fine = true;

	if (!ctl_check_has_protocol(check->conf, CONF_PROTOCOL_FTP) &&
	    !ctl_check_has_protocol(check->conf, CONF_PROTOCOL_FTPS))
		return;
	if (ports->first == 0) {
		bool nat = check->conf->ftp.public_address[0] != '\0';

		ctl_check_say(check, nat ? CTL_CHECK_WARNING : CTL_CHECK_OK, what,
		    nat ? "name a range, and forward it" : NULL,
		    "the system chooses a port for each connection%s",
		    nat ? ", and what stands before the server (public_address) cannot forward them all" : "");
		return;
	}
	if (ports->first < unprivileged_start() && check->as_root) {
		ctl_check_say(check, CTL_CHECK_ERROR, what, "choose ports from 1024 on",
		    "a session has no right to open port %u", ports->first);
		fine = false;
	}
	if (count < FEW_PORTS) {
		ctl_check_say(check, CTL_CHECK_WARNING, what, "allow more, and in the firewall too",
		    "%u ports serve as many data connections at a time, over all sessions", count);
		fine = false;
	}
	if (count_foreign(ports, &example) > 0) {
		ctl_check_say(check, CTL_CHECK_WARNING, what, "choose a range that nothing else uses",
		    "port %u in the range is taken by %s, process %d", example.port, example.program,
		    (int)example.pid);
		fine = false;
	}
	if (fine)
		ctl_check_say(check, CTL_CHECK_OK, what, NULL,
		    "%u-%u, %u ports; a firewall must let them in", ports->first, ports->last, count);
}

/* --- public_address ----------------------------------------------------------------------------- */

static void check_host(struct ctl_check *check, const char *what, const char *host, bool for_the_world)
{
	const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	char text[NETADDR_TEXT_BYTES];
	struct netaddr address;
	int error = getaddrinfo(host, NULL, &hints, &found);

	if (error != 0 || !netaddr_from_sockaddr(&address, found->ai_addr, found->ai_addrlen)) {
		ctl_check_say(check, CTL_CHECK_ERROR, what,
		    "passive connections of such clients fail until it resolves: mend the name or the DNS",
		    "%s has no IPv4 address: %s", host, gai_strerror(error));
	} else {
		bool odd = for_the_world && is_private(&address);

		netaddr_format_ip(&address, text);
		ctl_check_say(check, odd ? CTL_CHECK_WARNING : CTL_CHECK_OK, what,
		    odd ? "name the address that the world sees, outside the NAT" : NULL,
		    "clients are told %s%s", text,
		    odd ? ", which is private: nobody from elsewhere reaches it" : "");
	}
	if (error == 0)
		freeaddrinfo(found);
}

/* Is there an IPv4 address of this machine that the world can route to? */
static bool has_public_address(void)
{
	struct ifaddrs *all = NULL;
	bool has = false;

	if (getifaddrs(&all) != 0)
		return true;
	for (const struct ifaddrs *one = all; one != NULL && !has; one = one->ifa_next) {
		struct netaddr address;

		has = one->ifa_addr != NULL && one->ifa_addr->sa_family == AF_INET &&
		      netaddr_from_sockaddr(&address, one->ifa_addr, sizeof(struct sockaddr_in)) &&
		      !is_private(&address);
	}
	freeifaddrs(all);
	return has;
}

void ctl_check_public_address(struct ctl_check *check)
{
	const struct conf_ftp *ftp = &check->conf->ftp;

	if (!ctl_check_has_protocol(check->conf, CONF_PROTOCOL_FTP) &&
	    !ctl_check_has_protocol(check->conf, CONF_PROTOCOL_FTPS))
		return;
	if (ftp->public_address[0] != '\0')
		check_host(check, "public_address", ftp->public_address, true);
	else
		ctl_check_say(check, CTL_CHECK_OK, "public_address", NULL,
		    "clients are told the address that they dialled%s",
		    has_public_address() ? ""
		                         : "; those of this machine are private, so clients from elsewhere, "
		                           "if there are any, need public_address");
	for (size_t i = 0; i < ftp->public_addresses.count; i++) {
		const struct conf_network *rule = &ftp->public_addresses.items[i];
		char network[NETADDR_TEXT_BYTES];
		char what[WHAT_BYTES];

		netaddr_format_network(&rule->network, network);
		text_format(what, sizeof(what), "public_addresses %s", network);
		if (strcmp(rule->host, CONF_DIALLED) != 0)
			check_host(check, what, rule->host, !is_private(&rule->network.address));
	}
}
