/*
 * The gate between a front and its guard: the only reader of the front's messages.
 *
 * Everything is generated from GUARD_MESSAGES: which numbers exist, in which states and how often
 * they are legal, how they are decoded, which guard_do_NAME handles them, how they are answered.  A
 * message that is unknown, early, late, oversized, malformed or carries a descriptor that its row
 * does not know of ends the session: it is logged once and there is no recovery, so there is no
 * recovery to be attacked.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/base/secret.h"
#include "server/base/text.h"
#include "server/guard_private.h"

void guard_violation(struct guard *guard, const char *message, const char *reason)
{
	guard_log_violation(guard, message, reason);
	guard_end(guard, SESSION_EXIT_VIOLATION, NULL);
}

/* --- answers and notices ------------------------------------------------------------------ */

static struct wire_writer begin(struct guard *guard, const struct wire_header *header)
{
	struct wire_writer writer = { .bytes = guard->out, .size = WIRE_MAX_BYTES };

	wire_put_header(&writer, header);
	return writer;
}

/* False when the session is ending for it. */
static bool deliver(struct guard *guard, const struct wire_writer *writer, int fd)
{
	if (writer->failed) {
		/* A field beyond its bound is a bug of ours; a half-told answer would hide it. */
		guard_end(guard, SESSION_EXIT_FAILED, "internal error");
		return false;
	}
	if (wire_send_both(guard->wall_fd, writer->bytes, writer->length, fd,
	        fd >= 0 ? guard->data.along_fd : -1))
		return true;
	/* A front that has gone may have left requests behind, its bye among them: the end of what
	 * it sent is noticed by the next read. */
	if (errno == EPIPE || errno == ECONNRESET)
		return true;
	guard_end(guard, SESSION_EXIT_OK, "the front takes no answers");
	return false;
}

#define REPLY(name, message_number, states, fd, calls, flags, why)                        \
	void guard_reply_##name(struct guard *guard, uint32_t id, enum vfs_status status, \
	    const struct guard_rep_##name *fields, int reply_fd)                          \
	{                                                                                 \
		const struct wire_header header = {                                       \
			.type = (message_number),                                         \
			.kind = WIRE_REPLY,                                               \
			.id = id,                                                         \
			.status = (uint32_t)status,                                       \
		};                                                                        \
		struct wire_writer writer = begin(guard, &header);                        \
                                                                                          \
		if (id == 0)                                                              \
			return;                                                           \
		if (status == VFS_OK)                                                     \
			guard_put_rep_##name(&writer, fields);                            \
		deliver(guard, &writer, status == VFS_OK ? reply_fd : -1);                \
	}
GUARD_MESSAGES(REPLY)

static struct wire_writer begin_notice(struct guard *guard, uint16_t number)
{
	const struct wire_header header = { .type = number, .kind = WIRE_NOTICE };

	return begin(guard, &header);
}

bool guard_notify_start(struct guard *guard, const struct guard_note_start *note, int fd)
{
	struct wire_writer writer = begin_notice(guard, GUARD_NOTICE_start);
	bool delivered;

	guard_put_note_start(&writer, note);
	delivered = deliver(guard, &writer, fd);
	/* What the client has sent ahead may hold a password. */
	secret_wipe(guard->out, writer.length);
	return delivered;
}

bool guard_notify_stop(struct guard *guard, const struct guard_note_stop *note)
{
	struct wire_writer writer = begin_notice(guard, GUARD_NOTICE_stop);

	guard_put_note_stop(&writer, note);
	return deliver(guard, &writer, -1);
}

bool guard_notify_ping(struct guard *guard, const struct guard_note_ping *note)
{
	struct wire_writer writer = begin_notice(guard, GUARD_NOTICE_ping);

	guard_put_note_ping(&writer, note);
	return deliver(guard, &writer, -1);
}

/* --- requests ----------------------------------------------------------------------------- */

typedef void handle_fn(
    struct guard *guard, const char *name, struct wire_reader *reader, uint32_t id);

/* Decode, do, answer: one function a row.  The request's strings point into guard->in. */
#define HANDLE(name, message_number, states, fd, calls, flags, why)                          \
	static void handle_##name(                                                           \
	    struct guard *guard, const char *title, struct wire_reader *reader, uint32_t id) \
	{                                                                                    \
		struct guard_req_##name ask = { 0 };                                         \
		struct guard_rep_##name reply = { 0 };                                       \
		enum vfs_status status;                                                      \
		int reply_fd = -1;                                                           \
                                                                                             \
		guard_get_req_##name(reader, &ask);                                          \
		if (!wire_done(reader)) {                                                    \
			guard_violation(guard, title, "malformed fields");                   \
			return;                                                              \
		}                                                                            \
		guard->request_id = id;                                                      \
		status = guard_do_##name(guard, &ask, &reply, &reply_fd);                    \
		if (status != (enum vfs_status)GUARD_ANSWER_LATER)                           \
			guard_reply_##name(guard, id, status, &reply, reply_fd);             \
		io_close(&guard->data.along_fd);                                             \
	}
GUARD_MESSAGES(HANDLE)

/* In the order of guard_message_rows, since both come from the same list. */
#define HANDLE_ENTRY(name, message_number, states, fd, calls, flags, why) handle_##name,
static handle_fn *const handlers[] = { GUARD_MESSAGES(HANDLE_ENTRY) };

/* What the row says about the moment: NULL when the message is welcome. */
static const char *gate(struct guard *guard, const struct guard_message_row *row)
{
	uint32_t *calls = &guard->calls[row - guard_message_rows];

	if ((row->states & (uint32_t)guard->state) == 0)
		return "not legal in this state";
	if (row->calls != 0 && *calls >= row->calls)
		return "sent too often";
	if (row->calls != 0)
		(*calls)++;
	return NULL;
}

/* Takes no descriptor: it stays the caller's. */
static void handle(struct guard *guard, size_t length, int passed_fd)
{
	struct wire_reader reader = { .bytes = guard->in, .left = length };
	const struct guard_message_row *row;
	struct wire_header header = { 0 };
	const char *refused;
	char number[16];

	wire_get_header(&reader, &header);
	if (reader.failed) {
		guard_violation(guard, NULL, "shorter than a header");
		return;
	}
	row = guard_message_find(header.type);
	if (row == NULL) {
		text_format(number, sizeof(number), "%u", (unsigned)header.type);
		guard_violation(guard, number, "unknown number");
		return;
	}
	if (header.kind != WIRE_REQUEST || header.status != 0) {
		guard_violation(guard, row->name, "not a request");
		return;
	}
	refused = gate(guard, row);
	if (refused != NULL) {
		guard_violation(guard, row->name, refused);
		return;
	}
	if ((passed_fd >= 0) != ((row->flags & GUARD_FLAG_CARRIES) != 0)) {
		guard_violation(guard, row->name,
		    passed_fd >= 0 ? "a descriptor came along" : "no descriptor came along");
		return;
	}
	guard->passed_fd = passed_fd;
	handlers[row - guard_message_rows](guard, row->name, &reader, header.id);
	if ((row->flags & GUARD_FLAG_SECRET) != 0)
		secret_wipe(guard->in, length);
}

void guard_dispatch(struct loop *loop, int wall_fd, uint32_t events, void *context)
{
	struct guard *guard = context;
	int passed_fd = -1;
	ssize_t length;

	(void)loop;
	if ((events & EPOLLIN) == 0) {
		/* Not reading now (a failed login waits), but the front has gone: its last words
		 * count. */
		guard_login_forget(guard);
		return;
	}
	length = wire_receive(wall_fd, guard->in, WIRE_MAX_BYTES, &passed_fd);
	if (length < 0 && errno == EBADMSG) {
		guard_violation(guard, NULL, "oversized, or more than one descriptor");
	} else if (length < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNRESET) {
		guard_end(guard, SESSION_EXIT_FAILED, "internal error");
	} else if (length == 0) {
		guard_end(guard, SESSION_EXIT_OK, "connection lost");
	} else if (length > 0) {
		handle(guard, (size_t)length, passed_fd);
	}
	io_close(&passed_fd);
}
