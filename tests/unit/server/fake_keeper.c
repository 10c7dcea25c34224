#include "fake_keeper.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "key_samples.h"

#define BYTES 16384

static void answer(int fd, uint16_t type, uint32_t id, enum vfs_status status,
    const struct keeper_msg_listed *listed, const struct keeper_msg_signed *signature)
{
	const struct wire_header header = {
		.type = type,
		.kind = WIRE_REPLY,
		.id = id,
		.status = (uint32_t)status,
	};
	uint8_t bytes[BYTES];
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };

	wire_put_header(&writer, &header);
	if (listed != NULL)
		keeper_put_listed(&writer, listed);
	if (signature != NULL)
		keeper_put_signed(&writer, signature);
	wire_send(fd, bytes, writer.length, -1);
}

static void do_list(struct fake_keeper *keeper, int fd, uint32_t id, const struct keeper_msg_list *ask)
{
	struct keeper_msg_listed listed;

	keeper->lists++;
	if (ask->key >= keeper->keys.count) {
		answer(fd, KEEPER_MESSAGE_listed, id, VFS_NOT_FOUND, NULL, NULL);
		return;
	}
	listed = (struct keeper_msg_listed){
		.use = keeper->keys.keys[ask->key].use,
		.title = keeper->keys.keys[ask->key].title,
		.public_key = { keeper->keys.keys[ask->key].der, keeper->keys.keys[ask->key].der_length },
	};
	answer(fd, KEEPER_MESSAGE_listed, id, VFS_OK, &listed, NULL);
}

static void do_sign(struct fake_keeper *keeper, int fd, uint32_t id, const struct keeper_msg_sign *ask)
{
	uint8_t bytes[KEEPER_SIGNATURE_MAX_BYTES];
	struct keeper_msg_signed reply = { .signature = { bytes, sizeof(bytes) } };

	keeper->signs++;
	if (keeper_keys_sign(&keeper->keys.keys[ask->key], ask, bytes, &reply.signature.length))
		answer(fd, KEEPER_MESSAGE_signed, id, VFS_OK, NULL, &reply);
	else
		answer(fd, KEEPER_MESSAGE_signed, id, VFS_FAILED, NULL, NULL);
}

/* False when the connection has ended. */
static bool handle(struct fake_keeper *keeper, int fd)
{
	uint8_t bytes[BYTES];
	struct wire_reader reader = { .bytes = bytes };
	struct wire_header header;
	struct keeper_msg_list list;
	struct keeper_msg_sign sign;
	int passed = -1;
	ssize_t got = wire_receive(fd, bytes, sizeof(bytes), &passed);

	if (got <= 0 || atomic_exchange(&keeper->hangs_up, false))
		return false;
	if (keeper->silent)
		return true;
	reader.left = (size_t)got;
	wire_get_header(&reader, &header);
	if (header.type == KEEPER_MESSAGE_list) {
		keeper_get_list(&reader, &list);
		do_list(keeper, fd, header.id, &list);
	} else {
		keeper_get_sign(&reader, &sign);
		do_sign(keeper, fd, header.id, &sign);
	}
	return true;
}

static void let_in(struct fake_keeper *keeper)
{
	uint8_t bytes[BYTES];
	int fd = -1;

	if (wire_receive(keeper->receive_fd, bytes, sizeof(bytes), &fd) > 0 && fd >= 0 &&
	    keeper->client_count < FAKE_KEEPER_CLIENTS)
		keeper->clients[keeper->client_count++] = fd;
	else if (fd >= 0)
		close(fd);
}

static void *run(void *context)
{
	struct fake_keeper *keeper = context;
	struct pollfd watched[FAKE_KEEPER_CLIENTS + 2];

	for (;;) {
		const size_t count = keeper->client_count;

		watched[0] = (struct pollfd){ .fd = keeper->stop_fd[0], .events = POLLIN };
		watched[1] = (struct pollfd){ .fd = keeper->receive_fd, .events = POLLIN };
		for (size_t i = 0; i < count; i++)
			watched[2 + i] = (struct pollfd){ .fd = keeper->clients[i], .events = POLLIN };
		if (poll(watched, (nfds_t)(count + 2), -1) < 0)
			continue;
		if (watched[0].revents != 0)
			return NULL;
		for (size_t i = count; i-- > 0;)
			if (watched[2 + i].revents != 0 && !handle(keeper, keeper->clients[i])) {
				close(keeper->clients[i]);
				keeper->clients[i] = keeper->clients[--keeper->client_count];
			}
		if ((watched[1].revents & POLLIN) != 0)
			let_in(keeper);
	}
}

static void make_keys(struct keeper_keys *keys)
{
	for (unsigned i = 0; i < 2 * KEY_SAMPLES_COUNT; i++) {
		struct keeper_key *key = &keys->keys[keys->count++];

		*key = (struct keeper_key){
			.use = i < FAKE_KEEPER_TLS_FIRST ? KEEPER_USE_SSH : KEEPER_USE_TLS,
			.kind = key_samples[i % KEY_SAMPLES_COUNT].kind,
			.title = strdup(key_samples[i % KEY_SAMPLES_COUNT].name),
			.key = key_sample_make(key_samples[i % KEY_SAMPLES_COUNT].kind),
		};
		key->der = key_sample_public(key->key, &key->der_length);
	}
}

static void start_thread(struct fake_keeper *keeper)
{
	cr_assert_eq(pipe(keeper->stop_fd), 0);
	cr_assert_eq(pthread_create(&keeper->thread, NULL, run, keeper), 0);
}

static void stop_thread(struct fake_keeper *keeper)
{
	close(keeper->stop_fd[1]);
	pthread_join(keeper->thread, NULL);
	close(keeper->stop_fd[0]);
	while (keeper->client_count > 0)
		close(keeper->clients[--keeper->client_count]);
}

void fake_keeper_start(struct fake_keeper *keeper)
{
	int ends[2];

	*keeper = (struct fake_keeper){ .client_count = 0 };
	make_keys(&keeper->keys);
	for (size_t i = 0; i < keeper->keys.count; i++) {
		struct keeper_public_key *out = &keeper->public_keys.keys[keeper->public_keys.count++];
		const struct keeper_key *key = &keeper->keys.keys[i];

		*out = (struct keeper_public_key){
			.use = key->use,
			.kind = key->kind,
			.title = strdup(key->title),
			.der = malloc(key->der_length),
			.der_length = key->der_length,
		};
		memcpy(out->der, key->der, key->der_length);
	}
	cr_assert(wire_pair(ends));
	keeper->door_fd = ends[0];
	keeper->receive_fd = ends[1];
	start_thread(keeper);
}

void fake_keeper_change_keys(struct fake_keeper *keeper)
{
	stop_thread(keeper);
	keeper_keys_clear(&keeper->keys);
	make_keys(&keeper->keys);
	start_thread(keeper);
}

void fake_keeper_stop(struct fake_keeper *keeper)
{
	stop_thread(keeper);
	close(keeper->door_fd);
	close(keeper->receive_fd);
	keeper_keys_clear(&keeper->keys);
	keeper_public_keys_clear(&keeper->public_keys);
}
