#include <criterion/criterion.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/sftp/scp_line.h"
#include "tests/unit/sftp/scp_harness.h"

#define OK "\x80" /* how scp_harness_expect shows a \0 */

static struct scp_harness *begin(const char *command)
{
	struct scp_harness *harness = malloc(sizeof(*harness));

	cr_assert_not_null(harness);
	scp_harness_new(harness);
	if (command != NULL) {
		scp_harness_start(harness, command);
		cr_assert_not_null(harness->service);
		scp_harness_expect(harness, OK);
	}
	return harness;
}

static void finish(struct scp_harness *harness)
{
	scp_harness_free(harness);
	free(harness);
}

/* Send a small file of this content. */
static void send_file(struct scp_harness *harness, const char *name, const char *content)
{
	char record[512];

	snprintf(record, sizeof(record), "C0644 %zu %s\n", strlen(content), name);
	scp_harness_say(harness, record);
	scp_harness_expect(harness, OK);
	scp_harness_say(harness, content);
	scp_harness_agree(harness);
	scp_harness_expect(harness, OK);
}

Test(scp_sink, publishes_a_file_when_all_of_it_and_the_clients_word_have_come)
{
	struct scp_harness *harness = begin("scp -t target");

	scp_harness_say(harness, "C0644 5 name\n");
	scp_harness_expect(harness, OK);
	scp_harness_say(harness, "hel");
	scp_harness_say(harness, "lo");
	cr_assert_not(tree_has(&harness->tree, "target"));
	cr_assert(scp_service.busy(harness->service));
	scp_harness_agree(harness);
	scp_harness_expect(harness, OK);
	cr_assert(tree_holds(&harness->tree, "target", "hello"));
	cr_assert_eq(harness->outcome, VFS_CLOSE_COMPLETE);
	cr_assert_eq(harness->bytes, 5);
	cr_assert_not(scp_service.busy(harness->service));
	scp_harness_hang_up(harness);
	scp_harness_expect_end(harness, 0);
	finish(harness);
}

Test(scp_sink, takes_everything_in_one_piece_and_byte_by_byte)
{
	static const char session[] = "C0644 3 a\nabc\0C0600 0 b\n\0";

	for (int piece = 0; piece < 2; piece++) {
		struct scp_harness *harness = begin("scp -d -t .");

		if (piece == 0)
			scp_harness_send(harness, session, sizeof(session) - 1);
		for (size_t i = 0; piece == 1 && i < sizeof(session) - 1; i++)
			scp_harness_send(harness, session + i, 1);
		scp_harness_expect(harness, OK OK OK OK);
		cr_assert(tree_holds(&harness->tree, "a", "abc"));
		cr_assert(tree_holds(&harness->tree, "b", ""));
		scp_harness_hang_up(harness);
		scp_harness_expect_end(harness, 0);
		finish(harness);
	}
}

Test(scp_sink, puts_files_into_a_directory_under_their_own_names)
{
	struct scp_harness *harness = begin(NULL);

	tree_mkdir(&harness->tree, "dir");
	scp_harness_start(harness, "scp -t dir/");
	scp_harness_expect(harness, OK);
	send_file(harness, "one", "1");
	send_file(harness, "two words", "2");
	cr_assert(tree_holds(&harness->tree, "dir/one", "1"));
	cr_assert(tree_holds(&harness->tree, "dir/two words", "2"));
	finish(harness);
}

Test(scp_sink, takes_shell_syntax_in_its_path_for_a_name)
{
	static const struct {
		const char *command;
		const char *name;
	} rows[] = {
		{ "scp -t `id`", "`id`" },
		{ "scp -t $(touch x)", "$(touch x)" },
		{ "scp -t a b  c", "a b  c" },
		{ "scp -t 'q u'oted", "q uoted" },
		{ "scp -t ;id>y", ";id>y" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scp_harness *harness = begin(rows[i].command);

		send_file(harness, "whatever", "x");
		cr_assert(tree_holds(&harness->tree, rows[i].name, "x"), "%s", rows[i].command);
		finish(harness);
	}
}

Test(scp_sink, starts_in_the_users_directory)
{
	struct scp_harness *harness = begin(NULL);

	tree_mkdir(&harness->tree, "home");
	snprintf(harness->start_dir, sizeof(harness->start_dir), "/home");
	scp_harness_start(harness, "scp -t ~/a");
	scp_harness_expect(harness, OK);
	send_file(harness, "x", "1");
	cr_assert(tree_holds(&harness->tree, "home/a", "1"));
	finish(harness);
}

Test(scp_sink, makes_directories_and_sets_their_times_when_they_are_full)
{
	struct scp_harness *harness = begin("scp -r -p -t new");
	struct stat st;

	scp_harness_say(harness, "T1000000000 0 1000000001 0\nD0750 0 tree\n");
	scp_harness_expect(harness, OK OK);
	scp_harness_say(harness, "T1100000000 250000 1100000001 0\n");
	scp_harness_expect(harness, OK);
	scp_harness_say(harness, "C0640 1 file\n");
	scp_harness_send(harness, "x", 2);
	scp_harness_say(harness, "D0700 0 sub\n");
	scp_harness_expect(harness, OK OK OK);
	send_file(harness, "deep", "d");
	scp_harness_say(harness, "E\nE\n");
	scp_harness_hang_up(harness);
	scp_harness_expect_end(harness, 0);
	cr_assert(tree_holds(&harness->tree, "new/sub/deep", "d"));
	st = tree_stat(&harness->tree, "new");
	cr_assert_eq(st.st_mtim.tv_sec, 1000000000);
	cr_assert_eq(st.st_mode & 07777, 0750);
	st = tree_stat(&harness->tree, "new/file");
	cr_assert_eq(st.st_mtim.tv_sec, 1100000000);
	cr_assert_eq(st.st_mtim.tv_nsec, 250000000);
	cr_assert_eq(st.st_mode & 07777, 0640);
	cr_assert_eq(tree_stat(&harness->tree, "new/sub").st_mode & 07777, 0700);
	finish(harness);
}

Test(scp_sink, fills_a_directory_that_is_there)
{
	struct scp_harness *harness = begin(NULL);

	tree_mkdir(&harness->tree, "there");
	scp_harness_start(harness, "scp -r -t there");
	scp_harness_expect(harness, OK);
	scp_harness_say(harness, "D0755 0 sub\n");
	scp_harness_expect(harness, OK);
	send_file(harness, "a", "1");
	scp_harness_say(harness, "E\n");
	scp_harness_expect(harness, OK);
	/* Back in the directory around it. */
	send_file(harness, "b", "2");
	scp_harness_say(harness, "D0755 0 sub\n");
	scp_harness_expect(harness, OK);
	send_file(harness, "a", "3");
	cr_assert(tree_holds(&harness->tree, "there/sub/a", "3"));
	cr_assert(tree_holds(&harness->tree, "there/b", "2"));
	finish(harness);
}

Test(scp_sink, ends_at_a_name_that_leads_elsewhere)
{
	static const char *const names[] = { "", ".", "..", "a/b", "/etc/passwd", "../outside/x" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (int dir = 0; dir < 2; dir++) {
			struct scp_harness *harness = begin("scp -r -t .");
			char record[64];

			snprintf(record, sizeof(record), "%s 0 %s\n", dir ? "D0755" : "C0644", names[i]);
			scp_harness_say(harness, record);
			scp_harness_expect(harness, "\002scp: unexpected filename\n");
			scp_harness_expect_end(harness, 1);
			cr_assert_eq(harness->calls[GUARD_MESSAGE_open], 0);
			cr_assert_eq(harness->calls[GUARD_MESSAGE_mkdir], 0);
			finish(harness);
		}
	}
}

Test(scp_sink, skips_names_with_control_bytes_and_reserved_ones)
{
	struct scp_harness *harness = begin("scp -r -t .");

	scp_harness_say(harness, "C0644 1 a\tb\n");
	scp_harness_expect(harness, "\001scp: File name not allowed\n");
	scp_harness_say(harness, "C0644 1 " VFS_STAGED_PREFIX "x\n");
	scp_harness_expect(harness, "\001scp: " VFS_STAGED_PREFIX "x: File name not allowed\n");
	send_file(harness, "good", "1");
	scp_harness_hang_up(harness);
	scp_harness_expect_end(harness, 1);
	finish(harness);
}

Test(scp_sink, ends_at_a_record_that_is_none)
{
	static const struct {
		const char *record;
		const char *answer;
	} rows[] = {
		{ "SSH-2.0-x\n", "\002scp: expected control record\n" },
		{ "C0644 x a\n", "\002scp: bad size\n" },
		{ "C0644 9223372036854775808 a\n", "\002scp: bad size\n" },
		{ "Cabcd 1 a\n", "\002scp: bad mode\n" },
		{ "T1 2 3\n", "\002scp: bad times\n" },
		{ "D0755 0 a\n", "\002scp: received directory without -r\n" },
		{ "\002gone wrong\n", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scp_harness *harness = begin("scp -t .");

		scp_harness_say(harness, rows[i].record);
		scp_harness_expect(harness, rows[i].answer);
		scp_harness_expect_end(harness, 1);
		/* What the client had already sent does no harm. */
		cr_assert(scp_service.take(harness->service, (const uint8_t *)"C0644 1 a\n", 10));
		scp_harness_expect_end(harness, 1);
		finish(harness);
	}
}

Test(scp_sink, ends_at_a_record_without_end)
{
	struct scp_harness *harness = begin("scp -t .");
	char *line = malloc((SCP_LINE_MAX_BYTES + 1));

	memset(line, 'C', (SCP_LINE_MAX_BYTES + 1));
	scp_harness_send(harness, line, (SCP_LINE_MAX_BYTES + 1));
	scp_harness_expect(harness, "\002scp: record too long\n");
	scp_harness_expect_end(harness, 1);
	free(line);
	finish(harness);
}

Test(scp_sink, bounds_the_depth_of_directories)
{
	struct scp_harness *harness = begin("scp -r -t .");

	for (unsigned i = 0; i < 64; i++) {
		scp_harness_say(harness, "D0755 0 d\n");
		scp_harness_expect(harness, OK);
	}
	scp_harness_say(harness, "D0755 0 d\n");
	scp_harness_expect(harness, "\001scp: d: Too many directories inside each other\n");
	finish(harness);
}

Test(scp_sink, publishes_nothing_when_the_client_breaks_off_and_keeps_what_came)
{
	struct scp_harness *harness = begin(NULL);

	tree_put(&harness->tree, "old", "before");
	scp_harness_start(harness, "scp -t old");
	scp_harness_expect(harness, OK);
	scp_harness_say(harness, "C0644 10 x\nhalf");
	scp_harness_hang_up(harness);
	scp_harness_expect_end(harness, 1);
	cr_assert_eq(harness->outcome, VFS_CLOSE_ABORTED);
	cr_assert_eq(harness->bytes, 4);
	cr_assert(tree_holds(&harness->tree, "old", "before"));
	cr_assert_eq(tree_staged(&harness->tree, "."), 1);
	finish(harness);
}

Test(scp_sink, publishes_nothing_when_the_client_is_gone_before_its_word)
{
	struct scp_harness *harness = begin("scp -t new");

	scp_harness_say(harness, "C0644 4 x\nfull");
	scp_harness_stop(harness);
	cr_assert_eq(harness->outcome, VFS_CLOSE_ABORTED);
	cr_assert_eq(harness->reason, VFS_CANCELLED);
	cr_assert_not(tree_has(&harness->tree, "new"));
	tree_free(&harness->tree);
	free(harness);
}

Test(scp_sink, publishes_when_the_client_ends_its_side_behind_the_last_byte)
{
	struct scp_harness *harness = begin("scp -t new");

	scp_harness_say(harness, "C0644 4 x\nfull");
	scp_harness_hang_up(harness);
	scp_harness_expect_end(harness, 0);
	cr_assert(tree_holds(&harness->tree, "new", "full"));
	finish(harness);
}

Test(scp_sink, publishes_nothing_when_the_clients_word_is_cut_short)
{
	struct scp_harness *harness = begin("scp -t new");

	scp_harness_say(harness, "C0644 4 x\nfull\001scp: x: Inp");
	scp_harness_hang_up(harness);
	scp_harness_expect_end(harness, 1);
	cr_assert_not(tree_has(&harness->tree, "new"));
	finish(harness);
}

Test(scp_sink, drops_a_file_that_the_client_could_not_read)
{
	struct scp_harness *harness = begin("scp -t .");

	scp_harness_say(harness, "C0644 4 x\n");
	scp_harness_send(harness, "ab\0\0", 4);
	scp_harness_say(harness, "\001scp: x: Input/output error\n");
	scp_harness_expect(harness, OK "\001scp: /x: Cancelled\n");
	cr_assert_eq(harness->outcome, VFS_CLOSE_FAILED);
	cr_assert_not(tree_has(&harness->tree, "x"));
	cr_assert_eq(tree_staged(&harness->tree, "."), 0);
	send_file(harness, "y", "1");
	scp_harness_hang_up(harness);
	scp_harness_expect_end(harness, 1);
	finish(harness);
}

Test(scp_sink, says_why_a_file_cannot_be_and_takes_the_next)
{
	struct scp_harness *harness = begin(NULL);

	tree_mkdir(&harness->tree, "dir");
	scp_harness_start(harness, "scp -r -t .");
	scp_harness_expect(harness, OK);
	scp_harness_say(harness, "C0644 1 dir\n");
	scp_harness_expect(harness, "\001scp: /dir: Is a directory\n");
	send_file(harness, "a", "1");
	scp_harness_say(harness, "D0755 0 a\n");
	scp_harness_expect(harness, "\001scp: /a: Not a directory\n");
	harness->refuse[GUARD_MESSAGE_open] = VFS_FORBIDDEN;
	scp_harness_say(harness, "C0644 1 b\n");
	scp_harness_expect(harness, "\001scp: /b: Not allowed here\n");
	harness->refuse[GUARD_MESSAGE_open] = VFS_OK;
	harness->refuse[GUARD_MESSAGE_mkdir] = VFS_PERMISSION;
	scp_harness_say(harness, "D0755 0 c\n");
	scp_harness_expect(harness, "\001scp: /c: Permission denied\n");
	finish(harness);
}

Test(scp_sink, says_when_publishing_failed)
{
	struct scp_harness *harness = begin("scp -p -t .");

	harness->refuse[GUARD_MESSAGE_close] = VFS_QUOTA;
	scp_harness_say(harness, "C0644 1 a\n");
	scp_harness_send(harness, "x", 2);
	scp_harness_expect(harness, OK "\001scp: /a: Quota exceeded\n");
	harness->refuse[GUARD_MESSAGE_close] = VFS_OK;
	harness->refuse[GUARD_MESSAGE_fsetattr] = VFS_FORBIDDEN;
	scp_harness_say(harness, "C0644 1 b\n");
	scp_harness_send(harness, "x", 2);
	scp_harness_expect(harness, OK "\001scp: /b: Not allowed here\n");
	cr_assert(tree_holds(&harness->tree, "b", "x"));
	finish(harness);
}

Test(scp_sink, refuses_a_target_that_should_be_a_directory)
{
	struct scp_harness *harness = begin(NULL);

	tree_put(&harness->tree, "file", "x");
	scp_harness_start(harness, "scp -d -t file");
	scp_harness_expect(harness, "\002scp: Not a directory\n");
	scp_harness_expect_end(harness, 1);
	scp_harness_stop(harness);
	scp_harness_start(harness, "scp -d -t nothing");
	scp_harness_expect(harness, "\002scp: No such file or directory\n");
	scp_harness_stop(harness);
	scp_harness_start(harness, "scp -t nothing/");
	scp_harness_expect(harness, OK);
	scp_harness_say(harness, "C0644 1 x\n");
	scp_harness_expect(harness, "\001scp: /nothing: Not a directory\n");
	finish(harness);
}

Test(scp_sink, reads_a_file_that_does_not_fit_to_its_end_and_then_says_so)
{
	struct scp_harness *harness = begin("scp -t .");
	const struct rlimit limit = { 100000, 100000 };
	static uint8_t block[65536];

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	scp_harness_say(harness, "C0644 2621440 big\n");
	for (int i = 0; i < 40; i++)
		scp_harness_send(harness, block, sizeof(block));
	scp_harness_expect(harness, OK);
	cr_assert_eq(harness->outcome, VFS_CLOSE_FAILED);
	cr_assert_eq(harness->reason, VFS_TOO_BIG);
	cr_assert_eq(tree_staged(&harness->tree, "."), 0);
	scp_harness_agree(harness);
	scp_harness_expect(harness, "\001scp: /big: File too large\n");
	cr_assert_not(tree_has(&harness->tree, "big"));
	send_file(harness, "small", "1");
	finish(harness);
}

Test(scp_sink, gathers_large_writes_and_then_wants_no_more)
{
	struct scp_harness *harness = begin("scp -t .");
	const size_t size = 3u << 20;
	uint8_t *block = malloc(SSH_SERVICE_WINDOW_BYTES);
	struct stat st;

	memset(block, 'x', SSH_SERVICE_WINDOW_BYTES);
	scp_harness_say(harness, "C0644 3145729 big\n");
	scp_harness_expect(harness, OK);
	/* Stored without work: the transport sees that it should stop reading. */
	cr_assert(scp_service.wants_input(harness->service));
	cr_assert(scp_service.take(harness->service, block, 1u << 20));
	cr_assert_not(scp_service.wants_input(harness->service));
	cr_assert(scp_service.take(harness->service, block, 1u << 20));
	/* More than any flow control lets through. */
	cr_assert_not(scp_service.take(harness->service, block, SSH_SERVICE_WINDOW_BYTES));
	scp_harness_send(harness, block, 1u << 20);
	cr_assert(scp_service.wants_input(harness->service));
	scp_harness_send(harness, "x", 2);
	scp_harness_expect(harness, OK);
	st = tree_stat(&harness->tree, "big");
	cr_assert_eq(st.st_size, (off_t)size + 1);
	free(block);
	finish(harness);
}

Test(scp_sink, a_client_that_stands_still_in_the_middle_of_a_file_is_busy_only_for_its_time)
{
	struct scp_harness *harness = begin(NULL);

	harness->conf.ssh.idle_timeout = 1000;
	scp_harness_start(harness, "scp -t x");
	scp_harness_expect(harness, OK);
	scp_harness_say(harness, "C0644 4 x\nha");
	cr_assert(scp_service.busy(harness->service));
	poll(NULL, 0, 1010);
	cr_assert_not(scp_service.busy(harness->service));
	scp_harness_say(harness, "l");
	cr_assert(scp_service.busy(harness->service));
	finish(harness);
}

Test(scp_sink, is_not_there_when_it_is_switched_off)
{
	struct scp_harness *harness = begin(NULL);

	harness->conf.ssh.scp = false;
	scp_harness_start(harness, "scp -t x");
	cr_assert_null(harness->service);
	scp_harness_stop(harness);
	harness->conf.ssh.scp = true;
	scp_harness_start(harness, NULL);
	cr_assert_null(harness->service);
	scp_harness_stop(harness);
	scp_harness_start(harness, "sh -c scp");
	cr_assert_null(harness->service);
	finish(harness);
}
