/*
 * Files and directories that only the master may touch: runtime directory, log, configuration snapshot.
 */
#ifndef SERVER_MASTER_FILES_H
#define SERVER_MASTER_FILES_H

#include <stdbool.h>

#include "conf/conf.h"
#include "server/clerk_messages.h"

/*
 * Make runtime_dir, state_dir and the empty directory that fronts and clerk see as "/".  *empty_dir_fd is the
 * caller's.  On false message tells what is wrong and what to do.
 */
bool master_files_prepare(const struct conf *conf, int *empty_dir_fd, char message[CONF_MESSAGE_BYTES]);
/* The directory of conf->runtime_dir, made if missing, ours and nobody else's to write to; -1 with a message. */
int master_files_open_runtime(const struct conf *conf, char message[CONF_MESSAGE_BYTES]);
/* Open the log target; *fd is the caller's. */
bool master_files_open_log(const struct conf *conf, int *fd, enum clerk_log_kind *kind,
    char message[CONF_MESSAGE_BYTES]);
/* A sealed memory file: file name, NUL, text.  -1 with errno. */
int master_files_snapshot(const char *file, const char *text);

#endif
