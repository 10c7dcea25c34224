#include <criterion/criterion.h>
#include <string.h>

#include "auth/auth_factors.h"

#define PASS AUTH_FACTOR_PASSWORD
#define KEY  AUTH_FACTOR_KEY
#define CERT AUTH_FACTOR_CERTIFICATE

/* A user whose `require` has these bits; the words are borrowed. */
static struct conf_user user_of(unsigned required, char *items[3])
{
	static char words[3][12] = { "password", "publickey", "certificate" };
	struct conf_user user = { .require = { .items = items } };

	for (size_t i = 0; i < 3; i++)
		if ((required & 1u << i) != 0)
			items[user.require.count++] = words[i];
	return user;
}

Test(auth_factors, the_words_of_the_configuration_are_the_bits)
{
	char *items[3];

	cr_assert_eq(strcmp(CONF_FACTOR_WORDS, "password|publickey|certificate"), 0);
	for (unsigned required = 0; required <= AUTH_FACTORS_ALL; required++) {
		struct conf_user user = user_of(required, items);

		cr_assert_eq(auth_factors_required(&user), required);
	}
}

Test(auth_factors, what_follows_from_each_combination)
{
	static const struct {
		unsigned required, passed, possible;
		enum auth_factors_verdict verdict;
		unsigned missing;
	} rows[] = {
		/* Any one will do. */
		{ 0, PASS, PASS, AUTH_FACTORS_ENOUGH, 0 },
		{ 0, KEY, PASS | KEY, AUTH_FACTORS_ENOUGH, 0 },
		{ 0, CERT, PASS, AUTH_FACTORS_ENOUGH, 0 },
		{ 0, 0, PASS | KEY, AUTH_FACTORS_USELESS, 0 },
		/* One that is named. */
		{ PASS, PASS, PASS, AUTH_FACTORS_ENOUGH, 0 },
		{ PASS, KEY, PASS | KEY, AUTH_FACTORS_USELESS, PASS },
		{ KEY, PASS, PASS | KEY, AUTH_FACTORS_USELESS, KEY },
		{ KEY, KEY, PASS | KEY, AUTH_FACTORS_ENOUGH, 0 },
		{ KEY, PASS | KEY, PASS | KEY, AUTH_FACTORS_ENOUGH, 0 },
		{ CERT, PASS, PASS, AUTH_FACTORS_USELESS, CERT },
		/* Two, in any order. */
		{ PASS | KEY, PASS, PASS | KEY, AUTH_FACTORS_MORE, KEY },
		{ PASS | KEY, KEY, PASS | KEY, AUTH_FACTORS_MORE, PASS },
		{ PASS | KEY, PASS | KEY, PASS | KEY, AUTH_FACTORS_ENOUGH, 0 },
		{ PASS | CERT, CERT, PASS, AUTH_FACTORS_MORE, PASS },
		{ PASS | CERT, PASS | CERT, PASS, AUTH_FACTORS_ENOUGH, 0 },
		/* Over FTP there are no keys, and certificates come before the password or not at
		   all. */
		{ PASS | KEY, PASS, PASS, AUTH_FACTORS_IMPOSSIBLE, KEY },
		{ PASS | CERT, PASS, PASS, AUTH_FACTORS_IMPOSSIBLE, CERT },
		{ AUTH_FACTORS_ALL, PASS | KEY, PASS | KEY, AUTH_FACTORS_IMPOSSIBLE, CERT },
		{ AUTH_FACTORS_ALL, CERT, PASS, AUTH_FACTORS_IMPOSSIBLE, PASS | KEY },
	};
	char *items[3];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_user user = user_of(rows[i].required, items);
		unsigned missing = 99;

		cr_expect_eq(auth_factors_judge(&user, rows[i].passed, rows[i].possible, &missing),
		    rows[i].verdict, "row %zu", i);
		cr_expect_eq(missing, rows[i].missing, "row %zu: %u", i, missing);
	}
}

Test(auth_factors, are_never_enough_while_one_is_missing)
{
	char *items[3];
	unsigned missing;

	for (unsigned required = 1; required <= AUTH_FACTORS_ALL; required++)
		for (unsigned passed = 0; passed <= AUTH_FACTORS_ALL; passed++) {
			struct conf_user user = user_of(required, items);
			bool enough = auth_factors_judge(&user, passed, AUTH_FACTORS_ALL,
			                  &missing) == AUTH_FACTORS_ENOUGH;

			cr_assert_eq(enough, (required & ~passed) == 0);
		}
}

Test(auth_factors, are_named_for_the_log)
{
	char text[AUTH_FACTORS_TEXT_BYTES];

	auth_factors_text(0, text);
	cr_assert_str_eq(text, "");
	auth_factors_text(KEY, text);
	cr_assert_str_eq(text, "publickey");
	auth_factors_text(AUTH_FACTORS_ALL, text);
	cr_assert_str_eq(text, "password+publickey+certificate");
}
