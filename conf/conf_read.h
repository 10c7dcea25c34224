/*
 * A configuration text opened for reading: checked names and places, values by libConfuse.
 *
 * For conf.c and conf_users.c.  conf_outline.c gives the places, the schema (conf_rows.h) says
 * which names may stand where and how often, libConfuse gives the values.  It knows nothing of
 * inheritance.
 */
#ifndef CONF_READ_H
#define CONF_READ_H

#include <confuse.h>

#include "conf/conf_outline.h"
#include "conf/conf_rows.h"

struct conf_reading {
	const char *file;     /* for messages; borrowed, like base_dir and message */
	const char *base_dir; /* absolute: relative paths start here */
	char *message;
	struct conf_outline outline;
	const struct conf_section **schemas; /* for each entry that is a section */
	cfg_t **sections;                    /* same; owned by root */
	cfg_t *root;
};

/*
 * Open length bytes of text; file, base_dir, message and text must outlive the reading.  CONF_OK:
 * the caller closes it.  CONF_INVALID, CONF_NO_MEMORY: nothing to close, message says what and
 * where.
 */
enum conf_status conf_read_open(struct conf_reading *out, const char *file, const char *base_dir,
    const char *text, size_t length, const struct conf_section *schema,
    char message[CONF_MESSAGE_BYTES]);
void conf_read_close(struct conf_reading *reading);

/* The next section of that name within the section `parent`, behind entry `after`; 0 when none is
 * left. */
size_t conf_read_section(
    const struct conf_reading *reading, size_t parent, const char *name, size_t after);
unsigned conf_read_line(const struct conf_reading *reading, size_t entry);
const char *conf_read_title(const struct conf_reading *reading, size_t section);
/* Is the option set in that section itself? */
bool conf_read_has(const struct conf_reading *reading, size_t section, const char *option);
/* Set every field of structure whose option stands in the section.  CONF_OK, CONF_INVALID,
 * CONF_NO_MEMORY. */
enum conf_status conf_read_options(
    const struct conf_reading *reading, size_t section, void *structure);

#endif
