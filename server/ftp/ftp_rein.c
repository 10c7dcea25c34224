#include "server/ftp/ftp_rein.h"

#include <stdlib.h>

#include "server/base/secret.h"
#include "server/ftp/ftp_control.h"
#include "server/ftp/ftp_session.h"

_Static_assert(
    FTP_PARSE_EXPORT_BYTES <= GUARD_UNREAD_MAX_BYTES, "the message takes all that can wait");

enum vfs_status ftp_rein_check(const struct ftp_session *session)
{
	return session->secured ? VFS_UNSUPPORTED : VFS_OK;
}

static enum vfs_status ask(struct ftp_session *session)
{
	uint8_t *bytes = malloc(FTP_PARSE_EXPORT_BYTES);
	struct guard_req_rein request = { .unread = { .bytes = bytes } };
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
