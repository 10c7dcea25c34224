#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

TestSuite(fxp_dirs, .init = setup, .fini = teardown);

/* Reads all of it; how many entries.  The long name and attributes of `wanted`, if it is there. */
static unsigned read_all(const struct fxp_name *dir, const char *wanted, char longname[512], struct fxp_attrs *attrs)
{
	unsigned total = 0;

	longname[0] = '\0';
	for (;;) {
		struct fxp_answer answer = fxp_harness_ask(&harness, FXP_REQUEST_readdir, "h", dir);
		uint32_t count;

		if (answer.type == FXP_REPLY_STATUS) {
			cr_assert_code(answer, FXP_CODE_EOF);
			return total;
		}
		cr_assert_eq(answer.type, FXP_REPLY_NAME);
		cr_assert_leq(answer.body.left, FXP_NAMES_MAX_BYTES);
		count = fxp_get_u32(&answer.body);
		cr_assert_gt(count, 0);
		for (uint32_t i = 0; i < count; i++) {
			struct fxp_string name = fxp_get_string(&answer.body);
			struct fxp_string line = fxp_get_string(&answer.body);
			struct fxp_attrs told;

			fxp_get_attrs(&answer.body, &told);
			cr_assert(!answer.body.failed);
			if (name.length == strlen(wanted) && memcmp(name.bytes, wanted, name.length) == 0) {
				memcpy(longname, line.bytes, line.length);
				longname[line.length] = '\0';
				*attrs = told;
			}
		}
		cr_assert_eq(answer.body.left, 0);
		total += count;
	}
}

static struct fxp_name open_dir(const char *path)
{
	return fxp_handle_of(fxp_harness_ask(&harness, FXP_REQUEST_opendir, "s", path));
}

/* As servers that run ls's system calls have it: clients take an empty answer for a directory that is not there. */
Test(fxp_dirs, an_empty_directory_has_itself_and_the_one_above)
{
	struct fxp_attrs attrs;
	struct fxp_name dir;
	char line[512];

	tree_mkdir(&harness.tree, "sub");
	tree_mkdir(&harness.tree, "sub/empty");
	cr_assert_eq(fchmodat(harness.tree.root_fd, "sub", 0711, 0), 0);
	fxp_harness_login(&harness);
	dir = open_dir("/sub/empty");
	cr_assert_eq(read_all(&dir, ".", line, &attrs), 2);
	cr_assert(strncmp(line, "drwxr-xr-x", 10) == 0 && strcmp(line + strlen(line) - 2, " .") == 0, "%s", line);
	cr_assert_eq(attrs.permissions, 0040755);
	dir = open_dir("/sub/empty");
	cr_assert_eq(read_all(&dir, "..", line, &attrs), 2);
	cr_assert(strncmp(line, "drwx--x--x", 10) == 0 && strcmp(line + strlen(line) - 3, " ..") == 0, "%s", line);
	/* Nothing is above the root. */
	dir = open_dir("/");
	cr_assert_eq(read_all(&dir, "..", line, &attrs), 3);
	cr_assert_eq(attrs.permissions & 0170000, 0040000);
}

Test(fxp_dirs, a_directory_that_was_read_to_its_end_is_eof_again_and_again)
{
	struct fxp_name dir;

	fxp_harness_login(&harness);
	dir = open_dir("/");
	cr_assert_eq(fxp_harness_ask(&harness, FXP_REQUEST_readdir, "h", &dir).type, FXP_REPLY_NAME);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_readdir, "h", &dir), FXP_CODE_EOF);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_readdir, "h", &dir), FXP_CODE_EOF);
	cr_assert_eq(fxp_harness_close(&harness, &dir), FXP_CODE_OK);
}

Test(fxp_dirs, thousands_of_entries_come_each_once_in_few_packets)
{
	enum { COUNT = 5000 };
	struct fxp_attrs attrs;
	struct fxp_name dir;
	char line[512];
	char name[32];

	for (int i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "entry-%05d", i);
		tree_put(&harness.tree, name, "");
	}
	fxp_harness_login(&harness);
	dir = open_dir("/");
	cr_assert_eq(read_all(&dir, "entry-04999", line, &attrs), COUNT + 2);
	cr_assert(strstr(line, "entry-04999") != NULL);
	cr_assert_leq(harness.last_id, 20, "%u requests", harness.last_id);
	cr_assert_eq(fxp_harness_close(&harness, &dir), FXP_CODE_OK);
}

Test(fxp_dirs, a_directory_may_be_closed_while_its_next_batch_is_on_its_way)
{
	struct fxp_name dirs[3];
	char name[300];

	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "%0200d", i);
		tree_put(&harness.tree, name, "");
	}
	fxp_harness_login(&harness);
	for (size_t i = 0; i < 3; i++) {
		dirs[i] = open_dir("/");
		cr_assert_eq(fxp_harness_ask(&harness, FXP_REQUEST_readdir, "h", &dirs[i]).type, FXP_REPLY_NAME);
	}
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(fxp_harness_close(&harness, &dirs[i]), FXP_CODE_OK);
	dirs[0] = open_dir("/");
	cr_assert_eq(fxp_harness_ask(&harness, FXP_REQUEST_readdir, "h", &dirs[0]).type, FXP_REPLY_NAME);
}

Test(fxp_dirs, long_names_are_lines_of_ls_and_attributes_are_complete)
{
	struct fxp_attrs attrs;
	struct fxp_name dir;
	char line[512];

	tree_mkdir(&harness.tree, "sub");
	tree_put(&harness.tree, "file", "12345");
	cr_assert_eq(symlinkat("file", harness.tree.root_fd, "link"), 0);
	cr_assert_eq(mknodat(harness.tree.root_fd, "fifo", S_IFIFO | 0644, 0), 0);
	fxp_harness_login(&harness);
	dir = open_dir("/");
	cr_assert_eq(read_all(&dir, "file", line, &attrs), 6);
	cr_assert(strncmp(line, "-rw-r--r--    1 alice ", 22) == 0, "%s", line);
	cr_assert(strcmp(line + strlen(line) - 5, " file") == 0, "%s", line);
	cr_assert(strstr(line, "           5 ") != NULL, "%s", line);
	cr_assert_eq(attrs.flags, FXP_ATTR_SIZE | FXP_ATTR_UIDGID | FXP_ATTR_PERMISSIONS | FXP_ATTR_ACMODTIME);
	cr_assert(attrs.size == 5 && attrs.permissions == 0100644 && attrs.mtime > 0 && attrs.uid == geteuid());
	dir = open_dir("/");
	read_all(&dir, "sub", line, &attrs);
	cr_assert(line[0] == 'd' && attrs.permissions == 0040755, "%s", line);
	dir = open_dir("/");
	read_all(&dir, "link", line, &attrs);
	cr_assert(line[0] == 'l' && (attrs.permissions & 0170000) == 0120000, "%s", line);
	cr_assert(strstr(line, "->") == NULL, "%s", line);
}

Test(fxp_dirs, a_name_with_a_line_break_is_told_as_it_is_but_forges_no_long_name)
{
	struct fxp_attrs attrs;
	struct fxp_name dir;
	char line[512];

	tree_put(&harness.tree, "a\nb", "");
	fxp_harness_login(&harness);
	dir = open_dir("/");
	cr_assert_eq(read_all(&dir, "a\nb", line, &attrs), 3);
	cr_assert(strstr(line, "a?b") != NULL);
}

Test(fxp_dirs, running_uploads_show_with_their_present_size_and_staged_names_never)
{
	struct fxp_attrs attrs;
	struct fxp_name file;
	struct fxp_name dir;
	char line[512];

	fxp_harness_login(&harness);
	file = fxp_harness_open(&harness, "up", F_NEW);
	cr_assert_eq(fxp_harness_write(&harness, &file, 0, "12345678"), FXP_CODE_OK);
	dir = open_dir("/");
	cr_assert_eq(read_all(&dir, "up", line, &attrs), 3);
	cr_assert_eq(attrs.size, 8);
}

Test(fxp_dirs, errors_of_the_guard_are_told)
{
	struct fxp_name dir;

	tree_put(&harness.tree, "f", "");
	fxp_harness_login(&harness);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_opendir, "s", "none"), FXP_CODE_NO_SUCH_FILE);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_opendir, "s", "f"), FXP_CODE_NO_SUCH_FILE);
	dir = open_dir("/");
	harness.guard.refuse[GUARD_MESSAGE_readdir] = VFS_IO;
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_readdir, "h", &dir), FXP_CODE_FAILURE);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_mkdir, "su", "f", 0u), FXP_CODE_FAILURE);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_rmdir, "s", "f"), FXP_CODE_NO_SUCH_FILE);
}
