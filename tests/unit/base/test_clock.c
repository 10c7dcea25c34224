#include <criterion/criterion.h>
#include <limits.h>
#include <time.h>

#include "server/base/clock.h"

TestSuite(clock);

/* libc's own arithmetic, which needs no timezone files for UTC. */
static void compare_with_libc(int64_t seconds)
{
	time_t when = (time_t)seconds;
	struct tm expected, got;

	cr_assert_not_null(gmtime_r(&when, &expected));
	clock_utc(seconds, &got);
	cr_assert_eq(got.tm_year, expected.tm_year, "year of %lld", (long long)seconds);
	cr_assert_eq(got.tm_mon, expected.tm_mon, "month of %lld", (long long)seconds);
	cr_assert_eq(got.tm_mday, expected.tm_mday, "day of %lld", (long long)seconds);
	cr_assert_eq(got.tm_hour, expected.tm_hour, "hour of %lld", (long long)seconds);
	cr_assert_eq(got.tm_min, expected.tm_min, "minute of %lld", (long long)seconds);
	cr_assert_eq(got.tm_sec, expected.tm_sec, "second of %lld", (long long)seconds);
	cr_assert_eq(got.tm_wday, expected.tm_wday, "weekday of %lld", (long long)seconds);
	cr_assert_eq(got.tm_yday, expected.tm_yday, "day of the year of %lld", (long long)seconds);
	cr_assert_eq(clock_from_utc(&got), seconds);
}

Test(clock, agrees_with_libc_about_every_day_of_800_years)
{
	for (int64_t day = -170000; day < 130000; day++)
		compare_with_libc(day * 86400 + (day * 7919 % 86400 + 86400) % 86400);
}

Test(clock, agrees_with_libc_at_the_edges)
{
	static const int64_t edges[] = { 0, -1, 1, 86399, 86400, -86400, -86401, 951782400,
		951868799, 951868800, 4107542400, INT32_MAX, (int64_t)INT32_MAX + 1, INT32_MIN,
		253402300799, 253402300800, -62167219200, -62167219201, -62162035201,
		67768036191676 };

	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++)
		compare_with_libc(edges[i]);
}

Test(clock, survives_times_beyond_all_calendars)
{
	struct tm fields;

	clock_utc(INT64_MAX, &fields);
	cr_assert_gt(fields.tm_year, 0);
	clock_utc(INT64_MIN, &fields);
	cr_assert_lt(fields.tm_year, 0);
}

Test(clock, writes_rfc_3339_in_utc_with_milliseconds)
{
	char text[CLOCK_RFC3339_BYTES];

	clock_rfc3339((struct timespec){ .tv_sec = 1795343191, .tv_nsec = 42999999 }, text);
	cr_assert_str_eq(text, "2026-11-22T10:26:31.042Z");
	clock_rfc3339((struct timespec){ .tv_sec = 0 }, text);
	cr_assert_str_eq(text, "1970-01-01T00:00:00.000Z");
	clock_rfc3339((struct timespec){ .tv_sec = (time_t)INT64_MAX }, text);
	cr_assert_lt(strlen(text), CLOCK_RFC3339_BYTES);
}

Test(clock, turns_deadlines_into_poll_timeouts)
{
	int64_t now = clock_mono_ms();

	cr_assert_eq(clock_poll_ms(CLOCK_NEVER), -1);
	cr_assert_eq(clock_poll_ms(now - 1), 0);
	cr_assert_eq(clock_poll_ms(0), 0);
	cr_assert_eq(clock_poll_ms(INT64_MIN), 0);
	cr_assert_gt(clock_poll_ms(now + 100000), 0);
	cr_assert_leq(clock_poll_ms(now + 100000), 100000);
	cr_assert_eq(clock_poll_ms(CLOCK_NEVER - 1), INT_MAX);
}

Test(clock, monotonic_time_never_goes_back)
{
	int64_t before = clock_mono_ms();

	for (int i = 0; i < 1000; i++) {
		int64_t now = clock_mono_ms();

		cr_assert_geq(now, before);
		before = now;
	}
	cr_assert_gt(clock_wall().tv_sec, 1700000000);
}
