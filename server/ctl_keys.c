#include "server/ctl_keys.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/text.h"

#define BLOB_MAX_BYTES       8192u
#define RSA_MODULUS_MIN_BITS 2048u
#define SHA256_BYTES         32u

/* The kinds of keys that OpenSSH makes and still trusts, and the fields in their blobs (RFC
 * 4253 6.6). */
static const struct key_kind {
	const char *type;
	unsigned fields;      /* strings in the blob, the type included */
	unsigned sized_field; /* the one whose length is told below */
	size_t least_bytes;
	size_t most_bytes;
} key_kinds[] = {
	{ .type = "ssh-ed25519",
	    .fields = 2,
	    .sized_field = 1,
	    .least_bytes = 32,
	    .most_bytes = 32 },
	{ .type = "ecdsa-sha2-nistp256",
	    .fields = 3,
	    .sized_field = 2,
	    .least_bytes = 65,
	    .most_bytes = 65 },
	{ .type = "ecdsa-sha2-nistp384",
	    .fields = 3,
	    .sized_field = 2,
	    .least_bytes = 97,
	    .most_bytes = 97 },
	{ .type = "ecdsa-sha2-nistp521",
	    .fields = 3,
	    .sized_field = 2,
	    .least_bytes = 133,
	    .most_bytes = 133 },
	/* An mpint has a zero byte before a set top bit (RFC 4251 5): the modulus always has one.
	 */
	{ .type = "ssh-rsa",
	    .fields = 3,
	    .sized_field = 2,
	    .least_bytes = RSA_MODULUS_MIN_BITS / 8 + 1,
	    .most_bytes = 16384 / 8 + 1 },
	{ .type = "sk-ssh-ed25519@openssh.com",
	    .fields = 3,
	    .sized_field = 1,
	    .least_bytes = 32,
	    .most_bytes = 32 },
	{ .type = "sk-ecdsa-sha2-nistp256@openssh.com",
	    .fields = 4,
	    .sized_field = 2,
	    .least_bytes = 65,
	    .most_bytes = 65 },
};

static const char not_a_key[] =
    "not a public key; allowed: a line as ssh-keygen writes it to a .pub file, "
    "TYPE BASE64 COMMENT, without options before it";
static const char damaged[] =
    "the key is damaged; allowed: the whole line of the .pub file, unchanged";

static const struct key_kind *find_kind(const char *type, size_t length)
{
	for (size_t i = 0; i < sizeof(key_kinds) / sizeof(key_kinds[0]); i++)
		if (strlen(key_kinds[i].type) == length &&
		    memcmp(key_kinds[i].type, type, length) == 0)
			return &key_kinds[i];
	return NULL;
}

/* Decode length characters of base64, padded; false when they are not. */
static bool decode(const char *text, size_t length, uint8_t *blob, size_t *blob_length)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t letters = strspn(text, alphabet);
	size_t padding = length - letters;

	/* EVP_DecodeBlock forgives white space and pads with zeros; here nothing is forgiven. */
	if (length == 0 || length % 4 != 0 || letters > length || padding > 2 ||
	    length / 4 * 3 > BLOB_MAX_BYTES || memcmp(text + letters, "==", padding) != 0)
		return false;
	if (EVP_DecodeBlock(blob, (const unsigned char *)text, (int)length) < 0)
		return false;
	*blob_length = length / 4 * 3 - padding;
	return true;
}

/* The blob's fields: as many as the kind has, the first one the type, and nothing behind them. */
static const char *check_blob(const struct key_kind *kind, const uint8_t *blob, size_t length)
{
	size_t at = 0;

	for (unsigned field = 0; field < kind->fields; field++) {
		size_t field_length;

		if (length - at < 4)
			return damaged;
		field_length = (size_t)blob[at] << 24 | (size_t)blob[at + 1] << 16 |
		               (size_t)blob[at + 2] << 8 | blob[at + 3];
		at += 4;
		if (field_length > length - at)
			return damaged;
		if (field == 0 && (field_length != strlen(kind->type) ||
		                      memcmp(blob + at, kind->type, field_length) != 0))
			return "the key inside is of another type than the line says; "
			       "allowed: the whole line of the .pub file, unchanged";
		if (field == kind->sized_field && field_length < kind->least_bytes &&
		    strcmp(kind->type, "ssh-rsa") == 0)
			return "the RSA key is too short; allowed: 2048 bits and more";
		if (field == kind->sized_field &&
		    (field_length < kind->least_bytes || field_length > kind->most_bytes))
			return damaged;
		at += field_length;
	}
	return at == length ? NULL : damaged;
}

static bool make_fingerprint(
    const uint8_t *blob, size_t length, char out[CTL_KEYS_FINGERPRINT_BYTES])
{
	static const char prefix[] = "SHA256:";
	uint8_t digest[SHA256_BYTES];
	char *text = out + sizeof(prefix) - 1;

	if (EVP_Digest(blob, length, digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	memcpy(out, prefix, sizeof(prefix));
	EVP_EncodeBlock((unsigned char *)text, digest, SHA256_BYTES);
	text[strcspn(text, "=")] = '\0';
	return true;
}

const char *ctl_keys_parse(struct ctl_key *out, const char *line)
{
	size_t type_length = strcspn(line, " \t");
	const char *base64 = line + type_length + strspn(line + type_length, " \t");
	size_t base64_length = strcspn(base64, " \t");
	const char *comment = base64 + base64_length + strspn(base64 + base64_length, " \t");
	const struct key_kind *kind = find_kind(line, type_length);
	uint8_t blob[BLOB_MAX_BYTES];
	size_t blob_length;
	const char *wrong;

	if (text_has_control(line, strlen(line)) || base64_length == 0)
		return not_a_key;
	if (kind == NULL && strncmp(line, "ssh-dss", type_length) == 0 && type_length == 7)
		return "DSA keys are no longer safe; allowed: ssh-ed25519, ecdsa-sha2-*, ssh-rsa";
	if (kind == NULL)
		return not_a_key;
	if (!decode(base64, base64_length, blob, &blob_length))
		return damaged;
	wrong = check_blob(kind, blob, blob_length);
	if (wrong != NULL)
		return wrong;
	if (!make_fingerprint(blob, blob_length, out->fingerprint))
		return "libcrypto cannot compute SHA-256";
	text_copy(out->type, sizeof(out->type), kind->type);
	text_escape(out->comment, sizeof(out->comment), comment, strlen(comment));
	return NULL;
}
