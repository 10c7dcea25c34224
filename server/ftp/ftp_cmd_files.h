/* DELE, RNFR, RNTO, SIZE, MDTM, MFMT, MFF, AVBL: names and attributes.  Front only. */
#ifndef FTP_CMD_FILES_H
#define FTP_CMD_FILES_H

#include "server/ftp/ftp_commands.h"

ftp_handler_fn ftp_cmd_dele;
ftp_handler_fn ftp_cmd_rnfr;
ftp_handler_fn ftp_cmd_rnto;
ftp_handler_fn ftp_cmd_size;
ftp_handler_fn ftp_cmd_mdtm;
ftp_handler_fn ftp_cmd_mfmt;
ftp_handler_fn ftp_cmd_mff;
ftp_handler_fn ftp_cmd_avbl;

#endif
