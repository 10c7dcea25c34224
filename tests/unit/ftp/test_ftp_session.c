/* What a session forgets when it begins anew, member by member. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/ftp/ftp_session.h"

/* Each member of struct ftp_session: what a reset does with it. */
enum fate {
	STAYS,	   /* of the connection, or of what went wrong on it */
	GOES,	   /* back to what it is in a new session */
	TEXT_GOES, /* the same, of heap text */
	BY_ITSELF, /* has a test of its own */
};

/* clang-format off */
#define MEMBERS(M)									\
	M(start, STAYS) M(guard, STAYS) M(guard_speaks, STAYS) M(local, STAYS) M(peer, STAYS)	\
	M(control_fd, STAYS) M(secured, STAYS) M(security, BY_ITSELF) M(input_ended, STAYS)	\
	M(input, STAYS) M(out, STAYS) M(line, STAYS) M(bad_commands, STAYS)			\
	M(command_ms, STAYS) M(out_progress_ms, STAYS) M(idle_timeout_ms, GOES)			\
	M(ending, STAYS) M(abrupt, STAYS) M(bye, STAYS) M(reinitialising, STAYS)		\
	M(stopping, STAYS) M(stop_reason, STAYS)						\
	M(logged_in, STAYS) M(user, TEXT_GOES) M(uid, STAYS) M(rights, STAYS)			\
	M(certificates_shown, STAYS) M(names_told, STAYS)					\
	M(cwd, GOES) M(type, GOES) M(facts, GOES) M(umask, GOES) M(restart, GOES)		\
	M(ranged, GOES) M(range_bytes, GOES) M(announced, GOES) M(rename_from, TEXT_GOES)	\
	M(copy_from, TEXT_GOES) M(digest, GOES) M(epsv_all, GOES)				\
	M(data, BY_ITSELF) M(linger, STAYS) M(transfer, STAYS)
/* clang-format on */

struct member {
	const char *name;
	size_t offset, size;
	enum fate fate;
};
#define MEMBER(member, fate_)                                                              \
	{ #member, offsetof(struct ftp_session, member), sizeof(((struct ftp_session *)0)->member), \
		fate_ },
static const struct member members[] = { MEMBERS(MEMBER) };
#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

static struct conf conf = { .ftp = { .idle_timeout = 60000 } };
static struct conf_listener listener;
static struct ftp_start start = { .conf = &conf, .listener = &listener, .control_fd = -1 };
static struct ftp_session *session;
static int wall_fd; /* the guard's end */

static void setup(void)
{
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	wall_fd = pair[0];
	start.guard = guard_client_new(pair[1]);
	session = ftp_session_new(&start);
	cr_assert_not_null(session);
}

static void teardown(void)
{
	ftp_session_free(&session);
	guard_client_free(&start.guard);
	close(wall_fd);
}

TestSuite(ftp_session, .init = setup, .fini = teardown, .timeout = 60);

/* The number of the next message to the guard; 0: there is none. */
static uint16_t heard(void)
{
	struct wire_header header;
	struct wire_reader reader;
	uint8_t bytes[256];
	ssize_t n = recv(wall_fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0)
		return 0;
	reader = (struct wire_reader){ .bytes = bytes, .left = (size_t)n };
	wire_get_header(&reader, &header);
	return header.type;
}

/* The guard's answer to the first thing that it will be asked. */
static void answer(uint16_t number)
{
	const struct wire_header header = { .type = number, .kind = WIRE_REPLY, .id = 1 };
	uint8_t bytes[64];
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };

	wire_put_header(&writer, &header);
	cr_assert_eq(send(wall_fd, bytes, writer.length, 0), (ssize_t)writer.length);
}

Test(ftp_session, every_member_is_known_here)
{
	size_t end = 0;

	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		cr_expect_geq(members[i].offset, end, "%s is out of order", members[i].name);
		cr_expect_lt(members[i].offset - end, _Alignof(struct ftp_session),
		    "a member before %s is missing", members[i].name);
		end = members[i].offset + members[i].size;
	}
	cr_expect_lt(sizeof(struct ftp_session) - end, _Alignof(struct ftp_session));
}

Test(ftp_session, what_was_set_is_forgotten_and_what_was_done_is_not)
{
	struct ftp_session *fresh = ftp_session_new(&start);

	cr_assert_not_null(fresh);
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		const struct member *member = &members[i];
		char *place = (char *)session + member->offset;
		char before[sizeof(struct ftp_session)];

		if (member->fate == GOES)
			memset(place, 1, member->size);
		else if (member->fate == TEXT_GOES)
			cr_assert(ftp_session_set_text((char **)(void *)place, "x"));
		memcpy(before, place, member->size);
		ftp_session_reset(session);
		if (member->fate == STAYS)
			cr_expect_arr_eq(place, before, member->size, "%s", member->name);
		else if (member->fate == TEXT_GOES)
			cr_expect_null(*(char **)(void *)place, "%s", member->name);
		else if (member->fate == GOES)
			cr_expect_arr_eq(place, (char *)fresh + member->offset, member->size,
			    "%s", member->name);
	}
	cr_expect_eq(heard(), 0);
	ftp_session_free(&fresh);
}

Test(ftp_session, protection_is_forgotten_but_for_what_auth_itself_says)
{
	static const bool values[] = { false, true };

	for (size_t i = 0; i < 2; i++) {
		session->security.buffer_size_said = true;
		session->security.protects_data = true;
		session->security.handshakes = 3;
		session->security.implies_protection = values[i];
		ftp_session_reset(session);
		cr_expect_eq(session->security.buffer_size_said, values[i]);
		cr_expect_eq(session->security.protects_data, values[i]);
		cr_expect_eq(session->security.handshakes, 3);
	}
}

static void expect_no_data(void)
{
	cr_expect_eq(session->data.mode, FTP_DATA_NONE);
	cr_expect_eq(session->data.target.family, 0);
	cr_expect_eq(session->data.next_port, 0);
	cr_expect_not(session->data.waiting);
	cr_expect_eq(session->data.fd, -1);
}

Test(ftp_session, a_passive_port_is_given_up)
{
	session->data.mode = FTP_DATA_PASSIVE;
	answer(GUARD_MESSAGE_data_close);
	ftp_session_reset(session);
	cr_expect_eq(heard(), GUARD_MESSAGE_data_close);
	expect_no_data();
}

Test(ftp_session, so_is_one_that_nobody_was_told_of)
{
	session->data.next_port = 40000;
	ftp_session_reset(session);
	cr_expect_eq(heard(), GUARD_MESSAGE_data_close);
	expect_no_data();
}

Test(ftp_session, an_address_to_connect_to_is_forgotten)
{
	cr_assert(netaddr_parse_ip(&session->data.target, "127.0.0.1"));
	session->data.mode = FTP_DATA_ACTIVE;
	ftp_session_reset(session);
	cr_expect_eq(heard(), 0);
	expect_no_data();
}

Test(ftp_session, a_data_connection_is_closed)
{
	int pair[2];
	char byte;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	session->data.fd = pair[1];
	ftp_session_reset(session);
	cr_expect_eq(recv(pair[0], &byte, 1, 0), 0);
	expect_no_data();
	close(pair[0]);
}

Test(ftp_session, beginning_anew_is_told_to_the_guard)
{
	cr_assert(ftp_session_set_text(&session->user, "alice"));
	answer(GUARD_MESSAGE_anew);
	ftp_session_begin_anew(session);
	cr_expect_eq(heard(), GUARD_MESSAGE_anew);
	cr_expect_null(session->user);
}
