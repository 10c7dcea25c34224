/*
 * Data connections and what goes through them: files and listings, ABOR, stalls.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine_harness.h"
#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/ftp/ftp_limits.h"

TestSuite(ftp_engine_transfers, .init = engine_setup, .timeout = 60);

/* --- data connections
 * ------------------------------------------------------------------------------- */

Test(ftp_engine_transfers, passive_ports_are_told_in_both_forms)
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

Test(ftp_engine_transfers, port_takes_the_clients_own_address_and_a_high_port_only)
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

Test(ftp_engine_transfers, active_mode_is_refused_when_it_is_switched_off)
{
	fake.conf.ftp.active = false;
	fake_login(&fake);
	cr_assert_eq(COMMAND("PORT 127,0,0,1,4,0"), 504);
	fake_end(&fake);
}

/* --- transfers
 * ---------------------------------------------------------------------------------------- */

Test(ftp_engine_transfers, retr_sends_the_file_and_226_says_how_much)
{
	int fd;

	fake_set_file(&fake, "line\nline\n", 10);
	fake_login(&fake);
	cr_assert_eq(COMMAND("TYPE I"), 200);
	engine_start_transfer("RETR f");
	cr_assert_not_null(strstr(reply, "(10 bytes)"));
	fd = fake_take_data(&fake);
	cr_assert_eq(fake_drain(fd, data, sizeof(data)), 10);
	cr_assert_eq(REPLY(), 226);
	cr_assert_not_null(strstr(reply, "10 bytes"));
	close(fd);
	SETTLE();
	cr_assert_eq(fake.outcome, VFS_CLOSE_COMPLETE);
	cr_assert_eq(COMMAND("TYPE A"), 200);
	engine_start_transfer("RETR f");
	fd = fake_take_data(&fake);
	fake_drain(fd, data, sizeof(data));
	cr_assert_str_eq(data, "line\r\nline\r\n");
	cr_assert_eq(REPLY(), 226);
	close(fd);
	fake_end(&fake);
}

Test(ftp_engine_transfers, stor_takes_what_comes_until_the_client_closes)
{
	int fd;

	fake_login(&fake);
	cr_assert_eq(COMMAND("TYPE I"), 200);
	engine_start_transfer("STOR f");
	cr_assert_eq(fake.open_flags, VFS_OPEN_WRITE | VFS_OPEN_CREATE | VFS_OPEN_TRUNCATE);
	fd = fake_take_data(&fake);
	cr_assert(io_write_full(fd, "a\r\nb", 4));
	cr_assert(fake_is_silent(&fake, 50), "no 226 before the end");
	close(fd);
	cr_assert_eq(REPLY(), 226);
	cr_assert_eq(fake_get_file(&fake, data, sizeof(data)), 4);
	cr_assert_eq(COMMAND("TYPE A"), 200);
	engine_start_transfer("STOR f");
	fd = fake_take_data(&fake);
	cr_assert(io_write_full(fd, "a\r\nb", 4));
	close(fd);
	cr_assert_eq(REPLY(), 226);
	cr_assert_eq(fake_get_file(&fake, data, sizeof(data)), 3);
	cr_assert_str_eq(data, "a\nb");
	fake_end(&fake);
}

Test(ftp_engine_transfers, a_226_is_sent_only_when_the_guard_has_published)
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
		engine_start_transfer("STOR f");
		fd = fake_take_data(&fake);
		close(fd);
		cr_assert_eq(REPLY(), cases[i].code, "%s", reply);
	}
	fake_end(&fake);
}

Test(ftp_engine_transfers, a_refused_open_keeps_the_passive_port_for_the_next_try)
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

Test(ftp_engine_transfers, of_many_small_files_each_costs_two_questions)
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
		engine_start_transfer("RETR f");
		close(fake_take_data(&fake));
		cr_assert_eq(REPLY(), 226);
	}
	cr_assert_eq(fake.calls[GUARD_MESSAGE_data_close], 0);
}

Test(ftp_engine_transfers, a_port_that_is_not_asked_for_soon_is_given_back)
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

Test(ftp_engine_transfers, a_client_that_turns_to_port_gives_the_next_port_back)
{
	earn_a_port();
	cr_assert_eq(COMMAND("EPRT |1|127.0.0.1|2000|"), 200);
	cr_assert_eq(COMMAND("RETR f"), 150);
	/* The guard was told before it was asked, and gave no answer to that. */
	cr_expect_eq(fake.calls[GUARD_MESSAGE_data_close], 1);
	cr_expect_eq(fake.open_passive, GUARD_PASSIVE_LEAVE);
	close(fake_take_data(&fake));
	cr_assert_eq(REPLY(), 226);
	fake_end(&fake);
}

Test(ftp_engine_transfers, any_number_of_refused_opens_keep_the_port)
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

Test(ftp_engine_transfers, a_data_connection_that_does_not_come_is_425_and_the_file_is_closed)
{
	static const enum vfs_status causes[] = { VFS_TIMEOUT, VFS_UNREACHABLE, VFS_FORBIDDEN };

	fake.hold_data = true;
	fake_login(&fake);
	for (size_t i = 0; i < 3; i++) {
		engine_start_transfer("STOR f");
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

Test(ftp_engine_transfers, rest_holds_for_one_transfer)
{
	int fd;

	fake_set_file(&fake, "0123456789", 10);
	fake_login(&fake);
	cr_assert_eq(COMMAND("TYPE I"), 200);
	cr_assert_eq(COMMAND("REST 4"), 350);
	engine_start_transfer("RETR f");
	cr_assert_eq(fake.open_offset, 4);
	cr_assert((fake.open_flags & VFS_OPEN_RESUME) != 0);
	fd = fake_take_data(&fake);
	fake_drain(fd, data, sizeof(data));
	cr_assert_str_eq(data, "456789");
	close(fd);
	cr_assert_eq(REPLY(), 226);
	engine_start_transfer("RETR f");
	fd = fake_take_data(&fake);
	cr_assert_eq(fake_drain(fd, data, sizeof(data)), 10);
	close(fd);
	cr_assert_eq(REPLY(), 226);
	cr_assert_eq(COMMAND("REST 4"), 350);
	engine_start_transfer("STOR f");
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

Test(ftp_engine_transfers, stou_tells_the_name_it_chose_and_appe_appends)
{
	fake_login(&fake);
	engine_start_transfer("STOU");
	cr_assert_str_eq(reply, "150 FILE: /unique.1\r\n");
	close(fake_take_data(&fake));
	cr_assert_eq(REPLY(), 226);
	cr_assert_not_null(strstr(reply, "stored as"));
	engine_start_transfer("APPE f");
	cr_assert((fake.open_flags & VFS_OPEN_APPEND) != 0);
	cr_assert_eq(COMMAND("NOOP"), 200);
	close(fake_take_data(&fake));
	cr_assert_eq(REPLY(), 226);
	fake_end(&fake);
}

Test(ftp_engine_transfers, commands_wait_for_the_transfer_but_for_those_that_need_not)
{
	int fd;

	fake_login(&fake);
	engine_start_transfer("STOR f");
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

Test(ftp_engine_transfers, abor_ends_a_transfer_with_426_and_226_though_data_is_unread)
{
	static char big[1u << 20];
	int fd;

	fake_set_file(&fake, big, sizeof(big));
	fake_login(&fake);
	cr_assert_eq(COMMAND("TYPE I"), 200);
	engine_start_transfer("RETR f");
	fd = fake_take_data(&fake);
	cr_assert_eq(COMMAND("ABOR"), 426);
	cr_assert_eq(REPLY(), 226);
	SETTLE();
	cr_assert_eq(fake.outcome, VFS_CLOSE_ABORTED);
	cr_assert_eq(fake.reason, VFS_CANCELLED);
	close(fd);
	cr_assert_eq(COMMAND("ABOR"), 226, "without a transfer");
	engine_start_transfer("STOR f");
	SEND("QUIT\r\n\xff\xf4\xff\xf2"
	     "ABOR\r\n");
	cr_assert_eq(REPLY(), 426, "an interrupt goes ahead of what waits");
	cr_assert_eq(REPLY(), 226);
	cr_assert_eq(REPLY(), 221);
	fake_join(&fake);
}

Test(ftp_engine_transfers, abor_ends_the_wait_for_a_data_connection)
{
	fake.hold_data = true;
	fake_login(&fake);
	engine_start_transfer("RETR f");
	while (fake.held_id == 0)
		usleep(1000);
	cr_assert_eq(COMMAND("ABOR"), 426);
	cr_assert_eq(REPLY(), 226);
	SETTLE();
	cr_assert_not(fake.handle_open);
	cr_assert_eq(COMMAND("RETR f"), 425);
	fake.hold_data = false;
	engine_start_transfer("RETR f");
	close(fake_take_data(&fake));
	cr_assert_eq(REPLY(), 226);
	fake_end(&fake);
}

Test(ftp_engine_transfers, a_client_that_closes_the_data_connection_early_gets_426)
{
	static char big[1u << 22];

	fake_set_file(&fake, big, sizeof(big));
	fake_login(&fake);
	cr_assert_eq(COMMAND("TYPE I"), 200);
	engine_start_transfer("RETR f");
	close(fake_take_data(&fake));
	cr_assert_eq(REPLY(), 426);
	SETTLE();
	cr_assert_eq(fake.outcome, VFS_CLOSE_ABORTED);
	cr_assert_eq(COMMAND("NOOP"), 200);
	fake_end(&fake);
}

Test(ftp_engine_transfers, a_transfer_without_a_byte_is_cut_and_the_session_goes_on)
{
	int fd;

	fake.conf.ftp.stall_timeout = 200;
	fake_login(&fake);
	engine_start_transfer("STOR f");
	fd = fake_take_data(&fake);
	cr_assert(io_write_full(fd, "x", 1));
	cr_assert_eq(REPLY(), 426);
	cr_assert_not_null(strstr(reply, "stalled"));
	cr_assert_eq(fake.reason, VFS_TIMEOUT);
	close(fd);
	cr_assert_eq(COMMAND("NOOP"), 200);
	fake_end(&fake);
}

Test(ftp_engine_transfers, a_transfer_slower_than_min_rate_is_cut_and_one_that_keeps_pace_is_not)
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
		engine_start_transfer("STOR f");
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

Test(ftp_engine_transfers, a_slow_upload_is_no_stalled_one)
{
	int fd;

	fake.conf.ftp.stall_timeout = 1500;
	fake.conf.ftp.idle_timeout = 1000;
	fake_login(&fake);
	engine_start_transfer("STOR f");
	fd = fake_take_data(&fake);
	for (size_t i = 0; i < 8; i++) {
		cr_assert(io_write_full(fd, "x", 1));
		usleep(250000);
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

	engine_start_transfer(line);
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

Test(ftp_engine_transfers, nlst_gives_sorted_names_that_can_be_used_as_they_are)
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

Test(ftp_engine_transfers, list_gives_long_lines_and_mlsd_facts)
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

Test(ftp_engine_transfers, stat_lists_over_the_control_connection)
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

Test(ftp_engine_transfers, a_large_directory_streams_in_its_own_order)
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

Test(ftp_engine_transfers, a_tree_of_one_directory_in_itself_ends)
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

Test(ftp_engine_transfers, a_listing_that_fails_on_its_way_is_451)
{
	int fd;

	set_entries();
	fake.status[GUARD_MESSAGE_readdir] = VFS_IO;
	fake_login(&fake);
	engine_start_transfer("LIST");
	fd = fake_take_data(&fake);
	fake_drain(fd, data, sizeof(data));
	close(fd);
	cr_assert_eq(REPLY(), 451);
	fake_end(&fake);
}
