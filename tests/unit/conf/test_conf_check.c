#include <criterion/criterion.h>
#include <pwd.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "server/base/os_linux.h"

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
		{ "ssh { software_version = \"transom_0.1 of-example.net\" }", NULL },
		{ "ssh { software_version = \"\" }", "software_version = \"\" is none" },
		{ "ssh { software_version = \" x\" }", "software_version = \" x\" is none" },
		{ "ssh { software_version = \"Open-SSH\" }", "software_version = \"Open-SSH\" is none" },
		{ "ssh { software_version = \"\xc3\xbc\" }", "is none that SSH has room for" },
	};

	CHECK_ALL(checks, false);
}

Test(conf_check, a_certificate_and_its_key_go_together)
{
	static const struct check checks[] = {
		{ "tls { certificate = c key = k }", NULL },
		{ "tls { certificate = c }", "tls: certificate = \"/d/c\" has no key beside it" },
		{ "tls { key = k }", "tls: key = \"/d/k\" has no certificate beside it" },
		{ "tls_host a { certificate = c key = k } tls_host b { certificate = c }",
		    "tls_host: certificate = \"/d/c\" has no key beside it" },
	};

	CHECK_ALL(checks, false);
}

Test(conf_check, a_keeper_is_needed_where_a_private_key_is)
{
	static const struct {
		const char *text;
		bool needed;
	} rows[] = {
		{ "", false },
		{ "listener a { protocol = ftp }", false },
		{ "listener a { protocol = ftp } listener b { protocol = sftp }", true },
		{ "tls { certificate = c key = k }", true },
		{ "tls_host a { certificate = c key = k }", true },
	};
	char message[CONF_MESSAGE_BYTES];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf *conf = NULL;

		cr_assert_eq(conf_parse(&conf, "/t.conf", rows[i].text, message), CONF_OK, "%s", message);
		cr_expect_eq(conf_needs_keeper(conf), rows[i].needed, "row %zu", i);
		conf_free(&conf);
	}
}

Test(conf_check, tls_that_is_needed_has_a_certificate)
{
	static const struct check checks[] = {
		{ "listener a { protocol = ftps address = \"*:990\" }",
		    "listener \"a\": protocol = \"ftps\" needs a certificate" },
		{ "listener a { require_tls = data address = \"*:21\" }",
		    "listener \"a\": require_tls needs a certificate" },
		{ "listener a { protocol = ftps address = \"*:990\" } tls { certificate = c key = k }",
		    NULL },
		{ "listener a { protocol = ftps address = \"*:990\" } tls_host x { certificate = c key = k }",
		    NULL },
	};

	CHECK_ALL(checks, false);
}

Test(conf_check, the_port_of_active_mode_is_nobody_elses)
{
	static const struct check checks[] = {
		{ "ftp { active_source_port = 2020 }", NULL },
		{ "ftp { active_source_port = 50500 }",
		    "active_source_port = 50500: it is one of passive_ports" },
		{ "ftp { active_source_port = 50500 passive_ports = 0 }", NULL },
		{ "ftp { active_source_port = 50500 active = no }", NULL },
		{ "ftp { active_source_port = 2021 } listener a { address = \"*:2021\" }",
		    "active_source_port = 2021: a listener has that port" },
	};

	CHECK_ALL(checks, false);
}

/* What becomes of port 20 for a process without any capability. */
static int check_port_20(void)
{
	char message[CONF_MESSAGE_BYTES] = "";
	struct conf *conf = NULL;
	enum conf_status status;
	bool may;

	if (!os_capabilities_set(0) ||
	    conf_parse(&conf, "/t.conf", "ftp { active_source_port = 20 }", message) != CONF_OK)
		return 1;
	may = os_may_bind_port(20);
	status = conf_check(conf, false, message);
	conf_free(&conf);
	if (may)
		return status == CONF_OK ? 0 : 2;
	return status == CONF_INVALID && strstr(message, "active_source_port = 20: ") != NULL &&
	               strstr(message, "; allowed: 0, 1024 or above, or a start with") != NULL
	           ? 0
	           : 3;
}

Test(conf_check, a_low_port_of_active_mode_needs_the_capability)
{
	pid_t pid = fork();
	int status = -1;

	cr_assert_geq(pid, 0);
	if (pid == 0)
		_exit(check_port_20());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect_eq(status, 0);
}

#define ACCOUNTS "clerk_user = 64801 front_user = 64802 "
#define SFTP     "listener s { protocol = sftp } "

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
		{ ACCOUNTS "keeper_user = no-such-account defaults { files_user = 64803 }", NULL },
		{ ACCOUNTS SFTP "keeper_user = 64804 defaults { files_user = 64803 }", NULL },
		{ ACCOUNTS SFTP "keeper_user = no-such-account defaults { files_user = 64803 }",
		    "keeper_user = \"no-such-account\": there is no such account" },
		{ ACCOUNTS SFTP "keeper_user = 64801 defaults { files_user = 64803 }",
		    "keeper_user = \"64801\": it is clerk_user, front_user or files_user as well" },
		{ ACCOUNTS SFTP "keeper_user = 64802 defaults { files_user = 64803 }",
		    "keeper_user = \"64802\": it is clerk_user, front_user or files_user as well" },
		{ ACCOUNTS SFTP "keeper_user = 64803 defaults { files_user = 64803 }",
		    "keeper_user = \"64803\": it is clerk_user, front_user or files_user as well" },
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
