#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#include "server/crypto/aead_backends.h"

struct state {
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *evp;
	int seals;
};

static const char *const names[AEAD_ALGORITHMS] = {
	[AEAD_AES_128_GCM] = "AES-128-GCM",
	[AEAD_AES_256_GCM] = "AES-256-GCM",
	[AEAD_CHACHA20_POLY1305] = "ChaCha20-Poly1305",
};

static const char *available(enum aead_algorithm algorithm)
{
	(void)algorithm;
	return OpenSSL_version(OPENSSL_VERSION);
}

static void release(void *pointer)
{
	struct state *state = pointer;

	/* This wipes the key. */
	EVP_CIPHER_CTX_free(state->evp);
	EVP_CIPHER_free(state->cipher);
	free(state);
}

static void *allocate(enum aead_algorithm algorithm, enum aead_use use)
{
	struct state *state = calloc(1, sizeof(*state));

	if (state == NULL)
		return NULL;
	state->seals = use == AEAD_SEAL;
	state->cipher = EVP_CIPHER_fetch(NULL, names[algorithm], NULL);
	state->evp = EVP_CIPHER_CTX_new();
	if (state->cipher != NULL && state->evp != NULL)
		return state;
	release(state);
	return NULL;
}

static bool set_key(void *pointer, const uint8_t *key)
{
	struct state *state = pointer;

	return EVP_CipherInit_ex2(state->evp, state->cipher, key, NULL, state->seals, NULL) == 1;
}

static bool begin(void *pointer, const uint8_t *nonce, const uint8_t *aad, size_t aad_bytes)
{
	struct state *state = pointer;
	int written;

	return EVP_CipherInit_ex2(state->evp, NULL, NULL, nonce, -1, NULL) == 1 &&
	       (aad_bytes == 0 || EVP_CipherUpdate(state->evp, NULL, &written, aad, (int)aad_bytes) == 1);
}

static bool update(void *pointer, uint8_t *out, const uint8_t *in, size_t n)
{
	struct state *state = pointer;
	int written = 0;

	return EVP_CipherUpdate(state->evp, out, &written, in, (int)n) == 1 && (size_t)written == n;
}

static bool seal_end(void *pointer, uint8_t *tag)
{
	struct state *state = pointer;
	uint8_t nothing[1];
	int written;

	return EVP_CipherFinal_ex(state->evp, nothing, &written) == 1 &&
	       EVP_CIPHER_CTX_ctrl(state->evp, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_BYTES, tag) == 1;
}

static bool open_end(void *pointer, const uint8_t *tag)
{
	struct state *state = pointer;
	uint8_t wanted[AEAD_TAG_BYTES], nothing[1];
	int written;

	memcpy(wanted, tag, sizeof(wanted));
	return EVP_CIPHER_CTX_ctrl(state->evp, EVP_CTRL_AEAD_SET_TAG, sizeof(wanted), wanted) == 1 &&
	       /* 0 where the tag is another. */
	       EVP_CipherFinal_ex(state->evp, nothing, &written) == 1;
}

const struct aead_backend aead_libcrypto = {
	.available = available,
	.allocate = allocate,
	.release = release,
	.set_key = set_key,
	.begin = begin,
	.update = update,
	.seal_end = seal_end,
	.open_end = open_end,
};
