#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "server/base/netaddr.h"

TestSuite(netaddr);

Test(netaddr, parses_addresses_and_prints_them_in_one_form)
{
	static const struct {
		const char *text;
		const char *printed; /* NULL: not an address */
	} rows[] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "2001:DB8:0:0::1", "2001:db8::1" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::ffff:c000:201", "192.0.2.1" },
		{ "fe80::1%7", "fe80::1%7" },
		{ "fe80::1%0", "fe80::1" },
		{ "", NULL },
		{ "localhost", NULL },
		{ "192.0.2", NULL },
		{ "192.0.2.256", NULL },
		{ "192.0.2.01", NULL },
		{ "192.0.2.1 ", NULL },
		{ "192.0.2.1:21", NULL },
		{ "[::1]", NULL },
		{ "fe80::1%eth0", NULL },
		{ "fe80::1%", NULL },
		{ "fe80::1%4294967296", NULL },
		{ "1:2:3:4:5:6:7:8:9", NULL },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff",
		    NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct netaddr address;
		char text[NETADDR_TEXT_BYTES];
		bool parsed = netaddr_parse_ip(&address, rows[i].text);

		cr_assert_eq(parsed, rows[i].printed != NULL, "'%s'", rows[i].text);
		if (!parsed)
			continue;
		netaddr_format_ip(&address, text);
		cr_assert_str_eq(text, rows[i].printed);
		cr_assert_eq(address.port, 0);
	}
}

Test(netaddr, parses_address_and_port)
{
	static const struct {
		const char *text;
		const char *printed; /* NULL: refused */
	} rows[] = {
		{ "192.0.2.1:21", "192.0.2.1:21" },
		{ "127.0.0.1:0", "127.0.0.1:0" },
		{ "[::]:21", "[::]:21" },
		{ "*:2121", "[::]:2121" },
		{ "[2001:db8::1]:65535", "[2001:db8::1]:65535" },
		{ "[fe80::1%3]:21", "[fe80::1%3]:21" },
		{ "[::ffff:10.0.0.1]:21", "10.0.0.1:21" },
		{ "", NULL },
		{ ":", NULL },
		{ ":21", NULL },
		{ "192.0.2.1", NULL },
		{ "192.0.2.1:", NULL },
		{ "192.0.2.1:65536", NULL },
		{ "192.0.2.1:-1", NULL },
		{ "192.0.2.1:21x", NULL },
		{ "192.0.2.1: 21", NULL },
		{ "::1:21", NULL },
		{ "[::1]", NULL },
		{ "[::1]21", NULL },
		{ "[192.0.2.1]:21", NULL },
		{ "[]:21", NULL },
		{ "[:21", NULL },
		{ "localhost:21", NULL },
		{ "99999999999999999999999999999999999999999999999999999999999999999999:21", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct netaddr address;
		char text[NETADDR_TEXT_BYTES];
		bool parsed = netaddr_parse_with_port(&address, rows[i].text);

		cr_assert_eq(parsed, rows[i].printed != NULL, "'%s'", rows[i].text);
		if (!parsed) {
			cr_assert_eq(address.family, 0, "'%s'", rows[i].text);
			continue;
		}
		netaddr_format(&address, text);
		cr_assert_str_eq(text, rows[i].printed);
	}
}

Test(netaddr, goes_to_a_sockaddr_and_back)
{
	static const char *const texts[] = { "192.0.2.1:21", "[2001:db8::1]:990", "[fe80::1%9]:1" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct sockaddr_storage storage;
		struct netaddr address, back;
		char text[NETADDR_TEXT_BYTES];
		socklen_t length;

		cr_assert(netaddr_parse_with_port(&address, texts[i]));
		length = netaddr_to_sockaddr(&address, &storage);
		cr_assert(netaddr_from_sockaddr(&back, (struct sockaddr *)&storage, length));
		netaddr_format(&back, text);
		cr_assert_str_eq(text, texts[i]);
		cr_assert_not(
		    netaddr_from_sockaddr(&back, (struct sockaddr *)&storage, length - 1));
		cr_assert_not(netaddr_from_sockaddr(&back, (struct sockaddr *)&storage, 0));
	}
}

Test(netaddr, a_mapped_ipv4_address_from_a_socket_is_the_plain_one)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(2121) };
	struct netaddr mapped, plain;

	cr_assert_eq(inet_pton(AF_INET6, "::ffff:127.0.0.1", &in6.sin6_addr), 1);
	cr_assert(netaddr_from_sockaddr(&mapped, (struct sockaddr *)&in6, sizeof(in6)));
	cr_assert(netaddr_parse_ip(&plain, "127.0.0.1"));
	cr_assert_eq(mapped.family, AF_INET);
	cr_assert_eq(mapped.port, 2121);
	cr_assert(netaddr_same_ip(&mapped, &plain));
	cr_assert(netaddr_is_loopback(&mapped));
}

Test(netaddr, compares_hosts_and_not_ports)
{
	static const struct {
		const char *a, *b;
		bool same;
	} rows[] = {
		{ "192.0.2.1:1", "192.0.2.1:2", true },
		{ "192.0.2.1:1", "192.0.2.2:1", false },
		{ "[::1]:1", "[::1]:2", true },
		{ "[::]:1", "0.0.0.0:1", false },
		{ "[c000:201::]:1", "192.0.2.1:1", false },
		{ "[fe80::1%2]:1", "[fe80::1%2]:1", true },
		{ "[fe80::1%2]:1", "[fe80::1%3]:1", false },
		{ "[fe80::1%2]:1", "[fe80::1]:1", true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct netaddr a, b;

		cr_assert(netaddr_parse_with_port(&a, rows[i].a));
		cr_assert(netaddr_parse_with_port(&b, rows[i].b));
		cr_assert_eq(netaddr_same_ip(&a, &b), rows[i].same, "%s %s", rows[i].a, rows[i].b);
		cr_assert_eq(netaddr_same_ip(&b, &a), rows[i].same, "%s %s", rows[i].b, rows[i].a);
	}
}

Test(netaddr, knows_special_addresses)
{
	static const struct {
		const char *text;
		bool any, loopback;
	} rows[] = {
		{ "0.0.0.0", true, false },
		{ "::", true, false },
		{ "127.0.0.1", false, true },
		{ "127.255.0.9", false, true },
		{ "128.0.0.1", false, false },
		{ "::1", false, true },
		{ "::2", false, false },
		{ "7f00::", false, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct netaddr address;

		cr_assert(netaddr_parse_ip(&address, rows[i].text));
		cr_assert_eq(netaddr_is_any(&address), rows[i].any, "%s", rows[i].text);
		cr_assert_eq(netaddr_is_loopback(&address), rows[i].loopback, "%s", rows[i].text);
	}
}

Test(netaddr, an_address_that_is_none_is_nothing_special)
{
	struct netaddr none = { 0 };
	struct sockaddr_storage storage;
	char text[NETADDR_TEXT_BYTES];

	cr_assert_not(netaddr_is_any(&none));
	cr_assert_not(netaddr_is_loopback(&none));
	cr_assert_not(netaddr_same_ip(&none, &none));
	cr_assert_eq(netaddr_to_sockaddr(&none, &storage), 0);
	netaddr_format_ip(&none, text);
	cr_assert_str_eq(text, "none");
}

Test(netaddr, tells_both_ends_of_a_connection)
{
	struct sockaddr_storage storage;
	struct netaddr address, local, peer;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t length;

	cr_assert(netaddr_parse_with_port(&address, "127.0.0.1:0"));
	length = netaddr_to_sockaddr(&address, &storage);
	cr_assert_eq(bind(listener, (struct sockaddr *)&storage, length), 0);
	cr_assert_eq(listen(listener, 1), 0);
	cr_assert(netaddr_local(&local, listener));
	cr_assert_neq(local.port, 0);
	length = netaddr_to_sockaddr(&local, &storage);
	cr_assert_eq(connect(client, (struct sockaddr *)&storage, length), 0);
	cr_assert(netaddr_peer(&peer, client));
	cr_assert_eq(peer.port, local.port);
	cr_assert(netaddr_same_ip(&peer, &local));
	cr_assert_not(netaddr_peer(&peer, listener));
	close(client);
	close(listener);
}

Test(netaddr, the_longest_address_fits_its_text)
{
	struct netaddr address = { .family = AF_INET6, .scope = UINT32_MAX, .port = UINT16_MAX };
	struct netaddr back;
	char text[NETADDR_TEXT_BYTES];

	memset(address.bytes, 0xab, sizeof(address.bytes));
	netaddr_format(&address, text);
	cr_assert(netaddr_parse_with_port(&back, text));
	cr_assert_eq(memcmp(&back, &address, sizeof(back)), 0);
}

Test(netaddr, a_network_is_an_address_and_its_bits_with_nothing_behind_them)
{
	static const struct {
		const char *text;
		enum netaddr_network_result result;
		const char *shown;
	} rows[] = {
		{ "10.0.0.0/8", NETADDR_NETWORK_OK, "10.0.0.0/8" },
		{ "0.0.0.0/0", NETADDR_NETWORK_OK, "0.0.0.0/0" },
		{ "192.0.2.128/25", NETADDR_NETWORK_OK, "192.0.2.128/25" },
		{ "192.0.2.7", NETADDR_NETWORK_OK, "192.0.2.7/32" },
		{ "192.0.2.7/32", NETADDR_NETWORK_OK, "192.0.2.7/32" },
		{ "::/0", NETADDR_NETWORK_OK, "::/0" },
		{ "2001:db8::/33", NETADDR_NETWORK_OK, "2001:db8::/33" },
		{ "2001:db8::1", NETADDR_NETWORK_OK, "2001:db8::1/128" },
		{ "::ffff:10.0.0.0/104", NETADDR_NETWORK_OK, "10.0.0.0/8" },
		{ "::ffff:10.0.0.1", NETADDR_NETWORK_OK, "10.0.0.1/32" },
		{ "10.0.0.1/8", NETADDR_NETWORK_HOST_BITS, "" },
		{ "10.0.0.0/6", NETADDR_NETWORK_HOST_BITS, "" },
		{ "192.0.2.129/25", NETADDR_NETWORK_HOST_BITS, "" },
		{ "0.0.0.1/0", NETADDR_NETWORK_HOST_BITS, "" },
		{ "2001:db8::/28", NETADDR_NETWORK_HOST_BITS, "" },
		{ "::ffff:10.0.0.1/104", NETADDR_NETWORK_HOST_BITS, "" },
		{ "10.0.0.0/33", NETADDR_NETWORK_MALFORMED, "" },
		{ "::ffff:10.0.0.0/8", NETADDR_NETWORK_MALFORMED, "" },
		{ "2001:db8::/129", NETADDR_NETWORK_MALFORMED, "" },
		{ "10.0.0.0/", NETADDR_NETWORK_MALFORMED, "" },
		{ "10.0.0.0/-1", NETADDR_NETWORK_MALFORMED, "" },
		{ "10.0.0.0/ 8", NETADDR_NETWORK_MALFORMED, "" },
		{ "10.0.0.0/8/8", NETADDR_NETWORK_MALFORMED, "" },
		{ "10.0.0.0/255.0.0.0", NETADDR_NETWORK_MALFORMED, "" },
		{ "10.0.0.0/99999999999999999999", NETADDR_NETWORK_MALFORMED, "" },
		{ "10.0.0/8", NETADDR_NETWORK_MALFORMED, "" },
		{ "fe80::1%2/64", NETADDR_NETWORK_MALFORMED, "" },
		{ "/8", NETADDR_NETWORK_MALFORMED, "" },
		{ "", NETADDR_NETWORK_MALFORMED, "" },
		{ "localhost/8", NETADDR_NETWORK_MALFORMED, "" },
		{ "2001:db8:1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc/64",
		    NETADDR_NETWORK_MALFORMED, "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct netaddr_network network;
		char text[NETADDR_TEXT_BYTES];

		cr_assert_eq(netaddr_parse_network(&network, rows[i].text), rows[i].result, "%s",
		    rows[i].text);
		if (rows[i].result != NETADDR_NETWORK_OK)
			continue;
		netaddr_format_network(&network, text);
		cr_assert_str_eq(text, rows[i].shown);
	}
}

Test(netaddr, an_address_is_in_a_network_when_the_first_bits_agree)
{
	static const struct {
		const char *address, *network;
		bool in;
	} rows[] = {
		{ "10.255.3.4", "10.0.0.0/8", true },
		{ "11.0.0.0", "10.0.0.0/8", false },
		{ "::ffff:10.1.2.3", "10.0.0.0/8", true },
		{ "10.1.2.3", "::ffff:10.0.0.0/104", true },
		{ "192.0.2.127", "192.0.2.0/25", true },
		{ "192.0.2.128", "192.0.2.0/25", false },
		{ "192.0.2.9", "192.0.2.8/31", true },
		{ "192.0.2.10", "192.0.2.8/31", false },
		{ "192.0.2.7", "192.0.2.7", true },
		{ "192.0.2.6", "192.0.2.7", false },
		{ "203.0.113.9", "0.0.0.0/0", true },
		{ "2001:db8::1", "0.0.0.0/0", false },
		{ "203.0.113.9", "::/0", false },
		{ "2001:db8::1", "::/0", true },
		{ "2001:db8:7fff::1", "2001:db8::/33", true },
		{ "2001:db8:8000::1", "2001:db8::/33", false },
		{ "fe80::1%3", "fe80::/10", true },
		{ "2001:db8::1", "2001:db8::1", true },
		{ "2001:db8::2", "2001:db8::1", false },
	};
	struct netaddr none = { 0 };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct netaddr_network network;
		struct netaddr address;

		cr_assert(netaddr_parse_ip(&address, rows[i].address));
		cr_assert_eq(netaddr_parse_network(&network, rows[i].network), NETADDR_NETWORK_OK);
		cr_assert_eq(netaddr_in_network(&address, &network), rows[i].in, "%s in %s",
		    rows[i].address, rows[i].network);
		cr_assert_not(netaddr_in_network(&none, &network));
	}
}
