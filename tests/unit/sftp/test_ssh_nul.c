#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "server/sftp/ssh_nul.h"

#define REQUEST	 "\x32"
#define RESPONSE "\x3d"
#define ALICE	 "\0\0\0\5alice"
#define SERVICE	 "\0\0\0\16ssh-connection"
#define PASSWORD "\0\0\0\10password"
#define HEAD	 REQUEST ALICE SERVICE
#define BYTES(s) (s), sizeof(s) - 1

struct row {
	const char *what;
	const char *bytes;
	size_t n;
	bool has;
};

static const struct row rows[] = {
	{ "a password", BYTES(HEAD PASSWORD "\0\0\0\0\6secret"), false },
	{ "a NUL in the user", BYTES(REQUEST "\0\0\0\6alice\0"), true },
	{ "one in its middle", BYTES(REQUEST "\0\0\0\7ali\0bob" SERVICE PASSWORD "\0\0\0\0\0"), true },
	{ "a user that is one", BYTES(REQUEST "\0\0\0\1\0"), true },
	{ "in the service", BYTES(REQUEST ALICE "\0\0\0\2s\0"), true },
	{ "in the method", BYTES(HEAD "\0\0\0\11password\0"), true },
	{ "in a method of another name", BYTES(HEAD "\0\0\0\5no\0ne"), true },
	{ "in the password", BYTES(HEAD PASSWORD "\0\0\0\0\7sec\0ret"), true },
	{ "at its beginning", BYTES(HEAD PASSWORD "\0\0\0\0\1\0"), true },
	{ "in the old password of a change", BYTES(HEAD PASSWORD "\1\0\0\0\2a\0\0\0\0\1b"), true },
	{ "in the new one", BYTES(HEAD PASSWORD "\1\0\0\0\1a\0\0\0\2b\0"), true },
	{ "a change without one", BYTES(HEAD PASSWORD "\1\0\0\0\1a\0\0\0\1b"), false },
	{ "any flag but 0 is a change", BYTES(HEAD PASSWORD "\2\0\0\0\1a\0\0\0\1\0"), true },
	{ "no change: what follows is no password", BYTES(HEAD PASSWORD "\0\0\0\0\1a\0\0\0\1\0"), false },
	{ "an empty password", BYTES(HEAD PASSWORD "\0\0\0\0\0"), false },
	{ "nothing at all", BYTES(REQUEST "\0\0\0\0\0\0\0\0\0\0\0\0"), false },
	/* Keys and signatures are bytes. */
	{ "a key", BYTES(HEAD "\0\0\0\11publickey\0\0\0\0\3a\0b\0\0\0\3\0\0\0"), false },
	{ "none", BYTES(HEAD "\0\0\0\4none\0\0\0"), false },
	{ "a longer method that begins alike", BYTES(HEAD "\0\0\0\12password-x\0\0\0\0\1\0"), false },
	{ "a shorter one", BYTES(HEAD "\0\0\0\7passwor\0\0\0\0\1\0"), false },
	{ "keyboard-interactive", BYTES(HEAD "\0\0\0\24keyboard-interactive\0\0\0\0\0\0\0\0"), false },

	{ "an answer", BYTES(RESPONSE "\0\0\0\1\0\0\0\6secret"), false },
	{ "a NUL in an answer", BYTES(RESPONSE "\0\0\0\1\0\0\0\2a\0"), true },
	{ "in the first of two", BYTES(RESPONSE "\0\0\0\2\0\0\0\1\0\0\0\0\1b"), true },
	{ "in the second", BYTES(RESPONSE "\0\0\0\2\0\0\0\1a\0\0\0\1\0"), true },
	{ "in the third of more than there are", BYTES(RESPONSE "\0\0\0\11\0\0\0\1a\0\0\0\0\0\0\0\1\0"), true },
	{ "behind the last", BYTES(RESPONSE "\0\0\0\1\0\0\0\1a\0\0\0\1\0"), false },
	{ "no answers", BYTES(RESPONSE "\0\0\0\0"), false },
	{ "2^32 - 1 answers", BYTES(RESPONSE "\xff\xff\xff\xff\0\0\0\1a\0\0\0\1b"), false },
	{ "empty answers", BYTES(RESPONSE "\0\0\0\2\0\0\0\0\0\0\0\0"), false },

	{ "a length that lies", BYTES(REQUEST "\0\0\0\7alice\0"), false },
	{ "a length beyond measure", BYTES(REQUEST "\xff\xff\xff\xff\0\0\0\0"), false },
	{ "an answer's", BYTES(RESPONSE "\0\0\0\1\0\0\0\3a\0"), false },
	{ "a NUL before what is cut", BYTES(REQUEST "\0\0\0\1\0\xff"), true },

	{ "another type", BYTES("\x33\0\0\0\6alice\0"), false },
	{ "type 0", BYTES("\0\0\0\0\6alice\0"), false },
	{ "channel data", BYTES("\x5e\0\0\0\6alice\0"), false },
	{ "an information request", BYTES("\x3c\0\0\0\1\0\0\0\0"), false },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Of exactly these bytes: a sanitizer sees who reads on. */
static bool is_in(const char *bytes, size_t n)
{
	uint8_t *payload = malloc(n);
	bool has;

	cr_assert_not_null(payload);
	memcpy(payload, bytes, n);
	has = ssh_nul_is_in_login(payload, n);
	free(payload);
	return has;
}

Test(ssh_nul, every_row_of_the_table)
{
	for (size_t i = 0; i < ROWS; i++)
		cr_assert_eq(is_in(rows[i].bytes, rows[i].n), rows[i].has, "%s", rows[i].what);
}

/* A string that is not whole is none: a NUL counts as soon as its own string is, and then for good. */
Test(ssh_nul, what_is_cut_short_has_none_unless_it_came_before)
{
	for (size_t i = 0; i < ROWS; i++) {
		bool before = false;

		for (size_t n = 1; n <= rows[i].n; n++) {
			bool has = is_in(rows[i].bytes, n);

			cr_assert(has || !before, "%s: %zu bytes", rows[i].what, n);
			cr_assert(!has || rows[i].has, "%s: %zu bytes", rows[i].what, n);
			before = has;
		}
	}
}

Test(ssh_nul, no_other_type_is_looked_at)
{
	for (unsigned type = 0; type < 256; type++) {
		char bytes[] = "?\0\0\0\1\0\0\0\1\0";
		const bool is_login = type == 50 || type == 61;

		bytes[0] = (char)type;
		cr_assert_eq(is_in(bytes, sizeof(bytes) - 1), is_login, "type %u", type);
	}
}
