/*
 * Attributes of a place, whatever kind it is: shared by stat and listings.
 *
 * Guard only.  Checks no rights.
 */
#ifndef VFS_LOOK_H
#define VFS_LOOK_H

#include "vfs/vfs_private.h"

/* VFS_NOT_FOUND when there is nothing that the session sees.  May change place->name to an alias.
 */
enum vfs_status vfs_look_at(struct vfs *vfs, struct vfs_place *place, struct vfs_attr *out);

#endif
