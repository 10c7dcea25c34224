#include "server/sftp/fxp_copy.h"

#include "server/sftp/fxp_close.h"
#include "server/sftp/fxp_extensions.h"
#include "server/sftp/fxp_reply.h"

#define TO_THE_END UINT64_MAX

/* --- steps ---------------------------------------------------------------------------------- */

/* One step.  VFS_OK with *over false: there is more to do. */
static enum vfs_status copy_step(struct fxp *fxp, bool *over)
{
	struct fxp_job *job = &fxp->job;
	struct guard_req_copy ask = {
		.from = job->from,
		.from_offset = job->from_offset,
		.to = job->to,
		.to_offset = job->to_offset,
		.length = job->left,
	};
	struct guard_rep_copy reply = { .copied = 0 };
	enum vfs_status status = guard_client_copy(fxp->guard, &ask, &reply, NULL);

	*over = true;
	if (status != VFS_OK)
		return status;
	if (reply.copied > job->left || reply.copied > INT64_MAX - job->from_offset ||
	    reply.copied > INT64_MAX - job->to_offset)
		return VFS_IO;
	fxp->changes++;
	fxp->moved_ms = fxp->now_ms;
	job->from_offset += reply.copied;
	job->to_offset += reply.copied;
	if (job->left != TO_THE_END)
		job->left -= reply.copied;
	*over = reply.copied == 0 || job->left == 0;
	return VFS_OK;
}

/* --- copy-data ------------------------------------------------------------------------------ */

/* OpenSSH's PROTOCOL, 4.10: a range that would be read after it was written is refused. */
static enum vfs_status check_range(struct fxp *fxp, const struct fxp_handle *from, const struct fxp_handle *to)
{
	const struct fxp_job *job = &fxp->job;
	struct guard_req_fstat ask = { .handle = from->guard };
	struct guard_rep_fstat now;
	uint64_t n = job->left;
	enum vfs_status status;

	if (job->from_offset > INT64_MAX || job->to_offset > INT64_MAX ||
	    (n != TO_THE_END && (n > INT64_MAX - job->from_offset || n > INT64_MAX - job->to_offset)))
		return VFS_INVALID;
	if (from->attr.inode != to->attr.inode || from->attr.device != to->attr.device)
		return VFS_OK;
	status = guard_client_fstat(fxp->guard, &ask, &now, NULL);
	if (status != VFS_OK)
		return status;
	if (job->from_offset >= now.attr.size)
		return VFS_OK;
	if (n > now.attr.size - job->from_offset)
		n = now.attr.size - job->from_offset;
	return job->from_offset < job->to_offset + n && job->to_offset < job->from_offset + n ? VFS_INVALID
											      : VFS_OK;
}

/* After these a file is not what the client believes, so its CLOSE must fail. */
static bool is_failed_write(enum vfs_status status)
{
	return status == VFS_NO_SPACE || status == VFS_QUOTA || status == VFS_TOO_BIG || status == VFS_IO;
}

enum fxp_progress fxp_ext_copy_data(struct fxp *fxp, struct fxp_request *request)
{
	uint64_t from_offset = fxp_get_u64(&request->body);
	uint64_t length = fxp_get_u64(&request->body);
	struct fxp_handle *to = fxp_handles_find(&fxp->handles, fxp_get_string(&request->body));
	uint64_t to_offset = fxp_get_u64(&request->body);
	struct fxp_job *job = &fxp->job;
	enum vfs_status status = VFS_OK;
	bool over = true;

	if (request->body.failed)
		return fxp_reply_bad_message(fxp, request);
	if (to == NULL || to->kind != FXP_HANDLE_FILE)
		return fxp_reply_status(fxp, request, VFS_BAD_HANDLE);
	if (!job->running) {
		*job = (struct fxp_job){
			.running = true,
			.from = request->handle->guard,
			.to = to->guard,
			.from_offset = from_offset,
			.to_offset = to_offset,
			.left = length == 0 ? TO_THE_END : length,
		};
		status = to->failure != VFS_OK ? to->failure : check_range(fxp, request->handle, to);
	}
	if (status == VFS_OK)
		status = copy_step(fxp, &over);
	if (status == VFS_OK && !over)
		return FXP_MORE;
	if (is_failed_write(status) && to->failure == VFS_OK)
		to->failure = status;
	job->running = false;
	if (status == VFS_OK && job->left != TO_THE_END && job->left > 0)
		return fxp_reply_eof(fxp, request);
	return fxp_reply_status(fxp, request, status);
}

/* --- copy-file ------------------------------------------------------------------------------ */

static enum vfs_status begin_copy_file(struct fxp *fxp, const struct fxp_request *request, bool replace)
{
	struct fxp_job *job = &fxp->job;
	struct guard_req_open from = { .path = request->path.text, .flags = VFS_OPEN_READ };
	/* Staged in any case: nobody sees half a copy, nor does a file copied to itself come to harm. */
	struct guard_req_open to = {
		.path = request->second.text,
		.flags = VFS_OPEN_WRITE | VFS_OPEN_CREATE | VFS_OPEN_TRUNCATE | VFS_OPEN_STAGED |
			 (replace ? 0u : (uint32_t)VFS_OPEN_EXCLUSIVE),
	};
	struct guard_rep_open reply;
	enum vfs_status status = guard_client_open(fxp->guard, &from, &reply, NULL);

	if (status != VFS_OK)
		return status;
	*job = (struct fxp_job){ .running = true, .own_handles = true, .from = reply.handle, .left = TO_THE_END };
	to.mode = reply.attr.mode;
	status = guard_client_open(fxp->guard, &to, &reply, NULL);
	if (status == VFS_OK)
		job->to = reply.handle;
	return status;
}

/* Close what begin_copy_file opened; the status of it all. */
static enum vfs_status end_copy_file(struct fxp *fxp, enum vfs_status status)
{
	struct fxp_job *job = &fxp->job;
	struct guard_req_close from = { .handle = job->from, .outcome = VFS_CLOSE_COMPLETE };
	struct guard_req_close to = {
		.handle = job->to,
		.outcome = status == VFS_OK ? VFS_CLOSE_COMPLETE : VFS_CLOSE_FAILED,
		.reason = status,
	};

	job->running = false;
	if (job->to != 0) {
		enum vfs_status closed = fxp_close_guard(fxp, &to);

		if (status == VFS_OK)
			status = closed;
	}
	fxp_close_soon(fxp, &from);
	return status;
}

enum fxp_progress fxp_ext_copy_file(struct fxp *fxp, struct fxp_request *request)
{
	bool replace = fxp_get_u8(&request->body) != 0;
	enum vfs_status status = VFS_OK;
	bool over = true;

	if (request->body.failed)
		return fxp_reply_bad_message(fxp, request);
	if (!fxp->job.running)
		status = begin_copy_file(fxp, request, replace);
	if (status == VFS_OK)
		status = copy_step(fxp, &over);
	if (status == VFS_OK && !over)
		return FXP_MORE;
	if (fxp->job.running)
		status = end_copy_file(fxp, status);
	return fxp_reply_status(fxp, request, status);
}

void fxp_copy_abandon(struct fxp *fxp)
{
	if (fxp->job.running && fxp->job.own_handles && fxp->job.check == NULL)
		(void)end_copy_file(fxp, VFS_CANCELLED);
}
