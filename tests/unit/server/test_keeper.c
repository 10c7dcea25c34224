/* The real keeper, in a process of its own, and what a hijacked guard may try on it. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/x509.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "key_samples.h"
#include "server/keeper.h"
#include "server/keeper_client.h"
#include "server/roles.h"
#include "server/session.h"

TestSuite(keeper, .timeout = 60);

#define WAIT_MS 10000

static char base[64];
static pid_t keeper;
static int door_fd, channel_fd;
static struct keeper_public_keys keys;

/* --- birth and end -------------------------------------------------------------------------- */

static int snapshot(const char *text)
{
	char name[128];
	int fd = memfd_create("test", MFD_CLOEXEC);

	snprintf(name, sizeof(name), "%s/transom.conf", base);
	cr_assert_eq(write(fd, name, strlen(name) + 1), (ssize_t)strlen(name) + 1);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

/* In the child: everything where a started role finds it. */
_Noreturn static void become_keeper(const int fds[], size_t count)
{
	int high[8];

	for (size_t i = 0; i < count; i++)
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 100);
	for (size_t i = 0; i < count; i++)
		dup2(high[i], ROLE_FD_DOOR + (int)i);
	for (int fd = ROLE_FD_DOOR + (int)count; fd < 200; fd++)
		close(fd);
	setenv("TRANSOM_ACCOUNT", "64804:64804", 1);
	_exit(keeper_run());
}

static struct keeper_report start(const char *text)
{
	struct keeper_report report = { 0 };
	struct pollfd watch = { .events = POLLIN };
	int door[2], channel[2];
	int passed_fd;

	strcpy(base, "/tmp/transom-keeper-XXXXXX");
	cr_assert_not_null(mkdtemp(base));
	cr_assert(wire_pair(door) && wire_pair(channel));
	keeper = fork();
	cr_assert_geq(keeper, 0);
	if (keeper == 0) {
		const int fds[] = { door[1], channel[1], open(base, O_RDONLY | O_DIRECTORY), snapshot(text) };

		close(door[0]);
		become_keeper(fds, 4);
	}
	close(door[1]);
	close(channel[1]);
	door_fd = door[0];
	channel_fd = channel[0];
	watch.fd = channel_fd;
	cr_assert_eq(poll(&watch, 1, WAIT_MS), 1, "the keeper reports nothing");
	cr_assert_eq(wire_receive(channel_fd, &report, sizeof(report), &passed_fd), (ssize_t)sizeof(report));
	return report;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static int end_of_keeper(void)
{
	int status = -1;
	pid_t pid = 0;

	for (int i = 0; i < WAIT_MS / 10 && (pid = waitpid(keeper, &status, WNOHANG)) == 0; i++)
		poll(NULL, 0, 10);
	cr_assert_eq(pid, keeper, "the keeper does not end");
	keeper = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void stop(void)
{
	if (keeper > 0) {
		kill(keeper, SIGKILL);
		waitpid(keeper, NULL, 0);
	}
	close(door_fd);
	close(channel_fd);
	keeper_public_keys_clear(&keys);
	nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void start_with_host_keys(void)
{
	struct keeper_client *client;
	char message[256];
	char text[256];

	snprintf(text, sizeof(text), "state_dir = \".\"\nlistener \"s\" { protocol = \"sftp\" }\n");
	cr_assert_eq(start(text).kind, KEEPER_READY);
	client = keeper_client_new("test", door_fd);
	cr_assert(keeper_client_list(client, &keys, message, sizeof(message)), "%s", message);
	cr_assert_eq(keys.count, 3);
	keeper_client_free(&client);
}

/* --- a client by hand ----------------------------------------------------------------------- */

static int attach(void)
{
	const struct wire_header header = { .type = KEEPER_MESSAGE_attach, .kind = WIRE_NOTICE };
	const struct keeper_msg_attach message = { .role = "test" };
	uint8_t bytes[128];
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };
	int ends[2];

	cr_assert(wire_pair(ends));
	wire_put_header(&writer, &header);
	keeper_put_attach(&writer, &message);
	cr_assert(wire_send(door_fd, bytes, writer.length, ends[1]));
	close(ends[1]);
	return ends[0];
}

#define CLOSED VFS_STATUS_COUNT /* instead of an answer */

static enum vfs_status receive(int fd)
{
	struct pollfd watch = { .fd = fd, .events = POLLIN };
	uint8_t bytes[16384];
	struct wire_reader reader = { .bytes = bytes };
	struct wire_header header;
	int passed_fd;
	ssize_t got;

	cr_assert_eq(poll(&watch, 1, WAIT_MS), 1, "the keeper says nothing");
	got = wire_receive(fd, bytes, sizeof(bytes), &passed_fd);
	if (got <= 0)
		return (enum vfs_status)CLOSED;
	reader.left = (size_t)got;
	wire_get_header(&reader, &header);
	cr_assert_eq(header.kind, WIRE_REPLY);
	return (enum vfs_status)header.status;
}

static size_t encode(uint8_t bytes[2048], const struct wire_header *header, const struct keeper_msg_sign *ask)
{
	struct wire_writer writer = { .bytes = bytes, .size = 2048 };

	wire_put_header(&writer, header);
	keeper_put_sign(&writer, ask);
	cr_assert_not(writer.failed);
	return writer.length;
}

static enum vfs_status ask_to_sign(int fd, const struct keeper_msg_sign *ask)
{
	const struct wire_header header = { .type = KEEPER_MESSAGE_sign, .kind = WIRE_REQUEST, .id = 1 };
	uint8_t bytes[2048];

	cr_assert(wire_send(fd, bytes, encode(bytes, &header, ask), -1));
	return receive(fd);
}

static struct keeper_msg_sign good(uint8_t data[KEY_SAMPLE_DATA_BYTES])
{
	return (struct keeper_msg_sign){
		.shape = KEEPER_SHAPE_SSH,
		.data = { data, key_sample_data(KEEPER_SHAPE_SSH, data) },
	};
}

/* --- tests ---------------------------------------------------------------------------------- */

Test(keeper, signs_handshakes_and_nothing_else, .init = start_with_host_keys, .fini = stop)
{
	uint8_t data[KEY_SAMPLE_DATA_BYTES];
	struct keeper_msg_sign ask = good(data);
	int fd = attach();

	cr_expect_eq(ask_to_sign(fd, &ask), VFS_OK);
	ask.data.length = 31;
	cr_expect_eq(ask_to_sign(fd, &ask), VFS_FORBIDDEN, "no hash");
	ask = good(data);
	ask.digest = KEEPER_DIGEST_SHA256;
	cr_expect_eq(ask_to_sign(fd, &ask), VFS_FORBIDDEN, "no digest of Ed25519");
	ask = good(data);
	ask.key = 2;
	ask.digest = KEEPER_DIGEST_SHA1;
	cr_expect_eq(ask_to_sign(fd, &ask), VFS_FORBIDDEN, "nobody has the profile legacy");
	ask = good(data);
	ask.shape = KEEPER_SHAPE_TLS13;
	ask.data.length = key_sample_data(KEEPER_SHAPE_TLS13, data);
	cr_expect_eq(ask_to_sign(fd, &ask), VFS_FORBIDDEN, "a host key is not for TLS");
	ask = good(data);
	ask.key = 3;
	cr_expect_eq(ask_to_sign(fd, &ask), VFS_NOT_FOUND);
	ask = good(data);
	cr_expect_eq(ask_to_sign(fd, &ask), VFS_OK, "none of it was an offence");
	close(fd);
}

Test(keeper, who_breaks_the_protocol_is_cut_off_and_nobody_else, .init = start_with_host_keys, .fini = stop)
{
	static const struct wire_header headers[] = {
		{ .type = KEEPER_MESSAGE_sign, .kind = WIRE_NOTICE, .id = 1 },
		{ .type = KEEPER_MESSAGE_sign, .kind = WIRE_REPLY, .id = 1 },
		{ .type = KEEPER_MESSAGE_sign, .kind = WIRE_REQUEST, .id = 0 },
		{ .type = KEEPER_MESSAGE_sign, .kind = WIRE_REQUEST, .id = 1, .status = 1 },
		{ .type = KEEPER_MESSAGE_attach, .kind = WIRE_REQUEST, .id = 1 },
		{ .type = KEEPER_MESSAGE_signed, .kind = WIRE_REQUEST, .id = 1 },
		{ .type = KEEPER_MESSAGE_list, .kind = WIRE_REQUEST, .id = 1 }, /* fields too long */
		{ .type = 99, .kind = WIRE_REQUEST, .id = 1 },
	};
	uint8_t data[KEY_SAMPLE_DATA_BYTES];
	const struct keeper_msg_sign ask = good(data);
	const struct wire_header right = { .type = KEEPER_MESSAGE_sign, .kind = WIRE_REQUEST, .id = 1 };
	uint8_t bytes[2048];
	int honest = attach();
	size_t length;
	int fd;

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		fd = attach();
		cr_assert(wire_send(fd, bytes, encode(bytes, &headers[i], &ask), -1));
		cr_expect_eq(receive(fd), CLOSED, "row %zu", i);
		close(fd);
	}
	length = encode(bytes, &right, &ask);
	for (size_t cut = 1; cut <= length + 1; cut++) {
		if (cut == length)
			continue;
		fd = attach();
		cr_assert(wire_send(fd, bytes, cut, -1));
		cr_expect_eq(receive(fd), CLOSED, "%zu of %zu bytes", cut, length);
		close(fd);
	}
	fd = attach();
	cr_assert(wire_send(fd, bytes, length, fd));
	cr_expect_eq(receive(fd), CLOSED, "a descriptor came along");
	close(fd);
	cr_expect_eq(ask_to_sign(honest, &ask), VFS_OK);
	close(honest);
}

Test(keeper, nonsense_at_the_door_does_not_close_it, .init = start_with_host_keys, .fini = stop)
{
	uint8_t data[KEY_SAMPLE_DATA_BYTES];
	const struct keeper_msg_sign ask = good(data);
	int fd;

	cr_assert_eq(send(door_fd, "", 0, 0), 0, "it reads like the end of file");
	cr_assert(wire_send(door_fd, "nonsense", 8, -1));
	cr_assert(wire_send(door_fd, "nonsense with a descriptor", 26, STDERR_FILENO));
	fd = attach();
	cr_expect_eq(ask_to_sign(fd, &ask), VFS_OK);
	close(fd);
}

Test(keeper, ends_with_the_last_who_could_ask, .init = start_with_host_keys, .fini = stop)
{
	uint8_t data[KEY_SAMPLE_DATA_BYTES];
	const struct keeper_msg_sign ask = good(data);
	int fd = attach();

	cr_expect_eq(ask_to_sign(fd, &ask), VFS_OK);
	close(door_fd);
	door_fd = -1;
	cr_expect_eq(ask_to_sign(fd, &ask), VFS_OK, "a connection is still there");
	close(fd);
	cr_expect_eq(end_of_keeper(), SESSION_EXIT_OK);
}

Test(keeper, tells_the_master_what_is_wrong_with_a_key, .fini = stop)
{
	const struct keeper_report report =
	    start("listener \"s\" { protocol = \"sftp\" }\nssh { host_keys = { \"missing\" } }\n");

	cr_expect_eq(report.kind, KEEPER_FAILED);
	cr_expect_not_null(strstr(report.message, "missing\": No such file"), "%s", report.message);
	cr_expect_eq(end_of_keeper(), KEEPER_EXIT_CONFIG);
}
