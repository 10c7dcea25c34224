#include <criterion/criterion.h>
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

TestSuite(fxp_names, .init = setup, .fini = teardown);

static bool is_named(struct fxp_answer answer, const char *wanted)
{
	struct fxp_string name;
	struct fxp_string longname;
	struct fxp_attrs attrs;

	cr_assert_eq(answer.type, FXP_REPLY_NAME);
	cr_assert_eq(fxp_get_u32(&answer.body), 1);
	name = fxp_get_string(&answer.body);
	longname = fxp_get_string(&answer.body);
	fxp_get_attrs(&answer.body, &attrs);
	cr_assert(!answer.body.failed && answer.body.left == 0 && attrs.flags == 0);
	cr_assert_eq(longname.length, name.length);
	return name.length == strlen(wanted) && memcmp(name.bytes, wanted, name.length) == 0;
}

static const struct {
	const char *asked;
	const char *told;
} paths[] = {
	{ "", "/home" },
	{ ".", "/home" },
	{ "..", "/" },
	{ "../..", "/" },
	{ "/", "/" },
	{ "//a///b/./c/", "/a/b/c" },
	{ "x/../y", "/home/y" },
	{ "/no/such/thing", "/no/such/thing" },
	{ "/../../etc/passwd", "/etc/passwd" },
};

Test(fxp_names, realpath_tells_nothing_but_the_users_view)
{
	harness.start.start_dir = "/home";
	fxp_harness_login(&harness);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		cr_assert(is_named(fxp_harness_ask(&harness, FXP_REQUEST_realpath, "s", paths[i].asked), paths[i].told),
		    "%s", paths[i].asked);
}

Test(fxp_names, names_with_a_nul_too_long_or_reserved_are_refused_everywhere)
{
	static char longest[VFS_PATH_MAX + 10];
	static const struct {
		const char *bytes;
		size_t length;
		uint32_t code;
	} names[] = {
		{ "a\0b", 3, FXP_CODE_PERMISSION_DENIED },
		{ longest, sizeof(longest), FXP_CODE_FAILURE },
		{ longest, 300, FXP_CODE_FAILURE },
		{ ".transom-x", 10, FXP_CODE_PERMISSION_DENIED },
	};

	memset(longest, 'x', sizeof(longest));
	fxp_harness_login(&harness);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (size_t k = 0; k < fxp_request_row_count; k++) {
			const struct fxp_request_row *row = &fxp_request_rows[k];

			if (row->takes == FXP_TAKES_PATH || row->takes == FXP_TAKES_PATHS)
				cr_assert_code(fxp_harness_ask(&harness, row->number, "bsuu", names[i].bytes,
						   names[i].length, "x", F_NEW, 0u),
				    names[i].code);
		}
	}
}

Test(fxp_names, rename_refuses_what_exists_and_posix_rename_replaces_it)
{
	tree_put(&harness.tree, "a", "A");
	tree_put(&harness.tree, "b", "B");
	fxp_harness_login(&harness);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_rename, "ss", "a", "b"), FXP_CODE_FAILURE);
	cr_assert(tree_holds(&harness.tree, "b", "B"));
	cr_assert_ok(fxp_harness_ask(&harness, FXP_REQUEST_extended, "sss", "posix-rename@openssh.com", "a", "b"));
	cr_assert(tree_holds(&harness.tree, "b", "A"));
	cr_assert(!tree_has(&harness.tree, "a"));
	cr_assert_ok(fxp_harness_ask(&harness, FXP_REQUEST_rename, "ss", "b", "c"));
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_rename, "ss", "b", "c"), FXP_CODE_NO_SUCH_FILE);
}

Test(fxp_names, symlink_takes_the_target_first_and_keeps_it_as_it_is)
{
	char target[64] = "";

	tree_put(&harness.tree, "f", "content");
	fxp_harness_login(&harness);
	cr_assert_ok(fxp_harness_ask(&harness, FXP_REQUEST_symlink, "ss", "/f", "link"));
	cr_assert_eq(readlinkat(harness.tree.root_fd, "link", target, sizeof(target)), 2);
	cr_assert(is_named(fxp_harness_ask(&harness, FXP_REQUEST_readlink, "s", "link"), "/f"));
	cr_assert_eq(fxp_attrs_of(fxp_harness_ask(&harness, FXP_REQUEST_stat, "s", "link")).size, 7);
	cr_assert_eq(fxp_attrs_of(fxp_harness_ask(&harness, FXP_REQUEST_lstat, "s", "link")).size, 2);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_readlink, "s", "f"), FXP_CODE_FAILURE);
}

Test(fxp_names, links_out_of_the_root_lead_nowhere)
{
	static const char *const targets[] = { "/etc/passwd", "../../../../etc/passwd", "../outside/canary" };

	fxp_harness_login(&harness);
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		cr_assert_ok(fxp_harness_ask(&harness, FXP_REQUEST_symlink, "ss", targets[i], "out"));
		cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_open, "suu", "out", F_READ, 0u), FXP_CODE_NO_SUCH_FILE);
		cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_stat, "s", "out"), FXP_CODE_NO_SUCH_FILE);
		cr_assert_ok(fxp_harness_ask(&harness, FXP_REQUEST_remove, "s", "out"));
	}
}

Test(fxp_names, setstat_follows_a_link_and_lsetstat_does_not)
{
	tree_put(&harness.tree, "f", "content");
	fxp_harness_login(&harness);
	cr_assert_ok(fxp_harness_ask(&harness, FXP_REQUEST_symlink, "ss", "f", "link"));
	cr_assert_ok(fxp_harness_ask(&harness, FXP_REQUEST_setstat, "suuu", "link", FXP_ATTR_ACMODTIME, 5u, 6u));
	cr_assert_eq(tree_stat(&harness.tree, "f").st_mtime, 6);
	cr_assert_ok(fxp_harness_ask(
	    &harness, FXP_REQUEST_extended, "ssuuu", "lsetstat@openssh.com", "link", FXP_ATTR_ACMODTIME, 7u, 8u));
	cr_assert_eq(tree_stat(&harness.tree, "f").st_mtime, 6);
	cr_assert_eq(fxp_attrs_of(fxp_harness_ask(&harness, FXP_REQUEST_lstat, "s", "link")).mtime, 8);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_extended, "ssuq", "lsetstat@openssh.com", "link", FXP_ATTR_SIZE, 0ul),
	    FXP_CODE_BAD_MESSAGE);
}

Test(fxp_names, homes_are_the_users_own_and_nobody_elses)
{
	static const struct {
		const char *asked;
		const char *told;
	} homes[] = {
		{ "~", "/home" }, { "~/", "/home" }, { "~/x/../y", "/home/y" }, { "~alice/z", "/home/z" },
		{ "/abs", "/abs" }, { "rel", "/home/rel" }, { "", "/home" }, { "~//etc", "/home/etc" },
	};

	harness.start.start_dir = "/home";
	fxp_harness_login(&harness);
	for (size_t i = 0; i < sizeof(homes) / sizeof(homes[0]); i++)
		cr_assert(is_named(fxp_harness_ask(&harness, FXP_REQUEST_extended, "ss", "expand-path@openssh.com",
				       homes[i].asked), homes[i].told), "%s", homes[i].asked);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_extended, "ss", "expand-path@openssh.com", "~root/x"),
	    FXP_CODE_NO_SUCH_FILE);
	cr_assert(is_named(fxp_harness_ask(&harness, FXP_REQUEST_extended, "ss", "home-directory", ""), "/home"));
	cr_assert(is_named(fxp_harness_ask(&harness, FXP_REQUEST_extended, "ss", "home-directory", "alice"), "/home"));
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_extended, "ss", "home-directory", "root"), FXP_CODE_NO_SUCH_FILE);
}

Test(fxp_names, hard_links_are_made)
{
	tree_put(&harness.tree, "f", "content");
	fxp_harness_login(&harness);
	cr_assert_ok(fxp_harness_ask(&harness, FXP_REQUEST_extended, "sss", "hardlink@openssh.com", "f", "g"));
	cr_assert_eq(tree_stat(&harness.tree, "g").st_nlink, 2);
	cr_assert_code(fxp_harness_ask(&harness, FXP_REQUEST_extended, "sss", "hardlink@openssh.com", "f", "g"), FXP_CODE_FAILURE);
}
