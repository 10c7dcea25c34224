/*
 * THE table of process roles, and how a role's process is started.
 *
 * master, clerk, keeper and nursery are started by exec, each with an address layout of its own; guards and fronts are
 * forked by a nursery (pool.c).  What a started role needs arrives on the descriptor numbers below and in a few
 * environment variables; nothing secret is among them.
 */
#ifndef SERVER_ROLES_H
#define SERVER_ROLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "server/sandbox.h"

enum role_id {
	ROLE_MASTER,
	ROLE_CLERK,
	ROLE_KEEPER,
	ROLE_NURSERY,
	ROLE_GUARD,
	ROLE_FRONT,
	ROLE_COUNT,
};

/* Whose uid a process has when the server was started as root; else everything has one uid. */
enum role_account {
	ROLE_IS_ROOT,
	ROLE_IS_CLERK_USER,
	ROLE_IS_KEEPER_USER,
	ROLE_IS_FRONT_USER,
	ROLE_IS_LOGGED_IN_USER,
};
/* What its "/" is, when started as root. */
enum role_root { ROLE_SEES_HOST, ROLE_SEES_NOTHING, ROLE_SEES_USERS_ROOT };

#define ROLE_FILES_MANY 0u	/* descriptors: as many as there may be sessions */

struct role {
	const char *name;	/* in the books, in logs, and in the title "transomd: NAME ..." */
	enum role_account account;
	enum role_root root;
	bool confined;		/* has a sandbox profile in the end */
	enum sandbox_profile profile;
	bool starts_others;	/* else RLIMIT_NPROC is 0 */
	uint32_t files;		/* RLIMIT_NOFILE */
	uint64_t memory_bytes;	/* RLIMIT_AS; 0: no limit */
	const char *holds;	/* descriptors, in words: for documents */
};
extern const struct role role_table[ROLE_COUNT];

/* Descriptor numbers of a started role. */
enum role_fd {
	ROLE_FD_DOOR = 3,	/* clerk, keeper: the receiving end of its own; nursery: the sending end of the clerk's */
	ROLE_FD_MASTER = 4,	/* socket to the master: clerk_messages.h, nursery_messages.h, keeper.h */
	ROLE_FD_EMPTY_DIR = 5,	/* an empty directory to chroot into */
	ROLE_FD_SNAPSHOT = 6,	/* nursery, keeper: the configuration: file name, NUL, text */
	ROLE_FD_KEEPER = 7,	/* nursery: the sending end of the keeper's door; nothing when there is none */
	ROLE_FD_LISTENERS = 8,	/* nursery: one for each conf->listeners, in order */
};

struct roles_account {
	uint32_t uid;
	uint32_t gid;
};

/* What to start. */
struct roles_start {
	enum role_id role;
	uint32_t generation;		/* nursery, keeper */
	struct roles_account account;	/* clerk, keeper: whom to become */
	const int *fds;			/* fds[i] becomes number ROLE_FD_DOOR + i; -1: nothing */
	size_t fd_count;
};

/* Start a role in a process group of its own.  Its pid, or -1 with errno.  A child that cannot exec exits
 * with status 127. */
pid_t roles_start(const struct roles_start *start);

/* In a started process: which role, and forget the variable; ROLE_MASTER when it is none. */
enum role_id roles_take_from_environment(void);
uint32_t roles_generation_from_environment(void);
bool roles_account_from_environment(struct roles_account *out);

/* Put the table's resource limits on this process.  What the system refuses is left as it is: they are the
 * second wall, not the first. */
void roles_apply_limits(enum role_id role);
/* Let process pid (0: this one) have at least this many descriptors, as far as the system allows. */
void roles_raise_files(pid_t pid, uint64_t files);

#endif
