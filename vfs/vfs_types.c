/*
 * Texts and names of the outcomes, from the list in vfs_types.h.
 */
#include "vfs/vfs_types.h"

#define STATUS_TEXT(name, text) [VFS_##name] = (text),
static const char *const status_texts[VFS_STATUS_COUNT] = { VFS_STATUSES(STATUS_TEXT) };

#define STATUS_NAME(name, text) [VFS_##name] = #name,
static const char *const status_names[VFS_STATUS_COUNT] = { VFS_STATUSES(STATUS_NAME) };

/* Numbers arrive from the other side of the wall: whatever is outside the list is a failure. */
static enum vfs_status known(enum vfs_status status)
{
	return (unsigned)status < VFS_STATUS_COUNT ? status : VFS_FAILED;
}

const char *vfs_status_text(enum vfs_status status)
{
	return status_texts[known(status)];
}

const char *vfs_status_name(enum vfs_status status)
{
	return status_names[known(status)];
}
