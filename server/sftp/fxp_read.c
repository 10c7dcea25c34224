/*
 * READ: from the file into the reply, with nothing between.
 */
#include <errno.h>
#include <unistd.h>

#include "server/sftp/fxp_reply.h"
#include "server/sftp/fxp_requests.h"

#define DATA_HEAD_BYTES (FXP_REPLY_HEAD_BYTES + 4u)

enum fxp_progress fxp_do_read(struct fxp *fxp, struct fxp_request *request)
{
	struct fxp_handle *handle = request->handle;
	uint64_t offset = fxp_get_u64(&request->body);
	uint32_t wanted = fxp_get_u32(&request->body);
	struct fxp_writer writer;
	ssize_t n;

	if (request->body.failed)
		return fxp_reply_bad_message(fxp, request);
	if (!handle->read)
		return fxp_reply_status(fxp, request, VFS_PERMISSION);
	if (wanted > FXP_READ_MAX_BYTES)
		wanted = FXP_READ_MAX_BYTES;
	if (offset > (uint64_t)INT64_MAX - wanted)
		return fxp_reply_status(fxp, request, VFS_INVALID);
	if (!fxp_reply_begin(fxp, request->id, FXP_REPLY_DATA, DATA_HEAD_BYTES + wanted, &writer))
		return FXP_NO_ROOM;
	do
		n = pread(handle->fd, writer.bytes + DATA_HEAD_BYTES, wanted, (off_t)offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return fxp_reply_status(fxp, request, VFS_IO);
	if (n == 0 && wanted > 0)
		return fxp_reply_eof(fxp, request);
	fxp_put_u32(&writer, (uint32_t)n);
	writer.length += (size_t)n;
	handle->moved += (uint64_t)n;
	fxp->moved_ms = fxp->now_ms;
	return fxp_reply_end(fxp, &writer);
}
