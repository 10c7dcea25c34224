#include <criterion/criterion.h>
#include <crypt.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth_hash.h"
#include "server/base/clock.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

TestSuite(auth_hash, .timeout = 60);

static bool check(const char *hash, const char *text, size_t length)
{
	struct secret *password = secret_new(text, length);
	bool matches;

	cr_assert_not_null(password);
	matches = auth_hash_check(hash, password);
	secret_free(&password);
	return matches;
}

Test(auth_hash, knows_a_vector_of_each_method)
{
	static const struct {
		const char *hash, *password;
	} rows[] = {
		{ "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnI"
		  "FNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
		    "Hello world!" },
		{ "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3"
		  "Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
		    "Hello world!" },
		{ "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5", "Hello world!" },
		{ "$y$j9T$LdJMENpBABJJ3hIHjB1Bi.$iofk68xbXBoXKsxTyMBCh2qkQuzQZ2Zik521F9TsTq6",
		    "pleaseletmein" },
		{ "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U" },
		{ "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U" },
		{ "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U" },
		{ "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", "" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *password = rows[i].password;

		cr_assert(auth_hash_usable(rows[i].hash), "row %zu", i);
		cr_assert(check(rows[i].hash, password, strlen(password)), "row %zu", i);
		cr_assert_not(check(rows[i].hash, "U*V", 3), "row %zu", i);
		cr_assert_not(check(rows[i].hash, "Hello world", 11), "row %zu", i);
	}
}

Test(auth_hash, what_it_makes_it_knows_again)
{
	static const struct {
		const char *method, *prefix;
	} rows[] = {
		{ NULL, "$y$" },
		{ "yescrypt", "$y$" },
		{ "bcrypt", "$2b$" },
		{ "sha512crypt", "$6$" },
		{ "sha256crypt", "$5$" },
	};
	struct secret *password = secret_new("correct horse", 13);

	for (size_t i = 0; i < COUNT(rows); i++) {
		char hash[AUTH_HASH_BYTES], again[AUTH_HASH_BYTES];

		cr_assert(auth_hash_make(rows[i].method, password, hash), "row %zu", i);
		cr_assert_eq(strncmp(hash, rows[i].prefix, strlen(rows[i].prefix)), 0, "%s", hash);
		cr_assert(auth_hash_make(rows[i].method, password, again));
		cr_assert_str_neq(hash, again, "the salt must differ");
		cr_assert(auth_hash_check(hash, password), "%s", hash);
		cr_assert_not(check(hash, "correct horsf", 13), "%s", hash);
		cr_assert_not(check(hash, "", 0), "%s", hash);
		/* One bit of the hash's last byte. */
		hash[strlen(hash) - 2] ^= 1;
		cr_assert_not(auth_hash_check(hash, password), "%s", hash);
	}
	secret_free(&password);
}

Test(auth_hash, refuses_unknown_methods)
{
	static const char *const methods[] = { "", "md5", "des", "Yescrypt", "$y$", "sha512" };
	struct secret *password = secret_new("x", 1);
	char hash[AUTH_HASH_BYTES];

	for (size_t i = 0; i < COUNT(methods); i++)
		cr_assert_not(auth_hash_make(methods[i], password, hash), "%s", methods[i]);
	secret_free(&password);
}

Test(auth_hash, locked_empty_and_foreign_hashes_never_match)
{
	static const char *const hashes[] = {
		"", "!", "*", "!!", "*0", "*1", "x",
		("!$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBn"
		 "IFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"),
		"*$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$1$abc$OGyl6dDvZCDiGmIVbeuCq/", /* MD5 of "x" */
		"$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "$7$", "$gy$",
		"$3$$", "$", "aJmM7AVfxlRXo", /* DES */
		"Hello world!",               /* a password in clear */
	};

	for (size_t i = 0; i < COUNT(hashes); i++) {
		cr_assert_not(auth_hash_usable(hashes[i]), "'%s'", hashes[i]);
		cr_assert_not(check(hashes[i], "Hello world!", 12), "'%s'", hashes[i]);
		cr_assert_not(check(hashes[i], "x", 1), "'%s'", hashes[i]);
		cr_assert_not(check(hashes[i], "", 0), "'%s'", hashes[i]);
	}
}

Test(auth_hash, malformed_hashes_never_match_and_answer_no_sooner)
{
	static const char *const hashes[] = { "$6$", "$6$saltstring", "$6$saltstring$", "$y$",
		"$y$j9T$", "$y$j9T$!!!!$", "$2b$", "$2b$05$", "$2b$99$CCCCCCCCCCCCCCCCCCCCC.",
		"$5$rounds=x$a$b", "$6$rounds=1000$a:b" };

	for (size_t i = 0; i < COUNT(hashes); i++) {
		cr_assert_not(check(hashes[i], "x", 1), "'%s'", hashes[i]);
		cr_assert_not(check(hashes[i], "", 0), "'%s'", hashes[i]);
	}
}

Test(auth_hash, passwords_that_libcrypt_cannot_take_belong_to_no_hash)
{
	static char text[SECRET_MAX_BYTES];
	struct secret *longest, *longer, *with_nul;
	char hash[AUTH_HASH_BYTES];

	memset(text, 'p', sizeof(text));
	longest = secret_new(text, CRYPT_MAX_PASSPHRASE_SIZE - 1);
	longer = secret_new(text, CRYPT_MAX_PASSPHRASE_SIZE);
	with_nul = secret_new("ab\0cd", 5);
	cr_assert(auth_hash_make("sha256crypt", longest, hash));
	cr_assert(auth_hash_check(hash, longest));
	cr_assert_not(auth_hash_check(hash, longer));
	cr_assert_not(auth_hash_make("sha256crypt", longer, hash));
	cr_assert_not(auth_hash_make("sha256crypt", with_nul, hash));
	/* What stands before a NUL must not be enough, nor "", which an unhashable one is hashed
	 * as. */
	secret_free(&longest);
	longest = secret_new("ab", 2);
	cr_assert(auth_hash_make("sha256crypt", longest, hash));
	cr_assert_not(auth_hash_check(hash, with_nul));
	secret_free(&longest);
	longest = secret_new("", 0);
	cr_assert(auth_hash_make("sha256crypt", longest, hash));
	cr_assert(auth_hash_check(hash, longest));
	cr_assert_not(auth_hash_check(hash, longer));
	cr_assert_not(auth_hash_check(hash, with_nul));
	secret_free(&longest);
	secret_free(&longer);
	secret_free(&with_nul);
}

/* The least of several, so that a busy machine does not matter. */
static int64_t least_microseconds(const char *hash, const struct secret *password)
{
	int64_t least = INT64_MAX;

	for (int i = 0; i < 5; i++) {
		struct timespec start, end;
		int64_t took;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
		if (hash != NULL)
			auth_hash_check(hash, password);
		else
			auth_hash_dummy(password);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
		took = (end.tv_sec - start.tv_sec) * 1000000 + (end.tv_nsec - start.tv_nsec) / 1000;
		least = took < least ? took : least;
	}
	return least;
}

Test(auth_hash, the_dummy_costs_as_much_as_a_check_of_a_new_hash)
{
	static char text[SECRET_MAX_BYTES];
	struct secret *password = secret_new("correct horse", 13);
	struct secret *longer;
	char hash[AUTH_HASH_BYTES];
	int64_t real, dummy, unhashable, malformed;

	memset(text, 'p', sizeof(text));
	longer = secret_new(text, sizeof(text));
	cr_assert(auth_hash_make(NULL, password, hash));
	real = least_microseconds(hash, password);
	dummy = least_microseconds(NULL, password);
	unhashable = least_microseconds(NULL, longer);
	malformed = least_microseconds("$6$rounds=1000$a:b", password);
	cr_assert(dummy * 2 > real && dummy < real * 2, "%lld, dummy %lld", (long long)real,
	    (long long)dummy);
	cr_assert(
	    unhashable * 2 > real, "%lld, unhashable %lld", (long long)real, (long long)unhashable);
	cr_assert(
	    malformed * 2 > real, "%lld, malformed %lld", (long long)real, (long long)malformed);
	secret_free(&password);
	secret_free(&longer);
}
