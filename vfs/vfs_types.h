/*
 * What both halves of a session know about files: statuses, attributes, open flags.
 *
 * The front includes this and no other header of vfs/.  No functions that touch files.
 */
#ifndef VFS_TYPES_H
#define VFS_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf_rights.h"

#define VFS_PATH_MAX 4096	/* bytes of a path in the user's view, NUL included */
#define VFS_NAME_MAX 255	/* bytes of one component */
#define VFS_HANDLES_MAX 1000	/* open files and directories of one session; each takes up to two descriptors */
#define VFS_STAGED_PREFIX ".transom-" /* reserved: no client can list, open or make such names */

/*
 * THE list of outcomes.  V(name, text): text is for people at the other end and gives nothing away.
 * errno becomes one of these in vfs_errno.c only; each protocol maps them to its own codes in one
 * table (ftp_replies.c, later fxp_status.c).  The numbers cross the wall.
 */
/* clang-format off */
#define VFS_STATUSES(V)								\
	V(OK,		"OK")							\
	V(NOT_FOUND,	"No such file or directory")				\
	V(EXISTS,	"File exists")						\
	V(PERMISSION,	"Permission denied")					\
	V(FORBIDDEN,	"Not allowed here")					\
	V(NOT_DIR,	"Not a directory")					\
	V(IS_DIR,	"Is a directory")					\
	V(NOT_EMPTY,	"Directory not empty")					\
	V(NOT_FILE,	"Not a regular file")					\
	V(NAME_TOO_LONG, "File name too long")					\
	V(BAD_NAME,	"File name not allowed")				\
	V(NO_SPACE,	"No space left")					\
	V(QUOTA,	"Quota exceeded")					\
	V(TOO_BIG,	"File too large")					\
	V(READ_ONLY,	"Read-only file system")				\
	V(LOOP,		"Too many symbolic links")				\
	V(CROSS_MOUNT,	"Cannot do that across folders of different storage")	\
	V(BUSY,		"Busy")							\
	V(IO,		"Input/output error")					\
	V(INVALID,	"Invalid argument")					\
	V(RANGE,	"Offset beyond the end of the file")			\
	V(UNSUPPORTED,	"Not supported")					\
	V(TOO_MANY_OPEN, "Too many open files")					\
	V(BAD_HANDLE,	"No such handle")					\
	V(NO_MEMORY,	"Out of memory")					\
	V(TIMEOUT,	"Timed out")						\
	V(CANCELLED,	"Cancelled")						\
	V(UNREACHABLE,	"Cannot connect")					\
	V(FAILED,	"Failed")
/* clang-format on */

#define VFS_STATUS_ENUM(name, text) VFS_##name,
enum vfs_status { VFS_STATUSES(VFS_STATUS_ENUM) VFS_STATUS_COUNT };
#undef VFS_STATUS_ENUM

/* The text of a status; "Failed" for a number outside the list. */
const char *vfs_status_text(enum vfs_status status);
/* "NOT_FOUND": for logs. */
const char *vfs_status_name(enum vfs_status status);

enum vfs_kind {
	VFS_KIND_FILE,
	VFS_KIND_DIR,
	VFS_KIND_LINK,
	VFS_KIND_OTHER, /* fifo, socket, device: visible, never opened */
};

/* Attributes of a file as the user sees it. */
struct vfs_attr {
	uint64_t size;
	uint64_t inode;		/* with device: MLSx `unique` */
	uint64_t device;
	int64_t mtime;		/* seconds since the epoch */
	int64_t atime;
	uint32_t mtime_nsec;
	uint32_t atime_nsec;
	uint32_t mode;		/* permission bits only, 07777 */
	uint32_t kind;		/* enum vfs_kind */
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint32_t rights;	/* what this user may do to it: RIGHT_* */
};

/* Which fields of a vfs_change are to be set. */
enum vfs_change_field {
	VFS_SET_MODE = 1 << 0,
	VFS_SET_MTIME = 1 << 1,
	VFS_SET_ATIME = 1 << 2,
	VFS_SET_SIZE = 1 << 3,
	VFS_SET_OWNER = 1 << 4,	/* uid and gid; obeyed only when it changes nothing, else by mount policy */
};

struct vfs_change {
	uint64_t size;
	int64_t mtime;
	int64_t atime;
	uint32_t mtime_nsec;
	uint32_t atime_nsec;
	uint32_t fields;	/* VFS_SET_* */
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
};

enum vfs_open_flag {
	VFS_OPEN_READ = 1 << 0,
	VFS_OPEN_WRITE = 1 << 1,
	VFS_OPEN_CREATE = 1 << 2,	/* make it if missing */
	VFS_OPEN_TRUNCATE = 1 << 3,	/* new content: staged, published on close */
	VFS_OPEN_EXCLUSIVE = 1 << 4,	/* with CREATE: EXISTS if there is one */
	VFS_OPEN_APPEND = 1 << 5,	/* every write goes to the end */
	VFS_OPEN_RESUME = 1 << 6,	/* start at the given offset of what is there (REST + STOR) */
	VFS_OPEN_UNIQUE = 1 << 7,	/* with CREATE: choose a free name (STOU) */
	VFS_OPEN_STAGED = 1 << 9,	/* with TRUNCATE: staged, even where publish = direct */
	VFS_OPEN_CHECKSUM = 1 << 8,	/* reading only to compute a checksum (allowed on own files of an inbox) */
};

/* How an open file ended, told at close.  Only COMPLETE publishes. */
enum vfs_outcome {
	VFS_CLOSE_COMPLETE,	/* all bytes are written: publish */
	VFS_CLOSE_ABORTED,	/* the client broke off: keep for resume */
	VFS_CLOSE_FAILED,	/* a write failed (space, quota, size): drop the staged file at once */
};

/* A directory entry as vfs_batch packs it and the front unpacks it: see vfs_batch.h. */
enum vfs_readdir_flag {
	VFS_READDIR_NAMES_ONLY = 1 << 0, /* NLST: no attributes needed, kind may be OTHER */
};

#endif
