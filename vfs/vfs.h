/*
 * The virtual filesystem: everything a session may do with files.
 *
 * Guard only, and only after login (the process is the user by then).  It checks rights, resolves
 * paths inside mounts, stages and publishes uploads, hides staged names.  It knows nothing of FTP or
 * SFTP and sends no messages: guard_files.c is the door.  All calls block only as long as the disk does.
 *
 * Paths are in the user's view and already absolute ("/inbox/a"); they are normalised here again.
 * Calls that name a file never follow a symbolic link in the last component unless said so, and follow
 * links in the other components inside the mount only.
 */
#ifndef VFS_VFS_H
#define VFS_VFS_H

#include <sys/types.h>

#include "conf/conf.h"
#include "vfs/vfs_batch.h"
#include "vfs/vfs_path.h"
#include "vfs/vfs_types.h"

struct vfs;

/* What vfs_new needs of the outside: opened before the guard gives up root. */
struct vfs_mount_source {
	const struct conf_mount *mount;	/* policy, must outlive the vfs; for "/" a view of the user's own options */
	int dir_fd;			/* O_PATH|O_DIRECTORY of the source; vfs owns it afterwards */
};

/*
 * Make a user's tree.  sources[0] is "/"; the others in any order; titles are unique and normalised.
 * user_name tags staged files.  Owns the descriptors from now on, also on failure.
 * NULL when memory ran out.
 */
struct vfs *vfs_new(const char *user_name, const struct vfs_mount_source *sources, size_t count);
/* Close everything; files still open end as VFS_CLOSE_ABORTED. */
void vfs_free(struct vfs **vfs);

/* --- files ----------------------------------------------------------------------------- */

/* What vfs_open tells about the file it opened. */
struct vfs_opened {
	uint32_t handle;	/* for the calls below */
	int fd;			/* belongs to vfs (a caller that passes it on duplicates it) */
	struct vfs_attr attr;
	uint64_t offset;	/* where the first byte belongs (end for APPEND, offset for RESUME) */
	bool staged;		/* will be published on close */
	struct vfs_path path;	/* final name in the user's view (differs for UNIQUE and renamed duplicates) */
};

/*
 * Open a regular file.  flags: VFS_OPEN_*; offset counts with VFS_OPEN_RESUME; mode is the client's wish
 * for a new file, UINT32_MAX for none.  The descriptor has exactly the access asked for, its file
 * position at `offset`, and never blocks on a fifo or device (VFS_NOT_FILE).
 * A new or truncating upload is staged unless the mount says publish = direct.  A kept upload of a name too
 * long to be part of its staged name (more than about 220 bytes) is continued and seen by stat like any other,
 * but a listing cannot show it.  VFS_BUSY: what would be continued is still being written by a session.
 *
 * A running upload of this session may be opened again, to read it and, as any file, to write in place.  It stays the
 * upload of the handle that began it and is published when that one is closed.  A handle that was opened through it to write
 * goes on in the published file.  If it is closed sooner, its bytes are part of the upload, but under no name: that is
 * VFS_BUSY, no promise; and VFS_CANCELLED if the upload broke off before.
 */
enum vfs_status vfs_open(struct vfs *vfs, const char *path, uint32_t flags, uint64_t offset,
    uint32_t mode, struct vfs_opened *out);

/* What vfs_close tells. */
struct vfs_closed {
	struct vfs_path path;	/* where it is now; for an inbox that renamed a duplicate: the name it got */
	uint64_t size;		/* of the file when closed */
	uint64_t moved;		/* bytes between the offset at open and the descriptor's position now */
	bool write;		/* it was open for writing */
	bool published;		/* it was staged and is now visible */
	bool kept;		/* it was staged and is kept for resume */
};
/*
 * End of a file or directory handle.  With COMPLETE a staged file is published (after fsync where the
 * mount is durable): VFS_OK is the promise that its bytes are under its final name.  On any other
 * status nothing was published and the staged file is gone, but for one case: the disk failed after the rename,
 * when durable; then `published` tells that the name is there, and the status that it may not last.
 */
enum vfs_status vfs_close(
    struct vfs *vfs, uint32_t handle, enum vfs_outcome outcome, struct vfs_closed *out);

/* The descriptor behind a file handle, -1 if it is none.  Belongs to vfs. */
int vfs_handle_fd(struct vfs *vfs, uint32_t handle);

enum vfs_status vfs_fstat(struct vfs *vfs, uint32_t handle, struct vfs_attr *out);
enum vfs_status vfs_fsetattr(struct vfs *vfs, uint32_t handle, const struct vfs_change *change);
enum vfs_status vfs_fsync(struct vfs *vfs, uint32_t handle);
/*
 * Copy inside the server; at most VFS_COPY_STEP_BYTES a call, so that a session stays responsive.
 * *copied 0 with VFS_OK: end of the source.
 */
#define VFS_COPY_STEP_BYTES (32u << 20)
enum vfs_status vfs_copy(struct vfs *vfs, uint32_t from, uint64_t from_offset, uint32_t to,
    uint64_t to_offset, uint64_t length, uint64_t *copied);

/* --- names ------------------------------------------------------------------------------- */

/* follow: through a symbolic link in the last component. */
enum vfs_status vfs_stat(struct vfs *vfs, const char *path, bool follow, struct vfs_attr *out);
enum vfs_status vfs_setattr(
    struct vfs *vfs, const char *path, bool follow, const struct vfs_change *change);
/* Is this a directory that the user may enter? */
enum vfs_status vfs_chdir(struct vfs *vfs, const char *path);
enum vfs_status vfs_mkdir(struct vfs *vfs, const char *path, uint32_t mode);
enum vfs_status vfs_rmdir(struct vfs *vfs, const char *path);
/* With what is there go the uploads of that name that this session still runs: they will not be published. */
enum vfs_status vfs_remove(struct vfs *vfs, const char *path);
/*
 * replace: an existing file may be replaced (needs RIGHT_overwrite); without it VFS_EXISTS.  This session's running uploads
 * of the old name will be published under the new one; those of the new name are replaced, too.
 */
enum vfs_status vfs_rename(struct vfs *vfs, const char *from, const char *to, bool replace);
/* VFS_BUSY: a running upload of this session, which has one name until it is published. */
enum vfs_status vfs_link(struct vfs *vfs, const char *from, const char *to);
/* target is stored as given, at most VFS_PATH_MAX - 1 bytes; it is resolved inside the mount when used. */
enum vfs_status vfs_symlink(struct vfs *vfs, const char *target, const char *path);
enum vfs_status vfs_readlink(struct vfs *vfs, const char *path, char target_out[VFS_PATH_MAX]);

struct vfs_space {
	uint64_t block_size, fragment_size, blocks, blocks_free, blocks_available;
	uint64_t files, files_free, files_available;
	uint64_t filesystem_id, name_max;
	bool read_only;
};
enum vfs_status vfs_statvfs(struct vfs *vfs, const char *path, struct vfs_space *out);
enum vfs_status vfs_fstatvfs(struct vfs *vfs, uint32_t handle, struct vfs_space *out);

/* --- directories --------------------------------------------------------------------------- */

#define VFS_READDIR_ENTRIES_MAX 16384
enum vfs_status vfs_opendir(struct vfs *vfs, const char *path, uint32_t *handle_out);
/*
 * Append entries until the writer is full or the directory ends (*end), or VFS_READDIR_ENTRIES_MAX were looked at:
 * a batch without *end may be empty (an inbox full of others' files).  No "." and "..", no staged
 * names but this user's own kept uploads and this session's own running ones, under their final names.
 * Mount points below this directory are listed too.
 */
enum vfs_status vfs_readdir(struct vfs *vfs, uint32_t handle, uint32_t flags,
    struct vfs_batch_writer *writer, bool *end);
enum vfs_status vfs_rewinddir(struct vfs *vfs, uint32_t handle);

#endif
