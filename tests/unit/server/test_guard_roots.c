/* Opening a user's directory for root: whose symbolic links may lead there. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
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
