#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"

static struct conf *parse(const char *text)
{
	char message[CONF_MESSAGE_BYTES];
	struct conf *conf = NULL;

	cr_assert_eq(conf_parse(&conf, "/d/t.conf", text, message), CONF_OK, "%s", message);
	cr_assert_not_null(conf);
	return conf;
}

Test(conf, an_empty_text_is_all_defaults_with_one_listener)
{
	struct conf *conf = parse("");

	cr_expect_eq(conf->spare_min, 4);
	cr_expect_eq(conf->login_timeout, 60000);
	cr_expect_str_eq(conf->users_dir, TRANSOM_SYSCONFDIR "/users.d");
	cr_assert_eq(conf->listener_count, 1);
	cr_expect_str_eq(conf->listeners[0].title, "ftp");
	cr_expect_eq(conf->listeners[0].protocol, CONF_PROTOCOL_FTP);
	cr_expect_eq(conf->listeners[0].address.port, 21);
	cr_expect_eq(conf->listeners[0].address.family, AF_INET6);
	cr_expect_eq(conf->ftp.passive_ports.first, 50000);
	cr_expect_eq(conf->log.format, CONF_LOG_JSON);
	cr_expect_eq(conf->defaults.access, CONF_RIGHTS_FULL);
	cr_expect_eq(conf->defaults.umask, 022);
	cr_expect_eq(conf->defaults.mount_count, 0);
	cr_expect_not(conf->has_anonymous);
	conf_free(&conf);
	cr_expect_null(conf);
	conf_free(&conf);
}

Test(conf, every_kind_of_statement_is_read)
{
	struct conf *conf = parse("# comment\n"
	                          "spare_min = 2 /* another */ spare_max = \"8\"\n"
	                          "listener one { address = \"127.0.0.1:0\" }\n"
	                          "listener 'two' { address = \"[::1]:2121\" backlog = 5 }\n"
	                          "ftp { active = no public_address = 192.0.2.1 }\n"
	                          "log { format = logfmt target = log.txt } // the end\n"
	                          "defaults {\n"
	                          "  keys = { \"a\", # first\n   'b', }\n"
	                          "  access = { list, read }\n"
	                          "  durable = yes\n"
	                          "}");

	cr_expect_eq(conf->spare_min, 2);
	cr_expect_eq(conf->spare_max, 8);
	cr_assert_eq(conf->listener_count, 2);
	cr_expect_str_eq(conf->listeners[0].title, "one");
	cr_expect_eq(conf->listeners[0].address.port, 0);
	cr_expect_str_eq(conf->listeners[1].title, "two");
	cr_expect_eq(conf->listeners[1].backlog, 5);
	cr_expect_not(conf->ftp.active);
	cr_expect_str_eq(conf->ftp.public_address, "192.0.2.1");
	cr_expect_str_eq(conf->log.target, "/d/log.txt");
	cr_expect_eq(conf->log.format, CONF_LOG_LOGFMT);
	cr_assert_eq(conf->defaults.keys.count, 2);
	cr_expect_str_eq(conf->defaults.keys.items[1], "b");
	cr_expect_eq(conf->defaults.access, RIGHT_list | RIGHT_read);
	cr_expect(conf->defaults.durable);
	conf_free(&conf);
}

Test(conf, a_listener_without_an_address_has_the_port_of_its_protocol)
{
	struct conf *conf = parse("listener a { }\n"
	                          "listener b { protocol = ftps }\n"
	                          "listener c { protocol = sftp backlog = 5 }\n"
	                          "listener d { address = \"127.0.0.1:21\" protocol = sftp }\n"
	                          "tls { certificate = c key = k }");
	static const uint16_t ports[] = { 21, 990, 22, 21 };

	cr_assert_eq(conf->listener_count, 4);
	for (size_t i = 0; i < 4; i++)
		cr_expect_eq(conf->listeners[i].address.port, ports[i], "%s: %u",
		    conf->listeners[i].title, conf->listeners[i].address.port);
	cr_expect_eq(conf->listeners[1].address.family, AF_INET6);
	conf_free(&conf);
}

Test(conf, a_dollar_in_a_string_is_never_expanded)
{
	struct conf *conf;

	setenv("HOME", "/expanded", 1);
	conf = parse("ftp { greeting = \"\\${HOME} $HOME $\" }\n"
	             "defaults { password = '$y$j9T${HOME}' }");
	cr_expect_str_eq(conf->ftp.greeting, "${HOME} $HOME $");
	cr_expect_str_eq(conf->defaults.password, "$y$j9T${HOME}");
	conf_free(&conf);
}

/* clang-format off */
/* THE table of wrong configurations: the beginning of the message, line number included. */
static const struct wrong {
	const char *text;
	const char *message;
} wrongs[] = {
	{ "spare_min = 0", "1: spare_min = \"0\": it is out of range; allowed: a whole number from 1 to 1000" },
	{ "spare_min = 1001", "1: spare_min = \"1001\": it is out of range; allowed: " },
	{ "\n\nspare_min = many", "3: spare_min = \"many\": it is not a whole number; allowed: " },
	{ "\nspare_mim = 1", "2: unknown option \"spare_mim\" outside any section; did you mean \"spare_min\"?; allowed: users_dir, " },
	{ "ftp {\n frobnicate = 1\n}", "2: unknown option \"frobnicate\" in ftp; allowed: greeting, " },
	{ "ftp {\n frobnicate { }\n}", "2: unknown section \"frobnicate\" in ftp; allowed: " },
	{ "include = x", "1: unknown option \"include\" outside any section; allowed: " },
	{ "spare_min { }", "1: \"spare_min\" is an option, not a section; write spare_min = VALUE" },
	{ "ftp = 1", "1: \"ftp\" is a section, not an option; write ftp { ... }" },
	{ "mount \"/x\" { source = \"/y\" }", "1: unknown section \"mount\" outside any section; allowed: " },
	{ "defaults { mount \"/x\" {\n mount \"/y\" {} } }", "2: unknown section \"mount\" in mount; allowed: " },
	{ "root = /x", "1: unknown option \"root\" outside any section; allowed: " },
	{ "spare_min = 1\nspare_max = 2\nspare_min = 1", "3: spare_min is there already, in line 1; allowed: once in a section" },
	{ "defaults { keys = {}\n keys = {} }", "2: keys is there already, in line 1; allowed: once in a section" },
	{ "log {}\nftp {}\nlog {}", "3: log is there already, in line 1; allowed: once" },
	{ "anonymous {}\nanonymous {}", "2: anonymous is there already, in line 1; allowed: once" },
	{ "listener a {}\nlistener b {}\nlistener \"a\" {}", "3: listener \"a\" is there already, in line 1; allowed: each title once" },
	{ "defaults {\n mount /a { source = x }\n mount \"/a\" { source = y }\n}", "3: mount \"/a\" is there already, in line 2; allowed: each title once" },
	{ "listener { }", "1: listener needs a title; write listener \"TITLE\" { ... }" },
	{ "ftp \"x\" { }", "1: ftp takes no title; write ftp { ... }" },
	{ "spare_min = { 4 }", "1: spare_min = {...}: it takes one value, not a list; allowed: " },
	{ "log {\n\tformat = xml\n}", "2: format = \"xml\": it is not one of the words; allowed: json, logfmt" },
	{ "listener a { address = \"localhost:21\" }", "1: address = \"localhost:21\": it is not an address with a port; allowed: " },
	{ "ftp { idle_timeout = 5 }", "1: idle_timeout = \"5\": it has no unit; allowed: a time with a unit (ms, s, m, h, d, w) from 1s to 1d" },
	{ "ftp {\n public_address = 0.0.0.0\n}", "2: public_address = \"0.0.0.0\": clients cannot connect to that; allowed: an IPv4 address as 192.0.2.1, a host name, or nothing" },
	{ "ftp {\n\n public_addresses = { \"10.0.0.1/8 dialled\" } }", "3: public_addresses = \"10.0.0.1/8 dialled\": bits are set behind the network's prefix; allowed: at most 64 texts in braces, each an IPv4 network and " },
	{ "ftp { public_addresses = { \"10.0.0.0/8 dialled\", \"x y\" } }", "1: public_addresses = \"x y\": it starts with no network; allowed: " },
	{ "ftp { public_addresses = { \"10.0.0.0/33 dialled\" } }", "1: public_addresses = \"10.0.0.0/33 dialled\": it starts with no network; allowed: " },
	{ "ftp { public_addresses = { \"10.0.0.0/8\" } }", "1: public_addresses = \"10.0.0.0/8\": nothing stands behind the network; allowed: " },
	{ "ftp { public_addresses = { \"10.0.0.0/8 0.0.0.0\" } }", "1: public_addresses = \"10.0.0.0/8 0.0.0.0\": clients cannot connect to that; allowed: " },
	{ "ftp { public_addresses = { \"2001:db8::/32 dialled\" } }", "1: public_addresses = \"2001:db8::/32 dialled\": IPv6 needs no rule: EPSV tells no address; allowed: " },
	{ "defaults { access = {} }", "1: access = {}: it is empty; allowed: full, read-only, inbox, none, or a list of rights: list read " },
	{ "defaults { access = { list, full } }", "1: access = \"full\": a preset stands alone; allowed: " },
	{ "defaults { deny_names = { a, \"\" } }", "1: deny_names = \"\": it is empty; allowed: " },
	{ "defaults { umask = 8 }", "1: umask = \"8\": it is not an octal number; allowed: an octal number from 0 to 777" },
	{ "defaults { umask = 01000 }", "1: umask = \"01000\": it is out of range; allowed: " },
	{ "defaults { root = \"/%x\" }", "1: root = \"/%x\": a percent sign is followed by neither u nor %; allowed: " },
	{ "defaults { files_user = root }", "1: files_user = \"root\": it is root; allowed: " },
	{ "defaults { password = \"a\tb\" }", "1: password = (not shown): it has a control character; allowed: " },
	{ "defaults {\n mount \"/a\" { }\n}", "2: mount \"/a\" has no source; write source = \"DIRECTORY\" in it" },
	{ "defaults { mount \"/\" { source = x } }", "1: mount \"/\": / is the user's root; allowed: a path as /name" },
	{ "defaults { mount \"a\" { source = x } }", "1: mount \"a\": it does not start with /; allowed: " },
	{ "defaults { mount \"\" { source = x } }", "1: mount \"\": it does not start with /; allowed: " },
	{ "defaults { mount \"/a/\" { source = x } }", "1: mount \"/a/\": it has an empty part; allowed: " },
	{ "defaults { mount \"/a//b\" { source = x } }", "1: mount \"/a//b\": it has an empty part; allowed: " },
	{ "defaults { mount \"/a/../b\" { source = x } }", "1: mount \"/a/../b\": it has a part that is . or ..; allowed: " },
	{ "defaults { mount \"/.\" { source = x } }", "1: mount \"/.\": it has a part that is . or ..; allowed: " },
	{ "defaults { mount \"/a/.transom-x\" { source = x } }", "1: mount \"/a/.transom-x\": names starting with .transom- are the server's own; allowed: " },
	{ "users_dir = \"${HOME}/x\"", "1: ${...} is not expanded in a configuration; write \\${ for it" },
	{ "users_dir = ${HOME}", "1: a special character outside quotes; put the value in double quotes" },
	{ "a = 1\nusers_dir = \"x", "2: a string is not closed on its line; put the quote at its end" },
	{ "ftp {\n\n", "1: the section that starts here is never closed; put a closing brace at its end" },
	{ "ftp {\n}\n}", "3: a closing brace that closes nothing; each needs an opening one before it" },
	{ "spare_min 4", "1: found the end of the file; expected an equals sign after an option's name" },
	{ "spare_min = 4;", "1: a special character outside quotes; " },
	{ "\x7f\x45\x4c\x46", "1: a control character; only text is allowed" },
	{ "\xef\xbb\xbfspare_min = 4", "1: a letter outside ASCII and outside quotes; " },
	{ "listener \"a\x1b[2J\" {}\nlistener \"a\x1b[2J\" {}", "2: listener \"a\\x1b[2J\" is there already, in line 1; " },
};
/* clang-format on */

Test(conf, every_wrong_text_is_refused_with_its_line_and_what_is_allowed)
{
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		char message[CONF_MESSAGE_BYTES] = "";
		char expected[CONF_MESSAGE_BYTES];
		struct conf *conf = NULL;

		snprintf(expected, sizeof(expected), "t.conf:%s", wrongs[i].message);
		cr_expect_eq(conf_parse(&conf, "t.conf", wrongs[i].text, message), CONF_INVALID,
		    "%s", wrongs[i].text);
		cr_expect_null(conf);
		cr_expect_eq(strncmp(message, expected, strlen(expected)), 0,
		    "%s\n is: %s\n not: %s", wrongs[i].text, message, expected);
		cr_expect_null(strchr(message, '\n'), "%s", message);
	}
}

Test(conf, a_message_never_overflows)
{
	char message[CONF_MESSAGE_BYTES];
	struct conf *conf = NULL;
	char file[3000];
	char text[3000];

	memset(file, 'f', sizeof(file) - 1);
	file[sizeof(file) - 1] = '\0';
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cr_expect_eq(conf_parse(&conf, file, text, message), CONF_INVALID);
	cr_expect_lt(strlen(message), CONF_MESSAGE_BYTES);
	memcpy(text, "spare_min = ", 12);
	cr_expect_eq(conf_parse(&conf, "f", text, message), CONF_INVALID);
	cr_expect_not_null(
	    strstr(message, "...\": it is not a whole number; allowed: "), "%s", message);
}

Test(conf, as_many_listeners_as_allowed_and_no_more)
{
	char text[CONF_LISTENERS_MAX * 32 + 64] = "";
	char message[CONF_MESSAGE_BYTES];
	struct conf *conf = NULL;
	size_t used = 0;

	for (int i = 0; i < CONF_LISTENERS_MAX; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "listener l%d {}\n", i);
	cr_expect_eq(conf_parse(&conf, "f", text, message), CONF_OK, "%s", message);
	cr_expect_eq(conf->listener_count, CONF_LISTENERS_MAX);
	conf_free(&conf);
	snprintf(text + used, sizeof(text) - used, "listener more {}\n");
	cr_expect_eq(conf_parse(&conf, "f", text, message), CONF_INVALID);
	cr_expect_not_null(strstr(message, "f:65: too many sections"), "%s", message);
}

Test(conf, relative_paths_start_at_the_file_even_when_its_name_is_relative)
{
	char message[CONF_MESSAGE_BYTES];
	char expected[8192];
	char *cwd = getcwd(NULL, 0);
	struct conf *conf = NULL;

	cr_assert_not_null(cwd);
	cr_assert_eq(conf_parse(&conf, "x/t.conf", "users_dir = u.d", message), CONF_OK);
	snprintf(expected, sizeof(expected), "%s/x/u.d", cwd[1] == '\0' ? "" : cwd);
	cr_expect_str_eq(conf->users_dir, expected);
	conf_free(&conf);
	cr_assert_eq(conf_parse(&conf, "t.conf", "users_dir = u.d", message), CONF_OK);
	snprintf(expected, sizeof(expected), "%s/u.d", cwd[1] == '\0' ? "" : cwd);
	cr_expect_str_eq(conf->users_dir, expected);
	conf_free(&conf);
	cr_assert_eq(conf_parse(&conf, "/t.conf", "users_dir = u.d", message), CONF_OK);
	cr_expect_str_eq(conf->users_dir, "/u.d");
	conf_free(&conf);
	free(cwd);
}

/* --- files -------------------------------------------------------------------------------------
 */

static char directory[64];

static void make_directory(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%.40s/conf-XXXXXX", base == NULL ? "/tmp" : base);
	cr_assert_not_null(mkdtemp(directory));
}

static void remove_directory(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/t.conf", directory);
	unlink(path);
	rmdir(directory);
}

static void write_file(const void *bytes, size_t n, char path[128])
{
	FILE *file;

	snprintf(path, 128, "%s/t.conf", directory);
	file = fopen(path, "w");
	cr_assert_not_null(file);
	cr_assert_eq(fwrite(bytes, 1, n, file), n);
	cr_assert_eq(fclose(file), 0);
}

TestSuite(conf_files, .init = make_directory, .fini = remove_directory);

Test(conf_files, a_file_is_loaded_with_its_text)
{
	char message[CONF_MESSAGE_BYTES];
	char path[128];
	struct conf *conf = NULL;
	char *text = NULL;

	write_file("spare_min = 3\n", 14, path);
	cr_assert_eq(conf_load(&conf, path, &text, message), CONF_OK, "%s", message);
	cr_expect_eq(conf->spare_min, 3);
	cr_expect_str_eq(conf->file, path);
	cr_expect_str_eq(text, "spare_min = 3\n");
	free(text);
	conf_free(&conf);
}

Test(conf_files, a_nul_byte_is_refused_wherever_it_is)
{
	char message[CONF_MESSAGE_BYTES];
	char path[128];
	struct conf *conf = NULL;
	char *text = NULL;

	write_file("spare_min = 3\n\0spare_min = 9\n", 29, path);
	cr_expect_eq(conf_load(&conf, path, &text, message), CONF_INVALID);
	cr_expect_not_null(strstr(message, ":2: a NUL byte"), "%s", message);
	cr_expect_null(conf);
	cr_expect_null(text);
}

Test(conf_files, what_cannot_be_read_is_said_so)
{
	char message[CONF_MESSAGE_BYTES];
	struct conf *conf = NULL;
	char path[128];
	char *large = calloc(1, CONF_FILE_MAX_BYTES + 1);

	snprintf(path, sizeof(path), "%s/nothing", directory);
	cr_expect_eq(conf_load(&conf, path, NULL, message), CONF_NOT_FOUND);
	cr_expect_not_null(
	    strstr(message, "/nothing: cannot be read: No such file"), "%s", message);
	cr_expect_eq(conf_load(&conf, directory, NULL, message), CONF_IO);
	cr_assert_not_null(large);
	memset(large, '\n', CONF_FILE_MAX_BYTES + 1);
	write_file(large, CONF_FILE_MAX_BYTES + 1, path);
	cr_expect_eq(conf_load(&conf, path, NULL, message), CONF_INVALID);
	cr_expect_not_null(strstr(message, "too large"), "%s", message);
	free(large);
}
