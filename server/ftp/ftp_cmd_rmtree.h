/* SITE RMDIR: a directory and all that is in it, as other servers do it.  Front only; called by ftp_cmd_site
 * through its table. */
#ifndef FTP_CMD_RMTREE_H
#define FTP_CMD_RMTREE_H

#include "server/ftp/ftp_commands.h"

ftp_handler_fn ftp_cmd_site_rmdir;

#endif
