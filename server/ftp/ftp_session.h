/*
 * The state of one FTP session; shared by the files of server/ftp and included by nobody else.
 *
 * One process, one session: it is made by ftp_engine_run and handed to every function.  Whatever
 * costs memory hangs on a pointer and exists only while it is used: an idle session is a few KiB.
 */
#ifndef FTP_SESSION_H
#define FTP_SESSION_H

#include "server/base/buf.h"
#include "server/ftp/ftp_commands.h"
#include "server/ftp/ftp_data.h"
#include "server/ftp/ftp_digest.h"
#include "server/ftp/ftp_engine.h"
#include "server/ftp/ftp_facts.h"
#include "server/ftp/ftp_limits.h"
#include "server/ftp/ftp_linger.h"
#include "server/ftp/ftp_parse.h"
#include "server/ftp/ftp_replies.h"
#include "server/ftp/ftp_security.h"
#include "server/ftp/ftp_transfer.h"
#include "vfs/vfs_path.h"

enum ftp_type { FTP_TYPE_ASCII, FTP_TYPE_IMAGE };

struct ftp_session {
	const struct ftp_start *start;
	struct guard_client *guard;
	bool guard_speaks; /* poll said so */
	struct netaddr local;
	struct netaddr peer;

	/* The control connection. */
	int control_fd;
	bool secured; /* it speaks TLS */
	struct ftp_security security;
	bool input_ended; /* the client has closed its side */
	struct ftp_parse input;
	struct buf out;
	char line[FTP_LINE_MAX_BYTES + 1]; /* the command being served; wiped after it */
	unsigned bad_commands;             /* in a row */
	int64_t command_ms;      /* when the last command came, or the last transfer ended */
	int64_t out_progress_ms; /* when replies last moved, while some wait */
	int64_t idle_timeout_ms; /* SITE IDLE may shorten it */

	/* The end. */
	bool ending; /* leave the loop as soon as the replies are out */
	bool abrupt; /* leave without trying to get rid of replies */
	enum guard_bye bye;
	bool reinitialising; /* the connection goes to a fresh pair then (ftp_rein.h) */
	bool stopping; /* the guard wants us to end after this transfer */
	enum guard_stop stop_reason;

	/* Who. */
	bool logged_in;
	char *user; /* heap: as USER said; after login the guard's name for it */
	uint32_t uid;
	uint32_t rights;
	/* The guard takes a front that never stops for a hijacked one: so often it was asked about a certificate, and
	 * told a name (CLNT, CSID). */
	unsigned certificates_shown;
	unsigned names_told;

	/* What the client has set. */
	struct vfs_path cwd;
	enum ftp_type type;
	unsigned facts;     /* FTP_FACT_*, OPTS MLST */
	uint32_t umask;     /* SITE UMASK; UINT32_MAX: the mount's own */
	uint64_t restart;   /* REST, or RANG: where the next transfer starts */
	bool ranged;        /* RANG: and how much of the file it is */
	uint64_t range_bytes;
	uint64_t announced; /* ALLO: of the next upload, 0 = unknown */
	char *rename_from;  /* heap: RNFR until the next command */
	char *copy_from;    /* heap: SITE CPFR until SITE CPTO */
	enum ftp_digest_index digest; /* OPTS HASH */
	bool epsv_all;

	struct ftp_data data;
	struct ftp_linger linger; /* of the last download over TLS */
	struct ftp_transfer transfer;
};

/* Everything at its default; control_fd and guard are borrowed from start.  NULL when memory ran
 * out. */
struct ftp_session *ftp_session_new(const struct ftp_start *start);
/* Ends a running transfer as aborted; frees all.  Sets *session to NULL. */
void ftp_session_free(struct ftp_session **session);

/* What the client has set and said goes back to its defaults, a data connection to come included; what it did wrong is
 * remembered.  Nobody is logged in. */
void ftp_session_reset(struct ftp_session *session);
/* The same, in the guard too: nothing that was said or shown so far counts any more (REIN, AUTH). */
void ftp_session_begin_anew(struct ftp_session *session);
/* Leave the loop once the replies queued so far are out. */
void ftp_session_end(struct ftp_session *session, enum guard_bye reason);
/* Leave at once, whatever is queued. */
void ftp_session_cut(struct ftp_session *session, enum guard_bye reason);

/* Replace a heap text by a copy of another (NULL: none).  False without memory. */
bool ftp_session_set_text(char **text, const char *value);
/* The client's wish for the mode of something new: UINT32_MAX, or base without the session's umask.
 */
uint32_t ftp_session_mode(const struct ftp_session *session, uint32_t base);

#endif
