/*
 * Linux calls that libc 2.36 does not wrap, and the numbers its headers lack.
 * The only place with raw system-call numbers.
 */
#ifndef BASE_OS_LINUX_H
#define BASE_OS_LINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* openat2(2): fd or -1 with errno.  resolve is RESOLVE_* of <linux/openat2.h>.  O_CLOEXEC is added.
 */
int os_openat2(int dir_fd, const char *path, uint64_t flags, mode_t mode, uint64_t resolve);
/* fchmodat2(2) with AT_SYMLINK_NOFOLLOW where the kernel has it (6.6), else -1 with ENOSYS. */
int os_fchmodat2(int dir_fd, const char *name, mode_t mode, int flags);
/* Close every descriptor >= first except those in keep (sorted or not).  False with errno. */
bool os_close_all_but(int first, const int *keep, size_t count);

/* The kernel's name for a socket (SO_COOKIE), which no other ever has; 0 when it is none. */
uint64_t os_socket_cookie(int fd);

/* The ports that the system gives to sockets without one of their own. */
void os_local_ports(uint16_t *first_out, uint16_t *last_out);

/* Landlock ABI of this kernel, 0 when it has none or it is switched off. */
int os_landlock_abi(void);
/*
 * Confine this process, for good, to the directories behind dir_fds: with write, all that a file
 * server does; without, only reading.  TCP bind and connect stay allowed only when allow_tcp.
 * count 0 = no file access at all.  Returns the ABI used, 0 when Landlock is absent, -1 with errno
 * when it is there but refused.  Needs no_new_privs.
 */
struct os_landlock_dir {
	int fd;
	bool write;
};
int os_landlock_confine(const struct os_landlock_dir *dirs, size_t count, bool allow_tcp);

/* May this process take this port?  By number or by CAP_NET_BIND_SERVICE; not whether it is free. */
bool os_may_bind_port(uint16_t port);

/* Capabilities as a 64-bit mask of 1 << CAP_*: sets permitted and effective, clears inheritable. */
bool os_capabilities_set(uint64_t mask);
/* Drops every capability from the bounding set except those in mask, and all ambient ones. */
bool os_capabilities_bound(uint64_t mask);
/* Effective|permitted|inheritable as the kernel has them now. */
bool os_capabilities_get(uint64_t *out);

#endif
