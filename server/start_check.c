#include "server/start_check.h"

#include "server/client_ca.h"
#include "server/keeper_client.h"
#include "server/keeper_keys.h"
#include "server/tls/tls_contexts.h"

/* What the nursery learns of them; everything is borrowed. */
static void show_public_halves(const struct keeper_keys *keys, struct keeper_public_keys *out)
{
	for (size_t i = 0; i < keys->count; i++)
		out->keys[i] = (struct keeper_public_key){
			.use = keys->keys[i].use,
			.kind = keys->keys[i].kind,
			.title = keys->keys[i].title,
			.der = keys->keys[i].der,
			.der_length = keys->keys[i].der_length,
		};
	out->count = keys->count;
}

static bool check_client_ca(const struct conf *conf, char message[CONF_MESSAGE_BYTES])
{
	struct auth_certificate_ca *ca;

	if (!client_ca_is_wanted(conf))
		return true;
	ca = client_ca_load(conf, message);
	auth_certificate_ca_free(&ca);
	return message[0] == '\0';
}

static bool check_certificates(
    const struct conf *conf, const struct keeper_keys *keys, char message[CONF_MESSAGE_BYTES])
{
	struct keeper_public_keys public_halves = { .count = 0 };
	struct tls_contexts *contexts;

	if (!tls_contexts_wanted(conf))
		return true;
	show_public_halves(keys, &public_halves);
	contexts = tls_contexts_new(conf, &public_halves, message, CONF_MESSAGE_BYTES);
	if (contexts == NULL)
		return false;
	tls_contexts_free(&contexts);
	return true;
}

bool start_check(const struct conf *conf, char message[CONF_MESSAGE_BYTES])
{
	struct keeper_keys keys;
	bool ok;

	message[0] = '\0';
	ok = keeper_keys_load(&keys, conf, KEEPER_MISSING_SKIP, message) && check_client_ca(conf, message) &&
	     check_certificates(conf, &keys, message);
	keeper_keys_clear(&keys);
	return ok;
}
