/*
 * Who is this?
 *
 * Guard only, before login, while it still has the rights to read users.d.  Every question goes
 * through the table of back ends (auth_backends.c); the first that knows the name decides.  Nothing
 * here talks to the network, delays or counts attempts: guard_login.c does.
 */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include "conf/conf.h"
#include "server/base/secret.h"

/* THE list of ways a login can fail; A(name, text), the text is for the log, never for the network.
 */
/* clang-format off */
#define AUTH_FAILURES(A)							\
	A(NONE,		 "")							\
	A(UNKNOWN_USER,	 "no such user")					\
	A(BAD_NAME,	 "not a possible user name")				\
	A(BAD_PASSWORD,	 "wrong password")					\
	A(LOCKED,	 "the account has no usable password hash")		\
	A(DISABLED,	 "the account is disabled (enabled = no)")		\
	A(TOO_LONG,	 "password longer than 1024 bytes")			\
	A(BACKEND,	 "the user's record could not be read")				\
	A(ANONYMOUS,	 "anonymous logs in by password only")				\
	A(NO_KEY,	 "not one of the user's keys")					\
	A(BAD_KEY,	 "the key cannot be used")					\
	A(BAD_SIGNATURE, "the signature is wrong")					\
	A(BAD_CERTIFICATE, "the client's certificate is not valid")			\
	A(NO_CERTIFICATE, "not one of the user's certificates")			\
	A(FACTORS,	 "not what `require` asks for")
/* clang-format on */

#define AUTH_FAILURE_ENUM(name, text) AUTH_FAILURE_##name,
enum auth_failure { AUTH_FAILURES(AUTH_FAILURE_ENUM) AUTH_FAILURE_COUNT };
#undef AUTH_FAILURE_ENUM

const char *auth_failure_text(enum auth_failure failure);

/* Where to look: borrowed from the guard. */
struct auth_sources {
	const struct conf *conf;
	int users_dir_fd;
};

struct auth_result {
	enum auth_failure failure; /* AUTH_FAILURE_NONE: logged in */
	struct conf_user *user;    /* set only when logged in; the caller's (conf_user_free) */
	bool anonymous;
	const char
	    *backend; /* name of the back end that decided, for the log; "" = none knew the name */
	char detail[CONF_MESSAGE_BYTES]; /* more than the failure's text: file, line, cause; may be
	                                    "" */
	char cure[CONF_MESSAGE_BYTES];   /* what an administrator can do; may be "" */
};

/*
 * Look a name up, whatever it is going to be proven by.  failure: NONE, UNKNOWN_USER, BAD_NAME,
 * DISABLED or BACKEND; anonymous: whoever this is is let in by password without a check.
 */
void auth_find(const struct auth_sources *sources, const char *name, struct auth_result *out);
/* The user is not to be logged in: note why, and give the user up.  detail and cure may be NULL. */
void auth_fail(
    struct auth_result *result, enum auth_failure failure, const char *detail, const char *cure);

/*
 * Check a password.  Costs one hash whatever the outcome (a dummy of the default cost for an
 * unknown, locked or disabled user), but for two: a password that is too long is refused before
 * any, and an anonymous login that succeeds has nothing to check.  password NULL means too long: no
 * struct secret can hold it.
 */
void auth_password(const struct auth_sources *sources, const char *name,
    const struct secret *password, struct auth_result *out);

#endif
