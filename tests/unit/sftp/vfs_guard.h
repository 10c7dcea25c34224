/*
 * A small guard for tests: a thread that serves the guard protocol from a VFS.
 *
 * No login, no log, no confinement; all that it says of files is true.
 */
#ifndef VFS_GUARD_H
#define VFS_GUARD_H

#include <pthread.h>

#include "server/guard_client.h"
#include "vfs/vfs.h"

#define VFS_GUARD_NUMBERS 80 /* above the highest message number */

struct vfs_guard {
	/* Answer to a message by its number, when not VFS_OK: in place of doing it. */
	enum vfs_status refuse[VFS_GUARD_NUMBERS];
	uint64_t copy_step; /* most that one copy does; 0: no limit of ours */

	/* Good to read while no request is open. */
	unsigned calls[VFS_GUARD_NUMBERS];
	struct guard_req_close closed; /* the last one */
	uint32_t open_flags;	       /* of the last open */

	struct vfs *vfs;
	int wall_fd;
	pthread_t thread;
};

/* Serve a VFS; the front's end, NULL when it cannot be had. */
struct guard_client *vfs_guard_start(struct vfs_guard *guard, struct vfs *vfs);
/* After guard_client_free. */
void vfs_guard_stop(struct vfs_guard *guard);

#endif
