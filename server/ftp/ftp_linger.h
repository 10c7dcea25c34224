/*
 * The connection of a download over TLS after its last byte, until its client has closed it, too.
 *
 * Front only.  A socket that is closed answers whatever its client still says (close_notify, which RFC 8446 6.1 lets it say
 * when it likes) with a reset, and so does one that is closed with something unread; a reset makes a client lose what it has
 * not read yet, after a 226.  So our side is shut down, which the client sees as the end, and the socket stays for a while.
 * It is not polled: it is looked at now and then, and when the next one comes.
 */
#ifndef FTP_LINGER_H
#define FTP_LINGER_H

#include <stdint.h>

struct ftp_linger {
	int fd; /* -1: none */
	int64_t look_ms;
	int64_t pause_ms; /* to the look after that one */
	int64_t until_ms;
};

void ftp_linger_init(struct ftp_linger *linger);
/* End our side of *fd, which is the linger's from now on, and keep it for patience_ms at most.  The one before is closed. */
void ftp_linger_begin(struct ftp_linger *linger, int *fd, int64_t patience_ms);
/* When to look next, CLOCK_NEVER for none; and that: drop what the client has said, and close when that was all. */
int64_t ftp_linger_deadline(const struct ftp_linger *linger);
void ftp_linger_look(struct ftp_linger *linger);
/* The session ends: wait for the client to close, so long at most. */
void ftp_linger_wait(struct ftp_linger *linger, int64_t patience_ms);
/* Close it, whatever the client still does. */
void ftp_linger_end(struct ftp_linger *linger);

#endif
