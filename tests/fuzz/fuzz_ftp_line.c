/*
 * Lines of the control connection: Telnet, line ends, interrupts, split into verb and argument.
 * The first byte says in which pieces the rest arrives.
 */
#include <stdlib.h>
#include <string.h>

#include "server/ftp/ftp_commands.h"
#include "server/ftp/ftp_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void take_lines(struct ftp_parse *parse)
{
	const uint8_t *line;
	char copy[FTP_LINE_MAX_BYTES + 1];
	char verb[FTP_VERB_BYTES];
	char *argument;
	size_t n = 0;
	enum ftp_line kind;

	while ((kind = ftp_parse_peek(parse, &line, &n)) != FTP_LINE_NONE) {
		if (kind == FTP_LINE_READY) {
			memcpy(copy, line, n);
			copy[n] = '\0';
			ftp_commands_is_foreign(copy, n);
			ftp_parse_split(copy, n, verb, sizeof(verb), &argument);
			if (n > FTP_LINE_MAX_BYTES || strlen(argument) > n ||
			    strchr(copy, '\n') != NULL)
				abort();
		}
		ftp_parse_take(parse);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct ftp_parse parse;
	struct buf replies;
	size_t piece = length > 0 ? bytes[0] + 1u : 1;

	ftp_parse_init(&parse);
	buf_init(&replies, 65536);
	for (size_t at = 1; at < length;) {
		size_t room;
		uint8_t *to = ftp_parse_reserve(&parse, &room);
		size_t n = length - at < piece ? length - at : piece;

		n = n < room ? n : room;
		memcpy(to, bytes + at, n);
		ftp_parse_commit(&parse, n, &replies);
		at += n;
		ftp_parse_promote(&parse);
		if ((at & 1) == 0 || !ftp_parse_has_room(&parse))
			take_lines(&parse);
	}
	take_lines(&parse);
	ftp_parse_clear(&parse);
	buf_clear(&replies);
	return 0;
}
