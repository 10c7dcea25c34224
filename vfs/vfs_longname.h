/*
 * The line that ls -l writes of a file, without its name: for LIST of FTP and the long names of SFTP.
 *
 * Front only; pure text.  Times are UTC.
 */
#ifndef VFS_LONGNAME_H
#define VFS_LONGNAME_H

#include "vfs/vfs_types.h"

struct vfs_longname_view {
	int64_t now;	   /* seconds since the epoch: old files show their year */
	uint32_t uid;	   /* of the session, shown as login */
	const char *login; /* at most VFS_LONGNAME_LOGIN_MAX bytes */
};

#define VFS_LONGNAME_LOGIN_MAX 256u
#define VFS_LONGNAME_BYTES     (2u * VFS_LONGNAME_LOGIN_MAX + 128u) /* of the longest line */

/* Write to p, where VFS_LONGNAME_BYTES fit, "-rw-r--r--    1 alice    alice ... Nov 20 10:26 "; its end, no NUL. */
char *vfs_longname_put(char *p, const struct vfs_longname_view *view, const struct vfs_attr *attr);
/* Copy bytes that a line may not hold as they are: control characters become '?'.  The end. */
char *vfs_longname_put_text(char *p, const char *text);

#endif
