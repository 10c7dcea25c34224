#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/clerk_log.h"

/* 2026-11-20T10:26:31.042Z */
#define WHEN 1795170391

static struct clerk_log_line line_of(const struct event *event)
{
	return (struct clerk_log_line){
		.seconds = WHEN,
		.milliseconds = 42,
		.event = event->id,
		.role = "guard",
		.pid = 4711,
		.seq = 3,
		.fields = { .bytes = event->fields, .length = event->length },
	};
}

/* The line as a string; "" when it cannot be formatted. */
static const char *format(char out[CLERK_LOG_LINE_MAX_BYTES], enum conf_log_format kind,
    const struct clerk_log_line *line)
{
	struct buf buf;

	buf_init(&buf, CLERK_LOG_LINE_MAX_BYTES - 1);
	out[0] = '\0';
	if (clerk_log_format(&buf, kind, line)) {
		memcpy(out, buf_bytes(&buf), buf_length(&buf));
		out[buf_length(&buf)] = '\0';
	}
	buf_clear(&buf);
	return out;
}

static char text[CLERK_LOG_LINE_MAX_BYTES];

Test(clerk_log, json_has_time_event_level_sender_and_fields_in_order)
{
	struct event event;
	struct clerk_log_line line;

	event_init(&event, EVENT_UPLOAD);
	event_text(&event, EVENT_FIELD_USER, "alice");
	event_text(&event, EVENT_FIELD_PATH, "/a b");
	event_number(&event, EVENT_FIELD_BYTES, 12);
	line = line_of(&event);
	cr_assert_str_eq(format(text, CONF_LOG_JSON, &line),
	    "{\"time\":\"2026-11-20T10:26:31.042Z\",\"event\":\"upload\",\"level\":\"info\","
	    "\"role\":\"guard\",\"pid\":4711,\"seq\":3,\"user\":\"alice\",\"path\":\"/a "
	    "b\",\"bytes\":12}\n");
}

Test(clerk_log, logfmt_quotes_what_needs_it)
{
	struct event event;
	struct clerk_log_line line;

	event_init(&event, EVENT_LOGIN_FAILED);
	event_text(&event, EVENT_FIELD_USER, "a \"b\"=c\\");
	event_text(&event, EVENT_FIELD_PATH, "/plain");
	event_number(&event, EVENT_FIELD_STATUS, 70);
	line = line_of(&event);
	cr_assert_str_eq(format(text, CONF_LOG_LOGFMT, &line),
	    "time=2026-11-20T10:26:31.042Z event=login-failed level=warning role=guard pid=4711 "
	    "seq=3 "
	    "user=\"a \\\"b\\\"=c\\\\\" path=/plain status=70\n");
}

Test(clerk_log, the_events_own_role_and_pid_win)
{
	struct event event;
	struct clerk_log_line line;

	event_init(&event, EVENT_CRASH);
	event_text(&event, EVENT_FIELD_ROLE, "front");
	event_number(&event, EVENT_FIELD_PID, 99);
	line = line_of(&event);
	cr_assert_str_eq(format(text, CONF_LOG_LOGFMT, &line),
	    "time=2026-11-20T10:26:31.042Z event=crash level=error seq=3 role=front pid=99\n");
}

Test(clerk_log, strangers_text_stays_on_one_line_and_in_its_field)
{
	static const char *const nasty[] = { "a\nb", "\x1b]0;title\x07", "\"},{\"event\":\"login\"",
		"\xff\xfe", "\r\n226 done", "x\x7f", "\\x41", "na\xc3\xafve", "\xe2\x28\xa1" };

	for (size_t i = 0; i < sizeof(nasty) / sizeof(nasty[0]); i++) {
		for (int kind = CONF_LOG_JSON; kind <= CONF_LOG_LOGFMT; kind++) {
			struct event event;
			struct clerk_log_line line;
			const char *made;
			json_t *parsed;

			event_init(&event, EVENT_LOGIN_FAILED);
			event_text(&event, EVENT_FIELD_USER, nasty[i]);
			line = line_of(&event);
			made = format(text, (enum conf_log_format)kind, &line);
			cr_assert_eq(strchr(made, '\n'), made + strlen(made) - 1);
			for (const char *c = made; c[1] != '\0'; c++)
				cr_assert((unsigned char)*c >= 0x20 && *c != 0x7f);
			if (kind != CONF_LOG_JSON)
				continue;
			parsed = json_loads(made, JSON_REJECT_DUPLICATES, NULL);
			cr_assert_not_null(parsed, "%s", made);
			cr_assert_str_eq(
			    json_string_value(json_object_get(parsed, "event")), "login-failed");
			cr_assert_eq(json_object_size(parsed), 7);
			json_decref(parsed);
		}
	}
}

Test(clerk_log, every_event_and_the_longest_text_make_one_line)
{
	static char path[EVENT_MAX_BYTES];

	memset(path, 0x01, sizeof(path) - 1);
	for (int id = 0; id < EVENT_COUNT; id++) {
		for (int kind = CONF_LOG_JSON; kind <= CONF_LOG_LOGFMT; kind++) {
			struct event event;
			struct clerk_log_line line;
			const char *made;

			event_init(&event, (enum event_id)id);
			event_text(&event, EVENT_FIELD_PATH, path);
			line = line_of(&event);
			made = format(text, (enum conf_log_format)kind, &line);
			cr_assert_gt(strlen(made), 1000);
			cr_assert_eq(strchr(made, '\n'), made + strlen(made) - 1);
		}
	}
}

Test(clerk_log, malformed_or_repeated_fields_are_refused)
{
	struct clerk_log *log = clerk_log_new();
	struct event event;
	struct clerk_log_line line;

	event_init(&event, EVENT_LOGIN);
	event_text(&event, EVENT_FIELD_USER, "alice");
	event_text(&event, EVENT_FIELD_USER, "root");
	line = line_of(&event);
	cr_assert_str_eq(format(text, CONF_LOG_JSON, &line), "");
	cr_assert(!clerk_log_write(log, &line));
	event_init(&event, EVENT_LOGIN);
	event_text(&event, EVENT_FIELD_USER, "alice");
	for (size_t cut = 1; cut < event.length; cut++) {
		line = line_of(&event);
		line.fields.length = cut;
		cr_assert(!clerk_log_write(log, &line), "cut at %zu", cut);
	}
	clerk_log_free(&log);
}

/* --- targets --- */

static void write_login(struct clerk_log *log)
{
	struct event event;
	struct clerk_log_line line;

	event_init(&event, EVENT_LOGIN);
	line = line_of(&event);
	cr_assert(clerk_log_write(log, &line));
}

static size_t read_some(int fd)
{
	ssize_t got = read(fd, text, sizeof(text) - 1);

	text[got > 0 ? got : 0] = '\0';
	return got > 0 ? (size_t)got : 0;
}

Test(clerk_log, lines_that_could_not_be_written_are_counted_and_reported)
{
	struct clerk_log *log = clerk_log_new();
	int ends[2];

	cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	write_login(log); /* no target yet */
	clerk_log_set_target(log, open("/dev/full", O_WRONLY | O_CLOEXEC), CLERK_LOG_PLAIN);
	write_login(log);
	write_login(log);
	clerk_log_set_target(log, ends[1], CLERK_LOG_PLAIN);
	write_login(log);
	read_some(ends[0]);
	cr_assert_not_null(strstr(text, "\"event\":\"log-dropped\""));
	cr_assert_not_null(strstr(text, "\"lines\":3"));
	cr_assert_not_null(strstr(text, "\"event\":\"login\""));
	write_login(log);
	read_some(ends[0]);
	cr_assert_null(strstr(text, "log-dropped"), "reported once");
	cr_assert_eq(clerk_log_lines_lost(log), 3);
	cr_assert_eq(clerk_log_reports(log), 1);
	clerk_log_free(&log);
	close(ends[0]);
}

Test(clerk_log, lines_for_a_file_are_written_together_and_counted_when_they_are_not)
{
	struct clerk_log *log = clerk_log_new();
	int fd = memfd_create("log", MFD_CLOEXEC);

	clerk_log_set_target(log, dup(fd), CLERK_LOG_PLAIN);
	write_login(log);
	write_login(log);
	cr_assert_eq(pread(fd, text, sizeof(text), 0), 0, "not yet");
	clerk_log_flush(log);
	cr_assert_gt(pread(fd, text, sizeof(text), 0), 0);
	cr_assert_not_null(strstr(strchr(text, '\n'), "\"event\":\"login\""));
	for (int i = 0; i < 1000; i++)
		write_login(log);
	cr_assert_gt(lseek(fd, 0, SEEK_END), 65536, "many do not wait for the end");
	clerk_log_set_target(log, open("/dev/full", O_WRONLY | O_CLOEXEC), CLERK_LOG_PLAIN);
	for (int i = 0; i < 3; i++)
		write_login(log);
	clerk_log_flush(log);
	write_login(log);
	clerk_log_set_target(log, dup(fd), CLERK_LOG_PLAIN);
	cr_assert_eq(ftruncate(fd, 0), 0);
	cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
	write_login(log);
	clerk_log_flush(log);
	memset(text, 0, sizeof(text));
	cr_assert_gt(pread(fd, text, sizeof(text) - 1, 0), 0);
	cr_assert_not_null(strstr(text, "\"lines\":4"), "%s", text);
	clerk_log_free(&log);
	close(fd);
}

Test(clerk_log, a_reader_that_does_not_read_is_waited_for_once)
{
	struct clerk_log *log = clerk_log_new();
	char full[65536] = { 0 };
	int ends[2];
	int64_t start = clock_mono_ms();

	cr_assert_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	while (write(ends[1], full, sizeof(full)) > 0)
		;
	clerk_log_set_target(log, ends[1], CLERK_LOG_PLAIN);
	for (int i = 0; i < 5; i++)
		write_login(log);
	cr_assert_lt(clock_mono_ms() - start, 3 * CLERK_LOG_WAIT_MS);
	while (read_some(ends[0]) > 0)
		;
	write_login(log);
	read_some(ends[0]);
	cr_assert_not_null(strstr(text, "\"lines\":5"));
	clerk_log_free(&log);
	close(ends[0]);
}

Test(clerk_log, syslog_gets_priority_and_tag_and_tells_when_it_is_gone)
{
	struct clerk_log *log = clerk_log_new();
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
	clerk_log_set_format(log, CONF_LOG_LOGFMT);
	clerk_log_set_target(log, ends[1], CLERK_LOG_SYSLOG);
	write_login(log);
	read_some(ends[0]);
	cr_assert_str_eq(text,
	    "<30>transomd[4711]: time=2026-11-20T10:26:31.042Z event=login level=info "
	    "role=guard pid=4711 seq=3");
	cr_assert(!clerk_log_lost(log));
	close(ends[0]);
	write_login(log);
	cr_assert(clerk_log_lost(log));
	cr_assert(!clerk_log_lost(log), "told once");
	clerk_log_free(&log);
}
