#include "server/sftp/fxp_reply.h"

#include <assert.h>

#include "server/base/bytes.h"

bool fxp_reply_has_room(struct fxp *fxp)
{
	return fxp_output_reserve(&fxp->output, FXP_REPLY_MAX_BYTES) != NULL;
}

bool fxp_reply_begin(struct fxp *fxp, uint32_t id, enum fxp_reply_type type, size_t max, struct fxp_writer *out)
{
	*out = (struct fxp_writer){ .bytes = fxp_output_reserve(&fxp->output, max), .size = max };
	if (out->bytes == NULL)
		return false;
	fxp_put_u32(out, 0);
	fxp_put_u8(out, (uint8_t)type);
	fxp_put_u32(out, id);
	return true;
}

enum fxp_progress fxp_reply_end(struct fxp *fxp, struct fxp_writer *writer)
{
	assert(!writer->failed && writer->length > 4);
	bytes_put_u32(writer->bytes, (uint32_t)(writer->length - 4));
	fxp_output_commit(&fxp->output, writer->length);
	return FXP_DONE;
}

static bool put_status(struct fxp *fxp, uint32_t id, enum fxp_code code, const char *message)
{
	struct fxp_writer writer;

	if (!fxp_reply_begin(fxp, id, FXP_REPLY_STATUS, FXP_REPLY_MAX_BYTES, &writer))
		return false;
	fxp_put_u32(&writer, code);
	fxp_put_text(&writer, message);
	fxp_put_text(&writer, ""); /* language */
	fxp_reply_end(fxp, &writer);
	return true;
}

/* The dispatcher has seen to the room. */
static enum fxp_progress answer(
    struct fxp *fxp, const struct fxp_request *request, enum fxp_code code, const char *message)
{
	return put_status(fxp, request->id, code, message) ? FXP_DONE : FXP_NO_ROOM;
}

bool fxp_reply_status_of(struct fxp *fxp, uint32_t id, enum vfs_status status)
{
	const struct fxp_status_row *row = fxp_status_find(status);

	return put_status(fxp, id, row->code, row->message);
}

enum fxp_progress fxp_reply_status(struct fxp *fxp, const struct fxp_request *request, enum vfs_status status)
{
	const struct fxp_status_row *row = fxp_status_find(status);

	return answer(fxp, request, row->code, row->message);
}

enum fxp_progress fxp_reply_eof(struct fxp *fxp, const struct fxp_request *request)
{
	return answer(fxp, request, FXP_CODE_EOF, "End of file");
}

enum fxp_progress fxp_reply_bad_message(struct fxp *fxp, const struct fxp_request *request)
{
	return answer(fxp, request, FXP_CODE_BAD_MESSAGE, "The request is malformed");
}

enum fxp_progress fxp_reply_unsupported(struct fxp *fxp, const struct fxp_request *request)
{
	return answer(fxp, request, FXP_CODE_OP_UNSUPPORTED, "The server does not know this request");
}

enum fxp_progress fxp_reply_attrs(struct fxp *fxp, const struct fxp_request *request, const struct vfs_attr *attr)
{
	struct fxp_writer writer;

	if (!fxp_reply_begin(fxp, request->id, FXP_REPLY_ATTRS, FXP_REPLY_MAX_BYTES, &writer))
		return FXP_NO_ROOM;
	fxp_put_attr(&writer, attr);
	return fxp_reply_end(fxp, &writer);
}

enum fxp_progress fxp_reply_name(struct fxp *fxp, const struct fxp_request *request, const char *name)
{
	struct fxp_writer writer;

	if (!fxp_reply_begin(fxp, request->id, FXP_REPLY_NAME, FXP_REPLY_MAX_BYTES, &writer))
		return FXP_NO_ROOM;
	fxp_put_u32(&writer, 1);
	fxp_put_text(&writer, name);
	fxp_put_text(&writer, name); /* in place of a long name */
	fxp_put_u32(&writer, 0);     /* no attributes */
	return fxp_reply_end(fxp, &writer);
}
