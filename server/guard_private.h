/*
 * What the files of the guard share; nobody else includes it, but for its unit tests.
 *
 * One process, one struct guard, one session: it is made by guard_run (guard.c) and handed to every
 * function.  Dependencies between the files:
 *
 *   guard.c            birth, the end, the loop's watches
 *   guard_accept.c     listeners, admission, refusal, start of the front
 *   guard_rein.c       beginning anew: before a login in this guard, after it in a fresh pair
 *   guard_sign.c       signatures of handshakes, facts about them
 *   guard_watchdog.c   is the front still alive?
 *   guard_dispatch.c   the only reader of the front's messages: gates, decoders, replies
 *   guard_login.c      what all ways to log in share: attempts, delays, factors; the password
 *   guard_evidence.c   SSH keys and TLS client certificates
 *   guard_enter.c      becoming the user
 *   guard_roots.c      opening the user's directories while still root
 *   guard_files.c      requests about files and names
 *   guard_transfers.c  what is open, and the log lines when it ends
 *   guard_data.c       data connections
 *   guard_policy.c     decisions without side effects: delays, announced address, ports
 *   guard_log.c        log lines with the session's facts
 */
#ifndef SERVER_GUARD_PRIVATE_H
#define SERVER_GUARD_PRIVATE_H

#include <signal.h>

#include "auth/auth.h"
#include "auth/auth_key.h"
#include "server/base/clock.h"
#include "server/base/loop.h"
#include "server/base/netaddr.h"
#include "server/clerk_client.h"
#include "server/guard_messages.h"
#include "server/session.h"
#include "vfs/vfs.h"

#define GUARD_SEND_TIMEOUT_MS 10000 /* a front that takes no replies for so long has hung */
#define GUARD_GOODBYE_MS      2000  /* for the front's last words to the client after stop now */
#define GUARD_FLUSH_MS        2000  /* for the clerk to write the last lines */
#define GUARD_ACCEPT_PAUSE_MS 100   /* after accept failed for lack of descriptors or memory */
#define GUARD_HASH_WAIT_MS    10000 /* longest wait for a turn to hash */
#define GUARD_SESSION_BYTES   17    /* 16 hex digits and NUL */

/* A handler's reply comes later, through guard_reply_NAME with guard->request_id. */
#define GUARD_ANSWER_LATER VFS_STATUS_COUNT

/* --- guard_transfers.c -------------------------------------------------------------------- */

enum guard_transfer_kind {
	GUARD_TRANSFER_NONE, /* free place */
	GUARD_TRANSFER_UPLOAD,
	GUARD_TRANSFER_DOWNLOAD,
	GUARD_TRANSFER_QUIET, /* opened for a checksum or as source of a copy: no line of its own */
	GUARD_TRANSFER_COPY,  /* destination of a copy inside the server */
	GUARD_TRANSFER_LIST,
};

/* One open handle. */
struct guard_transfer {
	enum guard_transfer_kind kind;
	uint32_t handle;
	int64_t since_ms;
	uint64_t offset;
	uint64_t copied; /* COPY: bytes so far */
	char *path;      /* heap */
	char *source;    /* COPY: path of the source, heap */
	bool ended;      /* LIST: the last entry was sent */
};

struct guard_totals {
	uint64_t uploads;
	uint64_t downloads;
	uint64_t bytes_in;
	uint64_t bytes_out;
};

/* --- guard_data.c ------------------------------------------------------------------------- */

enum guard_data_wait { GUARD_DATA_WAITS_NOT, GUARD_DATA_ACCEPTS, GUARD_DATA_CONNECTS };

struct guard_data {
	struct netaddr announce; /* what PASV tells; family 0 = the dialled address */
	int listener_fd;         /* -1: no passive port is open */
	int early_fd;            /* the client's connection, come before it was asked for */
	uint16_t port;
	unsigned strangers; /* that came to this port */
	bool lapsed;        /* nobody came to the port before it was asked for */
	enum guard_data_wait waits;
	uint32_t id; /* of the request that waits */
	int connect_fd;
	struct netaddr target;
	struct loop_timer *deadline;
	struct loop_timer *look; /* when to look who has come, without being asked */
	uint32_t given; /* connections handed to the front so far */
	/* The front's word about what carries a transfer. */
	char algorithms[GUARD_ALGORITHMS_MAX + 1]; /* a listing; "": it goes in the clear */
	const char *end_reason; /* static text: why the transfer will have to end; NULL: no reason known */
	int along_fd;	/* goes with the reply to open being made; -1 */
	uint16_t chances[16]; /* nobody can guess them: where in the range to look for a port */
	size_t chances_left;
};

/* --- guard_sign.c ------------------------------------------------------------------------- */

struct guard_sign {
	struct keeper_client *keeper; /* NULL before the first signature */
	uint32_t signed_count;
	uint64_t *seen; /* heap: the first bytes of a hash of each data that was signed */
	size_t seen_count, seen_size;
	unsigned failures_logged;
};

/* --- guard_watchdog.c --------------------------------------------------------------------- */

#define GUARD_WATCHDOG_SIGNAL SIGPROF /* of the timer on the front's processor clock */

struct guard_watchdog {
	struct loop_timer *timer;
	uint32_t number; /* of the last ping */
	bool asked;      /* and its pong has not come */
	int64_t asked_ms;
	uint32_t steps_burnt; /* of processor time, since then */
	bool excused;	      /* at the last look */
};

/* --- guard_login.c ------------------------------------------------------------------------ */

struct guard;

/* One message that is to log somebody in, or to find out whether it could. */
struct guard_attempt {
	enum guard_method method;
	const char *user; /* as typed */
	int64_t arrived_ms;
	/* The reply, through the guard_reply_NAME of its message. */
	void (*send)(struct guard *guard, uint32_t id, const struct guard_rep_login *reply);
};

struct guard_login {
	unsigned failures;	/* of every method */
	unsigned bad_passwords; /* those among them that make the next one slower */
	bool pending;		/* an answer waits for its time to come */
	uint32_t id;
	enum guard_login_result result;
	unsigned methods;
	struct loop_timer *delay;
	struct guard_attempt attempt; /* the last one; its user is `user` */
	char key[AUTH_KEY_FINGERPRINT_BYTES]; /* that it was about; "" */
	char user[GUARD_USER_NAME_MAX + 1];
	unsigned factors; /* GUARD_METHOD_*: what was right so far, for that user */
	char factor_key[AUTH_KEY_FINGERPRINT_BYTES]; /* the key among them; "" */
	/* Of that user's tries: */
	bool showed_certificate;
	bool certified; /* and client_ca, or the user, knows it */
};

/* --- guard_enter.c ------------------------------------------------------------------------ */

/* Everything about a user that must be fetched or opened with root's rights. */
struct guard_entry {
	struct conf_user *user; /* from auth, owned */
	struct conf_mount root; /* the user's own options as the mount "/"; strings borrowed */
	struct vfs_mount_source sources[CONF_MOUNTS_MAX];
	size_t source_count;
	uint32_t uid;
	uint32_t gid;
	uint32_t *groups; /* heap */
	size_t group_count;
	char cause[CONF_MESSAGE_BYTES]; /* after a failure, for the log */
	char cure[CONF_MESSAGE_BYTES];
};

/* --- the session -------------------------------------------------------------------------- */

struct guard {
	const struct session_start *start;
	const struct conf *conf;
	struct loop *loop;
	struct clerk_client *clerk;
	int wall_fd;
	int door_fd;
	int leash_fd;
	int users_dir_fd;
	int *listener_fds; /* heap copy; -1 each once closed */
	size_t listener_count;

	enum guard_state state;
	bool ending;            /* loop_stop was called: handle nothing more */
	const char *end_reason; /* how the loop ended; static text for the logout line */
	const char
	    *stop_reason; /* what the front was told to end for; static text, NULL: it was not */
	struct loop_timer *accept_pause;
	struct loop_timer *login_deadline;
	struct loop_timer *session_deadline;
	struct loop_timer *goodbye;
	bool outlived; /* session_timeout is over: the open transfers are the last ones */
	bool was_busy; /* when goodbye last looked, such a transfer was open */

	char session[GUARD_SESSION_BYTES];
	const struct conf_listener *listener;
	struct netaddr local;
	struct netaddr peer;
	char peer_text[NETADDR_TEXT_BYTES]; /* with its port, for the log */
	int64_t since_ms;
	char client[GUARD_CLIENT_NAME_MAX + 1];
	bool bye;
	enum guard_bye bye_reason;

	uint64_t cookie; /* SO_COOKIE of the connection: a name that no other socket ever has */
	uint32_t *calls;     /* of each row of guard_message_rows */
	int passed_fd;       /* came with the request being handled; closed after it */
	uint32_t request_id; /* of the request being handled */
	uint8_t *in;         /* WIRE_MAX_BYTES each; untouched pages cost nothing */
	uint8_t *out;
	uint8_t *batch;          /* VFS_BATCH_MAX_BYTES */
	char text[VFS_PATH_MAX]; /* where a reply's string lives until it is sent */

	/* Of SSH: the hash that was signed first (RFC 4253 7.2); length 0: none yet. */
	uint8_t session_id[64];
	size_t session_id_length;
	char algorithms[GUARD_ALGORITHMS_MAX + 1]; /* the front's word; "" while nothing is protected */
	struct guard_sign sign;
	struct guard_watchdog watchdog;

	struct guard_login login;
	struct guard_entry entry;
	struct conf_user *user; /* set in GUARD_STATE_USER */
	struct vfs *vfs;
	bool open_failed; /* the last one: what was asked for together with it is cancelled */
	struct guard_transfer transfers[VFS_HANDLES_MAX];
	struct guard_totals totals;
	struct guard_data data;
};

/* --- guard.c ------------------------------------------------------------------------------ */

/* Leave the loop with this exit status (enum session_exit); reason is static text for the logout
 * line. */
void guard_end(struct guard *guard, int status, const char *reason);
/* Tell the front that the session must end; with now it gets GUARD_GOODBYE_MS and no more. */
void guard_stop(struct guard *guard, enum guard_stop reason, bool now);
/* Start and stop reading the front's messages; while stopped, only its end is noticed. */
bool guard_listen_to_front(struct guard *guard, bool on);

/* --- guard_accept.c ----------------------------------------------------------------------- */

/* "ftp": for log lines and the clerk. */
const char *guard_protocol_name(const struct conf_listener *listener);
/* Watch the listeners and tell the nursery that we wait; false with errno. */
bool guard_accept_begin(struct guard *guard);
/* Wait for the connection that another session gives up, instead of listening (session.h). */
bool guard_accept_inherit(struct guard *guard);
/* The wait of guard_accept.c after a failed accept is over (timer). */
void guard_accept_resume(struct loop *loop, void *context);

/* --- guard_dispatch.c --------------------------------------------------------------------- */

/* Handle one message of the front (loop callback of the wall). */
void guard_dispatch(struct loop *loop, int fd, uint32_t events, void *context);
/* Send a notice; fd as in wire_send. */
bool guard_notify_start(struct guard *guard, const struct guard_note_start *note, int fd);
bool guard_notify_stop(struct guard *guard, const struct guard_note_stop *note);
bool guard_notify_ping(struct guard *guard, const struct guard_note_ping *note);
/* The front broke the protocol: log it and end the session. */
void guard_violation(struct guard *guard, const char *message, const char *reason);

/*
 * One handler a row.  It may assume what the row and the field list promise.  *fd is what the reply
 * shall carry and stays whoever's it was.  GUARD_ANSWER_LATER: guard_reply_NAME is called later,
 * exactly once.
 */
#define GUARD_HANDLER_PROTOTYPE(name, number, states, fd, calls, flags, why)                     \
	enum vfs_status guard_do_##name(struct guard *guard, const struct guard_req_##name *ask, \
	    struct guard_rep_##name *reply, int *fd_out);
GUARD_MESSAGES(GUARD_HANDLER_PROTOTYPE)

/* fields are sent only with VFS_OK; fd as in wire_send. */
#define GUARD_REPLY_PROTOTYPE(name, number, states, fd, calls, flags, why)                \
	void guard_reply_##name(struct guard *guard, uint32_t id, enum vfs_status status, \
	    const struct guard_rep_##name *fields, int reply_fd);
GUARD_MESSAGES(GUARD_REPLY_PROTOTYPE)

/* --- guard_watchdog.c --------------------------------------------------------------------- */

/* What is known when somebody looks at the front. */
struct guard_watchdog_facts {
	bool asked;   /* a ping is on its way */
	bool excused; /* it could not answer yet: it waits for us, or we have not read its words */
	uint32_t steps_burnt; /* seconds of processor time since the ping */
	int64_t waited_ms;    /* since the ping */
	int64_t limit_ms;
};
enum guard_watchdog_verdict { GUARD_WATCHDOG_ASK, GUARD_WATCHDOG_WAIT, GUARD_WATCHDOG_END };
/* Pure. */
enum guard_watchdog_verdict guard_watchdog_judge(const struct guard_watchdog_facts *facts);
/* False: no memory. */
bool guard_watchdog_init(struct guard *guard);
/* The front has a client now. */
void guard_watchdog_begin(struct guard *guard);
/* The front has used another second of processor time (GUARD_WATCHDOG_SIGNAL). */
void guard_watchdog_step(struct guard *guard);

/* --- guard_login.c, guard_enter.c, guard_roots.c ------------------------------------------ */

#define GUARD_EVIDENCE_DELAY_MS 40 /* longer than any check of a key or certificate takes */

/*
 * Every way to log in goes through these, in this order.  begin: false when the tries are used up or the method
 * is not one of the listener's; then *result is what became of it.  The check follows.  pass: the proof of found's
 * user, which it takes, is right.  fail: what found says, to the log.  conclude: what the handler returns.
 */
bool guard_login_begin(
    struct guard *guard, const struct guard_attempt *attempt, enum guard_login_result *result);
enum guard_login_result guard_login_pass(struct guard *guard, struct auth_result *found);
enum guard_login_result guard_login_fail(struct guard *guard, struct auth_result *found);
enum vfs_status guard_login_conclude(
    struct guard *guard, enum guard_login_result result, struct guard_rep_login *reply);
/* Nothing that was shown or said so far counts any more: nobody is asked for, nothing is protected.  What was done wrong,
 * and how often something was asked, goes on being counted. */
void guard_login_anew(struct guard *guard);
/* Answer when its time has come; a failure is counted, unless result is OK or PARTIAL. */
void guard_login_answer_later(
    struct guard *guard, enum guard_login_result result, unsigned methods);
unsigned guard_login_attempts_left(const struct guard *guard);
/* Where users are looked for. */
struct auth_sources guard_login_sources(const struct guard *guard);
/* The time of a login's answer has come (timer). */
void guard_login_answer(struct loop *loop, void *context);
/* The front has gone while a failed login waited: answer nobody, read what it left. */
void guard_login_forget(struct guard *guard);

/* Look up accounts and open directories; takes user, also on failure.  False: cause and cure are
 * set, and guard_entry_clear must be called. */
bool guard_entry_prepare(struct guard_entry *entry, struct conf_user *user, bool as_root);
/* Close and free everything. */
void guard_entry_clear(struct guard_entry *entry);
/*
 * The step of no return: close what the session does not need, become the user inside the root,
 * prove it, lock the door.  Takes guard->entry's directories and user, sets guard->vfs and
 * guard->user.  False: the session is ending (guard_end was called); a failed change of credentials
 * ends the process itself.
 */
bool guard_enter(struct guard *guard);

/*
 * Open a directory, O_PATH, on behalf of root: every symbolic link on the way, the last one
 * included, must belong to root, or a user who may write somewhere above could redirect us to any
 * place of the system. With trust_links as an ordinary user, who has no more rights than the links'
 * owners can abuse. The descriptor, or -1 with errno (ELOOP: a link of somebody else, or too many).
 */
int guard_root_open(const char *path, bool trust_links);
/*
 * The text of a file that decides who may log in, on behalf of root: as above, and the file is a regular one of
 * root's or of owner's, which nobody else can write, exchange or, in a directory above it, replace.  The caller's
 * (free), NUL-terminated; or NULL and why, a static text.
 */
char *guard_root_read(const char *path, bool trust_links, uint32_t owner, size_t limit,
    size_t *length_out, const char **why_out);

/* --- guard_transfers.c -------------------------------------------------------------------- */

/* Note a handle that was opened.  False: no memory or no room; the caller closes it again. */
bool guard_transfer_begin(struct guard *guard, enum guard_transfer_kind kind, uint32_t handle,
    const char *path, uint64_t offset);
/* NULL when the handle is not known. */
struct guard_transfer *guard_transfer_find(struct guard *guard, uint32_t handle);
/* This much went from one open file to another inside the server. */
bool guard_transfer_copied(
    struct guard *guard, uint32_t from_handle, uint32_t to_handle, uint64_t bytes);
/* How a handle ended. */
struct guard_transfer_end {
	enum vfs_outcome outcome; /* what the front said */
	enum vfs_status reason;   /* why it failed, as the front said */
	enum vfs_status status;   /* of vfs_close */
	uint64_t bytes;           /* moved, as the front said */
	bool by_kernel;           /* encrypted, as the front said */
	const char *algorithms;   /* of a data connection, as the front said; NULL or "": none, or in the clear */
	const struct vfs_closed *closed;
};
/* Sums and log line of a handle that was closed; forgets it. */
void guard_transfer_finish(
    struct guard *guard, struct guard_transfer *transfer, const struct guard_transfer_end *end);
/* Is a file or directory open? */
bool guard_transfers_are_open(const struct guard *guard);
/* The session is over: end everything that is open as aborted. */
void guard_transfers_abort(struct guard *guard);
/* A file that could not even be opened for an upload. */
void guard_transfer_refused(struct guard *guard, const char *path, enum vfs_status status);

/* --- guard_data.c ------------------------------------------------------------------------- */

/* False: no memory. */
bool guard_data_init(struct guard *guard);
/* Before the chroot: find out what PASV shall announce (may ask the name service). */
void guard_data_resolve_announce(struct guard *guard);
void guard_data_end(struct guard *guard);
/* A file was opened, and its reply is being made: let the client's connection go with it if it has come.  The port that
 * was opened in its place, or 0. */
uint16_t guard_data_bring_along(struct guard *guard, enum guard_passive passive);
/* Something else than the last connection will carry what is transferred next. */
void guard_data_forget(struct guard_data *data);

/* --- guard_policy.c ----------------------------------------------------------------------- */

/* Least time in ms a failed login takes; failures counts this one too. */
int64_t guard_policy_login_delay(int64_t login_delay_ms, unsigned failures);
/* Is it an address of this machine or its own network, that no NAT stands before? */
bool guard_policy_is_near(const struct netaddr *peer);
/* What PASV shall tell the peer: an address or a host name, which is the conf's; NULL: the dialled
 * address. */
const char *guard_policy_announce(
    const struct conf_ftp *ftp, const struct netaddr *local, const struct netaddr *peer);
/* Can this session have a passive port of the family that data_listen asks for?  VFS_OK or
 * VFS_UNSUPPORTED. */
enum vfs_status guard_policy_family(const struct netaddr *local, uint32_t asked);
/* The attempt-th port to try, counting from a random start; 0 once the range has been walked
 * through. */
uint16_t guard_policy_port(struct conf_ports range, uint32_t start, uint32_t attempt);
/* May a session open a port before its client asks?  Only where every session can have one of its own. */
bool guard_policy_may_renew(struct conf_ports range, uint32_t max_sessions);
/* May an active connection go there?  VFS_OK or VFS_FORBIDDEN. */
enum vfs_status guard_policy_active(const struct netaddr *peer, const char *address, uint32_t port);

/* --- guard_log.c -------------------------------------------------------------------------- */

/* An event with what the session knows: session, protocol, peer, user, client. */
void guard_log_init(const struct guard *guard, struct event *event, enum event_id id);
void guard_log(struct guard *guard, const struct event *event);
void guard_log_accept(struct guard *guard);
void guard_log_refuse(struct guard *guard, const char *reason);
void guard_log_violation(struct guard *guard, const char *message, const char *reason);
/* address: what could not be listened on or connected to, may be NULL. */
void guard_log_data_failed(
    struct guard *guard, const struct netaddr *address, const char *reason, const char *cure);
/* These three say the method and the key of guard->login, too. */
void guard_log_login(struct guard *guard, const char *backend);
/* One factor of several was right. */
void guard_log_login_partial(struct guard *guard, const char *backend, unsigned missing);
/* No encrypted connection came about.  ours, theirs, cure: NULL when not known. */
void guard_log_negotiation_failed(struct guard *guard, const char *reason, const char *ours,
    const char *theirs, const char *cure);
/* user as tried; backend and cure may be NULL. */
void guard_log_login_failed(struct guard *guard, const char *user, const char *backend,
    const char *reason, const char *cure);
/* The session's last line, with its sums; status is the exit status to come. */
void guard_log_logout(struct guard *guard, int status);
/* One line about a name: delete, mkdir, rmdir, setattr, rename, link. to may be NULL. */
void guard_log_path(struct guard *guard, enum event_id id, const char *path, const char *to);

#endif
