/*
 * What libssh 0.10 tells nobody but its log: read there, since there is no other place.
 *
 * Front only.  Three facts, each of which libssh keeps to itself and a server must know:
 *   - a login request came: libssh drops one with a key or signature it cannot read without an answer;
 *   - data came beyond the window that the client was given: libssh takes it all the same;
 *   - how long a packet of ours was: with a maximum of 10 bytes it writes empty ones without end.
 * A libssh whose log reads otherwise gives no hints; tests/e2e/test_ssh_hostile.py fails then.
 */
#ifndef SERVER_SFTP_SSH_HINTS_H
#define SERVER_SFTP_SSH_HINTS_H

#include <stdbool.h>

struct ssh_hints {
	unsigned login_requests;	/* while ssh_hints_listen is at LOGIN */
	bool beyond_window;
	long shortest_written;		/* bytes of data in a packet of ours; LONG_MAX: none seen */
	/* Called when a packet without data was written: libssh is in its endless loop.  Must not return. */
	void (*endless)(void *context);
	void *context;
};

enum ssh_hints_attention {
	SSH_HINTS_QUIET,	/* nothing is formatted but warnings */
	SSH_HINTS_CLOSE,	/* login requests and written packets are seen */
};

/* From now on libssh's log of this process goes to hints, which must stay; NULL: to nobody. */
void ssh_hints_take(struct ssh_hints *hints);
void ssh_hints_attend(enum ssh_hints_attention attention);

#endif
