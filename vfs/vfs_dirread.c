/*
 * A cursor over directory entries.
 */
#include "vfs/vfs_dirread.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfs/vfs_errno.h"

#define BUFFER_BYTES (32u << 10)

struct vfs_dirread {
	int fd;
	size_t at;
	size_t length;
	_Alignas(struct dirent64) char buffer[BUFFER_BYTES];
};

struct vfs_dirread *vfs_dirread_new(int fd)
{
	struct vfs_dirread *reader = malloc(sizeof *reader);

	if (reader == NULL)
		return NULL;
	reader->fd = fd;
	reader->at = reader->length = 0;
	return reader;
}

void vfs_dirread_free(struct vfs_dirread **reader)
{
	free(*reader);
	*reader = NULL;
}

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

enum vfs_status vfs_dirread_peek(struct vfs_dirread *reader, const struct dirent64 **out)
{
	*out = NULL;
	for (;;) {
		const struct dirent64 *entry;
		ssize_t n;

		if (reader->at >= reader->length) {
			n = getdents64(reader->fd, reader->buffer, sizeof reader->buffer);
			/* ENOENT: the directory was removed while it is read. */
			if (n < 0 && errno != ENOENT)
				return vfs_errno_status(errno);
			if (n <= 0)
				return VFS_OK;
			reader->at = 0;
			reader->length = (size_t)n;
		}
		entry = (const struct dirent64 *)(const void *)(reader->buffer + reader->at);
		if (!is_dot(entry->d_name)) {
			*out = entry;
			return VFS_OK;
		}
		vfs_dirread_skip(reader);
	}
}

void vfs_dirread_skip(struct vfs_dirread *reader)
{
	const struct dirent64 *entry =
	    (const struct dirent64 *)(const void *)(reader->buffer + reader->at);

	if (reader->at < reader->length)
		reader->at += entry->d_reclen;
}

enum vfs_status vfs_dirread_rewind(struct vfs_dirread *reader)
{
	reader->at = reader->length = 0;
	return lseek(reader->fd, 0, SEEK_SET) == 0 ? VFS_OK : vfs_errno_status(errno);
}
