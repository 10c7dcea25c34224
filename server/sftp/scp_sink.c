/*
 * scp -t: the client sends files.
 *
 * Each file is staged by the guard and published when its last byte and the client's word that it was right have
 * come; whatever breaks off before publishes nothing.
 */
#include <errno.h>
#include <string.h>

#include "server/base/io.h"
#include "server/front_errno.h"
#include "server/sftp/scp_private.h"

/* --- where it goes ---------------------------------------------------------------------------- */

/* scp -t takes one path: several words are one that nobody has quoted. */
static const char *target_text(const struct scp_command *command)
{
	return command->joined != NULL ? command->joined : command->words[0].text;
}

static bool start(struct ssh_service *scp)
{
	struct scp_sink *sink = &scp->sink;
	const char *text = target_text(scp->command);
	size_t length = strlen(text);
	enum vfs_status status = vfs_path_resolve(&sink->path, scp->start.start_dir, text);
	struct guard_req_stat request = { .path = sink->path.text, .follow = 1 };
	struct guard_rep_stat reply;

	if (status != VFS_OK) {
		scp_fatal(scp, vfs_status_text(status));
		return true;
	}
	status = guard_client_stat(scp->start.guard, &request, &reply, NULL);
	sink->into_dir = status == VFS_OK && reply.attr.kind == VFS_KIND_DIR;
	sink->wants_dir = length > 0 && text[length - 1] == '/';
	if (scp->command->target_is_dir && !sink->into_dir) {
		scp_fatal(scp, vfs_status_text(status == VFS_OK ? VFS_NOT_DIR : status));
		return true;
	}
	sink->state = SCP_SINK_RECORD;
	scp_agree(scp);
	return true;
}

/* Where a file or directory of this name goes; warns when nowhere. */
static bool locate(struct ssh_service *scp, const struct scp_line *line, struct vfs_path *out)
{
	const struct scp_sink *sink = &scp->sink;
	enum vfs_status status = VFS_OK;

	*out = sink->path;
	if (sink->into_dir)
		status = scp_descend(out, line->name);
	else if (sink->wants_dir && line->kind == SCP_LINE_FILE)
		status = VFS_NOT_DIR;
	if (status != VFS_OK)
		scp_warn(scp, sink->into_dir ? line->name : sink->path.text, vfs_status_text(status));
	return status == VFS_OK;
}

/* --- files ------------------------------------------------------------------------------------ */

static void begin_file(struct ssh_service *scp, const struct scp_line *line)
{
	struct scp_sink *sink = &scp->sink;
	struct guard_req_open request = {
		.flags = VFS_OPEN_WRITE | VFS_OPEN_CREATE | VFS_OPEN_TRUNCATE,
		.mode = line->mode,
	};
	struct guard_rep_open reply;
	enum vfs_status status;

	sink->change = sink->times;
	sink->times = (struct vfs_change){ .fields = 0 };
	if (!locate(scp, line, &sink->file_path))
		return;
	request.path = sink->file_path.text;
	status = guard_client_open(scp->start.guard, &request, &reply, &scp->file.fd);
	if (status != VFS_OK) {
		scp_warn(scp, sink->file_path.text, vfs_status_text(status));
		return;
	}
	scp->file.handle = reply.handle;
	scp->file.left = line->size;
	scp->file.moved = 0;
	scp->file.failure = VFS_OK;
	if (scp->command->times) {
		sink->change.fields |= VFS_SET_MODE;
		sink->change.mode = line->mode;
	}
	sink->state = SCP_SINK_DATA;
	scp_agree(scp);
}

/* The next n bytes of the input belong to the file. */
static void store(struct ssh_service *scp, size_t n)
{
	struct scp_file *file = &scp->file;

	if (file->fd >= 0 && n > 0 && !io_write_full(file->fd, buf_bytes(&scp->input), n)) {
		/* The space is needed by others at once; the rest of the file is read and dropped. */
		file->failure = front_errno_write(errno);
		scp_close_file(scp, VFS_CLOSE_FAILED);
	}
	buf_consume(&scp->input, n);
	file->left -= n;
	file->moved += n;
}

/* The client is gone, or speaks nonsense, in the middle of a file: what came is kept for a resumption. */
static void abandon(struct ssh_service *scp)
{
	scp->file.failure = VFS_CANCELLED;
	scp_close_file(scp, VFS_CLOSE_ABORTED);
	scp_end(scp, true);
}

static bool take_data(struct ssh_service *scp)
{
	const uint64_t left = scp->file.left;
	const size_t length = buf_length(&scp->input);
	const size_t piece = left < SCP_GATHER_BYTES ? (size_t)left : SCP_GATHER_BYTES;

	if (length >= piece) {
		store(scp, piece);
		if (scp->file.left == 0)
			scp->sink.state = SCP_SINK_VERDICT;
		return true;
	}
	if (!scp->input_ended)
		return false;
	store(scp, length);
	abandon(scp);
	return true;
}

/* Times and permissions are set on the open file, so that it appears with them. */
static enum vfs_status publish(struct ssh_service *scp)
{
	const struct guard_req_fsetattr request = {
		.handle = scp->file.handle,
		.change = scp->sink.change,
	};
	enum vfs_status changed = VFS_OK;
	enum vfs_status status = scp->file.failure;

	if (status != VFS_OK)
		return status;
	if (request.change.fields != 0)
		changed = guard_client_fsetattr(scp->start.guard, &request, NULL, NULL);
	status = scp_close_file(scp, VFS_CLOSE_COMPLETE);
	return status == VFS_OK ? changed : status;
}

static void finish_file(struct ssh_service *scp)
{
	enum vfs_status status = publish(scp);

	scp->sink.state = SCP_SINK_RECORD;
	if (status == VFS_OK)
		scp_agree(scp);
	else
		scp_warn(scp, scp->sink.file_path.text, vfs_status_text(status));
}

/* --- directories ------------------------------------------------------------------------------ */

/* Is there such a directory, or can it be made?  Warns when not. */
static bool provide_dir(struct ssh_service *scp, const char *path, uint32_t mode)
{
	const struct guard_req_stat look = { .path = path, .follow = 1 };
	/* The owner must be able to fill it; what was wished is set at its end. */
	const struct guard_req_mkdir make = { .path = path, .mode = mode | 0700 };
	struct guard_rep_stat reply;
	enum vfs_status status = guard_client_stat(scp->start.guard, &look, &reply, NULL);

	if (status == VFS_OK)
		status = reply.attr.kind == VFS_KIND_DIR ? VFS_OK : VFS_NOT_DIR;
	else
		status = guard_client_mkdir(scp->start.guard, &make, NULL, NULL);
	if (status != VFS_OK)
		scp_warn(scp, path, vfs_status_text(status));
	return status == VFS_OK;
}

static void enter_dir(struct ssh_service *scp, const struct scp_line *line)
{
	struct scp_sink *sink = &scp->sink;
	struct vfs_change change = sink->times;
	struct vfs_path path;

	sink->times = (struct vfs_change){ .fields = 0 };
	if (!scp->command->recursive) {
		scp_fatal(scp, "received directory without -r");
		return;
	}
	if (sink->depth == SCP_DEPTH_MAX) {
		scp_warn(scp, line->name, SCP_TOO_DEEP);
		return;
	}
	if (!locate(scp, line, &path) || !provide_dir(scp, path.text, line->mode))
		return;
	if (scp->command->times) {
		change.fields |= VFS_SET_MODE;
		change.mode = line->mode;
	}
	sink->levels[sink->depth++] = (struct scp_sink_level){
		.path_length = sink->into_dir ? sink->path.length : SIZE_MAX,
		.change = change,
	};
	sink->path = path;
	sink->into_dir = true;
	scp_agree(scp);
}

static void leave_dir(struct ssh_service *scp)
{
	struct scp_sink *sink = &scp->sink;
	const struct scp_sink_level *level;
	struct guard_req_setattr request = { .path = sink->path.text, .follow = 1 };
	enum vfs_status status = VFS_OK;

	if (sink->depth == 0) {
		/* As OpenSSH takes it: the end of everything. */
		scp_agree(scp);
		scp_end(scp, false);
		return;
	}
	level = &sink->levels[--sink->depth];
	request.change = level->change;
	if (request.change.fields != 0)
		status = guard_client_setattr(scp->start.guard, &request, NULL, NULL);
	if (status == VFS_OK)
		scp_agree(scp);
	else
		scp_warn(scp, sink->path.text, vfs_status_text(status));
	/* The target itself was made: it stays the place for whatever comes next under its own name. */
	sink->into_dir = level->path_length != SIZE_MAX;
	if (sink->into_dir)
		scp_ascend(&sink->path, level->path_length);
}

/* --- records ---------------------------------------------------------------------------------- */

static void note_times(struct ssh_service *scp, const struct scp_line *line)
{
	scp->sink.times = (struct vfs_change){
		.fields = VFS_SET_MTIME | VFS_SET_ATIME,
		.mtime = line->mtime,
		.mtime_nsec = line->mtime_nsec,
		.atime = line->atime,
		.atime_nsec = line->atime_nsec,
	};
	scp_agree(scp);
}

static void begin_entry(struct ssh_service *scp, const struct scp_line *line)
{
	if (line->verdict == SCP_NAME_ATTACK) {
		scp_fatal(scp, "unexpected filename");
	} else if (line->verdict != SCP_NAME_OK) {
		scp->sink.times = (struct vfs_change){ .fields = 0 };
		scp_warn(scp, NULL, vfs_status_text(VFS_BAD_NAME));
	} else if (line->kind == SCP_LINE_DIR) {
		enter_dir(scp, line);
	} else {
		begin_file(scp, line);
	}
}

static void obey(struct ssh_service *scp, const struct scp_line *line)
{
	switch (line->kind) {
	case SCP_LINE_FILE:
	case SCP_LINE_DIR:
		begin_entry(scp, line);
		break;
	case SCP_LINE_END:
		leave_dir(scp);
		break;
	case SCP_LINE_TIMES:
		note_times(scp, line);
		break;
	case SCP_LINE_WARNING:
		/* The client could not read a file of its own and goes on with the next. */
		scp->failed = true;
		break;
	case SCP_LINE_FATAL:
		scp_end(scp, true);
		break;
	case SCP_LINE_BAD:
		scp_fatal(scp, line->problem);
		break;
	}
}

/* The input up to its first line feed; NULL when there is none yet. */
static const uint8_t *whole_line(struct ssh_service *scp, size_t *length_out)
{
	const uint8_t *bytes = buf_bytes(&scp->input);
	const size_t length = buf_length(&scp->input);
	const size_t seen = length < SCP_LINE_MAX_BYTES + 1 ? length : SCP_LINE_MAX_BYTES + 1;
	const uint8_t *end = memchr(bytes, '\n', seen);

	if (end == NULL) {
		if (length > SCP_LINE_MAX_BYTES)
			scp_fatal(scp, "record too long");
		return NULL;
	}
	*length_out = (size_t)(end - bytes);
	return bytes;
}

static bool take_record(struct ssh_service *scp)
{
	struct scp_line line;
	size_t length;
	const uint8_t *bytes = whole_line(scp, &length);

	if (bytes == NULL) {
		if (scp->input_ended && !scp->done)
			scp_end(scp, buf_length(&scp->input) > 0 || scp->sink.depth > 0);
		return scp->done;
	}
	scp_line_parse(&line, bytes, length);
	buf_consume(&scp->input, length + 1);
	obey(scp, &line);
	return true;
}

/*
 * Behind the bytes of a file stands \0, or why they are not what they should be.  libssh2 (curl) never sends either:
 * it closes its side of the channel, orderly, behind the last byte.
 */
static bool take_verdict(struct ssh_service *scp)
{
	struct scp_line line;
	const uint8_t *bytes = buf_bytes(&scp->input);
	size_t length = buf_length(&scp->input);

	if (length > 0 && bytes[0] == SCP_OK) {
		buf_consume(&scp->input, 1);
		finish_file(scp);
		return true;
	}
	if (length == 0 && scp->input_ended) {
		finish_file(scp);
		return true;
	}
	bytes = whole_line(scp, &length);
	if (bytes == NULL && !scp->done && !scp->input_ended)
		return false;
	if (bytes == NULL) {
		abandon(scp);
		return true;
	}
	scp_line_parse(&line, bytes, length);
	buf_consume(&scp->input, length + 1);
	if (line.kind != SCP_LINE_WARNING) {
		abandon(scp);
		return true;
	}
	/* It ran out of bytes of its own and has sent others instead: nothing to keep. */
	scp->failed = true;
	if (scp->file.failure == VFS_OK)
		scp->file.failure = VFS_CANCELLED;
	scp_close_file(scp, VFS_CLOSE_FAILED);
	finish_file(scp);
	return true;
}

bool scp_sink_step(struct ssh_service *scp)
{
	switch (scp->sink.state) {
	case SCP_SINK_START:
		return start(scp);
	case SCP_SINK_DATA:
		return take_data(scp);
	case SCP_SINK_VERDICT:
		return take_verdict(scp);
	case SCP_SINK_RECORD:
		break;
	}
	return take_record(scp);
}
