/*
 * Arguments with more than one part: quoted names, ranges, what a checksum is asked of, host names.
 *
 * Front only; pure text.  Nothing is looked up and nothing is resolved here.
 */
#ifndef FTP_ARGS_H
#define FTP_ARGS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Take the first word off *text: up to a blank, or between double quotes, in which a doubled quote
 * is a quote.  Works in place; *text is then what follows the blanks behind it.  NULL at the end of
 * the text, and for a quote that is not closed or closed in the middle of a word.
 */
char *ftp_args_word(char **text);
/* The whole text as one name: if it is one quoted word, without its quotes.  In place. */
char *ftp_args_name(char *text);

/* Bytes of a file: from start on, so many of them; FTP_ARGS_ALL: to the end. */
#define FTP_ARGS_ALL UINT64_MAX
struct ftp_args_range {
	uint64_t start; /* at most INT64_MAX */
	uint64_t bytes;
};

/*
 * "<first> <last>" of RANG, both inclusive; "1 0" is all of the file (draft-bryan-ftp-range 3).
 * False, with all of the file, when it is neither.
 */
bool ftp_args_rang(const char *text, struct ftp_args_range *out);

/* "<start> <end>" of XCRC and its kin, the end not included.  False when it is not that. */
bool ftp_args_span(const char *text, struct ftp_args_range *out);

/*
 * Split "<name>" or "<name> <start> <end>", the name in quotes or not.  In place.  False for quotes
 * that do not match.  A name without quotes may itself end in numbers: numbers[-1] is where the
 * blank was that is now its end.  Whether they are a span is not looked at.
 */
struct ftp_args_checksum {
	char *name;
	char *numbers; /* NULL: none */
	bool quoted;
};
bool ftp_args_checksum(char *text, struct ftp_args_checksum *out);

/* RFC 7151 3: a host name, an IPv4 address or [an IPv6 address]; no port. */
bool ftp_args_is_host(const char *text);
/* A language tag (RFC 5646, as far as RFC 2640 knows it): letters, then subtags behind hyphens. */
bool ftp_args_is_language(const char *text);

#endif
