/*
 * Bytes of WRITEs on their way to their files: a few buffers, shared by all open files of a session.
 *
 * Front only.  A buffer belongs to one handle and holds consecutive bytes.  Whoever is about to look at a file, by
 * whatever name, flushes first, so that nobody can tell that bytes were gathered; but an error of the disk comes later,
 * at the latest with the answer to CLOSE, and stays with the handle.
 *
 * A client that is quick brings enough for one write to the file in one turn: those bytes are only lent, and go to the
 * file from where the transport has them.  What is too little is copied, and waits for more.
 */
#ifndef FXP_GATHER_H
#define FXP_GATHER_H

#include <sys/uio.h>

#include "server/sftp/fxp_handles.h"

/* Consecutive bytes: `copied` of them in `bytes`, then those that are lent; in all length + partial. */
struct fxp_gather_buffer {
	uint8_t *bytes;		  /* NULL: no memory yet; FXP_GATHER_BYTES */
	struct fxp_handle *owner; /* NULL: free */
	uint64_t offset;	  /* of the first byte in the file */
	size_t length;
	size_t partial; /* bytes behind them, of a WRITE that has not arrived as a whole */
	size_t copied;
	struct iovec lent[FXP_GATHER_LENT];
	int lent_count;
	size_t touched; /* how much of `bytes` has become memory */
	int64_t used_ms;
};

/* All zero is empty. */
struct fxp_gather {
	struct fxp_gather_buffer buffers[FXP_GATHERS];
	unsigned *left; /* how many more may get memory, together with other sessions of the connection; NULL: all */
};

/* A WRITE of n bytes begins, without touching any file; false: only fxp_gather_add can take them. */
bool fxp_gather_begin(
    struct fxp_gather *gather, struct fxp_handle *handle, uint64_t offset, size_t n, int64_t now_ms);
/* Its next bytes, which stay where they are until fxp_gather_settle. */
void fxp_gather_lend(
    struct fxp_gather *gather, const struct fxp_handle *handle, const uint8_t *bytes, size_t n);
/* They are all there: the WRITE is done. */
void fxp_gather_commit(struct fxp_gather *gather, struct fxp_handle *handle);

/* A whole WRITE, whatever has to be written out for it.  handle->failure. */
enum vfs_status fxp_gather_add(struct fxp_gather *gather, struct fxp_handle *handle, uint64_t offset,
    const uint8_t *bytes, size_t n, int64_t now_ms);

/* What was lent is about to go: it is written to its file if that is worth it, or copied. */
void fxp_gather_settle(struct fxp_gather *gather);

/* Write out what is gathered of this handle; handle->failure. */
enum vfs_status fxp_gather_flush(struct fxp_gather *gather, struct fxp_handle *handle);
/* Of every handle to the same file. */
void fxp_gather_flush_file(struct fxp_gather *gather, const struct fxp_handle *handle);
void fxp_gather_flush_all(struct fxp_gather *gather);
/* What is large enough, or has waited long enough. */
void fxp_gather_flush_due(struct fxp_gather *gather, int64_t now_ms);
/* Does anything wait to be written? */
bool fxp_gather_holds(const struct fxp_gather *gather);

/* The handle is about to be closed: forget what was not flushed. */
void fxp_gather_leave(struct fxp_gather *gather, const struct fxp_handle *handle);
/* Give back memory that nobody has used for some time; all of it, now_ms INT64_MAX. */
void fxp_gather_trim(struct fxp_gather *gather, int64_t now_ms);
/* Is there memory that fxp_gather_trim will give back? */
bool fxp_gather_is_large(const struct fxp_gather *gather);

#endif
