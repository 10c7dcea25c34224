/*
 * Logins: libssh's callbacks in, the guard's messages out.  The guard decides; nothing is kept from one attempt to
 * the next but which methods it left open.
 */
#include <stdlib.h>
#include <string.h>

#include "server/base/text.h"
#include "server/key_wrapper.h"
#include "server/sftp/ssh_front_private.h"

#define PASSWORD_PROMPT "Password: "
/* Of all kinds, "none" included.  The guard counts what it is asked; this bounds the rest. */
#define REQUESTS_MAX    100

static const char too_many_tries[] = "Too many authentication failures";

/* --- what comes next ------------------------------------------------------------------------- */

static void announce_methods(struct ssh_front *front)
{
	int methods = 0;

	if ((front->login.methods & GUARD_METHOD_PASSWORD) != 0)
		methods |= (int)(SSH_AUTH_METHOD_PASSWORD | SSH_AUTH_METHOD_INTERACTIVE);
	if ((front->login.methods & GUARD_METHOD_KEY) != 0)
		methods |= (int)SSH_AUTH_METHOD_PUBLICKEY;
	ssh_set_auth_methods(front->session, methods);
}

static void send_banner(struct ssh_front *front)
{
	const char *text = front->start->conf->ssh.banner;
	ssh_string banner;

	if (front->login.banner_sent || text == NULL || text[0] == '\0')
		return;
	front->login.banner_sent = true;
	/* RFC 4252 5.4: lines end in CR LF. */
	banner = ssh_string_new(strlen(text) + 2);
	if (banner == NULL)
		return;
	memcpy(ssh_string_data(banner), text, strlen(text));
	memcpy((char *)ssh_string_data(banner) + strlen(text), "\r\n", 2);
	ssh_send_issue_banner(front->session, banner);
	ssh_string_free(banner);
}

/* A request has come; false when it must not be looked at. */
static bool admit(struct ssh_front *front, const char *user)
{
	struct ssh_login *login = &front->login;

	login->answered++;
	login->asked = false;
	send_banner(front);
	if (login->answered > REQUESTS_MAX)
		ssh_front_end(front, GUARD_BYE_LOGIN_ATTEMPTS, too_many_tries);
	if (front->ending || user == NULL || strlen(user) > GUARD_USER_NAME_MAX)
		return false;
	/* RFC 4252 5: another name starts anew.  The guard does the same with its factors. */
	if (strcmp(login->last_user, user) != 0) {
		text_copy(login->last_user, sizeof(login->last_user), user);
		login->methods = GUARD_METHODS_ALL;
		announce_methods(front);
	}
	return true;
}

/* --- the guard's answer ---------------------------------------------------------------------- */

static int let_in(struct ssh_front *front, const struct guard_rep_login *reply)
{
	struct ssh_login *login = &front->login;

	if (!text_copy(login->user, sizeof(login->user), reply->user) ||
	    !text_copy(login->start_dir, sizeof(login->start_dir), reply->start_dir)) {
		ssh_front_end(front, GUARD_BYE_INTERNAL, NULL);
		return SSH_AUTH_DENIED;
	}
	login->rights = reply->rights;
	login->uid = reply->uid;
	front->phase = SSH_FRONT_SERVING;
	return SSH_AUTH_SUCCESS;
}

static int judge(
    struct ssh_front *front, enum vfs_status status, const struct guard_rep_login *reply)
{
	if (status != VFS_OK)
		return SSH_AUTH_DENIED;
	switch ((enum guard_login_result)reply->result) {
	case GUARD_LOGIN_OK:
		return let_in(front, reply);
	case GUARD_LOGIN_PARTIAL:
		front->login.methods = reply->methods;
		announce_methods(front);
		return SSH_AUTH_PARTIAL;
	case GUARD_LOGIN_TOO_MANY_TRIES:
		ssh_front_end(front, GUARD_BYE_LOGIN_ATTEMPTS, too_many_tries);
		break;
	case GUARD_LOGIN_TOO_MANY_SESSIONS:
		ssh_front_end(front, GUARD_BYE_QUIT, "Too many sessions of this user, try again later");
		break;
	case GUARD_LOGIN_UNAVAILABLE:
		ssh_front_end(front, GUARD_BYE_QUIT, "This user cannot be served now, try again later");
		break;
	case GUARD_LOGIN_FAILED:
	case GUARD_LOGIN_NEEDS_TLS: /* of FTP */
		break;
	}
	return SSH_AUTH_DENIED;
}

static int try_password(struct ssh_front *front, const char *user, const char *password)
{
	const struct guard_req_login ask = { .user = user, .password = password };
	struct guard_rep_login reply;
	int verdict;

	if (password == NULL)
		return SSH_AUTH_DENIED;
	/* Longer ones than the guard takes are wrong, too: they are not sent. */
	verdict = judge(
	    front, guard_client_login(front->start->guard, &ask, &reply, NULL), &reply);
	guard_client_forget(front->start->guard);
	return verdict;
}

/* --- methods --------------------------------------------------------------------------------- */

static int on_none(ssh_session session, const char *user, void *userdata)
{
	(void)session;
	admit(userdata, user);
	return SSH_AUTH_DENIED;
}

static int on_password(ssh_session session, const char *user, const char *password, void *userdata)
{
	(void)session;
	return admit(userdata, user) ? try_password(userdata, user, password) : SSH_AUTH_DENIED;
}

/* Kinds that the guard can check.  A certificate is none: nobody here checks who signed it and for whom. */
static bool is_plain_key(ssh_key key)
{
	switch (ssh_key_type(key)) {
	case SSH_KEYTYPE_RSA:
	case SSH_KEYTYPE_ED25519:
	case SSH_KEYTYPE_ECDSA_P256:
	case SSH_KEYTYPE_ECDSA_P384:
	case SSH_KEYTYPE_ECDSA_P521:
	case SSH_KEYTYPE_SK_ECDSA:
	case SSH_KEYTYPE_SK_ED25519:
		return true;
	default:
		return false;
	}
}

/* The key as SSH sends it; heap, the caller's. */
static uint8_t *export_blob(ssh_key key, size_t *length_out)
{
	char *text = NULL;
	uint8_t *blob = NULL;

	if (ssh_pki_export_pubkey_base64(key, &text) != SSH_OK)
		return NULL;
	blob = malloc(GUARD_KEY_MAX_BYTES);
	if (blob != NULL &&
	    !text_parse_base64(text, strlen(text), blob, GUARD_KEY_MAX_BYTES, length_out)) {
		free(blob);
		blob = NULL;
	}
	ssh_string_free_char(text);
	return blob;
}

static int probe_key(struct ssh_front *front, const char *user, struct wire_blob key)
{
	struct guard_req_probe_key ask = { .user = user, .key = key };
	struct guard_rep_probe_key reply;

	if (guard_client_probe_key(front->start->guard, &ask, &reply, NULL) != VFS_OK)
		return SSH_AUTH_DENIED;
	if (reply.acceptable != 0)
		return SSH_AUTH_SUCCESS;
	if (reply.attempts_left == 0)
		ssh_front_end(front, GUARD_BYE_LOGIN_ATTEMPTS, too_many_tries);
	return SSH_AUTH_DENIED;
}

/* What libssh has just been told is a good signature, in the guard's eyes. */
static int check_signature(struct ssh_front *front, const char *user, struct wire_blob key)
{
	const struct key_wrapper_seen *seen = key_wrapper_seen();
	struct guard_req_login_key ask = { .user = user, .key = key };
	struct guard_rep_login_key reply;
	struct guard_rep_login answer;
	enum vfs_status status;

	if (seen == NULL)
		return SSH_AUTH_DENIED;
	ask.signed_data = (struct wire_blob){ .bytes = seen->data, .length = seen->data_length };
	ask.signature =
	    (struct wire_blob){ .bytes = seen->signature, .length = seen->signature_length };
	status = guard_client_login_key(front->start->guard, &ask, &reply, NULL);
	if (status != VFS_OK)
		return SSH_AUTH_DENIED;
	answer = (struct guard_rep_login){
		.result = reply.result,
		.user = reply.user,
		.start_dir = reply.start_dir,
		.rights = reply.rights,
		.uid = reply.uid,
		.attempts_left = reply.attempts_left,
		.methods = reply.methods,
	};
	return judge(front, status, &answer);
}

static int on_key(
    ssh_session session, const char *user, ssh_key key, char signature_state, void *userdata)
{
	struct ssh_front *front = userdata;
	struct wire_blob blob = { 0 };
	uint8_t *bytes = NULL;
	int verdict = SSH_AUTH_DENIED;

	(void)session;
	if (admit(front, user) && is_plain_key(key))
		bytes = export_blob(key, &blob.length);
	blob.bytes = bytes;
	if (bytes != NULL && signature_state == SSH_PUBLICKEY_STATE_NONE)
		verdict = probe_key(front, user, blob);
	else if (bytes != NULL && signature_state == SSH_PUBLICKEY_STATE_VALID)
		verdict = check_signature(front, user, blob);
	/* Evidence is good for the request that it came with. */
	key_wrapper_forget();
	free(bytes);
	return verdict;
}

/* --- keyboard-interactive (RFC 4256) --------------------------------------------------------- */

/* 0: answered; 1: libssh answers with a failure. */
static int ask_password(struct ssh_front *front, ssh_message message)
{
	const char *prompts[] = { PASSWORD_PROMPT };
	char echo[] = { 0 };
	const char *user = ssh_message_auth_user(message);

	if (!admit(front, user) || (front->login.methods & GUARD_METHOD_PASSWORD) == 0 ||
	    ssh_message_auth_interactive_request(message, "", "", 1, prompts, echo) != SSH_OK)
		return 1;
	front->login.asked =
	    text_copy(front->login.asked_user, sizeof(front->login.asked_user), user);
	return 0;
}

static int take_answer(struct ssh_front *front, ssh_message message)
{
	struct ssh_login *login = &front->login;
	int verdict;

	if (!login->asked || front->ending)
		return 1;
	login->asked = false;
	if (ssh_userauth_kbdint_getnanswers(front->session) != 1)
		return 1;
	verdict = try_password(
	    front, login->asked_user, ssh_userauth_kbdint_getanswer(front->session, 0));
	if (verdict != SSH_AUTH_SUCCESS && verdict != SSH_AUTH_PARTIAL)
		return 1;
	ssh_message_auth_reply_success(message, verdict == SSH_AUTH_PARTIAL);
	return 0;
}

/* What no callback of libssh is for: 0 when answered, 1 for its refusal, which every kind of request has. */
static int on_message(ssh_session session, ssh_message message, void *userdata)
{
	struct ssh_front *front = userdata;

	(void)session;
	if (ssh_message_type(message) != SSH_REQUEST_AUTH)
		return 1;
	if (ssh_message_subtype(message) != (int)SSH_AUTH_METHOD_INTERACTIVE) {
		admit(front, ssh_message_auth_user(message));
		return 1;
	}
	return ssh_message_auth_kbdint_is_response(message) != 0 ? take_answer(front, message)
	                                                         : ask_password(front, message);
}

/* --- what is set ----------------------------------------------------------------------------- */

static int on_service(ssh_session session, const char *service, void *userdata)
{
	(void)session;
	(void)userdata;
	return strcmp(service, "ssh-userauth") == 0 ? 0 : 1;
}

/* Kerberos is not served; without this libssh would look for its configuration. */
static ssh_string on_gssapi(
    ssh_session session, const char *user, int n_oid, ssh_string *oids, void *userdata)
{
	(void)session;
	(void)n_oid;
	(void)oids;
	admit(userdata, user);
	return NULL;
}

static ssh_channel on_channel(ssh_session session, void *userdata)
{
	(void)session;
	return ssh_channels_open(userdata);
}

void ssh_auth_prepare(struct ssh_front *front)
{
	front->callbacks = (struct ssh_server_callbacks_struct){
		.size = sizeof(front->callbacks),
		.userdata = front,
		.auth_none_function = on_none,
		.auth_password_function = on_password,
		.auth_pubkey_function = on_key,
		.service_request_function = on_service,
		.channel_open_request_session_function = on_channel,
		.gssapi_select_oid_function = on_gssapi,
	};
	ssh_set_server_callbacks(front->session, &front->callbacks);
	ssh_set_message_callback(front->session, on_message, front);
	front->login.methods = GUARD_METHODS_ALL;
	announce_methods(front);
}

bool ssh_auth_was_dropped(const struct ssh_front *front)
{
	return front->packets.login_requests > front->login.answered;
}
