/*
 * THE list of requests over the control socket: what transomctl asks the running server.
 *
 * The socket is a stream in runtime_dir, made by the master, answered by the clerk (clerk_control.c).  A connection is one
 * request: the client sends a line, reads the answer up to its end, and that is all.
 *
 *   request   NAME [ARGUMENT ...] LF, words of UTF-8 without control characters, one space between two
 *   answer    "ok" LF and a body, or "error WHY" LF
 *
 * R(name, arguments, help): so many arguments follow the name.  docs/CONTROL-PROTOCOL.md is printed from here.
 */
#ifndef SERVER_CONTROL_MESSAGES_H
#define SERVER_CONTROL_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/un.h>

#define CONTROL_SOCKET_NAME "control"
#define CONTROL_LINE_MAX_BYTES 4096u	/* a request, its newline included */
#define CONTROL_ANSWER_MAX_BYTES (4u << 20) /* a thousand certificates with long names */
#define CONTROL_ARGUMENTS_MAX 4u
#define CONTROL_CONNECTIONS_MAX 8u	/* at one time; more wait in the kernel */
#define CONTROL_DEADLINE_MS 5000	/* for the request to arrive, and again for the answer to be taken */
#define CONTROL_OK "ok\n"
#define CONTROL_ERROR "error "

/* clang-format off */
#define CONTROL_REQUESTS(R)										\
	R(metrics,	0, "Counters and gauges in the text format of OpenMetrics 1.0 (METRICS.md).")		\
	R(status,	0, "What a person wants to know: version, since when, sessions, certificates.")
/* clang-format on */

#define CONTROL_ENUM(name, arguments, help) CONTROL_##name,
enum control_request_id { CONTROL_REQUESTS(CONTROL_ENUM) CONTROL_REQUEST_COUNT };
#undef CONTROL_ENUM

struct control_request {
	enum control_request_id id;
	const char *arguments[CONTROL_ARGUMENTS_MAX]; /* as many as the row says; they point into the line */
};

/* Take a line apart, its newline already cut off; length bytes, and a NUL behind them.  NULL, or what is wrong with it. */
const char *control_request_parse(struct control_request *out, char *line, size_t length);

/*
 * The socket's address.  One in a directory whose path is too long for it (108 bytes) goes through dir_fd, an open
 * descriptor of that directory, and /proc.
 */
void control_address(struct sockaddr_un *out, const char *runtime_dir, int dir_fd);

/* Print docs/CONTROL-PROTOCOL.md (Markdown) from the table. */
void control_messages_print(FILE *out);

#endif
