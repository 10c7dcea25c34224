#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/guard_messages.h"
#include "wire_samples.h"

TestSuite(guard_wire, .timeout = 30);

/* clang-format off */
#define SAMPLE(part, list, name)									\
	static const struct sample_field part##_fields_##name[] = {					\
		list##_##name(SAMPLE_FIELD) { SAMPLE_end, 0 } };					\
	static void part##_decode_##name(struct wire_reader *reader)					\
	{												\
		struct guard_##part##_##name message;							\
		guard_get_##part##_##name(reader, &message);						\
	}												\
	static void part##_recode_##name(struct wire_reader *reader, struct wire_writer *writer)	\
	{												\
		struct guard_##part##_##name message;							\
		guard_get_##part##_##name(reader, &message);						\
		guard_put_##part##_##name(writer, &message);						\
	}
#define MESSAGE_SAMPLES(name, number, states, fd, calls, flags, why)					\
	SAMPLE(req, GUARD_REQ, name)									\
	SAMPLE(rep, GUARD_REP, name)
#define NOTICE_SAMPLE(name, number, fd, why) SAMPLE(note, GUARD_NOTE, name)
GUARD_MESSAGES(MESSAGE_SAMPLES)
GUARD_NOTICES(NOTICE_SAMPLE)

#define ROW(part, name) { #part " " #name, part##_fields_##name, part##_decode_##name, part##_recode_##name },
#define REQUEST_ROW(name, number, states, fd, calls, flags, why) ROW(req, name)
#define REPLY_ROW(name, number, states, fd, calls, flags, why) ROW(rep, name)
#define NOTICE_ROW(name, number, fd, why) ROW(note, name)
/* clang-format on */

static const struct sample_row requests[] = { GUARD_MESSAGES(REQUEST_ROW) };
static const struct sample_row replies[] = { GUARD_MESSAGES(REPLY_ROW) };
static const struct sample_row notices[] = { GUARD_NOTICES(NOTICE_ROW) };

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

Test(guard_wire, every_request_decodes_only_within_its_bounds)
{
	for (size_t i = 0; i < COUNT(requests); i++)
		wire_sample_check(&requests[i]);
}

Test(guard_wire, every_reply_decodes_only_within_its_bounds)
{
	for (size_t i = 0; i < COUNT(replies); i++)
		wire_sample_check(&replies[i]);
}

Test(guard_wire, every_notice_decodes_only_within_its_bounds)
{
	for (size_t i = 0; i < COUNT(notices); i++)
		wire_sample_check(&notices[i]);
}

static bool has_secret(const struct sample_field *field)
{
	for (; field->kind != SAMPLE_end; field++)
		if (field->kind == SAMPLE_secret)
			return true;
	return false;
}

Test(guard_wire, every_row_is_found_by_its_number_which_is_its_alone)
{
	cr_assert_eq(guard_message_row_count, COUNT(requests));
	for (size_t i = 0; i < guard_message_row_count; i++)
		cr_assert_eq(
		    guard_message_find(guard_message_rows[i].number), &guard_message_rows[i]);
	cr_assert_null(guard_message_find(0));
	cr_assert_null(guard_message_find(GUARD_NOTICE_start));
	cr_assert_null(guard_message_find(UINT16_MAX));
}

Test(guard_wire, every_row_says_what_holds_for_it)
{
	for (size_t i = 0; i < guard_message_row_count; i++) {
		const struct guard_message_row *row = &guard_message_rows[i];

		cr_assert_eq((row->flags & GUARD_FLAG_SECRET) != 0,
		    has_secret(requests[i].fields) || (row->flags & GUARD_FLAG_CARRIES) != 0,
		    "%s: a secret is wiped only when the row says so", row->name);
		cr_assert_not(
		    has_secret(replies[i].fields), "%s: a reply with a secret", row->name);
		cr_assert_eq(row->states & GUARD_STATE_IDLE, 0, "%s: without a client", row->name);
		cr_assert_neq(row->states, 0, "%s: never allowed", row->name);
		if ((row->flags & GUARD_FLAG_LATER) != 0)
			cr_assert_eq(replies[i].fields[0].kind, SAMPLE_end,
			    "%s: guard_client_next has no room for fields", row->name);
		else
			cr_assert_neq(
			    row->fd, GUARD_FD_DATA, "%s: waits for the network", row->name);
	}
}

Test(guard_wire, the_document_names_every_message)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	guard_messages_print(out);
	fclose(out);
	for (size_t i = 0; i < guard_message_row_count; i++) {
		cr_assert_not_null(strstr(text, guard_message_rows[i].name));
		cr_assert_not_null(strstr(text, guard_message_rows[i].why));
	}
	cr_assert_not_null(
	    strstr(text, "| 60 | `start` | the client's connection | `listener` u32, "));
	cr_assert_not_null(strstr(text, "`password` secret <= 1024"));
	cr_assert_not_null(strstr(text, "| 0 | QUIT | quit |"));
	cr_assert_null(strstr(text, "(null)"));
	free(text);
}
