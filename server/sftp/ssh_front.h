/*
 * The SSH transport of a front: libssh in server mode around an SFTP or scp service.
 *
 * ssh_front.c runs the session; ssh_outcome.c tells how its key exchange came out; ssh_auth.c translates logins for the
 * guard; ssh_channels.c feeds the services within the bounds of both sides; ssh_keys.c makes host keys out of public
 * halves; ssh_algorithms.c has the table of profiles.  Below libssh, ssh_packets.c seals and opens packets
 * (ssh_cipher.c) between the connection (ssh_socket.c), libssh and the channels, under the keys that ssh_libcrypto.c
 * catches, for what ssh_offer.c reads was agreed on.  Front only, but for ssh_front_warm_up
 * (ssh_warm_up.c), which the nursery calls before it forks.  Nothing here opens, signs or decides anything.
 */
#ifndef SERVER_SFTP_SSH_FRONT_H
#define SERVER_SFTP_SSH_FRONT_H

#include "conf/conf.h"
#include "server/base/netaddr.h"
#include "server/guard_client.h"
#include "server/keeper_client.h"

/* Everything is borrowed and outlives the run. */
struct ssh_front_start {
	const struct conf *conf;
	const struct conf_listener *listener;
	const struct keeper_public_keys *keys;
	struct guard_client *guard;
	int client_fd;		/* connected, does not block; owned from now on */
	struct netaddr peer;
	const char *session;	/* id, for nothing but messages */
};

/* Serve one client until it or the guard ends the session.  The exit status of the process (session.h). */
int ssh_front_run(const struct ssh_front_start *start);

/*
 * In the nursery, once: load what libssh and OpenSSL would load at first use, and prove with one handshake per kind of
 * key between two ends in this process that signatures and their checks really go through key_wrapper.h.
 * False, with a message for the administrator, when they do not: then no session may start.
 */
bool ssh_front_warm_up(const struct conf *conf, char *message, size_t message_bytes);

#endif
