#include <criterion/criterion.h>

#include "server/ftp/ftp_listargs.h"

static const struct {
	const char *argument;
	unsigned options;
	const char *path;
} cases[] = {
	{ "", 0, "" },
	{ "dir", 0, "dir" },
	{ "-a", FTP_LIST_ALL, "" },
	{ "-la dir", FTP_LIST_ALL | FTP_LIST_LONG, "dir" },
	{ "-l -a -R  dir", FTP_LIST_ALL | FTP_LIST_LONG | FTP_LIST_RECURSIVE, "dir" },
	{ "-tSrd x", FTP_LIST_BY_TIME | FTP_LIST_BY_SIZE | FTP_LIST_REVERSE | FTP_LIST_DIRECTORY,
	    "x" },
	{ "-9999999999999 -aRRRR", FTP_LIST_ALL | FTP_LIST_RECURSIVE, "" },
	{ "-C /", 0, "/" },
	{ "-CF dir", FTP_LIST_CLASSIFY, "dir" },
	{ "-1 name with  spaces ", 0, "name with  spaces " },
	{ "-- -a", 0, "-a" },
	{ "-a -- -l", FTP_LIST_ALL, "-l" },
	{ "--help x", 0, "x" },
	{ "-", 0, "-" },
	{ "- x", 0, "- x" },
	{ "./-a", 0, "./-a" },
	{ "a -l", 0, "a -l" },
	{ " -a", 0, " -a" },
	{ "*.txt", 0, "*.txt" },
};

Test(ftp_listargs, options_come_first_and_the_rest_is_one_name)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ftp_listargs args;

		ftp_listargs_parse(cases[i].argument, &args);
		cr_assert_eq(args.options, cases[i].options, "%s", cases[i].argument);
		cr_assert_str_eq(args.path, cases[i].path, "%s", cases[i].argument);
	}
}
