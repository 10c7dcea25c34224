#include "tests/unit/sftp/scp_harness.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/text.h"
#include "server/wire.h"

#define SHOWN_ZERO ((char)0x80)

/* --- the guard -------------------------------------------------------------------------------- */

static enum vfs_status do_open(
    struct scp_harness *harness, struct wire_reader *reader, struct wire_writer *writer, int *fd_out)
{
	struct guard_req_open ask;
	struct guard_rep_open reply = { .handle = 0 };
	struct vfs_opened opened;
	enum vfs_status status;

	guard_get_req_open(reader, &ask);
	status = vfs_open(harness->vfs, ask.path, ask.flags, ask.offset, ask.mode, &opened);
	if (status != VFS_OK)
		return status;
	reply.handle = opened.handle;
	reply.attr = opened.attr;
	reply.offset = opened.offset;
	reply.path = opened.path.text;
	guard_put_rep_open(writer, &reply);
	*fd_out = opened.fd;
	return VFS_OK;
}

static enum vfs_status do_close(
    struct scp_harness *harness, struct wire_reader *reader, struct wire_writer *writer)
{
	struct guard_req_close ask;
	struct guard_rep_close reply = { .size = 0 };
	struct vfs_closed closed;
	enum vfs_status status;

	guard_get_req_close(reader, &ask);
	harness->outcome = ask.outcome;
	harness->reason = ask.reason;
	harness->bytes = ask.bytes;
	status = vfs_close(harness->vfs, ask.handle, (enum vfs_outcome)ask.outcome, &closed);
	if (status == VFS_OK)
		guard_put_rep_close(writer, &reply);
	return status;
}

static enum vfs_status do_readdir(
    struct scp_harness *harness, struct wire_reader *reader, struct wire_writer *writer)
{
	static uint8_t bytes[VFS_BATCH_MAX_BYTES];
	struct vfs_batch_writer batch = { .bytes = bytes, .size = sizeof(bytes) };
	struct guard_req_readdir ask;
	struct guard_rep_readdir reply = { .end = 0 };
	enum vfs_status status;
	bool end;

	guard_get_req_readdir(reader, &ask);
	status = vfs_readdir(harness->vfs, ask.handle, ask.flags, &batch, &end);
	reply.end = end;
	reply.entries = (struct wire_blob){ .bytes = bytes, .length = batch.length };
	if (status == VFS_OK)
		guard_put_rep_readdir(writer, &reply);
	return status;
}

/* Messages of one line each. */
static enum vfs_status do_small(struct scp_harness *harness, uint16_t number,
    struct wire_reader *reader, struct wire_writer *writer)
{
	enum vfs_status status = VFS_UNSUPPORTED;

	switch (number) {
	case GUARD_MESSAGE_stat: {
		struct guard_req_stat ask;
		struct guard_rep_stat reply;

		guard_get_req_stat(reader, &ask);
		status = vfs_stat(harness->vfs, ask.path, ask.follow != 0, &reply.attr);
		if (status == VFS_OK)
			guard_put_rep_stat(writer, &reply);
		break;
	}
	case GUARD_MESSAGE_opendir: {
		struct guard_req_opendir ask;
		struct guard_rep_opendir reply;

		guard_get_req_opendir(reader, &ask);
		status = vfs_opendir(harness->vfs, ask.path, &reply.handle);
		if (status == VFS_OK)
			guard_put_rep_opendir(writer, &reply);
		break;
	}
	case GUARD_MESSAGE_mkdir: {
		struct guard_req_mkdir ask;

		guard_get_req_mkdir(reader, &ask);
		status = vfs_mkdir(harness->vfs, ask.path, ask.mode);
		break;
	}
	case GUARD_MESSAGE_setattr: {
		struct guard_req_setattr ask;

		guard_get_req_setattr(reader, &ask);
		status = vfs_setattr(harness->vfs, ask.path, ask.follow != 0, &ask.change);
		break;
	}
	case GUARD_MESSAGE_fsetattr: {
		struct guard_req_fsetattr ask;

		guard_get_req_fsetattr(reader, &ask);
		status = vfs_fsetattr(harness->vfs, ask.handle, &ask.change);
		break;
	}
	default:
		abort();
	}
	return status;
}

static void answer(struct scp_harness *harness, const uint8_t *bytes, size_t n)
{
	static uint8_t out[WIRE_MAX_BYTES];
	static uint8_t head[WIRE_MAX_BYTES];
	struct wire_reader reader = { .bytes = bytes, .left = n };
	struct wire_writer writer = { .bytes = out, .size = sizeof(out) };
	struct wire_writer header_writer = { .bytes = head, .size = sizeof(head) };
	struct wire_header header;
	enum vfs_status status;
	int fd = -1;

	wire_get_header(&reader, &header);
	if (reader.failed || header.type >= SCP_HARNESS_NUMBERS)
		abort();
	harness->calls[header.type]++;
	status = harness->refuse[header.type];
	if (status == VFS_OK && header.type == GUARD_MESSAGE_open)
		status = do_open(harness, &reader, &writer, &fd);
	else if (status == VFS_OK && header.type == GUARD_MESSAGE_close)
		status = do_close(harness, &reader, &writer);
	else if (status == VFS_OK && header.type == GUARD_MESSAGE_readdir)
		status = do_readdir(harness, &reader, &writer);
	else if (status == VFS_OK)
		status = do_small(harness, header.type, &reader, &writer);
	header.kind = WIRE_REPLY;
	header.status = (uint32_t)status;
	wire_put_header(&header_writer, &header);
	memcpy(head + header_writer.length, out, writer.length);
	/* The descriptor stays the VFS's. */
	if (!wire_send(harness->wall_fd, head, header_writer.length + writer.length, fd))
		abort();
}

static void *guard_thread(void *context)
{
	static uint8_t bytes[WIRE_MAX_BYTES];
	struct scp_harness *harness = context;
	ssize_t n;
	int fd;

	while ((n = wire_receive(harness->wall_fd, bytes, sizeof(bytes), &fd)) > 0)
		answer(harness, bytes, (size_t)n);
	return NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

void scp_harness_new(struct scp_harness *harness)
{
	memset(harness, 0, sizeof(*harness));
	tree_new(&harness->tree);
	text_copy(harness->user, sizeof(harness->user), "alice");
	text_copy(harness->start_dir, sizeof(harness->start_dir), "/");
	harness->conf.ssh.scp = true;
	harness->conf.ssh.idle_timeout = 60000;
}

static void take_output(struct scp_harness *harness)
{
	const uint8_t *bytes;
	size_t n;

	bytes = scp_service.output(harness->service, &n);
	cr_assert_leq(n, SSH_SERVICE_OUTPUT_MAX);
	cr_assert_leq(harness->taken_length + n, sizeof(harness->taken));
	memcpy(harness->taken + harness->taken_length, bytes, n);
	harness->taken_length += n;
	scp_service.sent(harness->service, n);
}

/* Work until there is neither more to do nor output. */
static void settle(struct scp_harness *harness)
{
	size_t n;

	do {
		while (scp_service.work(harness->service))
			take_output(harness);
		scp_service.output(harness->service, &n);
		take_output(harness);
	} while (n > 0);
}

void scp_harness_start(struct scp_harness *harness, const char *command)
{
	int wall[2];

	cr_assert(wire_pair(wall));
	harness->vfs = tree_login(&harness->tree, harness->user);
	harness->wall_fd = wall[0];
	harness->taken_length = 0;
	harness->start = (struct ssh_service_start){
		.conf = &harness->conf,
		.guard = guard_client_new(wall[1]),
		.user = harness->user,
		.start_dir = harness->start_dir,
		.rights = CONF_RIGHTS_FULL,
		.uid = 1000,
		.command = command,
	};
	cr_assert_eq(pthread_create(&harness->thread, NULL, guard_thread, harness), 0);
	harness->service = scp_service.start(&harness->start);
	if (harness->service != NULL)
		settle(harness);
}

void scp_harness_stop(struct scp_harness *harness)
{
	scp_service.free(&harness->service);
	cr_assert_null(harness->service);
	guard_client_free(&harness->start.guard);
	pthread_join(harness->thread, NULL);
	close(harness->wall_fd);
	vfs_free(&harness->vfs);
}

void scp_harness_free(struct scp_harness *harness)
{
	if (harness->vfs != NULL)
		scp_harness_stop(harness);
	tree_free(&harness->tree);
}

/* --- the client ------------------------------------------------------------------------------- */

void scp_harness_send(struct scp_harness *harness, const void *bytes, size_t n)
{
	cr_assert(scp_service.take(harness->service, bytes, n));
	settle(harness);
}

void scp_harness_say(struct scp_harness *harness, const char *text)
{
	scp_harness_send(harness, text, strlen(text));
}

void scp_harness_agree(struct scp_harness *harness)
{
	scp_harness_send(harness, "", 1);
}

void scp_harness_hang_up(struct scp_harness *harness)
{
	scp_service.take_end(harness->service);
	settle(harness);
}

void scp_harness_expect(struct scp_harness *harness, const char *text)
{
	char shown[4096];
	size_t n = harness->taken_length < sizeof(shown) - 1 ? harness->taken_length : sizeof(shown) - 1;

	for (size_t i = 0; i < n; i++)
		shown[i] = harness->taken[i] == '\0' ? SHOWN_ZERO : harness->taken[i];
	shown[n] = '\0';
	harness->taken_length = 0;
	cr_assert_str_eq(shown, text);
}

void scp_harness_expect_end(struct scp_harness *harness, int status)
{
	int is = -1;

	cr_assert(scp_service.ended(harness->service, &is), "it has not ended");
	cr_assert_eq(is, status, "ended with %d", is);
	cr_assert_not(scp_service.work(harness->service));
}

void scp_harness_expect_waiting(struct scp_harness *harness)
{
	int status;

	cr_assert_not(scp_service.ended(harness->service, &status));
	cr_assert_not(scp_service.work(harness->service));
}
