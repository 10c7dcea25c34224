/*
 * SSH public keys as authorized_keys lines: is it one, and how is it known?
 *
 * transomctl only, so that a key that could never log in is refused when it is added.  It does not
 * check signatures.
 */
#ifndef SERVER_CTL_KEYS_H
#define SERVER_CTL_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#define CTL_KEYS_FINGERPRINT_BYTES 64 /* "SHA256:" and 43 characters */
#define CTL_KEYS_TYPE_BYTES        64
#define CTL_KEYS_COMMENT_BYTES     256

struct ctl_key {
	char type[CTL_KEYS_TYPE_BYTES];
	char fingerprint[CTL_KEYS_FINGERPRINT_BYTES];
	char comment[CTL_KEYS_COMMENT_BYTES]; /* cut when longer; may be "" */
};

/* NULL and *out filled, or what is wrong with the line, a static text "what; allowed: ...". */
const char *ctl_keys_parse(struct ctl_key *out, const char *line);

#endif
