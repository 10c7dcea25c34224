/*
 * What the engine answers: logins, parameters, names, hostile lines.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "engine_harness.h"
#include "server/base/secret.h"
#include "server/ftp/ftp_limits.h"

TestSuite(ftp_engine, .init = engine_setup, .timeout = 60);

/* --- login -------------------------------------------------------------------------------------
 */

Test(ftp_engine, a_login_is_user_then_pass_and_nothing_after_it)
{
	static const struct step steps[] = {
		{ "PASS x", 503 },
		{ "USER", 501 },
		{ "USER alice", 331 },
		{ "NOOP", 200 },
		{ "PASS  pass word ", 230 },
		{ "USER bob", 530 },
		{ "PASS x", 530 },
		{ "PWD", 257 },
		{ "ACCT x", 202 },
		{ "SMNT x", 502 },
		{ "AUTH TLS", 502 },
	};

	fake_start(&fake);
	RUN(steps);
	cr_assert_str_eq(fake.user, "alice");
	cr_assert_str_eq(fake.password, " pass word ");
	fake_end(&fake);
}

Test(ftp_engine, a_failed_login_says_the_same_for_every_reason_and_forgets_the_user)
{
	fake.login_result = GUARD_LOGIN_FAILED;
	fake_start(&fake);
	cr_assert_eq(COMMAND("USER alice"), 331);
	cr_assert_eq(COMMAND("PASS x"), 530);
	cr_assert_str_eq(reply, "530 Login incorrect.\r\n");
	cr_assert_eq(COMMAND("PASS x"), 503);
	fake.login_result = GUARD_LOGIN_UNAVAILABLE;
	cr_assert_eq(COMMAND("USER alice"), 331);
	cr_assert_eq(COMMAND("PASS x"), 530);
	fake.login_result = GUARD_LOGIN_TOO_MANY_SESSIONS;
	cr_assert_eq(COMMAND("USER alice"), 331);
	cr_assert_eq(COMMAND("PASS x"), 530);
	fake.login_result = GUARD_LOGIN_TOO_MANY_TRIES;
	cr_assert_eq(COMMAND("USER alice"), 331);
	cr_assert_eq(COMMAND("PASS x"), 421);
	cr_assert_eq(REPLY(), 0);
	fake_join(&fake);
	cr_assert_eq(fake.bye, GUARD_BYE_LOGIN_ATTEMPTS);
}

Test(ftp_engine, a_password_or_user_name_beyond_measure_is_refused_without_the_guard)
{
	static char text[2000];

	memset(text, 'x', sizeof(text) - 1);
	fake_start(&fake);
	cr_assert_eq(COMMAND("USER alice"), 331);
	cr_assert_eq(COMMAND("PASS %s", text), 530);
	cr_assert_eq(COMMAND("USER %s", text), 530);
	cr_assert_eq(COMMAND("USER a\x1b[0m"), 530);
	cr_assert_eq(fake.calls[GUARD_MESSAGE_login], 0);
	fake_end(&fake);
}

/* --- words
 * ---------------------------------------------------------------------------------------- */

Test(ftp_engine, parameters_are_set_or_refused_with_their_own_codes)
{
	static const struct step steps[] = {
		{ "TYPE A", 200 },
		{ "TYPE a n", 200 },
		{ "TYPE I", 200 },
		{ "TYPE L 8", 200 },
		{ "TYPE A T", 504 },
		{ "TYPE E", 504 },
		{ "TYPE L 7", 504 },
		{ "TYPE X", 501 },
		{ "STRU F", 200 },
		{ "STRU R", 504 },
		{ "STRU P", 504 },
		{ "STRU X", 501 },
		{ "MODE S", 200 },
		{ "MODE B", 504 },
		{ "MODE C", 504 },
		{ "MODE Z", 504 },
		{ "MODE X", 501 },
		{ "REST 0", 350 },
		{ "REST 9223372036854775807", 350 },
		{ "REST 9223372036854775808", 501 },
		{ "REST -1", 501 },
		{ "REST +1", 501 },
		{ "REST 1 ", 501 },
		{ "REST 0x1", 501 },
		{ "ALLO 100", 200 },
		{ "ALLO 100 R 10", 200 },
		{ "ALLO 99999999999", 452 },
		{ "ALLO x", 501 },
		{ "ALLO 1 Q 1", 501 },
		{ "OPTS UTF8 ON", 200 },
		{ "OPTS utf8 off", 200 },
		{ "OPTS UTF8", 200 },
		{ "OPTS UTF8 MAYBE", 501 },
		{ "OPTS NONSENSE", 501 },
		{ "CLNT me", 200 },
		{ "SYST", 215 },
		{ "CSID Name=x;", 200 },
		{ "AVBL", 213 },
		{ "AVBL d", 213 },
		{ "SIZE f", 213 },
		{ "TYPE A", 200 },
		{ "SIZE f", 550 },
	};

	fake_login(&fake);
	RUN(steps);
	fake_end(&fake);
}

Test(ftp_engine, site_commands_pass_the_same_gates)
{
	static const struct step steps[] = {
		{ "SITE", 501 },
		{ "SITE HELP", 214 },
		{ "SITE NONSENSE", 500 },
		{ "SITE CHMOD", 501 },
		{ "SITE CHMOD 640", 501 },
		{ "SITE CHMOD 9 f", 501 },
		{ "SITE CHMOD 640 a b", 250 },
		{ "SITE UMASK", 200 },
		{ "SITE UMASK 027", 200 },
		{ "SITE UMASK 7777", 501 },
		{ "SITE IDLE", 200 },
		{ "SITE IDLE 30", 200 },
		{ "SITE IDLE 0", 501 },
		{ "SITE IDLE 999999", 501 },
		{ "SITE UTIME 202611201026 f", 250 },
		{ "SITE UTIME f", 501 },
		{ "SITE UTIME a b 20261120102631 20261120102630 20261120102631 UTC", 250 },
		{ "SITE SYMLINK to name", 250 },
		{ "SITE SYMLINK to", 501 },
		{ "SITE MKDIR d", 257 },
		{ "SITE RMDIR d", 250 },
	};

	fake_login(&fake);
	RUN(steps);
	cr_assert_eq(fake.change.mtime, 1795170390);
	cr_assert_str_eq(fake.to, "to");
	fake_end(&fake);
}

Test(ftp_engine, paths_are_resolved_against_the_working_directory)
{
	fake_login(&fake);
	cr_assert_eq(COMMAND("CWD a/../b\"c"), 250);
	cr_assert_str_eq(fake.path, "/b\"c");
	cr_assert_eq(COMMAND("PWD"), 257);
	cr_assert_str_eq(reply, "257 \"/b\"\"c\" is the current directory.\r\n");
	cr_assert_eq(COMMAND("MKD  x "), 257);
	cr_assert_str_eq(fake.path, "/b\"c/ x ");
	cr_assert_eq(COMMAND("CDUP"), 250);
	cr_assert_str_eq(fake.path, "/");
	cr_assert_eq(COMMAND("DELE ../../etc/passwd"), 250);
	cr_assert_str_eq(fake.path, "/etc/passwd");
	fake.status[GUARD_MESSAGE_chdir] = VFS_NOT_DIR;
	cr_assert_eq(COMMAND("CWD f"), 550);
	cr_assert_eq(COMMAND("PWD"), 257);
	cr_assert_str_eq(reply, "257 \"/\" is the current directory.\r\n");
	fake_end(&fake);
}

Test(ftp_engine, a_rename_is_two_commands_with_nothing_between)
{
	static const struct step steps[] = {
		{ "RNTO b", 503 },
		{ "RNFR a", 350 },
		{ "NOOP", 200 },
		{ "RNTO b", 503 },
		{ "RNFR a", 350 },
		{ "RNFR c", 350 },
		{ "RNTO b", 250 },
		{ "RNTO b", 503 },
		{ "RNFR a", 350 },
		{ "RNTO", 501 },
		{ "RNTO b", 503 },
	};

	fake_login(&fake);
	RUN(steps);
	cr_assert_str_eq(fake.to, "/b");
	cr_assert_eq(fake.calls[GUARD_MESSAGE_rename], 1);
	cr_assert_eq(COMMAND("RNFR a b"), 350);
	cr_assert_eq(COMMAND("RNTO  c"), 250);
	cr_assert_str_eq(fake.path, "/a b");
	cr_assert_str_eq(fake.to, "/ c");
	fake.status[GUARD_MESSAGE_stat] = VFS_NOT_FOUND;
	cr_assert_eq(COMMAND("RNFR a"), 550);
	cr_assert_eq(COMMAND("RNTO b"), 503);
	fake_end(&fake);
}

Test(ftp_engine, times_are_told_and_set_in_utc)
{
	fake.attr.mtime = 1795170391;
	fake_login(&fake);
	cr_assert_eq(COMMAND("MDTM f"), 213);
	cr_assert_str_eq(reply, "213 20261120102631\r\n");
	cr_assert_eq(COMMAND("MFMT 20200101000000 a b"), 213);
	cr_assert_str_eq(reply, "213 Modify=20200101000000; /a b\r\n");
	cr_assert_eq(fake.change.mtime, 1577836800);
	cr_assert_eq(COMMAND("MDTM 20210101000000 f"), 213);
	cr_assert_eq(fake.change.mtime, 1609459200);
	cr_assert_eq(COMMAND("MDTM 20211301000000 f"), 501);
	cr_assert_eq(COMMAND("MFMT f"), 501);
	cr_assert_eq(COMMAND("MFMT 20200101000000"), 501);
	cr_assert_eq(COMMAND("MFF Modify=20200101000000;UNIX.mode=0640; f g"), 213);
	cr_assert_str_eq(reply, "213 Modify=20200101000000;UNIX.mode=0640; /f g\r\n");
	cr_assert_eq(fake.change.fields, VFS_SET_MTIME | VFS_SET_MODE);
	cr_assert_eq(COMMAND("MFF Modify=20200101000000;UNIX.mode=0600 f g"), 213, "without the last ;");
	cr_assert_eq(COMMAND("MFF Create=20200101000000; f"), 504);
	cr_assert_eq(COMMAND("MFF Modify f"), 501);
	cr_assert_eq(COMMAND("MFF  f"), 501);
	cr_assert_eq(COMMAND("MFF UNIX.mode=99; f"), 501);
	fake_end(&fake);
}

Test(ftp_engine, mlst_answers_over_the_control_connection)
{
	fake.attr.size = 5;
	fake_login(&fake);
	cr_assert_eq(COMMAND("OPTS MLST type;size;"), 200);
	cr_assert_eq(COMMAND("MLST x\r\n"), 250);
	cr_assert_str_eq(reply, "250-Listing:\r\n type=file;size=5; /x\r\n250 End.\r\n");
	fake_end(&fake);
}

/* --- hostile lines
 * ----------------------------------------------------------------------------------------- */

Test(ftp_engine, other_protocols_end_the_session_without_a_word)
{
	static const char *const lines[] = { "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "EHLO x\r\n",
		"SSH-2.0-x\r\n", "\x16\x03\x01\x02", "NOOP\r\nPOST / HTTP/1.0\r\n" };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		fake_init(&fake);
		fake_start(&fake);
		fake_send(&fake, lines[i], strlen(lines[i]));
		cr_assert_eq(REPLY(), 0, "%s", reply);
		fake_join(&fake);
		cr_assert_eq(fake.bye, GUARD_BYE_FOREIGN_PROTOCOL);
	}
}

Test(ftp_engine, before_the_login_no_good_command_forgives_a_bad_one)
{
	char password[SECRET_MAX_BYTES + 2];

	memset(password, 'p', sizeof(password) - 1);
	password[sizeof(password) - 1] = '\0';
	fake_start(&fake);
	for (size_t i = 0; i < FTP_BAD_COMMANDS_MAX / 2; i++) {
		cr_assert_eq(COMMAND("NONSENSE"), 500);
		cr_assert_eq(COMMAND("USER alice"), 331);
		cr_assert_eq(COMMAND("PASS %s", password), 530);
	}
	cr_assert_eq(COMMAND("USER alice"), 331);
	cr_assert_eq(COMMAND("PASS %s", password), 530);
	cr_assert_eq(REPLY(), 421);
	cr_assert_eq(REPLY(), 0);
	fake_join(&fake);
	cr_assert_eq(fake.bye, GUARD_BYE_BAD_COMMANDS);
}

Test(ftp_engine, a_first_line_that_is_refused_is_looked_at_for_other_protocols)
{
	static const char head[] = "POST /";
	static const char tail[] = "\r\nHost: x\r\nUSER a\r\n";
	static char request[FTP_LINE_MAX_BYTES * 4];

	memset(request, 'x', sizeof(request));
	memcpy(request, head, sizeof(head) - 1);
	memcpy(request + sizeof(request) - (sizeof(tail) - 1), tail, sizeof(tail) - 1);
	fake_start(&fake);
	fake_send(&fake, request, sizeof(request));
	cr_assert_eq(REPLY(), 0, "%s", reply);
	fake_join(&fake);
	cr_assert_eq(fake.bye, GUARD_BYE_FOREIGN_PROTOCOL);
}

Test(ftp_engine, an_rnfr_that_is_refused_forgets_the_one_before)
{
	fake_login(&fake);
	cr_assert_eq(COMMAND("RNFR file"), 350);
	cr_assert_eq(COMMAND("RNFR"), 501);
	cr_assert_eq(COMMAND("RNTO other"), 503);
	fake_end(&fake);
}

Test(ftp_engine, too_many_bad_commands_end_the_session_and_a_good_one_forgives)
{
	fake_login(&fake);
	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 0; i < FTP_BAD_COMMANDS_MAX; i++)
			cr_assert_eq(COMMAND("NONSENSE"), 500);
		cr_assert_eq(COMMAND("NOOP"), 200);
	}
	for (size_t i = 0; i < FTP_BAD_COMMANDS_MAX; i++)
		cr_assert_eq(COMMAND("X%zu", i), 500);
	cr_assert_eq(COMMAND("Y"), 421);
	cr_assert_eq(REPLY(), 0);
	fake_join(&fake);
	cr_assert_eq(fake.bye, GUARD_BYE_BAD_COMMANDS);
}

Test(ftp_engine, a_line_of_any_length_gets_one_reply_and_is_never_echoed)
{
	static char flood[1u << 16];

	memset(flood, 'A', sizeof(flood));
	fake_start(&fake);
	fake_send(&fake, flood, 9000);
	SEND("\r\n");
	cr_assert_eq(REPLY(), 500);
	cr_assert_null(strstr(reply, "AA"));
	for (size_t i = 0; i < 16; i++)
		fake_send(&fake, flood, sizeof(flood));
	SEND("\r\nNOOP\r\n");
	cr_assert_eq(REPLY(), 500);
	cr_assert_eq(REPLY(), 200);
	memset(flood, 0xff, sizeof(flood));
	fake_send(&fake, flood, sizeof(flood));
	SEND("\r\nNOOP\r\n");
	cr_assert_eq(REPLY(), 500);
	cr_assert_eq(REPLY(), 200);
	fake_end(&fake);
}

Test(ftp_engine, control_bytes_in_a_line_make_no_file)
{
	fake_login(&fake);
	SEND("MKD x\0y\r\n");
	cr_assert_eq(REPLY(), 501);
	SEND("MKD a\rb\r\n");
	cr_assert_eq(REPLY(), 501);
	SEND("USER a\0b\r\n");
	cr_assert_eq(REPLY(), 501);
	cr_assert_eq(fake.calls[GUARD_MESSAGE_mkdir], 0);
	SEND("MKD \xc3\xa4\r\n");
	cr_assert_eq(REPLY(), 257);
	cr_assert_str_eq(fake.path, "/\xc3\xa4");
	fake_end(&fake);
}
