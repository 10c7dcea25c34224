#include "server/ftp/ftp_cmd_copy.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/io.h"
#include "server/ftp/ftp_args.h"
#include "server/ftp/ftp_job.h"
#include "server/ftp/ftp_session.h"

#define FILE_MODE 0666u

/*
 * One or more files onto a new one, which gets its name when it is whole.  The bytes do not pass
 * through here: the guard copies, a step at a time.
 */
struct copy {
	struct ftp_job job;
	char *names; /* heap: all sources, each with its NUL */
	size_t names_length;
	size_t next; /* where in names the next source stands */
	bool moves;  /* COMB: what was copied is removed */
	bool reading;
	bool writing;
	uint32_t from;
	uint32_t to;
	uint64_t from_offset;
	uint64_t from_left;
	struct vfs_path target;
	enum ftp_reply_id done; /* its place is for the name the copy has got */
	enum vfs_status failure;
};

/* --- files ------------------------------------------------------------------------------------ */

/* An open whose descriptor stays in the guard. */
static enum vfs_status open_file(
    struct ftp_session *session, const char *path, uint32_t flags, struct guard_rep_open *opened)
{
	struct guard_req_open request = {
		.path = path,
		.flags = flags,
		.mode = (flags & VFS_OPEN_WRITE) != 0 ? ftp_session_mode(session, FILE_MODE)
		                                      : UINT32_MAX,
	};

	return guard_client_open(session->guard, &request, opened, NULL);
}

static enum vfs_status close_file(struct ftp_session *session, uint32_t handle, uint64_t bytes,
    enum vfs_status cause, struct guard_rep_close *closed)
{
	struct guard_req_close request = {
		.handle = handle,
		/* Half a copy is nothing to be continued. */
		.outcome = cause == VFS_OK ? VFS_CLOSE_COMPLETE : VFS_CLOSE_FAILED,
		.bytes = bytes,
		.reason = cause,
	};

	return guard_client_close(session->guard, &request, closed, NULL);
}

static enum vfs_status open_source(struct ftp_session *session, struct copy *copy, const char *path)
{
	struct guard_rep_open opened;
	enum vfs_status status = open_file(session, path, VFS_OPEN_READ, &opened);

	if (status != VFS_OK)
		return status;
	copy->reading = true;
	copy->from = opened.handle;
	copy->from_offset = 0;
	/* What is there now: a file that grows comes to an end. */
	copy->from_left = opened.attr.size;
	return VFS_OK;
}

static enum vfs_status open_next(struct ftp_session *session, struct copy *copy)
{
	const char *name = copy->names + copy->next;
	struct vfs_path path;
	enum vfs_status status = vfs_path_resolve(&path, session->cwd.text, name);

	copy->next += strlen(name) + 1;
	return status == VFS_OK ? open_source(session, copy, path.text) : status;
}

static enum vfs_status open_target(struct ftp_session *session, struct copy *copy)
{
	struct guard_rep_open opened;
	enum vfs_status status = open_file(session, copy->target.text,
	    VFS_OPEN_WRITE | VFS_OPEN_CREATE | VFS_OPEN_TRUNCATE | VFS_OPEN_STAGED, &opened);

	if (status != VFS_OK)
		return status;
	copy->writing = true;
	copy->to = opened.handle;
	return VFS_OK;
}

/* --- the work --------------------------------------------------------------------------------- */

static void free_copy(struct ftp_session *session, struct ftp_job *job, enum vfs_status cause)
{
	struct copy *copy = (struct copy *)job;

	/* What is still open belongs to a copy that failed or was broken off. */
	if (cause == VFS_OK)
		cause = copy->failure != VFS_OK ? copy->failure : VFS_FAILED;
	if (copy->reading)
		close_file(session, copy->from, copy->from_offset, cause, NULL);
	if (copy->writing)
		close_file(session, copy->to, job->done, cause, NULL);
	free(copy->names);
	free(copy);
}

/* One step of the open source; *ended: there is no more of it. */
static enum vfs_status copy_some(struct ftp_session *session, struct copy *copy, bool *ended)
{
	struct guard_req_copy request = {
		.from = copy->from,
		.from_offset = copy->from_offset,
		.to = copy->to,
		.to_offset = copy->job.done,
		.length =
		    copy->from_left < FTP_COPY_STEP_BYTES ? copy->from_left : FTP_COPY_STEP_BYTES,
	};
	struct guard_rep_copy reply;
	enum vfs_status status = guard_client_copy(session->guard, &request, &reply, NULL);

	if (status != VFS_OK)
		return status;
	copy->from_offset += reply.copied;
	copy->from_left -= reply.copied < copy->from_left ? reply.copied : copy->from_left;
	copy->job.done += reply.copied;
	*ended = reply.copied == 0 || copy->from_left == 0;
	return VFS_OK;
}

/* COMB takes the parts away when the whole is there.  False when one could not be. */
static bool remove_sources(struct ftp_session *session, const struct copy *copy)
{
	const char *end = copy->names + copy->names_length;
	bool all = true;

	for (const char *name = copy->names; name < end; name += strlen(name) + 1) {
		struct vfs_path path;
		struct guard_req_remove request = { .path = path.text };
		enum vfs_status status = vfs_path_resolve(&path, session->cwd.text, name);

		if (status == VFS_OK)
			status = guard_client_remove(session->guard, &request, NULL, NULL);
		/* A part that was named twice is gone the second time. */
		all = all && (status == VFS_OK || status == VFS_NOT_FOUND);
	}
	return all;
}

static enum vfs_status publish(struct ftp_session *session, struct copy *copy)
{
	struct guard_rep_close closed;
	struct vfs_path target = copy->target;
	enum vfs_status status;

	copy->writing = false;
	status = close_file(session, copy->to, copy->job.done, VFS_OK, &closed);
	if (status != VFS_OK)
		return status;
	/* The name is good until the next call to the guard. */
	(void)vfs_path_resolve(&target, "/", closed.path);
	if (copy->moves && !remove_sources(session, copy))
		ftp_reply_text(session, FTP_REPLY_COMBINED_LEFT, target.text);
	else
		ftp_reply_text(session, copy->done, target.text);
	return VFS_OK;
}

static bool step(struct ftp_session *session, struct ftp_job *job)
{
	struct copy *copy = (struct copy *)job;
	enum vfs_status status;
	bool ended = false;

	if (!copy->reading)
		status = open_next(session, copy);
	else
		status = copy_some(session, copy, &ended);
	if (status == VFS_OK && !ended)
		return false;
	if (status == VFS_OK) {
		copy->reading = false;
		status = close_file(session, copy->from, copy->from_offset, VFS_OK, NULL);
	}
	if (status == VFS_OK && copy->next < copy->names_length)
		return false;
	if (status == VFS_OK)
		status = publish(session, copy);
	copy->failure = status;
	if (status != VFS_OK)
		ftp_reply_status(session, status);
	return true;
}

static const struct ftp_job_kind copy_kind = {
	.what = "copying",
	.unit = "bytes",
	.step = step,
	.free = free_copy,
};

/* --- the beginning ---------------------------------------------------------------------------- */

static enum vfs_status stat_file(
    struct ftp_session *session, const char *name, struct vfs_attr *out)
{
	struct vfs_path path;
	struct guard_req_stat request = { .path = path.text, .follow = 1 };
	struct guard_rep_stat reply;
	enum vfs_status status = vfs_path_resolve(&path, session->cwd.text, name);

	if (status == VFS_OK)
		status = guard_client_stat(session->guard, &request, &reply, NULL);
	if (status != VFS_OK)
		return status;
	*out = reply.attr;
	return reply.attr.kind == VFS_KIND_FILE ? VFS_OK : VFS_NOT_FILE;
}

/*
 * Both are open when the work begins: what can be refused is refused before a byte is copied.
 * keeps_target: what the target holds now comes first.  Owns copy on every path.
 */
static void begin(struct ftp_session *session, struct copy *copy, bool keeps_target)
{
	enum vfs_status status = VFS_OK;

	if (keeps_target)
		status = open_source(session, copy, copy->target.text);
	else
		status = open_next(session, copy);
	if (status == VFS_OK)
		status = open_target(session, copy);
	if (status == VFS_OK) {
		ftp_job_begin(session, &copy->job);
		return;
	}
	ftp_reply_status(session, status);
	free_copy(session, &copy->job, status);
}

static struct copy *new_copy(size_t names_bytes)
{
	struct copy *copy = calloc(1, sizeof(*copy));

	if (copy == NULL)
		return NULL;
	copy->job.kind = &copy_kind;
	copy->names = malloc(names_bytes);
	if (copy->names == NULL) {
		free(copy);
		return NULL;
	}
	return copy;
}

static void add_name(struct copy *copy, const char *name)
{
	size_t bytes = strlen(name) + 1;

	memcpy(copy->names + copy->names_length, name, bytes);
	copy->names_length += bytes;
}

static void copy_one(
    struct ftp_session *session, const char *from, const char *to, enum ftp_reply_id done)
{
	struct copy *copy = new_copy(strlen(from) + 1);
	enum vfs_status status = VFS_NO_MEMORY;

	if (copy != NULL) {
		copy->done = done;
		add_name(copy, from);
		status = vfs_path_resolve(&copy->target, session->cwd.text, to);
	}
	if (status == VFS_OK) {
		begin(session, copy, false);
		return;
	}
	ftp_reply_status(session, status);
	if (copy != NULL)
		free_copy(session, &copy->job, status);
}

/* --- COMB ------------------------------------------------------------------------------------- */

/*
 * The parts are removed at the end: each must be a file that may be, and none of them the target
 * itself, whatever its name.  exists: target is what is there now.
 */
static enum vfs_status check_sources(struct ftp_session *session, const struct copy *copy,
    const struct vfs_attr *target, bool exists)
{
	const char *end = copy->names + copy->names_length;

	for (const char *name = copy->names; name < end; name += strlen(name) + 1) {
		struct vfs_attr part;
		enum vfs_status status = stat_file(session, name, &part);

		if (status != VFS_OK)
			return status;
		if ((part.rights & RIGHT_delete) == 0)
			return VFS_FORBIDDEN;
		if (exists && part.inode == target->inode && part.device == target->device)
			return VFS_INVALID;
	}
	return VFS_OK;
}

static enum vfs_status prepare_comb(struct ftp_session *session, struct copy *copy, bool *exists)
{
	struct vfs_attr target = { .size = 0 };
	enum vfs_status status = stat_file(session, copy->target.text, &target);

	*exists = status == VFS_OK;
	/* Without the right to replace it the result would get another name. */
	if (*exists && (target.rights & RIGHT_overwrite) == 0)
		return VFS_FORBIDDEN;
	if (!*exists && status != VFS_NOT_FOUND)
		return status;
	return check_sources(session, copy, &target, *exists);
}

void ftp_cmd_comb(struct ftp_session *session, struct ftp_call *call)
{
	struct copy *copy = new_copy(strlen(call->argument) + 1);
	char *rest = call->argument;
	const char *target = ftp_args_word(&rest);
	enum vfs_status status = VFS_NO_MEMORY;
	const char *name = NULL;
	bool exists = false;

	if (copy == NULL) {
		ftp_reply_status(session, status);
		return;
	}
	copy->done = FTP_REPLY_COMBINED;
	copy->moves = true;
	while (target != NULL && (name = ftp_args_word(&rest)) != NULL)
		add_name(copy, name);
	if (copy->names_length == 0 || rest[0] != '\0') {
		ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
		free_copy(session, &copy->job, VFS_INVALID);
		return;
	}
	status = vfs_path_resolve(&copy->target, session->cwd.text, target);
	if (status == VFS_OK)
		status = prepare_comb(session, copy, &exists);
	if (status == VFS_OK) {
		begin(session, copy, exists);
		return;
	}
	ftp_reply_status(session, status);
	free_copy(session, &copy->job, status);
}

/* --- SITE ------------------------------------------------------------------------------------- */

void ftp_cmd_site_cpfr(struct ftp_session *session, struct ftp_call *call)
{
	struct vfs_attr attr;
	enum vfs_status status = stat_file(session, call->path.text, &attr);

	if (status == VFS_OK && (attr.rights & RIGHT_read) == 0)
		status = VFS_FORBIDDEN;
	/* Whatever becomes of it, SITE CPTO must not meet an earlier one's name. */
	ftp_session_set_text(&session->copy_from, NULL);
	if (status == VFS_OK && !ftp_session_set_text(&session->copy_from, call->path.text))
		status = VFS_NO_MEMORY;
	if (status != VFS_OK)
		ftp_reply_status(session, status);
	else
		ftp_reply(session, FTP_REPLY_COPY_READY);
}

void ftp_cmd_site_cpto(struct ftp_session *session, struct ftp_call *call)
{
	char *from = session->copy_from;

	session->copy_from = NULL;
	copy_one(session, from, call->path.text, FTP_REPLY_COPIED);
	free(from);
}

void ftp_cmd_site_copy(struct ftp_session *session, struct ftp_call *call)
{
	char *rest = call->argument;
	const char *from = ftp_args_word(&rest);
	const char *to = from != NULL ? ftp_args_word(&rest) : NULL;

	if (to == NULL || from[0] == '\0' || to[0] == '\0' || rest[0] != '\0')
		ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
	else
		copy_one(session, from, to, FTP_REPLY_SITE_COPIED);
}
