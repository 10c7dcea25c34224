#include "server/ftp/ftp_session.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/secret.h"

struct ftp_session *ftp_session_new(const struct ftp_start *start)
{
	struct ftp_session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		return NULL;
	session->start = start;
	session->guard = start->guard;
	session->local = start->local;
	session->peer = start->peer;
	session->control_fd = start->control_fd;
	ftp_parse_init(&session->input);
	buf_init(&session->out, FTP_OUT_MAX_BYTES);
	session->command_ms = clock_mono_ms();
	session->out_progress_ms = session->command_ms;
	ftp_data_init(&session->data);
	ftp_linger_init(&session->linger);
	ftp_security_init(session);
	ftp_session_reset(session);
	ftp_transfer_init(&session->transfer);
	return session;
}

/* No row of the table lets anybody have a port before a login; this does not rely on it. */
static void forget_data(struct ftp_session *session)
{
	ftp_data_cancel(session);
	if (session->data.next_port != 0)
		ftp_data_give_back(session);
	ftp_data_close(&session->data);
	ftp_data_init(&session->data);
}

void ftp_session_reset(struct ftp_session *session)
{
	session->idle_timeout_ms = session->start->conf->ftp.idle_timeout;
	session->cwd = (struct vfs_path){ .length = 1, .text = "/" };
	/* RFC 959 5.1: ASCII is the default. */
	session->type = FTP_TYPE_ASCII;
	session->facts = FTP_FACTS_ALL;
	session->umask = UINT32_MAX;
	session->restart = 0;
	session->ranged = false;
	session->range_bytes = 0;
	session->announced = 0;
	session->digest = FTP_DIGEST_SHA256;
	session->epsv_all = false;
	ftp_security_reset(session);
	forget_data(session);
	ftp_session_set_text(&session->user, NULL);
	ftp_session_set_text(&session->rename_from, NULL);
	ftp_session_set_text(&session->copy_from, NULL);
}

void ftp_session_begin_anew(struct ftp_session *session)
{
	const struct guard_req_anew request = { .nothing = 0 };

	ftp_session_reset(session);
	guard_client_anew(session->guard, &request, NULL, NULL);
}

void ftp_session_free(struct ftp_session **session)
{
	struct ftp_session *s = *session;

	*session = NULL;
	if (s == NULL)
		return;
	ftp_transfer_drop(s);
	ftp_data_close(&s->data);
	ftp_linger_end(&s->linger);
	ftp_security_clear(s);
	ftp_parse_clear(&s->input);
	buf_clear(&s->out);
	ftp_session_set_text(&s->user, NULL);
	ftp_session_set_text(&s->rename_from, NULL);
	ftp_session_set_text(&s->copy_from, NULL);
	secret_wipe(s->line, sizeof(s->line));
	free(s);
}

void ftp_session_end(struct ftp_session *session, enum guard_bye reason)
{
	if (session->ending)
		return;
	session->ending = true;
	session->bye = reason;
}

void ftp_session_cut(struct ftp_session *session, enum guard_bye reason)
{
	ftp_session_end(session, reason);
	session->abrupt = true;
}

bool ftp_session_set_text(char **text, const char *value)
{
	char *copy = value != NULL ? strdup(value) : NULL;

	if (value != NULL && copy == NULL)
		return false;
	free(*text);
	*text = copy;
	return true;
}

uint32_t ftp_session_mode(const struct ftp_session *session, uint32_t base)
{
	return session->umask == UINT32_MAX ? UINT32_MAX : base & ~session->umask;
}
