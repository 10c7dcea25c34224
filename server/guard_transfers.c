/*
 * The guard's book of open handles: what a log line needs when a transfer ends, however it ends.
 */
#include <stdlib.h>
#include <string.h>

#include "server/guard_private.h"

struct guard_transfer *guard_transfer_find(struct guard *guard, uint32_t handle)
{
	for (size_t i = 0; i < VFS_HANDLES_MAX; i++) {
		struct guard_transfer *transfer = &guard->transfers[i];

		if (transfer->kind != GUARD_TRANSFER_NONE && transfer->handle == handle)
			return transfer;
	}
	return NULL;
}

bool guard_transfers_are_open(const struct guard *guard)
{
	for (size_t i = 0; i < VFS_HANDLES_MAX; i++) {
		if (guard->transfers[i].kind != GUARD_TRANSFER_NONE)
			return true;
	}
	return false;
}

bool guard_transfer_begin(struct guard *guard, enum guard_transfer_kind kind, uint32_t handle,
    const char *path, uint64_t offset)
{
	struct guard_transfer *transfer = NULL;

	for (size_t i = 0; i < VFS_HANDLES_MAX && transfer == NULL; i++) {
		if (guard->transfers[i].kind == GUARD_TRANSFER_NONE)
			transfer = &guard->transfers[i];
	}
	if (transfer == NULL)
		return false;
	*transfer = (struct guard_transfer){
		.handle = handle,
		.since_ms = clock_mono_ms(),
		.offset = offset,
		.path = strdup(path),
	};
	if (transfer->path == NULL)
		return false;
	/* Its connection comes later.  Of a listing that goes on in the next directory it has come. */
	if (kind != GUARD_TRANSFER_LIST)
		guard_data_forget(&guard->data);
	transfer->kind = kind;
	return true;
}

bool guard_transfer_copied(
    struct guard *guard, uint32_t from_handle, uint32_t to_handle, uint64_t bytes)
{
	struct guard_transfer *from = guard_transfer_find(guard, from_handle);
	struct guard_transfer *to = guard_transfer_find(guard, to_handle);

	if (from == NULL || to == NULL)
		return false;
	if (to->source == NULL) {
		to->source = strdup(from->path);
		if (to->source == NULL)
			return false;
	}
	/* No byte of these files crossed the network: one line about the copy and no other. */
	if (from->kind == GUARD_TRANSFER_DOWNLOAD)
		from->kind = GUARD_TRANSFER_QUIET;
	to->kind = GUARD_TRANSFER_COPY;
	to->copied += bytes;
	return true;
}

static void forget(struct guard_transfer *transfer)
{
	free(transfer->path);
	free(transfer->source);
	*transfer = (struct guard_transfer){ .kind = GUARD_TRANSFER_NONE };
}

/* data_reason: what is known of the data connection; it tells more than a status can. */
static void add_result(struct event *event, const struct guard_transfer *transfer,
    const struct guard_transfer_end *end, const char *data_reason)
{
	const char *result = "complete";
	enum vfs_status reason = VFS_OK;

	if (end->status != VFS_OK) {
		result = "failed";
		reason = end->status;
	} else if (end->outcome == VFS_CLOSE_FAILED) {
		result = "failed";
		reason = end->reason;
	} else if (end->outcome == VFS_CLOSE_ABORTED) {
		result = "aborted";
		reason = end->reason;
	} else if (transfer->kind == GUARD_TRANSFER_LIST && !transfer->ended) {
		result = "aborted";
	}
	event_text(event, EVENT_FIELD_RESULT, result);
	if (end->outcome == VFS_CLOSE_ABORTED && end->status == VFS_OK && data_reason != NULL)
		event_text(event, EVENT_FIELD_REASON, data_reason);
	else if (reason != VFS_OK)
		event_text(event, EVENT_FIELD_REASON, vfs_status_text(reason));
}

/* What went over the network or, in a copy, from file to file. */
static uint64_t bytes_moved(
    const struct guard_transfer *transfer, const struct guard_transfer_end *end)
{
	if (transfer->kind == GUARD_TRANSFER_COPY)
		return transfer->copied;
	/* The position of the shared descriptor is evidence; the front's word counts only where it
	 * has not moved at all (pread, pwrite). */
	return end->closed->moved != 0 ? end->closed->moved : end->bytes;
}

static void count(struct guard *guard, const struct guard_transfer *transfer,
    const struct guard_transfer_end *end, uint64_t bytes)
{
	const bool complete = end->status == VFS_OK && end->outcome == VFS_CLOSE_COMPLETE;

	if (transfer->kind == GUARD_TRANSFER_UPLOAD) {
		guard->totals.bytes_in += bytes;
		guard->totals.uploads += complete;
	} else if (transfer->kind == GUARD_TRANSFER_DOWNLOAD) {
		guard->totals.bytes_out += bytes;
		guard->totals.downloads += complete;
	}
}

/* How that was protected which carried the content; NULL: not at all, or no connection did. */
static const char *protection(const struct guard *guard, const struct guard_transfer *transfer,
    const struct guard_transfer_end *end)
{
	if (transfer->kind == GUARD_TRANSFER_COPY)
		return NULL;
	if (guard->listener->protocol == CONF_PROTOCOL_SFTP)
		return guard->algorithms;
	if (transfer->kind != GUARD_TRANSFER_LIST)
		return end->algorithms;
	/* Of a listing that came to nothing it is not known whether it had a connection. */
	return transfer->ended ? guard->data.algorithms : NULL;
}

void guard_transfer_finish(
    struct guard *guard, struct guard_transfer *transfer, const struct guard_transfer_end *end)
{
	static const enum event_id events[] = {
		[GUARD_TRANSFER_UPLOAD] = EVENT_UPLOAD,
		[GUARD_TRANSFER_DOWNLOAD] = EVENT_DOWNLOAD,
		[GUARD_TRANSFER_COPY] = EVENT_COPY,
		[GUARD_TRANSFER_LIST] = EVENT_LIST,
	};
	const char *path = end->closed->path.length > 0 ? end->closed->path.text : transfer->path;
	const uint64_t bytes = bytes_moved(transfer, end);
	struct event event;

	count(guard, transfer, end, bytes);
	if (transfer->kind != GUARD_TRANSFER_QUIET) {
		guard_log_init(guard, &event, events[transfer->kind]);
		if (transfer->kind == GUARD_TRANSFER_COPY) {
			event_text(&event, EVENT_FIELD_PATH, transfer->source);
			event_text(&event, EVENT_FIELD_TO, path);
		} else {
			event_text(&event, EVENT_FIELD_PATH, path);
		}
		if (transfer->kind != GUARD_TRANSFER_LIST) {
			event_number(&event, EVENT_FIELD_BYTES, bytes);
			event_number(&event, EVENT_FIELD_SIZE, end->closed->size);
			event_number(&event, EVENT_FIELD_OFFSET, transfer->offset);
		}
		event_number(&event, EVENT_FIELD_DURATION_MS,
		    (uint64_t)(clock_mono_ms() - transfer->since_ms));
		event_text(&event, EVENT_FIELD_ALGORITHMS, protection(guard, transfer, end));
		event_text(&event, EVENT_FIELD_ENCRYPTED_BY, end->by_kernel ? "kernel" : NULL);
		add_result(&event, transfer, end, guard->data.end_reason);
		guard_log(guard, &event);
	}
	if (transfer->kind != GUARD_TRANSFER_QUIET)
		guard->data.end_reason = NULL;
	forget(transfer);
}

void guard_transfers_abort(struct guard *guard)
{
	for (size_t i = 0; i < VFS_HANDLES_MAX; i++) {
		struct guard_transfer *transfer = &guard->transfers[i];
		struct vfs_closed closed = { .write = false };
		struct guard_transfer_end end = {
			.outcome = VFS_CLOSE_ABORTED,
			.closed = &closed,
		};

		if (transfer->kind == GUARD_TRANSFER_NONE)
			continue;
		end.status = vfs_close(guard->vfs, transfer->handle, VFS_CLOSE_ABORTED, &closed);
		guard_transfer_finish(guard, transfer, &end);
	}
}

void guard_transfer_refused(struct guard *guard, const char *path, enum vfs_status status)
{
	struct event event;

	guard_log_init(guard, &event, EVENT_UPLOAD);
	event_text(&event, EVENT_FIELD_PATH, path);
	event_number(&event, EVENT_FIELD_BYTES, 0);
	event_text(&event, EVENT_FIELD_RESULT, "failed");
	event_text(&event, EVENT_FIELD_REASON, vfs_status_text(status));
	guard_log(guard, &event);
}
