#include "server/events.h"

#include <assert.h>
#include <string.h>

/* Packed: field u16, then a text's length u16 and bytes, or a number's u64; the machine's byte
 * order. */
#define TEXT_HEAD_BYTES (2 * sizeof(uint16_t))
#define NUMBER_BYTES    (sizeof(uint16_t) + sizeof(uint64_t))

static_assert(EVENT_MAX_BYTES <= UINT16_MAX, "a text's length is a u16");

#define EVENT_ROW(symbol_, name_, level_, doc_) \
	[EVENT_##symbol_] = { .name = (name_), .level = EVENT_LEVEL_##level_, .doc = (doc_) },

static const struct {
	const char *name;
	enum event_level level;
	const char *doc;
} event_rows[EVENT_COUNT] = { EVENTS(EVENT_ROW) };

#define FIELD_ROW(symbol_, name_, kind_, doc_) \
	[EVENT_FIELD_##symbol_] = { .name = (name_), .kind = EVENT_KIND_##kind_, .doc = (doc_) },

static const struct {
	const char *name;
	enum event_field_kind kind;
	const char *doc;
} field_rows[EVENT_FIELD_COUNT] = { EVENT_FIELDS(FIELD_ROW) };

void event_init(struct event *event, enum event_id id)
{
	/* Not the bytes: 16 KiB cleared for each log line would cost more than the line. */
	event->id = id;
	event->length = 0;
}

static void append(struct event *event, const void *bytes, size_t n)
{
	memcpy(event->fields + event->length, bytes, n);
	event->length += n;
}

void event_text(struct event *event, enum event_field_id field, const char *text)
{
	uint16_t number = (uint16_t)field;
	uint16_t length;
	size_t room, wanted;

	assert(event_field_kind(field) == EVENT_KIND_TEXT);
	if (text == NULL || *text == '\0' || event->length + TEXT_HEAD_BYTES >= EVENT_MAX_BYTES)
		return;
	room = EVENT_MAX_BYTES - event->length - TEXT_HEAD_BYTES;
	wanted = strlen(text);
	length = (uint16_t)(wanted < room ? wanted : room);
	append(event, &number, sizeof(number));
	append(event, &length, sizeof(length));
	append(event, text, length);
}

void event_number(struct event *event, enum event_field_id field, uint64_t number)
{
	uint16_t field_number = (uint16_t)field;

	assert(event_field_kind(field) == EVENT_KIND_NUMBER);
	if (event->length + NUMBER_BYTES > EVENT_MAX_BYTES)
		return;
	append(event, &field_number, sizeof(field_number));
	append(event, &number, sizeof(number));
}

static bool take(struct event_reader *reader, void *out, size_t n)
{
	if (n > reader->left)
		return false;
	memcpy(out, reader->bytes, n);
	reader->bytes += n;
	reader->left -= n;
	return true;
}

int event_next(struct event_reader *reader, struct event_value *out)
{
	uint16_t field, length;

	*out = (struct event_value){ .text = "" };
	if (reader->left == 0)
		return 0;
	if (!take(reader, &field, sizeof(field)) || field >= EVENT_FIELD_COUNT)
		return -1;
	out->field = (enum event_field_id)field;
	if (field_rows[field].kind == EVENT_KIND_NUMBER)
		return take(reader, &out->number, sizeof(out->number)) ? 1 : -1;
	if (!take(reader, &length, sizeof(length)) || length > reader->left)
		return -1;
	out->text = (const char *)reader->bytes;
	out->text_length = length;
	reader->bytes += length;
	reader->left -= length;
	return 1;
}

const char *event_name(enum event_id id)
{
	return (unsigned)id < EVENT_COUNT ? event_rows[id].name : "unknown";
}

enum event_level event_level(enum event_id id)
{
	return (unsigned)id < EVENT_COUNT ? event_rows[id].level : EVENT_LEVEL_ERROR;
}

const char *event_level_name(enum event_level level)
{
	static const char *const names[] = {
		[EVENT_LEVEL_INFO] = "info",
		[EVENT_LEVEL_WARNING] = "warning",
		[EVENT_LEVEL_ERROR] = "error",
	};

	return (unsigned)level < sizeof(names) / sizeof(names[0]) ? names[level] : "error";
}

const char *event_field_name(enum event_field_id field)
{
	return (unsigned)field < EVENT_FIELD_COUNT ? field_rows[field].name : "unknown";
}

enum event_field_kind event_field_kind(enum event_field_id field)
{
	return (unsigned)field < EVENT_FIELD_COUNT ? field_rows[field].kind : EVENT_KIND_TEXT;
}

void events_print(FILE *out)
{
	fputs("# Log events\n\n"
	      "<!-- generated from server/events.h by tables-print; make check compares -->\n\n"
	      "A log line is one event: when (`time`, UTC), what (`event`), how grave (`level`), "
	      "and its "
	      "fields.\n"
	      "Names are fixed. A field without a value is left out.\n\n"
	      "## Events\n\n| event | level | meaning |\n|---|---|---|\n",
	    out);
	for (unsigned i = 0; i < EVENT_COUNT; i++)
		fprintf(out, "| `%s` | %s | %s |\n", event_rows[i].name,
		    event_level_name(event_rows[i].level), event_rows[i].doc);
	fputs("\n## Fields\n\n| field | kind | meaning |\n|---|---|---|\n", out);
	for (unsigned i = 0; i < EVENT_FIELD_COUNT; i++)
		fprintf(out, "| `%s` | %s | %s |\n", field_rows[i].name,
		    field_rows[i].kind == EVENT_KIND_NUMBER ? "number" : "text", field_rows[i].doc);
}
