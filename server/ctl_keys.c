#include "server/ctl_keys.h"

#include <string.h>

#include "server/base/text.h"

static const char not_a_key[] = "not a public key; allowed: a line as ssh-keygen writes it to a "
                                ".pub file, TYPE BASE64 COMMENT, "
                                "perhaps with options before it";

static const char *complain(struct ctl_key *out, const char *wrong, const char *allowed)
{
	text_format(out->wrong, sizeof(out->wrong), "%s; allowed: %s", wrong, allowed);
	return out->wrong;
}

static const char *check(
    struct ctl_key *out, const struct auth_keys_line *line, unsigned rsa_min_bits)
{
	static const char known[] =
	    "from=\"...\", expiry-time=\"...\", restrict, no-touch-required, "
	    "verify-required, and the no-* that go without saying";
	char wrong[AUTH_KEY_OPTIONS_WRONG_BYTES];
	struct auth_key_options options;

	if (line->key.type->algorithm == AUTH_KEY_RSA && line->key.bits < rsa_min_bits) {
		text_format(out->wrong, sizeof(out->wrong),
		    "the RSA key is too short; allowed: %u bits and more", rsa_min_bits);
		return out->wrong;
	}
	if (!auth_key_options_parse(&options, line->options, wrong))
		return complain(out, wrong, known);
	if (!auth_key_fingerprint(line->key.blob, out->fingerprint))
		return "libcrypto cannot compute SHA-256";
	return NULL;
}

const char *ctl_keys_parse(struct ctl_key *out, const char *line, unsigned rsa_min_bits)
{
	struct auth_keys_line read;
	const char *wrong;

	if (text_has_control(line, strlen(line)))
		return not_a_key;
	wrong = auth_keys_read(&read, line, strlen(line));
	if (wrong == auth_keys_not_a_line)
		return not_a_key;
	if (wrong != NULL)
		return complain(out, wrong, "the whole line of a .pub file, unchanged");
	wrong = check(out, &read, rsa_min_bits);
	if (wrong != NULL)
		return wrong;
	text_copy(out->type, sizeof(out->type), read.key.type->name);
	text_escape(out->comment, sizeof(out->comment), read.comment.bytes, read.comment.length);
	return NULL;
}
