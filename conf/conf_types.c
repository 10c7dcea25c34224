#include "conf/conf_types.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conf/conf_lex.h"
#include "conf/conf_rows.h"
#include "conf/conf_types_private.h"
#include "server/base/text.h"

const char conf_type_no_memory[] = "out of memory";
const char conf_type_out_of_range[] = "it is out of range";
const char conf_type_control_character[] = "it has a control character";

#define TYPE_ROW(name) [CONF_TYPE_##name] = &conf_type_##name,
static const struct conf_type *const types[CONF_TYPE_COUNT] = { CONF_TYPES(TYPE_ROW) };

const struct conf_type *conf_type(enum conf_type_id id)
{
	return types[id];
}

/* --- values that own nothing ------------------------------------------------------------------ */

#define PLAIN_TYPE(name)                                    \
	static bool copy_##name(const void *from, void *to) \
	{                                                   \
		memcpy(to, from, sizeof(conf_##name));      \
		return true;                                \
	}                                                   \
	static void clear_##name(void *field)               \
	{                                                   \
		memset(field, 0, sizeof(conf_##name));      \
	}

PLAIN_TYPE(bool)
PLAIN_TYPE(uint)
PLAIN_TYPE(duration)
PLAIN_TYPE(mode)
PLAIN_TYPE(choice)
PLAIN_TYPE(ports_value)
PLAIN_TYPE(address)

/* --- bool ------------------------------------------------------------------------------------- */

static const char *parse_bool(
    const struct conf_option *row, struct conf_written *written, void *field)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {
		{ "yes", true },
		{ "no", false },
		{ "true", true },
		{ "false", false },
		{ "on", true },
		{ "off", false },
	};

	(void)row;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(written->items[0], words[i].word) == 0) {
			*(conf_bool *)field = words[i].value;
			return NULL;
		}
	}
	return "it is neither yes nor no";
}

static void format_bool(
    const struct conf_option *row, const void *field, bool expanded, struct buf *out)
{
	(void)row, (void)expanded;
	buf_append_string(out, *(const conf_bool *)field ? "yes" : "no");
}

static void allowed_bool(const struct conf_option *row, char *out, size_t out_bytes)
{
	(void)row;
	text_copy(out, out_bytes, "yes, no");
}

const struct conf_type conf_type_bool = {
	.name = "bool",
	.bare = true,
	.parse = parse_bool,
	.format = format_bool,
	.allowed = allowed_bool,
	.copy = copy_bool,
	.clear = clear_bool,
};

/* --- uint ------------------------------------------------------------------------------------- */

static const char *parse_uint(
    const struct conf_option *row, struct conf_written *written, void *field)
{
	uint64_t value;

	if (written->items[0][0] == '\0' ||
	    strspn(written->items[0], "0123456789") != strlen(written->items[0]))
		return "it is not a whole number";
	if (!text_parse_u64(written->items[0], &value) || value < (uint64_t)row->min ||
	    value > (uint64_t)row->max)
		return conf_type_out_of_range;
	*(conf_uint *)field = (conf_uint)value;
	return NULL;
}

static void format_uint(
    const struct conf_option *row, const void *field, bool expanded, struct buf *out)
{
	(void)row, (void)expanded;
	buf_appendf(out, "%u", *(const conf_uint *)field);
}

static void allowed_uint(const struct conf_option *row, char *out, size_t out_bytes)
{
	text_format(out, out_bytes, "a whole number from %lld to %lld", (long long)row->min,
	    (long long)row->max);
}

const struct conf_type conf_type_uint = {
	.name = "uint",
	.bare = true,
	.parse = parse_uint,
	.format = format_uint,
	.allowed = allowed_uint,
	.copy = copy_uint,
	.clear = clear_uint,
};

/* --- duration --------------------------------------------------------------------------------- */

static const struct {
	const char *unit;
	int64_t ms;
} duration_units[] = {
	{ "w", 7 * CONF_DAY_MS },
	{ "d", CONF_DAY_MS },
	{ "h", CONF_HOUR_MS },
	{ "m", CONF_MINUTE_MS },
	{ "s", CONF_SECOND_MS },
	{ "ms", 1 },
};

#define DURATION_UNITS      (sizeof(duration_units) / sizeof(duration_units[0]))
#define DURATION_DIGITS_MAX 12
#define DURATION_TEXT_BYTES 32

static const char *parse_duration(
    const struct conf_option *row, struct conf_written *written, void *field)
{
	const char *text = written->items[0];
	char digits[DURATION_DIGITS_MAX + 1];
	size_t length = strspn(text, "0123456789");
	uint64_t count;
	int64_t ms = -1;

	if (length == 0)
		return "it does not start with a number";
	if (length > DURATION_DIGITS_MAX)
		return conf_type_out_of_range;
	memcpy(digits, text, length);
	digits[length] = '\0';
	if (!text_parse_u64(digits, &count))
		return conf_type_out_of_range;
	for (size_t i = 0; i < DURATION_UNITS; i++)
		if (strcmp(text + length, duration_units[i].unit) == 0 &&
		    __builtin_mul_overflow((int64_t)count, duration_units[i].ms, &ms))
			return conf_type_out_of_range;
	if (count == 0 && text[length] == '\0')
		ms = 0;
	if (ms < 0)
		return text[length] == '\0' ? "it has no unit" : "its unit is not known";
	if (ms < row->min || ms > row->max)
		return conf_type_out_of_range;
	*(conf_duration *)field = ms;
	return NULL;
}

/* In the largest unit that leaves no rest. */
static void duration_text(int64_t ms, char out[DURATION_TEXT_BYTES])
{
	size_t i = 0;

	while (ms % duration_units[i].ms != 0)
		i++;
	if (ms == 0)
		text_copy(out, DURATION_TEXT_BYTES, "0");
	else
		text_format(out, DURATION_TEXT_BYTES, "%lld%s",
		    (long long)(ms / duration_units[i].ms), duration_units[i].unit);
}

static void format_duration(
    const struct conf_option *row, const void *field, bool expanded, struct buf *out)
{
	char text[DURATION_TEXT_BYTES];

	(void)row, (void)expanded;
	duration_text(*(const conf_duration *)field, text);
	conf_lex_quote(out, text);
}

static void allowed_duration(const struct conf_option *row, char *out, size_t out_bytes)
{
	char least[DURATION_TEXT_BYTES];
	char most[DURATION_TEXT_BYTES];

	duration_text(row->min, least);
	duration_text(row->max, most);
	text_format(
	    out, out_bytes, "a time with a unit (ms, s, m, h, d, w) from %s to %s", least, most);
}

const struct conf_type conf_type_duration = {
	.name = "duration",
	.parse = parse_duration,
	.format = format_duration,
	.allowed = allowed_duration,
	.copy = copy_duration,
	.clear = clear_duration,
};

/* --- mode ------------------------------------------------------------------------------------- */

static const char *parse_mode(
    const struct conf_option *row, struct conf_written *written, void *field)
{
	const char *text = written->items[0];
	unsigned value;

	if (text[0] == '\0' || strspn(text, "01234567") != strlen(text))
		return "it is not an octal number";
	if (!text_parse_mode(text, &value) || value < row->min || value > row->max)
		return conf_type_out_of_range;
	*(conf_mode *)field = value;
	return NULL;
}

static void format_mode(
    const struct conf_option *row, const void *field, bool expanded, struct buf *out)
{
	(void)row, (void)expanded;
	buf_appendf(out, "\"%04o\"", *(const conf_mode *)field);
}

static void allowed_mode(const struct conf_option *row, char *out, size_t out_bytes)
{
	text_format(out, out_bytes, "an octal number from %llo to %llo",
	    (unsigned long long)row->min, (unsigned long long)row->max);
}

const struct conf_type conf_type_mode = {
	.name = "mode",
	.parse = parse_mode,
	.format = format_mode,
	.allowed = allowed_mode,
	.copy = copy_mode,
	.clear = clear_mode,
};

/* --- choice ----------------------------------------------------------------------------------- */

/* The word at an index of "a|b|c"; false behind the last one. */
static bool choice_word(const char *words, int index, const char **word, size_t *length)
{
	for (; index > 0; index--) {
		words = strchr(words, '|');
		if (words == NULL)
			return false;
		words++;
	}
	*word = words;
	*length = strcspn(words, "|");
	return true;
}

static const char *parse_choice(
    const struct conf_option *row, struct conf_written *written, void *field)
{
	const char *word;
	size_t length;

	for (int i = 0; choice_word(row->words, i, &word, &length); i++) {
		if (strlen(written->items[0]) == length &&
		    memcmp(written->items[0], word, length) == 0) {
			*(conf_choice *)field = i;
			return NULL;
		}
	}
	return "it is not one of the words";
}

static void format_choice(
    const struct conf_option *row, const void *field, bool expanded, struct buf *out)
{
	const char *word;
	size_t length;

	(void)expanded;
	if (choice_word(row->words, *(const conf_choice *)field, &word, &length))
		buf_appendf(out, "\"%.*s\"", (int)length, word);
}

static void allowed_choice(const struct conf_option *row, char *out, size_t out_bytes)
{
	size_t used = 0;

	for (const char *at = row->words; *at != '\0' && used + 3 < out_bytes; at++) {
		out[used++] = *at == '|' ? ',' : *at;
		if (*at == '|')
			out[used++] = ' ';
	}
	out[used] = '\0';
}

const struct conf_type conf_type_choice = {
	.name = "choice",
	.parse = parse_choice,
	.format = format_choice,
	.allowed = allowed_choice,
	.copy = copy_choice,
	.clear = clear_choice,
};

/* --- ports ------------------------------------------------------------------------------------ */

static const char *parse_ports(
    const struct conf_option *row, struct conf_written *written, void *field)
{
	const char *text = written->items[0];
	const char *dash = strchr(text, '-');
	size_t length = dash == NULL ? strlen(text) : (size_t)(dash - text);
	char first_text[8];
	uint64_t first, last;

	if (length >= sizeof(first_text))
		return "it is not a port range";
	memcpy(first_text, text, length);
	first_text[length] = '\0';
	if (!text_parse_u64(first_text, &first))
		return "it is not a port range";
	last = first;
	if (dash != NULL && !text_parse_u64(dash + 1, &last))
		return "it is not a port range";
	if (first != 0 || dash != NULL) {
		if (first < (uint64_t)row->min || last > (uint64_t)row->max)
			return conf_type_out_of_range;
		if (first > last)
			return "its first port is above its last";
	}
	*(conf_ports_value *)field =
	    (conf_ports_value){ .first = (uint16_t)first, .last = (uint16_t)last };
	return NULL;
}

static void format_ports(
    const struct conf_option *row, const void *field, bool expanded, struct buf *out)
{
	const conf_ports_value *ports = field;

	(void)row, (void)expanded;
	if (ports->first == 0)
		buf_append_string(out, "\"0\"");
	else
		buf_appendf(out, "\"%u-%u\"", ports->first, ports->last);
}

static void allowed_ports(const struct conf_option *row, char *out, size_t out_bytes)
{
	text_format(out, out_bytes, "first-last, each from %lld to %lld, or 0", (long long)row->min,
	    (long long)row->max);
}

const struct conf_type conf_type_ports = {
	.name = "ports",
	.parse = parse_ports,
	.format = format_ports,
	.allowed = allowed_ports,
	.copy = copy_ports_value,
	.clear = clear_ports_value,
};

/* --- address ---------------------------------------------------------------------------------- */

static const char *parse_address(
    const struct conf_option *row, struct conf_written *written, void *field)
{
	struct netaddr address;

	(void)row;
	if (!netaddr_parse_with_port(&address, written->items[0]))
		return "it is not an address with a port";
	*(conf_address *)field = address;
	return NULL;
}

static void format_address(
    const struct conf_option *row, const void *field, bool expanded, struct buf *out)
{
	char text[NETADDR_TEXT_BYTES];

	(void)row, (void)expanded;
	netaddr_format(field, text);
	conf_lex_quote(out, text);
}

static void allowed_address(const struct conf_option *row, char *out, size_t out_bytes)
{
	(void)row;
	text_copy(out, out_bytes, "192.0.2.1:21, [2001:db8::1]:21, [::]:21 or *:21");
}

const struct conf_type conf_type_address = {
	.name = "address",
	.parse = parse_address,
	.format = format_address,
	.allowed = allowed_address,
	.copy = copy_address,
	.clear = clear_address,
};
