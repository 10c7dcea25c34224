#include "tests/unit/sftp/vfs_guard.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/io.h"
#include "server/wire.h"

static enum vfs_status do_open(struct vfs_guard *guard, const struct guard_req_open *ask,
    struct guard_rep_open *reply, struct vfs_opened *opened, int *fd_out)
{
	enum vfs_status status =
	    vfs_open(guard->vfs, ask->path, ask->flags, ask->offset, ask->mode, opened);

	guard->open_flags = ask->flags;
	reply->handle = opened->handle;
	reply->attr = opened->attr;
	reply->offset = opened->offset;
	reply->staged = opened->staged;
	reply->path = opened->path.text;
	*fd_out = opened->fd;
	return status;
}

static enum vfs_status do_close(
    struct vfs_guard *guard, const struct guard_req_close *ask, struct guard_rep_close *reply)
{
	struct vfs_closed closed;

	guard->closed = *ask;
	reply->path = "/";
	return vfs_close(guard->vfs, ask->handle, (enum vfs_outcome)ask->outcome, &closed);
}

static enum vfs_status do_readdir(
    struct vfs_guard *guard, const struct guard_req_readdir *ask, struct guard_rep_readdir *reply)
{
	static uint8_t bytes[VFS_BATCH_MAX_BYTES];
	struct vfs_batch_writer batch = { .bytes = bytes, .size = sizeof(bytes) };
	enum vfs_status status;
	bool end;

	status = vfs_readdir(guard->vfs, ask->handle, ask->flags, &batch, &end);
	reply->end = end;
	reply->entries = (struct wire_blob){ .bytes = bytes, .length = batch.length };
	return status;
}

static enum vfs_status do_copy(
    struct vfs_guard *guard, const struct guard_req_copy *ask, struct guard_rep_copy *reply)
{
	uint64_t n = guard->copy_step != 0 && ask->length > guard->copy_step ? guard->copy_step : ask->length;

	return vfs_copy(
	    guard->vfs, ask->from, ask->from_offset, ask->to, ask->to_offset, n, &reply->copied);
}

static enum vfs_status fill_space(
    enum vfs_status status, const struct vfs_space *space, struct guard_rep_statvfs *reply)
{
	*reply = (struct guard_rep_statvfs){
		.block_size = space->block_size,
		.fragment_size = space->fragment_size,
		.blocks = space->blocks,
		.blocks_free = space->blocks_free,
		.blocks_available = space->blocks_available,
		.files = space->files,
		.files_free = space->files_free,
		.files_available = space->files_available,
		.filesystem_id = space->filesystem_id,
		.name_max = space->name_max,
		.read_only = space->read_only,
	};
	return status;
}

/* Decode, do, encode. */
#define SERVE(name, call)                                         \
	case GUARD_MESSAGE_##name: {                              \
		struct guard_req_##name ask;                      \
		struct guard_rep_##name reply = { 0 };            \
                                                                  \
		guard_get_req_##name(reader, &ask);               \
		if (!wire_done(reader))                           \
			abort();                                  \
		status = guard->refuse[number];                   \
		if (status == VFS_OK)                             \
			status = (call);                          \
		if (status == VFS_OK)                             \
			guard_put_rep_##name(writer, &reply);     \
		break;                                            \
	}

static enum vfs_status serve(struct vfs_guard *guard, uint16_t number, struct wire_reader *reader,
    struct wire_writer *writer, int *fd_out)
{
	static char target[VFS_PATH_MAX];
	static struct vfs_opened opened;
	struct guard_rep_statvfs filled;
	struct vfs *vfs = guard->vfs;
	enum vfs_status status = VFS_FAILED;
	struct vfs_space space = { 0 };

	switch (number) {
		SERVE(open, do_open(guard, &ask, &reply, &opened, fd_out))
		SERVE(close, do_close(guard, &ask, &reply))
		SERVE(stat, vfs_stat(vfs, ask.path, ask.follow != 0, &reply.attr))
		SERVE(fstat, vfs_fstat(vfs, ask.handle, &reply.attr))
		SERVE(setattr, vfs_setattr(vfs, ask.path, ask.follow != 0, &ask.change))
		SERVE(fsetattr, vfs_fsetattr(vfs, ask.handle, &ask.change))
		SERVE(fsync, vfs_fsync(vfs, ask.handle))
		SERVE(copy, do_copy(guard, &ask, &reply))
		SERVE(opendir, vfs_opendir(vfs, ask.path, &reply.handle))
		SERVE(readdir, do_readdir(guard, &ask, &reply))
		SERVE(mkdir, vfs_mkdir(vfs, ask.path, ask.mode))
		SERVE(rmdir, vfs_rmdir(vfs, ask.path))
		SERVE(remove, vfs_remove(vfs, ask.path))
		SERVE(rename, vfs_rename(vfs, ask.from, ask.to, ask.replace != 0))
		SERVE(link, vfs_link(vfs, ask.from, ask.to))
		SERVE(symlink, vfs_symlink(vfs, ask.target, ask.path))
		SERVE(readlink, (reply.target = target, vfs_readlink(vfs, ask.path, target)))
		SERVE(statvfs, fill_space(vfs_statvfs(vfs, ask.path, &space), &space, &reply))
		SERVE(fstatvfs, (fill_space(status = vfs_fstatvfs(vfs, ask.handle, &space), &space, &filled),
				    memcpy(&reply, &filled, sizeof(reply)), status))
	default:
		abort();
	}
	return status;
}

static void answer(struct vfs_guard *guard, const uint8_t *bytes, size_t n)
{
	static uint8_t body[WIRE_MAX_BYTES];
	static uint8_t out[WIRE_MAX_BYTES];
	struct wire_reader reader = { .bytes = bytes, .left = n };
	struct wire_writer body_writer = { .bytes = body, .size = sizeof(body) };
	struct wire_writer writer = { .bytes = out, .size = sizeof(out) };
	struct wire_header header;
	int fd = -1;

	wire_get_header(&reader, &header);
	if (reader.failed || header.type >= VFS_GUARD_NUMBERS)
		abort();
	guard->calls[header.type]++;
	header.kind = WIRE_REPLY;
	header.status = (uint32_t)serve(guard, header.type, &reader, &body_writer, &fd);
	wire_put_header(&writer, &header);
	/* Who asks for no answer gets none. */
	if (header.id == 0)
		return;
	if (body_writer.failed || writer.length + body_writer.length > sizeof(out))
		abort();
	memcpy(out + writer.length, body, body_writer.length);
	/* The descriptor stays the VFS's. */
	if (!wire_send(guard->wall_fd, out, writer.length + body_writer.length,
		header.status == VFS_OK ? fd : -1))
		abort();
}

static void *run(void *context)
{
	static uint8_t bytes[WIRE_MAX_BYTES];
	struct vfs_guard *guard = context;
	ssize_t n;
	int fd;

	while ((n = wire_receive(guard->wall_fd, bytes, sizeof(bytes), &fd)) > 0)
		answer(guard, bytes, (size_t)n);
	return NULL;
}

struct guard_client *vfs_guard_start(struct vfs_guard *guard, struct vfs *vfs)
{
	int wall[2];

	if (!wire_pair(wall))
		return NULL;
	guard->vfs = vfs;
	guard->wall_fd = wall[0];
	if (pthread_create(&guard->thread, NULL, run, guard) != 0)
		return NULL;
	return guard_client_new(wall[1]);
}

void vfs_guard_stop(struct vfs_guard *guard)
{
	pthread_join(guard->thread, NULL);
	io_close(&guard->wall_fd);
}
