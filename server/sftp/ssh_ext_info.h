/*
 * SSH_MSG_EXT_INFO (RFC 8308 2.3), with which a server says which signatures it takes of users (server-sig-algs, 3.1).
 *
 * Front only; pure.  libssh names all that it could verify itself, certificates included, which the guard refuses.  It
 * is not told so: the keys that it would then turn down would be neither counted nor logged.
 */
#ifndef SERVER_SFTP_SSH_EXT_INFO_H
#define SERVER_SFTP_SSH_EXT_INFO_H

#include <stddef.h>
#include <stdint.h>

#define SSH_EXT_INFO_MAX_BYTES 4096u

/*
 * The payload with these algorithms, separated by commas, in the place of libssh's; all else as it is.  The bytes of it in
 * out; 0: it is another message, is not well-formed, names none, or would be too long.
 */
size_t ssh_ext_info_rewrite(
    const uint8_t *payload, size_t n, const char *algorithms, uint8_t out[SSH_EXT_INFO_MAX_BYTES]);

#endif
