/*
 * STAT, LSTAT, FSTAT, SETSTAT, FSETSTAT, lsetstat.
 */
#include "server/sftp/fxp_extensions.h"
#include "server/sftp/fxp_reply.h"

/* --- asking --------------------------------------------------------------------------------- */

static enum fxp_progress stat_name(struct fxp *fxp, const struct fxp_request *request, bool follow)
{
	struct guard_req_stat ask = { .path = request->path.text, .follow = follow };
	struct guard_rep_stat reply;
	enum vfs_status status = guard_client_stat(fxp->guard, &ask, &reply, NULL);

	if (status != VFS_OK)
		return fxp_reply_status(fxp, request, status);
	return fxp_reply_attrs(fxp, request, &reply.attr);
}

enum fxp_progress fxp_do_stat(struct fxp *fxp, struct fxp_request *request)
{
	return stat_name(fxp, request, true);
}

enum fxp_progress fxp_do_lstat(struct fxp *fxp, struct fxp_request *request)
{
	return stat_name(fxp, request, false);
}

enum fxp_progress fxp_do_fstat(struct fxp *fxp, struct fxp_request *request)
{
	const struct fxp_handle *handle = request->handle;
	struct guard_req_fstat ask = { .handle = handle->guard };
	struct guard_rep_fstat reply;
	enum vfs_status status;

	/* Many clients ask right after OPEN, which was told already. */
	if (handle->kind == FXP_HANDLE_FILE && handle->opened_change == fxp->changes &&
	    fxp->now_ms < handle->opened_ms + FXP_FRESH_MS)
		return fxp_reply_attrs(fxp, request, &handle->attr);
	status = guard_client_fstat(fxp->guard, &ask, &reply, NULL);
	if (status != VFS_OK)
		return fxp_reply_status(fxp, request, status);
	return fxp_reply_attrs(fxp, request, &reply.attr);
}

/* --- setting -------------------------------------------------------------------------------- */

static struct vfs_change change_of(const struct fxp_attrs *attrs)
{
	struct vfs_change change = {
		.size = attrs->size,
		.mtime = attrs->mtime,
		.atime = attrs->atime,
		.mode = attrs->permissions & 07777u,
		.uid = attrs->uid,
		.gid = attrs->gid,
	};

	if ((attrs->flags & FXP_ATTR_SIZE) != 0)
		change.fields |= VFS_SET_SIZE;
	if ((attrs->flags & FXP_ATTR_UIDGID) != 0)
		change.fields |= VFS_SET_OWNER;
	if ((attrs->flags & FXP_ATTR_PERMISSIONS) != 0)
		change.fields |= VFS_SET_MODE;
	if ((attrs->flags & FXP_ATTR_ACMODTIME) != 0)
		change.fields |= VFS_SET_ATIME | VFS_SET_MTIME;
	return change;
}

static enum fxp_progress set_name(struct fxp *fxp, struct fxp_request *request, bool follow)
{
	struct guard_req_setattr ask = { .path = request->path.text, .follow = follow };
	struct fxp_attrs attrs;

	fxp_get_attrs(&request->body, &attrs);
	/* A link has no size to set (OpenSSH's PROTOCOL, 4.7). */
	if (request->body.failed || (!follow && (attrs.flags & FXP_ATTR_SIZE) != 0))
		return fxp_reply_bad_message(fxp, request);
	fxp->changes++;
	ask.change = change_of(&attrs);
	return fxp_reply_status(fxp, request, guard_client_setattr(fxp->guard, &ask, NULL, NULL));
}

enum fxp_progress fxp_do_setstat(struct fxp *fxp, struct fxp_request *request)
{
	return set_name(fxp, request, true);
}

enum fxp_progress fxp_ext_lsetstat(struct fxp *fxp, struct fxp_request *request)
{
	return set_name(fxp, request, false);
}

enum fxp_progress fxp_do_fsetstat(struct fxp *fxp, struct fxp_request *request)
{
	struct guard_req_fsetattr ask = { .handle = request->handle->guard };
	struct fxp_attrs attrs;

	fxp_get_attrs(&request->body, &attrs);
	if (request->body.failed)
		return fxp_reply_bad_message(fxp, request);
	fxp->changes++;
	ask.change = change_of(&attrs);
	return fxp_reply_status(fxp, request, guard_client_fsetattr(fxp->guard, &ask, NULL, NULL));
}

enum fxp_progress fxp_ext_fsync(struct fxp *fxp, struct fxp_request *request)
{
	struct guard_req_fsync ask = { .handle = request->handle->guard };
	enum vfs_status status = request->handle->failure;

	if (status == VFS_OK)
		status = guard_client_fsync(fxp->guard, &ask, NULL, NULL);
	return fxp_reply_status(fxp, request, status);
}
