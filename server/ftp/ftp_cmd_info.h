/* SYST, NOOP, OPTS: small talk.  HELP and FEAT are in ftp_commands, STAT in ftp_cmd_list.  Front
 * only. */
#ifndef FTP_CMD_INFO_H
#define FTP_CMD_INFO_H

#include "server/ftp/ftp_commands.h"

ftp_handler_fn ftp_cmd_syst;
ftp_handler_fn ftp_cmd_noop;
ftp_handler_fn ftp_cmd_opts;

#endif
