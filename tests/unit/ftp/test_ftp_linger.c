#include <criterion/criterion.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/ftp/ftp_limits.h"
#include "server/ftp/ftp_linger.h"

#define PATIENCE_MS 60000

static struct ftp_linger linger;
static int client_fd;

static void begin(int64_t patience_ms)
{
	int fds[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
	client_fd = fds[0];
	ftp_linger_begin(&linger, &fds[1], patience_ms);
	cr_assert_eq(fds[1], -1, "it is the linger's now");
}

static void init(void)
{
	ftp_linger_init(&linger);
}

TestSuite(ftp_linger, .init = init, .timeout = 60);

Test(ftp_linger, there_is_none_to_begin_with)
{
	cr_expect_eq(ftp_linger_deadline(&linger), CLOCK_NEVER);
	ftp_linger_end(&linger);
	cr_expect_eq(linger.fd, -1);
}

Test(ftp_linger, the_client_sees_the_end_at_once_and_may_still_speak)
{
	char byte = 'x';

	begin(PATIENCE_MS);
	cr_expect_eq(read(client_fd, &byte, 1), 0);
	cr_expect_eq(write(client_fd, &byte, 1), 1);
	ftp_linger_look(&linger);
	cr_expect_neq(linger.fd, -1);
	cr_expect_eq(recv(linger.fd, &byte, 1, MSG_DONTWAIT), -1, "it was dropped");
	cr_expect_eq(write(client_fd, &byte, 1), 1);
	ftp_linger_end(&linger);
	close(client_fd);
}

Test(ftp_linger, it_ends_when_the_client_closes_whatever_it_said_before)
{
	static const char *const said[] = { "", "x" };

	for (size_t i = 0; i < 2; i++) {
		begin(PATIENCE_MS);
		cr_assert_geq(write(client_fd, said[i], i), 0);
		close(client_fd);
		ftp_linger_look(&linger);
		cr_expect_eq(linger.fd, -1);
		cr_expect_eq(ftp_linger_deadline(&linger), CLOCK_NEVER);
	}
}

Test(ftp_linger, each_look_is_twice_as_late_and_the_last_one_at_the_end_of_patience)
{
	int64_t before = clock_mono_ms();

	begin(PATIENCE_MS);
	for (int64_t pause = FTP_LINGER_FIRST_LOOK_MS; pause < PATIENCE_MS; pause *= 2) {
		cr_expect_geq(ftp_linger_deadline(&linger), before + pause);
		cr_expect_leq(ftp_linger_deadline(&linger), clock_mono_ms() + pause);
		before = clock_mono_ms();
		ftp_linger_look(&linger);
	}
	cr_expect_eq(ftp_linger_deadline(&linger), linger.until_ms);
	ftp_linger_end(&linger);
	close(client_fd);
}

Test(ftp_linger, patience_ends)
{
	begin(0);
	ftp_linger_look(&linger);
	cr_expect_eq(linger.fd, -1);
	close(client_fd);
}

Test(ftp_linger, there_is_one_at_most)
{
	int first;
	char byte = 'x';

	begin(PATIENCE_MS);
	first = client_fd;
	begin(PATIENCE_MS);
	cr_expect_eq(send(first, &byte, 1, MSG_NOSIGNAL), -1);
	cr_expect_eq(errno, EPIPE);
	cr_expect_eq(send(client_fd, &byte, 1, MSG_NOSIGNAL), 1);
	close(first);
	ftp_linger_end(&linger);
	close(client_fd);
}

Test(ftp_linger, what_the_client_says_does_not_pile_up)
{
	static char noise[4096];
	size_t sent = 0;
	const int room = 4 * (int)FTP_LINGER_LOOK_BYTES;

	begin(PATIENCE_MS);
	setsockopt(client_fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	while (send(client_fd, noise, sizeof(noise), MSG_NOSIGNAL) > 0)
		sent += sizeof(noise);
	for (int i = 0; i < 1000 && send(client_fd, noise, 1, MSG_NOSIGNAL) < 0; i++)
		ftp_linger_look(&linger);
	cr_expect_eq(send(client_fd, noise, 1, MSG_NOSIGNAL), 1, "after %zu bytes", sent);
	ftp_linger_end(&linger);
	close(client_fd);
}

Test(ftp_linger, a_session_that_ends_waits_for_the_client_but_not_for_ever)
{
	int64_t before;

	ftp_linger_wait(&linger, PATIENCE_MS);
	cr_expect_eq(linger.fd, -1, "nobody to wait for");
	begin(PATIENCE_MS);
	cr_assert_eq(write(client_fd, "x", 1), 1);
	close(client_fd);
	ftp_linger_wait(&linger, PATIENCE_MS);
	cr_expect_eq(linger.fd, -1);
	begin(PATIENCE_MS);
	cr_assert_eq(write(client_fd, "x", 1), 1);
	before = clock_mono_ms();
	ftp_linger_wait(&linger, 50);
	cr_expect_eq(linger.fd, -1);
	cr_expect_geq(clock_mono_ms(), before + 50);
	close(client_fd);
}
