#include <criterion/criterion.h>
#include <string.h>

#include "server/ftp/ftp_facts.h"

Test(ftp_facts, opts_takes_names_in_any_case_and_passes_over_unknown_ones)
{
	cr_assert_eq(ftp_facts_parse(""), 0);
	cr_assert_eq(ftp_facts_parse("type;size;"), FTP_FACT_TYPE | FTP_FACT_SIZE);
	cr_assert_eq(ftp_facts_parse("SIZE;lang;unix.MODE"), FTP_FACT_SIZE | FTP_FACT_UNIX_MODE);
	cr_assert_eq(ftp_facts_parse(";;;typ;types;type "), 0);
}

Test(ftp_facts, list_and_parse_are_each_others_reverse)
{
	char list[FTP_FACTS_LIST_BYTES];

	for (unsigned facts = 0; facts <= FTP_FACTS_ALL; facts++) {
		ftp_facts_list(list, facts, false);
		cr_assert_eq(ftp_facts_parse(list), facts);
	}
	ftp_facts_list(list, FTP_FACT_TYPE, true);
	cr_assert_str_eq(list, "type*;size;modify;perm;unique;UNIX.mode;UNIX.owner;UNIX.group;");
}

Test(ftp_facts, a_file_shows_all_that_was_asked_for)
{
	struct vfs_attr attr = {
		.size = UINT64_MAX,
		.kind = VFS_KIND_FILE,
		.mode = 0640,
		.uid = 1,
		.gid = 2,
		.device = 0xfe00,
		.inode = 0xa1,
		.rights = CONF_RIGHTS_FULL,
	};
	char line[FTP_FACTS_LINE_BYTES];

	cr_assert_eq(ftp_facts_format(line, &attr, "", FTP_FACTS_ALL), strlen(line));
	cr_assert_str_eq(line,
	    "type=file;size=18446744073709551615;modify=19700101000000;perm=adfrw;"
	    "unique=fe00ga1;UNIX.mode=0640;UNIX.owner=1;UNIX.group=2;");
	cr_assert_eq(ftp_facts_format(line, &attr, "", 0), 0);
	cr_assert_str_eq(line, "");
}

Test(ftp_facts, perm_says_what_the_rights_allow)
{
	static const struct {
		enum vfs_kind kind;
		uint32_t rights;
		const char *perm;
	} cases[] = {
		{ VFS_KIND_FILE, 0, "perm=;" },
		{ VFS_KIND_FILE, RIGHT_read, "perm=r;" },
		{ VFS_KIND_FILE, RIGHT_append | RIGHT_overwrite, "perm=aw;" },
		{ VFS_KIND_FILE, RIGHT_list | RIGHT_mkdir | RIGHT_rmdir, "perm=;" },
		{ VFS_KIND_DIR, 0, "perm=e;" },
		{ VFS_KIND_DIR, RIGHT_list | RIGHT_read, "perm=el;" },
		{ VFS_KIND_DIR, CONF_RIGHTS_FULL, "perm=epfclmd;" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vfs_attr attr = { .kind = cases[i].kind, .rights = cases[i].rights };
		char line[FTP_FACTS_LINE_BYTES];

		ftp_facts_format(line, &attr, "", FTP_FACT_PERM);
		cr_assert_str_eq(line, cases[i].perm, "case %zu", i);
	}
}

Test(ftp_facts, a_link_target_that_would_break_the_line_is_left_out)
{
	static const struct {
		const char *target;
		const char *fact;
	} cases[] = {
		{ "/a", "type=OS.unix=slink:/a;" },
		{ "", "type=OS.unix=symlink;" },
		{ "a b", "type=OS.unix=symlink;" },
		{ "a;b", "type=OS.unix=symlink;" },
		{ "a\r\nb", "type=OS.unix=symlink;" },
	};
	struct vfs_attr attr = { .kind = VFS_KIND_LINK };
	char line[FTP_FACTS_LINE_BYTES];
	char long_target[5000];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ftp_facts_format(line, &attr, cases[i].target, FTP_FACT_TYPE | FTP_FACT_SIZE);
		cr_assert_str_eq(line, cases[i].fact);
	}
	memset(long_target, 'x', sizeof(long_target) - 1);
	long_target[sizeof(long_target) - 1] = '\0';
	cr_assert_lt(ftp_facts_format(line, &attr, long_target, FTP_FACTS_ALL), sizeof(line));
}

Test(ftp_facts, times_are_utc_and_clamped_to_four_digits_of_year)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
		{ 0, "19700101000000" },
		{ 951782400, "20000229000000" },
		{ 1795170391, "20261120102631" },
		{ -1, "19691231235959" },
		{ INT64_MAX, "99991231235959" },
		{ INT64_MIN, "00000101000000" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[FTP_TIME_BYTES];

		ftp_facts_format_time(text, cases[i].seconds);
		cr_assert_str_eq(text, cases[i].text);
	}
}

Test(ftp_facts, a_time_is_fourteen_digits_of_a_date_that_exists)
{
	static const char *const wrong[] = { "", "2026112010263", "202611201026311",
		"20261320102631", "20261100102631", "20260431000000", "20250229000000",
		"20261120242631", "20261120106031", "20261120102661", "2026112010263x",
		"20261120102631.", "20261120102631.x", "-0261120102631", "20261120102631,5",
		" 20261120102631" };
	int64_t seconds;
	uint32_t nanoseconds;

	cr_assert(ftp_facts_parse_time("20261120102631", 14, &seconds, &nanoseconds));
	cr_assert_eq(seconds, 1795170391);
	cr_assert_eq(nanoseconds, 0);
	cr_assert(ftp_facts_parse_time("20261120102631.042", 18, &seconds, &nanoseconds));
	cr_assert_eq(nanoseconds, 42000000);
	cr_assert(ftp_facts_parse_time("20261120102631.123456789012", 27, &seconds, &nanoseconds));
	cr_assert_eq(nanoseconds, 123456789);
	cr_assert(ftp_facts_parse_time("20240229000000", 14, &seconds, NULL));
	cr_assert(ftp_facts_parse_time("20161231235960", 14, &seconds, NULL));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_assert_not(
		    ftp_facts_parse_time(wrong[i], strlen(wrong[i]), &seconds, &nanoseconds), "%s",
		    wrong[i]);
}
