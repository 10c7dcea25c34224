#include "server/ftp/ftp_rein.h"

#include <stdlib.h>

#include "server/base/secret.h"
#include "server/ftp/ftp_control.h"
#include "server/ftp/ftp_session.h"
#include "server/tls/tls_stream.h"

_Static_assert(
    FTP_PARSE_EXPORT_BYTES <= GUARD_UNREAD_MAX_BYTES, "the message takes all that can wait");

static void end_tls(struct ftp_session *session)
{
	struct ftp_security *security = &session->security;

	if (session->start->listener->protocol == CONF_PROTOCOL_FTPS) {
		ftp_reply(session, FTP_REPLY_REIN_IMPLICIT);
		return;
	}
	/* What was sent protected behind REIN would be taken for plain text. */
	if (!ftp_parse_is_empty(&session->input) || tls_stream_has_input(security->control)) {
		ftp_reply(session, FTP_REPLY_BEHIND_TLS);
		ftp_session_end(session, GUARD_BYE_PROTOCOL);
		return;
	}
	security->begins_anew = true;
	ftp_reply(session, FTP_REPLY_NEW_USER);
	ftp_security_uncover(session);
}

void ftp_rein_begin(struct ftp_session *session)
{
	if (session->secured) {
		end_tls(session);
	} else if (session->logged_in) {
		/* The new session's greeting is the reply. */
		session->reinitialising = true;
		ftp_session_end(session, GUARD_BYE_REIN);
	} else {
		ftp_session_begin_anew(session);
		ftp_reply(session, FTP_REPLY_NEW_USER);
	}
}

void ftp_rein_uncovered(struct ftp_session *session)
{
	if (session->logged_in) {
		session->reinitialising = true;
		ftp_session_end(session, GUARD_BYE_REIN);
		return;
	}
	ftp_security_forget(session);
	ftp_session_begin_anew(session);
}

static enum vfs_status ask(struct ftp_session *session)
{
	uint8_t *bytes = malloc(FTP_PARSE_EXPORT_BYTES);
	struct guard_req_rein request = {
		.greeted = session->security.begins_anew, .unread = { .bytes = bytes }
	};
	enum vfs_status status;

	if (bytes == NULL)
		return VFS_NO_MEMORY;
	request.unread.length = ftp_parse_export(&session->input, bytes);
	guard_client_carry(session->guard, session->control_fd);
	status = guard_client_rein(session->guard, &request, NULL, NULL);
	secret_wipe(bytes, request.unread.length);
	free(bytes);
	return status;
}

bool ftp_rein_hand_over(struct ftp_session *session)
{
	/* What is still in our memory would be lost: the greeting must not overtake it. */
	if (!ftp_control_flush_all(session)) {
		session->abrupt = true;
		session->bye = GUARD_BYE_SLOW;
		return false;
	}
	if (ask(session) == VFS_OK)
		session->abrupt = true;
	else
		ftp_reply(session, FTP_REPLY_REIN_FAILED);
	return true;
}

bool ftp_rein_take_over(struct ftp_session *session, const struct wire_blob *unread)
{
	if (unread->length == 0)
		return true;
	if (!ftp_parse_import(
		&session->input, unread->bytes, unread->length, &session->out)) {
		ftp_session_cut(session, GUARD_BYE_INTERNAL);
		return false;
	}
	/* The bytes are in the memory of its last message. */
	guard_client_forget(session->guard);
	return true;
}
