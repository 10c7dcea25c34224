/* Every row of the option table, in every section it stands in. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_rows.h"
#include "conf/conf_values.h"
#include "server/base/buf.h"
#include "vfs/vfs_types.h"

/* Large enough and aligned for the field of any type. */
union any_field {
	conf_duration duration;
	conf_list_value list;
	conf_address address;
	char *string;
	char bytes[64];
};

typedef void row_fn(const struct conf_section *section, const struct conf_option *row);

static void each_row(row_fn *check)
{
	const struct conf_section *sections[16] = { &conf_section_main, &conf_section_user,
		&conf_section_mount };
	size_t count = 3;

	for (size_t i = 0; conf_section_main.sections[i] != NULL; i++)
		sections[count++] = conf_section_main.sections[i];
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < sections[i]->option_count; j++)
			check(sections[i], &sections[i]->options[j]);
}

static const char *parse(const struct conf_option *row, const char *text, union any_field *field)
{
	struct conf_written written = { .items = &text, .count = 1, .base_dir = "/base" };

	if (strcmp(text, "{}") == 0)
		written.count = 0;
	return conf_type(row->type)->parse(row, &written, field);
}

static void check_default(const struct conf_section *section, const struct conf_option *row)
{
	union any_field field = { 0 };
	const char *wrong;

	if (row->type == CONF_TYPE_path && row->fallback[0] == '\0')
		return; /* must be given */
	wrong = parse(row, row->fallback, &field);
	cr_expect_null(wrong, "%s %s = %s: %s", section->name, row->name, row->fallback, wrong);
	conf_type(row->type)->clear(&field);
}

Test(conf_rows, every_default_is_a_valid_value)
{
	each_row(check_default);
}

static void check_texts(const struct conf_section *section, const struct conf_option *row)
{
	char allowed[512] = "";

	cr_expect(strlen(row->doc) > 10, "%s %s has no doc", section->name, row->name);
	cr_expect_eq(row->doc[strlen(row->doc) - 1], '.', "%s %s: the doc is no sentence",
	    section->name, row->name);
	cr_expect(
	    (row->seen & SEEN_BY_ALL) != 0, "%s %s is seen by nobody", section->name, row->name);
	conf_type(row->type)->allowed(row, allowed, sizeof(allowed));
	cr_expect(allowed[0] != '\0', "%s %s allows nothing", section->name, row->name);
}

Test(conf_rows, every_row_has_a_doc_a_reader_and_an_allowed_text)
{
	each_row(check_texts);
}

static void check_unique(const struct conf_section *section, const struct conf_option *row)
{
	cr_expect_eq(conf_section_option(section, row->name), row, "%s %s stands there twice",
	    section->name, row->name);
	cr_expect_null(conf_section_child(section, row->name), "%s %s is a section as well",
	    section->name, row->name);
}

Test(conf_rows, every_keyword_is_unique_in_its_section)
{
	each_row(check_unique);
}

#define NUMBER_BYTES 64

/* A number in the syntax of the row's type. */
static bool number_text(const struct conf_option *row, int64_t number, char out[NUMBER_BYTES])
{
	if (number < 0)
		return false;
	if (row->type == CONF_TYPE_duration)
		snprintf(out, NUMBER_BYTES, "%lldms", (long long)number);
	else if (row->type == CONF_TYPE_mode)
		snprintf(out, NUMBER_BYTES, "%llo", (unsigned long long)number);
	else if (row->type == CONF_TYPE_ports)
		snprintf(out, NUMBER_BYTES, "%lld-%lld", (long long)number, (long long)number);
	else
		snprintf(out, NUMBER_BYTES, "%lld", (long long)number);
	return true;
}

static void check_range(const struct conf_section *section, const struct conf_option *row)
{
	union any_field field = { 0 };
	char text[NUMBER_BYTES];

	if (row->type != CONF_TYPE_uint && row->type != CONF_TYPE_duration &&
	    row->type != CONF_TYPE_mode && row->type != CONF_TYPE_ports)
		return;
	cr_assert_lt(row->min, row->max, "%s %s", section->name, row->name);
	for (int64_t number = row->min; number <= row->max; number += row->max - row->min) {
		cr_assert(number_text(row, number, text));
		cr_expect_null(
		    parse(row, text, &field), "%s %s = %s", section->name, row->name, text);
	}
	cr_assert(number_text(row, row->max + 1, text));
	cr_expect_not_null(parse(row, text, &field), "%s %s = %s", section->name, row->name, text);
	if (number_text(row, row->min - 1, text))
		cr_expect_not_null(
		    parse(row, text, &field), "%s %s = %s", section->name, row->name, text);
	cr_expect_not_null(parse(row, "-1", &field), "%s %s = -1", section->name, row->name);
	cr_expect_not_null(
	    parse(row, "99999999999999999999999", &field), "%s %s", section->name, row->name);
	cr_expect_not_null(parse(row, "", &field), "%s %s", section->name, row->name);
	cr_expect_not_null(parse(row, "1 ", &field), "%s %s", section->name, row->name);
}

Test(conf_rows, every_range_takes_its_ends_and_nothing_beyond)
{
	each_row(check_range);
}

static void check_words(const struct conf_section *section, const struct conf_option *row)
{
	union any_field field = { 0 };
	char words[128];
	char *rest = words;
	char *word;
	int index = 0;

	if (row->type != CONF_TYPE_choice)
		return;
	snprintf(words, sizeof(words), "%s", row->words);
	while ((word = strsep(&rest, "|")) != NULL) {
		cr_expect_null(
		    parse(row, word, &field), "%s %s = %s", section->name, row->name, word);
		cr_expect_eq(*(conf_choice *)&field, index++);
	}
	cr_expect_not_null(parse(row, "nothing-of-it", &field));
	cr_expect_not_null(parse(row, row->words[0] == '\0' ? "x" : "", &field));
}

Test(conf_rows, every_choice_takes_each_of_its_words_and_no_other)
{
	each_row(check_words);
}

static void check_length(const struct conf_section *section, const struct conf_option *row)
{
	union any_field field = { 0 };
	char *text;

	if (row->type != CONF_TYPE_text)
		return;
	text = calloc(1, (size_t)row->max + 2);
	cr_assert_not_null(text);
	memset(text, 'a', (size_t)row->max);
	cr_expect_null(parse(row, text, &field), "%s %s", section->name, row->name);
	text[row->max] = 'a';
	cr_expect_not_null(parse(row, text, &field), "%s %s", section->name, row->name);
	free(text);
	cr_expect_not_null(parse(row, "a\nb", &field), "%s %s", section->name, row->name);
	cr_expect_not_null(parse(row, "a\x7f", &field), "%s %s", section->name, row->name);
	conf_type(row->type)->clear(&field);
}

Test(conf_rows, every_text_has_a_longest_length_and_no_control_characters)
{
	each_row(check_length);
}

/* What a default prints as reads back to what prints the same. */
static void check_format(const struct conf_section *section, const struct conf_option *row)
{
	union any_field field = { 0 };
	union any_field copy = { 0 };
	struct buf first, second;

	if (row->type == CONF_TYPE_path && row->fallback[0] == '\0')
		return;
	cr_assert_null(parse(row, row->fallback, &field));
	cr_assert(conf_type(row->type)->copy(&field, &copy));
	buf_init(&first, 4096);
	buf_init(&second, 4096);
	conf_type(row->type)->format(row, &field, false, &first);
	conf_type(row->type)->format(row, &copy, false, &second);
	cr_expect(buf_length(&first) > 0, "%s %s", section->name, row->name);
	cr_expect_eq(buf_length(&first), buf_length(&second));
	cr_expect_arr_eq(buf_bytes(&first), buf_bytes(&second), buf_length(&first));
	buf_clear(&first);
	buf_clear(&second);
	conf_type(row->type)->clear(&field);
	conf_type(row->type)->clear(&copy);
}

Test(conf_rows, every_value_can_be_copied_and_printed)
{
	each_row(check_format);
}

Test(conf_rows, a_mount_inherits_every_option_but_its_source)
{
	for (size_t i = 0; i < conf_section_mount.option_count; i++) {
		const struct conf_option *row = &conf_section_mount.options[i];
		const struct conf_option *of_user =
		    conf_section_option(&conf_section_user, row->name);

		if (strcmp(row->name, "source") == 0) {
			cr_expect_null(of_user);
		} else {
			cr_assert_not_null(of_user, "%s", row->name);
			cr_expect_eq(row->type, of_user->type, "%s", row->name);
			cr_expect_eq(row->min, of_user->min, "%s", row->name);
			cr_expect_eq(row->max, of_user->max, "%s", row->name);
		}
	}
}

Test(conf_rows, only_the_password_is_secret)
{
	const struct conf_option *password = conf_section_option(&conf_section_user, "password");

	cr_expect(password->seen & SEEN_SECRET);
	for (size_t i = 0; i < conf_section_user.option_count; i++)
		if (&conf_section_user.options[i] != password)
			cr_expect_not(conf_section_user.options[i].seen & SEEN_SECRET);
}

Test(conf_rows, a_slip_of_the_pen_is_guessed)
{
	char text[1024];

	conf_section_suggest(&conf_section_main, "spare_mim", text, sizeof(text));
	cr_expect(strstr(text, "did you mean \"spare_min\"?") != NULL, "%s", text);
	conf_section_suggest(&conf_section_main, "listner", text, sizeof(text));
	cr_expect(strstr(text, "did you mean \"listener\"?") != NULL, "%s", text);
	conf_section_suggest(&conf_section_main, "zzzzzzz", text, sizeof(text));
	cr_expect_null(strstr(text, "did you mean"), "%s", text);
	cr_expect(
	    strstr(text, "users_dir") != NULL && strstr(text, "anonymous") != NULL, "%s", text);
	conf_section_suggest(&conf_section_main, "spare_mim", text, 20);
	cr_expect_eq(strlen(text), 19);
}

Test(conf_rows, the_staged_prefix_is_that_of_the_vfs)
{
	cr_expect_str_eq(CONF_STAGED_PREFIX, VFS_STAGED_PREFIX);
}
