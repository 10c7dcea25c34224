#include "server/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/base/loop.h"
#include "server/base/os_linux.h"
#include "server/base/proctitle.h"
#include "server/base/text.h"
#include "server/become_user.h"
#include "server/keeper_keys.h"
#include "server/keeper_messages.h"
#include "server/roles.h"
#include "server/sandbox.h"
#include "server/session.h"
#include "server/snapshot.h"

#define MESSAGES_PER_TURN   8 /* of one connection, before the others get theirs */
#define SECURE_HEAP_BYTES   (512u << 10)
#define SECURE_HEAP_MINIMUM 32u
#define REQUEST_BYTES       2048u
#define ANSWER_BYTES        (KEEPER_PUBLIC_MAX_BYTES + KEEPER_TITLE_MAX + 256u)

/* One client. */
struct connection {
	struct keeper *keeper;
	struct connection *next, *previous;
	int fd;
};

struct keeper {
	struct loop *loop;
	struct keeper_keys keys;
	bool with_sha1; /* a listener has the profile `legacy` */
	struct connection *connections;
	bool shut; /* nobody holds the door any more */
	uint8_t in[REQUEST_BYTES];
	uint8_t out[ANSWER_BYTES];
	uint8_t signature[KEEPER_SIGNATURE_MAX_BYTES];
};

/* --- answers -------------------------------------------------------------------------------- */

#define DEFINE_ANSWER(name)                                                                   \
	static bool answer_##name(const struct connection *to, uint32_t id,                   \
	    enum vfs_status status, const struct keeper_msg_##name *message)                  \
	{                                                                                     \
		const struct wire_header header = {                                           \
			.type = KEEPER_MESSAGE_##name,                                        \
			.kind = WIRE_REPLY,                                                   \
			.id = id,                                                             \
			.status = (uint32_t)status,                                           \
		};                                                                            \
		struct wire_writer writer = { .bytes = to->keeper->out, .size = ANSWER_BYTES }; \
                                                                                              \
		wire_put_header(&writer, &header);                                            \
		if (status == VFS_OK)                                                         \
			keeper_put_##name(&writer, message);                                  \
		/* A client that does not take its answers is of no use to itself. */         \
		return !writer.failed && wire_send(to->fd, writer.bytes, writer.length, -1);  \
	}

DEFINE_ANSWER(listed)
DEFINE_ANSWER(signed)

/* --- one handler a message; false ends the connection --------------------------------------- */

static bool do_attach(
    const struct connection *from, uint32_t id, const struct keeper_msg_attach *ask)
{
	(void)from;
	(void)id;
	(void)ask;
	return false; /* only through the door */
}

static bool do_list(const struct connection *from, uint32_t id, const struct keeper_msg_list *ask)
{
	const struct keeper_keys *keys = &from->keeper->keys;
	const struct keeper_key *key;

	if (ask->key >= keys->count)
		return answer_listed(from, id, VFS_NOT_FOUND, NULL);
	key = &keys->keys[ask->key];
	return answer_listed(from, id, VFS_OK,
	    &(struct keeper_msg_listed){
	        .use = key->use,
	        .title = key->title,
	        .public_key = { .bytes = key->der, .length = key->der_length },
	    });
}

static bool do_sign(const struct connection *from, uint32_t id, const struct keeper_msg_sign *ask)
{
	struct keeper *keeper = from->keeper;
	const struct keeper_key *key;
	struct keeper_msg_signed answer = { .signature = { .bytes = keeper->signature } };

	if (ask->key >= keeper->keys.count)
		return answer_signed(from, id, VFS_NOT_FOUND, NULL);
	key = &keeper->keys.keys[ask->key];
	if (key_shapes_problem(key->use, ask) != NULL ||
	    !key_shapes_digest_fits(key->kind, keeper->with_sha1, ask))
		return answer_signed(from, id, VFS_FORBIDDEN, NULL);
	answer.signature.length = sizeof(keeper->signature);
	if (!keeper_keys_sign(key, ask, keeper->signature, &answer.signature.length))
		return answer_signed(from, id, VFS_FAILED, NULL);
	return answer_signed(from, id, VFS_OK, &answer);
}

/* --- the table at work ---------------------------------------------------------------------- */

#define CASE_CLIENT(name)                                                     \
	case KEEPER_MESSAGE_##name: {                                         \
		struct keeper_msg_##name message;                             \
                                                                              \
		keeper_get_##name(reader, &message);                          \
		return wire_done(reader) && do_##name(from, header->id, &message); \
	}
#define CASE_KEEPER(name)                   /* ours to send */
#define CASE(name, number, sender, fd, why) CASE_##sender(name)

static bool handle(const struct connection *from, const struct wire_header *header,
    struct wire_reader *reader)
{
	if (header->kind != WIRE_REQUEST || header->id == 0 || header->status != 0)
		return false;
	switch (header->type) {
		KEEPER_MESSAGES(CASE)
	default:
		return false;
	}
}

/* --- connections ---------------------------------------------------------------------------- */

static void drop(struct connection *connection)
{
	struct keeper *keeper = connection->keeper;

	if (connection->previous != NULL)
		connection->previous->next = connection->next;
	else
		keeper->connections = connection->next;
	if (connection->next != NULL)
		connection->next->previous = connection->previous;
	loop_unwatch(keeper->loop, connection->fd);
	io_close(&connection->fd);
	free(connection);
}

/* The door and every connection are gone: nobody can ask for anything any more. */
static void end_when_unused(struct keeper *keeper)
{
	if (keeper->shut && keeper->connections == NULL)
		loop_stop(keeper->loop, SESSION_EXIT_OK);
}

enum received { RECEIVED, NOTHING_YET, BROKEN };

static enum received receive(const struct connection *from)
{
	struct keeper *keeper = from->keeper;
	struct wire_reader reader = { .bytes = keeper->in };
	struct wire_header header;
	int fd = -1;
	ssize_t got = wire_receive(from->fd, keeper->in, sizeof(keeper->in), &fd);

	if (got < 0 && errno == EAGAIN)
		return NOTHING_YET;
	if (got <= 0 || fd >= 0) {
		io_close(&fd);
		return BROKEN;
	}
	reader.left = (size_t)got;
	wire_get_header(&reader, &header);
	return handle(from, &header, &reader) ? RECEIVED : BROKEN;
}

static void on_message(struct loop *loop, int fd, uint32_t events, void *context)
{
	struct connection *from = context;
	struct keeper *keeper = from->keeper;
	enum received result = RECEIVED;

	(void)loop;
	(void)fd;
	(void)events;
	for (int i = 0; i < MESSAGES_PER_TURN && result == RECEIVED; i++)
		result = receive(from);
	if (result != BROKEN)
		return;
	drop(from);
	end_when_unused(keeper);
}

/* Takes the descriptor. */
static void add_connection(struct keeper *keeper, int fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL || !io_set_nonblocking(fd, true) ||
	    !loop_watch(keeper->loop, fd, EPOLLIN, on_message, connection)) {
		free(connection);
		io_close(&fd);
		return;
	}
	connection->keeper = keeper;
	connection->fd = fd;
	connection->next = keeper->connections;
	if (connection->next != NULL)
		connection->next->previous = connection;
	keeper->connections = connection;
}

/* What came through the door; takes the descriptor. */
static void attach(struct keeper *keeper, size_t length, int fd)
{
	struct wire_reader reader = { .bytes = keeper->in, .left = length };
	struct keeper_msg_attach message;
	struct wire_header header;

	wire_get_header(&reader, &header);
	keeper_get_attach(&reader, &message);
	if (wire_done(&reader) && header.type == KEEPER_MESSAGE_attach &&
	    header.kind == WIRE_NOTICE && fd >= 0)
		add_connection(keeper, fd);
	else
		io_close(&fd);
}

static void on_door(struct loop *loop, int fd, uint32_t events, void *context)
{
	struct keeper *keeper = context;
	ssize_t got = 1;

	for (int i = 0; i < MESSAGES_PER_TURN && got > 0; i++) {
		int client_fd = -1;

		got = wire_receive(fd, keeper->in, sizeof(keeper->in), &client_fd);
		if (got > 0)
			attach(keeper, (size_t)got, client_fd);
	}
	/* An empty message reads like the end of file: only the kernel's word ends us. */
	if (got == 0 && (events & EPOLLHUP) != 0) {
		keeper->shut = true;
		loop_unwatch(loop, fd);
	}
	end_when_unused(keeper);
}

/* --- the process ---------------------------------------------------------------------------- */

static void report(enum keeper_report_kind kind, const char *message)
{
	struct keeper_report out = { .kind = kind };

	text_copy(out.message, sizeof(out.message), message);
	/* The master may be gone: then nobody needs to know. */
	(void)wire_send(ROLE_FD_MASTER, &out, sizeof(out), -1);
	close(ROLE_FD_MASTER);
}

/* It ends when its clients have: a terminal's or a service manager's signal to everybody is not for it. */
static void ignore_signals(void)
{
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
}

/* Key bytes must reach no core file, no other process of this uid, and no swap space where we may say so. */
static void hide_memory(void)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		_exit(SESSION_EXIT_FAILED);
	roles_apply_limits(ROLE_KEEPER);
	/* OpenSSL keeps private numbers there: locked, never dumped, between pages that cannot be touched. */
	CRYPTO_secure_malloc_init(SECURE_HEAP_BYTES, SECURE_HEAP_MINIMUM);
}

static bool has_legacy(const struct conf *conf)
{
	for (size_t i = 0; i < conf->listener_count; i++)
		if (conf->listeners[i].protocol == CONF_PROTOCOL_SFTP &&
		    conf->listeners[i].algorithms == CONF_ALGORITHMS_LEGACY)
			return true;
	return false;
}

static bool load(struct keeper *keeper, char message[CONF_MESSAGE_BYTES])
{
	struct conf *conf = snapshot_load(ROLE_FD_SNAPSHOT, message);
	bool ok = conf != NULL &&
	          keeper_keys_load(&keeper->keys, conf, KEEPER_MISSING_MAKE, message);

	if (ok)
		keeper->with_sha1 = has_legacy(conf);
	conf_free(&conf);
	close(ROLE_FD_SNAPSHOT);
	return ok;
}

static void confine(void)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct roles_account account;
	struct become_user plan = { .role = "keeper", .as_root = geteuid() == 0, .root_dir_fd = -1 };

	if (null_fd < 0 || !sandbox_prepare() || !roles_account_from_environment(&account))
		_exit(SESSION_EXIT_FAILED);
	/* What loading left behind in the heap's free parts goes back before it is locked. */
	malloc_trim(0);
	(void)mlockall(MCL_CURRENT);
	if (plan.as_root) {
		plan.root_dir_fd = ROLE_FD_EMPTY_DIR;
		plan.uid = account.uid;
		plan.gid = account.gid;
	}
	become_user(&plan);
	if (os_landlock_confine(NULL, 0, false) < 0)
		_exit(SESSION_EXIT_FAILED);
	close(ROLE_FD_EMPTY_DIR);
	sandbox_drop_stdio(null_fd);
	close(null_fd);
	sandbox_enter(SANDBOX_KEEPER);
}

int keeper_run(void)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));
	char message[CONF_MESSAGE_BYTES];
	int status = SESSION_EXIT_FAILED;

	proctitle_set("transomd: keeper %u", roles_generation_from_environment());
	ignore_signals();
	hide_memory();
	if (keeper == NULL)
		return status;
	if (!load(keeper, message)) {
		report(KEEPER_FAILED, message);
		keeper_keys_clear(&keeper->keys);
		free(keeper);
		return KEEPER_EXIT_CONFIG;
	}
	confine();
	keeper->loop = loop_new();
	if (keeper->loop != NULL && io_set_nonblocking(ROLE_FD_DOOR, true) &&
	    loop_watch(keeper->loop, ROLE_FD_DOOR, EPOLLIN, on_door, keeper)) {
		report(KEEPER_READY, "");
		status = loop_run(keeper->loop);
	}
	while (keeper->connections != NULL)
		drop(keeper->connections);
	keeper_keys_clear(&keeper->keys);
	loop_free(&keeper->loop);
	free(keeper);
	return status;
}
