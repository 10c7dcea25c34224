/*
 * THE table of system calls: what each sandbox profile allows, refuses softly, or punishes with death.
 *
 * sandbox.c compiles it; the unit test walks it.  Nobody else reads it.
 */
#ifndef SERVER_SANDBOX_PROFILES_H
#define SERVER_SANDBOX_PROFILES_H

#include <stddef.h>
#include <stdint.h>

#include "server/sandbox.h"

/* The kernel must find (argument & mask) == value.  mask 0: no condition. */
struct sandbox_match {
	unsigned argument; /* 0..5 */
	uint64_t mask;
	uint64_t value;
};

#define SANDBOX_MATCH_MAX 2

/*
 * One rule.  A call may have several rows with conditions: it is allowed when one of them fits.  What no row
 * fits gets the default of the profile.  The sets are masks of 1 << enum sandbox_profile.
 */
struct sandbox_row {
	const char *call;
	unsigned allow;
	unsigned soft;	/* fails with soft_errno, which libc knows how to live with */
	int soft_errno;
	unsigned kill;	/* ends the process: only an attacker calls this */
	struct sandbox_match when[SANDBOX_MATCH_MAX];
};

extern const struct sandbox_row sandbox_rows[];
extern const size_t sandbox_row_count;

struct sandbox_profile_row {
	const char *name;
	bool allow_unknown;	/* default of the profile: allowed, else EPERM */
};
extern const struct sandbox_profile_row sandbox_profile_rows[SANDBOX_PROFILE_COUNT];

#endif
