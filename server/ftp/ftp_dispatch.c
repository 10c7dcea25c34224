#include "server/ftp/ftp_dispatch.h"

#include <string.h>

#include "server/base/clock.h"
#include "server/base/secret.h"
#include "server/ftp/ftp_job.h"

static void end_as_too_bad(struct ftp_session *session)
{
	ftp_reply(session, FTP_REPLY_TOO_MANY_BAD);
	ftp_session_end(session, GUARD_BYE_BAD_COMMANDS);
}

/* A line that is no command: one 500 or 501, and after too many of them the end. */
static void refuse_line(struct ftp_session *session, enum ftp_reply_id reply)
{
	if (++session->bad_commands > FTP_BAD_COMMANDS_MAX)
		end_as_too_bad(session);
	else
		ftp_reply(session, reply);
}

/* ALPACA, CVE-2021-3618: nothing that another protocol could make sense of. */
static void cut_foreign(struct ftp_session *session)
{
	buf_reset(&session->out);
	ftp_session_cut(session, GUARD_BYE_FOREIGN_PROTOCOL);
}

/* Which need of the row is not met; FTP_REPLY_COUNT when all are. */
static enum ftp_reply_id missing_need(
    const struct ftp_session *session, const struct ftp_command *command)
{
	if ((command->flags & FTP_ANYTIME) == 0 && !session->logged_in)
		return FTP_REPLY_NOT_LOGGED_IN;
	if (!ftp_commands_is_served(session, command))
		return FTP_REPLY_NOT_BUILT;
	if ((command->needs & FTP_NEED_AUTH) != 0 && !session->secured)
		return FTP_REPLY_AUTH_FIRST;
	if ((command->needs & FTP_NEED_NO_AUTH) != 0 && ftp_security_has_begun(session))
		return FTP_REPLY_SECURED_ALREADY;
	if ((command->needs & FTP_NEED_BEFORE_LOGIN) != 0 && session->logged_in)
		return FTP_REPLY_AUTH_AFTER_LOGIN;
	if ((command->needs & FTP_NEED_NO_LOGIN) != 0 && session->logged_in)
		return FTP_REPLY_LOGGED_IN_ALREADY;
	if ((command->needs & FTP_NEED_POLICY) != 0 && !session->secured &&
	    (session->security.require_tls & CONF_TLS_CONTROL) != 0)
		return FTP_REPLY_CONTROL_NEEDS_TLS;
	if ((command->needs & FTP_NEED_USER) != 0 && session->user == NULL)
		return FTP_REPLY_USER_FIRST;
	if ((command->needs & FTP_NEED_RNFR) != 0 && session->rename_from == NULL)
		return FTP_REPLY_RNFR_FIRST;
	if ((command->needs & FTP_NEED_NO_EPSV_ALL) != 0 && session->epsv_all)
		return FTP_REPLY_EPSV_ALL_SAID;
	if ((command->needs & FTP_NEED_NO_USER) != 0 && session->user != NULL)
		return FTP_REPLY_BEFORE_USER;
	if ((command->needs & FTP_NEED_CPFR) != 0 && session->copy_from == NULL)
		return FTP_REPLY_CPFR_FIRST;
	return FTP_REPLY_COUNT;
}

/* Does the argument fit the row?  FTP_REPLY_COUNT when it does. */
static enum ftp_reply_id wrong_argument(const struct ftp_command *command, const char *argument)
{
	switch (command->arg) {
	case FTP_ARG_NONE:
		if (argument[strspn(argument, " ")] != '\0')
			return FTP_REPLY_NO_ARGUMENT;
		break;
	case FTP_ARG_REQUIRED:
	case FTP_ARG_PATH:
		if (argument[0] == '\0')
			return FTP_REPLY_NEED_ARGUMENT;
		break;
	case FTP_ARG_IGNORED:
	case FTP_ARG_OPTIONAL:
		break;
	}
	return FTP_REPLY_COUNT;
}

/* A friendly early answer; the guard decides again, by mount.  `own` allows much to one's own
 * files. */
static bool lacks_rights(const struct ftp_session *session, const struct ftp_command *command)
{
	return command->rights != 0 && (session->rights & (command->rights | RIGHT_own)) == 0;
}

/* All gates of the row.  False when the client has been told why not. */
static bool passes(struct ftp_session *session, struct ftp_call *call)
{
	const struct ftp_command *command = call->command;
	enum ftp_reply_id refusal = missing_need(session, command);
	enum vfs_status status = VFS_OK;

	if (refusal == FTP_REPLY_COUNT)
		refusal = wrong_argument(command, call->argument);
	if (refusal == FTP_REPLY_COUNT && lacks_rights(session, command))
		refusal = FTP_REPLY_NO_RIGHT;
	if (refusal == FTP_REPLY_COUNT && (command->needs & FTP_NEED_DATA) != 0 &&
	    (session->security.require_tls & CONF_TLS_DATA) != 0 && !session->security.protects_data)
		refusal = FTP_REPLY_DATA_NEEDS_TLS;
	if (refusal == FTP_REPLY_COUNT && (command->needs & FTP_NEED_DATA) != 0 &&
	    session->data.mode == FTP_DATA_NONE)
		refusal = FTP_REPLY_USE_PASV_FIRST;
	if (refusal != FTP_REPLY_COUNT) {
		ftp_reply(session, refusal);
		return false;
	}
	if (command->arg == FTP_ARG_PATH)
		status = vfs_path_resolve(&call->path, session->cwd.text, call->argument);
	if (status != VFS_OK)
		ftp_reply_status(session, status);
	return status == VFS_OK;
}

void ftp_dispatch_call(struct ftp_session *session, struct ftp_call *call)
{
	if (passes(session, call))
		call->command->handler(session, call);
}

static void serve(struct ftp_session *session, struct ftp_call *call)
{
	unsigned flags = call->command->flags;

	/* Before the login no good command makes up for a bad one: nobody errs that often there. */
	if (session->logged_in)
		session->bad_commands = 0;
	/* An RNFR starts anew, also when it is refused: RNTO must not meet an earlier one's name. */
	if ((flags & FTP_KEEPS_RENAME) != 0)
		ftp_session_set_text(&session->rename_from, NULL);
	ftp_dispatch_call(session, call);
	if (session->bad_commands > FTP_BAD_COMMANDS_MAX)
		end_as_too_bad(session);
	if ((flags & FTP_TRANSFER) != 0)
		session->announced = 0;
	/* HASH is no transfer: a REST may wait for one beyond it. */
	if ((flags & FTP_TRANSFER) != 0 || ((flags & FTP_USES_RANGE) != 0 && session->ranged)) {
		session->restart = 0;
		session->ranged = false;
	}
	if ((flags & FTP_KEEPS_RENAME) == 0)
		ftp_session_set_text(&session->rename_from, NULL);
}

static void serve_line(struct ftp_session *session, const uint8_t *bytes, size_t n)
{
	char verb[FTP_VERB_BYTES];
	struct ftp_call call = { .argument = session->line };

	memcpy(session->line, bytes, n);
	session->line[n] = '\0';
	ftp_parse_take(&session->input);
	session->command_ms = clock_mono_ms();
	ftp_parse_split(session->line, n, verb, sizeof(verb), &call.argument);
	call.command = ftp_commands_find(verb);
	if (call.command == NULL)
		refuse_line(session, FTP_REPLY_UNKNOWN);
	else
		serve(session, &call);
	/* It may have held a password. */
	secret_wipe(session->line, n + 1);
}

/* May this line be served while a transfer runs? */
static bool fits_transfer(const struct ftp_session *session, const uint8_t *bytes, size_t n)
{
	const struct ftp_command *command;
	char line[FTP_VERB_BYTES + 1];
	char verb[FTP_VERB_BYTES];
	size_t length = n < sizeof(line) ? n : sizeof(line);
	char *argument;

	memcpy(line, bytes, length);
	ftp_parse_split(line, length, verb, sizeof(verb), &argument);
	command = ftp_commands_find(verb);
	if (command == NULL ||
	    ((command->flags & FTP_INTERRUPTS) == 0 && ftp_job_is_young(session)))
		return false;
	if ((command->flags & FTP_DURING_TRANSFER) != 0)
		return true;
	return (command->flags & FTP_DURING_IF_BARE) != 0 && strlen(verb) == n;
}

/* What kind of line is first, and may it be served now? */
static enum ftp_line first_line(
    const struct ftp_session *session, const uint8_t **bytes, size_t *n, bool *served)
{
	enum ftp_line line = ftp_parse_peek(&session->input, bytes, n);

	*served =
	    line != FTP_LINE_NONE &&
	    (!ftp_transfer_is_on(session) || (line == FTP_LINE_READY && fits_transfer(session, *bytes, *n)));
	return line;
}

bool ftp_dispatch_ready(const struct ftp_session *session)
{
	const uint8_t *bytes;
	size_t n;
	bool served;

	if (session->ending || ftp_security_is_shaking(session) ||
	    buf_length(&session->out) >= FTP_OUT_PAUSE_BYTES)
		return false;
	first_line(session, &bytes, &n, &served);
	return served;
}

static bool serve_first(struct ftp_session *session)
{
	const uint8_t *bytes = NULL;
	size_t n = 0;
	bool served;
	enum ftp_line line = first_line(session, &bytes, &n, &served);

	if (!served)
		return false;
	/* Of lines that are refused, too: the first of a request can be made as long as one likes, and
	 * what follows it is obeyed. */
	if (ftp_commands_is_foreign((const char *)bytes, n)) {
		cut_foreign(session);
		return true;
	}
	if (line == FTP_LINE_READY) {
		serve_line(session, bytes, n);
		return true;
	}
	ftp_parse_take(&session->input);
	session->command_ms = clock_mono_ms();
	refuse_line(
	    session, line == FTP_LINE_BAD ? FTP_REPLY_BAD_CHARACTER : FTP_REPLY_LINE_TOO_LONG);
	return true;
}

void ftp_dispatch_lines(struct ftp_session *session)
{
	while (!session->ending && !ftp_security_is_shaking(session) &&
	       buf_length(&session->out) < FTP_OUT_PAUSE_BYTES) {
		if (ftp_parse_is_tls(&session->input)) {
			cut_foreign(session);
			break;
		}
		if (serve_first(session))
			continue;
		/* RFC 959 4.1.3: a command behind a Telnet IP does not wait in line. */
		if (!ftp_transfer_is_on(session) || !ftp_parse_promote(&session->input))
			break;
	}
}
