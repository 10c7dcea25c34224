/* PASV, EPSV, PORT, EPRT, TYPE, STRU, MODE: how data travels.  Front only. */
#ifndef FTP_CMD_DATA_H
#define FTP_CMD_DATA_H

#include "server/ftp/ftp_commands.h"

ftp_handler_fn ftp_cmd_pasv;
ftp_handler_fn ftp_cmd_epsv;
ftp_handler_fn ftp_cmd_port;
ftp_handler_fn ftp_cmd_eprt;
ftp_handler_fn ftp_cmd_type;
ftp_handler_fn ftp_cmd_stru;
ftp_handler_fn ftp_cmd_mode;

#endif
