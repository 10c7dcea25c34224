#include "server/ftp/ftp_cmd_rmtree.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/text.h"
#include "server/ftp/ftp_job.h"
#include "server/ftp/ftp_session.h"

/*
 * What is removed is not there at the next look, so nothing needs to be remembered but where we are:
 * each step reads the first batch of the directory `path`, removes what is no directory, and goes down
 * into the first one that is; an empty one is removed, and the next step is above it.  Links are
 * removed, never followed.
 */
struct removal {
	struct ftp_job job; /* done: names removed */
	char path[VFS_PATH_MAX];
	size_t root_length; /* of the directory that was named */
	uint8_t *batch;     /* heap, VFS_BATCH_MAX_BYTES */
	bool ended;
};

static void free_removal(
    struct ftp_session *session, struct ftp_job *job, enum vfs_status cause)
{
	struct removal *removal = (struct removal *)job;

	(void)session;
	(void)cause;
	free(removal->batch);
	free(removal);
}

/* The first entries; *end: there are no more. */
static enum vfs_status read_batch(struct ftp_session *session, struct removal *removal,
    struct vfs_batch_reader *reader, bool *end)
{
	struct guard_req_opendir open_it = { .path = removal->path };
	struct guard_req_close close_it = { .outcome = VFS_CLOSE_COMPLETE };
	struct guard_rep_opendir opened;
	struct guard_rep_readdir got;
	struct guard_req_readdir read_it;
	enum vfs_status status =
	    guard_client_opendir(session->guard, &open_it, &opened, NULL);

	if (status != VFS_OK)
		return status;
	read_it = (struct guard_req_readdir){ .handle = opened.handle };
	close_it.handle = opened.handle;
	status = guard_client_readdir(session->guard, &read_it, &got, NULL);
	if (status == VFS_OK) {
		/* The reply is gone with the next call. */
		memcpy(removal->batch, got.entries.bytes, got.entries.length);
		*reader = (struct vfs_batch_reader){ .bytes = removal->batch,
			.left = got.entries.length };
		*end = got.end != 0;
	}
	guard_client_tell_close(session->guard, &close_it);
	return status;
}

static bool is_removable(const struct vfs_attr *attr)
{
	/* A mount point stays, and with it what is in it. */
	return (attr->rights & RIGHT_rmdir) != 0;
}

static enum vfs_status remove_file(
    struct ftp_session *session, const struct removal *removal, const char *name)
{
	char path[VFS_PATH_MAX];
	struct guard_req_remove request = { .path = path };

	if (!text_format(path, sizeof(path), "%s/%s", removal->path, name))
		return VFS_NAME_TOO_LONG;
	return guard_client_remove(session->guard, &request, NULL, NULL);
}

/* All of the batch that is no directory, and down into the first one. */
static enum vfs_status clear_batch(struct ftp_session *session, struct removal *removal,
    struct vfs_batch_reader *reader, bool *went_down)
{
	const char *below = NULL;
	enum vfs_status status = VFS_OK;
	struct vfs_entry entry;
	size_t length = strlen(removal->path);
	int more;

	while (status == VFS_OK && (more = vfs_batch_next(reader, &entry)) == 1) {
		if (entry.attr.kind != VFS_KIND_DIR) {
			status = remove_file(session, removal, entry.name);
			removal->job.done++;
		} else if (!is_removable(&entry.attr)) {
			status = VFS_FORBIDDEN;
		} else if (below == NULL) {
			below = entry.name;
		}
	}
	if (status != VFS_OK || below == NULL)
		return status;
	*went_down = true;
	return text_format(removal->path + length, sizeof(removal->path) - length, "/%s", below)
	           ? VFS_OK
	           : VFS_NAME_TOO_LONG;
}

/* It is empty, or holds what cannot be seen. */
static enum vfs_status remove_dir(struct ftp_session *session, struct removal *removal)
{
	struct guard_req_rmdir request = { .path = removal->path };
	enum vfs_status status = guard_client_rmdir(session->guard, &request, NULL, NULL);

	removal->job.done++;
	if (strlen(removal->path) == removal->root_length)
		removal->ended = true;
	else
		*strrchr(removal->path, '/') = '\0';
	return status;
}

static bool remove_some(struct ftp_session *session, struct ftp_job *job)
{
	struct removal *removal = (struct removal *)job;
	struct vfs_batch_reader reader = { .left = 0 };
	bool went_down = false;
	bool end = false;
	enum vfs_status status = read_batch(session, removal, &reader, &end);

	if (status == VFS_OK)
		status = clear_batch(session, removal, &reader, &went_down);
	if (status == VFS_OK && end && !went_down)
		status = remove_dir(session, removal);
	/* Somebody puts in what we take out. */
	if (status == VFS_OK && !removal->ended && job->done > FTP_REMOVE_MAX)
		status = VFS_BUSY;
	if (status == VFS_OK && !removal->ended)
		return false;
	ftp_reply_status(session, status);
	return true;
}

static const struct ftp_job_kind removing = {
	.what = "removing a directory",
	.unit = "names",
	.step = remove_some,
	.free = free_removal,
};

static void begin(struct ftp_session *session, const char *path)
{
	struct removal *removal = calloc(1, sizeof(*removal));

	if (removal != NULL)
		removal->batch = malloc(VFS_BATCH_MAX_BYTES);
	if (removal == NULL || removal->batch == NULL) {
		free(removal);
		ftp_reply_status(session, VFS_NO_MEMORY);
		return;
	}
	removal->job.kind = &removing;
	text_copy(removal->path, sizeof(removal->path), path);
	removal->root_length = strlen(path);
	ftp_job_begin(session, &removal->job);
}

void ftp_cmd_site_rmdir(struct ftp_session *session, struct ftp_call *call)
{
	struct guard_req_rmdir request = { .path = call->path.text };
	enum vfs_status status = guard_client_rmdir(session->guard, &request, NULL, NULL);

	/* What is no directory, or may not be removed itself, is refused before anything in it is gone. */
	if (status == VFS_NOT_EMPTY)
		begin(session, call->path.text);
	else
		ftp_reply_status(session, status);
}
