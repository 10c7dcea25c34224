/*
 * How sessions end: idle and vanished clients, the end of the server, REIN.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine_harness.h"
#include "server/base/io.h"

TestSuite(ftp_engine_ends, .init = engine_setup, .timeout = 60);

/* --- the end
 * -------------------------------------------------------------------------------------------- */

Test(ftp_engine_ends, an_idle_client_is_told_and_sent_away)
{
	fake.conf.ftp.idle_timeout = 1000;
	fake_login(&fake);
	cr_assert_eq(REPLY(), 421);
	cr_assert_not_null(strstr(reply, "1 seconds"));
	cr_assert_eq(REPLY(), 0);
	fake_join(&fake);
	cr_assert_eq(fake.bye, GUARD_BYE_IDLE);
}

Test(ftp_engine_ends, dripping_bytes_are_no_command)
{
	fake.conf.ftp.idle_timeout = 1000;
	fake_start(&fake);
	for (size_t i = 0; i < 3; i++) {
		SEND("x");
		usleep(100000);
	}
	cr_assert_eq(REPLY(), 421);
	fake_join(&fake);
}

/* The count is read after the reply to a later command, which the same thread has given. */
Test(ftp_engine_ends, a_guard_that_asks_whether_it_lives_is_answered_in_a_transfer_too)
{
	int fd;

	fake_login(&fake);
	fake_ping(&fake, 1);
	cr_assert_eq(COMMAND("NOOP"), 200);
	cr_assert_eq(COMMAND("NOOP"), 200);
	cr_expect_eq(fake.calls[GUARD_MESSAGE_pong], 1);
	engine_start_transfer("STOR f");
	fd = fake_take_data(&fake);
	fake_ping(&fake, 2);
	cr_assert_eq(COMMAND("NOOP"), 200);
	cr_assert_eq(COMMAND("NOOP"), 200);
	cr_expect_eq(fake.calls[GUARD_MESSAGE_pong], 2);
	close(fd);
	cr_assert_eq(REPLY(), 226);
}

Test(ftp_engine_ends, a_stop_waits_for_the_transfer_unless_it_says_now)
{
	int fd;

	fake_login(&fake);
	engine_start_transfer("STOR f");
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
	engine_start_transfer("STOR f");
	fd = fake_take_data(&fake);
	fake_stop(&fake, GUARD_STOP_KICKED, true);
	cr_assert_eq(REPLY(), 426);
	cr_assert_eq(REPLY(), 421);
	cr_assert_eq(REPLY(), 0);
	fake_join(&fake);
	cr_assert_eq(fake.outcome, VFS_CLOSE_ABORTED);
	close(fd);
}

Test(ftp_engine_ends, a_login_timeout_is_called_by_its_name)
{
	fake_start(&fake);
	fake_stop(&fake, GUARD_STOP_LOGIN_TIMEOUT, true);
	cr_assert_eq(REPLY(), 421);
	cr_assert_str_eq(reply, "421 Login timeout.\r\n");
	fake_join(&fake);
	cr_assert_eq(fake.bye, GUARD_BYE_LOGIN_TIMEOUT);
}

Test(ftp_engine_ends, commands_sent_ahead_of_the_end_are_all_served)
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
	engine_start_transfer("STOR f");
	fd = fake_take_data(&fake);
	fake_send(&fake, last_words, strlen(last_words));
	shutdown(fake.client_fd, SHUT_WR);
	cr_assert(io_write_full(fd, "abc", 3));
	usleep(20000);
	close(fd);
}

Test(ftp_engine_ends, an_upload_whose_client_has_left_without_quit_is_not_published)
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

Test(ftp_engine_ends, an_upload_whose_client_leaves_in_the_same_moment_is_not_published)
{
	int fd;

	/* As a kernel closes the descriptors of a process that was killed: both at once. */
	for (size_t i = 0; i < 50; i++) {
		fake_init(&fake);
		fake_login(&fake);
		engine_start_transfer("STOR f");
		fd = fake_take_data(&fake);
		cr_assert(io_write_full(fd, "abc", 3));
		io_close(&fake.client_fd);
		close(fd);
		fake_join(&fake);
		cr_assert_eq(fake.outcome, VFS_CLOSE_ABORTED);
	}
}

Test(ftp_engine_ends, a_download_outlives_the_clients_half_of_the_control_connection)
{
	static char big[1u << 20];
	int fd;

	fake_set_file(&fake, big, sizeof(big));
	fake_login(&fake);
	cr_assert_eq(COMMAND("TYPE I"), 200);
	engine_start_transfer("RETR f");
	fd = fake_take_data(&fake);
	shutdown(fake.client_fd, SHUT_WR);
	usleep(20000);
	cr_assert_eq(fake_drain(fd, data, sizeof(data)), sizeof(big));
	cr_assert_eq(REPLY(), 226);
	close(fd);
	fake_join(&fake);
	cr_assert_eq(fake.bye, GUARD_BYE_CLOSED);
}

Test(ftp_engine_ends, a_client_that_vanishes_aborts_its_transfer)
{
	int fd;

	fake_login(&fake);
	engine_start_transfer("STOR f");
	fd = fake_take_data(&fake);
	io_close(&fake.client_fd);
	fake_join(&fake);
	cr_assert_eq(fake.outcome, VFS_CLOSE_ABORTED);
	cr_assert_eq(fake.bye, GUARD_BYE_RESET);
	close(fd);
}

Test(ftp_engine_ends, a_client_that_reads_no_replies_costs_a_known_amount_and_is_cut)
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

/* --- REIN --------------------------------------------------------------------------------------- */

Test(ftp_engine_ends, rein_before_the_login_forgets_what_was_set)
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
	cr_assert_eq(fake.calls[GUARD_MESSAGE_anew], 1);
	cr_assert_eq(COMMAND("FEAT"), 211);
	cr_assert_not_null(strstr(reply, "modify*"));
	fake_end(&fake);
}

Test(ftp_engine_ends, rein_after_the_login_gives_the_connection_away_without_another_word)
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

Test(ftp_engine_ends, rein_that_nobody_takes_is_421)
{
	fake.status[GUARD_MESSAGE_rein] = VFS_FAILED;
	fake_login(&fake);
	cr_assert_eq(COMMAND("REIN"), 421);
	close(fake.carried_fd);
	cr_assert_eq(REPLY(), 0);
	fake_join(&fake);
	cr_assert_eq(fake.calls[GUARD_MESSAGE_bye], 0);
}

Test(ftp_engine_ends, rein_waits_for_the_transfer)
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

Test(ftp_engine_ends, a_session_is_silent_when_an_earlier_one_has_greeted_for_it)
{
	fake.start.greeted = true;
	fake_start(&fake);
	cr_assert(fake_is_silent(&fake, 100));
	cr_assert_eq(COMMAND("PWD"), 530);
	fake_end(&fake);
}

Test(ftp_engine_ends, a_session_begins_with_what_an_earlier_one_left_unread)
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
