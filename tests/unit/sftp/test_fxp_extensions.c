/*
 * VERSION, and extensions that are about more than a name: space, ids, limits, copies, checksums.
 */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/bytes.h"
#include "server/base/text.h"
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

TestSuite(fxp_extensions, .init = setup, .fini = teardown);

#define EXT FXP_REQUEST_extended

Test(fxp_extensions, version_tells_every_row_and_nothing_else)
{
	static const uint8_t init[] = { 0, 0, 0, 5, FXP_REQUEST_init, 0, 0, 0, 3 };
	struct fxp_answer answer;

	fxp_harness_start(&harness);
	cr_assert(fxp_harness_give(&harness, init, sizeof(init)));
	answer = fxp_harness_next(&harness);
	for (size_t i = 0; i < fxp_extension_row_count; i++) {
		struct fxp_string name = fxp_get_string(&answer.body);
		struct fxp_string data = fxp_get_string(&answer.body);
		const struct fxp_extension_row *row = &fxp_extension_rows[i];

		cr_assert(!answer.body.failed);
		cr_assert(name.length == strlen(row->wire) && memcmp(name.bytes, row->wire, name.length) == 0);
		cr_assert(data.length == strlen(row->data) && memcmp(data.bytes, row->data, data.length) == 0);
	}
	cr_assert_eq(answer.body.left, 0);
}

Test(fxp_extensions, limits_are_those_that_hold)
{
	struct fxp_answer answer;

	fxp_harness_login(&harness);
	answer = fxp_harness_ask(&harness, EXT, "s", "limits@openssh.com");
	cr_assert_eq(answer.type, FXP_REPLY_EXTENDED);
	cr_assert_eq(fxp_get_u64(&answer.body), FXP_PACKET_MAX_BYTES);
	cr_assert_eq(fxp_get_u64(&answer.body), FXP_READ_MAX_BYTES);
	cr_assert_eq(fxp_get_u64(&answer.body), FXP_WRITE_MAX_BYTES);
	cr_assert_eq(fxp_get_u64(&answer.body), FXP_HANDLES_MAX);
	cr_assert(!answer.body.failed && answer.body.left == 0);
}

Test(fxp_extensions, space_is_told_in_three_ways)
{
	struct fxp_answer answer;
	struct fxp_name file;
	uint64_t fragment;
	uint64_t blocks;

	fxp_harness_login(&harness);
	answer = fxp_harness_ask(&harness, EXT, "ss", "statvfs@openssh.com", "/");
	cr_assert(answer.type == FXP_REPLY_EXTENDED && answer.body.left == 11 * 8);
	(void)fxp_get_u64(&answer.body);
	fragment = fxp_get_u64(&answer.body);
	blocks = fxp_get_u64(&answer.body);
	cr_assert(fragment > 0 && blocks > 0);
	file = fxp_harness_open(&harness, "f", F_NEW);
	answer = fxp_harness_ask(&harness, EXT, "sh", "fstatvfs@openssh.com", &file);
	cr_assert(answer.type == FXP_REPLY_EXTENDED && answer.body.left == 11 * 8);
	(void)fxp_get_u64(&answer.body);
	cr_assert_eq(fxp_get_u64(&answer.body), fragment);
	cr_assert_eq(fxp_get_u64(&answer.body), blocks);
	answer = fxp_harness_ask(&harness, EXT, "ss", "space-available", "/");
	cr_assert(answer.type == FXP_REPLY_EXTENDED && answer.body.left == 4 * 8 + 4);
	cr_assert_eq(fxp_get_u64(&answer.body), blocks * fragment);
}

Test(fxp_extensions, only_ones_own_uid_has_a_name)
{
	uint8_t ids[12] = { 0 };
	struct fxp_answer answer;
	struct fxp_string names;
	struct fxp_reader list;
	static uint8_t many[200000];

	harness.start.uid = 1234;
	bytes_put_u32(ids, 0);
	bytes_put_u32(ids + 4, 1234);
	bytes_put_u32(ids + 8, 77);
	fxp_harness_login(&harness);
	answer = fxp_harness_ask(&harness, EXT, "sbb", "users-groups-by-id@openssh.com", ids, sizeof(ids), ids, (size_t)8);
	cr_assert_eq(answer.type, FXP_REPLY_EXTENDED);
	names = fxp_get_string(&answer.body);
	list = (struct fxp_reader){ .bytes = names.bytes, .left = names.length };
	cr_assert_eq(fxp_get_string(&list).length, 0);
	cr_assert_eq(fxp_get_string(&list).length, 5);
	cr_assert_eq(fxp_get_string(&list).length, 0);
	cr_assert(!list.failed && list.left == 0);
	names = fxp_get_string(&answer.body);
	cr_assert_eq(names.length, 8);
	cr_assert_code(fxp_harness_ask(&harness, EXT, "sbb", "users-groups-by-id@openssh.com", ids, (size_t)5, ids, (size_t)4),
	    FXP_CODE_BAD_MESSAGE);
	cr_assert_code(fxp_harness_ask(&harness, EXT, "sbb", "users-groups-by-id@openssh.com", many, sizeof(many), ids, (size_t)0),
	    FXP_CODE_FAILURE);
}

/* --- copies --------------------------------------------------------------------------------- */

static struct fxp_answer copy_data(
    const struct fxp_name *from, uint64_t from_offset, uint64_t length, const struct fxp_name *to, uint64_t to_offset)
{
	return fxp_harness_ask(&harness, EXT, "shqqhq", "copy-data", from, from_offset, length, to, to_offset);
}

Test(fxp_extensions, copy_data_copies_ranges_in_steps)
{
	struct fxp_name from;
	struct fxp_name to;

	tree_put(&harness.tree, "f", "0123456789");
	harness.guard.copy_step = 3;
	fxp_harness_login(&harness);
	from = fxp_harness_open(&harness, "f", F_READ);
	to = fxp_harness_open(&harness, "g", F_READ | F_NEW);
	cr_assert_ok(copy_data(&from, 0, 0, &to, 0));
	cr_assert_ok(copy_data(&from, 2, 7, &to, 10));
	cr_assert_code(copy_data(&from, 8, 7, &to, 17), FXP_CODE_EOF);
	cr_assert_eq(fxp_harness_close(&harness, &to), FXP_CODE_OK);
	cr_assert(tree_holds(&harness.tree, "g", "0123456789234567889"));
}

Test(fxp_extensions, copy_data_refuses_what_would_overlap_or_overflow)
{
	struct fxp_name file;
	struct fxp_name other;

	tree_put(&harness.tree, "f", "0123456789");
	harness.guard.copy_step = 2;
	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_READ | F_WRITE);
	other = fxp_harness_open(&harness, "f", F_WRITE);
	cr_assert_code(copy_data(&file, 0, 6, &file, 3), FXP_CODE_FAILURE);
	cr_assert_code(copy_data(&file, 0, 6, &other, 3), FXP_CODE_FAILURE);
	cr_assert_code(copy_data(&file, 0, 0, &file, 0), FXP_CODE_FAILURE);
	cr_assert_code(copy_data(&file, 0, 1, &file, INT64_MAX), FXP_CODE_FAILURE);
	cr_assert_code(copy_data(&file, UINT64_MAX, 1, &file, 0), FXP_CODE_FAILURE);
	cr_assert_code(copy_data(&file, 0, UINT64_MAX, &file, 1), FXP_CODE_FAILURE);
	cr_assert_code(copy_data(&other, 0, 1, &file, 5), FXP_CODE_PERMISSION_DENIED);
	cr_assert(tree_holds(&harness.tree, "f", "0123456789"));
	cr_assert_ok(copy_data(&file, 0, 5, &file, 5));
	cr_assert(tree_holds(&harness.tree, "f", "0123401234"));
}

Test(fxp_extensions, a_copy_that_runs_out_of_space_fails_the_close_too)
{
	struct fxp_name from;
	struct fxp_name to;

	tree_put(&harness.tree, "f", "0123456789");
	fxp_harness_login(&harness);
	from = fxp_harness_open(&harness, "f", F_READ);
	to = fxp_harness_open(&harness, "g", F_NEW);
	harness.guard.refuse[GUARD_MESSAGE_copy] = VFS_NO_SPACE;
	cr_assert_code(copy_data(&from, 0, 0, &to, 0), FXP_CODE_FAILURE);
	cr_assert_eq(fxp_harness_close(&harness, &to), FXP_CODE_FAILURE);
	cr_assert(!tree_has(&harness.tree, "g"));
	cr_assert_eq(harness.guard.closed.outcome, VFS_CLOSE_FAILED);
	cr_assert_eq(harness.guard.closed.reason, VFS_NO_SPACE);
}

Test(fxp_extensions, copy_file_replaces_only_when_asked_to)
{
	tree_put(&harness.tree, "f", "0123456789");
	tree_put(&harness.tree, "g", "old");
	harness.guard.copy_step = 4;
	fxp_harness_login(&harness);
	cr_assert_code(fxp_harness_ask(&harness, EXT, "sssc", "copy-file", "f", "g", 0u), FXP_CODE_FAILURE);
	cr_assert(tree_holds(&harness.tree, "g", "old"));
	cr_assert_ok(fxp_harness_ask(&harness, EXT, "sssc", "copy-file", "f", "g", 1u));
	cr_assert(tree_holds(&harness.tree, "g", "0123456789"));
	cr_assert_ok(fxp_harness_ask(&harness, EXT, "sssc", "copy-file", "f", "h", 0u));
	cr_assert(tree_holds(&harness.tree, "h", "0123456789"));
	cr_assert_ok(fxp_harness_ask(&harness, EXT, "sssc", "copy-file", "f", "f", 1u));
	cr_assert(tree_holds(&harness.tree, "f", "0123456789"), "to itself");
	cr_assert_code(fxp_harness_ask(&harness, EXT, "sssc", "copy-file", "none", "x", 1u), FXP_CODE_NO_SUCH_FILE);
	harness.guard.refuse[GUARD_MESSAGE_copy] = VFS_NO_SPACE;
	cr_assert_code(fxp_harness_ask(&harness, EXT, "sssc", "copy-file", "f", "x", 1u), FXP_CODE_FAILURE);
	cr_assert(!tree_has(&harness.tree, "x"));
	cr_assert_eq(tree_staged(&harness.tree, "."), 0);
}

Test(fxp_extensions, a_session_that_ends_within_a_copy_leaves_nothing)
{
	tree_put(&harness.tree, "f", "0123456789");
	harness.guard.copy_step = 1;
	fxp_harness_login(&harness);
	harness.lazy = true;
	fxp_harness_put(&harness, EXT, "sssc", "copy-file", "f", "g", 1u);
	cr_assert(fxp_service.work(harness.service), "there is more to do");
	cr_assert(fxp_service.busy(harness.service));
	fxp_harness_stop(&harness);
	cr_assert(!tree_has(&harness.tree, "g"));
	cr_assert_eq(tree_staged(&harness.tree, "."), 0);
}

/* --- checksums ------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	const char *hex; /* of "0123456789" */
} sums[] = {
	{ "md5", "781e5e245d69b566979b86e28d23f2c7" },
	{ "sha1", "87acec17cd9dcd20a716cc2cf67417b71c8a7016" },
	{ "sha256", "84d89877f0d4041efb6bf91a16f0248f2fd573e6af05c19f96bedb9f882f7882" },
	{ "sha384", "90ae531f24e48697904a4d0286f354c50a350ebb6c2b9efcb22f71c96ceaeffc"
		    "11c6095e9ca0df0ec30bf685dcf2e5e5" },
	{ "sha512", "bb96c2fc40d2d54617d6f276febe571f623a8dadf0b734855299b0e107fda32c"
		    "f6b69f2da32b36445d73690b93cbd0f7bfc20e0f7f28553d2a4428f23b716e90" },
};

/* What a reply says, in hex. */
static const char *hex_of(struct fxp_answer answer, const char *extension, const char *algorithm)
{
	static char hex[4096];
	struct fxp_string name;

	cr_assert(answer.type == FXP_REPLY_EXTENDED, "reply %u", answer.type);
	if (extension != NULL) {
		name = fxp_get_string(&answer.body);
		cr_assert(name.length == strlen(extension) && memcmp(name.bytes, extension, name.length) == 0);
	}
	name = fxp_get_string(&answer.body);
	cr_assert(name.length == strlen(algorithm) && memcmp(name.bytes, algorithm, name.length) == 0);
	cr_assert_lt(answer.body.left, sizeof(hex) / 2);
	text_hex(hex, answer.body.bytes, answer.body.left);
	return hex;
}

Test(fxp_extensions, checksums_are_computed_by_name_and_by_handle_with_every_algorithm_told)
{
	struct fxp_name file;
	char told[256] = "";

	tree_put(&harness.tree, "f", "0123456789");
	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_READ);
	for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
		const char *name = sums[i].name;

		cr_assert_str_eq(hex_of(fxp_harness_ask(&harness, EXT, "sssqqu", "check-file-name", "f", name, 0ul, 0ul, 0u),
				     NULL, name), sums[i].hex);
		cr_assert_str_eq(hex_of(fxp_harness_ask(&harness, EXT, "shsqqu", "check-file-handle", &file, name, 0ul, 0ul, 0u),
				     NULL, name), sums[i].hex);
		cr_assert_str_eq(hex_of(fxp_harness_ask(&harness, EXT, "shsqqu", "check-file", &file, name, 0ul, 0ul, 0u),
				     "check-file", name), sums[i].hex);
		snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s%s", i > 0 ? "," : "", name);
	}
	cr_assert_str_eq(told, FXP_CHECK_ALGORITHMS);
}

Test(fxp_extensions, the_first_algorithm_known_of_the_clients_list_counts)
{
	tree_put(&harness.tree, "f", "0123456789");
	fxp_harness_login(&harness);
	cr_assert_str_eq(hex_of(fxp_harness_ask(&harness, EXT, "sssqqu", "check-file-name", "f", "crc32,,sha1,md5", 0ul, 0ul, 0u),
			     NULL, "sha1"), sums[1].hex);
	cr_assert_code(fxp_harness_ask(&harness, EXT, "sssqqu", "check-file-name", "f", "crc32,sha", 0ul, 0ul, 0u),
	    FXP_CODE_OP_UNSUPPORTED);
	cr_assert_code(fxp_harness_ask(&harness, EXT, "sssqqu", "check-file-name", "f", "", 0ul, 0ul, 0u), FXP_CODE_OP_UNSUPPORTED);
}

Test(fxp_extensions, checksums_of_ranges_and_blocks)
{
	static char big[1001];
	unsigned char one[EVP_MAX_MD_SIZE];
	char wanted[4 * 32 + 1] = "";

	memset(big, 'y', 1000);
	memcpy(big, "0123456789", 10);
	tree_put(&harness.tree, "f", big);
	fxp_harness_login(&harness);
	cr_assert_str_eq(hex_of(fxp_harness_ask(&harness, EXT, "sssqqu", "check-file-name", "f", "md5", 0ul, 10ul, 0u), NULL, "md5"),
	    sums[0].hex);
	for (size_t at = 0; at < 1000; at += 256) {
		EVP_Digest(big + at, 1000 - at < 256 ? 1000 - at : 256, one, NULL, EVP_md5(), NULL);
		text_hex(wanted + at / 256 * 32, one, 16);
	}
	cr_assert_str_eq(hex_of(fxp_harness_ask(&harness, EXT, "sssqqu", "check-file-name", "f", "md5", 0ul, 0ul, 256u), NULL, "md5"),
	    wanted);
	wanted[64] = '\0';
	cr_assert_str_eq(hex_of(fxp_harness_ask(&harness, EXT, "sssqqu", "check-file-name", "f", "md5", 0ul, 512ul, 256u), NULL, "md5"),
	    wanted);
	cr_assert_str_eq(hex_of(fxp_harness_ask(&harness, EXT, "sssqqu", "check-file-name", "f", "md5", 5000ul, 0ul, 0u), NULL, "md5"),
	    "d41d8cd98f00b204e9800998ecf8427e", "of nothing");
	cr_assert_code(fxp_harness_ask(&harness, EXT, "sssqqu", "check-file-name", "f", "md5", 0ul, 0ul, 255u), FXP_CODE_FAILURE);
	cr_assert_code(fxp_harness_ask(&harness, EXT, "sssqqu", "check-file-name", "f", "md5", UINT64_MAX, 0ul, 0u), FXP_CODE_FAILURE);
	cr_assert_code(fxp_harness_ask(&harness, EXT, "sssqqu", "check-file-name", "none", "md5", 0ul, 0ul, 0u), FXP_CODE_NO_SUCH_FILE);
}

Test(fxp_extensions, checksums_of_what_was_written_just_now_and_of_too_many_blocks)
{
	struct fxp_name file;

	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_READ | F_NEW);
	cr_assert_eq(fxp_harness_write(&harness, &file, 0, "0123456789"), FXP_CODE_OK);
	cr_assert_str_eq(hex_of(fxp_harness_ask(&harness, EXT, "shsqqu", "check-file-handle", &file, "md5", 0ul, 0ul, 0u), NULL, "md5"),
	    sums[0].hex);
	cr_assert_ok(fxp_harness_ask(&harness, FXP_REQUEST_fsetstat, "huq", &file, FXP_ATTR_SIZE, 100ul << 20));
	cr_assert_code(fxp_harness_ask(&harness, EXT, "shsqqu", "check-file-handle", &file, "md5", 0ul, 0ul, 256u), FXP_CODE_FAILURE);
	harness.lazy = true;
	fxp_harness_put(&harness, EXT, "shsqqu", "check-file-handle", &file, "md5", 0ul, 0ul, 0u);
	cr_assert(fxp_service.work(harness.service), "a step of many");
	fxp_harness_work(&harness);
	cr_assert_eq(fxp_harness_next(&harness).type, FXP_REPLY_EXTENDED);
}

Test(fxp_extensions, fsync_tells_what_the_disk_says)
{
	struct fxp_name file;

	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "f", F_NEW);
	cr_assert_eq(fxp_harness_write(&harness, &file, 0, "x"), FXP_CODE_OK);
	cr_assert_ok(fxp_harness_ask(&harness, EXT, "sh", "fsync@openssh.com", &file));
	harness.guard.refuse[GUARD_MESSAGE_fsync] = VFS_IO;
	cr_assert_code(fxp_harness_ask(&harness, EXT, "sh", "fsync@openssh.com", &file), FXP_CODE_FAILURE);
}
