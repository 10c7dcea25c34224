#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/text.h"
#include "server/sftp/scp_command.h"

/* words: between bars; pattern of the first word, joined: NULL for none. */
struct row {
	const char *line;
	const char *words;
	const char *pattern;
	const char *joined;
};

static const struct row rows[] = {
	/* As OpenSSH and pscp send what was typed. */
	{ "scp -t file", "file", NULL, NULL },
	{ "scp -t -- -file", "-file", NULL, NULL },
	{ "scp -v -r -p -d -t /a/b", "/a/b", NULL, NULL },
	{ "scp -f dir/file name", "dir/file|name", NULL, "dir/file name" },
	{ "scp -t dir/file  name ", "dir/file|name", NULL, "dir/file  name" },
	{ "scp -f *.txt", "*.txt", "*.txt", NULL },
	{ "scp -f a[1-3]?", "a[1-3]?", "a[1-3]?", NULL },
	{ "scp -f dir/*.c -x", "dir/*.c|-x", "dir/*.c", "dir/*.c -x" },
	{ "scp -t -", "-", NULL, NULL },
	/* As libssh2 and WinSCP quote it. */
	{ "scp -pf '/a b'", "/a b", NULL, NULL },
	{ "scp -qrt \"/a b\"", "/a b", NULL, NULL },
	{ "scp -pt '/it'\"'\"'s'", "/it's", NULL, NULL },
	{ "scp -t \"a\\$b\\`c\\\"d\\\\e\\f\"", "a$b`c\"d\\e\\f", NULL, NULL },
	/* Quoted by whoever typed it. */
	{ "scp -f file\\ name", "file name", NULL, NULL },
	{ "scp -f 'a b' c\\ d", "a b|c d", NULL, "a b c d" },
	{ "scp -f a'b c'd", "ab cd", NULL, NULL },
	{ "scp -f \\*.txt", "*.txt", NULL, NULL },
	{ "scp -f '*'.t?t", "*.t?t", "\\*.t?t", NULL },
	{ "scp -f ''", "", NULL, NULL },
	{ "scp -f a\\", "a\\", NULL, NULL },
	/* Nothing is run, expanded or cut off. */
	{ "scp -t `id`", "`id`", NULL, NULL },
	{ "scp -t $(id)", "$(id)", NULL, NULL },
	{ "scp -t a;id", "a;id", NULL, NULL },
	{ "scp -t a|id>x&y<z#w{b,c}", "a|id>x&y<z#w{b,c}", NULL, NULL },
	{ "scp -t $HOME/x", "$HOME/x", NULL, NULL },
	{ "scp -t it's", "it's", NULL, NULL },
	{ "scp -t a\"b", "a\"b", NULL, NULL },
	{ "scp -t a\"b\\\"", "a\"b\"", NULL, NULL },
	/* The home directory is where the session starts. */
	{ "scp -t ~", ".", NULL, NULL },
	{ "scp -t ~/a b", "./a|b", NULL, "./a b" },
	{ "scp -t '~/a'", "~/a", NULL, NULL },
	{ "scp -t ~bob/a", "~bob/a", NULL, NULL },
	{ "  scp\t-t\t a ", "a", NULL, NULL },
	{ "scp -t", ".", NULL, NULL },
	{ "scp -t ", ".", NULL, NULL },
};

static void show_words(const struct scp_command *command, char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; i < command->word_count; i++) {
		size_t used = strlen(out);

		snprintf(out + used, size - used, "%s%s", i > 0 ? "|" : "", command->words[i].text);
	}
}

static const char *or_none(const char *text)
{
	return text != NULL ? text : "(none)";
}

Test(scp_command, takes_a_line_apart_as_a_shell_would_and_expands_nothing)
{
	char words[512];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct scp_command *command = scp_command_parse(row->line);

		cr_assert_not_null(command, "%s", row->line);
		show_words(command, words, sizeof(words));
		cr_assert_str_eq(words, row->words, "%s: %s", row->line, words);
		cr_assert_str_eq(or_none(command->words[0].pattern), or_none(row->pattern), "%s: %s",
		    row->line, or_none(command->words[0].pattern));
		cr_assert_str_eq(or_none(command->joined), or_none(row->joined), "%s: %s", row->line,
		    or_none(command->joined));
		scp_command_free(&command);
		cr_assert_null(command);
	}
}

Test(scp_command, knows_its_options_alone_and_together)
{
	struct scp_command *command = scp_command_parse("scp -r -pd -v -q -t -- x");

	cr_assert(command->sink && command->recursive && command->times && command->target_is_dir);
	scp_command_free(&command);
	command = scp_command_parse("scp -f x");
	cr_assert(!command->sink && !command->recursive && !command->times && !command->target_is_dir);
	scp_command_free(&command);
}

Test(scp_command, refuses_what_is_no_scp_of_this_side)
{
	static const char *const lines[] = {
		"", " ", "scp", "scp x", "scp -t -f x", "scp -r x", "scp -x -t a", "scp -S evil -t a",
		"scp -oProxyCommand=id -t a", "sh -c 'scp -t a'", "/bin/sh", "/usr/bin/scp -t a",
		"scpx -t a", "scp -t a\nid", "scp -t a\x01", "scp -t \x7f", "rsync --server . x",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		cr_assert_null(scp_command_parse(lines[i]), "%s", lines[i]);
}

Test(scp_command, refuses_a_line_beyond_its_bounds)
{
	char *line = malloc(SCP_COMMAND_MAX_BYTES + 2);
	struct scp_command *command;

	memset(line, 'a', SCP_COMMAND_MAX_BYTES + 1);
	memcpy(line, "scp -f ", 7);
	line[SCP_COMMAND_MAX_BYTES + 1] = '\0';
	cr_assert_null(scp_command_parse(line));
	line[SCP_COMMAND_MAX_BYTES] = '\0';
	command = scp_command_parse(line);
	cr_assert_not_null(command);
	scp_command_free(&command);

	for (size_t words = SCP_WORDS_MAX; words <= SCP_WORDS_MAX + 1; words++) {
		for (size_t i = 0; i < words; i++)
			memcpy(line + 7 + 2 * i, "a ", 2);
		line[7 + 2 * words] = '\0';
		command = scp_command_parse(line);
		cr_assert_eq(command != NULL, words == SCP_WORDS_MAX);
		scp_command_free(&command);
	}
	free(line);
}

Test(scp_command, needs_no_more_memory_than_it_has_for_the_worst_lines)
{
	static const char *const worst[] = { "''", "\\*", "'*' ", "'\"'", "\"\\\"", "a ", "\\\\ ", "~ ", "\"" };
	char line[1024];

	for (size_t i = 0; i < sizeof(worst) / sizeof(worst[0]); i++) {
		size_t length = (size_t)snprintf(line, sizeof(line), "scp -f ");
		struct scp_command *command;

		while (length < 400)
			length += (size_t)snprintf(line + length, sizeof(line) - length, "%s", worst[i]);
		command = scp_command_parse(line);
		cr_assert_not_null(command);
		scp_command_free(&command);
	}
}

Test(scp_command, splits_a_pattern_at_its_last_slash)
{
	static const struct {
		const char *pattern;
		const char *dir;
		const char *name; /* NULL: none in the name */
	} splits[] = {
		{ "*.txt", "", "*.txt" },
		{ "/a/b/*", "/a/b/", "*" },
		{ "a\\*b/c?", "a*b/", "c?" },
		{ "*/c", NULL, NULL },
		{ "*/", NULL, NULL },
		{ "a/\\*", NULL, NULL },
		{ "*a/\\*[b]", "*a/", "\\*[b]" },
	};
	char dir[64];

	for (size_t i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
		const char *name = scp_command_split(splits[i].pattern, dir, sizeof(dir));

		cr_assert_str_eq(or_none(name), or_none(splits[i].name), "%s", splits[i].pattern);
		if (name != NULL)
			cr_assert_str_eq(dir, splits[i].dir, "%s: %s", splits[i].pattern, dir);
	}
	cr_assert_null(scp_command_split("abcdefgh/*", dir, 9));
}
