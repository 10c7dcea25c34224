#include "auth/auth_hash.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/pages.h"
#include "server/base/text.h"

/* THE list of hash methods.  A row without a name is only checked, never made. */
static const struct hash_method {
	const char *prefix;
	const char *name;
	unsigned long count; /* cost of new hashes: some 50 ms each; 0 = libcrypt's default */
} hash_methods[] = {
	{ .prefix = "$y$", .name = "yescrypt", .count = 0 },
	{ .prefix = "$2b$", .name = "bcrypt", .count = 10 },
	{ .prefix = "$2a$" },
	{ .prefix = "$2y$" },
	{ .prefix = "$6$", .name = "sha512crypt", .count = 100000 },
	{ .prefix = "$5$", .name = "sha256crypt", .count = 100000 },
};
#define HASH_METHOD_COUNT (sizeof(hash_methods) / sizeof(hash_methods[0]))

/* yescrypt at the cost of new hashes, with a salt of no meaning. */
#define DUMMY_SETTING "$y$j9T$5BoTsEV0YGWSxoARWPo2k.$"

bool auth_hash_usable(const char *hash)
{
	for (size_t i = 0; i < HASH_METHOD_COUNT; i++)
		if (strncmp(hash, hash_methods[i].prefix, strlen(hash_methods[i].prefix)) == 0)
			return true;
	return false;
}

/* libcrypt takes C strings of less than CRYPT_MAX_PASSPHRASE_SIZE bytes. */
static bool is_hashable(const struct secret *password)
{
	return secret_length(password) < CRYPT_MAX_PASSPHRASE_SIZE &&
	       strlen(secret_text(password)) == secret_length(password);
}

/* No early end: how much of a hash was right must not show in the time. */
static bool is_equal(const char *a, const char *b)
{
	size_t length = strlen(a);
	unsigned difference = 0;

	if (strlen(b) != length)
		return false;
	for (size_t i = 0; i < length; i++)
		difference |= (unsigned char)a[i] ^ (unsigned char)b[i];
	return difference == 0;
}

/* Hash the text as the setting says; false when libcrypt refuses. */
static bool hash_text(const char *setting, const char *text, char out[AUTH_HASH_BYTES])
{
	/* 32 KiB with traces of the password in it: pages of their own, wiped and given back. */
	struct crypt_data *data = pages_new(sizeof(*data));
	const char *made;
	bool hashed;

	if (data == NULL)
		return false;
	made = crypt_rn(text, setting, data, (int)sizeof(*data));
	hashed = made != NULL && text_copy(out, AUTH_HASH_BYTES, made);
	secret_wipe(data, sizeof(*data));
	pages_free(data, sizeof(*data));
	return hashed;
}

bool auth_hash_check(const char *hash, const struct secret *password)
{
	char made[AUTH_HASH_BYTES];
	bool hashable = is_hashable(password);
	bool hashed, matches;

	if (!auth_hash_usable(hash))
		return false;
	/* An unhashable password costs the time of another one, and is wrong whatever comes out. */
	hashed = hash_text(hash, hashable ? secret_text(password) : "", made);
	matches = hashed && hashable && is_equal(hash, made);
	/* So does a hash that libcrypt finds malformed: it would answer at once. */
	if (!hashed)
		hash_text(DUMMY_SETTING, "", made);
	secret_wipe(made, sizeof(made));
	return matches;
}

void auth_hash_dummy(const struct secret *password)
{
	auth_hash_check(DUMMY_SETTING, password);
}

static const struct hash_method *find_method(const char *name)
{
	if (name == NULL)
		return &hash_methods[0];
	for (size_t i = 0; i < HASH_METHOD_COUNT; i++)
		if (hash_methods[i].name != NULL && strcmp(hash_methods[i].name, name) == 0)
			return &hash_methods[i];
	return NULL;
}

bool auth_hash_make(const char *method, const struct secret *password, char out[AUTH_HASH_BYTES])
{
	const struct hash_method *row = find_method(method);
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];

	if (row == NULL || !is_hashable(password))
		return false;
	/* Without random bytes of ours libcrypt asks the kernel for them. */
	if (crypt_gensalt_rn(row->prefix, row->count, NULL, 0, setting, (int)sizeof(setting)) ==
	    NULL)
		return false;
	return hash_text(setting, secret_text(password), out);
}
