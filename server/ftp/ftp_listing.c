#include "server/ftp/ftp_listing.h"

#include <assert.h>
#include <string.h>

#include "server/ftp/ftp_facts.h"
#include "vfs/vfs_longname.h"

/* POSIX ls -F; '\0': none. */
static char mark_of(const struct vfs_attr *attr)
{
	switch ((enum vfs_kind)attr->kind) {
	case VFS_KIND_DIR:
		return '/';
	case VFS_KIND_LINK:
		return '@';
	case VFS_KIND_FILE:
		return (attr->mode & 0111) != 0 ? '*' : '\0';
	case VFS_KIND_OTHER:
		break;
	}
	return '\0';
}

size_t ftp_listing_line(char *out, size_t size, const struct ftp_list_view *view,
    const struct vfs_entry *entry, const char *prefix)
{
	const struct vfs_longname_view look = { .now = view->now, .uid = view->uid, .login = view->login };
	char *p = out;

	if (size < FTP_LISTING_LINE_BYTES)
		return 0;
	assert(strlen(prefix) <= VFS_PATH_MAX && strlen(entry->target) <= VFS_PATH_MAX &&
	       entry->name_length <= VFS_PATH_MAX);
	switch (view->form) {
	case FTP_FORM_LONG:
		p = vfs_longname_put(p, &look, &entry->attr);
		break;
	case FTP_FORM_FACTS:
		p += ftp_facts_format(p, &entry->attr, entry->target, view->facts);
		*p++ = ' ';
		break;
	case FTP_FORM_NAMES:
		break;
	}
	p = vfs_longname_put_text(p, prefix);
	p = vfs_longname_put_text(p, entry->name);
	if (view->form == FTP_FORM_LONG && entry->attr.kind == VFS_KIND_LINK &&
	    entry->target[0] != '\0') {
		p = vfs_longname_put_text(p, " -> ");
		p = vfs_longname_put_text(p, entry->target);
	} else if (view->classify && mark_of(&entry->attr) != '\0') {
		*p++ = mark_of(&entry->attr);
	}
	*p++ = '\r';
	*p++ = '\n';
	return (size_t)(p - out);
}
