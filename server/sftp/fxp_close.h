/*
 * The end of handles: what was gathered reaches the file, the guard publishes or keeps, or drops.
 *
 * Front only.
 */
#ifndef FXP_CLOSE_H
#define FXP_CLOSE_H

#include "server/sftp/fxp_private.h"

/*
 * Close a handle of the client's.  complete: the client did; then VFS_OK is the promise that all its bytes are where
 * they belong, and any other status says that they are not.  Else the session breaks off, and an upload is kept.
 * *handle becomes NULL.
 */
enum vfs_status fxp_close_handle(struct fxp *fxp, struct fxp_handle **handle, bool complete);
/* Close a handle of the guard's that no client knows. */
enum vfs_status fxp_close_guard(struct fxp *fxp, const struct guard_req_close *ask);
/* The same without an answer: for those whose end cannot go wrong. */
void fxp_close_soon(struct fxp *fxp, const struct guard_req_close *ask);

#endif
