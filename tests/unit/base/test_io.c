#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/io.h"

static char directory[64];
static int dir_fd = -1;

static void enter(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%s/transom-io-XXXXXX",
	    base != NULL && strlen(base) < 40 ? base : "/tmp");
	cr_assert_not_null(mkdtemp(directory));
	dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(dir_fd, 0);
}

/* Remove everything; how many entries there were. */
static int empty_directory(void)
{
	DIR *entries = opendir(directory);
	struct dirent *entry;
	int count = 0;

	while ((entry = readdir(entries)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		count++;
		if (unlinkat(dir_fd, entry->d_name, 0) != 0)
			unlinkat(dir_fd, entry->d_name, AT_REMOVEDIR);
	}
	closedir(entries);
	return count;
}

static void leave(void)
{
	empty_directory();
	io_close(&dir_fd);
	rmdir(directory);
}

TestSuite(io, .init = enter, .fini = leave);

Test(io, close_forgets_the_descriptor_and_keeps_errno)
{
	int fd = dup(dir_fd);
	int number = fd;

	errno = EPIPE;
	io_close(&fd);
	cr_assert_eq(fd, -1);
	cr_assert_eq(errno, EPIPE);
	cr_assert_eq(fcntl(number, F_GETFD), -1);
	io_close(&fd);
	cr_assert_eq(fd, -1);
}

Test(io, read_full_gathers_short_reads_until_the_end)
{
	char bytes[8] = "";
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	cr_assert(io_write_full(ends[1], "ab", 2));
	cr_assert(io_write_full(ends[1], "cde", 3));
	close(ends[1]);
	cr_assert_eq(io_read_full(ends[0], bytes, sizeof(bytes)), 5);
	cr_assert_arr_eq(bytes, "abcde", 5);
	cr_assert_eq(io_read_full(ends[0], bytes, sizeof(bytes)), 0);
	close(ends[0]);
	cr_assert_eq(io_read_full(ends[0], bytes, sizeof(bytes)), -1);
	cr_assert_eq(errno, EBADF);
}

Test(io, nonblocking_reads_say_eagain)
{
	char byte;
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	cr_assert(io_set_nonblocking(ends[0], true));
	cr_assert_eq(io_read(ends[0], &byte, 1), -1);
	cr_assert_eq(errno, EAGAIN);
	cr_assert(io_set_nonblocking(ends[0], false));
	cr_assert_eq(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
	close(ends[0]);
	close(ends[1]);
	cr_assert_not(io_set_nonblocking(ends[0], true));
}

Test(io, replace_file_writes_content_and_mode_whatever_the_umask)
{
	struct stat st;
	size_t length;
	char *text;

	umask(0777);
	cr_assert(io_replace_file(dir_fd, "f", "one", 3, 0640));
	umask(0);
	cr_assert(io_replace_file(dir_fd, "f", "second", 6, 0600));
	text = io_read_file(dir_fd, "f", 6, &length);
	cr_assert_str_eq(text, "second");
	cr_assert_eq(length, 6);
	free(text);
	cr_assert_eq(fstatat(dir_fd, "f", &st, 0), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	cr_assert_eq(empty_directory(), 1, "a temporary file was left");
}

Test(io, replace_file_replaces_a_link_and_not_what_it_points_to)
{
	char *text;

	cr_assert(io_replace_file(dir_fd, "target", "keep", 4, 0600));
	cr_assert_eq(symlinkat("target", dir_fd, "link"), 0);
	cr_assert(io_replace_file(dir_fd, "link", "new", 3, 0600));
	text = io_read_file(dir_fd, "target", 100, NULL);
	cr_assert_str_eq(text, "keep");
	free(text);
	text = io_read_file(dir_fd, "link", 100, NULL);
	cr_assert_str_eq(text, "new");
	free(text);
}

Test(io, replace_file_leaves_nothing_behind_when_it_fails)
{
	cr_assert_eq(mkdirat(dir_fd, "d", 0700), 0);
	cr_assert_not(io_replace_file(dir_fd, "d", "x", 1, 0600));
	cr_assert_eq(errno, EISDIR);
	cr_assert_not(io_replace_file(dir_fd, "a/b", "x", 1, 0600));
	cr_assert_eq(errno, EINVAL);
	cr_assert_not(io_replace_file(dir_fd, "", "x", 1, 0600));
	cr_assert_eq(empty_directory(), 1);
	cr_assert_not(io_replace_file(-1, "f", "x", 1, 0600));
	cr_assert_eq(errno, EBADF);
}

Test(io, replace_file_takes_the_longest_name)
{
	char name[256];

	memset(name, 'n', 255);
	name[255] = '\0';
	cr_assert(io_replace_file(dir_fd, name, "", 0, 0600));
}

Test(io, read_file_reads_up_to_its_limit_and_refuses_one_byte_more)
{
	static char content[10000];
	size_t length;

	memset(content, 'c', sizeof(content));
	cr_assert(io_replace_file(dir_fd, "f", content, sizeof(content), 0600));
	for (size_t limit = sizeof(content) - 1; limit <= sizeof(content) + 1; limit++) {
		char *text = io_read_file(dir_fd, "f", limit, &length);

		cr_assert_eq(text != NULL, limit >= sizeof(content), "limit %zu", limit);
		if (text == NULL) {
			cr_assert_eq(errno, EFBIG);
			continue;
		}
		cr_assert_eq(length, sizeof(content));
		cr_assert_eq(strlen(text), sizeof(content));
		cr_assert_eq(memcmp(text, content, length), 0);
		free(text);
	}
	cr_assert(io_replace_file(dir_fd, "empty", "", 0, 0600));
	free(io_read_file(dir_fd, "empty", 0, &length));
	cr_assert_eq(length, 0);
}

Test(io, read_file_reads_files_without_a_size)
{
	char *text = io_read_file(AT_FDCWD, "/proc/self/status", 1 << 16, NULL);

	cr_assert_not_null(text);
	cr_assert_not_null(strstr(text, "Pid:"));
	free(text);
}

Test(io, read_file_neither_hangs_on_a_fifo_nor_reads_a_directory, .timeout = 5)
{
	cr_assert_eq(mkfifoat(dir_fd, "fifo", 0600), 0);
	cr_assert_null(io_read_file(dir_fd, "fifo", 10, NULL));
	cr_assert_eq(errno, EINVAL);
	cr_assert_null(io_read_file(dir_fd, ".", 10, NULL));
	cr_assert_eq(errno, EISDIR);
	cr_assert_null(io_read_file(dir_fd, "missing", 10, NULL));
	cr_assert_eq(errno, ENOENT);
}
