/*
 * statvfs, fstatvfs, space-available.
 */
#include "server/sftp/fxp_extensions.h"
#include "server/sftp/fxp_reply.h"

/* f_flag (OpenSSH's PROTOCOL, 4.4). */
#define FLAG_RDONLY 0x1u
#define FLAG_NOSUID 0x2u

static enum fxp_progress reply_space(
    struct fxp *fxp, const struct fxp_request *request, const struct guard_rep_statvfs *space)
{
	struct fxp_writer writer;

	if (!fxp_reply_begin(fxp, request->id, FXP_REPLY_EXTENDED, FXP_REPLY_MAX_BYTES, &writer))
		return FXP_NO_ROOM;
	fxp_put_u64(&writer, space->block_size);
	fxp_put_u64(&writer, space->fragment_size);
	fxp_put_u64(&writer, space->blocks);
	fxp_put_u64(&writer, space->blocks_free);
	fxp_put_u64(&writer, space->blocks_available);
	fxp_put_u64(&writer, space->files);
	fxp_put_u64(&writer, space->files_free);
	fxp_put_u64(&writer, space->files_available);
	fxp_put_u64(&writer, space->filesystem_id);
	fxp_put_u64(&writer, FLAG_NOSUID | (space->read_only != 0 ? FLAG_RDONLY : 0));
	fxp_put_u64(&writer, space->name_max);
	return fxp_reply_end(fxp, &writer);
}

enum fxp_progress fxp_ext_statvfs(struct fxp *fxp, struct fxp_request *request)
{
	struct guard_req_statvfs ask = { .path = request->path.text };
	struct guard_rep_statvfs reply;
	enum vfs_status status = guard_client_statvfs(fxp->guard, &ask, &reply, NULL);

	if (status != VFS_OK)
		return fxp_reply_status(fxp, request, status);
	return reply_space(fxp, request, &reply);
}

enum fxp_progress fxp_ext_fstatvfs(struct fxp *fxp, struct fxp_request *request)
{
	struct guard_req_fstatvfs ask = { .handle = request->handle->guard };
	struct guard_rep_fstatvfs reply;
	struct guard_rep_statvfs same;
	enum vfs_status status = guard_client_fstatvfs(fxp->guard, &ask, &reply, NULL);

	if (status != VFS_OK)
		return fxp_reply_status(fxp, request, status);
	same = (struct guard_rep_statvfs){
		.block_size = reply.block_size,
		.fragment_size = reply.fragment_size,
		.blocks = reply.blocks,
		.blocks_free = reply.blocks_free,
		.blocks_available = reply.blocks_available,
		.files = reply.files,
		.files_free = reply.files_free,
		.files_available = reply.files_available,
		.filesystem_id = reply.filesystem_id,
		.name_max = reply.name_max,
		.read_only = reply.read_only,
	};
	return reply_space(fxp, request, &same);
}

/* draft-ietf-secsh-filexfer-extensions-00, 4; the device's share and the user's are the same while there is no quota. */
enum fxp_progress fxp_ext_space(struct fxp *fxp, struct fxp_request *request)
{
	struct guard_req_statvfs ask = { .path = request->path.text };
	struct guard_rep_statvfs space;
	enum vfs_status status = guard_client_statvfs(fxp->guard, &ask, &space, NULL);
	struct fxp_writer writer;

	if (status != VFS_OK)
		return fxp_reply_status(fxp, request, status);
	if (!fxp_reply_begin(fxp, request->id, FXP_REPLY_EXTENDED, FXP_REPLY_MAX_BYTES, &writer))
		return FXP_NO_ROOM;
	fxp_put_u64(&writer, space.blocks * space.fragment_size);
	fxp_put_u64(&writer, space.blocks_free * space.fragment_size);
	fxp_put_u64(&writer, space.blocks * space.fragment_size);
	fxp_put_u64(&writer, space.blocks_available * space.fragment_size);
	fxp_put_u32(&writer, space.block_size > UINT32_MAX ? UINT32_MAX : (uint32_t)space.block_size);
	return fxp_reply_end(fxp, &writer);
}
