#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "server/crypto/aead.h"
#include "server/crypto/aead_backends.h"

#define TEXT_BYTES 64u

/* One published vector an algorithm, whose text is not a multiple of a block. */
struct vector {
	const char *source;
	enum aead_algorithm algorithm;
	uint8_t key[AEAD_KEY_MAX_BYTES];
	uint8_t nonce[AEAD_NONCE_BYTES];
	uint8_t aad[20];
	size_t aad_bytes;
	uint8_t plain[TEXT_BYTES];
	size_t bytes;
	uint8_t sealed[TEXT_BYTES];
	uint8_t tag[AEAD_TAG_BYTES];
};

/* clang-format off */
#define GCM_KEY 0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08
#define GCM_NONCE { 0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88 }
#define GCM_AAD { 0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, \
	0xab, 0xad, 0xda, 0xd2 }
#define GCM_PLAIN { 0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59, 0x09, 0xc5, 0xaf, 0xf5, 0x26, 0x9a, \
	0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda, 0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31, 0x8a, 0x72, \
	0x1c, 0x3c, 0x0c, 0x95, 0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49, 0xa6, 0xb5, 0x25, \
	0xb1, 0x6a, 0xed, 0xf5, 0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39 }

static const struct vector vectors[] = {
	{ "McGrew and Viega, The Galois/Counter Mode, test case 4", AEAD_AES_128_GCM, { GCM_KEY }, GCM_NONCE, GCM_AAD, 20,
	  GCM_PLAIN, 60,
	  { 0x42, 0x83, 0x1e, 0xc2, 0x21, 0x77, 0x74, 0x24, 0x4b, 0x72, 0x21, 0xb7, 0x84, 0xd0, 0xd4, 0x9c,
	    0xe3, 0xaa, 0x21, 0x2f, 0x2c, 0x02, 0xa4, 0xe0, 0x35, 0xc1, 0x7e, 0x23, 0x29, 0xac, 0xa1, 0x2e,
	    0x21, 0xd5, 0x14, 0xb2, 0x54, 0x66, 0x93, 0x1c, 0x7d, 0x8f, 0x6a, 0x5a, 0xac, 0x84, 0xaa, 0x05,
	    0x1b, 0xa3, 0x0b, 0x39, 0x6a, 0x0a, 0xac, 0x97, 0x3d, 0x58, 0xe0, 0x91 },
	  { 0x5b, 0xc9, 0x4f, 0xbc, 0x32, 0x21, 0xa5, 0xdb, 0x94, 0xfa, 0xe9, 0x5a, 0xe7, 0x12, 0x1a, 0x47 } },
	{ "the same, test case 16", AEAD_AES_256_GCM, { GCM_KEY, GCM_KEY }, GCM_NONCE, GCM_AAD, 20, GCM_PLAIN, 60,
	  { 0x52, 0x2d, 0xc1, 0xf0, 0x99, 0x56, 0x7d, 0x07, 0xf4, 0x7f, 0x37, 0xa3, 0x2a, 0x84, 0x42, 0x7d,
	    0x64, 0x3a, 0x8c, 0xdc, 0xbf, 0xe5, 0xc0, 0xc9, 0x75, 0x98, 0xa2, 0xbd, 0x25, 0x55, 0xd1, 0xaa,
	    0x8c, 0xb0, 0x8e, 0x48, 0x59, 0x0d, 0xbb, 0x3d, 0xa7, 0xb0, 0x8b, 0x10, 0x56, 0x82, 0x88, 0x38,
	    0xc5, 0xf6, 0x1e, 0x63, 0x93, 0xba, 0x7a, 0x0a, 0xbc, 0xc9, 0xf6, 0x62 },
	  { 0x76, 0xfc, 0x6e, 0xce, 0x0f, 0x4e, 0x17, 0x68, 0xcd, 0xdf, 0x88, 0x53, 0xbb, 0x2d, 0x55, 0x1b } },
};
/* clang-format on */

/* --- every back end that is here --------------------------------------------------------------- */

static void for_each_backend(
    void (*check)(const struct aead_backend *backend, enum aead_algorithm algorithm, const char *name))
{
	for (size_t i = 0; i < aead_backend_count; i++) {
		for (enum aead_algorithm algorithm = 0; algorithm < AEAD_ALGORITHMS; algorithm++) {
			const char *name = aead_backends[i]->available(algorithm);

			if (name != NULL)
				check(aead_backends[i], algorithm, name);
		}
	}
}

static struct aead *make(
    const struct aead_backend *backend, enum aead_algorithm algorithm, uint8_t first, enum aead_use use)
{
	uint8_t key[AEAD_KEY_MAX_BYTES] = { first, 2, 3 };
	struct aead *aead = aead_new_by(backend, algorithm, key, use);

	cr_assert_not_null(aead);
	return aead;
}

static void check_vectors(const struct aead_backend *backend, enum aead_algorithm algorithm, const char *name)
{
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		const struct vector *v = &vectors[i];
		uint8_t out[TEXT_BYTES], tag[AEAD_TAG_BYTES];
		struct aead *aead;

		if (v->algorithm != algorithm)
			continue;
		aead = aead_new_by(backend, algorithm, v->key, AEAD_SEAL);
		cr_assert_not_null(aead);
		cr_assert(aead_begin(aead, v->nonce, v->aad, v->aad_bytes));
		cr_assert(aead_update(aead, out, v->plain, v->bytes));
		cr_assert(aead_seal_end(aead, tag));
		cr_expect_arr_eq(out, v->sealed, v->bytes, "%s: %s", name, v->source);
		cr_expect_arr_eq(tag, v->tag, sizeof(tag), "%s: %s", name, v->source);
		aead_free(&aead);
	}
}

Test(aead, seals_as_published)
{
	for_each_backend(check_vectors);
}

/* A whole message; true when the end says so. */
static bool run(struct aead *aead, enum aead_use use, uint8_t number, uint8_t *bytes, size_t n, uint8_t *tag)
{
	const uint8_t nonce[AEAD_NONCE_BYTES] = { number };
	const uint8_t aad[5] = { 23, 3, 3, 1, number };

	return aead_begin(aead, nonce, aad, sizeof(aad)) && aead_update(aead, bytes, bytes, n) &&
	       (use == AEAD_SEAL ? aead_seal_end(aead, tag) : aead_open_end(aead, tag));
}

static void check_every_bit(const struct aead_backend *backend, enum aead_algorithm algorithm, const char *name)
{
	struct aead *seal = make(backend, algorithm, 1, AEAD_SEAL);
	struct aead *open = make(backend, algorithm, 1, AEAD_OPEN);
	uint8_t message[TEXT_BYTES + AEAD_TAG_BYTES] = "what must not be changed";
	uint8_t changed[sizeof(message)];

	cr_assert(run(seal, AEAD_SEAL, 7, message, TEXT_BYTES, message + TEXT_BYTES));
	for (size_t i = 0; i < 8 * sizeof(message); i++) {
		memcpy(changed, message, sizeof(message));
		changed[i / 8] ^= (uint8_t)(1u << i % 8);
		cr_expect_not(run(open, AEAD_OPEN, 7, changed, TEXT_BYTES, changed + TEXT_BYTES), "%s: bit %zu",
		    name, i);
	}
	memcpy(changed, message, sizeof(message));
	cr_expect_not(run(open, AEAD_OPEN, 8, changed, TEXT_BYTES, changed + TEXT_BYTES), "%s: nonce and aad", name);
	cr_expect(run(open, AEAD_OPEN, 7, message, TEXT_BYTES, message + TEXT_BYTES), "%s: after failures", name);
	cr_expect_str_eq((char *)message, "what must not be changed");
	aead_free(&seal);
	aead_free(&open);
}

Test(aead, one_changed_bit_is_refused_and_the_next_message_is_not)
{
	for_each_backend(check_every_bit);
}

static void check_new_key(const struct aead_backend *backend, enum aead_algorithm algorithm, const char *name)
{
	const uint8_t other[AEAD_KEY_MAX_BYTES] = { 9 };
	struct aead *seal = make(backend, algorithm, 1, AEAD_SEAL);
	struct aead *open = make(backend, algorithm, 1, AEAD_OPEN);
	uint8_t message[TEXT_BYTES] = "under another key", tag[AEAD_TAG_BYTES];
	uint8_t again[TEXT_BYTES];

	cr_assert(aead_set_key(seal, other));
	cr_assert(run(seal, AEAD_SEAL, 1, message, sizeof(message), tag));
	memcpy(again, message, sizeof(again));
	cr_expect_not(run(open, AEAD_OPEN, 1, again, sizeof(again), tag), "%s", name);
	cr_assert(aead_set_key(open, other));
	cr_expect(run(open, AEAD_OPEN, 1, message, sizeof(message), tag), "%s", name);
	cr_expect_str_eq((char *)message, "under another key");
	aead_free(&seal);
	aead_free(&open);
}

Test(aead, a_new_key_takes_the_place_of_the_old_one)
{
	for_each_backend(check_new_key);
}

/* Cut anywhere, the same comes out. */
static void check_splits(const struct aead_backend *backend, enum aead_algorithm algorithm, const char *name)
{
	static const uint8_t nonce[AEAD_NONCE_BYTES] = { 4 };
	enum { N = 1100 };
	struct aead *aead = make(backend, algorithm, 1, AEAD_SEAL);
	uint8_t plain[N], whole[N], parts[N], tags[2][AEAD_TAG_BYTES];

	for (size_t i = 0; i < N; i++)
		plain[i] = (uint8_t)(i ^ i >> 3);
	cr_assert(aead_begin(aead, nonce, NULL, 0));
	cr_assert(aead_update(aead, whole, plain, N));
	cr_assert(aead_seal_end(aead, tags[0]));
	for (size_t cut = 0; cut <= N; cut++) {
		size_t second = (N - cut) / 3;

		cr_assert(aead_begin(aead, nonce, NULL, 0));
		cr_assert(aead_update(aead, parts, plain, cut));
		cr_assert(aead_update(aead, parts + cut, plain + cut, second));
		cr_assert(aead_update(aead, parts + cut + second, plain + cut + second, N - cut - second));
		cr_assert(aead_seal_end(aead, tags[1]));
		cr_expect_eq(memcmp(whole, parts, N), 0, "%s: cut at %zu", name, cut);
		cr_expect_eq(memcmp(tags[0], tags[1], sizeof(tags[0])), 0, "%s: cut at %zu", name, cut);
	}
	aead_free(&aead);
}

Test(aead, a_message_may_come_in_any_parts)
{
	for_each_backend(check_splits);
}

static void check_agreement(const struct aead_backend *backend, enum aead_algorithm algorithm, const char *name)
{
	cr_expect(aead_agrees(backend, algorithm), "%s", name);
}

Test(aead, all_back_ends_agree_with_libcrypto)
{
	for_each_backend(check_agreement);
}

/* --- one that does not -------------------------------------------------------------------------- */

static bool tag_off_by_one(void *state, uint8_t *tag)
{
	bool ok = aead_libcrypto.seal_end(state, tag);

	tag[15] ^= 1;
	return ok;
}

static bool takes_any_tag(void *state, const uint8_t *tag)
{
	(void)state;
	(void)tag;
	return true;
}

Test(aead, one_that_seals_otherwise_or_takes_any_tag_does_not_agree)
{
	struct aead_backend bad = aead_libcrypto;

	bad.seal_end = tag_off_by_one;
	cr_expect_not(aead_agrees(&bad, AEAD_AES_128_GCM));
	bad = aead_libcrypto;
	bad.open_end = takes_any_tag;
	cr_expect_not(aead_agrees(&bad, AEAD_AES_256_GCM));
}

Test(aead, the_last_back_end_has_everything)
{
	for (enum aead_algorithm algorithm = 0; algorithm < AEAD_ALGORITHMS; algorithm++)
		cr_expect_not_null(aead_backends[aead_backend_count - 1]->available(algorithm));
	cr_expect_eq(aead_backends[aead_backend_count - 1], &aead_libcrypto);
	aead_warm_up();
	cr_expect_not_null(aead_name_of_gcm());
}
