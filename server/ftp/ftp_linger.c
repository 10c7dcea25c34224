#include "server/ftp/ftp_linger.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/ftp/ftp_limits.h"

void ftp_linger_init(struct ftp_linger *linger)
{
	*linger = (struct ftp_linger){ .fd = -1 };
}

/* True when nothing more will come: the client has closed its side, or the connection has broken. */
static bool drop_input(int fd)
{
	uint8_t dropped[FTP_LINGER_STEP_BYTES];
	ssize_t n = sizeof(dropped);

	/* What a short read leaves is the end at most, which spoils no close. */
	for (size_t all = 0; all < FTP_LINGER_LOOK_BYTES && n == (ssize_t)sizeof(dropped); all += sizeof(dropped))
		n = io_read(fd, dropped, sizeof(dropped));
	return n == 0 || (n < 0 && errno != EAGAIN);
}

void ftp_linger_end(struct ftp_linger *linger)
{
	if (linger->fd != -1)
		drop_input(linger->fd);
	io_close(&linger->fd);
}

void ftp_linger_begin(struct ftp_linger *linger, int *fd, int64_t patience_ms)
{
	const int64_t now = clock_mono_ms();

	ftp_linger_end(linger);
	*linger = (struct ftp_linger){
		.fd = *fd,
		.look_ms = now + FTP_LINGER_FIRST_LOOK_MS,
		.pause_ms = FTP_LINGER_FIRST_LOOK_MS,
		.until_ms = now + patience_ms,
	};
	*fd = -1;
	shutdown(linger->fd, SHUT_WR);
}

void ftp_linger_wait(struct ftp_linger *linger, int64_t patience_ms)
{
	const int64_t until_ms = clock_mono_ms() + patience_ms;

	while (linger->fd != -1) {
		struct pollfd wait = { .fd = linger->fd, .events = POLLIN };
		const int64_t left_ms = until_ms - clock_mono_ms();

		if (left_ms <= 0 || poll(&wait, 1, (int)left_ms) == 0 || drop_input(linger->fd))
			ftp_linger_end(linger);
	}
}

int64_t ftp_linger_deadline(const struct ftp_linger *linger)
{
	return linger->fd != -1 ? linger->look_ms : CLOCK_NEVER;
}

void ftp_linger_look(struct ftp_linger *linger)
{
	const int64_t now = clock_mono_ms();

	/* Bytes and behind them the end: two looks. */
	if (drop_input(linger->fd) || drop_input(linger->fd) || now >= linger->until_ms) {
		io_close(&linger->fd);
		return;
	}
	/* Most clients are gone by now; the others are not worth waking up for. */
	linger->pause_ms *= 2;
	linger->look_ms = now + linger->pause_ms;
	if (linger->look_ms > linger->until_ms)
		linger->look_ms = linger->until_ms;
}
