#include "server/ftp/ftp_cmd_transfer.h"

#include <string.h>

#include "server/base/text.h"
#include "server/ftp/ftp_args.h"
#include "server/ftp/ftp_session.h"

#define FILE_MODE 0666u

/* Open, and ask for the connection in the same breath: a passive one comes along if it is there.  A refusal uses up
 * neither PASV nor PORT: the next try has it still. */
static enum vfs_status open_file(struct ftp_session *session, struct guard_req_open *request,
    struct guard_rep_open *opened, int *fd_out)
{
	enum vfs_status status;
	uint32_t id;

	request->passive = ftp_data_wish(session);
	id = guard_client_send_open(session->guard, request);
	if (id != 0 && request->passive == GUARD_PASSIVE_LEAVE)
		ftp_data_request(session, true);
	status = guard_client_wait_open(session->guard, id, opened, fd_out);
	if (status == VFS_OK)
		ftp_data_came_along(session, opened->next_port);
	else
		ftp_data_restore(session);
	return status;
}

void ftp_cmd_retr(struct ftp_session *session, struct ftp_call *call)
{
	struct guard_req_open request = {
		.path = call->path.text,
		.flags = VFS_OPEN_READ,
		.mode = UINT32_MAX,
	};
	struct guard_rep_open opened;
	struct ftp_transfer_file file = {
		.kind = FTP_TRANSFER_SEND,
		.opened = &opened,
		.bytes = session->ranged ? session->range_bytes : UINT64_MAX,
	};

	enum vfs_status status;

	if (session->type == FTP_TYPE_ASCII) {
		/* RFC 3659 5.1: counts bytes of the translation, so the file is read from its
		 * start. */
		file.skip = session->restart;
	} else if (session->restart > 0) {
		request.flags |= VFS_OPEN_RESUME;
		request.offset = session->restart;
	}
	status = open_file(session, &request, &opened, &file.fd);
	/* draft-bryan-ftp-range 4.3: a range behind the end of the file has no bytes; a REST there
	 * is wrong. */
	if (status == VFS_RANGE && session->ranged) {
		file.bytes = 0;
		request.flags = VFS_OPEN_READ;
		status = open_file(session, &request, &opened, &file.fd);
	}
	if (status == VFS_OK)
		ftp_transfer_begin_file(session, &file);
	else
		ftp_reply_status(session, status);
}

static void receive(struct ftp_session *session, const char *path, uint32_t flags)
{
	struct guard_req_open request = {
		.path = path,
		.flags = VFS_OPEN_WRITE | VFS_OPEN_CREATE | flags,
		.offset = session->restart,
		.mode = ftp_session_mode(session, FILE_MODE),
	};
	struct guard_rep_open opened;
	struct ftp_transfer_file file = {
		.kind = FTP_TRANSFER_RECEIVE,
		.opened = &opened,
		.path = path,
		.unique = (flags & VFS_OPEN_UNIQUE) != 0,
		.bytes = session->ranged ? session->range_bytes : UINT64_MAX,
	};
	enum vfs_status status = open_file(session, &request, &opened, &file.fd);

	if (status == VFS_OK)
		ftp_transfer_begin_file(session, &file);
	else
		ftp_reply_status(session, status);
}

void ftp_cmd_stor(struct ftp_session *session, struct ftp_call *call)
{
	if (session->restart == 0 && !session->ranged)
		receive(session, call->path.text, VFS_OPEN_TRUNCATE);
	else if (session->type == FTP_TYPE_ASCII)
		ftp_reply(session, FTP_REPLY_RESTART_IN_ASCII);
	else
		/* A range from the first byte on keeps what lies behind it: no resumption from 0,
		 * which is a new upload. */
		receive(session, call->path.text, session->restart > 0 ? VFS_OPEN_RESUME : 0);
}

void ftp_cmd_stou(struct ftp_session *session, struct ftp_call *call)
{
	struct vfs_path path;
	enum vfs_status status;

	if (session->ranged) {
		ftp_reply(session, FTP_REPLY_NOT_AFTER_RANG);
		return;
	}
	/* RFC 959 knows no argument; clients send the name they would like. */
	status = vfs_path_resolve(
	    &path, session->cwd.text, call->argument[0] != '\0' ? call->argument : "upload");
	if (status != VFS_OK) {
		ftp_reply_status(session, status);
		return;
	}
	session->restart = 0;
	receive(session, path.text, VFS_OPEN_TRUNCATE | VFS_OPEN_UNIQUE);
}

void ftp_cmd_appe(struct ftp_session *session, struct ftp_call *call)
{
	if (session->ranged) {
		ftp_reply(session, FTP_REPLY_NOT_AFTER_RANG);
		return;
	}
	session->restart = 0;
	receive(session, call->path.text, VFS_OPEN_APPEND);
}

void ftp_cmd_abor(struct ftp_session *session, struct ftp_call *call)
{
	(void)call;
	/* 426 for the transfer, then 226 for ABOR; after a transfer that had ended already, 226
	 * alone. */
	if (ftp_transfer_is_on(session))
		ftp_transfer_abort(session, VFS_CANCELLED, FTP_REPLY_ABORTED, "");
	else
		ftp_data_cancel(session);
	ftp_reply(session, FTP_REPLY_ABOR_DONE);
}

void ftp_cmd_rest(struct ftp_session *session, struct ftp_call *call)
{
	uint64_t offset;

	if (!text_parse_u64(call->argument, &offset) || offset > INT64_MAX) {
		ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
		return;
	}
	session->restart = offset;
	session->ranged = false;
	ftp_reply_number(session, FTP_REPLY_RESTART, offset);
}

void ftp_cmd_rang(struct ftp_session *session, struct ftp_call *call)
{
	struct ftp_args_range range;
	bool ok = ftp_args_rang(call->argument, &range);

	/* A range that is none resets the one before it, too. */
	session->ranged = range.bytes != FTP_ARGS_ALL;
	session->restart = range.start;
	session->range_bytes = range.bytes;
	if (!ok)
		ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
	else if (session->ranged)
		ftp_reply_number(session, FTP_REPLY_RANGE, range.start);
	else
		ftp_reply(session, FTP_REPLY_RANGE_RESET);
}

/* "<bytes>" or "<bytes> R <record bytes>" (RFC 959 4.1.3); records are not ours. */
static bool parse_allo(char *argument, uint64_t *bytes_out)
{
	char *space = strchr(argument, ' ');
	uint64_t record;

	if (space != NULL) {
		*space = '\0';
		if ((strncmp(space + 1, "R ", 2) != 0 && strncmp(space + 1, "r ", 2) != 0) ||
		    !text_parse_u64(space + 3, &record))
			return false;
	}
	return text_parse_u64(argument, bytes_out) && *bytes_out <= INT64_MAX;
}

void ftp_cmd_allo(struct ftp_session *session, struct ftp_call *call)
{
	struct guard_req_statvfs request = { .path = session->cwd.text };
	struct guard_rep_statvfs space;
	uint64_t available;
	uint64_t bytes;

	if (!parse_allo(call->argument, &bytes)) {
		ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
		return;
	}
	session->announced = bytes;
	if (guard_client_statvfs(session->guard, &request, &space, NULL) != VFS_OK) {
		ftp_reply(session, FTP_REPLY_ALLO_SUPERFLUOUS);
		return;
	}
	if (!__builtin_mul_overflow(space.blocks_available, space.fragment_size, &available) &&
	    available < bytes)
		ftp_reply(session, FTP_REPLY_NO_ROOM);
	else
		ftp_reply(session, FTP_REPLY_ALLO_OK);
}
