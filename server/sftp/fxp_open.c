/*
 * OPEN.
 */
#include <string.h>

#include "server/sftp/fxp_close.h"
#include "server/sftp/fxp_reply.h"
#include "server/sftp/fxp_requests.h"

/* pflags (draft-ietf-secsh-filexfer-02, 6.3). */
enum pflag {
	PFLAG_READ = 0x01,
	PFLAG_WRITE = 0x02,
	PFLAG_APPEND = 0x04,
	PFLAG_CREAT = 0x08,
	PFLAG_TRUNC = 0x10,
	PFLAG_EXCL = 0x20,
};

/* In terms of open(2): neither READ nor WRITE is O_RDONLY, APPEND means nothing without WRITE, nor EXCL without CREAT. */
static uint32_t flags_of(uint32_t pflags)
{
	uint32_t flags = 0;

	if ((pflags & PFLAG_WRITE) == 0 || (pflags & PFLAG_READ) != 0)
		flags |= VFS_OPEN_READ;
	if ((pflags & PFLAG_WRITE) != 0)
		flags |= VFS_OPEN_WRITE;
	if ((pflags & PFLAG_APPEND) != 0 && (pflags & PFLAG_WRITE) != 0)
		flags |= VFS_OPEN_APPEND;
	if ((pflags & PFLAG_CREAT) != 0)
		flags |= VFS_OPEN_CREATE;
	if ((pflags & PFLAG_TRUNC) != 0)
		flags |= VFS_OPEN_TRUNCATE;
	if ((pflags & PFLAG_EXCL) != 0 && (pflags & PFLAG_CREAT) != 0)
		flags |= VFS_OPEN_EXCLUSIVE;
	return flags;
}

struct opening {
	struct guard_req_open ask;
	struct guard_rep_open reply;
	int fd;
};

static enum vfs_status ask_guard(struct fxp *fxp, struct opening *opening)
{
	uint32_t wished = opening->ask.flags;
	enum vfs_status status;

	if ((wished & VFS_OPEN_WRITE) != 0 || (wished & VFS_OPEN_CREATE) == 0)
		return guard_client_open(fxp->guard, &opening->ask, &opening->reply, &opening->fd);
	/* Make it if missing, and only read it: what is there must not need the right to write. */
	opening->ask.flags = wished & ~(uint32_t)(VFS_OPEN_CREATE | VFS_OPEN_EXCLUSIVE);
	status = VFS_NOT_FOUND;
	if ((wished & VFS_OPEN_EXCLUSIVE) == 0)
		status = guard_client_open(fxp->guard, &opening->ask, &opening->reply, &opening->fd);
	if (status == VFS_NOT_FOUND) {
		opening->ask.flags = wished | VFS_OPEN_WRITE;
		status = guard_client_open(fxp->guard, &opening->ask, &opening->reply, &opening->fd);
	}
	return status;
}

static enum fxp_progress reply_handle(
    struct fxp *fxp, const struct fxp_request *request, const struct fxp_handle *handle)
{
	struct fxp_writer writer;
	uint8_t name[FXP_HANDLE_BYTES];

	if (!fxp_reply_begin(fxp, request->id, FXP_REPLY_HANDLE, FXP_REPLY_MAX_BYTES, &writer))
		return FXP_NO_ROOM;
	fxp_handles_name(handle, name);
	fxp_put_string(&writer, name, sizeof(name));
	return fxp_reply_end(fxp, &writer);
}

enum fxp_progress fxp_do_open(struct fxp *fxp, struct fxp_request *request)
{
	uint32_t pflags = fxp_get_u32(&request->body);
	struct fxp_handle *handle;
	struct fxp_attrs attrs;
	enum vfs_status status;
	struct opening opening = { .ask.path = request->path.text, .ask.flags = flags_of(pflags), .fd = -1 };

	fxp_get_attrs(&request->body, &attrs);
	if (request->body.failed)
		return fxp_reply_bad_message(fxp, request);
	opening.ask.mode = (attrs.flags & FXP_ATTR_PERMISSIONS) != 0 ? attrs.permissions & 07777u : UINT32_MAX;
	handle = fxp_handles_add(&fxp->handles, FXP_HANDLE_FILE);
	if (handle == NULL)
		return fxp_reply_status(fxp, request, VFS_TOO_MANY_OPEN);
	status = ask_guard(fxp, &opening);
	if (status != VFS_OK) {
		fxp_handles_remove(&fxp->handles, &handle);
		return fxp_reply_status(fxp, request, status);
	}
	handle->guard = opening.reply.handle;
	handle->fd = opening.fd;
	handle->read = (opening.ask.flags & VFS_OPEN_READ) != 0;
	handle->write = (opening.ask.flags & VFS_OPEN_WRITE) != 0;
	handle->append = (opening.ask.flags & VFS_OPEN_APPEND) != 0;
	handle->attr = opening.reply.attr;
	handle->opened_ms = fxp->now_ms;
	handle->opened_change = fxp->changes;
	/* A transfer begins: who stops the server now waits for it. */
	fxp->moved_ms = fxp->now_ms;
	return reply_handle(fxp, request, handle);
}

enum fxp_progress fxp_do_opendir(struct fxp *fxp, struct fxp_request *request)
{
	struct guard_req_opendir ask = { .path = request->path.text };
	struct fxp_handle *handle = fxp_handles_add(&fxp->handles, FXP_HANDLE_DIR);
	struct guard_rep_opendir reply;
	enum vfs_status status;

	if (handle == NULL)
		return fxp_reply_status(fxp, request, VFS_TOO_MANY_OPEN);
	handle->listing.path = strdup(request->path.text);
	status = handle->listing.path != NULL ? guard_client_opendir(fxp->guard, &ask, &reply, NULL)
					      : VFS_NO_MEMORY;
	if (status != VFS_OK) {
		fxp_handles_remove(&fxp->handles, &handle);
		return fxp_reply_status(fxp, request, status);
	}
	handle->guard = reply.handle;
	return reply_handle(fxp, request, handle);
}
