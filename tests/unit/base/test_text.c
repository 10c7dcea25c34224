#include <criterion/criterion.h>
#include <string.h>

#include "server/base/text.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

TestSuite(text, .timeout = 10);

Test(text, escapes_what_is_harmful_and_keeps_the_rest)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *escaped;
	} rows[] = {
#define ROW(bytes, escaped) { bytes, sizeof(bytes) - 1, escaped }
		ROW("", ""),
		ROW("plain ~ text", "plain ~ text"),
		ROW("a\\b", "a\\\\b"),
		ROW("\0\r\n\t\033\177", "\\x00\\x0d\\x0a\\x09\\x1b\\x7f"),
		ROW("gr\303\274n \342\202\254 \360\237\230\200",
		    "gr\303\274n \342\202\254 \360\237\230\200"),
		ROW("\302\200\302\237\302\240",
		    "\\xc2\\x80\\xc2\\x9f\302\240"), /* C1, and U+00A0 is none */
		ROW("\342\200\250\342\200\251",
		    "\\xe2\\x80\\xa8\\xe2\\x80\\xa9"),  /* U+2028, U+2029 */
		ROW("\342\200\256", "\\xe2\\x80\\xae"), /* U+202E, right to left */
		ROW("\342\200\216\342\200\217", "\\xe2\\x80\\x8e\\xe2\\x80\\x8f"),
		ROW("\342\201\246\342\201\251",
		    "\\xe2\\x81\\xa6\\xe2\\x81\\xa9"), /* U+2066, U+2069 */
		ROW("\330\234", "\\xd8\\x9c"),         /* U+061C */
		ROW("\342\200\257", "\342\200\257"),   /* U+202F is only a narrow space */
		ROW("\300\257", "\\xc0\\xaf"),         /* overlong */
		ROW("\340\200\257", "\\xe0\\x80\\xaf"),
		ROW("\355\240\200", "\\xed\\xa0\\x80"),          /* surrogate */
		ROW("\364\220\200\200", "\\xf4\\x90\\x80\\x80"), /* above U+10FFFF */
		ROW("\303", "\\xc3"),
		ROW("\303x", "\\xc3x"),
		ROW("\200", "\\x80"),
		ROW("\360\237\230", "\\xf0\\x9f\\x98"),
#undef ROW
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char out[128];
		size_t length = text_escape(out, sizeof(out), rows[i].bytes, rows[i].length);

		cr_assert_str_eq(out, rows[i].escaped, "row %zu", i);
		cr_assert_eq(length, strlen(rows[i].escaped), "row %zu", i);
	}
}

Test(text, escape_never_writes_beyond_its_bounds_nor_halves_a_character)
{
	static const char *const texts[] = { "0123456789", "\n\n\n",
		"\342\202\254\342\202\254\342\202\254", "\\\\\\\\", "ab\360\237\230\200cd", "" };

	for (size_t i = 0; i < COUNT(texts); i++) {
		char whole[64];
		size_t full = text_escape(whole, sizeof(whole), texts[i], strlen(texts[i]));

		for (size_t room = 0; room < sizeof(whole); room++) {
			char out[65];
			size_t length;

			memset(out, '#', sizeof(out));
			length = text_escape(out, room, texts[i], strlen(texts[i]));
			cr_assert_eq(out[room], '#', "wrote beyond %zu", room);
			if (room == 0) {
				cr_assert_eq(length, 0);
				continue;
			}
			cr_assert_lt(length, room);
			cr_assert_eq(out[length], '\0');
			cr_assert(text_is_utf8(out, length), "'%s' of room %zu", out, room);
			if (full < room)
				cr_assert_str_eq(out, whole);
			else if (room > 3)
				cr_assert_str_eq(out + length - 3, "...");
		}
	}
}

Test(text, a_cut_text_keeps_as_much_as_fits_before_the_dots)
{
	char out[8];

	cr_assert_eq(text_escape(out, sizeof(out), "0123456", 7), 7);
	cr_assert_str_eq(out, "0123456");
	cr_assert_eq(text_escape(out, sizeof(out), "01234567", 8), 7);
	cr_assert_str_eq(out, "0123...");
	cr_assert_eq(text_escape(out, 3, "01234567", 8), 2);
	cr_assert_str_eq(out, "..");
}

Test(text, knows_control_characters)
{
	cr_assert(text_has_control("a\0b", 3));
	cr_assert(text_has_control("a\nb", 3));
	cr_assert(text_has_control("\177", 1));
	cr_assert_not(text_has_control("a\303\274 ~", 5));
	cr_assert_not(text_has_control("", 0));
}

Test(text, knows_what_a_terminal_may_be_shown)
{
	cr_assert(text_is_harmless("a\303\274 ~\\", 6));
	cr_assert(text_is_harmless("", 0));
	cr_assert_not(text_is_harmless("a\033[31m", 6));
	cr_assert_not(text_is_harmless("\302\233" "31m", 5)); /* CSI in one character */
	cr_assert_not(text_is_harmless("\342\200\256", 3));  /* the other way round from here */
	cr_assert_not(text_is_harmless("a\303", 2));
}

Test(text, format_and_copy_say_whether_all_fitted)
{
	char out[4];

	cr_assert(text_format(out, sizeof(out), "%d", 123));
	cr_assert_str_eq(out, "123");
	cr_assert_not(text_format(out, sizeof(out), "%d", 1234));
	cr_assert_str_eq(out, "123");
	cr_assert(text_copy(out, sizeof(out), "abc"));
	cr_assert_str_eq(out, "abc");
	cr_assert_not(text_copy(out, sizeof(out), "defg"));
	cr_assert_str_eq(out, "def");
	cr_assert_not(text_copy(out, 0, ""));
	cr_assert_str_eq(out, "def");
	cr_assert(text_copy(out, 1, ""));
	cr_assert_str_eq(out, "");
}

Test(text, parses_whole_decimal_numbers_only)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t value;
	} rows[] = {
		{ "0", true, 0 },
		{ "007", true, 7 },
		{ "18446744073709551615", true, UINT64_MAX },
		{ "18446744073709551616", false, 0 },
		{ "18446744073709551625", false, 0 },
		{ "99999999999999999999999", false, 0 },
		{ "", false, 0 },
		{ " 1", false, 0 },
		{ "1 ", false, 0 },
		{ "+1", false, 0 },
		{ "-1", false, 0 },
		{ "0x1", false, 0 },
		{ "1.0", false, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t value = 0;

		cr_assert_eq(
		    text_parse_u64(rows[i].text, &value), rows[i].good, "'%s'", rows[i].text);
		if (rows[i].good)
			cr_assert_eq(value, rows[i].value);
	}
}

Test(text, parses_octal_modes_up_to_07777)
{
	static const struct {
		const char *text;
		bool good;
		unsigned value;
	} rows[] = {
		{ "0", true, 0 },
		{ "644", true, 0644 },
		{ "0644", true, 0644 },
		{ "7777", true, 07777 },
		{ "00000007777", true, 07777 },
		{ "10000", false, 0 },
		{ "777777777777777777777777", false, 0 },
		{ "8", false, 0 },
		{ "", false, 0 },
		{ "-1", false, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		unsigned value = 0;

		cr_assert_eq(
		    text_parse_mode(rows[i].text, &value), rows[i].good, "'%s'", rows[i].text);
		if (rows[i].good)
			cr_assert_eq(value, rows[i].value);
	}
}

Test(text, writes_hex)
{
	char out[9];

	text_hex(out, "\0\x7f\x80\xff", 4);
	cr_assert_str_eq(out, "007f80ff");
	text_hex(out, "", 0);
	cr_assert_str_eq(out, "");
}

Test(text, globs_whole_names)
{
	static const struct {
		const char *pattern;
		const char *name;
		bool matches;
	} rows[] = {
		{ "", "", true },
		{ "", "a", false },
		{ "a", "", false },
		{ "abc", "abc", true },
		{ "abc", "abcd", false },
		{ "abcd", "abc", false },
		{ "*", "", true },
		{ "*", "anything", true },
		{ "**", "x", true },
		{ "*.txt", "a.txt", true },
		{ "*.txt", ".txt", true },
		{ "*.txt", "a.txt.gz", false },
		{ "a*b*c", "aXbYbZc", true },
		{ "a*b*c", "aXbYbZ", false },
		{ "*aab", "aaaaab", true },
		{ "?", "a", true },
		{ "?", "", false },
		{ "?", "ab", false },
		{ "?", "\303\274", true }, /* one character, two bytes */
		{ "??", "\303\274", false },
		{ "[\303\274x]", "\303\274", true },
		{ "?", "\374", true }, /* a stray byte counts as one */
		{ "*?", "\303\274", true },
		{ "[abc]", "b", true },
		{ "[abc]", "d", false },
		{ "[a-c]x", "bx", true },
		{ "[a-c]", "-", false },
		{ "[c-a]", "b", false },
		{ "[a-]", "-", true },
		{ "[-a]", "-", true },
		{ "[!a-c]", "d", true },
		{ "[!a-c]", "a", false },
		{ "[!]", "!", false }, /* malformed: matches itself */
		{ "[!]", "[!]", true },
		{ "[]a]", "]", true },
		{ "[]a]", "a", true },
		{ "[!]a]", "]", false },
		{ "[", "[", true },
		{ "[abc", "[abc", true },
		{ "[abc", "a", false },
		{ "a[", "a[", true },
		{ "[a-", "[a-", true },
		{ "\\*", "*", true },
		{ "\\*", "a", false },
		{ "\\[a]", "[a]", true },
		{ "\\\\", "\\", true },
		{ "a\\", "a\\", true },
		{ "[\\]]", "]", true },
		{ "[\\a-c]", "b", true },
		{ "A", "a", false },
		{ "a?c", "abc", true },
		{ "*[0-9]", "file7", true },
		{ "*[0-9]", "file", false },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		cr_assert_eq(text_glob(rows[i].pattern, rows[i].name), rows[i].matches, "'%s' '%s'",
		    rows[i].pattern, rows[i].name);
}

Test(text, no_pattern_makes_globbing_exponential)
{
	char pattern[201], name[2001];

	for (size_t i = 0; i < 200; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[199] = 'b';
	pattern[200] = '\0';
	memset(name, 'a', 2000);
	name[2000] = '\0';
	for (int i = 0; i < 20; i++)
		cr_assert_not(text_glob(pattern, name));
}

Test(text, knows_what_is_a_pattern)
{
	cr_assert(text_is_glob("a*"));
	cr_assert(text_is_glob("?"));
	cr_assert(text_is_glob("x[a]"));
	cr_assert_not(text_is_glob("plain]"));
	cr_assert_not(text_is_glob(""));
}

Test(text, reads_base64_and_nothing_like_it)
{
	static const struct {
		const char *text, *bytes; /* NULL: refused */
	} rows[] = {
		{ "Zg==", "f" },
		{ "Zm8=", "fo" },
		{ "Zm9v", "foo" },
		{ "Zm9vYg==", "foob" },
		{ "Zg", "f" },
		{ "Zm8", "fo" },
		{ "+/+/", "\xfb\xff\xbf" },
		{ "", NULL },
		{ "=", NULL },
		{ "====", NULL },
		{ "Z", NULL },
		{ "Zg=", NULL },
		{ "Zm9v=", NULL },
		{ "Zm8==", NULL },
		{ "Zh==", NULL }, /* bits that belong to no byte */
		{ "Zm9v\n", NULL },
		{ "Zm 9v", NULL },
		{ "Zm=v", NULL },
		{ "Zm-_", NULL },
		{ "Zm9vZm9vZm9v", NULL }, /* more than there is room for */
	};
	uint8_t out[8];
	size_t length;

	for (size_t i = 0; i < COUNT(rows); i++) {
		bool good = text_parse_base64(
		    rows[i].text, strlen(rows[i].text), out, sizeof(out), &length);

		cr_assert_eq(good, rows[i].bytes != NULL, "'%s'", rows[i].text);
		if (good)
			cr_assert(length == strlen(rows[i].bytes) &&
			              memcmp(out, rows[i].bytes, length) == 0,
			    "'%s'", rows[i].text);
	}
}
