#include "server/crypto/aead.h"

#include <stdlib.h>

#include "server/crypto/aead_backends.h"

struct aead {
	const struct aead_backend *backend;
	void *state;
};

const struct aead_backend *const aead_backends[] = { &aead_ipsec_mb, &aead_libcrypto };
const size_t aead_backend_count = sizeof(aead_backends) / sizeof(aead_backends[0]);

struct choice {
	const struct aead_backend *backend;
	const char *name;
};

static struct choice choices[AEAD_ALGORITHMS];

static const size_t key_bytes[AEAD_ALGORITHMS] = {
	[AEAD_AES_128_GCM] = 16,
	[AEAD_AES_256_GCM] = 32,
	[AEAD_CHACHA20_POLY1305] = 32,
};

size_t aead_key_bytes(enum aead_algorithm algorithm)
{
	return key_bytes[algorithm];
}

static const struct choice *choose(enum aead_algorithm algorithm)
{
	struct choice *choice = &choices[algorithm];

	for (size_t i = 0; choice->backend == NULL; i++) {
		const struct aead_backend *backend = aead_backends[i];

		choice->name = backend->available(algorithm);
		if (choice->name != NULL && (i + 1 == aead_backend_count || aead_agrees(backend, algorithm)))
			choice->backend = backend;
	}
	return choice;
}

void aead_warm_up(void)
{
	for (enum aead_algorithm algorithm = 0; algorithm < AEAD_ALGORITHMS; algorithm++)
		choose(algorithm);
}

const char *aead_name_of_gcm(void)
{
	return choose(AEAD_AES_256_GCM)->name;
}

struct aead *aead_new_by(const struct aead_backend *backend, enum aead_algorithm algorithm, const uint8_t *key,
    enum aead_use use)
{
	struct aead *aead = malloc(sizeof(*aead));

	if (aead == NULL)
		return NULL;
	*aead = (struct aead){ .backend = backend, .state = backend->allocate(algorithm, use) };
	if (aead->state == NULL || !aead_set_key(aead, key))
		aead_free(&aead);
	return aead;
}

struct aead *aead_new(enum aead_algorithm algorithm, const uint8_t *key, enum aead_use use)
{
	return aead_new_by(choose(algorithm)->backend, algorithm, key, use);
}

void aead_free(struct aead **aead)
{
	if (*aead == NULL)
		return;
	if ((*aead)->state != NULL)
		(*aead)->backend->release((*aead)->state);
	free(*aead);
	*aead = NULL;
}

bool aead_set_key(struct aead *aead, const uint8_t *key)
{
	return aead->backend->set_key(aead->state, key);
}

bool aead_begin(
    struct aead *aead, const uint8_t nonce[AEAD_NONCE_BYTES], const uint8_t *aad, size_t aad_bytes)
{
	return aead->backend->begin(aead->state, nonce, aad, aad_bytes);
}

bool aead_update(struct aead *aead, uint8_t *out, const uint8_t *in, size_t n)
{
	return n == 0 || aead->backend->update(aead->state, out, in, n);
}

bool aead_seal_end(struct aead *aead, uint8_t tag[AEAD_TAG_BYTES])
{
	return aead->backend->seal_end(aead->state, tag);
}

bool aead_open_end(struct aead *aead, const uint8_t tag[AEAD_TAG_BYTES])
{
	return aead->backend->open_end(aead->state, tag);
}
