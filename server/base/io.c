#include "server/base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/random.h"
#include "server/base/text.h"

#define TEMP_RANDOM_BYTES     8
#define TEMP_NAME_BYTES       (sizeof(".replace-") + 2 * TEMP_RANDOM_BYTES)
#define READ_FILE_FIRST_BYTES 4096u

void io_close(int *fd)
{
	int saved = errno;

	/* Never again on EINTR: Linux has closed it by then, and another may own the number. */
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

ssize_t io_read(int fd, void *bytes, size_t n)
{
	ssize_t got;

	do
		got = read(fd, bytes, n);
	while (got < 0 && errno == EINTR);
	return got;
}

ssize_t io_write(int fd, const void *bytes, size_t n)
{
	ssize_t written;

	do
		written = write(fd, bytes, n);
	while (written < 0 && errno == EINTR);
	return written;
}

ssize_t io_read_full(int fd, void *bytes, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = io_read(fd, (char *)bytes + done, n - done);

		if (got < 0)
			return -1;
		if (got == 0)
			break;
		done += (size_t)got;
	}
	return (ssize_t)done;
}

bool io_write_full(int fd, const void *bytes, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t written = io_write(fd, (const char *)bytes + done, n - done);

		if (written < 0)
			return false;
		done += (size_t)written;
	}
	return true;
}

void io_advance(struct iovec **pieces, int *count, size_t n)
{
	while (*count > 0 && n >= (*pieces)->iov_len) {
		n -= (*pieces)->iov_len;
		(*pieces)++;
		(*count)--;
	}
	if (*count > 0) {
		(*pieces)->iov_base = (char *)(*pieces)->iov_base + n;
		(*pieces)->iov_len -= n;
	}
}

bool io_writev_full(int fd, struct iovec *pieces, int count)
{
	for (io_advance(&pieces, &count, 0); count > 0;) {
		ssize_t n = writev(fd, pieces, count);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			io_advance(&pieces, &count, (size_t)n);
	}
	return true;
}

bool io_set_nonblocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);
	int wanted;

	if (flags < 0)
		return false;
	wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return wanted == flags || fcntl(fd, F_SETFL, wanted) == 0;
}

/* Everything up to the end of file, but never more than limit_bytes. */
static char *read_to_end(int fd, size_t limit_bytes, size_t *length_out)
{
	size_t size = limit_bytes < READ_FILE_FIRST_BYTES ? limit_bytes + 1 : READ_FILE_FIRST_BYTES;
	size_t length = 0;
	char *text = NULL;

	for (;;) {
		char *larger = realloc(text, size + 1);
		ssize_t got;

		if (larger == NULL)
			goto fail;
		text = larger;
		got = io_read_full(fd, text + length, size - length);
		if (got < 0)
			goto fail;
		length += (size_t)got;
		if (length > limit_bytes) {
			errno = EFBIG;
			goto fail;
		}
		if (length < size)
			break;
		size = size > limit_bytes / 2 ? limit_bytes + 1 : size * 2;
	}
	text[length] = '\0';
	if (length_out != NULL)
		*length_out = length;
	return text;
fail:
	free(text);
	return NULL;
}

char *io_read_file(int dir_fd, const char *path, size_t limit_bytes, size_t *length_out)
{
	struct stat st;
	char *text = NULL;
	/* O_NONBLOCK: a FIFO in the file's place must not hang us. */
	int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) != 0)
		goto out;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		goto out;
	}
	text = read_to_end(fd, limit_bytes, length_out);
out:
	io_close(&fd);
	return text;
}

/* A fresh file of a name that nobody can guess; its name is in name_out. */
static int create_temporary(int dir_fd, char name_out[TEMP_NAME_BYTES])
{
	uint8_t random[TEMP_RANDOM_BYTES];
	char hex[2 * TEMP_RANDOM_BYTES + 1];

	random_bytes(random, sizeof(random));
	text_hex(hex, random, sizeof(random));
	snprintf(name_out, TEMP_NAME_BYTES, ".replace-%s", hex);
	return openat(dir_fd, name_out, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static bool sync_directory(int dir_fd)
{
	/* Opened anew: the caller's may be O_PATH or AT_FDCWD, which fsync(2) refuses. */
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool synced;

	if (fd < 0)
		return false;
	synced = fsync(fd) == 0;
	io_close(&fd);
	return synced;
}

bool io_replace_file(int dir_fd, const char *name, const void *content, size_t n, mode_t mode)
{
	char temporary[TEMP_NAME_BYTES];
	bool replaced = false;
	int fd = -1;

	if (name[0] == '\0' || strchr(name, '/') != NULL) {
		errno = EINVAL;
		return false;
	}
	fd = create_temporary(dir_fd, temporary);
	if (fd < 0)
		return false;
	/* fchmod, since the umask has cut what openat was given; before the content gets in. */
	if (fchmod(fd, mode) == 0 && io_write_full(fd, content, n) && fsync(fd) == 0)
		replaced = renameat(dir_fd, temporary, dir_fd, name) == 0;
	io_close(&fd);
	if (!replaced) {
		int saved = errno;

		unlinkat(dir_fd, temporary, 0);
		errno = saved;
		return false;
	}
	return sync_directory(dir_fd);
}
