/*
 * A new password from a person or a program; never from the command line, which everybody can read.
 *
 * transomctl only.
 */
#ifndef SERVER_CTL_PASSWORD_H
#define SERVER_CTL_PASSWORD_H

#include <stdbool.h>

#include "server/base/secret.h"

/*
 * Ask twice at the terminal without echo, or take the first line of standard input: when from_stdin
 * is set, or standard input is no terminal.  NULL, with the cause on standard error, when there is
 * none, the two differ, it is empty, too long for libcrypt or has a NUL.  Waits at most some
 * minutes.
 */
struct secret *ctl_password_read(const char *user, bool from_stdin);

#endif
