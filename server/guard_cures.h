/*
 * What an administrator can do about a handshake that failed: THE table from its cause to the cure.
 *
 * Guard only, for the log.  Causes are words of OpenSSL and of our own fronts; one that is not here has no cure that
 * could be told without guessing, and weaker algorithms are the cure of nothing but a lack of common ones.
 */
#ifndef SERVER_GUARD_CURES_H
#define SERVER_GUARD_CURES_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"

/* What a cure depends on. */
struct guard_cures_facts {
	const struct conf *conf;
	const struct conf_listener *listener;
	bool data; /* it was a data connection's handshake */
};

typedef const char *guard_cures_fn(const struct guard_cures_facts *facts);

struct guard_cures_row {
	const char *cause;	/* what the failure has in it */
	const char *cure;	/* or, where it depends: */
	guard_cures_fn *choose;
};

extern const struct guard_cures_row guard_cures[];
extern const size_t guard_cures_count;

/* Static text; NULL when there is nothing to advise. */
const char *guard_cures_find(const char *failure, const struct guard_cures_facts *facts);

#endif
