/* Work that lasts: what is served while it runs, and how it ends.  A file with a hole is long
 * enough. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_guard.h"
#include "server/base/clock.h"
#include "server/ftp/ftp_limits.h"

#define LONG_BYTES (1LL << 42) /* hours of hashing */

static struct fake_guard fake;
static char reply[8192];

static void setup(void)
{
	fake_init(&fake);
	cr_assert_eq(ftruncate(fake.file_fd, LONG_BYTES), 0);
	fake.attr.size = LONG_BYTES;
	fake_login(&fake);
}

TestSuite(ftp_job, .init = setup, .timeout = 60);

#define COMMAND(...) fake_command(&fake, reply, sizeof(reply), __VA_ARGS__)
#define REPLY()      fake_reply(&fake, reply, sizeof(reply))
#define SEND(text)   fake_send(&fake, (text), sizeof(text) - 1)

Test(ftp_job, abor_ends_it_at_once_with_426_and_226)
{
	int64_t begun = clock_mono_ms();

	SEND("HASH f\r\n");
	cr_assert(fake_is_silent(&fake, 50));
	cr_assert_eq(COMMAND("ABOR"), 426);
	cr_assert_eq(REPLY(), 226);
	cr_assert_lt(clock_mono_ms() - begun, FTP_JOB_ORDER_MS);
	cr_assert_eq(fake.outcome, VFS_CLOSE_ABORTED);
	cr_assert_eq(fake.reason, VFS_CANCELLED);
	cr_assert_eq(COMMAND("PWD"), 257);
	fake_end(&fake);
}

Test(ftp_job, commands_sent_ahead_are_answered_after_it_in_their_order)
{
	fake.attr.size = 17;
	SEND("HASH f\r\nNOOP\r\nXCRC f\r\nPWD\r\n");
	cr_assert_eq(REPLY(), 213);
	cr_assert_eq(REPLY(), 200);
	cr_assert_eq(REPLY(), 250);
	cr_assert_eq(REPLY(), 257);
	fake_end(&fake);
}

Test(ftp_job, noop_and_stat_wait_at_first_and_are_served_then_while_others_go_on_waiting)
{
	SEND("HASH f\r\nNOOP\r\n");
	cr_assert(fake_is_silent(&fake, FTP_JOB_ORDER_MS / 2));
	cr_assert_eq(REPLY(), 200);
	cr_assert_eq(COMMAND("STAT"), 211);
	cr_assert_not_null(strstr(reply, "but computing a checksum: "), "%s", reply);
	cr_assert_null(strstr(reply, ": 0 bytes so far"));
	SEND("PWD\r\n");
	cr_assert(fake_is_silent(&fake, 50));
	/* RFC 959 4.1.3: ABOR comes behind a Telnet IP, and then past what waits. */
	SEND("\xff\xf4\xff\xf2"
	     "ABOR\r\n");
	cr_assert_eq(REPLY(), 426);
	cr_assert_eq(REPLY(), 226);
	cr_assert_eq(REPLY(), 257);
	fake_end(&fake);
}

Test(ftp_job, a_client_that_leaves_ends_it)
{
	SEND("HASH f\r\n");
	cr_assert(fake_is_silent(&fake, 50));
	/* As TCP shows it: no more commands, and whether replies are read is not to be seen. */
	cr_assert_eq(shutdown(fake.client_fd, SHUT_WR), 0);
	fake_join(&fake);
	cr_assert_eq(fake.outcome, VFS_CLOSE_ABORTED);
	cr_assert_eq(fake.bye, GUARD_BYE_CLOSED);
}

Test(ftp_job, a_server_that_stops_at_once_says_why)
{
	SEND("HASH f\r\n");
	cr_assert(fake_is_silent(&fake, 50));
	fake_stop(&fake, GUARD_STOP_SHUTDOWN, true);
	cr_assert_eq(REPLY(), 426);
	cr_assert_eq(REPLY(), 421);
	fake_join(&fake);
	cr_assert_eq(fake.bye, GUARD_BYE_STOPPED);
}

Test(ftp_job, no_idle_timeout_ends_it)
{
	cr_assert_eq(COMMAND("SITE IDLE 1"), 200);
	SEND("HASH f\r\n");
	cr_assert(fake_is_silent(&fake, 1500));
	cr_assert_eq(COMMAND("ABOR"), 426);
	cr_assert_eq(REPLY(), 226);
	fake_end(&fake);
}

Test(ftp_job, a_copy_is_no_different)
{
	fake.copy_step = 1;
	SEND("SITE COPY a b\r\n");
	cr_assert(fake_is_silent(&fake, FTP_JOB_ORDER_MS / 2));
	cr_assert_eq(COMMAND("STAT"), 211);
	cr_assert_not_null(strstr(reply, "but copying: "), "%s", reply);
	cr_assert_eq(COMMAND("ABOR"), 426);
	cr_assert_eq(REPLY(), 226);
	/* Half a copy is not kept. */
	cr_assert_eq(fake.outcome, VFS_CLOSE_FAILED);
	cr_assert_eq(fake.reason, VFS_CANCELLED);
	fake_end(&fake);
}
