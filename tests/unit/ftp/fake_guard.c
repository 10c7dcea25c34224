#include "fake_guard.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/text.h"

void fake_init(struct fake_guard *fake)
{
	static char greeting[] = "Welcome.";
	static char title[] = "test";

	memset(fake, 0, sizeof(*fake));
	fake->rights = CONF_RIGHTS_FULL;
	fake->attr = (struct vfs_attr){ .kind = VFS_KIND_FILE, .mode = 0644, .nlink = 1 };
	fake->entries_per_batch = 100;
	fake->copy_step = UINT64_MAX;
	fake->bye = UINT32_MAX;
	fake->outcome = UINT32_MAX;
	fake->data_fd = -1;
	fake->carried_fd = -1;
	fake->along_fd = -1;
	fake->file_fd = memfd_create("file", MFD_CLOEXEC);
	fake->conf.ftp.greeting = greeting;
	fake->conf.ftp.active = true;
	fake->conf.ftp.idle_timeout = 60000;
	fake->conf.ftp.stall_timeout = 60000;
	fake->listener.title = title;
	pthread_mutex_init(&fake->lock, NULL);
}

/* --- the guard -------------------------------------------------------------------------------- */

static void note_path(struct fake_guard *fake, const char *path)
{
	text_copy(fake->path, sizeof(fake->path), path);
}

/* What happened to files, in order; a long story loses its end. */
__attribute__((format(printf, 2, 3))) static void tell(
    struct fake_guard *fake, const char *format, ...)
{
	size_t used = strlen(fake->story);
	va_list args;

	va_start(args, format);
	vsnprintf(fake->story + used, sizeof(fake->story) - used, format, args);
	va_end(args);
}

static void send_reply(struct fake_guard *fake, const struct wire_writer *writer, int fd)
{
	/* A front that is gone needs no answer. */
	(void)wire_send_both(fake->wall_fd, writer->bytes, writer->length, fd, fake->along_fd);
	io_close(&fake->along_fd);
}

static void start_reply(struct wire_writer *writer, uint8_t *bytes, uint16_t number, uint32_t id,
    enum vfs_status status)
{
	struct wire_header header = {
		.type = number, .kind = WIRE_REPLY, .id = id, .status = (uint32_t)status
	};

	*writer = (struct wire_writer){ .bytes = bytes, .size = WIRE_MAX_BYTES };
	wire_put_header(writer, &header);
}

static int make_data(struct fake_guard *fake)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		abort();
	fake->data_fd = pair[0];
	/* As the guard hands them over. */
	if (!io_set_nonblocking(pair[1], true))
		abort();
	return pair[1];
}

void fake_answer_data(struct fake_guard *fake, enum vfs_status status)
{
	static uint8_t bytes[WIRE_MAX_BYTES];
	struct wire_writer writer;
	int fd = -1;

	pthread_mutex_lock(&fake->lock);
	if (fake->held_id != 0) {
		start_reply(&writer, bytes, fake->held_number, fake->held_id, status);
		if (status == VFS_OK)
			fd = make_data(fake);
		send_reply(fake, &writer, fd);
		fake->held_id = 0;
		io_close(&fd);
	}
	pthread_mutex_unlock(&fake->lock);
}

/* What each request is answered after VFS_OK; *fd_out is duplicated into the reply. */
static void fill_open(
    struct fake_guard *fake, struct wire_reader *reader, struct wire_writer *writer, int *fd_out)
{
	struct guard_req_open ask;
	struct guard_rep_open reply = { .handle = 7, .attr = fake->attr };
	int fd;
	char path[64];

	guard_get_req_open(reader, &ask);
	note_path(fake, ask.path);
	tell(fake, "open %s %s\n", ask.path, (ask.flags & VFS_OPEN_WRITE) != 0 ? "w" : "r");
	fake->open_flags = ask.flags;
	fake->open_passive = ask.passive;
	if (fake->comes_early && ask.passive != GUARD_PASSIVE_LEAVE) {
		fake->along_fd = make_data(fake);
		reply.next_port = ask.passive == GUARD_PASSIVE_RENEW ? 0x1235 : 0;
	}
	fake->open_offset = ask.offset;
	fake->handle_open = true;
	reply.path = (ask.flags & VFS_OPEN_UNIQUE) != 0 ? "/unique.1" : fake->path;
	reply.offset = (ask.flags & VFS_OPEN_RESUME) != 0 ? ask.offset : 0;
	if ((ask.flags & VFS_OPEN_TRUNCATE) != 0 && ftruncate(fake->file_fd, 0) != 0)
		abort();
	/* A description of its own, with exactly the access asked for. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fake->file_fd);
	fd = open(path, ((ask.flags & VFS_OPEN_WRITE) != 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC |
	                    ((ask.flags & VFS_OPEN_APPEND) != 0 ? O_APPEND : 0));
	if (fd < 0 || lseek(fd, (off_t)reply.offset, SEEK_SET) < 0)
		abort();
	guard_put_rep_open(writer, &reply);
	*fd_out = fd;
}

static void fill_copy(
    struct fake_guard *fake, struct wire_reader *reader, struct wire_writer *writer)
{
	struct guard_req_copy ask;
	struct guard_rep_copy reply;

	guard_get_req_copy(reader, &ask);
	reply.copied = ask.length < fake->copy_step ? ask.length : fake->copy_step;
	fake->copied += reply.copied;
	tell(fake, "copy\n");
	guard_put_rep_copy(writer, &reply);
}

static void fill_readdir(struct fake_guard *fake, struct wire_writer *writer)
{
	static uint8_t bytes[VFS_BATCH_MAX_BYTES];
	struct vfs_batch_writer batch = { .bytes = bytes, .size = sizeof(bytes) };
	struct guard_rep_readdir reply = { .end = 0 };

	for (size_t i = 0; i < fake->entries_per_batch && fake->next_entry < fake->entry_count;
	     i++) {
		const struct fake_entry *from = &fake->entries[fake->next_entry];
		struct vfs_entry entry = {
			.attr = from->attr,
			.name = from->name,
			.name_length = strlen(from->name),
			.target = from->target != NULL ? from->target : "",
		};

		if (!vfs_batch_append(&batch, &entry))
			break;
		fake->next_entry++;
	}
	reply.end = fake->next_entry == fake->entry_count;
	reply.entries = (struct wire_blob){ .bytes = bytes, .length = batch.length };
	guard_put_rep_readdir(writer, &reply);
}

static void fill_login(struct fake_guard *fake, struct wire_writer *writer)
{
	struct guard_rep_login reply = {
		.result = fake->login_result,
		.user = fake->user,
		.start_dir = "/",
		.rights = fake->rights,
		.uid = 1000,
	};

	guard_put_rep_login(writer, &reply);
}

/* Requests whose first field is a path, and nothing else matters. */
#define NOTE_PATH(name)                             \
	case GUARD_MESSAGE_##name: {                \
		struct guard_req_##name ask;        \
		guard_get_req_##name(reader, &ask); \
		note_path(fake, ask.path);          \
		break;                              \
	}

static void decode(struct fake_guard *fake, uint16_t number, struct wire_reader *reader)
{
	static const char *const outcomes[] = {
		[VFS_CLOSE_COMPLETE] = "ok",
		[VFS_CLOSE_ABORTED] = "aborted",
		[VFS_CLOSE_FAILED] = "failed",
	};

	switch (number) {
		NOTE_PATH(stat)
		NOTE_PATH(opendir)
		NOTE_PATH(chdir)
		NOTE_PATH(mkdir)
		NOTE_PATH(rmdir)
		NOTE_PATH(statvfs)
	case GUARD_MESSAGE_remove: {
		struct guard_req_remove ask;

		guard_get_req_remove(reader, &ask);
		note_path(fake, ask.path);
		tell(fake, "remove %s\n", ask.path);
		break;
	}
	case GUARD_MESSAGE_login: {
		struct guard_req_login ask;

		guard_get_req_login(reader, &ask);
		text_copy(fake->user, sizeof(fake->user), ask.user);
		text_copy(fake->password, sizeof(fake->password), ask.password);
		break;
	}
	case GUARD_MESSAGE_setattr: {
		struct guard_req_setattr ask;

		guard_get_req_setattr(reader, &ask);
		note_path(fake, ask.path);
		fake->change = ask.change;
		break;
	}
	case GUARD_MESSAGE_rename: {
		struct guard_req_rename ask;

		guard_get_req_rename(reader, &ask);
		note_path(fake, ask.from);
		text_copy(fake->to, sizeof(fake->to), ask.to);
		break;
	}
	case GUARD_MESSAGE_symlink: {
		struct guard_req_symlink ask;

		guard_get_req_symlink(reader, &ask);
		text_copy(fake->to, sizeof(fake->to), ask.target);
		note_path(fake, ask.path);
		break;
	}
	case GUARD_MESSAGE_close: {
		struct guard_req_close ask;

		guard_get_req_close(reader, &ask);
		tell(fake, "close %s\n", outcomes[ask.outcome]);
		fake->outcome = ask.outcome;
		fake->reason = ask.reason;
		fake->handle_open = false;
		break;
	}
	case GUARD_MESSAGE_rein: {
		struct guard_req_rein ask;

		guard_get_req_rein(reader, &ask);
		snprintf(fake->unread, sizeof(fake->unread), "%.*s", (int)ask.unread.length,
		    (const char *)ask.unread.bytes);
		break;
	}
	case GUARD_MESSAGE_bye: {
		struct guard_req_bye ask;

		guard_get_req_bye(reader, &ask);
		fake->bye = ask.reason;
		break;
	}
	default:
		break;
	}
}

static void fill(struct fake_guard *fake, uint16_t number, struct wire_reader *reader,
    struct wire_writer *writer, int *fd_out)
{
	switch (number) {
	case GUARD_MESSAGE_open:
		fill_open(fake, reader, writer, fd_out);
		break;
	case GUARD_MESSAGE_login:
		fill_login(fake, writer);
		break;
	case GUARD_MESSAGE_readdir:
		fill_readdir(fake, writer);
		break;
	case GUARD_MESSAGE_opendir: {
		struct guard_rep_opendir reply = { .handle = 9 };

		fake->next_entry = 0;
		fake->handle_open = true;
		guard_put_rep_opendir(writer, &reply);
		break;
	}
	case GUARD_MESSAGE_stat: {
		struct guard_rep_stat reply = { .attr = fake->attr };

		guard_put_rep_stat(writer, &reply);
		break;
	}
	case GUARD_MESSAGE_close: {
		struct guard_rep_close reply = { .path = fake->path };

		guard_put_rep_close(writer, &reply);
		break;
	}
	case GUARD_MESSAGE_copy: {
		fill_copy(fake, reader, writer);
		break;
	}
	case GUARD_MESSAGE_statvfs: {
		struct guard_rep_statvfs reply = { .fragment_size = 1024, .blocks_available = 10 };

		guard_put_rep_statvfs(writer, &reply);
		break;
	}
	case GUARD_MESSAGE_data_listen: {
		struct guard_rep_data_listen reply = { .address = "127.0.0.1", .port = 0x1234 };

		guard_put_rep_data_listen(writer, &reply);
		break;
	}
	default:
		break;
	}
}

/* Asked for together with an open that failed?  Then it is as if it had not been asked for. */
static bool is_cancelled(const struct fake_guard *fake, uint16_t number, struct wire_reader reader)
{
	struct guard_req_data_connect connect = { .after_open = 0 };

	if (number == GUARD_MESSAGE_data_connect)
		guard_get_req_data_connect(&reader, &connect);
	return fake->open_failed && connect.after_open != 0;
}

/* True when it is to be answered later, or was already. */
static bool is_put_off(struct fake_guard *fake, const struct wire_header *header)
{
	if (header->type == GUARD_MESSAGE_data_close && fake->held_id != 0) {
		static uint8_t bytes[64];
		struct wire_writer writer;

		start_reply(&writer, bytes, fake->held_number, fake->held_id, VFS_CANCELLED);
		send_reply(fake, &writer, -1);
		fake->held_id = 0;
		return false;
	}
	if ((header->type != GUARD_MESSAGE_data_accept &&
	        header->type != GUARD_MESSAGE_data_connect) ||
	    !fake->hold_data)
		return false;
	fake->held_id = header->id;
	fake->held_number = header->type;
	return true;
}

static void answer(struct fake_guard *fake, uint8_t *bytes, size_t n)
{
	static uint8_t out[WIRE_MAX_BYTES];
	struct wire_reader reader = { .bytes = bytes, .left = n };
	struct wire_header header;
	struct wire_writer writer;
	enum vfs_status status;
	int fd = -1;

	wire_get_header(&reader, &header);
	if (reader.failed || header.type >= FAKE_NUMBERS)
		abort();
	status = fake->status[header.type];
	if (header.type == GUARD_MESSAGE_open)
		fake->open_failed = status != VFS_OK;
	if (is_cancelled(fake, header.type, reader)) {
		start_reply(&writer, out, header.type, header.id, VFS_CANCELLED);
		send_reply(fake, &writer, -1);
		return;
	}
	if (header.type != GUARD_MESSAGE_open && header.type != GUARD_MESSAGE_copy)
		decode(fake, header.type, &reader);
	if (header.type == GUARD_MESSAGE_stat && fake->absent != NULL &&
	    strcmp(fake->absent, fake->path) == 0)
		status = VFS_NOT_FOUND;
	if (!is_put_off(fake, &header)) {
		start_reply(&writer, out, header.type, header.id, status);
		if (status == VFS_OK)
			fill(fake, header.type, &reader, &writer, &fd);
		if (status == VFS_OK && (header.type == GUARD_MESSAGE_data_accept ||
		                            header.type == GUARD_MESSAGE_data_connect))
			fd = make_data(fake);
		if (header.id != 0)
			send_reply(fake, &writer, fd);
		io_close(&fd);
	}
	/* Last: a test that sees the count sees the rest, too. */
	fake->calls[header.type]++;
}

static void *guard_thread(void *context)
{
	static uint8_t bytes[WIRE_MAX_BYTES];
	struct fake_guard *fake = context;

	for (;;) {
		struct pollfd fds[2] = {
			{ .fd = fake->wall_fd, .events = POLLIN },
			{ .fd = fake->stop_fd[0], .events = POLLIN },
		};
		ssize_t n;
		int fd = -1;

		poll(fds, 2, -1);
		if (fds[0].revents == 0)
			break;
		n = wire_receive(fake->wall_fd, bytes, sizeof(bytes), &fd);
		if (n <= 0)
			break;
		pthread_mutex_lock(&fake->lock);
		if (fd >= 0)
			fake->carried_fd = fd;
		answer(fake, bytes, (size_t)n);
		pthread_mutex_unlock(&fake->lock);
	}
	return NULL;
}

void fake_stop(struct fake_guard *fake, enum guard_stop reason, bool now)
{
	uint8_t bytes[64];
	struct wire_header header = { .type = GUARD_NOTICE_stop, .kind = WIRE_NOTICE };
	struct guard_note_stop note = { .reason = reason, .now = now };
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };

	wire_put_header(&writer, &header);
	guard_put_note_stop(&writer, &note);
	cr_assert(wire_send(fake->wall_fd, bytes, writer.length, -1));
}

void fake_ping(struct fake_guard *fake, uint32_t number)
{
	uint8_t bytes[64];
	struct wire_header header = { .type = GUARD_NOTICE_ping, .kind = WIRE_NOTICE };
	struct guard_note_ping note = { .number = number };
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };

	wire_put_header(&writer, &header);
	guard_put_note_ping(&writer, &note);
	cr_assert(wire_send(fake->wall_fd, bytes, writer.length, -1));
}

/* --- life ---------------------------------------------------------------------------------------
 */

static void *engine_thread(void *context)
{
	struct fake_guard *fake = context;

	fake->exit_status = ftp_engine_run(&fake->start);
	return NULL;
}

void fake_start(struct fake_guard *fake)
{
	char reply[256];
	int wall[2];
	int control[2];

	cr_assert(wire_pair(wall));
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control), 0);
	cr_assert_eq(pipe2(fake->stop_fd, O_CLOEXEC), 0);
	cr_assert(io_set_nonblocking(control[1], true));
	fake->wall_fd = wall[0];
	fake->client_fd = control[0];
	fake->start = (struct ftp_start){
		.conf = &fake->conf,
		.listener = &fake->listener,
		.guard = guard_client_new(wall[1]),
		.control_fd = control[1],
		.session = "test",
		.unread = fake->start.unread,
		.greeted = fake->start.greeted,
		.tls = fake->start.tls,
	};
	cr_assert(netaddr_parse_ip(&fake->start.local, "127.0.0.1"));
	cr_assert(netaddr_parse_ip(&fake->start.peer, "127.0.0.1"));
	cr_assert_eq(pthread_create(&fake->thread, NULL, guard_thread, fake), 0);
	cr_assert_eq(pthread_create(&fake->engine, NULL, engine_thread, fake), 0);
	if (!fake->start.greeted)
		cr_assert_eq(fake_reply(fake, reply, sizeof(reply)), 220);
}

void fake_login(struct fake_guard *fake)
{
	char reply[256];

	fake_start(fake);
	cr_assert_eq(fake_command(fake, reply, sizeof(reply), "USER alice"), 331);
	cr_assert_eq(fake_command(fake, reply, sizeof(reply), "PASS secret"), 230);
}

void fake_join(struct fake_guard *fake)
{
	pthread_join(fake->engine, NULL);
	io_close(&fake->stop_fd[1]);
	pthread_join(fake->thread, NULL);
	guard_client_free(&fake->start.guard);
	io_close(&fake->wall_fd);
	io_close(&fake->stop_fd[0]);
	io_close(&fake->data_fd);
	io_close(&fake->file_fd);
	io_close(&fake->client_fd);
}

void fake_end(struct fake_guard *fake)
{
	shutdown(fake->client_fd, SHUT_RDWR);
	fake_join(fake);
}

/* --- the client
 * ----------------------------------------------------------------------------------- */

void fake_send(struct fake_guard *fake, const char *bytes, size_t n)
{
	cr_assert(io_write_full(fake->client_fd, bytes, n), "%s", strerror(errno));
}

/* More input; false at the end of the connection. */
static bool receive_more(struct fake_guard *fake)
{
	struct pollfd wait = { .fd = fake->client_fd, .events = POLLIN };
	ssize_t n;

	cr_assert(poll(&wait, 1, FAKE_WAIT_MS) > 0, "no reply in time");
	n = io_read(fake->client_fd, fake->input + fake->input_length,
	    sizeof(fake->input) - 1 - fake->input_length);
	if (n <= 0)
		return false;
	fake->input_length += (size_t)n;
	fake->input[fake->input_length] = '\0';
	return true;
}

/* Length of the whole reply at the start of the input, 0 when it is not all there. */
static size_t whole_reply(const char *input)
{
	char end[5];
	const char *line = input;

	if (strlen(input) < 4)
		return 0;
	snprintf(end, sizeof(end), "%.3s ", input);
	for (;;) {
		const char *newline = strchr(line, '\n');

		if (newline == NULL)
			return 0;
		if (strncmp(line, end, 4) == 0)
			return (size_t)(newline + 1 - input);
		line = newline + 1;
	}
}

unsigned fake_reply(struct fake_guard *fake, char *out, size_t size)
{
	size_t length;
	unsigned code;

	fake->input[fake->input_length] = '\0';
	while ((length = whole_reply(fake->input)) == 0) {
		if (!receive_more(fake)) {
			cr_assert_eq(fake->input_length, 0, "half a reply: %s", fake->input);
			return 0;
		}
	}
	snprintf(out, size, "%.*s", (int)length, fake->input);
	code = (unsigned)strtoul(fake->input, NULL, 10);
	fake->input_length -= length;
	memmove(fake->input, fake->input + length, fake->input_length + 1);
	return code;
}

unsigned fake_command(struct fake_guard *fake, char *out, size_t size, const char *format, ...)
{
	char line[8192];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 2, format, args);
	va_end(args);
	memcpy(line + n, "\r\n", 2);
	fake_send(fake, line, (size_t)n + 2);
	return fake_reply(fake, out, size);
}

bool fake_is_silent(struct fake_guard *fake, int ms)
{
	struct pollfd wait = { .fd = fake->client_fd, .events = POLLIN };

	return fake->input_length == 0 && poll(&wait, 1, ms) == 0;
}

void fake_passive(struct fake_guard *fake)
{
	char reply[256];

	cr_assert_eq(fake_command(fake, reply, sizeof(reply), "EPSV"), 229);
}

int fake_take_data(struct fake_guard *fake)
{
	int64_t deadline = clock_mono_ms() + FAKE_WAIT_MS;
	int fd = -1;

	while (fd == -1 && clock_mono_ms() < deadline) {
		pthread_mutex_lock(&fake->lock);
		fd = fake->data_fd;
		fake->data_fd = -1;
		pthread_mutex_unlock(&fake->lock);
		if (fd == -1)
			poll(NULL, 0, 1);
	}
	cr_assert_neq(fd, -1, "no data connection");
	return fd;
}

size_t fake_drain(int fd, char *out, size_t size)
{
	ssize_t n = io_read_full(fd, out, size - 1);

	cr_assert_geq(n, 0);
	out[n] = '\0';
	return (size_t)n;
}

void fake_set_file(struct fake_guard *fake, const void *bytes, size_t n)
{
	cr_assert_eq(ftruncate(fake->file_fd, 0), 0);
	cr_assert_eq(pwrite(fake->file_fd, bytes, n, 0), (ssize_t)n);
	fake->attr.size = n;
}

size_t fake_get_file(struct fake_guard *fake, char *out, size_t size)
{
	ssize_t n = pread(fake->file_fd, out, size - 1, 0);

	cr_assert_geq(n, 0);
	out[n] = '\0';
	return (size_t)n;
}
