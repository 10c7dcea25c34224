/*
 * What a hijacked front may hand in for a login by key: "key, signed data, signature" as SSH
 * strings, then anything. Nothing in a corpus is signed with this session id, so nothing may pass.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/auth_signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const uint8_t session[32] = "the session that nobody has had";
	struct auth_blob rest = { .bytes = bytes, .length = length };
	struct auth_blob blob;
	struct auth_key key;
	struct auth_signature ask = {
		.session_id = { .bytes = session, .length = sizeof(session) },
		.user = "alice",
		.key = &key,
		.allow_sha1 = true,
		.untouched_ok = true,
	};

	if (!auth_blob_take_string(&rest, &blob) || auth_key_parse(&key, blob) != NULL ||
	    !auth_blob_take_string(&rest, &ask.signed_data) ||
	    !auth_blob_take_string(&rest, &ask.signature))
		return 0;
	/* A small-order point of Ed25519 signs everything: only the comparison with what is known
	 * counts here. */
	if (auth_signature_check(&ask) == NULL && key.type->algorithm != AUTH_KEY_ED25519)
		abort();
	return 0;
}
