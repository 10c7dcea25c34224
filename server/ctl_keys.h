/*
 * SSH public keys as authorized_keys lines: would one log somebody in, and how is it known?
 *
 * transomctl only, so that a key that could never log in is refused when it is added.  What a line
 * means is auth/auth_keys.h's knowledge.
 */
#ifndef SERVER_CTL_KEYS_H
#define SERVER_CTL_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "auth/auth_keys.h"

#define CTL_KEYS_TYPE_BYTES    64
#define CTL_KEYS_COMMENT_BYTES 256
#define CTL_KEYS_WRONG_BYTES   512

struct ctl_key {
	char type[CTL_KEYS_TYPE_BYTES];
	char fingerprint[AUTH_KEY_FINGERPRINT_BYTES];
	char comment[CTL_KEYS_COMMENT_BYTES]; /* cut when longer; may be "" */
	char wrong[CTL_KEYS_WRONG_BYTES];
};

/*
 * NULL and *out filled, or what is wrong with the line, "what; allowed: ...", which is *out's or
 * static. rsa_min_bits: of the configuration.
 */
const char *ctl_keys_parse(struct ctl_key *out, const char *line, unsigned rsa_min_bits);

#endif
