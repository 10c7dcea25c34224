/*
 * Directory entries packed into one message: the guard appends, the front iterates.
 *
 * The front treats the bytes as data from a stranger all the same: every length is checked.
 */
#ifndef VFS_BATCH_H
#define VFS_BATCH_H

#include "vfs/vfs_types.h"

#define VFS_BATCH_MAX_BYTES 57344u /* leaves room for the message around it in 64 KiB */

struct vfs_entry {
	struct vfs_attr attr;
	const char *name;	/* NUL-terminated, inside the batch */
	size_t name_length;
	const char *target;	/* of a symbolic link, "" otherwise; inside the batch */
};

struct vfs_batch_writer {
	uint8_t *bytes;
	size_t length;
	size_t size;
};

struct vfs_batch_reader {
	const uint8_t *bytes;
	size_t left;
};

/* False when the entry does not fit any more: send what is there first. */
bool vfs_batch_append(struct vfs_batch_writer *writer, const struct vfs_entry *entry);
/* 1 and *out, 0 at the end, -1 when the bytes are malformed. */
int vfs_batch_next(struct vfs_batch_reader *reader, struct vfs_entry *out);

#endif
