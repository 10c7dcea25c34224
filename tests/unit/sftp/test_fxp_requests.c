/*
 * Rows of both tables against everything malformed.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "server/base/bytes.h"
#include "tests/unit/sftp/fxp_harness.h"

/* A request that would be served, as bytes: type, id 7, arguments. */
static size_t sample(struct fxp_harness *harness, const struct fxp_name *file, const struct fxp_name *dir,
    unsigned type, enum fxp_takes takes, const char *extension, uint8_t out[512])
{
	struct fxp_writer writer = { .bytes = out, .size = 512 };

	(void)harness;
	fxp_put_u8(&writer, (uint8_t)type);
	fxp_put_u32(&writer, 7);
	if (extension != NULL)
		fxp_put_text(&writer, extension);
	switch (takes) {
	case FXP_TAKES_PATHS:
		fxp_put_text(&writer, "a");
		fxp_put_text(&writer, "b");
		break;
	case FXP_TAKES_PATH:
		fxp_put_text(&writer, "b");
		break;
	case FXP_TAKES_HANDLE:
	case FXP_TAKES_FILE:
		fxp_put_string(&writer, file->bytes, FXP_HANDLE_BYTES);
		break;
	case FXP_TAKES_DIR:
		fxp_put_string(&writer, dir->bytes, FXP_HANDLE_BYTES);
		break;
	case FXP_TAKES_NOTHING:
		break;
	}
	cr_assert(!writer.failed);
	return writer.length;
}

/* Send exactly these bytes as one packet. */
static struct fxp_answer send_packet(struct fxp_harness *harness, const uint8_t *bytes, size_t n)
{
	uint8_t length[4];

	bytes_put_u32(length, (uint32_t)n);
	cr_assert(fxp_harness_give(harness, length, 4));
	cr_assert(fxp_harness_give(harness, bytes, n));
	return fxp_harness_next(harness);
}

Test(fxp_requests, every_request_and_extension_cut_anywhere_in_its_arguments_is_a_bad_message)
{
	struct fxp_harness harness;
	struct fxp_name file;
	struct fxp_name dir;
	uint8_t bytes[512];

	fxp_harness_new(&harness);
	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_READ | F_NEW);
	dir = fxp_handle_of(fxp_harness_ask(&harness, FXP_REQUEST_opendir, "s", "/"));
	for (size_t i = 0; i < fxp_request_row_count + fxp_extension_row_count; i++) {
		bool extended = i >= fxp_request_row_count;
		const struct fxp_extension_row *extension =
		    extended ? &fxp_extension_rows[i - fxp_request_row_count] : NULL;
		unsigned type = extended ? FXP_REQUEST_extended : fxp_request_rows[i].number;
		enum fxp_takes takes = extended ? extension->takes : fxp_request_rows[i].takes;
		size_t n;

		if (type == FXP_REQUEST_init || (type == FXP_REQUEST_extended && !extended))
			continue;
		n = sample(&harness, &file, &dir, type, takes, extended ? extension->wire : NULL, bytes);
		for (size_t cut = 5; cut < n; cut++) {
			struct fxp_answer answer = send_packet(&harness, bytes, cut);

			cr_assert_eq(answer.id, 7);
			cr_assert(answer.type == FXP_REPLY_STATUS && fxp_code_of(answer) == FXP_CODE_BAD_MESSAGE,
			    "%s cut at %zu of %zu", extended ? extension->wire : fxp_request_rows[i].name, cut, n);
		}
	}
	fxp_harness_free(&harness);
}

/* Requests with more than their row takes, whole. */
static const struct {
	unsigned type;
	const char *format;
} long_requests[] = {
	{ FXP_REQUEST_open, "suu" },
	{ FXP_REQUEST_read, "hqu" },
	{ FXP_REQUEST_write, "hqs" },
	{ FXP_REQUEST_setstat, "su" },
	{ FXP_REQUEST_fsetstat, "hu" },
	{ FXP_REQUEST_mkdir, "su" },
	{ FXP_REQUEST_symlink, "ss" },
};

Test(fxp_requests, what_follows_the_first_argument_is_checked_too)
{
	struct fxp_harness harness;
	struct fxp_name file;

	fxp_harness_new(&harness);
	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_READ | F_NEW);
	for (size_t i = 0; i < sizeof(long_requests) / sizeof(long_requests[0]); i++) {
		char cut[4] = "";

		for (size_t n = 1; n < strlen(long_requests[i].format); n++) {
			memcpy(cut, long_requests[i].format, n);
			cut[n] = '\0';
			if (cut[0] == 'h')
				cr_assert_code(fxp_harness_ask(&harness, long_requests[i].type, cut, &file, 0ul),
				    FXP_CODE_BAD_MESSAGE);
			else
				cr_assert_code(fxp_harness_ask(&harness, long_requests[i].type, cut, "new", 0u),
				    FXP_CODE_BAD_MESSAGE);
		}
	}
	fxp_harness_free(&harness);
}

Test(fxp_requests, numbers_without_a_row_are_unsupported)
{
	struct fxp_harness harness;

	fxp_harness_new(&harness);
	fxp_harness_login(&harness);
	for (unsigned type = 0; type < 256; type++) {
		bool known = false;

		for (size_t i = 0; i < fxp_request_row_count; i++)
			known = known || fxp_request_rows[i].number == type;
		if (!known)
			cr_assert_code(fxp_harness_ask(&harness, type, "s", "x"), FXP_CODE_OP_UNSUPPORTED);
	}
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_extended, "s", "unknown@example.org"),
	    FXP_CODE_OP_UNSUPPORTED);
	fxp_harness_free(&harness);
}

Test(fxp_requests, handles_of_any_length_that_were_not_given_out_are_invalid)
{
	struct fxp_harness harness;
	struct fxp_name file;
	uint8_t bytes[300];

	fxp_harness_new(&harness);
	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_READ | F_NEW);
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, file.bytes, sizeof(file.bytes));
	for (size_t i = 0; i < fxp_request_row_count; i++) {
		const struct fxp_request_row *row = &fxp_request_rows[i];

		if (row->takes != FXP_TAKES_HANDLE && row->takes != FXP_TAKES_FILE && row->takes != FXP_TAKES_DIR)
			continue;
		for (size_t n = 0; n <= sizeof(bytes); n++) {
			if (n != FXP_HANDLE_BYTES)
				cr_assert_code(fxp_harness_ask(&harness, row->number, "bqsq", bytes, n, 0ul, "", 0ul),
				    FXP_CODE_FAILURE);
		}
	}
	cr_assert_eq(fxp_harness_close(&harness, &file), FXP_CODE_OK);
	cr_assert_eq(fxp_harness_close(&harness, &file), FXP_CODE_FAILURE, "closed twice");
	for (unsigned bit = 0; bit < 64; bit++) {
		struct fxp_name other = file;

		other.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		cr_assert_eq(fxp_harness_close(&harness, &other), FXP_CODE_FAILURE);
	}
	fxp_harness_free(&harness);
}

Test(fxp_requests, a_handle_of_the_wrong_kind_is_invalid)
{
	struct fxp_harness harness;
	struct fxp_name file;
	struct fxp_name dir;

	fxp_harness_new(&harness);
	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_READ | F_NEW);
	dir = fxp_handle_of(fxp_harness_ask(&harness, FXP_REQUEST_opendir, "s", "/"));
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_read, "hqu", &dir, 0ul, 1u), FXP_CODE_FAILURE);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_write, "hqs", &dir, 0ul, "x"), FXP_CODE_FAILURE);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_readdir, "h", &file), FXP_CODE_FAILURE);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_extended, "sh", "fsync@openssh.com", &dir), FXP_CODE_FAILURE);
	cr_assert_eq(fxp_attrs_of(fxp_harness_ask(&harness, FXP_REQUEST_fstat, "h", &dir)).permissions & 0170000u, 0040000u);
	fxp_harness_free(&harness);
}

Test(fxp_requests, more_handles_than_there_may_be_are_refused_and_come_back)
{
	struct fxp_harness harness;
	static struct fxp_name names[FXP_HANDLES_MAX];

	fxp_harness_new(&harness);
	tree_put(&harness.tree, "f", "x");
	fxp_harness_login(&harness);
	for (size_t i = 0; i < FXP_HANDLES_MAX; i++)
		names[i] = fxp_handle_of(fxp_harness_ask(&harness, FXP_REQUEST_opendir, "s", "/"));
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_opendir, "s", "/"), FXP_CODE_FAILURE);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_open, "suu", "f", F_READ, 0u), FXP_CODE_FAILURE);
	cr_assert_eq(fxp_harness_close(&harness, &names[17]), FXP_CODE_OK);
	names[17] = fxp_harness_open(&harness, "f", F_READ);
	fxp_harness_free(&harness);
}
