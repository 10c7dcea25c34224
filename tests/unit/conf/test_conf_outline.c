#include <criterion/criterion.h>
#include <string.h>

#include "conf/conf_outline.h"

Test(conf_outline, statements_are_found_with_their_places)
{
	static const char text[] = "a = 1 # one\n"
	                           "b = { x,\n y, }\n"
	                           "s \"t\" {\n  c = 'v'\n  u {}\n}\n"
	                           "d=2";
	char message[CONF_MESSAGE_BYTES];
	struct conf_outline outline;
	const struct conf_entry *e;

	cr_assert_eq(conf_outline_read(&outline, "f", text, strlen(text), message), CONF_OK);
	cr_assert_eq(outline.count, 7);
	e = outline.entries;
	cr_expect(e[0].is_section && e[0].end == strlen(text));
	cr_expect(conf_outline_is(&outline, &e[1], "a") && e[1].line == 1 && e[1].end == 5);
	cr_expect(conf_outline_is(&outline, &e[2], "b") && e[2].is_list && e[2].line == 2);
	cr_expect_eq(text[e[2].value_start], '{');
	cr_expect_eq(text[e[2].end - 1], '}');
	cr_expect(conf_outline_is(&outline, &e[3], "s") && e[3].is_section && e[3].has_title);
	cr_expect_eq(e[3].line, 4);
	cr_expect_eq(
	    strncmp(text + e[3].title_start, "\"t\"", e[3].title_end - e[3].title_start), 0);
	cr_expect(e[4].parent == 3 && e[4].depth == 2 && e[4].line == 5 && !e[4].is_list);
	cr_expect(e[5].parent == 3 && e[5].is_section && !e[5].has_title);
	cr_expect(e[6].parent == 0 && e[6].line == 8 && e[6].end == strlen(text));
	cr_expect_not(conf_outline_is(&outline, &e[6], "dd"));
	conf_outline_clear(&outline);
}

Test(conf_outline, wrong_grammar_is_refused_with_its_line)
{
	static const struct {
		const char *text;
		const char *message;
	} wrong[] = {
		{ "a", "f:1: found the end of the file; expected an equals sign" },
		{ "\na =", "f:2: found the end of the file; expected a value" },
		{ "a = = 1", "f:1: found an equals sign; expected a value" },
		{ "a b", "f:1: found the end of the file; expected an equals sign after" },
		{ "a b c", "f:1: found \"c\"; expected an equals sign after" },
		{ "= 1", "f:1: found an equals sign; expected the name" },
		{ "\"a\" = 1", "f:1: found a string; expected the name" },
		{ "a = {\nb\nc }", "f:3: found \"c\"; expected a comma" },
		{ "a = { , }", "f:1: found a comma; expected a value of the list" },
		{ "a = { b", "f:1: found the end of the file; expected a comma" },
		{ "s {\n a = 1\n", "f:1: the section that starts here is never closed" },
		{ "a = 1\n}", "f:2: a closing brace that closes nothing" },
		{ "s \"t\" = 1", "f:1: found an equals sign; expected an equals sign after" },
		{ "a{b{c{d{e{}}}}}", "f:1: sections within sections; allowed: 4 deep" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char message[CONF_MESSAGE_BYTES] = "";
		struct conf_outline outline;

		cr_expect_eq(
		    conf_outline_read(&outline, "f", wrong[i].text, strlen(wrong[i].text), message),
		    CONF_INVALID, "%s", wrong[i].text);
		cr_expect_eq(strncmp(message, wrong[i].message, strlen(wrong[i].message)), 0,
		    "%s: %s", wrong[i].text, message);
	}
}

Test(conf_outline, there_is_a_most_of_statements_and_of_values)
{
	static char text[CONF_OUTLINE_ENTRIES_MAX * 4 + 4];
	char message[CONF_MESSAGE_BYTES];
	struct conf_outline outline;
	size_t used = 0;

	for (size_t i = 0; i < CONF_OUTLINE_ENTRIES_MAX; i++, used += 4)
		memcpy(text + used, "a=1 ", 4);
	cr_expect_eq(conf_outline_read(&outline, "f", text, used, message), CONF_INVALID);
	cr_expect_eq(conf_outline_read(&outline, "f", text, used - 4, message), CONF_OK);
	conf_outline_clear(&outline);
	memcpy(text, "a={ ", 4);
	for (used = 4; used < 4 + 2 * (CONF_OUTLINE_VALUES_MAX + 2); used += 2)
		memcpy(text + used, "x,", 2);
	cr_expect_eq(conf_outline_read(&outline, "f", text, used, message), CONF_INVALID);
	cr_expect_not_null(strstr(message, "too many values"), "%s", message);
}
