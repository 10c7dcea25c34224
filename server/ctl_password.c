#include "server/ctl_password.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"

#define PASSWORD_WAIT_MS   (5 * 60 * 1000)
#define PASSWORD_MAX_BYTES (CRYPT_MAX_PASSPHRASE_SIZE - 1) /* its NUL counts */

_Static_assert(PASSWORD_MAX_BYTES <= SECRET_MAX_BYTES, "what can be hashed can be held");

/* One line as it comes in; wiped by whoever holds it. */
struct line {
	size_t length; /* without the end of the line */
	bool complete;
	char bytes[PASSWORD_MAX_BYTES + 2]; /* and \r\n */
};

static bool complain(const char *what)
{
	fprintf(stderr, "transomctl: %s\n", what);
	return false;
}

/* Wait for fd, until the deadline or a signal on signal_fd; false with the cause said. */
static bool wait_readable(int fd, int signal_fd, int64_t deadline_ms)
{
	struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
		{ .fd = signal_fd, .events = POLLIN } };
	int ready;

	do
		ready = poll(fds, 2, clock_poll_ms(deadline_ms));
	while (ready < 0 && errno == EINTR);
	if (ready == 0)
		return complain("no password came; nothing was changed");
	if (ready < 0)
		return complain(strerror(errno));
	return fds[1].revents == 0;
}

/* Read a line byte by byte: what follows it belongs to somebody else. */
static bool read_line(int fd, int signal_fd, struct line *line)
{
	int64_t deadline_ms = clock_mono_ms() + PASSWORD_WAIT_MS;

	line->length = 0;
	line->complete = false;
	while (!line->complete && line->length < sizeof(line->bytes)) {
		ssize_t got;

		if (!wait_readable(fd, signal_fd, deadline_ms))
			return false;
		got = io_read(fd, line->bytes + line->length, 1);
		if (got < 0)
			return complain(strerror(errno));
		if (got == 0 || line->bytes[line->length] == '\n')
			line->complete = true;
		else
			line->length++;
	}
	if (line->length > 0 && line->bytes[line->length - 1] == '\r')
		line->length--;
	return true;
}

static bool check_line(const struct line *line)
{
	if (line->length == 0)
		return complain("the password is empty; give one, or --no-password where there is "
		                "to be none");
	if (!line->complete || line->length > PASSWORD_MAX_BYTES) {
		fprintf(stderr, "transomctl: the password is too long; allowed: %d bytes\n",
		    PASSWORD_MAX_BYTES);
		return false;
	}
	if (memchr(line->bytes, '\0', line->length) != NULL)
		return complain("the password has a NUL byte; allowed: text on one line");
	return true;
}

/* A question and its answer, without echo. */
static bool ask(
    int tty_fd, int signal_fd, const char *user, const char *question, struct line *line)
{
	struct termios shown, hidden;
	bool answered;

	if (tcgetattr(tty_fd, &shown) != 0)
		return complain("the terminal cannot hide a password");
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
	if (tcsetattr(tty_fd, TCSAFLUSH, &hidden) != 0)
		return complain("the terminal cannot hide a password");
	dprintf(tty_fd, "%s for %s: ", question, user);
	answered = read_line(tty_fd, signal_fd, line);
	dprintf(tty_fd, "\n");
	tcsetattr(tty_fd, TCSAFLUSH, &shown);
	return answered;
}

static bool ask_twice(int tty_fd, int signal_fd, const char *user, struct line *line)
{
	struct line again;
	bool same = false;

	if (ask(tty_fd, signal_fd, user, "New password", line) && check_line(line) &&
	    ask(tty_fd, signal_fd, user, "The same again", &again)) {
		same = again.length == line->length &&
		       memcmp(again.bytes, line->bytes, line->length) == 0;
		if (!same)
			complain("the two passwords differ; nothing was changed");
	}
	secret_wipe(&again, sizeof(again));
	return same;
}

struct secret *ctl_password_read(const char *user, bool from_stdin)
{
	struct secret *secret = NULL;
	struct line line = { 0 };
	sigset_t signals, before;
	int signal_fd = -1;
	int tty_fd = -1;
	bool read = false;

	/* A signal in the middle must not leave the terminal without echo: it waits in signal_fd.
	 */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGQUIT);
	sigaddset(&signals, SIGTSTP);
	sigprocmask(SIG_BLOCK, &signals, &before);
	signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	if (signal_fd < 0) {
		complain(strerror(errno));
		goto out;
	}
	if (!from_stdin && isatty(STDIN_FILENO)) {
		tty_fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
		if (tty_fd < 0)
			complain("there is no terminal to ask at; use --stdin");
		else
			read = ask_twice(tty_fd, signal_fd, user, &line);
	} else {
		read = read_line(STDIN_FILENO, signal_fd, &line) && check_line(&line);
	}
	if (read)
		secret = secret_new(line.bytes, line.length);
	if (read && secret == NULL)
		complain("out of memory");
out:
	secret_wipe(&line, sizeof(line));
	io_close(&tty_fd);
	io_close(&signal_fd);
	sigprocmask(SIG_SETMASK, &before, NULL); /* a signal that waited ends us here */
	return secret;
}
