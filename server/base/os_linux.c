#include "server/base/os_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/base/text.h"

/* The same number on every architecture since 5.1 gave all of them one table. */
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

/* The kernel's own default for ip_local_port_range. */
#define PORTS_FIRST 32768
#define PORTS_LAST  60999

int os_openat2(int dir_fd, const char *path, uint64_t flags, mode_t mode, uint64_t resolve)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = resolve };

	/* The kernel refuses a mode with flags that create nothing. */
	if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE)
		how.mode = mode;
	return (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
}

int os_fchmodat2(int dir_fd, const char *name, mode_t mode, int flags)
{
	return (int)syscall(SYS_fchmodat2, dir_fd, name, mode, flags);
}

bool os_close_all_but(int first, const int *keep, size_t count)
{
	unsigned from = (unsigned)first;

	for (;;) {
		unsigned next = UINT_MAX;

		for (size_t i = 0; i < count; i++)
			if (keep[i] >= 0 && (unsigned)keep[i] >= from && (unsigned)keep[i] < next)
				next = (unsigned)keep[i];
		if (next == UINT_MAX)
			return close_range(from, UINT_MAX, 0) == 0;
		if (next > from && close_range(from, next - 1, 0) != 0)
			return false;
		from = next + 1;
	}
}

uint64_t os_socket_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0 ? cookie : 0;
}

void os_local_ports(uint16_t *first_out, uint16_t *last_out)
{
	FILE *file = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");
	unsigned first = 0;
	unsigned last = 0;

	if (file == NULL || fscanf(file, "%5u %5u", &first, &last) != 2 || first == 0 ||
	    first > last || last > UINT16_MAX) {
		first = PORTS_FIRST;
		last = PORTS_LAST;
	}
	*first_out = (uint16_t)first;
	*last_out = (uint16_t)last;
	if (file != NULL)
		fclose(file);
}

/*
 * Landlock.  The structures and bits are written out, since the kernel may know more of them than
 * the headers that we were compiled with.
 */
#define LANDLOCK_ABI_KNOWN    7
#define LANDLOCK_VERSION_FLAG 1u
#define LANDLOCK_PATH_BENEATH 1

enum {
	FS_EXECUTE = 1 << 0,
	FS_WRITE_FILE = 1 << 1,
	FS_READ_FILE = 1 << 2,
	FS_READ_DIR = 1 << 3,
	FS_REMOVE_DIR = 1 << 4,
	FS_REMOVE_FILE = 1 << 5,
	FS_MAKE_CHAR = 1 << 6,
	FS_MAKE_DIR = 1 << 7,
	FS_MAKE_REG = 1 << 8,
	FS_MAKE_SOCK = 1 << 9,
	FS_MAKE_FIFO = 1 << 10,
	FS_MAKE_BLOCK = 1 << 11,
	FS_MAKE_SYM = 1 << 12,
	FS_REFER = 1 << 13,
	FS_TRUNCATE = 1 << 14,
	FS_IOCTL_DEV = 1 << 15,

	FS_READING = FS_READ_FILE | FS_READ_DIR,
	/* What a file server does; nothing that runs a program or makes a device, socket or FIFO.
	 */
	FS_SERVING = FS_READING | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR |
	             FS_MAKE_REG | FS_MAKE_SYM | FS_REFER | FS_TRUNCATE,
};

enum { NET_BIND_TCP = 1 << 0, NET_CONNECT_TCP = 1 << 1 };
enum { SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0, SCOPE_SIGNAL = 1 << 1 };

struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

/* What each ABI added; a kernel of ABI n knows the rows up to n. */
static const struct {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
	size_t attr_bytes; /* a kernel takes no longer structure than it knows */
} landlock_abis[LANDLOCK_ABI_KNOWN + 1] = {
	[1] = { .fs = FS_REFER - 1, .attr_bytes = 8 },
	[2] = { .fs = FS_REFER, .attr_bytes = 8 },
	[3] = { .fs = FS_TRUNCATE, .attr_bytes = 8 },
	[4] = { .net = NET_BIND_TCP | NET_CONNECT_TCP, .attr_bytes = 16 },
	[5] = { .fs = FS_IOCTL_DEV, .attr_bytes = 16 },
	[6] = { .scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL, .attr_bytes = 24 },
	[7] = { .attr_bytes = 24 }, /* audit: nothing to ask for */
};

int os_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION_FLAG);

	if (abi < 0)
		return 0;
	return abi > LANDLOCK_ABI_KNOWN ? LANDLOCK_ABI_KNOWN : (int)abi;
}

static bool allow_directory(int ruleset_fd, const struct os_landlock_dir *dir, uint64_t handled)
{
	struct path_beneath_attr rule = {
		.allowed_access = (dir->write ? FS_SERVING : FS_READING) & handled,
		.parent_fd = dir->fd,
	};

	return syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_PATH_BENEATH, &rule, 0) == 0;
}

int os_landlock_confine(const struct os_landlock_dir *dirs, size_t count, bool allow_tcp)
{
	struct ruleset_attr attr = { 0 };
	int abi = os_landlock_abi();
	int ruleset_fd;
	int result = -1;

	if (abi == 0)
		return 0;
	for (int i = 1; i <= abi; i++) {
		attr.handled_access_fs |= landlock_abis[i].fs;
		attr.handled_access_net |= allow_tcp ? 0 : landlock_abis[i].net;
		attr.scoped |= landlock_abis[i].scoped;
	}
	ruleset_fd =
	    (int)syscall(SYS_landlock_create_ruleset, &attr, landlock_abis[abi].attr_bytes, 0);
	if (ruleset_fd < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (!allow_directory(ruleset_fd, &dirs[i], attr.handled_access_fs))
			goto out;
	if (syscall(SYS_landlock_restrict_self, ruleset_fd, 0) == 0)
		result = abi;
out:
	io_close(&ruleset_fd);
	return result;
}

/* The kernel takes 64 capabilities as two halves of 32. */
#define CAPABILITY_HALVES 2

#define PROC_NUMBER_MAX_BYTES 64

bool os_capabilities_set(uint64_t mask)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[CAPABILITY_HALVES] = {
		{ .effective = (uint32_t)mask, .permitted = (uint32_t)mask },
		{ .effective = (uint32_t)(mask >> 32), .permitted = (uint32_t)(mask >> 32) },
	};

	return syscall(SYS_capset, &header, data) == 0;
}

bool os_capabilities_bound(uint64_t mask)
{
	for (unsigned capability = 0; capability < 64; capability++) {
		int present = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);

		if (present < 0)
			break; /* EINVAL: the kernel has no more of them */
		if (present == 1 && (mask >> capability & 1) == 0 &&
		    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
			return false;
	}
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0;
}

/* The lowest port that anybody may take: 1024, or what the administrator of this network says. */
static uint64_t first_unprivileged_port(void)
{
	char *text = io_read_file(
	    AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", PROC_NUMBER_MAX_BYTES, NULL);
	uint64_t port = 1024;

	if (text != NULL) {
		text[strcspn(text, "\n")] = '\0';
		if (!text_parse_u64(text, &port))
			port = 1024;
	}
	free(text);
	return port;
}

bool os_may_bind_port(uint16_t port)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[CAPABILITY_HALVES] = { 0 };

	if (syscall(SYS_capget, &header, data) == 0 &&
	    (data[0].effective >> CAP_NET_BIND_SERVICE & 1) != 0)
		return true;
	return port >= first_unprivileged_port();
}

bool os_capabilities_get(uint64_t *out)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[CAPABILITY_HALVES] = { 0 };

	if (syscall(SYS_capget, &header, data) != 0)
		return false;
	*out = 0;
	for (int i = 0; i < CAPABILITY_HALVES; i++)
		*out |= (uint64_t)(data[i].effective | data[i].permitted | data[i].inheritable)
		        << (32 * i);
	return true;
}
