/* HASH, MD5, XCRC, XMD5, XSHA and their kin: checksums of files.  Front only. */
#ifndef FTP_CMD_HASH_H
#define FTP_CMD_HASH_H

#include "server/ftp/ftp_commands.h"

ftp_handler_fn ftp_cmd_hash;
/* All verbs of ftp_digest's table: the verb says which algorithm. */
ftp_handler_fn ftp_cmd_checksum;
ftp_handler_fn ftp_cmd_md5;

#endif
