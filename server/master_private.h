/*
 * What the files of the master share; nobody else includes it.
 *
 *   master.c           start, signals, ready line
 *   master_reload.c    a new configuration: try it, then commit or forget it
 *   master_stop.c      drain, stop, kill
 *   master_certificates.c  certificates and keys that change or end
 *   master_children.c  clerk and nurseries: start, hear, reap, replace
 *   master_keepers.c   the keepers of private keys, one for each nursery
 *   master_control.c   the control socket that the clerk answers
 */
#ifndef SERVER_MASTER_PRIVATE_H
#define SERVER_MASTER_PRIVATE_H

#include <sys/types.h>

#include "conf/conf.h"
#include "server/base/loop.h"
#include "server/clerk_client.h"
#include "server/listeners.h"
#include "server/roles.h"

struct master_watch;
struct master_certificates;
struct master_control;

#define MASTER_NURSERY_GAP_MS 1000	/* between two starts: many crashes make few nurseries */
#define MASTER_NURSERY_PATIENCE_MS 30000	/* for a nursery to get ready; then it is killed */
#define MASTER_QUIET_MS 2000		/* for idle pairs of the old configuration to go before `reload` is logged */
#define MASTER_CLERK_PAUSE_MIN_MS 50	/* before the clerk is started again; doubles up to MAX */
#define MASTER_CLERK_PAUSE_MAX_MS 5000
#define MASTER_CLERK_STEADY_MS 10000	/* a clerk that lived so long starts again with the smallest pause */
#define MASTER_KEEPER_PAUSE_MIN_MS 50	/* before a keeper is started again; doubles up to MAX */
#define MASTER_KEEPER_PAUSE_MAX_MS 5000
#define MASTER_GOODBYE_MS 6000		/* after "stop now", before what is left is killed */
#define MASTER_KILLED_MS 3000		/* for killed processes to be reaped */
#define MASTER_FLUSH_MS 2000		/* for the clerk to write the last lines, and again for it to end */
#define MASTER_LOG_RETRY_MS 1000	/* between attempts to find a lost syslog again */

/* A configuration and what belongs to it. */
struct master_setup {
	struct conf *conf;
	struct listeners listeners;
	int snapshot_fd;
	struct master_watch *watch;	/* its files of certificates and keys */
	int log_fd;			/* -1 once the clerk has it */
	enum clerk_log_kind log_kind;
};

enum master_nursery_state {
	NURSERY_STARTING,
	NURSERY_CURRENT,
	NURSERY_RETIRED,
	NURSERY_ORPHANS,	/* it is gone, sessions of its process group live on */
};

struct master_nursery {
	struct master_nursery *next;
	struct master *master;
	enum master_nursery_state state;
	pid_t pid;		/* also its process group */
	uint32_t generation;
	int channel_fd;
	bool quiet;		/* retired, and its idle pairs are gone */
	char *reason;		/* why it could not start, if it has said so; heap */
};

/* The keeper of one generation: it is ready before the nursery starts, and outlives it. */
struct master_keeper {
	struct master_keeper *next;
	struct master *master;
	uint32_t generation;
	pid_t pid;		/* 0: it died, and is started again */
	bool waited_for;	/* its nursery starts when it is ready */
	int channel_fd;		/* -1 once it has reported */
	int door_send_fd;	/* -1 once the nursery has it: only the clients shall hold it */
	int door_receive_fd;	/* for the next keeper, should this one die */
	int snapshot_fd;
	struct roles_account account;
	uint64_t clients;	/* at most so many at one time */
	int64_t started_at, pause_ms;
	struct loop_timer *timer;
	char failure[CONF_MESSAGE_BYTES]; /* its report; "" */
};

enum master_phase { MASTER_STARTING, MASTER_RUNNING, MASTER_DRAINING, MASTER_LEAVING, MASTER_KILLING };

struct master {
	const char *file;
	bool as_root;
	enum master_phase phase;
	struct loop *loop;
	struct clerk_client *log;

	struct master_setup now;	/* in force */
	struct master_setup next;	/* being tried (conf != NULL), in force when its nursery is ready */
	uint32_t next_generation;	/* of the nursery that tries it */
	bool reload_untold;		/* in force, but an old idle pair may still take a client */
	struct loop_timer *quiet_timer;
	int empty_dir_fd;

	int door_send_fd, door_receive_fd;
	pid_t clerk_pid;
	int clerk_fd;
	int64_t clerk_started_at, clerk_pause_ms;
	struct loop_timer *clerk_timer;
	struct loop_timer *log_timer;

	struct master_nursery *nurseries;
	struct master_keeper *keepers;
	uint32_t generation;		/* of the youngest */
	int64_t nursery_started_at;
	bool fresh_wanted;		/* the layout of the current nursery may be known to a stranger */
	struct loop_timer *nursery_timer;
	struct loop_timer *patience_timer;
	struct loop_timer *stop_timer;
	struct master_certificates *certificates;
	struct master_control *control;
};

/* --- master.c ------------------------------------------------------------------------------- */

/* The first nursery is ready: say so to the log and to systemd. */
void master_say_ready(struct master *master);
void master_setup_init(struct master_setup *setup);
/* Free a setup; listeners that keep holds stay open. */
void master_setup_clear(struct master_setup *setup, const struct listeners *keep);
/* Open what a configuration needs, with the listeners of old where they fit.  False with a message. */
bool master_setup_open(struct master_setup *setup, const char *text, const struct listeners *old,
    char message[CONF_MESSAGE_BYTES]);
/* An event with one text: reason (NULL for none). */
void master_log(struct master *master, enum event_id id, const char *reason);

/* --- master_reload.c ------------------------------------------------------------------------ */

/* HUP. */
void master_reload(struct master *master);
/* Files that the configuration names have changed: try the one in force again.  What stands in its own file by
 * now waits for HUP: somebody may be editing it. */
void master_reload_files(struct master *master);
/* The nursery that tries the next configuration is ready, or could not start. */
void master_reload_commit(struct master *master);
void master_reload_abort(struct master *master, const char *reason);
/* Log `reload` once no client can meet the old configuration any more; with force, now. */
void master_reload_tell(struct master *master, bool force);
/* USR1, and when syslog went away. */
void master_reopen_log(struct master *master);

/* --- master_certificates.c ------------------------------------------------------------------ */

/* Its timers.  False when memory ran out. */
bool master_certificates_start(struct master *master);
void master_certificates_free(struct master *master);
/* Watch the configuration's files of certificates and keys.  NULL when memory ran out. */
struct master_watch *master_certificates_watch(const struct conf *conf);
/* The server is ready, or a new configuration in force: tell which certificates end soon. */
void master_certificates_tell(struct master *master);
/* There is a new clerk: what was last found goes to it. */
void master_certificates_tell_clerk(struct master *master);

/* --- master_control.c ----------------------------------------------------------------------- */

/* Make the control socket in runtime_dir, or take a dead server's place.  False with a message. */
bool master_control_open(struct master *master, char message[CONF_MESSAGE_BYTES]);
/* There is a new clerk: it answers from now on. */
void master_control_tell(struct master *master);
/* The server stops: a successor may have the place at once, until then it is still answered. */
void master_control_yield(struct master *master);
/* Remove the socket, unless a successor has made its own.  Harmless when there is none. */
void master_control_close(struct master *master);

/* --- master_stop.c -------------------------------------------------------------------------- */

/* TERM (now false) and INT. */
void master_stop(struct master *master, bool now);
/* Leave the loop when nothing of ours lives any more. */
void master_check_stopped(struct master *master);
/* The start failed or the last session is over: end the clerk too. */
void master_farewell(struct master *master);

/* --- master_children.c ---------------------------------------------------------------------- */

bool master_start_clerk(struct master *master);
/* Start a nursery for the next configuration if there is one, else for the one in force; where private keys are
 * needed, its keeper first. */
bool master_start_nursery(struct master *master);
/* Its keeper is ready; NULL: it needs none. */
bool master_start_nursery_with(struct master *master, struct master_keeper *keeper);
/* No keeper of a generation could load its keys: there will be no nursery. */
void master_nursery_failed(struct master *master, uint32_t generation, const char *reason);
/* "crash": a process of ours has ended by itself; then says what happens now. */
void master_log_crash(struct master *master, const char *role, pid_t pid, int status,
    uint32_t generation, const char *then);
/* Soon: not before MASTER_NURSERY_GAP_MS have passed since the last start. */
void master_want_nursery(struct master *master);
/* The one that is not ready yet is not needed any more, or takes too long. */
void master_retire_starting(struct master *master);
void master_kill_slow(struct master *master);
void master_retire_all(struct master *master);
void master_kill_all(struct master *master);
/* SIGCHLD. */
void master_reap(struct master *master);
/* Is the nursery of this generation still taking clients, or about to? */
bool master_nursery_is_needed(const struct master *master, uint32_t generation);

/* --- master_keepers.c ----------------------------------------------------------------------- */

/* Start the keeper of a generation, whose nursery follows when it is ready. */
bool master_start_keeper(struct master *master, const struct master_setup *setup, uint32_t generation);
/* Is there one whose nursery has not been started yet? */
bool master_waits_for_keeper(const struct master *master);
#define MASTER_EVERY_GENERATION UINT32_MAX
/* Those of older generations whose nursery is not needed any more; with force also those that are in use. */
void master_end_keepers(struct master *master, uint32_t before, bool force);
/* waitpid(2) said so; false when it was no keeper. */
bool master_keeper_died(struct master *master, pid_t pid, int status);

/* To the clerk; what cannot be sent to one that is gone is said to the next by master_start_clerk. */
void master_tell_limits(struct master *master);
bool master_tell_log(struct master *master, int log_fd, enum clerk_log_kind kind);
void master_tell_drain(struct master *master);
void master_tell_control(struct master *master, const struct clerk_msg_control *message, int listen_fd);
/* False when it has no room now. */
bool master_tell_certificates(struct master *master, const struct clerk_msg_certificates *message);
bool master_tell_certificate(struct master *master, const struct clerk_msg_certificate *message);

#endif
