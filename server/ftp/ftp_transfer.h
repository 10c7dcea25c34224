/*
 * The life of one transfer: opened, waiting for its data connection, running, ended with its reply.
 *
 * Front only.  At most one at a time.  A transfer ends in exactly one of ftp_transfer_pump (done,
 * failed, connection lost), ftp_transfer_arrived (no connection), ftp_transfer_abort and
 * ftp_transfer_drop; each closes the guard's handle, and only the guard's VFS_OK to a COMPLETE
 * makes a 226.
 */
#ifndef FTP_TRANSFER_H
#define FTP_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>

#include "server/ftp/ftp_copy.h"
#include "server/ftp/ftp_job.h"
#include "server/ftp/ftp_replies.h"
#include "server/guard_client.h"
#include "server/tls/tls_stream.h"

struct ftp_session;
struct ftp_walk;

enum ftp_transfer_kind {
	FTP_TRANSFER_NONE,
	FTP_TRANSFER_SEND,    /* RETR */
	FTP_TRANSFER_RECEIVE, /* STOR, STOU, APPE */
	FTP_TRANSFER_LIST,
	FTP_TRANSFER_STAT, /* a listing into the control connection */
	FTP_TRANSFER_JOB,  /* work without a data connection: ftp_job.h */
};

struct ftp_transfer {
	enum ftp_transfer_kind kind;
	bool ascii;
	bool tell_name;        /* STOU: the final reply says what the file is called */
	int file_fd;           /* -1 for listings */
	uint32_t handle;       /* the guard's, of the file */
	char *path;            /* heap: of the upload, as asked for */
	struct ftp_walk *walk; /* heap, of listings */
	struct ftp_job *job;   /* heap */
	struct ftp_copy copy;
	bool closing; /* all is sent but TLS's last words */
	char algorithms[TLS_DESCRIPTION_BYTES]; /* of the data connection; "": it is not protected, or not yet */
	enum ftp_reply_id stat_end; /* STAT: last line of the reply */
	uint64_t announced;         /* ALLO, 0 = nothing */
	int64_t since_ms;
	int64_t progress_ms; /* when a byte last moved */
	int64_t window_ms;      /* min_rate is an average since then, */
	uint64_t window_before; /* when this much had moved */
};

void ftp_transfer_init(struct ftp_transfer *transfer);

/*
 * Begin with an opened file, which is the transfer's from now on: 150, then the connection is asked
 * for.  path is what the client asked to have written (NULL for a download); skip: ASCII restart.
 */
struct ftp_transfer_file {
	enum ftp_transfer_kind kind;
	int fd;
	const struct guard_rep_open *opened;
	const char *path;
	bool unique;
	uint64_t skip;
	uint64_t bytes; /* RANG: no more than that; UINT64_MAX: all */
};
void ftp_transfer_begin_file(struct ftp_session *session, const struct ftp_transfer_file *file);
/* Begin a listing over the data connection; the walk is the transfer's from now on. */
void ftp_transfer_begin_list(struct ftp_session *session, struct ftp_walk *walk);
/* Begin one over the control connection, whose first line has been queued. */
void ftp_transfer_begin_stat(
    struct ftp_session *session, struct ftp_walk *walk, enum ftp_reply_id last_line);

bool ftp_transfer_is_on(const struct ftp_session *session);
/* Bytes moved so far, and since when. */
uint64_t ftp_transfer_moved(const struct ftp_session *session);

/* Of a connection just come: is it most often ready?  Not where the client waits for our 150 first. */
bool ftp_transfer_begins(const struct ftp_session *session);
/* Is there something to do that no descriptor tells of?  Then poll(2) must not sleep, and
 * ftp_transfer_pump is to be called. */
bool ftp_transfer_is_busy(const struct ftp_session *session);
/* For poll(2): what to wait for on data.fd, 0 when nothing (no connection yet). */
short ftp_transfer_events(const struct ftp_session *session);
/* When the transfer has stalled, CLOCK_NEVER while it waits for its connection. */
int64_t ftp_transfer_deadline(const struct ftp_session *session);

/* The guard's late answer about the data connection. */
void ftp_transfer_arrived(struct ftp_session *session, struct guard_client_event *event);
/* Move bytes; harmless when there is nothing to do. */
void ftp_transfer_pump(struct ftp_session *session);
/* The deadline has come: end it, unless bytes were there after all. */
void ftp_transfer_stalled(struct ftp_session *session);
/* End it with this reply (which may take a text).  For the guard it is aborted because of cause. */
void ftp_transfer_abort(
    struct ftp_session *session, enum vfs_status cause, enum ftp_reply_id reply, const char *text);
/* End it without a word to the client, who is gone. */
void ftp_transfer_drop(struct ftp_session *session);

#endif
