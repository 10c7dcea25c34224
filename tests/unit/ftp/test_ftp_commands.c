/*
 * The verb table, row by row, through the real dispatcher and engine; the guard is fake_guard's.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "fake_guard.h"
#include "server/ftp/ftp_cmd_site.h"
#include "server/ftp/ftp_commands.h"
#include "server/ftp/ftp_session.h"

static struct fake_guard fake;
static char reply[16384];

static void setup(void)
{
	fake_init(&fake);
}

TestSuite(ftp_commands, .init = setup, .timeout = 60);

#define COMMAND(...) fake_command(&fake, reply, sizeof(reply), __VA_ARGS__)

Test(ftp_commands, every_verb_stands_once_in_upper_case_and_fits_its_field)
{
	for (size_t i = 0; i < ftp_command_count; i++) {
		const char *verb = ftp_commands[i].verb;

		cr_assert(strlen(verb) >= 3 && strlen(verb) < FTP_VERB_BYTES);
		for (const char *p = verb; *p != '\0'; p++)
			cr_assert(isupper((unsigned char)*p) || isdigit((unsigned char)*p) ||
			              *p == '@',
			    "%s", verb);
		cr_assert_eq(ftp_commands_find(verb), &ftp_commands[i], "%s stands twice", verb);
	}
	cr_assert_null(ftp_commands_find(""));
	cr_assert_null(ftp_commands_find("noop"));
}

Test(ftp_commands, every_row_has_a_help_line_that_starts_with_its_verb)
{
	for (size_t i = 0; i < ftp_command_count; i++) {
		const struct ftp_command *row = &ftp_commands[i];

		cr_assert_eq(strncmp(row->help, row->verb, strlen(row->verb)), 0, "%s", row->verb);
		cr_assert_not_null(strchr(row->help, ':'), "%s", row->verb);
	}
	for (size_t i = 0; i < ftp_cmd_site_count; i++) {
		const struct ftp_command *row = &ftp_cmd_site_commands[i];

		cr_assert_eq(strncmp(row->help, row->verb, strlen(row->verb)), 0, "%s", row->verb);
		if (i > 0)
			cr_assert_lt(strcmp(row[-1].verb, row->verb), 0, "SITE table is sorted");
	}
}

Test(ftp_commands, a_row_for_a_transfer_needs_a_data_connection_and_waits_its_turn)
{
	for (size_t i = 0; i < ftp_command_count; i++) {
		const struct ftp_command *row = &ftp_commands[i];
		bool data = (row->needs & FTP_NEED_DATA) != 0;

		cr_assert_eq(data, (row->flags & FTP_TRANSFER) != 0, "%s", row->verb);
		if (data)
			cr_assert_eq(
			    row->flags & (FTP_DURING_TRANSFER | FTP_ANYTIME), 0, "%s", row->verb);
		if (row->rights != 0)
			cr_assert_eq(row->flags & FTP_ANYTIME, 0, "%s", row->verb);
	}
}

/* The fake has no certificate. */
static bool is_served(const struct ftp_command *row)
{
	return row->handler != NULL && (row->flags & FTP_IF_TLS) == 0;
}

Test(ftp_commands, every_verb_is_refused_before_login_unless_its_row_says_otherwise)
{
	fake.login_result = GUARD_LOGIN_FAILED;
	fake_start(&fake);
	for (size_t i = 0; i < ftp_command_count; i++) {
		const struct ftp_command *row = &ftp_commands[i];
		bool anytime = (row->flags & FTP_ANYTIME) != 0;

		if (strcmp(row->verb, "QUIT") == 0)
			continue;
		COMMAND("%s x", row->verb);
		cr_assert_eq(strncmp(reply, "530 Please login", 16) == 0, !anytime, "%s: %s",
		    row->verb, reply);
		if (!is_served(row))
			cr_assert_eq(strncmp(reply, anytime ? "502" : "530", 3), 0, "%s: %s",
			    row->verb, reply);
	}
	for (unsigned i = 0; i < FAKE_NUMBERS; i++) {
		if (i != GUARD_MESSAGE_login && i != GUARD_MESSAGE_client_name)
			cr_assert_eq(
			    fake.calls[i], 0, "guard was asked message %u before login", i);
	}
	fake_end(&fake);
}

Test(ftp_commands, auth_after_a_login_is_refused_with_what_to_do_and_changes_nothing)
{
	/* Nobody looks into it: the row refuses. */
	fake.start.tls = (struct tls_contexts *)(void *)&fake;
	fake_login(&fake);
	cr_assert_eq(COMMAND("CWD /a"), 250);
	cr_assert_eq(COMMAND("AUTH TLS"), 503);
	cr_assert_not_null(strstr(reply, "REIN"));
	cr_assert_eq(COMMAND("PWD"), 257);
	cr_assert_not_null(strstr(reply, "\"/a\""));
	cr_assert_eq(fake.calls[GUARD_MESSAGE_anew], 0);
	fake_end(&fake);
}

Test(ftp_commands, every_verb_that_needs_an_argument_says_501_without_one)
{
	fake_login(&fake);
	for (size_t i = 0; i < ftp_command_count; i++) {
		const struct ftp_command *row = &ftp_commands[i];
		bool required = row->arg == FTP_ARG_REQUIRED || row->arg == FTP_ARG_PATH;

		if (!required || !is_served(row) ||
		    (row->needs & (FTP_NEED_NO_LOGIN | FTP_NEED_RNFR | FTP_NEED_NO_USER)) != 0)
			continue;
		cr_assert_eq(COMMAND("%s", row->verb), 501, "%s", reply);
		cr_assert_eq(COMMAND("%s ", row->verb), 501, "%s", reply);
	}
	fake_end(&fake);
}

Test(ftp_commands, every_verb_without_argument_says_501_to_one_but_not_to_blanks)
{
	fake_login(&fake);
	for (size_t i = 0; i < ftp_command_count; i++) {
		const struct ftp_command *row = &ftp_commands[i];

		if (row->arg != FTP_ARG_NONE || !is_served(row))
			continue;
		cr_assert_eq(COMMAND("%s x", row->verb), 501, "%s", reply);
		/* Served, REIN is this session's end. */
		if (strcmp(row->verb, "REIN") != 0)
			cr_assert_neq(COMMAND("%s  ", row->verb), 501, "%s", reply);
	}
	fake_end(&fake);
}

Test(ftp_commands, every_verb_without_its_right_says_550_and_the_guard_is_not_asked)
{
	fake.rights = 0;
	fake_login(&fake);
	for (size_t i = 0; i < ftp_command_count; i++) {
		const struct ftp_command *row = &ftp_commands[i];

		if (row->rights == 0 || (row->needs & FTP_NEED_RNFR) != 0)
			continue;
		cr_assert_eq(COMMAND("%s x", row->verb), 550, "%s", reply);
	}
	for (unsigned i = 0; i < FAKE_NUMBERS; i++)
		cr_assert(fake.calls[i] == 0 || i == GUARD_MESSAGE_login, "message %u", i);
	fake_end(&fake);
}

Test(ftp_commands, every_transfer_verb_says_425_without_a_data_connection)
{
	fake_login(&fake);
	for (size_t i = 0; i < ftp_command_count; i++) {
		if ((ftp_commands[i].needs & FTP_NEED_DATA) != 0)
			cr_assert_eq(COMMAND("%s x", ftp_commands[i].verb), 425, "%s", reply);
	}
	cr_assert_eq(fake.calls[GUARD_MESSAGE_open] + fake.calls[GUARD_MESSAGE_opendir], 0);
	fake_end(&fake);
}

Test(ftp_commands, every_verb_with_a_staged_name_is_refused_without_asking_the_guard)
{
	fake_login(&fake);
	fake_passive(&fake);
	for (size_t i = 0; i < ftp_command_count; i++) {
		const struct ftp_command *row = &ftp_commands[i];

		if (row->arg == FTP_ARG_PATH && (row->needs & FTP_NEED_RNFR) == 0)
			cr_assert_eq(COMMAND("%s a/.transom-x", row->verb), 553, "%s", reply);
	}
	fake_end(&fake);
}

Test(ftp_commands, verbs_are_known_in_any_case)
{
	fake_start(&fake);
	cr_assert_eq(COMMAND("nOoP"), 200);
	fake_end(&fake);
}

Test(ftp_commands, feat_lists_every_feature_of_the_table_and_nothing_else)
{
	size_t expected = 0;
	size_t lines = 0;

	fake_start(&fake);
	cr_assert_eq(COMMAND("FEAT"), 211);
	for (size_t i = 0; i < ftp_command_count; i++) {
		char feature[64];

		if (ftp_commands[i].feature == NULL || !is_served(&ftp_commands[i]))
			continue;
		expected++;
		snprintf(feature, sizeof(feature), "\n %.*s",
		    (int)strcspn(ftp_commands[i].feature, "%"), ftp_commands[i].feature);
		cr_assert_not_null(strstr(reply, feature), "%s", feature);
	}
	for (size_t i = 0; i < ftp_cmd_site_count; i++) {
		const struct ftp_command *row = &ftp_cmd_site_commands[i];
		char feature[64];

		if (row->feature == NULL)
			continue;
		expected++;
		snprintf(feature, sizeof(feature), "SITE %s", row->verb);
		cr_assert_str_eq(row->feature, feature);
		snprintf(feature, sizeof(feature), "\n SITE %s\r\n", row->verb);
		cr_assert_not_null(strstr(reply, feature), "%s", feature);
	}
	for (const char *p = reply; (p = strstr(p, "\n ")) != NULL; p++)
		lines++;
	cr_assert_eq(lines, expected);
	cr_assert_not_null(strstr(reply, " MLST type*;size*;modify*;perm*;unique*;"));
	cr_assert_eq(COMMAND("OPTS MLST size;type;"), 200);
	cr_assert_str_eq(reply, "200 MLST OPTS type;size;\r\n");
	cr_assert_eq(COMMAND("FEAT"), 211);
	cr_assert_not_null(strstr(reply, " MLST type*;size*;modify;perm;"));
	cr_assert_not_null(strstr(reply, "\n HASH SHA-256*;SHA-512;SHA-1;MD5;CRC32\r\n"));
	cr_assert_eq(COMMAND("OPTS HASH md5"), 200);
	cr_assert_eq(COMMAND("FEAT"), 211);
	cr_assert_not_null(strstr(reply, "\n HASH SHA-256;SHA-512;SHA-1;MD5*;CRC32\r\n"));
	fake_end(&fake);
}

Test(ftp_commands, a_feature_has_a_list_exactly_when_its_line_has_a_place_at_its_end)
{
	for (size_t i = 0; i < ftp_command_count; i++) {
		const struct ftp_command *row = &ftp_commands[i];
		const char *place = row->feature != NULL ? strchr(row->feature, '%') : NULL;

		cr_assert_eq(place != NULL, row->feature_list != NULL, "%s", row->verb);
		if (place != NULL)
			cr_assert_str_eq(place, "%s", "%s", row->verb);
	}
}

Test(ftp_commands, help_names_every_verb_that_is_built)
{
	fake_start(&fake);
	cr_assert_eq(COMMAND("HELP"), 214);
	for (size_t i = 0; i < ftp_command_count; i++) {
		char word[16];

		snprintf(word, sizeof(word), " %s", ftp_commands[i].verb);
		cr_assert_eq(
		    strstr(reply, word) != NULL, is_served(&ftp_commands[i]), "%s", word);
	}
	cr_assert_eq(COMMAND("HELP retr"), 214);
	cr_assert_eq(COMMAND("HELP nonsense"), 502);
	fake_end(&fake);
}

Test(ftp_commands, other_protocols_are_known_by_their_first_word)
{
	static const char *const foreign[] = { "GET / HTTP/1.1", "post /x", "HEAD /", "OPTIONS *",
		"PUT /x HTTP/1.0", "CONNECT a:80", "EHLO x", "HELO x", "SSH-2.0-OpenSSH_9.2",
		"PRI * HTTP/2.0", "PROXY TCP4 1 2 3 4", "\x16\x03\x01" };

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		cr_assert(
		    ftp_commands_is_foreign(foreign[i], strlen(foreign[i])), "%s", foreign[i]);
	for (size_t i = 0; i < ftp_command_count; i++) {
		char line[32];

		snprintf(line, sizeof(line), "%s x", ftp_commands[i].verb);
		cr_assert_not(ftp_commands_is_foreign(line, strlen(line)), "%s", line);
	}
	cr_assert_not(ftp_commands_is_foreign("GET", 3));
}

Test(ftp_commands, prints_a_row_for_every_command)
{
	char *text = NULL;
	size_t length = 0;
	size_t rows = 0;
	FILE *out = open_memstream(&text, &length);

	ftp_commands_print(out);
	fclose(out);
	for (const char *p = text; (p = strstr(p, "\n| ")) != NULL; p++)
		rows++;
	cr_assert_eq(rows, ftp_command_count + ftp_cmd_site_count + 2);
	free(text);
}
