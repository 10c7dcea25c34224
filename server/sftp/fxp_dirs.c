#include "server/sftp/fxp_dirs.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/bytes.h"
#include "server/base/clock.h"
#include "server/sftp/fxp_reply.h"
#include "server/sftp/fxp_requests.h"
#include "vfs/vfs_longname.h"

/* A longest entry: two strings, each with a name, one with what ls shows before it, and attributes. */
#define ENTRY_MAX_BYTES (8u + 2u * VFS_NAME_MAX + VFS_LONGNAME_BYTES + FXP_ATTRS_BYTES)

_Static_assert(GUARD_USER_NAME_MAX <= VFS_LONGNAME_LOGIN_MAX, "a long name has room for the user's");

/* --- batches -------------------------------------------------------------------------------- */

void fxp_dirs_forget_ahead(struct fxp *fxp, const struct fxp_handle *handle)
{
	if (fxp->ahead != handle)
		return;
	(void)guard_client_wait_readdir(fxp->guard, handle->listing.ahead_id, NULL, NULL);
	fxp->ahead = NULL;
}

/* While the client reads this batch the guard makes the next one.  One at a time: replies that wait cost memory. */
static void fetch_ahead(struct fxp *fxp, struct fxp_handle *handle)
{
	struct guard_req_readdir ask = { .handle = handle->guard };

	if (fxp->ahead != NULL)
		return;
	handle->listing.ahead_id = guard_client_send_readdir(fxp->guard, &ask);
	if (handle->listing.ahead_id != 0)
		fxp->ahead = handle;
}

static enum vfs_status fetch(struct fxp *fxp, struct fxp_handle *handle)
{
	struct fxp_listing *listing = &handle->listing;
	struct guard_req_readdir ask = { .handle = handle->guard };
	struct guard_rep_readdir reply;
	enum vfs_status status;

	if (listing->bytes == NULL)
		listing->bytes = malloc(VFS_BATCH_MAX_BYTES);
	if (listing->bytes == NULL)
		return VFS_NO_MEMORY;
	if (fxp->ahead == handle) {
		fxp->ahead = NULL;
		status = guard_client_wait_readdir(fxp->guard, listing->ahead_id, &reply, NULL);
	} else {
		status = guard_client_readdir(fxp->guard, &ask, &reply, NULL);
	}
	if (status != VFS_OK)
		return status;
	memcpy(listing->bytes, reply.entries.bytes, reply.entries.length);
	listing->reader = (struct vfs_batch_reader){ .bytes = listing->bytes, .left = reply.entries.length };
	listing->ended = reply.end != 0;
	if (!listing->ended)
		fetch_ahead(fxp, handle);
	return VFS_OK;
}

/* The next entry; out->name NULL at the end. */
static enum vfs_status next_entry(struct fxp *fxp, struct fxp_handle *handle, struct vfs_entry *out)
{
	struct fxp_listing *listing = &handle->listing;
	enum vfs_status status = VFS_OK;
	int got;

	/* A batch may be empty though there is more. */
	while ((got = vfs_batch_next(&listing->reader, out)) == 0 && !listing->ended && status == VFS_OK)
		status = fetch(fxp, handle);
	if (got < 0)
		return VFS_IO;
	if (got == 0)
		out->name = NULL;
	return status;
}

/* --- READDIR -------------------------------------------------------------------------------- */

static void put_entry(
    struct fxp_writer *writer, const struct vfs_longname_view *view, const struct vfs_entry *entry)
{
	char line[VFS_LONGNAME_BYTES + VFS_NAME_MAX + 1];
	char *end = vfs_longname_put(line, view, &entry->attr);

	end = vfs_longname_put_text(end, entry->name);
	fxp_put_string(writer, entry->name, entry->name_length);
	fxp_put_string(writer, line, (size_t)(end - line));
	fxp_put_attr(writer, &entry->attr);
}

/*
 * "." and "..", which the guard does not tell, for the first READDIR; how many.  The draft asks for neither, but
 * servers that run ls's system calls have them, and clients take an empty answer for a directory that is not there.
 */
static uint32_t put_dots(struct fxp *fxp, struct fxp_listing *listing, struct fxp_writer *writer,
    const struct vfs_longname_view *view)
{
	struct guard_req_stat ask = { .path = listing->path, .follow = true };
	struct guard_rep_stat own;
	struct guard_rep_stat above;
	struct vfs_path parent;
	uint32_t count = 0;

	if (listing->path == NULL)
		return 0;
	if (guard_client_stat(fxp->guard, &ask, &own, NULL) == VFS_OK &&
	    vfs_path_resolve(&parent, listing->path, "..") == VFS_OK) {
		ask.path = parent.text;
		if (guard_client_stat(fxp->guard, &ask, &above, NULL) != VFS_OK)
			above = own;
		put_entry(writer, view, &(struct vfs_entry){ .name = ".", .name_length = 1, .attr = own.attr });
		put_entry(writer, view, &(struct vfs_entry){ .name = "..", .name_length = 2, .attr = above.attr });
		count = 2;
	}
	free(listing->path);
	listing->path = NULL;
	return count;
}

enum fxp_progress fxp_do_readdir(struct fxp *fxp, struct fxp_request *request)
{
	const struct vfs_longname_view view = {
		.now = clock_wall().tv_sec,
		.uid = fxp->start.uid,
		.login = fxp->start.user,
	};
	enum vfs_status status = VFS_OK;
	struct fxp_writer writer;
	struct vfs_entry entry;
	uint32_t count;
	uint32_t dots;
	size_t count_at;

	if (!fxp_reply_begin(fxp, request->id, FXP_REPLY_NAME, FXP_NAMES_MAX_BYTES, &writer))
		return FXP_NO_ROOM;
	count_at = writer.length;
	fxp_put_u32(&writer, 0);
	count = dots = put_dots(fxp, &request->handle->listing, &writer, &view);
	while (writer.size - writer.length >= ENTRY_MAX_BYTES) {
		status = next_entry(fxp, request->handle, &entry);
		if (status != VFS_OK || entry.name == NULL)
			break;
		put_entry(&writer, &view, &entry);
		count++;
	}
	/* What was found before an error is told first; the next READDIR meets the error again. */
	if (count > dots || (count > 0 && status == VFS_OK)) {
		bytes_put_u32(writer.bytes + count_at, count);
		return fxp_reply_end(fxp, &writer);
	}
	return status != VFS_OK ? fxp_reply_status(fxp, request, status) : fxp_reply_eof(fxp, request);
}
