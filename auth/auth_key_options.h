/*
 * The options before a key in a line of authorized_keys, as sshd(8) describes them.
 *
 * Guard and transomctl.  An option that is not known, or whose meaning cannot be kept here, spoils
 * its line: whoever wrote it wanted less to be allowed than the key alone would allow.
 */
#ifndef AUTH_AUTH_KEY_OPTIONS_H
#define AUTH_AUTH_KEY_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "auth/auth_blob.h"
#include "server/base/netaddr.h"

#define AUTH_KEY_FROM_BYTES          2048u /* longest list of from=, NUL included */
#define AUTH_KEY_OPTIONS_WRONG_BYTES 256u

struct auth_key_options {
	char from[AUTH_KEY_FROM_BYTES]; /* patterns, comma-separated, in lower case; "": everywhere
	                                 */
	bool expires;
	int64_t expiry;       /* seconds since the epoch */
	bool untouched;       /* no-touch-required: a security key need not have been touched */
	bool verify_required; /* a security key must have seen a PIN or a fingerprint */
};

/* Text without options is "".  True and *out, or false and what is wrong. */
bool auth_key_options_parse(
    struct auth_key_options *out, struct auth_blob text, char wrong[AUTH_KEY_OPTIONS_WRONG_BYTES]);
/* How many of n bytes the options at their start are: up to white space outside quotes. */
size_t auth_key_options_length(const char *text, size_t n);
/* May the key be used from there?  Addresses, networks and patterns of addresses; one that is
 * negated and matches counts above all others, and others must match too. */
bool auth_key_options_admit(const struct auth_key_options *options, const struct netaddr *peer);
/*
 * The time of expiry-time=: YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS in the system's time zone, or
 * with Z or UTC behind it in that.  False when it is none.
 */
bool auth_key_options_time(const char *text, int64_t *out);

#endif
