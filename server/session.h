/*
 * What a session pair inherits from its nursery, and the two functions in which its halves live.
 */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "server/keeper_client.h"

struct tls_contexts; /* server/tls/tls_contexts.h */

/* Filled by the nursery before it forks; the same for both halves but for the marked descriptors. */
struct session_start {
	const struct conf *conf;
	bool as_root;			/* chroot and uids are to be had */
	uint32_t generation;
	int wall_fd;			/* this half's end of the guard protocol's socket */
	int door_fd;			/* guard: way to the clerk (clerk_client.h) */
	int leash_fd;			/* guard: to the nursery; see nursery_messages.h */
	bool inherits;			/* guard: its client comes over the leash, not from a listener */
	struct conf_ports system_ports;	/* guard: what the system would choose from */
	pid_t front_pid;		/* guard: its other half; 0: not known */
	int users_dir_fd;		/* guard: conf->users_dir, -1 when it does not exist */
	int empty_dir_fd;		/* front: an empty directory to chroot into; -1 as an ordinary user */
	uint32_t front_uid;		/* front: account to become when as_root */
	uint32_t front_gid;
	const int *listener_fds;	/* guard: one for each conf->listeners, in order */
	const char *parent_title;	/* for messages */
	int keeper_door_fd;		/* guard: way to the keeper (keeper_client.h); -1: no protocol needs one */
	const struct keeper_public_keys *keys; /* public halves; NULL: none */
	const struct auth_certificate_ca *client_ca; /* guard: who certifies clients of TLS; NULL: nobody */
	struct tls_contexts *tls;	/* front: certificates of FTP listeners, and OpenSSL made ready; NULL: none */
};

/* Exit statuses of both halves.  Those from NURSERY_EXIT_FAILED on, and signals, count as crashes: a
 * violation too, since the front is then taken for hijacked and its address layout for known. */
enum session_exit {
	SESSION_EXIT_OK = 0,
	SESSION_EXIT_FAILED = 70,	/* EX_SOFTWARE: no memory, no descriptors, a step of confinement failed */
	SESSION_EXIT_FRONT_HANGS = 75,	/* EX_TEMPFAIL: guard: the front answers no ping; the crash is the front's */
	SESSION_EXIT_VIOLATION = 76,	/* EX_PROTOCOL: guard: the front broke the guard protocol */
};

/* What a guard needs of a nursery's capabilities for as long as it lives, as a mask of 1 << CAP_*: 0, or
 * the one for active_source_port. */
uint64_t guard_capabilities(const struct conf *conf);

/* Each runs one half to its end and never returns.  Beside standard error and what `start` names for this half
 * no descriptor is open any more (pool.c). */
_Noreturn void guard_run(const struct session_start *start);
_Noreturn void front_run(const struct session_start *start);

#endif
