/* The gate: what the front sends outside the table ends its session, and nothing else happens. */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard_harness.h"
#include "server/session.h"

static struct guard_harness harness;

static void start(void)
{
	harness_start(&harness, "");
}

static void stop(void)
{
	harness_stop(&harness);
}

static void bring_to(enum guard_state state)
{
	harness_start(&harness, "");
	if (state == GUARD_STATE_LOGIN)
		harness_connect(&harness);
	if (state == GUARD_STATE_USER)
		harness_login(&harness);
}

/* The guard ended for a violation: no answer, one line in the log. */
static void expect_violation(const char *what, const char *logged)
{
	struct harness_message message;

	cr_expect_not(harness_receive(&harness, &message), "%s was answered", what);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_VIOLATION, "%s", what);
	cr_expect(harness_logged(&harness, logged), "%s: no \"%s\" in the log:\n%s", what, logged,
	    harness.log);
}

static void expect_refused_in(enum guard_state state)
{
	uint8_t bytes[WIRE_MAX_BYTES];
	char logged[128];

	for (size_t i = 0; i < guard_message_row_count; i++) {
		const struct guard_message_row *row = &guard_message_rows[i];

		if ((row->states & (uint32_t)state) != 0)
			continue;
		bring_to(state);
		harness_send(&harness, bytes, harness_encode(i, 7, bytes), -1);
		snprintf(
		    logged, sizeof(logged), "message=%s reason=not legal in this state", row->name);
		expect_violation(row->name, logged);
		harness_stop(&harness);
	}
}

Test(guard_dispatch, every_message_ends_a_guard_that_has_no_client)
{
	expect_refused_in(GUARD_STATE_IDLE);
}

Test(guard_dispatch, every_message_for_users_ends_a_session_that_is_not_logged_in)
{
	expect_refused_in(GUARD_STATE_LOGIN);
}

Test(guard_dispatch, every_message_of_login_ends_a_session_that_is_logged_in)
{
	expect_refused_in(GUARD_STATE_USER);
}

/* A state in which the row is legal. */
static enum guard_state legal_state(const struct guard_message_row *row)
{
	return (row->states & GUARD_STATE_LOGIN) != 0 ? GUARD_STATE_LOGIN : GUARD_STATE_USER;
}

/* What a request of this row carries. */
static int carried(const struct guard_message_row *row)
{
	return (row->flags & GUARD_FLAG_CARRIES) != 0 ? harness.control_fd : -1;
}

Test(guard_dispatch, every_message_cut_short_ends_the_session)
{
	uint8_t bytes[WIRE_MAX_BYTES];

	for (size_t i = 0; i < guard_message_row_count; i++) {
		const struct guard_message_row *row = &guard_message_rows[i];
		size_t length = harness_encode(i, 7, bytes);

		if (length == sizeof(struct wire_header))
			continue; /* no fields: shorter is shorter than a header */
		bring_to(legal_state(row));
		harness_send(&harness, bytes, length - 1, carried(row));
		expect_violation(row->name, "reason=malformed fields");
		harness_stop(&harness);
	}
}

Test(guard_dispatch, every_message_with_a_byte_too_many_ends_the_session)
{
	uint8_t bytes[WIRE_MAX_BYTES];

	for (size_t i = 0; i < guard_message_row_count; i++) {
		const struct guard_message_row *row = &guard_message_rows[i];
		size_t length = harness_encode(i, 7, bytes);

		bytes[length] = 0;
		bring_to(legal_state(row));
		harness_send(&harness, bytes, length + 1, carried(row));
		expect_violation(row->name, "reason=malformed fields");
		harness_stop(&harness);
	}
}

Test(guard_dispatch, every_message_with_a_descriptor_too_many_or_too_few_ends_the_session)
{
	uint8_t bytes[WIRE_MAX_BYTES];

	for (size_t i = 0; i < guard_message_row_count; i++) {
		const struct guard_message_row *row = &guard_message_rows[i];
		const bool carries = (row->flags & GUARD_FLAG_CARRIES) != 0;

		bring_to(legal_state(row));
		harness_send(&harness, bytes, harness_encode(i, 7, bytes), carries ? -1 : STDIN_FILENO);
		expect_violation(row->name, carries ? "reason=no descriptor came along"
		                                    : "reason=a descriptor came along");
		harness_stop(&harness);
	}
}

/* Logins and signatures have stricter rules of their own; after its rein no guard is left. */
static bool has_own_limit(const struct guard_message_row *row)
{
	switch (row->number) {
	case GUARD_MESSAGE_login:
	case GUARD_MESSAGE_probe_key:
	case GUARD_MESSAGE_login_key:
	case GUARD_MESSAGE_login_certificate:
	case GUARD_MESSAGE_sign:
	case GUARD_MESSAGE_rein:
		return true;
	default:
		return false;
	}
}

Test(guard_dispatch, every_message_is_legal_only_as_often_as_its_row_says)
{
	static uint8_t bytes[WIRE_MAX_BYTES];
	struct harness_message message;

	for (size_t i = 0; i < guard_message_row_count; i++) {
		const struct guard_message_row *row = &guard_message_rows[i];
		size_t length = harness_encode(i, 7, bytes);

		if (row->calls == 0 || has_own_limit(row))
			continue;
		bring_to(legal_state(row));
		for (uint32_t call = 0; call < row->calls; call++) {
			harness_send(&harness, bytes, length, -1);
			cr_assert(
			    harness_receive(&harness, &message), "%s, call %u", row->name, call);
			cr_assert_eq(message.header.status, VFS_OK);
		}
		harness_send(&harness, bytes, length, -1);
		expect_violation(row->name, "reason=sent too often");
		harness_stop(&harness);
	}
}

Test(guard_dispatch, a_request_with_id_0_is_done_and_not_answered, .init = start, .fini = stop)
{
	const struct guard_req_mkdir make = { .path = "/made" };
	const struct guard_req_stat look = { .path = "/made" };
	const struct wire_header header = { .type = GUARD_MESSAGE_mkdir, .kind = WIRE_REQUEST };
	uint8_t bytes[64];
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };

	harness_login(&harness);
	wire_put_header(&writer, &header);
	guard_put_req_mkdir(&writer, &make);
	harness_send(&harness, bytes, writer.length, -1);
	/* The next answer is this one's. */
	cr_expect_eq(harness_ask_stat(&harness, &look, NULL, NULL), VFS_OK);
}

/* Headers that no front may send; the guard is in GUARD_STATE_LOGIN. */
Test(guard_dispatch, headers_that_are_no_request_of_the_table_end_the_session)
{
	static const struct {
		const char *what;
		struct wire_header header;
		size_t length;
		const char *logged;
	} cases[] = {
		{ "number 0", { .type = 0, .kind = WIRE_REQUEST, .id = 1 },
		    sizeof(struct wire_header), "message=0 reason=unknown number" },
		{ "number 65535", { .type = 65535, .kind = WIRE_REQUEST, .id = 1 },
		    sizeof(struct wire_header), "message=65535 reason=unknown number" },
		{ "a notice's number", { .type = GUARD_NOTICE_stop, .kind = WIRE_REQUEST, .id = 1 },
		    sizeof(struct wire_header), "reason=unknown number" },
		{ "a notice", { .type = GUARD_NOTICE_start, .kind = WIRE_NOTICE },
		    sizeof(struct wire_header), "reason=unknown number" },
		{ "a reply", { .type = GUARD_MESSAGE_bye, .kind = WIRE_REPLY, .id = 1 },
		    sizeof(struct wire_header), "message=bye reason=not a request" },
		{ "kind notice", { .type = GUARD_MESSAGE_bye, .kind = WIRE_NOTICE },
		    sizeof(struct wire_header), "message=bye reason=not a request" },
		{ "kind 0", { .type = GUARD_MESSAGE_bye, .kind = 0, .id = 1 },
		    sizeof(struct wire_header), "message=bye reason=not a request" },
		{ "a request with a status",
		    { .type = GUARD_MESSAGE_bye, .kind = WIRE_REQUEST, .id = 1, .status = 1 },
		    sizeof(struct wire_header), "message=bye reason=not a request" },
		{ "one byte", { .type = GUARD_MESSAGE_bye, .kind = WIRE_REQUEST, .id = 1 }, 1,
		    "reason=shorter than a header" },
		{ "most of a header", { .type = GUARD_MESSAGE_bye, .kind = WIRE_REQUEST, .id = 1 },
		    sizeof(struct wire_header) - 1, "reason=shorter than a header" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bring_to(GUARD_STATE_LOGIN);
		harness_send(&harness, &cases[i].header, cases[i].length, -1);
		expect_violation(cases[i].what, cases[i].logged);
		harness_stop(&harness);
	}
}

Test(
    guard_dispatch, more_bytes_than_a_message_may_have_end_the_session, .init = start, .fini = stop)
{
	static uint8_t bytes[WIRE_MAX_BYTES + 1];

	harness_connect(&harness);
	harness_encode(1, 7, bytes);
	cr_assert_eq(send(harness.wall_fd, bytes, sizeof(bytes), MSG_NOSIGNAL), sizeof(bytes));
	expect_violation("an oversized message", "reason=oversized");
}

Test(guard_dispatch, two_descriptors_end_the_session, .init = start, .fini = stop)
{
	uint8_t bytes[WIRE_MAX_BYTES];
	struct iovec part = { .iov_base = bytes, .iov_len = harness_encode(2, 7, bytes) };
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = { .head = { .cmsg_level = SOL_SOCKET,
		          .cmsg_type = SCM_RIGHTS,
		          .cmsg_len = CMSG_LEN(2 * sizeof(int)) } };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	const int fds[2] = { STDIN_FILENO, STDOUT_FILENO };

	memcpy(CMSG_DATA(&control.head), fds, sizeof(fds));
	harness_connect(&harness);
	cr_assert_gt(sendmsg(harness.wall_fd, &message, MSG_NOSIGNAL), 0);
	expect_violation("two descriptors", "more than one descriptor");
}

Test(guard_dispatch, numbers_beyond_a_fields_bound_end_the_session)
{
	uint8_t bytes[WIRE_MAX_BYTES];
	uint32_t beyond = GUARD_BYE_COUNT;

	bring_to(GUARD_STATE_LOGIN);
	harness_encode(2, 7, bytes);
	cr_assert_eq(guard_message_rows[2].number, GUARD_MESSAGE_bye);
	memcpy(bytes + sizeof(struct wire_header), &beyond, sizeof(beyond));
	harness_send(&harness, bytes, sizeof(struct wire_header) + sizeof(beyond), -1);
	expect_violation("bye", "message=bye reason=malformed fields");
	harness_stop(&harness);
}

Test(guard_dispatch, text_beyond_a_fields_bound_ends_the_session, .init = start, .fini = stop)
{
	static uint8_t bytes[WIRE_MAX_BYTES];
	const struct wire_header header = {
		.type = GUARD_MESSAGE_client_name,
		.kind = WIRE_REQUEST,
		.id = 1,
	};
	char name[GUARD_CLIENT_NAME_MAX + 2];
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	wire_put_header(&writer, &header);
	wire_put_str(&writer, name, sizeof(name));
	harness_connect(&harness);
	harness_send(&harness, bytes, writer.length, -1);
	expect_violation("client_name", "message=client_name reason=malformed fields");
}

Test(guard_dispatch, requests_behind_a_violation_are_not_handled, .init = start, .fini = stop)
{
	const struct wire_header unknown = { .type = 999, .kind = WIRE_REQUEST, .id = 1 };
	const struct guard_req_mkdir ask = { .path = "/made", .mode = UINT32_MAX };
	char path[128];

	harness_login(&harness);
	/* Stopped, so that both wait for it at once. */
	cr_assert_eq(kill(harness.guard, SIGSTOP), 0);
	harness_send(&harness, &unknown, sizeof(unknown), -1);
	harness_send_mkdir(&harness, &ask);
	cr_assert_eq(kill(harness.guard, SIGCONT), 0);
	expect_violation("number 999", "reason=unknown number");
	snprintf(path, sizeof(path), "%s/root/made", harness.base);
	cr_expect_eq(access(path, F_OK), -1);
}
