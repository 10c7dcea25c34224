#include "key_samples.h"

#include <criterion/criterion.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

const struct key_sample key_samples[] = {
	{ "Ed25519", KEY_KIND_ED25519, KEEPER_DIGEST_NONE },
	{ "ECDSA P-256", KEY_KIND_P256, KEEPER_DIGEST_SHA256 },
	{ "ECDSA P-384", KEY_KIND_P384, KEEPER_DIGEST_SHA384 },
	{ "ECDSA P-521", KEY_KIND_P521, KEEPER_DIGEST_SHA512 },
	{ "RSA", KEY_KIND_RSA, KEEPER_DIGEST_SHA256 },
};

EVP_PKEY *key_sample_make(enum key_kind kind)
{
	static const char *const curves[] = {
		[KEY_KIND_P256] = "P-256",
		[KEY_KIND_P384] = "P-384",
		[KEY_KIND_P521] = "P-521",
	};
	EVP_PKEY *key;

	if (kind == KEY_KIND_ED25519)
		key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	else if (kind == KEY_KIND_RSA)
		key = EVP_RSA_gen(2048);
	else
		key = EVP_EC_gen(curves[kind]);
	cr_assert_not_null(key);
	return key;
}

uint8_t *key_sample_public(EVP_PKEY *key, size_t *length)
{
	uint8_t *der = NULL;
	int got = i2d_PUBKEY(key, &der);

	cr_assert_gt(got, 0);
	*length = (size_t)got;
	return der;
}

size_t key_sample_data(enum keeper_shape shape, uint8_t out[KEY_SAMPLE_DATA_BYTES])
{
	static const char context[] = "TLS 1.3, server CertificateVerify";
	static const uint8_t params[] = { 3, 0, 29, 32 }; /* named curve, x25519, 32 bytes */

	memset(out, 0x5a, KEY_SAMPLE_DATA_BYTES);
	switch (shape) {
	case KEEPER_SHAPE_TLS13:
		memset(out, ' ', 64);
		memcpy(out + 64, context, sizeof(context));
		return 64 + sizeof(context) + 32;
	case KEEPER_SHAPE_TLS12:
		memcpy(out + 64, params, sizeof(params));
		return 64 + sizeof(params) + 32;
	default:
		return 32;
	}
}
