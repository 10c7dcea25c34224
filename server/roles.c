#include "server/roles.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/base/text.h"
#include "vfs/vfs_types.h"

#define MIB          (UINT64_C(1) << 20)
#define EXIT_NO_EXEC 127

#define VARIABLE_ROLE       "TRANSOM_ROLE"
#define VARIABLE_GENERATION "TRANSOM_GENERATION"
#define VARIABLE_ACCOUNT    "TRANSOM_ACCOUNT"
/* Titles are written over arguments and environment: this makes room for a long user name. */
#define VARIABLE_ROOM       "TRANSOM_ROOM"

const struct role role_table[ROLE_COUNT] = {
	[ROLE_MASTER] = {
		.name = "master", .account = ROLE_IS_ROOT, .root = ROLE_SEES_HOST,
		.starts_others = true, .files = ROLE_FILES_MANY,
		.holds = "listeners, door (both ends), configuration snapshot, control socket and its lock, "
			 "a socket to each started role",
	},
	[ROLE_CLERK] = {
		.name = "clerk", .account = ROLE_IS_CLERK_USER, .root = ROLE_SEES_NOTHING,
		.confined = true, .profile = SANDBOX_CLERK, .files = ROLE_FILES_MANY,
		.holds = "log, door (receiving end), control socket, a socket to the master and to each client",
	},
	[ROLE_KEEPER] = {
		.name = "keeper", .account = ROLE_IS_KEEPER_USER, .root = ROLE_SEES_NOTHING,
		.confined = true, .profile = SANDBOX_KEEPER, .files = ROLE_FILES_MANY,
		.holds = "private keys; its door (receiving end), a socket to each client",
	},
	[ROLE_NURSERY] = {
		.name = "nursery", .account = ROLE_IS_ROOT, .root = ROLE_SEES_HOST,
		.starts_others = true, .files = ROLE_FILES_MANY,
		.holds = "listeners, doors (sending ends), users_dir, empty directory, leashes of the pairs",
	},
	[ROLE_GUARD] = {
		.name = "guard", .account = ROLE_IS_LOGGED_IN_USER, .root = ROLE_SEES_USERS_ROOT,
		.confined = true, .profile = SANDBOX_GUARD_USER, .files = 2 * VFS_HANDLES_MAX + 256,
		.holds = "wall, doors, clerk, leash, keeper; idle: listeners, users_dir; later: mounts, open files",
	},
	[ROLE_FRONT] = {
		.name = "front", .account = ROLE_IS_FRONT_USER, .root = ROLE_SEES_NOTHING,
		.confined = true, .profile = SANDBOX_FRONT, .files = VFS_HANDLES_MAX + 64, .memory_bytes = 512 * MIB,
		.holds = "wall; client's connection, one data connection and an ended one, open files",
	},
};

/* --- starting ------------------------------------------------------------------------------- */

/* Two steps, so that no descriptor is overwritten before it was moved. */
static bool place_descriptors(const struct roles_start *start)
{
	int beyond = ROLE_FD_DOOR + (int)start->fd_count;
	int *moved = calloc(start->fd_count + 1, sizeof(*moved));
	bool ok = moved != NULL;

	for (size_t i = 0; ok && i < start->fd_count; i++) {
		moved[i] = -1;
		if (start->fds[i] >= 0) {
			moved[i] = fcntl(start->fds[i], F_DUPFD_CLOEXEC, beyond);
			ok = moved[i] >= 0;
		}
	}
	for (size_t i = 0; ok && i < start->fd_count; i++) {
		int number = ROLE_FD_DOOR + (int)i;

		if (moved[i] >= 0)
			ok = dup2(moved[i], number) >= 0; /* open across exec */
		else
			close(number);
	}
	free(moved);
	return ok;
}

static bool set_environment(const struct roles_start *start)
{
	char generation[16];
	char account[32];
	char room[97];

	memset(room, ' ', sizeof(room) - 1);
	room[sizeof(room) - 1] = '\0';
	snprintf(generation, sizeof(generation), "%" PRIu32, start->generation);
	snprintf(account, sizeof(account), "%" PRIu32 ":%" PRIu32, start->account.uid,
	    start->account.gid);
	return setenv(VARIABLE_ROLE, role_table[start->role].name, 1) == 0 &&
	       setenv(VARIABLE_GENERATION, generation, 1) == 0 &&
	       setenv(VARIABLE_ACCOUNT, account, 1) == 0 && setenv(VARIABLE_ROOM, room, 1) == 0;
}

static bool silence_input_and_output(void)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	return null_fd >= 0 && dup2(null_fd, STDIN_FILENO) >= 0 &&
	       dup2(null_fd, STDOUT_FILENO) >= 0;
}

_Noreturn static void become_role(const struct roles_start *start)
{
	char title[64];
	char *arguments[] = { title, NULL };
	sigset_t none;

	snprintf(title, sizeof(title), "transomd: %s", role_table[start->role].name);
	sigemptyset(&none);
	setpgid(0, 0);
	if (silence_input_and_output() && place_descriptors(start) && set_environment(start) &&
	    sigprocmask(SIG_SETMASK, &none, NULL) == 0)
		/* The very binary that runs, even when the file was replaced meanwhile. */
		execv("/proc/self/exe", arguments);
	dprintf(STDERR_FILENO, "transomd: cannot start the %s: %s\n", role_table[start->role].name,
	    strerror(errno));
	_exit(EXIT_NO_EXEC);
}

pid_t roles_start(const struct roles_start *start)
{
	pid_t pid = fork();

	if (pid == 0)
		become_role(start);
	/* Here too: the group must exist when we signal it, whoever runs first. */
	if (pid > 0)
		setpgid(pid, pid);
	return pid;
}

/* --- being started -------------------------------------------------------------------------- */

enum role_id roles_take_from_environment(void)
{
	static const enum role_id started[] = { ROLE_CLERK, ROLE_KEEPER, ROLE_NURSERY };
	const char *name = getenv(VARIABLE_ROLE);
	enum role_id role = ROLE_MASTER;

	for (size_t i = 0; name != NULL && i < sizeof(started) / sizeof(started[0]); i++)
		if (strcmp(name, role_table[started[i]].name) == 0)
			role = started[i];
	unsetenv(VARIABLE_ROLE);
	unsetenv(VARIABLE_ROOM);
	return role;
}

uint32_t roles_generation_from_environment(void)
{
	const char *text = getenv(VARIABLE_GENERATION);
	uint64_t number = 0;

	if (text == NULL || !text_parse_u64(text, &number))
		return 0;
	return (uint32_t)number;
}

bool roles_account_from_environment(struct roles_account *out)
{
	const char *text = getenv(VARIABLE_ACCOUNT);

	return text != NULL && sscanf(text, "%" SCNu32 ":%" SCNu32, &out->uid, &out->gid) == 2;
}

/* --- limits --------------------------------------------------------------------------------- */

static void set_limit(int resource, rlim_t value)
{
	struct rlimit limit = { .rlim_cur = value, .rlim_max = value };
	struct rlimit now;

	if (getrlimit((__rlimit_resource_t)resource, &now) == 0 && value > now.rlim_max)
		limit.rlim_cur = limit.rlim_max = now.rlim_max;
	setrlimit((__rlimit_resource_t)resource, &limit);
}

void roles_apply_limits(enum role_id role)
{
	const struct role *row = &role_table[role];

	if (row->files != ROLE_FILES_MANY)
		set_limit(RLIMIT_NOFILE, row->files);
	if (!row->starts_others)
		set_limit(RLIMIT_NPROC, 0);
	if (row->confined)
		set_limit(RLIMIT_CORE, 0);
	/* Shadow memory of a sanitizer reserves terabytes. */
	if (row->memory_bytes != 0 && !sandbox_is_sanitized())
		set_limit(RLIMIT_AS, row->memory_bytes);
}

void roles_raise_files(pid_t pid, uint64_t files)
{
	struct rlimit now;
	struct rlimit wanted = { .rlim_cur = files, .rlim_max = files };

	if (prlimit(pid, RLIMIT_NOFILE, NULL, &now) != 0 || now.rlim_cur >= files)
		return;
	if (wanted.rlim_max < now.rlim_max)
		wanted.rlim_max = now.rlim_max;
	if (prlimit(pid, RLIMIT_NOFILE, &wanted, NULL) == 0)
		return;
	wanted.rlim_cur = wanted.rlim_max = now.rlim_max;
	prlimit(pid, RLIMIT_NOFILE, &wanted, NULL);
}
