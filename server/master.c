#include "server/master.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/os_linux.h"
#include "server/base/proctitle.h"
#include "server/base/text.h"
#include "server/master_files.h"
#include "server/master_private.h"
#include "server/master_watch.h"
#include "server/notify.h"
#include "server/sftp/ssh_algorithms.h"
#include "server/tls/tls_profiles.h"

#define LISTENERS_TEXT_BYTES 8192
#define LEASHES_AND_MORE     256

/* --- what this system can do
 * ---------------------------------------------------------------------- */

static bool has_openat2(void)
{
	int fd = os_openat2(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0, RESOLVE_IN_ROOT);
	bool has = fd >= 0;

	io_close(&fd);
	return has;
}

/* Asking for a filter at address NULL: EFAULT where there are filters, EINVAL where not. */
static bool has_seccomp(void)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) != 0 && errno == EFAULT;
}

bool master_system_fits(const struct conf *conf, bool as_root, char message[CONF_MESSAGE_BYTES])
{
	const char *lack = NULL;

	if (!ssh_algorithms_check(conf, message, CONF_MESSAGE_BYTES) ||
	    !tls_profiles_check(conf, message, CONF_MESSAGE_BYTES))
		return false;
	if (!has_openat2())
		lack = "this kernel has no openat2(2), or a container forbids it: Linux 5.6 or "
		       "later is needed";
	else if (!has_seccomp())
		lack = "this kernel has no seccomp filters: CONFIG_SECCOMP_FILTER is needed";
	else if (!as_root && os_landlock_abi() == 0 && !conf->allow_weak_confinement)
		lack =
		    "this kernel has no Landlock, which confines sessions of a server that is not "
		    "started as root: enable it (lsm=landlock,...), start as root, or set "
		    "allow_weak_confinement = \"yes\"";
	if (lack == NULL)
		return true;
	text_format(message, CONF_MESSAGE_BYTES, "%s: %s", conf->file, lack);
	return false;
}

/* --- log ------------------------------------------------------------------------------------ */

void master_log(struct master *master, enum event_id id, const char *reason)
{
	struct event event;

	event_init(&event, id);
	event_text(&event, EVENT_FIELD_REASON, reason);
	clerk_client_log(master->log, &event);
}

static const char *mode_name(const struct master *master)
{
	return master->as_root ? "root" : "user";
}

static const char *walls_text(const struct master *master, char *out, size_t out_bytes)
{
	text_format(out, out_bytes, "%sseccomp no_new_privs openat2%s",
	    master->as_root ? "chroot uid " : "", os_landlock_abi() > 0 ? " landlock" : "");
	return out;
}

static void log_confinement(struct master *master)
{
	struct event event;
	char text[128];

	event_init(&event, EVENT_CONFINEMENT);
	event_text(&event, EVENT_FIELD_MODE, mode_name(master));
	event_text(&event, EVENT_FIELD_WALLS, walls_text(master, text, sizeof(text)));
	text_format(text, sizeof(text), "Landlock ABI %d", os_landlock_abi());
	event_text(&event, EVENT_FIELD_REASON, text);
	if (os_landlock_abi() == 0)
		event_text(&event, EVENT_FIELD_CURE, "a kernel with Landlock adds a wall");
	clerk_client_log(master->log, &event);
}

void master_say_ready(struct master *master)
{
	char listeners[LISTENERS_TEXT_BYTES];
	char walls[128];
	struct event event;

	master->phase = MASTER_RUNNING;
	master_certificates_tell(master);
	listeners_describe(&master->now.listeners, master->now.conf, listeners, sizeof(listeners));
	event_init(&event, EVENT_READY);
	event_text(&event, EVENT_FIELD_LISTENERS, listeners);
	event_text(&event, EVENT_FIELD_MODE, mode_name(master));
	event_text(&event, EVENT_FIELD_VERSION, TRANSOM_VERSION);
	event_text(&event, EVENT_FIELD_WALLS, walls_text(master, walls, sizeof(walls)));
	event_number(&event, EVENT_FIELD_GENERATION, master->generation);
	clerk_client_log(master->log, &event);
	notify_send("READY=1");
}

/* --- setup ---------------------------------------------------------------------------------- */

void master_setup_init(struct master_setup *setup)
{
	*setup = (struct master_setup){ .snapshot_fd = -1, .log_fd = -1 };
}

void master_setup_clear(struct master_setup *setup, const struct listeners *keep)
{
	listeners_close_except(&setup->listeners, keep);
	io_close(&setup->snapshot_fd);
	io_close(&setup->log_fd);
	master_watch_free(&setup->watch);
	conf_free(&setup->conf);
	master_setup_init(setup);
}

bool master_setup_open(struct master_setup *setup, const char *text, const struct listeners *old,
    char message[CONF_MESSAGE_BYTES])
{
	/* Before anybody reads them: what changes from now on is a change. */
	setup->watch = master_certificates_watch(setup->conf);
	if (setup->watch == NULL) {
		text_format(message, CONF_MESSAGE_BYTES, "%s: out of memory", setup->conf->file);
		return false;
	}
	if (!master_files_open_log(setup->conf, &setup->log_fd, &setup->log_kind, message))
		return false;
	setup->snapshot_fd = master_files_snapshot(setup->conf->file, text);
	if (setup->snapshot_fd < 0) {
		text_format(message, CONF_MESSAGE_BYTES, "%s: memfd: %s", setup->conf->file,
		    strerror(errno));
		return false;
	}
	return listeners_open(&setup->listeners, setup->conf, old, message);
}

/* --- events --------------------------------------------------------------------------------- */

static void on_signal(struct loop *loop, const struct signalfd_siginfo *info, void *context)
{
	struct master *master = context;

	(void)loop;
	switch (info->ssi_signo) {
	case SIGCHLD:
		master_reap(master);
		break;
	case SIGHUP:
		master_reload(master);
		break;
	case SIGTERM:
		master_stop(master, false);
		break;
	case SIGINT:
		master_stop(master, true);
		break;
	case SIGUSR1:
		master_reopen_log(master);
		break;
	default:
		break; /* USR2 is reserved */
	}
}

static void on_clerk_timer(struct loop *loop, void *context)
{
	struct master *master = context;

	if (master_start_clerk(master))
		return;
	/* No process or descriptor to be had: later. */
	(void)loop;
	loop_timer_set(master->clerk_timer, clock_mono_ms() + MASTER_CLERK_PAUSE_MAX_MS);
}

static void on_nursery_timer(struct loop *loop, void *context)
{
	struct master *master = context;

	(void)loop;
	if (!master_start_nursery(master)) {
		master_log(master, EVENT_FORK_FAILED, strerror(errno));
		loop_timer_set(master->nursery_timer, clock_mono_ms() + MASTER_NURSERY_GAP_MS);
	}
}

static void on_patience_timer(struct loop *loop, void *context)
{
	(void)loop;
	master_kill_slow(context);
}

static void on_quiet_timer(struct loop *loop, void *context)
{
	(void)loop;
	master_reload_tell(context, true);
}

static void on_log_timer(struct loop *loop, void *context)
{
	(void)loop;
	master_reopen_log(context);
}

/* --- start ---------------------------------------------------------------------------------- */

static bool watch_signals(struct master *master)
{
	static const int handled[] = { SIGCHLD, SIGHUP, SIGTERM, SIGINT, SIGUSR1, SIGUSR2 };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(handled) / sizeof(handled[0]); i++)
		sigaddset(&set, handled[i]);
	return loop_signals(master->loop, &set, on_signal, master);
}

/* The door: every process may put a connection in; what the clerk has not taken when it dies, the
 * next takes. */
static bool make_door(struct master *master)
{
	int ends[2];
	int yes = 1;

	if (!wire_pair(ends))
		return false;
	master->door_send_fd = ends[0];
	master->door_receive_fd = ends[1];
	return setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) == 0;
}

static bool load(struct master *master, char message[CONF_MESSAGE_BYTES])
{
	struct master_setup *now = &master->now;
	struct listeners given;
	char *text = NULL;
	bool ok;

	listeners_from_systemd(&given);
	ok = conf_load(&now->conf, master->file, &text, message) == CONF_OK &&
	     conf_check(now->conf, master->as_root, message) == CONF_OK &&
	     master_system_fits(now->conf, master->as_root, message) &&
	     master_files_prepare(now->conf, &master->empty_dir_fd, message) &&
	     master_setup_open(now, text, &given, message) &&
	     /* Last: it may take the place of a server that still drains, which a start that fails must not. */
	     master_control_open(master, message);
	listeners_close_except(&given, ok ? &now->listeners : NULL);
	free(text);
	return ok;
}

static bool start(struct master *master, char message[CONF_MESSAGE_BYTES])
{
	if (!load(master, message))
		return false;
	text_format(message, CONF_MESSAGE_BYTES, "cannot start");
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return false;
	roles_raise_files(0, (uint64_t)master->now.conf->spare_max * 4 + LEASHES_AND_MORE);
	master->loop = loop_new();
	if (master->loop == NULL || !watch_signals(master) || !make_door(master) ||
	    !master_certificates_start(master))
		return false;
	master->clerk_timer = loop_timer_new(master->loop, on_clerk_timer, master);
	master->nursery_timer = loop_timer_new(master->loop, on_nursery_timer, master);
	master->patience_timer = loop_timer_new(master->loop, on_patience_timer, master);
	master->quiet_timer = loop_timer_new(master->loop, on_quiet_timer, master);
	master->log_timer = loop_timer_new(master->loop, on_log_timer, master);
	master->log = clerk_client_new("master", master->door_send_fd);
	if (master->clerk_timer == NULL || master->nursery_timer == NULL ||
	    master->patience_timer == NULL || master->quiet_timer == NULL ||
	    master->log_timer == NULL || master->log == NULL ||
	    !clerk_client_attach_loop(master->log, master->loop, NULL, NULL))
		return false;
	if (!master_start_clerk(master))
		return false;
	log_confinement(master);
	return master_start_nursery(master);
}

/* What whoever started us left open; but systemd's sockets. */
static void close_inherited(void)
{
	const char *count = getenv("LISTEN_FDS");
	uint64_t number = 0;

	if (count == NULL || !text_parse_u64(count, &number) || number > 256)
		number = 0;
	os_close_all_but(STDERR_FILENO + 1 + (int)number, NULL, 0);
}

int master_run(const char *file)
{
	struct master master = {
		.file = file,
		.as_root = geteuid() == 0,
		.empty_dir_fd = -1,
		.door_send_fd = -1,
		.door_receive_fd = -1,
		.clerk_fd = -1,
	};
	char message[CONF_MESSAGE_BYTES];
	int status = EXIT_FAILURE;

	master_setup_init(&master.now);
	master_setup_init(&master.next);
	close_inherited();
	umask(022);
	notify_init();
	proctitle_set("transomd: master");
	if (start(&master, message))
		status = loop_run(master.loop);
	else
		fprintf(stderr, "transomd: %s\n", message);
	master_farewell(&master);
	master_control_close(&master);
	master_certificates_free(&master);
	master_setup_clear(&master.next, NULL);
	master_setup_clear(&master.now, NULL);
	io_close(&master.door_receive_fd);
	io_close(&master.empty_dir_fd);
	loop_free(&master.loop);
	return status;
}
