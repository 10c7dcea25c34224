/*
 * Requests that belong to the handshake: one signature by a key that only the keeper has, and facts for the log.
 *
 * A hijacked front must not make an oracle of this: what is signed has the exact form of a handshake of the
 * listener's protocol, by a key of that protocol, never twice, and not more often than this connection
 * has handshakes.  An honest front never sends what has another form, so that ends the session; more
 * handshakes than are due may be the client's doing and are merely refused.
 */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/text.h"
#include "server/guard_cures.h"
#include "server/guard_private.h"

#define SEEN_FIRST        8u
#define FAILURES_LOGGED_MAX 16u /* of a session: the front says when */

static bool is_ssh(const struct guard *guard)
{
	return guard->listener->protocol == CONF_PROTOCOL_SFTP;
}

/* At most so many times: what fails may fail as often as the client likes. */
static void log_failure(struct guard *guard, const char *reason, const char *ours,
    const char *theirs, const char *cure)
{
	if (guard->sign.failures_logged++ < FAILURES_LOGGED_MAX)
		guard_log_negotiation_failed(guard, reason, ours, theirs, cure);
}

/* --- may this be signed? -------------------------------------------------------------------- */

/* NULL when it may; else why an honest front would not ask. */
static const char *find_violation(const struct guard *guard, const struct keeper_msg_sign *ask)
{
	const struct keeper_public_keys *keys = guard->start->keys;
	const bool ssh_shape = ask->shape == KEEPER_SHAPE_SSH;

	if (keys == NULL || guard->start->keeper_door_fd < 0 || ask->key >= keys->count)
		return "no such key";
	if (ssh_shape != is_ssh(guard))
		return "not a handshake of this listener's protocol";
	return key_shapes_problem(keys->keys[ask->key].use, ask);
}

/*
 * SSH: one before login, as OpenSSH's monitor has it (MON_ONCE): nobody needs new keys for a connection that is
 * seconds old.  After login as often as the table's row says: the client may rekey when it likes.
 * TLS: one for each connection, with a few to spare for a control connection that leaves TLS and comes back.
 */
static const char *find_surplus(const struct guard *guard)
{
	const uint32_t count = guard->sign.signed_count;

	if (is_ssh(guard))
		return guard->state == GUARD_STATE_LOGIN && count > 0
		           ? "the client wants new keys before it has logged in"
		           : NULL;
	return count >= GUARD_SIGN_CONTROL_MAX + (uint64_t)guard->data.given
	           ? "more handshakes than connections"
	           : NULL;
}

/* Has the same been signed before?  Then, and when memory runs out, false; else it counts as signed. */
static bool note_signed(struct guard_sign *sign, const struct wire_blob *data)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	uint64_t mark;

	if (EVP_Digest(data->bytes, data->length, hash, &length, EVP_sha256(), NULL) != 1)
		return false;
	memcpy(&mark, hash, sizeof(mark));
	for (size_t i = 0; i < sign->seen_count; i++)
		if (sign->seen[i] == mark)
			return false;
	if (sign->seen_count == sign->seen_size) {
		const size_t size = sign->seen_size == 0 ? SEEN_FIRST : 2 * sign->seen_size;
		uint64_t *seen = reallocarray(sign->seen, size, sizeof(*seen));

		if (seen == NULL)
			return false;
		sign->seen = seen;
		sign->seen_size = size;
	}
	sign->seen[sign->seen_count++] = mark;
	sign->signed_count++;
	return true;
}

/* --- signing -------------------------------------------------------------------------------- */

static enum vfs_status ask_keeper(
    struct guard *guard, const struct keeper_msg_sign *ask, uint8_t *signature, size_t *length)
{
	struct guard_sign *sign = &guard->sign;
	enum vfs_status status;

	if (sign->keeper == NULL)
		sign->keeper = keeper_client_new("guard", guard->start->keeper_door_fd);
	if (sign->keeper == NULL)
		return VFS_NO_MEMORY;
	status = keeper_client_sign(sign->keeper, guard->start->keys, ask, signature, length);
	if (status == VFS_TIMEOUT)
		log_failure(guard, "the keeper of private keys does not answer", NULL, NULL,
		    "look for crash lines with the role keeper");
	else if (status != VFS_OK)
		log_failure(guard, "the keeper of private keys refused to sign", NULL, NULL,
		    "if a key file was replaced: reload, and let the client connect again");
	return status;
}

/* The first hash of a connection names it for good: a login by key signs it (RFC 4252 7). */
static void note_session_id(struct guard *guard, const struct wire_blob *hash)
{
	if (!is_ssh(guard) || guard->session_id_length > 0)
		return;
	memcpy(guard->session_id, hash->bytes, hash->length);
	guard->session_id_length = hash->length;
}

enum vfs_status guard_do_sign(struct guard *guard, const struct guard_req_sign *request,
    struct guard_rep_sign *reply, int *fd_out)
{
	const struct keeper_msg_sign ask = {
		.key = request->key,
		.shape = request->shape,
		.digest = request->digest,
		.pss = request->pss,
		.data = request->data,
	};
	const bool with_sha1 = guard->listener->algorithms == CONF_ALGORITHMS_LEGACY;
	const char *problem = find_violation(guard, &ask);
	size_t length = sizeof(guard->text);
	enum vfs_status status;

	(void)fd_out;
	if (problem != NULL) {
		guard_violation(guard, "sign", problem);
		return (enum vfs_status)GUARD_ANSWER_LATER; /* never */
	}
	if (!key_shapes_digest_fits(guard->start->keys->keys[ask.key].kind, with_sha1, &ask))
		return VFS_FORBIDDEN;
	problem = find_surplus(guard);
	if (problem != NULL) {
		log_failure(guard, problem, NULL, NULL, NULL);
		return VFS_FORBIDDEN;
	}
	if (!note_signed(&guard->sign, &ask.data)) {
		guard_violation(guard, "sign", "the same is to be signed again");
		return (enum vfs_status)GUARD_ANSWER_LATER;
	}
	status = ask_keeper(guard, &ask, (uint8_t *)guard->text, &length);
	if (status != VFS_OK)
		return status;
	note_session_id(guard, &ask.data);
	reply->signature =
	    (struct wire_blob){ .bytes = (const uint8_t *)guard->text, .length = length };
	return VFS_OK;
}

/* --- facts for the log ---------------------------------------------------------------------- */

struct matter {
	enum event_id event;
	const char *reason;
	const char *cure;
};
#define MATTER(name, event_name, reason_text, cure_text)                                           \
	[GUARD_MATTER_##name] = {                                                                  \
		.event = EVENT_##event_name, .reason = (reason_text), .cure = (cure_text)          \
	},
static const struct matter matters[GUARD_MATTER_COUNT] = { GUARD_MATTERS(MATTER) };

/* In words of ours; what the front may choose is the row. */
static void log_matter(struct guard *guard, const struct matter *matter)
{
	struct event event;

	if (guard->sign.failures_logged++ >= FAILURES_LOGGED_MAX)
		return;
	guard_log_init(guard, &event, matter->event);
	event_text(&event, EVENT_FIELD_REASON, matter->reason);
	event_text(&event, EVENT_FIELD_CURE, matter->cure);
	guard_log(guard, &event);
}

/* Why the transfer behind it will have to end: its own line says so, in few words. */
static void note_data_end(struct guard *guard, const struct guard_req_secured *ask)
{
	static const char *const reasons[GUARD_MATTER_COUNT] = {
		[GUARD_MATTER_DATA] = "TLS handshake of the data connection failed",
		[GUARD_MATTER_RESUMPTION_ENDED] = "data connection did not resume the TLS session",
		[GUARD_MATTER_RESUMPTION_MISSING] = "data connection did not resume the TLS session",
		[GUARD_MATTER_TRUNCATED] = "upload ended without TLS's close_notify",
		[GUARD_MATTER_NO_NEW_KEYS] = "the client asked the kernel for new keys",
	};

	if (reasons[ask->matter] != NULL &&
	    (ask->matter != GUARD_MATTER_DATA || ask->failure[0] != '\0'))
		guard->data.end_reason = reasons[ask->matter];
}

static void log_handshake(struct guard *guard, const struct guard_req_secured *ask)
{
	const struct guard_cures_facts facts = {
		.conf = guard->conf,
		.listener = guard->listener,
		.data = ask->matter == GUARD_MATTER_DATA,
	};

	log_failure(guard, ask->failure, ask->ours, ask->theirs, guard_cures_find(ask->failure, &facts));
}

enum vfs_status guard_do_secured(struct guard *guard, const struct guard_req_secured *ask,
    struct guard_rep_secured *reply, int *fd_out)
{
	(void)reply;
	(void)fd_out;
	note_data_end(guard, ask);
	if (matters[ask->matter].reason != NULL)
		log_matter(guard, &matters[ask->matter]);
	else if (ask->failure[0] != '\0')
		log_handshake(guard, ask);
	else if (ask->matter == GUARD_MATTER_CONNECTION)
		text_copy(guard->algorithms, sizeof(guard->algorithms), ask->algorithms);
	else
		text_copy(guard->data.algorithms, sizeof(guard->data.algorithms), ask->algorithms);
	if (ask->matter == GUARD_MATTER_CLEARED)
		guard->algorithms[0] = '\0';
	return VFS_OK;
}
