#include "server/nursery.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <openssl/x509.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/auth_signature.h"
#include "conf/conf.h"
#include "server/base/io.h"
#include "server/base/loop.h"
#include "server/base/os_linux.h"
#include "server/base/pages.h"
#include "server/base/proctitle.h"
#include "server/base/text.h"
#include "server/become_user.h"
#include "server/client_ca.h"
#include "server/clerk_client.h"
#include "server/crypto/aead.h"
#include "server/ftp/ftp_digest.h"
#include "server/key_openssh.h"
#include "server/nursery_messages.h"
#include "server/pool.h"
#include "server/snapshot.h"
#include "server/sandbox.h"
#include "server/sftp/ssh_front.h"
#include "server/tls/tls_contexts.h"

#define FLUSH_MS 2000

struct nursery {
	struct loop *loop;
	struct conf *conf;
	struct clerk_client *clerk;
	struct pool *pool;
	struct session_start start;
	int *listener_fds; /* heap */
	struct keeper_public_keys keys;
	struct auth_certificate_ca *client_ca; /* NULL: nobody certifies clients */
	bool ready, retired;
};

/* --- what the pool tells ------------------------------------------------------------------------
 */

static void report(const struct nursery_report *message)
{
	/* The master may be gone; then nobody needs to know. */
	wire_send(ROLE_FD_MASTER, message, sizeof(*message), -1);
}

/* It cannot start: the master tells whoever is to know, the log of a reload or the terminal of a start. */
static void complain(const char *reason)
{
	struct nursery_report message = { .kind = NURSERY_FAILED };

	text_copy(message.reason, sizeof(message.reason), reason);
	report(&message);
	errno = 0; /* it has been said */
}

static void on_ready(void *context)
{
	struct nursery *nursery = context;

	nursery->ready = true;
	report(&(struct nursery_report){ .kind = NURSERY_READY });
}

static void on_crashed(void *context, enum role_id role, pid_t pid, int wait_status)
{
	(void)context;
	report(&(struct nursery_report){
	    .kind = NURSERY_CRASH, .role = role, .pid = pid, .wait_status = wait_status });
}

static void on_failed(void *context, int error)
{
	struct nursery *nursery = context;
	struct event event;

	event_init(&event, EVENT_FORK_FAILED);
	event_number(&event, EVENT_FIELD_GENERATION, nursery->start.generation);
	event_text(&event, EVENT_FIELD_REASON,
	    error != 0 ? strerror(error) : "session processes end before a client comes");
	event_text(&event, EVENT_FIELD_CURE,
	    error != 0
	        ? "allow the service more processes or memory (TasksMax, pids.max, ulimit -u)"
	        : "the crash lines before this one name the process and its status");
	clerk_client_log(nursery->clerk, &event);
	/* The first pairs fail: this generation will never serve, and the master must not wait for
	 * it. */
	if (!nursery->ready && error == 0)
		loop_stop(nursery->loop, SESSION_EXIT_FAILED);
}

static void on_quiet(void *context)
{
	(void)context;
	report(&(struct nursery_report){ .kind = NURSERY_QUIET });
}

static void on_empty(void *context)
{
	struct nursery *nursery = context;

	loop_stop(nursery->loop, SESSION_EXIT_OK);
}

/* --- what wakes it ------------------------------------------------------------------------------
 */

static void retire(struct nursery *nursery)
{
	if (nursery->retired)
		return;
	nursery->retired = true;
	/* A listener that was removed must not stay open as long as our last session lives. */
	for (size_t i = 0; i < nursery->conf->listener_count; i++)
		io_close(&nursery->listener_fds[i]);
	proctitle_set("transomd: nursery %u retired", nursery->start.generation);
	pool_retire(nursery->pool);
}

static void on_master(struct loop *loop, int fd, uint32_t events, void *context)
{
	struct nursery_report message;
	int passed_fd = -1;
	ssize_t got = wire_receive(fd, &message, sizeof(message), &passed_fd);

	(void)events;
	io_close(&passed_fd);
	if (got == (ssize_t)sizeof(message) && message.kind != NURSERY_RETIRE)
		return;
	/* Told to, or the master is gone: our sessions live on, and nobody is to join them. */
	loop_unwatch(loop, fd);
	retire(context);
}

static void on_signal(struct loop *loop, const struct signalfd_siginfo *info, void *context)
{
	struct nursery *nursery = context;
	int status;
	pid_t pid;

	(void)loop;
	(void)info;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		pool_reaped(nursery->pool, pid, status);
}

/* --- birth --------------------------------------------------------------------------------------
 */

static bool read_snapshot(struct nursery *nursery)
{
	char message[CONF_MESSAGE_BYTES];

	nursery->conf = snapshot_load(ROLE_FD_SNAPSHOT, message);
	if (nursery->conf == NULL)
		complain(message);
	close(ROLE_FD_SNAPSHOT);
	return nursery->conf != NULL;
}

/* What clients show when they meet the server for the first time: so that it can be compared. */
static void log_host_key(struct nursery *nursery, const struct keeper_public_key *key)
{
	const uint8_t *der = key->der;
	EVP_PKEY *public_half = d2i_PUBKEY(NULL, &der, (long)key->der_length);
	char fingerprint[KEY_FINGERPRINT_BYTES];
	struct event event;

	if (public_half == NULL || !key_openssh_fingerprint(public_half, fingerprint))
		goto out;
	event_init(&event, EVENT_HOST_KEY);
	event_text(&event, EVENT_FIELD_ALGORITHMS, key_openssh_type(public_half));
	event_text(&event, EVENT_FIELD_FINGERPRINT, fingerprint);
	event_text(&event, EVENT_FIELD_FILE, key->title);
	event_number(&event, EVENT_FIELD_GENERATION, nursery->start.generation);
	clerk_client_log(nursery->clerk, &event);
out:
	EVP_PKEY_free(public_half);
}

/* The public halves of this generation's keys; the private ones stay with their keeper. */
static bool fetch_keys(struct nursery *nursery)
{
	char message[CONF_MESSAGE_BYTES];
	struct keeper_client *keeper;
	bool ok;

	if (!conf_needs_keeper(nursery->conf))
		return true;
	keeper = keeper_client_new("nursery", ROLE_FD_KEEPER);
	if (keeper == NULL)
		return false;
	ok = keeper_client_list(keeper, &nursery->keys, message, sizeof(message));
	keeper_client_free(&keeper);
	if (!ok)
		complain(message);
	nursery->start.keeper_door_fd = ROLE_FD_KEEPER;
	nursery->start.keys = &nursery->keys;
	return ok;
}

/* Whom the guards believe about TLS clients: read once, while root, and inherited. */
static bool load_client_ca(struct nursery *nursery)
{
	char message[CONF_MESSAGE_BYTES];

	if (!client_ca_is_wanted(nursery->conf))
		return true;
	nursery->client_ca = client_ca_load(nursery->conf, message);
	if (nursery->client_ca == NULL)
		complain(message);
	nursery->start.client_ca = nursery->client_ca;
	return nursery->client_ca != NULL;
}

/* What the fronts of FTP listeners show to TLS clients: read once, while root, and inherited. */
static bool load_certificates(struct nursery *nursery)
{
	char message[CONF_MESSAGE_BYTES];

	if (!tls_contexts_wanted(nursery->conf))
		return true;
	nursery->start.tls =
	    tls_contexts_new(nursery->conf, &nursery->keys, message, sizeof(message));
	if (nursery->start.tls == NULL)
		complain(message);
	return nursery->start.tls != NULL;
}

static void log_host_keys(struct nursery *nursery)
{
	for (size_t i = 0; i < nursery->keys.count; i++)
		if (nursery->keys.keys[i].use == KEEPER_USE_SSH)
			log_host_key(nursery, &nursery->keys.keys[i]);
}

static bool serves_sftp(const struct conf *conf)
{
	bool sftp = false;

	for (size_t i = 0; i < conf->listener_count; i++)
		sftp |= conf->listeners[i].protocol == CONF_PROTOCOL_SFTP;
	return sftp;
}

/*
 * Load now what libc and OpenSSL would load at the first use: a session inherits it instead of making its
 * own 200 KiB of it, and a chroot would lack the files.
 */
static bool warm_up(const struct conf *conf)
{
	char message[CONF_MESSAGE_BYTES];
	gid_t groups[1];
	int count = 1;

	getpwnam("root");
	getgrouplist("root", 0, groups, &count);
	ftp_digest_warm_up();
	aead_warm_up();
	if (serves_sftp(conf))
		auth_signature_warm_up();
	if (ssh_front_warm_up(conf, message, sizeof(message)))
		return true;
	complain(message);
	return false;
}

static bool prepare_start(struct nursery *nursery)
{
	struct session_start *start = &nursery->start;
	const struct conf *conf = nursery->conf;

	nursery->listener_fds = calloc(conf->listener_count + 1, sizeof(*nursery->listener_fds));
	if (nursery->listener_fds == NULL)
		return false;
	for (size_t i = 0; i < conf->listener_count; i++) {
		nursery->listener_fds[i] = ROLE_FD_LISTENERS + (int)i;
		fcntl(nursery->listener_fds[i], F_SETFD, FD_CLOEXEC);
	}
	for (int fd = ROLE_FD_DOOR; fd < ROLE_FD_LISTENERS; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	*start = (struct session_start){
		.conf = conf,
		.as_root = geteuid() == 0,
		.generation = roles_generation_from_environment(),
		.wall_fd = -1,
		.door_fd = ROLE_FD_DOOR,
		.leash_fd = -1,
		.keeper_door_fd = -1,
		.users_dir_fd = open(conf->users_dir, O_PATH | O_DIRECTORY | O_CLOEXEC),
		.empty_dir_fd = -1,
		.listener_fds = nursery->listener_fds,
		.parent_title = role_table[ROLE_NURSERY].name,
	};
	os_local_ports(&start->system_ports.first, &start->system_ports.last);
	if (!start->as_root)
		return true;
	start->empty_dir_fd = ROLE_FD_EMPTY_DIR;
	return conf_account_resolve(conf->front_user, "", &start->front_uid, &start->front_gid);
}

static bool set_up(struct nursery *nursery)
{
	struct pool_owner owner = {
		.context = nursery,
		.ready = on_ready,
		.crashed = on_crashed,
		.failed = on_failed,
		.quiet = on_quiet,
		.empty = on_empty,
	};
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	if (!read_snapshot(nursery) || !prepare_start(nursery) || !fetch_keys(nursery) ||
	    !load_client_ca(nursery) || !load_certificates(nursery) ||
	    !sandbox_prepare())
		return false;
	proctitle_set("transomd: nursery %u", nursery->start.generation);
	if (!warm_up(nursery->conf))
		return false;
	if (nursery->start.as_root)
		/* KILL: of a hung half, whose uid is another. */
		become_user_limit_root("nursery",
		    UINT64_C(1) << CAP_KILL | guard_capabilities(nursery->conf));
	nursery->loop = loop_new();
	nursery->clerk = clerk_client_new("nursery", ROLE_FD_DOOR);
	if (nursery->loop == NULL || nursery->clerk == NULL ||
	    !clerk_client_attach_loop(nursery->clerk, nursery->loop, NULL, NULL) ||
	    !loop_signals(nursery->loop, &signals, on_signal, nursery) ||
	    !loop_watch(nursery->loop, ROLE_FD_MASTER, EPOLLIN, on_master, nursery))
		return false;
	log_host_keys(nursery);
	pages_fill_heap();
	nursery->pool = pool_new(nursery->loop, &nursery->start, &owner);
	return nursery->pool != NULL;
}

int nursery_run(void)
{
	struct nursery nursery = { .start = { .users_dir_fd = -1 } };
	int status = SESSION_EXIT_FAILED;

	if (!set_up(&nursery)) {
		if (errno != 0)
			dprintf(STDERR_FILENO, "transomd: nursery: cannot start: %s\n",
			    strerror(errno));
		goto out;
	}
	pool_fill(nursery.pool);
	status = loop_run(nursery.loop);
	clerk_client_flush(nursery.clerk, FLUSH_MS);
out:
	pool_free(&nursery.pool);
	clerk_client_free(&nursery.clerk);
	loop_free(&nursery.loop);
	io_close(&nursery.start.users_dir_fd);
	free(nursery.listener_fds);
	keeper_public_keys_clear(&nursery.keys);
	auth_certificate_ca_free(&nursery.client_ca);
	tls_contexts_free(&nursery.start.tls);
	conf_free(&nursery.conf);
	return status;
}
