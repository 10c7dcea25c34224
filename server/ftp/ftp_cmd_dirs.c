#include "server/ftp/ftp_cmd_dirs.h"

#include "server/ftp/ftp_session.h"

#define DIR_MODE 0777u

static void change_to(struct ftp_session *session, const struct vfs_path *path)
{
	struct guard_req_chdir request = { .path = path->text };
	enum vfs_status status = guard_client_chdir(session->guard, &request, NULL, NULL);

	if (status != VFS_OK) {
		ftp_reply_status(session, status);
		return;
	}
	session->cwd = *path;
	ftp_reply(session, FTP_REPLY_DIRECTORY_OK);
}

void ftp_cmd_cwd(struct ftp_session *session, struct ftp_call *call)
{
	change_to(session, &call->path);
}

void ftp_cmd_cdup(struct ftp_session *session, struct ftp_call *call)
{
	(void)call;
	struct vfs_path path;
	enum vfs_status status = vfs_path_resolve(&path, session->cwd.text, "..");

	if (status != VFS_OK)
		ftp_reply_status(session, status);
	else
		change_to(session, &path);
}

void ftp_cmd_pwd(struct ftp_session *session, struct ftp_call *call)
{
	(void)call;
	ftp_reply_text(session, FTP_REPLY_CURRENT, session->cwd.text);
}

void ftp_cmd_mkd(struct ftp_session *session, struct ftp_call *call)
{
	struct guard_req_mkdir request = {
		.path = call->path.text,
		.mode = ftp_session_mode(session, DIR_MODE),
	};
	enum vfs_status status = guard_client_mkdir(session->guard, &request, NULL, NULL);

	if (status != VFS_OK)
		ftp_reply_status(session, status);
	else
		ftp_reply_text(session, FTP_REPLY_CREATED, call->path.text);
}

void ftp_cmd_rmd(struct ftp_session *session, struct ftp_call *call)
{
	struct guard_req_rmdir request = { .path = call->path.text };

	ftp_reply_status(session, guard_client_rmdir(session->guard, &request, NULL, NULL));
}
