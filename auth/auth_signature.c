#include "auth/auth_signature.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/sha.h>
#include <string.h>

#define USERAUTH_REQUEST 50 /* RFC 4252 6 */
#define BOOLEAN_TRUE     1
#define FLAG_TOUCHED     0x01 /* of a security key's signature: OpenSSH, PROTOCOL.u2f */
#define FLAG_VERIFIED    0x04

static const char no_memory[] = "out of memory, or libcrypto fails";

/* --- the public key as libcrypto wants it -------------------------------------------------------
 */

static EVP_PKEY *from_params(const char *type, OSSL_PARAM *params)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (context != NULL && params != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	return key;
}

static EVP_PKEY *make_ecdsa(const struct auth_key *key)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *made = NULL;

	if (builder != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(
	        builder, OSSL_PKEY_PARAM_GROUP_NAME, key->type->group, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(
	        builder, OSSL_PKEY_PARAM_PUB_KEY, key->point.bytes, key->point.length) == 1)
		params = OSSL_PARAM_BLD_to_param(builder);
	made = from_params("EC", params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	return made;
}

static EVP_PKEY *make_rsa(const struct auth_key *key)
{
	BIGNUM *n = BN_bin2bn(key->modulus.bytes, (int)key->modulus.length, NULL);
	BIGNUM *e = BN_bin2bn(key->exponent.bytes, (int)key->exponent.length, NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *made = NULL;

	if (n != NULL && e != NULL && builder != NULL &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		params = OSSL_PARAM_BLD_to_param(builder);
	made = from_params("RSA", params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	BN_free(n);
	BN_free(e);
	return made;
}

static EVP_PKEY *make_key(const struct auth_key *key)
{
	switch (key->type->algorithm) {
	case AUTH_KEY_ED25519:
		return EVP_PKEY_new_raw_public_key(
		    EVP_PKEY_ED25519, NULL, key->point.bytes, key->point.length);
	case AUTH_KEY_ECDSA:
		return make_ecdsa(key);
	case AUTH_KEY_RSA:
		return make_rsa(key);
	}
	return NULL;
}

/* --- algorithms ---------------------------------------------------------------------------------
 */

/* THE list of signature algorithms, and which type of key each is for. */
static const struct algorithm {
	const char *name;
	const char *key_type;
	const char *digest; /* NULL: the algorithm has its own */
	bool sha1;
} algorithms[] = {
	{ .name = "ssh-ed25519", .key_type = "ssh-ed25519" },
	{ .name = "ecdsa-sha2-nistp256", .key_type = "ecdsa-sha2-nistp256", .digest = "SHA256" },
	{ .name = "ecdsa-sha2-nistp384", .key_type = "ecdsa-sha2-nistp384", .digest = "SHA384" },
	{ .name = "ecdsa-sha2-nistp521", .key_type = "ecdsa-sha2-nistp521", .digest = "SHA512" },
	{ .name = "rsa-sha2-512", .key_type = "ssh-rsa", .digest = "SHA512" },
	{ .name = "rsa-sha2-256", .key_type = "ssh-rsa", .digest = "SHA256" },
	{ .name = "ssh-rsa", .key_type = "ssh-rsa", .digest = "SHA1", .sha1 = true },
	{ .name = "sk-ssh-ed25519@openssh.com", .key_type = "sk-ssh-ed25519@openssh.com" },
	{ .name = "sk-ecdsa-sha2-nistp256@openssh.com",
	    .key_type = "sk-ecdsa-sha2-nistp256@openssh.com",
	    .digest = "SHA256" },
};

static const struct algorithm *find_algorithm(struct auth_blob name)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		if (auth_blob_is(name, algorithms[i].name))
			return &algorithms[i];
	return NULL;
}

static const char *verify(const struct auth_key *key, const struct algorithm *algorithm,
    struct auth_blob data, struct auth_blob signature)
{
	EVP_PKEY *public_key = make_key(key);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const char *wrong = NULL;

	if (public_key == NULL || context == NULL)
		wrong = "the key cannot be used";
	else if (EVP_DigestVerifyInit_ex(
	             context, NULL, algorithm->digest, NULL, NULL, public_key, NULL) != 1)
		wrong = no_memory;
	else if (EVP_DigestVerify(
	             context, signature.bytes, signature.length, data.bytes, data.length) != 1)
		wrong = "the signature is not by this key";
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(public_key);
	return wrong;
}

/* --- what was signed ----------------------------------------------------------------------------
 */

/* RFC 4252 7: the session id, then the request as it was sent, up to the key. */
static const char *read_request(const struct auth_signature *ask, struct auth_blob *algorithm)
{
	struct auth_blob rest = ask->signed_data;
	struct auth_blob session, user, service, method, key;
	uint8_t message, has_signature;

	if (!auth_blob_take_string(&rest, &session) || !auth_blob_take_byte(&rest, &message) ||
	    !auth_blob_take_string(&rest, &user) || !auth_blob_take_string(&rest, &service) ||
	    !auth_blob_take_string(&rest, &method) || !auth_blob_take_byte(&rest, &has_signature) ||
	    !auth_blob_take_string(&rest, algorithm) || !auth_blob_take_string(&rest, &key) ||
	    rest.length != 0)
		return "what was signed is no request for a login";
	if (!auth_blob_same(session, ask->session_id))
		return "what was signed belongs to another connection";
	if (message != USERAUTH_REQUEST || !auth_blob_is(service, "ssh-connection") ||
	    !auth_blob_is(method, "publickey") || has_signature != BOOLEAN_TRUE)
		return "what was signed is another request";
	if (!auth_blob_is(user, ask->user))
		return "what was signed names another user";
	if (!auth_blob_same(key, ask->key->blob))
		return "what was signed names another key";
	return NULL;
}

static const char *check_plain(const struct auth_signature *ask)
{
	const struct algorithm *algorithm;
	struct auth_blob name;
	const char *wrong = read_request(ask, &name);

	if (wrong != NULL)
		return wrong;
	algorithm = find_algorithm(name);
	if (algorithm == NULL || strcmp(algorithm->key_type, ask->key->type->name) != 0)
		return "the signature algorithm does not fit the key";
	if (algorithm->sha1 && !ask->allow_sha1)
		return "the signature is made with SHA-1, which only algorithms = legacy allows";
	return verify(ask->key, algorithm, ask->signed_data, ask->signature);
}

/* --- security keys ------------------------------------------------------------------------------
 */

static void hash_byte(EVP_MD_CTX *context, uint8_t byte, bool *good)
{
	*good = *good && EVP_DigestUpdate(context, &byte, 1) == 1;
}

static void hash_string(EVP_MD_CTX *context, struct auth_blob string, bool *good)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		hash_byte(context, (uint8_t)(string.length >> shift), good);
	*good = *good && EVP_DigestUpdate(context, string.bytes, string.length) == 1;
}

static struct auth_blob text_blob(const char *text)
{
	return (struct auth_blob){ .bytes = (const uint8_t *)text, .length = strlen(text) };
}

/* SHA-256 of the request that this user must have signed with this key over this connection. */
static bool hash_request(const struct auth_signature *ask, uint8_t out[SHA256_DIGEST_LENGTH])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = context != NULL && EVP_DigestInit_ex2(context, EVP_sha256(), NULL) == 1;

	hash_string(context, ask->session_id, &good);
	hash_byte(context, USERAUTH_REQUEST, &good);
	hash_string(context, text_blob(ask->user), &good);
	hash_string(context, text_blob("ssh-connection"), &good);
	hash_string(context, text_blob("publickey"), &good);
	hash_byte(context, BOOLEAN_TRUE, &good);
	hash_string(context, text_blob(ask->key->type->name), &good);
	hash_string(context, ask->key->blob, &good);
	good = good && EVP_DigestFinal_ex(context, out, NULL) == 1;
	EVP_MD_CTX_free(context);
	return good;
}

/* OpenSSH, PROTOCOL.u2f: SHA-256 of the application, flags, counter, SHA-256 of the request. */
static const char *check_security_key(const struct auth_signature *ask)
{
	uint8_t application[SHA256_DIGEST_LENGTH];
	uint8_t request[SHA256_DIGEST_LENGTH];
	struct auth_blob rest = ask->signed_data;
	struct auth_blob application_said, request_said;
	uint32_t counter;
	uint8_t flags;

	if (!auth_blob_take_bytes(&rest, SHA256_DIGEST_LENGTH, &application_said) ||
	    !auth_blob_take_byte(&rest, &flags) || !auth_blob_take_u32(&rest, &counter) ||
	    !auth_blob_take_bytes(&rest, SHA256_DIGEST_LENGTH, &request_said) || rest.length != 0)
		return "what was signed is not what security keys sign";
	if (EVP_Digest(ask->key->application.bytes, ask->key->application.length, application, NULL,
	        EVP_sha256(), NULL) != 1 ||
	    !hash_request(ask, request))
		return no_memory;
	if (memcmp(application_said.bytes, application, sizeof(application)) != 0)
		return "what was signed is for another application";
	if (memcmp(request_said.bytes, request, sizeof(request)) != 0)
		return "what was signed belongs to another connection, user or key";
	if ((flags & FLAG_TOUCHED) == 0 && !ask->untouched_ok)
		return "the security key was not touched";
	if ((flags & FLAG_VERIFIED) == 0 && ask->verify_required)
		return "the security key has not asked for its PIN (verify-required)";
	return verify(ask->key, find_algorithm(text_blob(ask->key->type->name)), ask->signed_data,
	    ask->signature);
}

const char *auth_signature_check(const struct auth_signature *ask)
{
	/* Nothing can have been signed over a session id that there is not. */
	if (ask->session_id.length < AUTH_SIGNATURE_SESSION_MIN_BYTES ||
	    ask->session_id.length > AUTH_SIGNATURE_SESSION_MAX_BYTES)
		return "this connection has no session id yet";
	return ask->key->type->security_key ? check_security_key(ask) : check_plain(ask);
}

/* --- warming up ---------------------------------------------------------------------------------
 */

#define POINT_MAX_BYTES 133u

/* Some point that the type's check accepts. */
static struct auth_blob some_point(const struct auth_key_type *type, uint8_t out[POINT_MAX_BYTES])
{
	struct auth_blob point = { .bytes = out, .length = type->public_bytes };
	EVP_PKEY *key;

	memset(out, 1, POINT_MAX_BYTES);
	if (type->algorithm != AUTH_KEY_ECDSA)
		return point;
	key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", type->group);
	if (key != NULL)
		EVP_PKEY_get_octet_string_param(
		    key, OSSL_PKEY_PARAM_PUB_KEY, out, POINT_MAX_BYTES, &point.length);
	EVP_PKEY_free(key);
	return point;
}

void auth_signature_warm_up(void)
{
	/* Keys of no meaning and a signature that is none: what counts is the way through
	 * libcrypto. */
	static const uint8_t ones[256] = { 1, [255] = 1 };
	static const uint8_t exponent[] = { 1, 0, 1 };
	uint8_t point[POINT_MAX_BYTES];

	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		struct auth_key key = {
			.type = auth_key_type_find(text_blob(algorithms[i].key_type)),
			.modulus = { .bytes = ones, .length = sizeof(ones) },
			.exponent = { .bytes = exponent, .length = sizeof(exponent) },
		};

		key.point = some_point(key.type, point);
		verify(&key, &algorithms[i], key.modulus,
		    (struct auth_blob){ .bytes = ones, .length = 64 });
	}
}
