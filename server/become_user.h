/*
 * The only place where a process changes its credentials or its root directory.
 *
 * Every step is checked, and at the end the process proves that it cannot come back (SECURITY: setresuid(0)
 * must fail, no capabilities, the expected uids and groups).  A failed step ends the process: half a change is
 * worse than none.  Roles call it once; all that must be opened is open by then.
 */
#ifndef SERVER_BECOME_USER_H
#define SERVER_BECOME_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct become_user {
	const char *role;		/* for the message when a step fails */
	bool as_root;			/* false: no uid, no chroot; only the steps that anybody may take */
	int root_dir_fd;		/* directory to chroot into; -1: stay */
	uint32_t uid, gid;		/* ignored unless as_root; never 0 */
	const uint32_t *groups;		/* supplementary groups, may be NULL */
	size_t group_count;
	uint64_t keep_capabilities;	/* mask of 1 << CAP_*; almost always 0 */
};

/* Sets no_new_privs and undumpable too.  Returns only when everything holds and is proven. */
void become_user(const struct become_user *plan);

/* The guard's life before login: root still, with only the capabilities to become a user and to read, and
 * with extra_capabilities, which become_user may keep. */
void become_user_limit_root(const char *role, uint64_t extra_capabilities);

#endif
