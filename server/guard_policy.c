/*
 * Decisions of the guard that need nothing but their arguments.
 */
#include <string.h>
#include <sys/socket.h>

#include "server/guard_private.h"

#define DELAY_DOUBLINGS_MAX 3    /* up to eight times login_delay */
#define ACTIVE_PORT_MIN     1024 /* below it are services that a bounced connection could harm */

int64_t guard_policy_login_delay(int64_t login_delay_ms, unsigned failures)
{
	unsigned doublings = failures > 0 ? failures - 1 : 0;

	if (doublings > DELAY_DOUBLINGS_MAX)
		doublings = DELAY_DOUBLINGS_MAX;
	return login_delay_ms * (1LL << doublings);
}

bool guard_policy_is_near(const struct netaddr *peer)
{
	const uint8_t *bytes = peer->bytes;

	if (netaddr_is_loopback(peer))
		return true;
	if (peer->family == AF_INET)
		return bytes[0] == 10 || (bytes[0] == 172 && (bytes[1] & 0xf0) == 16) ||
		       (bytes[0] == 192 && bytes[1] == 168) ||  /* RFC 1918 */
		       (bytes[0] == 169 && bytes[1] == 254);    /* RFC 3927 */
	return (bytes[0] & 0xfe) == 0xfc ||                     /* RFC 4193 */
	       (bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80); /* RFC 4291 2.5.6 */
}

const char *guard_policy_announce(
    const struct conf_ftp *ftp, const struct netaddr *local, const struct netaddr *peer)
{
	/* PASV is for IPv4, and EPSV tells no address (RFC 2428 3). */
	if (local->family != AF_INET)
		return NULL;
	for (size_t i = 0; i < ftp->public_addresses.count; i++) {
		const struct conf_network *rule = &ftp->public_addresses.items[i];

		if (netaddr_in_network(peer, &rule->network))
			return strcmp(rule->host, CONF_DIALLED) == 0 ? NULL : rule->host;
	}
	if (ftp->public_address[0] == '\0' || guard_policy_is_near(peer))
		return NULL;
	return ftp->public_address;
}

enum vfs_status guard_policy_family(const struct netaddr *local, uint32_t asked)
{
	return asked == 0 || asked == local->family ? VFS_OK : VFS_UNSUPPORTED;
}

uint16_t guard_policy_port(struct conf_ports range, uint32_t start, uint32_t attempt)
{
	uint32_t count = (uint32_t)range.last - range.first + 1;

	if (attempt >= count)
		return 0;
	return (uint16_t)(range.first + (start % count + attempt) % count);
}

bool guard_policy_may_renew(struct conf_ports range, uint32_t max_sessions)
{
	return range.first == 0 || (uint32_t)range.last - range.first + 1 >= max_sessions;
}

enum vfs_status guard_policy_active(const struct netaddr *peer, const char *address, uint32_t port)
{
	struct netaddr target;

	if (!netaddr_parse_ip(&target, address) || !netaddr_same_ip(&target, peer) ||
	    port < ACTIVE_PORT_MIN || port > UINT16_MAX)
		return VFS_FORBIDDEN;
	return VFS_OK;
}
