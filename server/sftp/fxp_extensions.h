/*
 * THE list of extensions, told to clients in VERSION and dispatched by name.
 *
 * X(name, wire, data, takes, sees, why)
 *   name   fxp_ext_NAME() handles it
 *   wire   what it is called in the protocol
 *   data   what VERSION says of it: mostly a revision
 *   takes, sees, why   as in fxp_requests.h; arguments follow the name
 *
 * Names with @openssh.com: OpenSSH's PROTOCOL file; the others: draft-ietf-secsh-filexfer-extensions-00 and
 * draft-ietf-secsh-filexfer-13.
 *
 * Front only.
 */
#ifndef FXP_EXTENSIONS_H
#define FXP_EXTENSIONS_H

#include "server/sftp/fxp_requests.h"

#define FXP_CHECK_ALGORITHMS "md5,sha1,sha256,sha384,sha512"

/* clang-format off */
#define FXP_EXTENSIONS(X)											\
	X(posix_rename,	  "posix-rename@openssh.com",	     "1", PATHS,   NONE, "Rename; a file that has the name is replaced.")	\
	X(statvfs,	  "statvfs@openssh.com",	     "2", PATH,	   ALL,  "Size and free space of a filesystem.")	\
	X(fstatvfs,	  "fstatvfs@openssh.com",	     "2", HANDLE,  ALL,  "The same, of an open handle.")		\
	X(hardlink,	  "hardlink@openssh.com",	     "1", PATHS,   NONE, "Make a hard link.")				\
	X(fsync,	  "fsync@openssh.com",		     "1", FILE,	   FILE, "Wait until the disk has a file.")		\
	X(lsetstat,	  "lsetstat@openssh.com",	     "1", PATH,	   ALL,  "Set attributes by name, of a link itself.")	\
	X(limits,	  "limits@openssh.com",		     "1", NOTHING, NONE, "What a client may rely on.")			\
	X(expand_path,	  "expand-path@openssh.com",	     "1", NOTHING, NONE, "The absolute form of a path that may start with ~.") \
	X(copy_data,	  "copy-data",			     "1", FILE,	   ALL,  "Copy between open files.")			\
	X(home_directory, "home-directory",		     "1", NOTHING, NONE, "Where a user's sessions start.")		\
	X(users_groups,	  "users-groups-by-id@openssh.com",  "1", NOTHING, NONE, "Names of uids and gids.")			\
	X(check_file,	  "check-file", FXP_CHECK_ALGORITHMS,	  FILE,	   FILE, "Checksums of an open file, as some clients call it.") \
	X(check_handle,	  "check-file-handle", FXP_CHECK_ALGORITHMS, FILE, FILE, "Checksums of an open file.")			\
	X(check_name,	  "check-file-name", FXP_CHECK_ALGORITHMS, PATH,   ALL,  "Checksums of a file.")			\
	X(copy_file,	  "copy-file",			     "1", PATHS,   ALL,  "Copy a file.")				\
	X(space,	  "space-available",		     "1", PATH,	   ALL,  "Free space, for the user.")
/* clang-format on */

#define FXP_EXTENSION_PROTOTYPE(name, wire, data, takes, sees, why) fxp_handler_fn fxp_ext_##name;
FXP_EXTENSIONS(FXP_EXTENSION_PROTOTYPE)
#undef FXP_EXTENSION_PROTOTYPE

struct fxp_extension_row {
	const char *wire;
	const char *data;
	const char *why;
	enum fxp_takes takes;
	enum fxp_sees sees;
	fxp_handler_fn *handle;
};
extern const struct fxp_extension_row fxp_extension_rows[];
extern const size_t fxp_extension_row_count;

#endif
