/*
 * Is the front still alive?  A front that spins or was stopped answers no ping and is ended from here.
 *
 * Two things make the guard ask: a timer on the front's own processor clock, which fires whenever the front has
 * used another second of it and so costs an idle session nothing, and a slow timer on the wall clock, for a front
 * that does nothing at all.  A front that waits for its guard is not asked to be quicker than that.  Killing it
 * is not for us, who are another user by then: the nursery does that when it sees our exit status (pool.c).
 */
#include <poll.h>
#include <signal.h>
#include <time.h>

#include "server/guard_private.h"

#define CPU_STEP_S        1 /* of the front's processor time, between two looks at it */
#define CPU_STEPS_MAX     2 /* without an answer: with the nursery's part it is over within 5 s */
#define EXCUSED_MS        500 /* before the next look at a front that could not answer yet */

/* --- the decision --------------------------------------------------------------------------- */

enum guard_watchdog_verdict guard_watchdog_judge(const struct guard_watchdog_facts *facts)
{
	if (!facts->asked)
		return GUARD_WATCHDOG_ASK;
	if (facts->excused)
		return GUARD_WATCHDOG_WAIT;
	if (facts->steps_burnt >= CPU_STEPS_MAX || facts->waited_ms >= facts->limit_ms)
		return GUARD_WATCHDOG_END;
	return GUARD_WATCHDOG_WAIT;
}

/* --- what it is based on -------------------------------------------------------------------- */

/* Half of the time to find out that something may be wrong, half to be sure. */
static int64_t half_timeout(const struct guard *guard)
{
	return guard->conf->watchdog_timeout / 2;
}

/* Its answer may lie there while we were at work, or it waits for ours. */
static bool is_excused(const struct guard *guard)
{
	struct pollfd wall = { .fd = guard->wall_fd, .events = POLLIN };

	return guard->login.pending || poll(&wall, 1, 0) != 0;
}

static void ask(struct guard *guard)
{
	struct guard_watchdog *watchdog = &guard->watchdog;
	const struct guard_note_ping note = { .number = ++watchdog->number };

	watchdog->asked = true;
	watchdog->excused = false;
	watchdog->asked_ms = clock_mono_ms();
	watchdog->steps_burnt = 0;
	loop_timer_set(watchdog->timer, watchdog->asked_ms + half_timeout(guard));
	/* A front that has gone is noticed by whoever reads the wall. */
	guard_notify_ping(guard, &note);
}

/* Whose excuse has just ended gets the whole time again: our answer may not have reached it yet. */
static bool note_excuse(struct guard *guard)
{
	struct guard_watchdog *watchdog = &guard->watchdog;
	const bool excused = is_excused(guard);

	if (watchdog->excused && !excused) {
		watchdog->asked_ms = clock_mono_ms();
		watchdog->steps_burnt = 0;
		loop_timer_set(watchdog->timer, watchdog->asked_ms + half_timeout(guard));
	}
	watchdog->excused = excused;
	return excused;
}

static void look(struct guard *guard)
{
	struct guard_watchdog *watchdog = &guard->watchdog;
	const bool excused = watchdog->asked && note_excuse(guard);
	const struct guard_watchdog_facts facts = {
		.asked = watchdog->asked,
		.excused = excused,
		.steps_burnt = watchdog->steps_burnt,
		.waited_ms = clock_mono_ms() - watchdog->asked_ms,
		.limit_ms = half_timeout(guard),
	};

	switch (guard_watchdog_judge(&facts)) {
	case GUARD_WATCHDOG_ASK:
		ask(guard);
		break;
	case GUARD_WATCHDOG_WAIT:
		if (facts.waited_ms >= facts.limit_ms)
			loop_timer_set(watchdog->timer, clock_mono_ms() + EXCUSED_MS);
		break;
	case GUARD_WATCHDOG_END:
		guard_end(guard, SESSION_EXIT_FRONT_HANGS, "the front does not answer");
		break;
	}
}

/* --- what wakes it -------------------------------------------------------------------------- */

static void on_timer(struct loop *loop, void *context)
{
	(void)loop;
	look(context);
}

void guard_watchdog_step(struct guard *guard)
{
	if (guard->state == GUARD_STATE_IDLE)
		return;
	guard->watchdog.steps_burnt++;
	look(guard);
}

enum vfs_status guard_do_pong(struct guard *guard, const struct guard_req_pong *ask,
    struct guard_rep_pong *reply, int *fd_out)
{
	struct guard_watchdog *watchdog = &guard->watchdog;

	(void)reply;
	(void)fd_out;
	if (!watchdog->asked || ask->number != watchdog->number) {
		guard_violation(guard, "pong", "nobody has asked");
		return (enum vfs_status)GUARD_ANSWER_LATER; /* never */
	}
	watchdog->asked = false;
	loop_timer_set(watchdog->timer, clock_mono_ms() + half_timeout(guard));
	return VFS_OK;
}

/* --- birth ---------------------------------------------------------------------------------- */

/* Where the kernel has no such timers (some containers' has not), the slow one is all there is. */
static void watch_processor_time(struct guard *guard)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = GUARD_WATCHDOG_SIGNAL,
	};
	const struct itimerspec every = {
		.it_interval = { .tv_sec = CPU_STEP_S },
		.it_value = { .tv_sec = CPU_STEP_S },
	};
	clockid_t clock;
	timer_t timer;

	if (guard->start->front_pid > 0 &&
	    clock_getcpuclockid(guard->start->front_pid, &clock) == 0 &&
	    timer_create(clock, &event, &timer) == 0)
		timer_settime(timer, 0, &every, NULL);
}

bool guard_watchdog_init(struct guard *guard)
{
	guard->watchdog.timer = loop_timer_new(guard->loop, on_timer, guard);
	return guard->watchdog.timer != NULL;
}

void guard_watchdog_begin(struct guard *guard)
{
	watch_processor_time(guard);
	loop_timer_set(guard->watchdog.timer, clock_mono_ms() + half_timeout(guard));
}
