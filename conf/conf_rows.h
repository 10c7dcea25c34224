/*
 * The option table as data: conf_options.h laid out in arrays.
 *
 * For conf/, transomctl and the tests that iterate over the rows.  Read only; no values here.
 */
#ifndef CONF_ROWS_H
#define CONF_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"

struct conf_option {
	const char *name;
	const char *fallback; /* the default, as it would stand in the file */
	const char *words;    /* choice: "a|b" */
	const char *doc;
	int64_t min;
	int64_t max;
	size_t offset; /* of the field in the struct of its section */
	enum conf_type_id type;
	unsigned seen; /* SEEN_* */
};

struct conf_section {
	const char *name; /* "" for a whole file */
	const char *doc;
	const struct conf_option *options;
	size_t option_count;
	const struct conf_section *const *sections; /* those that may stand in it; ends in NULL */
	bool titled; /* name "title" { }, any number; otherwise at most once */
};

extern const struct conf_section conf_section_main; /* transom.conf */
extern const struct conf_section conf_section_user; /* users.d/NAME.conf */
extern const struct conf_section conf_section_mount;

/* The field of a row in the struct of its section. */
void *conf_field(void *structure, const struct conf_option *row);
const void *conf_field_of(const void *structure, const struct conf_option *row);
/* NULL when there is none of that name. */
const struct conf_option *conf_section_option(const struct conf_section *section, const char *name);
const struct conf_section *conf_section_child(const struct conf_section *section, const char *name);
/*
 * For a name that is neither: "; did you mean \"x\"?; allowed: a, b, c".  The first half is left
 * out when nothing is similar.
 */
void conf_section_suggest(
    const struct conf_section *section, const char *name, char *out, size_t out_bytes);

#endif
