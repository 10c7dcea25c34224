#include "server/sftp/ssh_hints.h"

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define WROTE "ssh_channel_write wrote "

static bool says(const char *function, const char *line, const char *of, const char *words)
{
	/* The function too: lines of others repeat what a client wrote. */
	return strcmp(function, of) == 0 && strstr(line, words) != NULL;
}

static void take_written(struct ssh_hints *hints, const char *line)
{
	long bytes = strtol(strstr(line, WROTE) + strlen(WROTE), NULL, 10);

	if (bytes < hints->shortest_written)
		hints->shortest_written = bytes;
	if (bytes == 0 && hints->endless != NULL)
		hints->endless(hints->context);
}

static void take_line(int priority, const char *function, const char *line, void *userdata)
{
	struct ssh_hints *hints = userdata;

	(void)priority;
	if (hints == NULL || function == NULL)
		return;
	if (says(function, line, "ssh_packet_userauth_request", "Auth request for service"))
		hints->login_requests++;
	else if (says(function, line, "channel_rcv_data", "too big for our window"))
		hints->beyond_window = true;
	else if (says(function, line, "channel_write_common", WROTE))
		take_written(hints, line);
}

void ssh_hints_take(struct ssh_hints *hints)
{
	if (hints != NULL)
		hints->shortest_written = LONG_MAX;
	ssh_set_log_userdata(hints);
	ssh_set_log_callback(take_line);
	ssh_hints_attend(SSH_HINTS_QUIET);
}

void ssh_hints_attend(enum ssh_hints_attention attention)
{
	ssh_set_log_level(attention == SSH_HINTS_CLOSE ? SSH_LOG_PACKET : SSH_LOG_WARN);
}
