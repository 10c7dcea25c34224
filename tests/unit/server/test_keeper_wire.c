#include <criterion/criterion.h>

#include "server/keeper_messages.h"
#include "wire_samples.h"

TestSuite(keeper_wire, .timeout = 30);

/* clang-format off */
#define SAMPLE(name, number, from, fd, why)								\
	static const struct sample_field fields_##name[] = {						\
		KEEPER_MSG_##name(SAMPLE_FIELD) { SAMPLE_end, 0 } };					\
	static void decode_##name(struct wire_reader *reader)						\
	{												\
		struct keeper_msg_##name message;							\
		keeper_get_##name(reader, &message);							\
	}												\
	static void recode_##name(struct wire_reader *reader, struct wire_writer *writer)		\
	{												\
		struct keeper_msg_##name message;							\
		keeper_get_##name(reader, &message);							\
		keeper_put_##name(writer, &message);							\
	}
#define ROW(name, number, from, fd, why) { #name, fields_##name, decode_##name, recode_##name },
/* clang-format on */
KEEPER_MESSAGES(SAMPLE)

static const struct sample_row rows[] = { KEEPER_MESSAGES(ROW) };

Test(keeper_wire, every_message_decodes_only_within_its_bounds)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		wire_sample_check(&rows[i]);
}

Test(keeper_wire, every_number_is_used_once)
{
#define NUMBER(name, number, from, fd, why) (number),
	static const unsigned numbers[] = { KEEPER_MESSAGES(NUMBER) };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		for (size_t k = 0; k < i; k++)
			cr_assert_neq(numbers[i], numbers[k], "%s and %s", rows[i].name, rows[k].name);
}
