/* The back ends of aead.c, and what each must be able to do; for aead.c, the back ends themselves and the tests. */
#ifndef CRYPTO_AEAD_BACKENDS_H
#define CRYPTO_AEAD_BACKENDS_H

#include "server/crypto/aead.h"

/* The functions are those of aead.h, for one back end; state is what its `allocate` has returned. */
struct aead_backend {
	/* Its name and version, when this build and this machine have it for the algorithm; else NULL.  Called before all
	 * others. */
	const char *(*available)(enum aead_algorithm algorithm);
	void *(*allocate)(enum aead_algorithm algorithm, enum aead_use use);
	void (*release)(void *state); /* wipes it */
	bool (*set_key)(void *state, const uint8_t *key);
	bool (*begin)(void *state, const uint8_t *nonce, const uint8_t *aad, size_t aad_bytes);
	bool (*update)(void *state, uint8_t *out, const uint8_t *in, size_t n);
	bool (*seal_end)(void *state, uint8_t *tag);
	bool (*open_end)(void *state, const uint8_t *tag);
};

extern const struct aead_backend aead_libcrypto;
/* Never available where the build had no intel-ipsec-mb. */
extern const struct aead_backend aead_ipsec_mb;

/* Best first; the last one is available for all, and what others are compared with. */
extern const struct aead_backend *const aead_backends[];
extern const size_t aead_backend_count;

/* aead_new, by a certain back end. */
struct aead *aead_new_by(const struct aead_backend *backend, enum aead_algorithm algorithm, const uint8_t *key,
    enum aead_use use);
/* Does it seal and open as libcrypto does, and refuse what was changed?  A millisecond. */
bool aead_agrees(const struct aead_backend *backend, enum aead_algorithm algorithm);

#endif
