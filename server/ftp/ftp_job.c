#include "server/ftp/ftp_job.h"

#include "server/base/clock.h"
#include "server/ftp/ftp_control.h"
#include "server/ftp/ftp_session.h"

void ftp_job_begin(struct ftp_session *session, struct ftp_job *job)
{
	session->transfer.kind = FTP_TRANSFER_JOB;
	session->transfer.job = job;
	session->transfer.since_ms = clock_mono_ms();
	ftp_transfer_pump(session);
}

bool ftp_job_is_young(const struct ftp_session *session)
{
	return session->transfer.kind == FTP_TRANSFER_JOB &&
	       clock_mono_ms() - session->transfer.since_ms < FTP_JOB_ORDER_MS;
}

bool ftp_job_step(struct ftp_session *session, struct ftp_job *job)
{
	bool ended = job->kind->step(session, job);

	session->transfer.copy.moved = job->done;
	/* Nobody would read the reply of a checksum that may take an hour. */
	if (!ended && !ftp_job_is_young(session) && ftp_control_is_deserted(session, 0))
		ftp_session_cut(session, GUARD_BYE_CLOSED);
	return ended;
}

void ftp_job_free(struct ftp_session *session, struct ftp_job **job, enum vfs_status cause)
{
	if (*job != NULL)
		(*job)->kind->free(session, *job, cause);
	*job = NULL;
}
