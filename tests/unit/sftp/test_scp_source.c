#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/sftp/scp_harness.h"

#define OK "\x80" /* how scp_harness_expect shows a \0 */

static struct scp_harness *begin(void)
{
	struct scp_harness *harness = malloc(sizeof(*harness));

	cr_assert_not_null(harness);
	scp_harness_new(harness);
	tree_put(&harness->tree, "a.txt", "alpha");
	tree_put(&harness->tree, "b.txt", "");
	tree_put(&harness->tree, ".hidden.txt", "h");
	tree_put(&harness->tree, "two words", "2");
	tree_mkdir(&harness->tree, "dir");
	tree_put(&harness->tree, "dir/inner", "i");
	return harness;
}

static void finish(struct scp_harness *harness)
{
	scp_harness_free(harness);
	free(harness);
}

/* Start, and tell it to begin. */
static void launch(struct scp_harness *harness, const char *command)
{
	scp_harness_start(harness, command);
	cr_assert_not_null(harness->service);
	scp_harness_expect(harness, "");
	scp_harness_agree(harness);
}

/* Agree to everything until the end: all that was sent, the \0 shown as OK. */
static void run(struct scp_harness *harness, const char *command, char *out, size_t size, int status)
{
	int is = -1;

	launch(harness, command);
	for (int i = 0; i < 1000 && !scp_service.ended(harness->service, &is); i++)
		scp_harness_agree(harness);
	cr_assert_eq(is, status, "%s: ended with %d", command, is);
	cr_assert_lt(harness->taken_length, size);
	for (size_t i = 0; i < harness->taken_length; i++)
		out[i] = harness->taken[i] != '\0' ? harness->taken[i] : OK[0];
	out[harness->taken_length] = '\0';
	scp_harness_stop(harness);
}

Test(scp_source, sends_a_file_step_by_step)
{
	struct scp_harness *harness = begin();

	launch(harness, "scp -f a.txt");
	scp_harness_expect(harness, "C0644 5 a.txt\n");
	scp_harness_expect_waiting(harness);
	scp_harness_agree(harness);
	scp_harness_expect(harness, "alpha" OK);
	cr_assert(scp_service.busy(harness->service));
	scp_harness_agree(harness);
	scp_harness_expect_end(harness, 0);
	cr_assert_eq(harness->outcome, VFS_CLOSE_COMPLETE);
	cr_assert_eq(harness->bytes, 5);
	finish(harness);
}

Test(scp_source, sends_times_when_asked)
{
	struct scp_harness *harness = begin();
	const struct timespec times[2] = { { 1000000001, 0 }, { 1000000000, 500000000 } };

	cr_assert_eq(utimensat(harness->tree.root_fd, "a.txt", times, 0), 0);
	launch(harness, "scp -p -f a.txt");
	scp_harness_expect(harness, "T1000000000 0 1000000001 0\n");
	scp_harness_agree(harness);
	scp_harness_expect(harness, "C0644 5 a.txt\n");
	finish(harness);
}

Test(scp_source, sends_several_words_a_quoted_name_and_an_unquoted_one)
{
	struct scp_harness *harness = begin();
	char out[512];

	run(harness, "scp -f a.txt b.txt", out, sizeof(out), 0);
	cr_assert_str_eq(out, "C0644 5 a.txt\nalpha" OK "C0644 0 b.txt\n" OK);
	run(harness, "scp -f 'two words'", out, sizeof(out), 0);
	cr_assert_str_eq(out, "C0644 1 two words\n2" OK);
	run(harness, "scp -f two words", out, sizeof(out), 0);
	cr_assert_str_eq(out, "C0644 1 two words\n2" OK);
	run(harness, "scp -f /two\\ words a.txt", out, sizeof(out), 0);
	cr_assert_str_eq(out, "C0644 1 two words\n2" OK "C0644 5 a.txt\nalpha" OK);
	finish(harness);
}

Test(scp_source, expands_patterns_in_the_last_name)
{
	struct scp_harness *harness = begin();
	char out[512];

	run(harness, "scp -f a*.txt", out, sizeof(out), 0);
	cr_assert_str_eq(out, "C0644 5 a.txt\nalpha" OK);
	run(harness, "scp -f dir/[h-j]nn?r", out, sizeof(out), 0);
	cr_assert_str_eq(out, "C0644 1 inner\ni" OK);
	run(harness, "scp -f .h*", out, sizeof(out), 0);
	cr_assert_str_eq(out, "C0644 1 .hidden.txt\nh" OK);
	run(harness, "scp -f *.txt", out, sizeof(out), 0);
	cr_assert(strstr(out, "a.txt") != NULL && strstr(out, "b.txt") != NULL);
	cr_assert_null(strstr(out, "hidden"));
	run(harness, "scp -f 'a*.txt'", out, sizeof(out), 1);
	cr_assert_str_eq(out, "\001scp: a*.txt: No such file or directory\n");
	run(harness, "scp -f x*", out, sizeof(out), 1);
	cr_assert_str_eq(out, "\001scp: x*: No such file or directory\n");
	run(harness, "scp -f nodir/x*", out, sizeof(out), 1);
	cr_assert_str_eq(out, "\001scp: nodir/x*: No such file or directory\n");
	finish(harness);
}

Test(scp_source, takes_a_pattern_that_matches_nothing_for_a_name)
{
	struct scp_harness *harness = begin();
	char out[512];

	tree_put(&harness->tree, "n[1].txt", "n");
	run(harness, "scp -f n[1].txt", out, sizeof(out), 0);
	cr_assert_str_eq(out, "C0644 1 n[1].txt\nn" OK);
	finish(harness);
}

Test(scp_source, walks_directories)
{
	struct scp_harness *harness = begin();
	char out[1024];

	tree_mkdir(&harness->tree, "dir/sub");
	tree_put(&harness->tree, "dir/sub/deep", "d");
	cr_assert_eq(unlinkat(harness->tree.root_fd, "dir/inner", 0), 0);
	run(harness, "scp -r -f dir", out, sizeof(out), 0);
	cr_assert_str_eq(out, "D0755 0 dir\nD0755 0 sub\nC0644 1 deep\nd" OK "E\nE\n");
	run(harness, "scp -r -f /", out, sizeof(out), 0);
	cr_assert_eq(strncmp(out, "D0755 0 alice\n", 14), 0, "%s", out);
	cr_assert_not_null(strstr(out, "D0755 0 sub\nC0644 1 deep\nd" OK "E\nE\n"), "%s", out);
	cr_assert_not_null(strstr(out, "C0644 1 .hidden.txt\n"), "%s", out);
	finish(harness);
}

Test(scp_source, says_what_it_cannot_send_and_goes_on)
{
	struct scp_harness *harness = begin();
	char out[1024];

	run(harness, "scp -f dir a.txt", out, sizeof(out), 1);
	cr_assert_str_eq(out, "\001scp: /dir: Is a directory\nC0644 5 a.txt\nalpha" OK);
	cr_assert_eq(mkfifoat(harness->tree.root_fd, "dir/fifo", 0644), 0);
	tree_put(&harness->tree, "dir/line\nbreak", "x");
	run(harness, "scp -r -f dir", out, sizeof(out), 1);
	cr_assert_not_null(strstr(out, "\001scp: /dir/fifo: Not a regular file\n"), "%s", out);
	cr_assert_not_null(strstr(out, "\001scp: line\\x0abreak: File name not allowed\n"), "%s", out);
	cr_assert_not_null(strstr(out, "C0644 1 inner\ni" OK), "%s", out);
	finish(harness);
}

Test(scp_source, shows_control_bytes_of_a_path_as_text)
{
	struct scp_harness *harness = begin();
	char out[256];

	run(harness, "scp -f `id`\\\\x", out, sizeof(out), 1);
	cr_assert_str_eq(out, "\001scp: `id`\\\\x: No such file or directory\n");
	finish(harness);
}

Test(scp_source, follows_links_but_not_round_in_circles)
{
	struct scp_harness *harness = begin();
	char out[1024];

	cr_assert_eq(symlinkat("../a.txt", harness->tree.root_fd, "dir/link"), 0);
	cr_assert_eq(symlinkat(".", harness->tree.root_fd, "dir/loop"), 0);
	cr_assert_eq(symlinkat("/etc/passwd", harness->tree.root_fd, "dir/out"), 0);
	run(harness, "scp -r -f dir", out, sizeof(out), 1);
	cr_assert_not_null(strstr(out, "C0644 5 link\nalpha" OK), "%s", out);
	cr_assert_not_null(strstr(out, "\001scp: /dir/loop: Too many symbolic links\n"), "%s", out);
	cr_assert_not_null(strstr(out, "\001scp: /dir/out: No such file or directory\n"), "%s", out);
	finish(harness);
}

Test(scp_source, goes_on_after_a_warning_and_ends_at_a_fatal_answer)
{
	struct scp_harness *harness = begin();

	launch(harness, "scp -r -f dir a.txt");
	scp_harness_expect(harness, "D0755 0 dir\n");
	scp_harness_say(harness, "\001cannot make it\n");
	scp_harness_expect(harness, "C0644 5 a.txt\n");
	scp_harness_say(harness, "\001no room\n");
	scp_harness_expect_end(harness, 1);
	cr_assert_eq(harness->outcome, VFS_CLOSE_ABORTED);
	scp_harness_stop(harness);
	launch(harness, "scp -f a.txt b.txt");
	scp_harness_say(harness, "\002enough\n");
	scp_harness_expect_end(harness, 1);
	finish(harness);
}

Test(scp_source, ends_when_the_client_is_gone_or_talks_nonsense)
{
	struct scp_harness *harness = begin();

	launch(harness, "scp -f a.txt");
	scp_harness_hang_up(harness);
	scp_harness_expect_end(harness, 1);
	scp_harness_stop(harness);
	cr_assert_eq(harness->outcome, VFS_CLOSE_ABORTED);
	launch(harness, "scp -f a.txt");
	scp_harness_say(harness, "hello\n");
	scp_harness_expect_end(harness, 1);
	finish(harness);
}

Test(scp_source, fills_a_file_that_was_cut_meanwhile_and_says_so)
{
	struct scp_harness *harness = begin();

	launch(harness, "scp -f a.txt");
	scp_harness_expect(harness, "C0644 5 a.txt\n");
	tree_put(&harness->tree, "a.txt", "al");
	scp_harness_agree(harness);
	scp_harness_expect(harness,
	    "al" OK OK OK "\001scp: /a.txt: Offset beyond the end of the file\n");
	scp_harness_agree(harness);
	scp_harness_expect_end(harness, 1);
	cr_assert_eq(harness->outcome, VFS_CLOSE_ABORTED);
	cr_assert_eq(harness->bytes, 2);
	finish(harness);
}

Test(scp_source, keeps_its_output_bounded_for_a_client_that_does_not_read)
{
	struct scp_harness *harness = begin();
	const size_t size = 5u << 20;
	char *content = malloc(size + 1);
	size_t total = 0;
	size_t n;

	memset(content, 'x', size);
	content[size] = '\0';
	tree_put(&harness->tree, "big", content);
	launch(harness, "scp -f big");
	scp_harness_expect(harness, "C0644 5242880 big\n");
	cr_assert(scp_service.take(harness->service, (const uint8_t *)"", 1));
	while (scp_service.work(harness->service))
		;
	scp_service.output(harness->service, &n);
	cr_assert(n > 0 && n <= SSH_SERVICE_OUTPUT_MAX);
	while (n > 0) {
		/* In odd pieces, as a network takes them. */
		size_t piece = n > 32759 ? 32759 : n;

		scp_service.sent(harness->service, piece);
		total += piece;
		scp_service.work(harness->service);
		scp_service.output(harness->service, &n);
		cr_assert_leq(n, SSH_SERVICE_OUTPUT_MAX);
	}
	cr_assert_eq(total, size + 1);
	free(content);
	finish(harness);
}
