#include "server/sandbox_profiles.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/sockios.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

/*
 * An unknown call fails with EPERM instead of killing: a libc update that tries a new call first then loses
 * that call, not every session.  A build with -DTRANSOM_SANDBOX_STRICT kills instead, so that tests find what
 * the list lacks (sandbox.c).
 */
const struct sandbox_profile_row sandbox_profile_rows[SANDBOX_PROFILE_COUNT] = {
	[SANDBOX_FRONT] = { .name = "front" },
	/* Name services load and open what they like: only the ways out of the process are closed. */
	[SANDBOX_GUARD_LOGIN] = { .name = "guard-login", .allow_unknown = true },
	[SANDBOX_GUARD_USER] = { .name = "guard-user" },
	[SANDBOX_CLERK] = { .name = "clerk" },
	[SANDBOX_KEEPER] = { .name = "keeper" },
};

/* clang-format off */

#define FRONT	(1u << SANDBOX_FRONT)
#define LOGIN	(1u << SANDBOX_GUARD_LOGIN)
#define USER	(1u << SANDBOX_GUARD_USER)
#define CLERK	(1u << SANDBOX_CLERK)
#define KEEPER	(1u << SANDBOX_KEEPER)
#define BLIND	(FRONT | CLERK | KEEPER)	/* they open nothing any more */
#define CONFINED (BLIND | USER)
#define EVERY	(CONFINED | LOGIN)

/* An int argument: the upper half of the register may hold anything. */
#define INT(number, wanted)	  { .argument = (number), .mask = UINT32_MAX, .value = (uint32_t)(wanted) }
#define LACKS(number, bits)	  { .argument = (number), .mask = (bits), .value = 0 }
#define MASKED(number, bits, wanted) { .argument = (number), .mask = (bits), .value = (uint32_t)(wanted) }

#define ALLOW(who, name)	  { .call = name, .allow = (who) }
#define ALLOW_WHEN(who, name, ...) { .call = name, .allow = (who), .when = { __VA_ARGS__ } }
#define OPTION(who, name, level, option) ALLOW_WHEN(who, name, INT(1, level), INT(2, option))
#define SOFT(who, name, code)	  { .call = name, .soft = (who), .soft_errno = (code) }
#define KILL(who, name)		  { .call = name, .kill = (who) }

#define SOCK_TYPE_BITS 0xfu	/* the rest of socket(2)'s type is flags */

const struct sandbox_row sandbox_rows[] = {
	/* Descriptors one was given. */
	ALLOW(CONFINED, "read"), ALLOW(CONFINED, "write"),
	ALLOW(CONFINED, "readv"), ALLOW(CONFINED, "writev"),
	ALLOW(CONFINED, "recvfrom"), ALLOW(CONFINED, "sendto"),
	ALLOW(CONFINED, "recvmsg"), ALLOW(CONFINED, "sendmsg"),
	ALLOW(CONFINED, "close"), ALLOW(CONFINED, "fstat"), ALLOW(CONFINED, "lseek"),
	ALLOW(CONFINED, "poll"), ALLOW(CONFINED, "ppoll"),
	ALLOW(CONFINED, "epoll_create1"), ALLOW(CONFINED, "epoll_ctl"),
	ALLOW(CONFINED, "epoll_wait"), ALLOW(CONFINED, "epoll_pwait"),
	/* Not for a guard: it holds the doors to clerk and keeper, whose one other end serves everybody. */
	ALLOW(FRONT, "shutdown"),
	ALLOW_WHEN(CONFINED, "fcntl", INT(1, F_GETFL)), ALLOW_WHEN(CONFINED, "fcntl", INT(1, F_SETFL)),
	ALLOW_WHEN(CONFINED, "fcntl", INT(1, F_GETFD)), ALLOW_WHEN(CONFINED, "fcntl", INT(1, F_SETFD)),
	ALLOW_WHEN(CONFINED, "fcntl", INT(1, F_DUPFD_CLOEXEC)),

	/* Memory: never executable. */
	ALLOW(CONFINED, "brk"), ALLOW(CONFINED, "munmap"), ALLOW(CONFINED, "mremap"), ALLOW(CONFINED, "madvise"),
	ALLOW_WHEN(CONFINED, "mmap", LACKS(2, PROT_EXEC)), ALLOW_WHEN(CONFINED, "mmap2", LACKS(2, PROT_EXEC)),
	ALLOW_WHEN(CONFINED, "mprotect", LACKS(2, PROT_EXEC)),
	ALLOW(CONFINED, "futex"), ALLOW(CONFINED, "futex_time64"),

	/* Time, chance, oneself, the end. */
	ALLOW(CONFINED, "clock_gettime"), ALLOW(CONFINED, "clock_gettime64"), ALLOW(CONFINED, "clock_getres"),
	ALLOW(CONFINED, "gettimeofday"), ALLOW(CONFINED, "time"),
	ALLOW(CONFINED, "nanosleep"), ALLOW(CONFINED, "clock_nanosleep"), ALLOW(CONFINED, "clock_nanosleep_time64"),
	ALLOW(CONFINED, "getrandom"),
	ALLOW(CONFINED, "getpid"), ALLOW(CONFINED, "gettid"),
	ALLOW(CONFINED, "getuid"), ALLOW(CONFINED, "geteuid"), ALLOW(CONFINED, "getgid"), ALLOW(CONFINED, "getegid"),
	ALLOW(CONFINED, "sched_yield"), ALLOW(CONFINED, "restart_syscall"),
	ALLOW(CONFINED, "rt_sigaction"), ALLOW(CONFINED, "rt_sigprocmask"), ALLOW(CONFINED, "rt_sigreturn"),
	ALLOW(CONFINED, "sigaltstack"),
	ALLOW_WHEN(CONFINED, "prctl", INT(0, PR_SET_NAME)),
	ALLOW(CONFINED, "exit"), ALLOW(CONFINED, "exit_group"),

	/* Bulk data, without a copy where the kernel can. */
	ALLOW(FRONT | USER, "pread64"), ALLOW(FRONT | USER, "pwrite64"), ALLOW(FRONT | USER, "pwritev"),
	ALLOW(FRONT | USER, "sendfile"), ALLOW(FRONT, "splice"), ALLOW(FRONT, "tee"), ALLOW(FRONT, "pipe2"),
	ALLOW_WHEN(FRONT, "fcntl", INT(1, F_SETPIPE_SZ)), ALLOW_WHEN(FRONT, "fcntl", INT(1, F_GETPIPE_SZ)),

	/* An SSH front bounds its own processor time, turn by turn: libssh has loops without an end. */
	ALLOW_WHEN(FRONT, "prlimit64", INT(0, 0), INT(1, RLIMIT_CPU)),

	/* Sockets one was given. */
	ALLOW(FRONT | USER, "getsockname"), ALLOW(FRONT | USER, "getpeername"),
	ALLOW_WHEN(FRONT | USER, "ioctl", INT(1, FIONREAD)), ALLOW_WHEN(FRONT | USER, "ioctl", INT(1, SIOCATMARK)),
	ALLOW_WHEN(FRONT | USER, "ioctl", INT(1, SIOCOUTQ)),
	OPTION(FRONT | USER, "setsockopt", IPPROTO_TCP, TCP_NODELAY),
	OPTION(FRONT | USER, "setsockopt", IPPROTO_TCP, TCP_CORK),
	OPTION(FRONT | USER, "setsockopt", IPPROTO_TCP, TCP_QUICKACK),
	OPTION(FRONT | USER, "setsockopt", IPPROTO_TCP, TCP_USER_TIMEOUT),
	OPTION(FRONT | USER, "setsockopt", IPPROTO_TCP, TCP_KEEPIDLE),
	OPTION(FRONT | USER, "setsockopt", IPPROTO_TCP, TCP_KEEPINTVL),
	OPTION(FRONT | USER, "setsockopt", IPPROTO_TCP, TCP_KEEPCNT),
	/* Keys for what is sent, and none for what is received: the kernel parses nothing of a client's. */
	OPTION(FRONT, "setsockopt", IPPROTO_TCP, TCP_ULP),
	OPTION(FRONT, "setsockopt", SOL_TLS, TLS_TX),
	OPTION(FRONT, "setsockopt", IPPROTO_TCP, TCP_NOTSENT_LOWAT),
	OPTION(FRONT, "getsockopt", SOL_SOCKET, SO_MEMINFO),
	OPTION(FRONT | USER, "setsockopt", SOL_SOCKET, SO_LINGER),
	OPTION(FRONT | USER, "setsockopt", SOL_SOCKET, SO_KEEPALIVE),
	OPTION(FRONT | USER, "setsockopt", SOL_SOCKET, SO_RCVLOWAT),
	OPTION(FRONT, "setsockopt", SOL_SOCKET, SO_RCVTIMEO),
	OPTION(FRONT | USER, "setsockopt", SOL_SOCKET, SO_RCVBUF),
	OPTION(FRONT | USER, "setsockopt", SOL_SOCKET, SO_SNDBUF),
	OPTION(FRONT | USER, "setsockopt", SOL_SOCKET, SO_OOBINLINE),
	OPTION(FRONT | USER, "getsockopt", SOL_SOCKET, SO_ERROR),
	OPTION(USER, "getsockopt", SOL_SOCKET, SO_COOKIE),
	OPTION(FRONT | USER, "getsockopt", SOL_SOCKET, SO_TYPE),
	OPTION(FRONT | USER, "getsockopt", SOL_SOCKET, SO_RCVBUF),
	OPTION(FRONT | USER, "getsockopt", SOL_SOCKET, SO_SNDBUF),
	OPTION(FRONT | USER, "getsockopt", SOL_SOCKET, SO_KEEPALIVE),
	OPTION(FRONT | USER, "getsockopt", IPPROTO_TCP, TCP_INFO),
	OPTION(FRONT | USER, "getsockopt", IPPROTO_TCP, TCP_NODELAY),

	/* Data connections: the guard makes their sockets.  The way back to a new clerk: a socket pair. */
	ALLOW_WHEN(USER, "socket", INT(0, AF_INET), MASKED(1, SOCK_TYPE_BITS, SOCK_STREAM)),
	ALLOW_WHEN(USER, "socket", INT(0, AF_INET6), MASKED(1, SOCK_TYPE_BITS, SOCK_STREAM)),
	ALLOW_WHEN(USER, "socketpair", INT(0, AF_UNIX)),
	ALLOW(USER, "bind"), ALLOW(USER, "listen"), ALLOW(USER, "accept4"), ALLOW(USER, "connect"),
	OPTION(USER, "setsockopt", SOL_SOCKET, SO_REUSEADDR),
	OPTION(USER, "setsockopt", SOL_SOCKET, SO_PRIORITY),
	OPTION(USER, "setsockopt", IPPROTO_IPV6, IPV6_V6ONLY),
	OPTION(USER, "setsockopt", IPPROTO_IPV6, IPV6_TCLASS),
	OPTION(USER, "setsockopt", IPPROTO_IP, IP_TOS),
	OPTION(USER, "setsockopt", IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT),

	/* Files: openat2 is the only way to open one, since only it can be told to stay beneath a directory. */
	ALLOW(USER, "openat2"), ALLOW(USER, "getdents64"), ALLOW(USER, "newfstatat"), ALLOW(USER, "fstatat64"),
	ALLOW(USER, "statx"), ALLOW(USER, "fstatfs"), ALLOW(USER, "fstatfs64"),
	ALLOW(USER, "faccessat"), ALLOW(USER, "faccessat2"), ALLOW(USER, "readlinkat"),
	ALLOW(USER, "mkdirat"), ALLOW(USER, "unlinkat"), ALLOW(USER, "linkat"), ALLOW(USER, "symlinkat"),
	ALLOW(USER, "renameat"), ALLOW(USER, "renameat2"),
	ALLOW(USER, "fchmod"), ALLOW(USER, "fchmodat"), ALLOW(USER, "fchmodat2"),
	ALLOW(USER, "fchown"), ALLOW(USER, "fchownat"), ALLOW(USER, "utimensat"), ALLOW(USER, "utimensat_time64"),
	ALLOW(USER, "ftruncate"), ALLOW(USER, "ftruncate64"), ALLOW(USER, "fallocate"),
	ALLOW(USER, "fsync"), ALLOW(USER, "fdatasync"), ALLOW(USER, "sync_file_range"), ALLOW(USER, "syncfs"),
	ALLOW(USER, "copy_file_range"), ALLOW(USER, "fadvise64"), ALLOW(USER, "flock"), ALLOW(USER, "umask"),
	ALLOW(USER, "preadv"), ALLOW(USER, "dup"), ALLOW(USER, "dup3"),
	ALLOW_WHEN(USER, "ioctl", INT(1, FICLONE)), ALLOW_WHEN(USER, "ioctl", INT(1, FICLONERANGE)),
	ALLOW_WHEN(USER, "fcntl", INT(1, F_OFD_SETLK)), ALLOW_WHEN(USER, "fcntl", INT(1, F_OFD_GETLK)),

	/* The log of the clerk. */
	ALLOW(CLERK, "fdatasync"), ALLOW(CLERK, "pread64"), ALLOW(CLERK, "pwrite64"),
	/* Its control socket: the listener was given, and it asks who has connected. */
	ALLOW(CLERK, "accept4"), OPTION(CLERK, "getsockopt", SOL_SOCKET, SO_PEERCRED),

	/* What libc, OpenSSL and the like try and can do without. */
	SOFT(USER, "open", ENOSYS), SOFT(USER, "openat", ENOSYS), SOFT(USER, "creat", ENOSYS),
	SOFT(BLIND, "open", EACCES), SOFT(BLIND, "openat", EACCES), SOFT(BLIND, "creat", EACCES),
	SOFT(BLIND, "openat2", EACCES),
	SOFT(CONFINED, "stat", EACCES), SOFT(CONFINED, "lstat", EACCES), SOFT(CONFINED, "access", EACCES),
	/* fstat() of libc 2.33 to 2.38 comes as newfstatat with an empty path, which no filter can see: refused. */
	SOFT(BLIND, "newfstatat", EACCES), SOFT(BLIND, "statx", EACCES),
	SOFT(BLIND, "faccessat", EACCES), SOFT(BLIND, "faccessat2", EACCES),
	SOFT(CONFINED, "readlink", EACCES), SOFT(BLIND, "readlinkat", EACCES),
	SOFT(BLIND, "getdents64", EACCES), SOFT(CONFINED, "getcwd", EACCES), SOFT(CONFINED, "chdir", EACCES),
	SOFT(BLIND, "socket", EACCES), SOFT(BLIND, "connect", EACCES),
	SOFT(BLIND, "bind", EACCES), SOFT(BLIND, "listen", EACCES), SOFT(FRONT | KEEPER, "accept4", EACCES),
	SOFT(BLIND, "socketpair", EACCES),
	SOFT(CONFINED, "uname", EPERM), SOFT(CONFINED, "sysinfo", EPERM), SOFT(CONFINED, "getrusage", EPERM),
	SOFT(CONFINED, "sched_getaffinity", EPERM), SOFT(CONFINED, "sched_setaffinity", EPERM),
	SOFT(CONFINED, "getrlimit", EPERM), SOFT(CONFINED, "setrlimit", EPERM), SOFT(USER | CLERK | KEEPER, "prlimit64", EPERM),
	SOFT(CONFINED, "clone3", ENOSYS), SOFT(CONFINED, "clone", EPERM), SOFT(CONFINED, "fork", EPERM),
	SOFT(CONFINED, "vfork", EPERM), SOFT(CONFINED, "wait4", ECHILD), SOFT(CONFINED, "rseq", ENOSYS),
	SOFT(CONFINED, "membarrier", ENOSYS), SOFT(CONFINED, "memfd_create", ENOSYS),
	SOFT(CONFINED, "set_robust_list", ENOSYS),
	SOFT(CONFINED, "seccomp", EPERM),

	/* Other programs, other processes. */
	KILL(EVERY, "execve"), KILL(EVERY, "execveat"),
	KILL(EVERY, "ptrace"), KILL(EVERY, "process_vm_readv"), KILL(EVERY, "process_vm_writev"),
	KILL(EVERY, "process_madvise"), KILL(EVERY, "pidfd_getfd"), KILL(EVERY, "pidfd_send_signal"), KILL(EVERY, "kcmp"),
	KILL(EVERY, "kill"), KILL(EVERY, "tkill"), KILL(EVERY, "tgkill"),
	KILL(EVERY, "rt_sigqueueinfo"), KILL(EVERY, "rt_tgsigqueueinfo"),
	/* Wide and young parts of the kernel. */
	KILL(EVERY, "bpf"), KILL(EVERY, "perf_event_open"), KILL(EVERY, "userfaultfd"),
	KILL(EVERY, "io_uring_setup"), KILL(EVERY, "io_uring_enter"), KILL(EVERY, "io_uring_register"),
	KILL(EVERY, "keyctl"), KILL(EVERY, "add_key"), KILL(EVERY, "request_key"), KILL(EVERY, "fanotify_init"),
	/* The machine. */
	KILL(EVERY, "mount"), KILL(EVERY, "umount2"), KILL(EVERY, "pivot_root"),
	KILL(EVERY, "open_tree"), KILL(EVERY, "move_mount"), KILL(EVERY, "mount_setattr"),
	KILL(EVERY, "fsopen"), KILL(EVERY, "fsconfig"), KILL(EVERY, "fsmount"), KILL(EVERY, "fspick"),
	KILL(EVERY, "open_by_handle_at"), KILL(EVERY, "unshare"), KILL(EVERY, "setns"),
	KILL(EVERY, "init_module"), KILL(EVERY, "finit_module"), KILL(EVERY, "delete_module"),
	KILL(EVERY, "kexec_load"), KILL(EVERY, "kexec_file_load"), KILL(EVERY, "reboot"),
	KILL(EVERY, "swapon"), KILL(EVERY, "swapoff"), KILL(EVERY, "acct"), KILL(EVERY, "quotactl"),
	KILL(EVERY, "settimeofday"), KILL(EVERY, "clock_settime"), KILL(EVERY, "adjtimex"), KILL(EVERY, "clock_adjtime"),
	KILL(EVERY, "sethostname"), KILL(EVERY, "setdomainname"), KILL(EVERY, "iopl"), KILL(EVERY, "ioperm"),
	/* Becoming somebody else: the guard does it before it loads its last profile. */
	KILL(CONFINED, "chroot"), KILL(CONFINED, "capset"), KILL(CONFINED, "setgroups"),
	KILL(CONFINED, "setuid"), KILL(CONFINED, "setgid"), KILL(CONFINED, "setreuid"), KILL(CONFINED, "setregid"),
	KILL(CONFINED, "setresuid"), KILL(CONFINED, "setresgid"), KILL(CONFINED, "setfsuid"), KILL(CONFINED, "setfsgid"),
};
/* clang-format on */

const size_t sandbox_row_count = sizeof(sandbox_rows) / sizeof(sandbox_rows[0]);
