#include "engine_harness.h"

#include <criterion/criterion.h>

struct fake_guard fake;
char reply[32768];
char data[(1u << 20) + 1];

void engine_setup(void)
{
	fake_init(&fake);
}

void engine_run_steps(const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(
		    COMMAND("%s", steps[i].line), steps[i].code, "%s -> %s", steps[i].line, reply);
}

void engine_start_transfer(const char *line)
{
	fake_passive(&fake);
	cr_assert_eq(COMMAND("%s", line), 150, "%s -> %s", line, reply);
}
