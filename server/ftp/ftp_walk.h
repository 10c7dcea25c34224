/*
 * A listing as a stream of lines: one entry, one directory, the matches of a pattern, or a tree.
 *
 * Front only.  Asks the guard for batches, the next one while it formats this one, and hands out
 * lines as the network takes them: memory does not grow with the directory.  A directory of few
 * batches is sorted; a larger one comes in its own order.  Trees are walked without recursion,
 * within bounds. Between two calls no request is under way, so others may be sent to the guard.
 */
#ifndef FTP_WALK_H
#define FTP_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "server/ftp/ftp_listing.h"
#include "server/guard_client.h"

struct ftp_walk;

struct ftp_walk_request {
	const char *path;          /* absolute */
	const char *prefix;        /* put before names: "", or "dir/" as the client wrote it */
	const char *pattern;       /* of names, or NULL */
	unsigned options;          /* enum ftp_list_option */
	struct ftp_list_view view; /* login: good until ftp_walk_free */
};

/* Open a directory.  VFS_OK and *out (ftp_walk_free), or the guard's refusal. */
enum vfs_status ftp_walk_open(
    struct ftp_walk **out, struct guard_client *guard, const struct ftp_walk_request *request);
/* The listing of a single entry, whose attributes are known: request->prefix is its name. */
enum vfs_status ftp_walk_single(struct ftp_walk **out, struct guard_client *guard,
    const struct ftp_walk_request *request, const struct vfs_attr *attr);
/* End it: COMPLETE when all of it reached the client.  Sets *walk to NULL. */
void ftp_walk_free(struct ftp_walk **walk, enum vfs_outcome outcome, uint64_t bytes);

/* Write whole lines, up to size bytes; the length.  0 when size is too small for a line, or at the
 * end. */
size_t ftp_walk_fill(struct ftp_walk *walk, char *out, size_t size);
/* True at the end; then *status_out is VFS_OK, or why it ended early. */
bool ftp_walk_ended(const struct ftp_walk *walk, enum vfs_status *status_out);

#endif
