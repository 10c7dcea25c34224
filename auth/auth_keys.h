/*
 * Lines of authorized_keys: TYPE BASE64 COMMENT, perhaps with options before them.  Whose key is
 * it?
 *
 * Guard: may this key log this user in?  transomctl: is it a line at all?  What the key has signed
 * is auth_signature.h's question.
 */
#ifndef AUTH_AUTH_KEYS_H
#define AUTH_AUTH_KEYS_H

#include "auth/auth_key.h"
#include "auth/auth_key_options.h"

#define AUTH_KEYS_LINE_MAX_BYTES 16384u
#define AUTH_KEYS_TEXT_BYTES     1024u

struct auth_keys_line {
	struct auth_blob options; /* within the text; length 0: none */
	struct auth_key key;      /* within bytes */
	struct auth_blob comment; /* within the text */
	uint8_t bytes[AUTH_KEY_MAX_BYTES];
};

extern const char auth_keys_not_a_line[];
/* NULL and *out filled, whose options are not looked into; or what is wrong, a static text.  The
 * line is n bytes without its newline. */
const char *auth_keys_read(struct auth_keys_line *out, const char *line, size_t n);

/* What is known about who comes with the key. */
struct auth_keys_ask {
	const struct auth_key *key;
	const struct netaddr *peer;
	int64_t now; /* seconds since the epoch */
	unsigned rsa_min_bits;
};

/* Zeroed before the first line is tried. */
struct auth_keys_answer {
	bool accepted;
	bool untouched; /* of the line that accepted it: auth_key_options.h */
	bool verify_required;
	bool matched; /* some line has the key, but may not be used: why says the reason */
	char why[AUTH_KEYS_TEXT_BYTES]; /* not accepted: the reason, for the log; "": no line has it
	                                 */
	char cure[AUTH_KEYS_TEXT_BYTES];   /* what can be done about it; may be "" */
	char spoilt[AUTH_KEYS_TEXT_BYTES]; /* the first line that does not count, and why; "": none
	                                    */
};

/*
 * Try one line; empty ones and comments are none.  where and number name it for the log.  Once
 * accepted is set, further lines are not looked at.
 */
void auth_keys_try(const struct auth_keys_ask *ask, const char *line, size_t n, const char *where,
    size_t number, struct auth_keys_answer *answer);
/* Every line of a file's text. */
void auth_keys_try_text(const struct auth_keys_ask *ask, const char *text, size_t n,
    const char *where, struct auth_keys_answer *answer);

#endif
