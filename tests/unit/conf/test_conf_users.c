#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf_users.h"

static struct conf *parse(const char *text)
{
	char message[CONF_MESSAGE_BYTES];
	struct conf *conf = NULL;

	cr_assert_eq(conf_parse(&conf, "/d/t.conf", text, message), CONF_OK, "%s", message);
	return conf;
}

static struct conf_user *parse_user(const struct conf *conf, const char *name, const char *text)
{
	char message[CONF_MESSAGE_BYTES];
	struct conf_user *user = NULL;

	cr_assert_eq(conf_user_parse(&user, conf, name, "u", text, strlen(text), message), CONF_OK,
	    "%s", message);
	return user;
}

/* The mount of that title; one without a title when there is none. */
static const struct conf_mount *mount_of(const struct conf_user *user, const char *title)
{
	static const struct conf_mount none;

	for (size_t i = 0; i < user->mount_count; i++)
		if (strcmp(user->mounts[i].title, title) == 0)
			return &user->mounts[i];
	return &none;
}

Test(conf_users, names_are_plain_and_never_hidden)
{
	static const char *const good[] = { "a", "alice", "Alice.B_c-d@example.org", "0", "_", "@",
		"a..", "a@-.", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
	static const char *const bad[] = { "", ".", "..", ".a", "-", "-a", "a/b", "/", "../x",
		"a b", "a\n", "a\\b", "a%u", "a:b", "\xc3\xa9", "a\x01",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		cr_expect(conf_user_name_ok(good[i]), "%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_not(conf_user_name_ok(bad[i]), "%s", bad[i]);
}

Test(conf_users, a_user_has_the_defaults_and_what_its_file_says)
{
	struct conf *conf = parse("users_dir = u.d\n"
	                          "defaults { root = \"/srv/%u\" durable = yes umask = 027\n"
	                          "deny_names = { \"*.exe\" } files_user = 1000 }");
	struct conf_user *user = parse_user(
	    conf, "alice", "umask = 077\npassword = \"$y$x\"\nkeys = { \"k1\", \"k2\" }\n");

	cr_expect_str_eq(user->name, "alice");
	cr_expect_str_eq(user->root, "/srv/alice");
	cr_expect_str_eq(user->password, "$y$x");
	cr_expect_eq(user->keys.count, 2);
	cr_expect(user->durable);
	cr_expect_eq(user->umask, 077);
	cr_expect_str_eq(user->files_user, "1000");
	cr_assert_eq(user->deny_names.count, 1);
	cr_expect_eq(conf->defaults.umask, 027, "defaults are not touched");
	conf_user_free(&user);
	cr_expect_null(user);
	conf_user_free(&user);
	conf_free(&conf);
}

Test(conf_users, percent_u_and_percent_percent_are_replaced_in_root_and_sources)
{
	struct conf *conf = parse("users_dir = u.d\ndefaults { root = \"100%%/%u%u\"\n"
	                          "mount \"/s\" { source = \"/s/%u\" } }");
	struct conf_user *user = parse_user(conf, "bob", "mount \"/t%u\" { source = \"%u.d\" }");

	cr_expect_str_eq(user->root, "/d/100%/bobbob");
	cr_expect_str_eq(mount_of(user, "/s")->source, "/s/bob");
	cr_assert_not_null(mount_of(user, "/t%u")->title, "a title is taken as it is");
	cr_expect_str_eq(mount_of(user, "/t%u")->source, "/d/u.d/bob.d");
	conf_user_free(&user);
	conf_free(&conf);
}

Test(conf_users, a_mount_inherits_what_it_does_not_set_wherever_that_stands)
{
	struct conf *conf =
	    parse("defaults { mount \"/a\" { source = /a umask = 0 } umask = 027 durable = yes\n"
	          "access = read-only deny_names = { x } }");
	const struct conf_mount *mount = mount_of(&conf->defaults, "/a");
	struct conf_user *user;

	cr_assert_not_null(mount->title);
	cr_expect_eq(mount->umask, 0);
	cr_expect(mount->durable);
	cr_expect_eq(mount->access, RIGHT_list | RIGHT_read);
	cr_expect_eq(mount->deny_names.count, 1);

	user = parse_user(conf, "u", "mount \"/b\" { source = /b } access = inbox deny_names = {}");
	cr_expect_eq(mount_of(user, "/b")->access, user->access);
	cr_expect_eq(mount_of(user, "/b")->umask, 027);
	cr_expect_eq(mount_of(user, "/b")->deny_names.count, 0);
	cr_expect_eq(mount_of(user, "/a")->access, RIGHT_list | RIGHT_read,
	    "a mount of defaults stays as it is there");
	conf_user_free(&user);
	conf_free(&conf);
}

Test(conf_users, a_users_mount_replaces_that_of_defaults_as_a_whole)
{
	struct conf *conf =
	    parse("defaults { mount \"/a\" { source = /a access = inbox durable = yes }\n"
	          "mount \"/b\" { source = /b } }");
	struct conf_user *user = parse_user(conf, "u", "mount \"/a\" { source = /mine }");

	cr_expect_eq(user->mount_count, 2);
	cr_expect_str_eq(mount_of(user, "/a")->source, "/mine");
	cr_expect_eq(mount_of(user, "/a")->access, CONF_RIGHTS_FULL);
	cr_expect_not(mount_of(user, "/a")->durable);
	cr_expect_str_eq(mount_of(user, "/b")->source, "/b");
	cr_expect_str_eq(mount_of(&conf->defaults, "/a")->source, "/a");
	conf_user_free(&user);
	conf_free(&conf);
}

Test(conf_users, a_user_has_as_many_mounts_as_allowed_and_no_more)
{
	struct conf *conf = parse("defaults { mount \"/d\" { source = /d } }");
	char message[CONF_MESSAGE_BYTES];
	struct conf_user *user = NULL;
	char text[CONF_MOUNTS_MAX * 40] = "";
	size_t used = 0;

	/* "/", "/d" and these. */
	for (int i = 0; i < CONF_MOUNTS_MAX - 2; i++)
		used += (size_t)snprintf(
		    text + used, sizeof(text) - used, "mount \"/m%d\" { source = /m }\n", i);
	cr_assert_eq(
	    conf_user_parse(&user, conf, "u", "u", text, used, message), CONF_OK, "%s", message);
	cr_expect_eq(user->mount_count + 1, CONF_MOUNTS_MAX);
	conf_user_free(&user);
	used +=
	    (size_t)snprintf(text + used, sizeof(text) - used, "mount \"/x\" { source = /m }\n");
	cr_expect_eq(conf_user_parse(&user, conf, "u", "u", text, used, message), CONF_INVALID);
	cr_expect_not_null(strstr(message, "u:63: too many mounts; allowed: 64"), "%s", message);
	conf_free(&conf);
}

Test(conf_users, a_users_file_takes_nothing_of_the_main_file)
{
	static const struct {
		const char *text;
		const char *message;
	} wrong[] = {
		{ "spare_min = 1", "u:1: unknown option \"spare_min\" outside any section; "
		                   "allowed: password, keys, " },
		{ "\ndefaults { }",
		    "u:2: unknown section \"defaults\" outside any section; allowed: password, " },
		{ "source = /x", "u:1: unknown option \"source\" outside any section; allowed: " },
		{ "name = x", "u:1: unknown option \"name\" outside any section; allowed: " },
		{ "mount \"/a\" { password = x source = /x }",
		    "u:1: unknown option \"password\" in mount; allowed: source, access, " },
		{ "enabled = maybe",
		    "u:1: enabled = \"maybe\": it is neither yes nor no; allowed: yes, no" },
	};
	struct conf *conf = parse("");

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char message[CONF_MESSAGE_BYTES] = "";
		struct conf_user *user = NULL;

		cr_expect_eq(conf_user_parse(&user, conf, "u", "u", wrong[i].text,
		                 strlen(wrong[i].text), message),
		    CONF_INVALID);
		cr_expect_null(user);
		cr_expect_eq(
		    strncmp(message, wrong[i].message, strlen(wrong[i].message)), 0, "%s", message);
	}
	conf_free(&conf);
}

Test(conf_users, a_root_that_gets_too_long_is_refused)
{
	char message[CONF_MESSAGE_BYTES];
	char text[CONF_PATH_BYTES + 64];
	struct conf_user *user = NULL;
	struct conf *conf = parse("");
	size_t used = (size_t)snprintf(text, sizeof(text), "root = \"/");

	memset(text + used, 'r', CONF_PATH_BYTES - 10);
	snprintf(text + used + CONF_PATH_BYTES - 10, 16, "%%u\"");
	cr_expect_eq(
	    conf_user_parse(&user, conf, "abcdefghijklmnop", "u", text, strlen(text), message),
	    CONF_INVALID);
	cr_expect_not_null(strstr(message, "too long with %u replaced"), "%s", message);
	cr_expect_eq(
	    conf_user_parse(&user, conf, "abc", "u", text, strlen(text), message), CONF_OK);
	conf_user_free(&user);
	conf_free(&conf);
}

Test(conf_users, a_wrong_factor_or_certificate_is_told_with_its_line)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ "\nrequire = { \"password\", \"pubkey\" }",
		    "u:2: require = \"pubkey\": it is not one of the words; allowed: each of these at most "
		    "once, in braces: password, publickey, certificate" },
		{ "certificates = { \"CN:a\", \"b\" }",
		    "u:1: certificates = \"b\": it does not name a certificate; allowed: at most 64" },
	};
	char message[CONF_MESSAGE_BYTES];
	struct conf *conf = parse("");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf_user *user = NULL;

		cr_expect_eq(conf_user_parse(&user, conf, "alice", "u", rows[i].text,
		                 strlen(rows[i].text), message),
		    CONF_INVALID);
		cr_expect_eq(strncmp(message, rows[i].message, strlen(rows[i].message)), 0, "%s",
		    message);
	}
	conf_free(&conf);
}

Test(conf_users, authorized_keys_may_hold_the_users_name)
{
	struct conf *conf = parse("defaults { authorized_keys = \"/etc/keys/%u%%\" }");
	char message[CONF_MESSAGE_BYTES];
	struct conf_user *user = NULL;

	cr_assert_eq(conf_user_parse(&user, conf, "alice", "u", "", 0, message), CONF_OK);
	cr_expect_str_eq(user->authorized_keys, "/etc/keys/alice%");
	conf_user_free(&user);
	conf_free(&conf);
}

Test(conf_users, nothing_that_proves_a_user_is_taken_over_by_anonymous)
{
	struct conf *conf = parse("anonymous { }\n"
	                          "defaults { authorized_keys = \"/k/%u\" certificates = { \"CN:a\" }\n"
	                          "require = { password, publickey } }");
	struct conf_user *user = NULL;

	cr_assert_eq(conf_user_anonymous(&user, conf, "anonymous"), CONF_OK);
	cr_expect_str_empty(user->authorized_keys);
	cr_expect_eq(user->certificates.count, 0);
	cr_expect_eq(user->require.count, 0);
	conf_user_free(&user);
	conf_free(&conf);
}

/* --- anonymous ---------------------------------------------------------------------------------
 */

Test(conf_users, anonymous_takes_over_the_defaults_but_for_password_keys_and_access)
{
	struct conf *conf =
	    parse("anonymous { }\n"
	          "defaults { root = \"/srv/%u\" password = \"$y$x\" keys = { k } durable = yes\n"
	          " mount \"/pub\" { source = \"/pub/%u\" }\n"
	          " mount \"/in\" { source = \"/in\" access = inbox } }");
	struct conf_user *user = NULL;

	cr_assert(conf->has_anonymous);
	cr_assert_eq(conf_user_anonymous(&user, conf, "ftp"), CONF_OK);
	cr_expect_str_eq(user->name, "ftp");
	cr_expect_str_eq(user->root, "/srv/ftp");
	cr_expect_str_eq(user->password, "");
	cr_expect_eq(user->keys.count, 0);
	cr_expect(user->durable);
	cr_expect_eq(user->access, RIGHT_list | RIGHT_read);
	cr_expect_eq(mount_of(user, "/pub")->access, RIGHT_list | RIGHT_read,
	    "a mount of defaults does not let anonymous write");
	cr_expect_str_eq(mount_of(user, "/pub")->source, "/pub/ftp");
	cr_expect_eq(mount_of(user, "/in")->access, RIGHT_own,
	    "an inbox of defaults does not let anonymous read what others sent");
	conf_user_free(&user);
	cr_expect_str_eq(conf->anonymous.root, "/srv/%u");
	conf_free(&conf);
}

Test(conf_users, anonymous_gets_more_only_in_its_own_section)
{
	struct conf *conf =
	    parse("defaults { }\nanonymous { access = inbox keys = { k }\n"
	          "mount \"/x\" { source = /x } mount \"/y\" { source = /y access = full } }");

	cr_expect_eq(conf->anonymous.access, RIGHT_own | RIGHT_upload | RIGHT_resume | RIGHT_times);
	cr_expect_eq(mount_of(&conf->anonymous, "/x")->access, conf->anonymous.access);
	cr_expect_eq(mount_of(&conf->anonymous, "/y")->access, CONF_RIGHTS_FULL);
	cr_expect_eq(conf->anonymous.keys.count, 1);
	conf_free(&conf);
}

Test(conf_users, there_is_no_anonymous_unless_configured)
{
	struct conf *conf = parse("");
	struct conf_user *user = NULL;

	cr_expect_eq(conf_user_anonymous(&user, conf, "ftp"), CONF_NOT_FOUND);
	cr_expect_null(user);
	conf_free(&conf);
	conf = parse("anonymous { }");
	cr_expect_eq(conf_user_anonymous(&user, conf, "../x"), CONF_BAD_NAME);
	cr_expect_null(user);
	conf_free(&conf);
}

/* --- files -------------------------------------------------------------------------------------
 */

static char directory[64];
static int directory_fd = -1;

static void make_directory(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%.40s/users-XXXXXX", base == NULL ? "/tmp" : base);
	cr_assert_not_null(mkdtemp(directory));
	directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(directory_fd, 0);
}

static void remove_directory(void)
{
	unlinkat(directory_fd, "alice.conf", 0);
	close(directory_fd);
	rmdir(directory);
}

static void write_alice(const void *bytes, size_t n)
{
	int fd = openat(directory_fd, "alice.conf", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, bytes, n), (ssize_t)n);
	close(fd);
}

TestSuite(conf_user_files, .init = make_directory, .fini = remove_directory);

Test(conf_user_files, a_user_is_loaded_by_name)
{
	struct conf *conf = parse("users_dir = \"/named/in/messages\"");
	char message[CONF_MESSAGE_BYTES];
	struct conf_user *user = NULL;

	write_alice("umask = 0\n", 10);
	cr_assert_eq(
	    conf_user_load(&user, conf, directory_fd, "alice", message), CONF_OK, "%s", message);
	cr_expect_str_eq(user->name, "alice");
	conf_user_free(&user);
	cr_expect_eq(conf_user_load(&user, conf, directory_fd, "bob", message), CONF_NOT_FOUND);
	cr_expect_null(user);
	write_alice("\numask = 9\n", 11);
	cr_expect_eq(conf_user_load(&user, conf, directory_fd, "alice", message), CONF_INVALID);
	cr_expect_eq(strncmp(message, "/named/in/messages/alice.conf:2: umask = \"9\"", 44), 0,
	    "%s", message);
	write_alice("\n\0", 2);
	cr_expect_eq(conf_user_load(&user, conf, directory_fd, "alice", message), CONF_INVALID);
	conf_free(&conf);
}

Test(conf_user_files, a_name_that_is_none_is_never_looked_for)
{
	static const char *const names[] = { "", ".", "..", "../alice", "alice/../alice", "-alice",
		"alice\n" };
	struct conf *conf = parse("");

	write_alice("", 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char message[CONF_MESSAGE_BYTES];
		struct conf_user *user = NULL;

		cr_expect_eq(conf_user_load(&user, conf, directory_fd, names[i], message),
		    CONF_BAD_NAME, "%s", names[i]);
		cr_expect_null(user);
	}
	conf_free(&conf);
}

Test(conf_user_files, a_file_that_is_too_large_or_none_is_refused)
{
	char *large = calloc(1, CONF_USER_FILE_MAX_BYTES + 1);
	struct conf *conf = parse("");
	char message[CONF_MESSAGE_BYTES];
	struct conf_user *user = NULL;

	cr_assert_not_null(large);
	memset(large, '\n', CONF_USER_FILE_MAX_BYTES + 1);
	write_alice(large, CONF_USER_FILE_MAX_BYTES + 1);
	cr_expect_eq(conf_user_load(&user, conf, directory_fd, "alice", message), CONF_INVALID);
	cr_expect_not_null(strstr(message, "too large"), "%s", message);
	write_alice(large, CONF_USER_FILE_MAX_BYTES);
	cr_expect_eq(conf_user_load(&user, conf, directory_fd, "alice", message), CONF_OK);
	conf_user_free(&user);
	cr_assert_eq(unlinkat(directory_fd, "alice.conf", 0), 0);
	cr_assert_eq(mkdirat(directory_fd, "alice.conf", 0700), 0);
	cr_expect_eq(conf_user_load(&user, conf, directory_fd, "alice", message), CONF_IO);
	cr_assert_eq(unlinkat(directory_fd, "alice.conf", AT_REMOVEDIR), 0);
	free(large);
	conf_free(&conf);
}
