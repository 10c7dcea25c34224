/*
 * `transomctl check`: finds what will not work before a client does.
 *
 * transomctl only.  It reads configuration, users, certificates and keys with the rights of whoever calls it and
 * changes nothing; it does not ask the running server.  Findings go to standard output, one line each:
 *
 *   ok|warning|error: WHAT: CAUSE; CURE
 *
 * or with --json one object a line: {"level", "what", "cause", "cure"}.
 */
#ifndef SERVER_CTL_CHECK_H
#define SERVER_CTL_CHECK_H

#include <stdbool.h>

/* All is well, there is at least one warning, at least one error. */
enum ctl_check_status { CTL_CHECK_OK = 0, CTL_CHECK_WARNING = 1, CTL_CHECK_ERROR = 2 };

/* Run every check on this configuration file. */
enum ctl_check_status ctl_check_run(const char *file, bool json);

#endif
