/* Arguments of more than one part, table by table. */
#include <criterion/criterion.h>
#include <string.h>

#include "server/base/text.h"
#include "server/ftp/ftp_args.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

Test(ftp_args, words_are_split_at_blanks_and_kept_together_by_quotes)
{
	static const struct {
		const char *text;
		const char *words; /* joined by '|'; "!" at the end: the rest is malformed */
	} rows[] = {
		{ "", "" },
		{ "   ", "" },
		{ "a", "a|" },
		{ "a b", "a|b|" },
		{ "  a   b  ", "a|b|" },
		{ "\"a b\" c", "a b|c|" },
		{ "\"a\"\"b\"", "a\"b|" },
		{ "\"\"", "|" },
		{ "\"\"\"\"", "\"|" },
		{ "a\"b c", "a\"b|c|" },
		{ "\"a", "!" },
		{ "\"a\"b", "!" },
		{ "a \"b", "a|!" },
		{ "\"", "!" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[64];
		char joined[64] = "";
		char *rest = text;
		char *word;

		text_copy(text, sizeof(text), rows[i].text);
		while ((word = ftp_args_word(&rest)) != NULL) {
			text_format(
			    joined + strlen(joined), sizeof(joined) - strlen(joined), "%s|", word);
		}
		if (rest[strspn(rest, " ")] != '\0')
			text_format(joined + strlen(joined), sizeof(joined) - strlen(joined), "!");
		cr_assert_str_eq(joined, rows[i].words, "%s -> %s", rows[i].text, joined);
	}
}

Test(ftp_args, a_name_loses_quotes_that_hold_all_of_it)
{
	static const char *const rows[][2] = {
		{ "a b", "a b" },
		{ "\"a b\"", "a b" },
		{ "\"a\"\"b\"", "a\"b" },
		{ "\"a\" \"b\"", "\"a\" \"b\"" },
		{ "\"a", "\"a" },
		{ "\"", "\"" },
		{ "\"\"", "\"\"" },
		{ "\"\"\"\"", "\"" },
		{ "\"\"\"", "\"\"\"" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[64];

		text_copy(text, sizeof(text), rows[i][0]);
		cr_assert_str_eq(ftp_args_name(text), rows[i][1], "%s", rows[i][0]);
	}
}

Test(ftp_args, ranges_are_inclusive_and_never_overflow)
{
	static const struct {
		const char *text;
		bool ok;
		struct ftp_args_range range;
	} rows[] = {
		{ "0 0", true, { 0, 1 } },
		{ "0 49", true, { 0, 50 } },
		{ "7  9", true, { 7, 3 } },
		{ "1 0", true, { 0, FTP_ARGS_ALL } },
		{ "0 18446744073709551615", true, { 0, (uint64_t)INT64_MAX + 1 } },
		{ "9223372036854775807 9223372036854775807", true, { INT64_MAX, 1 } },
		{ "9223372036854775807 18446744073709551615", true, { INT64_MAX, 1 } },
		{ "9223372036854775808 18446744073709551615", false, { 0, FTP_ARGS_ALL } },
		{ "0 18446744073709551616", false, { 0, FTP_ARGS_ALL } },
		{ "00000000000000000000000000 1", false, { 0, FTP_ARGS_ALL } },
		{ "2 1", false, { 0, FTP_ARGS_ALL } },
		{ "2 0", false, { 0, FTP_ARGS_ALL } },
		{ "-1 4", false, { 0, FTP_ARGS_ALL } },
		{ "+1 4", false, { 0, FTP_ARGS_ALL } },
		{ "1", false, { 0, FTP_ARGS_ALL } },
		{ "1 ", false, { 0, FTP_ARGS_ALL } },
		{ " 1 2", false, { 0, FTP_ARGS_ALL } },
		{ "1 2 3", false, { 0, FTP_ARGS_ALL } },
		{ "1 2 ", false, { 0, FTP_ARGS_ALL } },
		{ "a b", false, { 0, FTP_ARGS_ALL } },
		{ "0x1 2", false, { 0, FTP_ARGS_ALL } },
		{ "", false, { 0, FTP_ARGS_ALL } },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ftp_args_range range;

		cr_assert_eq(ftp_args_rang(rows[i].text, &range), rows[i].ok, "%s", rows[i].text);
		cr_assert_eq(range.start, rows[i].range.start, "%s", rows[i].text);
		cr_assert_eq(range.bytes, rows[i].range.bytes, "%s", rows[i].text);
	}
}

Test(ftp_args, spans_do_not_include_their_end)
{
	struct ftp_args_range range;

	cr_assert(ftp_args_span("0 4", &range));
	cr_assert_eq(range.start, 0);
	cr_assert_eq(range.bytes, 4);
	cr_assert(ftp_args_span("9223372036854775806 9223372036854775807", &range));
	cr_assert_eq(range.bytes, 1);
	cr_assert_not(ftp_args_span("4 4", &range));
	cr_assert_not(ftp_args_span("5 4", &range));
	cr_assert_not(ftp_args_span("0 18446744073709551615", &range));
	cr_assert_not(ftp_args_span("4", &range));
	cr_assert_not(ftp_args_span("4 x", &range));
}

Test(ftp_args, a_checksum_is_of_a_name_quoted_or_not_with_numbers_or_without)
{
	static const struct {
		const char *text;
		bool ok;
		const char *name;
		const char *numbers;
	} rows[] = {
		{ "a", true, "a", NULL },
		{ "a b", true, "a b", NULL },
		{ "a 0 4", true, "a", "0 4" },
		{ "a b 0 4", true, "a b", "0 4" },
		{ "a  0   4", true, "a ", "0   4" },
		{ "a 4", true, "a 4", NULL },
		{ "0 4", true, "0 4", NULL },
		{ "1 0 4", true, "1", "0 4" },
		{ "a x 4", true, "a x 4", NULL },
		{ "a 0 4 ", true, "a 0 4 ", NULL },
		{ "\"a b\"", true, "a b", NULL },
		{ "\"a b\" 0 4", true, "a b", "0 4" },
		{ "\"a b\" 4", true, "a b", "4" },
		{ "\"a 0 4\"", true, "a 0 4", NULL },
		{ "\"a", false, NULL, NULL },
		{ "\"\"", false, NULL, NULL },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ftp_args_checksum parts;
		char text[64];

		text_copy(text, sizeof(text), rows[i].text);
		cr_assert_eq(ftp_args_checksum(text, &parts), rows[i].ok, "%s", rows[i].text);
		if (!rows[i].ok)
			continue;
		cr_assert_str_eq(parts.name, rows[i].name, "%s", rows[i].text);
		cr_assert_eq(parts.numbers != NULL, rows[i].numbers != NULL, "%s", rows[i].text);
		if (parts.numbers != NULL)
			cr_assert_str_eq(parts.numbers, rows[i].numbers, "%s", rows[i].text);
	}
}

Test(ftp_args, a_host_is_a_name_or_a_literal_address_without_port)
{
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
		{ "ftp.example.com", true },
		{ "localhost", true },
		{ "xn--bcher-kva.example", true },
		{ "3com.example", true },
		{ "192.0.2.1", true },
		{ "[2001:db8::1]", true },
		{ "[::]", true },
		{ "", false },
		{ ".", false },
		{ "a.", false },
		{ "a..b", false },
		{ ".a", false },
		{ "-a.example", false },
		{ "a-.example", false },
		{ "a_b.example", false },
		{ "a b", false },
		{ "a.example:21", false },
		{ "192.0.2.1:21", false },
		{ "192.0.2.256", false },
		{ "192.0.2", false },
		{ "1234", false },
		{ "2001:db8::1", false },
		{ "[2001:db8::1", false },
		{ "[192.0.2.1]", false },
		{ "[fe80::1%lo]", false },
		{ "[]", false },
		{ "b\xc3\xbc"
		  "cher.example",
		    false },
	};
	char label[80];
	char name[300];

	for (size_t i = 0; i < COUNT(rows); i++)
		cr_assert_eq(ftp_args_is_host(rows[i].text), rows[i].ok, "%s", rows[i].text);
	memset(label, 'a', sizeof(label));
	label[63] = '\0';
	cr_assert(ftp_args_is_host(label));
	label[63] = 'a';
	label[64] = '\0';
	cr_assert_not(ftp_args_is_host(label));
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = i % 2 == 0 ? 'a' : '.';
	name[253] = '\0';
	cr_assert(ftp_args_is_host(name));
	name[253] = '.';
	name[255] = '\0';
	cr_assert_not(ftp_args_is_host(name));
}

Test(ftp_args, a_language_is_a_tag)
{
	static const char *const good[] = { "en", "EN", "en-US", "de-CH-1996", "x" };
	static const char *const bad[] = { "", "1", "e1", "en-", "-en", "en--us", "en us",
		"abcdefghi", "en-abcdefghi", "en_US" };

	for (size_t i = 0; i < COUNT(good); i++)
		cr_assert(ftp_args_is_language(good[i]), "%s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		cr_assert_not(ftp_args_is_language(bad[i]), "%s", bad[i]);
}
