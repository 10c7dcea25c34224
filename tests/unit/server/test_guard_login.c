/* From the listener to a logged-in session, and what stands in the way. */
#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard_harness.h"
#include "server/base/clock.h"
#include "server/nursery_messages.h"
#include "server/session.h"

static struct guard_harness harness;

static void start(void)
{
	harness_start(&harness, "");
}

static void start_impatient(void)
{
	harness_start(&harness, "login_attempts = 2\nlogin_timeout = \"1s\"");
}

static void start_slow(void)
{
	harness_start(&harness, "login_delay = \"800ms\"");
}

static void stop(void)
{
	harness_stop(&harness);
}

static char leash_byte(void)
{
	struct pollfd leash = { .fd = harness.leash_fd, .events = POLLIN };
	struct nursery_client message = { .kind = '\0' };
	int fd;

	cr_assert_eq(poll(&leash, 1, HARNESS_WAIT_MS), 1);
	cr_assert_gt(wire_receive(harness.leash_fd, &message, sizeof(message), &fd), 0);
	cr_assert_lt(fd, 0);
	return message.kind;
}

static int dial(void)
{
	struct sockaddr_storage name;
	socklen_t length = netaddr_to_sockaddr(&harness.address, &name);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(connect(fd, (struct sockaddr *)&name, length), 0);
	return fd;
}

Test(guard_login, the_nursery_hears_when_a_guard_waits_and_when_it_is_busy, .init = start,
    .fini = stop)
{
	cr_expect_eq(leash_byte(), NURSERY_LEASH_WAITING);
	harness_connect(&harness);
	cr_expect_eq(leash_byte(), NURSERY_LEASH_BUSY);
	cr_expect(harness_logged(&harness, "accept session="));
}

Test(guard_login, an_idle_guard_ends_when_the_nursery_lets_it_go, .init = start, .fini = stop)
{
	cr_expect_eq(leash_byte(), NURSERY_LEASH_WAITING);
	shutdown(harness.leash_fd, SHUT_RDWR);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_OK);
	cr_expect_str_empty(harness.log);
}

Test(guard_login, an_idle_guard_ends_with_its_front, .init = start, .fini = stop)
{
	shutdown(harness.wall_fd, SHUT_RDWR);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_OK);
}

Test(guard_login, a_session_outlives_its_nursery, .init = start, .fini = stop)
{
	harness_connect(&harness);
	close(harness.leash_fd);
	harness.leash_fd = -1;
	cr_expect_eq(harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_OK);
}

Test(guard_login, who_is_not_admitted_reads_why_and_the_guard_waits_on, .init = start, .fini = stop)
{
	static const struct {
		enum clerk_verdict verdict;
		const char *line;
		const char *logged;
	} cases[] = {
		{ CLERK_TOO_MANY, "421 Too many connections, try again later.\r\n",
		    "reason=too many sessions (max_sessions)" },
		{ CLERK_TOO_MANY_FROM_ADDRESS,
		    "421 Too many connections from your address, try again later.\r\n",
		    "(max_sessions_per_address)" },
		{ CLERK_SHUTTING_DOWN, "421 Server is going down.\r\n", "going down" },
		{ CLERK_UNAVAILABLE, "421 Service not available, try again later.\r\n",
		    "does not answer" },
	};
	char text[256];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ssize_t length;
		int fd;

		harness.admit = cases[i].verdict;
		fd = dial();
		length = recv(fd, text, sizeof(text) - 1, MSG_WAITALL);
		cr_assert_gt(length, 0);
		text[length] = '\0';
		cr_expect_str_eq(text, cases[i].line);
		cr_expect(harness_logged(&harness, cases[i].logged));
		close(fd);
	}
	harness.admit = CLERK_ALLOWED;
	harness_connect(&harness);
}

Test(guard_login, the_control_socket_is_the_fronts_alone, .init = start, .fini = stop)
{
	char byte;

	harness_connect(&harness);
	close(harness.control_fd);
	harness.control_fd = -1;
	cr_expect_eq(recv(harness.client_fd, &byte, 1, 0), 0, "the guard keeps a copy");
}

Test(guard_login, failures_look_the_same_and_only_the_log_knows_the_cause, .init = start,
    .fini = stop)
{
	static const struct {
		const char *user, *password;
		uint32_t result;
		const char *logged;
	} cases[] = {
		{ "alice", "wrong", GUARD_LOGIN_FAILED, "user=alice" },
		{ "alice", "", GUARD_LOGIN_FAILED, "reason=wrong password" },
		{ "nobody-here", "wonderland", GUARD_LOGIN_FAILED, "reason=no such user" },
		{ "../alice", "wonderland", GUARD_LOGIN_FAILED, "reason=not a possible user name" },
		{ "locked", "wonderland", GUARD_LOGIN_FAILED, "user=locked" },
	};

	harness_connect(&harness);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_expect_eq(harness_try_login(&harness, cases[i].user, cases[i].password),
		    cases[i].result, "%s", cases[i].user);
		cr_expect(harness_logged(&harness, cases[i].logged), "no %s in\n%s",
		    cases[i].logged, harness.log);
	}
	cr_expect_eq(harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_OK);
	cr_expect(harness_logged(&harness, "login session="));
	cr_expect_not(strstr(harness.log, "wonderland") != NULL, "a password in the log");
}

Test(guard_login, what_an_administrator_can_mend_comes_with_a_cure, .init = start, .fini = stop)
{
	harness_connect(&harness);
	cr_expect_eq(
	    harness_try_login(&harness, "homeless", "wonderland"), GUARD_LOGIN_UNAVAILABLE);
	cr_expect(
	    harness_logged(&harness, "cure=make the directory /nowhere/at/all"), "%s", harness.log);
	cr_expect_eq(harness_try_login(&harness, "broken", "wonderland"), GUARD_LOGIN_UNAVAILABLE);
	cr_expect(harness_logged(&harness, "broken.conf:"), "%s", harness.log);
	cr_expect_eq(harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_OK);
}

Test(guard_login, too_many_sessions_of_a_user_are_refused_after_the_password, .init = start,
    .fini = stop)
{
	harness.login = CLERK_TOO_MANY_OF_USER;
	harness_connect(&harness);
	cr_expect_eq(harness_try_login(&harness, "alice", "wrong"), GUARD_LOGIN_FAILED);
	cr_expect_eq(
	    harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_TOO_MANY_SESSIONS);
	cr_expect(harness_logged(&harness, "(max_sessions_per_user)"));
	harness.login = CLERK_ALLOWED;
	cr_expect_eq(harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_OK);
}

Test(guard_login, after_the_last_try_even_the_right_password_is_too_late, .init = start_impatient,
    .fini = stop)
{
	harness_connect(&harness);
	cr_expect_eq(harness_try_login(&harness, "alice", "wrong"), GUARD_LOGIN_FAILED);
	cr_expect_eq(harness_try_login(&harness, "alice", "wrong"), GUARD_LOGIN_TOO_MANY_TRIES);
	cr_expect_eq(
	    harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_TOO_MANY_TRIES);
	cr_expect_not(strstr(harness.log, "login session=") != NULL);
}

Test(guard_login, a_login_that_takes_too_long_is_told_and_ended, .init = start_impatient,
    .fini = stop)
{
	struct harness_message message;
	struct guard_note_stop note;
	int64_t since_ms = clock_mono_ms();

	harness_connect(&harness);
	cr_assert(harness_receive(&harness, &message));
	cr_expect_eq(message.header.type, GUARD_NOTICE_stop);
	cr_expect_eq(message.header.kind, WIRE_NOTICE);
	guard_get_note_stop(&message.reader, &note);
	cr_expect_eq(note.reason, GUARD_STOP_LOGIN_TIMEOUT);
	cr_expect_eq(note.now, 1);
	cr_expect_geq(clock_mono_ms() - since_ms, 990);
	/* A front that does not care goes with its guard. */
	cr_expect_not(harness_receive(&harness, &message));
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_OK);
	cr_expect(harness_logged(&harness, "reason=login timeout"), "%s", harness.log);
}

Test(
    guard_login, failures_take_their_time_and_each_twice_the_last, .init = start_slow, .fini = stop)
{
	int64_t since_ms;

	harness_connect(&harness);
	for (int64_t delay_ms = 800; delay_ms <= 1600; delay_ms *= 2) {
		since_ms = clock_mono_ms();
		cr_expect_eq(harness_try_login(&harness, "alice", "wrong"), GUARD_LOGIN_FAILED);
		cr_expect_geq(clock_mono_ms() - since_ms, delay_ms);
	}
	since_ms = clock_mono_ms();
	cr_expect_eq(harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_OK);
	cr_expect_lt(clock_mono_ms() - since_ms, 800, "success does not wait");
}

Test(guard_login, a_front_that_goes_while_a_failure_waits_is_noticed, .init = start_slow,
    .fini = stop)
{
	const struct guard_req_login ask = { .user = "alice", .password = "wrong" };
	int64_t since_ms;

	harness_connect(&harness);
	for (int i = 0; i < 2; i++)
		harness_try_login(&harness, "alice", "wrong");
	since_ms = clock_mono_ms();
	harness_send_login(&harness, &ask);
	shutdown(harness.wall_fd, SHUT_RDWR);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_OK);
	cr_expect_lt(clock_mono_ms() - since_ms, 3000, "the third failure would take 3200 ms");
}

Test(guard_login, the_last_line_of_a_session_says_why_it_ended, .init = start, .fini = stop)
{
	const struct guard_req_bye ask = { .reason = GUARD_BYE_QUIT };

	harness_login(&harness);
	cr_expect_eq(harness_ask_bye(&harness, &ask, NULL, NULL), VFS_OK);
	shutdown(harness.wall_fd, SHUT_RDWR);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_OK);
	cr_expect(harness_logged(&harness, "logout session="));
	cr_expect(harness_logged(&harness, "user=alice reason=quit"), "%s", harness.log);
}

Test(guard_login, a_front_that_says_no_bye_is_a_lost_connection, .init = start, .fini = stop)
{
	const struct guard_req_client_name ask = { .name = "test/1" };

	harness_login(&harness);
	cr_expect_eq(harness_ask_client_name(&harness, &ask, NULL, NULL), VFS_OK);
	shutdown(harness.wall_fd, SHUT_RDWR);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_OK);
	cr_expect(
	    harness_logged(&harness, "client=test/1 reason=connection lost"), "%s", harness.log);
}

Test(guard_login, a_kicked_session_gets_a_moment_and_no_more, .init = start, .fini = stop)
{
	struct harness_message message;
	struct guard_note_stop note;
	int64_t since_ms = clock_mono_ms();

	harness_login(&harness);
	harness_clerk_stop(&harness, GUARD_STOP_KICKED, true);
	cr_assert(harness_receive(&harness, &message));
	cr_expect_eq(message.header.type, GUARD_NOTICE_stop);
	guard_get_note_stop(&message.reader, &note);
	cr_expect_eq(note.reason, GUARD_STOP_KICKED);
	cr_expect_not(harness_receive(&harness, &message));
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_OK);
	cr_expect_geq(clock_mono_ms() - since_ms, 1900);
	cr_expect(harness_logged(&harness, "reason=ended by the server"), "%s", harness.log);
}

Test(guard_login, a_drained_session_may_go_on, .init = start, .fini = stop)
{
	const struct guard_req_stat ask = { .path = "/" };
	struct harness_message message;

	harness_login(&harness);
	harness_clerk_stop(&harness, GUARD_STOP_SHUTDOWN, false);
	cr_assert(harness_receive(&harness, &message));
	cr_expect_eq(message.header.type, GUARD_NOTICE_stop);
	cr_expect_eq(harness_ask_stat(&harness, &ask, NULL, NULL), VFS_OK);
}

static void start_short_lived(void)
{
	harness_start(&harness, "session_timeout = \"1s\"");
}

static void expect_stop(enum guard_stop reason, bool now)
{
	struct harness_message message;
	struct guard_note_stop note = { 0 };

	cr_assert(harness_receive(&harness, &message));
	cr_expect_eq(message.header.type, GUARD_NOTICE_stop);
	guard_get_note_stop(&message.reader, &note);
	cr_expect_eq(note.reason, reason);
	cr_expect_eq(note.now, now);
}

Test(guard_login, a_session_that_lives_too_long_is_told_and_ended, .init = start_short_lived,
    .fini = stop)
{
	const int64_t since_ms = clock_mono_ms();
	struct harness_message message;

	harness_login(&harness);
	expect_stop(GUARD_STOP_SESSION_TIMEOUT, false);
	cr_expect_geq(clock_mono_ms() - since_ms, 990);
	/* A front that does not care goes with its guard. */
	cr_expect_not(harness_receive(&harness, &message));
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_OK);
	cr_expect(harness_logged(&harness, "reason=session timeout"), "%s", harness.log);
}

Test(guard_login, a_transfer_at_the_end_of_a_session_is_finished, .init = start_short_lived,
    .fini = stop)
{
	const struct guard_req_opendir open_it = { .path = "/" };
	const struct guard_req_bye bye = { .reason = GUARD_BYE_STOPPED };
	struct guard_rep_opendir opened;
	struct guard_req_close close_it = { .outcome = VFS_CLOSE_COMPLETE };
	int64_t since_ms;

	harness_login(&harness);
	cr_assert_eq(harness_ask_opendir(&harness, &open_it, &opened, NULL), VFS_OK);
	expect_stop(GUARD_STOP_SESSION_TIMEOUT, false);
	since_ms = clock_mono_ms();
	while (clock_mono_ms() - since_ms < 2500)
		poll(NULL, 0, 100);
	close_it.handle = opened.handle;
	cr_expect_eq(harness_ask_close(&harness, &close_it, NULL, NULL), VFS_OK, "the guard waits");
	/* The guard's own word for the reason, not the front's. */
	cr_expect_eq(harness_ask_bye(&harness, &bye, NULL, NULL), VFS_OK);
	shutdown(harness.wall_fd, SHUT_RDWR);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_OK);
	cr_expect(harness_logged(&harness, "reason=session timeout"), "%s", harness.log);
}
