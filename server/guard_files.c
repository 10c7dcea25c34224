/*
 * Requests about files and names: from the message to the VFS, from its answer to the reply and the
 * log.
 *
 * No policy here: rights, paths and staging are the VFS's.  Each handler is what its message says.
 */
#include "server/base/text.h"
#include "server/guard_private.h"

/* Where a reply's path stays until it is sent. */
static const char *keep_path(struct guard *guard, const struct vfs_path *path)
{
	text_copy(guard->text, sizeof(guard->text), path->length > 0 ? path->text : "/");
	return guard->text;
}

/* Log a change of names that happened; hand its status on. */
static enum vfs_status changed(
    struct guard *guard, enum vfs_status status, enum event_id id, const char *path, const char *to)
{
	if (status == VFS_OK)
		guard_log_path(guard, id, path, to);
	return status;
}

/* --- open files --------------------------------------------------------------------------- */

static enum guard_transfer_kind kind_of(uint32_t flags)
{
	if ((flags & VFS_OPEN_WRITE) != 0)
		return GUARD_TRANSFER_UPLOAD;
	if ((flags & VFS_OPEN_CHECKSUM) != 0)
		return GUARD_TRANSFER_QUIET;
	return GUARD_TRANSFER_DOWNLOAD;
}

enum vfs_status guard_do_open(struct guard *guard, const struct guard_req_open *ask,
    struct guard_rep_open *reply, int *fd_out)
{
	struct vfs_opened opened = { .fd = -1 };
	struct vfs_closed closed;
	enum vfs_status status =
	    vfs_open(guard->vfs, ask->path, ask->flags, ask->offset, ask->mode, &opened);

	guard->open_failed = true;
	if (status != VFS_OK) {
		if ((ask->flags & VFS_OPEN_WRITE) != 0)
			guard_transfer_refused(guard, ask->path, status);
		return status;
	}
	if (!guard_transfer_begin(
	        guard, kind_of(ask->flags), opened.handle, opened.path.text, opened.offset)) {
		vfs_close(guard->vfs, opened.handle, VFS_CLOSE_FAILED, &closed);
		return VFS_NO_MEMORY;
	}
	guard->open_failed = false;
	reply->handle = opened.handle;
	reply->attr = opened.attr;
	reply->offset = opened.offset;
	reply->staged = opened.staged;
	reply->path = keep_path(guard, &opened.path);
	reply->next_port = guard_data_bring_along(guard, (enum guard_passive)ask->passive);
	*fd_out = opened.fd;
	return VFS_OK;
}

enum vfs_status guard_do_close(struct guard *guard, const struct guard_req_close *ask,
    struct guard_rep_close *reply, int *fd_out)
{
	struct guard_transfer *transfer = guard_transfer_find(guard, ask->handle);
	struct vfs_closed closed = { .write = false };
	struct guard_transfer_end end = {
		.outcome = (enum vfs_outcome)ask->outcome,
		.reason = (enum vfs_status)ask->reason,
		.bytes = ask->bytes,
		.by_kernel = ask->by_kernel != 0,
		.algorithms = ask->algorithms,
		.closed = &closed,
	};

	(void)fd_out;
	if (transfer == NULL)
		return VFS_BAD_HANDLE;
	end.status = vfs_close(guard->vfs, ask->handle, end.outcome, &closed);
	guard_transfer_finish(guard, transfer, &end);
	reply->path = keep_path(guard, &closed.path);
	reply->size = closed.size;
	reply->kept = closed.kept;
	return end.status;
}

enum vfs_status guard_do_fstat(struct guard *guard, const struct guard_req_fstat *ask,
    struct guard_rep_fstat *reply, int *fd_out)
{
	(void)fd_out;
	return vfs_fstat(guard->vfs, ask->handle, &reply->attr);
}

enum vfs_status guard_do_fsetattr(struct guard *guard, const struct guard_req_fsetattr *ask,
    struct guard_rep_fsetattr *reply, int *fd_out)
{
	const struct guard_transfer *transfer = guard_transfer_find(guard, ask->handle);

	(void)reply;
	(void)fd_out;
	return changed(guard, vfs_fsetattr(guard->vfs, ask->handle, &ask->change), EVENT_SETATTR,
	    transfer != NULL ? transfer->path : NULL, NULL);
}

enum vfs_status guard_do_fsync(struct guard *guard, const struct guard_req_fsync *ask,
    struct guard_rep_fsync *reply, int *fd_out)
{
	(void)reply;
	(void)fd_out;
	return vfs_fsync(guard->vfs, ask->handle);
}

enum vfs_status guard_do_copy(struct guard *guard, const struct guard_req_copy *ask,
    struct guard_rep_copy *reply, int *fd_out)
{
	enum vfs_status status;

	(void)fd_out;
	status = vfs_copy(guard->vfs, ask->from, ask->from_offset, ask->to, ask->to_offset,
	    ask->length, &reply->copied);
	if (status == VFS_OK && !guard_transfer_copied(guard, ask->from, ask->to, reply->copied))
		return VFS_NO_MEMORY;
	return status;
}

/* --- directories -------------------------------------------------------------------------- */

enum vfs_status guard_do_opendir(struct guard *guard, const struct guard_req_opendir *ask,
    struct guard_rep_opendir *reply, int *fd_out)
{
	struct vfs_closed closed;
	enum vfs_status status = vfs_opendir(guard->vfs, ask->path, &reply->handle);

	(void)fd_out;
	if (status != VFS_OK)
		return status;
	if (!guard_transfer_begin(guard, GUARD_TRANSFER_LIST, reply->handle, ask->path, 0)) {
		vfs_close(guard->vfs, reply->handle, VFS_CLOSE_ABORTED, &closed);
		return VFS_NO_MEMORY;
	}
	return VFS_OK;
}

enum vfs_status guard_do_readdir(struct guard *guard, const struct guard_req_readdir *ask,
    struct guard_rep_readdir *reply, int *fd_out)
{
	struct guard_transfer *transfer = guard_transfer_find(guard, ask->handle);
	struct vfs_batch_writer writer = { .bytes = guard->batch, .size = VFS_BATCH_MAX_BYTES };
	enum vfs_status status;
	bool end = false;

	(void)fd_out;
	if (transfer == NULL || transfer->kind != GUARD_TRANSFER_LIST)
		return VFS_BAD_HANDLE;
	status = vfs_readdir(guard->vfs, ask->handle, ask->flags, &writer, &end);
	transfer->ended = end;
	reply->end = end;
	reply->entries.bytes = writer.bytes;
	reply->entries.length = writer.length;
	return status;
}

enum vfs_status guard_do_chdir(struct guard *guard, const struct guard_req_chdir *ask,
    struct guard_rep_chdir *reply, int *fd_out)
{
	(void)reply;
	(void)fd_out;
	return vfs_chdir(guard->vfs, ask->path);
}

enum vfs_status guard_do_mkdir(struct guard *guard, const struct guard_req_mkdir *ask,
    struct guard_rep_mkdir *reply, int *fd_out)
{
	(void)reply;
	(void)fd_out;
	return changed(
	    guard, vfs_mkdir(guard->vfs, ask->path, ask->mode), EVENT_MKDIR, ask->path, NULL);
}

enum vfs_status guard_do_rmdir(struct guard *guard, const struct guard_req_rmdir *ask,
    struct guard_rep_rmdir *reply, int *fd_out)
{
	(void)reply;
	(void)fd_out;
	return changed(guard, vfs_rmdir(guard->vfs, ask->path), EVENT_RMDIR, ask->path, NULL);
}

/* --- names -------------------------------------------------------------------------------- */

enum vfs_status guard_do_stat(struct guard *guard, const struct guard_req_stat *ask,
    struct guard_rep_stat *reply, int *fd_out)
{
	(void)fd_out;
	return vfs_stat(guard->vfs, ask->path, ask->follow != 0, &reply->attr);
}

enum vfs_status guard_do_setattr(struct guard *guard, const struct guard_req_setattr *ask,
    struct guard_rep_setattr *reply, int *fd_out)
{
	(void)reply;
	(void)fd_out;
	return changed(guard, vfs_setattr(guard->vfs, ask->path, ask->follow != 0, &ask->change),
	    EVENT_SETATTR, ask->path, NULL);
}

enum vfs_status guard_do_remove(struct guard *guard, const struct guard_req_remove *ask,
    struct guard_rep_remove *reply, int *fd_out)
{
	(void)reply;
	(void)fd_out;
	return changed(guard, vfs_remove(guard->vfs, ask->path), EVENT_DELETE, ask->path, NULL);
}

enum vfs_status guard_do_rename(struct guard *guard, const struct guard_req_rename *ask,
    struct guard_rep_rename *reply, int *fd_out)
{
	(void)reply;
	(void)fd_out;
	return changed(guard, vfs_rename(guard->vfs, ask->from, ask->to, ask->replace != 0),
	    EVENT_RENAME, ask->from, ask->to);
}

enum vfs_status guard_do_link(struct guard *guard, const struct guard_req_link *ask,
    struct guard_rep_link *reply, int *fd_out)
{
	(void)reply;
	(void)fd_out;
	return changed(
	    guard, vfs_link(guard->vfs, ask->from, ask->to), EVENT_LINK, ask->to, ask->from);
}

enum vfs_status guard_do_symlink(struct guard *guard, const struct guard_req_symlink *ask,
    struct guard_rep_symlink *reply, int *fd_out)
{
	(void)reply;
	(void)fd_out;
	return changed(guard, vfs_symlink(guard->vfs, ask->target, ask->path), EVENT_LINK,
	    ask->path, ask->target);
}

enum vfs_status guard_do_readlink(struct guard *guard, const struct guard_req_readlink *ask,
    struct guard_rep_readlink *reply, int *fd_out)
{
	(void)fd_out;
	reply->target = guard->text;
	return vfs_readlink(guard->vfs, ask->path, guard->text);
}

/* The fields of statvfs and fstatvfs are the same list. */
#define FILL_SPACE(reply, space)                                \
	do {                                                    \
		(reply)->block_size = (space).block_size;       \
		(reply)->fragment_size = (space).fragment_size; \
		(reply)->blocks = (space).blocks;               \
		(reply)->blocks_free = (space).blocks_free;     \
		(reply)->blocks_available = (space).blocks_available; \
		(reply)->files = (space).files;                 \
		(reply)->files_free = (space).files_free;       \
		(reply)->files_available = (space).files_available; \
		(reply)->filesystem_id = (space).filesystem_id; \
		(reply)->name_max = (space).name_max;           \
		(reply)->read_only = (space).read_only;         \
	} while (0)

enum vfs_status guard_do_statvfs(struct guard *guard, const struct guard_req_statvfs *ask,
    struct guard_rep_statvfs *reply, int *fd_out)
{
	struct vfs_space space = { .read_only = false };
	enum vfs_status status = vfs_statvfs(guard->vfs, ask->path, &space);

	(void)fd_out;
	FILL_SPACE(reply, space);
	return status;
}

enum vfs_status guard_do_fstatvfs(struct guard *guard, const struct guard_req_fstatvfs *ask,
    struct guard_rep_fstatvfs *reply, int *fd_out)
{
	struct vfs_space space = { .read_only = false };
	enum vfs_status status = vfs_fstatvfs(guard->vfs, ask->handle, &space);

	(void)fd_out;
	FILL_SPACE(reply, space);
	return status;
}
