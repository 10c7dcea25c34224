/*
 * INIT and EXTENDED, and the extensions that need nobody but the session.
 */
#include "server/sftp/fxp_extensions.h"

#include <string.h>

#include "server/base/bytes.h"
#include "server/sftp/fxp_reply.h"

#define ROW(name, text, told, what, whose, reason) \
	{                                                              \
		.wire = (text), .data = (told), .why = (reason), .takes = FXP_TAKES_##what, \
		.sees = FXP_SEES_##whose, .handle = fxp_ext_##name,			   \
	},
const struct fxp_extension_row fxp_extension_rows[] = { FXP_EXTENSIONS(ROW) };
const size_t fxp_extension_row_count = sizeof(fxp_extension_rows) / sizeof(fxp_extension_rows[0]);

enum fxp_progress fxp_do_init(struct fxp *fxp, struct fxp_request *request)
{
	struct fxp_writer writer;
	uint32_t version = request->id < FXP_VERSION ? request->id : FXP_VERSION;

	if (!fxp_reply_begin(fxp, version, FXP_REPLY_VERSION, FXP_REPLY_MAX_BYTES, &writer))
		return FXP_NO_ROOM;
	for (size_t i = 0; i < fxp_extension_row_count; i++) {
		fxp_put_text(&writer, fxp_extension_rows[i].wire);
		fxp_put_text(&writer, fxp_extension_rows[i].data);
	}
	return fxp_reply_end(fxp, &writer);
}

static bool is_text(struct fxp_string string, const char *text)
{
	return string.length == strlen(text) && memcmp(string.bytes, text, string.length) == 0;
}

enum fxp_progress fxp_do_extended(struct fxp *fxp, struct fxp_request *request)
{
	struct fxp_string name = fxp_get_string(&request->body);

	if (request->body.failed)
		return fxp_reply_bad_message(fxp, request);
	for (size_t i = 0; i < fxp_extension_row_count; i++) {
		const struct fxp_extension_row *row = &fxp_extension_rows[i];

		if (is_text(name, row->wire))
			return fxp_requests_run(fxp, request, row->takes, row->sees, row->handle);
	}
	return fxp_reply_unsupported(fxp, request);
}

enum fxp_progress fxp_ext_limits(struct fxp *fxp, struct fxp_request *request)
{
	struct fxp_writer writer;

	if (!fxp_reply_begin(fxp, request->id, FXP_REPLY_EXTENDED, FXP_REPLY_MAX_BYTES, &writer))
		return FXP_NO_ROOM;
	fxp_put_u64(&writer, FXP_PACKET_MAX_BYTES);
	fxp_put_u64(&writer, FXP_READ_MAX_BYTES);
	fxp_put_u64(&writer, FXP_WRITE_MAX_BYTES);
	fxp_put_u64(&writer, FXP_HANDLES_MAX);
	return fxp_reply_end(fxp, &writer);
}

/* A list of names for a list of numbers; the user's own has one, all others "". */
static void put_names(struct fxp_writer *writer, struct fxp_string ids, uint32_t known, const char *name)
{
	struct fxp_reader reader = { .bytes = ids.bytes, .left = ids.length };
	size_t start = writer->length;

	fxp_put_u32(writer, 0);
	while (reader.left > 0 && !writer->failed)
		fxp_put_text(writer, fxp_get_u32(&reader) == known ? name : "");
	if (!writer->failed)
		bytes_put_u32(writer->bytes + start, (uint32_t)(writer->length - start - 4));
}

enum fxp_progress fxp_ext_users_groups(struct fxp *fxp, struct fxp_request *request)
{
	struct fxp_string users = fxp_get_string(&request->body);
	struct fxp_string groups = fxp_get_string(&request->body);
	struct fxp_writer writer;

	if (request->body.failed || users.length % 4 != 0 || groups.length % 4 != 0)
		return fxp_reply_bad_message(fxp, request);
	if (!fxp_reply_begin(fxp, request->id, FXP_REPLY_EXTENDED, FXP_REPLY_MAX_BYTES, &writer))
		return FXP_NO_ROOM;
	put_names(&writer, users, fxp->start.uid, fxp->start.user);
	put_names(&writer, groups, 0, "");
	/* More than fit into a reply: the client has its numbers. */
	if (writer.failed)
		return fxp_reply_status(fxp, request, VFS_TOO_BIG);
	return fxp_reply_end(fxp, &writer);
}
