/*
 * Login: what all ways in share, and the password.
 *
 * The proof is checked here, by the strong half, and every failure costs time and one of the tries.
 * Whatever is wrong, the front hears the same after the same time; the cause is for the log alone.
 * While an answer waits for its time, the front's messages are not read, so that it cannot ask
 * twice at once.
 *
 * A user may need several factors (`require`).  Those that were right are remembered here, for as
 * long as the front goes on speaking of the same user.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/auth_factors.h"
#include "server/base/random.h"
#include "server/base/text.h"
#include "server/guard_private.h"

#define JITTER_MS 32 /* blurs what the padding of failures leaves to be measured */

_Static_assert((int)GUARD_METHOD_PASSWORD == (int)AUTH_FACTOR_PASSWORD &&
                   (int)GUARD_METHOD_KEY == (int)AUTH_FACTOR_KEY &&
                   (int)GUARD_METHOD_CERTIFICATE == (int)AUTH_FACTOR_CERTIFICATE,
    "methods on the wire are the factors of auth/");

struct auth_sources guard_login_sources(const struct guard *guard)
{
	return (struct auth_sources){ .conf = guard->conf, .users_dir_fd = guard->users_dir_fd };
}

/* --- tries -------------------------------------------------------------------------------- */

unsigned guard_login_attempts_left(const struct guard *guard)
{
	unsigned limit = guard->conf->login_attempts;

	return guard->login.failures < limit ? limit - guard->login.failures : 0;
}

static void forget_proofs(struct guard_login *login)
{
	login->user[0] = '\0';
	login->key[0] = '\0';
	login->factors = 0;
	login->factor_key[0] = '\0';
	login->showed_certificate = false;
	login->certified = false;
}

void guard_login_anew(struct guard *guard)
{
	forget_proofs(&guard->login);
	guard->algorithms[0] = '\0';
	guard->client[0] = '\0';
}

/* RFC 4252 5: whoever changes the name begins anew. */
static void address(struct guard_login *login, const char *user)
{
	if (strcmp(login->user, user) == 0)
		return;
	forget_proofs(login);
	text_copy(login->user, sizeof(login->user), user);
}

/* What a connection of this protocol can be asked for at all. */
static unsigned methods_of(const struct guard *guard)
{
	if (guard->listener->protocol == CONF_PROTOCOL_SFTP)
		return GUARD_METHOD_PASSWORD | GUARD_METHOD_KEY;
	return guard->listener->client_certs == CONF_CLIENT_CERTS_OFF
	           ? GUARD_METHOD_PASSWORD
	           : GUARD_METHOD_PASSWORD | GUARD_METHOD_CERTIFICATE;
}

bool guard_login_begin(
    struct guard *guard, const struct guard_attempt *attempt, enum guard_login_result *result)
{
	struct guard_login *login = &guard->login;

	address(login, attempt->user);
	login->attempt = *attempt;
	login->attempt.user = login->user;
	login->key[0] = '\0';
	*result = GUARD_LOGIN_TOO_MANY_TRIES;
	if ((methods_of(guard) & (unsigned)attempt->method) == 0) {
		guard_violation(guard, NULL, "a way to log in that the listener has not got");
		return false;
	}
	/* After the last try nothing is checked any more, whatever the front still asks. */
	return guard_login_attempts_left(guard) > 0;
}

void guard_login_answer_later(struct guard *guard, enum guard_login_result result, unsigned methods)
{
	struct guard_login *login = &guard->login;
	const bool password = login->attempt.method == GUARD_METHOD_PASSWORD;
	int64_t delay_ms = GUARD_EVIDENCE_DELAY_MS;

	if (result != GUARD_LOGIN_PARTIAL && guard_login_attempts_left(guard) > 0) {
		login->failures++;
		login->bad_passwords += password;
	}
	/* Only passwords can be guessed; an agent with many keys shall not be held up for each. */
	if (password)
		delay_ms = guard_policy_login_delay(guard->conf->login_delay, login->bad_passwords);
	login->id = guard->request_id;
	login->pending = true;
	login->result = guard_login_attempts_left(guard) == 0 ? GUARD_LOGIN_TOO_MANY_TRIES : result;
	login->methods = methods;
	loop_timer_set(
	    login->delay, login->attempt.arrived_ms + delay_ms + (int64_t)random_below(JITTER_MS));
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
		.attempts_left = guard_login_attempts_left(guard),
		.methods = guard->login.result == GUARD_LOGIN_PARTIAL ? guard->login.methods : 0,
	};

	(void)loop;
	guard->login.pending = false;
	if (!guard_listen_to_front(guard, true))
		guard_end(guard, SESSION_EXIT_FAILED, "internal error");
	else
		guard->login.attempt.send(guard, guard->login.id, &reply);
}

void guard_login_forget(struct guard *guard)
{
	guard->login.pending = false;
	loop_timer_set(guard->login.delay, CLOCK_NEVER);
	if (!guard_listen_to_front(guard, true))
		guard_end(guard, SESSION_EXIT_FAILED, "internal error");
}

/* --- failures ----------------------------------------------------------------------------- */

enum guard_login_result guard_login_fail(struct guard *guard, struct auth_result *found)
{
	guard_log_login_failed(guard, guard->login.user, found->backend,
	    found->detail[0] != '\0' ? found->detail : auth_failure_text(found->failure),
	    found->cure);
	conf_user_free(&found->user);
	return found->failure == AUTH_FAILURE_BACKEND ? GUARD_LOGIN_UNAVAILABLE
	                                              : GUARD_LOGIN_FAILED;
}

/* A verified user's way in is barred for a reason of ours or theirs. */
static enum guard_login_result barred(struct guard *guard, const char *backend,
    enum guard_login_result result, const char *cause, const char *cure)
{
	guard_log_login_failed(guard, guard->login.user, backend, cause, cure);
	return result;
}

/* --- factors ------------------------------------------------------------------------------ */

static const char *why_missing(const struct guard *guard, unsigned factors)
{
	if ((factors & ~methods_of(guard)) != 0)
		return "this listener has not got";
	return guard->login.showed_certificate
	           ? "the client has shown, and an earlier line says why it was refused"
	           : "the client has not shown before its password";
}

static enum guard_login_result refuse_factors(struct guard *guard, struct auth_result *found,
    enum auth_factors_verdict verdict, unsigned factors)
{
	char text[AUTH_FACTORS_TEXT_BYTES];
	char reason[CONF_MESSAGE_BYTES];

	auth_factors_text(factors, text);
	if (verdict == AUTH_FACTORS_USELESS)
		text_format(reason, sizeof(reason), "`require` of the user does not name %s", text);
	else
		text_format(reason, sizeof(reason),
		    "`require` of the user asks for %s as well, which %s", text,
		    why_missing(guard, factors));
	auth_fail(found, AUTH_FAILURE_FACTORS, reason,
	    "change `require` in the user's file, or let the client log in as it says");
	return guard_login_fail(guard, found);
}

/* What must be protected: what the listener says, or the user, or both (enum conf_require_tls,
 * whose numbers are bits). */
static uint32_t required_tls(const struct guard *guard, const struct conf_user *user)
{
	const int own = user->require_tls == 0 ? CONF_TLS_NO : user->require_tls - 1;

	return (uint32_t)(guard->listener->require_tls | own);
}

static bool lacks_tls(const struct guard *guard, const struct conf_user *user)
{
	return guard->listener->protocol == CONF_PROTOCOL_FTP && guard->algorithms[0] == '\0' &&
	       (required_tls(guard, user) & CONF_TLS_CONTROL) != 0;
}

static enum guard_login_result refuse_plaintext(struct guard *guard, struct auth_result *found)
{
	auth_fail(found, AUTH_FAILURE_FACTORS,
	    "`require_tls` forbids the user to log in without TLS",
	    "let the client use explicit TLS; the password has been readable on the wire: change "
	    "it");
	guard_login_fail(guard, found);
	return GUARD_LOGIN_NEEDS_TLS;
}

/* The proofs are enough: fetch what they stand for, then become the user. */
static enum guard_login_result admit_user(struct guard *guard, struct auth_result *found)
{
	struct guard_entry *entry = &guard->entry;
	const uint32_t limit = found->user->max_sessions_per_user;
	enum clerk_verdict verdict;
	enum guard_login_result result;

	if (!guard_entry_prepare(entry, found->user, guard->start->as_root)) {
		result = barred(
		    guard, found->backend, GUARD_LOGIN_UNAVAILABLE, entry->cause, entry->cure);
		guard_entry_clear(entry);
		return result;
	}
	verdict = clerk_client_login(guard->clerk, found->user->name, limit);
	if (verdict != CLERK_ALLOWED) {
		result = barred(guard, found->backend,
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

enum guard_login_result guard_login_pass(struct guard *guard, struct auth_result *found)
{
	struct guard_login *login = &guard->login;
	const unsigned method = (unsigned)login->attempt.method;
	/* Over FTP a certificate comes with the handshake, before any name; the password is the
	 * end. */
	const unsigned possible = guard->listener->protocol == CONF_PROTOCOL_SFTP
	                              ? methods_of(guard)
	                              : GUARD_METHOD_PASSWORD;
	const unsigned passed = login->factors | method;
	enum auth_factors_verdict verdict;
	unsigned missing = 0;

	verdict = auth_factors_judge(found->user, passed, possible, &missing);
	if (verdict == AUTH_FACTORS_USELESS || verdict == AUTH_FACTORS_IMPOSSIBLE)
		return refuse_factors(guard, found, verdict,
		    verdict == AUTH_FACTORS_USELESS ? method : missing & ~possible);
	login->factors = passed;
	if (login->key[0] != '\0')
		text_copy(login->factor_key, sizeof(login->factor_key), login->key);
	if (verdict == AUTH_FACTORS_ENOUGH)
		return lacks_tls(guard, found->user) ? refuse_plaintext(guard, found)
		                                     : admit_user(guard, found);
	login->methods = missing;
	guard_log_login_partial(guard, found->backend, missing);
	conf_user_free(&found->user);
	return GUARD_LOGIN_PARTIAL;
}

/* --- the end of a login ------------------------------------------------------------------- */
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

enum vfs_status guard_login_conclude(
    struct guard *guard, enum guard_login_result result, struct guard_rep_login *reply)
{
	if (guard->ending)
		return (enum vfs_status)GUARD_ANSWER_LATER; /* never: the front sees our end */
	if (result != GUARD_LOGIN_OK && result != GUARD_LOGIN_PARTIAL) {
		guard_login_answer_later(guard, result, 0);
		return (enum vfs_status)GUARD_ANSWER_LATER;
	}
	*reply = (struct guard_rep_login){
		.result = (uint32_t)result,
		.user = "",
		.start_dir = "",
		.attempts_left = guard_login_attempts_left(guard),
	};
	if (result == GUARD_LOGIN_PARTIAL) {
		reply->methods = guard->login.methods;
		return VFS_OK;
	}
	guard->state = GUARD_STATE_USER;
	loop_timer_set(guard->login_deadline, CLOCK_NEVER);
	reply->user = guard->user->name;
	reply->start_dir = start_dir(guard);
	reply->rights = rights_anywhere(guard->user);
	reply->uid = (uint32_t)geteuid();
	reply->require_tls = required_tls(guard, guard->user);
	reply->data_session =
	    (uint32_t)(guard->user->data_session == 0 ? guard->listener->data_session
	                                              : guard->user->data_session - 1);
	reply->require_close_notify = guard->user->require_close_notify;
	return VFS_OK;
}

/* --- the password ------------------------------------------------------------------------- */

static void send_login(struct guard *guard, uint32_t id, const struct guard_rep_login *reply)
{
	guard_reply_login(guard, id, VFS_OK, reply, -1);
}

/* Does the listener ask for a certificate that has not been shown? */
static bool lacks_certificate(const struct guard *guard)
{
	return guard->listener->protocol != CONF_PROTOCOL_SFTP &&
	       guard->listener->client_certs == CONF_CLIENT_CERTS_REQUIRED &&
	       !guard->login.certified;
}

static enum guard_login_result check(struct guard *guard, const struct guard_req_login *ask)
{
	const struct auth_sources sources = guard_login_sources(guard);
	struct secret *password = secret_new(ask->password, strlen(ask->password));
	struct auth_result found = { 0 };

	if (password == NULL)
		return barred(guard, NULL, GUARD_LOGIN_UNAVAILABLE, "out of memory", NULL);
	/* Hashing is the one thing a stranger can make us do that is meant to be slow. */
	if (!clerk_client_hash_begin(guard->clerk, GUARD_HASH_WAIT_MS)) {
		secret_free(&password);
		return barred(guard, NULL, GUARD_LOGIN_UNAVAILABLE,
		    "no turn to hash a password came in time",
		    "raise max_hashing, or look for a flood of logins");
	}
	auth_password(&sources, ask->user, password, &found);
	clerk_client_hash_end(guard->clerk);
	secret_free(&password);
	if (found.failure == AUTH_FAILURE_NONE && lacks_certificate(guard))
		auth_fail(&found, AUTH_FAILURE_NO_CERTIFICATE,
		    guard->login.showed_certificate
		        ? "the listener requires a client certificate, and the one that was shown "
		          "does not do: client_ca does not vouch for it, or an earlier line says why"
		        : "the listener requires a client certificate, and none was shown",
		    "let the client use TLS with a certificate, or set client_certs = optional");
	return found.failure == AUTH_FAILURE_NONE ? guard_login_pass(guard, &found)
	                                          : guard_login_fail(guard, &found);
}

enum vfs_status guard_do_login(struct guard *guard, const struct guard_req_login *ask,
    struct guard_rep_login *reply, int *fd_out)
{
	const struct guard_attempt attempt = {
		.method = GUARD_METHOD_PASSWORD,
		.user = ask->user,
		.arrived_ms = clock_mono_ms(),
		.send = send_login,
	};
	enum guard_login_result result;

	(void)fd_out;
	if (guard_login_begin(guard, &attempt, &result))
		result = check(guard, ask);
	return guard_login_conclude(guard, result, reply);
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
