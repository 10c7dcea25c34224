#include "conf/conf_outline.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf_lex.h"
#include "conf/conf_message.h"

/* A reading in progress. */
struct reader {
	struct conf_outline *outline;
	struct conf_lex lex;
	const char *file;
	char *message;
	size_t section; /* index of the section we are in */
};

static enum conf_status unexpected(
    struct reader *reader, struct conf_token token, const char *expected)
{
	char shown[CONF_SHOWN_BYTES];
	size_t length = token.end - token.start;

	if (token.kind == CONF_TOKEN_WRONG)
		conf_say(reader->message, reader->file, token.line, "%s", reader->lex.wrong);
	else if (token.kind == CONF_TOKEN_WORD)
		conf_say(reader->message, reader->file, token.line, "found \"%s\"; expected %s",
		    conf_show(shown, reader->outline->text + token.start, length), expected);
	else
		conf_say(reader->message, reader->file, token.line, "found %s; expected %s",
		    conf_lex_kind_name(token.kind), expected);
	return CONF_INVALID;
}

static struct conf_entry *add_entry(struct reader *reader, unsigned line)
{
	struct conf_outline *outline = reader->outline;
	struct conf_entry *entry;

	if (outline->count == CONF_OUTLINE_ENTRIES_MAX) {
		conf_say(reader->message, reader->file, line,
		    "too many statements; allowed: %u in one file", CONF_OUTLINE_ENTRIES_MAX);
		return NULL;
	}
	if (outline->count == outline->room) {
		size_t room = outline->room == 0 ? 32 : outline->room * 2;
		struct conf_entry *larger =
		    reallocarray(outline->entries, room, sizeof(*outline->entries));

		if (larger == NULL) {
			conf_say(reader->message, reader->file, 0, "out of memory");
			return NULL;
		}
		outline->entries = larger;
		outline->room = room;
	}
	entry = &outline->entries[outline->count++];
	*entry = (struct conf_entry){ .parent = reader->section, .line = line };
	return entry;
}

/* Behind "NAME = {": up to and with the closing brace. */
static enum conf_status read_list(struct reader *reader, struct conf_token *last)
{
	for (unsigned count = 0;; count++) {
		struct conf_token token = conf_lex_next(&reader->lex);

		if (count > CONF_OUTLINE_VALUES_MAX) {
			conf_say(reader->message, reader->file, token.line,
			    "too many values; allowed: %u in one list", CONF_OUTLINE_VALUES_MAX);
			return CONF_INVALID;
		}
		if (token.kind == CONF_TOKEN_WORD || token.kind == CONF_TOKEN_STRING) {
			token = conf_lex_next(&reader->lex);
			if (token.kind == CONF_TOKEN_COMMA)
				continue;
			if (token.kind != CONF_TOKEN_CLOSE)
				return unexpected(reader, token,
				    "a comma or a closing brace after each value of a list");
		} else if (token.kind != CONF_TOKEN_CLOSE) {
			return unexpected(reader, token, "a value of the list or a closing brace");
		}
		*last = token;
		return CONF_OK;
	}
}

static enum conf_status read_option(struct reader *reader, struct conf_entry *entry)
{
	struct conf_token token = conf_lex_next(&reader->lex);

	entry->value_start = token.start;
	if (token.kind == CONF_TOKEN_OPEN) {
		enum conf_status status = read_list(reader, &token);

		if (status != CONF_OK)
			return status;
		entry->is_list = true;
	} else if (token.kind != CONF_TOKEN_WORD && token.kind != CONF_TOKEN_STRING) {
		return unexpected(reader, token, "a value after the equals sign");
	}
	entry->end = token.end;
	return CONF_OK;
}

/* A name was read, the token behind it too. */
static enum conf_status read_statement(
    struct reader *reader, struct conf_token name, struct conf_token token)
{
	unsigned depth = reader->outline->entries[reader->section].depth + 1;
	struct conf_entry *entry = add_entry(reader, name.line);

	if (entry == NULL)
		return reader->outline->count == CONF_OUTLINE_ENTRIES_MAX ? CONF_INVALID
		                                                          : CONF_NO_MEMORY;
	entry->start = entry->name_start = name.start;
	entry->name_end = name.end;
	entry->depth = depth;
	if (token.kind == CONF_TOKEN_EQUALS)
		return read_option(reader, entry);
	entry->is_section = true;
	if (token.kind == CONF_TOKEN_WORD || token.kind == CONF_TOKEN_STRING) {
		entry->has_title = true;
		entry->title_start = token.start;
		entry->title_end = token.end;
		token = conf_lex_next(&reader->lex);
		if (token.kind != CONF_TOKEN_OPEN)
			return unexpected(reader, token,
			    "an equals sign after an option's name, "
			    "or an opening brace after a section's title");
	} else if (token.kind != CONF_TOKEN_OPEN) {
		return unexpected(reader, token, "an equals sign or an opening brace after a name");
	}
	if (depth > CONF_OUTLINE_DEPTH_MAX) {
		conf_say(reader->message, reader->file, name.line,
		    "sections within sections; allowed: %u deep", CONF_OUTLINE_DEPTH_MAX);
		return CONF_INVALID;
	}
	reader->section = reader->outline->count - 1;
	return CONF_OK;
}

static enum conf_status close_section(struct reader *reader, struct conf_token token)
{
	struct conf_entry *section = &reader->outline->entries[reader->section];

	if (reader->section == 0) {
		conf_say(reader->message, reader->file, token.line,
		    "a closing brace that closes nothing; each needs an opening one before it");
		return CONF_INVALID;
	}
	section->end = token.end;
	reader->section = section->parent;
	return CONF_OK;
}

static enum conf_status read_all(struct reader *reader)
{
	for (;;) {
		struct conf_token token = conf_lex_next(&reader->lex);
		enum conf_status status = CONF_OK;

		if (token.kind == CONF_TOKEN_END && reader->section != 0) {
			conf_say(reader->message, reader->file,
			    reader->outline->entries[reader->section].line,
			    "the section that starts here is never closed; "
			    "put a closing brace at its end");
			return CONF_INVALID;
		}
		if (token.kind == CONF_TOKEN_END)
			return CONF_OK;
		if (token.kind == CONF_TOKEN_CLOSE)
			status = close_section(reader, token);
		else if (token.kind == CONF_TOKEN_WORD)
			status = read_statement(reader, token, conf_lex_next(&reader->lex));
		else
			status = unexpected(reader, token, "the name of an option or section");
		if (status != CONF_OK)
			return status;
	}
}

enum conf_status conf_outline_read(struct conf_outline *out, const char *file, const char *text,
    size_t length, char message[CONF_MESSAGE_BYTES])
{
	struct reader reader = { .outline = out, .file = file, .message = message };
	enum conf_status status;

	*out = (struct conf_outline){ .text = text };
	conf_lex_init(&reader.lex, text, length);
	if (add_entry(&reader, 1) == NULL)
		return CONF_NO_MEMORY;
	out->entries[0].is_section = true;
	out->entries[0].end = length;
	status = read_all(&reader);
	if (status != CONF_OK)
		conf_outline_clear(out);
	return status;
}

void conf_outline_clear(struct conf_outline *outline)
{
	free(outline->entries);
	*outline = (struct conf_outline){ 0 };
}

bool conf_outline_is(
    const struct conf_outline *outline, const struct conf_entry *entry, const char *name)
{
	size_t length = entry->name_end - entry->name_start;

	return strlen(name) == length &&
	       memcmp(outline->text + entry->name_start, name, length) == 0;
}
