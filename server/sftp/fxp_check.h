/*
 * check-file: checksums of a file, or of each block of it; long requests, done a step at a time.
 *
 * Front only.
 */
#ifndef FXP_CHECK_H
#define FXP_CHECK_H

#include "server/sftp/fxp_private.h"

/* The session ends: give back what a computation holds. */
void fxp_check_abandon(struct fxp *fxp);

#endif
