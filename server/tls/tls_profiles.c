#include "server/tls/tls_profiles.h"

#include <openssl/err.h>

#include "server/base/text.h"

/* AES-128-GCM first: the fastest of the sound ones on every processor of the last ten years. */
#define SUITES_1_3 "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
#define AEAD                                                                                       \
	"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                               \
	"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                               \
	"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
#define CBC_SHA2                                                                                   \
	"ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:"                                       \
	"ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES256-SHA384"
#define CBC_SHA1                                                                                   \
	"ECDHE-ECDSA-AES128-SHA:ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA"

/* What an administrator's own list cannot switch on: no forward secrecy, no authentication, no encryption; finite
 * fields, whose handshake the keeper does not sign. */
#define NEVER ":!kRSA:!kDHE:!kPSK:!kSRP:!aNULL:!eNULL:!EXPORT"

/* SHA-1 is not among what the keeper signs for TLS. */
#define SIGNATURES                                                                                 \
	"ECDSA+SHA256:ed25519:RSA-PSS+SHA256:RSA+SHA256:ECDSA+SHA384:RSA-PSS+SHA384:RSA+SHA384:"   \
	"ECDSA+SHA512:RSA-PSS+SHA512:RSA+SHA512"

/*
 * Before the groups of every profile where libcrypto has it (3.5, with ML-KEM): what is recorded today shall not be read by
 * a quantum computer some day.
 */
#define HYBRID_GROUP "X25519MLKEM768"

const struct tls_profile tls_profiles[TLS_PROFILE_COUNT] = {
	[CONF_ALGORITHMS_MODERN] = {
		.min_version = TLS1_2_VERSION,
		.security_level = 2,
		.ciphers = AEAD,
		.ciphersuites = SUITES_1_3,
		.groups = "X25519:P-256:P-384",
	},
	[CONF_ALGORITHMS_COMPAT] = {
		.min_version = TLS1_2_VERSION,
		.security_level = 2,
		.ciphers = AEAD ":" CBC_SHA2,
		.ciphersuites = SUITES_1_3,
		.groups = "X25519:P-256:P-384:P-521:X448",
	},
	[CONF_ALGORITHMS_LEGACY] = {
		.min_version = TLS1_2_VERSION,
		.security_level = 1,
		.ciphers = AEAD ":" CBC_SHA2 ":" CBC_SHA1,
		.ciphersuites = SUITES_1_3,
		.groups = "X25519:P-256:P-384:P-521:X448",
	},
};

#define TLS_PROFILES_WRONG_BYTES 512

static bool wrong(const char *option, const char *value, char *message, size_t message_bytes)
{
	text_format(message, message_bytes,
	    "tls { %s = \"%s\" }: OpenSSL knows none of it, or nothing that this server offers",
	    option, value);
	return false;
}

static const char *or_default(const char *own, const char *fallback)
{
	return own != NULL && own[0] != '\0' ? own : fallback;
}

/* The macros of OpenSSL cast const away: so they get a copy. */
static bool set_list(SSL_CTX *ctx, const char *first, const char *rest)
{
	char list[2048];

	return text_format(list, sizeof(list), "%s%s", first, rest) && SSL_CTX_set1_groups_list(ctx, list) == 1;
}

/* A list is refused as a whole for one group that OpenSSL does not know. */
static bool set_groups(SSL_CTX *ctx, const char *own, const char *fallback)
{
	if (own != NULL)
		return set_list(ctx, own, "");
	if (set_list(ctx, HYBRID_GROUP ":", fallback))
		return true;
	ERR_clear_error();
	return set_list(ctx, fallback, "");
}

bool tls_profiles_apply(SSL_CTX *ctx, enum conf_algorithms algorithms, const struct conf_tls *tls,
    char *message, size_t message_bytes)
{
	const struct tls_profile *profile = &tls_profiles[algorithms];
	const char *ciphers = or_default(tls->ciphers, profile->ciphers);
	const char *suites = or_default(tls->ciphersuites, profile->ciphersuites);
	const char *groups = or_default(tls->groups, NULL);
	char list[2048];
	int version = tls->min_version == CONF_TLS_1_3 ? TLS1_3_VERSION : profile->min_version;

	SSL_CTX_set_security_level(ctx, profile->security_level);
	if (!text_format(list, sizeof(list), "%s" NEVER, ciphers) ||
	    SSL_CTX_set_cipher_list(ctx, list) != 1)
		return wrong("ciphers", ciphers, message, message_bytes);
	if (SSL_CTX_set_ciphersuites(ctx, suites) != 1)
		return wrong("ciphersuites", suites, message, message_bytes);
	if (!set_groups(ctx, groups, profile->groups))
		return wrong("groups", or_default(groups, profile->groups), message, message_bytes);
	text_copy(list, sizeof(list), SIGNATURES);
	if (SSL_CTX_set1_sigalgs_list(ctx, list) != 1 ||
	    SSL_CTX_set_min_proto_version(ctx, version) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1) {
		text_format(message, message_bytes,
		    "OpenSSL refuses TLS 1.2 or its signatures; look into its openssl.cnf");
		return false;
	}
	return true;
}

static bool has_lists(const struct conf_tls *tls)
{
	return or_default(tls->ciphers, NULL) != NULL || or_default(tls->ciphersuites, NULL) != NULL ||
	       or_default(tls->groups, NULL) != NULL;
}

bool tls_profiles_check(const struct conf *conf, char *message, size_t message_bytes)
{
	char wrong_text[TLS_PROFILES_WRONG_BYTES];
	bool good = true;

	for (size_t i = 0; i < conf->listener_count && good && has_lists(&conf->tls); i++) {
		const struct conf_listener *listener = &conf->listeners[i];
		SSL_CTX *ctx;

		if (listener->protocol == CONF_PROTOCOL_SFTP)
			continue;
		ctx = SSL_CTX_new(TLS_server_method());
		if (ctx == NULL)
			continue; /* no memory: the start will say so */
		good = tls_profiles_apply(ctx, (enum conf_algorithms)listener->algorithms, &conf->tls, wrong_text,
		    sizeof(wrong_text));
		SSL_CTX_free(ctx);
	}
	ERR_clear_error();
	if (!good)
		text_format(message, message_bytes,
		    "%s: %s; allowed: names that \"openssl ciphers -v\" lists, groups as X25519 or P-256", conf->file,
		    wrong_text);
	return good;
}
