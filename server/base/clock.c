#include "server/base/clock.h"

#include <limits.h>

#include "server/base/text.h"

#define DAY_SECONDS   86400
/* Beyond these a year no longer fits into tm_year (an int): about a thousand million years. */
#define SECONDS_LIMIT (INT64_C(1) << 55)

int64_t clock_mono_ms(void)
{
	struct timespec now;

	/* It cannot fail: the clock exists and the pointer is good. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int clock_poll_ms(int64_t deadline_ms)
{
	int64_t now;

	if (deadline_ms == CLOCK_NEVER)
		return -1;
	now = clock_mono_ms();
	if (deadline_ms <= now)
		return 0;
	return deadline_ms - now > INT_MAX ? INT_MAX : (int)(deadline_ms - now);
}

struct timespec clock_wall(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now;
}

/*
 * The calendar repeats every 400 years (146,097 days).  Both directions count years from 1 March,
 * so that the leap day is the last of its year and month lengths follow one formula.
 */
#define ERA_DAYS       146097
#define ERA_YEARS      400
#define MARCH_1_YEAR_0 719468 /* days from 0000-03-01 to 1970-01-01 */

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0 ? 1 : 0);
}

/* Days since the epoch of a date; month 1..12. */
static int64_t days_from_civil(int64_t year, int month, int day)
{
	int64_t march_year = month > 2 ? year : year - 1;
	int64_t era = floor_div(march_year, ERA_YEARS);
	int64_t year_of_era = march_year - era * ERA_YEARS;
	int march_month = month > 2 ? month - 3 : month + 9;
	int64_t day_of_year = (153 * march_month + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

	return era * ERA_DAYS + day_of_era - MARCH_1_YEAR_0;
}

void clock_utc(int64_t seconds, struct tm *out)
{
	int64_t days, rest, era, day_of_era, year_of_era, day_of_year, year;
	int march_month;

	if (seconds > SECONDS_LIMIT)
		seconds = SECONDS_LIMIT;
	if (seconds < -SECONDS_LIMIT)
		seconds = -SECONDS_LIMIT;
	days = floor_div(seconds, DAY_SECONDS);
	rest = seconds - days * DAY_SECONDS;
	era = floor_div(days + MARCH_1_YEAR_0, ERA_DAYS);
	day_of_era = days + MARCH_1_YEAR_0 - era * ERA_DAYS;
	year_of_era =
	    (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	march_month = (int)((5 * day_of_year + 2) / 153);
	year = era * ERA_YEARS + year_of_era + (march_month >= 10 ? 1 : 0);

	*out = (struct tm){
		.tm_sec = (int)(rest % 60),
		.tm_min = (int)(rest / 60 % 60),
		.tm_hour = (int)(rest / 3600),
		.tm_mday = (int)(day_of_year - (153 * march_month + 2) / 5 + 1),
		.tm_mon = march_month < 10 ? march_month + 2 : march_month - 10,
		.tm_year = (int)(year - 1900),
		.tm_wday = (int)(days - floor_div(days + 4, 7) * 7 + 4),
	};
	out->tm_yday = (int)(days - days_from_civil(year, 1, 1));
}

int64_t clock_from_utc(const struct tm *fields)
{
	int64_t days =
	    days_from_civil((int64_t)fields->tm_year + 1900, fields->tm_mon + 1, fields->tm_mday);

	return days * DAY_SECONDS + fields->tm_hour * 3600 + fields->tm_min * 60 + fields->tm_sec;
}

void clock_rfc3339(struct timespec when, char out[CLOCK_RFC3339_BYTES])
{
	struct tm fields;

	/* A wall clock beyond year 9999 gives a cut text, never an overflow. */
	clock_utc(when.tv_sec, &fields);
	text_format(out, CLOCK_RFC3339_BYTES, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
	    fields.tm_year + 1900, fields.tm_mon + 1, fields.tm_mday, fields.tm_hour, fields.tm_min,
	    fields.tm_sec, (int)(when.tv_nsec / 1000000));
}
