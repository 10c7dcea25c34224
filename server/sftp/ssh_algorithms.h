/*
 * THE table of SSH algorithms: which are served, best first, and by which profile (`algorithms` of a listener).
 *
 *   modern   what is sound today: no NIST curves, no SHA-1; MACs over the plain text only as the last choice
 *   compat   what clients of the last ten years need besides: NIST curves, group 14
 *   legacy   what only old devices still need: SHA-1 and CBC
 *
 * `kex`, `ciphers` and `macs` of ssh { } take the place of the profile's lists.  No compression, and no group
 * exchange: libssh would read /etc/ssh/moduli.  Pure; master (check), nursery, front, tests.
 */
#ifndef SERVER_SFTP_SSH_ALGORITHMS_H
#define SERVER_SFTP_SSH_ALGORITHMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "conf/conf.h"

#define SSH_ALGORITHMS_LIST_BYTES 1200u /* of any list, the longest that ssh { } takes included */

enum ssh_algorithm_kind {
	SSH_ALGORITHM_KEX,
	SSH_ALGORITHM_HOST_KEY,
	SSH_ALGORITHM_LOGIN_KEY, /* a client's signature (server-sig-algs of RFC 8308 3.1); the guard has the last word */
	SSH_ALGORITHM_CIPHER,
	SSH_ALGORITHM_MAC,
	SSH_ALGORITHM_KINDS,
};

struct ssh_algorithm {
	enum ssh_algorithm_kind kind;
	const char *name;
	unsigned profiles; /* 1 << enum conf_algorithms */
};

extern const struct ssh_algorithm ssh_algorithms[];
extern const size_t ssh_algorithms_count;

/* Print the table for docs/SFTP.md. */
void ssh_algorithms_print(FILE *out);

/* What a listener offers of a kind, comma-separated, best first. */
void ssh_algorithms_list(const struct conf_ssh *ssh, int profile, enum ssh_algorithm_kind kind,
    char out[SSH_ALGORITHMS_LIST_BYTES]);
/* Does one of the profiles have it? */
bool ssh_algorithms_know(enum ssh_algorithm_kind kind, const char *name, size_t length);
/* Is every name that ssh { } gives known?  Else false, and message tells the wrong one and those allowed. */
bool ssh_algorithms_check(const struct conf *conf, char *message, size_t message_bytes);

#endif
