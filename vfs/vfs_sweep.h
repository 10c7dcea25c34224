/*
 * Removing staged files that nobody will continue: orphans and uploads kept beyond resume_window.
 *
 * Guard only, as the user, while the session works anyway: there is no sweeping process.  What is
 * locked is being written and is never touched.
 */
#ifndef VFS_SWEEP_H
#define VFS_SWEEP_H

#include "vfs/vfs_private.h"

/* Has a kept upload of this user outlived the mount's resume_window? */
bool vfs_sweep_expired(const struct vfs_mount *mount, const struct statx *st, bool mine);
/* A staged name was met in a directory: remove it if its time has come.  True when it is gone. */
bool vfs_sweep_entry(
    const struct vfs *vfs, const struct vfs_mount *mount, int dir_fd, const char *entry);
/* Remove a staged file unless somebody writes it.  True when it is gone. */
bool vfs_sweep_unlocked(int dir_fd, const char *staged);
/* Look through the first VFS_SWEEP_ENTRIES_MAX entries; how many files were removed. */
#define VFS_SWEEP_ENTRIES_MAX 4096
unsigned vfs_sweep_dir(const struct vfs *vfs, const struct vfs_mount *mount, int dir_fd);
/* vfs_sweep_dir, unless this session did so lately. */
void vfs_sweep_dir_once(
    struct vfs *vfs, const struct vfs_mount *mount, int dir_fd, const struct vfs_identity *dir);

#endif
