#include <criterion/criterion.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "server/base/proctitle.h"

/* argv and environ as the kernel lays them out: string behind string. */
static char memory[] = "/usr/sbin/transomd\0-c\0x.conf\0HOME=/root\0TZ=UTC";
static char *arguments[] = { memory, memory + 19, memory + 22, NULL };
static char *environment[] = { memory + 29, memory + 40, NULL };

static void enter(void)
{
	environ = environment;
	proctitle_init(3, arguments);
}

TestSuite(proctitle, .init = enter);

Test(proctitle, leaves_arguments_and_environment_as_they_were)
{
	proctitle_set("%s", "overwritten");
	cr_assert_str_eq(arguments[0], "/usr/sbin/transomd");
	cr_assert_str_eq(arguments[1], "-c");
	cr_assert_str_eq(arguments[2], "x.conf");
	cr_assert_str_eq(environment[0], "HOME=/root");
	cr_assert_str_eq(environment[1], "TZ=UTC");
	cr_assert_eq(environ, environment);
}

Test(proctitle, overwrites_the_area_and_clears_the_rest_of_it)
{
	proctitle_set("transomd: %s %d", "guard", 7);
	cr_assert_str_eq(memory, "transomd: guard 7");
	for (size_t i = strlen(memory); i < sizeof(memory); i++)
		cr_assert_eq(memory[i], '\0', "byte %zu", i);
	proctitle_set("t");
	cr_assert_str_eq(memory, "t");
}

Test(proctitle, is_cut_to_what_fits)
{
	char text[600];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	proctitle_set("%s", text);
	cr_assert_eq(strlen(memory), sizeof(memory) - 1);
}

Test(proctitle, shows_no_control_characters)
{
	proctitle_set("transomd: guard a\033]b\nc");
	cr_assert_str_eq(memory, "transomd: guard a?]b?c");
}

Test(proctitle, sets_the_short_name_too)
{
	char name[16] = "";

	proctitle_set("transomd: clerk of all");
	cr_assert_eq(prctl(PR_GET_NAME, name, 0, 0, 0), 0);
	cr_assert_str_eq(name, "transomd: clerk");
}
