#include <criterion/criterion.h>
#include <pwd.h>
#include <string.h>

#include "conf/conf.h"

/* A configuration as a whole: message NULL when it is fine. */
struct check {
	const char *text;
	const char *message;
};

static void check_all(const struct check *checks, size_t count, bool as_root)
{
	for (size_t i = 0; i < count; i++) {
		char message[CONF_MESSAGE_BYTES] = "";
		struct conf *conf = NULL;
		enum conf_status status;

		cr_assert_eq(conf_parse(&conf, "/d/t.conf", checks[i].text, message), CONF_OK,
		    "%s: %s", checks[i].text, message);
		status = conf_check(conf, as_root, message);
		if (checks[i].message == NULL) {
			cr_expect_eq(status, CONF_OK, "%s: %s", checks[i].text, message);
		} else {
			cr_expect_eq(status, CONF_INVALID, "%s", checks[i].text);
			cr_expect_eq(strncmp(message, "/d/t.conf: ", 11), 0, "%s", message);
			cr_expect_not_null(strstr(message, checks[i].message), "%s", message);
			cr_expect_not_null(strstr(message, "; allowed: "), "%s", message);
		}
		conf_free(&conf);
	}
}

#define CHECK_ALL(checks, as_root) check_all(checks, sizeof(checks) / sizeof((checks)[0]), as_root)

Test(conf_check, what_does_not_fit_together_is_refused)
{
	static const struct check checks[] = {
		{ "", NULL },
		{ "spare_min = 5 spare_max = 5", NULL },
		{ "spare_min = 5 spare_max = 4", "spare_min = 5: it is above spare_max = 4" },
		{ "spare_min = 65", "spare_min = 65: it is above spare_max = 64" },
		{ "listener a { address = \"*:50500\" }", "port 50500 is one of passive_ports" },
		{ "listener a { address = \"*:0\" } listener b { address = \"*:0\" }", NULL },
		{ "listener a { address = \"*:21\" } listener b { address = \"[::]:21\" }",
		    "listener \"b\": another one has the same address and port" },
		{ "listener a { address = \"127.0.0.1:21\" } listener b { address = \"[::1]:21\" }",
		    NULL },
		{ "users_dir = /dev/null", "users_dir = \"/dev/null\": it is not a directory" },
		{ "users_dir = /nonexistent/users.d", NULL },
		{ "clerk_user = no-such-account", NULL },
	};

	CHECK_ALL(checks, false);
}

Test(conf_check, a_public_address_is_one_that_clients_can_use)
{
	static const struct check checks[] = {
		{ "ftp { public_address = \"\" }", NULL },
		{ "ftp { public_address = 192.0.2.1 }", NULL },
		{ "ftp { public_address = ftp.example.org }", NULL },
		{ "ftp { public_address = localhost }", NULL },
		{ "ftp { public_address = 0.0.0.0 }", "public_address = \"0.0.0.0\": " },
		{ "ftp { public_address = \"2001:db8::1\" }", "public_address = " },
		{ "ftp { public_address = \"::\" }", "public_address = " },
		{ "ftp { public_address = 192.0.2 }", "public_address = " },
		{ "ftp { public_address = 192.0.2.256 }", "public_address = " },
		{ "ftp { public_address = \"192.0.2.1:21\" }", "public_address = " },
		{ "ftp { public_address = a..b }", "public_address = " },
		{ "ftp { public_address = \".\" }", "public_address = " },
		{ "ftp { public_address = \"-a.b\" }", "public_address = " },
		{ "ftp { public_address = \"a_b\" }", "public_address = " },
		{ "ftp { public_address = \"a b\" }", "public_address = " },
	};

	CHECK_ALL(checks, false);
}

#define ACCOUNTS "clerk_user = 64801 front_user = 64802 "

Test(conf_check, as_root_every_account_exists_and_is_not_root)
{
	static const struct check checks[] = {
		{ ACCOUNTS "defaults { files_user = 64803 }", NULL },
		{ ACCOUNTS "defaults { files_user = 64803 files_group = 64804 }", NULL },
		{ "clerk_user = no-such-account",
		    "clerk_user = \"no-such-account\": there is no such account" },
		{ "clerk_user = 64801 front_user = no-such-account",
		    "front_user = \"no-such-account\": there is no such account" },
		{ ACCOUNTS "defaults { files_user = no-such-account }",
		    "files_user = \"no-such-account\": there is no such account" },
		{ ACCOUNTS "defaults { files_user = 64803 files_group = no-such-group }",
		    "files_group = \"no-such-group\": there is no such group" },
		{ ACCOUNTS
		    "defaults { files_user = 64803 } anonymous { files_user = no-such-account }",
		    "files_user = \"no-such-account\": there is no such account" },
		{ "clerk_user = 64802 front_user = 64802 defaults { files_user = 64803 }",
		    "front_user = \"64802\": it is clerk_user or files_user as well" },
		{ ACCOUNTS "defaults { files_user = 64802 }",
		    "front_user = \"64802\": it is clerk_user or files_user as well" },
	};

	CHECK_ALL(checks, true);
}

Test(conf_check, an_account_is_a_number_first_and_then_a_name)
{
	struct passwd *nobody = getpwnam("nobody");
	uint32_t uid = 1, gid = 1;

	cr_expect(conf_account_resolve("64801", "", &uid, &gid));
	cr_expect(uid == 64801 && gid == 64801, "a number's group is the same number");
	cr_expect(conf_account_resolve("64801", "64802", &uid, &gid));
	cr_expect(uid == 64801 && gid == 64802);
	cr_expect(conf_account_resolve("root", "", &uid, &gid));
	cr_expect(uid == 0 && gid == 0);
	cr_expect(conf_account_resolve("64801", "root", &uid, &gid));
	cr_expect(uid == 64801 && gid == 0);
	cr_expect_not(conf_account_resolve("4294967295", "", &uid, &gid));
	cr_expect_not(conf_account_resolve("64801x", "", &uid, &gid));
	cr_expect_not(conf_account_resolve("", "", &uid, &gid));
	cr_expect_not(conf_account_resolve("64801", "4294967295", &uid, &gid));
	if (nobody == NULL)
		cr_skip_test("there is no account nobody");
	cr_expect(conf_account_resolve("nobody", "", &uid, &gid));
	cr_expect(uid == nobody->pw_uid && gid == nobody->pw_gid);
}
