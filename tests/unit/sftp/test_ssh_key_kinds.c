#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "server/sftp/ssh_algorithms.h"
#include "server/sftp/ssh_key_kinds.h"

#define HEAD	  "\x32\0\0\0\5alice\0\0\0\16ssh-connection"
#define NONE	  HEAD "\0\0\0\4none"
#define PUBLICKEY HEAD "\0\0\0\11publickey"
#define BYTES(s)  (s), sizeof(s) - 1

/* Of exactly these bytes: a sanitizer sees who reads or writes beyond. */
static uint8_t *copy_of(const void *bytes, size_t n)
{
	uint8_t *payload = malloc(n);

	cr_assert_not_null(payload);
	memcpy(payload, bytes, n);
	return payload;
}

static const struct {
	const char *bytes;
	size_t n;
} unserved[] = {
	{ BYTES(PUBLICKEY "\0\0\0\0\7ssh-dss\0\0\0\3key") },
	{ BYTES(PUBLICKEY "\1\0\0\0\7ssh-dss\0\0\0\3key\0\0\0\3sig") },
	{ BYTES(PUBLICKEY "\0\0\0\0\11ssh-ed448\0\0\0\3key") },
	{ BYTES(PUBLICKEY "\0\0\0\0\12ssh-ed2551\0\0\0\3key") },
	{ BYTES(PUBLICKEY "\0\0\0\0\14ssh-ed25519x\0\0\0\3key") },
	{ BYTES(PUBLICKEY "\0\0\0\0\40ssh-ed25519-cert-v01@openssh.com\0\0\0\3key") },
	{ BYTES(PUBLICKEY "\0\0\0\0\0\0\0\0\0") },
	{ BYTES(PUBLICKEY "\0\0\0\0\7ssh-dss") },
};

static const struct {
	const char *bytes;
	size_t n;
} others[] = {
	{ BYTES(NONE) },
	{ BYTES(HEAD "\0\0\0\10password\0\0\0\0\7ssh-dss") },
	{ BYTES(HEAD "\0\0\0\12publickey-\0\0\0\0\7ssh-dss\0\0\0\3key") },
	{ BYTES(HEAD "\0\0\0\11hostbased\0\0\0\0\7ssh-dss\0\0\0\3key") },
	/* Cut short, which libssh refuses. */
	{ BYTES(PUBLICKEY) },
	{ BYTES(PUBLICKEY "\0\0\0\0\7ssh-ds") },
	{ BYTES(PUBLICKEY "\0\xff\xff\xff\xffssh-dss") },
	{ BYTES("\x32") },
	{ BYTES("\x33\0\0\0\0\0\0\0\0\0\0\0\11publickey\0\0\0\0\7ssh-dss") },
	{ BYTES("\x5e\0\0\0\0\0\0\0\0\0\0\0\11publickey\0\0\0\0\7ssh-dss") },
};

Test(ssh_key_kinds, a_kind_that_is_not_served_becomes_no_method)
{
	for (size_t i = 0; i < sizeof(unserved) / sizeof(unserved[0]); i++) {
		uint8_t *payload = copy_of(unserved[i].bytes, unserved[i].n);

		cr_assert_eq(ssh_key_kinds_replace(payload, unserved[i].n), sizeof(NONE) - 1, "row %zu", i);
		cr_assert_arr_eq(payload, NONE, sizeof(NONE) - 1, "row %zu", i);
		free(payload);
	}
}

Test(ssh_key_kinds, every_kind_that_is_served_stays_as_it_is)
{
	for (size_t i = 0; i < ssh_algorithms_count; i++) {
		char bytes[256] = PUBLICKEY "\0\0\0\0";
		size_t n = sizeof(PUBLICKEY "\0\0\0\0") - 1;
		const size_t length = strlen(ssh_algorithms[i].name);
		uint8_t *payload;

		if (ssh_algorithms[i].kind != SSH_ALGORITHM_LOGIN_KEY)
			continue;
		bytes[n++] = (char)length;
		memcpy(bytes + n, ssh_algorithms[i].name, length);
		n += length;
		payload = copy_of(bytes, n);
		cr_assert_eq(ssh_key_kinds_replace(payload, n), n, "%s", ssh_algorithms[i].name);
		cr_assert_arr_eq(payload, bytes, n, "%s", ssh_algorithms[i].name);
		free(payload);
	}
}

Test(ssh_key_kinds, all_else_stays_as_it_is)
{
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		uint8_t *payload = copy_of(others[i].bytes, others[i].n);

		cr_assert_eq(ssh_key_kinds_replace(payload, others[i].n), others[i].n, "row %zu", i);
		cr_assert_arr_eq(payload, others[i].bytes, others[i].n, "row %zu", i);
		free(payload);
	}
}

/* libssh refuses what is cut short: only a whole name can be one that is not served. */
Test(ssh_key_kinds, what_is_cut_short_stays_as_it_is_until_the_name_is_whole)
{
	for (size_t i = 0; i < sizeof(unserved) / sizeof(unserved[0]); i++) {
		const size_t name = sizeof(PUBLICKEY "\0\0\0\0") + (uint8_t)unserved[i].bytes[sizeof(PUBLICKEY "\0\0\0\0") - 1];

		for (size_t n = 1; n <= unserved[i].n; n++) {
			uint8_t *payload = copy_of(unserved[i].bytes, n);

			cr_assert_eq(ssh_key_kinds_replace(payload, n), n < name ? n : sizeof(NONE) - 1,
			    "row %zu, %zu bytes", i, n);
			free(payload);
		}
	}
}
