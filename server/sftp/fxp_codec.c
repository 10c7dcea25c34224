#include "server/sftp/fxp_codec.h"

#include <assert.h>
#include <string.h>
#include <sys/stat.h>

#include "server/base/bytes.h"

/* --- reading -------------------------------------------------------------------------------- */

/* The next n bytes; NULL when there are fewer. */
static const uint8_t *take(struct fxp_reader *reader, size_t n)
{
	const uint8_t *at = reader->bytes;

	if (reader->failed || n > reader->left) {
		reader->failed = true;
		return NULL;
	}
	reader->bytes += n;
	reader->left -= n;
	return at;
}

uint8_t fxp_get_u8(struct fxp_reader *reader)
{
	const uint8_t *at = take(reader, 1);

	return at != NULL ? *at : 0;
}

uint32_t fxp_get_u32(struct fxp_reader *reader)
{
	const uint8_t *at = take(reader, 4);

	return at != NULL ? bytes_get_u32(at) : 0;
}

uint64_t fxp_get_u64(struct fxp_reader *reader)
{
	const uint8_t *at = take(reader, 8);

	return at != NULL ? bytes_get_u64(at) : 0;
}

struct fxp_string fxp_get_string(struct fxp_reader *reader)
{
	uint32_t length = fxp_get_u32(reader);
	const uint8_t *at = take(reader, length);

	return at != NULL ? (struct fxp_string){ .bytes = at, .length = length }
			  : (struct fxp_string){ .bytes = (const uint8_t *)"" };
}

void fxp_get_attrs(struct fxp_reader *reader, struct fxp_attrs *out)
{
	uint32_t flags = fxp_get_u32(reader);

	*out = (struct fxp_attrs){ .flags = flags };
	if ((flags & FXP_ATTR_SIZE) != 0)
		out->size = fxp_get_u64(reader);
	if ((flags & FXP_ATTR_UIDGID) != 0) {
		out->uid = fxp_get_u32(reader);
		out->gid = fxp_get_u32(reader);
	}
	if ((flags & FXP_ATTR_PERMISSIONS) != 0)
		out->permissions = fxp_get_u32(reader);
	if ((flags & FXP_ATTR_ACMODTIME) != 0) {
		out->atime = fxp_get_u32(reader);
		out->mtime = fxp_get_u32(reader);
	}
	if ((flags & FXP_ATTR_EXTENDED) != 0) {
		uint32_t pairs = fxp_get_u32(reader);

		for (uint32_t i = 0; i < pairs && !reader->failed; i++) {
			(void)fxp_get_string(reader);
			(void)fxp_get_string(reader);
		}
	}
}

enum vfs_status fxp_get_text(struct fxp_reader *reader, char out[VFS_PATH_MAX])
{
	struct fxp_string string = fxp_get_string(reader);

	out[0] = '\0';
	if (string.length >= VFS_PATH_MAX)
		return VFS_NAME_TOO_LONG;
	if (memchr(string.bytes, '\0', string.length) != NULL)
		return VFS_BAD_NAME;
	memcpy(out, string.bytes, string.length);
	out[string.length] = '\0';
	return VFS_OK;
}

/* --- writing -------------------------------------------------------------------------------- */

static uint8_t *put(struct fxp_writer *writer, size_t n)
{
	uint8_t *at = writer->bytes + writer->length;

	if (writer->failed || n > writer->size - writer->length) {
		writer->failed = true;
		return NULL;
	}
	writer->length += n;
	return at;
}

void fxp_put_u8(struct fxp_writer *writer, uint8_t value)
{
	uint8_t *at = put(writer, 1);

	if (at != NULL)
		*at = value;
}

void fxp_put_u32(struct fxp_writer *writer, uint32_t value)
{
	uint8_t *at = put(writer, 4);

	if (at != NULL)
		bytes_put_u32(at, value);
}

void fxp_put_u64(struct fxp_writer *writer, uint64_t value)
{
	uint8_t *at = put(writer, 8);

	if (at != NULL)
		bytes_put_u64(at, value);
}

void fxp_put_string(struct fxp_writer *writer, const void *bytes, size_t n)
{
	uint8_t *at;

	assert(n <= UINT32_MAX);
	fxp_put_u32(writer, (uint32_t)n);
	at = put(writer, n);
	if (at != NULL && n > 0)
		memcpy(at, bytes, n);
}

void fxp_put_text(struct fxp_writer *writer, const char *text)
{
	fxp_put_string(writer, text, strlen(text));
}

static uint32_t time_of(int64_t seconds)
{
	if (seconds < 0)
		return 0;
	return seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
}

void fxp_put_attr(struct fxp_writer *writer, const struct vfs_attr *attr)
{
	static const uint32_t types[] = {
		[VFS_KIND_FILE] = S_IFREG,
		[VFS_KIND_DIR] = S_IFDIR,
		[VFS_KIND_LINK] = S_IFLNK,
		/* One of the kinds that no client opens. */
		[VFS_KIND_OTHER] = S_IFSOCK,
	};
	uint32_t kind = attr->kind <= VFS_KIND_OTHER ? attr->kind : (uint32_t)VFS_KIND_OTHER;

	fxp_put_u32(writer, FXP_ATTR_SIZE | FXP_ATTR_UIDGID | FXP_ATTR_PERMISSIONS | FXP_ATTR_ACMODTIME);
	fxp_put_u64(writer, attr->size);
	fxp_put_u32(writer, attr->uid);
	fxp_put_u32(writer, attr->gid);
	fxp_put_u32(writer, types[kind] | (attr->mode & 07777u));
	fxp_put_u32(writer, time_of(attr->atime));
	fxp_put_u32(writer, time_of(attr->mtime));
}
