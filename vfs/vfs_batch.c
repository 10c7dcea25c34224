/*
 * One entry in a batch:
 *
 *   u16 length of name, u16 length of target, struct vfs_attr, name NUL, target NUL
 *
 * in the byte order of the machine, since both ends are processes of one server.
 */
#include "vfs/vfs_batch.h"

#include <string.h>

_Static_assert(sizeof(struct vfs_attr) == 72, "no padding may cross the wall");

#define LENGTHS_BYTES (2 * sizeof(uint16_t))
#define FIXED_BYTES   (LENGTHS_BYTES + sizeof(struct vfs_attr))
#define NSEC_PER_SEC  1000000000u

bool vfs_batch_append(struct vfs_batch_writer *writer, const struct vfs_entry *entry)
{
	const char *target = entry->target != NULL ? entry->target : "";
	size_t target_length = strlen(target);
	size_t need = FIXED_BYTES + entry->name_length + 1 + target_length + 1;
	uint16_t lengths[2] = { (uint16_t)entry->name_length, (uint16_t)target_length };
	uint8_t *at;

	if (entry->name_length == 0 || entry->name_length > VFS_NAME_MAX ||
	    target_length >= VFS_PATH_MAX || writer->length > writer->size ||
	    need > writer->size - writer->length)
		return false;
	at = writer->bytes + writer->length;
	memcpy(at, lengths, LENGTHS_BYTES);
	memcpy(at + LENGTHS_BYTES, &entry->attr, sizeof entry->attr);
	at += FIXED_BYTES;
	memcpy(at, entry->name, entry->name_length);
	at[entry->name_length] = '\0';
	at += entry->name_length + 1;
	memcpy(at, target, target_length + 1);
	writer->length += need;
	return true;
}

/* n bytes without NUL, then a NUL. */
static bool is_text(const uint8_t *bytes, size_t n)
{
	return memchr(bytes, '\0', n) == NULL && bytes[n] == '\0';
}

static bool is_entry_name(const char *name, size_t n)
{
	return n > 0 && n <= VFS_NAME_MAX && strchr(name, '/') == NULL && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0;
}

static bool is_sane(const struct vfs_attr *attr)
{
	return attr->kind <= VFS_KIND_OTHER && attr->mode <= 07777 &&
	       attr->mtime_nsec < NSEC_PER_SEC && attr->atime_nsec < NSEC_PER_SEC;
}

int vfs_batch_next(struct vfs_batch_reader *reader, struct vfs_entry *out)
{
	const uint8_t *name;
	const uint8_t *target;
	uint16_t lengths[2];
	size_t need;

	if (reader->left == 0)
		return 0;
	if (reader->left < FIXED_BYTES)
		return -1;
	memcpy(lengths, reader->bytes, LENGTHS_BYTES);
	need = FIXED_BYTES + lengths[0] + 1u + lengths[1] + 1u;
	if (reader->left < need)
		return -1;
	memcpy(&out->attr, reader->bytes + LENGTHS_BYTES, sizeof out->attr);
	name = reader->bytes + FIXED_BYTES;
	target = name + lengths[0] + 1;
	if (lengths[1] >= VFS_PATH_MAX || !is_text(name, lengths[0]) ||
	    !is_text(target, lengths[1]))
		return -1;
	out->name = (const char *)name;
	out->name_length = lengths[0];
	out->target = (const char *)target;
	if (!is_entry_name(out->name, out->name_length) || !is_sane(&out->attr))
		return -1;
	reader->bytes += need;
	reader->left -= need;
	return 1;
}
