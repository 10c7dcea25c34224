/*
 * Bytes of the control connection -> command lines.
 *
 * Front only.  Undoes Telnet (RFC 854) in place, finds line ends, keeps whole lines until the
 * engine takes them, so that a client may send commands ahead.  It knows no verb and answers
 * nothing but the refusal of Telnet options.  Memory: one block of FTP_INPUT_BYTES while anything
 * waits, else none; what was taken is wiped, since a line may hold a password.
 */
#ifndef FTP_PARSE_H
#define FTP_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/buf.h"
#include "server/ftp/ftp_limits.h"

/* Each byte as two, and an unfinished Telnet sequence. */
#define FTP_PARSE_EXPORT_BYTES (2 * FTP_INPUT_BYTES + 3)

enum ftp_parse_state {
	FTP_PARSE_TEXT,
	FTP_PARSE_CR, /* the last byte was CR */
	FTP_PARSE_IAC,
	FTP_PARSE_OPTION, /* after IAC DO, DONT, WILL or WONT */
	FTP_PARSE_SB,     /* inside a subnegotiation */
	FTP_PARSE_SB_IAC,
};

struct ftp_parse {
	uint8_t *block; /* heap, FTP_INPUT_BYTES; NULL while nothing waits */
	size_t start;   /* first byte of the first line */
	size_t end;
	size_t partial;   /* length of the unfinished line at the end */
	size_t interrupt; /* where the line after a Telnet IP starts */
	bool interrupted; /* interrupt is set */
	bool cr_stored;   /* FTP_PARSE_CR: the CR is the byte at end - 1 */
	uint8_t option_verb;
	enum ftp_parse_state state;
};

enum ftp_line {
	FTP_LINE_NONE, /* no whole line yet */
	FTP_LINE_READY,
	FTP_LINE_BAD, /* holds NUL or a CR without LF or NUL after it */
	FTP_LINE_TOO_LONG,
};

void ftp_parse_init(struct ftp_parse *parse);
/* Wipe and free. */
void ftp_parse_clear(struct ftp_parse *parse);

/* Is there a byte of room for ftp_parse_reserve to give? */
bool ftp_parse_has_room(const struct ftp_parse *parse);
/* Where to read to, and how much; NULL when full or out of memory. */
uint8_t *ftp_parse_reserve(struct ftp_parse *parse, size_t *room_out);
/* n bytes were read there.  Refusals of Telnet options are appended to replies. */
void ftp_parse_commit(struct ftp_parse *parse, size_t n, struct buf *replies);

/*
 * Everything that waits, as bytes that make another parser the same; how many (at most
 * FTP_PARSE_EXPORT_BYTES).  An unfinished Telnet sequence is among it; that an IP came is not.
 */
size_t ftp_parse_export(const struct ftp_parse *parse, uint8_t *out);
/* n bytes from there, into an empty parser: they fit.  False without memory. */
bool ftp_parse_import(struct ftp_parse *parse, const uint8_t *bytes, size_t n, struct buf *replies);

/* The first line without taking it; bytes are not NUL-terminated and good until the next call.  Of a
 * line that is bad or too long they are what was stored of it, of none they are not touched. */
enum ftp_line ftp_parse_peek(
    const struct ftp_parse *parse, const uint8_t **bytes_out, size_t *n_out);
/* Wipe the first line away; frees the block when it was the last byte. */
void ftp_parse_take(struct ftp_parse *parse);
/*
 * RFC 959 4.1.3: after Telnet IP one command is to be served ahead of what waits.  Moves the line
 * that followed the IP to the front; false when there was no IP or its line is not whole yet.
 */
bool ftp_parse_promote(struct ftp_parse *parse);
/* Is this word, in any case, the last whole line that waits, with nothing behind it? */
bool ftp_parse_ends_with(const struct ftp_parse *parse, const char *word);
/* Has the client sent nothing that was not taken, not even a part of a line? */
bool ftp_parse_is_empty(const struct ftp_parse *parse);
/* Does what waits start like a TLS handshake?  No FTP line starts with byte 0x16. */
bool ftp_parse_is_tls(const struct ftp_parse *parse);
/*
 * Split a line of n bytes at the first space into a verb in upper case (at most verb_bytes - 1
 * letters) and the argument: everything after that one space, spaces included.  An impossible verb
 * (too long, not letters, digits and '@') becomes "".
 */
void ftp_parse_split(char *line, size_t n, char *verb_out, size_t verb_bytes, char **argument_out);

#endif
