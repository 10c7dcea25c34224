/*
 * scp -f: the client receives files.
 *
 * Every record waits for the client's answer, as the protocol wants it.  Directories are walked entry by entry, with
 * one open directory and one batch for each level; symbolic links are followed, as scp does, but not into a
 * directory that is being sent already.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/io.h"
#include "server/base/text.h"
#include "server/sftp/scp_private.h"

/* The level that is being worked on; there is one. */
static struct scp_source_level *top(struct scp_source *source)
{
	return &source->levels[source->depth - 1];
}

/* What the client is to call it: its last name; the user's for the root, which has none. */
static const char *shown_name(const struct ssh_service *scp)
{
	const char *slash = strrchr(scp->source.path.text, '/');

	if (slash != NULL && slash[1] != '\0')
		return slash + 1;
	return scp_line_check_name(scp->start.user, strlen(scp->start.user)) == SCP_NAME_OK
	           ? scp->start.user
	           : "root";
}

static void warn(struct ssh_service *scp, enum vfs_status status)
{
	scp_warn(scp, scp->source.path.text, vfs_status_text(status));
}

/* --- levels ----------------------------------------------------------------------------------- */

static void close_level(struct ssh_service *scp, enum vfs_outcome outcome)
{
	struct scp_source_level *level = &scp->source.levels[--scp->source.depth];
	const struct guard_req_close request = { .handle = level->handle, .outcome = (uint32_t)outcome };

	guard_client_close(scp->start.guard, &request, NULL, NULL);
	free(level->batch);
	level->batch = NULL;
}

void scp_source_close(struct ssh_service *scp)
{
	while (scp->source.depth > 0)
		close_level(scp, VFS_CLOSE_ABORTED);
}

/* Open source.path as the next level, for which there is room. */
static enum vfs_status open_level(struct ssh_service *scp, const char *pattern)
{
	struct scp_source *source = &scp->source;
	const struct guard_req_opendir request = { .path = source->path.text };
	struct guard_rep_opendir reply;
	enum vfs_status status;

	for (size_t i = 0; i < source->depth && pattern == NULL; i++) {
		if (source->levels[i].device == source->attr.device &&
		    source->levels[i].inode == source->attr.inode)
			return VFS_LOOP;
	}
	status = guard_client_opendir(scp->start.guard, &request, &reply, NULL);
	if (status == VFS_OK)
		source->levels[source->depth++] = (struct scp_source_level){
			.handle = reply.handle,
			.pattern = pattern,
			.path_length = source->path.length,
			/* Of a pattern's directory nothing is known, and nothing needs to be. */
			.device = pattern == NULL ? source->attr.device : 0,
			.inode = pattern == NULL ? source->attr.inode : 0,
		};
	return status;
}

/* The next batch of the topmost directory; its bytes are copied, since a reply is gone with the next request. */
static enum vfs_status fetch_batch(struct ssh_service *scp, struct scp_source_level *level)
{
	const struct guard_req_readdir request = { .handle = level->handle };
	struct guard_rep_readdir reply;
	enum vfs_status status = guard_client_readdir(scp->start.guard, &request, &reply, NULL);

	free(level->batch);
	level->batch = NULL;
	if (status != VFS_OK)
		return status;
	level->ended = reply.end != 0;
	if (reply.entries.length == 0)
		return VFS_OK;
	level->batch = malloc(reply.entries.length);
	if (level->batch == NULL)
		return VFS_NO_MEMORY;
	memcpy(level->batch, reply.entries.bytes, reply.entries.length);
	level->reader = (struct vfs_batch_reader){
		.bytes = level->batch,
		.left = reply.entries.length,
	};
	return VFS_OK;
}

/* --- records ---------------------------------------------------------------------------------- */

static unsigned long long seconds(int64_t time)
{
	return time > 0 ? (unsigned long long)time : 0;
}

static void send_header(struct ssh_service *scp)
{
	struct scp_source *source = &scp->source;
	const bool dir = source->dir_offered;
	const uint64_t size = dir ? 0 : scp->file.left;

	source->state = SCP_SOURCE_HEADER;
	if (!buf_appendf(&scp->output, "%c%04o %" PRIu64 " %s\n", dir ? 'D' : 'C',
	        source->attr.mode & 07777u, size, shown_name(scp)))
		scp_end(scp, true);
}

/* A file is open, or a level: tell the client of it. */
static void offer(struct ssh_service *scp)
{
	struct scp_source *source = &scp->source;

	if (!scp->command->times) {
		send_header(scp);
		return;
	}
	source->state = SCP_SOURCE_TIMES;
	if (!buf_appendf(&scp->output, "T%llu 0 %llu 0\n", seconds(source->attr.mtime),
	        seconds(source->attr.atime)))
		scp_end(scp, true);
}

static void offer_file(struct ssh_service *scp)
{
	struct scp_source *source = &scp->source;
	const struct guard_req_open request = {
		.path = source->path.text,
		.flags = VFS_OPEN_READ,
		.mode = UINT32_MAX,
	};
	struct guard_rep_open reply;
	enum vfs_status status =
	    guard_client_open(scp->start.guard, &request, &reply, &scp->file.fd);

	if (status != VFS_OK) {
		warn(scp, status);
		return;
	}
	source->attr = reply.attr;
	scp->file.handle = reply.handle;
	scp->file.left = reply.attr.size;
	scp->file.moved = 0;
	scp->file.failure = VFS_OK;
	offer(scp);
}

static void offer_dir(struct ssh_service *scp)
{
	enum vfs_status status;

	if (scp->source.depth == SCP_DEPTH_MAX) {
		scp_warn(scp, scp->source.path.text, SCP_TOO_DEEP);
		return;
	}
	status = open_level(scp, NULL);
	if (status != VFS_OK) {
		warn(scp, status);
		return;
	}
	scp->source.dir_offered = true;
	offer(scp);
}

/* source.path and source.attr are known. */
static void offer_path(struct ssh_service *scp)
{
	struct scp_source *source = &scp->source;
	const char *name = shown_name(scp);

	if (scp_line_check_name(name, strlen(name)) != SCP_NAME_OK)
		warn(scp, VFS_BAD_NAME);
	else if (source->attr.kind == VFS_KIND_DIR && scp->command->recursive)
		offer_dir(scp);
	else if (source->attr.kind == VFS_KIND_FILE)
		offer_file(scp);
	else
		warn(scp, source->attr.kind == VFS_KIND_DIR ? VFS_IS_DIR : VFS_NOT_FILE);
}

static enum vfs_status look(struct ssh_service *scp)
{
	const struct guard_req_stat request = { .path = scp->source.path.text, .follow = 1 };
	struct guard_rep_stat reply;
	enum vfs_status status = guard_client_stat(scp->start.guard, &request, &reply, NULL);

	if (status == VFS_OK)
		scp->source.attr = reply.attr;
	return status;
}

/* --- words of the command --------------------------------------------------------------------- */

/* As a shell does it: a pattern that matches nothing is a name. */
static void offer_text(struct ssh_service *scp, const char *text)
{
	enum vfs_status status =
	    vfs_path_resolve(&scp->source.path, scp->start.start_dir, text);

	if (status == VFS_OK)
		status = look(scp);
	if (status == VFS_OK)
		offer_path(scp);
	else
		scp_warn(scp, text, vfs_status_text(status));
}

/* Look through a directory for the names that match; false when there is no pattern in the name, or no directory. */
static bool expand(struct ssh_service *scp, const struct scp_word *word)
{
	struct vfs_path *path = &scp->source.path;
	char dir[VFS_PATH_MAX];
	const char *pattern;

	if (word->pattern == NULL)
		return false;
	pattern = scp_command_split(word->pattern, dir, sizeof(dir));
	return pattern != NULL && vfs_path_resolve(path, scp->start.start_dir, dir) == VFS_OK &&
	       open_level(scp, pattern) == VFS_OK;
}

/* Several words may be one path with spaces that nobody has quoted: so they are, if there is such a file. */
static bool offer_joined(struct ssh_service *scp)
{
	struct scp_source *source = &scp->source;
	const char *joined = scp->command->joined;

	if (joined == NULL ||
	    vfs_path_resolve(&source->path, scp->start.start_dir, joined) != VFS_OK ||
	    look(scp) != VFS_OK)
		return false;
	source->next_word = scp->command->word_count;
	offer_path(scp);
	return true;
}

static void next_word(struct ssh_service *scp)
{
	struct scp_source *source = &scp->source;
	const struct scp_word *word;

	if (source->next_word == 0 && offer_joined(scp))
		return;
	if (source->next_word == scp->command->word_count) {
		scp_end(scp, false);
		return;
	}
	word = &scp->command->words[source->next_word++];
	if (!expand(scp, word))
		offer_text(scp, word->text);
}

/* --- entries of directories ------------------------------------------------------------------- */

/* The topmost directory is done. */
static void leave_level(struct ssh_service *scp)
{
	struct scp_source *source = &scp->source;
	const struct scp_source_level level = *top(source);

	close_level(scp, VFS_CLOSE_COMPLETE);
	if (level.announced) {
		source->state = SCP_SOURCE_LEFT;
		if (!buf_append_string(&scp->output, "E\n"))
			scp_end(scp, true);
	} else if (!level.matched) {
		offer_text(scp, scp->command->words[source->next_word - 1].text);
	}
}

static void offer_entry(struct ssh_service *scp, const struct vfs_entry *entry)
{
	struct scp_source *source = &scp->source;
	struct scp_source_level *level = top(source);
	enum vfs_status status;

	if (level->pattern != NULL) {
		/* A shell's star does not find hidden names. */
		if ((entry->name[0] == '.' && level->pattern[0] != '.') ||
		    !text_glob(level->pattern, entry->name))
			return;
		level->matched = true;
	}
	status = scp_line_check_name(entry->name, entry->name_length) == SCP_NAME_OK
	             ? scp_descend(&source->path, entry->name)
	             : VFS_BAD_NAME;
	if (status != VFS_OK) {
		scp_warn(scp, entry->name, vfs_status_text(status));
		return;
	}
	source->attr = entry->attr;
	if (entry->attr.kind == VFS_KIND_LINK)
		status = look(scp);
	if (status == VFS_OK)
		offer_path(scp);
	else
		warn(scp, status);
}

static void next_entry(struct ssh_service *scp)
{
	struct scp_source_level *level = top(&scp->source);
	struct vfs_entry entry;
	enum vfs_status status = VFS_OK;
	int more;

	scp_ascend(&scp->source.path, level->path_length);
	more = vfs_batch_next(&level->reader, &entry);
	if (more == 1) {
		offer_entry(scp, &entry);
		return;
	}
	if (more < 0)
		status = VFS_FAILED;
	else if (!level->ended)
		status = fetch_batch(scp, level);
	if (status != VFS_OK) {
		warn(scp, status);
		level->reader = (struct vfs_batch_reader){ .left = 0 };
		level->ended = true;
		level->matched = true;
	} else if (more == 0 && level->ended && level->reader.left == 0) {
		leave_level(scp);
	}
}

/* --- content ---------------------------------------------------------------------------------- */

/* Bytes from the file straight into the output; zeros once it has failed, since the client counts them. */
static void read_piece(struct ssh_service *scp)
{
	struct scp_file *file = &scp->file;
	const size_t wanted = file->left < SCP_READ_BYTES ? (size_t)file->left : SCP_READ_BYTES;
	uint8_t *room = buf_reserve(&scp->output, wanted);
	ssize_t n = -1;

	if (room == NULL) {
		scp_end(scp, true);
		return;
	}
	if (file->failure == VFS_OK) {
		n = io_read(file->fd, room, wanted);
		/* Shorter than announced: somebody has cut it meanwhile. */
		if (n <= 0)
			file->failure = n < 0 ? VFS_IO : VFS_RANGE;
		else
			file->moved += (uint64_t)n;
	}
	if (file->failure != VFS_OK) {
		memset(room, 0, wanted);
		n = (ssize_t)wanted;
	}
	buf_commit(&scp->output, (size_t)n);
	file->left -= (uint64_t)n;
}

static bool send_data(struct ssh_service *scp)
{
	struct scp_file *file = &scp->file;

	/* Read only into an empty buffer: what waits would have to be moved. */
	if (buf_length(&scp->output) > 0)
		return false;
	if (file->left > 0)
		read_piece(scp);
	if (file->left > 0 || scp->done)
		return true;
	scp->source.state = SCP_SOURCE_SENT;
	if (file->failure == VFS_OK)
		scp_agree(scp);
	else
		warn(scp, file->failure);
	return true;
}

/* --- answers of the client -------------------------------------------------------------------- */

/* The client has agreed to what was sent last. */
static void go_on(struct ssh_service *scp)
{
	struct scp_source *source = &scp->source;

	switch (source->state) {
	case SCP_SOURCE_TIMES:
		send_header(scp);
		break;
	case SCP_SOURCE_HEADER:
		if (source->dir_offered)
			top(source)->announced = true;
		source->state = source->dir_offered ? SCP_SOURCE_NEXT : SCP_SOURCE_DATA;
		source->dir_offered = false;
		break;
	case SCP_SOURCE_SENT:
		scp_close_file(scp, scp->file.failure == VFS_OK ? VFS_CLOSE_COMPLETE : VFS_CLOSE_ABORTED);
		source->state = SCP_SOURCE_NEXT;
		break;
	case SCP_SOURCE_START:
	case SCP_SOURCE_LEFT:
	case SCP_SOURCE_NEXT:
	case SCP_SOURCE_DATA:
		source->state = SCP_SOURCE_NEXT;
		break;
	}
}

/* The client does not want it, or could not keep it: on to the next. */
static void skip(struct ssh_service *scp)
{
	struct scp_source *source = &scp->source;

	scp->failed = true;
	if (source->dir_offered)
		close_level(scp, VFS_CLOSE_ABORTED);
	source->dir_offered = false;
	if (scp->file.failure == VFS_OK)
		scp->file.failure = VFS_CANCELLED;
	scp_close_file(scp, VFS_CLOSE_ABORTED);
	source->state = SCP_SOURCE_NEXT;
}

static bool take_answer(struct ssh_service *scp)
{
	const uint8_t *bytes = buf_bytes(&scp->input);
	const size_t length = buf_length(&scp->input);
	const uint8_t *end;

	if (length > 0 && bytes[0] == SCP_OK) {
		buf_consume(&scp->input, 1);
		go_on(scp);
		return true;
	}
	end = memchr(bytes, '\n', length < SCP_LINE_MAX_BYTES ? length : SCP_LINE_MAX_BYTES);
	if (end != NULL && bytes[0] == SCP_WARNING) {
		buf_consume(&scp->input, (size_t)(end - bytes) + 1);
		skip(scp);
		return true;
	}
	if (end == NULL && length < SCP_LINE_MAX_BYTES && !scp->input_ended)
		return false;
	/* Fatal, or no answer at all, or the client is gone. */
	scp_end(scp, true);
	return true;
}

bool scp_source_step(struct ssh_service *scp)
{
	switch (scp->source.state) {
	case SCP_SOURCE_NEXT:
		if (scp->source.depth > 0)
			next_entry(scp);
		else
			next_word(scp);
		return true;
	case SCP_SOURCE_DATA:
		return send_data(scp);
	default:
		return take_answer(scp);
	}
}
