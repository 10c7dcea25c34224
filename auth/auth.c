#include "auth/auth.h"

#include "auth/auth_backends.h"
#include "auth/auth_hash.h"

#define FAILURE_TEXT(name, text) [AUTH_FAILURE_##name] = (text),

const char *auth_failure_text(enum auth_failure failure)
{
	static const char *const texts[AUTH_FAILURE_COUNT] = { AUTH_FAILURES(FAILURE_TEXT) };

	return (unsigned)failure < AUTH_FAILURE_COUNT ? texts[failure] : "unknown failure";
}

/* The row that knows the name, or NULL.  *status is its answer, CONF_OK or what is wrong. */
static const struct auth_backend *find_user(const struct auth_sources *sources, const char *name,
    struct auth_result *out, enum conf_status *status)
{
	for (size_t i = 0; i < auth_backend_count; i++) {
		*status = auth_backends[i].find(sources, name, &out->user, out->detail);
		if (*status != CONF_NOT_FOUND)
			return &auth_backends[i];
		out->detail[0] = '\0'; /* that a file is missing is nothing to mend */
	}
	return NULL;
}

/* Why this user cannot log in, whatever the password. */
static enum auth_failure judge_account(
    const struct auth_backend *backend, const struct conf_user *user)
{
	if (!user->enabled)
		return AUTH_FAILURE_DISABLED;
	if (!backend->any_password && !auth_hash_usable(user->password))
		return AUTH_FAILURE_LOCKED;
	return AUTH_FAILURE_NONE;
}

/* Everything before the password; sets out->user when a back end knows the name. */
static enum auth_failure judge_name(const struct auth_sources *sources, const char *name,
    struct auth_result *out, bool *any_password)
{
	const struct auth_backend *backend;
	enum conf_status status;

	if (!conf_user_name_ok(name))
		return AUTH_FAILURE_BAD_NAME;
	backend = find_user(sources, name, out, &status);
	if (backend == NULL)
		return AUTH_FAILURE_UNKNOWN_USER;
	out->backend = backend->name;
	*any_password = backend->any_password;
	return status == CONF_OK ? judge_account(backend, out->user) : AUTH_FAILURE_BACKEND;
}

void auth_password(const struct auth_sources *sources, const char *name,
    const struct secret *password, struct auth_result *out)
{
	bool any_password = false;

	*out = (struct auth_result){ .backend = "" };
	if (password == NULL) {
		out->failure = AUTH_FAILURE_TOO_LONG;
		return;
	}
	out->failure = judge_name(sources, name, out, &any_password);
	/* Names must not be guessable by the clock: a refusal takes as long as a wrong password. */
	if (out->failure != AUTH_FAILURE_NONE)
		auth_hash_dummy(password);
	else if (!any_password && !auth_hash_check(out->user->password, password))
		out->failure = AUTH_FAILURE_BAD_PASSWORD;
	if (out->failure != AUTH_FAILURE_NONE)
		conf_user_free(&out->user);
	else
		out->anonymous = any_password;
}
