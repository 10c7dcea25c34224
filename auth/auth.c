#include "auth/auth.h"

#include "auth/auth_backends.h"
#include "auth/auth_hash.h"
#include "server/base/text.h"

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

/* Everything that has nothing to do with a proof; sets out->user when a back end knows the name. */
static enum auth_failure judge_name(
    const struct auth_sources *sources, const char *name, struct auth_result *out)
{
	const struct auth_backend *backend;
	enum conf_status status;

	if (!conf_user_name_ok(name))
		return AUTH_FAILURE_BAD_NAME;
	backend = find_user(sources, name, out, &status);
	if (backend == NULL)
		return AUTH_FAILURE_UNKNOWN_USER;
	out->backend = backend->name;
	if (status != CONF_OK)
		return AUTH_FAILURE_BACKEND;
	out->anonymous = backend->any_password;
	return out->user->enabled ? AUTH_FAILURE_NONE : AUTH_FAILURE_DISABLED;
}

void auth_fail(
    struct auth_result *result, enum auth_failure failure, const char *detail, const char *cure)
{
	result->failure = failure;
	result->anonymous = false;
	conf_user_free(&result->user);
	if (detail != NULL)
		text_copy(result->detail, sizeof(result->detail), detail);
	if (cure != NULL)
		text_copy(result->cure, sizeof(result->cure), cure);
}

void auth_find(const struct auth_sources *sources, const char *name, struct auth_result *out)
{
	enum auth_failure failure;

	*out = (struct auth_result){ .backend = "" };
	failure = judge_name(sources, name, out);
	if (failure != AUTH_FAILURE_NONE)
		auth_fail(out, failure, NULL,
		    failure == AUTH_FAILURE_BACKEND
		        ? "correct what the reason names; the next login reads the file again"
		        : NULL);
}

void auth_password(const struct auth_sources *sources, const char *name,
    const struct secret *password, struct auth_result *out)
{
	if (password == NULL) {
		*out = (struct auth_result){ .failure = AUTH_FAILURE_TOO_LONG, .backend = "" };
		return;
	}
	auth_find(sources, name, out);
	/* Names must not be guessable by the clock: a refusal takes as long as a wrong password. */
	if (out->failure != AUTH_FAILURE_NONE) {
		auth_hash_dummy(password);
	} else if (!out->anonymous && !auth_hash_usable(out->user->password)) {
		auth_hash_dummy(password);
		auth_fail(out, AUTH_FAILURE_LOCKED, NULL, NULL);
	} else if (!out->anonymous && !auth_hash_check(out->user->password, password)) {
		auth_fail(out, AUTH_FAILURE_BAD_PASSWORD, NULL, NULL);
	}
}
