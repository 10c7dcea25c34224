#include "server/sftp/ssh_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "server/base/buf.h"

/* libssh never waits in here as we use it; if it did, its wait must have an end. */
#define CARRIED_WAIT_MAX_MS 1000

/* The functions that libssh binds to; <poll.h> and <sys/socket.h> declare them. */
#undef recv
#undef send

static struct {
	bool open, let_in, direct, ended;
	bool unacknowledged; /* bytes came, and none were sent since */
	int fd;
	int error;
	struct buf in, out;
	uint64_t received, sent;
	unsigned calls;
} carried = { .fd = -1 };

/* --- the kernel's side ---------------------------------------------------------------------- */

static int wait_for(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	struct timespec timeout = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = (long)(timeout_ms % 1000) * 1000000,
	};

	return ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, NULL);
}

void ssh_socket_open(int fd)
{
	carried.open = true;
	carried.let_in = true;
	carried.direct = false;
	carried.ended = false;
	carried.unacknowledged = false;
	carried.fd = fd;
	carried.error = 0;
	carried.received = 0;
	carried.sent = 0;
	carried.calls = 0;
	buf_init(&carried.in, SSH_SOCKET_AHEAD_BYTES);
	buf_init(&carried.out, SSH_SOCKET_OUT_MAX_BYTES);
}

void ssh_socket_close(void)
{
	if (!carried.open)
		return;
	buf_clear(&carried.in);
	buf_clear(&carried.out);
	carried.open = false;
	carried.fd = -1;
}

bool ssh_socket_wait(int other_fd, bool for_input, int timeout_ms, bool *other_out)
{
	enum { CLIENT, OTHER, COUNT };
	struct pollfd fds[COUNT] = {
		[CLIENT] = { .fd = carried.ended ? -1 : carried.fd },
		[OTHER] = { .fd = other_fd, .events = POLLIN },
	};

	if (for_input)
		fds[CLIENT].events |= POLLIN;
	if (buf_length(&carried.out) > 0)
		fds[CLIENT].events |= POLLOUT;
	*other_out = false;
	if (wait_for(fds, COUNT, timeout_ms) < 0)
		return errno == EINTR;
	*other_out = fds[OTHER].revents != 0;
	/* Without POLLIN among the events only an error tells of the end, and again at once. */
	if (!for_input && (fds[CLIENT].revents & (POLLERR | POLLHUP)) != 0) {
		carried.ended = true;
		carried.error = ECONNRESET;
	}
	return true;
}

size_t ssh_socket_fill(const uint8_t **bytes_out)
{
	uint8_t *room;
	ssize_t got;

	if (carried.ended || buf_length(&carried.in) > 0)
		return 0;
	buf_reset(&carried.in);
	room = buf_reserve(&carried.in, SSH_SOCKET_AHEAD_BYTES);
	if (room == NULL) {
		carried.ended = true;
		carried.error = ENOMEM;
		return 0;
	}
	do {
		got = recvfrom(
		    carried.fd, room, SSH_SOCKET_AHEAD_BYTES, MSG_DONTWAIT, NULL, NULL);
	} while (got < 0 && errno == EINTR);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (got <= 0) {
		carried.ended = true;
		carried.error = got < 0 ? errno : 0;
		return 0;
	}
	buf_commit(&carried.in, (size_t)got);
	carried.received += (size_t)got;
	carried.unacknowledged = true;
	*bytes_out = room;
	return (size_t)got;
}

/* One send of what waits and n bytes more; how many of both the kernel took, 0 when it takes none now.
 * -1: the connection is broken. */
static ssize_t push(const uint8_t *bytes, size_t n)
{
	struct iovec parts[2] = {
		{ .iov_len = buf_length(&carried.out) },
		{ .iov_len = n },
	};
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	union {
		const uint8_t *in;
		void *out;
	} held = { .in = buf_bytes(&carried.out) }, more = { .in = bytes };
	ssize_t sent;

	/* sendmsg(2) does not write through these pointers; its struct just has no const. */
	parts[0].iov_base = held.out;
	parts[1].iov_base = more.out;
	do {
		sent = sendmsg(carried.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (sent < 0) {
		carried.ended = true;
		carried.error = errno;
		return -1;
	}
	carried.sent += (size_t)sent;
	carried.unacknowledged = false;
	return sent;
}

/* Drop what was sent of the bytes held; what is left of sent belongs to others. */
static size_t consume_held(size_t sent)
{
	size_t held = buf_length(&carried.out);

	if (held > sent)
		held = sent;
	buf_consume(&carried.out, held);
	return sent - held;
}

void ssh_socket_flush(void)
{
	ssize_t sent;

	if (!carried.open || carried.error != 0 || buf_length(&carried.out) == 0)
		return;
	sent = push(NULL, 0);
	if (sent > 0)
		consume_held((size_t)sent);
}

void ssh_socket_acknowledge(void)
{
	const int yes = 1;

	/* Good for the segments that have come, not for good: so it is said anew each time. */
	if (carried.unacknowledged)
		setsockopt(carried.fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof(yes));
	carried.unacknowledged = false;
}

void ssh_socket_let_in(bool on)
{
	carried.let_in = on;
}

void ssh_socket_go_direct(void)
{
	carried.direct = true;
}

void ssh_socket_rest(void)
{
	if (buf_length(&carried.in) == 0)
		buf_clear(&carried.in);
	if (buf_length(&carried.out) == 0)
		buf_clear(&carried.out);
}

bool ssh_socket_holds_input(void)
{
	return buf_length(&carried.in) > 0 || carried.ended;
}

size_t ssh_socket_unsent(void)
{
	return buf_length(&carried.out);
}

bool ssh_socket_ended(int *error_out)
{
	*error_out = carried.error;
	return carried.ended;
}

uint64_t ssh_socket_received(void)
{
	return carried.received;
}

uint64_t ssh_socket_sent(void)
{
	return carried.sent;
}

unsigned ssh_socket_calls(void)
{
	return carried.calls;
}

/* --- libssh's side -------------------------------------------------------------------------- */

static short ready_for(short wanted)
{
	short ready = 0;

	if ((wanted & POLLIN) != 0 && carried.let_in && ssh_socket_holds_input())
		ready = (short)(ready | POLLIN);
	if ((wanted & POLLOUT) != 0 && (buf_room(&carried.out) > 0 || carried.error != 0))
		ready = (short)(ready | POLLOUT);
	return ready;
}

static int poll_carried(struct pollfd *fd, int timeout_ms)
{
	const uint8_t *unused;
	bool other;

	carried.calls++;
	fd->revents = ready_for(fd->events);
	if (fd->revents == 0 && timeout_ms != 0) {
		if (timeout_ms < 0 || timeout_ms > CARRIED_WAIT_MAX_MS)
			timeout_ms = CARRIED_WAIT_MAX_MS;
		ssh_socket_wait(-1, carried.let_in && (fd->events & POLLIN) != 0, timeout_ms, &other);
		ssh_socket_fill(&unused);
		ssh_socket_flush();
		fd->revents = ready_for(fd->events);
	}
	return fd->revents != 0 ? 1 : 0;
}

static ssize_t receive_carried(void *bytes, size_t n)
{
	size_t held = buf_length(&carried.in);

	carried.calls++;
	if (held > 0) {
		if (n > held)
			n = held;
		memcpy(bytes, buf_bytes(&carried.in), n);
		buf_consume(&carried.in, n);
		return (ssize_t)n;
	}
	if (carried.ended && carried.error == 0)
		return 0;
	errno = carried.ended ? carried.error : EAGAIN;
	return -1;
}

/* As many bytes as there is room for; 0 is "none now" to libssh, and -1 the end of the connection. */
static ssize_t keep(const uint8_t *bytes, size_t n)
{
	size_t room = buf_room(&carried.out);

	if (n > room)
		n = room;
	if (n > 0 && !buf_append(&carried.out, bytes, n)) {
		errno = ENOMEM;
		return -1;
	}
	return (ssize_t)n;
}

static ssize_t send_carried(const uint8_t *bytes, size_t n)
{
	ssize_t sent;
	ssize_t kept;

	carried.calls++;
	if (carried.error != 0) {
		errno = carried.error;
		return -1;
	}
	if (!carried.direct && buf_length(&carried.out) + n < SSH_SOCKET_GATHER_BYTES)
		return keep(bytes, n);
	sent = push(bytes, n);
	if (sent < 0) {
		errno = carried.error;
		return -1;
	}
	sent = (ssize_t)consume_held((size_t)sent);
	kept = keep(bytes + sent, n - (size_t)sent);
	return kept < 0 ? -1 : sent + kept;
}

static bool is_carried(int fd)
{
	return carried.open && fd == carried.fd;
}

/* poll(2) under another C name: glibc declares that it does not read what it is given, and compilers believe it. */
int ssh_socket_poll(struct pollfd *fds, nfds_t count, int timeout_ms) __asm__("poll");

int ssh_socket_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
	if (count == 1 && is_carried(fds[0].fd))
		return poll_carried(fds, timeout_ms);
	return wait_for(fds, count, timeout_ms);
}

ssize_t recv(int fd, void *bytes, size_t n, int flags)
{
	if (is_carried(fd))
		return receive_carried(bytes, n);
	return recvfrom(fd, bytes, n, flags, NULL, NULL);
}

ssize_t send(int fd, const void *bytes, size_t n, int flags)
{
	if (is_carried(fd))
		return send_carried(bytes, n);
	return sendto(fd, bytes, n, flags, NULL, 0);
}
