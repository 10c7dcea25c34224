/*
 * OPEN, READ, WRITE, CLOSE, and attributes: what a client sees of files, and when others see them.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/sftp/fxp_harness.h"

static struct fxp_harness harness;

static void setup(void)
{
	fxp_harness_new(&harness);
}

static void teardown(void)
{
	fxp_harness_free(&harness);
}

TestSuite(fxp_files, .init = setup, .fini = teardown);

static bool reads_as(const struct fxp_name *handle, const char *text)
{
	char bytes[256];
	int n = fxp_harness_read(&harness, handle, 0, bytes, sizeof(bytes));

	return (n < 0 ? 0u : (size_t)n) == strlen(text) && memcmp(bytes, text, strlen(text)) == 0;
}

static struct fxp_attrs stat_of(const char *path)
{
	return fxp_attrs_of(fxp_harness_ask(&harness, FXP_REQUEST_stat, "s", path));
}

Test(fxp_files, an_upload_appears_when_it_is_closed_and_not_before)
{
	struct fxp_name file;

	tree_put(&harness.tree, "f", "old");
	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "/f", F_NEW);
	cr_assert_eq(fxp_harness_write(&harness, &file, 0, "new content"), FXP_CODE_OK);
	cr_assert(tree_holds(&harness.tree, "f", "old"), "the old file stays until then");
	cr_assert_eq(stat_of("/f").size, 11, "the session itself sees its own");
	cr_assert_eq(fxp_harness_close(&harness, &file), FXP_CODE_OK);
	cr_assert(tree_holds(&harness.tree, "f", "new content"));
	cr_assert_eq(tree_staged(&harness.tree, "."), 0);
}

Test(fxp_files, an_upload_that_breaks_off_is_kept_with_all_that_was_acknowledged)
{
	struct fxp_name file;

	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_NEW);
	cr_assert_eq(fxp_harness_write(&harness, &file, 0, "0123456789"), FXP_CODE_OK);
	fxp_harness_stop(&harness);
	cr_assert(!tree_has(&harness.tree, "f"));
	cr_assert_eq(harness.guard.closed.outcome, VFS_CLOSE_ABORTED);
	fxp_harness_login(&harness);
	cr_assert_eq(stat_of("f").size, 10, "what a client looks at before it continues");
	/* OpenSSH's reput, and clients that count offsets themselves. */
	file = fxp_harness_open(&harness, "f", F_WRITE | F_CREAT | F_APPEND);
	cr_assert_eq(fxp_harness_write(&harness, &file, 10, "abc"), FXP_CODE_OK);
	fxp_harness_stop(&harness);
	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_WRITE | F_CREAT);
	cr_assert_eq(fxp_harness_write(&harness, &file, 13, "def"), FXP_CODE_OK);
	cr_assert_eq(fxp_harness_close(&harness, &file), FXP_CODE_OK);
	cr_assert(tree_holds(&harness.tree, "f", "0123456789abcdef"));
}

Test(fxp_files, what_was_written_can_be_read_back_before_it_is_closed)
{
	struct fxp_name file;

	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_READ | F_NEW);
	cr_assert_eq(fxp_harness_write(&harness, &file, 0, "hello "), FXP_CODE_OK);
	cr_assert_eq(fxp_harness_write(&harness, &file, 6, "world"), FXP_CODE_OK);
	cr_assert(reads_as(&file, "hello world"));
	cr_assert_eq(fxp_attrs_of(fxp_harness_ask(&harness, FXP_REQUEST_fstat, "h", &file)).size, 11);
	cr_assert_eq(fxp_harness_write(&harness, &file, 0, "H"), FXP_CODE_OK);
	cr_assert(reads_as(&file, "Hello world"));
	cr_assert_eq(fxp_harness_close(&harness, &file), FXP_CODE_OK);
}

static uint32_t open_and_close(const char *path, unsigned pflags)
{
	struct fxp_answer answer = fxp_harness_ask(&harness, FXP_REQUEST_open, "suu", path, pflags, 0u);
	struct fxp_name handle;

	if (answer.type == FXP_REPLY_STATUS)
		return fxp_code_of(answer);
	handle = fxp_handle_of(answer);
	cr_assert_eq(fxp_harness_close(&harness, &handle), FXP_CODE_OK);
	return FXP_CODE_OK;
}

Test(fxp_files, the_session_opens_its_own_running_upload_again)
{
	struct fxp_name first;
	struct fxp_name reader;
	struct fxp_name writer;

	tree_put(&harness.tree, "f", "old");
	fxp_harness_login(&harness);
	first = fxp_harness_open(&harness, "f", F_NEW);
	cr_assert_eq(fxp_harness_write(&harness, &first, 0, "one"), FXP_CODE_OK);
	reader = fxp_harness_open(&harness, "f", F_READ);
	cr_assert(reads_as(&reader, "one"));
	cr_assert_eq(fxp_harness_write(&harness, &first, 3, "two"), FXP_CODE_OK);
	cr_assert(reads_as(&reader, "onetwo"), "also what the other handle has not written out yet");
	writer = fxp_harness_open(&harness, "f", F_READ | F_WRITE);
	cr_assert_eq(fxp_harness_write(&harness, &writer, 0, "ONE"), FXP_CODE_OK);
	cr_assert_eq(fxp_harness_close(&harness, &writer), FXP_CODE_FAILURE, "nor is that promised");
	cr_assert(tree_holds(&harness.tree, "f", "old"), "nothing is published before the first one's close");
	cr_assert_eq(fxp_harness_close(&harness, &first), FXP_CODE_OK);
	cr_assert(tree_holds(&harness.tree, "f", "ONEtwo"));
	cr_assert(reads_as(&reader, "ONEtwo"));
}

Test(fxp_files, writes_by_several_handles_come_in_their_order)
{
	struct fxp_name handles[3];

	tree_put(&harness.tree, "f", "");
	fxp_harness_login(&harness);
	for (size_t i = 0; i < 3; i++)
		handles[i] = fxp_harness_open(&harness, "f", F_WRITE);
	cr_assert_eq(fxp_harness_write(&harness, &handles[2], 0, "aaaa"), FXP_CODE_OK);
	cr_assert_eq(fxp_harness_write(&harness, &handles[0], 1, "bbbb"), FXP_CODE_OK);
	cr_assert_eq(fxp_harness_write(&harness, &handles[1], 2, "cccc"), FXP_CODE_OK);
	cr_assert_eq(fxp_harness_write(&harness, &handles[2], 3, "dddd"), FXP_CODE_OK);
	cr_assert_eq(fxp_harness_write(&harness, &handles[0], 6, "e"), FXP_CODE_OK);
	for (size_t i = 3; i > 0; i--)
		cr_assert_eq(fxp_harness_close(&harness, &handles[i - 1]), FXP_CODE_OK);
	cr_assert(tree_holds(&harness.tree, "f", "abcddde"));
}

Test(fxp_files, appends_by_several_handles_come_in_their_order)
{
	struct fxp_name one;
	struct fxp_name two;

	tree_put(&harness.tree, "f", "");
	fxp_harness_login(&harness);
	one = fxp_harness_open(&harness, "f", F_WRITE | F_APPEND);
	two = fxp_harness_open(&harness, "f", F_WRITE | F_APPEND);
	cr_assert_eq(fxp_harness_write(&harness, &two, 0, "1 "), FXP_CODE_OK);
	cr_assert_eq(fxp_harness_write(&harness, &one, 0, "2 "), FXP_CODE_OK);
	cr_assert_eq(fxp_harness_write(&harness, &two, 0, "3 "), FXP_CODE_OK);
	cr_assert_eq(fxp_harness_write(&harness, &one, 0, "4"), FXP_CODE_OK);
	cr_assert_eq(fxp_harness_close(&harness, &two), FXP_CODE_OK);
	cr_assert_eq(fxp_harness_close(&harness, &one), FXP_CODE_OK);
	cr_assert(tree_holds(&harness.tree, "f", "1 2 3 4"));
}

Test(fxp_files, writes_may_come_in_any_order_and_leave_holes)
{
	static const unsigned order[] = { 3, 1, 0, 7, 2 };
	struct fxp_name file;
	char block[33] = "";
	char bytes[8 * 32];
	int fd;

	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_NEW);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		memset(block, (char)('a' + (char)order[i]), 32);
		cr_assert_eq(fxp_harness_write(&harness, &file, order[i] * 32u, block), FXP_CODE_OK);
	}
	cr_assert_eq(fxp_harness_close(&harness, &file), FXP_CODE_OK);
	fd = openat(harness.tree.root_fd, "f", O_RDONLY | O_CLOEXEC);
	cr_assert_eq(read(fd, bytes, sizeof(bytes)), (ssize_t)sizeof(bytes));
	close(fd);
	for (size_t i = 0; i < sizeof(bytes); i++)
		cr_assert_eq(bytes[i], i / 32 < 4 ? (char)('a' + (char)(i / 32)) : i / 32 < 7 ? '\0' : 'h');
}

static void upload_many_at_a_time(void)
{
	struct fxp_name files[FXP_GATHERS * 3];
	char name[16];
	char text[64];

	for (size_t i = 0; i < FXP_GATHERS * 3; i++) {
		snprintf(name, sizeof(name), "f%zu", i);
		files[i] = fxp_harness_open(&harness, name, F_NEW);
	}
	for (unsigned round = 0; round < 3; round++) {
		for (size_t i = 0; i < FXP_GATHERS * 3; i++) {
			snprintf(text, sizeof(text), "[%02zu:%u]", i, round);
			cr_assert_eq(fxp_harness_write(&harness, &files[i], round * 6, text), FXP_CODE_OK);
		}
	}
	for (size_t i = 0; i < FXP_GATHERS * 3; i++) {
		cr_assert_eq(fxp_harness_close(&harness, &files[i]), FXP_CODE_OK);
		snprintf(name, sizeof(name), "f%zu", i);
		snprintf(text, sizeof(text), "[%02zu:0][%02zu:1][%02zu:2]", i, i, i);
		cr_assert(tree_holds(&harness.tree, name, text));
	}
}

Test(fxp_files, more_open_uploads_than_buffers_keep_their_bytes_apart)
{
	fxp_harness_login(&harness);
	upload_many_at_a_time();
}

Test(fxp_files, buffers_are_those_of_the_connection_and_go_back)
{
	for (unsigned of_others = 0; of_others <= SSH_SERVICE_BUFFERS; of_others++) {
		const unsigned had = SSH_SERVICE_BUFFERS - of_others;
		unsigned left = had;

		harness.start.buffers_left = &left;
		fxp_harness_login(&harness);
		upload_many_at_a_time();
		cr_assert_eq(left, 0, "%u of %u left", left, had);
		fxp_harness_stop(&harness);
		cr_assert_eq(left, had);
		harness.start.buffers_left = NULL;
	}
}

Test(fxp_files, large_uploads_arrive_whole_whatever_the_size_of_their_writes)
{
	enum { SIZE = 5000000 };
	static const size_t pieces[] = { 32768, 261120, 1000, 65537 };
	char *content = malloc(SIZE);
	char *back = malloc(SIZE);
	int fd;

	cr_assert(content != NULL && back != NULL);
	for (size_t i = 0; i < SIZE; i++)
		content[i] = (char)(i * 2654435761u >> 13);
	fxp_harness_login(&harness);
	harness.lazy = true;
	for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
		struct fxp_name file = fxp_harness_open(&harness, "f", F_NEW);
		unsigned count = 0;

		for (size_t at = 0; at < SIZE; at += pieces[k], count++) {
			size_t n = SIZE - at < pieces[k] ? SIZE - at : pieces[k];

			fxp_harness_put(&harness, FXP_REQUEST_write, "hqb", &file, (uint64_t)at, content + at, n);
			if (count % 3 == 0)
				fxp_harness_work(&harness);
		}
		fxp_harness_work(&harness);
		while (count-- > 0)
			cr_assert_ok(fxp_harness_next(&harness));
		cr_assert_eq(fxp_harness_close(&harness, &file), FXP_CODE_OK);
		fd = openat(harness.tree.root_fd, "f", O_RDONLY | O_CLOEXEC);
		cr_assert_eq(read(fd, back, SIZE), (ssize_t)SIZE);
		close(fd);
		cr_assert_eq(memcmp(content, back, SIZE), 0, "in pieces of %zu", pieces[k]);
	}
	free(content);
	free(back);
}

Test(fxp_files, append_takes_no_notice_of_offsets)
{
	struct fxp_name file;

	tree_put(&harness.tree, "f", "start");
	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_READ | F_WRITE | F_APPEND);
	cr_assert_eq(fxp_harness_write(&harness, &file, 0, " one"), FXP_CODE_OK);
	cr_assert_eq(fxp_harness_write(&harness, &file, 77, " two"), FXP_CODE_OK);
	cr_assert(reads_as(&file, "start one two"));
	cr_assert_eq(fxp_harness_close(&harness, &file), FXP_CODE_OK);
}

static const struct {
	unsigned pflags;
	uint32_t of_existing; /* code of OPEN, of a file that exists */
	uint32_t of_missing;
	const char *after; /* content of the existing file after a CLOSE at once */
} opens[] = {
	{ 0, FXP_CODE_OK, FXP_CODE_NO_SUCH_FILE, "content" },
	{ F_READ, FXP_CODE_OK, FXP_CODE_NO_SUCH_FILE, "content" },
	{ F_READ | F_CREAT, FXP_CODE_OK, FXP_CODE_OK, "content" },
	{ F_READ | F_CREAT | F_EXCL, FXP_CODE_FAILURE, FXP_CODE_OK, "content" },
	{ F_READ | F_APPEND, FXP_CODE_OK, FXP_CODE_NO_SUCH_FILE, "content" },
	{ F_READ | F_EXCL, FXP_CODE_OK, FXP_CODE_NO_SUCH_FILE, "content" },
	{ F_WRITE, FXP_CODE_OK, FXP_CODE_NO_SUCH_FILE, "content" },
	{ F_WRITE | F_CREAT, FXP_CODE_OK, FXP_CODE_OK, "content" },
	{ F_WRITE | F_TRUNC, FXP_CODE_OK, FXP_CODE_NO_SUCH_FILE, "" },
	{ F_NEW, FXP_CODE_OK, FXP_CODE_OK, "" },
	{ F_WRITE | F_CREAT | F_EXCL, FXP_CODE_FAILURE, FXP_CODE_OK, "content" },
	{ F_NEW | F_EXCL, FXP_CODE_FAILURE, FXP_CODE_OK, "content" },
	{ F_WRITE | F_APPEND, FXP_CODE_OK, FXP_CODE_NO_SUCH_FILE, "content" },
	{ F_WRITE | F_CREAT | F_APPEND, FXP_CODE_OK, FXP_CODE_OK, "content" },
	{ F_NEW | F_APPEND, FXP_CODE_OK, FXP_CODE_OK, "" },
	{ F_READ | F_WRITE, FXP_CODE_OK, FXP_CODE_NO_SUCH_FILE, "content" },
	{ F_READ | F_NEW, FXP_CODE_OK, FXP_CODE_OK, "" },
	{ F_READ | F_WRITE | F_CREAT | F_APPEND, FXP_CODE_OK, FXP_CODE_OK, "content" },
	{ F_READ | F_WRITE | F_CREAT | F_EXCL, FXP_CODE_FAILURE, FXP_CODE_OK, "content" },
	{ F_READ | F_NEW | F_EXCL, FXP_CODE_FAILURE, FXP_CODE_OK, "content" },
};

Test(fxp_files, flags_of_open_mean_what_they_mean_to_open_2)
{
	fxp_harness_login(&harness);
	for (size_t i = 0; i < sizeof(opens) / sizeof(opens[0]); i++) {
		tree_put(&harness.tree, "f", "content");
		cr_assert_eq(open_and_close("f", opens[i].pflags), opens[i].of_existing, "flags 0x%x", opens[i].pflags);
		cr_assert(tree_holds(&harness.tree, "f", opens[i].after), "flags 0x%x", opens[i].pflags);
		cr_assert_eq(open_and_close("new", opens[i].pflags), opens[i].of_missing, "flags 0x%x", opens[i].pflags);
		cr_assert_eq(tree_has(&harness.tree, "new"), opens[i].of_missing == FXP_CODE_OK);
		if (opens[i].of_missing == FXP_CODE_OK)
			cr_assert_ok(fxp_harness_ask(&harness, FXP_REQUEST_remove, "s", "new"));
	}
}

Test(fxp_files, truncating_without_writing_is_refused)
{
	tree_put(&harness.tree, "f", "content");
	fxp_harness_login(&harness);
	cr_assert_eq(open_and_close("f", F_READ | F_TRUNC), FXP_CODE_FAILURE);
	cr_assert(tree_holds(&harness.tree, "f", "content"));
}

Test(fxp_files, a_read_only_user_makes_no_file_by_reading)
{
	harness.tree.mounts[0].access = RIGHT_list | RIGHT_read;
	fxp_harness_login(&harness);
	cr_assert_eq(open_and_close("new", F_READ | F_CREAT), FXP_CODE_PERMISSION_DENIED);
	cr_assert_eq(open_and_close("new", F_NEW), FXP_CODE_PERMISSION_DENIED);
	cr_assert(!tree_has(&harness.tree, "new"));
}

Test(fxp_files, reading_and_writing_need_the_access_that_was_opened)
{
	struct fxp_name reader;
	struct fxp_name writer;

	tree_put(&harness.tree, "f", "content");
	fxp_harness_login(&harness);
	reader = fxp_harness_open(&harness, "f", F_READ);
	writer = fxp_harness_open(&harness, "f", F_WRITE);
	cr_assert_eq(fxp_harness_write(&harness, &reader, 0, "x"), FXP_CODE_PERMISSION_DENIED);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_read, "hqu", &writer, 0ul, 10u), FXP_CODE_PERMISSION_DENIED);
}

Test(fxp_files, a_read_of_more_than_the_most_is_capped_and_at_the_end_it_is_eof)
{
	static char big[300000];
	struct fxp_name file;
	char *out = malloc(1u << 20);

	cr_assert_not_null(out);
	memset(big, 'x', sizeof(big) - 1);
	tree_put(&harness.tree, "f", big);
	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_READ);
	cr_assert_eq(fxp_harness_read(&harness, &file, 0, out, 1u << 20), (int)FXP_READ_MAX_BYTES);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_read, "hqu", &file, 299999ul, UINT32_MAX), FXP_CODE_EOF);
	cr_assert_eq(fxp_harness_read(&harness, &file, 299990, out, 100), 9);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_read, "hqu", &file, (uint64_t)INT64_MAX, 10u), FXP_CODE_FAILURE);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_read, "hqu", &file, UINT64_MAX, 10u), FXP_CODE_FAILURE);
	cr_assert_eq(fxp_harness_read(&harness, &file, 0, out, 0), 0, "of nothing");
	free(out);
}

Test(fxp_files, a_write_beyond_what_files_can_hold_is_refused)
{
	struct fxp_name file;

	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_NEW);
	cr_assert_eq(fxp_harness_write(&harness, &file, UINT64_MAX, "x"), FXP_CODE_FAILURE);
	cr_assert_eq(fxp_harness_write(&harness, &file, INT64_MAX, "x"), FXP_CODE_FAILURE);
	cr_assert_eq(fxp_harness_write(&harness, &file, 0, ""), FXP_CODE_OK);
	cr_assert_eq(fxp_harness_close(&harness, &file), FXP_CODE_OK);
}

Test(fxp_files, close_fails_when_the_guard_could_not_publish)
{
	struct fxp_name file;

	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_NEW);
	harness.guard.refuse[GUARD_MESSAGE_close] = VFS_NO_SPACE;
	cr_assert_eq(fxp_harness_close(&harness, &file), FXP_CODE_FAILURE);
	harness.guard.refuse[GUARD_MESSAGE_close] = VFS_OK;
	cr_assert_eq(fxp_harness_close(&harness, &file), FXP_CODE_FAILURE, "the handle is gone all the same");
}

Test(fxp_files, attributes_right_after_open_cost_no_question_and_are_true_later)
{
	struct fxp_name file;
	unsigned before;

	tree_put(&harness.tree, "f", "content");
	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_READ | F_WRITE);
	before = harness.guard.calls[GUARD_MESSAGE_fstat];
	cr_assert_eq(fxp_attrs_of(fxp_harness_ask(&harness, FXP_REQUEST_fstat, "h", &file)).size, 7);
	cr_assert_eq(harness.guard.calls[GUARD_MESSAGE_fstat], before);
	cr_assert_ok(fxp_harness_ask(&harness, FXP_REQUEST_setstat, "suq", "f", FXP_ATTR_SIZE, 3ul));
	cr_assert_eq(fxp_attrs_of(fxp_harness_ask(&harness, FXP_REQUEST_fstat, "h", &file)).size, 3);
}

Test(fxp_files, attributes_are_set_by_name_and_by_handle_while_a_file_is_uploaded)
{
	struct fxp_name file;
	struct fxp_attrs attrs;

	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_NEW);
	cr_assert_eq(fxp_harness_write(&harness, &file, 0, "0123456789"), FXP_CODE_OK);
	cr_assert_ok(fxp_harness_ask(&harness, FXP_REQUEST_fsetstat, "huquuu", &file,
	    FXP_ATTR_SIZE | FXP_ATTR_PERMISSIONS | FXP_ATTR_ACMODTIME, 4ul, 0600u, 1000u, 2000u));
	attrs = stat_of("f");
	cr_assert(attrs.size == 4 && (attrs.permissions & 0777u) == 0600 && attrs.mtime == 2000);
	cr_assert_ok(fxp_harness_ask(&harness, FXP_REQUEST_setstat, "suuu", "f", FXP_ATTR_ACMODTIME, 3000u, 4000u));
	cr_assert_eq(fxp_harness_close(&harness, &file), FXP_CODE_OK);
	cr_assert_eq(tree_stat(&harness.tree, "f").st_mtime, 4000);
	cr_assert_eq(tree_stat(&harness.tree, "f").st_mode & 0777u, 0600u);
	cr_assert(tree_holds(&harness.tree, "f", "0123"));
}

Test(fxp_files, a_file_renamed_while_it_is_uploaded_is_published_under_its_new_name)
{
	struct fxp_name file;

	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f.part", F_NEW);
	cr_assert_eq(fxp_harness_write(&harness, &file, 0, "x"), FXP_CODE_OK);
	cr_assert_ok(fxp_harness_ask(&harness, FXP_REQUEST_rename, "ss", "f.part", "f"));
	cr_assert_eq(fxp_harness_close(&harness, &file), FXP_CODE_OK);
	cr_assert(tree_holds(&harness.tree, "f", "x"));
	cr_assert(!tree_has(&harness.tree, "f.part"));
}

Test(fxp_files, bytes_that_wait_too_long_are_written_though_no_more_come)
{
	struct fxp_name file;
	int wait;

	tree_put(&harness.tree, "f", "");
	fxp_harness_login(&harness);
	cr_assert_eq(fxp_service.wait_ms(harness.service), -1);
	file = fxp_harness_open(&harness, "f", F_WRITE);
	cr_assert_eq(fxp_harness_write(&harness, &file, 0, "x"), FXP_CODE_OK);
	wait = fxp_service.wait_ms(harness.service);
	cr_assert(wait >= 0 && wait <= 1000);
	usleep((unsigned)(wait + 50) * 1000u);
	fxp_harness_work(&harness);
	cr_assert(tree_holds(&harness.tree, "f", "x"));
	cr_assert_eq(fxp_service.wait_ms(harness.service), -1);
}
