#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "server/base/secret.h"

TestSuite(secret);

Test(secret, keeps_a_copy_of_its_own)
{
	char text[] = "hunter2 and more";
	struct secret *secret = secret_new(text, 7);

	cr_assert_not_null(secret);
	secret_wipe(text, sizeof(text));
	for (size_t i = 0; i < sizeof(text); i++)
		cr_assert_eq(text[i], '\0');
	cr_assert_str_eq(secret_text(secret), "hunter2");
	cr_assert_eq(secret_length(secret), 7);
	secret_free(&secret);
	cr_assert_null(secret);
	secret_free(&secret);
}

Test(secret, takes_the_longest_password_and_refuses_a_longer_one)
{
	char text[SECRET_MAX_BYTES + 1];
	struct secret *secret;

	memset(text, 'p', sizeof(text));
	secret = secret_new(text, SECRET_MAX_BYTES);
	cr_assert_not_null(secret);
	cr_assert_eq(strlen(secret_text(secret)), SECRET_MAX_BYTES);
	secret_free(&secret);
	cr_assert_null(secret_new(text, SECRET_MAX_BYTES + 1));
	cr_assert_null(secret_new(text, SIZE_MAX));
}

Test(secret, may_be_empty_or_hold_a_nul)
{
	struct secret *secret = secret_new(NULL, 0);

	cr_assert_str_eq(secret_text(secret), "");
	cr_assert_eq(secret_length(secret), 0);
	secret_free(&secret);
	secret = secret_new("a\0b", 3);
	cr_assert_eq(secret_length(secret), 3);
	cr_assert_eq(memcmp(secret_text(secret), "a\0b", 4), 0);
	secret_free(&secret);
}

Test(secret, can_be_made_many_times_over)
{
	/* More than RLIMIT_MEMLOCK would ever hold at once: each must be given back. */
	for (int i = 0; i < 20000; i++) {
		struct secret *secret = secret_new("x", 1);

		cr_assert_not_null(secret);
		secret_free(&secret);
	}
}
