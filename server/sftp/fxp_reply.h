/*
 * Answers to requests, made in place in the output.
 *
 * Front only.  The dispatcher calls a handler only while there is room for FXP_REPLY_MAX_BYTES; who needs more asks
 * with fxp_reply_begin and waits (FXP_NO_ROOM) when there is none.
 */
#ifndef FXP_REPLY_H
#define FXP_REPLY_H

#include "server/sftp/fxp_private.h"
#include "server/sftp/fxp_status.h"

enum fxp_reply_type {
	FXP_REPLY_VERSION = 2,
	FXP_REPLY_STATUS = 101,
	FXP_REPLY_HANDLE = 102,
	FXP_REPLY_DATA = 103,
	FXP_REPLY_NAME = 104,
	FXP_REPLY_ATTRS = 105,
	FXP_REPLY_EXTENDED = 201,
};

#define FXP_REPLY_HEAD_BYTES 9u /* length, type, id */

/* Is there room for any answer of FXP_REPLY_MAX_BYTES? */
bool fxp_reply_has_room(struct fxp *fxp);

/* Begin a reply of at most `max` bytes, its head included; false when there is no room. */
bool fxp_reply_begin(struct fxp *fxp, uint32_t id, enum fxp_reply_type type, size_t max, struct fxp_writer *out);
/* All of it is written.  FXP_DONE, so that a handler can end with it. */
enum fxp_progress fxp_reply_end(struct fxp *fxp, struct fxp_writer *writer);

/* STATUS.  Only for want of room false. */
bool fxp_reply_status_of(struct fxp *fxp, uint32_t id, enum vfs_status status);
enum fxp_progress fxp_reply_status(struct fxp *fxp, const struct fxp_request *request, enum vfs_status status);
/* STATUS with a code that no vfs_status has. */
enum fxp_progress fxp_reply_eof(struct fxp *fxp, const struct fxp_request *request);
enum fxp_progress fxp_reply_bad_message(struct fxp *fxp, const struct fxp_request *request);
enum fxp_progress fxp_reply_unsupported(struct fxp *fxp, const struct fxp_request *request);

enum fxp_progress fxp_reply_attrs(struct fxp *fxp, const struct fxp_request *request, const struct vfs_attr *attr);
/* NAME with one name, as REALPATH and READLINK want it. */
enum fxp_progress fxp_reply_name(struct fxp *fxp, const struct fxp_request *request, const char *name);

#endif
