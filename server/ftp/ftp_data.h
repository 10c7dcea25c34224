/*
 * The data channel: what the client has asked for, and the connection when it is there.
 *
 * Front only.  Sockets are made, and peers checked, in the guard; here is the state between PASV
 * and the descriptor.
 */
#ifndef FTP_DATA_H
#define FTP_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/netaddr.h"
#include "server/guard_messages.h"
#include "vfs/vfs_types.h"

struct ftp_session;
struct guard_client_event;

enum ftp_data_mode {
	FTP_DATA_NONE,    /* neither PASV nor PORT: a transfer is answered 425 */
	FTP_DATA_PASSIVE, /* the guard has a port open */
	FTP_DATA_ACTIVE,  /* connect to target */
};

struct ftp_data {
	enum ftp_data_mode mode;
	struct netaddr target;
	struct netaddr told;   /* address of the guard's ports */
	uint16_t next_port;    /* open already, and nobody was told of it; 0: none */
	int64_t next_until_ms; /* then it is given back */
	int64_t had_ms;	       /* when the last passive connection was there */
	bool in_row;	       /* PASV came soon after that: another one will come */
	enum ftp_data_mode asked; /* what mode was before the connection was asked for */
	bool waiting; /* a connection was asked for under id */
	uint32_t id;
	int fd; /* connected, non-blocking; -1 */
	struct tls_stream *tls; /* over fd, when the connection is protected; else NULL */
	int64_t handshake_deadline_ms;
};

void ftp_data_init(struct ftp_data *data);
/* Close the connection, if any: what was sent still reaches the client.  Nothing is said that TLS would take for a
 * good end. */
void ftp_data_close(struct ftp_data *data);
/* The same at the end of a download that is whole: nothing that the client says may cost it the end of the file. */
void ftp_data_finish(struct ftp_session *session);
/* Close it with a reset: nothing more is sent, no memory stays behind for a client that does not
 * read. */
void ftp_data_reset(struct ftp_data *data);

/* Let the guard open a passive port (family AF_INET, AF_INET6 or 0); *out is what to tell the
 * client. */
enum vfs_status ftp_data_listen(struct ftp_session *session, uint32_t family, struct netaddr *out);
/* PORT: connect there.  A passive port is given up. */
void ftp_data_target(struct ftp_session *session, const struct netaddr *target);
/* What an open may do at the passive port on the way; and what came of it: then data.fd may be the connection. */
enum guard_passive ftp_data_wish(const struct ftp_session *session);
void ftp_data_came_along(struct ftp_session *session, uint32_t next_port);
/* When a port that nobody was told of is to be given back, and that. */
int64_t ftp_data_deadline(const struct ftp_session *session);
void ftp_data_give_back(struct ftp_session *session);
/*
 * Ask for the connection; ftp_data_arrived takes it.  Uses up PASV or PORT.  False when it could not be
 * asked.  after_open: right behind an open whose answer is not known yet, which saves both processes
 * a turn; if that fails, ftp_data_restore makes as if it had not been asked.
 */
bool ftp_data_request(struct ftp_session *session, bool after_open);
void ftp_data_restore(struct ftp_session *session);
/* No longer wait for a connection, and give up a passive port. */
void ftp_data_cancel(struct ftp_session *session);
/*
 * A late reply of the guard.  True when it is the one waited for: then data.fd is the connection,
 * or *status_out says why there is none.  A connection that came too late is closed.
 */
bool ftp_data_arrived(
    struct ftp_session *session, struct guard_client_event *event, enum vfs_status *status_out);
/* Set data.fd up for its transfer; receives: to the end of the connection, and nothing is sent but by TLS. */
void ftp_data_tune(const struct ftp_session *session, bool receives);
/* How long ago the client's last bytes came, in milliseconds, whenever we took them; 0 where the kernel does not tell. */
int64_t ftp_data_quiet_ms(const struct ftp_session *session);

#endif
