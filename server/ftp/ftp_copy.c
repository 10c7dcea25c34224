#include "server/ftp/ftp_copy.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "server/base/io.h"
#include "server/ftp/ftp_limits.h"
#include "server/ftp/ftp_walk.h"

void ftp_copy_init(struct ftp_copy *copy)
{
	*copy = (struct ftp_copy){ .failure = VFS_OK };
}

void ftp_copy_clear(struct ftp_copy *copy)
{
	if (copy->block != NULL)
		munmap(copy->block, copy->size);
	ftp_copy_init(copy);
}

/* Mapped, not allocated: only pages that are touched cost memory, and all of it goes back at the
 * end. */
static bool need_block(struct ftp_copy *copy, size_t size)
{
	void *block;

	if (copy->block != NULL)
		return true;
	block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (block == MAP_FAILED) {
		copy->failure = VFS_NO_MEMORY;
		return false;
	}
	copy->block = block;
	copy->size = size;
	return true;
}

static enum ftp_copy_result failed(struct ftp_copy *copy, enum vfs_status failure)
{
	copy->failure = failure;
	return FTP_COPY_FAILED;
}

/* What write(2) on a regular file can run into; all else is the disk's fault. */
static enum vfs_status write_failure(int error)
{
	switch (error) {
	case ENOSPC:
		return VFS_NO_SPACE;
	case EDQUOT:
		return VFS_QUOTA;
	case EFBIG:
		return VFS_TOO_BIG;
	case EROFS:
		return VFS_READ_ONLY;
	default:
		return VFS_IO;
	}
}

/* Send what waits; MORE also when all of it went. */
static enum ftp_copy_result send_waiting(struct ftp_copy *copy, int data_fd)
{
	while (copy->start < copy->end) {
		ssize_t n = io_write(data_fd, copy->block + copy->start, copy->end - copy->start);

		if (n < 0)
			return errno == EAGAIN ? FTP_COPY_MORE : FTP_COPY_LOST;
		copy->start += (size_t)n;
		copy->moved += (uint64_t)n;
	}
	copy->start = 0;
	copy->end = 0;
	return FTP_COPY_MORE;
}

static enum ftp_copy_result send_by_block(struct ftp_copy *copy, int file_fd, int data_fd)
{
	ssize_t n;

	if (!need_block(copy, FTP_ASCII_BLOCK_BYTES))
		return FTP_COPY_FAILED;
	if (copy->end == 0) {
		n = io_read(file_fd, copy->block, copy->size);
		if (n < 0)
			return failed(copy, VFS_IO);
		if (n == 0)
			return FTP_COPY_DONE;
		copy->end = (size_t)n;
	}
	return send_waiting(copy, data_fd);
}

enum ftp_copy_result ftp_copy_send_image(struct ftp_copy *copy, int file_fd, int data_fd)
{
	ssize_t n;

	if (copy->sendfile_refused)
		return send_by_block(copy, file_fd, data_fd);
	do {
		n = sendfile(data_fd, file_fd, NULL, FTP_SENDFILE_BYTES);
		if (n > 0)
			copy->moved += (uint64_t)n;
		/* At the end at once: a small file needs no second turn of the loop. */
	} while ((n < 0 && errno == EINTR) || (n > 0 && copy->moved == copy->expected));
	if (n > 0)
		return FTP_COPY_MORE;
	if (n == 0)
		return FTP_COPY_DONE;
	switch (errno) {
	case EAGAIN:
		return FTP_COPY_MORE;
	case EIO:
		return failed(copy, VFS_IO);
	case EINVAL:
	case ENOSYS:
	case EOPNOTSUPP:
		copy->sendfile_refused = true;
		return FTP_COPY_MORE;
	default:
		return FTP_COPY_LOST;
	}
}

size_t ftp_copy_to_network(uint8_t *out, const uint8_t *in, size_t n, bool *last_was_cr)
{
	size_t length = 0;

	for (size_t i = 0; i < n; i++) {
		if (in[i] == '\n' && !*last_was_cr)
			out[length++] = '\r';
		out[length++] = in[i];
		*last_was_cr = in[i] == '\r';
	}
	return length;
}

size_t ftp_copy_to_file(uint8_t *out, const uint8_t *in, size_t n, bool *last_was_cr)
{
	size_t length = 0;

	for (size_t i = 0; i < n; i++) {
		uint8_t byte = in[i];

		if (*last_was_cr && byte != '\n')
			out[length++] = '\r';
		*last_was_cr = byte == '\r';
		if (byte != '\r')
			out[length++] = byte;
	}
	return length;
}

/*
 * Read a third of the block from the file into its end, and translate to its beginning: at most
 * twice as long, so the two never meet.  RFC 3659 5.1: a restart counts bytes of the data
 * connection; what is to be skipped of the translation is known only by translating.
 */
static enum ftp_copy_result refill_ascii(struct ftp_copy *copy, int file_fd)
{
	size_t third = copy->size / 3;
	uint8_t *raw = copy->block + 2 * third;
	uint64_t read_bytes = 0;

	while (
	    copy->start == copy->end && !copy->source_ended && read_bytes < FTP_ASCII_SKIP_BYTES) {
		ssize_t n = io_read(file_fd, raw, third);

		if (n < 0)
			return failed(copy, VFS_IO);
		copy->source_ended = n == 0;
		read_bytes += (uint64_t)n;
		copy->start = 0;
		copy->end = ftp_copy_to_network(copy->block, raw, (size_t)n, &copy->last_was_cr);
		if (copy->skip > 0) {
			copy->start = copy->skip < copy->end ? (size_t)copy->skip : copy->end;
			copy->skip -= copy->start;
		}
	}
	if (copy->source_ended && copy->skip > 0)
		return failed(copy, VFS_RANGE);
	return FTP_COPY_MORE;
}

enum ftp_copy_result ftp_copy_send_ascii(struct ftp_copy *copy, int file_fd, int data_fd)
{
	enum ftp_copy_result result;

	if (!need_block(copy, FTP_ASCII_BLOCK_BYTES))
		return FTP_COPY_FAILED;
	if (copy->start == copy->end) {
		result = refill_ascii(copy, file_fd);
		if (result != FTP_COPY_MORE)
			return result;
		if (copy->start == copy->end)
			return copy->source_ended ? FTP_COPY_DONE : FTP_COPY_MORE;
	}
	return send_waiting(copy, data_fd);
}

enum ftp_copy_result ftp_copy_send_listing(
    struct ftp_copy *copy, struct ftp_walk *walk, int data_fd)
{
	enum ftp_copy_result result;

	if (!need_block(copy, FTP_LIST_BLOCK_BYTES))
		return FTP_COPY_FAILED;
	if (copy->end == 0 && !copy->source_ended) {
		copy->end = ftp_walk_fill(walk, (char *)copy->block, copy->size);
		copy->source_ended = ftp_walk_ended(walk, &copy->failure);
	}
	result = send_waiting(copy, data_fd);
	if (result != FTP_COPY_MORE || copy->end > 0 || !copy->source_ended)
		return result;
	return copy->failure == VFS_OK ? FTP_COPY_DONE : FTP_COPY_FAILED;
}

static enum ftp_copy_result flush_to_file(struct ftp_copy *copy, int file_fd)
{
	while (copy->start < copy->end) {
		ssize_t n = io_write(file_fd, copy->block + copy->start, copy->end - copy->start);

		if (n < 0)
			return failed(copy, write_failure(errno));
		copy->start += (size_t)n;
	}
	copy->start = 0;
	copy->end = 0;
	return FTP_COPY_MORE;
}

/* The connection has ended, well or badly: nothing that arrived may stay in memory. */
static enum ftp_copy_result finish_receive(
    struct ftp_copy *copy, int file_fd, enum ftp_copy_result result)
{
	if (copy->last_was_cr) {
		copy->last_was_cr = false;
		copy->block[copy->end++] = '\r';
	}
	if (flush_to_file(copy, file_fd) == FTP_COPY_FAILED)
		return FTP_COPY_FAILED;
	return result;
}

/* ASCII reads a byte ahead of where it writes: a CR held back may come out in front. */
static ssize_t receive_some(struct ftp_copy *copy, int data_fd, bool ascii)
{
	size_t room = FTP_STORE_BLOCK_BYTES - copy->end;
	uint8_t *to = copy->block + copy->end;
	ssize_t n = io_read(data_fd, ascii ? to + 1 : to, room);

	if (n > 0 && ascii)
		copy->end += ftp_copy_to_file(to, to + 1, (size_t)n, &copy->last_was_cr);
	else if (n > 0)
		copy->end += (size_t)n;
	return n;
}

/* Gathers until the block is full: large writes get large folios in the page cache. */
enum ftp_copy_result ftp_copy_receive(struct ftp_copy *copy, int data_fd, int file_fd, bool ascii)
{
	ssize_t n;

	if (!need_block(copy, FTP_STORE_BLOCK_BYTES + FTP_STORE_SPARE_BYTES))
		return FTP_COPY_FAILED;
	n = receive_some(copy, data_fd, ascii);
	if (n == 0)
		return finish_receive(copy, file_fd, FTP_COPY_DONE);
	if (n < 0)
		return errno == EAGAIN ? FTP_COPY_MORE
		                       : finish_receive(copy, file_fd, FTP_COPY_LOST);
	copy->moved += (uint64_t)n;
	if (copy->end >= FTP_STORE_BLOCK_BYTES)
		return flush_to_file(copy, file_fd);
	return FTP_COPY_MORE;
}
