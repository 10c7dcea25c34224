#include <criterion/criterion.h>

#include "server/guard_client.h"
#include "server/nursery_messages.h"
#include "server/pool.h"

static struct pool_target target_of(uint32_t min, uint32_t max)
{
	struct pool_target target;

	pool_target_init(&target, min, max, 0);
	return target;
}

Test(pool, starts_with_the_minimum_and_keeps_it_while_enough_are_idle)
{
	struct pool_target target = target_of(4, 64);

	cr_assert_eq(target.now, 4);
	pool_target_taken(&target, 3, 10);
	pool_target_taken(&target, 2, 20);
	cr_assert_eq(target.now, 4);
}

Test(pool, doubles_when_less_than_half_is_idle_up_to_the_maximum)
{
	struct pool_target target = target_of(4, 20);

	pool_target_taken(&target, 1, 10);
	cr_assert_eq(target.now, 8);
	pool_target_taken(&target, 0, 20);
	cr_assert_eq(target.now, 16);
	pool_target_taken(&target, 0, 30);
	cr_assert_eq(target.now, 20);
	pool_target_taken(&target, 0, 40);
	cr_assert_eq(target.now, 20);
}

Test(pool, a_minimum_of_one_doubles_when_none_is_idle)
{
	struct pool_target target = target_of(1, 1000);

	pool_target_taken(&target, 0, 10);
	cr_assert_eq(target.now, 2);
	pool_target_taken(&target, 1, 10);
	cr_assert_eq(target.now, 2);
}

Test(pool, sinks_back_to_the_minimum_only_after_calm)
{
	struct pool_target target = target_of(4, 64);
	int64_t now = 0;

	for (int i = 0; i < 4; i++)
		pool_target_taken(&target, 0, now);
	cr_assert_eq(target.now, 64);
	pool_target_calm(&target, POOL_CALM_MS - 1);
	cr_assert_eq(target.now, 64, "not yet");
	for (now = POOL_CALM_MS; now < POOL_CALM_MS + 30 * POOL_TICK_MS; now += POOL_TICK_MS) {
		uint32_t before = target.now;

		pool_target_calm(&target, now);
		cr_assert_leq(target.now, before);
		cr_assert_geq(target.now, 4);
		cr_assert(before == 4 || target.now < before, "it does not get stuck");
	}
	cr_assert_eq(target.now, 4);
}

Test(pool, never_leaves_minimum_and_maximum_whatever_happens)
{
	for (uint32_t min = 1; min <= 40; min += 3) {
		for (uint32_t max = min; max <= 100; max += 9) {
			struct pool_target target = target_of(min, max);

			for (uint32_t step = 0; step < 200; step++) {
				if (step % 7 < 4)
					pool_target_taken(
					    &target, step * 31 % (max + 1), step * 100);
				else
					pool_target_calm(
					    &target, step * 100 + step % 3 * POOL_CALM_MS);
				cr_assert(target.now >= min && target.now <= max);
			}
		}
	}
}

/* Wait statuses as the kernel writes them. */
#define EXITED(status) ((status) << 8)
#define KILLED(signal) (signal)

Test(pool, knows_a_crash_from_an_end_in_order)
{
	static const struct {
		int status;
		bool crash;
	} cases[] = {
		{ EXITED(SESSION_EXIT_OK), false },
		{ EXITED(1), false },
		{ EXITED(NURSERY_EXIT_FAILED - 1), false },
		{ EXITED(NURSERY_EXIT_FAILED), true },
		{ EXITED(SESSION_EXIT_FAILED), true },
		{ EXITED(SESSION_EXIT_VIOLATION), true },
		{ EXITED(GUARD_CLIENT_EXIT_GONE), false },
		{ EXITED(SESSION_EXIT_FRONT_HANGS), false }, /* the front's end is the crash */
		{ EXITED(GUARD_CLIENT_EXIT_MALFORMED), true },
		{ KILLED(SIGSEGV), true },
		{ KILLED(SIGSYS), true },
		{ KILLED(SIGKILL), true },
		{ KILLED(SIGABRT) | 0x80, true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_eq(pool_is_crash(cases[i].status), cases[i].crash, "row %zu", i);
}
