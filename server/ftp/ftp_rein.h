/*
 * REIN after a login: the connection leaves this pair of processes for a fresh one.
 *
 * Front only.  The guard has become a user and cannot become a stranger's again; so what goes on is the
 * connection alone, with the bytes that the client sent ahead, and its new front greets it.  Before a
 * login REIN needs none of this: ftp_session_reset.
 */
#ifndef FTP_REIN_H
#define FTP_REIN_H

#include <stdbool.h>

#include "server/wire.h"

struct ftp_session;

/*
 * Can this connection begin anew?  VFS_OK or VFS_UNSUPPORTED.  Not one that speaks TLS: RFC 4217 11 has
 * the reply to REIN sent under the protection that then ends, while the state of TLS is in this process
 * and cannot leave it.
 */
enum vfs_status ftp_rein_check(const struct ftp_session *session);
/*
 * The session is over: send what replies are left and give the connection away; then it is another's, and
 * session->abrupt is set: not a word more.  If nobody takes it the client is told (queued).  True: the
 * guard has ended.  False: the client does not read its replies, and nothing was given away.
 */
bool ftp_rein_hand_over(struct ftp_session *session);
/* The first act of a session: read what an earlier one of the same connection left.  False: no memory. */
bool ftp_rein_take_over(struct ftp_session *session, const struct wire_blob *unread);

#endif
