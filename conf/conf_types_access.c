/* The type of `access`: a preset or a list of rights, as the bits of conf_rights.h. */
#include <string.h>

#include "conf/conf_lex.h"
#include "conf/conf_rights.h"
#include "conf/conf_rows.h"
#include "conf/conf_types_private.h"
#include "server/base/text.h"

struct named_rights {
	const char *name;
	uint32_t rights;
};

#define PRESET_ROW(preset, bits, doc) { .name = preset, .rights = bits },
static const struct named_rights presets[] = { CONF_PRESETS(PRESET_ROW) };

#define RIGHT_ROW(right, bit, doc) { .name = #right, .rights = RIGHT_##right },
static const struct named_rights rights[] = { CONF_RIGHTS(RIGHT_ROW) };

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SEPARATORS      ", "

static const struct named_rights *find(
    const struct named_rights *table, size_t count, const char *name, size_t length)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(table[i].name) == length && memcmp(table[i].name, name, length) == 0)
			return &table[i];
	return NULL;
}

/* Add the rights named in one item, which may be several words. */
static const char *add_rights(const char *text, uint32_t *bits)
{
	text += strspn(text, SEPARATORS);
	if (*text == '\0')
		return "it is empty";
	while (*text != '\0') {
		size_t length = strcspn(text, SEPARATORS);
		const struct named_rights *right = find(rights, COUNT_OF(rights), text, length);

		if (right == NULL && find(presets, COUNT_OF(presets), text, length) != NULL)
			return "a preset stands alone";
		if (right == NULL)
			return "it is neither a preset nor a right";
		*bits |= right->rights;
		text += length;
		text += strspn(text, SEPARATORS);
	}
	return NULL;
}

static const char *parse_access(
    const struct conf_option *row, struct conf_written *written, void *field)
{
	uint32_t bits = 0;

	(void)row;
	if (written->count == 0)
		return "it is empty";
	if (written->count == 1) {
		const char *text = written->items[0];
		const struct named_rights *preset =
		    find(presets, COUNT_OF(presets), text, strlen(text));

		if (preset != NULL) {
			*(conf_access *)field = preset->rights;
			return NULL;
		}
	}
	for (size_t i = 0; i < written->count; i++) {
		const char *wrong = add_rights(written->items[i], &bits);

		written->wrong_item = i;
		if (wrong != NULL)
			return wrong;
	}
	*(conf_access *)field = bits;
	return NULL;
}

static void format_access(
    const struct conf_option *row, const void *field, bool expanded, struct buf *out)
{
	uint32_t bits = *(const conf_access *)field;
	const char *separator = "";

	(void)row, (void)expanded;
	buf_append_string(out, "\"");
	for (size_t i = 0; i < COUNT_OF(presets); i++) {
		if (presets[i].rights == bits) {
			buf_appendf(out, "%s\"", presets[i].name);
			return;
		}
	}
	for (size_t i = 0; i < COUNT_OF(rights); i++) {
		if (bits & rights[i].rights) {
			buf_appendf(out, "%s%s", separator, rights[i].name);
			separator = " ";
		}
	}
	buf_append_string(out, "\"");
}

static void allowed_access(const struct conf_option *row, char *out, size_t out_bytes)
{
	size_t used = 0;

	(void)row;
	out[0] = '\0';
	for (size_t i = 0; i < COUNT_OF(presets); i++, used = strlen(out))
		text_format(
		    out + used, out_bytes - used, "%s%s", i == 0 ? "" : ", ", presets[i].name);
	for (size_t i = 0; i < COUNT_OF(rights); i++, used = strlen(out))
		text_format(out + used, out_bytes - used, "%s%s",
		    i == 0 ? ", or a list of rights: " : " ", rights[i].name);
}

static bool copy_access(const void *from, void *to)
{
	memcpy(to, from, sizeof(conf_access));
	return true;
}

static void clear_access(void *field)
{
	memset(field, 0, sizeof(conf_access));
}

const struct conf_type conf_type_access = {
	.name = "access",
	.takes_list = true,
	.parse = parse_access,
	.format = format_access,
	.allowed = allowed_access,
	.copy = copy_access,
	.clear = clear_access,
};
