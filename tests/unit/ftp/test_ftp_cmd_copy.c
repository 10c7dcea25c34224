/* COMB and the copies of SITE, as requests to the guard. */
#include <criterion/criterion.h>
#include <string.h>

#include "fake_guard.h"
#include "server/ftp/ftp_limits.h"

static struct fake_guard fake;
static char reply[8192];

static void setup(void)
{
	fake_init(&fake);
	fake.attr.size = 100;
	fake.attr.rights = CONF_RIGHTS_FULL;
}

TestSuite(ftp_cmd_copy, .init = setup, .timeout = 60);

#define COMMAND(...) fake_command(&fake, reply, sizeof(reply), __VA_ARGS__)

Test(ftp_cmd_copy, cpfr_is_remembered_until_cpto)
{
	fake_login(&fake);
	cr_assert_eq(COMMAND("SITE CPTO b"), 503);
	cr_assert_eq(COMMAND("SITE CPFR a b"), 350);
	cr_assert_eq(COMMAND("NOOP"), 200);
	cr_assert_eq(COMMAND("SITE CPTO"), 501);
	cr_assert_eq(COMMAND("SITE CPTO c d"), 250);
	cr_assert_str_eq(fake.story, "open /a b r\nopen /c d w\ncopy\nclose ok\nclose ok\n");
	cr_assert_eq(fake.open_flags,
	    VFS_OPEN_WRITE | VFS_OPEN_CREATE | VFS_OPEN_TRUNCATE | VFS_OPEN_STAGED);
	cr_assert_eq(fake.copied, 100);
	cr_assert_eq(COMMAND("SITE CPTO b"), 503);
	fake.attr.rights = RIGHT_list;
	cr_assert_eq(COMMAND("SITE CPFR a"), 550);
	fake.attr.rights = CONF_RIGHTS_FULL;
	fake.attr.kind = VFS_KIND_DIR;
	cr_assert_eq(COMMAND("SITE CPFR a"), 550);
	fake.status[GUARD_MESSAGE_stat] = VFS_NOT_FOUND;
	cr_assert_eq(COMMAND("SITE CPFR a"), 550);
	cr_assert_eq(COMMAND("SITE CPTO b"), 503);
	fake_end(&fake);
}

Test(ftp_cmd_copy, site_copy_takes_two_names_quoted_or_not)
{
	static const struct {
		const char *line;
		unsigned code;
	} rows[] = {
		{ "SITE COPY a b", 200 },
		{ "SITE COPY \"a b\" \"c d\"", 200 },
		{ "SITE COPY a", 501 },
		{ "SITE COPY a b c", 501 },
		{ "SITE COPY \"a b", 501 },
		{ "SITE COPY \"a\" \"", 501 },
		{ "SITE COPY \"\" b", 501 },
		{ "SITE COPY a .transom-x", 553 },
		{ "SITE COPY .transom-x a", 553 },
	};

	fake_login(&fake);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_eq(
		    COMMAND("%s", rows[i].line), rows[i].code, "%s -> %s", rows[i].line, reply);
	cr_assert_not_null(strstr(fake.story, "open /a b r\nopen /c d w\n"));
	cr_assert_not(fake.handle_open);
	fake_end(&fake);
}

Test(ftp_cmd_copy, a_copy_goes_step_by_step_to_the_end_the_file_had)
{
	fake.attr.size = 10;
	fake.copy_step = 3;
	fake_login(&fake);
	cr_assert_eq(COMMAND("SITE COPY a b"), 200);
	cr_assert_eq(fake.copied, 10);
	cr_assert_eq(fake.calls[GUARD_MESSAGE_copy], 4);
	fake.attr.size = 0;
	cr_assert_eq(COMMAND("SITE COPY a b"), 200);
	/* One request is made even of nothing: it is what makes the guard's log say "copy". */
	cr_assert_eq(fake.calls[GUARD_MESSAGE_copy], 5);
	/* The file was cut meanwhile. */
	fake.attr.size = 10;
	fake.copy_step = 0;
	cr_assert_eq(COMMAND("SITE COPY a b"), 200);
	fake_end(&fake);
}

Test(ftp_cmd_copy, a_copy_that_fails_leaves_nothing_open_and_publishes_nothing)
{
	fake_login(&fake);
	fake.status[GUARD_MESSAGE_copy] = VFS_NO_SPACE;
	cr_assert_eq(COMMAND("SITE COPY a b"), 452);
	cr_assert_str_eq(fake.story, "open /a r\nopen /b w\nclose failed\nclose failed\n");
	cr_assert_eq(fake.reason, VFS_NO_SPACE);
	fake.status[GUARD_MESSAGE_copy] = VFS_OK;
	fake.status[GUARD_MESSAGE_close] = VFS_QUOTA;
	cr_assert_eq(COMMAND("SITE COPY a b"), 552);
	fake.status[GUARD_MESSAGE_close] = VFS_OK;
	fake.status[GUARD_MESSAGE_open] = VFS_FORBIDDEN;
	cr_assert_eq(COMMAND("SITE COPY a b"), 550);
	/* The fake counts a request after its answer: one more, and all before it are counted. */
	cr_assert_eq(COMMAND("CWD /"), 250);
	cr_assert_eq(fake.calls[GUARD_MESSAGE_open], 5);
	fake_end(&fake);
}

Test(ftp_cmd_copy, comb_writes_a_new_target_and_removes_the_parts)
{
	fake.absent = "/t";
	fake_login(&fake);
	cr_assert_eq(COMMAND("COMB t \"p 1\" p2"), 250);
	cr_assert_str_eq(fake.story, "open /p 1 r\nopen /t w\ncopy\nclose ok\n"
	                             "open /p2 r\ncopy\nclose ok\nclose ok\n"
	                             "remove /p 1\nremove /p2\n");
	fake_end(&fake);
}

Test(ftp_cmd_copy, comb_says_so_when_a_part_stays)
{
	fake.absent = "/t";
	fake_login(&fake);
	fake.status[GUARD_MESSAGE_remove] = VFS_NOT_FOUND;
	cr_assert_eq(COMMAND("COMB t p p"), 250);
	cr_assert_null(strstr(reply, "not every part"));
	fake.status[GUARD_MESSAGE_remove] = VFS_BUSY;
	cr_assert_eq(COMMAND("COMB t p"), 250);
	cr_assert_not_null(strstr(reply, "not every part"));
	fake_end(&fake);
}

Test(ftp_cmd_copy, comb_refuses_before_it_touches_anything)
{
	fake.absent = "/t";
	fake_login(&fake);
	cr_assert_eq(COMMAND("COMB t"), 501);
	cr_assert_eq(COMMAND("COMB \"t p"), 501);
	cr_assert_eq(COMMAND("COMB t p \"q"), 501);
	fake.attr.rights = CONF_RIGHTS_FULL & ~(uint32_t)RIGHT_delete;
	cr_assert_eq(COMMAND("COMB t p"), 550);
	fake.attr.rights = CONF_RIGHTS_FULL;
	fake.attr.kind = VFS_KIND_DIR;
	cr_assert_eq(COMMAND("COMB t p"), 550);
	fake.attr.kind = VFS_KIND_FILE;
	/* All names are one file of the fake's, the target among them. */
	fake.absent = NULL;
	cr_assert_eq(COMMAND("COMB t p"), 550);
	fake.attr.rights = CONF_RIGHTS_FULL & ~(uint32_t)RIGHT_overwrite;
	cr_assert_eq(COMMAND("COMB t p"), 550);
	cr_assert_str_eq(fake.story, "");
	fake_end(&fake);
}
