#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/sftp/ssh_socket.h"

enum { OURS, THEIRS };
static int fds[2];

static void set_up(void)
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	ssh_socket_open(fds[OURS]);
}

static void tear_down(void)
{
	ssh_socket_close();
	close(fds[OURS]);
	close(fds[THEIRS]);
}

TestSuite(ssh_socket, .init = set_up, .fini = tear_down);

/* What poll(2) says of our end to a library. */
static short ready(short events)
{
	struct pollfd fd = { .fd = fds[OURS], .events = events };

	return poll(&fd, 1, 0) > 0 ? fd.revents : 0;
}

/* What somebody in between does with input: hands it to the library as it is. */
static void hand_all_over(void)
{
	size_t n;
	const uint8_t *bytes = ssh_socket_input(&n);
	uint8_t *room = ssh_socket_hand_room(n);

	cr_assert_not_null(room);
	memcpy(room, bytes, n);
	ssh_socket_hand_over(n);
	ssh_socket_consume(n);
}

/* The same with what the library writes. */
static void send_all_on(void *context)
{
	size_t n;
	const uint8_t *bytes = ssh_socket_written(&n);
	uint8_t *room = ssh_socket_reserve(n);

	(void)context;
	if (room == NULL)
		return;
	memcpy(room, bytes, n);
	ssh_socket_commit(n);
	ssh_socket_written_consume(n);
}

Test(ssh_socket, input_is_read_ahead_and_the_library_gets_what_it_is_handed)
{
	char out[8] = "";
	size_t n;

	cr_assert_eq(write(fds[THEIRS], "hello", 5), 5);
	cr_assert_eq(ssh_socket_fill(), 5);
	cr_assert_eq(write(fds[THEIRS], " world", 6), 6);
	cr_assert_eq(ssh_socket_fill(), 6, "behind what there is");
	cr_assert_eq(ready(POLLIN), 0, "not before it was handed over");
	cr_assert_eq(memcmp(ssh_socket_input(&n), "hello world", 11), 0);
	cr_assert_eq(n, 11);
	hand_all_over();
	cr_assert_eq(ready(POLLIN), POLLIN);
	cr_assert_eq(ssh_socket_handed(), 11);
	cr_assert_eq(recv(fds[OURS], out, 5, 0), 5);
	cr_assert_str_eq(out, "hello");
	cr_assert_eq(recv(fds[OURS], out, 8, 0), 6);
	cr_assert_eq(ready(POLLIN), 0);
	cr_assert_eq(ssh_socket_received(), 11);
}

Test(ssh_socket, input_that_is_not_let_in_is_not_seen)
{
	cr_assert_eq(write(fds[THEIRS], "x", 1), 1);
	ssh_socket_fill();
	hand_all_over();
	ssh_socket_let_in(false);
	cr_assert_eq(ready(POLLIN), 0);
	ssh_socket_let_in(true);
	cr_assert_eq(ready(POLLIN), POLLIN);
}

Test(ssh_socket, the_end_comes_after_the_bytes)
{
	char out[8];
	int error = -1;

	cr_assert_eq(write(fds[THEIRS], "xy", 2), 2);
	shutdown(fds[THEIRS], SHUT_WR);
	cr_assert_eq(ssh_socket_fill(), 2);
	cr_assert_eq(ssh_socket_fill(), 0);
	cr_assert(ssh_socket_ended(&error));
	cr_assert_eq(error, 0);
	cr_assert_eq(ready(POLLIN), 0, "a packet may be among what waits");
	hand_all_over();
	cr_assert_eq(recv(fds[OURS], out, sizeof(out), 0), 2);
	cr_assert_eq(ready(POLLIN), 0, "nobody has looked");
	ssh_socket_starve();
	cr_assert_eq(ready(POLLIN), POLLIN);
	cr_assert_eq(recv(fds[OURS], out, sizeof(out), 0), 0);
}

Test(ssh_socket, small_writes_wait_for_the_end_of_the_turn)
{
	char out[8] = "";

	ssh_socket_on_write(send_all_on, NULL);
	cr_assert_eq(send(fds[OURS], "abc", 3, 0), 3);
	cr_assert_eq(send(fds[OURS], "def", 3, 0), 3);
	cr_assert_eq(read(fds[THEIRS], out, sizeof(out)), -1);
	cr_assert_eq(ssh_socket_unsent(), 6);
	ssh_socket_flush();
	cr_assert_eq(ssh_socket_unsent(), 0);
	cr_assert_eq(read(fds[THEIRS], out, sizeof(out)), 6);
	cr_assert_eq(memcmp(out, "abcdef", 6), 0);
	ssh_socket_go_direct();
	cr_assert_eq(send(fds[OURS], "ghi", 3, 0), 3);
	cr_assert_eq(read(fds[THEIRS], out, sizeof(out)), 3, "last words do not wait");
}

/* A peer that takes nothing costs a bounded amount, and no write fails. */
Test(ssh_socket, a_full_connection_is_never_an_error)
{
	static uint8_t block[100000];
	size_t taken = 0;
	ssize_t kept;

	ssh_socket_on_write(send_all_on, NULL);
	cr_assert_not(ssh_socket_is_full());
	do {
		cr_assert_eq(ready(POLLOUT), POLLOUT);
		kept = send(fds[OURS], block, sizeof(block), 0);
		cr_assert_geq(kept, 0);
		taken += (size_t)kept;
		cr_assert_lt(taken, 16u << 20);
	} while (kept == sizeof(block));
	cr_assert(ssh_socket_is_full());
	cr_assert_eq(ready(POLLOUT), 0);
	cr_assert_eq(send(fds[OURS], block, sizeof(block), 0), 0);
	for (ssize_t got = 1; got > 0;) {
		got = read(fds[THEIRS], block, sizeof(block));
		ssh_socket_flush();
	}
	cr_assert_not(ssh_socket_is_full());
}

Test(ssh_socket, bytes_arrive_in_order_whatever_the_pieces)
{
	static uint8_t sent[600000], got[600000];
	size_t in = 0, out = 0;

	ssh_socket_on_write(send_all_on, NULL);
	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 7 + i / 251);
	for (size_t piece = 1; out < sizeof(got); piece = piece * 3 % 99991) {
		size_t n = sizeof(sent) - in < piece ? sizeof(sent) - in : piece;
		ssize_t done = n > 0 ? send(fds[OURS], sent + in, n, 0) : 0;

		cr_assert_geq(done, 0);
		in += (size_t)done;
		done = read(fds[THEIRS], got + out, sizeof(got) - out);
		out += done > 0 ? (size_t)done : 0;
		ssh_socket_flush();
	}
	cr_assert_eq(memcmp(sent, got, sizeof(sent)), 0);
}

Test(ssh_socket, a_broken_connection_is_told)
{
	int error = 0;

	ssh_socket_on_write(send_all_on, NULL);
	close(fds[THEIRS]);
	fds[THEIRS] = -1;
	send(fds[OURS], "x", 1, 0);
	ssh_socket_flush();
	cr_assert(ssh_socket_ended(&error));
	cr_assert_eq(error, EPIPE);
	cr_assert_eq(ssh_socket_fill(), 0);
	errno = 0;
	cr_assert_eq(send(fds[OURS], "x", 1, 0), -1);
	cr_assert_eq(errno, EPIPE);
}

Test(ssh_socket, input_that_nobody_takes_is_no_error)
{
	static uint8_t block[64 << 10];
	size_t n = 0;
	int error;

	for (int rounds = 0; rounds < 64; rounds++) {
		while (write(fds[THEIRS], block, sizeof(block)) > 0)
			;
		ssh_socket_fill();
	}
	cr_assert_not(ssh_socket_ended(&error));
	ssh_socket_input(&n);
	cr_assert_gt(n, SSH_SOCKET_AHEAD_BYTES);
	ssh_socket_consume(n);
	cr_assert_gt(ssh_socket_fill(), 0);
}

Test(ssh_socket, memory_at_rest_is_given_back_but_no_byte)
{
	size_t n;

	cr_assert_eq(write(fds[THEIRS], "half a packet", 13), 13);
	cr_assert_eq(ssh_socket_fill(), 13);
	ssh_socket_rest();
	cr_assert_eq(memcmp(ssh_socket_input(&n), "half a packet", 13), 0);
	ssh_socket_consume(n);
	ssh_socket_rest();
	ssh_socket_input(&n);
	cr_assert_eq(n, 0);
}

Test(ssh_socket, other_descriptors_meet_the_system)
{
	int others[2];
	char out[4] = "";
	struct pollfd watch[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, others), 0);
	watch[0] = (struct pollfd){ .fd = others[0], .events = POLLIN };
	watch[1] = (struct pollfd){ .fd = fds[OURS], .events = POLLOUT };
	cr_assert_eq(poll(watch, 2, 0), 1);
	cr_assert_eq(watch[1].revents, POLLOUT);
	cr_assert_eq(poll(watch, 1, 10), 0);
	cr_assert_eq(send(others[1], "abc", 3, MSG_NOSIGNAL), 3);
	cr_assert_eq(poll(watch, 1, -1), 1);
	cr_assert_eq(recv(others[0], out, sizeof(out), MSG_PEEK), 3);
	cr_assert_eq(recv(others[0], out, sizeof(out), 0), 3);
	cr_assert_eq(recv(others[0], out, sizeof(out), 0), -1);
	cr_assert_eq(errno, EAGAIN);
	close(others[0]);
	close(others[1]);
}

Test(ssh_socket, waiting_tells_of_the_other_descriptor)
{
	int others[2];
	bool other = true;

	cr_assert_eq(pipe2(others, O_CLOEXEC), 0);
	cr_assert(ssh_socket_wait(others[0], true, 0, &other));
	cr_assert_not(other);
	cr_assert_eq(write(others[1], "x", 1), 1);
	cr_assert(ssh_socket_wait(others[0], true, -1, &other));
	cr_assert(other);
	close(others[0]);
	close(others[1]);
}

/* A connection over TCP in the place of ours, whose end here does not acknowledge at once. */
static void connect_over_tcp(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t length = sizeof(address);
	const int no = 0;
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(bind(listener, (struct sockaddr *)&address, length), 0);
	cr_assert_eq(listen(listener, 1), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
	ssh_socket_close();
	close(fds[OURS]);
	close(fds[THEIRS]);
	fds[THEIRS] = socket(AF_INET, SOCK_STREAM, 0);
	cr_assert_eq(connect(fds[THEIRS], (struct sockaddr *)&address, length), 0);
	fds[OURS] = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	cr_assert_geq(fds[OURS], 0);
	cr_assert_eq(setsockopt(fds[OURS], IPPROTO_TCP, TCP_QUICKACK, &no, sizeof(no)), 0);
	close(listener);
	ssh_socket_open(fds[OURS]);
}

static int not_acknowledged(void)
{
	int n = -1;

	cr_assert_eq(ioctl(fds[THEIRS], SIOCOUTQ, &n), 0);
	return n;
}

Test(ssh_socket, what_came_is_acknowledged_at_once_when_it_is_asked_for)
{
	bool unused;

	connect_over_tcp();
	cr_assert_eq(write(fds[THEIRS], "x", 1), 1);
	cr_assert(ssh_socket_wait(-1, true, -1, &unused));
	cr_assert_eq(ssh_socket_fill(), 1);
	cr_assert_eq(not_acknowledged(), 1, "the kernel waits for more");
	ssh_socket_acknowledge();
	cr_assert_eq(not_acknowledged(), 0);
}

static int low_mark(void)
{
	int low = 0;
	socklen_t length = sizeof(low);

	cr_assert_eq(getsockopt(fds[OURS], SOL_SOCKET, SO_RCVLOWAT, &low, &length), 0);
	return low;
}

/* Nothing waits for good: a stream that stops is read a moment later, and one byte wakes up again after that. */
Test(ssh_socket, a_stream_wakes_up_less_often_and_its_end_is_not_missed)
{
	static uint8_t block[SSH_SOCKET_AHEAD_BYTES];
	bool unused;
	size_t n;

	connect_over_tcp();
	for (int i = 0; i < 8; i++) {
		for (size_t sent = 0; sent < sizeof(block);) {
			ssize_t done = write(fds[THEIRS], block + sent, sizeof(block) - sent);

			cr_assert_gt(done, 0);
			sent += (size_t)done;
			if (sent == sizeof(block))
				break;
		}
		cr_assert(ssh_socket_wait(-1, true, -1, &unused));
		while (ssh_socket_fill() > 0)
			ssh_socket_consume((ssh_socket_input(&n), n));
	}
	/* Whether that was a stream depends on the pieces the kernel made of it; in either case: */
	cr_assert_eq(write(fds[THEIRS], "tail", 4), 4);
	cr_assert(ssh_socket_wait(-1, true, -1, &unused));
	for (n = 0; n == 0;) {
		cr_assert(ssh_socket_wait(-1, true, 10, &unused));
		n = ssh_socket_fill();
	}
	cr_assert_eq(n, 4);
	cr_assert_eq(write(fds[THEIRS], "x", 1), 1);
	cr_assert(ssh_socket_wait(-1, true, -1, &unused));
	cr_assert_eq(low_mark(), 1);
	cr_assert_eq(ssh_socket_fill(), 1);
}
