/*
 * NUL bytes in logins (RFC 4252 5, RFC 4256 3.4), which libssh takes for the end of a string: what it then believes
 * to be a name or a password is not what the client sent.
 *
 * Front only; ssh_packets.c asks before libssh sees the packet.  Pure.
 */
#ifndef SERVER_SFTP_SSH_NUL_H
#define SERVER_SFTP_SSH_NUL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Does a SSH_MSG_USERAUTH_REQUEST have a NUL in its user, service, method or password, or a
 * SSH_MSG_USERAUTH_INFO_RESPONSE in an answer?  payload begins with the type.  False for other packets, and for what is not
 * well-formed, which libssh refuses.
 */
bool ssh_nul_is_in_login(const uint8_t *payload, size_t n);

#endif
