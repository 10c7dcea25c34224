/*
 * Names: those of staged uploads, those the administrator forbids, numbered ones for duplicates.
 *
 * Guard only.  Pure text.  A staged name says whose upload it is and what it will be called, so
 *that no database is needed to find it again:
 *
 *   .transom-TAG-NAME		the upload of NAME by the user of TAG, running (locked) or kept
 *   .transom-TAG+HASH		the same for a NAME too long for that: it can be continued and is
 *found by name, but a listing cannot show it .transom-TAG~RANDOM-NAME	(or ~RANDOM+HASH) a second
 *upload of the same name at the same time
 *
 * TAG: 16 hex digits of SHA-256(user name).  HASH: 32 hex digits of SHA-256(NAME).  RANDOM: 8 hex
 *digits.
 */
#ifndef VFS_NAMES_H
#define VFS_NAMES_H

#include "vfs/vfs_private.h"

/* The tag of a user; false when libcrypto failed. */
bool vfs_names_tag(const char *user_name, char tag_out[VFS_TAG_BYTES]);

/* The staged name of `name`; another: the form with RANDOM.  False when libcrypto failed. */
bool vfs_names_staged(const char *tag, const char *name, bool another, char out[VFS_NAME_MAX + 1]);

/* What vfs_names_parse found. */
enum vfs_staged_kind {
	VFS_STAGED_NOT,       /* an ordinary name */
	VFS_STAGED_MALFORMED, /* starts with the prefix, but we never made it: hidden and left alone
	                       */
	VFS_STAGED_MAIN,      /* the form that is kept for resume */
	VFS_STAGED_ANOTHER,   /* the form with RANDOM: garbage as soon as nobody writes it */
};
struct vfs_staged_name {
	enum vfs_staged_kind kind;
	bool mine;        /* carries this tag */
	const char *name; /* final name, inside the parsed text; NULL when only its hash is known */
};
struct vfs_staged_name vfs_names_parse(const char *tag, const char *entry);

/* May the administrator's name rules let a file of this name be made on the mount? */
bool vfs_names_allowed(const struct vfs_mount *mount, const char *name);
/* "name.7"; false when that is longer than a name can be. */
bool vfs_names_numbered(const char *name, unsigned number, char out[VFS_NAME_MAX + 1]);
/* path with its last component replaced; false when it would be too long. */
bool vfs_names_sibling(const struct vfs_path *path, const char *name, struct vfs_path *out);

#endif
