/* Decisions of the guard: delays, announced addresses, passive ports, targets of active mode. */
#include <criterion/criterion.h>
#include <sys/socket.h>

#include "server/guard_private.h"

#define RULES                                                                         \
	"public_address = 198.51.100.7 "                                              \
	"public_addresses = { \"10.9.0.0/16 dialled\", \"10.0.0.0/8 10.0.0.5\", "     \
	"\"192.0.2.0/24 b.example\", \"10.1.0.0/16 c.example\" }"

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

Test(guard_policy, what_pasv_tells_depends_on_where_the_client_is)
{
	static const struct {
		const char *ftp, *local, *peer;
		const char *told; /* NULL: the dialled address */
	} cases[] = {
		{ "", "10.0.0.5", "203.0.113.9", NULL },
		{ "public_address = 198.51.100.7", "10.0.0.5", "203.0.113.9", "198.51.100.7" },
		{ "public_address = a.example", "10.0.0.5", "203.0.113.9", "a.example" },
		{ "public_address = 198.51.100.7", "10.0.0.5", "10.0.0.9", NULL },
		{ "public_address = 198.51.100.7", "127.0.0.1", "127.0.0.1", NULL },
		{ "public_address = 198.51.100.7", "169.254.0.5", "169.254.0.9", NULL },
		/* EPSV tells no address. */
		{ "public_address = 198.51.100.7", "2001:db8::5", "2001:db8:9::1", NULL },
		{ RULES, "10.0.0.5", "10.1.2.3", "10.0.0.5" },
		{ RULES, "10.0.0.5", "10.9.2.3", NULL },
		{ RULES, "10.0.0.5", "192.0.2.44", "b.example" },
		{ RULES, "10.0.0.5", "203.0.113.9", "198.51.100.7" },
		{ RULES, "10.0.0.5", "192.168.1.1", NULL },
		{ RULES, "2001:db8::5", "2001:db8:9::1", NULL },
		/* A rule overrides what the network of a client says; the first one counts. */
		{ "public_addresses = { \"127.0.0.0/8 192.0.2.1\" }", "127.0.0.1", "127.0.0.1",
		    "192.0.2.1" },
		{ "public_address = a.example public_addresses = { \"0.0.0.0/0 dialled\" }",
		    "10.0.0.5", "203.0.113.9", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct netaddr local = ip(cases[i].local);
		const struct netaddr peer = ip(cases[i].peer);
		char message[CONF_MESSAGE_BYTES];
		char text[512];
		struct conf *conf;
		const char *told;

		snprintf(text, sizeof(text), "ftp { %s }", cases[i].ftp);
		cr_assert_eq(conf_parse(&conf, "/t.conf", text, message), CONF_OK, "%s", message);
		told = guard_policy_announce(&conf->ftp, &local, &peer);
		if (cases[i].told == NULL)
			cr_expect_null(told, "case %zu: %s", i, told);
		else
			cr_expect_str_eq(told, cases[i].told, "case %zu", i);
		conf_free(&conf);
	}
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

Test(guard_policy, ports_are_opened_ahead_only_where_every_session_can_have_one)
{
	const struct conf_ports any = { 0, 0 }, ten = { 50000, 50009 };

	cr_expect(guard_policy_may_renew(any, 1000000));
	cr_expect(guard_policy_may_renew(ten, 10));
	cr_expect_not(guard_policy_may_renew(ten, 11));
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
