/*
 * The data types of SFTP version 3 (draft-ietf-secsh-filexfer-02), read and written within bounds.
 *
 * Front only; pure: no state but what is passed in.
 */
#ifndef FXP_CODEC_H
#define FXP_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfs/vfs_types.h"

/* What remains of a packet.  failed is sticky: after it every value read is 0 or empty. */
struct fxp_reader {
	const uint8_t *bytes;
	size_t left;
	bool failed;
};

/* Bytes inside a packet, not NUL-terminated. */
struct fxp_string {
	const uint8_t *bytes;
	uint32_t length;
};

/* Flags of ATTRS (5): which of the fields are there. */
enum fxp_attr_flag {
	FXP_ATTR_SIZE = 0x00000001,
	FXP_ATTR_UIDGID = 0x00000002,
	FXP_ATTR_PERMISSIONS = 0x00000004,
	FXP_ATTR_ACMODTIME = 0x00000008,
};
#define FXP_ATTR_EXTENDED 0x80000000u

/* ATTRS as a client sent them; fields without their flag are 0. */
struct fxp_attrs {
	uint32_t flags;
	uint64_t size;
	uint32_t uid;
	uint32_t gid;
	uint32_t permissions;
	uint32_t atime;
	uint32_t mtime;
};

uint8_t fxp_get_u8(struct fxp_reader *reader);
uint32_t fxp_get_u32(struct fxp_reader *reader);
uint64_t fxp_get_u64(struct fxp_reader *reader);
struct fxp_string fxp_get_string(struct fxp_reader *reader);
/* Extended pairs are skipped. */
void fxp_get_attrs(struct fxp_reader *reader, struct fxp_attrs *out);
/*
 * A string as a C string in out[VFS_PATH_MAX].  VFS_OK; VFS_BAD_NAME when it holds a NUL, VFS_NAME_TOO_LONG: then
 * out is "".  A cut packet shows in reader->failed, and is VFS_OK.
 */
enum vfs_status fxp_get_text(struct fxp_reader *reader, char out[VFS_PATH_MAX]);

/* A packet in the making.  failed: it did not fit; sticky. */
struct fxp_writer {
	uint8_t *bytes;
	size_t length;
	size_t size;
	bool failed;
};

#define FXP_ATTRS_BYTES 32u /* of what fxp_put_attr writes */

void fxp_put_u8(struct fxp_writer *writer, uint8_t value);
void fxp_put_u32(struct fxp_writer *writer, uint32_t value);
void fxp_put_u64(struct fxp_writer *writer, uint64_t value);
void fxp_put_string(struct fxp_writer *writer, const void *bytes, size_t n);
void fxp_put_text(struct fxp_writer *writer, const char *text);
/* All that version 3 can say of a file; times outside of 32 bits are cut to what fits. */
void fxp_put_attr(struct fxp_writer *writer, const struct vfs_attr *attr);

#endif
