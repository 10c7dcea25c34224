/*
 * copy-data and copy-file: long requests that the guard does a step at a time.
 *
 * Front only.
 */
#ifndef FXP_COPY_H
#define FXP_COPY_H

#include "server/sftp/fxp_private.h"

/* The session ends: a copy that has begun leaves nothing. */
void fxp_copy_abandon(struct fxp *fxp);

#endif
