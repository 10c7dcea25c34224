/*
 * Permission bits: what the client wishes, what the mount's policy makes of it.
 *
 * Guard only.  Pure arithmetic.  A wish is UINT32_MAX for none, and counts only where the user may
 * chmod. Bits of the umask are never given; setuid, setgid and sticky only where the
 * administrator's own file_mode or dir_mode has them.
 */
#ifndef VFS_MODES_H
#define VFS_MODES_H

#include "vfs/vfs_private.h"

/* Of a new file or directory. */
uint32_t vfs_modes_of_file(const struct vfs_mount *mount, uint32_t wish);
uint32_t vfs_modes_of_dir(const struct vfs_mount *mount, uint32_t wish);
/* Of a file that replaces one with the mode `old`: as if it had been written in place. */
uint32_t vfs_modes_of_successor(const struct vfs_mount *mount, uint32_t old);
/* After a client's chmod of an entry that has the mode `old` (with its type bits). */
uint32_t vfs_modes_changed(const struct vfs_mount *mount, uint32_t wish, uint32_t old);

#endif
