#include <string.h>

#include "conf/conf.h"
#include "conf/conf_lex.h"
#include "conf/conf_rows.h"
#include "conf/conf_users.h"
#include "server/base/buf.h"

/* Room for a list of as many keys as a row allows, each escaped. */
#define VALUE_MAX_BYTES (16u << 20)

static void dump_option(const struct conf_option *row, const void *structure, bool expanded,
    const char *indent, FILE *out)
{
	const void *field = conf_field_of(structure, row);
	struct buf value;

	if (row->seen & SEEN_SECRET) {
		const char *text = *(char *const *)field;

		fprintf(out, "%s# %s is %sset\n", indent, row->name,
		    text == NULL || text[0] == '\0' ? "not " : "");
		return;
	}
	buf_init(&value, VALUE_MAX_BYTES);
	conf_type(row->type)->format(row, field, expanded, &value);
	fprintf(out, "%s%s = %.*s\n", indent, row->name, (int)buf_length(&value),
	    (const char *)buf_bytes(&value));
	buf_clear(&value);
}

static void dump_options(const struct conf_section *section, const void *structure, bool expanded,
    const char *indent, FILE *out)
{
	for (size_t i = 0; i < section->option_count; i++)
		dump_option(&section->options[i], structure, expanded, indent, out);
}

/* `name "title" {` */
static void dump_opening(const char *name, const char *title, const char *indent, FILE *out)
{
	struct buf quoted;

	buf_init(&quoted, VALUE_MAX_BYTES);
	conf_lex_quote(&quoted, title);
	fprintf(out, "\n%s%s %.*s {\n", indent, name, (int)buf_length(&quoted),
	    (const char *)buf_bytes(&quoted));
	buf_clear(&quoted);
}

void conf_user_dump(const struct conf_user *user, bool expanded, const char *indent, FILE *out)
{
	dump_options(&conf_section_user, user, expanded, indent, out);
	for (size_t i = 0; i < user->mount_count; i++) {
		dump_opening(conf_section_mount.name, user->mounts[i].title, indent, out);
		dump_options(&conf_section_mount, &user->mounts[i], expanded,
		    indent[0] == '\0' ? "\t" : "\t\t", out);
		fprintf(out, "%s}\n", indent);
	}
}

static void dump_once(const char *name, const void *values, FILE *out)
{
	fprintf(out, "\n%s {\n", name);
	dump_options(conf_section_child(&conf_section_main, name), values, false, "\t", out);
	fprintf(out, "}\n");
}

void conf_dump(const struct conf *conf, FILE *out)
{
	dump_options(&conf_section_main, conf, false, "", out);
	for (size_t i = 0; i < conf->listener_count; i++) {
		dump_opening("listener", conf->listeners[i].title, "", out);
		dump_options(conf_section_child(&conf_section_main, "listener"),
		    &conf->listeners[i], false, "\t", out);
		fprintf(out, "}\n");
	}
	for (size_t i = 0; i < conf->tls_host_count; i++) {
		dump_opening("tls_host", conf->tls_hosts[i].title, "", out);
		dump_options(conf_section_child(&conf_section_main, "tls_host"),
		    &conf->tls_hosts[i], false, "\t", out);
		fprintf(out, "}\n");
	}
	dump_once("ftp", &conf->ftp, out);
	dump_once("ssh", &conf->ssh, out);
	dump_once("tls", &conf->tls, out);
	dump_once("log", &conf->log, out);
	fprintf(out, "\ndefaults {\n");
	conf_user_dump(&conf->defaults, false, "\t", out);
	fprintf(out, "}\n");
	if (!conf->has_anonymous)
		return;
	fprintf(out, "\nanonymous {\n");
	conf_user_dump(&conf->anonymous, false, "\t", out);
	fprintf(out, "}\n");
}
