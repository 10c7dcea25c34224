#include "guard_harness.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/sandbox.h"
#include "server/session.h"

/* --- the clerk ---------------------------------------------------------------------------- */

static void append(struct guard_harness *harness, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void append(struct guard_harness *harness, const char *format, ...)
{
	const size_t room = sizeof(harness->log) - harness->log_length;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(harness->log + harness->log_length, room, format, args);
	va_end(args);
	if (length > 0 && (size_t)length < room)
		harness->log_length += (size_t)length;
}

static void keep_line(struct guard_harness *harness, const struct clerk_msg_event *message)
{
	struct event_reader reader = {
		.bytes = message->fields.bytes,
		.left = message->fields.length,
	};
	struct event_value value;

	append(harness, "%s", event_name((enum event_id)message->event));
	while (event_next(&reader, &value) == 1) {
		if (event_field_kind(value.field) == EVENT_KIND_TEXT)
			append(harness, " %s=%.*s", event_field_name(value.field),
			    (int)value.text_length, value.text);
		else
			append(harness, " %s=%llu", event_field_name(value.field),
			    (unsigned long long)value.number);
	}
	append(harness, "\n");
}

static void clerk_send(int fd, uint16_t type, uint16_t kind, uint32_t id, const void *message,
    void (*put)(struct wire_writer *, const void *))
{
	const struct wire_header header = { .type = type, .kind = kind, .id = id };
	uint8_t bytes[256];
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };

	wire_put_header(&writer, &header);
	put(&writer, message);
	wire_send(fd, bytes, writer.length, -1);
}

static void put_verdict(struct wire_writer *writer, const void *message)
{
	clerk_put_verdict(writer, message);
}

static void put_written(struct wire_writer *writer, const void *message)
{
	clerk_put_written(writer, message);
}

static void put_stop(struct wire_writer *writer, const void *message)
{
	clerk_put_stop(writer, message);
}

static void clerk_handle(struct guard_harness *harness, int fd, const uint8_t *bytes, size_t length)
{
	struct wire_reader reader = { .bytes = bytes, .left = length };
	struct clerk_msg_verdict verdict = { .verdict = CLERK_ALLOWED };
	struct clerk_msg_written written = { .seq = 0 };
	struct clerk_msg_event event;
	struct wire_header header = { 0 };

	wire_get_header(&reader, &header);
	if (header.type == CLERK_MESSAGE_event) {
		clerk_get_event(&reader, &event);
		keep_line(harness, &event);
		written.seq = event.seq;
		clerk_send(fd, CLERK_MESSAGE_written, WIRE_NOTICE, 0, &written, put_written);
		return;
	}
	if (header.id == 0)
		return;
	if (header.type == CLERK_MESSAGE_admit)
		verdict.verdict = harness->admit;
	if (header.type == CLERK_MESSAGE_login)
		verdict.verdict = harness->login;
	clerk_send(fd, CLERK_MESSAGE_verdict, WIRE_REPLY, header.id, &verdict, put_verdict);
}

static void clerk_receive(struct guard_harness *harness, size_t index)
{
	static _Thread_local uint8_t bytes[WIRE_MAX_BYTES];
	int fd = -1;
	ssize_t length = wire_receive(harness->connections[index], bytes, sizeof(bytes), &fd);

	if (length > 0) {
		clerk_handle(harness, harness->connections[index], bytes, (size_t)length);
		return;
	}
	close(harness->connections[index]);
	harness->connections[index] = harness->connections[--harness->connection_count];
}

static void *clerk_run(void *context)
{
	struct guard_harness *harness = context;
	struct pollfd watched[HARNESS_CONNECTIONS + 2];
	uint8_t bytes[1024];

	for (;;) {
		size_t count = harness->connection_count;

		watched[0] = (struct pollfd){ .fd = harness->clerk_stop_fd[0], .events = POLLIN };
		watched[1] = (struct pollfd){ .fd = harness->door_fd, .events = POLLIN };
		for (size_t i = 0; i < count; i++)
			watched[2 + i] = (struct pollfd){
				.fd = harness->connections[i],
				.events = POLLIN,
			};
		if (poll(watched, (nfds_t)(count + 2), -1) < 0)
			continue;
		if (watched[0].revents != 0)
			return NULL;
		pthread_mutex_lock(&harness->lock);
		for (size_t i = count; i-- > 0;)
			if (watched[2 + i].revents != 0)
				clerk_receive(harness, i);
		if ((watched[1].revents & POLLIN) != 0 &&
		    harness->connection_count < HARNESS_CONNECTIONS) {
			int fd = -1;

			if (wire_receive(harness->door_fd, bytes, sizeof(bytes), &fd) > 0 &&
			    fd >= 0)
				harness->connections[harness->connection_count++] = fd;
		}
		pthread_mutex_unlock(&harness->lock);
	}
}

void harness_clerk_stop(struct guard_harness *harness, enum guard_stop reason, bool now)
{
	const struct clerk_msg_stop stop = { .reason = (uint32_t)reason, .now = now };

	pthread_mutex_lock(&harness->lock);
	cr_assert_gt(harness->connection_count, 0);
	clerk_send(harness->connections[0], CLERK_MESSAGE_stop, WIRE_NOTICE, 0, &stop, put_stop);
	pthread_mutex_unlock(&harness->lock);
}

static bool log_has(struct guard_harness *harness, const char *text)
{
	bool found;

	pthread_mutex_lock(&harness->lock);
	found = strstr(harness->log, text) != NULL;
	pthread_mutex_unlock(&harness->lock);
	return found;
}

bool harness_logged(struct guard_harness *harness, const char *text)
{
	const int64_t deadline = clock_mono_ms() + HARNESS_WAIT_MS;

	while (!log_has(harness, text) && clock_mono_ms() < deadline)
		poll(NULL, 0, 5);
	return log_has(harness, text);
}

/* --- start and end ------------------------------------------------------------------------ */

static void write_file(int dir_fd, const char *name, const char *text)
{
	int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void make_files(
    struct guard_harness *harness, const char *extra, const struct harness_extras *extras)
{
	char text[4096];
	char path[128];
	char message[CONF_MESSAGE_BYTES];

	strcpy(harness->base, "/tmp/transom-guard-XXXXXX");
	cr_assert_not_null(mkdtemp(harness->base));
	snprintf(path, sizeof(path), "%s/root", harness->base);
	cr_assert_eq(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/users.d", harness->base);
	cr_assert_eq(mkdir(path, 0755), 0);
	harness->users_dir_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	write_file(harness->users_dir_fd, "alice.conf", HARNESS_PASSWORD);
	write_file(harness->users_dir_fd, "locked.conf", "password = \"!\"\n");
	write_file(harness->users_dir_fd, "homeless.conf",
	    HARNESS_PASSWORD "root = \"/nowhere/at/all\"\n");
	write_file(harness->users_dir_fd, "broken.conf", "password = \n");
	snprintf(text, sizeof(text),
	    "listener \"ftp\" { protocol = \"%s\" address = \"127.0.0.1:0\" %s }\n"
	    "users_dir = \"%s/users.d\"\n"
	    "defaults { root = \"%s/root\"\nfiles_user = \"64801\"\nfiles_group = \"64802\" }\n"
	    "%s\n%s\n",
	    extras->protocol, extras->listener == NULL ? "" : extras->listener, harness->base,
	    harness->base,
	    strstr(extra, "login_delay") == NULL ? "login_delay = \"0s\"" : "", extra);
	cr_assert_eq(
	    conf_parse(&harness->conf, "test.conf", text, message), CONF_OK, "%s", message);
}

static void open_listener(struct guard_harness *harness)
{
	struct sockaddr_in name = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	harness->listener_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(harness->listener_fd, (struct sockaddr *)&name, sizeof(name)), 0);
	cr_assert_eq(listen(harness->listener_fd, 16), 0);
	cr_assert(netaddr_local(&harness->address, harness->listener_fd));
}

enum start { AS_A_USER, AS_ROOT, AS_AN_HEIR };

static void start_guard(struct guard_harness *harness, const char *extra, enum start how,
    const struct harness_extras *extras)
{
	int wall[2], leash[2], door[2];

	memset(harness, 0, sizeof(*harness));
	harness->client_fd = -1;
	harness->control_fd = -1;
	make_files(harness, extra, extras);
	open_listener(harness);
	cr_assert(wire_pair(wall) && wire_pair(leash) && wire_pair(door));
	cr_assert(sandbox_prepare());
	harness->guard = fork();
	cr_assert_geq(harness->guard, 0);
	if (harness->guard == 0) {
		const struct session_start start = {
			.conf = harness->conf,
			.as_root = how == AS_ROOT,
			.inherits = how == AS_AN_HEIR,
			.generation = 1,
			.wall_fd = wall[1],
			.door_fd = door[1],
			.leash_fd = leash[1],
			.keeper_door_fd = extras->keeper_door_fd,
			.keys = extras->keys,
			.client_ca = extras->client_ca,
			.front_pid = extras->front_pid,
			.users_dir_fd = harness->users_dir_fd,
			.empty_dir_fd = -1,
			.listener_fds = &harness->listener_fd,
		};

		guard_run(&start);
	}
	close(wall[1]);
	close(leash[1]);
	close(door[1]);
	harness->wall_fd = wall[0];
	harness->leash_fd = leash[0];
	harness->door_fd = door[0];
	pthread_mutex_init(&harness->lock, NULL);
	cr_assert_eq(pipe2(harness->clerk_stop_fd, O_CLOEXEC), 0);
	cr_assert_eq(pthread_create(&harness->clerk, NULL, clerk_run, harness), 0);
}

static const struct harness_extras no_extras = { .protocol = "ftp", .keeper_door_fd = -1 };

void harness_start_with(
    struct guard_harness *harness, const char *extra, const struct harness_extras *extras)
{
	start_guard(harness, extra, AS_A_USER, extras);
}

void harness_start(struct guard_harness *harness, const char *extra)
{
	start_guard(harness, extra, AS_A_USER, &no_extras);
}

void harness_start_heir(struct guard_harness *harness)
{
	start_guard(harness, "", AS_AN_HEIR, &no_extras);
}

void harness_start_as_root(struct guard_harness *harness, const char *extra)
{
	start_guard(harness, extra, AS_ROOT, &no_extras);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void harness_stop(struct guard_harness *harness)
{
	if (harness->guard > 0) {
		kill(harness->guard, SIGKILL);
		waitpid(harness->guard, NULL, 0);
	}
	close_fd(&harness->clerk_stop_fd[1]);
	pthread_join(harness->clerk, NULL);
	close_fd(&harness->clerk_stop_fd[0]);
	while (harness->connection_count > 0)
		close_fd(&harness->connections[--harness->connection_count]);
	close_fd(&harness->wall_fd);
	close_fd(&harness->leash_fd);
	close_fd(&harness->door_fd);
	close_fd(&harness->client_fd);
	close_fd(&harness->control_fd);
	close_fd(&harness->listener_fd);
	close_fd(&harness->users_dir_fd);
	conf_free(&harness->conf);
	pthread_mutex_destroy(&harness->lock);
	nftw(harness->base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int harness_wait_end(struct guard_harness *harness)
{
	const int64_t deadline = clock_mono_ms() + HARNESS_WAIT_MS;
	int status = 0;
	pid_t pid;

	while ((pid = waitpid(harness->guard, &status, WNOHANG)) == 0 && clock_mono_ms() < deadline)
		poll(NULL, 0, 2);
	cr_assert_eq(pid, harness->guard, "the guard does not end");
	harness->guard = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* --- messages ----------------------------------------------------------------------------- */

void harness_send(struct guard_harness *harness, const void *bytes, size_t length, int fd)
{
	cr_assert(wire_send(harness->wall_fd, bytes, length, fd), "%s", strerror(errno));
}

bool harness_receive(struct guard_harness *harness, struct harness_message *out)
{
	struct pollfd wall = { .fd = harness->wall_fd, .events = POLLIN };
	ssize_t length;

	cr_assert_eq(poll(&wall, 1, HARNESS_WAIT_MS), 1, "the guard says nothing");
	length = wire_receive_both(harness->wall_fd, harness->bytes, sizeof(harness->bytes), true,
	    &out->fd, &out->beside_fd);
	if (length <= 0)
		return false;
	out->reader = (struct wire_reader){ .bytes = harness->bytes, .left = (size_t)length };
	wire_get_header(&out->reader, &out->header);
	return true;
}

#define ENCODE(name, number, states, fd, calls, flags, why)   \
	static void encode_##name(struct wire_writer *writer) \
	{                                                     \
		const struct guard_req_##name ask = { 0 };    \
                                                              \
		guard_put_req_##name(writer, &ask);           \
	}
GUARD_MESSAGES(ENCODE)
#define ENCODE_ENTRY(name, number, states, fd, calls, flags, why) encode_##name,

size_t harness_encode(size_t index, uint32_t id, uint8_t bytes[WIRE_MAX_BYTES])
{
	static void (*const encoders[])(struct wire_writer *) = { GUARD_MESSAGES(ENCODE_ENTRY) };
	const struct wire_header header = {
		.type = guard_message_rows[index].number,
		.kind = WIRE_REQUEST,
		.id = id,
	};
	struct wire_writer writer = { .bytes = bytes, .size = WIRE_MAX_BYTES };

	wire_put_header(&writer, &header);
	encoders[index](&writer);
	cr_assert_not(writer.failed);
	return writer.length;
}

#define ASK(name, message_number, states, carried, calls, flags, why)                        \
	uint32_t harness_send_##name(                                                        \
	    struct guard_harness *harness, const struct guard_req_##name *ask)               \
	{                                                                                    \
		const struct wire_header header = {                                          \
			.type = (message_number),                                            \
			.kind = WIRE_REQUEST,                                                \
			.id = ++harness->next_id,                                            \
		};                                                                           \
		static uint8_t bytes[WIRE_MAX_BYTES];                                        \
		struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };       \
                                                                                             \
		wire_put_header(&writer, &header);                                           \
		guard_put_req_##name(&writer, ask);                                          \
		cr_assert_not(writer.failed);                                                \
		harness_send(harness, bytes, writer.length, -1);                             \
		return header.id;                                                            \
	}                                                                                    \
	enum vfs_status harness_ask_##name(struct guard_harness *harness,                    \
	    const struct guard_req_##name *ask, struct guard_rep_##name *reply, int *fd_out) \
	{                                                                                    \
		struct guard_rep_##name fields = { 0 };                                      \
		struct harness_message message;                                              \
		uint32_t id = harness_send_##name(harness, ask);                             \
                                                                                             \
		cr_assert(harness_receive(harness, &message), "the guard is gone");          \
		cr_assert_eq(message.header.type, (message_number));                         \
		cr_assert_eq(message.header.kind, WIRE_REPLY);                               \
		cr_assert_eq(message.header.id, id);                                         \
		if (message.header.status == VFS_OK)                                         \
			guard_get_rep_##name(&message.reader, &fields);                      \
		cr_assert(wire_done(&message.reader));                                       \
		if (reply != NULL)                                                           \
			*reply = fields;                                                     \
		if (fd_out != NULL)                                                          \
			*fd_out = message.fd;                                                \
		else                                                                         \
			cr_assert_eq(message.fd, -1);                                        \
		harness->beside_fd = message.beside_fd;                                      \
		return (enum vfs_status)message.header.status;                               \
	}
GUARD_MESSAGES(ASK)

void harness_dial(struct guard_harness *harness)
{
	struct sockaddr_storage name;
	socklen_t length = netaddr_to_sockaddr(&harness->address, &name);

	harness->client_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(connect(harness->client_fd, (struct sockaddr *)&name, length), 0);
}

void harness_take_start(struct guard_harness *harness, const char *unread)
{
	struct guard_note_start note = { 0 };
	struct harness_message message;

	cr_assert(harness_receive(harness, &message), "the guard is gone");
	cr_assert_eq(message.header.type, GUARD_NOTICE_start);
	cr_assert_eq(message.header.kind, WIRE_NOTICE);
	guard_get_note_start(&message.reader, &note);
	cr_assert(wire_done(&message.reader));
	cr_assert_str_eq(note.local, "127.0.0.1");
	cr_assert_str_eq(note.peer, "127.0.0.1");
	cr_assert_eq(note.local_port, harness->address.port);
	cr_assert_eq(strlen(note.session), 16);
	cr_assert_eq(note.unread.length, strlen(unread));
	cr_assert_arr_eq(note.unread.bytes, unread, note.unread.length);
	cr_assert_geq(message.fd, 0);
	harness->control_fd = message.fd;
}

void harness_connect(struct guard_harness *harness)
{
	harness_dial(harness);
	harness_take_start(harness, "");
}

uint32_t harness_try_login(struct guard_harness *harness, const char *user, const char *password)
{
	const struct guard_req_login ask = { .user = user, .password = password };
	struct guard_rep_login reply;

	cr_assert_eq(harness_ask_login(harness, &ask, &reply, NULL), VFS_OK);
	return reply.result;
}

void harness_login(struct guard_harness *harness)
{
	harness_connect(harness);
	cr_assert_eq(harness_try_login(harness, "alice", "wonderland"), GUARD_LOGIN_OK);
}
