#include <openssl/crypto.h>
#include <string.h>

#include "server/crypto/aead_backends.h"

#define LONGEST_BYTES (16384u + 64u)
#define AAD_MAX_BYTES 13u

/* Around the edges of blocks, and of the 16 to 64 of them that fast code takes at a time. */
static const size_t lengths[] = { 0, 1, 15, 16, 17, 255, 256, 257, 767, 768, 769, 1023, 1024, 1040, 4096, 16385,
	LONGEST_BYTES };

struct text {
	uint8_t bytes[LONGEST_BYTES];
	uint8_t tag[AEAD_TAG_BYTES];
};

/* In two parts, the second of which begins anywhere; of the first message under a key, and of the second. */
static bool run(struct aead *aead, enum aead_use use, size_t n, const struct text *in, struct text *out)
{
	const uint8_t nonce[AEAD_NONCE_BYTES] = { 0xfe, (uint8_t)n, (uint8_t)(n >> 8), 0, 0, 0, 0, 0, 0, 0, 0, 0xff };
	const uint8_t aad[AAD_MAX_BYTES] = { 23, 3, 3, (uint8_t)(n >> 8), (uint8_t)n };
	const size_t first = n * 3 / 5;

	return aead_begin(aead, nonce, aad, n % (AAD_MAX_BYTES + 1)) &&
	       aead_update(aead, out->bytes, in->bytes, first) &&
	       aead_update(aead, out->bytes + first, in->bytes + first, n - first) &&
	       (use == AEAD_SEAL ? aead_seal_end(aead, out->tag) : aead_open_end(aead, in->tag));
}

/* Sealed by both alike; opened again, in its own place; refused with a changed tag and with a changed text. */
static bool agrees_on(struct aead *aeads[3], size_t n)
{
	static struct text plain, ours, theirs;

	for (size_t i = 0; i < n; i++)
		plain.bytes[i] = (uint8_t)(i * 7 + i / 251 + n);
	if (!run(aeads[0], AEAD_SEAL, n, &plain, &ours) || !run(aeads[1], AEAD_SEAL, n, &plain, &theirs) ||
	    memcmp(ours.bytes, theirs.bytes, n) != 0 || memcmp(ours.tag, theirs.tag, sizeof(ours.tag)) != 0)
		return false;
	ours.tag[n % sizeof(ours.tag)] ^= 1;
	if (run(aeads[2], AEAD_OPEN, n, &ours, &theirs))
		return false;
	ours.tag[n % sizeof(ours.tag)] ^= 1;
	if (n > 0) {
		ours.bytes[n / 2] ^= 0x80;
		if (run(aeads[2], AEAD_OPEN, n, &ours, &theirs))
			return false;
		ours.bytes[n / 2] ^= 0x80;
	}
	return run(aeads[2], AEAD_OPEN, n, &ours, &ours) && memcmp(ours.bytes, plain.bytes, n) == 0;
}

bool aead_agrees(const struct aead_backend *backend, enum aead_algorithm algorithm)
{
	uint8_t key[AEAD_KEY_MAX_BYTES];
	struct aead *aeads[3];
	bool ok;

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(3 * i + algorithm);
	aeads[0] = aead_new_by(backend, algorithm, key, AEAD_SEAL);
	aeads[1] = aead_new_by(&aead_libcrypto, algorithm, key, AEAD_SEAL);
	aeads[2] = aead_new_by(backend, algorithm, key, AEAD_OPEN);
	ok = aeads[0] != NULL && aeads[1] != NULL && aeads[2] != NULL;
	for (size_t i = 0; ok && i < sizeof(lengths) / sizeof(lengths[0]); i++)
		ok = agrees_on(aeads, lengths[i]);
	for (size_t i = 0; i < 3; i++)
		aead_free(&aeads[i]);
	return ok;
}
