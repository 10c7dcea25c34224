#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/loop.h"

static struct loop *loop;

static void enter(void)
{
	loop = loop_new();
	cr_assert_not_null(loop);
}

static void leave(void)
{
	loop_free(&loop);
	cr_assert_null(loop);
	loop_free(&loop);
}

TestSuite(loop, .init = enter, .fini = leave, .timeout = 10);

static int ready_fd(void)
{
	int fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);

	cr_assert_geq(fd, 0);
	return fd;
}

static void stop_on_event(struct loop *l, int fd, uint32_t events, void *context)
{
	*(uint32_t *)context = events;
	loop_stop(l, fd);
}

static void stop_on_timer(struct loop *l, void *context)
{
	loop_stop(l, *(int *)context);
}

static void count_event(struct loop *l, int fd, uint32_t events, void *context)
{
	(void)l;
	(void)fd;
	(void)events;
	++*(int *)context;
}

Test(loop, calls_back_with_the_events_of_a_ready_descriptor)
{
	uint32_t events = 0;
	int fd = ready_fd();

	cr_assert(loop_watch(loop, fd, EPOLLIN, stop_on_event, &events));
	cr_assert_eq(loop_run(loop), fd);
	cr_assert_eq(events, EPOLLIN);
	close(fd);
}

Test(loop, a_second_watch_changes_mask_and_callback)
{
	uint32_t events = 0;
	int never = 0;
	int fd = ready_fd();

	cr_assert(loop_watch(loop, fd, EPOLLIN, count_event, &never));
	cr_assert(loop_watch(loop, fd, EPOLLOUT, stop_on_event, &events));
	cr_assert_eq(loop_run(loop), fd);
	cr_assert_eq(events, EPOLLOUT);
	cr_assert_eq(never, 0);
	close(fd);
}

Test(loop, changes_exclusive_watches_though_the_kernel_does_not)
{
	static const uint32_t masks[] = { EPOLLIN | EPOLLEXCLUSIVE, EPOLLIN,
		EPOLLIN | EPOLLEXCLUSIVE, EPOLLIN | EPOLLOUT | EPOLLEXCLUSIVE };
	uint32_t events = 0;
	int fd = ready_fd();

	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		cr_assert(loop_watch(loop, fd, masks[i], stop_on_event, &events));
		cr_assert_eq(loop_run(loop), fd);
		cr_assert_eq(events, masks[i] & (EPOLLIN | EPOLLOUT));
	}
	close(fd);
}

struct pair {
	int fds[2];
	int calls;
	bool replace; /* put a fresh descriptor of the same number in the other's place */
	int fresh_calls;
};

static void count_fresh(struct loop *l, int fd, uint32_t events, void *context)
{
	struct pair *pair = context;

	(void)events;
	pair->fresh_calls++;
	loop_unwatch(l, fd);
}

static void remove_both(struct loop *l, int fd, uint32_t events, void *context)
{
	struct pair *pair = context;
	int other = fd == pair->fds[0] ? pair->fds[1] : pair->fds[0];

	(void)events;
	pair->calls++;
	loop_unwatch(l, fd);
	loop_unwatch(l, other);
	close(other);
	if (pair->replace) {
		int fresh = eventfd(0, EFD_CLOEXEC);

		cr_assert_eq(fresh, other, "the lowest free number is taken again");
		cr_assert(loop_watch(l, fresh, EPOLLIN, count_fresh, pair));
	}
}

/* Both are ready in the same batch; the first callback takes the other away. */
static void run_pair(struct pair *pair)
{
	int value = 0;
	struct loop_timer *timer = loop_timer_new(loop, stop_on_timer, &value);

	for (int i = 0; i < 2; i++) {
		pair->fds[i] = ready_fd();
		cr_assert(loop_watch(loop, pair->fds[i], EPOLLIN, remove_both, pair));
	}
	loop_timer_set(timer, clock_mono_ms() + 20);
	loop_run(loop);
}

Test(loop, an_event_pending_in_the_batch_dies_with_its_watch)
{
	struct pair pair = { .replace = false };

	run_pair(&pair);
	cr_assert_eq(pair.calls, 1);
}

Test(loop, an_event_pending_in_the_batch_never_reaches_a_new_watch_of_the_same_number)
{
	struct pair pair = { .replace = true };

	run_pair(&pair);
	cr_assert_eq(pair.calls, 1);
	cr_assert_eq(pair.fresh_calls, 0);
}

Test(loop, takes_a_number_again_that_was_closed_without_unwatch)
{
	uint32_t events = 0;
	int never = 0;
	int fd = ready_fd();
	int again;

	cr_assert(loop_watch(loop, fd, EPOLLIN, count_event, &never));
	close(fd);
	again = ready_fd();
	cr_assert_eq(again, fd);
	cr_assert(loop_watch(loop, again, EPOLLIN, stop_on_event, &events));
	cr_assert_eq(loop_run(loop), again);
	cr_assert_eq(never, 0);
	close(again);
}

Test(loop, reports_what_cannot_be_watched)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	cr_assert_not(loop_watch(loop, -1, EPOLLIN, count_event, NULL));
	cr_assert_eq(errno, EBADF);
	close(fd);
	cr_assert_not(loop_watch(loop, fd, EPOLLIN, count_event, NULL));
	cr_assert_eq(errno, EBADF);
	loop_unwatch(loop, fd);
	loop_unwatch(loop, 1 << 20);
	loop_unwatch(loop, -1);
}

Test(loop, watches_descriptors_with_high_numbers)
{
	struct rlimit limit;
	uint32_t events = 0;
	int fd = ready_fd();
	int high;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	high = fcntl(fd, F_DUPFD_CLOEXEC, limit.rlim_cur > 40000 ? 40000 : (int)limit.rlim_cur - 1);
	cr_assert_geq(high, 0);
	close(fd);
	cr_assert(loop_watch(loop, high, EPOLLIN, stop_on_event, &events));
	cr_assert_eq(loop_run(loop), high);
	close(high);
}

/* --- timers ----------------------------------------------------------------------------------- */

#define TIMERS 200

struct order {
	int64_t deadlines[TIMERS];
	struct loop_timer *timers[TIMERS];
	int64_t last;
	int fired;
	int expected;
};

struct order_slot {
	struct order *order;
	int index;
};

static void check_order(struct loop *l, void *context)
{
	struct order_slot *slot = context;
	struct order *order = slot->order;

	cr_assert_geq(order->deadlines[slot->index], order->last);
	cr_assert_geq(clock_mono_ms(), order->deadlines[slot->index]);
	order->last = order->deadlines[slot->index];
	if (++order->fired == order->expected)
		loop_stop(l, 0);
}

Test(loop, timers_fire_in_order_and_only_when_due)
{
	static struct order order;
	static struct order_slot slots[TIMERS];
	int64_t now = clock_mono_ms();
	unsigned random = 1;

	for (int i = 0; i < TIMERS; i++) {
		slots[i] = (struct order_slot){ &order, i };
		order.timers[i] = loop_timer_new(loop, check_order, &slots[i]);
		cr_assert_not_null(order.timers[i]);
	}
	/* Arm, change, disarm and free in a mess. */
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < TIMERS; i++) {
			random = random * 1103515245 + 12345;
			order.deadlines[i] = now + (int64_t)(random >> 16) % 50;
			loop_timer_set(order.timers[i], order.deadlines[i]);
		}
	}
	for (int i = 0; i < TIMERS; i += 4)
		loop_timer_set(order.timers[i], CLOCK_NEVER);
	for (int i = 1; i < TIMERS; i += 4) {
		loop_timer_free(&order.timers[i]);
		cr_assert_null(order.timers[i]);
	}
	order.expected = TIMERS / 2;
	loop_run(loop);
	cr_assert_eq(order.fired, TIMERS / 2);
}

static struct loop_timer *repeating;

static void arm_again(struct loop *l, void *context)
{
	(void)l;
	++*(int *)context;
	loop_timer_set(repeating, clock_mono_ms());
}

Test(loop, a_timer_that_arms_itself_for_now_does_not_starve_descriptors)
{
	uint32_t events;
	int fired = 0;
	int fd = ready_fd();

	repeating = loop_timer_new(loop, arm_again, &fired);
	loop_timer_set(repeating, 0);
	cr_assert(loop_watch(loop, fd, EPOLLIN, stop_on_event, &events));
	cr_assert_eq(loop_run(loop), fd);
	close(fd);
}

static void free_itself(struct loop *l, void *context)
{
	(void)context;
	loop_timer_free(&repeating);
	loop_stop(l, 3);
}

Test(loop, a_timer_may_free_itself)
{
	repeating = loop_timer_new(loop, free_itself, NULL);
	loop_timer_set(repeating, 0);
	cr_assert_eq(loop_run(loop), 3);
	cr_assert_null(repeating);
}

Test(loop, a_stop_from_before_the_run_counts_once)
{
	int value = 9;
	struct loop_timer *timer = loop_timer_new(loop, stop_on_timer, &value);

	loop_stop(loop, 7);
	cr_assert_eq(loop_run(loop), 7);
	loop_timer_set(timer, 0);
	cr_assert_eq(loop_run(loop), 9);
}

/* --- signals ---------------------------------------------------------------------------------- */

static void stop_on_signal(struct loop *l, const struct signalfd_siginfo *info, void *context)
{
	++*(int *)context;
	loop_stop(l, (int)info->ssi_signo);
}

Test(loop, signals_arrive_as_events_one_at_a_time)
{
	sigset_t set;
	int count = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGHUP);
	cr_assert(loop_signals(loop, &set, stop_on_signal, &count));
	raise(SIGUSR1);
	raise(SIGHUP);
	cr_assert_eq(loop_run(loop), SIGHUP);
	cr_assert_eq(count, 1);
	cr_assert_eq(loop_run(loop), SIGUSR1);
	cr_assert_eq(count, 2);
}

Test(loop, a_second_set_of_signals_replaces_the_first)
{
	sigset_t set;
	int count = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	cr_assert(loop_signals(loop, &set, stop_on_signal, &count));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	cr_assert(loop_signals(loop, &set, stop_on_signal, &count));
	raise(SIGUSR1);
	raise(SIGUSR2);
	cr_assert_eq(loop_run(loop), SIGUSR2);
	cr_assert_eq(count, 1);
}
