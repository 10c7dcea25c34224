#include "server/keeper_client.h"

#include <errno.h>
#include <limits.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/text.h"

#define RETRY_MS      50 /* between attempts to reach a keeper */
#define ATTACH_BYTES  256
#define REQUEST_BYTES (KEEPER_DATA_MAX_BYTES + 256u)
#define REPLY_BYTES   (KEEPER_PUBLIC_MAX_BYTES + KEEPER_TITLE_MAX + 256u)
#define ROLE_BYTES    33
#define ATTEMPTS      3 /* at a signature, while keepers come and go */

_Static_assert(KEEPER_KEYS_MAX <= 64, "one bit for each key");

struct keeper_client {
	char role[ROLE_BYTES];
	int door_fd;
	int fd; /* -1: not connected */
	uint32_t id;
	uint64_t known; /* on this connection: keys that are still the expected ones */
};

/* --- connection ----------------------------------------------------------------------------- */

static void disconnect(struct keeper_client *client)
{
	io_close(&client->fd);
	client->known = 0;
}

/* One end through the door, which does not block: a crowd that comes back waits in steps. */
static bool introduce(const struct keeper_client *client, int their_end)
{
	const struct wire_header header = { .type = KEEPER_MESSAGE_attach, .kind = WIRE_NOTICE };
	const struct keeper_msg_attach message = { .role = client->role };
	uint8_t bytes[ATTACH_BYTES];
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };

	wire_put_header(&writer, &header);
	keeper_put_attach(&writer, &message);
	return !writer.failed && wire_send(client->door_fd, bytes, writer.length, their_end);
}

static bool connect_to_keeper(struct keeper_client *client)
{
	int ends[2] = { -1, -1 };

	if (client->fd >= 0)
		return true;
	if (wire_pair(ends) && io_set_nonblocking(ends[0], true) && introduce(client, ends[1])) {
		client->fd = ends[0];
		ends[0] = -1;
	}
	io_close(&ends[0]);
	io_close(&ends[1]);
	return client->fd >= 0;
}

/* --- asking --------------------------------------------------------------------------------- */

/* On the stack of who asks: a session that idles keeps none of it. */
struct reply {
	enum vfs_status status;
	struct wire_reader reader; /* at the fields, in bytes */
	uint8_t bytes[REPLY_BYTES];
};

/* Wait for the answer to client->id.  False when the connection is of no use any more, or at the deadline. */
static bool receive(struct keeper_client *client, uint16_t type, int64_t deadline, struct reply *out)
{
	struct wire_header header;
	struct pollfd watch = { .fd = client->fd, .events = POLLIN };
	int passed_fd = -1;
	ssize_t got;

	for (;;) {
		got = wire_receive(client->fd, out->bytes, sizeof(out->bytes), &passed_fd);
		io_close(&passed_fd);
		if (got < 0 && errno == EAGAIN) {
			if (clock_mono_ms() >= deadline)
				return false;
			poll(&watch, 1, clock_poll_ms(deadline));
			continue;
		}
		if (got <= 0)
			return false;
		out->reader = (struct wire_reader){ .bytes = out->bytes, .left = (size_t)got };
		wire_get_header(&out->reader, &header);
		if (out->reader.failed || header.kind != WIRE_REPLY || header.type != type ||
		    header.status >= VFS_STATUS_COUNT)
			return false;
		out->status = (enum vfs_status)header.status;
		if (header.id == client->id)
			return true; /* else the answer to a question that was given up */
	}
}

/* A request asks for nothing that changes anything: after a restart of the keeper it is asked again. */
static bool ask(struct keeper_client *client, const struct wire_writer *request, uint16_t reply_type,
    struct reply *out)
{
	const int64_t deadline = clock_mono_ms() + KEEPER_WAIT_MS;

	if (request->failed)
		return false;
	while (clock_mono_ms() < deadline) {
		if (connect_to_keeper(client) &&
		    wire_send(client->fd, request->bytes, request->length, -1) &&
		    receive(client, reply_type, deadline, out))
			return true;
		disconnect(client);
		poll(NULL, 0, RETRY_MS);
	}
	return false;
}

static void start_request(struct keeper_client *client, struct wire_writer *writer, uint16_t type)
{
	struct wire_header header = { .type = type, .kind = WIRE_REQUEST };

	if (++client->id == 0)
		client->id = 1; /* 0 is for notices */
	header.id = client->id;
	wire_put_header(writer, &header);
}

/* VFS_NOT_FOUND after the last key; out points into reply. */
static enum vfs_status list_one(struct keeper_client *client, size_t number, struct reply *reply,
    struct keeper_msg_listed *out)
{
	const struct keeper_msg_list message = { .key = (uint32_t)number };
	uint8_t bytes[ATTACH_BYTES];
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };

	start_request(client, &writer, KEEPER_MESSAGE_list);
	keeper_put_list(&writer, &message);
	if (!ask(client, &writer, KEEPER_MESSAGE_listed, reply))
		return VFS_TIMEOUT;
	if (reply->status != VFS_OK)
		return reply->status;
	keeper_get_listed(&reply->reader, out);
	return wire_done(&reply->reader) ? VFS_OK : VFS_FAILED;
}

/* --- the list ------------------------------------------------------------------------------- */

static bool add_key(struct keeper_public_keys *keys, const struct keeper_msg_listed *listed)
{
	struct keeper_public_key *out = &keys->keys[keys->count];
	const uint8_t *der = listed->public_key.bytes;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &der, (long)listed->public_key.length);

	if (key == NULL)
		return false;
	*out = (struct keeper_public_key){
		.use = (enum keeper_use)listed->use,
		.kind = key_shapes_kind(key),
		.title = strdup(listed->title),
		.der = malloc(listed->public_key.length),
		.der_length = listed->public_key.length,
	};
	EVP_PKEY_free(key);
	keys->count++;
	if (out->title == NULL || out->der == NULL)
		return false;
	memcpy(out->der, listed->public_key.bytes, out->der_length);
	return true;
}

bool keeper_client_list(
    struct keeper_client *client, struct keeper_public_keys *out, char *message, size_t message_bytes)
{
	struct keeper_msg_listed listed;
	struct reply reply;
	enum vfs_status status;

	*out = (struct keeper_public_keys){ 0 };
	while ((status = list_one(client, out->count, &reply, &listed)) == VFS_OK)
		if (out->count == KEEPER_KEYS_MAX || !add_key(out, &listed)) {
			status = VFS_FAILED;
			break;
		}
	if (status == VFS_NOT_FOUND)
		return true;
	keeper_public_keys_clear(out);
	text_format(message, message_bytes,
	    status == VFS_TIMEOUT ? "the keeper of private keys does not answer"
	                          : "the keeper of private keys gives no list of its keys");
	return false;
}

void keeper_public_keys_clear(struct keeper_public_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		free(keys->keys[i].title);
		free(keys->keys[i].der);
	}
	*keys = (struct keeper_public_keys){ 0 };
}

/* --- signatures ----------------------------------------------------------------------------- */

static enum vfs_status check_key(
    struct keeper_client *client, const struct keeper_public_keys *keys, size_t number)
{
	const uint64_t bit = UINT64_C(1) << number;
	const struct keeper_public_key *key = &keys->keys[number];
	struct keeper_msg_listed listed;
	struct reply reply;
	enum vfs_status status;

	if (client->fd >= 0 && (client->known & bit) != 0)
		return VFS_OK;
	status = list_one(client, number, &reply, &listed);
	if (status == VFS_TIMEOUT)
		return status;
	if (status != VFS_OK || listed.use != (uint32_t)key->use ||
	    listed.public_key.length != key->der_length ||
	    memcmp(listed.public_key.bytes, key->der, key->der_length) != 0)
		return VFS_FAILED;
	client->known |= bit;
	return VFS_OK;
}

static enum vfs_status fetch(struct keeper_client *client, const struct keeper_msg_sign *question,
    uint8_t *signature, size_t *length)
{
	uint8_t bytes[REQUEST_BYTES];
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };
	struct keeper_msg_signed answer;
	struct reply reply;

	start_request(client, &writer, KEEPER_MESSAGE_sign);
	keeper_put_sign(&writer, question);
	if (!ask(client, &writer, KEEPER_MESSAGE_signed, &reply))
		return VFS_TIMEOUT;
	if (reply.status != VFS_OK)
		return reply.status;
	keeper_get_signed(&reply.reader, &answer);
	if (!wire_done(&reply.reader) || answer.signature.length > *length)
		return VFS_FAILED;
	memcpy(signature, answer.signature.bytes, answer.signature.length);
	*length = answer.signature.length;
	return VFS_OK;
}

enum vfs_status keeper_client_sign(struct keeper_client *client, const struct keeper_public_keys *keys,
    const struct keeper_msg_sign *question, uint8_t *signature, size_t *length)
{
	const size_t room = *length;
	enum vfs_status status = VFS_FAILED;

	if (question->key >= keys->count)
		return VFS_FAILED;
	for (int i = 0; i < ATTEMPTS; i++) {
		status = check_key(client, keys, question->key);
		if (status != VFS_OK)
			return status;
		*length = room;
		status = fetch(client, question, signature, length);
		/* On a connection that was made meanwhile it is anybody's signature. */
		if (status != VFS_OK || (client->known & UINT64_C(1) << question->key) != 0)
			return status;
	}
	return VFS_TIMEOUT;
}

/* --- life ----------------------------------------------------------------------------------- */

struct keeper_client *keeper_client_new(const char *role, int door_fd)
{
	struct keeper_client *client;

	if (!io_set_nonblocking(door_fd, true))
		return NULL;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		return NULL;
	client->fd = -1;
	client->door_fd = door_fd;
	text_copy(client->role, sizeof(client->role), role);
	return client;
}

void keeper_client_free(struct keeper_client **client)
{
	if (*client == NULL)
		return;
	io_close(&(*client)->fd);
	free(*client);
	*client = NULL;
}
