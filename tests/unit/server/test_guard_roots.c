/* Opening a user's directory for root: whose symbolic links may lead there. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/guard_private.h"

static char base[] = "/tmp/transom-roots-XXXXXX";

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static void make_tree(void)
{
	cr_assert_not_null(mkdtemp(base));
	cr_assert_eq(chdir(base), 0);
	cr_assert_eq(mkdir("real", 0755), 0);
	cr_assert_eq(mkdir("real/in", 0755), 0);
	cr_assert_eq(symlink("real", "link"), 0);
	cr_assert_eq(symlink("link/in", "twice"), 0);
	cr_assert_eq(symlink("loop", "loop"), 0);
	cr_assert_eq(symlink("../real/../real/in", "real/up"), 0);
	cr_assert_eq(close(creat("file", 0644)), 0);
}

static void remove_tree(void)
{
	nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The inode behind base/relative as guard_root_open finds it, or -errno. */
static long open_inode(const char *relative, bool trust_links)
{
	char path[VFS_PATH_MAX];
	struct stat status;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", base, relative);
	fd = guard_root_open(path, trust_links);
	if (fd < 0)
		return -errno;
	cr_assert_eq(fstat(fd, &status), 0);
	cr_expect(S_ISDIR(status.st_mode));
	cr_expect((fcntl(fd, F_GETFL) & O_PATH) != 0, "no directory that could be read from");
	close(fd);
	return (long)status.st_ino;
}

static long inode_of(const char *relative)
{
	struct stat status;

	cr_assert_eq(stat(relative, &status), 0);
	return (long)status.st_ino;
}

Test(guard_roots, plain_directories_open_and_what_is_none_does_not, .init = make_tree,
    .fini = remove_tree)
{
	for (int trust = 0; trust <= 1; trust++) {
		cr_expect_eq(open_inode("real/in", trust), inode_of("real/in"));
		cr_expect_eq(open_inode("real//./in/", trust), inode_of("real/in"));
		cr_expect_eq(open_inode("real/in/..", trust), inode_of("real"));
		cr_expect_eq(open_inode("absent", trust), -ENOENT);
		cr_expect_eq(open_inode("real/absent/x", trust), -ENOENT);
		cr_expect_eq(open_inode("file", trust), -ENOTDIR);
		cr_expect_eq(open_inode("file/x", trust), -ENOTDIR);
		cr_expect_eq(open_inode("loop", trust), -ELOOP);
	}
}

Test(guard_roots, links_of_root_are_followed_anywhere_on_the_way, .init = make_tree,
    .fini = remove_tree)
{
	char absolute[VFS_PATH_MAX];

	if (geteuid() != 0) {
		remove_tree();
		cr_skip_test("only root makes links that belong to root");
	}
	snprintf(absolute, sizeof(absolute), "%s/real", base);
	cr_assert_eq(symlink(absolute, "absolute"), 0);
	cr_expect_eq(open_inode("link", false), inode_of("real"));
	cr_expect_eq(open_inode("link/in", false), inode_of("real/in"));
	cr_expect_eq(open_inode("twice", false), inode_of("real/in"));
	cr_expect_eq(open_inode("real/up", false), inode_of("real/in"));
	cr_expect_eq(open_inode("absolute/in", false), inode_of("real/in"));
}

Test(guard_roots, a_link_of_somebody_else_is_refused_where_root_opens, .init = make_tree,
    .fini = remove_tree)
{
	/* As an ordinary user every link made here is such a link already. */
	if (geteuid() == 0) {
		cr_assert_eq(lchown("link", 4711, 4711), 0);
		cr_assert_eq(lchown("real/up", 4711, 4711), 0);
	}
	cr_expect_eq(open_inode("link", false), -ELOOP, "as last component");
	cr_expect_eq(open_inode("link/in", false), -ELOOP, "on the way");
	cr_expect_eq(open_inode("twice", false), -ELOOP, "behind a link of root");
	cr_expect_eq(open_inode("real/up", false), -ELOOP);
	cr_expect_eq(open_inode("link/in", true), inode_of("real/in"), "an ordinary user may");
}

/* --- files that say who the user is -------------------------------------------------------------
 */

#define NOBODY 64801u

/* The reason why base/relative is not read, "" when it is, with this content. */
static const char *read_as(
    const char *relative, bool trust_links, uint32_t owner, const char *content)
{
	const char *why = NULL;
	char path[VFS_PATH_MAX];
	size_t length = 0;
	char *text;

	snprintf(path, sizeof(path), "%s/%s", base, relative);
	text = guard_root_read(path, trust_links, owner, 16, &length, &why);
	if (text == NULL)
		return why;
	cr_expect_null(why);
	cr_expect_eq(length, strlen(content));
	cr_expect_str_eq(text, content);
	free(text);
	return "";
}

static void write_keys(const char *path, const char *text, mode_t mode, uid_t owner)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	cr_assert_eq(fchmod(fd, mode), 0);
	cr_assert(geteuid() != 0 || fchown(fd, owner, (gid_t)-1) == 0);
	close(fd);
}

Test(guard_roots, a_file_of_ours_is_read_whole, .init = make_tree, .fini = remove_tree)
{
	write_keys("real/keys", "ssh-ed25519", 0644, geteuid());
	write_keys("real/empty", "", 0600, geteuid());
	for (int trust = geteuid() != 0; trust <= 1; trust++) {
		cr_expect_str_eq(read_as("real/keys", trust, geteuid(), "ssh-ed25519"), "");
		cr_expect_str_eq(read_as("link/keys", trust, geteuid(), "ssh-ed25519"), "");
		cr_expect_str_eq(read_as("real/empty", trust, geteuid(), ""), "");
		cr_expect_str_eq(
		    read_as("real/absent", trust, geteuid(), ""), "there is no such file");
	}
}

Test(guard_roots, a_file_that_others_can_write_is_not_read, .init = make_tree, .fini = remove_tree)
{
	write_keys("real/group", "x", 0664, geteuid());
	write_keys("real/world", "x", 0606, geteuid());
	write_keys("real/large", "01234567890123456", 0600, geteuid());
	cr_assert_eq(symlink("group", "real/linked"), 0);
	cr_assert_eq(mkfifo("real/fifo", 0600), 0);
	for (int trust = 0; trust <= 1; trust++) {
		if (geteuid() != 0 && !trust)
			continue;
		cr_expect_not_null(
		    strstr(read_as("real/group", trust, geteuid(), ""), "others than its owner"));
		cr_expect_not_null(
		    strstr(read_as("real/world", trust, geteuid(), ""), "others than its owner"));
		cr_expect_str_eq(read_as("real/large", trust, geteuid(), ""), "it is too large");
		cr_expect_str_eq(
		    read_as("real/fifo", trust, geteuid(), ""), "it is not a regular file");
		cr_expect_str_eq(read_as("real", trust, geteuid(), ""), "it is not a regular file");
		/* Last in the path, a link is never followed, whoever made it. */
		cr_expect_not_null(
		    strstr(read_as("real/linked", trust, geteuid(), ""), "symbolic link"));
	}
}

Test(guard_roots, only_root_and_the_owner_can_have_put_it_there, .init = make_tree,
    .fini = remove_tree)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
	write_keys("real/own", "own", 0600, NOBODY);
	write_keys("real/roots", "roots", 0600, 0);
	write_keys("real/stranger", "x", 0600, NOBODY + 1);
	cr_expect_str_eq(read_as("real/own", false, NOBODY, "own"), "");
	cr_expect_str_eq(read_as("real/roots", false, NOBODY, "roots"), "");
	cr_expect_not_null(strstr(
	    read_as("real/stranger", false, NOBODY, ""), "neither to root nor to files_user"));
	/* A directory on the way: the owner's is fine, a stranger's or a shared one is not. */
	cr_assert_eq(chown("real", NOBODY, 0), 0);
	cr_expect_str_eq(read_as("real/own", false, NOBODY, "own"), "");
	cr_assert_eq(chmod("real", 0775), 0);
	cr_expect_not_null(strstr(read_as("real/own", false, NOBODY, ""), "a directory above it"));
	cr_assert_eq(chmod("real", 01777), 0);
	cr_expect_str_eq(read_as("real/own", false, NOBODY, "own"), "");
	cr_assert_eq(chown("real", NOBODY + 1, 0), 0);
	cr_expect_not_null(strstr(read_as("real/own", false, NOBODY, ""), "a directory above it"));
	/* A link of somebody else on the way. */
	cr_assert_eq(chown("real", 0, 0), 0);
	cr_assert_eq(chmod("real", 0755), 0);
	cr_assert_eq(lchown("link", NOBODY, 0), 0);
	cr_expect_not_null(strstr(read_as("link/own", false, NOBODY, ""), "symbolic link"));
}
