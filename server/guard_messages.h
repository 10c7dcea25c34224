/*
 * THE list of messages between a front and its guard.
 *
 * M(name, number, states, fd, calls, flags, why)
 *   name    guard_client_NAME() in the front, guard_do_NAME() in the guard
 *   number  on the wire; never reused
 *   states  GUARD_STATE_* in which the guard accepts it; in any other the session dies
 *   fd      what the reply carries: NONE, DATA (a connected socket), FILE_DATA (a regular file, and behind it a
 *           connected socket if one was asked for and is there)
 *   calls   how often a session may send it; 0 = no limit
 *   flags   LATER: the reply may be overtaken by others; SECRET: wiped after the handler;
 *           CONNECTION: the request carries the client's connection, and is wiped too
 *   why     one line for docs/GUARD-PROTOCOL.md
 *
 * A request's fields are GUARD_REQ_name, its reply's GUARD_REP_name, as F(kind, field, bound)
 * (wire.h).  A reply's header carries an enum vfs_status; the fields follow only after VFS_OK.
 *
 * To add a message: a row, its two field lists, guard_do_NAME; the rest is generated.
 */
#ifndef SERVER_GUARD_MESSAGES_H
#define SERVER_GUARD_MESSAGES_H

#include "conf/conf.h"
#include "server/base/netaddr.h"
#include "server/base/secret.h"
#include "server/keeper_messages.h"
#include "server/wire.h"
#include "vfs/vfs_batch.h"

/* Where a session stands, from the guard's point of view. */
enum guard_state {
	GUARD_STATE_IDLE = 1 << 0,	/* no connection yet: nothing may be asked */
	GUARD_STATE_LOGIN = 1 << 1,	/* connected, nobody is logged in */
	GUARD_STATE_USER = 1 << 2,	/* logged in: the guard is the user */
};

#define GUARD_DATA_ADDRESS_MAX NETADDR_TEXT_BYTES
#define GUARD_CLIENT_NAME_MAX 256
#define GUARD_USER_NAME_MAX 256		/* as typed; longer ones fail at the line parser */
#define GUARD_PATH_MAX (VFS_PATH_MAX - 1)
#define GUARD_UNREAD_MAX_BYTES 32800	/* what an FTP front reads ahead, each byte as two at worst */
#define GUARD_KEY_MAX_BYTES 8192	/* RSA of 16,384 bits takes 2,080 */
#define GUARD_SIGNED_MAX_BYTES 16384
#define GUARD_SIGNATURE_MAX_BYTES 4096
#define GUARD_CHAIN_MAX_BYTES 32768
#define GUARD_ALGORITHMS_MAX 512
#define GUARD_OFFER_MAX 4096

/*
 * `passive` of open: a small file costs one question instead of three.  The connection comes along only if the client
 * has come already and the file was opened; else the port stays, and data_accept waits there.
 */
enum guard_passive {
	GUARD_PASSIVE_LEAVE, /* nothing */
	GUARD_PASSIVE_TAKE,  /* bring the client's connection along */
	GUARD_PASSIVE_RENEW, /* and open another port in its place, for a client that asks again and again */
};
/* A front announces such a port within this time, or gives it back (data_close): sessions that are idle hold none. */
#define GUARD_RENEWED_MS 1000

/*
 * Handshakes of TLS on an FTP control connection, for which the guard has signatures made: AUTH, and again after REIN
 * without a login between; after a login the connection has another guard.
 */
#define GUARD_SIGN_CONTROL_MAX 4u

/* Factors of a login (`require` of a user, partial success of RFC 4252 5.1). */
enum guard_method {
	GUARD_METHOD_PASSWORD = 1 << 0,	/* by password or keyboard-interactive */
	GUARD_METHOD_KEY = 1 << 1,	/* SSH public key */
	GUARD_METHOD_CERTIFICATE = 1 << 2, /* TLS client certificate */
	GUARD_METHODS_ALL = (1 << 3) - 1,
};

/* clang-format off */
#define GUARD_MESSAGES(M)											\
	M(login,	 1, GUARD_STATE_LOGIN,			     NONE, 100, SECRET,				\
	  "Check a password. On success the guard becomes the user for good.")					\
	M(client_name,	 2, GUARD_STATE_LOGIN | GUARD_STATE_USER,    NONE, 100, PLAIN,				\
	  "What the client calls itself (CLNT, SSH identification): for the log, believed by nobody.")		\
	M(bye,		 3, GUARD_STATE_LOGIN | GUARD_STATE_USER,    NONE, 1, PLAIN,				\
	  "Why the front is about to end the session: for the log line of the logout.")				\
	M(probe_key,	 4, GUARD_STATE_LOGIN,			     NONE, 100, PLAIN,				\
	  "Would a signature by this SSH key log this user in? A no counts as a failed try.")			\
	M(login_key,	 5, GUARD_STATE_LOGIN,			     NONE, 100, PLAIN,				\
	  "Check a signature by an SSH key over this connection's session id; the guard verifies it itself.")	\
	M(login_certificate, 6, GUARD_STATE_LOGIN,		     NONE, 100, PLAIN,				\
	  "Check a TLS client certificate: its chain, its signature of the handshake, whose it is.")		\
	M(sign,		 7, GUARD_STATE_LOGIN | GUARD_STATE_USER,    NONE, 131072, PLAIN,			\
	  "One signature of this connection's handshake by a private key, which only the keeper has.")		\
	M(secured,	 8, GUARD_STATE_LOGIN | GUARD_STATE_USER,    NONE, 0, PLAIN,				\
	  "What the handshake agreed on, or why it failed: for the log, believed by nobody.")			\
	M(pong,		 9, GUARD_STATE_LOGIN | GUARD_STATE_USER,    NONE, 0, PLAIN,				\
	  "Answer to ping: the front still goes round its loop.")						\
	M(open,		10, GUARD_STATE_USER,			     FILE_DATA, 0, PLAIN,			\
	  "Open a regular file; the descriptor has exactly the access asked for. On request the data connection too.") \
	M(close,	11, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "End a handle; after COMPLETE the reply is the promise that an upload is published.")			\
	M(stat,		12, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "Attributes of a name.")										\
	M(fstat,	13, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "Attributes of an open handle.")									\
	M(setattr,	14, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "Set permissions, times or size by name.")								\
	M(fsetattr,	15, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "Set permissions, times or size of an open handle.")							\
	M(fsync,	16, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "Wait until the disk has an open file.")								\
	M(copy,		17, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "Copy a range between two open files, a bounded step at a time.")					\
	M(opendir,	20, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "Open a directory; the descriptor stays in the guard.")						\
	M(readdir,	21, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "The next batch of entries.")										\
	M(chdir,	22, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "May the user enter this directory? The working directory itself is the front's affair.")		\
	M(mkdir,	23, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "Make a directory.")											\
	M(rmdir,	24, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "Remove an empty directory.")										\
	M(remove,	25, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "Remove a file or link.")										\
	M(rename,	26, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "Rename inside one mount, with or without replacing.")						\
	M(link,		27, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "Make a hard link.")											\
	M(symlink,	28, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "Make a symbolic link; the text is stored as given and resolved inside the mount.")			\
	M(readlink,	29, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "Text of a symbolic link.")										\
	M(statvfs,	30, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "Size and free space of the filesystem behind a name.")						\
	M(fstatvfs,	31, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "Size and free space of the filesystem behind an open handle.")					\
	M(data_listen,	40, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "Open a passive port; at most one at a time, the old one closes.")					\
	M(data_accept,	41, GUARD_STATE_USER,			     DATA, 0, LATER,				\
	  "Wait on the passive port for the control connection's peer; strangers are dropped. The socket does not block.")			\
	M(data_connect,	42, GUARD_STATE_USER,			     DATA, 0, LATER,				\
	  "Connect to the peer's own address, port 1024 or above.")						\
	M(data_close,	43, GUARD_STATE_USER,			     NONE, 0, PLAIN,				\
	  "Close the passive port and cancel what waits (its reply: CANCELLED).")				\
	M(rein,		44, GUARD_STATE_USER,			     NONE, 1, CONNECTION,			\
	  "End the session and hand its connection to a fresh pair, which greets the client anew (REIN).")	\
	M(anew,		45, GUARD_STATE_LOGIN,			     NONE, 0, PLAIN,				\
	  "Forget what was shown and said before the login: TLS ends (REIN) or has begun (AUTH).")

/* Notices: guard to front, unasked.  N(name, number, fd, why) */
#define GUARD_NOTICES(N)											\
	N(start,	60, CONNECTION,										\
	  "A client has connected: serve it. Exactly once, before anything else.")				\
	N(stop,		61, NONE,										\
	  "The session must end: tell the client why, let a running transfer finish if there is time.")		\
	N(ping,		62, NONE,										\
	  "Answer with pong. A front that does not, because it spins or was stopped, is ended.")

#define GUARD_REQ_login(F)	 F(str, user, GUARD_USER_NAME_MAX) F(secret, password, SECRET_MAX_BYTES)
/* methods: after GUARD_LOGIN_PARTIAL, which GUARD_METHOD_* may come next.  The last three: what holds for this user
 * (enum conf_require_tls, conf_data_session). */
#define GUARD_REP_login(F)	 F(u32, result, 0) F(str, user, GUARD_USER_NAME_MAX) F(str, start_dir, GUARD_PATH_MAX) \
				 F(u32, rights, 0) F(u32, uid, 0) F(u32, attempts_left, 0) F(u32, methods, GUARD_METHODS_ALL) \
				 F(u32, require_tls, CONF_TLS_BOTH) F(u32, data_session, CONF_DATA_SESSION_REQUIRE) F(u32, require_close_notify, 1)
/* key: the public key as SSH sends it (RFC 4253 6.6). */
#define GUARD_REQ_probe_key(F)	 F(str, user, GUARD_USER_NAME_MAX) F(blob, key, GUARD_KEY_MAX_BYTES)
#define GUARD_REP_probe_key(F)	 F(u32, acceptable, 1) F(u32, attempts_left, 0)
/* signed_data: what the signature function was given; for sk- keys the 69 bytes of their own format, else the
 * blob of RFC 4252 7.  signature: as the signature function was given it: Ed25519: 64 bytes; ECDSA: DER; RSA: raw. */
#define GUARD_REQ_login_key(F)	 F(str, user, GUARD_USER_NAME_MAX) F(blob, key, GUARD_KEY_MAX_BYTES)	\
				 F(blob, signed_data, GUARD_SIGNED_MAX_BYTES) F(blob, signature, GUARD_SIGNATURE_MAX_BYTES)
#define GUARD_REP_login_key(F)	 GUARD_REP_login(F)
/* chain: certificates in DER, the client's own first, each after its length as u32 in network order. signed_data,
 * signature, scheme (RFC 8446 4.2.3): of the client's CertificateVerify.  password may be "" when none is needed. */
#define GUARD_REQ_login_certificate(F) F(str, user, GUARD_USER_NAME_MAX) F(blob, chain, GUARD_CHAIN_MAX_BYTES)	\
				 F(blob, signed_data, GUARD_SIGNED_MAX_BYTES) F(blob, signature, GUARD_SIGNATURE_MAX_BYTES)	\
				 F(u32, scheme, 65535)
#define GUARD_REP_login_certificate(F) GUARD_REP_login(F)
/* key: index into the keeper's list (keeper_messages.h).  signature: as EVP_DigestSign returns it. */
#define GUARD_REQ_sign(F)	 F(u32, key, KEEPER_KEYS_MAX - 1) F(u32, shape, KEEPER_SHAPE_COUNT - 1) F(u32, digest, KEEPER_DIGEST_COUNT - 1) \
				 F(u32, pss, 1) F(blob, data, KEEPER_DATA_MAX_BYTES)
#define GUARD_REP_sign(F)	 F(blob, signature, GUARD_SIGNATURE_MAX_BYTES)
/* algorithms: "ssh curve25519-sha256 ssh-ed25519 aes128-gcm@openssh.com", "TLSv1.3 TLS_AES_128_GCM_SHA256 x25519"
 * when it succeeded; else failure is what went wrong, with ours and theirs the two sides' offers.  matter: which
 * handshake, or what else there is to say (GUARD_MATTERS). */
#define GUARD_REQ_secured(F)	 F(str, algorithms, GUARD_ALGORITHMS_MAX) F(str, failure, GUARD_ALGORITHMS_MAX)	\
				 F(str, ours, GUARD_OFFER_MAX) F(str, theirs, GUARD_OFFER_MAX) F(u32, matter, GUARD_MATTER_COUNT - 1)
#define GUARD_REP_secured(F)
#define GUARD_REQ_pong(F)	 F(u32, number, 0)
#define GUARD_REP_pong(F)
#define GUARD_REQ_client_name(F) F(str, name, GUARD_CLIENT_NAME_MAX)
#define GUARD_REP_client_name(F)
#define GUARD_REQ_bye(F)	 F(u32, reason, GUARD_BYE_COUNT - 1)
#define GUARD_REP_bye(F)
/* passive: what to do at the passive port (enum guard_passive).  next_port: the one that was opened for the next
 * transfer, 0: none; its address is that of data_listen. */
#define GUARD_REQ_open(F)	 F(str, path, GUARD_PATH_MAX) F(u32, flags, 0) F(u64, offset, INT64_MAX) F(u32, mode, 0) \
				 F(u32, passive, GUARD_PASSIVE_RENEW)
#define GUARD_REP_open(F)	 F(u32, handle, 0) F(attr, attr, 0) F(u64, offset, 0) F(u32, staged, 1) F(str, path, GUARD_PATH_MAX) \
				 F(u32, next_port, 65535)
/* For the log: by_kernel: it encrypted the download; algorithms: how the data connection was protected, "": not at all. */
#define GUARD_REQ_close(F)	 F(u32, handle, 0) F(u32, outcome, VFS_CLOSE_FAILED) F(u64, bytes, 0) F(u32, reason, VFS_STATUS_COUNT - 1) \
				 F(u32, by_kernel, 1) F(str, algorithms, GUARD_ALGORITHMS_MAX)
#define GUARD_REP_close(F)	 F(str, path, GUARD_PATH_MAX) F(u64, size, 0) F(u32, kept, 1)
#define GUARD_REQ_stat(F)	 F(str, path, GUARD_PATH_MAX) F(u32, follow, 1)
#define GUARD_REP_stat(F)	 F(attr, attr, 0)
#define GUARD_REQ_fstat(F)	 F(u32, handle, 0)
#define GUARD_REP_fstat(F)	 F(attr, attr, 0)
#define GUARD_REQ_setattr(F)	 F(str, path, GUARD_PATH_MAX) F(u32, follow, 1) F(change, change, 0)
#define GUARD_REP_setattr(F)
#define GUARD_REQ_fsetattr(F)	 F(u32, handle, 0) F(change, change, 0)
#define GUARD_REP_fsetattr(F)
#define GUARD_REQ_fsync(F)	 F(u32, handle, 0)
#define GUARD_REP_fsync(F)
#define GUARD_REQ_copy(F)	 F(u32, from, 0) F(u64, from_offset, INT64_MAX) F(u32, to, 0) F(u64, to_offset, INT64_MAX) F(u64, length, 0)
#define GUARD_REP_copy(F)	 F(u64, copied, 0)
#define GUARD_REQ_opendir(F)	 F(str, path, GUARD_PATH_MAX)
#define GUARD_REP_opendir(F)	 F(u32, handle, 0)
#define GUARD_REQ_readdir(F)	 F(u32, handle, 0) F(u32, flags, 0)
#define GUARD_REP_readdir(F)	 F(u32, end, 1) F(blob, entries, VFS_BATCH_MAX_BYTES)
#define GUARD_REQ_chdir(F)	 F(str, path, GUARD_PATH_MAX)
#define GUARD_REP_chdir(F)
#define GUARD_REQ_mkdir(F)	 F(str, path, GUARD_PATH_MAX) F(u32, mode, 0)
#define GUARD_REP_mkdir(F)
#define GUARD_REQ_rmdir(F)	 F(str, path, GUARD_PATH_MAX)
#define GUARD_REP_rmdir(F)
#define GUARD_REQ_remove(F)	 F(str, path, GUARD_PATH_MAX)
#define GUARD_REP_remove(F)
#define GUARD_REQ_rename(F)	 F(str, from, GUARD_PATH_MAX) F(str, to, GUARD_PATH_MAX) F(u32, replace, 1)
#define GUARD_REP_rename(F)
#define GUARD_REQ_link(F)	 F(str, from, GUARD_PATH_MAX) F(str, to, GUARD_PATH_MAX)
#define GUARD_REP_link(F)
#define GUARD_REQ_symlink(F)	 F(str, target, GUARD_PATH_MAX) F(str, path, GUARD_PATH_MAX)
#define GUARD_REP_symlink(F)
#define GUARD_REQ_readlink(F)	 F(str, path, GUARD_PATH_MAX)
#define GUARD_REP_readlink(F)	 F(str, target, GUARD_PATH_MAX)
#define GUARD_REQ_statvfs(F)	 F(str, path, GUARD_PATH_MAX)
#define GUARD_REP_statvfs(F)	 F(u64, block_size, 0) F(u64, fragment_size, 0) F(u64, blocks, 0) F(u64, blocks_free, 0)	\
				 F(u64, blocks_available, 0) F(u64, files, 0) F(u64, files_free, 0) F(u64, files_available, 0)	\
				 F(u64, filesystem_id, 0) F(u64, name_max, 0) F(u32, read_only, 1)
#define GUARD_REQ_fstatvfs(F)	 F(u32, handle, 0)
#define GUARD_REP_fstatvfs(F)	 GUARD_REP_statvfs(F)
#define GUARD_REQ_data_listen(F) F(u32, family, 0)
#define GUARD_REP_data_listen(F) F(str, address, GUARD_DATA_ADDRESS_MAX) F(u32, port, 65535)
#define GUARD_REQ_data_accept(F)
#define GUARD_REP_data_accept(F)
/* after_open: only if the last open succeeded, which was sent just before and not yet answered; else the answer is
 * CANCELLED, and a passive port stays. */
#define GUARD_REQ_data_connect(F) F(str, address, GUARD_DATA_ADDRESS_MAX) F(u32, port, 65535) F(u32, after_open, 1)
#define GUARD_REP_data_connect(F)
#define GUARD_REQ_data_close(F)
#define GUARD_REP_data_close(F)
/* unread: what the client sent behind REIN and nobody has served, as it would come from the connection.  greeted: the
 * client has its reply already, inside the TLS that REIN ends (RFC 4217 11). */
#define GUARD_REQ_rein(F)	 F(u32, greeted, 1) F(blob, unread, GUARD_UNREAD_MAX_BYTES)
#define GUARD_REP_rein(F)
#define GUARD_REQ_anew(F)
#define GUARD_REP_anew(F)

/* listener: index into conf->listeners.  Addresses without port, as netaddr_format_ip writes them. */
#define GUARD_NOTE_start(F)	 F(u32, listener, 0) F(str, session, 32) F(str, local, GUARD_DATA_ADDRESS_MAX) F(u32, local_port, 65535)	\
				 F(str, peer, GUARD_DATA_ADDRESS_MAX) F(u32, peer_port, 65535)				\
				 F(u32, greeted, 1) F(blob, unread, GUARD_UNREAD_MAX_BYTES)
#define GUARD_NOTE_stop(F)	 F(u32, reason, GUARD_STOP_COUNT - 1) F(u32, now, 1)
#define GUARD_NOTE_ping(F)	 F(u32, number, 0)
/* clang-format on */

/* `rights` of login's reply: what any of the user's mounts allows, for early refusals in the front. */

/* `family` of data_listen: AF_INET for PASV, AF_INET6 for EPSV 2, 0 = as the control connection. */

/* `result` of login.  The network hears "Login incorrect" for every failure; the log has the cause. */
enum guard_login_result {
	GUARD_LOGIN_OK,
	GUARD_LOGIN_FAILED,	/* wrong, unknown, locked: all the same to the client */
	GUARD_LOGIN_TOO_MANY_TRIES, /* the session must end now */
	GUARD_LOGIN_TOO_MANY_SESSIONS, /* of this user: try later */
	GUARD_LOGIN_UNAVAILABLE, /* the server cannot serve this user now: the log says why */
	GUARD_LOGIN_PARTIAL,	/* right so far: a further factor is needed, see `methods` */
	GUARD_LOGIN_NEEDS_TLS,	/* right, but this user may not log in without TLS */
};

/*
 * What `secured` is about: X(name, event, reason, cure).  The first two are handshakes, that say themselves what
 * came of them in `algorithms` or `failure`: of the connection (SSH) or control connection (FTP), and of whatever
 * carries the next listings: a data connection; for STAT the control connection.
 */
#define GUARD_MATTERS(X)                                                                           \
	X(CONNECTION, NEGOTIATION_FAILED, NULL, NULL)                                              \
	X(DATA, NEGOTIATION_FAILED, NULL, NULL)                                                    \
	X(TOO_OFTEN, NEGOTIATION_FAILED,                                                           \
	    "AUTH after REIN once more than a connection may shake hands without a login: ended",  \
	    "let the client connect again instead of saying REIN")                                 \
	X(CLEARED, PROTECTION, "the control connection went back to plain text (CCC)", NULL)       \
	X(UNRESUMED, PROTECTION,                                                                   \
	    "data connections do not resume the TLS session of the control connection: let in by " \
	    "address and port",                                                                    \
	    "set data_session = require to refuse such clients, or off to hear no more of them")   \
	X(RESUMPTION_ENDED, DATA_FAILED,                                                           \
	    "the data connection did not resume the TLS session of its control connection, as an " \
	    "earlier one did: somebody else's, or a client's whose connections share one cache "   \
	    "of TLS sessions (rclone, curl -Z); refused",                                          \
	    "if it is such a client: one connection at a time (rclone --ftp-concurrency 1), no "   \
	    "cache (rclone --ftp-tls-cache-size 0, curl --no-sessionid), or data_session = off "   \
	    "for its user")                                                                        \
	X(RESUMPTION_MISSING, DATA_FAILED,                                                         \
	    "the data connection did not resume the TLS session of its control connection: "       \
	    "refused",                                                                             \
	    "let the client reuse TLS sessions, or set data_session = prefer for its user")        \
	X(TRUNCATED, DATA_FAILED, "the upload ended without TLS's close_notify: not published",    \
	    "set require_close_notify = no for the user if its client never sends that")            \
	X(NO_NEW_KEYS, DATA_FAILED,                                                                \
	    "the client asked for new keys while the kernel encrypted its download: ended",        \
	    "set kernel_tls = off where clients do this")
#define GUARD_MATTER_ENUM(name, event, reason, cure) GUARD_MATTER_##name,
enum guard_matter { GUARD_MATTERS(GUARD_MATTER_ENUM) GUARD_MATTER_COUNT };
#undef GUARD_MATTER_ENUM

/* Why the front ends a session; B(name, text for the log). */
#define GUARD_BYES(B)                                                                              \
	B(QUIT, "quit")                                                                            \
	B(CLOSED, "closed by the client")                                                          \
	B(RESET, "connection lost")                                                                \
	B(IDLE, "idle timeout")                                                                    \
	B(LOGIN_TIMEOUT, "login timeout")                                                          \
	B(LOGIN_ATTEMPTS, "too many failed logins")                                                \
	B(PROTOCOL, "protocol error")                                                              \
	B(FOREIGN_PROTOCOL, "spoke another protocol")                                              \
	B(BAD_COMMANDS, "too many bad commands")                                                   \
	B(SLOW, "did not read its replies")                                                        \
	B(STOPPED, "ended by the server")                                                          \
	B(INTERNAL, "internal error")                                                              \
	B(REIN, "the client began anew (REIN)")                                                    \
	B(HANDSHAKE, "TLS handshake failed")
#define GUARD_BYE_ENUM(name, text) GUARD_BYE_##name,
enum guard_bye { GUARD_BYES(GUARD_BYE_ENUM) GUARD_BYE_COUNT };
#undef GUARD_BYE_ENUM

/* Why the guard tells the front to stop; S(name, text for the client). */
#define GUARD_STOPS(S)                                                                             \
	S(SHUTDOWN, "Server is going down")                                                        \
	S(KICKED, "Ended by the administrator")                                                    \
	S(LOGIN_TIMEOUT, "Login timeout")                                                          \
	S(SESSION_TIMEOUT, "Session timeout")
#define GUARD_STOP_ENUM(name, text) GUARD_STOP_##name,
enum guard_stop { GUARD_STOPS(GUARD_STOP_ENUM) GUARD_STOP_COUNT };
#undef GUARD_STOP_ENUM

/* --- written once; never touched when a message is added ------------------------------------ */

enum guard_message_fd { GUARD_FD_NONE, GUARD_FD_DATA, GUARD_FD_FILE_DATA, GUARD_FD_CONNECTION };
enum guard_message_flag {
	GUARD_FLAG_PLAIN = 0,
	GUARD_FLAG_LATER = 1,
	GUARD_FLAG_SECRET = 2,
	GUARD_FLAG_CARRIES = 4,
	GUARD_FLAG_CONNECTION = GUARD_FLAG_SECRET | GUARD_FLAG_CARRIES,
};

#define GUARD_NUMBER(name, number, states, fd, calls, flags, why) GUARD_MESSAGE_##name = (number),
#define GUARD_NOTICE_NUMBER(name, number, fd, why) GUARD_NOTICE_##name = (number),
enum guard_message_number { GUARD_MESSAGES(GUARD_NUMBER) GUARD_NOTICES(GUARD_NOTICE_NUMBER) };

/* A struct without members is not C: every struct starts with a byte of no meaning. */
#define GUARD_STRUCTS(name, number, states, fd, calls, flags, why)                                 \
	struct guard_req_##name {                                                                  \
		char nothing;                                                                      \
		GUARD_REQ_##name(WIRE_STRUCT_FIELD)                                                \
	};                                                                                         \
	struct guard_rep_##name {                                                                  \
		char nothing;                                                                      \
		GUARD_REP_##name(WIRE_STRUCT_FIELD)                                                \
	};
#define GUARD_NOTICE_STRUCT(name, number, fd, why)                                                 \
	struct guard_note_##name {                                                                 \
		char nothing;                                                                      \
		GUARD_NOTE_##name(WIRE_STRUCT_FIELD)                                               \
	};
GUARD_MESSAGES(GUARD_STRUCTS)
GUARD_NOTICES(GUARD_NOTICE_STRUCT)

/* Encoders and decoders: guard_put_req_open, guard_get_req_open, guard_put_rep_open ... (guard_wire.c) */
#define GUARD_CODEC_PROTOTYPES(name, number, states, fd, calls, flags, why)                        \
	void guard_put_req_##name(struct wire_writer *, const struct guard_req_##name *);          \
	void guard_get_req_##name(struct wire_reader *, struct guard_req_##name *);                \
	void guard_put_rep_##name(struct wire_writer *, const struct guard_rep_##name *);          \
	void guard_get_rep_##name(struct wire_reader *, struct guard_rep_##name *);
#define GUARD_NOTICE_PROTOTYPES(name, number, fd, why)                                             \
	void guard_put_note_##name(struct wire_writer *, const struct guard_note_##name *);        \
	void guard_get_note_##name(struct wire_reader *, struct guard_note_##name *);
GUARD_MESSAGES(GUARD_CODEC_PROTOTYPES)
GUARD_NOTICES(GUARD_NOTICE_PROTOTYPES)

/* The rows as data, for the dispatcher, the documents and the tests (guard_wire.c). */
struct guard_message_row {
	const char *name;
	const char *why;
	uint16_t number;
	uint32_t states;
	enum guard_message_fd fd;
	uint32_t calls;
	uint32_t flags;
};
extern const struct guard_message_row guard_message_rows[];
extern const size_t guard_message_row_count;
/* NULL when there is no such request. */
const struct guard_message_row *guard_message_find(uint16_t number);
/* Print docs/GUARD-PROTOCOL.md (Markdown) from the tables. */
#include <stdio.h>
void guard_messages_print(FILE *out);

#endif
