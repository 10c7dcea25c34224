#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/notify.h"

static char got[128];

static const char *receive(int fd)
{
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	got[n > 0 ? n : 0] = '\0';
	return got;
}

Test(notify, tells_systemd_at_an_abstract_address)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char name[64];
	int length = snprintf(name, sizeof(name), "@transom-notify-%ld", (long)getpid());

	memcpy(address.sun_path + 1, name + 1, (size_t)length - 1);
	cr_assert_eq(bind(fd, (const struct sockaddr *)&address,
	                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)length)),
	    0);
	setenv("NOTIFY_SOCKET", name, 1);
	notify_init();
	cr_assert_null(getenv("NOTIFY_SOCKET"), "not for children");
	notify_send("READY=1");
	cr_assert_str_eq(receive(fd), "READY=1");
	notify_reloading();
	cr_assert_eq(strncmp(receive(fd), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
	close(fd);
}

Test(notify, without_the_variable_nothing_happens)
{
	unsetenv("NOTIFY_SOCKET");
	notify_init();
	notify_send("READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify_init();
	notify_send("READY=1");
}
