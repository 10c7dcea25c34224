/*
 * THE table from what the guard says to what an SFTP client is told.
 *
 * Front only; pure.
 */
#ifndef FXP_STATUS_H
#define FXP_STATUS_H

#include "vfs/vfs_types.h"

/* Codes of STATUS (draft-ietf-secsh-filexfer-02, 7). */
enum fxp_code {
	FXP_CODE_OK = 0,
	FXP_CODE_EOF = 1,
	FXP_CODE_NO_SUCH_FILE = 2,
	FXP_CODE_PERMISSION_DENIED = 3,
	FXP_CODE_FAILURE = 4,
	FXP_CODE_BAD_MESSAGE = 5,
	FXP_CODE_OP_UNSUPPORTED = 8,
};

struct fxp_status_row {
	enum fxp_code code;
	const char *message; /* what a person reads, and can act on */
};

/* The row of a status, also for a number outside of the list. */
const struct fxp_status_row *fxp_status_find(enum vfs_status status);

#endif
