/*
 * Who listens on which port of this machine, as /proc tells.
 *
 * transomctl check only.  What belongs to other accounts is only seen by root.
 */
#ifndef SERVER_CTL_CHECK_SOCKETS_H
#define SERVER_CTL_CHECK_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CTL_CHECK_PROGRAM_BYTES 32

struct ctl_check_socket {
	uint64_t inode;
	uint16_t port;
	pid_t pid;				/* 0: not to be seen */
	char program[CTL_CHECK_PROGRAM_BYTES];	/* "" when pid is 0 */
};

/* All listening TCP sockets with a port in first..last, each with one process that holds it, transomd if it is one of
 * them.  On the heap; NULL and *count 0 when there is none or /proc does not tell. */
struct ctl_check_socket *ctl_check_sockets(uint16_t first, uint16_t last, size_t *count);
/* Is it held by the server, or for it by systemd? */
bool ctl_check_socket_is_ours(const struct ctl_check_socket *one);

#endif
