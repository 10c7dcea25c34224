/*
 * What the files of the master share; nobody else includes it.
 *
 *   master.c           start, signals, ready line
 *   master_reload.c    a new configuration: try it, then commit or forget it
 *   master_stop.c      drain, stop, kill
 *   master_children.c  clerk and nurseries: start, hear, reap, replace
 */
#ifndef SERVER_MASTER_PRIVATE_H
#define SERVER_MASTER_PRIVATE_H

#include <sys/types.h>

#include "conf/conf.h"
#include "server/base/loop.h"
#include "server/clerk_client.h"
#include "server/listeners.h"
#include "server/roles.h"

#define MASTER_NURSERY_GAP_MS 1000	/* between two starts: many crashes make few nurseries */
#define MASTER_NURSERY_PATIENCE_MS 30000	/* for a nursery to get ready; then it is killed */
#define MASTER_QUIET_MS 2000		/* for idle pairs of the old configuration to go before `reload` is logged */
#define MASTER_CLERK_PAUSE_MIN_MS 50	/* before the clerk is started again; doubles up to MAX */
#define MASTER_CLERK_PAUSE_MAX_MS 5000
#define MASTER_CLERK_STEADY_MS 10000	/* a clerk that lived so long starts again with the smallest pause */
#define MASTER_GOODBYE_MS 6000		/* after "stop now", before what is left is killed */
#define MASTER_KILLED_MS 3000		/* for killed processes to be reaped */
#define MASTER_FLUSH_MS 2000		/* for the clerk to write the last lines, and again for it to end */
#define MASTER_LOG_RETRY_MS 1000	/* between attempts to find a lost syslog again */

/* A configuration and what belongs to it. */
struct master_setup {
	struct conf *conf;
	struct listeners listeners;
	int snapshot_fd;
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
	uint32_t generation;		/* of the youngest */
	int64_t nursery_started_at;
	bool fresh_wanted;		/* the layout of the current nursery may be known to a stranger */
	struct loop_timer *nursery_timer;
	struct loop_timer *patience_timer;
	struct loop_timer *stop_timer;
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
/* The nursery that tries the next configuration is ready, or could not start. */
void master_reload_commit(struct master *master);
void master_reload_abort(struct master *master, const char *reason);
/* Log `reload` once no client can meet the old configuration any more; with force, now. */
void master_reload_tell(struct master *master, bool force);
/* USR1, and when syslog went away. */
void master_reopen_log(struct master *master);

/* --- master_stop.c -------------------------------------------------------------------------- */

/* TERM (now false) and INT. */
void master_stop(struct master *master, bool now);
/* Leave the loop when nothing of ours lives any more. */
void master_check_stopped(struct master *master);
/* The start failed or the last session is over: end the clerk too. */
void master_farewell(struct master *master);

/* --- master_children.c ---------------------------------------------------------------------- */

bool master_start_clerk(struct master *master);
/* Start a nursery for the next configuration if there is one, else for the one in force. */
bool master_start_nursery(struct master *master);
/* Soon: not before MASTER_NURSERY_GAP_MS have passed since the last start. */
void master_want_nursery(struct master *master);
/* The one that is not ready yet is not needed any more, or takes too long. */
void master_retire_starting(struct master *master);
void master_kill_slow(struct master *master);
void master_retire_all(struct master *master);
void master_kill_all(struct master *master);
/* SIGCHLD. */
void master_reap(struct master *master);
/* To the clerk; what cannot be sent to one that is gone is said to the next by master_start_clerk. */
void master_tell_limits(struct master *master);
bool master_tell_log(struct master *master, int log_fd, enum clerk_log_kind kind);
void master_tell_drain(struct master *master);

#endif
