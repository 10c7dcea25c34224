/*
 * The master's snapshot of the configuration, as the processes that it starts read it: the same text for all of a
 * generation, whatever happens to the file meanwhile.  Nursery and keeper; written by master_files.c.
 */
#ifndef SERVER_SNAPSHOT_H
#define SERVER_SNAPSHOT_H

#include "conf/conf.h"

/* Parse the memory file (file name, NUL, text).  NULL with a message; the caller's (conf_free). */
struct conf *snapshot_load(int fd, char message[CONF_MESSAGE_BYTES]);

#endif
