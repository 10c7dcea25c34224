/*
 * What the commands of ctl_users.c and ctl_users_keys.c share: a user's file from reading to
 * writing.
 *
 * Every function that returns false has said why on standard error.
 */
#ifndef SERVER_CTL_USERS_PRIVATE_H
#define SERVER_CTL_USERS_PRIVATE_H

#include "server/base/buf.h"
#include "server/ctl_dir.h"
#include "server/ctl_edit.h"
#include "server/ctl_users.h"

#define CTL_EDIT_MAX_BYTES (4u * CONF_USER_FILE_MAX_BYTES)

/* A user's file in the middle of an edit. */
struct ctl_users_file {
	struct ctl_dir dir;
	struct buf text;                                        /* as it stands so far */
	char path[CONF_PATH_BYTES + CONF_USER_FILE_NAME_BYTES]; /* for messages */
};

/* Print a line on standard error; always false. */
bool ctl_users_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool ctl_users_check_name(const char *name);
/* Open the directory, locked, and read the user's file.  False: nothing to finish. */
bool ctl_users_begin(const struct ctl_command *command, struct ctl_users_file *file);
/* Write the text if `fine`, and close.  True when it was written. */
bool ctl_users_finish(const struct ctl_command *command, struct ctl_users_file *file, bool fine);
/* What the ctl_edit functions take. */
struct ctl_edit_text ctl_users_old(const struct ctl_users_file *file);
/* Take over the text that one of them made, which is cleared either way, if its status is good. */
bool ctl_users_take(
    struct ctl_users_file *file, struct buf *edited, enum conf_status status, const char *message);
/* The user as it would log in (conf_user_free); NULL when its file is missing or wrong. */
struct conf_user *ctl_users_load(const struct ctl_command *command);

#endif
