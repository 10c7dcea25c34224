/*
 * The OPTIONS part of transom.conf(5), from the rows.
 *
 * Only text lines and list macros come out, so that no word of a row is taken for a macro.
 */
#include <string.h>

#include "conf/conf.h"
#include "conf/conf_rights.h"
#include "conf/conf_rows.h"

#define ALLOWED_BYTES 1024

/* Text inside a line: roff must not see its escape character.  Each sentence starts a line. */
static void print_text(const char *text, FILE *out)
{
	for (; *text != '\0'; text++) {
		if (text[0] == '.' && text[1] == ' ' && text[2] != '.' && text[2] != '\'')
			fputs(".\n", out), text++;
		else if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '"')
			fputs("\\(dq", out);
		else if (*text == '-')
			fputs("\\-", out);
		else
			fputc(*text, out);
	}
}

/* A line of text: a dot or an apostrophe at its start would make it a macro. */
static void print_line(const char *text, FILE *out)
{
	if (text[0] == '.' || text[0] == '\'')
		fputs("\\&", out);
	print_text(text, out);
	fputc('\n', out);
}

static void print_option(const struct conf_option *row, FILE *out)
{
	char allowed[ALLOWED_BYTES];

	conf_type(row->type)->allowed(row, allowed, sizeof(allowed));
	fprintf(out, ".It Cm %s No = Ar %s\n", row->name, conf_type(row->type)->name);
	print_line(row->doc, out);
	fputs(".br\nDefault: ", out);
	if (row->type == CONF_TYPE_path && row->fallback[0] == '\0')
		fputs("none", out);
	else if (row->fallback[0] == '{' || conf_type(row->type)->bare)
		print_text(row->fallback, out);
	else
		fputs("\\(dq", out), print_text(row->fallback, out), fputs("\\(dq", out);
	fputs(".\nAllowed: ", out);
	print_text(allowed, out);
	fputs(".\n", out);
}

/* The options of a section that `printed` does not have; those that it has are named in one line.
 */
static void print_options(
    const struct conf_section *section, const struct conf_section *printed, FILE *out)
{
	size_t left = 0;

	fputs(".Bl -tag -width Ds\n", out);
	for (size_t i = 0; i < section->option_count; i++) {
		if (printed != NULL &&
		    conf_section_option(printed, section->options[i].name) != NULL)
			left++;
		else
			print_option(&section->options[i], out);
	}
	fputs(".El\n", out);
	if (left == 0)
		return;
	fputs(".Pp\nThese as well, as described for\n.Cm defaults :\n", out);
	for (size_t i = 0; i < section->option_count; i++)
		if (conf_section_option(printed, section->options[i].name) != NULL)
			fprintf(
			    out, ".Cm %s%s\n", section->options[i].name, --left > 0 ? " ," : " .");
}

static void print_section(const struct conf_section *section, FILE *out)
{
	const struct conf_section *defaults = conf_section_child(&conf_section_main, "defaults");
	bool is_user = section->option_count == defaults->option_count &&
	               conf_section_option(section, defaults->options[0].name) != NULL;

	fprintf(out, ".Ss The section %s%s\n", section->name,
	    section->titled ? " \\(dqTITLE\\(dq" : "");
	print_line(section->doc, out);
	if (is_user && section != defaults)
		fputs(
		    "The options are those of\n.Cm defaults ,\n"
		    "which hold here too, except that\n.Cm password , keys , authorized_keys , "
		    "certificates\nand\n.Cm require\n"
		    "are not taken over, and that nothing but looking and downloading is allowed\n"
		    "unless\n.Cm access\nis set here.\n",
		    out);
	else
		print_options(section, section == &conf_section_mount ? defaults : NULL, out);
}

static void print_rights(FILE *out)
{
#define RIGHT_ITEM(name, bit, text)     fprintf(out, ".It Cm %s\n", #name), print_line(text, out);
#define PRESET_ITEM(name, rights, text) fprintf(out, ".It Cm %s\n", name), print_line(text, out);
	fputs(".Ss Access\nThe option\n.Cm access\n"
	      "takes one of these presets:\n.Bl -tag -width Ds\n",
	    out);
	CONF_PRESETS(PRESET_ITEM)
	fputs(".El\n.Pp\nOr it takes a list of rights, as \\(dqlist read\\(dq:\n"
	      ".Bl -tag -width Ds\n",
	    out);
	CONF_RIGHTS(RIGHT_ITEM)
	fputs(".El\n", out);
}

void conf_print_mdoc(FILE *out)
{
	fputs(".Ss Outside any section\n", out);
	print_options(&conf_section_main, NULL, out);
	for (size_t i = 0; conf_section_main.sections[i] != NULL; i++)
		print_section(conf_section_main.sections[i], out);
	print_section(&conf_section_mount, out);
	fputs(".Ss The file of a user\n", out);
	print_line(conf_section_user.doc, out);
	fputs("It takes the options of\n.Cm defaults\nand the section\n.Cm mount ,\n"
	      "outside any section.\n"
	      "A mount with the title of one in\n.Cm defaults\nreplaces it.\n",
	    out);
	print_rights(out);
}
