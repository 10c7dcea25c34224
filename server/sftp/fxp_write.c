/*
 * WRITE, where it could not be gathered as it came (fxp_input.c).
 */
#include "server/sftp/fxp_reply.h"
#include "server/sftp/fxp_requests.h"

enum fxp_progress fxp_do_write(struct fxp *fxp, struct fxp_request *request)
{
	struct fxp_handle *handle = request->handle;
	uint64_t offset = fxp_get_u64(&request->body);
	struct fxp_string data = fxp_get_string(&request->body);

	if (request->body.failed)
		return fxp_reply_bad_message(fxp, request);
	if (!handle->write)
		return fxp_reply_status(fxp, request, VFS_PERMISSION);
	if (handle->failure != VFS_OK || data.length == 0)
		return fxp_reply_status(fxp, request, handle->failure);
	if (offset > (uint64_t)INT64_MAX - data.length)
		return fxp_reply_status(fxp, request, VFS_TOO_BIG);
	fxp->changes++;
	fxp->moved_ms = fxp->now_ms;
	return fxp_reply_status(fxp, request,
	    fxp_gather_add(&fxp->gather, handle, offset, data.bytes, data.length, fxp->now_ms));
}
