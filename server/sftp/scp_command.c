#include "server/sftp/scp_command.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/text.h"

#define GLOB_BYTES "*?["
#define ESCAPED_BYTES "*?[]\\!^-" /* those with a meaning of their own in a pattern */

/* --- bytes, and whether they were quoted ------------------------------------------------------ */

enum lexeme {
	LEX_END,
	LEX_BLANK,
	LEX_BARE,	/* a byte that stands by itself */
	LEX_QUOTED,	/* a byte behind a backslash or between quotes */
	LEX_QUOTE,	/* no byte: a quote that opens or closes */
};

struct lexer {
	const char *at;
	char quote; /* that is open: ' or " or 0 */
};

/* Does the quote that stands before `at` ever close?  One that does not is an apostrophe in a name. */
static bool is_closed(const char *at, char quote)
{
	for (; *at != '\0'; at++) {
		if (*at == quote)
			return true;
		if (quote == '"' && *at == '\\' && at[1] != '\0')
			at++;
	}
	return false;
}

static enum lexeme lex_bare(struct lexer *lexer, char *byte)
{
	switch (*byte) {
	case ' ':
	case '\t':
		return LEX_BLANK;
	case '\\':
		if (*lexer->at == '\0')
			return LEX_QUOTED;
		*byte = *lexer->at++;
		return LEX_QUOTED;
	case '\'':
	case '"':
		if (!is_closed(lexer->at, *byte))
			return LEX_BARE;
		lexer->quote = *byte;
		return LEX_QUOTE;
	default:
		return LEX_BARE;
	}
}

static enum lexeme lex(struct lexer *lexer, char *byte)
{
	if (*lexer->at == '\0')
		return LEX_END;
	*byte = *lexer->at++;
	if (lexer->quote == '\0')
		return lex_bare(lexer, byte);
	if (*byte == lexer->quote) {
		lexer->quote = '\0';
		return LEX_QUOTE;
	}
	/* POSIX shell 2.2.3: between double quotes a backslash escapes these only. */
	if (lexer->quote == '"' && *byte == '\\' && *lexer->at != '\0' &&
	    strchr("$`\"\\", *lexer->at) != NULL)
		*byte = *lexer->at++;
	return LEX_QUOTED;
}

/* --- words ------------------------------------------------------------------------------------ */

/* Where texts and patterns go. */
struct output {
	char *text;
	char *pattern;
};

static void put(struct output *out, enum lexeme lexeme, char byte)
{
	*out->text++ = byte;
	if (lexeme == LEX_QUOTED && strchr(ESCAPED_BYTES, byte) != NULL)
		*out->pattern++ = '\\';
	*out->pattern++ = byte;
}

static bool is_home(const char *at)
{
	return at[0] == '~' && (at[1] == '/' || at[1] == ' ' || at[1] == '\t' || at[1] == '\0');
}

/* One word, which begins at lexer->at. */
static struct scp_word read_word(struct lexer *lexer, struct output *out)
{
	struct scp_word word = { .text = out->text };
	const char *pattern = out->pattern;
	bool glob = false;
	enum lexeme lexeme;
	char byte;

	if (is_home(lexer->at)) {
		put(out, LEX_BARE, '.');
		lexer->at++;
	}
	while ((lexeme = lex(lexer, &byte)) != LEX_END && lexeme != LEX_BLANK) {
		if (lexeme == LEX_QUOTE)
			continue;
		glob = glob || (lexeme == LEX_BARE && strchr(GLOB_BYTES, byte) != NULL);
		put(out, lexeme, byte);
	}
	if (lexeme == LEX_BLANK)
		lexer->at--;
	*out->text++ = '\0';
	*out->pattern++ = '\0';
	word.pattern = glob ? pattern : NULL;
	return word;
}

/* Everything from `at` on as one text; blanks at its end fall away, as they do in a shell. */
static const char *join(const char *at, char *out)
{
	struct lexer lexer = { .at = at };
	const char *joined = out;
	char *end = out;
	enum lexeme lexeme;
	char byte;

	if (is_home(at)) {
		*out++ = '.';
		end = out;
		lexer.at++;
	}
	while ((lexeme = lex(&lexer, &byte)) != LEX_END) {
		if (lexeme == LEX_QUOTE)
			continue;
		*out++ = byte;
		if (lexeme != LEX_BLANK)
			end = out;
	}
	*end = '\0';
	return joined;
}

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

/* --- the command ------------------------------------------------------------------------------ */

struct directions {
	bool to;   /* -t */
	bool from; /* -f */
};

/* Letters behind a '-'; false for one that scp does not have on this side. */
static bool read_options(
    struct scp_command *command, struct directions *directions, const char *letters)
{
	for (; *letters != '\0'; letters++) {
		switch (*letters) {
		case 't':
			directions->to = true;
			break;
		case 'f':
			directions->from = true;
			break;
		case 'r':
			command->recursive = true;
			break;
		case 'p':
			command->times = true;
			break;
		case 'd':
			command->target_is_dir = true;
			break;
		case 'q':
		case 'v':
			/* About messages on standard error, of which there are none. */
			break;
		default:
			return false;
		}
	}
	return true;
}

static bool read_paths(
    struct scp_command *command, struct lexer *lexer, struct output *out, char *joined)
{
	const char *start = skip_blanks(lexer->at);

	while (*(lexer->at = skip_blanks(lexer->at)) != '\0') {
		if (command->word_count == SCP_WORDS_MAX)
			return false;
		command->words[command->word_count++] = read_word(lexer, out);
	}
	if (command->word_count == 0)
		command->words[command->word_count++] = (struct scp_word){ .text = "." };
	if (command->word_count > 1)
		command->joined = join(start, joined);
	return true;
}

static bool parse(struct scp_command *command, const char *line, size_t length)
{
	struct lexer lexer = { .at = skip_blanks(line) };
	/* A word takes at least a byte and a blank of the line: a NUL for each fits in as well. */
	struct output out = { .text = command->memory, .pattern = command->memory + 2 * (length + 1) };
	struct directions directions = { false, false };
	struct lexer before;
	const char *text;

	if (strcmp(read_word(&lexer, &out).text, "scp") != 0)
		return false;
	for (;;) {
		lexer.at = skip_blanks(lexer.at);
		if (*lexer.at == '\0')
			break;
		before = lexer;
		text = read_word(&lexer, &out).text;
		if (strcmp(text, "--") == 0)
			break;
		if (text[0] != '-' || text[1] == '\0') {
			/* The first path: read again below. */
			lexer = before;
			break;
		}
		if (!read_options(command, &directions, text + 1))
			return false;
	}
	if (directions.to == directions.from)
		return false;
	command->sink = directions.to;
	out = (struct output){ .text = command->memory, .pattern = command->memory + 2 * (length + 1) };
	return read_paths(command, &lexer, &out, command->memory + 5 * (length + 1));
}

static bool is_acceptable(const char *line, size_t length)
{
	if (length > SCP_COMMAND_MAX_BYTES)
		return false;
	for (const char *at = line; *at != '\0'; at++) {
		if (*at != '\t' && text_has_control(at, 1))
			return false;
	}
	return true;
}

struct scp_command *scp_command_parse(const char *line)
{
	size_t length = strnlen(line, SCP_COMMAND_MAX_BYTES + 1);
	struct scp_command *command;

	if (!is_acceptable(line, length))
		return NULL;
	command = calloc(1, sizeof(*command));
	if (command == NULL)
		return NULL;
	/* Texts, patterns (each byte perhaps with an escape), and all of it joined. */
	command->memory = malloc(6 * (length + 1));
	if (command->memory == NULL || !parse(command, line, length))
		scp_command_free(&command);
	return command;
}

void scp_command_free(struct scp_command **command)
{
	struct scp_command *c = *command;

	*command = NULL;
	if (c == NULL)
		return;
	free(c->memory);
	free(c);
}

const char *scp_command_split(const char *pattern, char *dir_out, size_t size)
{
	const char *slash = strrchr(pattern, '/');
	const char *name = slash != NULL ? slash + 1 : pattern;
	size_t length = 0;
	bool glob = false;

	for (const char *at = name; *at != '\0'; at++) {
		glob = glob || strchr(GLOB_BYTES, *at) != NULL;
		if (*at == '\\' && at[1] != '\0')
			at++;
	}
	if (!glob)
		return NULL;
	for (const char *at = pattern; at < name; at++) {
		if (*at == '\\')
			at++;
		if (length + 1 >= size)
			return NULL;
		dir_out[length++] = *at;
	}
	dir_out[length] = '\0';
	return name;
}
