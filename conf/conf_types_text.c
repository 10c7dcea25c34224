/* The types whose values are heap strings: text, path, target, account, list, paths. */
#include <stdlib.h>
#include <string.h>

#include "conf/conf_lex.h"
#include "conf/conf_rows.h"
#include "conf/conf_types_private.h"
#include "server/base/text.h"

/* --- texts that the struct owns --------------------------------------------------------------- */

static const char *set_string(void *field, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return conf_type_no_memory;
	free(*(char **)field);
	*(char **)field = copy;
	return NULL;
}

static bool copy_string(const void *from, void *to)
{
	const char *text = *(char *const *)from;

	return text == NULL || set_string(to, text) == NULL;
}

static void clear_string(void *field)
{
	free(*(char **)field);
	*(char **)field = NULL;
}

static void format_string(
    const struct conf_option *row, const void *field, bool expanded, struct buf *out)
{
	const char *text = *(char *const *)field;

	(void)row, (void)expanded;
	conf_lex_quote(out, text == NULL ? "" : text);
}

static const char *parse_text(
    const struct conf_option *row, struct conf_written *written, void *field)
{
	const char *text = written->items[0];

	if (strlen(text) > (size_t)row->max)
		return "it is too long";
	if (text_has_control(text, strlen(text)))
		return conf_type_control_character;
	return set_string(field, text);
}

static void allowed_text(const struct conf_option *row, char *out, size_t out_bytes)
{
	text_format(out, out_bytes, "text of at most %lld bytes without control characters",
	    (long long)row->max);
}

const struct conf_type conf_type_text = {
	.name = "text",
	.parse = parse_text,
	.format = format_string,
	.allowed = allowed_text,
	.copy = copy_string,
	.clear = clear_string,
};

/* --- path, target ----------------------------------------------------------------------------- */

static bool percents_ok(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '%' && *++text != 'u' && *text != '%')
			return false;
	return true;
}

/* A path made absolute; in a row with %u, a percent sign in base_dir stands for itself. */
static const char *set_path(const char *text, const char *base_dir, bool per_user, void *field)
{
	struct buf path;
	const char *wrong = NULL;

	buf_init(&path, CONF_PATH_BYTES);
	if (text[0] != '/') {
		while (text[0] == '.' && text[1] == '/')
			text += 2;
		for (const char *at = base_dir; *at != '\0'; at++)
			buf_append(&path, *at == '%' && per_user ? "%%" : at,
			    *at == '%' && per_user ? 2 : 1);
		buf_append(&path, "/", base_dir[1] == '\0' ? 0 : 1);
	}
	buf_append_string(&path, text);
	buf_append(&path, "", 1);
	if (path.failed)
		wrong = "the path is too long";
	else
		wrong = set_string(field, (const char *)buf_bytes(&path));
	buf_clear(&path);
	return wrong;
}

static const char *parse_path(
    const struct conf_option *row, struct conf_written *written, void *field)
{
	const char *text = written->items[0];

	const bool per_user = (row->min & CONF_PATH_PER_USER) != 0;

	if (text[0] == '\0')
		return (row->min & CONF_PATH_OPTIONAL) != 0 ? set_string(field, "") : "it is empty";
	if (text_has_control(text, strlen(text)))
		return conf_type_control_character;
	if (per_user && !percents_ok(text))
		return "a percent sign is followed by neither u nor %";
	return set_path(text, written->base_dir, per_user, field);
}

static void format_path(
    const struct conf_option *row, const void *field, bool expanded, struct buf *out)
{
	const char *text = *(char *const *)field;
	struct buf doubled;

	if (!expanded || (row->min & CONF_PATH_PER_USER) == 0 || text == NULL) {
		format_string(row, field, expanded, out);
		return;
	}
	buf_init(&doubled, 2 * CONF_PATH_BYTES);
	for (; *text != '\0'; text++)
		buf_append(&doubled, *text == '%' ? "%%" : text, *text == '%' ? 2 : 1);
	buf_append(&doubled, "", 1);
	conf_lex_quote(out, doubled.failed ? "" : (const char *)buf_bytes(&doubled));
	buf_clear(&doubled);
}

static void allowed_path(const struct conf_option *row, char *out, size_t out_bytes)
{
	text_format(out, out_bytes, "a path of at most %d bytes%s%s", CONF_PATH_BYTES - 1,
	    (row->min & CONF_PATH_PER_USER) != 0
	        ? ", %u for the user's name, %% for a percent sign"
	        : "",
	    (row->min & CONF_PATH_OPTIONAL) != 0 ? ", or nothing" : "");
}

const struct conf_type conf_type_path = {
	.name = "path",
	.parse = parse_path,
	.format = format_path,
	.allowed = allowed_path,
	.copy = copy_string,
	.clear = clear_string,
};

static const char *parse_target(
    const struct conf_option *row, struct conf_written *written, void *field)
{
	const char *text = written->items[0];

	if (strcmp(text, "stderr") == 0 || strcmp(text, "syslog") == 0)
		return set_string(field, text);
	return parse_path(row, written, field);
}

static void allowed_target(const struct conf_option *row, char *out, size_t out_bytes)
{
	(void)row;
	text_copy(out, out_bytes, "stderr, syslog, or the path of a file");
}

const struct conf_type conf_type_target = {
	.name = "target",
	.parse = parse_target,
	.format = format_string,
	.allowed = allowed_target,
	.copy = copy_string,
	.clear = clear_string,
};

/* --- account ---------------------------------------------------------------------------------- */

#define ACCOUNT_NAME_MAX_BYTES 256u
#define ACCOUNT_NUMBER_MAX     4294967294u /* (uid_t)-1 means "leave as it is" to setresuid(2) */

static const char *parse_account(
    const struct conf_option *row, struct conf_written *written, void *field)
{
	const char *text = written->items[0];
	size_t length = strlen(text);
	uint64_t number;

	if (length == 0 && row->fallback[0] != '\0')
		return "it is empty";
	if (length > ACCOUNT_NAME_MAX_BYTES)
		return "it is too long";
	if (text_has_control(text, length) || strpbrk(text, ":/, ") != NULL || text[0] == '-')
		return "it is not a possible account name";
	if (strcmp(text, "root") == 0)
		return "it is root";
	if (length > 0 && strspn(text, "0123456789") == length) {
		if (!text_parse_u64(text, &number) || number > ACCOUNT_NUMBER_MAX)
			return conf_type_out_of_range;
		if (number == 0)
			return "it is root";
	}
	return set_string(field, text);
}

static void allowed_account(const struct conf_option *row, char *out, size_t out_bytes)
{
	text_format(out, out_bytes, "an account's name, or a number from 1 to %u%s",
	    ACCOUNT_NUMBER_MAX, row->fallback[0] == '\0' ? ", or nothing" : "");
}

const struct conf_type conf_type_account = {
	.name = "account",
	.parse = parse_account,
	.format = format_string,
	.allowed = allowed_account,
	.copy = copy_string,
	.clear = clear_string,
};

/* --- list ------------------------------------------------------------------------------------- */

static void clear_list_value(void *field)
{
	conf_list_value *list = field;

	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (conf_list_value){ 0 };
}

/* A fresh list of copies, or false with *list empty. */
static bool make_list(conf_list_value *list, const char *const *items, size_t count)
{
	*list = (conf_list_value){ 0 };
	if (count == 0)
		return true;
	list->items = calloc(count, sizeof(*list->items));
	if (list->items == NULL)
		return false;
	for (; list->count < count; list->count++) {
		list->items[list->count] = strdup(items[list->count]);
		if (list->items[list->count] == NULL) {
			clear_list_value(list);
			return false;
		}
	}
	return true;
}

static bool copy_list_value(const void *from, void *to)
{
	const conf_list_value *list = from;

	return make_list(to, (const char *const *)list->items, list->count);
}

static const char *parse_list(
    const struct conf_option *row, struct conf_written *written, void *field)
{
	conf_list_value list;

	for (size_t i = 0; i < written->count; i++) {
		size_t length = strlen(written->items[i]);

		written->wrong_item = i;
		if (i >= (size_t)row->max)
			return "it is one too many";
		if (length == 0)
			return "it is empty";
		if (length > CONF_LIST_ITEM_MAX_BYTES)
			return "it is too long";
		if (text_has_control(written->items[i], length))
			return conf_type_control_character;
	}
	if (!make_list(&list, written->items, written->count))
		return conf_type_no_memory;
	clear_list_value(field);
	*(conf_list_value *)field = list;
	return NULL;
}

static void format_list(
    const struct conf_option *row, const void *field, bool expanded, struct buf *out)
{
	const conf_list_value *list = field;

	(void)row, (void)expanded;
	buf_append_string(out, "{");
	for (size_t i = 0; i < list->count; i++) {
		buf_append_string(out, i == 0 ? " " : ", ");
		conf_lex_quote(out, list->items[i]);
	}
	buf_append_string(out, list->count == 0 ? "}" : " }");
}

static void allowed_list(const struct conf_option *row, char *out, size_t out_bytes)
{
	text_format(out, out_bytes,
	    "at most %lld texts in braces, none empty, without control characters",
	    (long long)row->max);
}

const struct conf_type conf_type_list = {
	.name = "list",
	.takes_list = true,
	.parse = parse_list,
	.format = format_list,
	.allowed = allowed_list,
	.copy = copy_list_value,
	.clear = clear_list_value,
};

/* --- paths ------------------------------------------------------------------------------------ */

/* Make every item of a list absolute; the list is cleared when one of them is wrong. */
static const char *make_absolute(struct conf_written *written, conf_list_value *list)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *wrong =
		    set_path(written->items[i], written->base_dir, false, &list->items[i]);

		if (wrong != NULL) {
			written->wrong_item = i;
			clear_list_value(list);
			return wrong;
		}
	}
	return NULL;
}

static const char *parse_paths(
    const struct conf_option *row, struct conf_written *written, void *field)
{
	conf_list_value list = { 0 };
	const char *wrong = parse_list(row, written, &list);

	if (wrong == NULL)
		wrong = make_absolute(written, &list);
	if (wrong != NULL)
		return wrong;
	clear_list_value(field);
	*(conf_list_value *)field = list;
	return NULL;
}

static void allowed_paths(const struct conf_option *row, char *out, size_t out_bytes)
{
	text_format(out, out_bytes, "at most %lld paths in braces", (long long)row->max);
}

const struct conf_type conf_type_paths = {
	.name = "paths",
	.takes_list = true,
	.parse = parse_paths,
	.format = format_list,
	.allowed = allowed_paths,
	.copy = copy_list_value,
	.clear = clear_list_value,
};
