#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/sandbox_profiles.h"

/* What became of one system call in a sandboxed child. */
struct outcome {
	bool killed; /* by SIGSYS */
	int error;   /* errno; 0: it succeeded */
};

static void enter(enum sandbox_profile profile)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		_exit(250);
	sandbox_enter(profile);
}

/* The errno comes back as exit status: all of ours are below 200. */
static struct outcome try_call(enum sandbox_profile profile, long call, const long arguments[6])
{
	struct outcome out = { 0 };
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		long result;

		enter(profile);
		result = syscall(call, arguments[0], arguments[1], arguments[2], arguments[3],
		    arguments[4], arguments[5]);
		_exit(result == -1 ? errno : 0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		out.killed = WTERMSIG(status) == SIGSYS;
	else
		out.error = WEXITSTATUS(status);
	cr_assert(out.killed || WIFEXITED(status), "call %ld: signal %d", call, WTERMSIG(status));
	return out;
}

/* Harmless arguments that a row's conditions let pass. */
static void arguments_for(const struct sandbox_row *row, long arguments[6])
{
	for (int i = 0; i < 6; i++)
		arguments[i] = -1;
	for (int i = 0; i < SANDBOX_MATCH_MAX && row->when[i].mask != 0; i++)
		arguments[row->when[i].argument] = (long)row->when[i].value;
}

/* Calls that cannot be tried with nonsense for arguments. */
static bool is_untriable(const char *call)
{
	return strcmp(call, "exit") == 0 || strcmp(call, "exit_group") == 0 ||
	       strcmp(call, "rt_sigreturn") == 0 || strcmp(call, "umask") == 0;
}

static void walk(void (*check)(enum sandbox_profile, const struct sandbox_row *, long call))
{
	cr_assert(sandbox_prepare());
	for (int profile = 0; profile < SANDBOX_PROFILE_COUNT; profile++) {
		for (size_t i = 0; i < sandbox_row_count; i++) {
			long call = seccomp_syscall_resolve_name(sandbox_rows[i].call);

			if (call >=
			    0) /* else: not on this architecture, or too young for this library */
				check((enum sandbox_profile)profile, &sandbox_rows[i], call);
		}
	}
}

static void check_kill(enum sandbox_profile profile, const struct sandbox_row *row, long call)
{
	const long zeros[6] = { 0 };

	if (row->kill & (1u << profile))
		cr_assert(try_call(profile, call, zeros).killed, "%s: %s",
		    sandbox_profile_name(profile), row->call);
}

Test(sandbox, deadly_calls_kill)
{
	walk(check_kill);
}

static void check_soft(enum sandbox_profile profile, const struct sandbox_row *row, long call)
{
	const long arguments[6] = { -1, -1, -1, -1, -1, -1 };
	struct outcome out;

	if ((row->soft & (1u << profile)) == 0)
		return;
	out = try_call(profile, call, arguments);
	cr_assert(!out.killed && out.error == row->soft_errno, "%s: %s: %s",
	    sandbox_profile_name(profile), row->call, strerror(out.error));
}

Test(sandbox, soft_calls_fail_with_the_errno_of_their_row)
{
	walk(check_soft);
}

static void check_allow(enum sandbox_profile profile, const struct sandbox_row *row, long call)
{
	long arguments[6];
	struct outcome out;

	if ((row->allow & (1u << profile)) == 0 || is_untriable(row->call))
		return;
	arguments_for(row, arguments);
	out = try_call(profile, call, arguments);
	cr_assert(!out.killed && out.error != EPERM && out.error != EACCES, "%s: %s: %s",
	    sandbox_profile_name(profile), row->call, strerror(out.error));
}

Test(sandbox, allowed_calls_reach_the_kernel)
{
	walk(check_allow);
}

Test(sandbox, no_row_contradicts_itself_or_an_unconditional_other)
{
	for (size_t i = 0; i < sandbox_row_count; i++) {
		const struct sandbox_row *a = &sandbox_rows[i];

		cr_assert_eq(a->allow & a->soft, 0, "%s", a->call);
		cr_assert_eq((a->allow | a->soft) & a->kill, 0, "%s", a->call);
		cr_assert_eq(a->soft != 0, a->soft_errno != 0, "%s", a->call);
		for (size_t j = 0; j < i; j++) {
			const struct sandbox_row *b = &sandbox_rows[j];
			unsigned both =
			    (a->allow | a->soft | a->kill) & (b->allow | b->soft | b->kill);

			if (strcmp(a->call, b->call) == 0)
				cr_assert(
				    both == 0 || (a->when[0].mask != 0 && b->when[0].mask != 0),
				    "%s", a->call);
		}
	}
}

/* What a condition is there to keep out: refused with EPERM, the default of the confined profiles.
 */
static const struct {
	const char *call;
	long arguments[6];
} kept_out[] = {
	{ "mmap", { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
	{ "mmap", { 0, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
	{ "mprotect", { 0, 4096, PROT_READ | PROT_EXEC } },
	{ "prctl", { PR_SET_DUMPABLE, 1 } },
	{ "prctl", { PR_SET_SECCOMP, 2, 0 } },
	{ "fcntl", { 0, F_SETOWN, 1 } },
	{ "fcntl", { 0, F_DUPFD, 100 } },
	{ "ioctl", { 0, TIOCSTI, 0 } },
	{ "setsockopt", { 0, SOL_SOCKET, SO_ATTACH_FILTER, 0, 0 } },
	{ "setsockopt", { 0, IPPROTO_IP, IP_ADD_MEMBERSHIP, 0, 0 } },
	{ "getsockopt", { 0, SOL_SOCKET, SO_ACCEPTCONN, 0, 0 } },
	{ "setsockopt", { 0, SOL_TLS, TLS_RX, 0, 0 } },
	{ "pidfd_open", { 1, 0 } },
	{ "shmget", { 0, 4096, 0 } },
	{ "name_to_handle_at", { 0 } },
};

Test(sandbox, arguments_outside_the_conditions_are_refused)
{
	static const enum sandbox_profile confined[] = { SANDBOX_FRONT, SANDBOX_GUARD_USER,
		SANDBOX_CLERK };

	cr_assert(sandbox_prepare());
	for (size_t p = 0; p < sizeof(confined) / sizeof(confined[0]); p++) {
		for (size_t i = 0; i < sizeof(kept_out) / sizeof(kept_out[0]); i++) {
			long call = seccomp_syscall_resolve_name(kept_out[i].call);
			struct outcome out = try_call(confined[p], call, kept_out[i].arguments);

			cr_assert(!out.killed && out.error == EPERM, "%s: %s, row %zu: %s",
			    sandbox_profile_name(confined[p]), kept_out[i].call, i,
			    strerror(out.error));
		}
	}
}

Test(sandbox, a_guard_makes_stream_sockets_of_the_internet_only)
{
	static const struct {
		long arguments[6];
		bool allowed;
	} cases[] = {
		{ { AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0 }, true },
		{ { AF_INET6, SOCK_STREAM, IPPROTO_TCP }, true },
		{ { AF_INET, SOCK_DGRAM, 0 }, false },
		{ { AF_INET, SOCK_RAW, 1 }, false },
		{ { AF_UNIX, SOCK_STREAM, 0 }, false },
		{ { AF_NETLINK, SOCK_RAW, 0 }, false },
		{ { AF_PACKET, SOCK_STREAM, 0 }, false },
	};

	cr_assert(sandbox_prepare());
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome out = try_call(SANDBOX_GUARD_USER, SYS_socket, cases[i].arguments);

		cr_assert_eq(
		    out.error == EPERM, !cases[i].allowed, "case %zu: %s", i, strerror(out.error));
	}
}

Test(sandbox, a_guard_before_login_may_look_things_up_and_become_somebody)
{
	static const struct {
		long call;
		long arguments[6];
	} cases[] = {
		{ SYS_openat, { AT_FDCWD, -1, 0 } },
		{ SYS_socket, { AF_UNIX, SOCK_STREAM, 0 } },
		{ SYS_setresuid, { -1, -1, -1 } },
		{ SYS_setresgid, { -1, -1, -1 } },
	};

	cr_assert(sandbox_prepare());
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome out =
		    try_call(SANDBOX_GUARD_LOGIN, cases[i].call, cases[i].arguments);

		cr_assert(!out.killed && out.error != EPERM, "case %zu", i);
	}
}

#ifdef __x86_64__
/* getpid by way of the 32-bit entry: other numbers, so a filter of 64-bit numbers would be fooled.
 */
static int old_getpid(void)
{
	int result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
	return result;
}

Test(sandbox, foreign_architectures_kill)
{
	cr_assert(sandbox_prepare());
	for (int profile = 0; profile < SANDBOX_PROFILE_COUNT; profile++) {
		const long nothing[6] = { 0 };
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			enter((enum sandbox_profile)profile);
			_exit(old_getpid() > 0 ? 0 : 1);
		}
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert(WIFSIGNALED(status), "int 0x80 in %s",
		    sandbox_profile_name((enum sandbox_profile)profile));
		cr_assert(try_call((enum sandbox_profile)profile, 0x40000000L | SYS_getpid, nothing)
		              .killed,
		    "x32 in %s", sandbox_profile_name((enum sandbox_profile)profile));
	}
}
#endif

Test(sandbox, dropped_stdio_leads_nowhere)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		sandbox_drop_stdio(open("/dev/null", O_RDWR | O_CLOEXEC));
		for (int fd = 0; fd < (sandbox_is_sanitized() ? 2 : 3); fd++) {
			char target[64] = "";
			char link[] = "/proc/self/fd/0";

			link[sizeof(link) - 2] = (char)('0' + fd);
			if (readlink(link, target, sizeof(target) - 1) < 0 ||
			    strcmp(target, "/dev/null") != 0)
				_exit(1);
		}
		_exit(0);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}

/* The doors to clerk and keeper have one other end for all guards of all users. */
Test(sandbox, a_user_cannot_shut_a_door_that_all_guards_share)
{
	const long arguments[6] = { STDERR_FILENO, SHUT_RDWR };

	cr_assert(sandbox_prepare());
	cr_expect_eq(try_call(SANDBOX_GUARD_USER, SYS_shutdown, arguments).error, EPERM);
	cr_expect_eq(try_call(SANDBOX_FRONT, SYS_shutdown, arguments).error, ENOTSOCK);
}
