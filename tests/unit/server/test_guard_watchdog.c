/* When a front is given up. */
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard_harness.h"
#include "server/base/clock.h"
#include "server/guard_private.h"

TestSuite(guard_watchdog, .timeout = 60);

static struct guard_harness harness;
static pid_t spinner;

/* --- the decision --------------------------------------------------------------------------- */

Test(guard_watchdog, a_front_is_given_up_only_when_it_was_asked_and_could_have_answered)
{
	static const struct {
		struct guard_watchdog_facts facts;
		enum guard_watchdog_verdict verdict;
	} rows[] = {
		/* asked, excused, seconds burnt, waited, limit */
		{ { false, false, 0, 0, 1000 }, GUARD_WATCHDOG_ASK },
		{ { false, false, 9, 9000, 1000 }, GUARD_WATCHDOG_ASK },
		{ { false, true, 0, 0, 1000 }, GUARD_WATCHDOG_ASK },
		{ { true, false, 0, 0, 1000 }, GUARD_WATCHDOG_WAIT },
		{ { true, false, 1, 999, 1000 }, GUARD_WATCHDOG_WAIT },
		{ { true, false, 0, 1000, 1000 }, GUARD_WATCHDOG_END },
		{ { true, false, 2, 10, 1000 }, GUARD_WATCHDOG_END },
		{ { true, true, 2, 10, 1000 }, GUARD_WATCHDOG_WAIT },
		{ { true, true, 0, 5000, 1000 }, GUARD_WATCHDOG_WAIT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(guard_watchdog_judge(&rows[i].facts), rows[i].verdict, "row %zu", i);
}

/* --- at work -------------------------------------------------------------------------------- */

static void start(const char *timeout)
{
	const struct harness_extras extras = {
		.protocol = "ftp",
		.keeper_door_fd = -1,
		.front_pid = spinner,
	};

	harness_start_with(&harness, timeout, &extras);
	harness_connect(&harness);
}

static void start_quick(void)
{
	start("watchdog_timeout = \"2s\"");
}

/* With a process in place of the front that does nothing but burn its time. */
static void start_spinning(void)
{
	spinner = fork();
	if (spinner == 0)
		for (volatile unsigned i = 0;; i++)
			;
	start("watchdog_timeout = \"1h\"");
}

static void stop(void)
{
	harness_stop(&harness);
	if (spinner > 0) {
		kill(spinner, SIGKILL);
		waitpid(spinner, NULL, 0);
	}
}

static uint32_t take_ping(void)
{
	struct guard_note_ping note = { 0 };
	struct harness_message message;

	cr_assert(harness_receive(&harness, &message));
	cr_assert_eq(message.header.kind, WIRE_NOTICE);
	cr_assert_eq(message.header.type, GUARD_NOTICE_ping);
	guard_get_note_ping(&message.reader, &note);
	cr_assert(wire_done(&message.reader));
	return note.number;
}

Test(guard_watchdog, a_front_that_answers_is_asked_again_and_lives, .init = start_quick, .fini = stop)
{
	for (uint32_t i = 1; i <= 3; i++) {
		const struct guard_req_pong pong = { .number = take_ping() };

		cr_expect_eq(pong.number, i);
		cr_expect_eq(harness_ask_pong(&harness, &pong, NULL, NULL), VFS_OK);
	}
	cr_expect_eq(harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_OK);
}

Test(guard_watchdog, a_front_that_does_nothing_is_given_up_in_time, .init = start_quick, .fini = stop)
{
	const int64_t since = clock_mono_ms();

	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_FRONT_HANGS);
	cr_expect_lt(clock_mono_ms() - since, 6000);
	cr_expect(harness_logged(&harness, "reason=the front does not answer"));
}

Test(guard_watchdog, a_front_that_burns_its_time_is_given_up_after_seconds_of_it, .init = start_spinning,
    .fini = stop)
{
	struct timespec used;
	clockid_t clock;

	take_ping();
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_FRONT_HANGS);
	cr_assert_eq(clock_getcpuclockid(spinner, &clock), 0);
	cr_assert_eq(clock_gettime(clock, &used), 0);
	cr_expect_leq(used.tv_sec, 4);
}

Test(guard_watchdog, a_front_that_waits_for_its_guard_is_not_hurried)
{
	struct guard_req_login wrong = { .user = "alice", .password = "wrong" };
	struct guard_rep_login reply;
	struct guard_note_ping ping = { 0 };
	const int64_t since = clock_mono_ms();

	/* The failed login is answered after three times the watchdog's patience. */
	start("watchdog_timeout = \"2s\"\nlogin_delay = \"3s\"");
	harness_send_login(&harness, &wrong);
	for (;;) {
		struct harness_message message;

		cr_assert(harness_receive(&harness, &message), "the guard has ended");
		if (message.header.kind != WIRE_REPLY) {
			/* A front that waits for a reply does not see it yet; a slow one is asked again. */
			guard_get_note_ping(&message.reader, &ping);
			continue;
		}
		guard_get_rep_login(&message.reader, &reply);
		break;
	}
	cr_expect_geq(clock_mono_ms() - since, 2900);
	cr_expect_eq(reply.result, GUARD_LOGIN_FAILED);
	cr_expect_eq(harness_ask_pong(&harness, &(struct guard_req_pong){ .number = ping.number }, NULL, NULL), VFS_OK);
	stop();
}

Test(guard_watchdog, an_answer_that_nobody_asked_for_is_a_violation, .init = start_quick, .fini = stop)
{
	harness_send_pong(&harness, &(struct guard_req_pong){ .number = 1 });
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_VIOLATION);
}

Test(guard_watchdog, the_answer_must_be_to_the_last_question, .init = start_quick, .fini = stop)
{
	const struct guard_req_pong pong = { .number = take_ping() + 1 };

	harness_send_pong(&harness, &pong);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_VIOLATION);
}
