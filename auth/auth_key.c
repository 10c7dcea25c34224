#include "auth/auth_key.h"

#include <openssl/evp.h>
#include <string.h>

#define SHA256_BYTES       32u
#define RSA_EXPONENT_BYTES 8u /* longer ones only make a check slow */
#define POINT_UNCOMPRESSED 0x04

const struct auth_key_type auth_key_types[] = {
	{ .name = "ssh-ed25519", .algorithm = AUTH_KEY_ED25519, .public_bytes = 32 },
	{ .name = "ecdsa-sha2-nistp256",
	    .algorithm = AUTH_KEY_ECDSA,
	    .curve = "nistp256",
	    .group = "P-256",
	    .public_bytes = 65 },
	{ .name = "ecdsa-sha2-nistp384",
	    .algorithm = AUTH_KEY_ECDSA,
	    .curve = "nistp384",
	    .group = "P-384",
	    .public_bytes = 97 },
	{ .name = "ecdsa-sha2-nistp521",
	    .algorithm = AUTH_KEY_ECDSA,
	    .curve = "nistp521",
	    .group = "P-521",
	    .public_bytes = 133 },
	{ .name = "ssh-rsa", .algorithm = AUTH_KEY_RSA },
	{ .name = "sk-ssh-ed25519@openssh.com",
	    .algorithm = AUTH_KEY_ED25519,
	    .public_bytes = 32,
	    .security_key = true },
	{ .name = "sk-ecdsa-sha2-nistp256@openssh.com",
	    .algorithm = AUTH_KEY_ECDSA,
	    .curve = "nistp256",
	    .group = "P-256",
	    .public_bytes = 65,
	    .security_key = true },
};
const size_t auth_key_type_count = sizeof(auth_key_types) / sizeof(auth_key_types[0]);

const char auth_key_damaged[] = "the key is damaged";
const char auth_key_other_type[] = "the key is of a type that is not served";

const struct auth_key_type *auth_key_type_find(struct auth_blob name)
{
	for (size_t i = 0; i < auth_key_type_count; i++)
		if (auth_blob_is(name, auth_key_types[i].name))
			return &auth_key_types[i];
	return NULL;
}

bool auth_key_type_is_certificate(struct auth_blob name)
{
	static const char suffix[] = "-cert-v01@openssh.com";
	const size_t length = sizeof(suffix) - 1;

	return name.length > length &&
	       memcmp(name.bytes + name.length - length, suffix, length) == 0;
}

static unsigned count_bits(struct auth_blob number)
{
	unsigned bits = (unsigned)(number.length - 1) * 8;

	for (uint8_t first = number.bytes[0]; first != 0; first >>= 1)
		bits++;
	return bits;
}

/* RFC 4253 6.6: e, then n. */
static bool take_rsa(struct auth_key *key, struct auth_blob *rest)
{
	if (!auth_blob_take_number(rest, &key->exponent) ||
	    !auth_blob_take_number(rest, &key->modulus) ||
	    key->modulus.length > AUTH_KEY_RSA_MAX_BITS / 8 ||
	    key->exponent.length > RSA_EXPONENT_BYTES)
		return false;
	key->bits = count_bits(key->modulus);
	/* Even ones, and an exponent of 1, are no keys but ways to have any signature accepted. */
	return (key->modulus.bytes[key->modulus.length - 1] & 1) != 0 &&
	       (key->exponent.bytes[key->exponent.length - 1] & 1) != 0 &&
	       count_bits(key->exponent) > 1;
}

static bool take_point(struct auth_key *key, struct auth_blob *rest)
{
	struct auth_blob curve;

	if (key->type->algorithm == AUTH_KEY_ECDSA &&
	    (!auth_blob_take_string(rest, &curve) || !auth_blob_is(curve, key->type->curve)))
		return false;
	if (!auth_blob_take_string(rest, &key->point) ||
	    key->point.length != key->type->public_bytes)
		return false;
	return key->type->algorithm != AUTH_KEY_ECDSA || key->point.bytes[0] == POINT_UNCOMPRESSED;
}

const char *auth_key_parse(struct auth_key *out, struct auth_blob blob)
{
	struct auth_blob rest = blob;
	struct auth_blob name;

	*out = (struct auth_key){ .blob = blob };
	if (blob.length > AUTH_KEY_MAX_BYTES || !auth_blob_take_string(&rest, &name))
		return auth_key_damaged;
	out->type = auth_key_type_find(name);
	if (out->type == NULL)
		return auth_key_type_is_certificate(name)
		           ? "OpenSSH certificates are not served, only the keys themselves"
		           : auth_key_other_type;
	if (out->type->algorithm == AUTH_KEY_RSA ? !take_rsa(out, &rest) : !take_point(out, &rest))
		return auth_key_damaged;
	if (out->type->security_key &&
	    (!auth_blob_take_string(&rest, &out->application) || out->application.length == 0))
		return auth_key_damaged;
	return rest.length == 0 ? NULL : auth_key_damaged;
}

bool auth_key_fingerprint(struct auth_blob blob, char out[AUTH_KEY_FINGERPRINT_BYTES])
{
	static const char prefix[] = "SHA256:";
	uint8_t digest[SHA256_BYTES];
	char *text = out + sizeof(prefix) - 1;

	out[0] = '\0';
	if (EVP_Digest(blob.bytes, blob.length, digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	memcpy(out, prefix, sizeof(prefix));
	EVP_EncodeBlock((unsigned char *)text, digest, SHA256_BYTES);
	text[strcspn(text, "=")] = '\0';
	return true;
}
