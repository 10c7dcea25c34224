#include "server/guard_client.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "server/base/io.h"

/* One place more than a caller may fill, so that a call that waits at once always finds one. */
#define PENDING_PLACES (GUARD_CLIENT_PENDING_MAX + 1)
#define STORED_PLACES  (PENDING_PLACES + GUARD_CLIENT_NOTICES_MAX)

/* A request that was sent and whose reply the caller has not had. */
struct pending {
	uint32_t id; /* 0: free place */
	uint16_t number;
	bool arrived; /* the reply is stored: a second one is a lie */
};

/* A message that came while we waited for another. */
struct stored {
	struct wire_header header;
	int fd;
	int beside_fd;
	uint8_t *body; /* heap; what follows the header */
	size_t length;
};

struct guard_client {
	int socket_fd;
	int farewell_fd;
	int carried_fd; /* goes with the next request; -1: none */
	int beside_fd;	/* came beside the descriptor of the last reply; -1: none, or taken */
	const char *farewell; /* NULL: none */
	uint32_t last_id;
	struct pending pending[PENDING_PLACES];
	struct stored stored[STORED_PLACES]; /* in order of arrival */
	size_t stored_count;
	size_t incoming_length; /* of the last message */
	/* Last, and never cleared: only the pages that messages reach become memory. */
	uint8_t incoming[WIRE_MAX_BYTES];
	uint8_t outgoing[WIRE_MAX_BYTES];
};

/* The message just received or taken from the store; body points into incoming. */
struct message {
	struct wire_header header;
	int fd;
	int beside_fd; /* only together with fd */
	const uint8_t *body;
	size_t length;
};

static _Noreturn void end_process(const struct guard_client *client, int status)
{
	/* Best effort, and never a wait: the client should hear more than a closed connection. */
	if (client->farewell != NULL)
		(void)send(client->farewell_fd, client->farewell, strlen(client->farewell),
		    MSG_DONTWAIT | MSG_NOSIGNAL);
	/* _exit: nothing of a front is worth flushing, and its sandbox has no room for atexit. */
	_exit(status);
}

struct guard_client *guard_client_new(int socket_fd)
{
	const struct timeval longest = { .tv_sec = GUARD_CLIENT_WAIT_MS / 1000 };
	struct guard_client *client;

	/* The bound of every wait for a reply, without a poll before each. */
	if (setsockopt(socket_fd, SOL_SOCKET, SO_RCVTIMEO, &longest, sizeof(longest)) != 0)
		return NULL;
	client = malloc(sizeof(*client));
	if (client == NULL)
		return NULL;
	client->socket_fd = socket_fd;
	client->farewell_fd = -1;
	client->carried_fd = -1;
	client->beside_fd = -1;
	client->farewell = NULL;
	client->last_id = 0;
	client->stored_count = 0;
	client->incoming_length = 0;
	memset(client->pending, 0, sizeof(client->pending));
	return client;
}

void guard_client_free(struct guard_client **client_pointer)
{
	struct guard_client *client = *client_pointer;

	if (client == NULL)
		return;
	for (size_t i = 0; i < client->stored_count; i++) {
		io_close(&client->stored[i].fd);
		io_close(&client->stored[i].beside_fd);
		free(client->stored[i].body);
	}
	io_close(&client->beside_fd);
	io_close(&client->socket_fd);
	free(client);
	*client_pointer = NULL;
}

void guard_client_set_farewell(struct guard_client *client, int fd, const char *text)
{
	client->farewell_fd = fd;
	client->farewell = text;
}

void guard_client_carry(struct guard_client *client, int fd)
{
	client->carried_fd = fd;
}

int guard_client_take_beside(struct guard_client *client)
{
	int fd = client->beside_fd;

	client->beside_fd = -1;
	return fd;
}

void guard_client_forget(struct guard_client *client)
{
	secret_wipe(client->incoming, client->incoming_length);
	client->incoming_length = 0;
}

/* Is it for guard_client_next?  Replies to a wait that has not come yet are not. */
static bool is_for_next(const struct wire_header *header)
{
	return header->kind == WIRE_NOTICE ||
	       (guard_message_find(header->type)->flags & GUARD_FLAG_LATER) != 0;
}

bool guard_client_holds(const struct guard_client *client)
{
	for (size_t i = 0; i < client->stored_count; i++)
		if (is_for_next(&client->stored[i].header))
			return true;
	return false;
}

int guard_client_fd(const struct guard_client *client)
{
	return client->socket_fd;
}

/* --- asking ----------------------------------------------------------------------------------- */

/* With id 0: a free place. */
static struct pending *find_pending(struct guard_client *client, uint32_t id)
{
	for (size_t i = 0; i < PENDING_PLACES; i++)
		if (client->pending[i].id == id)
			return &client->pending[i];
	return NULL;
}

/* One that is known to be there. */
static struct pending *get_pending(struct guard_client *client, uint32_t id)
{
	struct pending *pending = find_pending(client, id);

	assert(pending != NULL);
	return pending;
}

static size_t count_pending(const struct guard_client *client)
{
	size_t count = 0;

	for (size_t i = 0; i < PENDING_PLACES; i++)
		count += client->pending[i].id != 0;
	return count;
}

static void begin_message(
    struct guard_client *client, struct wire_writer *writer, uint16_t number, uint32_t id)
{
	struct wire_header header = { .type = number, .kind = WIRE_REQUEST, .id = id };

	*writer = (struct wire_writer){ .bytes = client->outgoing, .size = WIRE_MAX_BYTES };
	wire_put_header(writer, &header);
}

static void begin_request(struct guard_client *client, struct wire_writer *writer, uint16_t number)
{
	/* Neither 0, which is a notice's, nor one still open when the numbers have gone round. */
	do
		client->last_id++;
	while (client->last_id == 0 || find_pending(client, client->last_id) != NULL);
	begin_message(client, writer, number, client->last_id);
}

/* Send what was encoded, unless it failed. */
static bool send_message(
    struct guard_client *client, const struct wire_writer *writer, uint16_t number)
{
	const struct guard_message_row *row = guard_message_find(number);

	if (!writer->failed &&
	    !wire_send(client->socket_fd, client->outgoing, writer->length, client->carried_fd))
		end_process(client, GUARD_CLIENT_EXIT_GONE);
	client->carried_fd = -1;
	if ((row->flags & GUARD_FLAG_SECRET) != 0)
		secret_wipe(client->outgoing, writer->length);
	return !writer->failed;
}

/* The id, or 0 when it must not be sent. */
static uint32_t finish_request(
    struct guard_client *client, struct wire_writer *writer, uint16_t number, size_t places)
{
	if (count_pending(client) >= places)
		writer->failed = true;
	if (!send_message(client, writer, number))
		return 0;
	*get_pending(client, 0) = (struct pending){ .id = client->last_id, .number = number };
	return client->last_id;
}

/* --- receiving -------------------------------------------------------------------------------- */

/* Does the message say of itself what a reply or notice of ours can say?  The body is not looked
 * at. */
static bool is_plausible(struct guard_client *client, const struct message *message)
{
	const struct wire_header *header = &message->header;
	const struct guard_message_row *row;
	const struct pending *pending;

#define NOTICE_FD(name, number, fd_kind, why)                                                 \
	if (header->type == (number))                                                         \
		return (message->fd >= 0) == (GUARD_FD_##fd_kind != GUARD_FD_NONE) &&         \
		       message->beside_fd < 0;

	if (header->kind == WIRE_NOTICE && header->id == 0 && header->status == VFS_OK) {
		GUARD_NOTICES(NOTICE_FD)
		return false;
	}
	if (header->kind != WIRE_REPLY || header->id == 0 || header->status >= VFS_STATUS_COUNT)
		return false;
	pending = find_pending(client, header->id);
	if (pending == NULL || pending->arrived || pending->number != header->type)
		return false;
	row = guard_message_find(header->type);
	if (header->status != VFS_OK)
		return message->length == 0 && message->fd < 0;
	return (message->fd >= 0) == (row->fd != GUARD_FD_NONE) &&
	       (message->beside_fd < 0 || row->fd == GUARD_FD_FILE_DATA);
}

/* One message, waited for until deadline_ms (0: not at all).  False when none came. */
static bool receive(struct guard_client *client, bool wait, struct message *out)
{
	struct wire_reader reader = { .bytes = client->incoming };
	ssize_t got;

	got = wire_receive_both(client->socket_fd, client->incoming, WIRE_MAX_BYTES, wait, &out->fd,
	    &out->beside_fd);
	if (got < 0 && errno == EAGAIN)
		return false;
	if (got <= 0)
		end_process(client, got < 0 && errno == EBADMSG ? GUARD_CLIENT_EXIT_MALFORMED
		                                        : GUARD_CLIENT_EXIT_GONE);
	client->incoming_length = (size_t)got;
	reader.left = (size_t)got;
	wire_get_header(&reader, &out->header);
	out->body = reader.bytes;
	out->length = reader.left;
	if (reader.failed || !is_plausible(client, out))
		end_process(client, GUARD_CLIENT_EXIT_MALFORMED);
	return true;
}

/* Put a message aside.  Replies are bounded by the requests that are open, notices by a number. */
static void store(struct guard_client *client, const struct message *message)
{
	struct stored *place = &client->stored[client->stored_count];
	size_t notices = 0;

	for (size_t i = 0; i < client->stored_count; i++)
		notices += client->stored[i].header.kind == WIRE_NOTICE;
	if (message->header.kind == WIRE_NOTICE && notices == GUARD_CLIENT_NOTICES_MAX)
		end_process(client, GUARD_CLIENT_EXIT_MALFORMED);
	assert(client->stored_count < STORED_PLACES);
	*place = (struct stored){
		.header = message->header,
		.fd = message->fd,
		.beside_fd = message->beside_fd,
		.body = malloc(message->length + 1),
		.length = message->length,
	};
	if (place->body == NULL)
		end_process(client, GUARD_CLIENT_EXIT_GONE);
	memcpy(place->body, message->body, message->length);
	client->stored_count++;
	if (message->header.kind == WIRE_REPLY)
		get_pending(client, message->header.id)->arrived = true;
}

/* Take a message out of the store; its body moves to incoming, good until the next call. */
static void unstore(struct guard_client *client, size_t index, struct message *out)
{
	struct stored *place = &client->stored[index];

	memcpy(client->incoming, place->body, place->length);
	*out = (struct message){
		.header = place->header,
		.fd = place->fd,
		.beside_fd = place->beside_fd,
		.body = client->incoming,
		.length = place->length,
	};
	free(place->body);
	client->incoming_length = place->length;
	client->stored_count--;
	memmove(place, place + 1, (client->stored_count - index) * sizeof(*place));
}

/* The reply with this id, from the store or from the guard, however long it takes. */
static void await_message(struct guard_client *client, uint32_t id, struct message *out)
{
	for (size_t i = 0; i < client->stored_count; i++) {
		if (client->stored[i].header.kind == WIRE_REPLY &&
		    client->stored[i].header.id == id) {
			unstore(client, i, out);
			return;
		}
	}
	for (;;) {
		if (!receive(client, true, out))
			end_process(client, GUARD_CLIENT_EXIT_GONE);
		if (out->header.kind == WIRE_REPLY && out->header.id == id)
			return;
		store(client, out);
	}
}

/* The status of the reply; after VFS_OK its fields are in reader. */
static enum vfs_status await_reply(struct guard_client *client, uint32_t id, uint16_t number,
    struct wire_reader *reader, int *fd_out)
{
	struct pending *pending = id != 0 ? find_pending(client, id) : NULL;
	struct message message;

	*reader = (struct wire_reader){ 0 };
	if (fd_out != NULL)
		*fd_out = -1;
	if (pending == NULL || pending->number != number)
		return VFS_INVALID;
	await_message(client, id, &message);
	pending->id = 0;
	io_close(&client->beside_fd);
	client->beside_fd = message.beside_fd;
	if (fd_out != NULL)
		*fd_out = message.fd;
	else
		io_close(&message.fd);
	reader->bytes = message.body;
	reader->left = message.length;
	return (enum vfs_status)message.header.status;
}

/* --- one stub a message ----------------------------------------------------------------------- */

#define GUARD_CLIENT_SUBMIT(name, number, states, fd, calls, flags, why)                        \
	static uint32_t submit_##name(                                                          \
	    struct guard_client *client, const struct guard_req_##name *request, size_t places) \
	{                                                                                       \
		struct wire_writer writer;                                                      \
                                                                                                \
		begin_request(client, &writer, (number));                                       \
		guard_put_req_##name(&writer, request);                                         \
		return finish_request(client, &writer, (number), places);                       \
	}
GUARD_MESSAGES(GUARD_CLIENT_SUBMIT)

#define GUARD_CLIENT_STUBS(name, number, states, fd, calls, flags, why)                            \
	bool guard_client_tell_##name(                                                             \
	    struct guard_client *client, const struct guard_req_##name *request)                   \
	{                                                                                          \
		struct wire_writer writer;                                                         \
                                                                                                   \
		begin_message(client, &writer, (number), 0);                                       \
		guard_put_req_##name(&writer, request);                                            \
		return send_message(client, &writer, (number));                                    \
	}                                                                                          \
	uint32_t guard_client_send_##name(                                                         \
	    struct guard_client *client, const struct guard_req_##name *request)                   \
	{                                                                                          \
		return submit_##name(client, request, GUARD_CLIENT_PENDING_MAX);                   \
	}                                                                                          \
	enum vfs_status guard_client_wait_##name(                                                  \
	    struct guard_client *client, uint32_t id, struct guard_rep_##name *reply, int *fd_out) \
	{                                                                                          \
		struct guard_rep_##name ignored;                                                   \
		struct wire_reader reader;                                                         \
		enum vfs_status status = await_reply(client, id, (number), &reader, fd_out);       \
                                                                                                   \
		if (status != VFS_OK)                                                              \
			return status;                                                             \
		guard_get_rep_##name(&reader, reply != NULL ? reply : &ignored);                   \
		if (!wire_done(&reader))                                                           \
			end_process(client, GUARD_CLIENT_EXIT_MALFORMED);                                  \
		return VFS_OK;                                                                     \
	}                                                                                          \
	enum vfs_status guard_client_##name(struct guard_client *client,                           \
	    const struct guard_req_##name *request, struct guard_rep_##name *reply, int *fd_out)   \
	{                                                                                          \
		uint32_t id = submit_##name(client, request, PENDING_PLACES);                      \
                                                                                                   \
		return guard_client_wait_##name(client, id, reply, fd_out);                        \
	}
GUARD_MESSAGES(GUARD_CLIENT_STUBS)

/* --- what comes unasked ----------------------------------------------------------------------- */

/* Its event has no room for fields, and LATER rows have none. */
static void give_late_reply(
    struct guard_client *client, const struct message *message, struct guard_client_event *out)
{
	if (message->length != 0)
		end_process(client, GUARD_CLIENT_EXIT_MALFORMED);
	get_pending(client, message->header.id)->id = 0;
	*out = (struct guard_client_event){
		.number = message->header.type,
		.id = message->header.id,
		.status = (enum vfs_status)message->header.status,
		.fd = message->fd,
	};
}

static void give_notice(const struct guard_client *client, const struct message *message,
    struct guard_client_event *out)
{
	struct wire_reader reader = { .bytes = message->body, .left = message->length };

#define DECODE_NOTICE(name, number_, fd_, why) \
	if (message->header.type == (number_)) \
		guard_get_note_##name(&reader, &out->note.name);

	*out = (struct guard_client_event){
		.notice = true,
		.number = message->header.type,
		.fd = message->fd,
	};
	GUARD_NOTICES(DECODE_NOTICE)
	if (!wire_done(&reader))
		end_process(client, GUARD_CLIENT_EXIT_MALFORMED);
}

/* The next message that is for guard_client_next; replies for others' waits stay or go to the
 * store. */
static bool next_message(struct guard_client *client, struct message *out)
{
	for (size_t i = 0; i < client->stored_count; i++) {
		if (is_for_next(&client->stored[i].header)) {
			unstore(client, i, out);
			return true;
		}
	}
	while (receive(client, false, out)) {
		if (is_for_next(&out->header))
			return true;
		store(client, out);
	}
	return false;
}

bool guard_client_next(struct guard_client *client, struct guard_client_event *out)
{
	struct message message;

	if (!next_message(client, &message))
		return false;
	if (message.header.kind == WIRE_NOTICE)
		give_notice(client, &message, out);
	else
		give_late_reply(client, &message, out);
	return true;
}
