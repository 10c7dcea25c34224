/* CWD, CDUP, PWD, MKD, RMD, SITE MKDIR: directories.  Front only. */
#ifndef FTP_CMD_DIRS_H
#define FTP_CMD_DIRS_H

#include "server/ftp/ftp_commands.h"

ftp_handler_fn ftp_cmd_cwd;
ftp_handler_fn ftp_cmd_cdup;
ftp_handler_fn ftp_cmd_pwd;
ftp_handler_fn ftp_cmd_mkd;
ftp_handler_fn ftp_cmd_rmd;
ftp_handler_fn ftp_cmd_site_mkdir;

#endif
