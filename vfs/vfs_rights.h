/*
 * May the user do that here?  One table of operations; nobody else looks at a mount's access bits
 * to allow something.
 *
 * Guard only.  Decides from the mount's policy alone; whether a file is the session's own (inbox)
 * is vfs_own.c's question.
 */
#ifndef VFS_RIGHTS_H
#define VFS_RIGHTS_H

#include "vfs/vfs_private.h"

/*
 * THE list of operations.  O(name, needed rights, own, doc)
 *   needed  every one of these; 0 = it is enough to have any right at all on the mount
 *   own     OWN: in an inbox (RIGHT_own) it is also allowed on what the session uploaded
 */
#define VFS_OPERATIONS(O)                                                                 \
	O(stat, RIGHT_list, OWN, "attributes of a name")                                  \
	O(list, RIGHT_list, OWN, "entries of a directory")                                \
	O(readlink, RIGHT_list, NO, "text of a symbolic link")                            \
	O(chdir, 0, NO, "enter a directory")                                              \
	O(statvfs, 0, NO, "free space")                                                   \
	O(read, RIGHT_read, NO, "open for reading")                                       \
	O(checksum, RIGHT_read, OWN, "open for reading, to compute a checksum")           \
	O(create, RIGHT_upload, NO, "open a new file for writing")                        \
	O(overwrite, RIGHT_overwrite, NO, "open an existing file with truncation")        \
	O(resume, RIGHT_resume, NO, "open an existing file to write inside it")           \
	O(append, RIGHT_append, NO, "open an existing file to write at its end")          \
	O(continue, RIGHT_upload | RIGHT_resume, NO, "continue an upload that broke off") \
	O(remove, RIGHT_delete, NO, "remove a file or link")                              \
	O(rename, RIGHT_rename, NO, "rename")                                             \
	O(replace, RIGHT_overwrite, NO, "put something in the place of an existing file") \
	O(mkdir, RIGHT_mkdir, NO, "make a directory")                                     \
	O(rmdir, RIGHT_rmdir, NO, "remove an empty directory")                            \
	O(chmod, RIGHT_chmod, NO, "change permissions")                                   \
	O(times, RIGHT_times, NO, "set times")                                            \
	O(truncate, RIGHT_overwrite, NO, "set the size of an existing file")              \
	O(link, RIGHT_symlink, NO, "make a hard link")                                    \
	O(symlink, RIGHT_symlink, NO, "make a symbolic link")

#define VFS_OPERATION_ENUM(name, needed, own, doc) VFS_OPERATION_##name,
enum vfs_operation { VFS_OPERATIONS(VFS_OPERATION_ENUM) VFS_OPERATION_COUNT };
#undef VFS_OPERATION_ENUM

struct vfs_rights_row {
	const char *name;
	const char *doc;
	uint32_t needed;
	bool own;
};
extern const struct vfs_rights_row vfs_rights_rows[VFS_OPERATION_COUNT];

/* Do the rights of this mount allow the operation? */
bool vfs_rights_allow(const struct vfs_mount *mount, enum vfs_operation operation);
/* Is it an inbox, where a session sees its own uploads only? */
bool vfs_rights_own_only(const struct vfs_mount *mount);
/* What the user may do to an entry of this kind: vfs_attr.rights.  fixed: a mount point or a way to
 * one. */
uint32_t vfs_rights_of(const struct vfs_mount *mount, enum vfs_kind kind, bool fixed);

#endif
