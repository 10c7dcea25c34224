/*
 * The listening sockets.
 *
 * Master only: it opens them while it may, hands them to nurseries, and never accepts.  A set is what one
 * configuration asks for; on reload the next set takes over the sockets whose address is the same.
 */
#ifndef SERVER_LISTENERS_H
#define SERVER_LISTENERS_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"

struct listener {
	struct netaddr address;	/* as configured: port 0 stays 0 */
	int fd;
	bool systemd;		/* systemd's own: closed, never shut down */
};

/* In the order of conf->listeners.  All zero: no sockets. */
struct listeners {
	struct listener *items;
	size_t count;
};

/* Take systemd's sockets (LISTEN_FDS), and forget the variables; an empty set when there are none. */
void listeners_from_systemd(struct listeners *out);
/*
 * Open what conf asks for, taking sockets from old (which keeps its own list of them) where the address is
 * the same.  On false message is "listener "x": ...", and nothing is open that was not in old.
 */
bool listeners_open(struct listeners *out, const struct conf *conf, const struct listeners *old,
    char message[CONF_MESSAGE_BYTES]);
/* Close what is not in keep (NULL: everything) and free the list.  The port is free at once, whoever else
 * holds the socket still. */
void listeners_close_except(struct listeners *set, const struct listeners *keep);
/* "title=ftp@127.0.0.1:2121 ..." with the real addresses, for the ready line. */
void listeners_describe(const struct listeners *set, const struct conf *conf, char *out, size_t out_bytes);

#endif
