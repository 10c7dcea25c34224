#include "server/tls/tls_aead.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/secret.h"
#include "server/tls/tls_limits.h"

#define LABEL_PREFIX  "tls13 "
#define INFO_MAX_BYTES 32u

/* RFC 8446 5.1: what a record says of itself in clear, whatever is in it. */
#define OUTER_TYPE    SSL3_RT_APPLICATION_DATA
#define OUTER_VERSION 0x03

struct suite {
	uint16_t id; /* RFC 8446 B.4 */
	enum aead_algorithm algorithm;
	const char *digest;
	uint8_t secret_bytes;
};

static const struct suite suites[] = {
	{ 0x1301, AEAD_AES_128_GCM, "SHA2-256", 32 },
	{ 0x1302, AEAD_AES_256_GCM, "SHA2-384", 48 },
	{ 0x1303, AEAD_CHACHA20_POLY1305, "SHA2-256", 32 },
};

struct tls_aead {
	const struct suite *suite;
	enum aead_use use;
	struct aead *cipher; /* made with the first keys */
	uint64_t count;
	uint8_t iv[AEAD_NONCE_BYTES];
	uint8_t secret[TLS_AEAD_SECRET_MAX_BYTES];
};

/* --- keys --------------------------------------------------------------------------------------- */

/* HKDF-Expand-Label(secret, label, "", n) of RFC 8446 7.1, for an n that one block of HMAC covers. */
static bool expand(const struct tls_aead *aead, const char *label, uint8_t *out, size_t n)
{
	const size_t prefix = sizeof(LABEL_PREFIX) - 1;
	const size_t length = strlen(label);
	uint8_t info[INFO_MAX_BYTES] = { 0, (uint8_t)n, (uint8_t)(prefix + length) };
	uint8_t block[EVP_MAX_MD_SIZE];
	size_t block_bytes = 0;
	bool ok;

	memcpy(info + 3, LABEL_PREFIX, prefix);
	memcpy(info + 3 + prefix, label, length);
	/* An empty context, and the first block's number. */
	info[3 + prefix + length + 1] = 1;
	ok = EVP_Q_mac(NULL, "HMAC", NULL, aead->suite->digest, NULL, aead->secret,
	         aead->suite->secret_bytes, info, 3 + prefix + length + 2, block, sizeof(block),
	         &block_bytes) != NULL &&
	     block_bytes >= n;
	if (ok)
		memcpy(out, block, n);
	secret_wipe(block, sizeof(block));
	return ok;
}

static bool use_key(struct tls_aead *aead, const uint8_t *key)
{
	if (aead->cipher != NULL)
		return aead_set_key(aead->cipher, key);
	aead->cipher = aead_new(aead->suite->algorithm, key, aead->use);
	return aead->cipher != NULL;
}

/* The keys of the present secret. */
static bool set_keys(struct tls_aead *aead)
{
	uint8_t key[AEAD_KEY_MAX_BYTES];
	bool ok = expand(aead, "key", key, aead_key_bytes(aead->suite->algorithm)) &&
	          expand(aead, "iv", aead->iv, sizeof(aead->iv)) && use_key(aead, key);

	secret_wipe(key, sizeof(key));
	aead->count = 0;
	return ok;
}

bool tls_aead_update(struct tls_aead *aead)
{
	uint8_t next[TLS_AEAD_SECRET_MAX_BYTES];
	bool ok = expand(aead, "traffic upd", next, aead->suite->secret_bytes);

	if (ok)
		memcpy(aead->secret, next, aead->suite->secret_bytes);
	secret_wipe(next, sizeof(next));
	return ok && set_keys(aead);
}

uint64_t tls_aead_count(const struct tls_aead *aead)
{
	return aead->count;
}

bool tls_aead_tell_keys(const struct tls_aead *aead, struct tls_aead_keys *out)
{
	*out = (struct tls_aead_keys){
		.suite = aead->suite->id,
		.key_bytes = aead_key_bytes(aead->suite->algorithm),
		.count = aead->count,
	};
	memcpy(out->iv, aead->iv, sizeof(out->iv));
	return expand(aead, "key", out->key, out->key_bytes);
}

/* --- life --------------------------------------------------------------------------------------- */

static const struct suite *find_suite(const SSL_CIPHER *cipher)
{
	for (size_t i = 0; cipher != NULL && i < sizeof(suites) / sizeof(suites[0]); i++) {
		if (suites[i].id == SSL_CIPHER_get_protocol_id(cipher))
			return &suites[i];
	}
	return NULL;
}

struct tls_aead *tls_aead_new(
    const SSL_CIPHER *suite, const uint8_t *secret, size_t secret_bytes, enum aead_use use)
{
	const struct suite *row = find_suite(suite);
	struct tls_aead *aead;

	if (row == NULL || secret_bytes != row->secret_bytes)
		return NULL;
	aead = calloc(1, sizeof(*aead));
	if (aead == NULL)
		return NULL;
	aead->suite = row;
	aead->use = use;
	memcpy(aead->secret, secret, secret_bytes);
	if (!set_keys(aead))
		tls_aead_free(&aead);
	return aead;
}

void tls_aead_free(struct tls_aead **aead)
{
	if (*aead == NULL)
		return;
	aead_free(&(*aead)->cipher);
	secret_wipe(*aead, sizeof(**aead));
	free(*aead);
	*aead = NULL;
}

/* --- records ------------------------------------------------------------------------------------ */

/* RFC 8446 5.3: the record's number, upon the IV; and the header is what is authenticated besides. */
static bool begin(struct tls_aead *aead, const uint8_t header[TLS_AEAD_HEADER_BYTES])
{
	uint8_t nonce[AEAD_NONCE_BYTES];

	memcpy(nonce, aead->iv, sizeof(nonce));
	for (unsigned i = 0; i < 8; i++)
		nonce[sizeof(nonce) - 1 - i] ^= (uint8_t)(aead->count >> (8 * i));
	aead->count++;
	return aead_begin(aead->cipher, nonce, header, TLS_AEAD_HEADER_BYTES);
}

bool tls_aead_seal(struct tls_aead *aead, uint8_t type, const uint8_t *bytes, size_t n, uint8_t *out)
{
	const size_t length = n + 1 + TLS_AEAD_TAG_BYTES;
	uint8_t *body = out + TLS_AEAD_HEADER_BYTES;

	out[0] = OUTER_TYPE;
	out[1] = OUTER_VERSION;
	out[2] = OUTER_VERSION;
	out[3] = (uint8_t)(length >> 8);
	out[4] = (uint8_t)length;
	return begin(aead, out) && aead_update(aead->cipher, body, bytes, n) &&
	       aead_update(aead->cipher, body + n, &type, 1) && aead_seal_end(aead->cipher, body + n + 1);
}

enum tls_aead_opened tls_aead_open(
    struct tls_aead *aead, uint8_t *record, size_t record_bytes, size_t *n_out, uint8_t *type_out)
{
	uint8_t *body = record + TLS_AEAD_HEADER_BYTES;
	/* The fragment with its type and padding. */
	size_t n = record_bytes - TLS_AEAD_HEADER_BYTES - TLS_AEAD_TAG_BYTES;

	if (!begin(aead, record) || !aead_update(aead->cipher, body, body, n) || !aead_open_end(aead->cipher, body + n))
		return TLS_AEAD_FORGED;
	/* RFC 8446 5.4: the last byte that is not zero is the type; behind it is padding. */
	while (n > 0 && body[n - 1] == 0)
		n--;
	if (n == 0)
		return TLS_AEAD_TYPELESS;
	*type_out = body[--n];
	if (n > TLS_RECORD_BYTES)
		return TLS_AEAD_TOO_LONG;
	*n_out = n;
	return TLS_AEAD_OPENED;
}
