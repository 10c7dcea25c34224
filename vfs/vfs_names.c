/*
 * Staged names, name rules, numbered names.
 */
#include "vfs/vfs_names.h"

#include <openssl/evp.h>
#include <string.h>

#include "server/base/random.h"
#include "server/base/text.h"

#define PREFIX_LENGTH (sizeof VFS_STAGED_PREFIX - 1)
#define TAG_LENGTH    (VFS_TAG_BYTES - 1)
#define RANDOM_DIGITS 8u
#define HASH_DIGITS   32u

/* The first `digits` hex digits of SHA-256(text). */
static bool hash_hex(const char *text, size_t digits, char *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	if (EVP_Digest(text, strlen(text), digest, &length, EVP_sha256(), NULL) != 1 ||
	    length * 2 < digits)
		return false;
	text_hex(out, digest, digits / 2);
	return true;
}

bool vfs_names_tag(const char *user_name, char tag_out[VFS_TAG_BYTES])
{
	return hash_hex(user_name, TAG_LENGTH, tag_out);
}

bool vfs_names_staged(const char *tag, const char *name, bool another, char out[VFS_NAME_MAX + 1])
{
	char second[1 + RANDOM_DIGITS + 1] = "";
	char hash[HASH_DIGITS + 1];

	if (another) {
		unsigned char bytes[RANDOM_DIGITS / 2];

		random_bytes(bytes, sizeof bytes);
		second[0] = '~';
		text_hex(second + 1, bytes, sizeof bytes);
	}
	if (text_format(out, VFS_NAME_MAX + 1, VFS_STAGED_PREFIX "%s%s-%s", tag, second, name))
		return true;
	return hash_hex(name, HASH_DIGITS, hash) &&
	       text_format(out, VFS_NAME_MAX + 1, VFS_STAGED_PREFIX "%s%s+%s", tag, second, hash);
}

static bool is_hex(const char *text, size_t n)
{
	return strspn(text, "0123456789abcdef") >= n;
}

struct vfs_staged_name vfs_names_parse(const char *tag, const char *entry)
{
	struct vfs_staged_name parsed = { .kind = VFS_STAGED_NOT };
	const char *at = entry + PREFIX_LENGTH;

	if (strncmp(entry, VFS_STAGED_PREFIX, PREFIX_LENGTH) != 0)
		return parsed;
	parsed.kind = VFS_STAGED_MALFORMED;
	if (!is_hex(at, TAG_LENGTH))
		return parsed;
	parsed.mine = strncmp(at, tag, TAG_LENGTH) == 0;
	at += TAG_LENGTH;
	if (*at == '~') {
		if (!is_hex(at + 1, RANDOM_DIGITS))
			return parsed;
		at += 1 + RANDOM_DIGITS;
		if (*at == '-' || *at == '+')
			parsed.kind = VFS_STAGED_ANOTHER;
	} else if (*at == '-' || *at == '+') {
		parsed.kind = VFS_STAGED_MAIN;
	}
	if (parsed.kind != VFS_STAGED_MALFORMED && *at == '-')
		parsed.name = at + 1;
	return parsed;
}

static bool matches_one(const struct conf_list *patterns, const char *name)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (text_glob(patterns->items[i], name))
			return true;
	return false;
}

bool vfs_names_allowed(const struct vfs_mount *mount, const char *name)
{
	const struct conf_mount *policy = mount->policy;

	if (policy->allow_names.count > 0 && !matches_one(&policy->allow_names, name))
		return false;
	return !matches_one(&policy->deny_names, name);
}

bool vfs_names_numbered(const char *name, unsigned number, char out[VFS_NAME_MAX + 1])
{
	return text_format(out, VFS_NAME_MAX + 1, "%s.%u", name, number);
}

bool vfs_names_sibling(const struct vfs_path *path, const char *name, struct vfs_path *out)
{
	size_t base = (size_t)(strrchr(path->text, '/') + 1 - path->text);
	size_t n = strlen(name);

	if (base + n >= VFS_PATH_MAX)
		return false;
	memmove(out->text, path->text, base);
	memcpy(out->text + base, name, n + 1);
	out->length = base + n;
	return true;
}
