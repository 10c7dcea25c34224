/*
 * THE list of rights, and the presets made of them.
 *
 * A mount's `access` option is a preset or a list of rights.  conf parses it, the VFS in the
 * guard enforces it, verb rows in the front use it for an early friendly refusal.
 */
#ifndef CONF_RIGHTS_H
#define CONF_RIGHTS_H

#include <stdint.h>

/* R(name, bit, doc) */
#define CONF_RIGHTS(R)                                                                             \
	R(list, 0, "see the names and attributes in a directory")                                  \
	R(read, 1, "read files")                                                                   \
	R(upload, 2, "make new files")                                                             \
	R(overwrite, 3, "replace or truncate files that exist")                                    \
	R(append, 4, "write to the end of files that exist")                                       \
	R(resume, 5, "continue an upload that broke off, write inside files that exist")           \
	R(delete, 6, "remove files and links")                                                     \
	R(rename, 7, "rename files and directories")                                               \
	R(mkdir, 8, "make directories")                                                            \
	R(rmdir, 9, "remove empty directories")                                                    \
	R(chmod, 10, "change permissions")                                                         \
	R(times, 11, "set modification and access times")                                          \
	R(symlink, 12, "make symbolic and hard links")                                             \
	R(own, 13, "inbox: see, and size or checksum, only what this session uploaded")

#define CONF_RIGHT_ENUM(name, bit, doc) RIGHT_##name = 1u << (bit),
enum conf_right { CONF_RIGHTS(CONF_RIGHT_ENUM) };
#undef CONF_RIGHT_ENUM

/* P(name, rights, doc) */
#define CONF_PRESETS(P)                                                                            \
	P("full", CONF_RIGHTS_FULL, "everything")                                                  \
	P("read-only", RIGHT_list | RIGHT_read, "look and download")                               \
	P("inbox", RIGHT_own | RIGHT_upload | RIGHT_resume | RIGHT_times,                          \
	    "upload only; you see, size and checksum just what this session uploaded")             \
	P("none", 0u, "nothing")

#define CONF_RIGHTS_FULL ((1u << 13) - 1u) /* every right but `own`, which takes away */

#endif
