#include "server/ftp/ftp_cmd_security.h"

#include <string.h>
#include <strings.h>

#include "server/base/text.h"
#include "server/ftp/ftp_control.h"
#include "server/ftp/ftp_session.h"
#include "server/tls/tls_stream.h"

/* RFC 4217 has TLS alone; the others are of its drafts and of old clients.  With the last two, data connections are
 * protected from the start. */
static const struct {
	const char *name;
	bool protects_data;
} mechanisms[] = {
	{ "TLS", false },
	{ "TLS-C", false },
	{ "SSL", true },
	{ "TLS-P", true },
};

/* Without the blanks around it, which some clients send.  In place. */
static const char *trimmed(char *text)
{
	char *end = text + strlen(text);

	while (end > text && end[-1] == ' ')
		*--end = '\0';
	return text + strspn(text, " ");
}

static bool find_mechanism(const char *name, bool *protects_data)
{
	for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
		if (strcasecmp(mechanisms[i].name, name) == 0) {
			*protects_data = mechanisms[i].protects_data;
			return true;
		}
	}
	return false;
}

void ftp_cmd_auth(struct ftp_session *session, struct ftp_call *call)
{
	struct ftp_security *security = &session->security;
	bool protects_data;

	if (!find_mechanism(trimmed(call->argument), &protects_data)) {
		ftp_reply(session, FTP_REPLY_UNKNOWN_MECHANISM);
		return;
	}
	/* CVE-2011-0411 and its like: commands that somebody put behind AUTH must not be taken for protected ones. */
	if (!ftp_parse_is_empty(&session->input)) {
		ftp_reply(session, FTP_REPLY_BEHIND_AUTH);
		ftp_session_end(session, GUARD_BYE_PROTOCOL);
		return;
	}
	if (ftp_security_is_exhausted(session)) {
		ftp_reply(session, FTP_REPLY_TOO_MANY_HANDSHAKES);
		ftp_session_end(session, GUARD_BYE_HANDSHAKE);
		return;
	}
	ftp_reply(session, FTP_REPLY_AUTH_OK);
	if (!ftp_control_flush_all(session)) {
		ftp_session_cut(session, GUARD_BYE_SLOW);
		return;
	}
	security->implies_protection = protects_data;
	ftp_security_begin(session);
}

void ftp_cmd_pbsz(struct ftp_session *session, struct ftp_call *call)
{
	uint64_t bytes;

	/* RFC 4217 9: it has no meaning with TLS, is always 0, and must be said. */
	if (!text_parse_u64(trimmed(call->argument), &bytes) || bytes > UINT32_MAX) {
		ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
		return;
	}
	session->security.buffer_size_said = true;
	ftp_reply(session, FTP_REPLY_BUFFER_SIZE);
}

void ftp_cmd_prot(struct ftp_session *session, struct ftp_call *call)
{
	struct ftp_security *security = &session->security;
	const char *level = trimmed(call->argument);

	if (!security->buffer_size_said) {
		ftp_reply(session, FTP_REPLY_BUFFER_SIZE_FIRST);
	} else if (strcasecmp(level, "P") == 0) {
		security->protects_data = true;
		ftp_reply_text(session, FTP_REPLY_PROTECTION, "protected");
	} else if (strcasecmp(level, "S") == 0 || strcasecmp(level, "E") == 0) {
		ftp_reply(session, FTP_REPLY_LEVEL_UNKNOWN_TO_TLS);
	} else if (strcasecmp(level, "C") != 0) {
		ftp_reply(session, FTP_REPLY_NOT_FOR_PARAMETER);
	} else if ((security->require_tls & CONF_TLS_DATA) != 0) {
		ftp_reply(session, FTP_REPLY_PROTECTION_REQUIRED);
	} else {
		security->protects_data = false;
		ftp_reply_text(session, FTP_REPLY_PROTECTION, "clear");
	}
}

void ftp_cmd_ccc(struct ftp_session *session, struct ftp_call *call)
{
	struct ftp_security *security = &session->security;

	(void)call;
	if ((security->require_tls & CONF_TLS_CONTROL) != 0 ||
	    session->start->listener->protocol == CONF_PROTOCOL_FTPS) {
		ftp_reply(session, FTP_REPLY_CCC_DENIED);
		return;
	}
	/* What was sent protected behind CCC would be taken for plain text. */
	if (!ftp_parse_is_empty(&session->input) || tls_stream_has_input(security->control)) {
		ftp_reply(session, FTP_REPLY_BEHIND_TLS);
		ftp_session_end(session, GUARD_BYE_PROTOCOL);
		return;
	}
	ftp_reply(session, FTP_REPLY_CCC_OK);
	ftp_security_uncover(session);
}
