/*
 * SITE and its subcommands, from a table of their own with the same gates as the verbs.
 *
 * Front only.
 */
#ifndef FTP_CMD_SITE_H
#define FTP_CMD_SITE_H

#include <stdio.h>

#include "server/ftp/ftp_commands.h"

ftp_handler_fn ftp_cmd_site;

extern const struct ftp_command ftp_cmd_site_commands[];
extern const size_t ftp_cmd_site_count;

#endif
