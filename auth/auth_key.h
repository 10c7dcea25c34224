/*
 * SSH public keys as SSH sends them (RFC 4253 6.6): which kinds there are, whether bytes are one,
 * its fingerprint.
 *
 * Guard and transomctl.  Whose key it is says auth_keys.h; what it has signed, auth_signature.h.
 */
#ifndef AUTH_AUTH_KEY_H
#define AUTH_AUTH_KEY_H

#include "auth/auth_blob.h"

#define AUTH_KEY_MAX_BYTES         8192u
#define AUTH_KEY_RSA_MAX_BITS      16384u /* libcrypto checks no signature of larger ones */
#define AUTH_KEY_FINGERPRINT_BYTES 64     /* "SHA256:" and 43 characters */

enum auth_key_algorithm { AUTH_KEY_ED25519, AUTH_KEY_ECDSA, AUTH_KEY_RSA };

/* A row of THE list of key types (auth_key.c). */
struct auth_key_type {
	const char *name;
	enum auth_key_algorithm algorithm;
	const char *curve;   /* ECDSA: as RFC 5656 6.1 names it */
	const char *group;   /* ECDSA: as libcrypto names it */
	size_t public_bytes; /* Ed25519: of the key; ECDSA: of the point */
	bool security_key;   /* in hardware: its signatures have a form of their own */
};

extern const struct auth_key_type auth_key_types[];
extern const size_t auth_key_type_count;
/* NULL when there is none of that name. */
const struct auth_key_type *auth_key_type_find(struct auth_blob name);
/* Is it the type of an OpenSSH certificate rather than of a key? */
bool auth_key_type_is_certificate(struct auth_blob name);

/* A key; everything points into the bytes it was read from. */
struct auth_key {
	const struct auth_key_type *type;
	struct auth_blob blob;
	struct auth_blob point;       /* Ed25519, ECDSA */
	struct auth_blob modulus;     /* RSA */
	struct auth_blob exponent;    /* RSA */
	struct auth_blob application; /* security keys */
	unsigned bits;                /* RSA: of the modulus */
};

extern const char auth_key_damaged[];
extern const char auth_key_other_type[];
/* NULL and *out filled, or what is wrong with it: a static text. */
const char *auth_key_parse(struct auth_key *out, struct auth_blob blob);
/* "SHA256:" and base64 without padding, as OpenSSH prints it.  False when libcrypto fails. */
bool auth_key_fingerprint(struct auth_blob blob, char out[AUTH_KEY_FINGERPRINT_BYTES]);

#endif
