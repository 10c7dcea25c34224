#include "server/ftp/ftp_cmd_host.h"

#include <string.h>
#include <strings.h>

#include "server/base/text.h"
#include "server/ftp/ftp_args.h"
#include "server/ftp/ftp_session.h"
#include "server/tls/tls_stream.h"

#define LANGUAGE "EN"

/* Names are compared as DNS does; a literal address in the form in which it is configured. */
static bool is_known_host(const struct conf_ftp *conf, const char *name)
{
	for (size_t i = 0; i < conf->host_names.count; i++) {
		if (strcasecmp(conf->host_names.items[i], name) == 0)
			return true;
	}
	return conf->host_names.count == 0;
}

/* RFC 7151 3.2.2: the name that the certificate was chosen by is the one that is meant. */
static bool is_host_of_tls(const struct ftp_session *session, const char *name)
{
	const char *asked =
	    ftp_security_speaks(session) ? tls_stream_host(session->security.control) : "";

	return asked[0] == '\0' || strcasecmp(asked, name) == 0;
}

void ftp_cmd_host(struct ftp_session *session, struct ftp_call *call)
{
	const struct conf_ftp *conf = &session->start->conf->ftp;

	if (!ftp_args_is_host(call->argument))
		ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
	else if (!is_host_of_tls(session, call->argument))
		ftp_reply(session, FTP_REPLY_HOST_NOT_SNI);
	else if (!is_known_host(conf, call->argument))
		ftp_reply(session, FTP_REPLY_HOST_UNKNOWN);
	else
		ftp_reply_text(session, FTP_REPLY_GREETING, conf->greeting);
}

/* RFC 2640 4.1: replies are in English; any of its variants is content with that. */
void ftp_cmd_lang(struct ftp_session *session, struct ftp_call *call)
{
	const char *tag = call->argument;
	size_t length = strlen(LANGUAGE);

	if (tag[0] == '\0' ||
	    (ftp_args_is_language(tag) && strncasecmp(tag, LANGUAGE, length) == 0 &&
	        (tag[length] == '\0' || tag[length] == '-')))
		ftp_reply(session, FTP_REPLY_LANGUAGE_SET);
	else if (ftp_args_is_language(tag))
		ftp_reply(session, FTP_REPLY_NOT_FOR_PARAMETER);
	else
		ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
}

static void tell_client_name(struct ftp_session *session, const char *text)
{
	char name[GUARD_CLIENT_NAME_MAX + 1];
	struct guard_req_client_name request = { .name = name };

	/* The guard takes a front that never stops for a hijacked one. */
	if (session->names_told >= FTP_CLIENT_NAMES_MAX)
		return;
	session->names_told++;
	text_copy(name, sizeof(name), text);
	guard_client_client_name(session->guard, &request, NULL, NULL);
}

void ftp_cmd_clnt(struct ftp_session *session, struct ftp_call *call)
{
	tell_client_name(session, call->argument);
	ftp_reply(session, FTP_REPLY_OK);
}

/* "Name=...; Version=...;".  Which version we are is for those who have logged in. */
void ftp_cmd_csid(struct ftp_session *session, struct ftp_call *call)
{
	if (strchr(call->argument, '=') == NULL) {
		ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
		return;
	}
	tell_client_name(session, call->argument);
	ftp_reply_text(session, FTP_REPLY_CSID,
	    session->logged_in ? "Version=" TRANSOM_VERSION "; CaseSensitive=1; DirSep=/;"
	                       : "CaseSensitive=1; DirSep=/;");
}
