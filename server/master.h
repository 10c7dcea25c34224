/*
 * The master: owns the listening sockets, starts the other roles, supervises them, and reads no client byte.
 *
 * Signals: HUP takes the new configuration, TERM drains and stops, INT stops now (a second TERM or INT at
 * once), USR1 opens the log file again.  USR2 is reserved and ignored.
 */
#ifndef SERVER_MASTER_H
#define SERVER_MASTER_H

#include <stdbool.h>

#include "conf/conf.h"

/* Run the server on a configuration file until it is told to stop; the exit status.  What is wrong before
 * the server is ready goes to standard error, and nothing is left half started. */
int master_run(const char *file);

/* Can this system confine sessions as `conf` wants it?  False with a message. */
bool master_system_fits(const struct conf *conf, bool as_root, char message[CONF_MESSAGE_BYTES]);

#endif
