#include "server/become_user.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "server/base/os_linux.h"

#define EXIT_NOT_CONFINED 70 /* EX_SOFTWARE; stderr may be /dev/null, the status never is */
#define GROUPS_MAX_PROVEN 1024

/*
 * Root gives no capability on its own any more, nor can that be undone.  KEEP_CAPS: what is kept
 * and what is given up is said by capset alone, which every change makes and proves; a flag that
 * each process could set for itself would have to stay unlocked.
 */
#define LOCKED_SECUREBITS                                                                    \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_KEEP_CAPS | SECBIT_KEEP_CAPS_LOCKED | \
	    SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

#define CAPABILITY(name) (UINT64_C(1) << (name))

/* What a guard needs before login: to read users.d and open roots, and to become a user there. */
#define LOGIN_CAPABILITIES                                                              \
	(CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETGID) | CAPABILITY(CAP_SYS_CHROOT) | \
	    CAPABILITY(CAP_DAC_READ_SEARCH))

_Noreturn static void fail(const char *role, const char *step)
{
	dprintf(STDERR_FILENO, "transomd: %s: cannot give up privileges: %s: %s\n", role, step,
	    strerror(errno));
	_exit(EXIT_NOT_CONFINED);
}

/* A step that must succeed. */
static void must(bool ok, const char *role, const char *step)
{
	if (!ok)
		fail(role, step);
}

/* Something that must hold afterwards. */
static void prove(bool holds, const char *role, const char *what)
{
	if (holds)
		return;
	errno = ENOTRECOVERABLE;
	fail(role, what);
}

/* Both take CAP_SETPCAP, which is gone when become_user_limit_root was called before. */
static void lock_capabilities(const char *role)
{
	must(os_capabilities_bound(0), role, "bounding set");
	if (prctl(PR_GET_SECUREBITS, 0, 0, 0, 0) != LOCKED_SECUREBITS)
		must(prctl(PR_SET_SECUREBITS, LOCKED_SECUREBITS, 0, 0, 0) == 0, role, "securebits");
}

static void close_the_way_back(const char *role)
{
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, role, "no_new_privs");
	/* After the change of uid, which sets it anew. */
	must(prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0, role, "dumpable");
}

/* --- the change ----------------------------------------------------------------------------- */

static void refuse_root(const struct become_user *plan)
{
	bool root = plan->uid == 0 || plan->gid == 0;

	for (size_t i = 0; i < plan->group_count; i++)
		root = root || plan->groups[i] == 0;
	errno = EINVAL;
	must(!root, plan->role, "root or its group is nobody to become");
}

static void enter_root_directory(const struct become_user *plan)
{
	if (plan->root_dir_fd < 0)
		return;
	must(fchdir(plan->root_dir_fd) == 0, plan->role, "fchdir");
	must(chroot(".") == 0, plan->role, "chroot");
	must(chdir("/") == 0, plan->role, "chdir");
}

static void change_ids(const struct become_user *plan)
{
	gid_t groups[GROUPS_MAX_PROVEN];

	errno = EINVAL;
	must(plan->group_count <= GROUPS_MAX_PROVEN, plan->role, "too many groups");
	for (size_t i = 0; i < plan->group_count; i++)
		groups[i] = plan->groups[i];
	/* Groups first: afterwards nobody may set them.  A forgotten group 0 is the classic hole.
	 */
	must(setgroups(plan->group_count, groups) == 0, plan->role, "setgroups");
	must(setresgid(plan->gid, plan->gid, plan->gid) == 0, plan->role, "setresgid");
	/* While there is still the right to do it. */
	lock_capabilities(plan->role);
	must(setresuid(plan->uid, plan->uid, plan->uid) == 0, plan->role, "setresuid");
	must(os_capabilities_set(plan->keep_capabilities), plan->role, "capset");
}

/* --- the proof ------------------------------------------------------------------------------ */

static void prove_ids(const struct become_user *plan)
{
	uid_t real_uid, effective_uid, saved_uid;
	gid_t real_gid, effective_gid, saved_gid;

	must(getresuid(&real_uid, &effective_uid, &saved_uid) == 0, plan->role, "getresuid");
	must(getresgid(&real_gid, &effective_gid, &saved_gid) == 0, plan->role, "getresgid");
	prove(real_uid == plan->uid && effective_uid == plan->uid && saved_uid == plan->uid,
	    plan->role, "the uids are not those planned");
	prove(real_gid == plan->gid && effective_gid == plan->gid && saved_gid == plan->gid,
	    plan->role, "the gids are not those planned");
}

static bool planned_group(const struct become_user *plan, gid_t group)
{
	for (size_t i = 0; i < plan->group_count; i++)
		if (plan->groups[i] == group)
			return true;
	return false;
}

/* The kernel sorts the groups and may drop duplicates: compare as sets. */
static void prove_groups(const struct become_user *plan)
{
	gid_t groups[GROUPS_MAX_PROVEN];
	int count = getgroups(GROUPS_MAX_PROVEN, groups);

	must(count >= 0, plan->role, "getgroups");
	prove((size_t)count <= plan->group_count, plan->role, "there are more groups than planned");
	for (int i = 0; i < count; i++)
		prove(planned_group(plan, groups[i]), plan->role,
		    "a group is not among those planned");
}

static void prove_no_way_back(const struct become_user *plan)
{
	prove(setresuid(0, 0, 0) != 0, plan->role, "setresuid(0) works still");
	prove(setresgid(0, 0, 0) != 0, plan->role, "setresgid(0) works still");
	prove(setuid(0) != 0, plan->role, "setuid(0) works still");
	if ((plan->keep_capabilities & CAPABILITY(CAP_SETGID)) == 0)
		prove(setgroups(0, NULL) != 0, plan->role, "setgroups works still");
	if ((plan->keep_capabilities & CAPABILITY(CAP_SYS_CHROOT)) == 0)
		prove(chroot("/") != 0, plan->role, "chroot works still");
}

static void prove_capabilities(const char *role, uint64_t expected)
{
	uint64_t capabilities = 0;

	must(os_capabilities_get(&capabilities), role, "capget");
	prove(capabilities == expected, role, "the capabilities are not those planned");
	prove(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, role, "no_new_privs is not set");
	prove(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0, role, "the process is dumpable");
}

void become_user(const struct become_user *plan)
{
	if (plan->as_root) {
		refuse_root(plan);
		enter_root_directory(plan);
		change_ids(plan);
	} else {
		/* An ordinary user may hold capabilities too: systemd's AmbientCapabilities. */
		must(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0, plan->role,
		    "ambient capabilities");
		must(os_capabilities_set(plan->keep_capabilities), plan->role, "capset");
	}
	close_the_way_back(plan->role);
	if (plan->as_root) {
		prove_ids(plan);
		prove_groups(plan);
		prove_no_way_back(plan);
	}
	prove_capabilities(plan->role, plan->keep_capabilities);
}

void become_user_limit_root(const char *role, uint64_t extra_capabilities)
{
	uint64_t keep = LOGIN_CAPABILITIES | extra_capabilities;
	uint64_t now = 0;

	must(os_capabilities_get(&now), role, "capget");
	lock_capabilities(role);
	/* A container may have given less than root usually has: what is missing shows when it is
	 * used. */
	must(os_capabilities_set(keep & now), role, "capset");
	close_the_way_back(role);
	prove_capabilities(role, keep & now);
}
