#include "server/sftp/fxp_requests.h"

#include "server/sftp/fxp_reply.h"

#define ROW(request, packet, what, whose, text)	      \
	{                                                     \
		.name = #request, .why = (text), .number = (packet), .takes = FXP_TAKES_##what, \
		.sees = FXP_SEES_##whose, .handle = fxp_do_##request,			      \
	},
const struct fxp_request_row fxp_request_rows[] = { FXP_REQUESTS(ROW) };
const size_t fxp_request_row_count = sizeof(fxp_request_rows) / sizeof(fxp_request_rows[0]);

static const struct fxp_request_row *find_row(uint8_t number)
{
	for (size_t i = 0; i < fxp_request_row_count; i++)
		if (fxp_request_rows[i].number == number)
			return &fxp_request_rows[i];
	return NULL;
}

enum vfs_status fxp_requests_path(
    const struct fxp *fxp, struct fxp_reader *reader, struct vfs_path *out)
{
	char text[VFS_PATH_MAX];
	enum vfs_status status = fxp_get_text(reader, text);

	return status == VFS_OK ? vfs_path_resolve(out, fxp->start.start_dir, text) : status;
}

static bool is_of_kind(const struct fxp_handle *handle, enum fxp_takes takes)
{
	return takes == FXP_TAKES_HANDLE ||
	       handle->kind == (takes == FXP_TAKES_DIR ? FXP_HANDLE_DIR : FXP_HANDLE_FILE);
}

static enum vfs_status take_arguments(struct fxp *fxp, struct fxp_request *request, enum fxp_takes takes)
{
	enum vfs_status status;

	switch (takes) {
	case FXP_TAKES_NOTHING:
		return VFS_OK;
	case FXP_TAKES_PATH:
		return fxp_requests_path(fxp, &request->body, &request->path);
	case FXP_TAKES_PATHS:
		status = fxp_requests_path(fxp, &request->body, &request->path);
		return status == VFS_OK ? fxp_requests_path(fxp, &request->body, &request->second) : status;
	case FXP_TAKES_HANDLE:
	case FXP_TAKES_FILE:
	case FXP_TAKES_DIR:
		request->handle = fxp_handles_find(&fxp->handles, fxp_get_string(&request->body));
		return request->handle != NULL && is_of_kind(request->handle, takes) ? VFS_OK : VFS_BAD_HANDLE;
	}
	return VFS_INVALID;
}

enum fxp_progress fxp_requests_run(struct fxp *fxp, struct fxp_request *request, enum fxp_takes takes,
    enum fxp_sees sees, fxp_handler_fn *handle)
{
	enum vfs_status status = take_arguments(fxp, request, takes);

	if (request->body.failed)
		return fxp_reply_bad_message(fxp, request);
	if (status != VFS_OK)
		return fxp_reply_status(fxp, request, status);
	if (sees == FXP_SEES_ALL)
		fxp_gather_flush_all(&fxp->gather);
	else if (sees == FXP_SEES_FILE)
		fxp_gather_flush_file(&fxp->gather, request->handle);
	return handle(fxp, request);
}

enum fxp_progress fxp_requests_dispatch(struct fxp *fxp, const uint8_t *packet, size_t length)
{
	struct fxp_request *request = &fxp->request;
	const struct fxp_request_row *row;

	request->body = (struct fxp_reader){ .bytes = packet, .left = length };
	row = find_row(fxp_get_u8(&request->body));
	request->handle = NULL;
	request->id = fxp_get_u32(&request->body); /* of INIT: the version */
	if (row == NULL)
		return fxp_reply_unsupported(fxp, request);
	return fxp_requests_run(fxp, request, row->takes, row->sees, row->handle);
}
