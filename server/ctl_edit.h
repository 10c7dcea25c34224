/*
 * Edits of one statement in the text of a user's file; every other byte stays as it is.
 *
 * transomctl only.  Works on top-level options, never inside a mount.  It does not judge values:
 * the caller parses the result before it is written.
 */
#ifndef SERVER_CTL_EDIT_H
#define SERVER_CTL_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"
#include "server/base/buf.h"

/* A text to edit, and the name of its file for messages. */
struct ctl_edit_text {
	const char *file;
	const char *text;
	size_t length;
};

/* Does the text set that option?  False for a text that cannot be read. */
bool ctl_edit_has(const struct ctl_edit_text *text, const char *option);

/*
 * Each of these appends the whole edited text to *out.  CONF_OK; CONF_INVALID when the text or the
 * value cannot be read (message says where); CONF_NO_MEMORY; CONF_NOT_FOUND when there is no such
 * list item.
 */

/* Give an option a value, written as it would stand in the file; NULL removes the option. */
enum conf_status ctl_edit_set(struct buf *out, const struct ctl_edit_text *old, const char *option,
    const char *value, char message[CONF_MESSAGE_BYTES]);
/* Add an item, as plain text, to the end of a list option, which is made if it is missing. */
enum conf_status ctl_edit_list_add(struct buf *out, const struct ctl_edit_text *old,
    const char *option, const char *item, char message[CONF_MESSAGE_BYTES]);
/* Remove the item of that index, counted from 0. */
enum conf_status ctl_edit_list_remove(struct buf *out, const struct ctl_edit_text *old,
    const char *option, size_t index, char message[CONF_MESSAGE_BYTES]);

#endif
