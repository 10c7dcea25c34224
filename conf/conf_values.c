#include "conf/conf_values.h"

#include <string.h>

bool conf_values_reset(const struct conf_option *row, void *structure)
{
	struct conf_written written = { .items = &row->fallback, .count = 1, .base_dir = "/" };

	/* An empty default is an empty text, or the absence of a value that must be given. */
	if (strcmp(row->fallback, "{}") == 0)
		written.count = 0;
	if (row->fallback[0] == '\0' && row->type == CONF_TYPE_path &&
	    (row->min & CONF_PATH_OPTIONAL) == 0) {
		conf_type(row->type)->clear(conf_field(structure, row));
		return true;
	}
	return conf_type(row->type)->parse(row, &written, conf_field(structure, row)) == NULL;
}

bool conf_values_default(const struct conf_section *section, void *structure)
{
	for (size_t i = 0; i < section->option_count; i++)
		if (!conf_values_reset(&section->options[i], structure))
			return false;
	return true;
}

bool conf_values_copy(const struct conf_section *section, const void *from, void *to)
{
	return conf_values_inherit(section, to, section, from);
}

bool conf_values_inherit(const struct conf_section *section, void *to,
    const struct conf_section *from_section, const void *from)
{
	for (size_t i = 0; i < section->option_count; i++) {
		const struct conf_option *row = &section->options[i];
		const struct conf_option *source = conf_section_option(from_section, row->name);

		bool done = source == NULL ? conf_values_reset(row, to)
		                           : conf_type(row->type)->copy(
		                                 conf_field_of(from, source), conf_field(to, row));

		if (!done)
			return false;
	}
	return true;
}

void conf_values_clear(const struct conf_section *section, void *structure)
{
	for (size_t i = 0; i < section->option_count; i++) {
		const struct conf_option *row = &section->options[i];

		conf_type(row->type)->clear(conf_field(structure, row));
	}
}
