/*
 * What is done to names: REALPATH, RENAME, REMOVE, MKDIR, RMDIR, links.
 */
#include <string.h>

#include "server/sftp/fxp_extensions.h"
#include "server/sftp/fxp_reply.h"

/* The user's view has no other truth than its text, so no answer tells of real paths, nor whether a name exists. */
enum fxp_progress fxp_do_realpath(struct fxp *fxp, struct fxp_request *request)
{
	return fxp_reply_name(fxp, request, request->path.text);
}

/* --- removing and making -------------------------------------------------------------------- */

enum fxp_progress fxp_do_remove(struct fxp *fxp, struct fxp_request *request)
{
	struct guard_req_remove ask = { .path = request->path.text };

	return fxp_reply_status(fxp, request, guard_client_remove(fxp->guard, &ask, NULL, NULL));
}

enum fxp_progress fxp_do_mkdir(struct fxp *fxp, struct fxp_request *request)
{
	struct guard_req_mkdir ask = { .path = request->path.text, .mode = UINT32_MAX };
	struct fxp_attrs attrs;

	fxp_get_attrs(&request->body, &attrs);
	if (request->body.failed)
		return fxp_reply_bad_message(fxp, request);
	if ((attrs.flags & FXP_ATTR_PERMISSIONS) != 0)
		ask.mode = attrs.permissions & 07777u;
	return fxp_reply_status(fxp, request, guard_client_mkdir(fxp->guard, &ask, NULL, NULL));
}

enum fxp_progress fxp_do_rmdir(struct fxp *fxp, struct fxp_request *request)
{
	struct guard_req_rmdir ask = { .path = request->path.text };

	return fxp_reply_status(fxp, request, guard_client_rmdir(fxp->guard, &ask, NULL, NULL));
}

/* --- renaming ------------------------------------------------------------------------------- */

static enum fxp_progress rename_path(struct fxp *fxp, struct fxp_request *request, bool replace)
{
	struct guard_req_rename ask = {
		.from = request->path.text,
		.to = request->second.text,
		.replace = replace,
	};

	return fxp_reply_status(fxp, request, guard_client_rename(fxp->guard, &ask, NULL, NULL));
}

enum fxp_progress fxp_do_rename(struct fxp *fxp, struct fxp_request *request)
{
	return rename_path(fxp, request, false);
}

enum fxp_progress fxp_ext_posix_rename(struct fxp *fxp, struct fxp_request *request)
{
	return rename_path(fxp, request, true);
}

/* --- links ---------------------------------------------------------------------------------- */

enum fxp_progress fxp_ext_hardlink(struct fxp *fxp, struct fxp_request *request)
{
	struct guard_req_link ask = { .from = request->path.text, .to = request->second.text };

	return fxp_reply_status(fxp, request, guard_client_link(fxp->guard, &ask, NULL, NULL));
}

/* OpenSSH's PROTOCOL, 4.1: its clients and server have always had the arguments the other way round than the draft. */
enum fxp_progress fxp_do_symlink(struct fxp *fxp, struct fxp_request *request)
{
	char target[VFS_PATH_MAX];
	struct guard_req_symlink ask = { .target = target, .path = request->path.text };
	enum vfs_status status = fxp_get_text(&request->body, target);
	enum vfs_status second = fxp_requests_path(fxp, &request->body, &request->path);

	if (request->body.failed)
		return fxp_reply_bad_message(fxp, request);
	if (status == VFS_OK)
		status = second;
	if (status == VFS_OK)
		status = guard_client_symlink(fxp->guard, &ask, NULL, NULL);
	return fxp_reply_status(fxp, request, status);
}

enum fxp_progress fxp_do_readlink(struct fxp *fxp, struct fxp_request *request)
{
	struct guard_req_readlink ask = { .path = request->path.text };
	struct guard_rep_readlink reply;
	enum vfs_status status = guard_client_readlink(fxp->guard, &ask, &reply, NULL);

	if (status != VFS_OK)
		return fxp_reply_status(fxp, request, status);
	return fxp_reply_name(fxp, request, reply.target);
}

/* --- homes ---------------------------------------------------------------------------------- */

/* Only one's own is known: whether others exist is nobody's business. */
static bool is_own(const struct fxp *fxp, const char *user, size_t n)
{
	return n == 0 || (n == strlen(fxp->start.user) && memcmp(user, fxp->start.user, n) == 0);
}

enum fxp_progress fxp_ext_home_directory(struct fxp *fxp, struct fxp_request *request)
{
	char user[VFS_PATH_MAX];
	enum vfs_status status = fxp_get_text(&request->body, user);

	if (request->body.failed)
		return fxp_reply_bad_message(fxp, request);
	if (status == VFS_OK && !is_own(fxp, user, strlen(user)))
		status = VFS_NOT_FOUND;
	if (status == VFS_OK)
		status = vfs_path_resolve(&request->path, fxp->start.start_dir, "");
	if (status != VFS_OK)
		return fxp_reply_status(fxp, request, status);
	return fxp_reply_name(fxp, request, request->path.text);
}

enum fxp_progress fxp_ext_expand_path(struct fxp *fxp, struct fxp_request *request)
{
	char text[VFS_PATH_MAX];
	enum vfs_status status = fxp_get_text(&request->body, text);
	const char *rest = text;

	if (request->body.failed)
		return fxp_reply_bad_message(fxp, request);
	if (status == VFS_OK && text[0] == '~') {
		size_t n = strcspn(text + 1, "/");

		if (!is_own(fxp, text + 1, n))
			status = VFS_NOT_FOUND;
		rest = text + 1 + n;
		rest += strspn(rest, "/");
	}
	if (status == VFS_OK)
		status = vfs_path_resolve(&request->path, fxp->start.start_dir, rest);
	if (status != VFS_OK)
		return fxp_reply_status(fxp, request, status);
	return fxp_reply_name(fxp, request, request->path.text);
}
