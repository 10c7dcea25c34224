/*
 * Which statement stands where in a configuration text.
 *
 * The loader takes line numbers and the order of statements from here (libConfuse keeps neither);
 * transomctl takes the byte range of the statement it edits.  Finding it is also the check of the
 * grammar, so that syntax errors name the right line.  Names and values are not judged here.
 *
 *	statement = NAME "=" ( VALUE | "{" [ VALUE { "," VALUE } [ "," ] ] "}" )
 *	          | NAME [ TITLE ] "{" { statement } "}"
 */
#ifndef CONF_OUTLINE_H
#define CONF_OUTLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"

#define CONF_OUTLINE_ENTRIES_MAX 65536u /* statements in one file */
#define CONF_OUTLINE_DEPTH_MAX   4u     /* sections within sections */
#define CONF_OUTLINE_VALUES_MAX  4096u  /* values in one list */

struct conf_entry {
	size_t parent;     /* index of the section it stands in; 0 is the file itself */
	size_t name_start; /* offsets into the text */
	size_t name_end;
	size_t value_start; /* of an option: its value or the opening brace of its list */
	size_t title_start; /* of a section with a title, quotes included */
	size_t title_end;
	size_t start;   /* of the whole statement: from its name ... */
	size_t end;     /* ... to behind its value or closing brace */
	unsigned line;  /* of its name */
	unsigned depth; /* 0 for the file, 1 for a statement outside any section */
	bool is_section;
	bool has_title;
	bool is_list; /* the value stands in braces */
};

struct conf_outline {
	const char *text;           /* borrowed */
	struct conf_entry *entries; /* [0] is the file; the others in the order of the text */
	size_t count;
	size_t room;
};

/*
 * Read length bytes of text.  CONF_OK: *out is the caller's (conf_outline_clear).  CONF_INVALID,
 * CONF_NO_MEMORY: nothing to clear, message says what and where.
 */
enum conf_status conf_outline_read(struct conf_outline *out, const char *file, const char *text,
    size_t length, char message[CONF_MESSAGE_BYTES]);
void conf_outline_clear(struct conf_outline *outline);
/* Is that the entry's name? */
bool conf_outline_is(
    const struct conf_outline *outline, const struct conf_entry *entry, const char *name);

#endif
