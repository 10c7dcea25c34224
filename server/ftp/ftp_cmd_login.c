#include "server/ftp/ftp_cmd_login.h"

#include <string.h>

#include "server/base/text.h"
#include "server/ftp/ftp_rein.h"
#include "server/ftp/ftp_session.h"
#include "server/tls/tls_session.h"

static void enter(
    struct ftp_session *session, const struct guard_rep_login *reply, enum ftp_reply_id how)
{
	struct vfs_path start;

	session->logged_in = true;
	session->uid = reply->uid;
	session->rights = reply->rights;
	if (vfs_path_resolve(&start, "/", reply->start_dir) == VFS_OK)
		session->cwd = start;
	/* On failure the listings show the name that was typed. */
	ftp_session_set_text(&session->user, reply->user);
	ftp_security_adopt(session, reply);
	ftp_reply(session, how);
}

static void end_as_too_many(struct ftp_session *session)
{
	ftp_reply(session, FTP_REPLY_TOO_MANY_TRIES);
	ftp_session_end(session, GUARD_BYE_LOGIN_ATTEMPTS);
}

/*
 * RFC 4217 3: who has shown a certificate at the handshake may need no password.  True when the client has been
 * answered; else a password is the way, and PASS tells what is wrong.
 */
static bool login_by_certificate(struct ftp_session *session)
{
	struct guard_req_login_certificate request = { .user = session->user };
	struct guard_rep_login_certificate reply;
	struct guard_rep_login entered;

	/* The two replies have the same fields, since one list makes both. */
	_Static_assert(sizeof(entered) == sizeof(reply), "login and login_certificate answer alike");
	if (session->security.tls == NULL || !tls_session_evidence(session->security.tls, &request))
		return false;
	if (session->certificates_shown++ >= FTP_CERTIFICATES_MAX) {
		end_as_too_many(session);
		return true;
	}
	if (guard_client_login_certificate(session->guard, &request, &reply, NULL) != VFS_OK)
		return false;
	switch ((enum guard_login_result)reply.result) {
	case GUARD_LOGIN_OK:
		memcpy(&entered, &reply, sizeof(entered));
		enter(session, &entered, FTP_REPLY_LOGGED_IN_CERTIFICATE);
		return true;
	case GUARD_LOGIN_TOO_MANY_TRIES:
		end_as_too_many(session);
		return true;
	default:
		return false;
	}
}

void ftp_cmd_user(struct ftp_session *session, struct ftp_call *call)
{
	size_t length = strlen(call->argument);

	/* Such a name is nobody's; like every name it costs a PASS to be told so. */
	if (length > GUARD_USER_NAME_MAX || text_has_control(call->argument, length)) {
		ftp_session_set_text(&session->user, NULL);
		ftp_reply(session, FTP_REPLY_LOGIN_INCORRECT);
		return;
	}
	if (!ftp_session_set_text(&session->user, call->argument))
		ftp_reply_status(session, VFS_NO_MEMORY);
	else if (!login_by_certificate(session))
		ftp_reply(session, FTP_REPLY_PASSWORD);
}

void ftp_cmd_pass(struct ftp_session *session, struct ftp_call *call)
{
	struct guard_req_login request = { .user = session->user, .password = call->argument };
	struct guard_rep_login reply = { .result = GUARD_LOGIN_UNAVAILABLE };

	/* More than the guard would hash: wrong without asking, and counted as a bad command. */
	if (strlen(call->argument) > SECRET_MAX_BYTES) {
		session->bad_commands++;
		reply.result = GUARD_LOGIN_FAILED;
	} else if (guard_client_login(session->guard, &request, &reply, NULL) != VFS_OK) {
		reply.result = GUARD_LOGIN_UNAVAILABLE;
	}
	switch ((enum guard_login_result)reply.result) {
	case GUARD_LOGIN_OK:
		enter(session, &reply, FTP_REPLY_LOGGED_IN);
		return;
	case GUARD_LOGIN_FAILED:
		ftp_reply(session, FTP_REPLY_LOGIN_INCORRECT);
		break;
	case GUARD_LOGIN_TOO_MANY_TRIES:
		end_as_too_many(session);
		break;
	case GUARD_LOGIN_TOO_MANY_SESSIONS:
		ftp_reply(session, FTP_REPLY_TOO_MANY_SESSIONS);
		break;
	case GUARD_LOGIN_NEEDS_TLS:
		ftp_reply(session, FTP_REPLY_CONTROL_NEEDS_TLS);
		break;
	case GUARD_LOGIN_PARTIAL:
		ftp_reply(session, FTP_REPLY_NEEDS_CERTIFICATE);
		break;
	case GUARD_LOGIN_UNAVAILABLE:
	default:
		ftp_reply(session, FTP_REPLY_LOGIN_UNAVAILABLE);
		break;
	}
	ftp_session_set_text(&session->user, NULL);
}

void ftp_cmd_acct(struct ftp_session *session, struct ftp_call *call)
{
	(void)call;
	ftp_reply(session, FTP_REPLY_ACCT_SUPERFLUOUS);
}

void ftp_cmd_rein(struct ftp_session *session, struct ftp_call *call)
{
	(void)call;
	ftp_rein_begin(session);
}

void ftp_cmd_quit(struct ftp_session *session, struct ftp_call *call)
{
	(void)call;
	ftp_reply(session, FTP_REPLY_GOODBYE);
	ftp_session_end(session, GUARD_BYE_QUIT);
}
