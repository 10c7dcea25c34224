#include "conf/conf_read.h"

#include <stdlib.h>
#include <string.h>

#include "conf/conf_lex.h"
#include "conf/conf_message.h"
#include "server/base/text.h"

#define NAME_BYTES 64 /* longer than any option's name */

/* An entry's name as a string, cut when it is too long to be one that we know. */
static const char *entry_name(
    const struct conf_reading *reading, const struct conf_entry *entry, char name[NAME_BYTES])
{
	size_t length = entry->name_end - entry->name_start;

	if (length >= NAME_BYTES)
		length = NAME_BYTES - 1;
	memcpy(name, reading->outline.text + entry->name_start, length);
	name[length] = '\0';
	return name;
}

static enum conf_status no_memory(const struct conf_reading *reading)
{
	conf_say(reading->message, reading->file, 0, "%s", conf_type_no_memory);
	return CONF_NO_MEMORY;
}

/* --- which names may stand where, and how often ------------------------------------------------
 */

/* "outside any section", or "in listener": where a statement stands. */
static void say_place(const struct conf_section *schema, char *out, size_t out_bytes)
{
	if (schema->name[0] == '\0')
		text_copy(out, out_bytes, "outside any section");
	else
		text_format(out, out_bytes, "in %s", schema->name);
}

static enum conf_status say_unknown(const struct conf_reading *reading,
    const struct conf_entry *entry, const struct conf_section *schema)
{
	char name[NAME_BYTES];
	char place[NAME_BYTES];
	char allowed[CONF_MESSAGE_BYTES];
	bool option_exists, section_exists;

	entry_name(reading, entry, name);
	say_place(schema, place, sizeof(place));
	option_exists = conf_section_option(schema, name) != NULL;
	section_exists = conf_section_child(schema, name) != NULL;
	if (option_exists)
		conf_say(reading->message, reading->file, entry->line,
		    "\"%s\" is an option, not a section; write %s = VALUE", name, name);
	else if (section_exists)
		conf_say(reading->message, reading->file, entry->line,
		    "\"%s\" is a section, not an option; write %s { ... }", name, name);
	else {
		conf_section_suggest(schema, name, allowed, sizeof(allowed));
		conf_say(reading->message, reading->file, entry->line, "unknown %s \"%s\" %s%s",
		    entry->is_section ? "section" : "option", name, place, allowed);
	}
	return CONF_INVALID;
}

/* Same section around it, same kind, same name? */
static bool are_twins(
    const struct conf_reading *reading, const struct conf_entry *a, const struct conf_entry *b)
{
	const char *text = reading->outline.text;
	size_t length = a->name_end - a->name_start;

	return a->parent == b->parent && a->is_section == b->is_section &&
	       b->name_end - b->name_start == length &&
	       memcmp(text + a->name_start, text + b->name_start, length) == 0;
}

/* Heap copy of a section's title, decoded. */
static char *entry_title(const struct conf_reading *reading, const struct conf_entry *entry)
{
	size_t length = entry->title_end - entry->title_start;
	char *title = malloc(length + 1);

	if (title != NULL)
		conf_lex_unquote(reading->outline.text + entry->title_start, length, title);
	return title;
}

static enum conf_status say_twice(
    const struct conf_reading *reading, size_t index, size_t earlier, const char *title)
{
	const struct conf_entry *entry = &reading->outline.entries[index];
	unsigned first_line = reading->outline.entries[earlier].line;
	char name[NAME_BYTES];
	char shown[CONF_SHOWN_BYTES];

	entry_name(reading, entry, name);
	if (title != NULL)
		conf_say(reading->message, reading->file, entry->line,
		    "%s \"%s\" is there already, in line %u; allowed: each title once", name,
		    conf_show(shown, title, strlen(title)), first_line);
	else
		conf_say(reading->message, reading->file, entry->line,
		    "%s is there already, in line %u; allowed: once%s", name, first_line,
		    entry->is_section ? "" : " in a section");
	return CONF_INVALID;
}

/* Is the title of entry `index` new among its twins, and are there not too many of them? */
static enum conf_status check_title(const struct conf_reading *reading, size_t index)
{
	const struct conf_entry *entries = reading->outline.entries;
	char *title = entry_title(reading, &entries[index]);
	enum conf_status status = CONF_OK;
	size_t count = 1;
	char *other = NULL;

	if (title == NULL)
		return no_memory(reading);
	for (size_t i = entries[index].parent + 1; i < index && status == CONF_OK; i++) {
		if (!are_twins(reading, &entries[i], &entries[index]))
			continue;
		count++;
		free(other);
		other = entry_title(reading, &entries[i]);
		if (other == NULL)
			status = no_memory(reading);
		else if (strcmp(title, other) == 0)
			status = say_twice(reading, index, i, title);
	}
	if (status == CONF_OK && count > CONF_LISTENERS_MAX) {
		conf_say(reading->message, reading->file, entries[index].line,
		    "too many sections of this kind; allowed: %d", CONF_LISTENERS_MAX);
		status = CONF_INVALID;
	}
	free(other);
	free(title);
	return status;
}

static enum conf_status check_once(const struct conf_reading *reading, size_t index)
{
	const struct conf_entry *entries = reading->outline.entries;

	for (size_t i = entries[index].parent + 1; i < index; i++)
		if (are_twins(reading, &entries[i], &entries[index]))
			return say_twice(reading, index, i, NULL);
	return CONF_OK;
}

static enum conf_status check_option(
    const struct conf_reading *reading, size_t index, const struct conf_option *row)
{
	const struct conf_entry *entry = &reading->outline.entries[index];
	char allowed[CONF_MESSAGE_BYTES / 2];

	if (row == NULL)
		return say_unknown(reading, entry, reading->schemas[entry->parent]);
	if (entry->is_list && !conf_type(row->type)->takes_list) {
		conf_type(row->type)->allowed(row, allowed, sizeof(allowed));
		conf_say(reading->message, reading->file, entry->line,
		    "%s = {...}: it takes one value, not a list; allowed: %s", row->name, allowed);
		return CONF_INVALID;
	}
	return check_once(reading, index);
}

/* May entry `index` stand where it stands? */
static enum conf_status check_entry(struct conf_reading *reading, size_t index)
{
	const struct conf_entry *entry = &reading->outline.entries[index];
	const struct conf_section *around = reading->schemas[entry->parent];
	const struct conf_section *schema;
	char name[NAME_BYTES];

	entry_name(reading, entry, name);
	if (!entry->is_section)
		return check_option(reading, index, conf_section_option(around, name));
	schema = conf_section_child(around, name);
	if (schema == NULL)
		return say_unknown(reading, entry, around);
	reading->schemas[index] = schema;
	if (schema->titled != entry->has_title) {
		conf_say(reading->message, reading->file, entry->line,
		    schema->titled ? "%s needs a title; write %s \"TITLE\" { ... }"
		                   : "%s takes no title; write %s { ... }",
		    name, name);
		return CONF_INVALID;
	}
	return schema->titled ? check_title(reading, index) : check_once(reading, index);
}

/* --- libConfuse --------------------------------------------------------------------------------
 */

static void free_rows(cfg_opt_t *rows)
{
	for (size_t i = 0; rows != NULL && rows[i].name != NULL; i++)
		free_rows(rows[i].subopts);
	free(rows);
}

/*
 * libConfuse's table for a section: every scalar a string, so that all messages about values are
 * ours.  No defaults, so that what was not written is told apart.
 */
static cfg_opt_t *make_rows(const struct conf_section *schema)
{
	size_t sections = 0;
	cfg_opt_t *rows;
	cfg_opt_t *row;

	while (schema->sections[sections] != NULL)
		sections++;
	rows = calloc(schema->option_count + sections + 1, sizeof(*rows));
	if (rows == NULL)
		return NULL;
	row = rows;
	for (size_t i = 0; i < schema->option_count; i++, row++) {
		const struct conf_option *option = &schema->options[i];

		if (conf_type(option->type)->takes_list)
			*row = (cfg_opt_t)CFG_STR_LIST(option->name, NULL, CFGF_NODEFAULT);
		else
			*row = (cfg_opt_t)CFG_STR(option->name, NULL, CFGF_NODEFAULT);
	}
	for (size_t i = 0; i < sections; i++, row++) {
		const struct conf_section *inner = schema->sections[i];

		*row = (cfg_opt_t)CFG_SEC(
		    inner->name, NULL, CFGF_MULTI | (inner->titled ? CFGF_TITLE : 0));
		row->subopts = make_rows(inner);
		if (row->subopts == NULL) {
			free_rows(rows);
			return NULL;
		}
	}
	return rows;
}

/* The text without its comments: libConfuse counts lines wrong in some, and knows none in lists. */
static char *without_comments(const char *text, size_t length)
{
	struct conf_lex lex;
	struct conf_token token;
	char *bare = malloc(length + 1);

	if (bare == NULL)
		return NULL;
	for (size_t i = 0; i < length; i++)
		bare[i] = text[i] == '\n' ? '\n' : ' ';
	bare[length] = '\0';
	conf_lex_init(&lex, text, length);
	do {
		token = conf_lex_next(&lex);
		memcpy(bare + token.start, text + token.start, token.end - token.start);
	} while (token.kind != CONF_TOKEN_END && token.kind != CONF_TOKEN_WRONG);
	return bare;
}

/* libConfuse would write to stderr: what it can complain of has been said before it is asked. */
static void __attribute__((format(printf, 2, 0)))
say_nothing(cfg_t *cfg, const char *format, va_list args)
{
	(void)cfg, (void)format, (void)args;
}

static enum conf_status parse_values(
    struct conf_reading *reading, size_t length, const struct conf_section *schema)
{
	enum conf_status status = CONF_NO_MEMORY;
	char *bare = without_comments(reading->outline.text, length);
	cfg_opt_t *rows = make_rows(schema);

	if (bare == NULL || rows == NULL)
		goto out;
	reading->root = cfg_init(rows, CFGF_NONE);
	if (reading->root == NULL)
		goto out;
	cfg_set_error_function(reading->root, say_nothing);
	status = CONF_OK;
	if (cfg_parse_buf(reading->root, bare) != CFG_SUCCESS) {
		conf_say(reading->message, reading->file, (unsigned)reading->root->line,
		    "libConfuse cannot read the text from here; write it more plainly");
		status = CONF_INVALID;
	}
out:
	if (status == CONF_NO_MEMORY)
		no_memory(reading);
	free_rows(rows);
	free(bare);
	return status;
}

/* Find libConfuse's section for each section entry. */
static enum conf_status link_sections(struct conf_reading *reading)
{
	const struct conf_entry *entries = reading->outline.entries;

	reading->sections[0] = reading->root;
	for (size_t i = 1; i < reading->outline.count; i++) {
		cfg_t *parent = reading->sections[entries[i].parent];
		unsigned twins = 0;

		if (!entries[i].is_section)
			continue;
		for (size_t j = entries[i].parent + 1; j < i; j++)
			twins += are_twins(reading, &entries[j], &entries[i]);
		reading->sections[i] = cfg_getnsec(parent, reading->schemas[i]->name, twins);
		if (reading->sections[i] == NULL) {
			conf_say(reading->message, reading->file, entries[i].line,
			    "libConfuse does not see this section; write it more plainly");
			return CONF_INVALID;
		}
	}
	return CONF_OK;
}

enum conf_status conf_read_open(struct conf_reading *out, const char *file, const char *base_dir,
    const char *text, size_t length, const struct conf_section *schema,
    char message[CONF_MESSAGE_BYTES])
{
	enum conf_status status;

	*out = (struct conf_reading){ .file = file, .base_dir = base_dir, .message = message };
	status = conf_outline_read(&out->outline, file, text, length, message);
	if (status != CONF_OK)
		return status;
	out->schemas = calloc(out->outline.count, sizeof(*out->schemas));
	out->sections = calloc(out->outline.count, sizeof(*out->sections));
	if (out->schemas == NULL || out->sections == NULL) {
		status = no_memory(out);
		goto out;
	}
	out->schemas[0] = schema;
	for (size_t i = 1; i < out->outline.count && status == CONF_OK; i++)
		status = check_entry(out, i);
	if (status == CONF_OK)
		status = parse_values(out, length, schema);
	if (status == CONF_OK)
		status = link_sections(out);
out:
	if (status != CONF_OK)
		conf_read_close(out);
	return status;
}

void conf_read_close(struct conf_reading *reading)
{
	if (reading->root != NULL)
		cfg_free(reading->root);
	reading->root = NULL;
	free(reading->sections);
	reading->sections = NULL;
	free(reading->schemas);
	reading->schemas = NULL;
	conf_outline_clear(&reading->outline);
}

/* --- what was read -----------------------------------------------------------------------------
 */

size_t conf_read_section(
    const struct conf_reading *reading, size_t parent, const char *name, size_t after)
{
	const struct conf_entry *entries = reading->outline.entries;

	for (size_t i = (after > parent ? after : parent) + 1; i < reading->outline.count; i++)
		if (entries[i].parent == parent && entries[i].is_section &&
		    conf_outline_is(&reading->outline, &entries[i], name))
			return i;
	return 0;
}

unsigned conf_read_line(const struct conf_reading *reading, size_t entry)
{
	return reading->outline.entries[entry].line;
}

const char *conf_read_title(const struct conf_reading *reading, size_t section)
{
	return cfg_title(reading->sections[section]);
}

bool conf_read_has(const struct conf_reading *reading, size_t section, const char *option)
{
	const struct conf_entry *entries = reading->outline.entries;

	for (size_t i = section + 1; i < reading->outline.count; i++)
		if (entries[i].parent == section && !entries[i].is_section &&
		    conf_outline_is(&reading->outline, &entries[i], option))
			return true;
	return false;
}

static enum conf_status say_wrong_value(const struct conf_reading *reading,
    const struct conf_entry *entry, const struct conf_option *row,
    const struct conf_written *written, const char *wrong)
{
	char shown[CONF_SHOWN_BYTES];
	char allowed[CONF_MESSAGE_BYTES / 2];

	if (wrong == conf_type_no_memory)
		return no_memory(reading);
	conf_type(row->type)->allowed(row, allowed, sizeof(allowed));
	if (row->seen & SEEN_SECRET)
		conf_say(reading->message, reading->file, entry->line,
		    "%s = (not shown): %s; allowed: %s", row->name, wrong, allowed);
	else if (written->wrong_item < written->count)
		conf_say(reading->message, reading->file, entry->line,
		    "%s = \"%s\": %s; allowed: %s", row->name,
		    conf_show(shown, written->items[written->wrong_item],
		        strlen(written->items[written->wrong_item])),
		    wrong, allowed);
	else
		conf_say(reading->message, reading->file, entry->line, "%s = {}: %s; allowed: %s",
		    row->name, wrong, allowed);
	return CONF_INVALID;
}

static enum conf_status read_option(const struct conf_reading *reading,
    const struct conf_entry *entry, const struct conf_option *row, void *field)
{
	cfg_opt_t *opt = cfg_getopt(reading->sections[entry->parent], row->name);
	struct conf_written written = { .base_dir = reading->base_dir };
	enum conf_status status = CONF_OK;
	const char **items = NULL;
	const char *wrong;

	written.count = opt == NULL ? 0 : cfg_opt_size(opt);
	items = calloc(written.count + 1, sizeof(*items));
	if (items == NULL)
		return no_memory(reading);
	for (size_t i = 0; i < written.count; i++)
		items[i] = cfg_opt_getnstr(opt, (unsigned)i);
	written.items = items;
	wrong = conf_type(row->type)->parse(row, &written, field);
	if (wrong != NULL)
		status = say_wrong_value(reading, entry, row, &written, wrong);
	free(items);
	return status;
}

enum conf_status conf_read_options(
    const struct conf_reading *reading, size_t section, void *structure)
{
	const struct conf_section *schema = reading->schemas[section];

	for (size_t i = section + 1; i < reading->outline.count; i++) {
		const struct conf_entry *entry = &reading->outline.entries[i];
		const struct conf_option *row;
		enum conf_status status;
		char name[NAME_BYTES];

		if (entry->parent != section || entry->is_section)
			continue;
		row = conf_section_option(schema, entry_name(reading, entry, name));
		status = read_option(reading, entry, row, conf_field(structure, row));
		if (status != CONF_OK)
			return status;
	}
	return CONF_OK;
}
