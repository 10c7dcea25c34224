#include "server/ftp/ftp_parse.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/base/secret.h"

/* RFC 854. */
enum telnet {
	TELNET_SE = 240,
	TELNET_IP = 244,
	TELNET_SB = 250,
	TELNET_WILL = 251,
	TELNET_WONT = 252,
	TELNET_DO = 253,
	TELNET_DONT = 254,
	TELNET_IAC = 255,
};

#define TLS_HANDSHAKE 0x16 /* content type of a ClientHello's record */
#define BAD_BYTE      0    /* stands for a CR that ended nothing; NUL itself is as bad */

void ftp_parse_init(struct ftp_parse *parse)
{
	*parse = (struct ftp_parse){ .state = FTP_PARSE_TEXT };
}

void ftp_parse_clear(struct ftp_parse *parse)
{
	if (parse->block != NULL)
		secret_wipe(parse->block, FTP_INPUT_BYTES);
	free(parse->block);
	ftp_parse_init(parse);
}

static void compact(struct ftp_parse *parse)
{
	size_t length = parse->end - parse->start;

	if (parse->start == 0)
		return;
	memmove(parse->block, parse->block + parse->start, length);
	secret_wipe(parse->block + length, parse->start);
	if (parse->interrupted)
		parse->interrupt -= parse->start;
	parse->start = 0;
	parse->end = length;
}

bool ftp_parse_has_room(const struct ftp_parse *parse)
{
	return parse->block == NULL || parse->end - parse->start < FTP_INPUT_BYTES;
}

uint8_t *ftp_parse_reserve(struct ftp_parse *parse, size_t *room_out)
{
	if (parse->block == NULL) {
		parse->block = malloc(FTP_INPUT_BYTES);
		if (parse->block == NULL)
			return NULL;
		parse->start = 0;
		parse->end = 0;
	}
	compact(parse);
	*room_out = FTP_INPUT_BYTES - parse->end;
	return *room_out > 0 ? parse->block + parse->end : NULL;
}

/*
 * One byte of a line.  A line is stored up to one byte more than allowed: that byte is how its
 * reader knows, and the rest of it is dropped.
 */
static bool store(struct ftp_parse *parse, uint8_t byte)
{
	if (parse->partial > FTP_LINE_MAX_BYTES)
		return false;
	parse->block[parse->end++] = byte;
	parse->partial++;
	return true;
}

static void end_line(struct ftp_parse *parse)
{
	if (parse->state == FTP_PARSE_CR && parse->cr_stored)
		parse->end--;
	parse->block[parse->end++] = '\n';
	parse->partial = 0;
	parse->state = FTP_PARSE_TEXT;
}

static void take_text(struct ftp_parse *parse, uint8_t byte)
{
	if (byte == '\n') {
		end_line(parse);
		return;
	}
	if (parse->state == FTP_PARSE_CR) {
		parse->state = FTP_PARSE_TEXT;
		if (byte == '\0') /* CR NUL is how Telnet writes a CR (RFC 2640 3.1) */
			return;
		if (parse->cr_stored)
			parse->block[parse->end - 1] = BAD_BYTE;
	}
	if (byte == TELNET_IAC) {
		parse->state = FTP_PARSE_IAC;
		return;
	}
	if (byte == '\r') {
		parse->cr_stored = store(parse, byte);
		parse->state = FTP_PARSE_CR;
		return;
	}
	store(parse, byte);
}

static void take_telnet(struct ftp_parse *parse, uint8_t byte)
{
	parse->state = FTP_PARSE_TEXT;
	switch (byte) {
	case TELNET_IAC:
		store(parse, byte);
		break;
	case TELNET_IP:
		if (parse->partial == 0) {
			parse->interrupt = parse->end;
			parse->interrupted = true;
		}
		break;
	case TELNET_SB:
		parse->state = FTP_PARSE_SB;
		break;
	case TELNET_WILL:
	case TELNET_WONT:
	case TELNET_DO:
	case TELNET_DONT:
		parse->option_verb = byte;
		parse->state = FTP_PARSE_OPTION;
		break;
	default:
		break;
	}
}

/* RFC 1123 3.2.1: an option that is not supported must be refused; agreement needs no answer. */
static void refuse_option(const struct ftp_parse *parse, uint8_t option, struct buf *replies)
{
	uint8_t answer[3] = { TELNET_IAC, TELNET_DONT, option };

	if (parse->option_verb == TELNET_WONT || parse->option_verb == TELNET_DONT)
		return;
	if (parse->option_verb == TELNET_DO)
		answer[1] = TELNET_WONT;
	buf_append(replies, answer, sizeof(answer));
}

void ftp_parse_commit(struct ftp_parse *parse, size_t n, struct buf *replies)
{
	/* In place: what is stored never overtakes what is read, one byte at most for each. */
	const uint8_t *raw = parse->block + parse->end;

	for (size_t i = 0; i < n; i++) {
		uint8_t byte = raw[i];

		switch (parse->state) {
		case FTP_PARSE_TEXT:
		case FTP_PARSE_CR:
			take_text(parse, byte);
			break;
		case FTP_PARSE_IAC:
			take_telnet(parse, byte);
			break;
		case FTP_PARSE_OPTION:
			refuse_option(parse, byte, replies);
			parse->state = FTP_PARSE_TEXT;
			break;
		case FTP_PARSE_SB:
			if (byte == TELNET_IAC)
				parse->state = FTP_PARSE_SB_IAC;
			break;
		case FTP_PARSE_SB_IAC:
			parse->state = byte == TELNET_SE ? FTP_PARSE_TEXT : FTP_PARSE_SB;
			break;
		}
	}
	secret_wipe(parse->block + parse->end, (size_t)(raw + n - (parse->block + parse->end)));
}

size_t ftp_parse_export(const struct ftp_parse *parse, uint8_t *out)
{
	size_t n = 0;

	for (size_t i = parse->start; parse->block != NULL && i < parse->end; i++) {
		out[n++] = parse->block[i];
		if (parse->block[i] == TELNET_IAC)
			out[n++] = TELNET_IAC;
	}
	if (parse->state == FTP_PARSE_TEXT || parse->state == FTP_PARSE_CR)
		return n;
	out[n++] = TELNET_IAC;
	if (parse->state == FTP_PARSE_OPTION)
		out[n++] = parse->option_verb;
	else if (parse->state != FTP_PARSE_IAC)
		out[n++] = TELNET_SB;
	if (parse->state == FTP_PARSE_SB_IAC)
		out[n++] = TELNET_IAC;
	return n;
}

bool ftp_parse_import(struct ftp_parse *parse, const uint8_t *bytes, size_t n, struct buf *replies)
{
	while (n > 0) {
		size_t room = 0;
		uint8_t *to = ftp_parse_reserve(parse, &room);

		if (to == NULL)
			return false;
		if (room > n)
			room = n;
		memcpy(to, bytes, room);
		ftp_parse_commit(parse, room, replies);
		bytes += room;
		n -= room;
	}
	return true;
}

enum ftp_line ftp_parse_peek(
    const struct ftp_parse *parse, const uint8_t **bytes_out, size_t *n_out)
{
	const uint8_t *line;
	const uint8_t *newline;
	size_t length;

	if (parse->block == NULL)
		return FTP_LINE_NONE;
	line = parse->block + parse->start;
	newline = memchr(line, '\n', parse->end - parse->start);
	if (newline == NULL)
		return FTP_LINE_NONE;
	length = (size_t)(newline - line);
	*bytes_out = line;
	*n_out = length;
	if (length > FTP_LINE_MAX_BYTES)
		return FTP_LINE_TOO_LONG;
	if (memchr(line, BAD_BYTE, length) != NULL)
		return FTP_LINE_BAD;
	return FTP_LINE_READY;
}

void ftp_parse_take(struct ftp_parse *parse)
{
	uint8_t *line = parse->block + parse->start;
	const uint8_t *newline = memchr(line, '\n', parse->end - parse->start);
	size_t length = (size_t)(newline - line) + 1;

	secret_wipe(line, length);
	parse->start += length;
	if (parse->interrupted && parse->interrupt < parse->start)
		parse->interrupted = false;
	if (parse->start == parse->end && !parse->interrupted) {
		free(parse->block);
		parse->block = NULL;
	}
}

bool ftp_parse_promote(struct ftp_parse *parse)
{
	uint8_t line[FTP_LINE_MAX_BYTES + 2];
	const uint8_t *newline;
	uint8_t *at;
	size_t length;

	if (!parse->interrupted || parse->block == NULL)
		return false;
	at = parse->block + parse->interrupt;
	newline = memchr(at, '\n', parse->end - parse->interrupt);
	if (newline == NULL)
		return false;
	length = (size_t)(newline - at) + 1;
	memcpy(line, at, length);
	memmove(parse->block + parse->start + length, parse->block + parse->start,
	    parse->interrupt - parse->start);
	memcpy(parse->block + parse->start, line, length);
	secret_wipe(line, length);
	parse->interrupted = false;
	return true;
}

bool ftp_parse_ends_with(const struct ftp_parse *parse, const char *word)
{
	size_t length = strlen(word);
	size_t waiting = parse->end - parse->start;
	const char *at;

	if (parse->block == NULL || waiting < length + 1)
		return false;
	at = (const char *)parse->block + parse->end - length - 1;
	return at[length] == '\n' && strncasecmp(at, word, length) == 0 &&
	       (waiting == length + 1 || at[-1] == '\n');
}

bool ftp_parse_is_empty(const struct ftp_parse *parse)
{
	return (parse->block == NULL || parse->start == parse->end) && parse->state == FTP_PARSE_TEXT;
}

bool ftp_parse_is_tls(const struct ftp_parse *parse)
{
	return parse->block != NULL && parse->start < parse->end &&
	       parse->block[parse->start] == TLS_HANDSHAKE;
}

void ftp_parse_split(char *line, size_t n, char *verb_out, size_t verb_bytes, char **argument_out)
{
	char *space = memchr(line, ' ', n);
	size_t length = space != NULL ? (size_t)(space - line) : n;

	*argument_out = space != NULL ? space + 1 : line + n;
	verb_out[0] = '\0';
	if (length == 0 || length >= verb_bytes)
		return;
	for (size_t i = 0; i < length; i++) {
		char c = line[i];

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		/* P@SW is what a firewall's helper made of PASV once, and clients since. */
		if ((c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '@') {
			verb_out[0] = '\0';
			return;
		}
		verb_out[i] = c;
		verb_out[i + 1] = '\0';
	}
}
