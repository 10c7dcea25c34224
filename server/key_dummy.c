#include "server/key_dummy.h"

#include <limits.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/x509.h>
#include <stdbool.h>

#include "server/key_build.h"
#include "server/key_openssh.h"

#define RSA_MAX_BYTES 2048
#define POINT_MAX_BYTES 256
#define GROUP_MAX_BYTES 64

static EVP_PKEY *dummy_ed25519(EVP_PKEY *key)
{
	static const uint8_t no_private_half[KEY_BUILD_ED25519_BYTES];
	uint8_t public_half[KEY_BUILD_ED25519_BYTES];
	size_t length = sizeof(public_half);

	if (EVP_PKEY_get_raw_public_key(key, public_half, &length) != 1)
		return NULL;
	return key_build_ed25519(public_half, no_private_half);
}

static EVP_PKEY *dummy_ecdsa(EVP_PKEY *key)
{
	static const uint8_t one[] = { 1 };
	char group[GROUP_MAX_BYTES];
	uint8_t point[POINT_MAX_BYTES];
	size_t length = 0;

	if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1 ||
	    EVP_PKEY_get_octet_string_param(
	        key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &length) != 1)
		return NULL;
	return key_build_ecdsa(group, point, length, (struct key_number){ one, sizeof(one) });
}

/* False when it is larger than any key in use. */
static bool get_number(EVP_PKEY *key, const char *name, uint8_t out[RSA_MAX_BYTES], size_t *length)
{
	BIGNUM *number = NULL;
	bool ok = EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
	          BN_num_bytes(number) <= RSA_MAX_BYTES;

	if (ok)
		*length = (size_t)BN_bn2bin(number, out);
	BN_free(number);
	return ok;
}

/* The smallest numbers that the libraries' arithmetic at import can live with. */
static EVP_PKEY *dummy_rsa(EVP_PKEY *key)
{
	static const uint8_t one[] = { 1 };
	static const uint8_t three[] = { 3 };
	const struct key_number small = { three, sizeof(three) };
	uint8_t n[RSA_MAX_BYTES];
	uint8_t e[RSA_MAX_BYTES];
	struct key_rsa_numbers numbers = {
		.n = { .bytes = n },
		.e = { .bytes = e },
		.d = small,
		.p = small,
		.q = small,
		.iqmp = { one, sizeof(one) },
	};

	if (!get_number(key, OSSL_PKEY_PARAM_RSA_N, n, &numbers.n.length) ||
	    !get_number(key, OSSL_PKEY_PARAM_RSA_E, e, &numbers.e.length))
		return NULL;
	return key_build_rsa(&numbers);
}

EVP_PKEY *key_dummy_new(const uint8_t *der, size_t length)
{
	EVP_PKEY *key = length <= LONG_MAX ? d2i_PUBKEY(NULL, &der, (long)length) : NULL;
	EVP_PKEY *dummy = NULL;

	if (key == NULL)
		return NULL;
	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_ED25519:
		dummy = dummy_ed25519(key);
		break;
	case EVP_PKEY_EC:
		dummy = dummy_ecdsa(key);
		break;
	case EVP_PKEY_RSA:
		dummy = dummy_rsa(key);
		break;
	default:
		break;
	}
	EVP_PKEY_free(key);
	return dummy;
}

char *key_dummy_ssh_text(const uint8_t *der, size_t length)
{
	EVP_PKEY *dummy = key_dummy_new(der, length);
	char *text = dummy != NULL ? key_openssh_write(dummy, "") : NULL;

	EVP_PKEY_free(dummy);
	return text;
}
