#include "conf/conf_rows.h"

#include <string.h>

#include "server/base/text.h"

/* How the columns min and max of a row are meant, by type. */
#define LIMITS_bool(low, high)     .min = (low), .max = (high)
#define LIMITS_uint(low, high)     .min = (low), .max = (high)
#define LIMITS_duration(low, high) .min = (low), .max = (high)
#define LIMITS_mode(low, high)     .min = (low), .max = (high)
#define LIMITS_text(low, high)     .min = (low), .max = (high)
#define LIMITS_path(low, high)     .min = (low), .max = (high)
#define LIMITS_paths(low, high)    .min = (low), .max = (high)
#define LIMITS_target(low, high)   .min = (low), .max = (high)
#define LIMITS_account(low, high)  .min = (low), .max = (high)
#define LIMITS_choice(low, high)   .words = (low), .max = (high)
#define LIMITS_list(low, high)     .min = (low), .max = (high)
#define LIMITS_words(low, high)    .words = (low), .max = (high)
#define LIMITS_certs(low, high)    .min = (low), .max = (high)
#define LIMITS_ports(low, high)    .min = (low), .max = (high)
#define LIMITS_address(low, high)  .min = (low), .max = (high)
#define LIMITS_host(low, high)     .min = (low), .max = (high)
#define LIMITS_networks(low, high) .min = (low), .max = (high)
#define LIMITS_access(low, high)   .min = (low), .max = (high)

#define ROW(structure, type_id, LIMITS, option, default_text, low, high, roles, text) \
	{                                                                             \
		.name = #option,                                                      \
		.fallback = default_text,                                             \
		.doc = text,                                                          \
		LIMITS(low, high),                                                    \
		.offset = offsetof(structure, option),                                \
		.type = type_id,                                                      \
		.seen = roles,                                                        \
	},

/* Which struct holds the values of a section.  The type is pasted here, since `bool` is a macro. */
#define ROW_file(kind, ...) ROW(struct conf, CONF_TYPE_##kind, LIMITS_##kind, __VA_ARGS__)
#define ROW_listener(kind, ...) \
	ROW(struct conf_listener, CONF_TYPE_##kind, LIMITS_##kind, __VA_ARGS__)
#define ROW_ftp(kind, ...)   ROW(struct conf_ftp, CONF_TYPE_##kind, LIMITS_##kind, __VA_ARGS__)
#define ROW_ssh(kind, ...)   ROW(struct conf_ssh, CONF_TYPE_##kind, LIMITS_##kind, __VA_ARGS__)
#define ROW_tls(kind, ...)   ROW(struct conf_tls, CONF_TYPE_##kind, LIMITS_##kind, __VA_ARGS__)
#define ROW_tls_host(kind, ...) \
	ROW(struct conf_tls_host, CONF_TYPE_##kind, LIMITS_##kind, __VA_ARGS__)
#define ROW_log(kind, ...)   ROW(struct conf_log, CONF_TYPE_##kind, LIMITS_##kind, __VA_ARGS__)
#define ROW_mount(kind, ...) ROW(struct conf_mount, CONF_TYPE_##kind, LIMITS_##kind, __VA_ARGS__)
#define ROW_user(kind, ...)  ROW(struct conf_user, CONF_TYPE_##kind, LIMITS_##kind, __VA_ARGS__)
#define ROW_defaults         ROW_user
#define ROW_anonymous        ROW_user

#define COUNT_OF(array)       (sizeof(array) / sizeof((array)[0]))
#define SECTION_TITLED_ONCE   false
#define SECTION_TITLED_TITLED true

static const struct conf_section *const no_sections[] = { NULL };

static const struct conf_option mount_options[] = { CONF_EXTRA_MOUNT_OPTIONS(ROW_mount) };
const struct conf_section conf_section_mount = {
	.name = "mount",
	.doc =
	    "Another directory in the user's tree, at the path in the title. What is not set here "
	    "is as for the user's root.",
	.options = mount_options,
	.option_count = COUNT_OF(mount_options),
	.sections = no_sections,
	.titled = true,
};
static const struct conf_section *const mount_sections[] = { &conf_section_mount, NULL };

static const struct conf_option user_options[] = { CONF_USER_OPTIONS(ROW_user) };
const struct conf_section conf_section_user = {
	.name = "",
	.doc = "A user: the file NAME.conf in users_dir.",
	.options = user_options,
	.option_count = COUNT_OF(user_options),
	.sections = mount_sections,
};

/* Which sections may stand in a section. */
#define INNER_listener  no_sections
#define INNER_ftp       no_sections
#define INNER_ssh       no_sections
#define INNER_tls       no_sections
#define INNER_tls_host  no_sections
#define INNER_log       no_sections
#define INNER_defaults  mount_sections
#define INNER_anonymous mount_sections

#define SECTION(section, LIST, kind, text)                                             \
	static const struct conf_option section##_options[] = { LIST(ROW_##section) }; \
	static const struct conf_section section##_section = {                         \
		.name = #section,                                                      \
		.doc = text,                                                           \
		.options = section##_options,                                          \
		.option_count = COUNT_OF(section##_options),                           \
		.sections = INNER_##section,                                           \
		.titled = SECTION_TITLED_##kind,                                       \
	};
CONF_SECTIONS(SECTION)

#define SECTION_POINTER(section, LIST, kind, text) &section##_section,
static const struct conf_section *const main_sections[] = { CONF_SECTIONS(SECTION_POINTER) NULL };

static const struct conf_option file_options[] = { CONF_GLOBAL_OPTIONS(ROW_file) };
const struct conf_section conf_section_main = {
	.name = "",
	.doc = "What stands outside any section.",
	.options = file_options,
	.option_count = COUNT_OF(file_options),
	.sections = main_sections,
};

void *conf_field(void *structure, const struct conf_option *row)
{
	return (char *)structure + row->offset;
}

const void *conf_field_of(const void *structure, const struct conf_option *row)
{
	return (const char *)structure + row->offset;
}

const struct conf_option *conf_section_option(const struct conf_section *section, const char *name)
{
	for (size_t i = 0; i < section->option_count; i++)
		if (strcmp(section->options[i].name, name) == 0)
			return &section->options[i];
	return NULL;
}

const struct conf_section *conf_section_child(const struct conf_section *section, const char *name)
{
	for (size_t i = 0; section->sections[i] != NULL; i++)
		if (strcmp(section->sections[i]->name, name) == 0)
			return section->sections[i];
	return NULL;
}

#define SIMILAR_MAX_BYTES 40u /* longer names are not compared */
#define SIMILAR_EDITS     2u  /* this many wrong letters are a slip */

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Letters to insert, drop or change (Levenshtein); SIZE_MAX for long names. */
static size_t edits_between(const char *a, const char *b)
{
	size_t a_length = strlen(a);
	size_t b_length = strlen(b);
	size_t row[SIMILAR_MAX_BYTES + 1];

	if (a_length > SIMILAR_MAX_BYTES || b_length > SIMILAR_MAX_BYTES)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t above = row[j];

			row[j] = smallest(
			    above + 1, row[j - 1] + 1, diagonal + (size_t)(a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[b_length];
}

/* The names that may stand in a section, one after the other; NULL behind the last. */
static const char *known_name(const struct conf_section *section, size_t index)
{
	const struct conf_section *inner;

	if (index < section->option_count)
		return section->options[index].name;
	inner = section->sections[index - section->option_count];
	return inner == NULL ? NULL : inner->name;
}

void conf_section_suggest(
    const struct conf_section *section, const char *name, char *out, size_t out_bytes)
{
	const char *similar = NULL;
	const char *known;
	size_t least = SIMILAR_EDITS + 1;
	size_t used = 0;

	for (size_t i = 0; (known = known_name(section, i)) != NULL; i++) {
		size_t edits = edits_between(name, known);

		if (edits < least && edits < strlen(known) / 2) {
			least = edits;
			similar = known;
		}
	}
	out[0] = '\0';
	if (similar != NULL)
		text_format(out, out_bytes, "; did you mean \"%s\"?", similar);
	for (size_t i = 0; (known = known_name(section, i)) != NULL; i++) {
		used = strlen(out);
		text_format(
		    out + used, out_bytes - used, "%s%s", i == 0 ? "; allowed: " : ", ", known);
	}
}
