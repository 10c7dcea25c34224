#include <criterion/criterion.h>
#include <string.h>

#include "server/base/buf.h"

static struct buf buf;

static void clear(void)
{
	buf_clear(&buf);
}

TestSuite(buf, .fini = clear);

Test(buf, is_empty_and_owns_nothing_at_first)
{
	buf_init(&buf, 10);
	cr_assert_eq(buf_length(&buf), 0);
	cr_assert_eq(buf_room(&buf), 10);
	cr_assert_null(buf.data);
	cr_assert_not_null(buf_bytes(&buf));
}

Test(buf, gives_back_what_was_appended_in_order)
{
	buf_init(&buf, 100);
	cr_assert(buf_append(&buf, "abc", 3));
	cr_assert(buf_append_string(&buf, "def"));
	cr_assert(buf_appendf(&buf, "%d-%s", 42, "x"));
	cr_assert_eq(buf_length(&buf), 10);
	cr_assert_eq(memcmp(buf_bytes(&buf), "abcdef42-x", 10), 0);
}

Test(buf, takes_exactly_its_limit_and_no_byte_more)
{
	buf_init(&buf, 5);
	cr_assert(buf_append_string(&buf, "12345"));
	cr_assert_not(buf.failed);
	cr_assert_not(buf_append(&buf, "6", 1));
	cr_assert(buf.failed);
	cr_assert_eq(buf_length(&buf), 5);
	cr_assert_eq(memcmp(buf_bytes(&buf), "12345", 5), 0);
}

Test(buf, formats_up_to_its_limit_though_printf_writes_a_nul)
{
	buf_init(&buf, 5);
	cr_assert(buf_appendf(&buf, "%05d", 7));
	cr_assert_eq(memcmp(buf_bytes(&buf), "00007", 5), 0);
	cr_assert_not(buf_appendf(&buf, "%d", 1));
	cr_assert(buf.failed);
	cr_assert_eq(buf_length(&buf), 5);
}

Test(buf, appends_nothing_of_what_does_not_fit)
{
	buf_init(&buf, 4);
	cr_assert(buf_append_string(&buf, "ab"));
	cr_assert_not(buf_append_string(&buf, "cde"));
	cr_assert_eq(buf_length(&buf), 2);
	/* failed is sticky, but what fits is still taken */
	cr_assert(buf_append_string(&buf, "cd"));
	cr_assert(buf.failed);
	buf_reset(&buf);
	cr_assert_not(buf.failed);
	cr_assert_eq(buf_length(&buf), 0);
}

Test(buf, makes_room_by_moving_when_the_front_was_consumed)
{
	buf_init(&buf, 256);
	for (int round = 0; round < 1000; round++) {
		char bytes[100];

		memset(bytes, round & 0x7f, sizeof(bytes));
		cr_assert(buf_append(&buf, bytes, sizeof(bytes)));
		if (round > 0) {
			cr_assert_eq(buf_bytes(&buf)[0], (round - 1) & 0x7f);
			buf_consume(&buf, 100);
		}
		cr_assert_leq(buf.size, 256);
	}
}

Test(buf, counts_the_limit_by_what_waits_not_by_what_passed)
{
	buf_init(&buf, 8);
	for (int i = 0; i < 100; i++) {
		cr_assert(buf_append(&buf, "1234567", 7));
		buf_consume(&buf, 7);
	}
	cr_assert_eq(buf_room(&buf), 8);
}

Test(buf, lends_room_and_counts_what_was_committed)
{
	uint8_t *room;

	buf_init(&buf, 1000);
	room = buf_reserve(&buf, 1000);
	cr_assert_not_null(room);
	memset(room, 'x', 1000);
	buf_commit(&buf, 3);
	cr_assert_eq(buf_length(&buf), 3);
	cr_assert_null(buf_reserve(&buf, 998));
	cr_assert_null(buf_reserve(&buf, SIZE_MAX));
	cr_assert_not_null(buf_reserve(&buf, 997));
}

Test(buf, keeps_its_limit_when_cleared)
{
	buf_init(&buf, 3);
	buf_append_string(&buf, "abcd");
	buf_clear(&buf);
	cr_assert_null(buf.data);
	cr_assert_not(buf.failed);
	cr_assert_eq(buf_room(&buf), 3);
	cr_assert(buf_append_string(&buf, "abc"));
}
