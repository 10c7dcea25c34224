/*
 * What a nursery says to its session pairs and to the master.
 *
 * Leash: a SOCK_SEQPACKET pair between the nursery and each half of a pair.  WAITING is one byte, the others
 * are one struct nursery_client.
 *   guard, front -> nursery   NURSERY_LEASH_WAITING  once, when the half is set up and waits (the front closes
 *                             its leash after it; the guard sends it just before it waits in accept)
 *   guard -> nursery          NURSERY_LEASH_BUSY     once, when a client was accepted and admitted
 *   guard -> nursery          NURSERY_LEASH_REIN     at most once, by a busy guard: my session is over, its
 *                                                    connection (the descriptor beside it) begins another
 *   nursery -> guard          NURSERY_LEASH_INHERIT  once, to a guard made for it: that connection
 *   nursery -> guard          end of file            to an idle guard: retire, exit with status 0; a busy
 *                                                    guard ignores it (BUSY can still be said then)
 * A send may fail with EPIPE when the nursery has gone or retired: a guard with a client goes on serving it.
 * A guard that turns busy closes its listeners: a removed listener must not stay open as long as a session
 * lasts.  A listener may be shut down under an idle guard (accept: EINVAL); the leash tells what to do.
 *
 * Exit status of either half: 0 is an end in order, and so is a front's "my guard is gone"; any other from 64 on
 * (session.h) or a signal is logged as a crash and makes a fresh nursery (pool_is_crash).
 *
 * Channel: a SOCK_SEQPACKET pair between the nursery and the master; one struct nursery_report is one
 * message.  Both ends are the same binary, so the struct is sent as it is.  End of file means retire.
 */
#ifndef SERVER_NURSERY_MESSAGES_H
#define SERVER_NURSERY_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/guard_messages.h"

enum nursery_leash {
	NURSERY_LEASH_WAITING = 'w',
	NURSERY_LEASH_BUSY = 'b',
	NURSERY_LEASH_REIN = 'r',
	NURSERY_LEASH_INHERIT = 'i',
};

/*
 * What BUSY says is what the nursery goes by at REIN: it comes from a guard that has not read a byte of its
 * client.  After the login the guard's word is good for no more than the greeting, the bytes and a descriptor, and that must be
 * the very socket that BUSY named.
 */
struct nursery_client {
	char kind;		/* enum nursery_leash */
	bool greeted;		/* REIN, INHERIT: the client needs no 220 */
	uint32_t listener;	/* BUSY, INHERIT: index into conf->listeners */
	uint64_t cookie;	/* BUSY, INHERIT: os_socket_cookie of the connection */
	uint8_t unread[];	/* REIN, INHERIT: what the client sent ahead, up to the message's end */
};
_Static_assert(offsetof(struct nursery_client, unread) == sizeof(struct nursery_client), "no padding");
#define NURSERY_CLIENT_MAX_BYTES (sizeof(struct nursery_client) + GUARD_UNREAD_MAX_BYTES)

enum nursery_report_kind {
	NURSERY_READY = 1,	/* to master: the first spare_min pairs wait */
	NURSERY_CRASH,		/* to master: a session process died by a signal or failed */
	NURSERY_QUIET,		/* to master: retired, and the last idle pair has gone */
	NURSERY_RETIRE,		/* to nursery: let the idle pairs go, exit after the last session */
	NURSERY_FAILED,		/* to master: I cannot start, and this is why; then it exits */
};

#define NURSERY_REASON_BYTES 1024

struct nursery_report {
	uint32_t kind;		/* enum nursery_report_kind */
	uint32_t role;		/* CRASH: enum role_id (roles.h) */
	int32_t pid;		/* CRASH */
	int32_t wait_status;	/* CRASH: as waitpid(2) gave it */
	char reason[NURSERY_REASON_BYTES];	/* FAILED: one line for the administrator */
};

#define NURSERY_EXIT_FAILED 64	/* exit statuses from here on count as crashes */

#endif
