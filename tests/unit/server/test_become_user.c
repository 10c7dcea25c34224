#include <criterion/criterion.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/os_linux.h"
#include "server/become_user.h"

#define USER   64803u
#define FAILED 70

static void need_root(void)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
}

/* Exit status of act(plan) in a child without a place to complain to. */
static int status_of(int (*act)(const struct become_user *), const struct become_user *plan)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		dup2(open("/dev/null", O_RDWR | O_CLOEXEC), STDERR_FILENO);
		_exit(act(plan));
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int become(const struct become_user *plan)
{
	gid_t groups[8];
	uint64_t capabilities = 1;
	int count;

	become_user(plan);
	count = getgroups(8, groups);
	if (getuid() != plan->uid || getgid() != plan->gid || count != (int)plan->group_count)
		return 1;
	if (!os_capabilities_get(&capabilities) || capabilities != plan->keep_capabilities)
		return 2;
	if (setresuid(0, 0, 0) == 0 || setgid(0) == 0 || seteuid(0) == 0)
		return 3;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 4;
	if (prctl(PR_CAPBSET_READ, CAP_SETUID, 0, 0, 0) != 0)
		return 5;
	return 0;
}

Test(become_user, becomes_the_user_with_exactly_the_planned_groups)
{
	static const uint32_t groups[] = { 64810, 64811 };
	struct become_user plan = {
		.role = "test", .as_root = true, .root_dir_fd = -1, .uid = USER, .gid = USER
	};

	need_root();
	cr_assert_eq(status_of(become, &plan), 0);
	plan.groups = groups;
	plan.group_count = 2;
	cr_assert_eq(status_of(become, &plan), 0);
}

static int become_after_login_limits(const struct become_user *plan)
{
	become_user_limit_root("test", 0);
	return become(plan);
}

Test(become_user, goes_on_from_the_capabilities_of_a_login)
{
	struct become_user plan = {
		.role = "test", .as_root = true, .root_dir_fd = -1, .uid = USER, .gid = USER
	};

	need_root();
	cr_assert_eq(status_of(become_after_login_limits, &plan), 0);
}

static int become_with_low_ports_after_login_limits(const struct become_user *plan)
{
	become_user_limit_root("test", plan->keep_capabilities);
	return become(plan);
}

Test(become_user, keeps_exactly_what_the_plan_says)
{
	struct become_user plan = {
		.role = "test",
		.as_root = true,
		.root_dir_fd = -1,
		.uid = USER,
		.gid = USER,
		.keep_capabilities = UINT64_C(1) << CAP_NET_BIND_SERVICE,
	};
	uint64_t held;

	need_root();
	cr_assert(os_capabilities_get(&held));
	if ((held & plan.keep_capabilities) == 0)
		cr_skip_test("this root has no CAP_NET_BIND_SERVICE");
	cr_assert_eq(status_of(become_with_low_ports_after_login_limits, &plan), 0);
	cr_assert_eq(status_of(become, &plan), 0, "without a login before");
	cr_assert_eq(status_of(become_after_login_limits, &plan), FAILED,
	    "what was given up before cannot be kept");
}

static int become_and_look_around(const struct become_user *plan)
{
	int status = become(plan);

	if (status != 0)
		return status;
	if (access("/etc/passwd", F_OK) == 0 || access("/../../../etc/passwd", F_OK) == 0)
		return 6;
	return access("/inside", F_OK) == 0 && chroot("..") != 0 ? 0 : 7;
}

Test(become_user, sees_only_what_is_in_the_root_directory)
{
	struct become_user plan = { .role = "test", .as_root = true, .uid = USER, .gid = USER };
	char directory[] = "/tmp/transom-become-XXXXXX";

	need_root();
	cr_assert_not_null(mkdtemp(directory));
	cr_assert_eq(chmod(directory, 0755), 0);
	plan.root_dir_fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cr_assert_eq(mkdirat(plan.root_dir_fd, "inside", 0755), 0);
	cr_assert_eq(status_of(become_and_look_around, &plan), 0);
	unlinkat(plan.root_dir_fd, "inside", AT_REMOVEDIR);
	close(plan.root_dir_fd);
	rmdir(directory);
}

Test(become_user, refuses_to_become_root_in_any_way)
{
	static const uint32_t root_group[] = { 64810, 0 };
	const struct become_user plans[] = {
		{ .role = "test", .as_root = true, .root_dir_fd = -1, .uid = 0, .gid = USER },
		{ .role = "test", .as_root = true, .root_dir_fd = -1, .uid = USER, .gid = 0 },
		{ .role = "test",
		    .as_root = true,
		    .root_dir_fd = -1,
		    .uid = USER,
		    .gid = USER,
		    .groups = root_group,
		    .group_count = 2 },
	};

	need_root();
	for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++)
		cr_assert_eq(status_of(become, &plans[i]), FAILED, "plan %zu", i);
}

Test(become_user, a_step_that_fails_ends_the_process)
{
	struct become_user plan = { .role = "test", .as_root = true, .uid = USER, .gid = USER };

	need_root();
	plan.root_dir_fd = open("/dev/null", O_RDONLY | O_CLOEXEC); /* no directory */
	cr_assert_eq(status_of(become, &plan), FAILED);
	close(plan.root_dir_fd);
}

static int limit(const struct become_user *plan)
{
	uint64_t capabilities = 0;

	(void)plan;
	become_user_limit_root("test", 0);
	if (getuid() != 0 || !os_capabilities_get(&capabilities))
		return 1;
	if (capabilities &
	    ~((UINT64_C(1) << CAP_SETUID) | (UINT64_C(1) << CAP_SETGID) |
	        (UINT64_C(1) << CAP_SYS_CHROOT) | (UINT64_C(1) << CAP_DAC_READ_SEARCH)))
		return 2;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 3;
}

Test(become_user, limits_root_to_what_a_login_needs)
{
	need_root();
	cr_assert_eq(status_of(limit, NULL), 0);
}

static int stay(const struct become_user *plan)
{
	uint64_t capabilities = 1;

	become_user(plan);
	return os_capabilities_get(&capabilities) && capabilities == 0 &&
	               prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
	               prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0
	           ? 0
	           : 1;
}

Test(become_user, an_ordinary_user_keeps_the_uid_and_loses_the_rest)
{
	const struct become_user plan = { .role = "test", .root_dir_fd = -1 };

	cr_assert_eq(status_of(stay, &plan), 0);
}
