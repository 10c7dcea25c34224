#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_rows.h"
#include "conf/conf_users.h"

static char *dump(const struct conf *conf)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);

	cr_assert_not_null(out);
	conf_dump(conf, out);
	cr_assert_eq(fclose(out), 0);
	return text;
}

/* What is dumped reads back, from anywhere, to what dumps the same. */
static void check_round_trip(const char *text)
{
	char message[CONF_MESSAGE_BYTES];
	struct conf *conf = NULL;
	struct conf *again = NULL;
	char *first, *second;

	cr_assert_eq(conf_parse(&conf, "/10%/t.conf", text, message), CONF_OK, "%s", message);
	first = dump(conf);
	cr_assert_eq(conf_parse(&again, "/elsewhere/t.conf", first, message), CONF_OK, "%s\n%s",
	    message, first);
	second = dump(again);
	cr_expect_str_eq(first, second);
	cr_expect_eq(conf->listener_count, again->listener_count);
	cr_expect_eq(conf->defaults.mount_count, again->defaults.mount_count);
	cr_expect_eq(conf->anonymous.mount_count, again->anonymous.mount_count);
	cr_expect_eq(conf->defaults.access, again->defaults.access);
	free(first);
	free(second);
	conf_free(&conf);
	conf_free(&again);
}

Test(conf_dump, the_defaults_read_back_the_same)
{
	check_round_trip("");
}

Test(conf_dump, every_kind_of_value_reads_back_the_same)
{
	check_round_trip(
	    "users_dir = u.d login_timeout = 61s\n"
	    "listener \"a \\\"b\\\"\" { address = \"127.0.0.1:0\" }\n"
	    "ftp { greeting = '\\${HOME} \"quoted\" \\\\ back' passive_ports = 0\n"
	    "public_addresses = { \"10.0.0.0/8 dialled\", \"0.0.0.0/0 a.example\" } }\n"
	    "log { target = \"x y.log\" format = logfmt }\n"
	    "defaults { root = \"100%%/%u\" access = \"list own\" allow_names = { \"a,b\", '\"' }\n"
	    " umask = 0 resume_window = 0 files_group = 12\n"
	    " mount \"/m\" { source = \"m\" access = none } }\n"
	    "anonymous { mount \"/n\" { source = \"n/%u\" } durable = yes }\n");
}

Test(conf_dump, the_dump_names_every_option)
{
	char message[CONF_MESSAGE_BYTES];
	struct conf *conf = NULL;
	char *text;

	cr_assert_eq(
	    conf_parse(&conf, "/t.conf", "defaults { mount /m { source = m } }", message), CONF_OK);
	text = dump(conf);
	for (size_t i = 0; conf_section_main.sections[i] != NULL; i++) {
		const struct conf_section *section = conf_section_main.sections[i];

		for (size_t j = 0; j < section->option_count; j++)
			cr_expect_not_null(
			    strstr(text, section->options[j].name), "%s", section->options[j].name);
	}
	free(text);
	conf_free(&conf);
}

Test(conf_dump, no_hash_is_ever_printed)
{
	char message[CONF_MESSAGE_BYTES];
	struct conf_user *user = NULL;
	struct conf *conf = NULL;
	size_t length = 0;
	char *text;
	FILE *out;

	cr_assert_eq(conf_parse(&conf, "/t.conf",
	                 "defaults { password = \"$y$hash\" } anonymous { password = \"$y$hash\" }",
	                 message),
	    CONF_OK);
	text = dump(conf);
	cr_expect_null(strstr(text, "$y$"), "%s", text);
	cr_expect_not_null(strstr(text, "# password is set\n"));
	free(text);
	cr_assert_eq(
	    conf_user_parse(&user, conf, "u", "u", "password = '$y$hash'", 20, message), CONF_OK);
	out = open_memstream(&text, &length);
	conf_user_dump(user, true, "", out);
	fclose(out);
	cr_expect_null(strstr(text, "$y$"), "%s", text);
	free(text);
	conf_user_free(&user);
	conf_free(&conf);
}

Test(conf_dump, a_users_expanded_paths_read_back_the_same)
{
	char message[CONF_MESSAGE_BYTES];
	struct conf_user *user = NULL;
	struct conf_user *again = NULL;
	struct conf *conf = NULL;
	size_t length = 0;
	char *text = NULL;
	FILE *out;

	cr_assert_eq(
	    conf_parse(&conf, "/t.conf", "defaults { root = \"/100%%/%u\" }", message), CONF_OK);
	cr_assert_eq(conf_user_parse(&user, conf, "u", "u", "", 0, message), CONF_OK);
	cr_expect_str_eq(user->root, "/100%/u");
	out = open_memstream(&text, &length);
	conf_user_dump(user, true, "", out);
	fclose(out);
	cr_assert_eq(conf_user_parse(&again, conf, "other", "u", text, length, message), CONF_OK);
	cr_expect_str_eq(again->root, "/100%/u");
	free(text);
	conf_user_free(&user);
	conf_user_free(&again);
	conf_free(&conf);
}

Test(conf_mdoc, the_manual_names_every_option_right_and_preset_once_at_least)
{
	size_t length = 0;
	char *text = NULL;
	FILE *out = open_memstream(&text, &length);
	char item[128];

	conf_print_mdoc(out);
	cr_assert_eq(fclose(out), 0);
	for (size_t i = 0; conf_section_main.sections[i] != NULL; i++) {
		const struct conf_section *section = conf_section_main.sections[i];

		snprintf(item, sizeof(item), ".Ss The section %s", section->name);
		cr_expect_not_null(strstr(text, item), "%s", item);
		for (size_t j = 0; j < section->option_count; j++) {
			snprintf(item, sizeof(item), ".It Cm %s No =", section->options[j].name);
			cr_expect_not_null(strstr(text, item), "%s", item);
		}
	}
	for (size_t i = 0; i < conf_section_main.option_count; i++) {
		snprintf(item, sizeof(item), ".It Cm %s No =", conf_section_main.options[i].name);
		cr_expect_not_null(strstr(text, item), "%s", item);
	}
	cr_expect_not_null(strstr(text, ".It Cm source No ="));
	cr_expect_not_null(strstr(text, ".It Cm inbox\n"));
	cr_expect_not_null(strstr(text, ".It Cm overwrite\n"));
	free(text);
}
