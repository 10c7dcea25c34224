/*
 * Any role's connection to the clerk.
 *
 * The connection is made through the `door`, a message socket that every process inherits and whose other
 * end the master keeps for whatever clerk lives now: the client makes a socket pair and sends one end
 * through the door.  When the clerk dies the connection breaks; the client makes a new one, introduces
 * itself again and repeats what was not yet acknowledged.  So no session ends because of a clerk.
 *
 * A session's counts in the clerk (per address, per user) live exactly as long as this connection.
 */
#ifndef SERVER_CLERK_CLIENT_H
#define SERVER_CLERK_CLIENT_H

#include "server/base/loop.h"
#include "server/clerk_messages.h"
#include "server/events.h"

struct clerk_client;

/* Called from the loop when the clerk wants the session to end (drain, kick); now: do not wait for a transfer. */
typedef void clerk_client_stop_fn(void *context, enum guard_stop reason, bool now);

/* role is a title for the clerk's books ("master", "nursery", "guard").  door_fd stays the caller's.
 * NULL when memory or descriptors ran out.  Does not wait for the clerk. */
struct clerk_client *clerk_client_new(const char *role, int door_fd);
void clerk_client_free(struct clerk_client **client);

/* Watch the connection in the caller's loop, and call stop_fn when told.  False with errno. */
bool clerk_client_attach_loop(
    struct clerk_client *client, struct loop *loop, clerk_client_stop_fn *stop_fn, void *context);

/*
 * Write a log line.  Never blocks for long and never fails: what the clerk has not acknowledged is kept
 * (bounded: beyond CLERK_PENDING_MAX events the sender waits for the clerk, at most CLERK_WAIT_MS).
 */
#define CLERK_PENDING_MAX 64
#define CLERK_WAIT_MS 5000
void clerk_client_log(struct clerk_client *client, const struct event *event);
/* Wait until every line so far is written, at most wait_ms: before exiting. */
void clerk_client_flush(struct clerk_client *client, int64_t wait_ms);

/*
 * Questions.  Each waits for the answer at most CLERK_WAIT_MS, over a restart of the clerk too, and
 * answers CLERK_UNAVAILABLE after that: the caller refuses.
 */
/* May this peer start a session?  Counts it from now on if so. */
enum clerk_verdict clerk_client_admit(struct clerk_client *client, const char *session,
    const char *protocol, const char *listener, const char *peer_ip);
/* The session is refused or over, though the process goes on (an idle guard that refused). */
void clerk_client_leave(struct clerk_client *client);
/* The user is logged in: may there be one more session of them?  max 0: no limit. */
enum clerk_verdict clerk_client_login(struct clerk_client *client, const char *user, uint32_t max_sessions);
/* Wait for a turn to hash a password; true when it came.  Waits at most wait_ms. */
bool clerk_client_hash_begin(struct clerk_client *client, int64_t wait_ms);
void clerk_client_hash_end(struct clerk_client *client);

#endif
