#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/wire.h"

static int ends[2];
static uint8_t bytes[WIRE_MAX_BYTES];
static struct wire_writer writer;

static void enter(void)
{
	cr_assert(wire_pair(ends));
	writer = (struct wire_writer){ .bytes = bytes, .size = sizeof(bytes) };
}

static void leave(void)
{
	close(ends[0]);
	close(ends[1]);
}

TestSuite(wire, .init = enter, .fini = leave, .timeout = 10);

static struct wire_reader reader_of_written(void)
{
	return (struct wire_reader){ .bytes = bytes, .left = writer.length };
}

Test(wire, headers_come_back_as_they_went)
{
	struct wire_header header = { 0x1234, WIRE_REPLY, 0xdeadbeef, 17 }, back;
	struct wire_reader reader;

	wire_put_header(&writer, &header);
	cr_assert_eq(writer.length, 12);
	reader = reader_of_written();
	wire_get_header(&reader, &back);
	cr_assert(wire_done(&reader));
	cr_assert_eq(memcmp(&header, &back, sizeof(header)), 0);
	reader = (struct wire_reader){ .bytes = bytes, .left = 11 };
	wire_get_header(&reader, &back);
	cr_assert(reader.failed);
}

Test(wire, encoders_refuse_values_beyond_their_bound)
{
	struct wire_blob blob = { .bytes = (const uint8_t *)"abcd", .length = 4 };

	wire_put_u32(&writer, 5, 5);
	wire_put_u64(&writer, 5, 5);
	wire_put_str(&writer, "abcd", 4);
	wire_put_str(&writer, "", 0);
	wire_put_blob(&writer, blob, 4);
	cr_assert_not(writer.failed);
#define REFUSED(call)          \
	writer.failed = false; \
	call;                  \
	cr_assert(writer.failed, "%s", #call)
	REFUSED(wire_put_u32(&writer, 6, 5));
	REFUSED(wire_put_u64(&writer, 6, 5));
	REFUSED(wire_put_str(&writer, "abcd", 3));
	REFUSED(wire_put_str(&writer, "a", 0));
	REFUSED(wire_put_blob(&writer, blob, 3));
}

Test(wire, a_failed_encoder_stays_failed)
{
	writer.size = 6;
	wire_put_u64(&writer, 1, 0);
	cr_assert(writer.failed);
	wire_put_u32(&writer, 1, 0);
	cr_assert(writer.failed);
	cr_assert_eq(writer.length, 0);
}

Test(wire, a_missing_string_is_an_empty_one)
{
	struct wire_reader reader;
	const char *text;

	wire_put_str(&writer, NULL, 10);
	reader = reader_of_written();
	wire_get_str(&reader, &text, 10);
	cr_assert(wire_done(&reader));
	cr_assert_str_eq(text, "");
}

Test(wire, a_length_that_lies_reads_nothing_beyond_the_message)
{
	static const uint32_t lengths[] = { 4, 5, 0x7fffffff, UINT32_MAX };

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint8_t message[8] = { 0, 0, 0, 0, 'a', 'b', 'c', '\0' };
		struct wire_reader reader = { .bytes = message, .left = sizeof(message) };
		struct wire_blob blob;
		const char *text;

		memcpy(message, &lengths[i], 4);
		wire_get_str(&reader, &text, UINT32_MAX);
		cr_assert(reader.failed);
		cr_assert_str_eq(text, "");
		reader = (struct wire_reader){ .bytes = message, .left = sizeof(message) };
		wire_get_blob(&reader, &blob, UINT32_MAX);
		cr_assert_eq(reader.failed, lengths[i] != 4);
	}
}

Test(wire, a_failed_decoder_yields_nothing)
{
	struct wire_reader reader = { .bytes = bytes, .left = 3 };
	struct wire_blob blob;
	const char *text;
	uint32_t u32 = 1;
	uint64_t u64 = 1;
	int64_t i64 = 1;

	wire_get_u32(&reader, &u32, 0);
	cr_assert_eq(u32, 0);
	reader.left = 100;
	wire_get_u64(&reader, &u64, 0);
	wire_get_i64(&reader, &i64, 0);
	wire_get_str(&reader, &text, 10);
	wire_get_blob(&reader, &blob, 10);
	cr_assert(reader.failed);
	cr_assert_eq(u64, 0);
	cr_assert_eq(i64, 0);
	cr_assert_str_eq(text, "");
	cr_assert_eq(blob.length, 0);
	cr_assert_not(wire_done(&reader));
}

/* --- attributes and changes: what the kernel would misunderstand is refused
 * ----------------------- */

Test(wire, attributes_outside_their_range_are_refused_both_ways)
{
	static const struct {
		struct vfs_attr attr;
		bool good;
	} rows[] = {
		{ { .mtime_nsec = 999999999, .mode = 07777, .kind = VFS_KIND_OTHER }, true },
		{ { .mtime_nsec = 1000000000 }, false },
		{ { .atime_nsec = 1000000000 }, false },
		{ { .mode = 010000 }, false },
		{ { .kind = VFS_KIND_OTHER + 1 }, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire_reader reader;
		struct vfs_attr back;

		writer.length = 0;
		writer.failed = false;
		wire_put_attr(&writer, rows[i].attr, 0);
		cr_assert_eq(!writer.failed, rows[i].good, "row %zu", i);
		reader = reader_of_written();
		wire_get_attr(&reader, &back, 0);
		cr_assert_eq(wire_done(&reader), rows[i].good, "row %zu", i);
	}
}

Test(wire, changes_outside_their_range_are_refused_both_ways)
{
	static const struct {
		struct vfs_change change;
		bool good;
	} rows[] = {
		{ { .fields = 31, .mode = 07777, .size = INT64_MAX, .atime_nsec = 999999999 },
		    true },
		{ { .fields = 32 }, false }, { { .mode = 010000 }, false },
		{ { .size = (uint64_t)INT64_MAX + 1 }, false },
		{ { .mtime_nsec = (1u << 30) - 1 }, false }, /* UTIME_NOW */
		{ { .atime_nsec = (1u << 30) - 2 }, false }, /* UTIME_OMIT */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wire_reader reader;
		struct vfs_change back;

		writer.length = 0;
		writer.failed = false;
		wire_put_change(&writer, rows[i].change, 0);
		cr_assert_eq(!writer.failed, rows[i].good, "row %zu", i);
		reader = reader_of_written();
		wire_get_change(&reader, &back, 0);
		cr_assert_eq(wire_done(&reader), rows[i].good, "row %zu", i);
	}
}

/* --- datagrams -------------------------------------------------------------------------------- */

static int next_fd(void)
{
	int fd = dup(ends[0]);

	close(fd);
	return fd;
}

Test(wire, a_datagram_arrives_whole_with_its_descriptor)
{
	char got[16];
	int fd = -2;

	cr_assert(wire_send(ends[0], "hello", 5, -1));
	cr_assert_eq(wire_receive(ends[1], got, sizeof(got), &fd), 5);
	cr_assert_eq(fd, -1);
	cr_assert(wire_send(ends[0], "fd", 2, ends[0]));
	cr_assert_eq(wire_receive(ends[1], got, sizeof(got), &fd), 2);
	cr_assert_geq(fd, 0);
	cr_assert_neq(fd, ends[0]);
	cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
}

Test(wire, the_longest_datagram_passes_and_a_longer_one_is_refused)
{
	static uint8_t got[WIRE_MAX_BYTES];
	int fd;

	cr_assert(wire_send(ends[0], bytes, WIRE_MAX_BYTES, -1));
	cr_assert_eq(wire_receive(ends[1], got, sizeof(got), &fd), WIRE_MAX_BYTES);
	cr_assert_not(wire_send(ends[0], bytes, WIRE_MAX_BYTES + 1, -1));
	cr_assert_eq(errno, EMSGSIZE);
	cr_assert_not(wire_send(ends[0], bytes, 0, -1));
}

Test(wire, a_cut_datagram_is_refused_and_its_descriptor_closed)
{
	int before = next_fd();
	char got[4];
	int fd;

	cr_assert(wire_send(ends[0], "hello", 5, ends[0]));
	cr_assert_eq(wire_receive(ends[1], got, sizeof(got), &fd), -1);
	cr_assert_eq(errno, EBADMSG);
	cr_assert_eq(fd, -1);
	cr_assert_eq(next_fd(), before);
}

static void send_descriptors(size_t count, const char *text)
{
	struct iovec part = { .iov_base = (void *)(uintptr_t)text, .iov_len = strlen(text) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 8)];
	} control = { 0 };
	int fds[8] = { ends[0], ends[0], ends[0], ends[0], ends[0], ends[0], ends[0], ends[0] };

	message.msg_control = control.bytes;
	message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int) * count);
	memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * count);
	cr_assert_geq(sendmsg(ends[0], &message, 0), 0);
}

Test(wire, more_than_one_descriptor_is_refused_and_all_are_closed)
{
	int before = next_fd();
	char got[4];
	int fd;

	for (size_t count = 2; count <= 8; count++) {
		send_descriptors(count, "x");
		cr_assert_eq(wire_receive(ends[1], got, sizeof(got), &fd), -1, "%zu", count);
		cr_assert_eq(errno, EBADMSG);
		cr_assert_eq(fd, -1);
		cr_assert_eq(next_fd(), before, "%zu: a descriptor leaked", count);
	}
	send_descriptors(1, "x");
	cr_assert_eq(wire_receive(ends[1], got, sizeof(got), &fd), 1);
	close(fd);
}

Test(wire, two_descriptors_arrive_in_order_where_they_are_expected)
{
	int before = next_fd();
	char got[4];
	int fd = -2, beside_fd = -2;

	cr_assert_eq(wire_receive_both(ends[1], got, sizeof(got), false, &fd, &beside_fd), -1);
	cr_assert_eq(errno, EAGAIN);
	cr_assert(wire_send_both(ends[0], "x", 1, ends[0], ends[1]));
	cr_assert_eq(wire_receive_both(ends[1], got, sizeof(got), true, &fd, &beside_fd), 1);
	cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	cr_assert_eq(fcntl(beside_fd, F_GETFD), FD_CLOEXEC);
	cr_assert(wire_send(fd, "y", 1, -1), "the first is ends[0]");
	cr_assert_eq(wire_receive_both(beside_fd, got, sizeof(got), true, &(int){ 0 }, &(int){ 0 }), 1);
	cr_assert_eq(got[0], 'y');
	close(fd);
	close(beside_fd);
	send_descriptors(1, "x");
	cr_assert_eq(wire_receive_both(ends[1], got, sizeof(got), true, &fd, &beside_fd), 1);
	cr_assert_eq(beside_fd, -1);
	close(fd);
	for (size_t count = 3; count <= 8; count++) {
		send_descriptors(count, "x");
		cr_assert_eq(wire_receive_both(ends[1], got, sizeof(got), true, &fd, &beside_fd), -1);
		cr_assert_eq(errno, EBADMSG);
		cr_assert_eq(fd, -1);
		cr_assert_eq(beside_fd, -1);
	}
	cr_assert_eq(next_fd(), before, "a descriptor leaked");
}

Test(wire, an_empty_datagram_with_a_descriptor_leaks_nothing)
{
	int before = next_fd();
	char got[4];
	int fd;

	send_descriptors(1, "");
	cr_assert_eq(wire_receive(ends[1], got, sizeof(got), &fd), -1);
	cr_assert_eq(fd, -1);
	cr_assert_eq(next_fd(), before);
}

Test(wire, a_closed_connection_ends_receiving_and_sending)
{
	char got[4];
	int fd;

	close(ends[0]);
	cr_assert_eq(wire_receive(ends[1], got, sizeof(got), &fd), 0);
	cr_assert_not(wire_send(ends[1], "x", 1, -1)); /* and no SIGPIPE */
	cr_assert_eq(errno, EPIPE);
	ends[0] = dup(ends[1]);
}

Test(wire, the_sender_is_known_where_the_socket_asks_for_it)
{
	char got[4];
	pid_t pid = 1;
	uid_t uid = 1;
	int on = 1, fd;

	cr_assert(wire_send(ends[0], "x", 1, -1));
	cr_assert_eq(wire_receive_from(ends[1], got, sizeof(got), &fd, &pid, &uid), 1);
	cr_assert_eq(pid, 0);
	cr_assert_eq(uid, UINT32_MAX);
	cr_assert_eq(setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	cr_assert(wire_send(ends[0], "x", 1, ends[0]));
	cr_assert_eq(wire_receive_from(ends[1], got, sizeof(got), &fd, &pid, &uid), 1);
	cr_assert_eq(pid, getpid());
	cr_assert_eq(uid, getuid());
	cr_assert_geq(fd, 0);
	close(fd);
	/* A second descriptor must not hide in the room for the credentials. */
	send_descriptors(2, "x");
	cr_assert_eq(wire_receive_from(ends[1], got, sizeof(got), &fd, &pid, &uid), -1);
	cr_assert_eq(fd, -1);
}

Test(wire, a_full_nonblocking_socket_says_eagain)
{
	cr_assert_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	while (wire_send(ends[0], bytes, WIRE_MAX_BYTES, -1))
		continue;
	cr_assert_eq(errno, EAGAIN);
}
