/*
 * One FTP session, from the greeting to the end.
 *
 * Called by front.c in the sandboxed half, with everything it may use: descriptors, the guard
 * client and the configuration.  It opens nothing and looks nothing up.
 */
#ifndef FTP_ENGINE_H
#define FTP_ENGINE_H

#include "conf/conf.h"
#include "server/guard_client.h"

struct ftp_start {
	const struct conf *conf;
	const struct conf_listener *listener;
	struct guard_client *guard; /* borrowed */
	int control_fd;             /* connected, non-blocking, SO_OOBINLINE; owned by the engine */
	struct netaddr local;       /* as the client dialled us */
	struct netaddr peer;
	const char *session; /* id, for nothing but our own diagnosis */
	struct tls_contexts *tls; /* NULL: there is no certificate, and no TLS */
	/* What the client sent to an earlier session of this connection and nobody has served (REIN);
	 * read before the first word to the guard. */
	struct wire_blob unread;
	bool greeted; /* that session has sent the reply to REIN, which is the greeting else */
};

/* Serve until the client leaves or is sent away; says bye to the guard.  Returns the exit status.
 */
int ftp_engine_run(const struct ftp_start *start);

#endif
