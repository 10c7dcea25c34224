#include "server/ftp/ftp_cmd_dirs.h"

#include <string.h>

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

static enum vfs_status make(struct ftp_session *session, const char *path)
{
	struct guard_req_mkdir request = {
		.path = path,
		.mode = ftp_session_mode(session, DIR_MODE),
	};

	return guard_client_mkdir(session->guard, &request, NULL, NULL);
}

void ftp_cmd_mkd(struct ftp_session *session, struct ftp_call *call)
{
	enum vfs_status status = make(session, call->path.text);

	if (status != VFS_OK)
		ftp_reply_status(session, status);
	else
		ftp_reply_text(session, FTP_REPLY_CREATED, call->path.text);
}

static bool is_dir(struct ftp_session *session, const char *path)
{
	struct guard_req_stat request = { .path = path, .follow = 1 };
	struct guard_rep_stat found;

	return guard_client_stat(session->guard, &request, &found, NULL) == VFS_OK &&
	       found.attr.kind == VFS_KIND_DIR;
}

/* Other servers make the parents too and do not mind what is there; lftp's "mkdir -p" counts on it. */
void ftp_cmd_site_mkdir(struct ftp_session *session, struct ftp_call *call)
{
	struct vfs_path path = call->path;
	enum vfs_status status = make(session, path.text);

	/* Up to a parent that is there or can be made, cutting the path; then down, piece by piece. */
	while (status == VFS_NOT_FOUND) {
		char *slash = strrchr(path.text, '/');

		if (slash == path.text)
			break;
		*slash = '\0';
		status = make(session, path.text);
	}
	while ((status == VFS_OK || status == VFS_EXISTS) && strlen(path.text) < path.length) {
		path.text[strlen(path.text)] = '/';
		status = make(session, path.text);
	}
	if (status == VFS_EXISTS && is_dir(session, call->path.text))
		status = VFS_OK;
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
