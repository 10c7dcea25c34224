#include "server/ftp/ftp_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/base/pages.h"
#include "server/front_errno.h"
#include "server/ftp/ftp_limits.h"
#include "server/ftp/ftp_walk.h"
#include "server/tls/tls_limits.h"
#include "server/tls/tls_stream.h"

void ftp_copy_init(struct ftp_copy *copy)
{
	*copy = (struct ftp_copy){ .failure = VFS_OK, .pipe = { -1, -1 }, .limit = UINT64_MAX };
}

/* Large blocks are mapped: only pages that are touched cost memory, and all of it goes back at the end. */
static bool is_mapped(size_t size)
{
	return size > FTP_STORE_FIRST_BYTES + FTP_STORE_SPARE_BYTES;
}

static void free_block(struct ftp_copy *copy)
{
	if (is_mapped(copy->size))
		pages_free(copy->block, copy->size);
	else
		free(copy->block);
	copy->block = NULL;
	copy->size = 0;
}

void ftp_copy_clear(struct ftp_copy *copy)
{
	free_block(copy);
	io_close(&copy->pipe[0]);
	io_close(&copy->pipe[1]);
	ftp_copy_init(copy);
}

static bool need_block(struct ftp_copy *copy, size_t size)
{
	if (copy->block != NULL)
		return true;
	copy->block = is_mapped(size) ? pages_new(size) : malloc(size);
	if (copy->block == NULL)
		copy->failure = VFS_NO_MEMORY;
	else
		copy->size = size;
	return copy->block != NULL;
}

static enum ftp_copy_result failed(struct ftp_copy *copy, enum vfs_status failure)
{
	copy->failure = failure;
	return FTP_COPY_FAILED;
}

/* n, or as much of it as the limit still allows. */
static size_t within_limit(const struct ftp_copy *copy, size_t n)
{
	uint64_t left = copy->limit - copy->moved;

	return left < n ? (size_t)left : n;
}

/* --- the network, with or without TLS ------------------------------------------------------------------------ */

/* As write(2) does. */
static ssize_t send_some(struct ftp_copy *copy, int data_fd, const uint8_t *bytes, size_t n)
{
	size_t taken;
	enum tls_status status;

	if (copy->tls == NULL)
		return io_write(data_fd, bytes, n);
	status = tls_stream_write(copy->tls, bytes, n, &taken);
	if (status == TLS_OK)
		return (ssize_t)taken;
	errno = status == TLS_AGAIN ? EAGAIN : EPROTO;
	return -1;
}

/* What TLS said when it was read from; DONE only for an end that counts. */
static enum ftp_copy_result explain_tls(struct ftp_copy *copy, enum tls_status status)
{
	switch (status) {
	case TLS_OK:
	case TLS_AGAIN:
		return FTP_COPY_MORE;
	case TLS_END:
		return FTP_COPY_DONE;
	case TLS_CUT:
		if (copy->trusts_close)
			return FTP_COPY_DONE;
		copy->truncated = true;
		break;
	case TLS_FAILED:
		break;
	}
	return FTP_COPY_LOST;
}

/* As read(2) does; 0 only for an end that counts. */
static ssize_t receive_bytes(struct ftp_copy *copy, int data_fd, uint8_t *bytes, size_t n)
{
	enum tls_status status;
	size_t got;

	if (copy->tls == NULL)
		return io_read(data_fd, bytes, n);
	status = tls_stream_read(copy->tls, bytes, n, &got);
	if (status == TLS_OK)
		return (ssize_t)got;
	switch (explain_tls(copy, status)) {
	case FTP_COPY_MORE:
		errno = EAGAIN;
		return -1;
	case FTP_COPY_DONE:
		return 0;
	case FTP_COPY_LOST:
	case FTP_COPY_FAILED:
		break;
	}
	errno = EPROTO;
	return -1;
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

/* Send what waits; MORE also when all of it went. */
static enum ftp_copy_result send_waiting(struct ftp_copy *copy, int data_fd)
{
	size_t length;

	while ((length = within_limit(copy, copy->end - copy->start)) > 0) {
		ssize_t n = send_some(copy, data_fd, copy->block + copy->start, length);

		if (n < 0)
			return errno == EAGAIN ? FTP_COPY_MORE : FTP_COPY_LOST;
		copy->start += (size_t)n;
		copy->moved += (uint64_t)n;
	}
	if (copy->moved == copy->limit)
		return FTP_COPY_DONE;
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

/* Read and encrypt in large pieces, until the socket is full or others want their turn. */
static enum ftp_copy_result send_protected(struct ftp_copy *copy, int file_fd, int data_fd)
{
	const uint64_t until = copy->moved + FTP_TLS_TURN_BYTES;
	enum ftp_copy_result result;

	if (!need_block(copy, FTP_TLS_BLOCK_BYTES))
		return FTP_COPY_FAILED;
	do
		result = send_by_block(copy, file_fd, data_fd);
	while (result == FTP_COPY_MORE && copy->end == 0 && copy->moved < until);
	return result;
}

static enum ftp_copy_result explain_sendfile(struct ftp_copy *copy, ssize_t n)
{
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

static void ask_kernel(struct ftp_copy *copy)
{
	copy->kernel = FTP_COPY_KERNEL_NO;
	if (copy->expected < FTP_KERNEL_TLS_BYTES || copy->expected > TLS_KERNEL_MAX_BYTES)
		return;
	switch (tls_stream_hand_over(copy->tls)) {
	case TLS_KERNEL_SEALS:
		copy->kernel = FTP_COPY_KERNEL_SEALS;
		/* A file that grows beyond it ends as if it had been read a moment earlier. */
		if (copy->limit > TLS_KERNEL_MAX_BYTES)
			copy->limit = TLS_KERNEL_MAX_BYTES;
		break;
	case TLS_KERNEL_NEVER:
		copy->kernel = FTP_COPY_KERNEL_NEVER;
		break;
	case TLS_KERNEL_NOT_NOW:
		break;
	}
}

/*
 * A sendfile that meets the end of the file leaves the last record open in older kernels, and it goes only with what comes
 * behind it.  So no more is asked for than there is; what the file has grown by since is written.
 */
static enum ftp_copy_result send_by_kernel(struct ftp_copy *copy, int file_fd, int data_fd)
{
	const uint64_t left = copy->expected > copy->moved ? copy->expected - copy->moved : 0;
	ssize_t n;

	if (copy->moved == copy->limit)
		return FTP_COPY_DONE;
	if (left == 0 || copy->sendfile_refused)
		return send_by_block(copy, file_fd, data_fd);
	n = tls_stream_send_file(copy->tls, file_fd, left < FTP_SENDFILE_BYTES ? (size_t)left : FTP_SENDFILE_BYTES);
	if (n > 0)
		copy->moved += (uint64_t)n;
	return explain_sendfile(copy, n);
}

enum ftp_copy_result ftp_copy_send_image(struct ftp_copy *copy, int file_fd, int data_fd)
{
	ssize_t n;

	if (copy->tls != NULL && copy->kernel == FTP_COPY_KERNEL_ASK)
		ask_kernel(copy);
	if (copy->kernel == FTP_COPY_KERNEL_SEALS)
		return send_by_kernel(copy, file_fd, data_fd);
	if (copy->tls != NULL)
		return send_protected(copy, file_fd, data_fd);
	if (copy->sendfile_refused)
		return send_by_block(copy, file_fd, data_fd);
	do {
		n = sendfile(data_fd, file_fd, NULL, within_limit(copy, FTP_SENDFILE_BYTES));
		if (n > 0)
			copy->moved += (uint64_t)n;
		/* At the end at once: a small file needs no second turn of the loop. */
	} while ((n < 0 && errno == EINTR) || (n > 0 && copy->moved == copy->expected));
	return explain_sendfile(copy, n);
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
			return failed(copy, front_errno_write(errno));
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

/* --- long uploads: pages go from the socket to the page cache through a pipe, and are copied once ------------ */

static bool open_pipe(struct ftp_copy *copy)
{
	if (pipe2(copy->pipe, O_CLOEXEC) != 0)
		return false;
	/* All sessions share one account, and with it a budget of pipe pages; the late ones read and write. */
	if (fcntl(copy->pipe[1], F_SETPIPE_SZ, FTP_PIPE_BYTES) >= (int)FTP_PIPE_MIN_BYTES)
		return true;
	io_close(&copy->pipe[0]);
	io_close(&copy->pipe[1]);
	return false;
}

/* The file would not have the rest of the pipe spliced into it: carry it over, and do without from now on. */
static enum ftp_copy_result empty_pipe(struct ftp_copy *copy, int file_fd, size_t n)
{
	copy->splice_refused = true;
	if (!need_block(copy, FTP_STORE_BLOCK_BYTES + FTP_STORE_SPARE_BYTES))
		return FTP_COPY_FAILED;
	while (n > 0) {
		ssize_t got = io_read(
		    copy->pipe[0], copy->block, n < FTP_STORE_BLOCK_BYTES ? n : FTP_STORE_BLOCK_BYTES);

		if (got <= 0)
			return failed(copy, VFS_IO);
		copy->end = (size_t)got;
		if (flush_to_file(copy, file_fd) == FTP_COPY_FAILED)
			return FTP_COPY_FAILED;
		n -= (size_t)got;
	}
	return FTP_COPY_MORE;
}

static enum ftp_copy_result receive_by_pipe(struct ftp_copy *copy, int data_fd, int file_fd)
{
	ssize_t n;
	size_t left;

	do
		n = splice(data_fd, NULL, copy->pipe[1], NULL, within_limit(copy, FTP_PIPE_BYTES),
		    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		return FTP_COPY_DONE;
	if (n < 0)
		return errno == EAGAIN ? FTP_COPY_MORE : FTP_COPY_LOST;
	copy->moved += (uint64_t)n;
	for (left = (size_t)n; left > 0; left -= (size_t)n) {
		do
			n = splice(copy->pipe[0], NULL, file_fd, NULL, left, SPLICE_F_MOVE);
		while (n < 0 && errno == EINTR);
		if (n < 0 && errno == EINVAL)
			return empty_pipe(copy, file_fd, left);
		if (n <= 0)
			return failed(copy, n < 0 ? front_errno_write(errno) : VFS_IO);
	}
	return FTP_COPY_MORE;
}

/* --- short uploads, ASCII, and whatever cannot be spliced --------------------------------------------------- */

/* An upload that is longer than its first block gets the large one. */
static bool grow_block(struct ftp_copy *copy)
{
	struct ftp_copy small = *copy;

	copy->block = NULL;
	if (!need_block(copy, FTP_STORE_BLOCK_BYTES + FTP_STORE_SPARE_BYTES)) {
		copy->block = small.block;
		return false;
	}
	memcpy(copy->block, small.block, small.end);
	free_block(&small);
	return true;
}

/* The first block is full: this is no short file. */
static enum ftp_copy_result go_long(struct ftp_copy *copy, int data_fd, int file_fd, bool ascii)
{
	int wake = FTP_STORE_WAKE_BYTES;

	/* Fewer and larger pieces; the end of the connection wakes us all the same.  That of TLS is a short message,
	 * after which many clients wait for ours. */
	if (copy->tls == NULL)
		setsockopt(data_fd, SOL_SOCKET, SO_RCVLOWAT, &wake, sizeof(wake));
	if (copy->tls == NULL && !ascii && !copy->splice_refused && open_pipe(copy)) {
		if (flush_to_file(copy, file_fd) == FTP_COPY_FAILED)
			return FTP_COPY_FAILED;
		free_block(copy);
		return FTP_COPY_MORE;
	}
	return grow_block(copy) ? FTP_COPY_MORE : FTP_COPY_FAILED;
}

/* ASCII reads a byte ahead of where it writes: a CR held back may come out in front. */
static ssize_t receive_some(struct ftp_copy *copy, int data_fd, bool ascii)
{
	size_t room = within_limit(copy, copy->size - FTP_STORE_SPARE_BYTES - copy->end);
	uint8_t *to = copy->block + copy->end;
	ssize_t n = receive_bytes(copy, data_fd, ascii ? to + 1 : to, room);

	if (n > 0 && ascii)
		copy->end += ftp_copy_to_file(to, to + 1, (size_t)n, &copy->last_was_cr);
	else if (n > 0)
		copy->end += (size_t)n;
	if (n > 0)
		copy->moved += (uint64_t)n;
	return n;
}

/* All that may be stored is here: the connection must end now. */
static enum ftp_copy_result finish_range(struct ftp_copy *copy, int data_fd, int file_fd)
{
	uint8_t surplus;
	ssize_t n = receive_bytes(copy, data_fd, &surplus, 1);

	if (n < 0 && errno == EAGAIN)
		return FTP_COPY_MORE;
	if (flush_to_file(copy, file_fd) == FTP_COPY_FAILED)
		return FTP_COPY_FAILED;
	if (n > 0)
		return failed(copy, VFS_TOO_BIG);
	return n == 0 ? FTP_COPY_DONE : FTP_COPY_LOST;
}

/* --- uploads over TLS, written from where they were decrypted --------------------------------------------- */

static bool write_lent(struct ftp_copy *copy, int file_fd)
{
	int count;
	struct iovec *pieces = tls_stream_lent(copy->tls, &count);
	bool ok = io_writev_full(file_fd, pieces, count);

	if (!ok)
		copy->failure = front_errno_write(errno);
	tls_stream_take_back(copy->tls);
	copy->end = 0;
	return ok;
}

static enum ftp_copy_result receive_lent(struct ftp_copy *copy, int file_fd)
{
	size_t got;
	enum tls_status status =
	    tls_stream_lend(copy->tls, copy->end + within_limit(copy, FTP_STORE_BLOCK_BYTES - copy->end), &got);

	copy->end += got;
	copy->moved += got;
	if (status == TLS_AGAIN && copy->moved < copy->limit)
		return FTP_COPY_MORE;
	return write_lent(copy, file_fd) ? explain_tls(copy, status) : FTP_COPY_FAILED;
}

/* Gathers until the block is full: large writes get large folios in the page cache. */
enum ftp_copy_result ftp_copy_receive(struct ftp_copy *copy, int data_fd, int file_fd, bool ascii)
{
	size_t most = FTP_STORE_FIRST_BYTES;
	ssize_t n;

	if (copy->moved == copy->limit)
		return finish_range(copy, data_fd, file_fd);
	if (copy->pipe[0] != -1 && !copy->splice_refused)
		return receive_by_pipe(copy, data_fd, file_fd);
	if (copy->tls != NULL && !ascii && tls_stream_can_lend(copy->tls))
		return receive_lent(copy, file_fd);
	if (!need_block(copy, FTP_STORE_FIRST_BYTES + FTP_STORE_SPARE_BYTES))
		return FTP_COPY_FAILED;
	/* What TLS has read ahead is taken at once, in whatever pieces it comes. */
	if (copy->tls != NULL && is_mapped(copy->size))
		most = FTP_STORE_BLOCK_BYTES;
	/* The end of a short file has most often come along with it: look before going to sleep. */
	do
		n = receive_some(copy, data_fd, ascii);
	while (n > 0 && copy->end < most && copy->moved < copy->limit);
	if (n == 0)
		return finish_receive(copy, file_fd, FTP_COPY_DONE);
	if (n < 0)
		return errno == EAGAIN ? FTP_COPY_MORE : finish_receive(copy, file_fd, FTP_COPY_LOST);
	if (copy->moved == copy->limit)
		return FTP_COPY_MORE;
	if (!is_mapped(copy->size))
		return go_long(copy, data_fd, file_fd, ascii);
	if (copy->end >= FTP_STORE_BLOCK_BYTES)
		return flush_to_file(copy, file_fd);
	return FTP_COPY_MORE;
}

void ftp_copy_save(struct ftp_copy *copy, int file_fd)
{
	if (copy->end == 0 && !copy->last_was_cr)
		return;
	if (copy->block != NULL)
		finish_receive(copy, file_fd, FTP_COPY_LOST);
	else
		write_lent(copy, file_fd);
}
