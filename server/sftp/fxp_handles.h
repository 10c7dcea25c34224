/*
 * Open files and directories of an SFTP session, and the strings by which the client names them.
 *
 * Front only.  A handle is eight bytes, slot and generation: of a wrong length, never given out or closed, it is not
 * found.  The table knows nothing of files: opening and closing are the guard's.
 */
#ifndef FXP_HANDLES_H
#define FXP_HANDLES_H

#include "server/sftp/fxp_codec.h"
#include "server/sftp/fxp_limits.h"
#include "vfs/vfs_batch.h"

#define FXP_HANDLE_BYTES 8u

enum fxp_handle_kind { FXP_HANDLE_FILE, FXP_HANDLE_DIR };

/* Entries of a directory that the guard has sent and the client has not had. */
struct fxp_listing {
	char *path;	/* heap, of the directory; NULL from the first READDIR on */
	uint8_t *bytes; /* heap, VFS_BATCH_MAX_BYTES; NULL until the first READDIR */
	struct vfs_batch_reader reader;
	bool ended;	   /* the guard has no more */
	uint32_t ahead_id; /* of a request for the next batch that is on its way, 0: none */
};

struct fxp_handle {
	enum fxp_handle_kind kind;
	uint32_t slot;
	uint32_t generation;
	uint32_t guard; /* the guard's number for it */

	int fd; /* of a file; -1 */
	bool read;
	bool write;
	bool append;		 /* the offsets of WRITEs do not count */
	enum vfs_status failure; /* of a write: from then on every WRITE fails, and CLOSE too */
	uint64_t moved;		 /* bytes read and written, for the guard's log */
	struct vfs_attr attr;	 /* when it was opened; device and inode stay true */
	int64_t opened_ms;
	uint64_t opened_change; /* fxp->changes then */

	struct fxp_listing listing; /* of a directory */
};

/* All zero is empty. */
struct fxp_handles {
	struct fxp_handle **slots; /* heap, grows */
	size_t size;
	size_t count;		  /* of open handles */
	size_t files;		  /* of those that are files */
	uint32_t last_generation; /* starts anywhere */
};

/* A new handle, without descriptor; NULL when there are FXP_HANDLES_MAX, or no memory. */
struct fxp_handle *fxp_handles_add(struct fxp_handles *handles, enum fxp_handle_kind kind);
/* The handle that a client means; NULL for none. */
struct fxp_handle *fxp_handles_find(const struct fxp_handles *handles, struct fxp_string name);
void fxp_handles_name(const struct fxp_handle *handle, uint8_t out[FXP_HANDLE_BYTES]);
/* Close the descriptor, free what hangs on it, forget the name.  Sets *handle to NULL. */
void fxp_handles_remove(struct fxp_handles *handles, struct fxp_handle **handle);
/* Some open handle, NULL when there is none. */
struct fxp_handle *fxp_handles_any(const struct fxp_handles *handles);
/* Free the table, which must be empty. */
void fxp_handles_clear(struct fxp_handles *handles);

#endif
