/* HOST (RFC 7151), LANG (RFC 2640), CLNT, CSID: who is who, and in which language.  Front only. */
#ifndef FTP_CMD_HOST_H
#define FTP_CMD_HOST_H

#include "server/ftp/ftp_commands.h"

ftp_handler_fn ftp_cmd_host;
ftp_handler_fn ftp_cmd_lang;
ftp_handler_fn ftp_cmd_clnt;
ftp_handler_fn ftp_cmd_csid;

#endif
