/*
 * REIN.  After a login: the connection leaves this pair of processes for a fresh one.
 *
 * Front only.  The guard has become a user and cannot become a stranger's again; so what goes on is the
 * connection alone, with the bytes that the client sent ahead, and its new front greets it.  Before a
 * login REIN needs none of this: ftp_session_begin_anew.  TLS ends with REIN (RFC 4217 11), so its state, which
 * cannot leave this process, need not: the reply is sent while TLS lasts, and the new front is silent.
 */
#ifndef FTP_REIN_H
#define FTP_REIN_H

#include <stdbool.h>

#include "server/wire.h"

struct ftp_session;

/* The client has said REIN, and nothing runs: begin anew, or end TLS first and then begin anew.  Replies. */
void ftp_rein_begin(struct ftp_session *session);
/* TLS has ended because of it: the client's next byte is plain text, to a session that knows nothing. */
void ftp_rein_uncovered(struct ftp_session *session);
/*
 * The session is over: send what replies are left and give the connection away; then it is another's, and
 * session->abrupt is set: not a word more.  If nobody takes it the client is told (queued).  True: the
 * guard has ended.  False: the client does not read its replies, and nothing was given away.
 */
bool ftp_rein_hand_over(struct ftp_session *session);
/* The first act of a session: read what an earlier one of the same connection left.  False: no memory. */
bool ftp_rein_take_over(struct ftp_session *session, const struct wire_blob *unread);

#endif
