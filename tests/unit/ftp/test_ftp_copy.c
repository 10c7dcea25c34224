#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "server/base/io.h"
#include "server/ftp/ftp_copy.h"
#include "server/ftp/ftp_limits.h"

static const struct {
	const char *file;
	const char *network;
} to_network[] = {
	{ "", "" },
	{ "a\n", "a\r\n" },
	{ "a\nb\n\n", "a\r\nb\r\n\r\n" },
	{ "a\r\nb\n", "a\r\nb\r\n" },
	{ "\r\r\n\n", "\r\r\n\r\n" },
	{ "a\r", "a\r" },
	{ "\n", "\r\n" },
};

Test(ftp_copy, line_ends_are_translated_for_the_network_over_every_block_edge)
{
	for (size_t i = 0; i < sizeof(to_network) / sizeof(to_network[0]); i++) {
		const uint8_t *in = (const uint8_t *)to_network[i].file;
		size_t n = strlen(to_network[i].file);

		for (size_t split = 0; split <= n; split++) {
			uint8_t out[64];
			bool cr = false;
			size_t length = ftp_copy_to_network(out, in, split, &cr);

			length += ftp_copy_to_network(out + length, in + split, n - split, &cr);
			cr_assert_eq(length, strlen(to_network[i].network));
			cr_assert_eq(memcmp(out, to_network[i].network, length), 0, "case %zu", i);
		}
	}
}

static const struct {
	const char *network;
	const char *file;
} to_file[] = {
	{ "", "" },
	{ "a\r\n", "a\n" },
	{ "a\r\nb\r\n", "a\nb\n" },
	{ "a\nb", "a\nb" },
	{ "a\rb", "a\rb" },
	{ "\r\r\n", "\r\n" },
	{ "\r\r\r", "\r\r\r" },
	{ "a\r", "a\r" },
	{ "\r\n\r\n", "\n\n" },
};

Test(ftp_copy, line_ends_are_translated_for_the_file_over_every_pair_of_block_edges)
{
	for (size_t i = 0; i < sizeof(to_file) / sizeof(to_file[0]); i++) {
		size_t n = strlen(to_file[i].network);

		for (size_t a = 0; a <= n; a++) {
			for (size_t b = a; b <= n; b++) {
				uint8_t block[64];
				size_t cuts[] = { 0, a, b, n };
				size_t length = 0;
				bool cr = false;

				for (size_t k = 0; k < 3; k++) {
					size_t piece = cuts[k + 1] - cuts[k];
					/* in place, a byte ahead, as ftp_copy_receive does it */
					memcpy(block + length + 1, to_file[i].network + cuts[k],
					    piece);
					length += ftp_copy_to_file(
					    block + length, block + length + 1, piece, &cr);
				}
				if (cr)
					block[length++] = '\r';
				cr_assert_eq(length, strlen(to_file[i].file), "case %zu", i);
				cr_assert_eq(
				    memcmp(block, to_file[i].file, length), 0, "case %zu", i);
			}
		}
	}
}

static int sockets[2];
static int file_fd;
static struct ftp_copy copy;

static void setup(void)
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	cr_assert(io_set_nonblocking(sockets[0], true));
	cr_assert(io_set_nonblocking(sockets[1], true));
	file_fd = memfd_create("copy", 0);
	ftp_copy_init(&copy);
}

static void teardown(void)
{
	ftp_copy_clear(&copy);
	io_close(&sockets[0]);
	io_close(&sockets[1]);
	io_close(&file_fd);
}

TestSuite(ftp_copy, .init = setup, .fini = teardown);

/* Run to the end, reading what is sent. */
static enum ftp_copy_result send_all(enum ftp_copy_result (*step)(struct ftp_copy *, int, int),
    char *out, size_t size, size_t *n_out)
{
	enum ftp_copy_result result;
	size_t used = 0;
	ssize_t n;

	do {
		result = step(&copy, file_fd, sockets[0]);
		while ((n = io_read(sockets[1], out + used, size - used)) > 0)
			used += (size_t)n;
	} while (result == FTP_COPY_MORE);
	*n_out = used;
	return result;
}

Test(ftp_copy, an_image_arrives_as_it_is_from_where_the_file_stands)
{
	static char content[3000000];
	static char received[3000001];
	size_t n;

	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (char)(i * 7 + i / 255);
	cr_assert(io_write_full(file_fd, content, sizeof(content)));
	lseek(file_fd, 1000, SEEK_SET);
	cr_assert_eq(send_all(ftp_copy_send_image, received, sizeof(received), &n), FTP_COPY_DONE);
	cr_assert_eq(n, sizeof(content) - 1000);
	cr_assert_eq(copy.moved, n);
	cr_assert_eq(memcmp(received, content + 1000, n), 0);
	cr_assert_null(copy.block, "sendfile needs no memory");
}

Test(ftp_copy, a_file_system_without_sendfile_is_read_and_written)
{
	static char received[300001];
	static char content[300000];
	size_t n;

	memset(content, 'x', sizeof(content));
	cr_assert(io_write_full(file_fd, content, sizeof(content)));
	lseek(file_fd, 0, SEEK_SET);
	copy.sendfile_refused = true;
	cr_assert_eq(send_all(ftp_copy_send_image, received, sizeof(received), &n), FTP_COPY_DONE);
	cr_assert_eq(n, sizeof(content));
}

Test(ftp_copy, an_ascii_restart_counts_bytes_of_the_translation)
{
	static const char network[] = "a\r\nb\r\nc\r\n";
	char received[64];
	size_t n;

	for (size_t skip = 0; skip <= strlen(network); skip++) {
		teardown();
		setup();
		cr_assert(io_write_full(file_fd, "a\nb\nc\n", 6));
		lseek(file_fd, 0, SEEK_SET);
		copy.skip = skip;
		cr_assert_eq(
		    send_all(ftp_copy_send_ascii, received, sizeof(received), &n), FTP_COPY_DONE);
		cr_assert_eq(n, strlen(network) - skip);
		cr_assert_eq(memcmp(received, network + skip, n), 0);
	}
	teardown();
	setup();
	cr_assert(io_write_full(file_fd, "a\n", 2));
	lseek(file_fd, 0, SEEK_SET);
	copy.skip = 4;
	cr_assert_eq(
	    send_all(ftp_copy_send_ascii, received, sizeof(received), &n), FTP_COPY_FAILED);
	cr_assert_eq(copy.failure, VFS_RANGE);
}

Test(ftp_copy, what_is_received_is_written_when_the_peer_closes)
{
	char content[64];

	cr_assert(io_write_full(sockets[1], "a\r\nb\r", 5));
	cr_assert_eq(ftp_copy_receive(&copy, sockets[0], file_fd, true), FTP_COPY_MORE);
	cr_assert_eq(ftp_copy_receive(&copy, sockets[0], file_fd, true), FTP_COPY_MORE);
	io_close(&sockets[1]);
	cr_assert_eq(ftp_copy_receive(&copy, sockets[0], file_fd, true), FTP_COPY_DONE);
	cr_assert_eq(copy.moved, 5);
	cr_assert_eq(pread(file_fd, content, sizeof(content), 0), 4);
	cr_assert_eq(memcmp(content, "a\nb\r", 4), 0);
}

Test(ftp_copy, a_file_that_may_not_grow_fails_with_its_reason)
{
	cr_assert_eq(fcntl(file_fd, F_ADD_SEALS, F_SEAL_GROW), -1, "sealing needs its flag");
	io_close(&file_fd);
	file_fd = memfd_create("sealed", MFD_ALLOW_SEALING);
	cr_assert_eq(fcntl(file_fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_WRITE), 0);
	cr_assert(io_write_full(sockets[1], "abc", 3));
	shutdown(sockets[1], SHUT_WR);
	cr_assert_eq(ftp_copy_receive(&copy, sockets[0], file_fd, false), FTP_COPY_FAILED);
	cr_assert_eq(copy.failure, VFS_IO);
}

Test(ftp_copy, a_full_device_is_no_space)
{
	int full_fd = open("/dev/full", O_WRONLY);

	if (full_fd < 0)
		cr_skip_test("no /dev/full");
	cr_assert(io_write_full(sockets[1], "abc", 3));
	shutdown(sockets[1], SHUT_WR);
	cr_assert_eq(ftp_copy_receive(&copy, sockets[0], full_fd, false), FTP_COPY_FAILED);
	cr_assert_eq(copy.failure, VFS_NO_SPACE);
	io_close(&full_fd);
}

Test(ftp_copy, an_upload_longer_than_its_first_block_keeps_every_byte)
{
	static uint8_t sent[3 * FTP_STORE_FIRST_BYTES + 17];
	static uint8_t stored[sizeof(sent) + 1];
	enum ftp_copy_result result = FTP_COPY_MORE;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 31 + i / 256);
	for (size_t at = 0; at < sizeof(sent) && result == FTP_COPY_MORE; at += 1000) {
		size_t n = sizeof(sent) - at < 1000 ? sizeof(sent) - at : 1000;

		cr_assert(io_write_full(sockets[1], sent + at, n));
		result = ftp_copy_receive(&copy, sockets[0], file_fd, false);
	}
	io_close(&sockets[1]);
	while (result == FTP_COPY_MORE)
		result = ftp_copy_receive(&copy, sockets[0], file_fd, false);
	cr_assert_eq(result, FTP_COPY_DONE);
	cr_assert_eq(copy.moved, sizeof(sent));
	cr_assert_eq(pread(file_fd, stored, sizeof(stored), 0), sizeof(sent));
	cr_assert_eq(memcmp(sent, stored, sizeof(sent)), 0);
}

/* A long upload: what is left to the second block, or to the pipe. */
static void upload_long(int to_fd)
{
	static uint8_t sent[1u << 20];
	static uint8_t stored[sizeof(sent) + 1];
	enum ftp_copy_result result = FTP_COPY_MORE;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 7 + i / 4096);
	for (size_t at = 0; at < sizeof(sent); at += 8192) {
		cr_assert(io_write_full(sockets[1], sent + at, 8192));
		if (result == FTP_COPY_MORE)
			result = ftp_copy_receive(&copy, sockets[0], to_fd, false);
	}
	io_close(&sockets[1]);
	while (result == FTP_COPY_MORE)
		result = ftp_copy_receive(&copy, sockets[0], to_fd, false);
	cr_assert_eq(result, FTP_COPY_DONE);
	cr_assert_eq(copy.moved, sizeof(sent));
	cr_assert_eq(pread(to_fd, stored, sizeof(stored), 0), sizeof(sent));
	cr_assert_eq(memcmp(sent, stored, sizeof(sent)), 0);
}

Test(ftp_copy, a_long_upload_is_spliced)
{
	upload_long(file_fd);
	cr_assert_neq(copy.pipe[0], -1);
	cr_assert_not(copy.splice_refused);
}

Test(ftp_copy, a_file_that_takes_no_splice_is_written)
{
	/* splice(2) refuses files open for appending. */
	cr_assert_eq(fcntl(file_fd, F_SETFL, O_APPEND), 0);
	upload_long(file_fd);
	cr_assert(copy.splice_refused);
}

Test(ftp_copy, a_limit_ends_a_download_in_every_way_it_is_sent)
{
	enum ftp_copy_result (*const ways[])(struct ftp_copy *, int, int) = {
		ftp_copy_send_image,
		ftp_copy_send_image,
		ftp_copy_send_ascii,
	};

	for (size_t way = 0; way < sizeof(ways) / sizeof(ways[0]); way++) {
		static const uint64_t limits[] = { 0, 1, 4, 5, UINT64_MAX };

		for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
			const char *sent = way == 2 ? "a\r\nbcd" : "a\nbcd";
			char got[64] = "";
			size_t n;

			cr_assert_eq(pwrite(file_fd, "a\nbcd", 5, 0), 5);
			cr_assert_eq(lseek(file_fd, 0, SEEK_SET), 0);
			ftp_copy_clear(&copy);
			copy.limit = limits[i];
			copy.sendfile_refused = way == 1;
			cr_assert_eq(send_all(ways[way], got, sizeof(got), &n), FTP_COPY_DONE);
			got[n] = '\0';
			cr_assert_eq(n, limits[i] < strlen(sent) ? limits[i] : strlen(sent));
			cr_assert_eq(strncmp(got, sent, n), 0);
			cr_assert_eq(copy.moved, n);
		}
	}
}

/* Upload `sent` bytes of which `limit` may be stored, so many at a time; the file's size. */
static size_t upload_limited(size_t sent, size_t limit, size_t piece, enum ftp_copy_result *result)
{
	static const uint8_t bytes[65536] = { 1 };
	size_t at = 0;

	teardown();
	setup();
	copy.limit = limit;
	*result = FTP_COPY_MORE;
	while (at < sent && *result == FTP_COPY_MORE) {
		size_t n = sent - at < piece ? sent - at : piece;

		cr_assert(io_write_full(sockets[1], bytes, n));
		at += n;
		*result = ftp_copy_receive(&copy, sockets[0], file_fd, false);
	}
	io_close(&sockets[1]);
	while (*result == FTP_COPY_MORE)
		*result = ftp_copy_receive(&copy, sockets[0], file_fd, false);
	return (size_t)lseek(file_fd, 0, SEEK_END);
}

Test(ftp_copy, no_byte_beyond_the_limit_of_an_upload_is_stored)
{
	static const size_t limits[] = { 1, 100, FTP_STORE_FIRST_BYTES - 1, FTP_STORE_FIRST_BYTES,
		FTP_STORE_FIRST_BYTES + 1, 5 * FTP_STORE_FIRST_BYTES };
	static const size_t pieces[] = { 1000, 60000 };

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
			enum ftp_copy_result result;

			cr_assert_eq(upload_limited(limits[i], limits[i], pieces[k], &result), limits[i]);
			cr_assert_eq(result, FTP_COPY_DONE);
			cr_assert_eq(upload_limited(limits[i] - 1, limits[i], pieces[k], &result),
			    limits[i] - 1);
			cr_assert_eq(result, FTP_COPY_DONE);
			cr_assert_eq(
			    upload_limited(limits[i] + 1, limits[i], pieces[k], &result), limits[i]);
			cr_assert_eq(result, FTP_COPY_FAILED);
			cr_assert_eq(copy.failure, VFS_TOO_BIG);
			cr_assert_eq(upload_limited(limits[i] + 100000, limits[i], pieces[k], &result),
			    limits[i]);
			cr_assert_eq(result, FTP_COPY_FAILED);
		}
	}
}
