#include "server/base/proctitle.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "server/base/text.h"

#define TITLE_MAX_BYTES 512

/* The argument area is the process's one and only; so is this.  start is NULL until init worked. */
static struct {
	char *start;
	size_t size;
} area;

/* Where a run of strings that lie one behind the other, starting at end, stops. */
static char *contiguous_end(char *end, char *const *strings)
{
	for (; *strings != NULL && *strings == end; strings++)
		end = *strings + strlen(*strings) + 1;
	return end;
}

/* Give every string a copy on the heap, in place.  On false some have one: harmless. */
static bool copy_strings(char **strings)
{
	for (; *strings != NULL; strings++) {
		char *copy = strdup(*strings);

		if (copy == NULL)
			return false;
		*strings = copy;
	}
	return true;
}

void proctitle_init(int argc, char **argv)
{
	char *start;
	char *end;
	char *name;

	if (argc < 1)
		return;
	start = argv[0];
	end = contiguous_end(start, argv);
	end = contiguous_end(end, environ);
	/* glibc keeps two pointers into argv[0] for its messages. */
	name = strdup(program_invocation_name);
	if (name == NULL || !copy_strings(argv) || !copy_strings(environ)) {
		free(name);
		return; /* the title stays as it is */
	}
	program_invocation_name = name;
	program_invocation_short_name = strrchr(name, '/') != NULL ? strrchr(name, '/') + 1 : name;
	area.start = start;
	area.size = (size_t)(end - start);
}

void proctitle_set(const char *format, ...)
{
	char title[TITLE_MAX_BYTES];
	size_t length;
	va_list args;

	va_start(args, format);
	vsnprintf(title, sizeof(title), format, args);
	va_end(args);
	length = strlen(title);
	for (size_t i = 0; i < length; i++)
		if (text_has_control(&title[i], 1))
			title[i] = '?';
	prctl(PR_SET_NAME, title, 0, 0, 0); /* the kernel takes the first 15 bytes */
	if (area.start == NULL)
		return;
	if (length > area.size - 1)
		length = area.size - 1;
	memcpy(area.start, title, length);
	memset(area.start + length, '\0', area.size - length);
}
