#include "server/ftp/ftp_cmd_hash.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/io.h"
#include "server/base/pages.h"
#include "server/base/text.h"
#include "server/ftp/ftp_args.h"
#include "server/ftp/ftp_digest.h"
#include "server/ftp/ftp_job.h"
#include "server/ftp/ftp_session.h"

struct checksum;

/* How a family of verbs answers; each has its own document, or only its habits. */
struct form {
	enum ftp_reply_id not_file;
	enum ftp_reply_id forbidden;
	enum ftp_reply_id beyond; /* the range does not lie inside the file */
	bool exact;               /* a range must end inside the file, too */
	bool upper_case;
	void (*tell)(struct ftp_session *session, const struct checksum *checksum, const char *hex);
};

struct checksum {
	struct ftp_job job;
	const struct form *form;
	enum ftp_digest_index index;
	struct ftp_digest *digest;
	uint8_t *block; /* pages */
	int fd;
	uint32_t handle;
	uint64_t start;
	uint64_t left;
	char *name; /* heap: as the client wrote it */
};

/* --- the reply -------------------------------------------------------------------------------- */

/* draft-bryan-ftpext-hash 3: both ends of the range are inclusive; of an empty file it is 0-0. */
static void tell_hash(struct ftp_session *session, const struct checksum *checksum, const char *hex)
{
	char text[FTP_DIGEST_HEX_BYTES + VFS_PATH_MAX + 80];
	uint64_t bytes = checksum->job.done;

	text_format(text, sizeof(text), "%s %llu-%llu %s %s", ftp_digest_rows[checksum->index].name,
	    (unsigned long long)checksum->start,
	    (unsigned long long)(checksum->start + (bytes > 0 ? bytes - 1 : 0)), hex,
	    checksum->name);
	ftp_reply_text(session, FTP_REPLY_VALUE, text);
}

static void tell_checksum(
    struct ftp_session *session, const struct checksum *checksum, const char *hex)
{
	(void)checksum;
	ftp_reply_text(session, FTP_REPLY_CHECKSUM, hex);
}

static void tell_md5(struct ftp_session *session, const struct checksum *checksum, const char *hex)
{
	char text[FTP_DIGEST_HEX_BYTES + VFS_PATH_MAX + 2];

	text_format(text, sizeof(text), "%s %s", checksum->name, hex);
	ftp_reply_text(session, FTP_REPLY_MD5, text);
}

static const struct form form_hash = {
	.not_file = FTP_REPLY_HASH_NOT_FILE,
	.forbidden = FTP_REPLY_HASH_FORBIDDEN,
	.beyond = FTP_REPLY_BEYOND_END,
	.tell = tell_hash,
};
static const struct form form_checksum = {
	.not_file = FTP_REPLY_NOT_PLAIN_FILE,
	.forbidden = FTP_REPLY_NO_RIGHT,
	.beyond = FTP_REPLY_BAD_ARGUMENT,
	.exact = true,
	.upper_case = true,
	.tell = tell_checksum,
};
static const struct form form_md5 = {
	.not_file = FTP_REPLY_NOT_FOR_PARAMETER,
	.forbidden = FTP_REPLY_NO_RIGHT,
	.beyond = FTP_REPLY_BAD_ARGUMENT,
	.upper_case = true,
	.tell = tell_md5,
};

static void refuse(struct ftp_session *session, const struct form *form, enum vfs_status status)
{
	if (status == VFS_IS_DIR || status == VFS_NOT_FILE)
		ftp_reply(session, form->not_file);
	else if (status == VFS_FORBIDDEN)
		ftp_reply(session, form->forbidden);
	else if (status == VFS_RANGE)
		ftp_reply(session, form->beyond);
	else
		ftp_reply_status(session, status);
}

/* --- the work --------------------------------------------------------------------------------- */

static void free_checksum(struct ftp_session *session, struct ftp_job *job, enum vfs_status cause)
{
	struct checksum *checksum = (struct checksum *)job;
	struct guard_req_close request = {
		.handle = checksum->handle,
		.outcome = cause == VFS_OK ? VFS_CLOSE_COMPLETE : VFS_CLOSE_ABORTED,
		.bytes = job->done,
		.reason = cause,
	};

	if (checksum->fd != -1) {
		io_close(&checksum->fd);
		guard_client_close(session->guard, &request, NULL, NULL);
	}
	pages_free(checksum->block, FTP_DIGEST_BLOCK_BYTES);
	ftp_digest_free(&checksum->digest);
	free(checksum->name);
	free(checksum);
}

static void finish(struct ftp_session *session, struct checksum *checksum)
{
	char hex[FTP_DIGEST_HEX_BYTES];

	if (!ftp_digest_finish(checksum->digest, hex)) {
		ftp_reply_status(session, VFS_FAILED);
		return;
	}
	for (char *p = hex; checksum->form->upper_case && *p != '\0'; p++) {
		if (*p >= 'a' && *p <= 'f')
			*p = (char)(*p - 'a' + 'A');
	}
	checksum->form->tell(session, checksum, hex);
}

static bool step(struct ftp_session *session, struct ftp_job *job)
{
	struct checksum *checksum = (struct checksum *)job;

	for (uint64_t n = 0; n < FTP_DIGEST_STEP_BYTES && checksum->left > 0;) {
		size_t want = checksum->left < FTP_DIGEST_BLOCK_BYTES ? (size_t)checksum->left
		                                                      : FTP_DIGEST_BLOCK_BYTES;
		ssize_t got = io_read(checksum->fd, checksum->block, want);

		if (got < 0 || !ftp_digest_update(checksum->digest, checksum->block, (size_t)got)) {
			ftp_reply_status(session, VFS_IO);
			return true;
		}
		n += (uint64_t)got;
		job->done += (uint64_t)got;
		/* A file that was cut meanwhile ends earlier than it said. */
		checksum->left = got > 0 ? checksum->left - (uint64_t)got : 0;
	}
	if (checksum->left > 0)
		return false;
	finish(session, checksum);
	return true;
}

static const struct ftp_job_kind checksum_kind = {
	.what = "computing a checksum",
	.unit = "bytes",
	.step = step,
	.free = free_checksum,
};

/* --- the beginning ---------------------------------------------------------------------------- */

struct request {
	const struct form *form;
	enum ftp_digest_index index;
	const char *name;
	struct ftp_args_range range;
};

static enum vfs_status open_file(struct ftp_session *session, const struct request *request,
    struct guard_rep_open *opened, int *fd_out)
{
	struct guard_req_open ask = {
		.flags = VFS_OPEN_READ | VFS_OPEN_CHECKSUM,
		.offset = request->range.start,
		.mode = UINT32_MAX,
	};
	struct vfs_path path;
	enum vfs_status status = vfs_path_resolve(&path, session->cwd.text, request->name);

	if (status != VFS_OK)
		return status;
	ask.path = path.text;
	if (request->range.start > 0)
		ask.flags |= VFS_OPEN_RESUME;
	return guard_client_open(session->guard, &ask, opened, fd_out);
}

/* How much of the file: all there is now, so that one that grows comes to an end. */
static enum vfs_status measure(
    const struct request *request, const struct vfs_attr *attr, uint64_t *left_out)
{
	const struct ftp_args_range *range = &request->range;

	if (range->bytes == FTP_ARGS_ALL) {
		*left_out = attr->size;
		return VFS_OK;
	}
	if (range->start >= attr->size)
		return VFS_RANGE;
	*left_out = attr->size - range->start;
	if (range->bytes > *left_out && request->form->exact)
		return VFS_RANGE;
	if (range->bytes < *left_out)
		*left_out = range->bytes;
	return VFS_OK;
}

/* VFS_OK: under way, or done.  Otherwise nothing was said to the client. */
static enum vfs_status begin(struct ftp_session *session, const struct request *request)
{
	struct checksum *checksum = calloc(1, sizeof(*checksum));
	struct guard_rep_open opened;
	enum vfs_status status;

	if (checksum == NULL)
		return VFS_NO_MEMORY;
	checksum->job.kind = &checksum_kind;
	checksum->form = request->form;
	checksum->index = request->index;
	checksum->start = request->range.start;
	status = open_file(session, request, &opened, &checksum->fd);
	if (status == VFS_OK) {
		checksum->handle = opened.handle;
		status = measure(request, &opened.attr, &checksum->left);
	}
	if (status == VFS_OK) {
		checksum->block = pages_new(FTP_DIGEST_BLOCK_BYTES);
		checksum->digest = ftp_digest_new(request->index);
		checksum->name = strdup(request->name);
		if (checksum->block == NULL || checksum->digest == NULL || checksum->name == NULL)
			status = VFS_NO_MEMORY;
	}
	if (status == VFS_OK)
		ftp_job_begin(session, &checksum->job);
	else
		free_checksum(session, &checksum->job, status);
	return status;
}

void ftp_cmd_hash(struct ftp_session *session, struct ftp_call *call)
{
	struct request request = {
		.form = &form_hash,
		.index = session->digest,
		.name = call->argument,
		.range = { .bytes = FTP_ARGS_ALL },
	};
	enum vfs_status status;

	/* REST does not concern HASH, which has RANG. */
	if (session->ranged)
		request.range = (struct ftp_args_range){ session->restart, session->range_bytes };
	status = begin(session, &request);
	if (status != VFS_OK)
		refuse(session, request.form, status);
}

void ftp_cmd_md5(struct ftp_session *session, struct ftp_call *call)
{
	struct request request = {
		.form = &form_md5,
		.index = FTP_DIGEST_MD5,
		.name = ftp_args_name(call->argument),
		.range = { .bytes = FTP_ARGS_ALL },
	};
	enum vfs_status status = begin(session, &request);

	if (status != VFS_OK)
		refuse(session, request.form, status);
}

/*
 * XMD5 <name> [<start> <end>].  Clients quote names with blanks, or do not.  A name that ends in
 * two numbers is that name, if there is such a file.
 */
void ftp_cmd_checksum(struct ftp_session *session, struct ftp_call *call)
{
	struct ftp_args_checksum parts;
	struct request request = {
		.form = &form_checksum,
		.index = ftp_digest_find_verb(call->command->verb),
		.range = { .bytes = FTP_ARGS_ALL },
	};
	enum vfs_status status = VFS_NOT_FOUND;

	if (!ftp_args_checksum(call->argument, &parts)) {
		ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
		return;
	}
	request.name = parts.name;
	if (parts.numbers != NULL && !parts.quoted) {
		parts.numbers[-1] = ' ';
		status = begin(session, &request);
		parts.numbers[-1] = '\0';
	}
	if (parts.numbers != NULL && status == VFS_NOT_FOUND &&
	    !ftp_args_span(parts.numbers, &request.range)) {
		ftp_reply(session, FTP_REPLY_BAD_ARGUMENT);
		return;
	}
	if (status == VFS_NOT_FOUND)
		status = begin(session, &request);
	if (status != VFS_OK)
		refuse(session, request.form, status);
}
