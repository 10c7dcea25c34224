/* COMB, SITE CPFR, SITE CPTO, SITE COPY: copies inside the server.  Front only. */
#ifndef FTP_CMD_COPY_H
#define FTP_CMD_COPY_H

#include "server/ftp/ftp_commands.h"

ftp_handler_fn ftp_cmd_comb;
ftp_handler_fn ftp_cmd_site_cpfr;
ftp_handler_fn ftp_cmd_site_cpto;
ftp_handler_fn ftp_cmd_site_copy;

#endif
