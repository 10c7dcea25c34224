/* USER, PASS, ACCT, QUIT: who is there.  Front only; called by ftp_dispatch through the
 * verb table. */
#ifndef FTP_CMD_LOGIN_H
#define FTP_CMD_LOGIN_H

#include "server/ftp/ftp_commands.h"

ftp_handler_fn ftp_cmd_user;
ftp_handler_fn ftp_cmd_pass;
ftp_handler_fn ftp_cmd_acct;
ftp_handler_fn ftp_cmd_rein;
ftp_handler_fn ftp_cmd_quit;

#endif
