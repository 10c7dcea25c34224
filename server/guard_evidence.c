/*
 * Logins by evidence other than a password: SSH keys and TLS client certificates, verified here, by
 * the strong half, from what was signed.
 *
 * A probed key proves nothing (RFC 4252 7): nothing of a probe is remembered but the user's name.
 * Whether a key is one of the user's is asked anew when the signature comes.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/auth_certificate.h"
#include "auth/auth_factors.h"
#include "auth/auth_keys.h"
#include "auth/auth_signature.h"
#include "server/base/text.h"
#include "server/guard_private.h"

#define AUTHORIZED_KEYS_MAX_BYTES (256u << 10)

static struct auth_blob as_blob(struct wire_blob blob)
{
	return (struct auth_blob){ .bytes = blob.bytes, .length = blob.length };
}

static bool find_user(struct guard *guard, struct auth_result *found)
{
	const struct auth_sources sources = guard_login_sources(guard);

	auth_find(&sources, guard->login.user, found);
	return found->failure == AUTH_FAILURE_NONE;
}

/* --- whose key is it? --------------------------------------------------------------------- */

/* A user who may log in by key; else *found says why not. */
static bool find_key_user(struct guard *guard, struct auth_result *found)
{
	unsigned required;

	if (!find_user(guard, found))
		return false;
	required = auth_factors_required(found->user);
	if (found->anonymous)
		auth_fail(found, AUTH_FAILURE_ANONYMOUS, NULL, NULL);
	else if (required != 0 && (required & AUTH_FACTOR_KEY) == 0)
		auth_fail(found, AUTH_FAILURE_FACTORS,
		    "`require` of the user does not name publickey",
		    "change `require` in the user's file, or let the client log in as it says");
	return found->failure == AUTH_FAILURE_NONE;
}

/* The account that the user's files belong to, while we still have another one. */
static bool find_owner(const struct guard *guard, const struct conf_user *user, uint32_t *owner)
{
	uint32_t gid;

	*owner = (uint32_t)geteuid();
	return !guard->start->as_root || conf_account_resolve(user->files_user, "", owner, &gid);
}

static void try_file(struct guard *guard, const struct conf_user *user,
    const struct auth_keys_ask *ask, struct auth_keys_answer *answer)
{
	const char *why = "files_user is no account";
	size_t length = 0;
	char *text = NULL;
	uint32_t owner;

	if (find_owner(guard, user, &owner))
		text = guard_root_read(user->authorized_keys, !guard->start->as_root, owner,
		    AUTHORIZED_KEYS_MAX_BYTES, &length, &why);
	if (text != NULL)
		auth_keys_try_text(ask, text, length, user->authorized_keys, answer);
	else if (answer->spoilt[0] == '\0')
		text_format(answer->spoilt, sizeof(answer->spoilt), "%s is not read: %s",
		    user->authorized_keys, why);
	free(text);
}

static void refuse_key(struct auth_result *found, const struct auth_keys_answer *answer)
{
	char reason[CONF_MESSAGE_BYTES];

	if (answer->matched) {
		auth_fail(found, AUTH_FAILURE_BAD_KEY, answer->why, answer->cure);
	} else if (answer->spoilt[0] != '\0') {
		text_format(reason, sizeof(reason), "%s; %s",
		    auth_failure_text(AUTH_FAILURE_NO_KEY), answer->spoilt);
		auth_fail(found, AUTH_FAILURE_NO_KEY, reason, "correct what the reason names");
	} else {
		auth_fail(found, AUTH_FAILURE_NO_KEY, NULL, NULL);
	}
}

/* Is it a key of the user's, usable from here and now?  Else *found says why not. */
static bool check_key(struct guard *guard, struct auth_blob blob, struct auth_key *key,
    struct auth_keys_answer *answer, struct auth_result *found)
{
	const struct auth_keys_ask ask = {
		.key = key,
		.peer = &guard->peer,
		.now = (int64_t)clock_wall().tv_sec,
		.rsa_min_bits = guard->conf->ssh.rsa_min_bits,
	};
	const char *wrong = auth_key_parse(key, blob);

	auth_key_fingerprint(blob, guard->login.key);
	if (!find_key_user(guard, found))
		return false;
	if (wrong != NULL) {
		auth_fail(found, AUTH_FAILURE_BAD_KEY, wrong, NULL);
		return false;
	}
	*answer = (struct auth_keys_answer){ .accepted = false };
	for (size_t i = 0; i < found->user->keys.count; i++)
		auth_keys_try(&ask, found->user->keys.items[i], strlen(found->user->keys.items[i]),
		    "keys", i + 1, answer);
	if (!answer->accepted && found->user->authorized_keys[0] != '\0')
		try_file(guard, found->user, &ask, answer);
	if (!answer->accepted)
		refuse_key(found, answer);
	return answer->accepted;
}

/* --- probe_key ---------------------------------------------------------------------------- */

static void send_probe(struct guard *guard, uint32_t id, const struct guard_rep_login *reply)
{
	const struct guard_rep_probe_key probed = { .attempts_left = reply->attempts_left };

	guard_reply_probe_key(guard, id, VFS_OK, &probed, -1);
}

enum vfs_status guard_do_probe_key(struct guard *guard, const struct guard_req_probe_key *ask,
    struct guard_rep_probe_key *reply, int *fd_out)
{
	const struct guard_attempt attempt = {
		.method = GUARD_METHOD_KEY,
		.user = ask->user,
		.arrived_ms = clock_mono_ms(),
		.send = send_probe,
	};
	struct auth_keys_answer answer;
	enum guard_login_result result;
	struct auth_result found = { 0 };
	struct auth_key key;

	(void)fd_out;
	if (guard_login_begin(guard, &attempt, &result)) {
		if (check_key(guard, as_blob(ask->key), &key, &answer, &found)) {
			conf_user_free(&found.user);
			reply->acceptable = 1;
			reply->attempts_left = guard_login_attempts_left(guard);
			return VFS_OK;
		}
		result = guard_login_fail(guard, &found);
	}
	if (!guard->ending)
		guard_login_answer_later(guard, result, 0);
	return (enum vfs_status)GUARD_ANSWER_LATER;
}

/* --- login_key ---------------------------------------------------------------------------- */

/* The replies of all three messages have the same fields, by GUARD_REP_login. */
#define COPY_FIELD(kind, field, max) copy.field = reply->field;
#define SEND(name)                                                                            \
	static void send_##name(                                                              \
	    struct guard *guard, uint32_t id, const struct guard_rep_login *reply)            \
	{                                                                                     \
		struct guard_rep_##name copy = { 0 };                                         \
                                                                                              \
		GUARD_REP_login(COPY_FIELD) guard_reply_##name(guard, id, VFS_OK, &copy, -1); \
	}
SEND(login_key)
SEND(login_certificate)

static enum guard_login_result check_login_key(
    struct guard *guard, const struct guard_req_login_key *ask)
{
	struct auth_result found = { 0 };
	struct auth_keys_answer answer;
	struct auth_key key;
	const char *wrong;

	if (!check_key(guard, as_blob(ask->key), &key, &answer, &found))
		return guard_login_fail(guard, &found);
	wrong = auth_signature_check(&(struct auth_signature){
	    .session_id = { .bytes = guard->session_id, .length = guard->session_id_length },
	    .user = guard->login.user,
	    .key = &key,
	    .signed_data = as_blob(ask->signed_data),
	    .signature = as_blob(ask->signature),
	    .allow_sha1 = guard->listener->algorithms == CONF_ALGORITHMS_LEGACY,
	    .untouched_ok = answer.untouched,
	    .verify_required = answer.verify_required,
	});
	if (wrong == NULL)
		return guard_login_pass(guard, &found);
	auth_fail(&found, AUTH_FAILURE_BAD_SIGNATURE, wrong, NULL);
	return guard_login_fail(guard, &found);
}

enum vfs_status guard_do_login_key(struct guard *guard, const struct guard_req_login_key *ask,
    struct guard_rep_login_key *reply, int *fd_out)
{
	const struct guard_attempt attempt = {
		.method = GUARD_METHOD_KEY,
		.user = ask->user,
		.arrived_ms = clock_mono_ms(),
		.send = send_login_key,
	};
	struct guard_rep_login copy = { 0 };
	enum guard_login_result result;
	enum vfs_status status;

	(void)fd_out;
	if (guard_login_begin(guard, &attempt, &result))
		result = check_login_key(guard, ask);
	status = guard_login_conclude(guard, result, &copy);
#define TAKE_FIELD(kind, field, max) reply->field = copy.field;
	GUARD_REP_login(TAKE_FIELD) return status;
}

/* --- login_certificate -------------------------------------------------------------------- */

/*
 * Does nothing depend on the certificate?  The listener may ask every client for one, and many a
 * client shows what it has; a user for whom none is foreseen goes on to the password, and that is
 * no failure.
 */
static bool is_beside_the_point(const struct auth_result *found)
{
	const unsigned required = auth_factors_required(found->user);

	if (found->anonymous)
		return true;
	return required == 0 ? found->user->certificates.count == 0
	                     : (required & AUTH_FACTOR_CERTIFICATE) == 0;
}

/* Whose is it?  It has been checked. */
static enum guard_login_result map_certificate(
    struct guard *guard, const struct auth_certificate *certificate, bool *beside)
{
	struct auth_result found = { 0 };

	if (!find_user(guard, &found))
		return guard_login_fail(guard, &found);
	*beside = is_beside_the_point(&found);
	if (*beside) {
		conf_user_free(&found.user);
		return GUARD_LOGIN_PARTIAL;
	}
	if (auth_certificate_is(certificate, &found.user->certificates)) {
		guard->login.certified = true;
		return guard_login_pass(guard, &found);
	}
	auth_fail(&found, AUTH_FAILURE_NO_CERTIFICATE, NULL,
	    certificate->vouched
	        ? "if it is the user's, add its fingerprint, this line's key, to `certificates`"
	        : "add its fingerprint, this line's key, to `certificates`, or its certifier to "
	          "client_ca");
	return guard_login_fail(guard, &found);
}

static enum guard_login_result check_certificate(
    struct guard *guard, const struct guard_req_login_certificate *ask, bool *beside)
{
	const struct auth_certificate_evidence evidence = {
		.chain = as_blob(ask->chain),
		.signed_data = as_blob(ask->signed_data),
		.signature = as_blob(ask->signature),
		.scheme = ask->scheme,
	};
	struct auth_result found = { .backend = "" };
	struct auth_certificate certificate;
	enum guard_login_result result;
	bool good;

	guard->login.showed_certificate = true;
	good = auth_certificate_check(guard->start->client_ca, &evidence, &certificate);
	text_copy(guard->login.key, sizeof(guard->login.key), certificate.fingerprint);
	if (!good) {
		auth_fail(
		    &found, AUTH_FAILURE_BAD_CERTIFICATE, certificate.wrong, certificate.cure);
		return guard_login_fail(guard, &found);
	}
	guard->login.certified |= certificate.vouched;
	result = map_certificate(guard, &certificate, beside);
	auth_certificate_clear(&certificate);
	return result;
}

enum vfs_status guard_do_login_certificate(struct guard *guard,
    const struct guard_req_login_certificate *ask, struct guard_rep_login_certificate *reply,
    int *fd_out)
{
	const struct guard_attempt attempt = {
		.method = GUARD_METHOD_CERTIFICATE,
		.user = ask->user,
		.arrived_ms = clock_mono_ms(),
		.send = send_login_certificate,
	};
	struct guard_rep_login copy = { 0 };
	enum guard_login_result result;
	enum vfs_status status;
	bool beside = false;

	(void)fd_out;
	if (guard_login_begin(guard, &attempt, &result))
		result = check_certificate(guard, ask, &beside);
	if (beside) {
		/* As late as a failure, so that nobody learns from the clock whose names there are.
		 */
		guard_login_answer_later(guard, result, GUARD_METHOD_PASSWORD);
		return (enum vfs_status)GUARD_ANSWER_LATER;
	}
	status = guard_login_conclude(guard, result, &copy);
	GUARD_REP_login(TAKE_FIELD) return status;
}
