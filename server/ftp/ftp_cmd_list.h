/* LIST, NLST, MLSD, MLST, STAT: what is there.  Front only. */
#ifndef FTP_CMD_LIST_H
#define FTP_CMD_LIST_H

#include "server/ftp/ftp_commands.h"

ftp_handler_fn ftp_cmd_list;
ftp_handler_fn ftp_cmd_nlst;
ftp_handler_fn ftp_cmd_mlsd;
ftp_handler_fn ftp_cmd_mlst;
ftp_handler_fn ftp_cmd_stat;

#endif
