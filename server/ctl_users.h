/*
 * The commands of transomctl that edit users.d.
 *
 * transomctl only; transomctl.c has found out which command it is and that its arguments are as
 * many as they should be.  Every function says on standard error why it failed, and returns whether
 * it did not.
 */
#ifndef SERVER_CTL_USERS_H
#define SERVER_CTL_USERS_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"

/* A command as it was given. */
struct ctl_command {
	const struct conf *conf;
	const char *name;       /* of the user; NULL where there is none */
	char *const *arguments; /* behind the name */
	size_t count;
	bool from_stdin;    /* --stdin, --password-stdin */
	bool no_password;   /* --no-password */
	const char *method; /* --method, or NULL */
};

typedef bool ctl_command_fn(const struct ctl_command *command);

ctl_command_fn ctl_users_add;
ctl_command_fn ctl_users_set;
ctl_command_fn ctl_users_del;
ctl_command_fn ctl_users_list;
ctl_command_fn ctl_users_show;
ctl_command_fn ctl_users_passwd;
ctl_command_fn ctl_users_key_add;
ctl_command_fn ctl_users_key_list;
ctl_command_fn ctl_users_key_del;

#endif
