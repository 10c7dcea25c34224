#include "auth/auth_keys.h"

#include <stdio.h>
#include <string.h>

#include "server/base/text.h"

const char auth_keys_not_a_line[] =
    "it is not a line of authorized_keys: OPTIONS TYPE BASE64 COMMENT";

/* --- one line as text --------------------------------------------------------------------------
 */

struct cut {
	const char *at;
	size_t left;
};

static void skip_blanks(struct cut *cut)
{
	while (cut->left > 0 && (*cut->at == ' ' || *cut->at == '\t')) {
		cut->at++;
		cut->left--;
	}
}

static struct auth_blob take(struct cut *cut, size_t length)
{
	const struct auth_blob taken = { .bytes = (const uint8_t *)cut->at, .length = length };

	cut->at += length;
	cut->left -= length;
	skip_blanks(cut);
	return taken;
}

/* Up to the next white space. */
static struct auth_blob take_word(struct cut *cut)
{
	size_t length = 0;

	while (length < cut->left && cut->at[length] != ' ' && cut->at[length] != '\t')
		length++;
	return take(cut, length);
}

static bool is_type(struct auth_blob word)
{
	return auth_key_type_find(word) != NULL || auth_key_type_is_certificate(word) ||
	       auth_blob_is(word, "ssh-dss");
}

const char *auth_keys_read(struct auth_keys_line *out, const char *line, size_t n)
{
	struct cut cut = { .at = line, .left = n };
	struct auth_blob type, base64;
	struct cut before;
	const char *wrong;
	size_t length;

	out->options = (struct auth_blob){ .bytes = NULL };
	skip_blanks(&cut);
	if (n > AUTH_KEYS_LINE_MAX_BYTES || memchr(line, '\0', n) != NULL)
		return "it is too long, or no text";
	before = cut;
	type = take_word(&cut);
	if (!is_type(type)) {
		cut = before;
		out->options = take(&cut, auth_key_options_length(cut.at, cut.left));
		type = take_word(&cut);
	}
	if (!is_type(type))
		return auth_keys_not_a_line;
	if (auth_blob_is(type, "ssh-dss"))
		return "DSA keys are no longer safe";
	base64 = take_word(&cut);
	if (base64.length == 0)
		return auth_keys_not_a_line;
	if (!text_parse_base64(
	        (const char *)base64.bytes, base64.length, out->bytes, sizeof(out->bytes), &length))
		return auth_key_damaged;
	wrong =
	    auth_key_parse(&out->key, (struct auth_blob){ .bytes = out->bytes, .length = length });
	if (wrong != NULL)
		return wrong;
	if (!auth_blob_is(type, out->key.type->name))
		return "the key inside is of another type than the line says";
	out->comment = (struct auth_blob){ .bytes = (const uint8_t *)cut.at, .length = cut.left };
	return NULL;
}

/* --- does it count? ----------------------------------------------------------------------------
 */

static void note_spoilt(
    struct auth_keys_answer *answer, const char *where, size_t number, const char *wrong)
{
	if (answer->spoilt[0] == '\0')
		text_format(answer->spoilt, sizeof(answer->spoilt),
		    "%s, line %zu does not count: %s", where, number, wrong);
}

/* The line has the key: the reason why it is of no use is worth more than that of another line. */
static void refuse(struct auth_keys_answer *answer, const char *where, size_t number,
    const char *reason, const char *cure)
{
	answer->matched = true;
	text_format(answer->why, sizeof(answer->why), "%s, line %zu: %s", where, number, reason);
	text_copy(answer->cure, sizeof(answer->cure), cure);
}

static void try_match(const struct auth_keys_ask *ask, const struct auth_keys_line *line,
    const char *where, size_t number, struct auth_keys_answer *answer)
{
	char wrong[AUTH_KEY_OPTIONS_WRONG_BYTES];
	char reason[AUTH_KEYS_TEXT_BYTES / 2];
	char peer[NETADDR_TEXT_BYTES];
	struct auth_key_options options;

	if (!auth_key_options_parse(&options, line->options, wrong)) {
		refuse(answer, where, number, wrong, "correct the line, or take the option away");
	} else if (!auth_key_options_admit(&options, ask->peer)) {
		netaddr_format_ip(ask->peer, peer);
		text_format(
		    reason, sizeof(reason), "from= does not allow the key at address %s", peer);
		refuse(answer, where, number, reason,
		    "add the address or its network to from=, if it is the user's");
	} else if (options.expires && ask->now >= options.expiry) {
		refuse(answer, where, number, "the key has expired (expiry-time=)",
		    "give the user a new key, or a later expiry-time");
	} else if (line->key.type->algorithm == AUTH_KEY_RSA &&
	           line->key.bits < ask->rsa_min_bits) {
		text_format(reason, sizeof(reason), "the RSA key has %u bits, less than %u",
		    line->key.bits, ask->rsa_min_bits);
		refuse(answer, where, number, reason,
		    "let the user make a longer key, better of type ed25519; or lower "
		    "rsa_min_bits");
	} else {
		answer->accepted = true;
		answer->untouched = options.untouched;
		answer->verify_required = options.verify_required;
	}
}

void auth_keys_try(const struct auth_keys_ask *ask, const char *line, size_t n, const char *where,
    size_t number, struct auth_keys_answer *answer)
{
	char wrong[AUTH_KEY_OPTIONS_WRONG_BYTES];
	struct auth_key_options options;
	struct auth_keys_line read;
	struct cut cut = { .at = line, .left = n };
	const char *unreadable;

	while (cut.left > 0 && cut.at[cut.left - 1] == '\r')
		cut.left--;
	skip_blanks(&cut);
	if (answer->accepted || cut.left == 0 || *cut.at == '#')
		return;
	unreadable = auth_keys_read(&read, cut.at, cut.left);
	if (unreadable != NULL)
		note_spoilt(answer, where, number, unreadable);
	else if (auth_blob_same(read.key.blob, ask->key->blob))
		try_match(ask, &read, where, number, answer);
	else if (!auth_key_options_parse(&options, read.options, wrong))
		note_spoilt(answer, where, number, wrong);
}

void auth_keys_try_text(const struct auth_keys_ask *ask, const char *text, size_t n,
    const char *where, struct auth_keys_answer *answer)
{
	for (size_t number = 1; n > 0; number++) {
		const char *newline = memchr(text, '\n', n);
		const size_t length = newline == NULL ? n : (size_t)(newline - text);
		const size_t whole = newline == NULL ? n : length + 1;

		auth_keys_try(ask, text, length, where, number, answer);
		text += whole;
		n -= whole;
	}
}
