/* Data connections: who may come, where we go, how waiting ends. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard_harness.h"
#include "server/base/clock.h"

static struct guard_harness harness;

static void start(void)
{
	harness_start(&harness, "ftp { passive_ports = \"0\" }");
	harness_login(&harness);
}

static void start_hasty(void)
{
	harness_start(&harness, "ftp { passive_ports = \"0\"\ndata_timeout = \"1s\" }");
	harness_login(&harness);
}

static void start_with_source_port(uint16_t port)
{
	char extra[64];

	snprintf(extra, sizeof(extra), "ftp { active_source_port = \"%u\" }", port);
	harness_start(&harness, extra);
	harness_login(&harness);
}

static void start_with_rule(void)
{
	harness_start(&harness, "ftp { public_addresses = { \"127.0.0.0/8 192.0.2.33\" } }");
	harness_login(&harness);
}

static void start_with_unknown_name(void)
{
	harness_start(
	    &harness, "ftp { public_addresses = { \"127.0.0.0/8 no-such-host.invalid\" } }");
	harness_login(&harness);
}

static void start_passive_only(void)
{
	harness_start(&harness, "ftp { passive_ports = \"0\"\nactive = no }");
	harness_login(&harness);
}

static void stop(void)
{
	harness_stop(&harness);
}

static uint16_t listen_passive(void)
{
	const struct guard_req_data_listen ask = { .family = AF_INET };
	struct guard_rep_data_listen reply;

	cr_assert_eq(harness_ask_data_listen(&harness, &ask, &reply, NULL), VFS_OK);
	cr_assert_str_eq(reply.address, "127.0.0.1", "what the client dialled");
	cr_assert_gt(reply.port, 0);
	return (uint16_t)reply.port;
}

/* Connect from one loopback address to the guard's port; -1 when refused. */
static int dial_from(const char *source, uint16_t port)
{
	struct sockaddr_in here = { .sin_family = AF_INET };
	struct sockaddr_in there = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(inet_pton(AF_INET, source, &here.sin_addr), 1);
	cr_assert_eq(bind(fd, (struct sockaddr *)&here, sizeof(here)), 0);
	if (connect(fd, (struct sockaddr *)&there, sizeof(there)) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Take a late reply; the descriptor that came with it. */
static int take_late(uint32_t id, uint16_t type, enum vfs_status status)
{
	struct harness_message message;

	cr_assert(harness_receive(&harness, &message));
	cr_assert_eq(message.header.kind, WIRE_REPLY);
	cr_assert_eq(message.header.type, type);
	cr_assert_eq(message.header.id, id);
	cr_assert_eq(message.header.status, status, "%s",
	    vfs_status_text((enum vfs_status)message.header.status));
	cr_assert(wire_done(&message.reader));
	return message.fd;
}

Test(guard_data, the_clients_own_connection_is_handed_over_and_the_port_closes, .init = start,
    .fini = stop)
{
	const struct guard_req_data_accept ask = { 0 };
	uint16_t port = listen_passive();
	uint32_t id = harness_send_data_accept(&harness, &ask);
	int client = dial_from("127.0.0.1", port);
	int data = take_late(id, GUARD_MESSAGE_data_accept, VFS_OK);
	char byte = '\0';

	cr_assert_geq(client, 0);
	cr_assert_geq(data, 0);
	cr_expect((fcntl(data, F_GETFL) & O_NONBLOCK) != 0);
	cr_expect_eq(write(client, "x", 1), 1);
	cr_expect_eq(poll(&(struct pollfd){ .fd = data, .events = POLLIN }, 1, HARNESS_WAIT_MS), 1);
	cr_expect_eq(read(data, &byte, 1), 1);
	cr_expect_eq(byte, 'x');
	cr_expect_eq(dial_from("127.0.0.1", port), -1, "the port is open still");
	close(data);
	cr_expect_eq(read(client, &byte, 1), 0, "the guard keeps a copy");
	close(client);
}

Test(guard_data, a_stranger_is_dropped_and_the_client_served, .init = start, .fini = stop)
{
	const struct guard_req_data_accept ask = { 0 };
	uint16_t port = listen_passive();
	int stranger = dial_from("127.0.0.2", port); /* first in the queue */
	uint32_t id = harness_send_data_accept(&harness, &ask);
	char byte;
	int client, data;

	cr_assert_geq(stranger, 0);
	cr_expect_leq(read(stranger, &byte, 1), 0, "nothing for strangers");
	client = dial_from("127.0.0.1", port);
	data = take_late(id, GUARD_MESSAGE_data_accept, VFS_OK);
	cr_assert_geq(data, 0);
	cr_expect(harness_logged(&harness, "reason=dropped a connection from 127.0.0.2"), "%s",
	    harness.log);
	close(stranger);
	close(client);
	close(data);
}

Test(guard_data, strangers_cannot_fill_the_queue_before_the_client_comes, .init = start,
    .fini = stop)
{
	const struct guard_req_data_accept ask = { 0 };
	const struct guard_req_stat other = { .path = "/" };
	uint16_t port = listen_passive();
	int strangers[20];
	int client, data;

	/* Far more than the queue holds, and nobody has asked for the connection yet. */
	for (size_t i = 0; i < 20; i++)
		cr_assert_geq(strangers[i] = dial_from("127.0.0.2", port), 0);
	client = dial_from("127.0.0.1", port);
	cr_assert_geq(client, 0);
	cr_expect_eq(harness_ask_stat(&harness, &other, NULL, NULL), VFS_OK);
	cr_expect_eq(harness_ask_data_accept(&harness, &ask, NULL, &data), VFS_OK);
	cr_assert_geq(data, 0);
	cr_expect_eq(write(client, "x", 1), 1);
	cr_expect_eq(poll(&(struct pollfd){ .fd = data, .events = POLLIN }, 1, HARNESS_WAIT_MS), 1);
	close(client);
	close(data);
	for (size_t i = 0; i < 20; i++)
		close(strangers[i]);
}

static bool is_refused_soon(const char *source, uint16_t port)
{
	const int64_t deadline_ms = clock_mono_ms() + 5000;
	int fd;

	while ((fd = dial_from(source, port)) >= 0 && clock_mono_ms() < deadline_ms) {
		close(fd);
		poll(NULL, 0, 5);
	}
	if (fd >= 0)
		close(fd);
	return fd < 0;
}

Test(guard_data, what_is_asked_for_with_an_open_that_fails_leaves_the_port, .init = start,
    .fini = stop)
{
	const struct guard_req_open open_it = { .path = "/absent",
		.flags = VFS_OPEN_READ,
		.passive = GUARD_PASSIVE_RENEW };
	const struct guard_req_data_accept ask = { 0 };
	const struct guard_req_data_connect active = { .address = "127.0.0.1",
		.port = 2000,
		.after_open = 1 };
	uint16_t port = listen_passive();
	int client = dial_from("127.0.0.1", port);
	int data;

	cr_expect_eq(harness_ask_open(&harness, &open_it, NULL, &data), VFS_NOT_FOUND);
	cr_expect_eq(harness.beside_fd, -1);
	cr_expect_eq(harness_ask_data_connect(&harness, &active, NULL, &data), VFS_CANCELLED);
	cr_expect_eq(harness_ask_data_accept(&harness, &ask, NULL, &data), VFS_OK);
	cr_expect_geq(data, 0);
	close(data);
	close(client);
}

static struct guard_rep_open create(const char *path, enum guard_passive passive)
{
	const struct guard_req_open ask = { .path = path,
		.flags = VFS_OPEN_WRITE | VFS_OPEN_CREATE | VFS_OPEN_TRUNCATE,
		.mode = UINT32_MAX,
		.passive = passive };
	struct guard_rep_open reply;
	int fd = -1;

	cr_assert_eq(harness_ask_open(&harness, &ask, &reply, &fd), VFS_OK);
	cr_expect_geq(fd, 0);
	close(fd);
	return reply;
}

static void expect_connected(int client, int data)
{
	char byte = '\0';

	cr_assert_geq(client, 0);
	cr_assert_geq(data, 0);
	cr_expect((fcntl(data, F_GETFL) & O_NONBLOCK) != 0);
	cr_expect_eq(write(client, "x", 1), 1);
	cr_expect_eq(poll(&(struct pollfd){ .fd = data, .events = POLLIN }, 1, HARNESS_WAIT_MS), 1);
	cr_expect_eq(read(data, &byte, 1), 1);
	close(data);
	cr_expect_eq(read(client, &byte, 1), 0, "the guard keeps a copy");
	close(client);
}

Test(guard_data, a_client_that_has_come_is_brought_along_with_the_file, .init = start, .fini = stop)
{
	uint16_t port = listen_passive();
	int stranger = dial_from("127.0.0.2", port); /* first in the queue */
	int client = dial_from("127.0.0.1", port);
	char byte;

	cr_expect_eq(create("/f", GUARD_PASSIVE_TAKE).next_port, 0);
	expect_connected(client, harness.beside_fd);
	cr_expect_leq(read(stranger, &byte, 1), 0, "nothing for strangers");
	cr_expect_eq(dial_from("127.0.0.1", port), -1, "the port is open still");
	close(stranger);
}

Test(guard_data, nobody_is_brought_along_unasked_or_before_the_client_has_come, .init = start,
    .fini = stop)
{
	const struct guard_req_data_accept ask = { 0 };
	uint16_t port;
	uint32_t id;
	int client;

	cr_expect_eq(create("/a", GUARD_PASSIVE_RENEW).next_port, 0, "there is no port to renew");
	cr_expect_eq(harness.beside_fd, -1);
	port = listen_passive();
	cr_expect_eq(create("/b", GUARD_PASSIVE_RENEW).next_port, 0);
	cr_expect_eq(harness.beside_fd, -1);
	client = dial_from("127.0.0.1", port);
	cr_expect_eq(create("/c", GUARD_PASSIVE_LEAVE).next_port, 0);
	cr_expect_eq(harness.beside_fd, -1);
	id = harness_send_data_accept(&harness, &ask);
	expect_connected(client, take_late(id, GUARD_MESSAGE_data_accept, VFS_OK));
}

Test(guard_data, whoever_asks_again_and_again_has_the_next_port_at_once, .init = start, .fini = stop)
{
	const struct guard_req_data_close close_it = { 0 };
	uint16_t first = listen_passive();
	int client = dial_from("127.0.0.1", first);
	uint16_t second = (uint16_t)create("/a", GUARD_PASSIVE_RENEW).next_port;
	uint16_t third;

	expect_connected(client, harness.beside_fd);
	cr_expect_eq(dial_from("127.0.0.1", first), -1);
	cr_assert_gt(second, 0);
	cr_expect_neq(second, first);
	client = dial_from("127.0.0.1", second);
	third = (uint16_t)create("/b", GUARD_PASSIVE_RENEW).next_port;
	expect_connected(client, harness.beside_fd);
	cr_assert_gt(third, 0);
	cr_expect_eq(harness_ask_data_close(&harness, &close_it, NULL, NULL), VFS_OK);
	cr_expect_eq(dial_from("127.0.0.1", third), -1, "given back");
}

Test(guard_data, a_port_that_was_told_to_nobody_is_given_back_too, .init = start_hasty, .fini = stop)
{
	uint16_t port = listen_passive();
	int client = dial_from("127.0.0.1", port);
	uint16_t next = (uint16_t)create("/a", GUARD_PASSIVE_RENEW).next_port;

	expect_connected(client, harness.beside_fd);
	cr_assert_gt(next, 0);
	cr_expect(is_refused_soon("127.0.0.2", next), "strangers do not keep it open");
	cr_expect(harness_logged(&harness, "reason=nobody connected to the passive port in time"),
	    "%s", harness.log);
}

Test(guard_data, a_client_that_comes_early_is_kept_and_its_port_closed, .init = start, .fini = stop)
{
	const struct guard_req_data_accept ask = { 0 };
	const struct guard_req_data_close close_it = { 0 };
	uint16_t port = listen_passive();
	int first = dial_from("127.0.0.1", port);
	char byte;
	int data;

	cr_assert_geq(first, 0);
	cr_expect(is_refused_soon("127.0.0.1", port));
	/* A new port, or none: the connection is not for what comes then. */
	listen_passive();
	cr_expect_leq(read(first, &byte, 1), 0);
	close(first);
	port = listen_passive();
	first = dial_from("127.0.0.1", port);
	cr_assert_geq(first, 0);
	cr_expect(is_refused_soon("127.0.0.1", port));
	cr_expect_eq(harness_ask_data_close(&harness, &close_it, NULL, NULL), VFS_OK);
	cr_expect_leq(read(first, &byte, 1), 0);
	cr_expect_eq(harness_ask_data_accept(&harness, &ask, NULL, &data), VFS_INVALID);
	close(first);
}

Test(guard_data, a_port_that_nobody_comes_to_is_given_back_before_it_is_asked_for,
    .init = start_hasty, .fini = stop)
{
	const struct guard_req_data_accept ask = { 0 };
	uint16_t port = listen_passive();
	int data;

	cr_expect(harness_logged(&harness, "reason=nobody connected to the passive port in time"),
	    "%s", harness.log);
	cr_expect_eq(dial_from("127.0.0.1", port), -1);
	cr_expect_eq(harness_ask_data_accept(&harness, &ask, NULL, &data), VFS_TIMEOUT);
	cr_expect_eq(harness_ask_data_accept(&harness, &ask, NULL, &data), VFS_INVALID);
	listen_passive();
}

Test(guard_data, a_connection_that_never_comes_is_told_logged_and_its_port_closed,
    .init = start_hasty, .fini = stop)
{
	const struct guard_req_data_accept ask = { 0 };
	const struct guard_req_stat other = { .path = "/" };
	uint16_t port = listen_passive();
	int64_t since_ms = clock_mono_ms();
	uint32_t id = harness_send_data_accept(&harness, &ask);

	/* Others are served meanwhile. */
	cr_expect_eq(harness_ask_stat(&harness, &other, NULL, NULL), VFS_OK);
	cr_expect_eq(take_late(id, GUARD_MESSAGE_data_accept, VFS_TIMEOUT), -1);
	cr_expect_geq(clock_mono_ms() - since_ms, 990);
	cr_expect_eq(dial_from("127.0.0.1", port), -1);
	cr_expect(harness_logged(&harness, "cure=open passive_ports in the firewalls"), "%s",
	    harness.log);
}

Test(guard_data, close_cancels_what_waits_before_it_is_answered, .init = start, .fini = stop)
{
	const struct guard_req_data_accept accept_it = { 0 };
	const struct guard_req_data_close close_it = { 0 };
	uint16_t port = listen_passive();
	uint32_t accept_id = harness_send_data_accept(&harness, &accept_it);
	uint32_t close_id = harness_send_data_close(&harness, &close_it);

	cr_expect_eq(take_late(accept_id, GUARD_MESSAGE_data_accept, VFS_CANCELLED), -1);
	cr_expect_eq(take_late(close_id, GUARD_MESSAGE_data_close, VFS_OK), -1);
	cr_expect_eq(dial_from("127.0.0.1", port), -1);
	cr_expect_eq(
	    harness_ask_data_close(&harness, &close_it, NULL, NULL), VFS_OK, "at any time");
}

Test(guard_data, one_request_at_a_time_may_wait, .init = start, .fini = stop)
{
	const struct guard_req_data_accept accept_it = { 0 };
	const struct guard_req_data_listen listen_it = { .family = 0 };
	const struct guard_req_data_connect connect_it = { .address = "127.0.0.1", .port = 2000 };
	uint32_t id;
	int fd;

	cr_expect_eq(harness_ask_data_accept(&harness, &accept_it, NULL, &fd), VFS_INVALID,
	    "there is no port");
	listen_passive();
	id = harness_send_data_accept(&harness, &accept_it);
	cr_expect_eq(harness_ask_data_accept(&harness, &accept_it, NULL, &fd), VFS_BUSY);
	cr_expect_eq(harness_ask_data_listen(&harness, &listen_it, NULL, NULL), VFS_BUSY);
	cr_expect_eq(harness_ask_data_connect(&harness, &connect_it, NULL, &fd), VFS_BUSY);
	(void)id;
}

Test(guard_data, a_new_passive_port_closes_the_old_one, .init = start, .fini = stop)
{
	uint16_t first = listen_passive();
	uint16_t second = listen_passive();

	cr_expect_neq(first, second);
	cr_expect_eq(dial_from("127.0.0.1", first), -1);
}

Test(
    guard_data, a_family_that_the_client_did_not_dial_is_not_supported, .init = start, .fini = stop)
{
	const struct guard_req_data_listen ask = { .family = AF_INET6 };

	cr_expect_eq(harness_ask_data_listen(&harness, &ask, NULL, NULL), VFS_UNSUPPORTED);
}

Test(guard_data, a_full_range_is_busy_and_the_log_says_what_helps)
{
	char extra[128];
	struct sockaddr_in name = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t length = sizeof(name);
	const struct guard_req_data_listen ask = { .family = 0 };
	int taken = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(bind(taken, (struct sockaddr *)&name, sizeof(name)), 0);
	cr_assert_eq(listen(taken, 1), 0);
	cr_assert_eq(getsockname(taken, (struct sockaddr *)&name, &length), 0);
	snprintf(extra, sizeof(extra), "ftp { passive_ports = \"%u\" }", ntohs(name.sin_port));
	harness_start(&harness, extra);
	harness_login(&harness);
	cr_expect_eq(harness_ask_data_listen(&harness, &ask, NULL, NULL), VFS_BUSY);
	cr_expect(harness_logged(&harness, "cure=make passive_ports in ftp { } a longer range"),
	    "%s", harness.log);
	close(taken);
	cr_expect_eq(harness_ask_data_listen(&harness, &ask, NULL, NULL), VFS_OK);
	harness_stop(&harness);
}

Test(guard_data, active_mode_reaches_the_client, .init = start, .fini = stop)
{
	struct guard_req_data_connect ask = { .address = "127.0.0.1" };
	struct sockaddr_in name = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t length = sizeof(name);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint32_t id;
	int client, data;

	cr_assert_eq(bind(listener, (struct sockaddr *)&name, sizeof(name)), 0);
	cr_assert_eq(listen(listener, 1), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&name, &length), 0);
	ask.port = ntohs(name.sin_port);
	id = harness_send_data_connect(&harness, &ask);
	client = accept(listener, NULL, NULL);
	cr_assert_geq(client, 0);
	data = take_late(id, GUARD_MESSAGE_data_connect, VFS_OK);
	cr_assert_geq(data, 0);
	cr_expect((fcntl(data, F_GETFL) & O_NONBLOCK) != 0);
	close(client);
	close(data);
	close(listener);
	/* Nobody listens there any more; the kernel may say so at once or later. */
	id = harness_send_data_connect(&harness, &ask);
	cr_expect_eq(take_late(id, GUARD_MESSAGE_data_connect, VFS_UNREACHABLE), -1);
	cr_expect(harness_logged(&harness, "let it use passive mode"), "%s", harness.log);
}

/* Two connections at a time from the one port, to two ports of the client. */
Test(guard_data, active_mode_comes_from_the_configured_port, .fini = stop)
{
	struct guard_req_data_connect ask = { .address = "127.0.0.1" };
	/* Below those that the system gives out; each test is a process of its own. */
	const uint16_t source = (uint16_t)(20000 + getpid() % 12000);
	int clients[2], datas[2];

	start_with_source_port(source);
	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_in name = {
			.sin_family = AF_INET,
			.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		};
		socklen_t length = sizeof(name);
		int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		uint32_t id;

		cr_assert_eq(bind(listener, (struct sockaddr *)&name, sizeof(name)), 0);
		cr_assert_eq(listen(listener, 1), 0);
		cr_assert_eq(getsockname(listener, (struct sockaddr *)&name, &length), 0);
		ask.port = ntohs(name.sin_port);
		id = harness_send_data_connect(&harness, &ask);
		datas[i] = take_late(id, GUARD_MESSAGE_data_connect, VFS_OK);
		cr_assert_geq(datas[i], 0);
		clients[i] = accept(listener, (struct sockaddr *)&name, &length);
		cr_assert_geq(clients[i], 0);
		cr_expect_eq(ntohs(name.sin_port), source);
		close(listener);
	}
	for (size_t i = 0; i < 2; i++) {
		close(clients[i]);
		close(datas[i]);
	}
}

Test(guard_data, a_source_port_that_is_taken_is_told_with_the_cure, .fini = stop)
{
	const struct guard_req_data_connect ask = { .address = "127.0.0.1", .port = 2000 };
	struct sockaddr_in name = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t length = sizeof(name);
	int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int fd;

	cr_assert_eq(bind(other, (struct sockaddr *)&name, sizeof(name)), 0);
	cr_assert_eq(listen(other, 1), 0);
	cr_assert_eq(getsockname(other, (struct sockaddr *)&name, &length), 0);
	start_with_source_port(ntohs(name.sin_port));
	cr_expect_eq(harness_ask_data_connect(&harness, &ask, NULL, &fd), VFS_UNREACHABLE);
	cr_expect(harness_logged(&harness, "reason=connecting from port "), "%s", harness.log);
	cr_expect(harness_logged(&harness, "cure=let active_source_port in ftp { } be 0"), "%s",
	    harness.log);
	close(other);
}

static void expect_announced(const char *address)
{
	const struct guard_req_data_listen ask = { .family = AF_INET };
	struct guard_rep_data_listen reply;

	cr_assert_eq(harness_ask_data_listen(&harness, &ask, &reply, NULL), VFS_OK);
	cr_expect_str_eq(reply.address, address);
}

Test(guard_data, pasv_tells_what_the_rule_for_the_clients_network_says, .init = start_with_rule,
    .fini = stop)
{
	expect_announced("192.0.2.33");
}

Test(guard_data, a_public_name_that_is_not_found_is_logged_once_and_the_dialled_address_told,
    .init = start_with_unknown_name, .fini = stop)
{
	const char *again;

	for (int i = 0; i < 3; i++)
		expect_announced("127.0.0.1");
	cr_assert(harness_logged(
	              &harness, "the public address no-such-host.invalid has no usable IPv4 address"),
	    "%s", harness.log);
	cr_expect(harness_logged(&harness, "cure=correct public_address"), "%s", harness.log);
	again = strstr(harness.log, "the public address");
	cr_expect_null(strstr(again + 1, "the public address"), "%s", harness.log);
}

Test(guard_data, active_mode_goes_nowhere_else, .init = start, .fini = stop)
{
	static const struct guard_req_data_connect asks[] = {
		{ .address = "127.0.0.2", .port = 2000 },
		{ .address = "127.0.0.1", .port = 1023 },
		{ .address = "127.0.0.1", .port = 0 },
		{ .address = "::1", .port = 2000 },
		{ .address = "localhost", .port = 2000 },
	};
	int fd;

	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++)
		cr_expect_eq(
		    harness_ask_data_connect(&harness, &asks[i], NULL, &fd), VFS_FORBIDDEN);
	cr_expect(harness_logged(&harness, "refused to connect to 127.0.0.2 port 2000"), "%s",
	    harness.log);
}

Test(guard_data, active_mode_can_be_switched_off, .init = start_passive_only, .fini = stop)
{
	const struct guard_req_data_connect ask = { .address = "127.0.0.1", .port = 2000 };
	int fd;

	cr_expect_eq(harness_ask_data_connect(&harness, &ask, NULL, &fd), VFS_FORBIDDEN);
	cr_expect(harness_logged(&harness, "active mode is switched off"), "%s", harness.log);
}
