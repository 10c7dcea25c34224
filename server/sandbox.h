/*
 * System-call filters (libseccomp) and Landlock.
 *
 * THE profile table is in sandbox_profiles.c.  A nursery compiles the filters once, before it forks; a
 * session loads the finished program, without allocating.  Calls that libc or OpenSSL may try and can do
 * without fail softly with an errno; calls that only an attacker makes (execve, ptrace, mount ...) kill.
 */
#ifndef SERVER_SANDBOX_H
#define SERVER_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

enum sandbox_profile {
	SANDBOX_FRONT,		/* read, write, poll and compute on descriptors it was given */
	SANDBOX_GUARD_LOGIN,	/* root before login: everything but the ways to other processes and the kernel */
	SANDBOX_GUARD_USER,	/* the user inside the root: *at() file calls, AF_INET/6 stream sockets */
	SANDBOX_CLERK,		/* its books: no exec, no new sockets but AF_UNIX */
	SANDBOX_KEEPER,		/* sign, and answer over sockets that it is given */
	SANDBOX_PROFILE_COUNT,
};

/* Compile all profiles; false when libseccomp failed.  Call once in the parent of those that enter. */
bool sandbox_prepare(void);
/* Load a prepared profile into this process, for good; needs no_new_privs.  Ends the process on failure. */
void sandbox_enter(enum sandbox_profile profile);
/* Replace descriptors 0, 1 and 2 by null_fd (an open /dev/null): what a stranger may get hold of must not
 * write to the administrator's terminal.  Builds with sanitizers keep 2 for their reports. */
void sandbox_drop_stdio(int null_fd);
/* Is this a build with sanitizers? */
bool sandbox_is_sanitized(void);
/* Title of a profile for logs and documents. */
const char *sandbox_profile_name(enum sandbox_profile profile);

#endif
