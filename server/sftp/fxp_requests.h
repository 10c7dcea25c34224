/*
 * THE list of SFTP requests, and the dispatcher that applies it.
 *
 * R(name, number, takes, sees, why)
 *   name    fxp_do_NAME() handles it
 *   number  of the packet (draft-ietf-secsh-filexfer-02, 3)
 *   takes   its first arguments, which the dispatcher decodes and checks: NOTHING, PATH, PATHS, HANDLE, FILE, DIR
 *   sees    which gathered bytes must be in their files before it: NONE, FILE (those of its handle), ALL
 *   why     one line for the documents
 *
 * INIT comes first and once (fxp_input.c), and has no id; its answer is VERSION with the extensions
 * (fxp_extensions.h).
 *
 * Front only.
 */
#ifndef FXP_REQUESTS_H
#define FXP_REQUESTS_H

#include "server/sftp/fxp_private.h"

#define FXP_VERSION 3u

/* clang-format off */
#define FXP_REQUESTS(R)										\
	R(init,		 1, NOTHING, NONE, "Agree on version 3.")				\
	R(open,		 3, PATH,    ALL,  "Open a file.")					\
	R(close,	 4, HANDLE,  NONE, "Close a handle; OK is the promise that the upload it began is published.") \
	R(read,		 5, FILE,    FILE, "Read from a file.")					\
	R(write,	 6, FILE,    NONE, "Write to a file.")					\
	R(lstat,	 7, PATH,    ALL,  "Attributes of a name.")				\
	R(fstat,	 8, HANDLE,  FILE, "Attributes of an open handle.")			\
	R(setstat,	 9, PATH,    ALL,  "Set attributes by name, through links.")		\
	R(fsetstat,	10, HANDLE,  FILE, "Set attributes of an open handle.")			\
	R(opendir,	11, PATH,    NONE, "Open a directory.")					\
	R(readdir,	12, DIR,     ALL,  "The next entries of a directory, itself and the one above included.")			\
	R(remove,	13, PATH,    NONE, "Remove a file or link.")				\
	R(mkdir,	14, PATH,    NONE, "Make a directory.")					\
	R(rmdir,	15, PATH,    NONE, "Remove an empty directory.")			\
	R(realpath,	16, PATH,    NONE, "The absolute form of a path.")			\
	R(stat,		17, PATH,    ALL,  "Attributes of what a name leads to.")		\
	R(rename,	18, PATHS,   NONE, "Rename; an existing target is refused.")		\
	R(readlink,	19, PATH,    NONE, "The target of a symbolic link.")			\
	R(symlink,	20, NOTHING, NONE, "Make a symbolic link: target first, as OpenSSH has it.") \
	R(extended,    200, NOTHING, NONE, "An extension, by name.")
/* clang-format on */

enum fxp_takes {
	FXP_TAKES_NOTHING,
	FXP_TAKES_PATH,
	FXP_TAKES_PATHS,
	FXP_TAKES_HANDLE,
	FXP_TAKES_FILE,
	FXP_TAKES_DIR,
};

enum fxp_sees { FXP_SEES_NONE, FXP_SEES_FILE, FXP_SEES_ALL };

#define FXP_REQUEST_ENUM(name, number, takes, sees, why) FXP_REQUEST_##name = (number),
enum fxp_request_number { FXP_REQUESTS(FXP_REQUEST_ENUM) };
#undef FXP_REQUEST_ENUM

typedef enum fxp_progress fxp_handler_fn(struct fxp *fxp, struct fxp_request *request);

#define FXP_REQUEST_PROTOTYPE(name, number, takes, sees, why) fxp_handler_fn fxp_do_##name;
FXP_REQUESTS(FXP_REQUEST_PROTOTYPE)
#undef FXP_REQUEST_PROTOTYPE

struct fxp_request_row {
	const char *name;
	const char *why;
	uint8_t number;
	enum fxp_takes takes;
	enum fxp_sees sees;
	fxp_handler_fn *handle;
};
extern const struct fxp_request_row fxp_request_rows[];
extern const size_t fxp_request_row_count;

/* Decode what a row takes and let its handler do the rest; extensions come through here too. */
enum fxp_progress fxp_requests_run(struct fxp *fxp, struct fxp_request *request, enum fxp_takes takes,
    enum fxp_sees sees, fxp_handler_fn *handle);
/* Deal with one packet (without its length). */
enum fxp_progress fxp_requests_dispatch(struct fxp *fxp, const uint8_t *packet, size_t length);

/* The next string of the body as a path of the user's view, from where the session starts. */
enum vfs_status fxp_requests_path(
    const struct fxp *fxp, struct fxp_reader *reader, struct vfs_path *out);

#endif
