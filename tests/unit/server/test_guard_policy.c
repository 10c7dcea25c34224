/* Decisions of the guard: delays, announced addresses, passive ports, targets of active mode. */
#include <criterion/criterion.h>
#include <sys/socket.h>

#include "server/guard_private.h"

static struct netaddr ip(const char *text)
{
	struct netaddr out;

	cr_assert(netaddr_parse_ip(&out, text), "%s", text);
	return out;
}

Test(guard_policy, login_delay_doubles_up_to_eight_times)
{
	static const int64_t expected[] = { 1000, 1000, 2000, 4000, 8000, 8000, 8000 };

	for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		cr_expect_eq(guard_policy_login_delay(1000, i), expected[i], "failure %u", i);
	cr_expect_eq(guard_policy_login_delay(60000, 100), 480000);
	cr_expect_eq(guard_policy_login_delay(0, 5), 0);
}

Test(guard_policy, near_addresses_are_those_without_nat_before_them)
{
	static const struct {
		const char *address;
		bool near;
	} cases[] = {
		{ "127.0.0.1", true },
		{ "127.255.0.9", true },
		{ "10.1.2.3", true },
		{ "172.16.0.1", true },
		{ "172.31.9.9", true },
		{ "172.32.0.1", false },
		{ "172.15.255.1", false },
		{ "192.168.7.7", true },
		{ "192.169.0.1", false },
		{ "169.254.10.1", true },
		{ "11.0.0.1", false },
		{ "203.0.113.9", false },
		{ "::1", true },
		{ "fe80::1", true },
		{ "febf::1", true },
		{ "fec0::1", false },
		{ "fd00::1", true },
		{ "fc12::1", true },
		{ "2001:db8::1", false },
		{ "::ffff:10.0.0.1", true },
		{ "::ffff:8.8.8.8", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct netaddr address = ip(cases[i].address);

		cr_expect_eq(guard_policy_is_near(&address), cases[i].near, "%s", cases[i].address);
	}
}

Test(guard_policy, only_strangers_to_our_network_hear_the_public_address)
{
	const struct netaddr public = ip("198.51.100.7");
	const struct netaddr none = { .family = 0 };
	const struct netaddr local = ip("10.0.0.5");
	const struct netaddr local6 = ip("2001:db8::5");
	const struct netaddr far = ip("203.0.113.9");
	const struct netaddr far6 = ip("2001:db8:9::1");
	const struct netaddr near = ip("10.0.0.9");

	cr_expect_eq(guard_policy_announce(&public, &local, &far), &public);
	cr_expect_eq(guard_policy_announce(&public, &local, &near), &local);
	cr_expect_eq(guard_policy_announce(&none, &local, &far), &local);
	cr_expect_eq(guard_policy_announce(&public, &local6, &far6), &local6, "no IPv4 for EPSV");
}

Test(guard_policy, passive_family_must_be_that_of_the_control_connection)
{
	const struct netaddr four = ip("10.0.0.5");
	const struct netaddr mapped = ip("::ffff:10.0.0.5");
	const struct netaddr six = ip("2001:db8::5");

	cr_expect_eq(guard_policy_family(&four, 0), VFS_OK);
	cr_expect_eq(guard_policy_family(&four, AF_INET), VFS_OK);
	cr_expect_eq(guard_policy_family(&four, AF_INET6), VFS_UNSUPPORTED);
	cr_expect_eq(guard_policy_family(&mapped, AF_INET), VFS_OK);
	cr_expect_eq(guard_policy_family(&six, 0), VFS_OK);
	cr_expect_eq(guard_policy_family(&six, AF_INET), VFS_UNSUPPORTED);
	cr_expect_eq(guard_policy_family(&six, AF_INET6), VFS_OK);
	cr_expect_eq(guard_policy_family(&six, AF_UNIX), VFS_UNSUPPORTED);
}

Test(guard_policy, every_port_of_the_range_is_tried_once_wherever_the_walk_starts)
{
	static const struct conf_ports ranges[] = {
		{ 50000, 50000 },
		{ 50000, 50009 },
		{ 65000, 65535 },
		{ 1, 65535 },
	};
	static unsigned char seen[65536];

	for (size_t r = 0; r < sizeof(ranges) / sizeof(ranges[0]); r++) {
		const struct conf_ports range = ranges[r];
		const uint32_t count = (uint32_t)range.last - range.first + 1;

		for (uint32_t start = 0; start <= 65535; start += 21845) {
			memset(seen, 0, sizeof(seen));
			for (uint32_t i = 0; i < count; i++) {
				uint16_t port = guard_policy_port(range, start, i);

				cr_assert(port >= range.first && port <= range.last);
				cr_assert_eq(seen[port]++, 0, "port %u twice", port);
			}
			cr_assert_eq(guard_policy_port(range, start, count), 0);
		}
	}
}

Test(guard_policy, active_mode_goes_to_the_peer_above_1023_and_nowhere_else)
{
	static const struct {
		const char *peer, *address;
		uint32_t port;
		enum vfs_status expected;
	} cases[] = {
		{ "203.0.113.9", "203.0.113.9", 1024, VFS_OK },
		{ "203.0.113.9", "203.0.113.9", 65535, VFS_OK },
		{ "203.0.113.9", "::ffff:203.0.113.9", 5000, VFS_OK },
		{ "2001:db8::1", "2001:db8:0:0::1", 5000, VFS_OK },
		{ "203.0.113.9", "203.0.113.9", 1023, VFS_FORBIDDEN },
		{ "203.0.113.9", "203.0.113.9", 0, VFS_FORBIDDEN },
		{ "203.0.113.9", "203.0.113.9", 65536, VFS_FORBIDDEN },
		{ "203.0.113.9", "203.0.113.8", 5000, VFS_FORBIDDEN },
		{ "203.0.113.9", "127.0.0.1", 5000, VFS_FORBIDDEN },
		{ "203.0.113.9", "0.0.0.0", 5000, VFS_FORBIDDEN },
		{ "203.0.113.9", "2001:db8::1", 5000, VFS_FORBIDDEN },
		{ "203.0.113.9", "localhost", 5000, VFS_FORBIDDEN },
		{ "203.0.113.9", "", 5000, VFS_FORBIDDEN },
		{ "203.0.113.9", "203.0.113.9 ", 5000, VFS_FORBIDDEN },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct netaddr peer = ip(cases[i].peer);

		cr_expect_eq(guard_policy_active(&peer, cases[i].address, cases[i].port),
		    cases[i].expected, "%s port %u", cases[i].address, cases[i].port);
	}
}
