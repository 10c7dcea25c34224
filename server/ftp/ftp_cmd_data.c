#include "server/ftp/ftp_cmd_data.h"

#include <string.h>
#include <strings.h>

#include "server/base/text.h"
#include "server/ftp/ftp_address.h"
#include "server/ftp/ftp_session.h"

#define ACTIVE_PORT_MIN 1024u /* RFC 2577 3 */

/* The address families of RFC 2428 that this connection can have: its own. */
static const char *own_family(const struct ftp_session *session)
{
	return session->local.family == AF_INET ? "1" : "2";
}

void ftp_cmd_pasv(struct ftp_session *session, struct ftp_call *call)
{
	char text[FTP_ADDRESS_TEXT_BYTES];
	struct netaddr address;
	enum vfs_status status;

	(void)call;
	if (session->local.family != AF_INET) {
		ftp_reply(session, FTP_REPLY_USE_EPSV);
		return;
	}
	status = ftp_data_listen(session, AF_INET, &address);
	if (status == VFS_OK && (address.family != AF_INET || netaddr_is_any(&address)))
		status = VFS_FAILED;
	if (status != VFS_OK) {
		ftp_reply_text(session, FTP_REPLY_NO_PASSIVE, vfs_status_text(status));
		return;
	}
	ftp_address_format_pasv(text, &address);
	ftp_reply_text(session, FTP_REPLY_PASV, text);
}

void ftp_cmd_epsv(struct ftp_session *session, struct ftp_call *call)
{
	const char *family = call->argument;
	uint64_t number;
	struct netaddr address;
	enum vfs_status status;

	if (strcasecmp(family, "ALL") == 0) {
		session->epsv_all = true;
		ftp_reply(session, FTP_REPLY_EPSV_ALL_OK);
		return;
	}
	if (family[0] != '\0' && !text_parse_u64(family, &number)) {
		ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
		return;
	}
	if (family[0] != '\0' && strcmp(family, own_family(session)) != 0) {
		ftp_reply_text(session, FTP_REPLY_WRONG_FAMILY, own_family(session));
		return;
	}
	status = ftp_data_listen(session, 0, &address);
	if (status != VFS_OK)
		ftp_reply_text(session, FTP_REPLY_NO_PASSIVE, vfs_status_text(status));
	else
		ftp_reply_number(session, FTP_REPLY_EPSV, address.port);
}

/* RFC 2577: to the client itself and no service of its system, or not at all. */
static void accept_target(
    struct ftp_session *session, enum ftp_address_result result, const struct netaddr *target)
{
	if (result == FTP_ADDRESS_MALFORMED) {
		ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
	} else if (result == FTP_ADDRESS_FAMILY) {
		ftp_reply_text(session, FTP_REPLY_WRONG_FAMILY, own_family(session));
	} else if (!session->start->conf->ftp.active) {
		ftp_reply(session, FTP_REPLY_ACTIVE_OFF);
	} else if (!netaddr_same_ip(target, &session->peer) || target->port < ACTIVE_PORT_MIN) {
		ftp_reply(session, FTP_REPLY_PORT_REFUSED);
	} else {
		ftp_data_target(session, target);
		ftp_reply(session, FTP_REPLY_PORT_OK);
	}
}

void ftp_cmd_port(struct ftp_session *session, struct ftp_call *call)
{
	struct netaddr target = { .family = 0 };
	enum ftp_address_result result = ftp_address_parse_port(call->argument, &target);

	accept_target(session, result, &target);
}

void ftp_cmd_eprt(struct ftp_session *session, struct ftp_call *call)
{
	struct netaddr target = { .family = 0 };
	enum ftp_address_result result = ftp_address_parse_eprt(call->argument, &target);

	/* Of the other family the client cannot be: RFC 2428 2 has a reply for that. */
	if (result == FTP_ADDRESS_OK && target.family != session->peer.family)
		result = FTP_ADDRESS_FAMILY;
	accept_target(session, result, &target);
}

/* What a parameter of TYPE, STRU or MODE is answered; the last row has word NULL. */
struct parameter {
	const char *word;
	enum ftp_reply_id reply;
	const char *text;   /* for a reply with a place */
	enum ftp_type type; /* TYPE only */
};

/* '#' in a row stands for any number to the end. */
static bool matches(const char *row, const char *word)
{
	size_t length = strcspn(row, "#");
	uint64_t number;

	if (row[length] == '\0')
		return strcasecmp(row, word) == 0;
	return strncasecmp(row, word, length) == 0 && text_parse_u64(word + length, &number);
}

static const struct parameter *find_parameter(const struct parameter *rows, const char *word)
{
	while (rows->word != NULL && !matches(rows->word, word))
		rows++;
	return rows;
}

void ftp_cmd_type(struct ftp_session *session, struct ftp_call *call)
{
	static const struct parameter rows[] = {
		{ "A", FTP_REPLY_TYPE_SET, "ASCII", FTP_TYPE_ASCII },
		{ "A N", FTP_REPLY_TYPE_SET, "ASCII", FTP_TYPE_ASCII },
		{ "I", FTP_REPLY_TYPE_SET, "Image", FTP_TYPE_IMAGE },
		{ "L 8", FTP_REPLY_TYPE_SET, "Local byte size 8", FTP_TYPE_IMAGE },
		{ "L8", FTP_REPLY_TYPE_SET, "Local byte size 8", FTP_TYPE_IMAGE },
		{ "A T", FTP_REPLY_NOT_FOR_PARAMETER, "", FTP_TYPE_ASCII },
		{ "A C", FTP_REPLY_NOT_FOR_PARAMETER, "", FTP_TYPE_ASCII },
		{ "E", FTP_REPLY_NOT_FOR_PARAMETER, "", FTP_TYPE_ASCII },
		{ "E N", FTP_REPLY_NOT_FOR_PARAMETER, "", FTP_TYPE_ASCII },
		{ "E T", FTP_REPLY_NOT_FOR_PARAMETER, "", FTP_TYPE_ASCII },
		{ "E C", FTP_REPLY_NOT_FOR_PARAMETER, "", FTP_TYPE_ASCII },
		{ "L #", FTP_REPLY_NOT_FOR_PARAMETER, "", FTP_TYPE_ASCII },
		{ NULL, FTP_REPLY_BAD_ARGUMENT, "", FTP_TYPE_ASCII },
	};
	const struct parameter *row = find_parameter(rows, call->argument);

	if (row->reply == FTP_REPLY_TYPE_SET)
		session->type = row->type;
	ftp_reply_text(session, row->reply, row->text);
}

void ftp_cmd_stru(struct ftp_session *session, struct ftp_call *call)
{
	static const struct parameter rows[] = {
		{ "F", FTP_REPLY_OK, "", FTP_TYPE_ASCII },
		{ "R", FTP_REPLY_NOT_FOR_PARAMETER, "", FTP_TYPE_ASCII },
		{ "P", FTP_REPLY_NOT_FOR_PARAMETER, "", FTP_TYPE_ASCII },
		{ NULL, FTP_REPLY_BAD_ARGUMENT, "", FTP_TYPE_ASCII },
	};

	ftp_reply(session, find_parameter(rows, call->argument)->reply);
}

void ftp_cmd_mode(struct ftp_session *session, struct ftp_call *call)
{
	static const struct parameter rows[] = {
		{ "S", FTP_REPLY_OK, "", FTP_TYPE_ASCII },
		{ "B", FTP_REPLY_NOT_FOR_PARAMETER, "", FTP_TYPE_ASCII },
		{ "C", FTP_REPLY_NOT_FOR_PARAMETER, "", FTP_TYPE_ASCII },
		{ "Z", FTP_REPLY_NOT_FOR_PARAMETER, "", FTP_TYPE_ASCII },
		{ NULL, FTP_REPLY_BAD_ARGUMENT, "", FTP_TYPE_ASCII },
	};

	ftp_reply(session, find_parameter(rows, call->argument)->reply);
}
