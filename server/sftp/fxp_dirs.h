/*
 * READDIR: batches of the guard into NAME packets, one batch fetched ahead.
 *
 * Front only.
 */
#ifndef FXP_DIRS_H
#define FXP_DIRS_H

#include "server/sftp/fxp_private.h"

/* The handle is about to be closed: a batch on its way for it is waited for and dropped. */
void fxp_dirs_forget_ahead(struct fxp *fxp, const struct fxp_handle *handle);

#endif
