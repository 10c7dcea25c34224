#include "server/ftp/ftp_control.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/ftp/ftp_rein.h"
#include "server/ftp/ftp_session.h"
#include "server/tls/tls_stream.h"

bool ftp_control_has_output(const struct ftp_session *session)
{
	return buf_length(&session->out) > 0 ||
	       (ftp_security_speaks(session) && tls_stream_has_output(session->security.control));
}

/* One write.  TLS takes bytes before it has sent them, but no more before those are gone. */
static enum tls_status send_some(struct ftp_session *session, size_t *sent)
{
	const struct buf *out = &session->out;
	ssize_t n;

	*sent = 0;
	if (ftp_security_speaks(session)) {
		if (buf_length(out) == 0)
			return tls_stream_flush(session->security.control);
		return tls_stream_write(
		    session->security.control, buf_bytes(out), buf_length(out), sent);
	}
	n = io_write(session->control_fd, buf_bytes(out), buf_length(out));
	if (n >= 0)
		*sent = (size_t)n;
	if (n < 0)
		return errno == EAGAIN ? TLS_AGAIN : TLS_FAILED;
	return TLS_OK;
}

void ftp_control_flush(struct ftp_session *session)
{
	struct buf *out = &session->out;
	size_t sent;

	if (out->failed) {
		ftp_session_cut(session, GUARD_BYE_SLOW);
		return;
	}
	/* In the middle of a handshake there is no way to say anything. */
	if (ftp_security_is_shaking(session))
		return;
	while (ftp_control_has_output(session)) {
		enum tls_status status = send_some(session, &sent);

		if (status == TLS_AGAIN)
			return;
		if (status != TLS_OK) {
			ftp_session_cut(session, GUARD_BYE_RESET);
			return;
		}
		buf_consume(out, sent);
		session->out_progress_ms = clock_mono_ms();
	}
	/* An idle session keeps no buffer. */
	buf_clear(out);
}

bool ftp_control_flush_all(struct ftp_session *session)
{
	struct pollfd wait = { .fd = session->control_fd, .events = POLLOUT };
	int64_t deadline = clock_mono_ms() + FTP_GOODBYE_MS;

	ftp_control_flush(session);
	while (!session->abrupt && !ftp_security_is_shaking(session) &&
	       ftp_control_has_output(session) && clock_mono_ms() < deadline) {
		if (poll(&wait, 1, clock_poll_ms(deadline)) < 0 && errno != EINTR)
			break;
		ftp_control_flush(session);
	}
	return !session->abrupt && !ftp_control_has_output(session);
}

void ftp_control_close(struct ftp_session *session)
{
	struct pollfd wait = { .fd = session->control_fd, .events = POLLOUT };

	/* RFC 8446 6.1: the client must be able to tell our end from somebody's cutting the line. */
	if (ftp_control_flush_all(session) && ftp_security_speaks(session) &&
	    tls_stream_close(session->security.control) == TLS_AGAIN &&
	    poll(&wait, 1, FTP_GOODBYE_MS) > 0)
		tls_stream_flush(session->security.control);
	shutdown(session->control_fd, SHUT_WR);
}

bool ftp_control_wants_input(const struct ftp_session *session)
{
	return !session->input_ended && buf_length(&session->out) < FTP_OUT_PAUSE_BYTES &&
	       ftp_parse_has_room(&session->input);
}

bool ftp_control_is_busy(const struct ftp_session *session)
{
	return ftp_security_speaks(session) && !ftp_security_is_shaking(session) &&
	       ftp_control_wants_input(session) && tls_stream_has_input(session->security.control);
}

/* As read(2) does. */
static ssize_t receive_some(struct ftp_session *session, uint8_t *to, size_t room)
{
	size_t n;

	if (!ftp_security_speaks(session))
		return io_read(session->control_fd, to, room);
	switch (tls_stream_read(session->security.control, to, room, &n)) {
	case TLS_OK:
		return (ssize_t)n;
	case TLS_AGAIN:
		errno = EAGAIN;
		return -1;
	case TLS_END:
	case TLS_CUT:
		return 0;
	case TLS_FAILED:
	default:
		errno = tls_stream_is_lost(session->security.control) ? ECONNRESET : EPROTO;
		return -1;
	}
}

bool ftp_control_read(struct ftp_session *session)
{
	size_t room;
	uint8_t *to;
	ssize_t n;

	if (ftp_security_is_shaking(session)) {
		ftp_security_step(session);
		return false;
	}
	if (session->security.clearing) {
		if (!ftp_security_is_uncovered(session))
			return false;
		if (session->security.begins_anew) {
			ftp_rein_uncovered(session);
			return false;
		}
	}
	to = ftp_parse_reserve(&session->input, &room);
	if (to == NULL)
		return false;
	n = receive_some(session, to, room);
	if (n > 0)
		ftp_parse_commit(&session->input, (size_t)n, &session->out);
	else if (n == 0)
		session->input_ended = true;
	else if (errno != EAGAIN)
		ftp_session_cut(session, errno == EPROTO ? GUARD_BYE_PROTOCOL : GUARD_BYE_RESET);
	return n > 0;
}

bool ftp_control_is_deserted(struct ftp_session *session, int wait_ms)
{
	struct pollfd wait = { .fd = session->control_fd, .events = POLLIN };

	if (wait_ms > 0 && ftp_control_wants_input(session) && !ftp_control_is_busy(session))
		poll(&wait, 1, wait_ms);
	while (ftp_control_wants_input(session) && ftp_control_read(session))
		continue;
	return session->abrupt ||
	       (session->input_ended && !ftp_parse_ends_with(&session->input, "QUIT"));
}
