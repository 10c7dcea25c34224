/* The lists that say how a user proves who they are: words, certs. */
#include <string.h>

#include "conf/conf_rows.h"
#include "conf/conf_types_private.h"
#include "server/base/text.h"

/* --- words ------------------------------------------------------------------------------------ */

int conf_word_find(const char *words, const char *text)
{
	const size_t length = strlen(text);

	for (int index = 0; *words != '\0'; index++) {
		size_t word = strcspn(words, "|");

		if (word == length && memcmp(words, text, length) == 0)
			return index;
		words += word + (words[word] == '|');
	}
	return -1;
}

static const char *parse_words(
    const struct conf_option *row, struct conf_written *written, void *field)
{
	for (size_t i = 0; i < written->count; i++) {
		written->wrong_item = i;
		if (conf_word_find(row->words, written->items[i]) < 0)
			return "it is not one of the words";
		for (size_t j = 0; j < i; j++)
			if (strcmp(written->items[i], written->items[j]) == 0)
				return "it is there twice";
	}
	return conf_type_list.parse(row, written, field);
}

static void format_list(
    const struct conf_option *row, const void *field, bool expanded, struct buf *out)
{
	conf_type_list.format(row, field, expanded, out);
}

static void allowed_words(const struct conf_option *row, char *out, size_t out_bytes)
{
	char words[256];

	conf_type_choice.allowed(row, words, sizeof(words));
	text_format(out, out_bytes, "each of these at most once, in braces: %s", words);
}

static bool copy_list(const void *from, void *to)
{
	return conf_type_list.copy(from, to);
}

static void clear_list(void *field)
{
	conf_type_list.clear(field);
}

const struct conf_type conf_type_words = {
	.name = "words",
	.takes_list = true,
	.parse = parse_words,
	.format = format_list,
	.allowed = allowed_words,
	.copy = copy_list,
	.clear = clear_list,
};

/* --- certs ------------------------------------------------------------------------------------ */

static int hex_value(char letter)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *found = letter == '\0' ? NULL : strchr(digits, letter);

	return found == NULL ? -1 : (int)(found - digits) % 16;
}

/* 64 hex digits, a colon between two bytes or none at all. */
static bool parse_hex(const char *text, uint8_t out[CONF_CERT_DIGEST_BYTES])
{
	const bool colons = text[0] != '\0' && text[1] != '\0' && text[2] == ':';

	for (size_t i = 0; i < CONF_CERT_DIGEST_BYTES; i++) {
		if (i > 0 && colons && *text++ != ':')
			return false;
		if (hex_value(text[0]) < 0 || hex_value(text[1]) < 0)
			return false;
		out[i] = (uint8_t)(hex_value(text[0]) << 4 | hex_value(text[1]));
		text += 2;
	}
	return *text == '\0';
}

/* The text behind the prefix, or NULL. */
static const char *behind(const char *text, const char *prefix)
{
	const size_t length = strlen(prefix);

	return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

enum conf_cert_kind conf_cert_read(
    const char *text, const char **name_out, uint8_t digest_out[CONF_CERT_DIGEST_BYTES])
{
	const char *rest;
	size_t length;

	if ((rest = behind(text, "SHA256:")) != NULL) {
		if (parse_hex(rest, digest_out))
			return CONF_CERT_SHA256;
		return text_parse_base64(
		           rest, strlen(rest), digest_out, CONF_CERT_DIGEST_BYTES, &length) &&
		               length == CONF_CERT_DIGEST_BYTES
		           ? CONF_CERT_SHA256
		           : CONF_CERT_WRONG;
	}
	if ((rest = behind(text, "SAN:")) != NULL && rest[0] != '\0') {
		*name_out = rest;
		return CONF_CERT_SAN;
	}
	if ((rest = behind(text, "CN:")) != NULL && rest[0] != '\0') {
		*name_out = rest;
		return CONF_CERT_CN;
	}
	return CONF_CERT_WRONG;
}

static const char *parse_certs(
    const struct conf_option *row, struct conf_written *written, void *field)
{
	uint8_t digest[CONF_CERT_DIGEST_BYTES];
	const char *name;

	for (size_t i = 0; i < written->count; i++) {
		written->wrong_item = i;
		if (conf_cert_read(written->items[i], &name, digest) == CONF_CERT_WRONG)
			return "it does not name a certificate";
	}
	return conf_type_list.parse(row, written, field);
}

static void allowed_certs(const struct conf_option *row, char *out, size_t out_bytes)
{
	text_format(out, out_bytes,
	    "at most %lld texts in braces: SHA256: and the fingerprint in hex or base64, SAN: and "
	    "a "
	    "host name, mail address or URI, CN: and a common name",
	    (long long)row->max);
}

const struct conf_type conf_type_certs = {
	.name = "certs",
	.takes_list = true,
	.parse = parse_certs,
	.format = format_list,
	.allowed = allowed_certs,
	.copy = copy_list,
	.clear = clear_list,
};
