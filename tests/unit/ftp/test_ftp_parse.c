#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "server/ftp/ftp_parse.h"

static struct ftp_parse parse;
static struct buf replies;

static void setup(void)
{
	ftp_parse_init(&parse);
	buf_init(&replies, 4096);
}

static void teardown(void)
{
	ftp_parse_clear(&parse);
	buf_clear(&replies);
}

TestSuite(ftp_parse, .init = setup, .fini = teardown);

static void feed(const void *bytes, size_t n)
{
	const uint8_t *from = bytes;

	while (n > 0) {
		size_t room;
		uint8_t *to = ftp_parse_reserve(&parse, &room);
		size_t step;

		cr_assert_not_null(to);
		step = n < room ? n : room;
		memcpy(to, from, step);
		ftp_parse_commit(&parse, step, &replies);
		from += step;
		n -= step;
	}
}

/* The first line taken, as kind and text. */
static enum ftp_line take(char *out)
{
	const uint8_t *bytes;
	size_t n;
	enum ftp_line line = ftp_parse_peek(&parse, &bytes, &n);

	out[0] = '\0';
	if (line == FTP_LINE_READY) {
		memcpy(out, bytes, n);
		out[n] = '\0';
	}
	if (line != FTP_LINE_NONE)
		ftp_parse_take(&parse);
	return line;
}

#define BYTES(text) (text), sizeof(text) - 1

static const struct {
	const char *bytes;
	size_t n;
	enum ftp_line line;
	const char *text;
} lines[] = {
	{ BYTES("NOOP\r\n"), FTP_LINE_READY, "NOOP" },
	{ BYTES("NOOP\n"), FTP_LINE_READY, "NOOP" },
	{ BYTES("\r\n"), FTP_LINE_READY, "" },
	{ BYTES("STOR  two spaces \r\n"), FTP_LINE_READY, "STOR  two spaces " },
	{ BYTES("STOR a\xff\xff"
	        "b\r\n"),
	    FTP_LINE_READY,
	    "STOR a\xff"
	    "b" },
	{ BYTES("STOR a\r\0b\r\n"), FTP_LINE_READY, "STOR a\rb" },
	{ BYTES("MKD a\rb\r\n"), FTP_LINE_BAD, "" },
	{ BYTES("MKD a\0b\r\n"), FTP_LINE_BAD, "" },
	{ BYTES("NOOP\r\r\n"), FTP_LINE_BAD, "" },
	{ BYTES("\xff\xf4\xff\xf2"
	        "ABOR\r\n"),
	    FTP_LINE_READY, "ABOR" },
	{ BYTES("AB\xff\xfd\x01OR\r\n"), FTP_LINE_READY, "ABOR" },
	{ BYTES("\xff\xfa\x18\x00 junk \r\n \xff\xff \xff\xf0NOOP\r\n"), FTP_LINE_READY, "NOOP" },
	{ BYTES("\xff\xf1NOOP\r\n"), FTP_LINE_READY, "NOOP" },
	{ BYTES("NOOP"), FTP_LINE_NONE, "" },
	{ BYTES("NOOP\r"), FTP_LINE_NONE, "" },
	{ BYTES("\xff"), FTP_LINE_NONE, "" },
};

Test(ftp_parse, reads_every_line_whole_and_at_every_split)
{
	char text[FTP_LINE_MAX_BYTES + 1];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		for (size_t split = 0; split <= lines[i].n; split++) {
			setup();
			feed(lines[i].bytes, split);
			feed(lines[i].bytes + split, lines[i].n - split);
			cr_assert_eq(take(text), lines[i].line, "line %zu split %zu", i, split);
			cr_assert_str_eq(text, lines[i].text, "line %zu split %zu", i, split);
			if (lines[i].line != FTP_LINE_NONE)
				cr_assert_null(parse.block, "memory is kept after line %zu", i);
			teardown();
		}
	}
}

Test(ftp_parse, takes_a_line_of_the_limit_and_refuses_one_byte_more)
{
	char long_line[FTP_LINE_MAX_BYTES + 3];
	char text[FTP_LINE_MAX_BYTES + 1];

	memset(long_line, 'A', sizeof(long_line));
	feed(long_line, FTP_LINE_MAX_BYTES);
	feed("\r\n", 2);
	cr_assert_eq(take(text), FTP_LINE_READY);
	cr_assert_eq(strlen(text), FTP_LINE_MAX_BYTES);
	feed(long_line, FTP_LINE_MAX_BYTES + 1);
	feed("\r\n", 2);
	cr_assert_eq(take(text), FTP_LINE_TOO_LONG);
}

Test(ftp_parse, drops_the_rest_of_a_long_line_and_serves_the_next)
{
	char text[FTP_LINE_MAX_BYTES + 1];
	char block[1000];

	memset(block, 'A', sizeof(block));
	for (size_t i = 0; i < 1000; i++) {
		feed(block, sizeof(block));
		cr_assert_leq(parse.end - parse.start, FTP_LINE_MAX_BYTES + 1);
	}
	feed("\r\nNOOP\r\n", 8);
	cr_assert_eq(take(text), FTP_LINE_TOO_LONG);
	cr_assert_eq(take(text), FTP_LINE_READY);
	cr_assert_str_eq(text, "NOOP");
	cr_assert_eq(take(text), FTP_LINE_NONE);
}

Test(ftp_parse, a_long_line_that_ends_in_a_carriage_return_at_the_limit_is_right_either_way)
{
	char text[FTP_LINE_MAX_BYTES + 1];
	char block[FTP_LINE_MAX_BYTES + 8];

	for (size_t length = FTP_LINE_MAX_BYTES - 2; length < FTP_LINE_MAX_BYTES + 4; length++) {
		memset(block, 'B', sizeof(block));
		memcpy(block + length, "\r\n", 2);
		feed(block, length + 2);
		cr_assert_eq(take(text),
		    length <= FTP_LINE_MAX_BYTES ? FTP_LINE_READY : FTP_LINE_TOO_LONG, "%zu",
		    length);
		cr_assert_eq(take(text), FTP_LINE_NONE);
	}
}

Test(ftp_parse, keeps_lines_in_order_until_the_block_is_full)
{
	char text[FTP_LINE_MAX_BYTES + 1];
	char line[32];
	size_t count = 0;

	while (ftp_parse_has_room(&parse)) {
		size_t room;
		uint8_t *to = ftp_parse_reserve(&parse, &room);
		int n = snprintf(line, sizeof(line), "N %06zu\r\n", count);

		if (room < (size_t)n)
			break;
		memcpy(to, line, (size_t)n);
		ftp_parse_commit(&parse, (size_t)n, &replies);
		count++;
	}
	cr_assert_gt(count, 1000);
	for (size_t i = 0; i < count; i++) {
		snprintf(line, sizeof(line), "N %06zu", i);
		cr_assert_eq(take(text), FTP_LINE_READY);
		cr_assert_str_eq(text, line);
	}
	cr_assert_eq(take(text), FTP_LINE_NONE);
}

Test(ftp_parse, wipes_what_was_taken)
{
	char text[FTP_LINE_MAX_BYTES + 1];

	feed("PASS hunter2\r\nNOOP\r\n", 20);
	cr_assert_eq(take(text), FTP_LINE_READY);
	for (size_t i = 0; i + 7 <= parse.start; i++)
		cr_assert_neq(memcmp(parse.block + i, "hunter2", 7), 0);
	feed("X", 1);
	for (size_t i = 0; i + 7 <= FTP_INPUT_BYTES && i < parse.end + 64; i++)
		cr_assert_neq(memcmp(parse.block + i, "hunter2", 7), 0);
}

Test(ftp_parse, refuses_every_telnet_option_and_agrees_with_refusals)
{
	feed("\xff\xfd\x03\xff\xfb\x18\xff\xfe\x01\xff\xfc\x01", 12);
	cr_assert_eq(buf_length(&replies), 6);
	cr_assert_eq(memcmp(buf_bytes(&replies), "\xff\xfc\x03\xff\xfe\x18", 6), 0);
}

Test(ftp_parse, serves_the_line_behind_an_interrupt_first)
{
	char text[FTP_LINE_MAX_BYTES + 1];

	feed("RETR b\r\nQUIT\r\n\xff\xf4\xff\xf2"
	     "ABOR\r",
	    23);
	cr_assert_not(ftp_parse_promote(&parse));
	feed("\nNOOP\r\n", 7);
	cr_assert(ftp_parse_promote(&parse));
	cr_assert_not(ftp_parse_promote(&parse));
	for (size_t i = 0; i < 4; i++) {
		static const char *const order[] = { "ABOR", "RETR b", "QUIT", "NOOP" };

		cr_assert_eq(take(text), FTP_LINE_READY);
		cr_assert_str_eq(text, order[i]);
	}
}

Test(ftp_parse, forgets_an_interrupt_whose_line_was_taken_in_its_turn)
{
	char text[FTP_LINE_MAX_BYTES + 1];

	feed("\xff\xf4NOOP\r\nQUIT\r\n", 14);
	cr_assert_eq(take(text), FTP_LINE_READY);
	cr_assert_not(ftp_parse_promote(&parse));
	cr_assert_eq(take(text), FTP_LINE_READY);
	cr_assert_str_eq(text, "QUIT");
}

Test(ftp_parse, knows_the_clients_last_word)
{
	cr_assert_not(ftp_parse_ends_with(&parse, "QUIT"));
	feed("QUIT\r\n", 6);
	cr_assert(ftp_parse_ends_with(&parse, "QUIT"));
	feed("NOOP\r\nqUiT\r", 11);
	cr_assert_not(ftp_parse_ends_with(&parse, "QUIT"));
	feed("\n", 1);
	cr_assert(ftp_parse_ends_with(&parse, "QUIT"));
	feed("XQUIT\r\n", 7);
	cr_assert_not(ftp_parse_ends_with(&parse, "QUIT"));
}

Test(ftp_parse, knows_a_tls_handshake_from_a_line)
{
	cr_assert_not(ftp_parse_is_tls(&parse));
	feed("\x16\x03\x01\x02", 4);
	cr_assert(ftp_parse_is_tls(&parse));
}

Test(ftp_parse, splits_at_the_first_space_only)
{
	static const struct {
		const char *line;
		const char *verb;
		const char *argument;
	} cases[] = {
		{ "NOOP", "NOOP", "" },
		{ "noop", "NOOP", "" },
		{ "STOR a b ", "STOR", "a b " },
		{ "STOR  a", "STOR", " a" },
		{ "CWD ", "CWD", "" },
		{ " CWD", "", "CWD" },
		{ "", "", "" },
		{ "XSHA512 f", "XSHA512", "f" },
		{ "p@sw", "P@SW", "" },
		{ "ST\xc3\xb6R a", "", "a" },
		{ "ABCDEFGHIJKLMNOP x", "", "x" },
		{ "<script>", "", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[64];
		char verb[12];
		char *argument;

		snprintf(line, sizeof(line), "%s", cases[i].line);
		ftp_parse_split(line, strlen(line), verb, sizeof(verb), &argument);
		cr_assert_str_eq(verb, cases[i].verb, "%s", cases[i].line);
		cr_assert_str_eq(argument, cases[i].argument, "%s", cases[i].line);
	}
}

/* What a second parser, which got its bytes from the first, does with the rest. */
Test(ftp_parse, another_parser_goes_on_where_it_stopped)
{
	static const struct {
		const char *name;
		const char *before;
		size_t before_length;
		const char *after;
		size_t after_length;
		const char *lines[3];
		const char *answers;
	} cases[] = {
		{ "nothing", BYTES(""), BYTES("NOOP\r\n"), { "NOOP" }, "" },
		{ "whole lines", BYTES("USER a\r\nPASS b\r\n"), BYTES(""), { "USER a", "PASS b" }, "" },
		{ "part of a line", BYTES("NOOP\r\nUS"), BYTES("ER a\r\n"), { "NOOP", "USER a" }, "" },
		{ "a carriage return", BYTES("NOOP\r"), BYTES("\nQUIT\r\n"), { "NOOP", "QUIT" }, "" },
		{ "a byte 255", BYTES("RETR \xff\xff\xff\xff\r\nX\xff\xff"), BYTES("\r\n"),
		    { "RETR \xff\xff", "X\xff" }, "" },
		{ "an IAC", BYTES("NO\xff"), BYTES("\xfd\x01OP\r\n"), { "NOOP" }, "\xff\xfc\x01" },
		{ "an option", BYTES("NO\xff\xfb"), BYTES("\x05OP\r\n"), { "NOOP" }, "\xff\xfe\x05" },
		{ "a subnegotiation", BYTES("NO\xff\xfa\x18x"), BYTES("yz\xff\xf0OP\r\n"), { "NOOP" }, "" },
		{ "its end", BYTES("NO\xff\xfaxx\xff"), BYTES("\xf0OP\r\n"), { "NOOP" }, "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t bytes[FTP_PARSE_EXPORT_BYTES];
		char line[64];
		size_t n;

		feed(cases[i].before, cases[i].before_length);
		n = ftp_parse_export(&parse, bytes);
		ftp_parse_clear(&parse);
		cr_assert(ftp_parse_import(&parse, bytes, n, &replies), "%s", cases[i].name);
		feed(cases[i].after, cases[i].after_length);
		for (size_t k = 0; k < 3 && cases[i].lines[k] != NULL; k++) {
			cr_assert_eq(take(line), FTP_LINE_READY, "%s", cases[i].name);
			cr_expect_str_eq(line, cases[i].lines[k], "%s", cases[i].name);
		}
		cr_expect_eq(take(line), FTP_LINE_NONE, "%s", cases[i].name);
		cr_expect_eq(buf_length(&replies), strlen(cases[i].answers), "%s", cases[i].name);
		cr_expect_arr_eq(
		    buf_bytes(&replies), cases[i].answers, strlen(cases[i].answers), "%s", cases[i].name);
		buf_reset(&replies);
		ftp_parse_clear(&parse);
	}
}

Test(ftp_parse, lines_that_are_refused_stay_so_in_another_parser)
{
	static char text[FTP_LINE_MAX_BYTES + 100];
	static uint8_t bytes[FTP_PARSE_EXPORT_BYTES];
	char line[64];
	size_t n;

	memset(text, 'x', sizeof(text));
	feed(BYTES("NO\rOP\r\n"));
	feed(BYTES("NO\0OP\r\n"));
	feed(text, sizeof(text));
	n = ftp_parse_export(&parse, bytes);
	ftp_parse_clear(&parse);
	cr_assert(ftp_parse_import(&parse, bytes, n, &replies));
	feed(BYTES("yyy\r\nNOOP\r\n"));
	cr_expect_eq(take(line), FTP_LINE_BAD);
	cr_expect_eq(take(line), FTP_LINE_BAD);
	cr_expect_eq(take(line), FTP_LINE_TOO_LONG);
	cr_expect_eq(take(line), FTP_LINE_READY);
	cr_expect_str_eq(line, "NOOP");
}

Test(ftp_parse, a_full_block_goes_over_whole)
{
	static uint8_t block[FTP_INPUT_BYTES];
	static uint8_t bytes[FTP_PARSE_EXPORT_BYTES];
	char line[FTP_LINE_MAX_BYTES + 1];
	size_t n;
	size_t count = 0;

	/* The longest there is: every byte of it is written as two. */
	memset(block, 0xff, sizeof(block));
	for (size_t i = 2000; i < sizeof(block); i += 2000)
		block[i - 1] = '\n';
	for (size_t i = 0; i < sizeof(block); i += 1000) {
		size_t part = sizeof(block) - i < 1000 ? sizeof(block) - i : 1000;

		for (size_t k = i; k < i + part; k++)
			feed(block[k] == 0xff ? "\xff\xff" : "\n", block[k] == 0xff ? 2 : 1);
	}
	n = ftp_parse_export(&parse, bytes);
	cr_assert_leq(n, sizeof(bytes));
	ftp_parse_clear(&parse);
	cr_assert(ftp_parse_import(&parse, bytes, n, &replies));
	while (take(line) == FTP_LINE_READY)
		count++;
	cr_expect_eq(count, 8);
}
