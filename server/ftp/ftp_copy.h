/*
 * Bytes between a file, or a listing, and the data connection.
 *
 * Front only.  Each call does a bounded piece of work and never blocks on the network, so that the
 * control connection is looked at between any two.  Files block as long as the disk does.
 */
#ifndef FTP_COPY_H
#define FTP_COPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfs/vfs_types.h"

struct ftp_walk;
struct tls_stream;

enum ftp_copy_result {
	FTP_COPY_MORE,   /* call again when the socket is ready */
	FTP_COPY_DONE,   /* all is sent, or in the hands of TLS; or the peer has closed and all is written */
	FTP_COPY_LOST,   /* the connection broke */
	FTP_COPY_FAILED, /* the file or listing failed: see failure */
};

/* May the kernel make the records of a download over TLS? */
enum ftp_copy_kernel {
	FTP_COPY_KERNEL_NO,
	FTP_COPY_KERNEL_ASK,   /* before the first byte */
	FTP_COPY_KERNEL_SEALS, /* it does */
	FTP_COPY_KERNEL_NEVER, /* it cannot, and need not be asked again */
};

struct ftp_copy {
	struct tls_stream *tls; /* over data_fd; NULL: plain text */
	enum ftp_copy_kernel kernel;
	bool trusts_close;      /* the end of a protected connection counts without close_notify, too */
	bool truncated;         /* it ended without, and does not count */
	uint64_t moved; /* bytes over the network */
	enum vfs_status failure;
	uint8_t *block; /* mapped while the transfer runs, if it needs one */
	size_t size;
	size_t start; /* waiting for the socket (sending) or the file (receiving) */
	size_t end;   /* without a block: bytes that TLS has lent */
	bool source_ended;
	bool sendfile_refused; /* by this file system: read and write instead */
	bool last_was_cr;      /* ASCII, over the edge of two blocks */
	uint64_t expected;     /* a hint: after so many bytes the file is at its end */
	uint64_t limit;        /* of moved: what is asked for is not more; UINT64_MAX: all */
	uint64_t skip;         /* ASCII restart: translated bytes not to be sent */
	int pipe[2];           /* of an upload that is spliced; -1 */
	bool splice_refused;   /* by this file (O_APPEND) or file system: read and write instead */
};

void ftp_copy_init(struct ftp_copy *copy);
void ftp_copy_clear(struct ftp_copy *copy);

/* A file, as it is (with sendfile, unless it is sealed here) or with LF -> CRLF.  The file's own position moves along. */
enum ftp_copy_result ftp_copy_send_image(struct ftp_copy *copy, int file_fd, int data_fd);
enum ftp_copy_result ftp_copy_send_ascii(struct ftp_copy *copy, int file_fd, int data_fd);
/* A listing. */
enum ftp_copy_result ftp_copy_send_listing(
    struct ftp_copy *copy, struct ftp_walk *walk, int data_fd);
/* The network into a file; ascii: CRLF -> LF.  Unless there is MORE, all that was received is written. */
enum ftp_copy_result ftp_copy_receive(struct ftp_copy *copy, int data_fd, int file_fd, bool ascii);
/* After MORE, when there will be none: write what was received and still waits, while TLS still has it.  It may
 * fail; nobody is told. */
void ftp_copy_save(struct ftp_copy *copy, int file_fd);

/*
 * The translations alone; *last_was_cr carries over from block to block, false at the start.
 * to_network: LF gets a CR before it unless there is one; out holds 2 * n.  Returns the length.
 * to_file: the CR of a CRLF is dropped.  A CR at the end of a block is held back until the next
 * call, and left to the caller at the end of the file; so out holds n + 1, and must not be less
 * than a byte below in when they overlap.  Returns the length.
 */
size_t ftp_copy_to_network(uint8_t *out, const uint8_t *in, size_t n, bool *last_was_cr);
size_t ftp_copy_to_file(uint8_t *out, const uint8_t *in, size_t n, bool *last_was_cr);

#endif
