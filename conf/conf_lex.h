/*
 * The words of a configuration file, with their places.
 *
 * For conf_outline.c, and through it for the loader and for transomctl's edits.  It is stricter
 * than libConfuse's own lexer, which drops bytes that it does not know (`*.exe` becomes `.exe`),
 * expands
 * ${NAME} from the environment, lets a string run over many lines and ends values at \0.  What
 * conf_lex_next lets through, libConfuse reads the same way.
 */
#ifndef CONF_LEX_H
#define CONF_LEX_H

#include <stddef.h>

#include "server/base/buf.h"

enum conf_token_kind {
	CONF_TOKEN_END,
	CONF_TOKEN_WORD,   /* bare: letters, digits and _ - . / : @ % [ ] */
	CONF_TOKEN_STRING, /* "..." or '...', quotes included */
	CONF_TOKEN_OPEN,   /* { */
	CONF_TOKEN_CLOSE,  /* } */
	CONF_TOKEN_EQUALS,
	CONF_TOKEN_COMMA,
	CONF_TOKEN_WRONG, /* what is wrong is in conf_lex.wrong */
};

struct conf_token {
	enum conf_token_kind kind;
	size_t start;  /* offset of its first byte */
	size_t end;    /* offset behind its last one */
	unsigned line; /* counted from 1 */
};

struct conf_lex {
	const char *text; /* borrowed */
	size_t length;
	size_t at;
	unsigned line;
	const char *wrong; /* after CONF_TOKEN_WRONG: a static text, "what; what instead" */
};

/* Start at the beginning of length bytes; they may hold anything, NUL included. */
void conf_lex_init(struct conf_lex *lex, const char *text, size_t length);
/* The next token; comments and white space are skipped.  After END or WRONG it does not move on. */
struct conf_token conf_lex_next(struct conf_lex *lex);
/*
 * The value of a WORD or STRING token of length bytes, NUL-terminated, in out, which has room for
 * length + 1 bytes.  Returns its length.
 */
size_t conf_lex_unquote(const char *token, size_t length, char *out);
/* What a token is called in a message: "a closing brace". */
const char *conf_lex_kind_name(enum conf_token_kind kind);
/* Append text as a double-quoted string that reads back the same; buf's failed flag tells of
 * failure. */
void conf_lex_quote(struct buf *out, const char *text);

#endif
