#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/os_linux.h"

static char directory[64];
static int dir_fd;

static void enter(void)
{
	const char *base = getenv("TMPDIR");

	snprintf(directory, sizeof(directory), "%s/transom-os-XXXXXX",
	    base != NULL && strlen(base) < 40 ? base : "/tmp");
	cr_assert_not_null(mkdtemp(directory));
	dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(dir_fd, 0);
	cr_assert_eq(mkdirat(dir_fd, "a", 0700), 0);
	cr_assert_eq(mkdirat(dir_fd, "b", 0700), 0);
	close(openat(dir_fd, "a/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	cr_assert_eq(symlinkat("/etc/passwd", dir_fd, "a/out"), 0);
}

static void leave(void)
{
	static const char *const files[] = { "a/file", "a/out", "a/new", "b/file", "b/new" };

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlinkat(dir_fd, files[i], 0);
	unlinkat(dir_fd, "a", AT_REMOVEDIR);
	unlinkat(dir_fd, "b", AT_REMOVEDIR);
	close(dir_fd);
	rmdir(directory);
}

/* criterion runs no .fini after a skip. */
static void skip(const char *why)
{
	leave();
	cr_skip_test("%s", why);
}

TestSuite(os_linux, .init = enter, .fini = leave, .timeout = 10);

/* Run in a process of its own what cannot be undone; its exit status says which check failed. */
static void in_child(int (*run)(void))
{
	pid_t child = fork();
	int status;

	cr_assert_geq(child, 0);
	if (child == 0)
		_exit(run());
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status), "the child died");
	cr_assert_eq(WEXITSTATUS(status), 0, "check %d failed", WEXITSTATUS(status));
}

Test(os_linux, openat2_stays_beneath_and_closes_on_exec)
{
	int fd = os_openat2(dir_fd, "a/file", O_RDONLY, 0, RESOLVE_BENEATH);

	cr_assert_geq(fd, 0);
	cr_assert_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	cr_assert_eq(os_openat2(dir_fd, "a/out", O_RDONLY, 0, RESOLVE_BENEATH), -1);
	cr_assert_eq(errno, EXDEV);
	cr_assert_eq(os_openat2(dir_fd, "../x", O_RDONLY, 0, RESOLVE_BENEATH), -1);
	cr_assert_eq(errno, EXDEV);
	cr_assert_eq(os_openat2(dir_fd, "a/out", O_RDONLY, 0, RESOLVE_IN_ROOT), -1);
	cr_assert_eq(errno, ENOENT);
}

Test(os_linux, openat2_uses_the_mode_only_when_it_creates)
{
	struct stat st;
	int fd;

	umask(0);
	fd = os_openat2(dir_fd, "a/new", O_WRONLY | O_CREAT | O_EXCL, 0640, RESOLVE_IN_ROOT);
	cr_assert_geq(fd, 0);
	cr_assert_eq(fstat(fd, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0640);
	close(fd);
	fd = os_openat2(dir_fd, "a/new", O_RDONLY, 0640, RESOLVE_IN_ROOT);
	cr_assert_geq(fd, 0, "a mode without O_CREAT must not matter");
	close(fd);
}

Test(os_linux, fchmodat2_changes_files_and_never_what_a_link_points_to)
{
	struct stat before, after;

	if (os_fchmodat2(dir_fd, "a/file", 0604, AT_SYMLINK_NOFOLLOW) != 0) {
		cr_assert_eq(errno, ENOSYS);
		skip("kernel before 6.6");
	}
	cr_assert_eq(fstatat(dir_fd, "a/file", &after, 0), 0);
	cr_assert_eq(after.st_mode & 07777, 0604);
	cr_assert_eq(stat("/etc/passwd", &before), 0);
	cr_assert_eq(os_fchmodat2(dir_fd, "a/out", 0777, AT_SYMLINK_NOFOLLOW), -1);
	cr_assert_eq(stat("/etc/passwd", &after), 0);
	cr_assert_eq(before.st_mode, after.st_mode);
}

static int close_some(void)
{
	int keep[4] = { 34, -1, 31, 37 };

	for (int fd = 30; fd < 40; fd++)
		if (dup2(dir_fd, fd) != fd)
			return 1;
	if (!os_close_all_but(30, keep, 4))
		return 2;
	for (int fd = 30; fd < 40; fd++) {
		bool open = fcntl(fd, F_GETFD) >= 0;

		if (open != (fd == 31 || fd == 34 || fd == 37))
			return fd;
	}
	if (fcntl(2, F_GETFD) < 0)
		return 3;
	if (!os_close_all_but(32, keep, 4) || fcntl(31, F_GETFD) < 0)
		return 4;
	if (!os_close_all_but(3, NULL, 0) || fcntl(31, F_GETFD) >= 0)
		return 5;
	return 0;
}

Test(os_linux, closes_all_descriptors_but_the_kept_ones)
{
	in_child(close_some);
}

static bool can_open(const char *path, int flags)
{
	int fd = openat(dir_fd, path, flags | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static int confine_nothing_allowed(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return 1;
	if (os_landlock_confine(NULL, 0, false) <= 0)
		return 2;
	if (can_open("a/file", O_RDONLY) || errno != EACCES)
		return 3;
	if (can_open("/etc/passwd", O_RDONLY))
		return 4;
	return 0;
}

static int confine_to_one_directory(void)
{
	struct os_landlock_dir dirs[2] = { { .write = true }, { .write = false } };

	dirs[0].fd = openat(dir_fd, "a", O_PATH | O_DIRECTORY | O_CLOEXEC);
	dirs[1].fd = openat(dir_fd, "b", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return 1;
	if (os_landlock_confine(dirs, 2, true) <= 0)
		return 2;
	if (!can_open("a/file", O_RDWR | O_TRUNC) || !can_open("a/new", O_WRONLY | O_CREAT))
		return 3;
	if (!can_open("b", O_RDONLY | O_DIRECTORY) || can_open("b/new", O_WRONLY | O_CREAT))
		return 4;
	if (can_open("/etc/passwd", O_RDONLY) || can_open(".", O_RDONLY | O_DIRECTORY))
		return 5;
	if (renameat(dir_fd, "a/new", dir_fd, "b/new") == 0)
		return 6;
	if (renameat(dir_fd, "a/new", dir_fd, "a/file") != 0)
		return 7;
	if (mknodat(dir_fd, "a/fifo", S_IFIFO | 0600, 0) == 0)
		return 8;
	return 0;
}

static int bind_loopback(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int result = bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0 ? 0 : errno;

	close(fd);
	return result;
}

static int confine_tcp(void)
{
	int abi = os_landlock_abi();

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return 1;
	if (os_landlock_confine(NULL, 0, true) != abi || bind_loopback() != 0)
		return 2;
	if (os_landlock_confine(NULL, 0, false) != abi)
		return 3;
	return bind_loopback() == (abi >= 4 ? EACCES : 0) ? 0 : 4;
}

static int refuse_without_no_new_privs(void)
{
	if (os_capabilities_set(0) && os_landlock_confine(NULL, 0, false) == -1 && errno == EPERM)
		return 0;
	return 1;
}

Test(os_linux, landlock_confines_as_far_as_the_kernel_knows_it)
{
	if (os_landlock_abi() == 0)
		skip("no Landlock here");
	in_child(confine_nothing_allowed);
	in_child(confine_to_one_directory);
	in_child(confine_tcp);
	in_child(refuse_without_no_new_privs);
}

static int drop_capabilities(void)
{
	uint64_t held;

	if (!os_capabilities_bound(UINT64_C(1) << CAP_SETUID))
		return 1;
	if (prctl(PR_CAPBSET_READ, CAP_SETUID, 0, 0, 0) != 1)
		return 2;
	if (prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) != 0)
		return 3;
	if (!os_capabilities_set(UINT64_C(1) << CAP_SETUID) || !os_capabilities_get(&held))
		return 4;
	if (held != UINT64_C(1) << CAP_SETUID)
		return 5;
	if (!os_capabilities_set(0) || !os_capabilities_get(&held) || held != 0)
		return 6;
	/* There is no way back. */
	return os_capabilities_set(1) ? 7 : 0;
}

static int look_at_low_ports(void)
{
	const uint64_t bind_service = UINT64_C(1) << CAP_NET_BIND_SERVICE;
	bool anybody;

	if (!os_capabilities_set(bind_service) || !os_may_bind_port(20) || !os_may_bind_port(1))
		return 1;
	if (!os_capabilities_set(0) || !os_may_bind_port(UINT16_MAX))
		return 2;
	anybody = os_may_bind_port(20);
	/* Where the administrator lowers the border, it is lowered for all ports above it. */
	return anybody && !os_may_bind_port(1023) ? 3 : 0;
}

Test(os_linux, low_ports_take_the_capability_or_an_administrator_who_frees_them)
{
	uint64_t held;

	cr_assert(os_capabilities_get(&held));
	if (geteuid() != 0 || (held >> CAP_NET_BIND_SERVICE & 1) == 0)
		skip("needs root");
	in_child(look_at_low_ports);
}

Test(os_linux, drops_capabilities_for_good)
{
	uint64_t held;

	cr_assert(os_capabilities_get(&held));
	if (geteuid() != 0 || (held >> CAP_SETPCAP & 1) == 0)
		skip("needs root");
	in_child(drop_capabilities);
}

Test(os_linux, every_socket_has_a_name_of_its_own_and_nothing_else_has_one)
{
	int one[2], other[2], pipes[2];
	int copy;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, one), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, other), 0);
	cr_assert_eq(pipe(pipes), 0);
	copy = dup(one[0]);
	cr_assert_neq(os_socket_cookie(one[0]), 0);
	cr_assert_eq(os_socket_cookie(copy), os_socket_cookie(one[0]));
	cr_assert_neq(os_socket_cookie(one[0]), os_socket_cookie(one[1]));
	cr_assert_neq(os_socket_cookie(one[0]), os_socket_cookie(other[0]));
	cr_assert_eq(os_socket_cookie(pipes[0]), 0);
	cr_assert_eq(os_socket_cookie(-1), 0);
	close(copy);
	for (int i = 0; i < 2; i++) {
		close(one[i]);
		close(other[i]);
		close(pipes[i]);
	}
}

Test(os_linux, tells_the_ports_that_the_system_chooses_from)
{
	unsigned wanted_first, wanted_last;
	uint16_t first, last;
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");

	os_local_ports(&first, &last);
	cr_assert(first > 0 && first <= last);
	if (file == NULL)
		return;
	cr_assert_eq(fscanf(file, "%u %u", &wanted_first, &wanted_last), 2);
	fclose(file);
	cr_assert_eq(first, wanted_first);
	cr_assert_eq(last, wanted_last);
}
