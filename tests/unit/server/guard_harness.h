/*
 * A real guard in a child process, with a test in place of its front, its nursery, its clerk and
 * its client.
 *
 * The guard runs as an ordinary user would start it (no chroot, no change of uid) unless told
 * otherwise, with its filters and, where the kernel has it, Landlock.  The clerk is a thread that
 * admits as told and keeps every log line.
 */
#ifndef GUARD_HARNESS_H
#define GUARD_HARNESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "server/base/netaddr.h"
#include "server/clerk_messages.h"
#include "server/guard_messages.h"
#include "server/keeper_client.h"

#define HARNESS_WAIT_MS     30000 /* no step takes so long but by a bug */
#define HARNESS_CONNECTIONS 8

/* A line of a user file: "wonderland", at a cost that tests can afford. */
#define HARNESS_PASSWORD \
	"password = \"$5$rounds=1000$transomtest$nVvaOiRuFv2OM9ItlaZe64fSmJ7pI7UfhM90vlm1kKD\"\n"

struct guard_harness {
	char base[64]; /* directory of this test: root/, users.d/ */
	struct conf *conf;
	struct netaddr address; /* of the listener */
	int listener_fd;
	int users_dir_fd;
	int wall_fd;  /* the front's end */
	int leash_fd; /* the nursery's end */
	int door_fd;  /* the clerk's end */
	int client_fd;
	int control_fd; /* what the front got with `start` */
	pid_t guard;

	pthread_t clerk;
	int clerk_stop_fd[2];
	pthread_mutex_t lock;     /* for what follows */
	enum clerk_verdict admit; /* answer to admit */
	enum clerk_verdict login; /* answer to login */
	int connections[HARNESS_CONNECTIONS];
	size_t connection_count;
	char log[65536]; /* one "event field=value ..." a line */
	size_t log_length;

	uint8_t bytes[WIRE_MAX_BYTES]; /* the last message received */
	uint32_t next_id;
	int beside_fd; /* the connection that came with the last file asked for, or -1 */
};

/* What came from the guard. */
struct harness_message {
	struct wire_header header;
	struct wire_reader reader; /* at the fields */
	int fd;
	int beside_fd;
};

/* What only some tests need. */
struct harness_extras {
	const char *protocol; /* of the listener */
	int keeper_door_fd;   /* fake_keeper.h; -1: none */
	const struct keeper_public_keys *keys;
	pid_t front_pid; /* a process to watch; 0: none */
	const char *listener; /* further options of the listener; NULL: none */
	const struct auth_certificate_ca *client_ca;
};

/* Make directories, configuration (with extra lines at its end) and processes. */
void harness_start(struct guard_harness *harness, const char *extra);
void harness_start_with(
    struct guard_harness *harness, const char *extra, const struct harness_extras *extras);
/* The same with chroot and uids: alice becomes 64801:64802.  Needs root. */
void harness_start_as_root(struct guard_harness *harness, const char *extra);
/* A guard that waits for a client of the nursery's, not for one of its listener. */
void harness_start_heir(struct guard_harness *harness);
/* Kill what still runs, remove the directories. */
void harness_stop(struct guard_harness *harness);
/* Connect a client and take the `start` notice that comes of it. */
void harness_connect(struct guard_harness *harness);
/* The same in two steps: connect, without waiting for anything; and take the notice, whose `unread` must be
 * this text. */
void harness_dial(struct guard_harness *harness);
void harness_take_start(struct guard_harness *harness, const char *unread);
/* Connect and log in as alice. */
void harness_login(struct guard_harness *harness);

/* Raw bytes to the guard, with a descriptor when fd >= 0. */
void harness_send(struct guard_harness *harness, const void *bytes, size_t length, int fd);
/* The next message of the guard; false at the end of file.  Fails the test when none comes. */
bool harness_receive(struct guard_harness *harness, struct harness_message *out);
/* Wait for the guard's end: its exit status, or 128 + signal. */
int harness_wait_end(struct guard_harness *harness);
/* Is there a log line with this text?  Waits a moment for it. */
bool harness_logged(struct guard_harness *harness, const char *text);
/* Send `stop` as the clerk does. */
void harness_clerk_stop(struct guard_harness *harness, enum guard_stop reason, bool now);

/* A request with default fields (zero, ""), as guard_message_rows[index] has it; its length. */
size_t harness_encode(size_t index, uint32_t id, uint8_t bytes[WIRE_MAX_BYTES]);

/* Ask and take the reply's status; its fields are in *out.reader. */
#define HARNESS_ASK_PROTOTYPE(name, number, states, fd, calls, flags, why)                    \
	enum vfs_status harness_ask_##name(struct guard_harness *harness,                     \
	    const struct guard_req_##name *ask, struct guard_rep_##name *reply, int *fd_out); \
	uint32_t harness_send_##name(                                                         \
	    struct guard_harness *harness, const struct guard_req_##name *ask);
GUARD_MESSAGES(HARNESS_ASK_PROTOTYPE)

/* Log in; the result (enum guard_login_result). */
uint32_t harness_try_login(struct guard_harness *harness, const char *user, const char *password);

#endif
