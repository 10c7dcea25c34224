/*
 * Login: the password's evidence is checked here, by the strong half, and every failure costs time.
 *
 * Whatever is wrong, the front hears the same after the same time; the cause is for the log alone.
 * While a failure waits for its time, the front's messages are not read, so that it cannot ask
 * twice at once.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/random.h"
#include "server/base/text.h"
#include "server/guard_private.h"

#define JITTER_MS 32 /* blurs what the padding of failures leaves to be measured */

/* A verified user's way in is barred for a reason of ours or theirs. */
static enum guard_login_result barred(struct guard *guard, const char *name, const char *backend,
    enum guard_login_result result, const char *cause, const char *cure)
{
	guard_log_login_failed(guard, name, backend, cause, cure);
	return result;
}

/* The credentials are right: fetch what they stand for, then become the user. */
static enum guard_login_result admit_user(
    struct guard *guard, const char *name, struct auth_result *found)
{
	struct guard_entry *entry = &guard->entry;
	const uint32_t limit = found->user->max_sessions_per_user;
	enum clerk_verdict verdict;
	enum guard_login_result result;

	if (!guard_entry_prepare(entry, found->user, guard->start->as_root)) {
		result = barred(guard, name, found->backend, GUARD_LOGIN_UNAVAILABLE, entry->cause,
		    entry->cure);
		guard_entry_clear(entry);
		return result;
	}
	verdict = clerk_client_login(guard->clerk, found->user->name, limit);
	if (verdict != CLERK_ALLOWED) {
		result = barred(guard, name, found->backend,
		    verdict == CLERK_TOO_MANY_OF_USER ? GUARD_LOGIN_TOO_MANY_SESSIONS
		                                      : GUARD_LOGIN_UNAVAILABLE,
		    clerk_verdict_text(verdict), NULL);
		guard_entry_clear(entry);
		return result;
	}
	if (guard_enter(guard))
		guard_log_login(guard, found->backend);
	return GUARD_LOGIN_OK;
}

static enum guard_login_result refuse_credentials(
    struct guard *guard, const char *name, const struct auth_result *found)
{
	const bool broken = found->failure == AUTH_FAILURE_BACKEND;

	guard_log_login_failed(guard, name, found->backend,
	    broken && found->detail[0] != '\0' ? found->detail : auth_failure_text(found->failure),
	    broken ? "correct what the reason names; the next login reads the file again" : NULL);
	return broken ? GUARD_LOGIN_UNAVAILABLE : GUARD_LOGIN_FAILED;
}

static enum guard_login_result check(struct guard *guard, const struct guard_req_login *ask)
{
	const struct auth_sources sources = {
		.conf = guard->conf,
		.users_dir_fd = guard->users_dir_fd,
	};
	struct secret *password = secret_new(ask->password, strlen(ask->password));
	struct auth_result found = { 0 };

	if (password == NULL)
		return barred(
		    guard, ask->user, NULL, GUARD_LOGIN_UNAVAILABLE, "out of memory", NULL);
	/* Hashing is the one thing a stranger can make us do that is meant to be slow. */
	if (!clerk_client_hash_begin(guard->clerk, GUARD_HASH_WAIT_MS)) {
		secret_free(&password);
		return barred(guard, ask->user, NULL, GUARD_LOGIN_UNAVAILABLE,
		    "no turn to hash a password came in time",
		    "raise max_hashing, or look for a flood of logins");
	}
	auth_password(&sources, ask->user, password, &found);
	clerk_client_hash_end(guard->clerk);
	secret_free(&password);
	if (found.failure != AUTH_FAILURE_NONE)
		return refuse_credentials(guard, ask->user, &found);
	return admit_user(guard, ask->user, &found);
}

static unsigned attempts_left(const struct guard *guard)
{
	unsigned limit = guard->conf->login_attempts;

	return guard->login.failures < limit ? limit - guard->login.failures : 0;
}

/* Answer when at least the delay has passed since the request arrived. */
static void fail_later(struct guard *guard, enum guard_login_result result, int64_t arrived_ms)
{
	struct guard_login *login = &guard->login;

	if (attempts_left(guard) > 0)
		login->failures++;
	login->id = guard->request_id;
	login->pending = true;
	login->result = attempts_left(guard) == 0 ? GUARD_LOGIN_TOO_MANY_TRIES : result;
	loop_timer_set(login->delay,
	    arrived_ms + guard_policy_login_delay(guard->conf->login_delay, login->failures) +
	        (int64_t)random_below(JITTER_MS));
	if (!guard_listen_to_front(guard, false))
		guard_end(guard, SESSION_EXIT_FAILED, "internal error");
}

void guard_login_answer(struct loop *loop, void *context)
{
	struct guard *guard = context;
	const struct guard_rep_login reply = {
		.result = (uint32_t)guard->login.result,
		.user = "",
		.start_dir = "",
		.attempts_left = attempts_left(guard),
	};

	(void)loop;
	guard->login.pending = false;
	if (!guard_listen_to_front(guard, true))
		guard_end(guard, SESSION_EXIT_FAILED, "internal error");
	else
		guard_reply_login(guard, guard->login.id, VFS_OK, &reply, -1);
}

void guard_login_forget(struct guard *guard)
{
	guard->login.pending = false;
	loop_timer_set(guard->login.delay, CLOCK_NEVER);
	if (!guard_listen_to_front(guard, true))
		guard_end(guard, SESSION_EXIT_FAILED, "internal error");
}

/* Where the session starts: the configured directory, or the root when it cannot be entered. */
static const char *start_dir(struct guard *guard)
{
	return vfs_chdir(guard->vfs, guard->user->start_dir) == VFS_OK ? guard->user->start_dir
	                                                               : "/";
}

/* What is allowed somewhere: the front refuses early only what is allowed nowhere. */
static uint32_t rights_anywhere(const struct conf_user *user)
{
	uint32_t rights = user->access;

	for (size_t i = 0; i < user->mount_count; i++)
		rights |= user->mounts[i].access;
	return rights;
}

enum vfs_status guard_do_login(struct guard *guard, const struct guard_req_login *ask,
    struct guard_rep_login *reply, int *fd_out)
{
	const int64_t arrived_ms = clock_mono_ms();
	enum guard_login_result result = GUARD_LOGIN_TOO_MANY_TRIES;

	(void)fd_out;
	/* After the last try nothing is checked any more, whatever the front still asks. */
	if (attempts_left(guard) > 0)
		result = check(guard, ask);
	if (guard->ending)
		return (enum vfs_status)GUARD_ANSWER_LATER; /* never: the front sees our end */
	if (result != GUARD_LOGIN_OK) {
		fail_later(guard, result, arrived_ms);
		return (enum vfs_status)GUARD_ANSWER_LATER;
	}
	guard->state = GUARD_STATE_USER;
	loop_timer_set(guard->login_deadline, CLOCK_NEVER);
	reply->result = GUARD_LOGIN_OK;
	reply->user = guard->user->name;
	reply->start_dir = start_dir(guard);
	reply->rights = rights_anywhere(guard->user);
	reply->uid = (uint32_t)geteuid();
	reply->attempts_left = attempts_left(guard);
	return VFS_OK;
}

enum vfs_status guard_do_client_name(struct guard *guard, const struct guard_req_client_name *ask,
    struct guard_rep_client_name *reply, int *fd_out)
{
	(void)reply;
	(void)fd_out;
	text_copy(guard->client, sizeof(guard->client), ask->name);
	return VFS_OK;
}

enum vfs_status guard_do_bye(
    struct guard *guard, const struct guard_req_bye *ask, struct guard_rep_bye *reply, int *fd_out)
{
	(void)reply;
	(void)fd_out;
	guard->bye = true;
	guard->bye_reason = (enum guard_bye)ask->reason;
	return VFS_OK;
}
