/* Keys of every kind that is served, made when a test asks for one. */
#ifndef KEY_SAMPLES_H
#define KEY_SAMPLES_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "server/key_shapes.h"

struct key_sample {
	const char *name; /* of the kind, as key_shapes_kind_name has it */
	enum key_kind kind;
	enum keeper_digest digest; /* that goes with it everywhere */
};
extern const struct key_sample key_samples[];
#define KEY_SAMPLES_COUNT 5u

/* A fresh key; the caller's. */
EVP_PKEY *key_sample_make(enum key_kind kind);
/* SubjectPublicKeyInfo; the caller's (OPENSSL_free). */
uint8_t *key_sample_public(EVP_PKEY *key, size_t *length);

/* Something that may be signed in this shape; its length. */
#define KEY_SAMPLE_DATA_BYTES 256
size_t key_sample_data(enum keeper_shape shape, uint8_t out[KEY_SAMPLE_DATA_BYTES]);

#endif
