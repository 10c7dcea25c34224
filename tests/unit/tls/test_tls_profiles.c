#include <criterion/criterion.h>
#include <string.h>

#include "server/tls/tls_profiles.h"

static SSL_CTX *apply(enum conf_algorithms algorithms, const struct conf_tls *tls, char message[256])
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!tls_profiles_apply(ctx, algorithms, tls, message, 256)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

Test(tls_profiles, every_profile_applies_and_starts_with_aes_gcm)
{
	static char empty[] = "";
	const struct conf_tls tls = { .ciphers = empty, .ciphersuites = empty, .groups = empty };
	char message[256];

	for (int i = 0; i < TLS_PROFILE_COUNT; i++) {
		SSL_CTX *ctx = apply((enum conf_algorithms)i, &tls, message);

		cr_assert_not_null(ctx, "%d: %s", i, message);
		cr_expect_str_eq(SSL_CIPHER_get_name(sk_SSL_CIPHER_value(SSL_CTX_get_ciphers(ctx), 0)),
		    "TLS_AES_128_GCM_SHA256");
		cr_expect_geq(SSL_CTX_get_min_proto_version(ctx), TLS1_2_VERSION);
		SSL_CTX_free(ctx);
	}
}

Test(tls_profiles, every_cipher_of_every_profile_has_forward_secrecy_by_elliptic_curves)
{
	const struct conf_tls tls = { .ciphers = NULL };
	char message[256];

	for (int i = 0; i < TLS_PROFILE_COUNT; i++) {
		SSL_CTX *ctx = apply((enum conf_algorithms)i, &tls, message);
		const STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(ctx);

		for (int j = 0; j < sk_SSL_CIPHER_num(ciphers); j++) {
			const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, j);
			int exchange = SSL_CIPHER_get_kx_nid(cipher);

			cr_expect(exchange == NID_kx_ecdhe || exchange == NID_kx_any, "%s",
			    SSL_CIPHER_get_name(cipher));
		}
		SSL_CTX_free(ctx);
	}
}

Test(tls_profiles, only_compat_and_legacy_have_ciphers_without_authenticated_encryption)
{
	cr_expect_null(strstr(tls_profiles[CONF_ALGORITHMS_MODERN].ciphers, "AES128-SHA"));
	cr_expect_not_null(strstr(tls_profiles[CONF_ALGORITHMS_COMPAT].ciphers, "AES128-SHA256"));
	cr_expect_null(strstr(tls_profiles[CONF_ALGORITHMS_COMPAT].ciphers, "AES128-SHA:"));
	cr_expect_not_null(strstr(tls_profiles[CONF_ALGORITHMS_LEGACY].ciphers, "AES128-SHA:"));
}

Test(tls_profiles, the_configuration_goes_before_the_profile)
{
	static char cipher[] = "ECDHE-RSA-CHACHA20-POLY1305:AES128-SHA";
	const struct conf_tls tls = { .ciphers = cipher, .min_version = CONF_TLS_1_2 };
	char message[256];
	SSL_CTX *ctx = apply(CONF_ALGORITHMS_MODERN, &tls, message);
	const STACK_OF(SSL_CIPHER) *ciphers = SSL_CTX_get_ciphers(ctx);
	int old = 0;

	for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++) {
		const char *name = SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i));

		old += strncmp(name, "TLS_", 4) != 0;
		/* RSA key exchange would need the private key for more than signatures. */
		cr_expect_str_neq(name, "AES128-SHA");
	}
	cr_expect_eq(old, 1);
	SSL_CTX_free(ctx);
}

Test(tls_profiles, min_version_raises_the_bound)
{
	const struct conf_tls tls = { .min_version = CONF_TLS_1_3 };
	char message[256];
	SSL_CTX *ctx = apply(CONF_ALGORITHMS_LEGACY, &tls, message);

	cr_expect_eq(SSL_CTX_get_min_proto_version(ctx), TLS1_3_VERSION);
	SSL_CTX_free(ctx);
}

Test(tls_profiles, what_openssl_does_not_know_is_named)
{
	static char nonsense[] = "NONSENSE";
	const struct {
		struct conf_tls tls;
		const char *option;
	} rows[] = {
		{ { .ciphers = nonsense }, "ciphers" },
		{ { .ciphersuites = nonsense }, "ciphersuites" },
		{ { .groups = nonsense }, "groups" },
	};
	char message[256];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert_null(apply(CONF_ALGORITHMS_MODERN, &rows[i].tls, message));
		cr_expect_not_null(strstr(message, rows[i].option), "%s", message);
		cr_expect_not_null(strstr(message, "NONSENSE"), "%s", message);
	}
}
