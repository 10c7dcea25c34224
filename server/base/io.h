/*
 * The few system-call loops everybody needs, in one place: EINTR, short reads
 * and writes, non-blocking mode.  Nobody else calls read(2) or write(2) in a loop.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Close *fd if it is one, and set it to -1.  Keeps errno. */
void io_close(int *fd);
/* read(2) until n bytes or end of file; bytes read, or -1 with errno. */
ssize_t io_read_full(int fd, void *bytes, size_t n);
/* write(2) until all is written; true, or false with errno. */
bool io_write_full(int fd, const void *bytes, size_t n);
/* One read(2), one write(2), retried on EINTR.  -1 with errno, EAGAIN included. */
ssize_t io_read(int fd, void *bytes, size_t n);
ssize_t io_write(int fd, const void *bytes, size_t n);
/* What an iovec still holds when its first n bytes are done with; pieces without bytes at its head go along. */
void io_advance(struct iovec **pieces, int *count, size_t n);
/* writev(2) until all is written, which changes the pieces; true, or false with errno. */
bool io_writev_full(int fd, struct iovec *pieces, int count);
/* Switch O_NONBLOCK; false with errno. */
bool io_set_nonblocking(int fd, bool on);
/*
 * Read a whole small file into a fresh NUL-terminated heap string (caller frees).
 * NULL with errno; EFBIG when it is larger than limit_bytes.
 */
char *io_read_file(int dir_fd, const char *path, size_t limit_bytes, size_t *length_out);
/*
 * Replace dir_fd/name by content, so that a reader sees the old file or the new one and a
 * power cut leaves one of them: temporary file, fsync, rename, fsync of the directory.
 * False with errno; then the old file is untouched.
 */
bool io_replace_file(int dir_fd, const char *name, const void *content, size_t n, mode_t mode);

#endif
