/*
 * THE list of places that know users.  auth.c asks the rows in order; the first that knows the name
 * decides.  Guard only.
 *
 * To add one: a row in auth_backends.c and a find function in a file of its own.
 */
#ifndef AUTH_BACKENDS_H
#define AUTH_BACKENDS_H

#include "auth/auth.h"

/*
 * Look a name up; it has passed conf_user_name_ok.  CONF_OK: *out is the caller's (conf_user_free).
 * CONF_NOT_FOUND: not one of mine.  Anything else: mine, but unreadable; detail says why.
 */
typedef enum conf_status auth_find_fn(const struct auth_sources *sources, const char *name,
    struct conf_user **out, char detail[CONF_MESSAGE_BYTES]);

struct auth_backend {
	const char *name; /* for the log */
	auth_find_fn *find;
	bool any_password; /* whoever it finds is let in without a check */
};

extern const struct auth_backend auth_backends[];
extern const size_t auth_backend_count;

auth_find_fn auth_file_find;
auth_find_fn auth_anonymous_find;

#endif
