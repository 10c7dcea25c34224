#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/events.h"

static struct event event;

TestSuite(events);

Test(events, fields_come_back_in_order)
{
	struct event_reader reader;
	struct event_value value;

	event_init(&event, EVENT_UPLOAD);
	event_text(&event, EVENT_FIELD_PATH, "/a\n\xff");
	event_number(&event, EVENT_FIELD_BYTES, UINT64_MAX);
	event_text(&event, EVENT_FIELD_USER, "");
	event_text(&event, EVENT_FIELD_TO, NULL);
	event_text(&event, EVENT_FIELD_RESULT, "complete");
	reader = (struct event_reader){ event.fields, event.length };
	cr_assert_eq(event_next(&reader, &value), 1);
	cr_assert_eq(value.field, EVENT_FIELD_PATH);
	cr_assert_eq(value.text_length, 4);
	cr_assert_arr_eq(value.text, "/a\n\xff", 4);
	cr_assert_eq(event_next(&reader, &value), 1);
	cr_assert_eq(value.field, EVENT_FIELD_BYTES);
	cr_assert_eq(value.number, UINT64_MAX);
	cr_assert_eq(event_next(&reader, &value), 1);
	cr_assert_eq(value.field, EVENT_FIELD_RESULT);
	cr_assert_eq(event_next(&reader, &value), 0);
}

Test(events, text_that_does_not_fit_is_cut_and_numbers_are_left_out)
{
	static char text[EVENT_MAX_BYTES + 100];
	struct event_reader reader;
	struct event_value value;
	size_t total = 0;

	memset(text, 'x', sizeof(text) - 1);
	event_init(&event, EVENT_UPLOAD);
	event_number(&event, EVENT_FIELD_BYTES, 1);
	for (int i = 0; i < 3; i++) {
		event_text(&event, EVENT_FIELD_PATH, text);
		event_number(&event, EVENT_FIELD_SIZE, 2);
		cr_assert_leq(event.length, EVENT_MAX_BYTES);
	}
	cr_assert_eq(event.length, EVENT_MAX_BYTES);
	reader = (struct event_reader){ event.fields, event.length };
	cr_assert_eq(event_next(&reader, &value), 1);
	cr_assert_eq(event_next(&reader, &value), 1);
	total = value.text_length;
	cr_assert_gt(total, 16000);
	cr_assert_eq(event_next(&reader, &value), 0);
}

Test(events, malformed_fields_are_told_from_the_end)
{
	struct event_reader reader;
	struct event_value value;
	uint16_t number = EVENT_FIELD_COUNT;

	event_init(&event, EVENT_LOGIN);
	event_text(&event, EVENT_FIELD_USER, "alice");
	for (size_t cut = 1; cut < event.length; cut++) {
		reader = (struct event_reader){ event.fields, event.length - cut };
		cr_assert_eq(event_next(&reader, &value), -1, "%zu bytes short", cut);
	}
	event_init(&event, EVENT_LOGIN);
	event_number(&event, EVENT_FIELD_BYTES, 7);
	for (size_t cut = 1; cut < event.length; cut++) {
		reader = (struct event_reader){ event.fields, event.length - cut };
		cr_assert_eq(event_next(&reader, &value), -1, "%zu bytes short", cut);
	}
	memcpy(event.fields, &number, sizeof(number));
	reader = (struct event_reader){ event.fields, event.length };
	cr_assert_eq(event_next(&reader, &value), -1);
}

Test(events, every_row_has_a_name_of_its_own)
{
	for (unsigned i = 0; i < EVENT_COUNT; i++) {
		cr_assert_not_null(event_level_name(event_level((enum event_id)i)));
		for (unsigned k = 0; k < i; k++)
			cr_assert_str_neq(
			    event_name((enum event_id)i), event_name((enum event_id)k));
	}
	for (unsigned i = 0; i < EVENT_FIELD_COUNT; i++)
		for (unsigned k = 0; k < i; k++)
			cr_assert_str_neq(event_field_name((enum event_field_id)i),
			    event_field_name((enum event_field_id)k));
	cr_assert_str_eq(event_name(EVENT_LOGIN_FAILED), "login-failed");
	cr_assert_eq(event_level(EVENT_LOGIN_FAILED), EVENT_LEVEL_WARNING);
	cr_assert_str_eq(event_level_name(EVENT_LEVEL_ERROR), "error");
	cr_assert_eq(event_field_kind(EVENT_FIELD_BYTES), EVENT_KIND_NUMBER);
}

Test(events, the_document_names_every_event_and_field)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	char cell[64];

	events_print(out);
	fclose(out);
	for (unsigned i = 0; i < EVENT_COUNT; i++) {
		snprintf(cell, sizeof(cell), "| `%s` |", event_name((enum event_id)i));
		cr_assert_not_null(strstr(text, cell), "%s", cell);
	}
	for (unsigned i = 0; i < EVENT_FIELD_COUNT; i++) {
		snprintf(cell, sizeof(cell), "| `%s` |", event_field_name((enum event_field_id)i));
		cr_assert_not_null(strstr(text, cell), "%s", cell);
	}
	free(text);
}
