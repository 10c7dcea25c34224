#include "server/clerk_log.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/text.h"

#define TEXT_MAX_BYTES    (4 * EVENT_MAX_BYTES + 1) /* each byte as \xHH */
#define DIGITS_MAX        20 /* of a number of 64 bits */
#define SYSLOG_DAEMON     (3 << 3)
#define SYSLOG_HEAD_BYTES 64
#define WAITING_BYTES     32768 /* of lines, before they are written though more may come */
#define WRITE_TURNS_MAX   64 /* pieces of one line, into a pipe that has little room at a time */

static_assert((int)EVENT_FIELD_COUNT <= 64, "fields seen are a mask of 64 bits");

struct clerk_log {
	enum conf_log_format format;
	enum clerk_log_kind kind;
	int fd;
	bool is_file; /* never waits */
	bool stalled; /* the last write found no room: do not wait again */
	bool torn;    /* half a line is out: start the next on a line of its own */
	bool lost;
	uint64_t dropped; /* since the last report */
	uint64_t lines_lost, reports;
	struct buf line;
	struct buf waiting; /* whole lines for a file, written together */
};

/* --- one line ------------------------------------------------------------------------------- */

/* Fields of the line before the event's own; yields those in order. */
struct line_writer {
	enum conf_log_format format;
	struct buf *out;
};

/* Escaped text (text_escape) is UTF-8 without control characters: two bytes are left that JSON minds. */
static void put_json_text(struct buf *out, const char *text)
{
	buf_append_string(out, "\"");
	for (;;) {
		size_t plain = strcspn(text, "\"\\");

		buf_append(out, text, plain);
		text += plain;
		if (*text == '\0')
			break;
		buf_append(out, (const char[]){ '\\', *text++ }, 2);
	}
	buf_append_string(out, "\"");
}

/* What stands before a value. */
static void put_name(const struct line_writer *writer, const char *name)
{
	const bool first = buf_length(writer->out) == 0;

	if (writer->format == CONF_LOG_JSON) {
		buf_append_string(writer->out, first ? "{\"" : ",\"");
		buf_append_string(writer->out, name);
		buf_append_string(writer->out, "\":");
		return;
	}
	if (!first)
		buf_append_string(writer->out, " ");
	buf_append_string(writer->out, name);
	buf_append_string(writer->out, "=");
}

static bool logfmt_needs_quotes(const char *text)
{
	return text[0] == '\0' || strpbrk(text, " \"=") != NULL;
}

static void put_text(struct line_writer *writer, const char *name, const char *text)
{
	put_name(writer, name);
	if (writer->format == CONF_LOG_JSON) {
		put_json_text(writer->out, text);
		return;
	}
	if (!logfmt_needs_quotes(text)) {
		buf_append_string(writer->out, text);
		return;
	}
	/* Backslashes are doubled already (text_escape), so \" means one thing only. */
	buf_append_string(writer->out, "\"");
	for (; *text != '\0'; text++)
		buf_appendf(writer->out, *text == '"' ? "\\%c" : "%c", *text);
	buf_append_string(writer->out, "\"");
}

static void put_number(struct line_writer *writer, const char *name, uint64_t number)
{
	char digits[DIGITS_MAX];
	size_t start = sizeof(digits);

	/* Most readers of JSON know no greater numbers. */
	if (writer->format == CONF_LOG_JSON && number > INT64_MAX)
		number = INT64_MAX;
	do
		digits[--start] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	put_name(writer, name);
	buf_append(writer->out, digits + start, sizeof(digits) - start);
}

/* Which fields the event brings, as a mask; false when it is malformed or brings one twice. */
static bool scan_fields(struct wire_blob fields, uint64_t *seen)
{
	struct event_reader reader = { .bytes = fields.bytes, .left = fields.length };
	struct event_value value;
	int more;

	*seen = 0;
	while ((more = event_next(&reader, &value)) > 0) {
		uint64_t bit = UINT64_C(1) << value.field;

		if (*seen & bit)
			return false;
		*seen |= bit;
	}
	return more == 0;
}

static void put_fields(struct line_writer *writer, struct wire_blob fields, char *scratch)
{
	struct event_reader reader = { .bytes = fields.bytes, .left = fields.length };
	struct event_value value;

	while (event_next(&reader, &value) > 0) {
		const char *name = event_field_name(value.field);

		if (event_field_kind(value.field) == EVENT_KIND_NUMBER) {
			put_number(writer, name, value.number);
			continue;
		}
		text_escape(scratch, TEXT_MAX_BYTES, value.text, value.text_length);
		put_text(writer, name, scratch);
	}
}

static void put_head(struct line_writer *writer, const struct clerk_log_line *line, uint64_t seen)
{
	struct timespec when = {
		.tv_sec = line->seconds,
		.tv_nsec = (long)line->milliseconds * 1000000L,
	};
	char text[CLERK_TITLE_MAX * 4 + 1];

	clock_rfc3339(when, text);
	put_text(writer, "time", text);
	put_text(writer, "event", event_name(line->event));
	put_text(writer, "level", event_level_name(event_level(line->event)));
	text_escape(text, sizeof(text), line->role, strlen(line->role));
	if ((seen & (UINT64_C(1) << EVENT_FIELD_ROLE)) == 0)
		put_text(writer, event_field_name(EVENT_FIELD_ROLE), text);
	if ((seen & (UINT64_C(1) << EVENT_FIELD_PID)) == 0)
		put_number(writer, event_field_name(EVENT_FIELD_PID), (uint64_t)line->pid);
	if ((seen & (UINT64_C(1) << EVENT_FIELD_SEQ)) == 0)
		put_number(writer, event_field_name(EVENT_FIELD_SEQ), line->seq);
}

bool clerk_log_format(
    struct buf *out, enum conf_log_format format, const struct clerk_log_line *line)
{
	struct line_writer writer = { .format = format, .out = out };
	char *scratch = NULL;
	uint64_t seen;

	if (!scan_fields(line->fields, &seen))
		return false;
	scratch = malloc(TEXT_MAX_BYTES);
	if (scratch == NULL)
		return false;
	put_head(&writer, line, seen);
	put_fields(&writer, line->fields, scratch);
	buf_append_string(out, format == CONF_LOG_JSON ? "}\n" : "\n");
	free(scratch);
	return !out->failed;
}

/* --- the target ----------------------------------------------------------------------------- */

struct clerk_log *clerk_log_new(void)
{
	struct clerk_log *log = calloc(1, sizeof(*log));

	if (log == NULL)
		return NULL;
	log->fd = -1;
	buf_init(&log->line, CLERK_LOG_LINE_MAX_BYTES);
	buf_init(&log->waiting, WAITING_BYTES + CLERK_LOG_LINE_MAX_BYTES);
	return log;
}

void clerk_log_free(struct clerk_log **log)
{
	if (*log == NULL)
		return;
	clerk_log_flush(*log);
	io_close(&(*log)->fd);
	buf_clear(&(*log)->line);
	buf_clear(&(*log)->waiting);
	free(*log);
	*log = NULL;
}

void clerk_log_set_format(struct clerk_log *log, enum conf_log_format format)
{
	log->format = format;
}

void clerk_log_set_target(struct clerk_log *log, int fd, enum clerk_log_kind kind)
{
	clerk_log_flush(log);
	io_close(&log->fd);
	log->fd = fd;
	log->kind = kind;
	/* A file has no reader to wait for; whatever has one cannot be sought in. */
	log->is_file = fd >= 0 && lseek(fd, 0, SEEK_CUR) >= 0;
	log->stalled = log->torn = log->lost = false;
}

static ssize_t write_once(const struct clerk_log *log, const void *bytes, size_t n)
{
	if (log->kind == CLERK_LOG_PLAIN)
		return io_write(log->fd, bytes, n);
	return send(log->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Is there room to write?  Waits for it once; a target that stalled is only asked. */
static bool has_room(struct clerk_log *log)
{
	struct pollfd target = { .fd = log->fd, .events = POLLOUT };

	if (log->is_file || poll(&target, 1, log->stalled ? 0 : CLERK_LOG_WAIT_MS) > 0)
		return true;
	log->stalled = true;
	return false;
}

/* How much of it was written; after a part of a line, the next starts with a newline. */
static size_t write_plain(struct clerk_log *log, const uint8_t *bytes, size_t n)
{
	size_t done = 0;

	/* The end of half a line, before anything else. */
	if (log->torn && (!has_room(log) || write_once(log, "\n", 1) != 1))
		return 0;
	log->torn = false;
	for (int turn = 0; turn < WRITE_TURNS_MAX && done < n && has_room(log); turn++) {
		ssize_t got = write_once(log, bytes + done, n - done);

		if (got < 0 && errno != EAGAIN)
			break;
		if (got > 0)
			done += (size_t)got;
	}
	log->torn = done > 0 && bytes[done - 1] != '\n';
	return done;
}

static void count_dropped(struct clerk_log *log)
{
	log->dropped++;
	log->lines_lost++;
}

void clerk_log_flush(struct clerk_log *log)
{
	const uint8_t *bytes = buf_bytes(&log->waiting);
	const size_t n = buf_length(&log->waiting);

	if (n == 0)
		return;
	for (size_t i = write_plain(log, bytes, n); i < n; i++)
		if (bytes[i] == '\n')
			count_dropped(log);
	buf_reset(&log->waiting);
}

/* A file takes many lines for the price of one.  What was dropped is reported at once, or the count would be lost. */
static bool write_later(struct clerk_log *log, const uint8_t *bytes, size_t n)
{
	if (!log->is_file || log->dropped > 0)
		return false;
	if (buf_length(&log->waiting) >= WAITING_BYTES)
		clerk_log_flush(log);
	return log->dropped == 0 && buf_append(&log->waiting, bytes, n);
}

/* RFC 3164's local form: priority and tag, no time, no newline. */
static bool write_syslog(
    struct clerk_log *log, const struct clerk_log_line *line, const uint8_t *bytes, size_t n)
{
	static const int severities[] = {
		[EVENT_LEVEL_INFO] = 6, [EVENT_LEVEL_WARNING] = 4, [EVENT_LEVEL_ERROR] = 3
	};
	char head[SYSLOG_HEAD_BYTES];
	struct iovec parts[2] = { { .iov_base = head } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	int length = snprintf(head, sizeof(head),
	    "<%d>transomd[%ld]: ", SYSLOG_DAEMON | severities[event_level(line->event)],
	    (long)line->pid);

	parts[0].iov_len = (size_t)length;
	/* sendmsg only reads it; struct iovec has no const. */
	parts[1].iov_base = (void *)(uintptr_t)bytes;
	parts[1].iov_len = n - 1;
	if (!has_room(log))
		return false;
	if (sendmsg(log->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	if (errno != EAGAIN && errno != EMSGSIZE && errno != ENOBUFS)
		log->lost = true;
	return false;
}

static bool write_out(struct clerk_log *log, const struct clerk_log_line *line)
{
	const uint8_t *bytes = buf_bytes(&log->line);
	size_t n = buf_length(&log->line);

	if (log->fd < 0)
		return false;
	if (log->kind == CLERK_LOG_SYSLOG)
		return write_syslog(log, line, bytes, n);
	if (write_later(log, bytes, n))
		return true;
	clerk_log_flush(log);
	return write_plain(log, bytes, n) == n;
}

/* The log works again: say what is missing, in front of the line that found out. */
static bool report_dropped(struct clerk_log *log, const struct clerk_log_line *line)
{
	struct event event;
	struct clerk_log_line report = *line;

	if (log->dropped == 0)
		return true;
	event_init(&event, EVENT_LOG_DROPPED);
	event_number(&event, EVENT_FIELD_LINES, log->dropped);
	report.event = EVENT_LOG_DROPPED;
	report.role = "clerk";
	report.pid = getpid();
	report.seq = 0;
	report.fields = (struct wire_blob){ .bytes = event.fields, .length = event.length };
	buf_reset(&log->line);
	if (!clerk_log_format(&log->line, log->format, &report) || !write_out(log, &report))
		return false;
	log->dropped = 0;
	log->reports++;
	return true;
}

bool clerk_log_write(struct clerk_log *log, const struct clerk_log_line *line)
{
	uint64_t seen;

	if (!scan_fields(line->fields, &seen))
		return false;
	if (!report_dropped(log, line)) {
		count_dropped(log);
		return true;
	}
	buf_reset(&log->line);
	if (!clerk_log_format(&log->line, log->format, line) || !write_out(log, line)) {
		count_dropped(log);
		return true;
	}
	log->stalled = false;
	return true;
}

uint64_t clerk_log_lines_lost(const struct clerk_log *log)
{
	return log->lines_lost;
}

uint64_t clerk_log_reports(const struct clerk_log *log)
{
	return log->reports;
}

bool clerk_log_lost(struct clerk_log *log)
{
	bool lost = log->lost;

	log->lost = false;
	return lost;
}
