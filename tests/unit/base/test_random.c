#include <criterion/criterion.h>
#include <string.h>

#include "server/base/random.h"

TestSuite(random);

Test(random, fills_every_byte)
{
	uint8_t bytes[64] = { 0 }, seen[64] = { 0 };

	for (int round = 0; round < 32; round++) {
		random_bytes(bytes, sizeof(bytes));
		for (size_t i = 0; i < sizeof(bytes); i++)
			seen[i] |= bytes[i];
	}
	/* 32 zero bytes in a row at one place come once in 2^256 runs. */
	for (size_t i = 0; i < sizeof(seen); i++)
		cr_assert_neq(seen[i], 0);
	random_bytes(bytes, 0);
}

Test(random, below_stays_below_and_reaches_every_value)
{
	unsigned counts[5] = { 0 };

	for (int i = 0; i < 5000; i++) {
		uint32_t value = random_below(5);

		cr_assert_lt(value, 5);
		counts[value]++;
	}
	for (int i = 0; i < 5; i++)
		cr_assert(counts[i] > 700 && counts[i] < 1300, "%d came %u times", i, counts[i]);
	cr_assert_eq(random_below(1), 0);
	for (int i = 0; i < 100; i++)
		cr_assert_lt(random_below(UINT32_MAX), UINT32_MAX);
}
