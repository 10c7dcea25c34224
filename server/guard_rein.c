/*
 * Beginning anew.  Before a login this guard forgets (`anew`: REIN, and AUTH).  After one it cannot: a guard that
 * became a user does not come back, so the connection goes to a fresh pair (`rein`).
 *
 * That session ends as any other does; what lives on is the socket and the bytes that the client
 * sent ahead.  The nursery makes a pair for it (pool.c), whose guard admits it as a new session.  That
 * the old one is out of the clerk's books by then is what this file waits for: a limit of one
 * session an address must not stand against a client that begins anew.
 */
#include <string.h>

#include "server/base/os_linux.h"
#include "server/base/secret.h"
#include "server/guard_private.h"
#include "server/nursery_messages.h"

enum vfs_status guard_do_anew(struct guard *guard, const struct guard_req_anew *ask,
    struct guard_rep_anew *reply, int *fd_out)
{
	(void)ask;
	(void)reply;
	(void)fd_out;
	guard_login_anew(guard);
	return VFS_OK;
}

/* --- after a login ------------------------------------------------------------------------ */

/* The clerk reads in order: once it has the logout line, it has forgotten the session. */
static void give_up(struct guard *guard)
{
	guard_transfers_abort(guard);
	guard_data_end(guard);
	guard->bye = true;
	guard->bye_reason = GUARD_BYE_REIN;
	clerk_client_leave(guard->clerk);
	guard_log_logout(guard, SESSION_EXIT_OK);
	clerk_client_flush(guard->clerk, GUARD_FLUSH_MS);
	guard->state = GUARD_STATE_IDLE; /* nothing more may be asked, nor is there anything to log */
}

/* False: the nursery is gone. */
static bool hand_over(struct guard *guard, const struct guard_req_rein *ask)
{
	const struct nursery_client message = {
		.kind = NURSERY_LEASH_REIN, .greeted = ask->greeted != 0
	};
	const size_t length = sizeof(message) + ask->unread.length;
	bool sent;

	/* The reply is made in the same place, later. */
	memcpy(guard->out, &message, sizeof(message));
	memcpy(guard->out + sizeof(message), ask->unread.bytes, ask->unread.length);
	sent = wire_send(guard->leash_fd, guard->out, length, guard->passed_fd);
	secret_wipe(guard->out, length);
	return sent;
}

enum vfs_status guard_do_rein(
    struct guard *guard, const struct guard_req_rein *ask, struct guard_rep_rein *reply, int *fd_out)
{
	const uint64_t cookie = os_socket_cookie(guard->passed_fd);
	enum vfs_status status;

	(void)reply;
	(void)fd_out;
	if (cookie == 0 || cookie != guard->cookie) {
		guard_violation(guard, "rein", "not the client's connection");
		return (enum vfs_status)GUARD_ANSWER_LATER;
	}
	give_up(guard);
	status = hand_over(guard, ask) ? VFS_OK : VFS_FAILED;
	guard_end(guard, SESSION_EXIT_OK, NULL);
	return status;
}
