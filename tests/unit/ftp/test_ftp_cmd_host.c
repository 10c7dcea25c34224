/* HOST, LANG, CLNT, CSID. */
#include <criterion/criterion.h>
#include <string.h>

#include "fake_guard.h"
#include "server/ftp/ftp_limits.h"

static struct fake_guard fake;
static char reply[8192];

static void setup(void)
{
	fake_init(&fake);
}

TestSuite(ftp_cmd_host, .init = setup, .timeout = 60);

#define COMMAND(...) fake_command(&fake, reply, sizeof(reply), __VA_ARGS__)

struct step {
	const char *line;
	unsigned code;
};

static void run_steps(const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(
		    COMMAND("%s", steps[i].line), steps[i].code, "%s -> %s", steps[i].line, reply);
}

#define RUN(steps) run_steps((steps), sizeof(steps) / sizeof((steps)[0]))

Test(ftp_cmd_host, any_host_is_known_when_none_is_configured_but_only_before_user)
{
	static const struct step steps[] = {
		{ "HOST", 501 },
		{ "HOST ftp.example.com", 220 },
		{ "HOST [2001:db8::1]", 220 },
		{ "HOST 192.0.2.1", 220 },
		{ "HOST ftp.example.com:21", 501 },
		{ "HOST a b", 501 },
		{ "USER alice", 331 },
		{ "HOST ftp.example.com", 503 },
		{ "PASS x", 230 },
		{ "HOST ftp.example.com", 503 },
	};

	fake_start(&fake);
	RUN(steps);
	fake_end(&fake);
}

Test(ftp_cmd_host, a_failed_login_makes_room_for_host_again)
{
	static const struct step steps[] = {
		{ "USER alice", 331 },
		{ "PASS x", 530 },
		{ "HOST ftp.example.com", 220 },
	};

	fake.login_result = GUARD_LOGIN_FAILED;
	fake_start(&fake);
	RUN(steps);
	fake_end(&fake);
}

Test(ftp_cmd_host, only_configured_hosts_are_known_when_there_are_any)
{
	static char name[] = "ftp.example.com";
	static char address[] = "[2001:db8::1]";
	static char *items[] = { name, address };
	static const struct step steps[] = {
		{ "HOST FTP.Example.COM", 220 },
		{ "HOST [2001:DB8::1]", 220 },
		{ "HOST example.com", 504 },
		{ "HOST 192.0.2.1", 504 },
		{ "HOST -", 501 },
	};

	fake.conf.ftp.host_names = (struct conf_list){ items, 2 };
	fake_start(&fake);
	RUN(steps);
	fake_end(&fake);
}

Test(ftp_cmd_host, replies_are_in_english)
{
	static const struct step steps[] = {
		{ "LANG", 200 },
		{ "LANG EN", 200 },
		{ "LANG en-GB", 200 },
		{ "LANG fr", 504 },
		{ "LANG eng", 504 },
		{ "LANG 12", 501 },
		{ "LANG en us", 501 },
	};

	fake_start(&fake);
	RUN(steps);
	fake_end(&fake);
}

Test(ftp_cmd_host, csid_tells_the_version_to_users_only)
{
	fake_start(&fake);
	cr_assert_eq(COMMAND("CSID"), 501);
	cr_assert_eq(COMMAND("CSID x"), 501);
	cr_assert_eq(COMMAND("CSID Name=X;Version=1;"), 200);
	cr_assert_str_eq(reply, "200 Name=transom; CaseSensitive=1; DirSep=/;\r\n");
	cr_assert_eq(COMMAND("USER alice"), 331);
	cr_assert_eq(COMMAND("PASS x"), 230);
	cr_assert_eq(COMMAND("CSID Name=X;Version=1;"), 200);
	cr_assert_not_null(strstr(reply, "Name=transom; Version=" TRANSOM_VERSION "; "));
	fake_end(&fake);
}

Test(ftp_cmd_host, a_client_that_never_stops_naming_itself_is_not_passed_on)
{
	fake_start(&fake);
	for (int i = 0; i < 150; i++)
		cr_assert_eq(COMMAND(i % 2 == 0 ? "CLNT x" : "CSID Name=x;"), 200);
	cr_assert_eq(fake.calls[GUARD_MESSAGE_client_name], FTP_CLIENT_NAMES_MAX);
	fake_end(&fake);
}
