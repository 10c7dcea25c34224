/*
 * What the files of vfs/ share with each other and with nobody else.
 *
 * Guard only.  The life of a request: text -> struct vfs_place (vfs_resolve.c: where is it) ->
 * struct vfs_view (vfs_view.c: what is it to this session) -> system calls.  No functions here.
 */
#ifndef VFS_PRIVATE_H
#define VFS_PRIVATE_H

#include <sys/stat.h>

#include "vfs/vfs.h"

/* Which file, whatever its name: st_dev, st_ino and, where the filesystem has it, the time of
 * birth. */
struct vfs_identity {
	uint64_t device;
	uint64_t inode;
	int64_t born; /* nanoseconds; tells a reused inode number from the old one */
};

struct vfs_mount {
	const struct conf_mount *policy;
	char *title; /* "/inbox"; "" for the root, so that prefixes are simply added */
	size_t title_length;
	int fd;         /* O_PATH|O_DIRECTORY of the source */
	struct vfs_identity id; /* of that */
	bool has_inner; /* another mount lies below this one */
};

/* Where a path leads. */
enum vfs_place_kind {
	VFS_PLACE_NAME,     /* an entry `name`, existing or not, of the directory dir_fd */
	VFS_PLACE_DIR,      /* dir_fd itself: a symbolic link ended in "/", "." or ".." */
	VFS_PLACE_MOUNT,    /* dir_fd itself: the root of `mount` */
	VFS_PLACE_ANCESTOR, /* dir_fd itself: a real directory on the way to a mount point */
	VFS_PLACE_VIRTUAL,  /* a directory that exists only because a mount point is below it */
};

struct vfs_place {
	enum vfs_place_kind kind;
	struct vfs_mount *mount;
	int dir_fd;    /* O_PATH|O_DIRECTORY; -1 for VFS_PLACE_VIRTUAL */
	bool borrowed; /* dir_fd is the mount's own */
	bool linked;   /* a symbolic link was followed on the way to dir_fd */
	bool looked;   /* seen and st tell of `name`, which was looked at a moment ago */
	int seen;      /* 0 or errno */
	struct statx st;
	char name[VFS_NAME_MAX + 1];
	struct vfs_path path;     /* as asked for, in the user's view */
	char where[VFS_PATH_MAX]; /* of dir_fd below the mount, as text */
};

/* A staged upload that is still being written. */
struct vfs_stage {
	int dir_fd; /* directory of both names: it is held, so renaming it loses nothing */
	bool borrowed; /* dir_fd is the mount's own */
	struct vfs_identity dir;
	char name[VFS_NAME_MAX + 1];   /* final name */
	char staged[VFS_NAME_MAX + 1]; /* name it has now */
	uint32_t mode;                 /* permissions at publication; 0600 until then */
	bool exclusive;                /* the client asked that nothing be replaced */
	bool unique;                   /* any free name will do */
	bool dropped;                  /* the session removed it: nothing will be published */
};

struct vfs_listing; /* vfs_dirs.c */

/* An open file or directory. */
struct vfs_file {
	int fd; /* -1 for a virtual directory */
	struct vfs_mount *mount;
	char *path;      /* in the user's view, final name */
	uint64_t offset; /* where the first byte belonged */
	uint64_t serial; /* counts opens: of two uploads of one name the later one counts */
	bool read;
	bool write;
	struct vfs_stage *stage;     /* NULL unless this is a staged upload */
	struct vfs_file *upload;     /* the running upload it was opened through; NULL once that ended */
	bool lost;                   /* that upload broke off: what was written here is under no name */
	struct vfs_listing *listing; /* NULL unless this is a directory */
};

struct vfs_slot {
	struct vfs_file *file; /* NULL: free */
	uint16_t generation;   /* of the present or, when free, of the last use */
};

/* An inbox's duplicate: the session asked for `asked` and got `actual`. */
struct vfs_alias {
	struct vfs_identity dir;
	char *asked;
	char *actual;
};

#define VFS_TAG_BYTES   17     /* 16 hex digits and NUL */
#define VFS_OWN_MAX     65536u /* files of its own that an inbox session can still see */
#define VFS_ALIASES_MAX 1024u  /* renamed duplicates that it can still see under the asked name */
#define VFS_SWEPT_MAX   64u    /* directories remembered as swept */

struct vfs {
	char tag[VFS_TAG_BYTES];  /* of the user, in staged names */
	struct vfs_mount *mounts; /* [0] is the root */
	size_t mount_count;
	struct vfs_slot slots[VFS_HANDLES_MAX];
	uint64_t serial; /* of the last open */
	size_t uploads; /* staged uploads among the slots: mostly none, and then lookups are free */

	struct vfs_identity *own; /* open-addressed table, a power of two; inode 0 = free */
	size_t own_size;
	size_t own_count;
	struct vfs_alias *aliases; /* a ring once it is full */
	size_t alias_count;
	size_t alias_next;
	struct vfs_identity swept[VFS_SWEPT_MAX];
	size_t swept_next;
};

#endif
