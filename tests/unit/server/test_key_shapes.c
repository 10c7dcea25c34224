/* What a private key may sign: the table of shapes and digests, from both sides. */
#include <criterion/criterion.h>
#include <openssl/ec.h>
#include <string.h>

#include "key_samples.h"

TestSuite(key_shapes, .timeout = 30);

static struct keeper_msg_sign ask(enum keeper_shape shape, const uint8_t *data, size_t length)
{
	return (struct keeper_msg_sign){
		.shape = shape,
		.data = { .bytes = data, .length = length },
	};
}

static bool is_handshake(enum keeper_shape shape, const uint8_t *data, size_t length)
{
	const struct keeper_msg_sign message = ask(shape, data, length);
	const enum keeper_use use = shape == KEEPER_SHAPE_SSH ? KEEPER_USE_SSH : KEEPER_USE_TLS;

	return key_shapes_problem(use, &message) == NULL;
}

Test(key_shapes, a_handshake_is_one_only_in_its_own_shape_and_for_a_key_of_its_use)
{
	uint8_t data[KEY_SAMPLE_DATA_BYTES];

	for (unsigned made = 0; made < KEEPER_SHAPE_COUNT; made++) {
		size_t length = key_sample_data((enum keeper_shape)made, data);

		for (unsigned shape = 0; shape < KEEPER_SHAPE_COUNT; shape++)
			for (unsigned use = 0; use < KEEPER_USE_COUNT; use++) {
				struct keeper_msg_sign message =
				    ask((enum keeper_shape)shape, data, length);
				bool right = shape == made &&
				             (use == KEEPER_USE_SSH) == (shape == KEEPER_SHAPE_SSH);

				cr_expect_eq(
				    key_shapes_problem((enum keeper_use)use, &message) == NULL,
				    right, "made %u, shape %u, use %u", made, shape, use);
			}
	}
}

Test(key_shapes, an_exchange_hash_has_the_length_of_one)
{
	uint8_t data[128] = { 0 };

	for (size_t length = 0; length <= sizeof(data); length++)
		cr_expect_eq(is_handshake(KEEPER_SHAPE_SSH, data, length),
		    length == 20 || length == 32 || length == 48 || length == 64, "%zu", length);
}

Test(key_shapes, a_handshake_of_tls_has_not_one_byte_more_or_less_or_another)
{
	uint8_t data[KEY_SAMPLE_DATA_BYTES];

	for (unsigned shape = KEEPER_SHAPE_TLS12; shape <= KEEPER_SHAPE_TLS13; shape++) {
		const enum keeper_shape tls = (enum keeper_shape)shape;
		const size_t length = key_sample_data(tls, data);
		const size_t fixed = shape == KEEPER_SHAPE_TLS13 ? 0 : 64;
		const size_t fixed_end = shape == KEEPER_SHAPE_TLS13 ? length - 32 : length - 32;

		cr_assert(is_handshake(tls, data, length));
		for (size_t other = 0; other < sizeof(data); other++)
			/* TLS 1.3: a hash of SHA-384 is 16 bytes longer. */
			cr_expect_eq(is_handshake(tls, data, other),
			    other == length || (shape == KEEPER_SHAPE_TLS13 && other == length + 16),
			    "shape %u, length %zu", shape, other);
		for (size_t i = fixed; i < fixed_end; i++) {
			data[i] ^= 1;
			cr_expect_not(is_handshake(tls, data, length), "shape %u, byte %zu", shape, i);
			data[i] ^= 1;
		}
	}
}

Test(key_shapes, every_named_group_of_tls_1_2_has_its_length)
{
	static const struct {
		uint16_t group;
		uint8_t bytes;
		uint8_t first;
		bool known;
	} groups[] = {
		{ 23, 65, 4, true },
		{ 24, 97, 4, true },
		{ 25, 133, 4, true },
		{ 29, 32, 0, true },
		{ 30, 56, 0, true },
		{ 23, 65, 2, false },  /* compressed */
		{ 23, 33, 4, false },
		{ 26, 65, 4, false },  /* brainpool */
		{ 256, 65, 4, false }, /* a finite field */
		{ 0, 32, 0, false },
	};
	uint8_t data[KEY_SAMPLE_DATA_BYTES] = { 0 };

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		data[64] = 3;
		data[65] = (uint8_t)(groups[i].group >> 8);
		data[66] = (uint8_t)groups[i].group;
		data[67] = groups[i].bytes;
		data[68] = groups[i].first;
		cr_expect_eq(is_handshake(KEEPER_SHAPE_TLS12, data, 68u + groups[i].bytes),
		    groups[i].known, "row %zu", i);
	}
}

/* What goes with what; everything else does not. */
static bool is_right(
    enum key_kind kind, enum keeper_shape shape, enum keeper_digest digest, bool pss, bool sha1)
{
	const enum keeper_digest own = key_samples[kind].digest;

	if (kind == KEY_KIND_RSA) {
		if (shape == KEEPER_SHAPE_SSH)
			return !pss && (digest == KEEPER_DIGEST_SHA256 || digest == KEEPER_DIGEST_SHA512 ||
			                   (sha1 && digest == KEEPER_DIGEST_SHA1));
		return digest >= KEEPER_DIGEST_SHA256 && (pss || shape == KEEPER_SHAPE_TLS12);
	}
	if (pss)
		return false;
	if (shape == KEEPER_SHAPE_TLS12 && kind != KEY_KIND_ED25519)
		return digest >= KEEPER_DIGEST_SHA256;
	return digest == own;
}

Test(key_shapes, digest_and_padding_go_with_the_key_and_the_protocol)
{
	for (unsigned i = 0; i < KEY_SAMPLES_COUNT * 2 * 2 * KEEPER_SHAPE_COUNT * KEEPER_DIGEST_COUNT; i++) {
		const enum key_kind kind = (enum key_kind)(i % KEY_SAMPLES_COUNT);
		const bool pss = i / KEY_SAMPLES_COUNT % 2 != 0;
		const bool sha1 = i / KEY_SAMPLES_COUNT / 2 % 2 != 0;
		const unsigned rest = i / KEY_SAMPLES_COUNT / 4;
		const struct keeper_msg_sign message = {
			.shape = rest % KEEPER_SHAPE_COUNT,
			.digest = rest / KEEPER_SHAPE_COUNT,
			.pss = pss,
		};

		cr_expect_eq(key_shapes_digest_fits(kind, sha1, &message),
		    is_right(kind, (enum keeper_shape)message.shape,
		        (enum keeper_digest)message.digest, pss, sha1),
		    "%s: shape %u digest %u pss %d sha1 %d", key_shapes_kind_name(kind),
		    message.shape, message.digest, pss, sha1);
		cr_expect_not(key_shapes_digest_fits(KEY_KIND_OTHER, sha1, &message) &&
		              message.shape != KEEPER_SHAPE_TLS12);
	}
}

Test(key_shapes, a_key_is_known_by_its_kind)
{
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	EVP_PKEY *curve = EVP_EC_gen("secp256k1");

	for (size_t i = 0; i < KEY_SAMPLES_COUNT; i++) {
		EVP_PKEY *key = key_sample_make(key_samples[i].kind);

		cr_expect_eq(key_shapes_kind(key), key_samples[i].kind);
		cr_expect_str_eq(key_shapes_kind_name(key_samples[i].kind), key_samples[i].name);
		EVP_PKEY_free(key);
	}
	cr_expect_eq(key_shapes_kind(other), KEY_KIND_OTHER);
	cr_expect_eq(key_shapes_kind(curve), KEY_KIND_OTHER);
	EVP_PKEY_free(other);
	EVP_PKEY_free(curve);
}
