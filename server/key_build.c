#include "server/key_build.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <stdbool.h>

/* Takes the builder. */
static EVP_PKEY *finish(const char *type, OSSL_PARAM_BLD *builder)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;

	if (params != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(context);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	return key;
}

/* NULL when memory ran out. */
static BIGNUM *secret_number(struct key_number number)
{
	BIGNUM *out = BN_secure_new();

	if (out == NULL)
		return NULL;
	BN_set_flags(out, BN_FLG_CONSTTIME);
	if (number.length > INT32_MAX ||
	    BN_bin2bn(number.bytes, (int)number.length, out) == NULL) {
		BN_clear_free(out);
		return NULL;
	}
	return out;
}

EVP_PKEY *key_build_ed25519(const uint8_t public_half[KEY_BUILD_ED25519_BYTES],
    const uint8_t private_half[KEY_BUILD_ED25519_BYTES])
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();

	if (builder == NULL ||
	    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, public_half,
	        KEY_BUILD_ED25519_BYTES) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PRIV_KEY, private_half,
	        KEY_BUILD_ED25519_BYTES) != 1) {
		OSSL_PARAM_BLD_free(builder);
		return NULL;
	}
	return finish("ED25519", builder);
}

EVP_PKEY *key_build_ecdsa(
    const char *group, const uint8_t *point, size_t point_length, struct key_number d)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *secret = secret_number(d);
	EVP_PKEY *key = NULL;

	if (builder != NULL && secret != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(
	        builder, OSSL_PKEY_PARAM_PUB_KEY, point, point_length) == 1 &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, secret) == 1) {
		key = finish("EC", builder);
		builder = NULL;
	}
	OSSL_PARAM_BLD_free(builder);
	BN_clear_free(secret);
	return key;
}

/* d mod (prime - 1): the exponents that OpenSSH's format leaves out. */
static BIGNUM *reduced_exponent(const BIGNUM *d, const BIGNUM *prime)
{
	BIGNUM *less_one = BN_secure_new();
	BIGNUM *out = BN_secure_new();
	BN_CTX *context = BN_CTX_secure_new();
	bool ok = less_one != NULL && out != NULL && context != NULL &&
	          BN_copy(less_one, prime) != NULL && BN_sub_word(less_one, 1) == 1 &&
	          BN_mod(out, d, less_one, context) == 1;

	BN_CTX_free(context);
	BN_clear_free(less_one);
	if (ok)
		return out;
	BN_clear_free(out);
	return NULL;
}

EVP_PKEY *key_build_rsa(const struct key_rsa_numbers *numbers)
{
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	BIGNUM *d = secret_number(numbers->d);
	BIGNUM *p = secret_number(numbers->p);
	BIGNUM *q = secret_number(numbers->q);
	const struct {
		const char *name;
		BIGNUM *value;
	} parts[] = {
		{ OSSL_PKEY_PARAM_RSA_N, secret_number(numbers->n) },
		{ OSSL_PKEY_PARAM_RSA_E, secret_number(numbers->e) },
		{ OSSL_PKEY_PARAM_RSA_D, d },
		{ OSSL_PKEY_PARAM_RSA_FACTOR1, p },
		{ OSSL_PKEY_PARAM_RSA_FACTOR2, q },
		{ OSSL_PKEY_PARAM_RSA_EXPONENT1, d && p ? reduced_exponent(d, p) : NULL },
		{ OSSL_PKEY_PARAM_RSA_EXPONENT2, d && q ? reduced_exponent(d, q) : NULL },
		{ OSSL_PKEY_PARAM_RSA_COEFFICIENT1, secret_number(numbers->iqmp) },
	};
	const size_t count = sizeof(parts) / sizeof(parts[0]);
	EVP_PKEY *key = NULL;
	bool ok = builder != NULL;

	for (size_t i = 0; ok && i < count; i++)
		ok = parts[i].value != NULL &&
		     OSSL_PARAM_BLD_push_BN(builder, parts[i].name, parts[i].value) == 1;
	if (ok) {
		key = finish("RSA", builder);
		builder = NULL;
	}
	OSSL_PARAM_BLD_free(builder);
	for (size_t i = 0; i < count; i++)
		BN_clear_free(parts[i].value);
	return key;
}
