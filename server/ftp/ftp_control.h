/*
 * The control connection's bytes: replies out, commands in.
 *
 * Front only.  Nothing here blocks but where a bound is named; a connection that broke cuts the session.
 */
#ifndef FTP_CONTROL_H
#define FTP_CONTROL_H

#include <stdbool.h>

struct ftp_session;

/* Send what the client takes of the replies that wait. */
void ftp_control_flush(struct ftp_session *session);
/* Send all of them, and wait FTP_GOODBYE_MS for it at most; false when some are left. */
bool ftp_control_flush_all(struct ftp_session *session);
/* The last replies, within FTP_GOODBYE_MS; then the end of our side. */
void ftp_control_close(struct ftp_session *session);
/* Does something wait to be sent? */
bool ftp_control_has_output(const struct ftp_session *session);
/* Is there something to read that no descriptor tells of?  Then poll(2) must not sleep. */
bool ftp_control_is_busy(const struct ftp_session *session);
/* Is there room for more commands, and nobody with too many replies unread? */
bool ftp_control_wants_input(const struct ftp_session *session);
/* One read, or a step of the handshake.  True when something came: there may be more.  The client's end sets
 * session->input_ended. */
bool ftp_control_read(struct ftp_session *session);
/*
 * Has the client left without a word?  Looks at the connection itself, not at what was read of it
 * so far, and for at most wait_ms longer, unless the client says something meanwhile. False for one
 * that has said QUIT and closed its side of the connection.
 */
bool ftp_control_is_deserted(struct ftp_session *session, int wait_ms);

#endif
