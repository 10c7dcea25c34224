#include "server/ftp/ftp_control.h"

#include <errno.h>
#include <poll.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/ftp/ftp_session.h"

void ftp_control_flush(struct ftp_session *session)
{
	struct buf *out = &session->out;

	if (out->failed) {
		ftp_session_cut(session, GUARD_BYE_SLOW);
		return;
	}
	while (buf_length(out) > 0) {
		ssize_t n = io_write(session->control_fd, buf_bytes(out), buf_length(out));

		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			ftp_session_cut(session, GUARD_BYE_RESET);
			return;
		}
		buf_consume(out, (size_t)n);
		session->out_progress_ms = clock_mono_ms();
	}
	/* An idle session keeps no buffer. */
	buf_clear(out);
}

bool ftp_control_wants_input(const struct ftp_session *session)
{
	return !session->input_ended && buf_length(&session->out) < FTP_OUT_PAUSE_BYTES &&
	       ftp_parse_has_room(&session->input);
}

bool ftp_control_read(struct ftp_session *session)
{
	size_t room;
	uint8_t *to = ftp_parse_reserve(&session->input, &room);
	ssize_t n;

	if (to == NULL)
		return false;
	n = io_read(session->control_fd, to, room);
	if (n > 0)
		ftp_parse_commit(&session->input, (size_t)n, &session->out);
	else if (n == 0)
		session->input_ended = true;
	else if (errno != EAGAIN)
		ftp_session_cut(session, GUARD_BYE_RESET);
	return n > 0;
}

bool ftp_control_is_deserted(struct ftp_session *session, int wait_ms)
{
	struct pollfd wait = { .fd = session->control_fd, .events = POLLIN };

	if (wait_ms > 0 && ftp_control_wants_input(session))
		poll(&wait, 1, wait_ms);
	while (ftp_control_wants_input(session) && ftp_control_read(session))
		continue;
	return session->abrupt ||
	       (session->input_ended && !ftp_parse_ends_with(&session->input, "QUIT"));
}
