#include <criterion/criterion.h>
#include <string.h>

#include "conf/conf_lex.h"

static enum conf_token_kind last_kind(const char *text, size_t length, unsigned *line)
{
	struct conf_token token;
	struct conf_lex lex;

	conf_lex_init(&lex, text, length);
	do
		token = conf_lex_next(&lex);
	while (token.kind != CONF_TOKEN_END && token.kind != CONF_TOKEN_WRONG);
	*line = token.line;
	return token.kind;
}

Test(conf_lex, tokens_come_with_their_places_and_lines)
{
	static const char text[] = "a = \"b c\" # x\n/* y\n */ d { 'e' , }\r\n";
	static const struct conf_token expected[] = {
		{ CONF_TOKEN_WORD, 0, 1, 1 },
		{ CONF_TOKEN_EQUALS, 2, 3, 1 },
		{ CONF_TOKEN_STRING, 4, 9, 1 },
		{ CONF_TOKEN_WORD, 23, 24, 3 },
		{ CONF_TOKEN_OPEN, 25, 26, 3 },
		{ CONF_TOKEN_STRING, 27, 30, 3 },
		{ CONF_TOKEN_COMMA, 31, 32, 3 },
		{ CONF_TOKEN_CLOSE, 33, 34, 3 },
		{ CONF_TOKEN_END, 36, 36, 4 },
		{ CONF_TOKEN_END, 36, 36, 4 },
	};
	struct conf_lex lex;

	conf_lex_init(&lex, text, strlen(text));
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct conf_token token = conf_lex_next(&lex);

		cr_expect_eq(token.kind, expected[i].kind, "token %zu", i);
		cr_expect_eq(token.start, expected[i].start, "token %zu", i);
		cr_expect_eq(token.end, expected[i].end, "token %zu", i);
		cr_expect_eq(token.line, expected[i].line, "token %zu", i);
	}
}

Test(conf_lex, what_libconfuse_would_change_unseen_is_refused)
{
	static const struct {
		const char *text;
		size_t length; /* 0: strlen */
		unsigned line;
	} wrong[] = {
		{ "a = *.exe", 0, 1 },
		{ "\na += 1", 0, 2 },
		{ "a = ${HOME}", 0, 1 },
		{ "a = \"${HOME}\"", 0, 1 },
		{ "a = \"x\\0y\"", 0, 1 },
		{ "a = \"x\\n\"", 0, 1 },
		{ "a = \"x\ny\"", 0, 1 },
		{ "a = 'x\ny'", 0, 1 },
		{ "\n\na = \"x", 0, 3 },
		{ "a = \"x\\", 0, 1 },
		{ "a = x//y", 0, 1 },
		{ "a = x/*y*/", 0, 1 },
		{ "a = 1\n/* never\n\n", 0, 2 },
		{ "include(x)", 0, 1 },
		{ "a = \xc3\xa9", 0, 1 },
		{ "a = \x01", 0, 1 },
		{ "a\0b", 3, 1 },
		{ "# x\n# \0y\n", 8, 2 },
		{ "/* \0 */", 7, 1 },
		{ "\"\0\"", 3, 1 },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		size_t length = wrong[i].length > 0 ? wrong[i].length : strlen(wrong[i].text);
		unsigned line;

		cr_expect_eq(
		    last_kind(wrong[i].text, length, &line), CONF_TOKEN_WRONG, "%s", wrong[i].text);
		cr_expect_eq(line, wrong[i].line, "%s: line %u", wrong[i].text, line);
	}
}

Test(conf_lex, what_is_quoted_reads_back_the_same)
{
	static const char *const texts[] = { "", "a", "a b", "\"", "\\", "\\\\\"", "$", "${HOME}",
		"$y$j9T$abc$def", "$${", "'", "\xc3\xa9\xff", "a#b", "\\$", "\\${x}" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char back[64];
		unsigned line;
		struct buf quoted;

		buf_init(&quoted, 64);
		conf_lex_quote(&quoted, texts[i]);
		cr_assert_not(quoted.failed);
		cr_expect_eq(
		    last_kind((const char *)buf_bytes(&quoted), buf_length(&quoted), &line),
		    CONF_TOKEN_END);
		conf_lex_unquote((const char *)buf_bytes(&quoted), buf_length(&quoted), back);
		cr_expect_str_eq(back, texts[i]);
		buf_clear(&quoted);
	}
}

Test(conf_lex, single_quotes_know_two_escapes)
{
	char out[32];

	conf_lex_unquote("'a\\'b\\\\c\\d$'", 12, out);
	cr_expect_str_eq(out, "a'b\\c\\d$");
	conf_lex_unquote("word", 4, out);
	cr_expect_str_eq(out, "word");
}
