#include "server/ftp/ftp_listargs.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static unsigned option_of(char letter)
{
	static const struct {
		char letter;
		unsigned option;
	} letters[] = {
		{ 'A', FTP_LIST_ALL },
		{ 'F', FTP_LIST_CLASSIFY },
		{ 'R', FTP_LIST_RECURSIVE },
		{ 'S', FTP_LIST_BY_SIZE },
		{ 'U', FTP_LIST_UNSORTED },
		{ 'a', FTP_LIST_ALL },
		{ 'd', FTP_LIST_DIRECTORY },
		{ 'f', FTP_LIST_UNSORTED | FTP_LIST_ALL },
		{ 'l', FTP_LIST_LONG },
		{ 'r', FTP_LIST_REVERSE },
		{ 't', FTP_LIST_BY_TIME },
	};

	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++) {
		if (letters[i].letter == letter)
			return letters[i].option;
	}
	return 0;
}

void ftp_listargs_parse(const char *argument, struct ftp_listargs *out)
{
	const char *p = argument;

	*out = (struct ftp_listargs){ .options = 0, .path = argument };
	/* A lone "-" is a name; "--" ends the options, so that a name may start with '-'. */
	while (p[0] == '-' && p[1] != '\0' && p[1] != ' ') {
		size_t length = strcspn(p, " ");
		bool last = length == 2 && p[1] == '-';

		for (size_t i = 1; i < length && p[1] != '-'; i++)
			out->options |= option_of(p[i]);
		p += length;
		p += strspn(p, " ");
		out->path = p;
		if (last)
			break;
	}
}
