#include "server/ftp/ftp_security.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "server/base/clock.h"
#include "server/base/pages.h"
#include "server/ftp/ftp_control.h"
#include "server/ftp/ftp_session.h"
#include "server/tls/tls_ratchet.h"
#include "server/tls/tls_session.h"

/* Types of TLS records (RFC 8446 5.1); no FTP command starts with such a byte. */
#define RECORD_TYPE_FIRST 20
#define RECORD_TYPE_LAST  23

/* --- state ------------------------------------------------------------------------------------------ */

static bool is_implicit(const struct ftp_session *session)
{
	return session->start->listener->protocol == CONF_PROTOCOL_FTPS;
}

void ftp_security_init(struct ftp_session *session)
{
	const struct conf_listener *listener = session->start->listener;

	session->security = (struct ftp_security){
		.require_tls = (enum conf_require_tls)listener->require_tls,
		.data_session = (enum conf_data_session)listener->data_session,
		.require_close_notify = true,
	};
}

void ftp_security_reset(struct ftp_session *session)
{
	struct ftp_security *security = &session->security;

	/* Clients of implicit TLS take it for granted that nothing is ever sent in the clear. */
	security->buffer_size_said = is_implicit(session) || security->implies_protection;
	security->protects_data = security->buffer_size_said;
}

void ftp_security_clear(struct ftp_session *session)
{
	tls_stream_free(&session->security.control);
	tls_session_free(&session->security.tls);
}

void ftp_security_adopt(struct ftp_session *session, const struct guard_rep_login *login)
{
	struct ftp_security *security = &session->security;

	security->require_tls = (enum conf_require_tls)login->require_tls;
	security->data_session = (enum conf_data_session)login->data_session;
	security->require_close_notify = login->require_close_notify != 0;
	if (security->tls != NULL)
		tls_session_drop_evidence(security->tls);
}

/* --- what the log hears --------------------------------------------------------------------------- */

static void tell(struct ftp_session *session, enum guard_matter matter)
{
	const struct guard_req_secured request = {
		.algorithms = "", .failure = "", .ours = "", .theirs = "", .matter = matter
	};

	guard_client_secured(session->guard, &request, NULL, NULL);
}

static void tell_success(struct ftp_session *session, const struct tls_stream *stream)
{
	char algorithms[TLS_DESCRIPTION_BYTES];
	const struct guard_req_secured request = {
		.algorithms = algorithms, .failure = "", .ours = "", .theirs = "",
		.matter = GUARD_MATTER_CONNECTION,
	};

	tls_stream_describe(stream, algorithms);
	guard_client_secured(session->guard, &request, NULL, NULL);
}

/* What carries the listings that follow; stream NULL: they go in the clear.  Nobody waits for it. */
static void tell_carrier(struct ftp_session *session, const struct tls_stream *stream)
{
	char algorithms[TLS_DESCRIPTION_BYTES] = "";
	const struct guard_req_secured request = {
		.algorithms = algorithms, .failure = "", .ours = "", .theirs = "",
		.matter = GUARD_MATTER_DATA,
	};

	if (stream != NULL)
		tls_stream_describe(stream, algorithms);
	guard_client_tell_secured(session->guard, &request);
}

static void tell_failure(struct ftp_session *session, enum guard_matter matter,
    const struct tls_stream *stream, const char *failure)
{
	char ours[GUARD_OFFER_MAX];
	char theirs[GUARD_OFFER_MAX];
	const struct guard_req_secured request = {
		.algorithms = "", .failure = failure, .ours = ours, .theirs = theirs, .matter = matter
	};

	tls_stream_offers(stream, ours, sizeof(ours), theirs, sizeof(theirs));
	guard_client_secured(session->guard, &request, NULL, NULL);
}

/* --- the control connection ------------------------------------------------------------------------ */

bool ftp_security_is_served(const struct ftp_session *session)
{
	return session->start->tls != NULL;
}

bool ftp_security_speaks(const struct ftp_session *session)
{
	return session->security.control != NULL && !session->security.clearing;
}

bool ftp_security_is_shaking(const struct ftp_session *session)
{
	return session->security.control != NULL && !tls_stream_is_open(session->security.control);
}

bool ftp_security_has_begun(const struct ftp_session *session)
{
	return session->secured || session->security.clearing || session->security.cleared;
}

bool ftp_security_is_exhausted(struct ftp_session *session)
{
	if (session->security.handshakes < GUARD_SIGN_CONTROL_MAX)
		return false;
	tell(session, GUARD_MATTER_TOO_OFTEN);
	return true;
}

void ftp_security_begin(struct ftp_session *session)
{
	struct ftp_security *security = &session->security;

	security->handshakes++;
	/* Plain text to a client that expects TLS would only confuse it. */
	guard_client_set_farewell(session->guard, -1, NULL);
	if (security->tls == NULL && ftp_security_is_served(session))
		security->tls = tls_session_new(
		    session->start->tls, session->start->listener, session->guard);
	if (security->tls != NULL)
		security->control = tls_session_control(security->tls, session->control_fd);
	if (security->control == NULL) {
		ftp_session_cut(session, GUARD_BYE_INTERNAL);
		return;
	}
	security->deadline_ms = clock_mono_ms() + session->start->conf->tls.handshake_timeout;
}

/* Whatever waits to be said cannot be said any more. */
static void give_up(struct ftp_session *session, enum guard_bye reason)
{
	buf_reset(&session->out);
	tls_stream_free(&session->security.control);
	ftp_session_end(session, reason);
}

static void finish_handshake(struct ftp_session *session)
{
	struct ftp_security *security = &session->security;

	tls_session_take_evidence(security->tls, security->control);
	/* RFC 4217 4.4, RFC 7151 3.2: nothing that came in plain text counts. */
	ftp_session_begin_anew(session);
	tell_success(session, security->control);
	session->secured = true;
	/* What the handshake took and gave back again. */
	pages_trim_heap();
	session->command_ms = clock_mono_ms();
	session->out_progress_ms = session->command_ms;
	if (is_implicit(session))
		ftp_reply_text(session, FTP_REPLY_GREETING, session->start->conf->ftp.greeting);
}

void ftp_security_step(struct ftp_session *session)
{
	struct tls_stream *control = session->security.control;

	switch (tls_stream_handshake(control)) {
	case TLS_OK:
		finish_handshake(session);
		break;
	case TLS_AGAIN:
		break;
	case TLS_END:
	case TLS_CUT:
		give_up(session, GUARD_BYE_CLOSED);
		break;
	case TLS_FAILED:
		tell_failure(session, GUARD_MATTER_CONNECTION, control, tls_stream_failure(control));
		give_up(session, GUARD_BYE_HANDSHAKE);
		break;
	}
}

void ftp_security_too_slow(struct ftp_session *session)
{
	tell_failure(session, GUARD_MATTER_CONNECTION, session->security.control,
	    "the handshake took too long");
	give_up(session, GUARD_BYE_HANDSHAKE);
}

void ftp_security_uncover(struct ftp_session *session)
{
	struct ftp_security *security = &session->security;

	/* Some clients answer our close_notify, some wait for it without a word, some send theirs first; so it goes
	 * out at once, and what comes tells which. */
	if (!ftp_control_flush_all(session) || tls_stream_close(security->control) != TLS_OK) {
		ftp_session_cut(session, GUARD_BYE_SLOW);
		return;
	}
	security->clearing = true;
	session->secured = false;
	if (!security->begins_anew)
		tell(session, GUARD_MATTER_CLEARED);
}

void ftp_security_forget(struct ftp_session *session)
{
	struct ftp_security *security = &session->security;

	/* Whoever says AUTH next is not necessarily who showed the certificate: a new session of TLS has new keys for
	 * tickets, so that no handshake leaves out the question for one. */
	tls_session_free(&security->tls);
	security->cleared = false;
	security->begins_anew = false;
	security->implies_protection = false;
}

/* What is left of TLS: true at its end. */
static bool read_last_records(struct ftp_session *session)
{
	uint8_t byte;
	size_t n;

	switch (tls_stream_read(session->security.control, &byte, 1, &n)) {
	case TLS_END:
		return true;
	case TLS_AGAIN:
		return false;
	case TLS_CUT:
		session->input_ended = true;
		return false;
	case TLS_OK: /* commands behind CCC that were sent before its reply */
	case TLS_FAILED:
		break;
	}
	ftp_session_cut(session, GUARD_BYE_PROTOCOL);
	return false;
}

bool ftp_security_is_uncovered(struct ftp_session *session)
{
	struct ftp_security *security = &session->security;
	uint8_t byte;
	ssize_t n;

	if (security->control == NULL)
		return true;
	do
		n = recv(session->control_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n == 1 && byte >= RECORD_TYPE_FIRST && byte <= RECORD_TYPE_LAST &&
	    !read_last_records(session))
		return false;
	tls_stream_free(&security->control);
	security->clearing = false;
	security->cleared = true;
	return true;
}

/* --- data connections ------------------------------------------------------------------------------- */

bool ftp_security_begin_data(struct ftp_session *session)
{
	struct ftp_data *data = &session->data;

	data->tls = tls_session_data(session->security.tls, data->fd);
	data->handshake_deadline_ms = clock_mono_ms() + session->start->conf->tls.handshake_timeout;
	return data->tls != NULL;
}

bool ftp_security_is_shaking_data(const struct ftp_session *session)
{
	return session->data.tls != NULL && !tls_stream_is_open(session->data.tls);
}

/* For the log: of a file its close tells, which wakes the guard anyway. */
static enum ftp_security_data admit(struct ftp_session *session)
{
	if (session->transfer.kind == FTP_TRANSFER_LIST)
		tell_carrier(session, session->data.tls);
	else
		tls_stream_describe(session->data.tls, session->transfer.algorithms);
	return FTP_SECURITY_DONE;
}

/* The handshake is done: by whom? */
static enum ftp_security_data judge(struct ftp_session *session)
{
	struct ftp_security *security = &session->security;

	switch (tls_ratchet(security->data_session, tls_stream_is_resumed(session->data.tls),
	    &security->data_resumed)) {
	case TLS_ADMIT:
		return admit(session);
	case TLS_ADMIT_UNPROVEN:
		if (!security->told_unresumed)
			tell(session, GUARD_MATTER_UNRESUMED);
		security->told_unresumed = true;
		return admit(session);
	case TLS_REFUSE_ENDED:
		tell(session, GUARD_MATTER_RESUMPTION_ENDED);
		break;
	case TLS_REFUSE_MISSING:
		tell(session, GUARD_MATTER_RESUMPTION_MISSING);
		break;
	}
	return FTP_SECURITY_REFUSED;
}

static const char *data_failure(const struct tls_stream *stream, enum tls_status status)
{
	if (status == TLS_AGAIN)
		return "the handshake took too long";
	/* Of the control connection it is no failure to leave: somebody may only have looked in. */
	if (status != TLS_FAILED)
		return "the client closed the data connection before its handshake was over";
	return tls_stream_failure(stream);
}

enum ftp_security_data ftp_security_step_data(struct ftp_session *session)
{
	struct tls_stream *stream = session->data.tls;
	enum tls_status status = tls_stream_handshake(stream);

	/* A client uses up its tickets, on connections that may bring it no new one, since it never reads from
	 * them; so the control connection brings it one each time. */
	if (status == TLS_OK && ftp_security_speaks(session))
		tls_stream_renew_ticket(session->security.control);
	if (status == TLS_OK)
		return judge(session);
	if (status == TLS_AGAIN && clock_mono_ms() < session->data.handshake_deadline_ms)
		return FTP_SECURITY_WAITS;
	tell_failure(session, GUARD_MATTER_DATA, stream, data_failure(stream, status));
	return FTP_SECURITY_BROKEN;
}

bool ftp_security_may_ask_kernel(const struct ftp_session *session)
{
	return session->start->conf->tls.kernel_tls == CONF_KERNEL_TLS_AUTO &&
	       !session->security.kernel_refuses;
}

void ftp_security_uses_control(struct ftp_session *session)
{
	if (ftp_security_is_served(session))
		tell_carrier(session, ftp_security_speaks(session) ? session->security.control : NULL);
}

void ftp_security_lacks_keys(struct ftp_session *session)
{
	tell(session, GUARD_MATTER_NO_NEW_KEYS);
}

void ftp_security_truncated(struct ftp_session *session)
{
	tell(session, GUARD_MATTER_TRUNCATED);
}
