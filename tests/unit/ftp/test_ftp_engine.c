/*
 * Sessions from greeting to end: logins, transfers, ABOR, timeouts, hostile clients.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_guard.h"
#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/secret.h"
#include "server/ftp/ftp_limits.h"

static struct fake_guard fake;
static char reply[32768];
static char data[(1u << 20) + 1];

static void setup(void)
{
	fake_init(&fake);
}

TestSuite(ftp_engine, .init = setup, .timeout = 60);

#define COMMAND(...) fake_command(&fake, reply, sizeof(reply), __VA_ARGS__)
#define REPLY()      fake_reply(&fake, reply, sizeof(reply))
#define SEND(text)   fake_send(&fake, (text), sizeof(text) - 1)
/* The guard has read what it was told without being asked for an answer: the end of a download. */
#define SETTLE()     cr_assert_eq(COMMAND("CWD /"), 250)

/* A table of lines and the codes they get, in one session. */
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

/* --- data connections
 * ------------------------------------------------------------------------------- */

Test(ftp_engine, passive_ports_are_told_in_both_forms)
{
	fake_login(&fake);
	cr_assert_eq(COMMAND("PASV"), 227);
	cr_assert_not_null(strstr(reply, "(127,0,0,1,18,52)"));
	cr_assert_eq(COMMAND("EPSV"), 229);
	cr_assert_not_null(strstr(reply, "(|||4660|)"));
	cr_assert_eq(COMMAND("EPSV 1"), 229);
	cr_assert_eq(COMMAND("EPSV 2"), 522);
	cr_assert_not_null(strstr(reply, "(1)"));
	cr_assert_eq(COMMAND("EPSV 3"), 522);
	cr_assert_eq(COMMAND("EPSV x"), 501);
	cr_assert_eq(COMMAND("EPSV 1 x"), 501);
	fake.status[GUARD_MESSAGE_data_listen] = VFS_BUSY;
	cr_assert_eq(COMMAND("PASV"), 425);
	cr_assert_eq(COMMAND("LIST"), 425);
	fake_end(&fake);
}

Test(ftp_engine, port_takes_the_clients_own_address_and_a_high_port_only)
{
	static const struct step steps[] = {
		{ "PORT 127,0,0,1,4,0", 200 },
		{ "PORT 127,0,0,1,3,255", 504 },
		{ "PORT 10,9,9,9,4,0", 504 },
		{ "PORT 127,0,0,1,4", 501 },
		{ "EPRT |1|127.0.0.1|1024|", 200 },
		{ "EPRT |1|127.0.0.1|80|", 504 },
		{ "EPRT |1|8.8.8.8|1024|", 504 },
		{ "EPRT |2|::1|1024|", 522 },
		{ "EPRT |3|x|1024|", 522 },
		{ "EPRT x", 501 },
		{ "EPSV ALL", 200 },
		{ "PORT 127,0,0,1,4,0", 503 },
		{ "EPRT |1|127.0.0.1|1024|", 503 },
		{ "PASV", 503 },
		{ "EPSV", 229 },
	};

	fake_login(&fake);
	RUN(steps);
	fake_end(&fake);
}

Test(ftp_engine, active_mode_is_refused_when_it_is_switched_off)
{
	fake.conf.ftp.active = false;
	fake_login(&fake);
	cr_assert_eq(COMMAND("PORT 127,0,0,1,4,0"), 504);
	fake_end(&fake);
}

/* --- transfers
 * ---------------------------------------------------------------------------------------- */

static void start(const char *line)
{
	fake_passive(&fake);
	cr_assert_eq(COMMAND("%s", line), 150, "%s -> %s", line, reply);
}

Test(ftp_engine, retr_sends_the_file_and_226_says_how_much)
{
	int fd;

	fake_set_file(&fake, "line\nline\n", 10);
	fake_login(&fake);
	cr_assert_eq(COMMAND("TYPE I"), 200);
	start("RETR f");
	cr_assert_not_null(strstr(reply, "(10 bytes)"));
	fd = fake_take_data(&fake);
	cr_assert_eq(fake_drain(fd, data, sizeof(data)), 10);
	cr_assert_eq(REPLY(), 226);
	cr_assert_not_null(strstr(reply, "10 bytes"));
	close(fd);
	SETTLE();
	cr_assert_eq(fake.outcome, VFS_CLOSE_COMPLETE);
	cr_assert_eq(COMMAND("TYPE A"), 200);
	start("RETR f");
	fd = fake_take_data(&fake);
	fake_drain(fd, data, sizeof(data));
	cr_assert_str_eq(data, "line\r\nline\r\n");
	cr_assert_eq(REPLY(), 226);
	close(fd);
	fake_end(&fake);
}

Test(ftp_engine, stor_takes_what_comes_until_the_client_closes)
{
	int fd;

	fake_login(&fake);
	cr_assert_eq(COMMAND("TYPE I"), 200);
	start("STOR f");
	cr_assert_eq(fake.open_flags, VFS_OPEN_WRITE | VFS_OPEN_CREATE | VFS_OPEN_TRUNCATE);
	fd = fake_take_data(&fake);
	cr_assert(io_write_full(fd, "a\r\nb", 4));
	cr_assert(fake_is_silent(&fake, 50), "no 226 before the end");
	close(fd);
	cr_assert_eq(REPLY(), 226);
	cr_assert_eq(fake_get_file(&fake, data, sizeof(data)), 4);
	cr_assert_eq(COMMAND("TYPE A"), 200);
	start("STOR f");
	fd = fake_take_data(&fake);
	cr_assert(io_write_full(fd, "a\r\nb", 4));
	close(fd);
	cr_assert_eq(REPLY(), 226);
	cr_assert_eq(fake_get_file(&fake, data, sizeof(data)), 3);
	cr_assert_str_eq(data, "a\nb");
	fake_end(&fake);
}

Test(ftp_engine, a_226_is_sent_only_when_the_guard_has_published)
{
	static const struct {
		enum vfs_status status;
		unsigned code;
	} cases[] = {
		{ VFS_NO_SPACE, 452 },
		{ VFS_QUOTA, 552 },
		{ VFS_IO, 451 },
		{ VFS_EXISTS, 550 },
		{ VFS_PERMISSION, 550 },
	};

	fake_login(&fake);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd;

		fake.status[GUARD_MESSAGE_close] = cases[i].status;
		start("STOR f");
		fd = fake_take_data(&fake);
		close(fd);
		cr_assert_eq(REPLY(), cases[i].code, "%s", reply);
	}
	fake_end(&fake);
}

Test(ftp_engine, a_refused_open_keeps_the_passive_port_for_the_next_try)
{
	int fd;

	fake_login(&fake);
	fake_passive(&fake);
	fake.status[GUARD_MESSAGE_open] = VFS_NOT_FOUND;
	cr_assert_eq(COMMAND("RETR nosuch"), 550);
	cr_assert_eq(fake.calls[GUARD_MESSAGE_data_accept], 0);
	fake.status[GUARD_MESSAGE_open] = VFS_OK;
	cr_assert_eq(COMMAND("RETR f"), 150);
	fd = fake_take_data(&fake);
	cr_assert_eq(REPLY(), 226);
	close(fd);
	cr_assert_eq(COMMAND("RETR f"), 425, "the port is used up");
	fake_end(&fake);
}

Test(ftp_engine, of_many_small_files_each_costs_two_questions)
{
	static const struct {
		const char *port, *told;
		unsigned listens; /* so far */
		uint32_t passive;
	} cases[] = {
		{ "PASV", "(127,0,0,1,18,52)", 1, GUARD_PASSIVE_TAKE },
		{ "EPSV", "(|||4660|)", 2, GUARD_PASSIVE_RENEW }, /* the second in a row */
		{ "PASV", "(127,0,0,1,18,53)", 2, GUARD_PASSIVE_RENEW },
		{ "EPSV", "(|||4661|)", 2, GUARD_PASSIVE_RENEW },
	};
	char content[16];

	fake.comes_early = true;
	fake_login(&fake);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd;

		cr_assert_eq(COMMAND("%s", cases[i].port) / 100, 2);
		cr_expect_not_null(strstr(reply, cases[i].told), "%s", reply);
		cr_assert_eq(COMMAND("STOR f"), 150);
		fd = fake_take_data(&fake);
		cr_assert_eq(write(fd, "small", 5), 5);
		close(fd);
		cr_assert_eq(REPLY(), 226);
		cr_expect_eq(fake_get_file(&fake, content, sizeof(content)), 5);
		cr_expect_eq(fake.calls[GUARD_MESSAGE_data_listen], cases[i].listens);
		cr_expect_eq(fake.open_passive, cases[i].passive);
	}
	cr_expect_eq(fake.calls[GUARD_MESSAGE_data_accept], 0);
	fake_end(&fake);
}

/* Two transfers, after which the guard has a port open that nobody was told of. */
static void earn_a_port(void)
{
	fake.comes_early = true;
	fake_login(&fake);
	for (int i = 0; i < 2; i++) {
		start("RETR f");
		close(fake_take_data(&fake));
		cr_assert_eq(REPLY(), 226);
	}
	cr_assert_eq(fake.calls[GUARD_MESSAGE_data_close], 0);
}

Test(ftp_engine, a_port_that_is_not_asked_for_soon_is_given_back)
{
	const int64_t deadline = clock_mono_ms() + FAKE_WAIT_MS;

	earn_a_port();
	while (fake.calls[GUARD_MESSAGE_data_close] == 0 && clock_mono_ms() < deadline)
		poll(NULL, 0, 10);
	cr_assert_eq(fake.calls[GUARD_MESSAGE_data_close], 1);
	cr_assert_eq(COMMAND("EPSV"), 229);
	cr_expect_not_null(strstr(reply, "(|||4660|)"), "%s", reply);
	cr_expect_eq(COMMAND("NOOP"), 200);
	fake_end(&fake);
	cr_expect_eq(fake.calls[GUARD_MESSAGE_data_close], 1, "once");
}

Test(ftp_engine, a_client_that_turns_to_port_gives_the_next_port_back)
{
	earn_a_port();
	cr_assert_eq(COMMAND("EPRT |1|127.0.0.1|2000|"), 200);
	cr_expect_eq(fake.calls[GUARD_MESSAGE_data_close], 1);
	cr_assert_eq(COMMAND("RETR f"), 150);
	cr_expect_eq(fake.open_passive, GUARD_PASSIVE_LEAVE);
	close(fake_take_data(&fake));
	cr_assert_eq(REPLY(), 226);
	fake_end(&fake);
}

Test(ftp_engine, any_number_of_refused_opens_keep_the_port)
{
	/* Sent ahead, so that nothing else is heard of the guard between them. */
	static const char lines[] = "RETR f\r\nSTOR f\r\nRETR f\r\nSTOR f\r\nRETR f\r\nSTOR f\r\n"
				    "RETR f\r\nSTOR f\r\nRETR f\r\nSTOR f\r\nRETR f\r\nSTOR f\r\n";
	static const char *const ports[] = { "EPSV", "EPRT |1|127.0.0.1|2000|" };

	for (size_t i = 0; i < 2; i++) {
		fake_init(&fake);
		fake_login(&fake);
		fake.status[GUARD_MESSAGE_open] = VFS_NOT_FOUND;
		cr_assert_eq(COMMAND("%s", ports[i]) / 100, 2);
		fake_send(&fake, lines, sizeof(lines) - 1);
		for (int k = 0; k < 12; k++)
			cr_assert_eq(REPLY(), 550);
		fake.status[GUARD_MESSAGE_open] = VFS_OK;
		cr_assert_eq(COMMAND("RETR f"), 150);
		close(fake_take_data(&fake));
		cr_assert_eq(REPLY(), 226);
		fake_end(&fake);
	}
}

Test(ftp_engine, a_data_connection_that_does_not_come_is_425_and_the_file_is_closed)
{
	static const enum vfs_status causes[] = { VFS_TIMEOUT, VFS_UNREACHABLE, VFS_FORBIDDEN };

	fake.hold_data = true;
	fake_login(&fake);
	for (size_t i = 0; i < 3; i++) {
		start("STOR f");
		while (fake.held_id == 0)
			usleep(1000);
		fake_answer_data(&fake, causes[i]);
		cr_assert_eq(REPLY(), 425);
		cr_assert_not(fake.handle_open);
		cr_assert_eq(fake.outcome, VFS_CLOSE_ABORTED);
	}
	cr_assert_eq(COMMAND("NOOP"), 200);
	fake_end(&fake);
}

Test(ftp_engine, rest_holds_for_one_transfer)
{
	int fd;

	fake_set_file(&fake, "0123456789", 10);
	fake_login(&fake);
	cr_assert_eq(COMMAND("TYPE I"), 200);
	cr_assert_eq(COMMAND("REST 4"), 350);
	start("RETR f");
	cr_assert_eq(fake.open_offset, 4);
	cr_assert((fake.open_flags & VFS_OPEN_RESUME) != 0);
	fd = fake_take_data(&fake);
	fake_drain(fd, data, sizeof(data));
	cr_assert_str_eq(data, "456789");
	close(fd);
	cr_assert_eq(REPLY(), 226);
	start("RETR f");
	fd = fake_take_data(&fake);
	cr_assert_eq(fake_drain(fd, data, sizeof(data)), 10);
	close(fd);
	cr_assert_eq(REPLY(), 226);
	cr_assert_eq(COMMAND("REST 4"), 350);
	start("STOR f");
	cr_assert_eq(fake.open_flags, VFS_OPEN_WRITE | VFS_OPEN_CREATE | VFS_OPEN_RESUME);
	close(fake_take_data(&fake));
	cr_assert_eq(REPLY(), 226);
	fake.status[GUARD_MESSAGE_open] = VFS_RANGE;
	cr_assert_eq(COMMAND("REST 99"), 350);
	fake_passive(&fake);
	cr_assert_eq(COMMAND("RETR f"), 554);
	cr_assert_eq(COMMAND("TYPE A"), 200);
	cr_assert_eq(COMMAND("REST 4"), 350);
	cr_assert_eq(COMMAND("STOR f"), 554);
	fake_end(&fake);
}

Test(ftp_engine, stou_tells_the_name_it_chose_and_appe_appends)
{
	fake_login(&fake);
	start("STOU");
	cr_assert_str_eq(reply, "150 FILE: /unique.1\r\n");
	close(fake_take_data(&fake));
	cr_assert_eq(REPLY(), 226);
	cr_assert_not_null(strstr(reply, "stored as"));
	start("APPE f");
	cr_assert((fake.open_flags & VFS_OPEN_APPEND) != 0);
	cr_assert_eq(COMMAND("NOOP"), 200);
	close(fake_take_data(&fake));
	cr_assert_eq(REPLY(), 226);
	fake_end(&fake);
}

Test(ftp_engine, commands_wait_for_the_transfer_but_for_those_that_need_not)
{
	int fd;

	fake_login(&fake);
	start("STOR f");
	fd = fake_take_data(&fake);
	cr_assert_eq(COMMAND("NOOP"), 200);
	cr_assert_eq(COMMAND("STAT"), 211);
	cr_assert_not_null(strstr(reply, "receiving a file"));
	SEND("PWD\r\nSTAT /\r\nQUIT\r\n");
	cr_assert(fake_is_silent(&fake, 50));
	close(fd);
	cr_assert_eq(REPLY(), 226);
	cr_assert_eq(REPLY(), 257);
	cr_assert_eq(REPLY(), 213);
	cr_assert_eq(REPLY(), 221);
	cr_assert_eq(REPLY(), 0);
	fake_join(&fake);
	cr_assert_eq(fake.bye, GUARD_BYE_QUIT);
	cr_assert_eq(fake.exit_status, 0);
}

Test(ftp_engine, abor_ends_a_transfer_with_426_and_226_though_data_is_unread)
{
	static char big[1u << 20];
	int fd;

	fake_set_file(&fake, big, sizeof(big));
	fake_login(&fake);
	cr_assert_eq(COMMAND("TYPE I"), 200);
	start("RETR f");
	fd = fake_take_data(&fake);
	cr_assert_eq(COMMAND("ABOR"), 426);
	cr_assert_eq(REPLY(), 226);
	SETTLE();
	cr_assert_eq(fake.outcome, VFS_CLOSE_ABORTED);
	cr_assert_eq(fake.reason, VFS_CANCELLED);
	close(fd);
	cr_assert_eq(COMMAND("ABOR"), 226, "without a transfer");
	start("STOR f");
	SEND("QUIT\r\n\xff\xf4\xff\xf2"
	     "ABOR\r\n");
	cr_assert_eq(REPLY(), 426, "an interrupt goes ahead of what waits");
	cr_assert_eq(REPLY(), 226);
	cr_assert_eq(REPLY(), 221);
	fake_join(&fake);
}

Test(ftp_engine, abor_ends_the_wait_for_a_data_connection)
{
	fake.hold_data = true;
	fake_login(&fake);
	start("RETR f");
	while (fake.held_id == 0)
		usleep(1000);
	cr_assert_eq(COMMAND("ABOR"), 426);
	cr_assert_eq(REPLY(), 226);
	SETTLE();
	cr_assert_not(fake.handle_open);
	cr_assert_eq(COMMAND("RETR f"), 425);
	fake.hold_data = false;
	start("RETR f");
	close(fake_take_data(&fake));
	cr_assert_eq(REPLY(), 226);
	fake_end(&fake);
}

Test(ftp_engine, a_client_that_closes_the_data_connection_early_gets_426)
{
	static char big[1u << 22];

	fake_set_file(&fake, big, sizeof(big));
	fake_login(&fake);
	cr_assert_eq(COMMAND("TYPE I"), 200);
	start("RETR f");
	close(fake_take_data(&fake));
	cr_assert_eq(REPLY(), 426);
	SETTLE();
	cr_assert_eq(fake.outcome, VFS_CLOSE_ABORTED);
	cr_assert_eq(COMMAND("NOOP"), 200);
	fake_end(&fake);
}

Test(ftp_engine, a_transfer_without_a_byte_is_cut_and_the_session_goes_on)
{
	int fd;

	fake.conf.ftp.stall_timeout = 200;
	fake_login(&fake);
	start("STOR f");
	fd = fake_take_data(&fake);
	cr_assert(io_write_full(fd, "x", 1));
	cr_assert_eq(REPLY(), 426);
	cr_assert_not_null(strstr(reply, "stalled"));
	cr_assert_eq(fake.reason, VFS_TIMEOUT);
	close(fd);
	cr_assert_eq(COMMAND("NOOP"), 200);
	fake_end(&fake);
}

Test(ftp_engine, a_transfer_slower_than_min_rate_is_cut_and_one_that_keeps_pace_is_not)
{
	static const struct {
		uint32_t min_rate;
		unsigned code;
		const char *text;
	} cases[] = {
		{ 0, 226, "" },
		{ 10, 226, "" },
		{ 1000, 426, "slower than 1000 bytes a second" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd;

		fake_init(&fake);
		fake.conf.ftp.stall_timeout = 1000;
		fake.conf.ftp.min_rate = cases[i].min_rate;
		fake_login(&fake);
		start("STOR f");
		fd = fake_take_data(&fake);
		/* A hundred bytes a second, for two windows and a half. */
		for (int k = 0; k < 25; k++) {
			(void)send(fd, "0123456789", 10, MSG_NOSIGNAL);
			usleep(100000);
		}
		close(fd);
		cr_assert_eq(REPLY(), cases[i].code, "%s", reply);
		cr_assert_not_null(strstr(reply, cases[i].text));
		cr_assert_eq(COMMAND("NOOP"), 200);
		fake_end(&fake);
	}
}

Test(ftp_engine, a_slow_upload_is_no_stalled_one)
{
	int fd;

	fake.conf.ftp.stall_timeout = 300;
	fake.conf.ftp.idle_timeout = 200;
	fake_login(&fake);
	start("STOR f");
	fd = fake_take_data(&fake);
	for (size_t i = 0; i < 8; i++) {
		cr_assert(io_write_full(fd, "x", 1));
		usleep(100000);
	}
	close(fd);
	cr_assert_eq(REPLY(), 226);
	cr_assert_eq(fake_get_file(&fake, data, sizeof(data)), 8);
	fake_end(&fake);
}

/* --- listings
 * ---------------------------------------------------------------------------------------- */

static const struct fake_entry entries[] = {
	{ .name = "b.txt", .attr = { .kind = VFS_KIND_FILE, .mode = 0644, .nlink = 1, .size = 5 } },
	{ .name = ".hidden", .attr = { .kind = VFS_KIND_FILE, .mode = 0644, .nlink = 1 } },
	{ .name = "a\r\n226 x",
	    .attr = { .kind = VFS_KIND_FILE, .mode = 0644, .size = 9, .mtime = 99 } },
	{ .name = "dir", .attr = { .kind = VFS_KIND_DIR, .mode = 0755, .nlink = 2, .mtime = 9 } },
	{ .name = "c.txt", .attr = { .kind = VFS_KIND_FILE, .mode = 0644, .size = 7 } },
};

static const char *listing(const char *line)
{
	int fd;

	start(line);
	fd = fake_take_data(&fake);
	fake_drain(fd, data, sizeof(data));
	close(fd);
	cr_assert_eq(REPLY(), 226);
	return data;
}

static void set_entries(void)
{
	fake.entries = entries;
	fake.entry_count = sizeof(entries) / sizeof(entries[0]);
	fake.entries_per_batch = 2;
	fake.attr.kind = VFS_KIND_DIR;
}

Test(ftp_engine, nlst_gives_sorted_names_that_can_be_used_as_they_are)
{
	set_entries();
	fake_login(&fake);
	cr_assert_str_eq(listing("NLST"), "a??226 x\r\nb.txt\r\nc.txt\r\ndir\r\n");
	cr_assert_str_eq(listing("NLST -a"), ".hidden\r\na??226 x\r\nb.txt\r\nc.txt\r\ndir\r\n");
	cr_assert_str_eq(listing("NLST -r ."), "dir\r\nc.txt\r\nb.txt\r\na??226 x\r\n");
	cr_assert_str_eq(
	    listing("NLST sub"), "sub/a??226 x\r\nsub/b.txt\r\nsub/c.txt\r\nsub/dir\r\n");
	cr_assert_str_eq(listing("NLST -t /"), "/a??226 x\r\n/dir\r\n/b.txt\r\n/c.txt\r\n");
	fake.status[GUARD_MESSAGE_stat] = VFS_NOT_FOUND;
	cr_assert_str_eq(listing("NLST *.txt"), "b.txt\r\nc.txt\r\n");
	cr_assert_str_eq(listing("NLST d/*.txt"), "d/b.txt\r\nd/c.txt\r\n");
	cr_assert_str_eq(listing("NLST .h*"), ".hidden\r\n");
	cr_assert_str_eq(listing("NLST *.nothing"), "");
	cr_assert_eq(COMMAND("EPSV"), 229);
	cr_assert_eq(COMMAND("NLST nosuch"), 550);
	fake_end(&fake);
}

Test(ftp_engine, list_gives_long_lines_and_mlsd_facts)
{
	set_entries();
	fake_login(&fake);
	cr_assert_not_null(strstr(listing("LIST"),
	    "-rw-r--r--    1 0        0                   5 Jan  1  1970 b.txt\r\n"));
	cr_assert_null(strstr(data, ".hidden"));
	cr_assert_not_null(strstr(listing("LIST -a"), ".hidden\r\n"));
	cr_assert_eq(
	    strncmp(listing("LIST -S"), "-rw-r--r--    0 0        0                   9", 45), 0);
	cr_assert_eq(COMMAND("OPTS MLST size;"), 200);
	cr_assert_str_eq(listing("MLSD"),
	    "size=5; b.txt\r\nsize=0; .hidden\r\nsize=9; a??226 x\r\n dir\r\nsize=7; c.txt\r\n");
	fake.status[GUARD_MESSAGE_opendir] = VFS_NOT_DIR;
	fake_passive(&fake);
	cr_assert_eq(COMMAND("MLSD f"), 501);
	fake_end(&fake);
}

Test(ftp_engine, stat_lists_over_the_control_connection)
{
	set_entries();
	fake_login(&fake);
	cr_assert_eq(COMMAND("STAT /"), 212);
	cr_assert_not_null(strstr(reply, " b.txt\r\n"));
	cr_assert_null(strstr(reply, "\n226 x"));
	fake.attr.kind = VFS_KIND_FILE;
	cr_assert_eq(COMMAND("STAT f"), 213);
	cr_assert_not_null(strstr(reply, " f\r\n213 "));
	fake.status[GUARD_MESSAGE_stat] = VFS_NOT_FOUND;
	cr_assert_eq(COMMAND("STAT nosuch"), 550);
	fake_end(&fake);
}

Test(ftp_engine, a_large_directory_streams_in_its_own_order)
{
	static struct fake_entry many[6000];
	static char names[6000][8];
	size_t lines = 0;

	for (size_t i = 0; i < 6000; i++) {
		snprintf(names[i], sizeof(names[i]), "%05zu", 5999 - i);
		many[i] = (struct fake_entry){ .name = names[i] };
	}
	fake.entries = many;
	fake.entry_count = 6000;
	fake.entries_per_batch = 500;
	fake_login(&fake);
	listing("NLST");
	for (const char *p = data; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	cr_assert_eq(lines, 6000);
	cr_assert_eq(strncmp(data, "05999\r\n", 7), 0);
	cr_assert_not(fake.handle_open);
	fake_end(&fake);
}

Test(ftp_engine, a_tree_of_one_directory_in_itself_ends)
{
	size_t headers = 0;

	set_entries();
	fake_login(&fake);
	listing("LIST -R");
	for (const char *p = data; (p = strstr(p, ":\r\n")) != NULL; p++)
		headers++;
	cr_assert_eq(headers, FTP_WALK_DEPTH_MAX);
	cr_assert_not_null(strstr(data, "\r\n\r\ndir/dir:\r\n"));
	fake_end(&fake);
}

Test(ftp_engine, a_listing_that_fails_on_its_way_is_451)
{
	int fd;

	set_entries();
	fake.status[GUARD_MESSAGE_readdir] = VFS_IO;
	fake_login(&fake);
	start("LIST");
	fd = fake_take_data(&fake);
	fake_drain(fd, data, sizeof(data));
	close(fd);
	cr_assert_eq(REPLY(), 451);
	fake_end(&fake);
}

/* --- the end
 * -------------------------------------------------------------------------------------------- */

Test(ftp_engine, an_idle_client_is_told_and_sent_away)
{
	fake.conf.ftp.idle_timeout = 1000;
	fake_login(&fake);
	cr_assert_eq(REPLY(), 421);
	cr_assert_not_null(strstr(reply, "1 seconds"));
	cr_assert_eq(REPLY(), 0);
	fake_join(&fake);
	cr_assert_eq(fake.bye, GUARD_BYE_IDLE);
}

Test(ftp_engine, dripping_bytes_are_no_command)
{
	fake.conf.ftp.idle_timeout = 400;
	fake_start(&fake);
	for (size_t i = 0; i < 3; i++) {
		SEND("x");
		usleep(100000);
	}
	cr_assert_eq(REPLY(), 421);
	fake_join(&fake);
}

/* The count is read after the reply to a later command, which the same thread has given. */
Test(ftp_engine, a_guard_that_asks_whether_it_lives_is_answered_in_a_transfer_too)
{
	int fd;

	fake_login(&fake);
	fake_ping(&fake, 1);
	cr_assert_eq(COMMAND("NOOP"), 200);
	cr_assert_eq(COMMAND("NOOP"), 200);
	cr_expect_eq(fake.calls[GUARD_MESSAGE_pong], 1);
	start("STOR f");
	fd = fake_take_data(&fake);
	fake_ping(&fake, 2);
	cr_assert_eq(COMMAND("NOOP"), 200);
	cr_assert_eq(COMMAND("NOOP"), 200);
	cr_expect_eq(fake.calls[GUARD_MESSAGE_pong], 2);
	close(fd);
	cr_assert_eq(REPLY(), 226);
}

Test(ftp_engine, a_stop_waits_for_the_transfer_unless_it_says_now)
{
	int fd;

	fake_login(&fake);
	start("STOR f");
	fd = fake_take_data(&fake);
	fake_stop(&fake, GUARD_STOP_SHUTDOWN, false);
	cr_assert_eq(COMMAND("NOOP"), 200);
	close(fd);
	cr_assert_eq(REPLY(), 226);
	cr_assert_eq(REPLY(), 421);
	cr_assert_str_eq(reply, "421 Server is going down.\r\n");
	fake_join(&fake);
	cr_assert_eq(fake.bye, GUARD_BYE_STOPPED);
	fake_init(&fake);
	fake_login(&fake);
	start("STOR f");
	fd = fake_take_data(&fake);
	fake_stop(&fake, GUARD_STOP_KICKED, true);
	cr_assert_eq(REPLY(), 426);
	cr_assert_eq(REPLY(), 421);
	cr_assert_eq(REPLY(), 0);
	fake_join(&fake);
	cr_assert_eq(fake.outcome, VFS_CLOSE_ABORTED);
	close(fd);
}

Test(ftp_engine, a_login_timeout_is_called_by_its_name)
{
	fake_start(&fake);
	fake_stop(&fake, GUARD_STOP_LOGIN_TIMEOUT, true);
	cr_assert_eq(REPLY(), 421);
	cr_assert_str_eq(reply, "421 Login timeout.\r\n");
	fake_join(&fake);
	cr_assert_eq(fake.bye, GUARD_BYE_LOGIN_TIMEOUT);
}

Test(ftp_engine, commands_sent_ahead_of_the_end_are_all_served)
{
	fake_start(&fake);
	SEND("USER a\r\nPASS b\r\nPWD\r\n");
	shutdown(fake.client_fd, SHUT_WR);
	cr_assert_eq(REPLY(), 331);
	cr_assert_eq(REPLY(), 230);
	cr_assert_eq(REPLY(), 257);
	cr_assert_eq(REPLY(), 0);
	fake_join(&fake);
	cr_assert_eq(fake.bye, GUARD_BYE_CLOSED);
}

/* One upload during which the client ends its side of the control connection with these last words.
 */
static void upload_and_leave(const char *last_words)
{
	int fd;

	fake_init(&fake);
	fake_login(&fake);
	start("STOR f");
	fd = fake_take_data(&fake);
	fake_send(&fake, last_words, strlen(last_words));
	shutdown(fake.client_fd, SHUT_WR);
	cr_assert(io_write_full(fd, "abc", 3));
	usleep(20000);
	close(fd);
}

Test(ftp_engine, an_upload_whose_client_has_left_without_quit_is_not_published)
{
	upload_and_leave("");
	cr_assert_eq(REPLY(), 426);
	cr_assert_eq(REPLY(), 0);
	fake_join(&fake);
	cr_assert_eq(fake.outcome, VFS_CLOSE_ABORTED);
	cr_assert_eq(fake.bye, GUARD_BYE_CLOSED);
	upload_and_leave("NOOP\r\nPWD\r\n");
	cr_assert_eq(REPLY(), 200);
	cr_assert_eq(REPLY(), 426);
	cr_assert_eq(REPLY(), 257);
	cr_assert_eq(REPLY(), 0);
	fake_join(&fake);
	upload_and_leave("PWD\r\nquit\r\n");
	cr_assert_eq(REPLY(), 226);
	cr_assert_eq(REPLY(), 257);
	cr_assert_eq(REPLY(), 221);
	cr_assert_eq(REPLY(), 0);
	fake_join(&fake);
	cr_assert_eq(fake.outcome, VFS_CLOSE_COMPLETE);
}

Test(ftp_engine, an_upload_whose_client_leaves_in_the_same_moment_is_not_published)
{
	int fd;

	/* As a kernel closes the descriptors of a process that was killed: both at once. */
	for (size_t i = 0; i < 50; i++) {
		fake_init(&fake);
		fake_login(&fake);
		start("STOR f");
		fd = fake_take_data(&fake);
		cr_assert(io_write_full(fd, "abc", 3));
		io_close(&fake.client_fd);
		close(fd);
		fake_join(&fake);
		cr_assert_eq(fake.outcome, VFS_CLOSE_ABORTED);
	}
}

Test(ftp_engine, a_download_outlives_the_clients_half_of_the_control_connection)
{
	static char big[1u << 20];
	int fd;

	fake_set_file(&fake, big, sizeof(big));
	fake_login(&fake);
	cr_assert_eq(COMMAND("TYPE I"), 200);
	start("RETR f");
	fd = fake_take_data(&fake);
	shutdown(fake.client_fd, SHUT_WR);
	usleep(20000);
	cr_assert_eq(fake_drain(fd, data, sizeof(data)), sizeof(big));
	cr_assert_eq(REPLY(), 226);
	close(fd);
	fake_join(&fake);
	cr_assert_eq(fake.bye, GUARD_BYE_CLOSED);
}

Test(ftp_engine, a_client_that_vanishes_aborts_its_transfer)
{
	int fd;

	fake_login(&fake);
	start("STOR f");
	fd = fake_take_data(&fake);
	io_close(&fake.client_fd);
	fake_join(&fake);
	cr_assert_eq(fake.outcome, VFS_CLOSE_ABORTED);
	cr_assert_eq(fake.bye, GUARD_BYE_RESET);
	close(fd);
}

Test(ftp_engine, a_client_that_reads_no_replies_costs_a_known_amount_and_is_cut)
{
	char flood[4096];
	size_t sent = 0;
	ssize_t n;

	for (size_t i = 0; i < sizeof(flood); i += 6)
		memcpy(flood + i, "HELP\r\n", sizeof(flood) - i < 6 ? sizeof(flood) - i : 6);
	fake.conf.ftp.stall_timeout = 300;
	fake_login(&fake);
	cr_assert(io_set_nonblocking(fake.client_fd, true));
	for (size_t idle = 0; idle < 20;) {
		n = io_write(fake.client_fd, flood, sizeof(flood));
		if (n > 0) {
			sent += (size_t)n;
			idle = 0;
		} else {
			idle++;
			usleep(50000);
		}
		cr_assert_lt(sent, 4u << 20);
	}
	pthread_join(fake.engine, NULL);
	cr_assert_eq(fake.bye, GUARD_BYE_SLOW);
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

/* --- REIN --------------------------------------------------------------------------------------- */

Test(ftp_engine, rein_before_the_login_forgets_what_was_set)
{
	static const struct step steps[] = {
		{ "USER alice", 331 },
		{ "OPTS MLST size;", 200 },
		{ "HOST here", 503 },
		{ "REIN", 220 },
		{ "NOP", 200 },
		{ "PASS x", 503 },
		{ "USER bob", 331 },
		{ "PASS x", 230 },
	};

	fake_start(&fake);
	RUN(steps);
	cr_assert_str_eq(fake.user, "bob");
	cr_assert_eq(fake.calls[GUARD_MESSAGE_rein], 0);
	cr_assert_eq(COMMAND("FEAT"), 211);
	cr_assert_not_null(strstr(reply, "modify*"));
	fake_end(&fake);
}

Test(ftp_engine, rein_after_the_login_gives_the_connection_away_without_another_word)
{
	static const char lines[] = "PWD\r\nREIN\r\nUSER bob\r\nPASS s";
	int client_fd;
	char byte;

	fake_login(&fake);
	fake_send(&fake, lines, sizeof(lines) - 1);
	cr_assert_eq(REPLY(), 257);
	client_fd = dup(fake.client_fd);
	fake_join(&fake);
	cr_assert_eq(fake.calls[GUARD_MESSAGE_rein], 1);
	cr_assert_eq(fake.calls[GUARD_MESSAGE_bye], 0);
	cr_assert_str_eq(fake.unread, "USER bob\nPASS s");
	/* The connection lives, both ways, in the hand of who got it. */
	cr_assert_eq(send(fake.carried_fd, "!", 1, MSG_NOSIGNAL), 1);
	cr_assert_eq(recv(client_fd, &byte, 1, 0), 1);
	cr_assert_eq(byte, '!');
	close(fake.carried_fd);
	close(client_fd);
}

Test(ftp_engine, rein_that_nobody_takes_is_421)
{
	fake.status[GUARD_MESSAGE_rein] = VFS_FAILED;
	fake_login(&fake);
	cr_assert_eq(COMMAND("REIN"), 421);
	close(fake.carried_fd);
	cr_assert_eq(REPLY(), 0);
	fake_join(&fake);
	cr_assert_eq(fake.calls[GUARD_MESSAGE_bye], 0);
}

Test(ftp_engine, rein_waits_for_the_transfer)
{
	char text[64];
	int fd;

	fake_set_file(&fake, "content", 7);
	fake.hold_data = true;
	fake_login(&fake);
	fake_passive(&fake);
	cr_assert_eq(COMMAND("RETR a"), 150);
	fake_send(&fake, "REIN\r\n", 6);
	cr_assert(fake_is_silent(&fake, 100));
	fake_answer_data(&fake, VFS_OK);
	fd = fake_take_data(&fake);
	cr_assert_eq(fake_drain(fd, text, sizeof(text)), 7);
	close(fd);
	cr_assert_eq(REPLY(), 226);
	fake_join(&fake);
	close(fake.carried_fd);
	cr_assert_eq(fake.calls[GUARD_MESSAGE_rein], 1);
}

Test(ftp_engine, a_session_is_silent_when_an_earlier_one_has_greeted_for_it)
{
	fake.start.greeted = true;
	fake_start(&fake);
	cr_assert(fake_is_silent(&fake, 100));
	cr_assert_eq(COMMAND("PWD"), 530);
	fake_end(&fake);
}

Test(ftp_engine, a_session_begins_with_what_an_earlier_one_left_unread)
{
	fake.start.unread = (struct wire_blob){ .bytes = (const uint8_t *)"USER bob\nPASS s", .length = 15 };
	fake_start(&fake);
	cr_assert_eq(REPLY(), 331);
	fake_send(&fake, "\r\n", 2);
	cr_assert_eq(REPLY(), 230);
	cr_assert_str_eq(fake.user, "bob");
	cr_assert_str_eq(fake.password, "s");
	fake_end(&fake);
}
