#include <criterion/criterion.h>
#include <string.h>

#include "server/ftp/ftp_facts.h"
#include "server/ftp/ftp_listing.h"

#define NOW 1795170391 /* 2026-11-20 10:26:31 */
#define DAY 86400

static const char *line_of(enum ftp_list_form form, struct vfs_attr attr, const char *name,
    const char *target, const char *prefix)
{
	static char out[FTP_LISTING_LINE_BYTES + 1];
	struct ftp_list_view view = {
		.form = form, .now = NOW, .uid = 1000, .login = "alice", .facts = FTP_FACT_TYPE
	};
	struct vfs_entry entry = {
		.attr = attr, .name = name, .name_length = strlen(name), .target = target
	};
	size_t n = ftp_listing_line(out, FTP_LISTING_LINE_BYTES, &view, &entry, prefix);

	out[n] = '\0';
	return out;
}

Test(ftp_listing, long_lines_look_like_those_of_ls)
{
	struct vfs_attr file = {
		.kind = VFS_KIND_FILE,
		.mode = 0644,
		.nlink = 1,
		.uid = 1000,
		.gid = 99,
		.size = 1234,
		.mtime = NOW,
	};
	struct vfs_attr dir = {
		.kind = VFS_KIND_DIR,
		.mode = 01777,
		.nlink = 12,
		.uid = 0,
		.gid = 1000,
		.mtime = NOW - 400 * DAY,
	};

	cr_assert_str_eq(line_of(FTP_FORM_LONG, file, "a b", "", ""),
	    "-rw-r--r--    1 alice    99               1234 Nov 20 10:26 a b\r\n");
	cr_assert_str_eq(line_of(FTP_FORM_LONG, dir, "tmp", "", ""),
	    "drwxrwxrwt   12 0        alice               0 Oct 16  2025 tmp\r\n");
}

Test(ftp_listing, the_year_stands_for_the_time_after_180_days_and_in_the_future)
{
	static const struct {
		int64_t mtime;
		const char *shown;
	} cases[] = {
		{ NOW, " Nov 20 10:26 " },
		{ NOW - 180 * DAY + 1, " May 24 10:26 " },
		{ NOW - 180 * DAY, " May 24  2026 " },
		{ NOW + 1, " Nov 20  2026 " },
		{ 0, " Jan  1  1970 " },
		{ INT64_MAX, "  9999 " },
		{ INT64_MIN, "  0000 " },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vfs_attr attr = { .kind = VFS_KIND_FILE, .mtime = cases[i].mtime };

		cr_assert_not_null(
		    strstr(line_of(FTP_FORM_LONG, attr, "f", "", ""), cases[i].shown), "%s",
		    line_of(FTP_FORM_LONG, attr, "f", "", ""));
	}
}

Test(ftp_listing, modes_show_kind_and_special_bits)
{
	static const struct {
		enum vfs_kind kind;
		uint32_t mode;
		const char *shown;
	} cases[] = {
		{ VFS_KIND_FILE, 0, "---------- " },
		{ VFS_KIND_FILE, 0777, "-rwxrwxrwx " },
		{ VFS_KIND_FILE, 06755, "-rwsr-sr-x " },
		{ VFS_KIND_FILE, 07000, "---S--S--T " },
		{ VFS_KIND_LINK, 0777, "lrwxrwxrwx " },
		{ VFS_KIND_OTHER, 0600, "srw------- " },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vfs_attr attr = { .kind = cases[i].kind, .mode = cases[i].mode };
		const char *line = line_of(FTP_FORM_LONG, attr, "f", "", "");

		cr_assert_eq(strncmp(line, cases[i].shown, 11), 0, "%s", line);
	}
}

Test(ftp_listing, names_that_hold_line_breaks_make_no_lines)
{
	struct vfs_attr link = { .kind = VFS_KIND_LINK };

	for (enum ftp_list_form form = FTP_FORM_LONG; form <= FTP_FORM_FACTS; form++) {
		const char *line = line_of(form, link, "a\r\n-rw b\x01\x7f", "t\nu", "p\n/");

		cr_assert_eq(strchr(line, '\r'), line + strlen(line) - 2);
		cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1);
		cr_assert_not_null(strstr(line, "a\?\?-rw b\?\?"));
	}
}

Test(ftp_listing, bytes_beyond_ascii_stay_as_they_are)
{
	struct vfs_attr attr = { .kind = VFS_KIND_FILE };

	cr_assert_str_eq(
	    line_of(FTP_FORM_NAMES, attr, "\xc3\xa4\xff\x80", "", ""), "\xc3\xa4\xff\x80\r\n");
	cr_assert_str_eq(line_of(FTP_FORM_NAMES, attr, "n", "", "dir/"), "dir/n\r\n");
	cr_assert_str_eq(line_of(FTP_FORM_FACTS, attr, " n", "", ""), "type=file;  n\r\n");
	attr.kind = VFS_KIND_LINK;
	cr_assert_not_null(strstr(line_of(FTP_FORM_LONG, attr, "n", "to", ""), " n -> to\r\n"));
}

Test(ftp_listing, the_longest_line_fits_and_nothing_is_written_where_it_would_not)
{
	static char name[VFS_NAME_MAX + 1];
	static char target[VFS_PATH_MAX];
	static char prefix[VFS_PATH_MAX];
	char out[FTP_LISTING_LINE_BYTES];
	struct ftp_list_view view = { .form = FTP_FORM_LONG, .now = NOW, .uid = 1, .login = "" };
	struct vfs_entry entry = { .name = name, .name_length = VFS_NAME_MAX, .target = target };

	memset(name, 'n', sizeof(name) - 1);
	memset(target, 't', sizeof(target) - 1);
	memset(prefix, 'p', sizeof(prefix) - 1);
	entry.attr = (struct vfs_attr){ .kind = VFS_KIND_LINK,
		.size = UINT64_MAX,
		.nlink = UINT32_MAX,
		.uid = UINT32_MAX,
		.gid = UINT32_MAX };
	cr_assert_lt(ftp_listing_line(out, sizeof(out), &view, &entry, prefix), sizeof(out));
	cr_assert_eq(ftp_listing_line(out, sizeof(out) - 1, &view, &entry, ""), 0);
}

Test(ftp_listing, marks_tell_what_names_are_when_asked)
{
	static const struct {
		enum ftp_list_form form;
		enum vfs_kind kind;
		uint32_t mode;
		const char *target;
		const char *end;
	} cases[] = {
		{ FTP_FORM_NAMES, VFS_KIND_DIR, 0755, "", "n/\r\n" },
		{ FTP_FORM_NAMES, VFS_KIND_FILE, 0644, "", "n\r\n" },
		{ FTP_FORM_NAMES, VFS_KIND_FILE, 0654, "", "n*\r\n" },
		{ FTP_FORM_NAMES, VFS_KIND_LINK, 0777, "t", "n@\r\n" },
		{ FTP_FORM_NAMES, VFS_KIND_OTHER, 0777, "", "n\r\n" },
		{ FTP_FORM_LONG, VFS_KIND_DIR, 0755, "", " n/\r\n" },
		{ FTP_FORM_LONG, VFS_KIND_LINK, 0777, "t", " n -> t\r\n" },
		{ FTP_FORM_LONG, VFS_KIND_LINK, 0777, "", " n@\r\n" },
	};
	static char out[FTP_LISTING_LINE_BYTES + 1];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ftp_list_view view = {
			.form = cases[i].form, .now = NOW, .login = "", .classify = true
		};
		struct vfs_entry entry = {
			.attr = { .kind = cases[i].kind, .mode = cases[i].mode, .mtime = NOW },
			.name = "n",
			.name_length = 1,
			.target = cases[i].target,
		};
		size_t n = ftp_listing_line(out, FTP_LISTING_LINE_BYTES, &view, &entry, "");

		out[n] = '\0';
		cr_assert_geq(n, strlen(cases[i].end));
		cr_expect_str_eq(out + n - strlen(cases[i].end), cases[i].end, "%zu: %s", i, out);
	}
}
