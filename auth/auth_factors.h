/*
 * Which factors does a login need, and what follows from those that were right?
 *
 * Guard only; pure decisions.
 */
#ifndef AUTH_AUTH_FACTORS_H
#define AUTH_AUTH_FACTORS_H

#include "conf/conf.h"

/* In the order of CONF_FACTOR_WORDS, so that a bit is 1 << the word's index. */
enum auth_factor {
	AUTH_FACTOR_PASSWORD = 1 << 0,
	AUTH_FACTOR_KEY = 1 << 1,
	AUTH_FACTOR_CERTIFICATE = 1 << 2,
	AUTH_FACTORS_ALL = (1 << 3) - 1,
};

#define AUTH_FACTORS_TEXT_BYTES 64u

enum auth_factors_verdict {
	AUTH_FACTORS_ENOUGH,     /* log the user in */
	AUTH_FACTORS_MORE,       /* right so far: *missing may follow */
	AUTH_FACTORS_USELESS,    /* `require` names none of them */
	AUTH_FACTORS_IMPOSSIBLE, /* *missing cannot follow on this connection */
};

/* The bits of the user's `require`; 0: any one will do. */
unsigned auth_factors_required(const struct conf_user *user);
/* passed: what was right so far.  possible: what could still follow on this connection. */
enum auth_factors_verdict auth_factors_judge(
    const struct conf_user *user, unsigned passed, unsigned possible, unsigned *missing);
/* "password+publickey": for the log. */
void auth_factors_text(unsigned factors, char out[AUTH_FACTORS_TEXT_BYTES]);

#endif
