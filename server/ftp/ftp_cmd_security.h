/* AUTH, PBSZ, PROT, CCC (RFC 2228, RFC 4217): protection by TLS.  Front only; called by ftp_dispatch through the verb
 * table. */
#ifndef FTP_CMD_SECURITY_H
#define FTP_CMD_SECURITY_H

#include "server/ftp/ftp_commands.h"

ftp_handler_fn ftp_cmd_auth;
ftp_handler_fn ftp_cmd_pbsz;
ftp_handler_fn ftp_cmd_prot;
ftp_handler_fn ftp_cmd_ccc;

#endif
