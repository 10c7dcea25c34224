#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "server/ftp/ftp_session.h"

static struct ftp_session session;

static void setup(void)
{
	buf_init(&session.out, FTP_OUT_MAX_BYTES);
}

static void teardown(void)
{
	buf_clear(&session.out);
}

TestSuite(ftp_replies, .init = setup, .fini = teardown);

static const char *queued(void)
{
	static char text[8192];
	size_t n = buf_length(&session.out);

	memcpy(text, buf_bytes(&session.out), n);
	text[n] = '\0';
	buf_reset(&session.out);
	return text;
}

Test(ftp_replies, every_row_has_a_code_of_ftp_and_a_text_on_one_line)
{
	for (unsigned id = 0; id < FTP_REPLY_COUNT; id++) {
		const struct ftp_reply_row *row = ftp_replies_find(id);

		cr_assert(row->code >= 100 && row->code < 600, "reply %u", id);
		cr_assert(row->code / 10 % 10 <= 5, "reply %u", id);
		cr_assert_gt(strlen(row->text), 0, "reply %u", id);
		cr_assert_lt(strlen(row->text), 200, "reply %u", id);
		for (const char *p = row->text; *p != '\0'; p++)
			cr_assert(*p >= ' ' && *p < 0x7f, "reply %u", id);
	}
}

Test(ftp_replies, every_row_has_at_most_one_place_and_it_is_a_known_one)
{
	for (unsigned id = 0; id < FTP_REPLY_COUNT; id++) {
		const char *place = strchr(ftp_replies_find(id)->text, '%');

		if (place == NULL)
			continue;
		cr_assert(place[1] == 's' || place[1] == 'q', "reply %u", id);
		cr_assert_null(strchr(place + 1, '%'), "reply %u", id);
	}
}

Test(ftp_replies, every_row_is_sent_as_one_line_whatever_stands_in_it)
{
	for (unsigned id = 0; id < FTP_REPLY_COUNT; id++) {
		const char *text;

		ftp_reply_text(&session, id, "a\r\n226 x\nb");
		text = queued();
		cr_assert_eq((unsigned)atoi(text), ftp_replies_find(id)->code);
		cr_assert_eq(text[3], ' ');
		cr_assert_eq(strchr(text, '\r'), text + strlen(text) - 2);
		cr_assert_eq(strchr(text, '\n'), text + strlen(text) - 1);
	}
}

Test(ftp_replies, every_status_has_a_negative_code_but_ok)
{
	cr_assert_eq(ftp_replies_status_code(VFS_OK), 250);
	for (unsigned status = 1; status < VFS_STATUS_COUNT; status++) {
		cr_assert(
		    ftp_replies_status_code(status) >= 421 && ftp_replies_status_code(status) < 560,
		    "%s", vfs_status_name(status));
	}
	cr_assert_eq(ftp_replies_status_code(VFS_STATUS_COUNT), 451);
	cr_assert_eq(ftp_replies_status_code(VFS_NO_SPACE), 452);
	cr_assert_eq(ftp_replies_status_code(VFS_QUOTA), 552);
	cr_assert_eq(ftp_replies_status_code(VFS_NOT_FOUND), 550);
	cr_assert_eq(ftp_replies_status_code(VFS_RANGE), 554);
}

Test(ftp_replies, quotes_in_a_path_are_doubled_where_it_stands_between_quotes)
{
	ftp_reply_text(&session, FTP_REPLY_CURRENT, "/a\"b\"");
	cr_assert_str_eq(queued(), "257 \"/a\"\"b\"\"\" is the current directory.\r\n");
	ftp_reply_text(&session, FTP_REPLY_CREATED, "/\x01\x7f\n");
	cr_assert_str_eq(queued(), "257 \"/???\" created.\r\n");
	ftp_reply_text(&session, FTP_REPLY_VALUE, "a\"b");
	cr_assert_str_eq(queued(), "213 a\"b\r\n");
}

Test(ftp_replies, a_byte_that_telnet_would_take_for_a_command_is_doubled)
{
	ftp_reply_text(&session, FTP_REPLY_CURRENT, "/\xff");
	cr_assert_str_eq(queued(), "257 \"/\xff\xff\" is the current directory.\r\n");
}

Test(ftp_replies, a_reply_of_many_lines_begins_with_a_hyphen_and_indents)
{
	ftp_reply_begin(&session, FTP_REPLY_FEATURES);
	ftp_reply_line(&session, "211 forged");
	ftp_reply_linef(&session, "%s\r\n211 forged", "x");
	ftp_reply(&session, FTP_REPLY_FEATURES_END);
	cr_assert_str_eq(
	    queued(), "211-Features:\r\n 211 forged\r\n x??211 forged\r\n211 End.\r\n");
}

Test(ftp_replies, a_client_that_does_not_read_is_noticed_not_fed)
{
	for (size_t i = 0; i < FTP_OUT_MAX_BYTES / 4; i++)
		ftp_reply(&session, FTP_REPLY_OK);
	cr_assert(session.out.failed);
	cr_assert_leq(buf_length(&session.out), FTP_OUT_MAX_BYTES);
}
