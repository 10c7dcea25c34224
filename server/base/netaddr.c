#include "server/base/netaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "server/base/text.h"

static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

static void set_ipv6(struct netaddr *out, const uint8_t bytes[16], uint32_t scope)
{
	if (memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0) {
		out->family = AF_INET;
		memcpy(out->bytes, bytes + sizeof(mapped_prefix), 4);
		return;
	}
	out->family = AF_INET6;
	out->scope = scope;
	memcpy(out->bytes, bytes, 16);
}

bool netaddr_from_sockaddr(struct netaddr *out, const struct sockaddr *address, socklen_t length)
{
	*out = (struct netaddr){ 0 };
	if (length < (socklen_t)sizeof(address->sa_family))
		return false;
	if (address->sa_family == AF_INET && length >= (socklen_t)sizeof(struct sockaddr_in)) {
		struct sockaddr_in in;

		memcpy(&in, address, sizeof(in));
		out->family = AF_INET;
		out->port = ntohs(in.sin_port);
		memcpy(out->bytes, &in.sin_addr, 4);
		return true;
	}
	if (address->sa_family == AF_INET6 && length >= (socklen_t)sizeof(struct sockaddr_in6)) {
		struct sockaddr_in6 in6;

		memcpy(&in6, address, sizeof(in6));
		out->port = ntohs(in6.sin6_port);
		set_ipv6(out, in6.sin6_addr.s6_addr, in6.sin6_scope_id);
		return true;
	}
	return false;
}

socklen_t netaddr_to_sockaddr(const struct netaddr *address, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (address->family == AF_INET) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(address->port) };

		memcpy(&in.sin_addr, address->bytes, 4);
		memcpy(out, &in, sizeof(in));
		return (socklen_t)sizeof(in);
	}
	if (address->family == AF_INET6) {
		struct sockaddr_in6 in6 = {
			.sin6_family = AF_INET6,
			.sin6_port = htons(address->port),
			.sin6_scope_id = address->scope,
		};

		memcpy(&in6.sin6_addr, address->bytes, 16);
		memcpy(out, &in6, sizeof(in6));
		return (socklen_t)sizeof(in6);
	}
	return 0;
}

bool netaddr_local(struct netaddr *out, int socket_fd)
{
	struct sockaddr_storage storage = { 0 };
	socklen_t length = sizeof(storage);

	*out = (struct netaddr){ 0 };
	return getsockname(socket_fd, (struct sockaddr *)&storage, &length) == 0 &&
	       netaddr_from_sockaddr(out, (struct sockaddr *)&storage, length);
}

bool netaddr_peer(struct netaddr *out, int socket_fd)
{
	struct sockaddr_storage storage = { 0 };
	socklen_t length = sizeof(storage);

	*out = (struct netaddr){ 0 };
	return getpeername(socket_fd, (struct sockaddr *)&storage, &length) == 0 &&
	       netaddr_from_sockaddr(out, (struct sockaddr *)&storage, length);
}

/* IPv6 text, with "%7" behind it for scope 7. */
static bool parse_ipv6(struct netaddr *out, const char *text)
{
	char address[NETADDR_TEXT_BYTES];
	uint8_t bytes[16];
	uint64_t scope = 0;
	char *percent;

	if (!text_copy(address, sizeof(address), text))
		return false;
	percent = strchr(address, '%');
	if (percent != NULL) {
		*percent = '\0';
		if (!text_parse_u64(percent + 1, &scope) || scope > UINT32_MAX)
			return false;
	}
	if (inet_pton(AF_INET6, address, bytes) != 1)
		return false;
	set_ipv6(out, bytes, (uint32_t)scope);
	return true;
}

bool netaddr_parse_ip(struct netaddr *out, const char *text)
{
	*out = (struct netaddr){ 0 };
	if (inet_pton(AF_INET, text, out->bytes) == 1) {
		out->family = AF_INET;
		return true;
	}
	return parse_ipv6(out, text);
}

bool netaddr_parse_with_port(struct netaddr *out, const char *text)
{
	char host[NETADDR_TEXT_BYTES];
	const char *colon = strrchr(text, ':');
	size_t length;
	uint64_t port;
	bool parsed;

	*out = (struct netaddr){ 0 };
	if (colon == NULL || !text_parse_u64(colon + 1, &port) || port > UINT16_MAX)
		return false;
	length = (size_t)(colon - text);
	if (length == 0 || length >= sizeof(host))
		return false;
	memcpy(host, text, length);
	host[length] = '\0';
	if (strcmp(host, "*") == 0) {
		out->family = AF_INET6;
		parsed = true;
	} else if (host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		parsed = parse_ipv6(out, host + 1);
	} else {
		/* IPv6 without brackets is refused: nobody can tell its last group from a port. */
		parsed = inet_pton(AF_INET, host, out->bytes) == 1;
		out->family = AF_INET;
	}
	if (!parsed) {
		*out = (struct netaddr){ 0 };
		return false;
	}
	out->port = (uint16_t)port;
	return true;
}

/* --- networks ----------------------------------------------------------------------------- */

#define MAPPED_BITS 96u /* of ::ffff:0:0/96, before the IPv4 address in it */

static unsigned address_bits(const struct netaddr *address)
{
	return address->family == AF_INET ? 32 : 128;
}

/* Do the first bits of both agree? */
static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	const unsigned whole = bits / 8;
	const unsigned rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static bool has_host_bits(const struct netaddr_network *network)
{
	const unsigned all = address_bits(&network->address);

	for (unsigned bit = network->bits; bit < all; bit++) {
		if ((network->address.bytes[bit / 8] >> (7 - bit % 8) & 1) != 0)
			return true;
	}
	return false;
}

enum netaddr_network_result netaddr_parse_network(struct netaddr_network *out, const char *text)
{
	struct netaddr_network network = { .bits = 0 };
	char address[NETADDR_TEXT_BYTES];
	const char *slash = strchr(text, '/');
	bool mapped;
	uint64_t bits, most;

	if (!text_copy(address, sizeof(address), text))
		return NETADDR_NETWORK_MALFORMED;
	if (slash != NULL)
		address[slash - text] = '\0';
	/* A scope names an interface of this machine, which no network has. */
	if (strchr(address, '%') != NULL || !netaddr_parse_ip(&network.address, address))
		return NETADDR_NETWORK_MALFORMED;
	mapped = network.address.family == AF_INET && strchr(address, ':') != NULL;
	most = address_bits(&network.address) + (mapped ? MAPPED_BITS : 0);
	bits = most;
	if (slash != NULL &&
	    (!text_parse_u64(slash + 1, &bits) || bits > most || (mapped && bits < MAPPED_BITS)))
		return NETADDR_NETWORK_MALFORMED;
	network.bits = (unsigned)bits - (mapped ? MAPPED_BITS : 0);
	if (has_host_bits(&network))
		return NETADDR_NETWORK_HOST_BITS;
	*out = network;
	return NETADDR_NETWORK_OK;
}

void netaddr_format_network(const struct netaddr_network *network, char out[NETADDR_TEXT_BYTES])
{
	char ip[NETADDR_TEXT_BYTES];

	/* 45 bytes of address and "/128": it always fits. */
	netaddr_format_ip(&network->address, ip);
	text_format(out, NETADDR_TEXT_BYTES, "%s/%u", ip, network->bits);
}

bool netaddr_in_network(const struct netaddr *address, const struct netaddr_network *network)
{
	return address->family != 0 && address->family == network->address.family &&
	       same_prefix(address->bytes, network->address.bytes, network->bits);
}

/* --- as text ------------------------------------------------------------------------------ */

void netaddr_format_ip(const struct netaddr *address, char out[NETADDR_TEXT_BYTES])
{
	char text[INET6_ADDRSTRLEN];

	if ((address->family != AF_INET && address->family != AF_INET6) ||
	    inet_ntop(address->family, address->bytes, text, sizeof(text)) == NULL) {
		text_copy(out, NETADDR_TEXT_BYTES, "none");
		return;
	}
	if (address->scope != 0)
		snprintf(out, NETADDR_TEXT_BYTES, "%s%%%u", text, address->scope);
	else
		snprintf(out, NETADDR_TEXT_BYTES, "%s", text);
}

void netaddr_format(const struct netaddr *address, char out[NETADDR_TEXT_BYTES])
{
	char ip[NETADDR_TEXT_BYTES];

	/* The longest, 45 bytes of address, '%', 10 digits, brackets, ':' and 5 digits, is 64 - 1.
	 */
	netaddr_format_ip(address, ip);
	text_format(out, NETADDR_TEXT_BYTES, address->family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip,
	    (unsigned)address->port);
}

bool netaddr_same_ip(const struct netaddr *a, const struct netaddr *b)
{
	size_t length = a->family == AF_INET ? 4 : 16;

	if (a->family != b->family || a->family == 0)
		return false;
	/* A client's EPRT has no room for a scope (RFC 2428): without one, any will do. */
	if (a->scope != 0 && b->scope != 0 && a->scope != b->scope)
		return false;
	return memcmp(a->bytes, b->bytes, length) == 0;
}

bool netaddr_is_any(const struct netaddr *address)
{
	static const uint8_t zero[16];

	return address->family != 0 &&
	       memcmp(address->bytes, zero, address->family == AF_INET ? 4 : 16) == 0;
}

bool netaddr_is_loopback(const struct netaddr *address)
{
	static const uint8_t one[16] = { [15] = 1 };

	if (address->family == AF_INET)
		return address->bytes[0] == 127;
	return address->family == AF_INET6 && memcmp(address->bytes, one, sizeof(one)) == 0;
}
