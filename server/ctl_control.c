#include "server/ctl_control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "server/base/buf.h"
#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/text.h"
#include "server/control_messages.h"

/* For the whole answer: a clerk that was replaced a moment ago takes a while. */
#define PATIENCE_MS 15000
#define PIECE_BYTES 65536
#define EXPOSITION_END "# EOF\n"

static bool complain(const struct conf *conf, const char *what)
{
	fprintf(stderr, "transomctl: %s/" CONTROL_SOCKET_NAME ": %s\n", conf->runtime_dir, what);
	return false;
}

/* Why there is no connection, and what to do about it. */
static bool complain_of_connection(const struct conf *conf, int error)
{
	if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR)
		return complain(conf, "no server runs with this runtime_dir: start it, or name its configuration "
		                      "with -c (after runtime_dir was changed, restart it)");
	if (error == EACCES || error == EPERM)
		return complain(
		    conf, "permission denied: run this as root, or as the account that started the server");
	if (error == EAGAIN)
		return complain(conf, "too many ask at the same time; try again");
	return complain(conf, strerror(error));
}

static int connect_to_server(const struct conf *conf)
{
	int dir_fd = open(conf->runtime_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct sockaddr_un address;
	int fd = -1;

	if (dir_fd >= 0)
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0) {
		control_address(&address, conf->runtime_dir, dir_fd);
		if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
			io_close(&fd);
	}
	if (fd < 0)
		complain_of_connection(conf, errno);
	io_close(&dir_fd);
	return fd;
}

/* A request fits into the socket, so that this never waits. */
static bool send_request(int fd, const char *request)
{
	char line[CONTROL_LINE_MAX_BYTES];

	return text_format(line, sizeof(line), "%s\n", request) &&
	       send(fd, line, strlen(line), MSG_NOSIGNAL) == (ssize_t)strlen(line);
}

/* All that comes until the end; false with errno. */
static bool receive_answer(int fd, struct buf *out)
{
	const int64_t deadline = clock_mono_ms() + PATIENCE_MS;
	struct pollfd watch = { .fd = fd, .events = POLLIN };

	while (clock_mono_ms() < deadline) {
		uint8_t *room = buf_reserve(out, PIECE_BYTES);
		ssize_t got;

		if (room == NULL) {
			errno = EMSGSIZE;
			return false;
		}
		poll(&watch, 1, clock_poll_ms(deadline));
		got = io_read(fd, room, PIECE_BYTES);
		/* Reset: it did not read all of ours, but what it said came before. */
		if (got == 0 || (got < 0 && errno == ECONNRESET))
			return true;
		if (got < 0 && errno != EAGAIN)
			return false;
		if (got > 0)
			buf_commit(out, (size_t)got);
	}
	errno = ETIMEDOUT;
	return false;
}

/* Cut the first line off: is it "ok"?  An error is said. */
static bool take_verdict(const struct conf *conf, struct buf *answer)
{
	const size_t ok = strlen(CONTROL_OK), error = strlen(CONTROL_ERROR);
	const char *bytes = (const char *)buf_bytes(answer);
	const size_t length = buf_length(answer);
	char why[256], shown[1024];

	if (length >= ok && memcmp(bytes, CONTROL_OK, ok) == 0) {
		buf_consume(answer, ok);
		return true;
	}
	if (length <= error || memcmp(bytes, CONTROL_ERROR, error) != 0 || bytes[length - 1] != '\n')
		return complain(conf, "the server broke off; try again");
	text_format(why, sizeof(why), "%.*s", (int)(length - error - 1), bytes + error);
	text_escape(shown, sizeof(shown), why, strlen(why));
	return complain(conf, shown);
}

/* Whatever has become of the clerk, it shall not play with the terminal. */
static bool is_text(const struct buf *answer)
{
	const char *bytes = (const char *)buf_bytes(answer);
	const char *const end = bytes + buf_length(answer);

	while (bytes < end) {
		const char *line_end = memchr(bytes, '\n', (size_t)(end - bytes));
		const size_t length = (size_t)((line_end != NULL ? line_end : end) - bytes);

		if (!text_is_harmless(bytes, length))
			return false;
		bytes += length + 1;
	}
	return true;
}

static bool ends_with(const struct buf *answer, const char *end)
{
	const size_t n = strlen(end);

	return buf_length(answer) >= n &&
	       memcmp(buf_bytes(answer) + buf_length(answer) - n, end, n) == 0;
}

/* Print what the server answers, which ends as a whole answer does. */
static bool ask(const struct conf *conf, const char *request, const char *end)
{
	struct buf answer;
	bool done = false;
	int fd = connect_to_server(conf);

	if (fd < 0)
		return false;
	buf_init(&answer, CONTROL_ANSWER_MAX_BYTES + CONTROL_LINE_MAX_BYTES + PIECE_BYTES);
	/* Who is refused is told so, and perhaps before the request was sent. */
	if ((!send_request(fd, request) && errno != EPIPE) || !receive_answer(fd, &answer))
		complain(conf, strerror(errno));
	else if (take_verdict(conf, &answer))
		done = (ends_with(&answer, end) || complain(conf, "the server broke off; try again")) &&
		       (is_text(&answer) || complain(conf, "what the server answers is no text"));
	/* main looks whether it could be written. */
	if (done)
		fwrite(buf_bytes(&answer), 1, buf_length(&answer), stdout);
	buf_clear(&answer);
	io_close(&fd);
	return done;
}

bool ctl_control_metrics(const struct ctl_command *command)
{
	return ask(command->conf, "metrics", EXPOSITION_END);
}

bool ctl_control_status(const struct ctl_command *command)
{
	return ask(command->conf, "status", "\n");
}
