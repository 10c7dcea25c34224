#include "server/ftp/ftp_transfer.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/pages.h"
#include "server/base/text.h"
#include "server/ftp/ftp_control.h"
#include "server/ftp/ftp_session.h"
#include "server/ftp/ftp_walk.h"
#include "server/tls/tls_stream.h"

#define SUMMARY_BYTES (VFS_PATH_MAX + 160)

void ftp_transfer_init(struct ftp_transfer *transfer)
{
	*transfer = (struct ftp_transfer){ .kind = FTP_TRANSFER_NONE, .file_fd = -1 };
	ftp_copy_init(&transfer->copy);
}

bool ftp_transfer_is_on(const struct ftp_session *session)
{
	return session->transfer.kind != FTP_TRANSFER_NONE;
}

uint64_t ftp_transfer_moved(const struct ftp_session *session)
{
	return session->transfer.copy.moved;
}

/* --- the end --------------------------------------------------------------------------------- */

/* What the guard says to the end of a file; its path is good until the next call to the guard. */
static enum vfs_status close_file(struct ftp_session *session, enum vfs_outcome outcome,
    enum vfs_status cause, struct guard_rep_close *reply)
{
	struct ftp_transfer *transfer = &session->transfer;
	struct guard_req_close request = {
		.handle = transfer->handle,
		.outcome = outcome,
		.bytes = transfer->copy.moved,
		.reason = cause,
		.by_kernel = transfer->copy.kernel == FTP_COPY_KERNEL_SEALS,
		.algorithms = transfer->algorithms,
	};

	io_close(&transfer->file_fd);
	/* Of a download the guard can say nothing that the client would hear. */
	if (transfer->kind == FTP_TRANSFER_SEND) {
		reply->path = "";
		return guard_client_tell_close(session->guard, &request) ? VFS_OK : VFS_INVALID;
	}
	return guard_client_close(session->guard, &request, reply, NULL);
}

/* Give everything back; the next command may come. */
static void reset(struct ftp_session *session)
{
	struct ftp_transfer *transfer = &session->transfer;
	const bool large = transfer->copy.tls != NULL && transfer->copy.moved > FTP_TRIM_BYTES;

	if (transfer->copy.kernel == FTP_COPY_KERNEL_NEVER)
		session->security.kernel_refuses = true;

	ftp_copy_clear(&transfer->copy);
	free(transfer->path);
	ftp_transfer_init(transfer);
	if (large)
		pages_trim_heap();
	session->command_ms = clock_mono_ms();
}

static void close_all(struct ftp_session *session, enum vfs_outcome outcome, enum vfs_status cause)
{
	struct ftp_transfer *transfer = &session->transfer;
	struct guard_rep_close ignored;

	if (transfer->walk != NULL)
		ftp_walk_free(&transfer->walk, outcome, transfer->copy.moved);
	else if (transfer->file_fd != -1)
		close_file(session, outcome, cause, &ignored);
	ftp_job_free(session, &transfer->job, cause);
}

/* "1234 bytes in 0.512 s", and what else the client should know of its upload. */
static void describe(const struct ftp_transfer *transfer, const struct guard_rep_close *closed,
    char out[SUMMARY_BYTES])
{
	int64_t ms = clock_mono_ms() - transfer->since_ms;
	bool renamed = transfer->path != NULL && strcmp(transfer->path, closed->path) != 0;
	bool short_of = transfer->announced > transfer->copy.moved;

	text_format(out, SUMMARY_BYTES, "%llu bytes in %lld.%03lld s%s%s%s",
	    (unsigned long long)transfer->copy.moved, (long long)ms / 1000, (long long)ms % 1000,
	    short_of ? ", fewer than ALLO announced" : "",
	    renamed || transfer->tell_name ? ", stored as " : "",
	    renamed || transfer->tell_name ? closed->path : "");
}

static void complete(struct ftp_session *session)
{
	struct ftp_transfer *transfer = &session->transfer;
	struct guard_rep_close closed;
	char summary[SUMMARY_BYTES];
	enum vfs_status status;

	/* The client sees the end of the data before it reads that it was the end. */
	if (session->data.tls != NULL)
		tls_stream_close(session->data.tls);
	if (transfer->kind == FTP_TRANSFER_RECEIVE)
		ftp_data_close(&session->data);
	else
		ftp_data_finish(session);
	if (transfer->kind == FTP_TRANSFER_STAT) {
		close_all(session, VFS_CLOSE_COMPLETE, VFS_OK);
		ftp_reply(session, transfer->stat_end);
	} else if (transfer->kind == FTP_TRANSFER_LIST) {
		close_all(session, VFS_CLOSE_COMPLETE, VFS_OK);
		ftp_reply(session, FTP_REPLY_LISTING_DONE);
	} else {
		status = close_file(session, VFS_CLOSE_COMPLETE, VFS_OK, &closed);
		if (status != VFS_OK) {
			ftp_reply_status(session, status);
		} else {
			describe(transfer, &closed, summary);
			ftp_reply_text(session, FTP_REPLY_TRANSFER_DONE, summary);
		}
	}
	reset(session);
}

/* Our side failed: the disk, the quota, a listing. */
static void give_up(struct ftp_session *session, enum vfs_status failure)
{
	bool stat = session->transfer.kind == FTP_TRANSFER_STAT;
	enum ftp_reply_id stat_end = session->transfer.stat_end;

	ftp_data_close(&session->data);
	close_all(session, VFS_CLOSE_FAILED, failure);
	/* The first line of STAT's reply is out: its code cannot change any more. */
	if (stat)
		ftp_reply(session, stat_end);
	else
		ftp_reply_status(session, failure);
	reset(session);
}

/* One that is resumed goes on from all that came. */
static void save_upload(struct ftp_session *session)
{
	if (session->transfer.kind == FTP_TRANSFER_RECEIVE)
		ftp_copy_save(&session->transfer.copy, session->transfer.file_fd);
}

void ftp_transfer_abort(
    struct ftp_session *session, enum vfs_status cause, enum ftp_reply_id reply, const char *text)
{
	if (session->transfer.kind == FTP_TRANSFER_NONE)
		return;
	save_upload(session);
	ftp_data_cancel(session);
	/* What a client has asked to stop it may still read; what it does not read is not kept for
	 * it. */
	if (cause == VFS_CANCELLED)
		ftp_data_close(&session->data);
	else
		ftp_data_reset(&session->data);
	close_all(session, VFS_CLOSE_ABORTED, cause);
	if (session->transfer.kind == FTP_TRANSFER_STAT)
		ftp_reply(session, session->transfer.stat_end);
	else
		ftp_reply_text(session, reply, text);
	reset(session);
}

void ftp_transfer_drop(struct ftp_session *session)
{
	if (session->transfer.kind == FTP_TRANSFER_NONE)
		return;
	save_upload(session);
	ftp_data_cancel(session);
	ftp_data_reset(&session->data);
	close_all(session, VFS_CLOSE_ABORTED, VFS_UNREACHABLE);
	reset(session);
}

/* --- the beginning -----------------------------------------------------------------------------
 */

static void begin_window(struct ftp_transfer *transfer)
{
	transfer->window_ms = clock_mono_ms();
	transfer->window_before = transfer->copy.moved;
}

/* The connection is there. */
static void connected(struct ftp_session *session)
{
	struct ftp_transfer *transfer = &session->transfer;

	transfer->since_ms = clock_mono_ms();
	transfer->progress_ms = transfer->since_ms;
	begin_window(transfer);
	ftp_data_tune(session,
	    transfer->kind == FTP_TRANSFER_RECEIVE && transfer->copy.limit == UINT64_MAX);
	if (!session->security.protects_data)
		return;
	if (!ftp_security_begin_data(session)) {
		ftp_transfer_abort(session, VFS_NO_MEMORY, FTP_REPLY_NO_CONNECTION,
		    vfs_status_text(VFS_NO_MEMORY));
		return;
	}
	session->transfer.copy.tls = session->data.tls;
	session->transfer.copy.trusts_close = !session->security.require_close_notify;
	if (ftp_security_may_ask_kernel(session))
		session->transfer.copy.kernel = FTP_COPY_KERNEL_ASK;
}

static void ask_for_connection(struct ftp_session *session)
{
	struct ftp_transfer *transfer = &session->transfer;

	if (session->data.fd != -1) {
		connected(session);
		return;
	}
	transfer->since_ms = clock_mono_ms();
	transfer->progress_ms = transfer->since_ms;
	if (!session->data.waiting && !ftp_data_request(session, false))
		ftp_transfer_abort(
		    session, VFS_UNREACHABLE, FTP_REPLY_NO_CONNECTION, vfs_status_text(VFS_FAILED));
}

void ftp_transfer_begin_file(struct ftp_session *session, const struct ftp_transfer_file *file)
{
	struct ftp_transfer *transfer = &session->transfer;
	char what[80];

	transfer->kind = file->kind;
	transfer->file_fd = file->fd;
	transfer->handle = file->opened->handle;
	transfer->ascii = session->type == FTP_TYPE_ASCII;
	transfer->copy.skip = file->skip;
	transfer->copy.limit = file->bytes;
	transfer->copy.expected = file->opened->attr.size - file->opened->offset;
	if (transfer->copy.expected > file->bytes)
		transfer->copy.expected = file->bytes;
	transfer->tell_name = file->unique;
	transfer->announced = file->kind == FTP_TRANSFER_RECEIVE ? session->announced : 0;
	/* Without memory for it, the reply will not say that the name has changed: no more is lost.
	 */
	if (file->path != NULL && !file->unique)
		transfer->path = strdup(file->path);
	if (file->unique) {
		ftp_reply_text(session, FTP_REPLY_OPENING_UNIQUE, file->opened->path);
	} else if (file->kind == FTP_TRANSFER_SEND) {
		/* Clients read the size from here: "(1234 bytes)". */
		text_format(what, sizeof(what), "%s mode data connection (%llu bytes)",
		    transfer->ascii ? "ASCII" : "BINARY",
		    (unsigned long long)transfer->copy.expected);
		ftp_reply_text(session, FTP_REPLY_OPENING, what);
	} else {
		ftp_reply_text(session, FTP_REPLY_OPENING,
		    transfer->ascii ? "ASCII mode data connection" : "BINARY mode data connection");
	}
	ask_for_connection(session);
}

void ftp_transfer_begin_list(struct ftp_session *session, struct ftp_walk *walk)
{
	session->transfer.kind = FTP_TRANSFER_LIST;
	session->transfer.walk = walk;
	ftp_reply_text(session, FTP_REPLY_OPENING, "ASCII mode data connection");
	ask_for_connection(session);
}

void ftp_transfer_begin_stat(
    struct ftp_session *session, struct ftp_walk *walk, enum ftp_reply_id last_line)
{
	session->transfer.kind = FTP_TRANSFER_STAT;
	session->transfer.walk = walk;
	session->transfer.stat_end = last_line;
	session->transfer.since_ms = clock_mono_ms();
	ftp_security_uses_control(session);
}

void ftp_transfer_arrived(struct ftp_session *session, struct guard_client_event *event)
{
	enum vfs_status status;

	if (!ftp_data_arrived(session, event, &status))
		return;
	if (status != VFS_OK) {
		ftp_transfer_abort(
		    session, VFS_UNREACHABLE, FTP_REPLY_NO_CONNECTION, vfs_status_text(status));
		return;
	}
	connected(session);
}

/* --- the middle ----------------------------------------------------------------------------------
 */

short ftp_transfer_events(const struct ftp_session *session)
{
	short events = session->transfer.kind == FTP_TRANSFER_RECEIVE ? POLLIN : POLLOUT;

	if (session->data.fd == -1)
		return 0;
	if (session->data.tls == NULL)
		return events;
	if (!ftp_security_is_shaking_data(session) && !session->transfer.closing)
		return events | tls_stream_events(session->data.tls);
	return tls_stream_events(session->data.tls);
}

int64_t ftp_transfer_deadline(const struct ftp_session *session)
{
	const struct conf_ftp *ftp = &session->start->conf->ftp;
	const struct ftp_transfer *transfer = &session->transfer;

	if (session->data.fd == -1)
		return CLOCK_NEVER;
	if (ftp_security_is_shaking_data(session))
		return session->data.handshake_deadline_ms;
	if (ftp->min_rate > 0 && transfer->window_ms < transfer->progress_ms)
		return transfer->window_ms + ftp->stall_timeout;
	return transfer->progress_ms + ftp->stall_timeout;
}

/* STAT: no more lines than the control connection takes. */
static void pump_stat(struct ftp_session *session)
{
	struct ftp_transfer *transfer = &session->transfer;
	enum vfs_status status = VFS_OK;
	uint8_t *room;

	while (!ftp_walk_ended(transfer->walk, &status) &&
	       buf_length(&session->out) < FTP_OUT_PAUSE_BYTES) {
		room = buf_reserve(&session->out, 2 * FTP_LISTING_LINE_BYTES);
		if (room == NULL) {
			give_up(session, VFS_NO_MEMORY);
			return;
		}
		buf_commit(&session->out,
		    ftp_walk_fill(transfer->walk, (char *)room, 2 * FTP_LISTING_LINE_BYTES));
	}
	if (!ftp_walk_ended(transfer->walk, &status))
		return;
	if (status == VFS_OK)
		complete(session);
	else
		give_up(session, status);
}

/*
 * FTP has no length: the end of an upload is the client's close, and the kernel of a client that
 * was killed closes, too.  But it closes both connections, one a moment after the other, while a
 * client that lives waits for our answer.  What a deserter leaves is kept for it to continue, and
 * not shown as if it were whole.  The moment is a small part of the time that the upload took: a
 * short one has nearly none.
 */
static void end_upload(struct ftp_session *session)
{
	int64_t wait_ms = (clock_mono_ms() - session->transfer.since_ms) / FTP_DESERTED_SHARE;

	if (wait_ms > FTP_DESERTED_MAX_MS)
		wait_ms = FTP_DESERTED_MAX_MS;
	/* TLS has said that this was all. */
	if (session->data.tls != NULL && session->security.require_close_notify)
		complete(session);
	else if (ftp_control_is_deserted(session, (int)wait_ms))
		ftp_transfer_abort(session, VFS_UNREACHABLE, FTP_REPLY_DATA_LOST, "");
	else
		complete(session);
}

bool ftp_transfer_begins(const struct ftp_session *session)
{
	return session->data.fd != -1 &&
	       (session->transfer.kind != FTP_TRANSFER_RECEIVE || session->data.tls != NULL);
}

bool ftp_transfer_is_busy(const struct ftp_session *session)
{
	if (session->transfer.kind == FTP_TRANSFER_RECEIVE && session->data.tls != NULL)
		return tls_stream_has_input(session->data.tls);
	return session->transfer.kind == FTP_TRANSFER_JOB;
}

static void pump_job(struct ftp_session *session)
{
	if (!ftp_job_step(session, session->transfer.job))
		return;
	close_all(session, VFS_CLOSE_COMPLETE, VFS_OK);
	reset(session);
}

static enum ftp_copy_result move_some(struct ftp_session *session)
{
	struct ftp_transfer *transfer = &session->transfer;
	int data_fd = session->data.fd;

	if (transfer->kind == FTP_TRANSFER_LIST)
		return ftp_copy_send_listing(&transfer->copy, transfer->walk, data_fd);
	if (transfer->kind == FTP_TRANSFER_RECEIVE)
		return ftp_copy_receive(
		    &transfer->copy, data_fd, transfer->file_fd, transfer->ascii);
	if (transfer->ascii)
		return ftp_copy_send_ascii(&transfer->copy, transfer->file_fd, data_fd);
	return ftp_copy_send_image(&transfer->copy, transfer->file_fd, data_fd);
}

/* All is on its way; over TLS a download ends with close_notify, after everything else was sent. */
static void end_download(struct ftp_session *session)
{
	enum tls_status status = TLS_OK;

	if (session->data.tls != NULL)
		status = tls_stream_close(session->data.tls);
	session->transfer.closing = status == TLS_AGAIN;
	if (status == TLS_OK)
		complete(session);
	else if (status != TLS_AGAIN)
		ftp_transfer_abort(session, VFS_UNREACHABLE, FTP_REPLY_DATA_LOST, "");
}

static void end_lost(struct ftp_session *session)
{
	const bool truncated = session->transfer.copy.truncated;

	if (truncated)
		ftp_security_truncated(session);
	else if (session->data.tls != NULL && tls_stream_lacks_keys(session->data.tls))
		ftp_security_lacks_keys(session);
	ftp_transfer_abort(session, VFS_UNREACHABLE,
	    truncated ? FTP_REPLY_UPLOAD_TRUNCATED : FTP_REPLY_DATA_LOST, "");
}

/* The data connection's handshake.  True when it is over and the transfer may go on. */
static bool shake_hands(struct ftp_session *session)
{
	enum ftp_reply_id reply = FTP_REPLY_DATA_HANDSHAKE;

	if (!ftp_security_is_shaking_data(session))
		return true;
	switch (ftp_security_step_data(session)) {
	case FTP_SECURITY_DONE:
		session->transfer.progress_ms = clock_mono_ms();
		begin_window(&session->transfer);
		return true;
	case FTP_SECURITY_WAITS:
		return false;
	case FTP_SECURITY_REFUSED:
		reply = FTP_REPLY_DATA_NOT_RESUMED;
		break;
	case FTP_SECURITY_BROKEN:
		break;
	}
	/* No reset: an alert may be on its way. */
	ftp_data_close(&session->data);
	ftp_transfer_abort(session, VFS_UNREACHABLE, reply, "");
	return false;
}

/* What must grow as long as the client takes part. */
static uint64_t progress_of(const struct ftp_session *session)
{
	return session->transfer.copy.moved +
	       (session->data.tls != NULL ? tls_stream_traffic(session->data.tls) : 0);
}

void ftp_transfer_pump(struct ftp_session *session)
{
	struct ftp_transfer *transfer = &session->transfer;
	uint64_t before = progress_of(session);
	enum ftp_copy_result result;

	if (transfer->kind == FTP_TRANSFER_STAT) {
		pump_stat(session);
		return;
	}
	if (transfer->kind == FTP_TRANSFER_JOB) {
		pump_job(session);
		return;
	}
	if (transfer->kind == FTP_TRANSFER_NONE || session->data.fd == -1)
		return;
	if (!shake_hands(session))
		return;
	result = transfer->closing ? FTP_COPY_DONE : move_some(session);
	if (progress_of(session) != before)
		transfer->progress_ms = clock_mono_ms();
	switch (result) {
	case FTP_COPY_MORE:
		break;
	case FTP_COPY_DONE:
		if (transfer->kind == FTP_TRANSFER_RECEIVE)
			end_upload(session);
		else
			end_download(session);
		break;
	case FTP_COPY_LOST:
		end_lost(session);
		break;
	case FTP_COPY_FAILED:
		give_up(session, transfer->copy.failure);
		break;
	}
}

/* A window of min_rate is over: has enough moved in it? */
static bool keeps_pace(const struct ftp_session *session)
{
	const struct conf_ftp *ftp = &session->start->conf->ftp;
	const uint64_t moved = session->transfer.copy.moved - session->transfer.window_before;

	return moved / ftp->min_rate >= (uint64_t)ftp->stall_timeout / 1000;
}

/* An upload too slow to wake us has not stalled: what waits is taken, but counts from when it came. */
static void catch_up(struct ftp_session *session)
{
	struct ftp_transfer *transfer = &session->transfer;
	const int64_t before = transfer->progress_ms;
	int64_t came_ms;

	ftp_transfer_pump(session);
	if (transfer->kind != FTP_TRANSFER_RECEIVE || session->data.tls != NULL || transfer->progress_ms == before)
		return;
	came_ms = transfer->progress_ms - ftp_data_quiet_ms(session);
	transfer->progress_ms = came_ms > before ? came_ms : before;
}

void ftp_transfer_stalled(struct ftp_session *session)
{
	const struct conf_ftp *ftp = &session->start->conf->ftp;
	const int64_t now = clock_mono_ms();
	char number[24];

	catch_up(session);
	if (session->transfer.kind == FTP_TRANSFER_NONE || ftp_transfer_deadline(session) > now)
		return;
	if (session->transfer.progress_ms + ftp->stall_timeout <= now ||
	    ftp_security_is_shaking_data(session)) {
		text_format(number, sizeof(number), "%lld", (long long)ftp->stall_timeout / 1000);
		ftp_transfer_abort(session, VFS_TIMEOUT, FTP_REPLY_DATA_STALLED, number);
	} else if (keeps_pace(session)) {
		begin_window(&session->transfer);
	} else {
		text_format(number, sizeof(number), "%u", ftp->min_rate);
		ftp_transfer_abort(session, VFS_TIMEOUT, FTP_REPLY_DATA_SLOW, number);
	}
}
