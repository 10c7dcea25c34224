#include "conf/conf_lex.h"

#include <stdbool.h>
#include <string.h>

static const char nul_byte[] = "a NUL byte; only text is allowed";

void conf_lex_init(struct conf_lex *lex, const char *text, size_t length)
{
	*lex = (struct conf_lex){ .text = text, .length = length, .line = 1 };
}

/* The byte at an offset from here, -1 behind the end. */
static int peek(const struct conf_lex *lex, size_t offset)
{
	if (offset >= lex->length - lex->at)
		return -1;
	return (unsigned char)lex->text[lex->at + offset];
}

static bool is_word_byte(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c > 0 && strchr("_-./:@%[]", c) != NULL);
}

static void skip_line(struct conf_lex *lex)
{
	/* A NUL is left to be complained of. */
	while (peek(lex, 0) > 0 && peek(lex, 0) != '\n')
		lex->at++;
}

static bool skip_block_comment(struct conf_lex *lex)
{
	unsigned first_line = lex->line;

	for (lex->at += 2; peek(lex, 0) > 0; lex->at++) {
		if (peek(lex, 0) == '*' && peek(lex, 1) == '/') {
			lex->at += 2;
			return true;
		}
		if (peek(lex, 0) == '\n')
			lex->line++;
	}
	if (peek(lex, 0) == '\0') {
		lex->wrong = nul_byte;
		return false;
	}
	lex->line = first_line;
	lex->wrong = "a comment that starts here is never closed; end it with */";
	return false;
}

/* To the next byte of a token.  False: something is wrong with what should be skipped. */
static bool skip_space(struct conf_lex *lex)
{
	for (;;) {
		int c = peek(lex, 0);

		if (c == '#' || (c == '/' && peek(lex, 1) == '/')) {
			skip_line(lex);
		} else if (c == '/' && peek(lex, 1) == '*') {
			if (!skip_block_comment(lex))
				return false;
		} else if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
			lex->line += c == '\n';
			lex->at++;
		} else {
			return true;
		}
	}
}

/* Behind the closing quote, or false. */
static bool read_string(struct conf_lex *lex, int quote)
{
	for (lex->at++;; lex->at++) {
		int c = peek(lex, 0);
		int next = c == -1 ? -1 : peek(lex, 1);

		if (c == -1 || c == '\n') {
			lex->wrong = "a string is not closed on its line; put the quote at its end";
			return false;
		}
		if (c == '\0') {
			lex->wrong = nul_byte;
			return false;
		}
		if (c == quote) {
			lex->at++;
			return true;
		}
		if (quote == '"' && c == '$' && next == '{') {
			lex->wrong = "${...} is not expanded in a configuration; write \\${ for it";
			return false;
		}
		/* libConfuse knows the escapes of C as well; \0 would cut the value off unseen. */
		if (c == '\\' && quote == '"' && next != '"' && next != '\\' && next != '$') {
			lex->wrong = "an unknown escape in a string; allowed: \\\\ \\\" \\$, or "
			             "single quotes";
			return false;
		}
		if (c == '\\' && (next == quote || next == '\\' || next == '$'))
			lex->at++;
	}
}

static bool read_word(struct conf_lex *lex)
{
	while (is_word_byte(peek(lex, 0))) {
		/* Where a comment starts within a word is told differently by each libConfuse. */
		if (peek(lex, 0) == '/' && (peek(lex, 1) == '/' || peek(lex, 1) == '*')) {
			lex->wrong = "// or /* within a word; put the value in double quotes";
			return false;
		}
		lex->at++;
	}
	return true;
}

static const char *why_no_token(int c)
{
	if (c == '\0')
		return nul_byte;
	if (c < 0x20 || c == 0x7f)
		return "a control character; only text is allowed";
	if (c >= 0x80)
		return "a letter outside ASCII and outside quotes; put the value in double quotes";
	if (c == '+')
		return "+= is not known; write the whole list behind =";
	if (c == '(' || c == ')')
		return "there are no functions and no include here; "
		       "put a value with parentheses in double quotes";
	return "a special character outside quotes; put the value in double quotes";
}

struct conf_token conf_lex_next(struct conf_lex *lex)
{
	struct conf_token token = { .kind = CONF_TOKEN_WRONG };
	bool fine = lex->wrong == NULL && skip_space(lex);
	int c = peek(lex, 0);

	token.start = token.end = lex->at;
	token.line = lex->line;
	if (!fine)
		return token;
	if (c == -1) {
		token.kind = CONF_TOKEN_END;
	} else if (c == '"' || c == '\'') {
		token.kind = read_string(lex, c) ? CONF_TOKEN_STRING : CONF_TOKEN_WRONG;
	} else if (is_word_byte(c)) {
		token.kind = read_word(lex) ? CONF_TOKEN_WORD : CONF_TOKEN_WRONG;
	} else if (c == '{' || c == '}' || c == '=' || c == ',') {
		token.kind = c == '{'   ? CONF_TOKEN_OPEN
		             : c == '}' ? CONF_TOKEN_CLOSE
		             : c == '=' ? CONF_TOKEN_EQUALS
		                        : CONF_TOKEN_COMMA;
		lex->at++;
	} else {
		lex->wrong = why_no_token(c);
	}
	token.end = lex->at;
	return token;
}

size_t conf_lex_unquote(const char *token, size_t length, char *out)
{
	char quote = length > 0 && (token[0] == '"' || token[0] == '\'') ? token[0] : '\0';
	size_t used = 0;

	for (size_t i = quote != '\0'; i + (quote != '\0') < length; i++) {
		char next = i + 1 < length ? token[i + 1] : '\0';

		if (quote != '\0' && token[i] == '\\' &&
		    (next == quote || next == '\\' || (next == '$' && quote == '"')))
			i++;
		out[used++] = token[i];
	}
	out[used] = '\0';
	return used;
}

const char *conf_lex_kind_name(enum conf_token_kind kind)
{
	static const char *const names[] = {
		[CONF_TOKEN_END] = "the end of the file",
		[CONF_TOKEN_WORD] = "a word",
		[CONF_TOKEN_STRING] = "a string",
		[CONF_TOKEN_OPEN] = "an opening brace",
		[CONF_TOKEN_CLOSE] = "a closing brace",
		[CONF_TOKEN_EQUALS] = "an equals sign",
		[CONF_TOKEN_COMMA] = "a comma",
		[CONF_TOKEN_WRONG] = "something else",
	};

	return names[kind];
}

void conf_lex_quote(struct buf *out, const char *text)
{
	buf_append(out, "\"", 1);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\' || (text[0] == '$' && text[1] == '{'))
			buf_append(out, "\\", 1);
		buf_append(out, text, 1);
	}
	buf_append(out, "\"", 1);
}
