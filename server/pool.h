/*
 * Pre-forked session pairs: how many, since when, and what became of them.
 *
 * Nursery only.  A pair is forked before a client needs it; when its guard has taken a client, the next one
 * is forked.  The pool does not talk to the master: it tells the nursery through struct pool_owner.
 */
#ifndef SERVER_POOL_H
#define SERVER_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "server/base/loop.h"
#include "server/roles.h"
#include "server/session.h"

/* --- how many pairs shall wait: pure ------------------------------------------------------------ */

#define POOL_CALM_MS 5000	/* without a rush before the target sinks */
#define POOL_TICK_MS 1000	/* between the steps in which it sinks */

struct pool_target {
	uint32_t min, max;
	uint32_t now;		/* how many pairs shall wait */
	int64_t rushed_at;	/* when it was last raised */
};

void pool_target_init(struct pool_target *target, uint32_t min, uint32_t max, int64_t now_ms);
/* A client was taken and `idle` pairs are left: doubles when that is less than half of what should be. */
void pool_target_taken(struct pool_target *target, uint32_t idle, int64_t now_ms);
/* Called every POOL_TICK_MS: after POOL_CALM_MS of calm a quarter of the way back to the minimum. */
void pool_target_calm(struct pool_target *target, int64_t now_ms);

/* --- the pairs ---------------------------------------------------------------------------------- */

struct pool;

/* Whom the pool tells. */
struct pool_owner {
	void *context;
	/* As many pairs as spare_min says wait for the first time. */
	void (*ready)(void *context);
	/* A half died by a signal, or with a status that counts as a crash. */
	void (*crashed)(void *context, enum role_id role, pid_t pid, int wait_status);
	/* No pair could be forked (errno), or idle pairs die at once (0).  At most every POOL_COMPLAIN_MS. */
	void (*failed)(void *context, int error);
	/* Retired, and the last idle pair has gone: no client comes to this nursery any more. */
	void (*quiet)(void *context);
	/* Retired, and the last process has ended. */
	void (*empty)(void *context);
};
#define POOL_COMPLAIN_MS 10000
/* After one half of a pair has ended, the other gets this long to finish its work. */
#define POOL_WIDOW_MS 30000
/* A front whose guard has given it up gets this long. */
#define POOL_HUNG_MS 1000

/* start: what both halves inherit, kept by reference.  NULL when memory ran out. */
struct pool *pool_new(
    struct loop *loop, const struct session_start *start, const struct pool_owner *owner);
/* Frees the books; the processes live on. */
void pool_free(struct pool **pool);
/* Fork what is missing. */
void pool_fill(struct pool *pool);
/* Let the idle pairs go and start no more. */
void pool_retire(struct pool *pool);
/* Is this the end of a session process that something went wrong with? */
bool pool_is_crash(int wait_status);
/* waitpid(2) said so. */
void pool_reaped(struct pool *pool, pid_t pid, int wait_status);

#endif
