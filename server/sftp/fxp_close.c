#include "server/sftp/fxp_close.h"

#include "server/sftp/fxp_dirs.h"
#include "server/sftp/fxp_reply.h"
#include "server/sftp/fxp_requests.h"

enum vfs_status fxp_close_guard(struct fxp *fxp, const struct guard_req_close *ask)
{
	return guard_client_close(fxp->guard, ask, NULL, NULL);
}

void fxp_close_soon(struct fxp *fxp, const struct guard_req_close *ask)
{
	(void)guard_client_tell_close(fxp->guard, ask);
}

enum vfs_status fxp_close_handle(struct fxp *fxp, struct fxp_handle **handle_pointer, bool complete)
{
	struct fxp_handle *handle = *handle_pointer;
	enum vfs_status failure = fxp_gather_flush(&fxp->gather, handle);
	enum vfs_status status = VFS_OK;
	bool write = handle->write;
	struct guard_req_close ask = {
		.handle = handle->guard,
		.outcome = complete ? VFS_CLOSE_COMPLETE : VFS_CLOSE_ABORTED,
		.bytes = handle->moved,
	};

	if (failure != VFS_OK) {
		ask.outcome = VFS_CLOSE_FAILED;
		ask.reason = failure;
	}
	fxp_gather_leave(&fxp->gather, handle);
	fxp_dirs_forget_ahead(fxp, handle);
	/* Before the guard ends it: while our descriptor is open an upload that is kept counts as running. */
	fxp_handles_remove(&fxp->handles, handle_pointer);
	if (write)
		status = fxp_close_guard(fxp, &ask);
	else
		fxp_close_soon(fxp, &ask);
	return failure != VFS_OK ? failure : status;
}

enum fxp_progress fxp_do_close(struct fxp *fxp, struct fxp_request *request)
{
	return fxp_reply_status(fxp, request, fxp_close_handle(fxp, &request->handle, true));
}
