/*
 * Log lines: one event becomes one line, JSON or logfmt, and one write.
 *
 * Clerk only.  Everything that strangers had a say in is escaped here, whoever sent it.  A log that cannot be
 * written (full disk, stuck reader) never stops the service: lines are counted and reported when it works again.
 */
#ifndef SERVER_CLERK_LOG_H
#define SERVER_CLERK_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "server/base/buf.h"
#include "server/clerk_messages.h"

#define CLERK_LOG_WAIT_MS 1000	/* for a reader that does not read, once; then lines drop at once */
#define CLERK_LOG_LINE_MAX_BYTES (8 * EVENT_MAX_BYTES)	/* every byte escaped twice */

/* What a line is made of. */
struct clerk_log_line {
	int64_t seconds;
	uint32_t milliseconds;
	enum event_id event;
	const char *role;		/* the sender's; the event's own ROLE and PID fields win */
	pid_t pid;
	uint64_t seq;			/* of the sender: a line that comes twice or not at all shows */
	struct wire_blob fields;	/* packed, as event_next reads them */
};

/* Append the line and its newline.  False when the fields are malformed or the buffer is too small. */
bool clerk_log_format(struct buf *out, enum conf_log_format format, const struct clerk_log_line *line);

struct clerk_log;

/* NULL when memory ran out.  Without a target nothing is written and lines count as dropped. */
struct clerk_log *clerk_log_new(void);
void clerk_log_free(struct clerk_log **log);
void clerk_log_set_format(struct clerk_log *log, enum conf_log_format format);
/* Write to fd from now on; owned. */
void clerk_log_set_target(struct clerk_log *log, int fd, enum clerk_log_kind kind);

/* Write a line, or count it as dropped.  False only when the fields are malformed.  A file may get it with the lines
 * after it: at the latest from clerk_log_flush, which belongs before anybody is told that it is there. */
bool clerk_log_write(struct clerk_log *log, const struct clerk_log_line *line);
void clerk_log_flush(struct clerk_log *log);
/* Lines that were lost so far, and how often that was reported (`log-dropped`). */
uint64_t clerk_log_lines_lost(const struct clerk_log *log);
uint64_t clerk_log_reports(const struct clerk_log *log);
/* Did the other side of a syslog socket go away?  Tells once for each target. */
bool clerk_log_lost(struct clerk_log *log);

#endif
