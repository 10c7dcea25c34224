#include <criterion/criterion.h>

#include "server/base/bytes.h"

TestSuite(bytes);

static const uint8_t eight[] = { 0xfe, 0x02, 0x80, 0x04, 0x05, 0xff, 0x07, 0x88 };

Test(bytes, numbers_are_read_most_significant_byte_first)
{
	cr_assert_eq(bytes_get_u32(eight), 0xfe028004);
	cr_assert_eq(bytes_get_u32(eight + 3), 0x0405ff07);
	cr_assert_eq(bytes_get_u64(eight), 0xfe02800405ff0788);
}

Test(bytes, numbers_are_written_the_same_way_and_nothing_beside_them)
{
	uint8_t to[10] = { 0 };

	bytes_put_u32(to + 1, 0xfe028004);
	cr_assert_arr_eq(to + 1, eight, 4);
	cr_assert(to[0] == 0 && to[5] == 0);
	bytes_put_u64(to + 1, 0xfe02800405ff0788);
	cr_assert_arr_eq(to + 1, eight, 8);
	cr_assert(to[0] == 0 && to[9] == 0);
}
