#include "server/sftp/ssh_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "server/base/buf.h"
#include "server/sftp/ssh_cipher.h"

/* libssh never waits in here as we use it; if it did, its wait must have an end. */
#define CARRIED_WAIT_MAX_MS 1000
/* One packet and what is read behind it. */
#define INPUT_MAX_BYTES	    (SSH_CIPHER_PACKET_MAX + SSH_CIPHER_OVERHEAD_MAX + SSH_SOCKET_AHEAD_BYTES)
/* After so many full reads in a row, waking up for every few segments would cost more than it gains. */
#define STREAM_READS	    4u
#define STREAM_LOW_BYTES    (512u << 10)
#define STREAM_WAIT_MS	    3 /* what is less than that does not wait longer */
#define STREAM_END_BYTES    (96u << 10) /* a read of less: it is no stream any more */
/* Data stops early (SSH_SOCKET_FULL_BYTES); the rest is for what libssh says, which is answers to input. */
#define OUTPUT_MAX_BYTES    (1u << 20)

/* The functions that libssh binds to; <poll.h> and <sys/socket.h> declare them. */
#undef recv
#undef send

static struct {
	bool open, let_in, direct, ended;
	bool held_up;	     /* the kernel did not take all of the output */
	bool starved;	     /* the input that waits is no whole packet */
	bool unacknowledged; /* bytes came, and none were sent since */
	int fd;
	int error;
	unsigned full_reads; /* one after the other */
	int low_mark;	     /* bytes: SO_RCVLOWAT as it is set */
	struct buf input, output;	/* the kernel's side */
	struct buf handed, written;	/* libssh's */
	void (*on_write)(void *context);
	void *on_write_context;
	uint64_t received, sent;
} carried = { .fd = -1 };

/* buf.h hands out bytes to be read; these are changed by who opens packets in place. */
static uint8_t *own_bytes(const struct buf *buf, size_t *n_out)
{
	*n_out = buf_length(buf);
	return buf->data != NULL ? buf->data + buf->start : NULL;
}

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
	ssh_socket_close();
	carried.open = true;
	carried.let_in = true;
	carried.direct = false;
	carried.ended = false;
	carried.held_up = false;
	carried.starved = false;
	carried.unacknowledged = false;
	carried.fd = fd;
	carried.error = 0;
	carried.full_reads = 0;
	carried.low_mark = 1;
	carried.on_write = NULL;
	carried.received = 0;
	carried.sent = 0;
	buf_init(&carried.input, INPUT_MAX_BYTES);
	buf_init(&carried.output, OUTPUT_MAX_BYTES);
	buf_init(&carried.handed, SSH_SOCKET_INNER_MAX_BYTES);
	buf_init(&carried.written, SSH_SOCKET_INNER_MAX_BYTES);
}

void ssh_socket_close(void)
{
	if (!carried.open)
		return;
	buf_clear(&carried.input);
	buf_clear(&carried.output);
	buf_clear(&carried.handed);
	buf_clear(&carried.written);
	carried.open = false;
	carried.fd = -1;
}

/* Nothing comes any more, and nothing waits to go. */
static bool is_over(void)
{
	return carried.ended && (carried.error != 0 || buf_length(&carried.output) == 0);
}

/* From how many bytes on is input worth waking up for?  The longest wait for less, given the one that was asked for. */
static int mind_stream(int timeout_ms)
{
	const int low = carried.full_reads >= STREAM_READS ? (int)STREAM_LOW_BYTES : 1;

	if (low != carried.low_mark &&
	    setsockopt(carried.fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof(low)) == 0)
		carried.low_mark = low;
	return carried.low_mark > 1 && (timeout_ms < 0 || timeout_ms > STREAM_WAIT_MS) ? STREAM_WAIT_MS
										       : timeout_ms;
}

bool ssh_socket_wait(int other_fd, bool for_input, int timeout_ms, bool *other_out)
{
	enum { CLIENT, OTHER, COUNT };
	struct pollfd fds[COUNT] = {
		[CLIENT] = { .fd = is_over() ? -1 : carried.fd },
		[OTHER] = { .fd = other_fd, .events = POLLIN },
	};

	for_input = for_input && !carried.ended;
	if (for_input) {
		fds[CLIENT].events |= POLLIN;
		if (timeout_ms != 0)
			timeout_ms = mind_stream(timeout_ms);
	}
	if (buf_length(&carried.output) > 0)
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

size_t ssh_socket_fill(void)
{
	uint8_t *room;
	ssize_t got;

	/* So much holds a whole packet in any case, which somebody has to take first. */
	if (!carried.open || carried.ended || buf_room(&carried.input) < SSH_SOCKET_AHEAD_BYTES)
		return 0;
	room = buf_reserve(&carried.input, SSH_SOCKET_AHEAD_BYTES);
	if (room == NULL) {
		carried.ended = true;
		carried.error = ENOMEM;
		return 0;
	}
	do {
		got = recvfrom(
		    carried.fd, room, SSH_SOCKET_AHEAD_BYTES, MSG_DONTWAIT, NULL, NULL);
	} while (got < 0 && errno == EINTR);
	if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		carried.full_reads = 0;
		return 0;
	}
	if (got <= 0) {
		carried.ended = true;
		carried.error = got < 0 ? errno : 0;
		return 0;
	}
	buf_commit(&carried.input, (size_t)got);
	carried.starved = false;
	if ((size_t)got == SSH_SOCKET_AHEAD_BYTES)
		carried.full_reads++;
	else if ((size_t)got < STREAM_END_BYTES)
		carried.full_reads = 0;
	carried.received += (size_t)got;
	carried.unacknowledged = true;
	return (size_t)got;
}

uint8_t *ssh_socket_input(size_t *n_out)
{
	return own_bytes(&carried.input, n_out);
}

void ssh_socket_consume(size_t n)
{
	buf_consume(&carried.input, n);
}

void ssh_socket_starve(void)
{
	carried.starved = true;
}

uint8_t *ssh_socket_reserve(size_t n)
{
	return buf_reserve(&carried.output, n);
}

void ssh_socket_commit(size_t n)
{
	buf_commit(&carried.output, n);
}

void ssh_socket_flush(void)
{
	ssize_t sent;

	if (!carried.open || carried.error != 0 || buf_length(&carried.output) == 0)
		return;
	do {
		sent = sendto(carried.fd, buf_bytes(&carried.output), buf_length(&carried.output),
		    MSG_DONTWAIT | MSG_NOSIGNAL, NULL, 0);
	} while (sent < 0 && errno == EINTR);
	if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
		carried.held_up = true;
		return;
	}
	if (sent < 0) {
		carried.ended = true;
		carried.error = errno;
		return;
	}
	buf_consume(&carried.output, (size_t)sent);
	carried.held_up = buf_length(&carried.output) > 0;
	carried.sent += (size_t)sent;
	carried.unacknowledged = false;
}

void ssh_socket_flush_some(void)
{
	if (carried.direct || buf_length(&carried.output) >= SSH_SOCKET_GATHER_BYTES)
		ssh_socket_flush();
}

void ssh_socket_acknowledge(void)
{
	const int yes = 1;

	/* Good for the segments that have come, not for good: so it is said anew each time. */
	if (carried.unacknowledged)
		setsockopt(carried.fd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof(yes));
	carried.unacknowledged = false;
}

void ssh_socket_rest(void)
{
	struct buf *const all[] = { &carried.input, &carried.output, &carried.handed, &carried.written };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (buf_length(all[i]) == 0)
			buf_clear(all[i]);
	}
}

size_t ssh_socket_unsent(void)
{
	return buf_length(&carried.output);
}

bool ssh_socket_is_full(void)
{
	return carried.held_up && buf_length(&carried.output) >= SSH_SOCKET_FULL_BYTES;
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

/* --- libssh's side -------------------------------------------------------------------------- */

void ssh_socket_on_write(void (*written)(void *context), void *context)
{
	carried.on_write = written;
	carried.on_write_context = context;
}

uint8_t *ssh_socket_written(size_t *n_out)
{
	return own_bytes(&carried.written, n_out);
}

void ssh_socket_written_consume(size_t n)
{
	buf_consume(&carried.written, n);
}

uint8_t *ssh_socket_hand_room(size_t n)
{
	return buf_reserve(&carried.handed, n);
}

void ssh_socket_hand_over(size_t n)
{
	buf_commit(&carried.handed, n);
}

size_t ssh_socket_handed(void)
{
	return buf_length(&carried.handed);
}

void ssh_socket_let_in(bool on)
{
	carried.let_in = on;
}

void ssh_socket_go_direct(void)
{
	carried.direct = true;
}

/* The end comes after the last packet. */
static bool at_end(void)
{
	return carried.ended && (carried.starved || carried.error != 0) && buf_length(&carried.handed) == 0;
}

static short ready_for(short wanted)
{
	short ready = 0;

	if ((wanted & POLLIN) != 0 && carried.let_in && (ssh_socket_handed() > 0 || at_end()))
		ready = (short)(ready | POLLIN);
	if ((wanted & POLLOUT) != 0 && (buf_room(&carried.written) > 0 || carried.error != 0))
		ready = (short)(ready | POLLOUT);
	return ready;
}

static int poll_carried(struct pollfd *fd, int timeout_ms)
{
	bool other;

	fd->revents = ready_for(fd->events);
	if (fd->revents == 0 && timeout_ms != 0) {
		if (timeout_ms < 0 || timeout_ms > CARRIED_WAIT_MAX_MS)
			timeout_ms = CARRIED_WAIT_MAX_MS;
		ssh_socket_wait(-1, false, timeout_ms, &other);
		ssh_socket_flush();
		fd->revents = ready_for(fd->events);
	}
	return fd->revents != 0 ? 1 : 0;
}

static ssize_t receive_carried(void *bytes, size_t n)
{
	size_t held = buf_length(&carried.handed);

	if (held > 0) {
		if (n > held)
			n = held;
		memcpy(bytes, buf_bytes(&carried.handed), n);
		buf_consume(&carried.handed, n);
		return (ssize_t)n;
	}
	if (carried.ended && carried.error == 0)
		return 0;
	errno = carried.ended ? carried.error : EAGAIN;
	return -1;
}

/* As many bytes as there is room for; 0 is "none now" to libssh, and -1 the end of the connection. */
static ssize_t send_carried(const uint8_t *bytes, size_t n)
{
	size_t room = buf_room(&carried.written);

	if (n > room)
		n = room;
	if (carried.error == 0 && n > 0 && !buf_append(&carried.written, bytes, n))
		carried.error = ENOMEM;
	if (carried.error == 0 && carried.on_write != NULL)
		carried.on_write(carried.on_write_context);
	ssh_socket_flush_some();
	if (carried.error == 0)
		return (ssize_t)n;
	carried.ended = true;
	errno = carried.error;
	return -1;
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
