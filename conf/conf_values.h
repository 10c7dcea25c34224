/*
 * The options of one section as a whole: defaults, copies, inheritance, freeing.
 *
 * For conf/ only.  A structure is the struct of conf.h that belongs to the section (conf_rows.h);
 * fields that are no options (titles, names, arrays) are not touched.
 */
#ifndef CONF_VALUES_H
#define CONF_VALUES_H

#include <stdbool.h>

#include "conf/conf_rows.h"

/* Give every field its default; structure is zeroed memory.  False when memory ran out. */
bool conf_values_default(const struct conf_section *section, void *structure);
/* Deep copy of every field into zeroed memory.  False when memory ran out; then *to is to be
 * cleared. */
bool conf_values_copy(const struct conf_section *section, const void *from, void *to);
/* Deep copy into zeroed memory of the fields that from has too; the others get their defaults.
 * False as above. */
bool conf_values_inherit(const struct conf_section *section, void *to,
    const struct conf_section *from_section, const void *from);
/* Free what the fields own. */
void conf_values_clear(const struct conf_section *section, void *structure);
/* Set one field to its default again.  False when memory ran out. */
bool conf_values_reset(const struct conf_option *row, void *structure);

#endif
