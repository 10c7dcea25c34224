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
/* Without and with port; brackets around IPv6 when a port follows. */
void netaddr_format_ip(const struct netaddr *address, char out[NETADDR_TEXT_BYTES]);
void netaddr_format(const struct netaddr *address, char out[NETADDR_TEXT_BYTES]);

/* Same host, whatever the port. */
bool netaddr_same_ip(const struct netaddr *a, const struct netaddr *b);
/* 0.0.0.0 or ::. */
bool netaddr_is_any(const struct netaddr *address);
bool netaddr_is_loopback(const struct netaddr *address);

#endif
