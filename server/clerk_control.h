/*
 * The clerk's end of the control socket: requests in, answers out (control_messages.h).
 *
 * Clerk only.  A client is root or the account that started the server, and is not trusted with the clerk's time all
 * the same: few at once, each with a deadline, never waited for.  What a client does wrong costs its connection.
 */
#ifndef SERVER_CLERK_CONTROL_H
#define SERVER_CLERK_CONTROL_H

#include <sys/types.h>

#include "server/base/loop.h"
#include "server/metrics.h"

struct clerk_control;

/* What answers are made of, as it is now; called for each request. */
typedef const struct metrics *clerk_control_facts_fn(void *context);

/* Without a socket yet; NULL when memory ran out. */
struct clerk_control *clerk_control_new(
    struct loop *loop, clerk_control_facts_fn *facts, void *context);
/* Closes all it has. */
void clerk_control_free(struct clerk_control **control);

/*
 * Serve those who connect to listen_fd (non-blocking; owned from now on) as root or as this uid, instead of what
 * was listened to before; -1: nobody any more.
 */
void clerk_control_listen(struct clerk_control *control, int listen_fd, uid_t uid);

#endif
