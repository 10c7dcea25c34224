#include <criterion/criterion.h>
#include <string.h>

#include "server/control_messages.h"

TestSuite(control_messages, .timeout = 30);

static const char *parse(struct control_request *out, const char *text, size_t length)
{
	static char line[CONTROL_LINE_MAX_BYTES + 1];

	memcpy(line, text, length);
	line[length] = '\0';
	return control_request_parse(out, line, length);
}

#define NAME(name, arguments, help) { #name, (arguments), (help) },

static const struct {
	const char *name;
	size_t arguments;
	const char *help;
} rows[] = { CONTROL_REQUESTS(NAME) };

Test(control_messages, every_request_is_understood_with_as_many_arguments_as_its_row_says)
{
	struct control_request request;
	char text[128];

	for (size_t i = 0; i < CONTROL_REQUEST_COUNT; i++) {
		cr_assert_leq(rows[i].arguments, CONTROL_ARGUMENTS_MAX);
		cr_assert_gt(strlen(rows[i].help), 0);
		strcpy(text, rows[i].name);
		for (size_t k = 0; k < rows[i].arguments; k++) {
			cr_assert_not_null(parse(&request, text, strlen(text)), "%s", text);
			strcat(text, " x");
		}
		cr_assert_null(parse(&request, text, strlen(text)), "%s", text);
		cr_assert_eq(request.id, i);
		strcat(text, " x");
		cr_assert_not_null(parse(&request, text, strlen(text)), "%s", text);
		cr_assert_eq(request.id, CONTROL_REQUEST_COUNT);
	}
}

Test(control_messages, what_is_no_request_is_refused)
{
	static const struct {
		const char *text;
		size_t length;
	} cases[] = {
		{ "", 0 }, { " ", 1 }, { "metric", 6 }, { "metricss", 8 }, { "METRICS", 7 },
		{ "metrics ", 8 }, { " metrics", 8 }, { "metrics\t", 8 }, { "metrics\r", 8 },
		{ "metrics\0", 8 }, { "\0metrics", 8 }, { "metrics \xff", 9 }, { "GET / HTTP/1.1", 14 },
	};
	struct control_request request;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_assert_not_null(
		    parse(&request, cases[i].text, cases[i].length), "case %zu: %s", i, cases[i].text);
}

Test(control_messages, a_path_that_is_too_long_for_an_address_goes_by_its_descriptor)
{
	struct sockaddr_un address;
	char path[200];

	control_address(&address, "/run/transom", 9);
	cr_assert_str_eq(address.sun_path, "/run/transom/control");
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	control_address(&address, path, 9);
	cr_assert_str_eq(address.sun_path, "/proc/self/fd/9/control");
	/* The longest that fits, and one more. */
	path[sizeof(address.sun_path) - strlen("/control") - 1] = '\0';
	control_address(&address, path, 9);
	cr_assert_eq(strlen(address.sun_path), sizeof(address.sun_path) - 1);
	path[strlen(path)] = 'x';
	path[sizeof(address.sun_path) - strlen("/control")] = '\0';
	control_address(&address, path, 9);
	cr_assert_str_eq(address.sun_path, "/proc/self/fd/9/control");
}
