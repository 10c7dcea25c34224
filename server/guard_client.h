/*
 * The front's half of the guard protocol: one stub for each message of guard_messages.h.
 *
 * guard_client_NAME() asks and waits for the answer; while it waits, answers that may be overtaken
 * (data_accept, data_connect) and notices are put aside and yielded later by guard_client_next().
 * The guard's answers are data, still bounds-checked: a malformed one ends the process.
 */
#ifndef SERVER_GUARD_CLIENT_H
#define SERVER_GUARD_CLIENT_H

#include "server/guard_messages.h"

struct guard_client;

/* Requests sent with guard_client_send_NAME and not yet answered to the caller; one more is
 * refused. */
#define GUARD_CLIENT_PENDING_MAX 8
/* Notices put aside while the front waits for a reply; a guard that sends more is broken. */
#define GUARD_CLIENT_NOTICES_MAX 4
/* The longest wait for a reply: a guard stuck in a dead network filesystem must not keep us for
 * ever. */
#define GUARD_CLIENT_WAIT_MS     (15 * 60 * 1000)

/* How the process ends when it cannot go on (the numbers of sysexits.h). */
#define GUARD_CLIENT_EXIT_GONE      71 /* the guard is gone, or does not answer */
#define GUARD_CLIENT_EXIT_MALFORMED 76 /* it sent what no guard sends */

/* socket_fd is the front's end of the wall; owned from now on.  NULL when memory ran out
 * or it is no socket. */
struct guard_client *guard_client_new(int socket_fd);
void guard_client_free(struct guard_client **client);
/*
 * Last words: what to send to fd, without waiting, when the guard is gone and the process must exit.
 * text lives as long as the client, and is complete (RFC 959: a 421 line); fd stays the caller's.
 * NULL: nothing.
 */
void guard_client_set_farewell(struct guard_client *client, int fd, const char *text);
/* The next request carries this descriptor, which stays the caller's: for rows with the flag CONNECTION. */
void guard_client_carry(struct guard_client *client, int fd);
/* The connection that came with the file of the last reply to open, which the caller owns from now on; -1: none did.
 * What nobody takes is closed with the next reply. */
int guard_client_take_beside(struct guard_client *client);
/* Wipe what the last message left in memory: it may have held a password. */
void guard_client_forget(struct guard_client *client);
/*
 * For poll(2): readable when guard_client_next may yield something.  What was put aside during a
 * wait does not show there but in guard_client_holds: do not sleep while that is true.
 */
int guard_client_fd(const struct guard_client *client);
bool guard_client_holds(const struct guard_client *client);

/*
 * Ask and wait.  Returns the reply's status; *reply (may be NULL) is filled only after VFS_OK, its
 * strings good until the next call.  Messages whose row carries a descriptor take fd_out (the
 * caller's, or -1). VFS_INVALID also when a field of the request is beyond its bound: then nothing
 * was sent. If the guard is gone the process exits: without its strong half a front has nothing to
 * do.
 */
#define GUARD_CLIENT_PROTOTYPE(name, number, states, fd, calls, flags, why) \
	enum vfs_status guard_client_##name(struct guard_client *,          \
	    const struct guard_req_##name *, struct guard_rep_##name *, int *fd_out);
GUARD_MESSAGES(GUARD_CLIENT_PROTOTYPE)

/*
 * Ask without waiting; the id, for comparison with guard_client_next.  For pipelining and LATER
 * messages. 0 when nothing was sent: a field is beyond its bound, or GUARD_CLIENT_PENDING_MAX
 * requests are open.
 */
#define GUARD_CLIENT_SEND_PROTOTYPE(name, number, states, fd, calls, flags, why) \
	uint32_t guard_client_send_##name(struct guard_client *, const struct guard_req_##name *);
GUARD_MESSAGES(GUARD_CLIENT_SEND_PROTOTYPE)
/* Ask for no answer: a request with id 0.  False when it was not sent, since a field is beyond its bound. */
#define GUARD_CLIENT_TELL_PROTOTYPE(name, number, states, fd, calls, flags, why) \
	bool guard_client_tell_##name(struct guard_client *, const struct guard_req_##name *);
GUARD_MESSAGES(GUARD_CLIENT_TELL_PROTOTYPE)
/* Wait for the reply to an earlier guard_client_send_NAME; as guard_client_NAME from there on.
 * VFS_INVALID for id 0 and for one that is not open.  Each reply is given once: here or by
 * guard_client_next. */
#define GUARD_CLIENT_WAIT_PROTOTYPE(name, number, states, fd, calls, flags, why) \
	enum vfs_status guard_client_wait_##name(                                \
	    struct guard_client *, uint32_t id, struct guard_rep_##name *, int *fd_out);
GUARD_MESSAGES(GUARD_CLIENT_WAIT_PROTOTYPE)

/* Something that came unasked or out of order. */
struct guard_client_event {
	bool notice;            /* else a late reply */
	uint16_t number;        /* GUARD_NOTICE_start, GUARD_MESSAGE_data_accept ... */
	uint32_t id;            /* of a late reply */
	enum vfs_status status; /* of a late reply */
	int fd;                 /* the caller's, or -1 */
	union {
		struct guard_note_start start;
		struct guard_note_stop stop;
		struct guard_note_ping ping;
	} note; /* strings are good until the next call */
};
/* True and *out when there is one (a notice, or the reply to a LATER message), without blocking;
 * false when not (yet).  Replies to other messages wait for guard_client_wait_NAME. */
bool guard_client_next(struct guard_client *client, struct guard_client_event *out);

#endif
