/*
 * The control connection's bytes: replies out, commands in.
 *
 * Front only.  Nothing here blocks; a connection that broke cuts the session.
 */
#ifndef FTP_CONTROL_H
#define FTP_CONTROL_H

#include <stdbool.h>

struct ftp_session;

/* Send what the client takes of the replies that wait. */
void ftp_control_flush(struct ftp_session *session);
/* Is there room for more commands, and nobody with too many replies unread? */
bool ftp_control_wants_input(const struct ftp_session *session);
/* One read.  True when something came: there may be more.  The client's end sets
 * session->input_ended. */
bool ftp_control_read(struct ftp_session *session);
/*
 * Has the client left without a word?  Looks at the connection itself, not at what was read of it
 * so far, and for at most wait_ms longer, unless the client says something meanwhile. False for one
 * that has said QUIT and closed its side of the connection.
 */
bool ftp_control_is_deserted(struct ftp_session *session, int wait_ms);

#endif
