/*
 * Internet addresses as values: parse, print, compare.  An IPv4 address that
 * arrived on an IPv6 socket (::ffff:a.b.c.d) is the same as the plain one.
 */
#ifndef BASE_NETADDR_H
#define BASE_NETADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define NETADDR_TEXT_BYTES 64 /* longest IPv6 text with scope and NUL */

struct netaddr {
	uint8_t bytes[16]; /* network order; IPv4 in the first four */
	uint32_t scope;    /* IPv6 scope id, else 0 */
	uint16_t port;     /* host order */
	uint8_t family;    /* AF_INET or AF_INET6; 0 = none */
};

/* A network: its first address, and how many leading bits its members share with it. */
struct netaddr_network {
	struct netaddr address;
	unsigned bits;
};

/* From what accept(2), getsockname(2) or getpeername(2) gave; mapped IPv4 becomes AF_INET. */
bool netaddr_from_sockaddr(struct netaddr *out, const struct sockaddr *address, socklen_t length);
/* To a sockaddr of the address's own family; returns its length. */
socklen_t netaddr_to_sockaddr(const struct netaddr *address, struct sockaddr_storage *out);
/* getsockname / getpeername in one step; false with errno. */
bool netaddr_local(struct netaddr *out, int socket_fd);
bool netaddr_peer(struct netaddr *out, int socket_fd);

/* "192.0.2.1" or "2001:db8::1" (no port, no brackets, no names). */
bool netaddr_parse_ip(struct netaddr *out, const char *text);
/* "192.0.2.1:21", "[::]:21", "*:21"; "*" means [::] with IPv4 served too. */
bool netaddr_parse_with_port(struct netaddr *out, const char *text);
/* What netaddr_parse_network made of a text. */
enum netaddr_network_result {
	NETADDR_NETWORK_OK,
	NETADDR_NETWORK_MALFORMED, /* no address, or not as many bits as it has */
	NETADDR_NETWORK_HOST_BITS, /* bits are set behind the prefix: 10.0.0.1/8 */
};
/* "10.0.0.0/8", "2001:db8::/32"; an address alone is a network of one.  *out is set only with OK. */
enum netaddr_network_result netaddr_parse_network(struct netaddr_network *out, const char *text);
/* As netaddr_parse_network takes it, always with the number of bits. */
void netaddr_format_network(const struct netaddr_network *network, char out[NETADDR_TEXT_BYTES]);

/* Without and with port; brackets around IPv6 when a port follows. */
void netaddr_format_ip(const struct netaddr *address, char out[NETADDR_TEXT_BYTES]);
void netaddr_format(const struct netaddr *address, char out[NETADDR_TEXT_BYTES]);

/* Same host, whatever the port. */
bool netaddr_same_ip(const struct netaddr *a, const struct netaddr *b);
/* Is the address one of the network's?  Never across families; scopes do not matter. */
bool netaddr_in_network(const struct netaddr *address, const struct netaddr_network *network);
/* 0.0.0.0 or ::. */
bool netaddr_is_any(const struct netaddr *address);
bool netaddr_is_loopback(const struct netaddr *address);

#endif
