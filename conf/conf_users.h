/*
 * One user's settings, from defaults{ }, anonymous{ } or users.d/NAME.conf.
 *
 * The loader uses all of it; transomctl uses conf_user_parse to try a text before it is written.
 * Loading by name for a login is in conf.h.
 */
#ifndef CONF_USERS_H
#define CONF_USERS_H

#include "conf/conf.h"
#include "conf/conf_read.h"

/* Suffix of the files in users_dir; what is before it is the user's name. */
#define CONF_USER_FILE_SUFFIX     ".conf"
#define CONF_USER_FILE_NAME_BYTES (CONF_USER_NAME_MAX + sizeof(CONF_USER_FILE_SUFFIX))

/*
 * A user as the text of a file says, on top of conf->defaults, %u replaced by name.  file names the
 * text in messages.  CONF_OK and *out the caller's (conf_user_free), CONF_BAD_NAME, CONF_INVALID,
 * CONF_NO_MEMORY.
 */
enum conf_status conf_user_parse(struct conf_user **out, const struct conf *conf, const char *name,
    const char *file, const char *text, size_t length, char message[CONF_MESSAGE_BYTES]);

/* Every option at its default, no mounts; *user is zeroed memory.  False when memory ran out. */
bool conf_user_default(struct conf_user *user);
/* Deep copy into zeroed memory, but for the name.  False when memory ran out; then *to is to be
 * cleared. */
bool conf_user_copy(const struct conf_user *from, struct conf_user *to);
/* Free all that it owns and make it zero. */
void conf_user_clear(struct conf_user *user);
/*
 * Turn defaults into what anonymous starts from: no password, no keys, nothing but looking and
 * downloading anywhere.  A mount that hides what others uploaded keeps hiding it.
 */
bool conf_user_restrict(struct conf_user *user);
/*
 * Set in *user, which holds what it inherits, what stands in that section of a reading.  A mount
 * replaces one of the same title.  CONF_OK, CONF_INVALID, CONF_NO_MEMORY.
 */
enum conf_status conf_user_read(
    const struct conf_reading *reading, size_t section, struct conf_user *user);
/* Print it in the syntax of its file; expanded when %u has been replaced.  No hash is printed. */
void conf_user_dump(const struct conf_user *user, bool expanded, const char *indent, FILE *out);

#endif
