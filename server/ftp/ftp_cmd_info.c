#include "server/ftp/ftp_cmd_info.h"

#include <string.h>
#include <strings.h>

#include "server/ftp/ftp_session.h"

void ftp_cmd_syst(struct ftp_session *session, struct ftp_call *call)
{
	(void)call;
	ftp_reply(session, FTP_REPLY_SYSTEM);
}

void ftp_cmd_noop(struct ftp_session *session, struct ftp_call *call)
{
	(void)call;
	ftp_reply(session, FTP_REPLY_OK);
}

/* Windows Explorer leaves when "OPTS UTF8 ON" is not answered 200; names are bytes either way. */
static void opts_utf8(struct ftp_session *session, const char *value)
{
	static const char *const known[] = { "", "ON", "OFF", "NLST" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcasecmp(value, known[i]) == 0) {
			ftp_reply(session, FTP_REPLY_UTF8_OK);
			return;
		}
	}
	ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
}

/* RFC 3659 7.9: the answer lists what is now in force; none at all is a choice, too. */
static void opts_mlst(struct ftp_session *session, const char *value)
{
	char list[FTP_FACTS_LIST_BYTES + 1] = " ";

	session->facts = ftp_facts_parse(value);
	ftp_facts_list(list + 1, session->facts, false);
	ftp_reply_text(session, FTP_REPLY_MLST_OPTS, session->facts != 0 ? list : "");
}

/* draft-bryan-ftpext-hash 3.2: without a name, tell which it is. */
static void opts_hash(struct ftp_session *session, const char *value)
{
	enum ftp_digest_index index = session->digest;

	if (value[0] != '\0')
		index = ftp_digest_find(value);
	if (index == FTP_DIGEST_COUNT) {
		ftp_reply(session, FTP_REPLY_UNKNOWN_ALGORITHM);
		return;
	}
	session->digest = index;
	ftp_reply_text(session, FTP_REPLY_HASH_OPTS, ftp_digest_rows[index].name);
}

void ftp_cmd_opts(struct ftp_session *session, struct ftp_call *call)
{
	static const struct {
		const char *name;
		void (*set)(struct ftp_session *session, const char *value);
	} options[] = {
		{ "HASH", opts_hash },
		{ "MLST", opts_mlst },
		{ "UTF-8", opts_utf8 },
		{ "UTF8", opts_utf8 },
	};
	char *value = strchr(call->argument, ' ');

	if (value != NULL)
		*value++ = '\0';
	else
		value = call->argument + strlen(call->argument);
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (strcasecmp(call->argument, options[i].name) == 0) {
			options[i].set(session, value);
			return;
		}
	}
	ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
}
