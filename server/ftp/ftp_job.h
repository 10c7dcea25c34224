/*
 * Long work without a data connection: a checksum, a copy inside the server.
 *
 * Front only.  While it lasts it is the session's transfer (FTP_TRANSFER_JOB): the engine's loop
 * does a piece of it between two looks at the control connection, ABOR ends it, STAT tells how far
 * it is, and all else waits.
 */
#ifndef FTP_JOB_H
#define FTP_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "vfs/vfs_types.h"

struct ftp_session;
struct ftp_job;

struct ftp_job_kind {
	const char *what; /* for STAT: "computing a checksum" */
	const char *unit; /* of done: "bytes" */
	/* Do a bounded piece of it.  True at the end: then its reply is queued. */
	bool (*step)(struct ftp_session *session, struct ftp_job *job);
	/* Give back all it holds, itself too.  cause: why it is broken off; VFS_OK after its end.
	 */
	void (*free)(struct ftp_session *session, struct ftp_job *job, enum vfs_status cause);
};

/* The first member of each kind's own struct. */
struct ftp_job {
	const struct ftp_job_kind *kind;
	uint64_t done; /* so far */
};

/* Begin; the job (heap) is the session's from now on.  A small one has ended on return. */
void ftp_job_begin(struct ftp_session *session, struct ftp_job *job);
/* One piece.  True at its end.  Cuts the session when its client has left. */
bool ftp_job_step(struct ftp_session *session, struct ftp_job *job);
/* Sets *job to NULL; harmless without one. */
void ftp_job_free(struct ftp_session *session, struct ftp_job **job, enum vfs_status cause);
/*
 * A job has no first reply that tells its beginning.  So what a client has sent ahead waits for the
 * job's own reply, or the order of replies would be lost; who asks later asks about it.  True while
 * only ABOR is to be served.
 */
bool ftp_job_is_young(const struct ftp_session *session);

#endif
