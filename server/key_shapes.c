#include "server/key_shapes.h"

#include <string.h>

#define TLS_RANDOMS_BYTES 64 /* client_random, server_random */
#define TLS13_SPACES      64
#define TLS13_CONTEXT     "TLS 1.3, server CertificateVerify" /* with its NUL (RFC 8446 4.4.3) */
#define NAMED_CURVE       3  /* ECCurveType (RFC 8422 5.4) */
#define UNCOMPRESSED      4  /* first byte of a point (RFC 8422 5.4.1) */

enum key_kind key_shapes_kind(EVP_PKEY *key)
{
	static const struct {
		const char *group;
		enum key_kind kind;
	} curves[] = {
		{ "prime256v1", KEY_KIND_P256 },
		{ "secp384r1", KEY_KIND_P384 },
		{ "secp521r1", KEY_KIND_P521 },
	};
	char group[64];

	switch (EVP_PKEY_get_base_id(key)) {
	case EVP_PKEY_ED25519:
		return KEY_KIND_ED25519;
	case EVP_PKEY_RSA:
		return KEY_KIND_RSA;
	case EVP_PKEY_EC:
		if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
			return KEY_KIND_OTHER;
		for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
			if (strcmp(curves[i].group, group) == 0)
				return curves[i].kind;
		return KEY_KIND_OTHER;
	default:
		return KEY_KIND_OTHER;
	}
}

const char *key_shapes_kind_name(enum key_kind kind)
{
	static const char *const names[] = {
		[KEY_KIND_ED25519] = "Ed25519",
		[KEY_KIND_P256] = "ECDSA P-256",
		[KEY_KIND_P384] = "ECDSA P-384",
		[KEY_KIND_P521] = "ECDSA P-521",
		[KEY_KIND_RSA] = "RSA",
		[KEY_KIND_OTHER] = "another kind",
	};

	return names[kind];
}

/* --- what is signed ------------------------------------------------------------------------- */

/* SHA-1 to SHA-512, by the key exchange method. */
static bool is_exchange_hash(const struct wire_blob *data)
{
	return data->length == 20 || data->length == 32 || data->length == 48 || data->length == 64;
}

/* An elliptic key share in full, to the last byte: nothing else of TLS 1.2 is ever signed. */
static bool is_tls12(const struct wire_blob *data)
{
	static const struct {
		uint16_t group; /* RFC 8446 4.2.7 */
		uint8_t share_bytes;
		bool is_point;
	} groups[] = {
		{ 23, 65, true }, /* secp256r1 */
		{ 24, 97, true },
		{ 25, 133, true },
		{ 29, 32, false }, /* x25519 */
		{ 30, 56, false },
	};
	const uint8_t *params;
	uint16_t group;

	if (data->length < TLS_RANDOMS_BYTES + 5)
		return false;
	params = data->bytes + TLS_RANDOMS_BYTES;
	group = (uint16_t)(params[1] << 8 | params[2]);
	if (params[0] != NAMED_CURVE)
		return false;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (groups[i].group == group)
			return params[3] == groups[i].share_bytes &&
			       data->length == TLS_RANDOMS_BYTES + 4u + groups[i].share_bytes &&
			       (!groups[i].is_point || params[4] == UNCOMPRESSED);
	return false;
}

static bool is_tls13(const struct wire_blob *data)
{
	const size_t start = TLS13_SPACES + sizeof(TLS13_CONTEXT);

	if (data->length != start + 32 && data->length != start + 48)
		return false;
	for (size_t i = 0; i < TLS13_SPACES; i++)
		if (data->bytes[i] != ' ')
			return false;
	return memcmp(data->bytes + TLS13_SPACES, TLS13_CONTEXT, sizeof(TLS13_CONTEXT)) == 0;
}

/* --- how it is signed ----------------------------------------------------------------------- */

/* For keys whose kind fixes it: TLS 1.3 and SSH bind the digest to the curve. */
static bool is_digest_of_kind(enum key_kind kind, enum keeper_digest digest)
{
	switch (kind) {
	case KEY_KIND_ED25519:
		return digest == KEEPER_DIGEST_NONE;
	case KEY_KIND_P256:
		return digest == KEEPER_DIGEST_SHA256;
	case KEY_KIND_P384:
		return digest == KEEPER_DIGEST_SHA384;
	case KEY_KIND_P521:
		return digest == KEEPER_DIGEST_SHA512;
	default:
		return false;
	}
}

static bool is_sha2(enum keeper_digest digest)
{
	return digest == KEEPER_DIGEST_SHA256 || digest == KEEPER_DIGEST_SHA384 ||
	       digest == KEEPER_DIGEST_SHA512;
}

/* RFC 8332 knows two digests for RSA, RFC 4253 a third. */
static bool fits_ssh(
    enum key_kind kind, bool with_sha1, enum keeper_digest digest, bool pss)
{
	if (pss)
		return false;
	if (kind != KEY_KIND_RSA)
		return is_digest_of_kind(kind, digest);
	return digest == KEEPER_DIGEST_SHA256 || digest == KEEPER_DIGEST_SHA512 ||
	       (with_sha1 && digest == KEEPER_DIGEST_SHA1);
}

static bool fits_tls12(enum key_kind kind, enum keeper_digest digest, bool pss)
{
	if (kind == KEY_KIND_RSA)
		return is_sha2(digest);
	if (kind == KEY_KIND_ED25519)
		return !pss && digest == KEEPER_DIGEST_NONE;
	return !pss && kind != KEY_KIND_OTHER && is_sha2(digest);
}

static bool fits_tls13(enum key_kind kind, enum keeper_digest digest, bool pss)
{
	if (kind == KEY_KIND_RSA)
		return pss && is_sha2(digest);
	return !pss && is_digest_of_kind(kind, digest);
}

const char *key_shapes_problem(enum keeper_use use, const struct keeper_msg_sign *ask)
{
	static const struct {
		enum keeper_use use;
		bool (*fits)(const struct wire_blob *data);
	} shapes[KEEPER_SHAPE_COUNT] = {
		[KEEPER_SHAPE_SSH] = { KEEPER_USE_SSH, is_exchange_hash },
		[KEEPER_SHAPE_TLS12] = { KEEPER_USE_TLS, is_tls12 },
		[KEEPER_SHAPE_TLS13] = { KEEPER_USE_TLS, is_tls13 },
	};

	if (ask->shape >= KEEPER_SHAPE_COUNT || !shapes[ask->shape].fits(&ask->data))
		return "not a handshake";
	return shapes[ask->shape].use == use ? NULL : "a key of another protocol";
}

bool key_shapes_digest_fits(enum key_kind kind, bool with_sha1, const struct keeper_msg_sign *ask)
{
	const enum keeper_digest digest = (enum keeper_digest)ask->digest;
	const bool pss = ask->pss != 0;

	switch ((enum keeper_shape)ask->shape) {
	case KEEPER_SHAPE_SSH:
		return fits_ssh(kind, with_sha1, digest, pss);
	case KEEPER_SHAPE_TLS12:
		return fits_tls12(kind, digest, pss);
	case KEEPER_SHAPE_TLS13:
		return fits_tls13(kind, digest, pss);
	default:
		return false;
	}
}
