/*
 * From a command line to its handler: every gate of the verb table is applied here and nowhere
 * else.
 *
 * Front only.
 */
#ifndef FTP_DISPATCH_H
#define FTP_DISPATCH_H

#include "server/ftp/ftp_session.h"

/*
 * Serve the lines that wait, in order, until there is none, or the first must wait for the running
 * transfer, or too many replies are unread, or the session ends.
 */
void ftp_dispatch_lines(struct ftp_session *session);
/* Apply the gates of call->command (a verb's or a SITE subcommand's row), then run its handler. */
void ftp_dispatch_call(struct ftp_session *session, struct ftp_call *call);
/* True when the first line that waits could be served now. */
bool ftp_dispatch_ready(const struct ftp_session *session);

#endif
