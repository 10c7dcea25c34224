/* RETR, STOR, STOU, APPE, ABOR, REST, ALLO: files over the data connection.  Front only. */
#ifndef FTP_CMD_TRANSFER_H
#define FTP_CMD_TRANSFER_H

#include "server/ftp/ftp_commands.h"

ftp_handler_fn ftp_cmd_retr;
ftp_handler_fn ftp_cmd_stor;
ftp_handler_fn ftp_cmd_stou;
ftp_handler_fn ftp_cmd_appe;
ftp_handler_fn ftp_cmd_abor;
ftp_handler_fn ftp_cmd_rest;
ftp_handler_fn ftp_cmd_rang;
ftp_handler_fn ftp_cmd_allo;

#endif
