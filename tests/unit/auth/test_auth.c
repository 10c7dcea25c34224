#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/auth.h"
#include "auth/auth_backends.h"
#include "server/base/io.h"

#define BCRYPT_UXU          "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW" /* of U*U */
#define TEXT_WITH_ANONYMOUS "anonymous { root = \"/srv/public\" }\n"

static char directory[64];
static struct auth_sources sources;
static struct conf *conf;

static void configure(const char *text)
{
	char message[CONF_MESSAGE_BYTES] = "";

	conf_free(&conf);
	cr_assert_eq(conf_parse(&conf, "/etc/test.conf", text, message), CONF_OK, "%s", message);
	sources.conf = conf;
}

static void write_user(const char *name, const char *text)
{
	char file[CONF_USER_NAME_MAX + 8];

	snprintf(file, sizeof(file), "%s.conf", name);
	cr_assert(io_replace_file(sources.users_dir_fd, file, text, strlen(text), 0600));
}

static void enter(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%s/transom-auth-XXXXXX",
	    base != NULL && strlen(base) < 40 ? base : "/tmp");
	cr_assert_not_null(mkdtemp(directory));
	sources.users_dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	configure("");
	write_user("alice", "password = \"" BCRYPT_UXU "\"\n");
	write_user("off", "password = \"" BCRYPT_UXU "\"\nenabled = no\n");
	write_user("locked", "password = \"!" BCRYPT_UXU "\"\n");
	write_user("empty", "");
	write_user("broken", "password = \"" BCRYPT_UXU "\"\nno_such_option = 1\n");
}

static void leave(void)
{
	static const char *const names[] = { "alice", "off", "locked", "empty", "broken",
		"anonymous", "ftp" };
	char file[CONF_USER_NAME_MAX + 8];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(file, sizeof(file), "%s.conf", names[i]);
		unlinkat(sources.users_dir_fd, file, 0);
	}
	io_close(&sources.users_dir_fd);
	rmdir(directory);
	conf_free(&conf);
}

TestSuite(auth, .init = enter, .fini = leave, .timeout = 60);

/* Log in and check all of the result that must agree with the failure. */
static void login(const char *name, const char *text, struct auth_result *result)
{
	struct secret *password = secret_new(text, strlen(text));

	auth_password(&sources, name, password, result);
	secret_free(&password);
	cr_assert_eq(result->user != NULL, result->failure == AUTH_FAILURE_NONE, "%s", name);
	cr_assert_not_null(result->backend);
	if (result->failure != AUTH_FAILURE_NONE)
		cr_assert_not(result->anonymous);
	if (result->failure != AUTH_FAILURE_BACKEND)
		cr_assert_str_eq(result->detail, "", "%s", name);
}

Test(auth, judges_each_name_and_password)
{
	static const struct {
		const char *name, *password;
		enum auth_failure failure;
		const char *backend;
	} rows[] = {
		{ "alice", "U*U", AUTH_FAILURE_NONE, "file" },
		{ "alice", "U*V", AUTH_FAILURE_BAD_PASSWORD, "file" },
		{ "alice", "", AUTH_FAILURE_BAD_PASSWORD, "file" },
		{ "Alice", "U*U", AUTH_FAILURE_UNKNOWN_USER, "" },
		{ "bob", "U*U", AUTH_FAILURE_UNKNOWN_USER, "" },
		{ "off", "U*U", AUTH_FAILURE_DISABLED, "file" },
		{ "off", "wrong", AUTH_FAILURE_DISABLED, "file" },
		{ "locked", "U*U", AUTH_FAILURE_LOCKED, "file" },
		{ "empty", "", AUTH_FAILURE_LOCKED, "file" },
		{ "broken", "U*U", AUTH_FAILURE_BACKEND, "file" },
		{ "", "U*U", AUTH_FAILURE_BAD_NAME, "" },
		{ "../alice", "U*U", AUTH_FAILURE_BAD_NAME, "" },
		{ ".alice", "U*U", AUTH_FAILURE_BAD_NAME, "" },
		{ "alice/", "U*U", AUTH_FAILURE_BAD_NAME, "" },
		{ "al ice", "U*U", AUTH_FAILURE_BAD_NAME, "" },
		{ "\303\274ser", "U*U", AUTH_FAILURE_BAD_NAME, "" },
		{ "anonymous", "guest@", AUTH_FAILURE_UNKNOWN_USER, "" },
		{ "ftp", "guest@", AUTH_FAILURE_UNKNOWN_USER, "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct auth_result result;

		login(rows[i].name, rows[i].password, &result);
		cr_assert_eq(result.failure, rows[i].failure, "'%s' '%s': %s", rows[i].name,
		    rows[i].password, auth_failure_text(result.failure));
		cr_assert_str_eq(result.backend, rows[i].backend, "'%s'", rows[i].name);
		conf_user_free(&result.user);
	}
}

Test(auth, a_good_login_gives_the_users_settings)
{
	struct auth_result result;

	login("alice", "U*U", &result);
	cr_assert_str_eq(result.user->name, "alice");
	cr_assert_not(result.anonymous);
	cr_assert_not_null(strstr(result.user->root, "alice"));
	conf_user_free(&result.user);
}

Test(auth, a_broken_user_file_is_told_to_the_administrator)
{
	struct auth_result result;

	login("broken", "U*U", &result);
	cr_assert_not_null(strstr(result.detail, "broken.conf"), "'%s'", result.detail);
	cr_assert_not_null(strstr(result.detail, "no_such_option"), "'%s'", result.detail);
}

Test(auth, a_password_that_is_no_secret_is_too_long)
{
	struct auth_result result;

	auth_password(&sources, "alice", NULL, &result);
	cr_assert_eq(result.failure, AUTH_FAILURE_TOO_LONG);
	cr_assert_null(result.user);
}

Test(auth, anonymous_logs_in_under_both_names_with_any_password)
{
	static const char *const names[] = { "anonymous", "ftp", "ANONYMOUS", "Ftp" };

	configure(TEXT_WITH_ANONYMOUS);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct auth_result result;

		login(names[i], i % 2 == 0 ? "" : "mozilla@example.com", &result);
		cr_assert_eq(result.failure, AUTH_FAILURE_NONE, "%s", names[i]);
		cr_assert(result.anonymous);
		cr_assert_str_eq(result.backend, "anonymous");
		cr_assert_str_eq(result.user->name, "anonymous");
		cr_assert_str_eq(result.user->root, "/srv/public");
		cr_assert_eq(result.user->access & ~(unsigned)(RIGHT_list | RIGHT_read), 0);
		conf_user_free(&result.user);
	}
}

Test(auth, anonymous_needs_no_directory_of_users)
{
	struct auth_result result;

	configure(TEXT_WITH_ANONYMOUS);
	sources.users_dir_fd = -1;
	login("anonymous", "x", &result);
	cr_assert_eq(result.failure, AUTH_FAILURE_NONE);
	conf_user_free(&result.user);
	login("alice", "U*U", &result);
	cr_assert_eq(result.failure, AUTH_FAILURE_UNKNOWN_USER);
	sources.users_dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

Test(auth, anonymous_can_be_switched_off)
{
	struct auth_result result;

	configure("anonymous { enabled = no }\n");
	login("anonymous", "x", &result);
	cr_assert_eq(result.failure, AUTH_FAILURE_DISABLED);
	cr_assert_str_eq(result.backend, "anonymous");
}

Test(auth, a_user_file_called_anonymous_wins)
{
	struct auth_result result;

	configure(TEXT_WITH_ANONYMOUS);
	write_user("anonymous", "password = \"" BCRYPT_UXU "\"\n");
	login("anonymous", "x", &result);
	cr_assert_eq(result.failure, AUTH_FAILURE_BAD_PASSWORD);
	login("anonymous", "U*U", &result);
	cr_assert_eq(result.failure, AUTH_FAILURE_NONE);
	cr_assert_not(result.anonymous);
	conf_user_free(&result.user);
	/* A broken file does not fall through to the login without a password. */
	write_user("anonymous", "nonsense\n");
	login("anonymous", "x", &result);
	cr_assert_eq(result.failure, AUTH_FAILURE_BACKEND);
}

Test(auth, every_failure_has_a_text)
{
	for (unsigned i = AUTH_FAILURE_NONE + 1; i < AUTH_FAILURE_COUNT; i++)
		cr_assert_gt(strlen(auth_failure_text((enum auth_failure)i)), 0);
	cr_assert_not_null(auth_failure_text(AUTH_FAILURE_COUNT));
}

Test(auth, every_back_end_has_a_name_of_its_own)
{
	for (size_t i = 0; i < auth_backend_count; i++) {
		cr_assert_not_null(auth_backends[i].find);
		for (size_t k = 0; k < i; k++)
			cr_assert_str_neq(auth_backends[i].name, auth_backends[k].name);
	}
}
