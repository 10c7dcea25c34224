#include "server/sftp/ssh_keys.h"

#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/text.h"
#include "server/key_dummy.h"
#include "server/key_openssh.h"
#include "server/key_wrapper.h"

/* Signature algorithms of a type of key, best first (RFC 8332 3.2 for RSA). */
static const struct {
	const char *type;
	const char *algorithms[4];
} key_algorithms[] = {
	{ "ssh-ed25519", { "ssh-ed25519" } },
	{ "ssh-rsa", { "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa" } },
	{ "ecdsa-sha2-nistp256", { "ecdsa-sha2-nistp256" } },
	{ "ecdsa-sha2-nistp384", { "ecdsa-sha2-nistp384" } },
	{ "ecdsa-sha2-nistp521", { "ecdsa-sha2-nistp521" } },
};

/* --- signatures ------------------------------------------------------------------------------ */

/*
 * Which key libssh means; false when none.  By its kind: there is one of each, the last of several, and libssh makes
 * the public half of Ed25519 anew out of the private one, which here is none.
 */
static bool find_key(const struct ssh_keys *keys, EVP_PKEY *wanted, uint32_t *number_out)
{
	bool found = false;

	for (size_t i = 0; i < keys->known->count; i++) {
		if (keys->keys[i] == NULL ||
		    EVP_PKEY_get_base_id(keys->keys[i]) != EVP_PKEY_get_base_id(wanted))
			continue;
		*number_out = (uint32_t)i;
		found = true;
	}
	return found;
}

static bool sign_at_guard(void *context, const struct key_wrapper_ask *ask, uint8_t *signature,
    size_t *signature_length)
{
	struct ssh_keys *keys = context;
	struct guard_req_sign request = {
		.shape = KEEPER_SHAPE_SSH,
		.digest = ask->digest,
		.pss = ask->pss,
		.data = { .bytes = ask->data, .length = ask->length },
	};
	struct guard_rep_sign reply;

	if (!find_key(keys, ask->key, &request.key) ||
	    guard_client_sign(keys->guard, &request, &reply, NULL) != VFS_OK ||
	    reply.signature.length > *signature_length)
		return false;
	memcpy(signature, reply.signature.bytes, reply.signature.length);
	*signature_length = reply.signature.length;
	keys->exchanges++;
	return true;
}

/* --- what is offered ------------------------------------------------------------------------- */

static bool has_type(const struct ssh_keys *keys, const char *type)
{
	for (size_t i = 0; i < keys->known->count; i++) {
		const char *have = keys->keys[i] != NULL ? key_openssh_type(keys->keys[i]) : NULL;

		if (have != NULL && strcmp(have, type) == 0)
			return true;
	}
	return false;
}

static bool can(const struct ssh_keys *keys, const char *algorithm, size_t length)
{
	for (size_t i = 0; i < sizeof(key_algorithms) / sizeof(key_algorithms[0]); i++) {
		const char *const *names = key_algorithms[i].algorithms;

		for (size_t j = 0; j < 4 && names[j] != NULL; j++) {
			if (strlen(names[j]) == length && memcmp(names[j], algorithm, length) == 0)
				return has_type(keys, key_algorithms[i].type);
		}
	}
	return false;
}

static void add_name(char *list, size_t list_bytes, const char *name, size_t length)
{
	size_t used = strlen(list);

	text_format(list + used, list_bytes - used, "%s%.*s", used > 0 ? "," : "", (int)length, name);
}

static void list_offered(
    const struct ssh_keys *keys, const char *allowed, char *out, size_t out_bytes)
{
	out[0] = '\0';
	while (*allowed != '\0') {
		size_t item = strcspn(allowed, ",");

		if (can(keys, allowed, item))
			add_name(out, out_bytes, allowed, item);
		allowed += item;
		allowed += *allowed == ',';
	}
	if (out[0] != '\0')
		return;
	for (size_t i = 0; i < sizeof(key_algorithms) / sizeof(key_algorithms[0]); i++) {
		const char *name = key_algorithms[i].algorithms[0];

		if (has_type(keys, key_algorithms[i].type))
			add_name(out, out_bytes, name, strlen(name));
	}
}

/* --- keys ------------------------------------------------------------------------------------ */

/* libssh keeps one of each kind. */
static bool import(ssh_bind bind, const struct keeper_public_key *known)
{
	char *text = key_dummy_ssh_text(known->der, known->der_length);
	ssh_key key = NULL;
	bool good;

	good = text != NULL &&
	       ssh_pki_import_privkey_base64(text, NULL, NULL, NULL, &key) == SSH_OK &&
	       ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, key) == SSH_OK;
	if (!good)
		ssh_key_free(key);
	free(text);
	return good;
}

bool ssh_keys_install(struct ssh_keys *keys, ssh_bind bind, const char *allowed, char *offered_out,
    size_t offered_bytes)
{
	bool any = false;

	for (size_t i = 0; keys->known != NULL && i < keys->known->count; i++) {
		const struct keeper_public_key *known = &keys->known->keys[i];
		const uint8_t *der = known->der;

		if (known->use != KEEPER_USE_SSH)
			continue;
		keys->keys[i] = d2i_PUBKEY(NULL, &der, (long)known->der_length);
		if (keys->keys[i] == NULL || !import(bind, known))
			return false;
		any = true;
	}
	if (!any)
		return false;
	list_offered(keys, allowed, offered_out, offered_bytes);
	return ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HOSTKEY_ALGORITHMS, offered_out) == SSH_OK;
}

void ssh_keys_divert(struct ssh_keys *keys)
{
	key_wrapper_divert_sign(sign_at_guard, keys);
	key_wrapper_set_verify(KEY_WRAPPER_REMEMBER);
}

void ssh_keys_clear(struct ssh_keys *keys)
{
	for (size_t i = 0; i < KEEPER_KEYS_MAX; i++) {
		EVP_PKEY_free(keys->keys[i]);
		keys->keys[i] = NULL;
	}
}
