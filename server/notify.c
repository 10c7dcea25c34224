#include "server/notify.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "server/base/io.h"

/* Where to; length 0: nowhere. */
static struct {
	struct sockaddr_un address;
	socklen_t length;
} target;

void notify_init(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path != NULL ? strlen(path) : 0;

	if (length >= 2 && length < sizeof(target.address.sun_path) &&
	    (path[0] == '/' || path[0] == '@')) {
		target.address.sun_family = AF_UNIX;
		memcpy(target.address.sun_path, path, length);
		/* An abstract name starts with NUL and is written with @. */
		if (path[0] == '@')
			target.address.sun_path[0] = '\0';
		target.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	}
	unsetenv("NOTIFY_SOCKET");
}

void notify_send(const char *state)
{
	int fd;

	if (target.length == 0)
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	/* Nobody to complain to when it fails: systemd will see a service that does not get ready.
	 */
	sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&target.address,
	    target.length);
	io_close(&fd);
}

void notify_reloading(void)
{
	struct timespec now;
	char state[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%" PRIu64,
	    (uint64_t)now.tv_sec * 1000000U + (uint64_t)now.tv_nsec / 1000U);
	notify_send(state);
}
