#include <criterion/criterion.h>
#include <string.h>

#include "auth/auth_blob.h"

#define BLOB(text)                                                           \
	{                                                                    \
		.bytes = (const uint8_t *)(text), .length = sizeof(text) - 1 \
	}

Test(auth_blob, takes_values_off_the_front)
{
	struct auth_blob from = BLOB("\7\1\2\3\1\2\3\4\0\0\0\2hi");
	struct auth_blob string;
	uint32_t number;
	uint8_t byte;

	cr_assert(auth_blob_take_byte(&from, &byte) && byte == 7);
	cr_assert(auth_blob_take_u24(&from, &number) && number == 0x10203);
	cr_assert(auth_blob_take_u32(&from, &number) && number == 0x1020304);
	cr_assert(auth_blob_take_string(&from, &string) && auth_blob_is(string, "hi"));
	cr_assert_eq(from.length, 0);
	cr_assert_not(auth_blob_take_byte(&from, &byte));
}

Test(auth_blob, takes_nothing_that_is_not_all_there)
{
	static const struct auth_blob cut[] = {
		BLOB(""),
		BLOB("\0\0\0"),
		BLOB("\0\0\0\1"),
		BLOB("\0\0\0\3hi"),
		BLOB("\377\377\377\377hi"),
	};

	for (size_t i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
		struct auth_blob from = cut[i];
		struct auth_blob string;

		cr_assert_not(auth_blob_take_string(&from, &string));
		cr_assert_eq(from.length, cut[i].length);
	}
}

Test(auth_blob, a_number_is_positive_and_as_short_as_can_be)
{
	static const struct {
		struct auth_blob in;
		struct auth_blob out; /* length 0: refused */
	} rows[] = {
		{ BLOB("\0\0\0\1\1"), BLOB("\1") },
		{ BLOB("\0\0\0\2\0\200"), BLOB("\200") },
		{ BLOB("\0\0\0\1\200"), { 0 } }, /* negative */
		{ BLOB("\0\0\0\2\0\1"), { 0 } }, /* needless zero */
		{ BLOB("\0\0\0\1\0"), { 0 } },
		{ BLOB("\0\0\0\0"), { 0 } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct auth_blob from = rows[i].in;
		struct auth_blob number;
		bool good = auth_blob_take_number(&from, &number);

		cr_assert_eq(good, rows[i].out.length > 0, "%zu", i);
		if (good)
			cr_assert(auth_blob_same(number, rows[i].out), "%zu", i);
	}
}
