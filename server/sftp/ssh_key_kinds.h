/*
 * Logins with kinds of keys that are not served (RFC 4252 7): libssh drops what it cannot read without an answer, and which
 * kinds it can read depends on its version (0.11 no longer knows DSA).  A client that has such a key besides others, or
 * a password, would never come to them.
 *
 * Front only; ssh_packets.c asks before libssh sees the packet.  Pure.
 */
#ifndef SERVER_SFTP_SSH_KEY_KINDS_H
#define SERVER_SFTP_SSH_KEY_KINDS_H

#include <stddef.h>
#include <stdint.h>

/*
 * A SSH_MSG_USERAUTH_REQUEST by a key that is not among ssh_algorithms becomes one by no method at all, in place: libssh
 * refuses that with an answer, and nobody logs in by it.  The bytes of the payload afterwards; anything else stays as it is.
 */
size_t ssh_key_kinds_replace(uint8_t *payload, size_t n);

#endif
