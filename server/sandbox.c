#include "server/sandbox.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/sandbox_profiles.h"

#define EXIT_NOT_CONFINED 70 /* EX_SOFTWARE; the nursery counts it as a crash */

#ifdef TRANSOM_SANDBOX_STRICT
#define UNKNOWN_CALL SCMP_ACT_KILL_PROCESS
#else
#define UNKNOWN_CALL SCMP_ACT_ERRNO(EPERM)
#endif

/* Compiled once, before the processes that load them are forked. */
static struct sock_fprog programs[SANDBOX_PROFILE_COUNT];

/*
 * What a build with sanitizers does differently, all of it: the report needs the process's memory
 * map, which must be read before the door closes, and a place to go; the search for leaks would
 * start a tracer; shadow memory needs address space (roles.c).
 */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
static int entered;

int __lsan_is_turned_off(void)
{
	return entered;
}

static const bool sanitized = true;

static void prepare_sanitizers(void)
{
	__sanitizer_sandbox_arguments arguments = { 0 };

	__sanitizer_sandbox_on_notify(&arguments);
	entered = 1;
}
#else
static const bool sanitized = false;

static void prepare_sanitizers(void)
{
}
#endif

/* --- compiling ------------------------------------------------------------------------------ */

static bool add_rule(
    scmp_filter_ctx filter, uint32_t action, const struct sandbox_row *row, int call)
{
	struct scmp_arg_cmp conditions[SANDBOX_MATCH_MAX];
	unsigned count = 0;

	for (size_t i = 0; i < SANDBOX_MATCH_MAX && row->when[i].mask != 0; i++)
		conditions[count++] = (struct scmp_arg_cmp){
			.arg = row->when[i].argument,
			.op = SCMP_CMP_MASKED_EQ,
			.datum_a = row->when[i].mask,
			.datum_b = row->when[i].value,
		};
	return seccomp_rule_add_array(filter, action, call, count, conditions) == 0;
}

static bool add_row(
    scmp_filter_ctx filter, enum sandbox_profile profile, const struct sandbox_row *row)
{
	unsigned bit = 1u << profile;
	int call = seccomp_syscall_resolve_name(row->call);
	uint32_t action;

	if (row->allow & bit)
		action = SCMP_ACT_ALLOW;
	else if (row->kill & bit)
		action = SCMP_ACT_KILL_PROCESS;
	else if (row->soft & bit)
		action = SCMP_ACT_ERRNO((unsigned)row->soft_errno);
	else
		return true;
	/* A name that libseccomp has not learnt yet: the default holds. */
	if (call == __NR_SCMP_ERROR)
		return true;
	/* A rule that says what the default says is refused by libseccomp. */
	if (action == UNKNOWN_CALL && !sandbox_profile_rows[profile].allow_unknown)
		return true;
	return add_rule(filter, action, row, call);
}

/* libseccomp before 2.6 writes programs to a file only. */
static bool export_program(scmp_filter_ctx filter, struct sock_fprog *out)
{
	struct stat status;
	bool ok = false;
	int fd = memfd_create("seccomp", MFD_CLOEXEC);

	if (fd < 0)
		return false;
	if (seccomp_export_bpf(filter, fd) != 0 || fstat(fd, &status) != 0 || status.st_size <= 0 ||
	    (size_t)status.st_size > BPF_MAXINSNS * sizeof(struct sock_filter))
		goto out;
	out->filter = malloc((size_t)status.st_size);
	if (out->filter == NULL || lseek(fd, 0, SEEK_SET) != 0)
		goto out;
	if (io_read_full(fd, out->filter, (size_t)status.st_size) != (ssize_t)status.st_size)
		goto out;
	out->len = (unsigned short)((size_t)status.st_size / sizeof(struct sock_filter));
	ok = true;
out:
	if (!ok) {
		free(out->filter);
		out->filter = NULL;
	}
	io_close(&fd);
	return ok;
}

static bool compile_profile(enum sandbox_profile profile, struct sock_fprog *out)
{
	uint32_t fallback =
	    sandbox_profile_rows[profile].allow_unknown ? SCMP_ACT_ALLOW : UNKNOWN_CALL;
	scmp_filter_ctx filter = seccomp_init(fallback);
	bool ok = false;

	if (filter == NULL)
		return false;
	/* 32-bit calls and x32 are foreign architectures to the filter. */
	if (seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0)
		goto out;
	/* A binary tree: the rare call costs as little as the frequent one.  (The kernel caches
	 * what is always allowed and runs no filter for it at all.) */
	if (seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) != 0)
		goto out;
	for (size_t i = 0; i < sandbox_row_count; i++)
		if (!add_row(filter, profile, &sandbox_rows[i]))
			goto out;
	ok = export_program(filter, out);
out:
	seccomp_release(filter);
	return ok;
}

bool sandbox_prepare(void)
{
	for (int profile = 0; profile < SANDBOX_PROFILE_COUNT; profile++) {
		if (programs[profile].filter != NULL)
			continue;
		if (!compile_profile((enum sandbox_profile)profile, &programs[profile]))
			return false;
	}
	return true;
}

/* --- loading -------------------------------------------------------------------------------- */

void sandbox_enter(enum sandbox_profile profile)
{
	prepare_sanitizers();
	if (programs[profile].filter == NULL ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &programs[profile], 0, 0) != 0)
		_exit(EXIT_NOT_CONFINED);
}

void sandbox_drop_stdio(int null_fd)
{
	int last = sanitized ? STDOUT_FILENO : STDERR_FILENO;

	for (int fd = STDIN_FILENO; fd <= last; fd++)
		if (dup2(null_fd, fd) < 0)
			_exit(EXIT_NOT_CONFINED);
}

bool sandbox_is_sanitized(void)
{
	return sanitized;
}

const char *sandbox_profile_name(enum sandbox_profile profile)
{
	return sandbox_profile_rows[profile].name;
}
