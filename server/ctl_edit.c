#include "server/ctl_edit.h"

#include <stdio.h>
#include <string.h>

#include "conf/conf_lex.h"
#include "conf/conf_outline.h"

/* Where a list's parts are; offsets into the text. */
struct list_places {
	bool braces;
	bool found;          /* is there an item of the wanted index? */
	bool last_has_comma; /* behind the last item */
	size_t count;
	size_t item_start; /* the item of the wanted index ... */
	size_t item_end;
	size_t before_item; /* ... the comma before it, or behind the brace */
	size_t after_item;  /* behind the comma that follows it, or item_end */
	size_t last_end;    /* behind the last item; behind the opening brace when there is none */
	size_t last_start;
	size_t close; /* of the closing brace */
};

/* The top-level option of that name, NULL when it is not in the text. */
static const struct conf_entry *find_option(const struct conf_outline *outline, const char *option)
{
	for (size_t i = 1; i < outline->count; i++)
		if (outline->entries[i].parent == 0 && !outline->entries[i].is_section &&
		    conf_outline_is(outline, &outline->entries[i], option))
			return &outline->entries[i];
	return NULL;
}

bool ctl_edit_has(const struct ctl_edit_text *text, const char *option)
{
	char message[CONF_MESSAGE_BYTES];
	struct conf_outline outline;
	bool found;

	if (conf_outline_read(&outline, text->file, text->text, text->length, message) != CONF_OK)
		return false;
	found = find_option(&outline, option) != NULL;
	conf_outline_clear(&outline);
	return found;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The start of the line that offset is in. */
static size_t line_start(const struct ctl_edit_text *text, size_t offset)
{
	while (offset > 0 && text->text[offset - 1] != '\n')
		offset--;
	return offset;
}

/* Behind the blanks from offset. */
static size_t skip_blanks(const struct ctl_edit_text *text, size_t offset)
{
	while (offset < text->length && is_blank(text->text[offset]))
		offset++;
	return offset;
}

/* The old text with start..end replaced. */
static void splice(struct buf *out, const struct ctl_edit_text *old, size_t start, size_t end,
    const char *new_text, size_t new_length)
{
	buf_append(out, old->text, start);
	buf_append(out, new_text, new_length);
	buf_append(out, old->text + end, old->length - end);
}

/* The old text without start..end; when nothing else is on its lines, they go too. */
static void cut(struct buf *out, const struct ctl_edit_text *old, size_t start, size_t end)
{
	size_t first = line_start(old, start);
	size_t behind = skip_blanks(old, end);

	if (skip_blanks(old, first) >= start &&
	    (behind == old->length || old->text[behind] == '\n')) {
		start = first;
		end = behind < old->length ? behind + 1 : behind;
	} else if (behind < old->length && old->text[behind] != '\n') {
		end = behind;
	}
	splice(out, old, start, end, "", 0);
}

static enum conf_status no_memory(char message[CONF_MESSAGE_BYTES])
{
	snprintf(message, CONF_MESSAGE_BYTES, "out of memory");
	return CONF_NO_MEMORY;
}

/* Is the rest of the line behind offset blank or a comment to the end of the line? */
static bool ends_line(const struct ctl_edit_text *text, size_t offset)
{
	offset = skip_blanks(text, offset);
	if (offset == text->length || text->text[offset] == '\n' || text->text[offset] == '#')
		return true;
	return text->text[offset] == '/' && offset + 1 < text->length &&
	       text->text[offset + 1] == '/';
}

/* Add `option = value` behind the last top-level option, or at the end. */
static void append_option(struct buf *out, const struct ctl_edit_text *old,
    const struct conf_outline *outline, const char *option, const char *value)
{
	const char *eol;
	size_t at = old->length;

	for (size_t i = 1; i < outline->count; i++)
		if (outline->entries[i].parent == 0 && !outline->entries[i].is_section)
			at = outline->entries[i].end;
	if (at < old->length && ends_line(old, at)) {
		eol = memchr(old->text + at, '\n', old->length - at);
		at = eol == NULL ? old->length : (size_t)(eol - old->text) + 1;
	}
	buf_append(out, old->text, at);
	if (at > 0 && old->text[at - 1] != '\n')
		buf_append_string(out, "\n");
	buf_appendf(out, "%s = ", option);
	buf_append_string(out, value);
	/* What follows on the same line is another statement: it may stay there. */
	if (at == old->length || old->text[at - 1] == '\n')
		buf_append_string(out, "\n");
	buf_append(out, old->text + at, old->length - at);
}

enum conf_status ctl_edit_set(struct buf *out, const struct ctl_edit_text *old, const char *option,
    const char *value, char message[CONF_MESSAGE_BYTES])
{
	struct conf_outline outline;
	const struct conf_entry *entry;
	enum conf_status status =
	    conf_outline_read(&outline, old->file, old->text, old->length, message);

	if (status != CONF_OK)
		return status;
	entry = find_option(&outline, option);
	if (entry != NULL && value != NULL)
		splice(out, old, entry->value_start, entry->end, value, strlen(value));
	else if (entry != NULL)
		cut(out, old, entry->start, entry->end);
	else if (value != NULL)
		append_option(out, old, &outline, option, value);
	else
		buf_append(out, old->text, old->length);
	conf_outline_clear(&outline);
	return out->failed ? no_memory(message) : CONF_OK;
}

/* Look through the value of an option for its item of that index and for its ends. */
static struct list_places find_places(
    const struct ctl_edit_text *text, const struct conf_entry *entry, size_t index)
{
	struct list_places places = { .braces = entry->is_list };
	size_t base = entry->value_start;
	struct conf_lex lex;
	struct conf_token token;
	bool just_found = false;

	conf_lex_init(&lex, text->text + base, entry->end - base);
	for (token = conf_lex_next(&lex);
	     token.kind != CONF_TOKEN_END && token.kind != CONF_TOKEN_WRONG;
	     token = conf_lex_next(&lex)) {
		if (token.kind == CONF_TOKEN_OPEN) {
			places.before_item = places.last_end = base + token.end;
		} else if (token.kind == CONF_TOKEN_CLOSE) {
			places.close = base + token.start;
		} else if (token.kind == CONF_TOKEN_COMMA) {
			places.last_has_comma = true;
			if (just_found)
				places.after_item = base + token.end;
			if (!places.found)
				places.before_item = base + token.start;
		} else {
			places.last_start = base + token.start;
			places.last_end = base + token.end;
			places.last_has_comma = false;
			just_found = places.count++ == index;
			if (just_found) {
				places.found = true;
				places.item_start = base + token.start;
				places.item_end = places.after_item = base + token.end;
			}
			continue;
		}
		just_found = false;
	}
	return places;
}

/* Is there nothing but blanks before offset on its line? */
static bool starts_line(const struct ctl_edit_text *text, size_t offset)
{
	return skip_blanks(text, line_start(text, offset)) == offset;
}

/* The old text with a quoted item behind the last one of the list. */
static void add_item(struct buf *out, const struct ctl_edit_text *old,
    const struct conf_entry *entry, const char *item)
{
	struct list_places places = find_places(old, entry, 0);
	size_t close_line = line_start(old, places.close);
	size_t indent = line_start(old, places.last_start);

	if (!places.braces) {
		buf_append(out, old->text, entry->value_start);
		buf_append_string(out, "{ ");
		buf_append(out, old->text + entry->value_start, entry->end - entry->value_start);
		buf_append_string(out, ", ");
		conf_lex_quote(out, item);
		buf_append_string(out, " }");
		buf_append(out, old->text + entry->end, old->length - entry->end);
		return;
	}
	buf_append(out, old->text, places.last_end);
	if (places.count > 0 && starts_line(old, places.close) &&
	    starts_line(old, places.last_start)) {
		/* One item a line: the new one gets its own, indented alike. */
		buf_append_string(out, places.last_has_comma ? "" : ",");
		buf_append(out, old->text + places.last_end, close_line - places.last_end);
		buf_append(out, old->text + indent, places.last_start - indent);
		conf_lex_quote(out, item);
		buf_append_string(out, places.last_has_comma ? ",\n" : "\n");
		buf_append(out, old->text + close_line, old->length - close_line);
		return;
	}
	buf_append_string(out, places.count > 0 ? ", " : " ");
	conf_lex_quote(out, item);
	if (places.count == 0 && places.close == places.last_end)
		buf_append_string(out, " ");
	buf_append(out, old->text + places.last_end, old->length - places.last_end);
}

enum conf_status ctl_edit_list_add(struct buf *out, const struct ctl_edit_text *old,
    const char *option, const char *item, char message[CONF_MESSAGE_BYTES])
{
	struct conf_outline outline;
	const struct conf_entry *entry;
	struct buf list;
	enum conf_status status =
	    conf_outline_read(&outline, old->file, old->text, old->length, message);

	if (status != CONF_OK)
		return status;
	entry = find_option(&outline, option);
	if (entry != NULL) {
		add_item(out, old, entry, item);
	} else {
		buf_init(&list, out->limit);
		buf_append_string(&list, "{ ");
		conf_lex_quote(&list, item);
		buf_append(&list, " }", sizeof(" }"));
		if (list.failed)
			out->failed = true;
		else
			append_option(out, old, &outline, option, (const char *)buf_bytes(&list));
		buf_clear(&list);
	}
	conf_outline_clear(&outline);
	return out->failed ? no_memory(message) : CONF_OK;
}

/* The last item takes the comma before it along, unless something stands in between. */
static size_t removal_start(const struct ctl_edit_text *old, const struct list_places *places)
{
	bool is_last = places->after_item == places->item_end;

	if (is_last && old->text[places->before_item] == ',' &&
	    skip_blanks(old, places->before_item + 1) == places->item_start)
		return places->before_item;
	return places->item_start;
}

enum conf_status ctl_edit_list_remove(struct buf *out, const struct ctl_edit_text *old,
    const char *option, size_t index, char message[CONF_MESSAGE_BYTES])
{
	struct conf_outline outline;
	const struct conf_entry *entry;
	struct list_places places = { 0 };
	enum conf_status status =
	    conf_outline_read(&outline, old->file, old->text, old->length, message);

	if (status != CONF_OK)
		return status;
	entry = find_option(&outline, option);
	if (entry != NULL)
		places = find_places(old, entry, index);
	if (!places.found) {
		snprintf(message, CONF_MESSAGE_BYTES, "%s: %s has no such item", old->file, option);
		status = CONF_NOT_FOUND;
	} else if (!places.braces) {
		splice(out, old, entry->value_start, entry->end, "{}", 2);
	} else {
		cut(out, old, removal_start(old, &places), places.after_item);
	}
	conf_outline_clear(&outline);
	if (status == CONF_OK && out->failed)
		return no_memory(message);
	return status;
}
