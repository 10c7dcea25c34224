/*
 * Is this the signature that logs a user in over SSH (RFC 4252 7)?
 *
 * Guard only, before login.  The front says what its library was given to verify; here it is taken
 * apart, compared with what the guard itself knows (the connection's session id, the user, the key)
 * and verified again.
 */
#ifndef AUTH_AUTH_SIGNATURE_H
#define AUTH_AUTH_SIGNATURE_H

#include "auth/auth_key.h"

#define AUTH_SIGNATURE_SESSION_MIN_BYTES \
	20u /* an exchange hash is as long as a digest, SHA-1 or longer */
#define AUTH_SIGNATURE_SESSION_MAX_BYTES 64u

/* Everything is borrowed. */
struct auth_signature {
	struct auth_blob session_id; /* as the guard remembers it, never as the front says */
	const char *user;
	const struct auth_key *key;
	struct auth_blob signed_data; /* guard_messages.h says in which form */
	struct auth_blob signature;
	bool allow_sha1;   /* ssh-rsa signatures */
	bool untouched_ok; /* as auth_keys_answer says of the key */
	bool verify_required;
};

/* NULL: the holder of the key's private half wants this user logged in over this connection.
 * Otherwise what is wrong, a static text for the log. */
const char *auth_signature_check(const struct auth_signature *signature);

/* Make libcrypto load what a check needs; the nursery does so, for all its guards. */
void auth_signature_warm_up(void);

#endif
