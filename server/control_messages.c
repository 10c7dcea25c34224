/* The requests of the control socket as lines, the socket's name, and the document. */
#include "server/control_messages.h"

#include <string.h>
#include <sys/socket.h>

#include "server/base/text.h"

#define CONTROL_ROW(name_, arguments_, help_) \
	[CONTROL_##name_] = { .name = #name_, .arguments = (arguments_), .help = (help_) },

static const struct {
	const char *name;
	size_t arguments;
	const char *help;
} rows[CONTROL_REQUEST_COUNT] = { CONTROL_REQUESTS(CONTROL_ROW) };

/* Cut the next word off; NULL at the end. */
static char *next_word(char **rest)
{
	char *word = *rest;
	char *end;

	if (word == NULL)
		return NULL;
	end = strchr(word, ' ');
	*rest = NULL;
	if (end != NULL) {
		*end = '\0';
		*rest = end + 1;
	}
	return word;
}

const char *control_request_parse(struct control_request *out, char *line, size_t length)
{
	char *rest = line;
	const char *word;
	size_t count = 0;
	unsigned id = 0;

	*out = (struct control_request){ .id = CONTROL_REQUEST_COUNT };
	if (!text_is_utf8(line, length) || text_has_control(line, length))
		return "a request is a line of text";
	word = next_word(&rest);
	while (id < CONTROL_REQUEST_COUNT && strcmp(rows[id].name, word) != 0)
		id++;
	if (id == CONTROL_REQUEST_COUNT)
		return "no such request";
	while ((word = next_word(&rest)) != NULL) {
		if (*word == '\0')
			return "one space between two words, and none at the end";
		if (count == rows[id].arguments)
			return "something too much behind the request";
		out->arguments[count++] = word;
	}
	if (count < rows[id].arguments)
		return "something is missing behind the request";
	out->id = (enum control_request_id)id;
	return NULL;
}

void control_address(struct sockaddr_un *out, const char *runtime_dir, int dir_fd)
{
	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!text_format(out->sun_path, sizeof(out->sun_path), "%s/" CONTROL_SOCKET_NAME, runtime_dir))
		text_format(out->sun_path, sizeof(out->sun_path),
		    "/proc/self/fd/%d/" CONTROL_SOCKET_NAME, dir_fd);
}

void control_messages_print(FILE *out)
{
	fprintf(out,
	    "# Control protocol\n\n"
	    "<!-- generated from server/control_messages.h by tables-print; make check compares -->\n\n"
	    "How `transomctl` asks the running server: over the stream socket `control` in `runtime_dir`. Only\n"
	    "root and the account that started the server may connect; the clerk answers (THREATS.md).\n\n"
	    "- A connection is one request: a line of at most %u bytes, `NAME [ARGUMENT ...]`, words of UTF-8\n"
	    "  with one space between them, and a newline.\n"
	    "- The answer is `ok`, a newline, and the body up to the end of the connection; or `error WHY` and\n"
	    "  a newline.\n"
	    "- A client has %u seconds to send its request, and as many to take the answer. %u are served at a\n"
	    "  time, more wait.\n\n"
	    "With socat, which comes with the first line of the answer:\n\n"
	    "    echo metrics | socat - UNIX-CONNECT:/run/transom/control\n\n"
	    "| request | arguments | answer |\n|---|---|---|\n",
	    CONTROL_LINE_MAX_BYTES, CONTROL_DEADLINE_MS / 1000, CONTROL_CONNECTIONS_MAX);
	for (unsigned i = 0; i < CONTROL_REQUEST_COUNT; i++)
		fprintf(out, "| `%s` | %zu | %s |\n", rows[i].name, rows[i].arguments, rows[i].help);
}
