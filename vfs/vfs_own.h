/*
 * What this session uploaded: the only files an inbox shows it.
 *
 * Guard only.  Identities, not names, so that a file that took the place of ours does not count;
 * and the names that were asked for where a duplicate got another one.
 */
#ifndef VFS_OWN_H
#define VFS_OWN_H

#include "vfs/vfs_private.h"

/* Remember a file of the session.  Beyond VFS_OWN_MAX, or without memory, it is simply not
 * remembered. */
void vfs_own_add(struct vfs *vfs, const struct statx *st);
bool vfs_own_has(const struct vfs *vfs, const struct statx *st);

/* In this directory, `asked` got the name `actual`.  The oldest is forgotten beyond
 * VFS_ALIASES_MAX. */
void vfs_own_add_alias(
    struct vfs *vfs, const struct vfs_identity *dir, const char *asked, const char *actual);
/* The name that `asked` got; NULL when it was not renamed.  Belongs to vfs. */
const char *vfs_own_alias(const struct vfs *vfs, const struct vfs_identity *dir, const char *asked);

void vfs_own_clear(struct vfs *vfs);

#endif
