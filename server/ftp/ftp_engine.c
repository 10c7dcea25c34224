#include "server/ftp/ftp_engine.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/text.h"
#include "server/ftp/ftp_control.h"
#include "server/ftp/ftp_dispatch.h"
#include "server/ftp/ftp_rein.h"
#include "server/ftp/ftp_session.h"

#define GOODBYE_DRAIN_BYTES 65536
#define FAREWELL_BYTES      128

#define STOP_TEXT(name, text) [GUARD_STOP_##name] = (text),
static const char *const stop_texts[GUARD_STOP_COUNT] = { GUARD_STOPS(STOP_TEXT) };

enum { POLL_CONTROL, POLL_WALL, POLL_DATA, POLL_COUNT };

/* --- the guard
 * ------------------------------------------------------------------------------------ */

static void stop_now(struct ftp_session *session, enum guard_stop reason)
{
	const char *text = stop_texts[reason];

	ftp_transfer_abort(session, VFS_CANCELLED, FTP_REPLY_SERVER_STOPS, text);
	ftp_reply_text(session, FTP_REPLY_STOPPED, text);
	ftp_session_end(session,
	    reason == GUARD_STOP_LOGIN_TIMEOUT ? GUARD_BYE_LOGIN_TIMEOUT : GUARD_BYE_STOPPED);
}

static void take_guard_events(struct ftp_session *session)
{
	struct guard_client_event event;

	if (!session->guard_speaks && !guard_client_holds(session->guard))
		return;
	session->guard_speaks = false;
	/* One, and all that was put aside: of whatever else has come poll tells again. */
	do {
		if (!guard_client_next(session->guard, &event))
			return;
		if (!event.notice) {
			ftp_transfer_arrived(session, &event);
		} else if (event.number == GUARD_NOTICE_stop) {
			session->stop_reason = (enum guard_stop)event.note.stop.reason;
			session->stopping = true;
			if (event.note.stop.now != 0)
				stop_now(session, session->stop_reason);
		} else if (event.number == GUARD_NOTICE_ping) {
			const struct guard_req_pong pong = { .number = event.note.ping.number };

			guard_client_pong(session->guard, &pong, NULL, NULL);
		} else {
			io_close(&event.fd);
		}
	} while (guard_client_holds(session->guard));
}

/* --- time
 * ------------------------------------------------------------------------------------------ */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t next_deadline(const struct ftp_session *session)
{
	int64_t deadline = CLOCK_NEVER;

	if (ftp_control_has_output(session))
		deadline = session->out_progress_ms + session->start->conf->ftp.stall_timeout;
	if (ftp_security_is_shaking(session))
		deadline = earlier(deadline, session->security.deadline_ms);
	if (!ftp_transfer_is_on(session))
		deadline = earlier(deadline, session->command_ms + session->idle_timeout_ms);
	deadline = earlier(deadline, ftp_data_deadline(session));
	deadline = earlier(deadline, ftp_linger_deadline(&session->linger));
	return earlier(deadline, ftp_transfer_deadline(session));
}

static void check_deadlines(struct ftp_session *session)
{
	int64_t now = clock_mono_ms();

	if (next_deadline(session) > now)
		return;
	if (ftp_data_deadline(session) <= now)
		ftp_data_give_back(session);
	if (ftp_linger_deadline(&session->linger) <= now)
		ftp_linger_look(&session->linger);
	if (next_deadline(session) > now)
		return;
	if (ftp_security_is_shaking(session)) {
		ftp_security_too_slow(session);
		return;
	}
	if (ftp_transfer_deadline(session) <= now) {
		ftp_transfer_stalled(session);
		return;
	}
	if (ftp_control_has_output(session) &&
	    session->out_progress_ms + session->start->conf->ftp.stall_timeout <= now) {
		ftp_session_cut(session, GUARD_BYE_SLOW);
		return;
	}
	if (!ftp_transfer_is_on(session) && session->command_ms + session->idle_timeout_ms <= now) {
		ftp_reply_number(
		    session, FTP_REPLY_IDLE_TIMEOUT, (uint64_t)(session->idle_timeout_ms / 1000));
		ftp_session_end(session, GUARD_BYE_IDLE);
	}
}

/* --- the loop
 * ---------------------------------------------------------------------------------------- */

/* Everything that can be done without waiting. */
static void work(struct ftp_session *session)
{
	bool waiting = ftp_control_has_output(session);
	const uint8_t *line;
	size_t length;

	take_guard_events(session);
	do {
		ftp_dispatch_lines(session);
		if (!waiting && ftp_control_has_output(session)) {
			waiting = true;
			session->out_progress_ms = clock_mono_ms();
		}
		if (!session->abrupt)
			ftp_control_flush(session);
		/* A transfer that ended, or room that came, lets the next command through. */
	} while (ftp_dispatch_ready(session));
	if (session->ending || ftp_transfer_is_on(session))
		return;
	if (session->stopping)
		stop_now(session, session->stop_reason);
	else if (session->input_ended &&
	         ftp_parse_peek(&session->input, &line, &length) == FTP_LINE_NONE)
		ftp_session_end(session, GUARD_BYE_CLOSED);
}

static void wait_for_work(struct ftp_session *session)
{
	struct pollfd fds[POLL_COUNT] = {
		[POLL_CONTROL] = { .fd = session->control_fd },
		[POLL_WALL] = { .fd = guard_client_fd(session->guard), .events = POLLIN },
		[POLL_DATA] = { .fd = session->data.fd, .events = ftp_transfer_events(session) },
	};
	int ready;

	if (ftp_control_wants_input(session))
		fds[POLL_CONTROL].events |= POLLIN;
	if (ftp_control_has_output(session))
		fds[POLL_CONTROL].events |= POLLOUT;
	ready = poll(fds, POLL_COUNT,
	    guard_client_holds(session->guard) || ftp_transfer_is_busy(session) ||
	            ftp_control_is_busy(session)
	        ? 0
	        : clock_poll_ms(next_deadline(session)));
	if (ready < 0 && errno != EINTR) {
		ftp_session_cut(session, GUARD_BYE_INTERNAL);
		return;
	}
	if (ready <= 0) {
		if (ftp_control_is_busy(session))
			ftp_control_read(session);
		return;
	}
	session->guard_speaks = fds[POLL_WALL].revents != 0;
	if ((fds[POLL_CONTROL].revents & POLLIN) != 0 || ftp_control_is_busy(session) ||
	    (ftp_security_is_shaking(session) && fds[POLL_CONTROL].revents != 0))
		ftp_control_read(session);
	else if ((fds[POLL_CONTROL].revents & (POLLERR | POLLHUP)) != 0)
		ftp_session_cut(session, GUARD_BYE_RESET);
	if (fds[POLL_DATA].revents != 0)
		ftp_transfer_pump(session);
}

static void serve(struct ftp_session *session)
{
	bool had_data = false;

	if (!ftp_rein_take_over(session, &session->start->unread))
		return;
	if (session->start->listener->protocol == CONF_PROTOCOL_FTPS)
		ftp_security_begin(session); /* the greeting comes after it */
	else if (!session->start->greeted)
		ftp_reply_text(session, FTP_REPLY_GREETING, session->start->conf->ftp.greeting);
	work(session);
	while (!session->ending) {
		wait_for_work(session);
		work(session);
		/* No turn for asking. */
		if (!session->ending && !had_data && ftp_transfer_begins(session)) {
			ftp_transfer_pump(session);
			work(session);
		}
		had_data = session->data.fd != -1;
		if (session->transfer.kind == FTP_TRANSFER_STAT ||
		    (!session->ending && ftp_transfer_is_busy(session)))
			ftp_transfer_pump(session);
		check_deadlines(session);
	}
}

/* The last reply, within a bound; then the end of the connection, without a reset that would eat
 * it. */
static void say_goodbye(struct ftp_session *session)
{
	uint8_t dropped[4096];

	session->abrupt = false;
	ftp_control_close(session);
	for (size_t n = 0; n < GOODBYE_DRAIN_BYTES; n += sizeof(dropped)) {
		if (io_read(session->control_fd, dropped, sizeof(dropped)) <= 0)
			break;
	}
}

/* What the client hears when the guard dies: guard_client ends the process then, whatever it was doing. */
static void prepare_farewell(const struct ftp_start *start, char *text, size_t size)
{
	const struct ftp_reply_row *row = ftp_replies_find(FTP_REPLY_GUARD_GONE);

	if (text_format(text, size, "%u %s\r\n", row->code, row->text))
		guard_client_set_farewell(start->guard, start->control_fd, text);
}

int ftp_engine_run(const struct ftp_start *start)
{
	char farewell[FAREWELL_BYTES];
	struct ftp_session *session = ftp_session_new(start);
	struct guard_req_bye bye = { .reason = GUARD_BYE_INTERNAL };
	int control_fd = start->control_fd;
	bool given_up = false;

	/* A write to a broken connection, or beyond a limit of size, is an error that we answer. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	prepare_farewell(start, farewell, sizeof(farewell));
	if (session != NULL) {
		serve(session);
		ftp_transfer_drop(session);
		given_up = session->reinitialising && ftp_rein_hand_over(session);
		bye.reason = session->bye;
		if (!session->abrupt)
			say_goodbye(session);
		if (!session->abrupt && !given_up)
			ftp_linger_wait(&session->linger, FTP_GOODBYE_MS);
		ftp_session_free(&session);
	}
	guard_client_set_farewell(start->guard, -1, NULL);
	io_close(&control_fd);
	/* The guard of a session that was given up has ended with it. */
	if (!given_up)
		guard_client_bye(start->guard, &bye, NULL, NULL);
	return bye.reason == GUARD_BYE_INTERNAL ? 1 : 0;
}
