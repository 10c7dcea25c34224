#include "fake_kernel.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

struct fake_kernel fake_kernel;

static int answer(int error)
{
	if (error == 0)
		return 0;
	errno = error;
	return -1;
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t n)
{
	if (fake_kernel.on && level == IPPROTO_TCP && option == TCP_ULP) {
		fake_kernel.asked++;
		return answer(fake_kernel.ulp_errno);
	}
	if (fake_kernel.on && level == SOL_TLS && option == TLS_TX) {
		fake_kernel.taken += fake_kernel.keys_errno == 0;
		memcpy(&fake_kernel.info, value, n < sizeof(fake_kernel.info) ? n : sizeof(fake_kernel.info));
		return answer(fake_kernel.keys_errno);
	}
	if (fake_kernel.on && fake_kernel.size > 0 && level == SOL_SOCKET && option == SO_SNDBUF) {
		fake_kernel.size = fake_kernel.largest;
		return 0;
	}
	return (int)syscall(SYS_setsockopt, fd, level, option, value, n);
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *n)
{
	uint32_t *memory = value;

	if (!fake_kernel.on || fake_kernel.size == 0 || level != SOL_SOCKET || option != SO_MEMINFO)
		return (int)syscall(SYS_getsockopt, fd, level, option, value, n);
	memset(value, 0, *n);
	memory[SK_MEMINFO_SNDBUF] = fake_kernel.size;
	memory[SK_MEMINFO_WMEM_QUEUED] = fake_kernel.queued;
	return 0;
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	const struct cmsghdr *control = message->msg_controllen > 0 ? CMSG_FIRSTHDR(message) : NULL;

	if (!fake_kernel.on || control == NULL || control->cmsg_level != SOL_TLS ||
	    control->cmsg_type != TLS_SET_RECORD_TYPE)
		return syscall(SYS_sendmsg, fd, message, flags);
	fake_kernel.records++;
	fake_kernel.type = *CMSG_DATA(control);
	fake_kernel.record_bytes = message->msg_iov[0].iov_len;
	memcpy(fake_kernel.record, message->msg_iov[0].iov_base, fake_kernel.record_bytes);
	return (ssize_t)fake_kernel.record_bytes;
}
