#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/roles.h"

Test(roles, every_row_is_filled_and_names_are_unique)
{
	for (int a = 0; a < ROLE_COUNT; a++) {
		cr_assert_not_null(role_table[a].name);
		cr_assert_not_null(role_table[a].holds);
		for (int b = 0; b < a; b++)
			cr_assert_str_neq(role_table[a].name, role_table[b].name);
	}
}

Test(roles, whoever_gives_up_root_is_confined_and_starts_nobody)
{
	for (int id = 0; id < ROLE_COUNT; id++) {
		const struct role *row = &role_table[id];

		cr_assert_eq(row->account != ROLE_IS_ROOT, row->confined, "%s", row->name);
		cr_assert_eq(
		    row->account != ROLE_IS_ROOT, row->root != ROLE_SEES_HOST, "%s", row->name);
		cr_assert_eq(row->confined, !row->starts_others, "%s", row->name);
	}
	cr_assert_eq(role_table[ROLE_FRONT].profile, SANDBOX_FRONT);
	cr_assert_eq(role_table[ROLE_GUARD].profile, SANDBOX_GUARD_USER);
	cr_assert_eq(role_table[ROLE_CLERK].profile, SANDBOX_CLERK);
	cr_assert_eq(role_table[ROLE_KEEPER].profile, SANDBOX_KEEPER);
}

static bool limit_is(int resource, rlim_t at_most)
{
	struct rlimit limit;

	return getrlimit((__rlimit_resource_t)resource, &limit) == 0 && limit.rlim_cur <= at_most &&
	       limit.rlim_max <= at_most;
}

/* In a child: limits cannot be raised again. */
static int limits_hold(enum role_id role)
{
	const struct role *row = &role_table[role];
	bool ok = true;

	roles_apply_limits(role);
	if (row->files != ROLE_FILES_MANY)
		ok = ok && limit_is(RLIMIT_NOFILE, row->files);
	if (!row->starts_others)
		ok = ok && limit_is(RLIMIT_NPROC, 0);
	if (row->confined)
		ok = ok && limit_is(RLIMIT_CORE, 0);
	if (row->memory_bytes != 0 && !sandbox_is_sanitized())
		ok = ok && limit_is(RLIMIT_AS, row->memory_bytes);
	return ok ? 0 : 1;
}

Test(roles, limits_of_the_table_are_put_on_a_process)
{
	for (int id = 0; id < ROLE_COUNT; id++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit(limits_hold((enum role_id)id));
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", role_table[id].name);
	}
}

Test(roles, the_environment_says_which_role_once)
{
	static const struct {
		const char *value;
		enum role_id role;
	} cases[] = {
		{ NULL, ROLE_MASTER },
		{ "", ROLE_MASTER },
		{ "clerk", ROLE_CLERK },
		{ "nursery", ROLE_NURSERY },
		{ "guard", ROLE_MASTER },
		{ "CLERK", ROLE_MASTER },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsetenv("TRANSOM_ROLE");
		if (cases[i].value != NULL)
			setenv("TRANSOM_ROLE", cases[i].value, 1);
		cr_assert_eq(roles_take_from_environment(), cases[i].role);
		cr_assert_null(getenv("TRANSOM_ROLE"));
	}
}

Test(roles, account_and_generation_come_from_the_environment)
{
	struct roles_account account;

	unsetenv("TRANSOM_ACCOUNT");
	cr_assert(!roles_account_from_environment(&account));
	setenv("TRANSOM_ACCOUNT", "64801:64802", 1);
	cr_assert(roles_account_from_environment(&account));
	cr_assert_eq(account.uid, 64801);
	cr_assert_eq(account.gid, 64802);
	setenv("TRANSOM_GENERATION", "17", 1);
	cr_assert_eq(roles_generation_from_environment(), 17);
	setenv("TRANSOM_GENERATION", "x", 1);
	cr_assert_eq(roles_generation_from_environment(), 0);
}
