#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "server/sftp/scp_line.h"

static void parse(struct scp_line *line, const char *text)
{
	scp_line_parse(line, (const uint8_t *)text, strlen(text));
}

Test(scp_line, reads_entries)
{
	static const struct {
		const char *text;
		enum scp_line_kind kind;
		uint32_t mode;
		uint64_t size;
		const char *name;
	} rows[] = {
		{ "C0644 299 file", SCP_LINE_FILE, 0644, 299, "file" },
		{ "C0100755 0 x", SCP_LINE_FILE, 0755, 0, "x" },
		{ "C7777 9223372036854775807 a", SCP_LINE_FILE, 07777, INT64_MAX, "a" },
		{ "D0755 0 some dir", SCP_LINE_DIR, 0755, 0, "some dir" },
		{ "C0644 1 ...", SCP_LINE_FILE, 0644, 1, "..." },
		{ "C0644 1 `id`", SCP_LINE_FILE, 0644, 1, "`id`" },
		{ "C0644 1  blank", SCP_LINE_FILE, 0644, 1, " blank" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scp_line line;

		parse(&line, rows[i].text);
		cr_assert_eq(line.kind, rows[i].kind, "%s: %d", rows[i].text, (int)line.kind);
		cr_assert_eq(line.mode, rows[i].mode, "%s", rows[i].text);
		cr_assert_eq(line.size, rows[i].size, "%s: %" PRIu64, rows[i].text, line.size);
		cr_assert_eq(line.verdict, SCP_NAME_OK, "%s", rows[i].text);
		cr_assert_str_eq(line.name, rows[i].name);
	}
}

Test(scp_line, reads_times_ends_and_answers)
{
	struct scp_line line;

	parse(&line, "T1183828267 5 1183828268 999999");
	cr_assert_eq(line.kind, SCP_LINE_TIMES);
	cr_assert(line.mtime == 1183828267 && line.mtime_nsec == 5000);
	cr_assert(line.atime == 1183828268 && line.atime_nsec == 999999000);
	parse(&line, "E");
	cr_assert_eq(line.kind, SCP_LINE_END);
	parse(&line, "\001scp: no such file");
	cr_assert_eq(line.kind, SCP_LINE_WARNING);
	parse(&line, "\002");
	cr_assert_eq(line.kind, SCP_LINE_FATAL);
}

Test(scp_line, refuses_what_is_malformed)
{
	static const char *const rows[] = {
		"", "X", "Hello", "C", "C0644", "C0644 ", "C0644 1", "C0644299 file", "C644 1 a", "C08 1 a",
		"C0644  1 a", "C0644 -1 a", "C0644 1a a", "C0644 9223372036854775808 a", "C00006440 1 a",
		"C0644 99999999999999999999999999 a", "E ", "T1 0 2", "T1 0 2 0 ", "T1 0 2 1000000",
		"T-1 0 2 0", "T1  0 2 0", "T9223372036854775808 0 1 0", "c0644 1 a",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scp_line line;

		parse(&line, rows[i]);
		cr_assert_eq(line.kind, SCP_LINE_BAD, "%s", rows[i]);
		cr_assert_not_null(line.problem);
	}
}

Test(scp_line, tells_attacks_from_odd_names)
{
	char longest[VFS_NAME_MAX + 2];

	memset(longest, 'n', sizeof(longest));
	cr_assert_eq(scp_line_check_name("", 0), SCP_NAME_ATTACK);
	cr_assert_eq(scp_line_check_name(".", 1), SCP_NAME_ATTACK);
	cr_assert_eq(scp_line_check_name("..", 2), SCP_NAME_ATTACK);
	cr_assert_eq(scp_line_check_name("a/b", 3), SCP_NAME_ATTACK);
	cr_assert_eq(scp_line_check_name("../a", 4), SCP_NAME_ATTACK);
	cr_assert_eq(scp_line_check_name("a\nb", 3), SCP_NAME_REFUSED);
	cr_assert_eq(scp_line_check_name("a\0b", 3), SCP_NAME_REFUSED);
	cr_assert_eq(scp_line_check_name("\x1b[2J", 4), SCP_NAME_REFUSED);
	cr_assert_eq(scp_line_check_name(longest, VFS_NAME_MAX), SCP_NAME_OK);
	cr_assert_eq(scp_line_check_name(longest, VFS_NAME_MAX + 1), SCP_NAME_REFUSED);
	cr_assert_eq(scp_line_check_name("Gr\xc3\xbc\xc3\x9f" "e", 7), SCP_NAME_OK);
}
