/*
 * The clerk's books: who is here, from where, as whom, and whose turn it is to hash a password.
 *
 * Pure bookkeeping, used by clerk.c only: it sends nothing and knows no descriptors.  An entry lives as long
 * as its connection, so no count can outlive the process it belongs to.
 */
#ifndef SERVER_CLERK_SESSIONS_H
#define SERVER_CLERK_SESSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "server/clerk_messages.h"

struct clerk_sessions;	/* the books */
struct clerk_session;	/* one line in them */

struct clerk_limits {
	uint32_t max_sessions;
	uint32_t max_sessions_per_address;
	uint32_t max_hashing;	/* never 0 here */
};

/* NULL when memory ran out.  Without limits set, nobody is admitted. */
struct clerk_sessions *clerk_sessions_new(void);
/* Every session must be closed before. */
void clerk_sessions_free(struct clerk_sessions **books);
/* Take new limits; who is in stays in. */
void clerk_sessions_set_limits(struct clerk_sessions *books, const struct clerk_limits *limits);
/* From now on every admission is answered SHUTTING_DOWN. */
void clerk_sessions_shut(struct clerk_sessions *books);

/*
 * A new connection of process pid; context is the caller's own.  NULL when memory ran out or the process has
 * CLERK_CONNECTIONS_PER_PROCESS already: a hijacked guard must not fill the books in other people's names.
 */
#define CLERK_CONNECTIONS_PER_PROCESS 4
struct clerk_session *clerk_sessions_open(struct clerk_sessions *books, pid_t pid, void *context);
/* The connection ended: everything it counted for is given back. */
void clerk_sessions_close(struct clerk_sessions *books, struct clerk_session **session);
void *clerk_sessions_context(const struct clerk_session *session);

/*
 * A client of this protocol came in from peer (an address without port).  IPv4 addresses count each, IPv6 by their /64, which
 * is what one customer gets.  Counts when the answer is ALLOWED; UNAVAILABLE when memory ran out.
 */
enum clerk_verdict clerk_sessions_admit(
    struct clerk_sessions *books, struct clerk_session *session, enum conf_protocol protocol,
    const char *peer);
bool clerk_sessions_is_admitted(const struct clerk_session *session);
/* Take in a session that a former clerk admitted, whatever the limits; user may be "".  False: no memory. */
bool clerk_sessions_restore(struct clerk_sessions *books, struct clerk_session *session,
    enum conf_protocol protocol, const char *peer, const char *user);
/* The client is gone, the connection stays. */
void clerk_sessions_leave(struct clerk_sessions *books, struct clerk_session *session);
/* The client is this user; max_sessions 0: no limit.  Only for an admitted session without a user. */
enum clerk_verdict clerk_sessions_login(struct clerk_sessions *books, struct clerk_session *session,
    const char *user, uint32_t max_sessions);
bool clerk_sessions_has_user(const struct clerk_session *session);

/*
 * Turns to hash.  begin puts an admitted session in its address's queue (false: it is in one, or hashes);
 * next grants a turn to the first in the queue of the next address, NULL when there is no free turn or
 * nobody waits; call it until NULL after every change.  end gives the turn or the place back.
 */
bool clerk_sessions_hash_begin(struct clerk_sessions *books, struct clerk_session *session);
struct clerk_session *clerk_sessions_hash_next(struct clerk_sessions *books);
void clerk_sessions_hash_end(struct clerk_sessions *books, struct clerk_session *session);

/* Counts as they are: all admitted, of one protocol, of one address, of one user. */
uint32_t clerk_sessions_total(const struct clerk_sessions *books);
uint32_t clerk_sessions_over(const struct clerk_sessions *books, enum conf_protocol protocol);
uint32_t clerk_sessions_from(const struct clerk_sessions *books, const char *peer);
uint32_t clerk_sessions_of(const struct clerk_sessions *books, const char *user);
/* How many users have a session. */
uint32_t clerk_sessions_users(const struct clerk_sessions *books);

#endif
