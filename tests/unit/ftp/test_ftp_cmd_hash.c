/* HASH and the X verbs through the engine; the guard is fake_guard's. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "fake_guard.h"

static struct fake_guard fake;
static char reply[8192];

static void setup(void)
{
	fake_init(&fake);
	fake_set_file(&fake, "0123456789abcdef\n", 17);
}

TestSuite(ftp_cmd_hash, .init = setup, .timeout = 60);

#define COMMAND(...) fake_command(&fake, reply, sizeof(reply), __VA_ARGS__)

#define SHA256_ALL  "a2192eeb9b7585151f53f0baf01f577d46936ffe0f97e38988506e01c07906a3"
#define SHA1_ALL    "E75ED7FA8F867D0AE824895BE0C53676E106F764"
#define MD5_ALL     "14558526EA15B857989C5E0CCE8C518A"
#define CRC_ALL     "8D6FA375"
#define CRC_FIRST_4 "A6669D7D"

Test(ftp_cmd_hash, every_form_of_reply_is_exact)
{
	static const struct {
		const char *line;
		const char *reply;
	} rows[] = {
		{ "HASH dir/f g", "213 SHA-256 0-16 " SHA256_ALL " dir/f g\r\n" },
		{ "MD5 f g", "251 f g " MD5_ALL "\r\n" },
		{ "MD5 \"f g\"", "251 f g " MD5_ALL "\r\n" },
		{ "XMD5 f", "250 " MD5_ALL "\r\n" },
		{ "XCRC f", "250 " CRC_ALL "\r\n" },
		{ "XSHA f", "250 " SHA1_ALL "\r\n" },
		{ "XSHA1 f", "250 " SHA1_ALL "\r\n" },
		{ "XCRC \"f\" 0 4", "250 " CRC_FIRST_4 "\r\n" },
		{ "XCRC \"f\" 0 17", "250 " CRC_ALL "\r\n" },
		{ "OPTS HASH", "200 SHA-256\r\n" },
		{ "OPTS HASH crc32", "200 CRC32\r\n" },
		{ "HASH f", "213 CRC32 0-16 8d6fa375 f\r\n" },
		{ "RANG 0 3", "350 Restarting at 0, and ending where you said.\r\n" },
		{ "HASH f", "213 CRC32 0-3 a6669d7d f\r\n" },
		{ "HASH f", "213 CRC32 0-16 8d6fa375 f\r\n" },
		{ "OPTS HASH MD4", "501 Unknown algorithm; the choice has not changed.\r\n" },
		{ "OPTS HASH", "200 CRC32\r\n" },
		{ "HASH f\xc3\xbc\x01", "213 CRC32 0-16 8d6fa375 f\xc3\xbc?\r\n" },
	};

	fake_login(&fake);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		COMMAND("%s", rows[i].line);
		cr_assert_str_eq(reply, rows[i].reply, "%s -> %s", rows[i].line, reply);
	}
	fake_end(&fake);
}

Test(ftp_cmd_hash, a_file_is_opened_for_a_checksum_and_nothing_else_and_closed_again)
{
	fake_login(&fake);
	cr_assert_eq(COMMAND("HASH f"), 213);
	cr_assert_eq(fake.open_flags, VFS_OPEN_READ | VFS_OPEN_CHECKSUM);
	cr_assert_eq(COMMAND("XMD5 f 3 9"), 250);
	cr_assert_str_eq(fake.story, "open /f r\nclose ok\nopen /f 3 9 r\nclose ok\n");
	fake_end(&fake);
}

Test(ftp_cmd_hash, a_name_that_ends_in_numbers_is_a_name_first)
{
	fake_login(&fake);
	cr_assert_eq(COMMAND("XCRC report 2020 2021"), 250);
	cr_assert_str_eq(fake.path, "/report 2020 2021");
	cr_assert_eq(COMMAND("XCRC report 5 4"), 250);
	fake.status[GUARD_MESSAGE_open] = VFS_NOT_FOUND;
	cr_assert_eq(COMMAND("XCRC report 5 4"), 501);
	cr_assert_eq(COMMAND("XCRC report 4 5"), 550);
	cr_assert_eq(COMMAND("XCRC report 5"), 550);
	fake_end(&fake);
}

Test(ftp_cmd_hash, what_cannot_be_computed_has_its_code)
{
	static const struct {
		enum vfs_status status;
		unsigned hash;
		unsigned xmd5;
		unsigned md5;
	} rows[] = {
		{ VFS_NOT_FOUND, 550, 550, 550 },
		{ VFS_IS_DIR, 553, 550, 504 },
		{ VFS_NOT_FILE, 553, 550, 504 },
		{ VFS_FORBIDDEN, 552, 550, 550 },
		{ VFS_PERMISSION, 550, 550, 550 },
		{ VFS_RANGE, 554, 501, 501 },
		{ VFS_TOO_MANY_OPEN, 450, 450, 450 },
		{ VFS_IO, 451, 451, 451 },
	};

	fake_login(&fake);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake.status[GUARD_MESSAGE_open] = rows[i].status;
		cr_assert_eq(COMMAND("HASH f"), rows[i].hash, "%s", reply);
		cr_assert_eq(COMMAND("XMD5 f"), rows[i].xmd5, "%s", reply);
		cr_assert_eq(COMMAND("MD5 f"), rows[i].md5, "%s", reply);
	}
	fake_end(&fake);
}

Test(ftp_cmd_hash, ranges_must_lie_inside_the_file)
{
	static const struct {
		const char *line;
		unsigned code;
	} rows[] = {
		{ "XCRC \"f\" 0 18", 501 },
		{ "XCRC \"f\" 4 4", 501 },
		{ "XCRC \"f\" 4", 501 },
		{ "XCRC \"f\" 17 18", 501 },
		{ "XCRC \"f", 501 },
		{ "XCRC \"\"", 501 },
		{ "RANG 5 99", 350 },
		{ "HASH f", 213 },
		{ "RANG 17 20", 350 },
		{ "HASH f", 554 },
		{ "HASH f", 213 },
	};

	fake_login(&fake);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_eq(
		    COMMAND("%s", rows[i].line), rows[i].code, "%s -> %s", rows[i].line, reply);
	fake_end(&fake);
}

Test(ftp_cmd_hash, a_file_that_was_cut_meanwhile_is_hashed_as_far_as_it_goes)
{
	fake.attr.size = 1000000;
	fake_login(&fake);
	cr_assert_eq(COMMAND("HASH f"), 213);
	cr_assert_not_null(strstr(reply, "SHA-256 0-16 " SHA256_ALL));
	fake_set_file(&fake, "", 0);
	cr_assert_eq(COMMAND("HASH f"), 213);
	cr_assert_not_null(strstr(reply, "SHA-256 0-0 e3b0c44298fc1c14"));
	fake_end(&fake);
}
