#include <criterion/criterion.h>
#include <string.h>

#include "server/clerk_messages.h"
#include "wire_samples.h"

TestSuite(clerk_wire, .timeout = 30);

/* clang-format off */
#define SAMPLE(name, number, from, fd, why)								\
	static const struct sample_field fields_##name[] = {						\
		CLERK_MSG_##name(SAMPLE_FIELD) { SAMPLE_end, 0 } };					\
	static void decode_##name(struct wire_reader *reader)						\
	{												\
		struct clerk_msg_##name message;							\
		clerk_get_##name(reader, &message);							\
	}												\
	static void recode_##name(struct wire_reader *reader, struct wire_writer *writer)		\
	{												\
		struct clerk_msg_##name message;							\
		clerk_get_##name(reader, &message);							\
		clerk_put_##name(writer, &message);							\
	}
#define ROW(name, number, from, fd, why) { #name, fields_##name, decode_##name, recode_##name },
/* clang-format on */
CLERK_MESSAGES(SAMPLE)

static const struct sample_row rows[] = { CLERK_MESSAGES(ROW) };

Test(clerk_wire, every_message_decodes_only_within_its_bounds)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		wire_sample_check(&rows[i]);
}

Test(clerk_wire, every_number_is_used_once)
{
#define NUMBER(name, number, from, fd, why) (number),
	static const unsigned numbers[] = { CLERK_MESSAGES(NUMBER) };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		for (size_t k = 0; k < i; k++)
			cr_assert_neq(
			    numbers[i], numbers[k], "%s and %s", rows[i].name, rows[k].name);
}

Test(clerk_wire, every_verdict_has_a_text)
{
	for (unsigned i = 0; i < CLERK_VERDICT_COUNT; i++)
		cr_assert_gt(strlen(clerk_verdict_text((enum clerk_verdict)i)), 0);
	cr_assert_str_eq(clerk_verdict_text(CLERK_ALLOWED), "allowed");
	cr_assert_not_null(clerk_verdict_text(CLERK_VERDICT_COUNT));
	cr_assert_not_null(clerk_verdict_text((enum clerk_verdict) - 1));
}
