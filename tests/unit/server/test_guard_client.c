#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/guard_client.h"

/*
 * No second process is needed: ids count from 1, so the guard's answers can wait in the socket
 * before the client asks.
 */
static struct guard_client *client;
static int guard_fd; /* the guard's end */

static uint8_t bytes[WIRE_MAX_BYTES];
static struct wire_writer writer;

static void enter(void)
{
	int ends[2];

	cr_assert(wire_pair(ends));
	guard_fd = ends[1];
	client = guard_client_new(ends[0]);
	cr_assert_not_null(client);
	cr_assert_eq(guard_client_fd(client), ends[0]);
}

static void leave(void)
{
	guard_client_free(&client);
	cr_assert_null(client);
	guard_client_free(&client);
	close(guard_fd);
}

TestSuite(guard_client, .init = enter, .fini = leave, .timeout = 10);

/* --- the guard's side ------------------------------------------------------------------------- */

static void begin(uint16_t kind, uint16_t type, uint32_t id, uint32_t status)
{
	struct wire_header header = { .type = type, .kind = kind, .id = id, .status = status };

	writer = (struct wire_writer){ .bytes = bytes, .size = sizeof(bytes) };
	wire_put_header(&writer, &header);
}

static void begin_reply(uint16_t type, uint32_t id, uint32_t status)
{
	begin(WIRE_REPLY, type, id, status);
}

static void finish(int fd)
{
	cr_assert_not(writer.failed);
	cr_assert(wire_send(guard_fd, bytes, writer.length, fd));
}

static void reply_stat(uint32_t id, uint64_t size)
{
	struct guard_rep_stat reply = { .attr.size = size };

	begin_reply(GUARD_MESSAGE_stat, id, VFS_OK);
	guard_put_rep_stat(&writer, &reply);
	finish(-1);
}

static void reply_readlink(uint32_t id, const char *target)
{
	struct guard_rep_readlink reply = { .target = target };

	begin_reply(GUARD_MESSAGE_readlink, id, VFS_OK);
	guard_put_rep_readlink(&writer, &reply);
	finish(-1);
}

static void reply_accept(uint32_t id)
{
	begin_reply(GUARD_MESSAGE_data_accept, id, VFS_OK);
	finish(guard_fd);
}

static void notice_stop(uint32_t reason)
{
	struct guard_note_stop stop = { .reason = reason, .now = 1 };

	begin(WIRE_NOTICE, GUARD_NOTICE_stop, 0, 0);
	guard_put_note_stop(&writer, &stop);
	finish(-1);
}

/* The request the client sent last; false when it sent none. */
static bool received(struct wire_header *header, struct wire_reader *reader)
{
	static uint8_t got[WIRE_MAX_BYTES];
	ssize_t n = recv(guard_fd, got, sizeof(got), MSG_DONTWAIT);

	if (n < 0)
		return false;
	*reader = (struct wire_reader){ .bytes = got, .left = (size_t)n };
	wire_get_header(reader, header);
	return true;
}

static int next_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

/* --- asking ----------------------------------------------------------------------------------- */

Test(guard_client, asks_in_the_protocol_and_gives_the_reply)
{
	struct guard_req_stat request = { .path = "/a", .follow = 1 }, back;
	struct guard_rep_stat reply;
	struct wire_header header;
	struct wire_reader reader;

	reply_stat(1, 42);
	cr_assert_eq(guard_client_stat(client, &request, &reply, NULL), VFS_OK);
	cr_assert_eq(reply.attr.size, 42);
	cr_assert(received(&header, &reader));
	cr_assert_eq(header.type, GUARD_MESSAGE_stat);
	cr_assert_eq(header.kind, WIRE_REQUEST);
	cr_assert_eq(header.id, 1);
	cr_assert_eq(header.status, 0);
	guard_get_req_stat(&reader, &back);
	cr_assert(wire_done(&reader));
	cr_assert_str_eq(back.path, "/a");
	cr_assert_eq(back.follow, 1);
}

Test(guard_client, gives_the_status_of_a_refusal_and_no_fields)
{
	struct guard_req_open request = { .path = "/a", .flags = VFS_OPEN_READ };
	struct guard_rep_open reply = { .handle = 77 };
	int fd = 5;

	begin_reply(GUARD_MESSAGE_open, 1, VFS_NOT_FOUND);
	finish(-1);
	cr_assert_eq(guard_client_open(client, &request, &reply, &fd), VFS_NOT_FOUND);
	cr_assert_eq(reply.handle, 77);
	cr_assert_eq(fd, -1);
}

static void reply_open(uint32_t id)
{
	struct guard_rep_open reply = { .handle = 3, .path = "/a" };

	begin_reply(GUARD_MESSAGE_open, id, VFS_OK);
	guard_put_rep_open(&writer, &reply);
	finish(guard_fd);
}

Test(guard_client, gives_the_descriptor_or_closes_it)
{
	struct guard_req_open request = { .path = "/a", .flags = VFS_OPEN_READ };
	struct guard_rep_open reply;
	int before = next_fd();
	int fd = -1;

	reply_open(1);
	cr_assert_eq(guard_client_open(client, &request, &reply, &fd), VFS_OK);
	cr_assert_eq(reply.handle, 3);
	cr_assert_str_eq(reply.path, "/a");
	cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	reply_open(2);
	cr_assert_eq(guard_client_open(client, &request, NULL, NULL), VFS_OK);
	cr_assert_eq(next_fd(), before);
}

Test(guard_client, sends_nothing_that_is_beyond_its_bound)
{
	static char path[GUARD_PATH_MAX + 2];
	struct guard_req_mkdir request = { .path = path };
	struct wire_header header;
	struct wire_reader reader;

	memset(path, 'p', GUARD_PATH_MAX + 1);
	cr_assert_eq(guard_client_mkdir(client, &request, NULL, NULL), VFS_INVALID);
	cr_assert_eq(guard_client_send_mkdir(client, &request), 0);
	cr_assert_eq(guard_client_wait_mkdir(client, 0, NULL, NULL), VFS_INVALID);
	cr_assert_not(received(&header, &reader));
	path[GUARD_PATH_MAX] = '\0';
	cr_assert_neq(guard_client_send_mkdir(client, &request), 0);
	cr_assert(received(&header, &reader));
}

Test(guard_client, keeps_no_password)
{
	struct guard_req_login request = { .user = "alice", .password = "correct-horse" };
	struct guard_rep_login login = { .result = GUARD_LOGIN_FAILED };
	struct guard_rep_login reply;

	begin_reply(GUARD_MESSAGE_login, 1, VFS_OK);
	guard_put_rep_login(&writer, &login);
	finish(-1);
	cr_assert_eq(guard_client_login(client, &request, &reply, NULL), VFS_OK);
	cr_assert_eq(reply.result, GUARD_LOGIN_FAILED);
	cr_assert_null(memmem(client, 2 * (size_t)WIRE_MAX_BYTES, "correct-horse", 13));
}

/* --- several at a time ------------------------------------------------------------------------ */

Test(guard_client, pipelined_replies_can_be_awaited_in_any_order)
{
	struct guard_req_readlink request = { .path = "/l" };
	struct guard_rep_readlink reply;
	uint32_t ids[3];

	for (int i = 0; i < 3; i++)
		ids[i] = guard_client_send_readlink(client, &request);
	reply_readlink(ids[0], "first");
	reply_readlink(ids[1], "second");
	reply_readlink(ids[2], "third");
	cr_assert_eq(guard_client_wait_readlink(client, ids[2], &reply, NULL), VFS_OK);
	cr_assert_str_eq(reply.target, "third");
	cr_assert_eq(guard_client_wait_readlink(client, ids[0], &reply, NULL), VFS_OK);
	cr_assert_str_eq(reply.target, "first");
	cr_assert_eq(guard_client_wait_readlink(client, ids[1], &reply, NULL), VFS_OK);
	cr_assert_str_eq(reply.target, "second");
	cr_assert_eq(guard_client_wait_readlink(client, ids[1], &reply, NULL), VFS_INVALID);
}

Test(guard_client, a_wait_under_another_name_gets_nothing)
{
	struct guard_req_readlink request = { .path = "/l" };
	uint32_t id = guard_client_send_readlink(client, &request);

	reply_readlink(id, "x");
	cr_assert_eq(guard_client_wait_stat(client, id, NULL, NULL), VFS_INVALID);
	cr_assert_eq(guard_client_wait_readlink(client, id, NULL, NULL), VFS_OK);
}

Test(guard_client, refuses_one_pipelined_request_too_many_but_can_always_ask)
{
	struct guard_req_stat request = { .path = "/a" };
	struct guard_rep_stat reply;
	uint32_t first = guard_client_send_stat(client, &request);
	uint32_t last = first;

	for (int i = 1; i < GUARD_CLIENT_PENDING_MAX; i++)
		last = guard_client_send_stat(client, &request);
	cr_assert_neq(last, 0);
	cr_assert_eq(guard_client_send_stat(client, &request), 0);
	for (uint32_t id = first; id <= last; id++)
		reply_stat(id, id);
	reply_stat(last + 2, 1000); /* the refused one used up a number */
	cr_assert_eq(guard_client_stat(client, &request, &reply, NULL), VFS_OK);
	cr_assert_eq(reply.attr.size, 1000);
	for (uint32_t id = last; id >= first; id--) {
		cr_assert_eq(guard_client_wait_stat(client, id, &reply, NULL), VFS_OK);
		cr_assert_eq(reply.attr.size, id);
	}
	cr_assert_neq(guard_client_send_stat(client, &request), 0);
}

Test(guard_client, a_request_carries_a_descriptor_once)
{
	struct guard_req_rein rein = { .unread = { .bytes = (const uint8_t *)"x", .length = 1 } };
	static uint8_t got[64];
	int fd;

	guard_client_carry(client, guard_fd);
	cr_assert_neq(guard_client_send_rein(client, &rein), 0);
	cr_assert_neq(guard_client_send_rein(client, &rein), 0);
	cr_assert_gt(wire_receive(guard_fd, got, sizeof(got), &fd), 0);
	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert_gt(wire_receive(guard_fd, got, sizeof(got), &fd), 0);
	cr_assert_eq(fd, -1);
}

/* --- what comes unasked ----------------------------------------------------------------------- */

Test(guard_client, next_is_false_when_nothing_waits)
{
	struct guard_client_event event;

	cr_assert_not(guard_client_next(client, &event));
}

Test(guard_client, next_gives_notices_with_their_descriptor)
{
	struct guard_note_start start = { .listener = 2,
		.session = "s1",
		.local = "127.0.0.1",
		.local_port = 21,
		.peer = "192.0.2.9",
		.peer_port = 5000 };
	struct guard_client_event event;

	begin(WIRE_NOTICE, GUARD_NOTICE_start, 0, 0);
	guard_put_note_start(&writer, &start);
	finish(guard_fd);
	cr_assert(guard_client_next(client, &event));
	cr_assert(event.notice);
	cr_assert_eq(event.number, GUARD_NOTICE_start);
	cr_assert_eq(event.note.start.listener, 2);
	cr_assert_str_eq(event.note.start.session, "s1");
	cr_assert_str_eq(event.note.start.peer, "192.0.2.9");
	cr_assert_eq(event.note.start.peer_port, 5000);
	cr_assert_geq(event.fd, 0);
	close(event.fd);
}

Test(guard_client, what_a_message_held_can_be_forgotten)
{
	struct guard_note_start start = { .unread = { .bytes = (const uint8_t *)"PASS x", .length = 6 } };
	struct guard_client_event event;

	begin(WIRE_NOTICE, GUARD_NOTICE_start, 0, 0);
	guard_put_note_start(&writer, &start);
	finish(guard_fd);
	cr_assert(guard_client_next(client, &event));
	cr_assert_eq(event.note.start.unread.length, 6);
	cr_assert_arr_eq(event.note.start.unread.bytes, "PASS x", 6);
	guard_client_forget(client);
	cr_assert_arr_eq(event.note.start.unread.bytes, "\0\0\0\0\0\0", 6);
	close(event.fd);
}

Test(guard_client, what_comes_during_a_wait_is_given_by_next_in_order)
{
	struct guard_req_data_accept accept = { .nothing = 0 };
	struct guard_req_readlink request = { .path = "/l" };
	struct guard_rep_readlink reply;
	struct guard_client_event event;
	uint32_t id = guard_client_send_data_accept(client, &accept);

	reply_accept(id);
	notice_stop(GUARD_STOP_KICKED);
	reply_readlink(id + 1, "target");
	cr_assert_eq(guard_client_readlink(client, &request, &reply, NULL), VFS_OK);
	cr_assert_str_eq(reply.target, "target");
	cr_assert(guard_client_next(client, &event));
	cr_assert_not(event.notice);
	cr_assert_eq(event.number, GUARD_MESSAGE_data_accept);
	cr_assert_eq(event.id, id);
	cr_assert_eq(event.status, VFS_OK);
	cr_assert_geq(event.fd, 0);
	close(event.fd);
	cr_assert(guard_client_next(client, &event));
	cr_assert(event.notice);
	cr_assert_eq(event.number, GUARD_NOTICE_stop);
	cr_assert_eq(event.note.stop.reason, GUARD_STOP_KICKED);
	cr_assert_eq(event.note.stop.now, 1);
	cr_assert_not(guard_client_next(client, &event));
}

Test(guard_client, a_late_reply_can_be_awaited_too)
{
	struct guard_req_data_connect connect = { .address = "127.0.0.1", .port = 2000 };
	struct guard_client_event event;
	uint32_t id = guard_client_send_data_connect(client, &connect);
	int fd = 5;

	begin_reply(GUARD_MESSAGE_data_connect, id, VFS_CANCELLED);
	finish(-1);
	cr_assert_eq(guard_client_wait_data_connect(client, id, NULL, &fd), VFS_CANCELLED);
	cr_assert_eq(fd, -1);
	cr_assert_not(guard_client_next(client, &event));
}

/* Answer an open with a file and, beside it, a connection. */
static void reply_open_with_both(uint32_t id)
{
	const struct guard_rep_open reply = { .path = "/f", .next_port = 50000 };

	begin_reply(GUARD_MESSAGE_open, id, VFS_OK);
	guard_put_rep_open(&writer, &reply);
	cr_assert(wire_send_both(guard_fd, bytes, writer.length, guard_fd, guard_fd));
}

Test(guard_client, a_connection_beside_a_file_is_taken_once_or_closed)
{
	struct guard_req_open request = { .path = "/f", .passive = GUARD_PASSIVE_RENEW };
	struct guard_rep_open reply;
	int before = next_fd();
	int fd, beside_fd;

	reply_open_with_both(1);
	cr_assert_eq(guard_client_open(client, &request, &reply, &fd), VFS_OK);
	cr_assert_eq(reply.next_port, 50000);
	beside_fd = guard_client_take_beside(client);
	cr_assert_geq(beside_fd, 0);
	cr_assert_eq(guard_client_take_beside(client), -1);
	close(fd);
	close(beside_fd);
	reply_open_with_both(2);
	cr_assert_eq(guard_client_open(client, &request, &reply, &fd), VFS_OK);
	close(fd);
	reply_stat(3, 1);
	cr_assert_eq(guard_client_stat(
	                 client, &(struct guard_req_stat){ .path = "/a" }, NULL, NULL), VFS_OK);
	cr_assert_eq(guard_client_take_beside(client), -1);
	cr_assert_eq(next_fd(), before, "nobody took it");
}

Test(guard_client, next_leaves_other_replies_to_their_wait)
{
	struct guard_req_stat request = { .path = "/a" };
	struct guard_rep_stat reply;
	struct guard_client_event event;
	uint32_t id = guard_client_send_stat(client, &request);

	reply_stat(id, 9);
	cr_assert_not(guard_client_next(client, &event));
	notice_stop(GUARD_STOP_SHUTDOWN);
	cr_assert(guard_client_next(client, &event));
	cr_assert(event.notice);
	cr_assert_eq(guard_client_wait_stat(client, id, &reply, NULL), VFS_OK);
	cr_assert_eq(reply.attr.size, 9);
}

Test(guard_client, free_closes_what_nobody_took)
{
	struct guard_req_data_accept accept = { .nothing = 0 };
	struct guard_req_stat request = { .path = "/a" };
	int before = next_fd();
	uint32_t id = guard_client_send_data_accept(client, &accept);
	int socket_fd = guard_client_fd(client);

	reply_accept(id);
	reply_stat(id + 1, 1);
	cr_assert_eq(guard_client_stat(client, &request, NULL, NULL), VFS_OK);
	cr_assert_gt(next_fd(), before);
	guard_client_free(&client);
	cr_assert_eq(fcntl(socket_fd, F_GETFD), -1);
	cr_assert_eq(next_fd(), socket_fd < before ? socket_fd : before);
}

/* --- what no guard sends ---------------------------------------------------------------------- */

/* The client in a process of its own: one stat, then whatever came unasked. */
static int exit_status_of_client(void)
{
	struct guard_req_stat request = { .path = "/a" };
	struct guard_client_event event;
	pid_t child = fork();
	int status;

	if (child == 0) {
		guard_client_stat(client, &request, NULL, NULL);
		while (guard_client_next(client, &event))
			continue;
		_exit(0);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* A fresh pair, so that what one row left in the socket does not reach the next. */
static void start_again(void)
{
	leave();
	enter();
}

static void attr_body(void)
{
	wire_put_attr(&writer, (struct vfs_attr){ 0 }, 0);
}

static void send_short_header(void)
{
	begin_reply(GUARD_MESSAGE_stat, 1, VFS_OK);
	writer.length = 11;
	finish(-1);
}

static void send_other_kind(void)
{
	begin(WIRE_REQUEST, GUARD_MESSAGE_stat, 1, VFS_OK);
	attr_body();
	finish(-1);
}

static void send_other_id(void)
{
	begin_reply(GUARD_MESSAGE_stat, 2, VFS_OK);
	attr_body();
	finish(-1);
}

static void send_id_zero(void)
{
	begin_reply(GUARD_MESSAGE_stat, 0, VFS_OK);
	attr_body();
	finish(-1);
}

static void send_other_type(void)
{
	begin_reply(GUARD_MESSAGE_fstat, 1, VFS_OK);
	attr_body();
	finish(-1);
}

static void send_unknown_status(void)
{
	begin_reply(GUARD_MESSAGE_stat, 1, VFS_STATUS_COUNT);
	finish(-1);
}

static void send_fields_after_refusal(void)
{
	begin_reply(GUARD_MESSAGE_stat, 1, VFS_NOT_FOUND);
	attr_body();
	finish(-1);
}

static void send_surplus_byte(void)
{
	begin_reply(GUARD_MESSAGE_stat, 1, VFS_OK);
	attr_body();
	bytes[writer.length++] = 0;
	finish(-1);
}

static void send_short_body(void)
{
	begin_reply(GUARD_MESSAGE_stat, 1, VFS_OK);
	attr_body();
	writer.length--;
	finish(-1);
}

static void send_surplus_descriptor(void)
{
	begin_reply(GUARD_MESSAGE_stat, 1, VFS_OK);
	attr_body();
	finish(guard_fd);
}

static void send_descriptor_with_refusal(void)
{
	begin_reply(GUARD_MESSAGE_stat, 1, VFS_NOT_FOUND);
	finish(guard_fd);
}

static void send_reply_twice(void)
{
	reply_stat(1, 1);
	reply_stat(1, 1);
}

static void send_unknown_notice(void)
{
	begin(WIRE_NOTICE, 99, 0, 0);
	finish(-1);
}

static void send_notice_with_id(void)
{
	begin(WIRE_NOTICE, GUARD_NOTICE_stop, 1, 0);
	wire_put_u32(&writer, 0, 0);
	wire_put_u32(&writer, 0, 0);
	finish(-1);
}

static void send_notice_beyond_bound(void)
{
	begin(WIRE_NOTICE, GUARD_NOTICE_stop, 0, 0);
	wire_put_u32(&writer, GUARD_STOP_COUNT, 0);
	wire_put_u32(&writer, 0, 0);
	finish(-1);
	reply_stat(1, 1);
}

static void send_start_without_connection(void)
{
	struct guard_note_start start = { .session = "s" };

	begin(WIRE_NOTICE, GUARD_NOTICE_start, 0, 0);
	guard_put_note_start(&writer, &start);
	finish(-1);
}

static void send_too_many_notices(void)
{
	for (int i = 0; i <= GUARD_CLIENT_NOTICES_MAX; i++)
		notice_stop(GUARD_STOP_SHUTDOWN);
	reply_stat(1, 1);
}

Test(guard_client, ends_the_process_when_the_guard_sends_what_no_guard_sends)
{
#define ROW(send)           \
	{                   \
		send, #send \
	}
	static const struct {
		void (*send)(void);
		const char *name;
	} rows[] = {
		ROW(send_short_header),
		ROW(send_other_kind),
		ROW(send_other_id),
		ROW(send_id_zero),
		ROW(send_other_type),
		ROW(send_unknown_status),
		ROW(send_fields_after_refusal),
		ROW(send_surplus_byte),
		ROW(send_short_body),
		ROW(send_surplus_descriptor),
		ROW(send_descriptor_with_refusal),
		ROW(send_reply_twice),
		ROW(send_unknown_notice),
		ROW(send_notice_with_id),
		ROW(send_notice_beyond_bound),
		ROW(send_start_without_connection),
		ROW(send_too_many_notices),
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		start_again();
		rows[i].send();
		cr_assert_eq(
		    exit_status_of_client(), GUARD_CLIENT_EXIT_MALFORMED, "%s", rows[i].name);
	}
}

Test(guard_client, ends_the_process_when_a_file_comes_without_its_descriptor)
{
	struct guard_req_open request = { .path = "/a" };
	struct guard_rep_open reply = { .path = "/a" };
	pid_t child;
	int status;

	begin_reply(GUARD_MESSAGE_open, 1, VFS_OK);
	guard_put_rep_open(&writer, &reply);
	finish(-1);
	child = fork();
	if (child == 0) {
		guard_client_open(client, &request, NULL, NULL);
		_exit(0);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(WEXITSTATUS(status), GUARD_CLIENT_EXIT_MALFORMED);
}

Test(guard_client, ends_the_process_when_the_guard_is_gone)
{
	/* Gone before the question, and gone before the answer. */
	shutdown(guard_fd, SHUT_RDWR);
	cr_assert_eq(exit_status_of_client(), GUARD_CLIENT_EXIT_GONE);
	start_again();
	shutdown(guard_fd, SHUT_WR);
	cr_assert_eq(exit_status_of_client(), GUARD_CLIENT_EXIT_GONE);
}

Test(guard_client, holds_nothing_that_only_a_wait_will_take)
{
	const struct guard_req_stat ask = { .path = "/a" };
	struct guard_client_event event;
	struct guard_rep_stat reply;
	uint32_t id = guard_client_send_stat(client, &ask);

	reply_stat(id, 5);
	cr_assert_not(guard_client_next(client, &event));
	cr_assert_not(guard_client_holds(client), "a loop that asks would never sleep");
	cr_assert_eq(guard_client_wait_stat(client, id, &reply, NULL), VFS_OK);
	cr_assert_eq(reply.attr.size, 5);
}

Test(guard_client, serves_a_good_guard_to_the_end)
{
	reply_stat(1, 1);
	notice_stop(GUARD_STOP_SHUTDOWN);
	cr_assert_eq(exit_status_of_client(), 0);
}
