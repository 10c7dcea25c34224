/*
 * One directory entry -> one line of LIST, NLST, MLSD.
 *
 * Front only; pure text.  Names are bytes; control characters in them become '?', because a line
 * break would forge an entry.  Times are UTC.
 */
#ifndef FTP_LISTING_H
#define FTP_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfs/vfs_batch.h"
#include "vfs/vfs_types.h"

enum ftp_list_form {
	FTP_FORM_LONG, /* as ls -l writes it */
	FTP_FORM_NAMES,
	FTP_FORM_FACTS, /* RFC 3659 */
};

/* How one command wants its lines. */
struct ftp_list_view {
	enum ftp_list_form form;
	int64_t now;  /* seconds since the epoch: LONG shows the year of old files */
	uint32_t uid; /* of the session, shown as login */
	const char *login;
	unsigned facts; /* FACTS: FTP_FACT_* */
	bool classify;  /* LONG, NAMES: a mark behind names, as ls -F writes it */
};

/* Longest line: a prefix and a link target of a whole path each, a name, and the rest. */
#define FTP_LISTING_LINE_BYTES (2u * VFS_PATH_MAX + VFS_NAME_MAX + 1024u)

/*
 * Write one line, CRLF included and without NUL; prefix goes before the name ("" or "dir/").
 * Returns its length, 0 when size is less than FTP_LISTING_LINE_BYTES.
 */
size_t ftp_listing_line(char *out, size_t size, const struct ftp_list_view *view,
    const struct vfs_entry *entry, const char *prefix);

#endif
