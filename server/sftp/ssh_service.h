/*
 * What runs on an SSH channel: the SFTP engine (fxp_engine.c) or the old scp protocol (scp_engine.c), as the
 * transport sees it (ssh_front.c).
 *
 * Front only.  The transport gives bytes as they come, lets the service work outside of libssh's callbacks, and
 * takes bytes away only while the client reads them: a service never waits for the client and holds at most
 * SSH_SERVICE_OUTPUT_MAX bytes for it.
 */
#ifndef SERVER_SFTP_SSH_SERVICE_H
#define SERVER_SFTP_SSH_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "server/guard_client.h"

#define SSH_SERVICE_OUTPUT_MAX (1u << 20) /* bytes made and not yet taken; a service stops working above it */

/*
 * What a client may send unasked: 80 MB/s over a path of 100 ms.  It costs no memory as long as input that a service does
 * not want stays in the network; only while keys are exchanged all of it may have to be taken.
 */
#define SSH_SERVICE_WINDOW_BYTES	(8u << 20)
#define SSH_SERVICE_SHARED_WINDOW_BYTES (2u << 20) /* with other channels open, as wide as OpenSSH's */

#define SSH_SERVICE_BUFFERS    4u	 /* of 1 MiB, to gather uploads in; of all services of a connection */

struct ssh_service; /* of the service's own making */

/* What a service needs to know; everything is borrowed and outlives the service. */
struct ssh_service_start {
	const struct conf *conf;
	struct guard_client *guard;
	const char *user;	/* as logged in */
	const char *start_dir;	/* in the user's view */
	uint32_t rights;	/* what any mount allows */
	uint32_t uid;		/* of the user's files */
	const char *command;	/* of an exec request; NULL for a subsystem */
	unsigned *buffers_left; /* of SSH_SERVICE_BUFFERS: whoever allocates one counts down; NULL: no bound */
};

struct ssh_service_row {
	const char *name;	/* "sftp", "scp": for the log and the process title */
	/* NULL when memory ran out, or when the command is not one of this service's. */
	struct ssh_service *(*start)(const struct ssh_service_start *start);
	/* Bytes of the client; all are taken.  Only stores, never waits; they stay where they are until the next call of
	 * settle or free.  False: the client broke the protocol, or sends more than it may without reading answers; the
	 * session ends. */
	bool (*take)(struct ssh_service *service, const uint8_t *bytes, size_t n);
	/* What take was given goes away: keep what is still needed.  Once in each turn, whoever may work in it.  NULL:
	 * nothing of it is ever needed again. */
	void (*settle)(struct ssh_service *service);
	/* The client will send no more. */
	void (*take_end)(struct ssh_service *service);
	/* Do some of what was asked; true when there is more to do at once and room for its output. */
	bool (*work)(struct ssh_service *service);
	/* The output that waits; *n may be 0.  Good until the next call of anything. */
	const uint8_t *(*output)(struct ssh_service *service, size_t *n);
	/* How much waits in all. */
	size_t (*held)(const struct ssh_service *service);
	void (*sent)(struct ssh_service *service, size_t n);
	/* False while so much waits to be done that the client's further bytes should stay in the network. */
	bool (*wants_input)(const struct ssh_service *service);
	/* Is a file being moved, or a request on its way?  Then the session is not idle, and a stop waits for it. */
	bool (*busy)(const struct ssh_service *service);
	/* In how many milliseconds work wants to be called though nothing happens (to write out what waits for more, to
	 * give back memory); -1: it need not.  NULL: never. */
	int (*wait_ms)(const struct ssh_service *service);
	/* True and the exit status when it has ended by itself and all its output was taken. */
	bool (*ended)(const struct ssh_service *service, int *exit_status);
	/* Everything still open ends as aborted. */
	void (*free)(struct ssh_service **service);
};

extern const struct ssh_service_row fxp_service; /* fxp_engine.c */
extern const struct ssh_service_row scp_service; /* scp_engine.c */

#endif
