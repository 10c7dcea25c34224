#include <criterion/criterion.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/listeners.h"

static char message[CONF_MESSAGE_BYTES];

/* A configuration with these listeners; the caller's. */
static struct conf *conf_with(const char *listeners)
{
	struct conf *conf = NULL;

	cr_assert_eq(conf_parse(&conf, "test.conf", listeners, message), CONF_OK, "%s", message);
	return conf;
}

/* Port of "title=ftp@127.0.0.1:PORT". */
static unsigned described_port(const struct listeners *set, const struct conf *conf)
{
	char text[256];

	listeners_describe(set, conf, text, sizeof(text));
	cr_assert_not_null(strstr(text, "ftp@"), "%s", text);
	return (unsigned)atol(strrchr(text, ':') + 1);
}

static bool accepts(unsigned port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ok = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return ok;
}

Test(listeners, opens_non_blocking_and_describes_real_ports)
{
	struct conf *conf = conf_with("listener \"a\" { address = \"127.0.0.1:0\" }\n"
	                              "listener \"b\" { address = \"127.0.0.1:0\" }\n");
	struct listeners set;
	char text[256];

	cr_assert(listeners_open(&set, conf, NULL, message), "%s", message);
	cr_assert_eq(set.count, 2);
	cr_assert_neq(set.items[0].fd, set.items[1].fd);
	for (size_t i = 0; i < set.count; i++) {
		cr_assert(fcntl(set.items[i].fd, F_GETFL) & O_NONBLOCK);
		cr_assert(fcntl(set.items[i].fd, F_GETFD) & FD_CLOEXEC);
	}
	listeners_describe(&set, conf, text, sizeof(text));
	cr_assert_eq(strncmp(text, "a=ftp@127.0.0.1:", 16), 0, "%s", text);
	cr_assert_not_null(strstr(text, " b=ftp@127.0.0.1:"), "%s", text);
	cr_assert(accepts(described_port(&set, conf)));
	listeners_close_except(&set, NULL);
	conf_free(&conf);
}

Test(listeners, everywhere_serves_ipv4_too)
{
	struct conf *conf = conf_with("listener \"a\" { address = \"[::]:0\" }\n");
	struct listeners set;

	cr_assert(listeners_open(&set, conf, NULL, message), "%s", message);
	cr_assert(accepts(described_port(&set, conf)));
	listeners_close_except(&set, NULL);
	conf_free(&conf);
}

Test(listeners, a_reload_keeps_the_sockets_of_the_same_address)
{
	struct conf *before = conf_with("listener \"a\" { address = \"127.0.0.1:0\" }\n");
	struct conf *after = conf_with("listener \"b\" { address = \"127.0.0.1:0\" }\n"
	                               "listener \"c\" { address = \"127.0.0.2:0\" }\n");
	struct listeners old, new;
	unsigned port, gone;

	cr_assert(listeners_open(&old, before, NULL, message), "%s", message);
	port = described_port(&old, before);
	cr_assert(listeners_open(&new, after, &old, message), "%s", message);
	cr_assert_eq(new.items[0].fd, old.items[0].fd);
	listeners_close_except(&old, &new);
	cr_assert(accepts(port));
	gone = port;
	listeners_close_except(&new, NULL);
	cr_assert(!accepts(gone));
	conf_free(&before);
	conf_free(&after);
}

Test(listeners, a_reload_keeps_each_of_several_on_port_0)
{
	struct conf *conf = conf_with("listener \"a\" { address = \"127.0.0.1:0\" }\n"
	                              "listener \"b\" { address = \"127.0.0.1:0\" }\n");
	struct listeners old, new;

	cr_assert(listeners_open(&old, conf, NULL, message), "%s", message);
	cr_assert(listeners_open(&new, conf, &old, message), "%s", message);
	for (size_t i = 0; i < new.count; i++)
		cr_assert_eq(new.items[i].fd, old.items[i].fd);
	listeners_close_except(&old, &new);
	listeners_close_except(&new, NULL);
	conf_free(&conf);
}

Test(listeners, a_failure_leaves_nothing_open_but_the_old)
{
	struct conf *conf = conf_with("listener \"a\" { address = \"127.0.0.1:0\" }\n");
	struct conf *bad;
	struct listeners old, new;
	char text[128];
	unsigned port;
	int lowest_free;

	cr_assert(listeners_open(&old, conf, NULL, message), "%s", message);
	port = described_port(&old, conf);
	lowest_free = dup(0);
	close(lowest_free);
	snprintf(text, sizeof(text),
	    "listener \"a\" { address = \"127.0.0.1:0\" }\n"
	    "listener \"b\" { address = \"127.0.0.2:0\" }\n"
	    "listener \"c\" { address = \"127.0.0.1:%u\" }\n",
	    port);
	bad = conf_with(text);
	cr_assert(!listeners_open(&new, bad, &old, message));
	cr_assert_not_null(
	    strstr(message, "listener \"c\": cannot listen on 127.0.0.1:"), "%s", message);
	cr_assert_eq(dup(0), lowest_free, "b was closed again");
	cr_assert(accepts(port));
	listeners_close_except(&old, NULL);
	conf_free(&conf);
	conf_free(&bad);
}

Test(listeners, variables_for_another_process_are_not_for_us)
{
	struct listeners set;

	setenv("LISTEN_PID", "1", 1);
	setenv("LISTEN_FDS", "2", 1);
	listeners_from_systemd(&set);
	cr_assert_eq(set.count, 0);
	cr_assert_null(getenv("LISTEN_FDS"));
	listeners_close_except(&set, NULL);
}
