/*
 * THE list of messages between the clerk and the roles that keep its books: guards, nurseries, master.
 *
 * C(name, number, from, fd, why); fields as CLERK_MSG_name, F(kind, field, bound) as in wire.h.
 *   from  who sends it: CLIENT (any role), MASTER (only over the master's own connection), CLERK
 * Requests of the client with an id other than 0 get a `verdict` with that id; the others get nothing.
 */
#ifndef SERVER_CLERK_MESSAGES_H
#define SERVER_CLERK_MESSAGES_H

#include "server/events.h"
#include "server/guard_messages.h"
#include "server/wire.h"

#define CLERK_SESSION_MAX 32
#define CLERK_TITLE_MAX 64
#define CLERK_PATH_MAX 4095
#define CLERK_NAMES_MAX 1023
#define CLERK_CERTIFICATES_MAX 1000	/* that metrics tell of */

/* clang-format off */
#define CLERK_MESSAGES(C)										\
	C(attach,	 1, CLIENT, NONE, "First message of a connection; after a restart of the clerk it brings the session's state along.") \
	C(admit,	 2, CLIENT, NONE, "A client has connected to me: may it stay?")			\
	C(leave,	 3, CLIENT, NONE, "My client is gone, I wait for another.")			\
	C(login,	 4, CLIENT, NONE, "My client is now this user: may there be one more session of them?") \
	C(hash_begin,	 5, CLIENT, NONE, "I want to hash a password: answer when it is my turn.")	\
	C(hash_end,	 6, CLIENT, NONE, "I have hashed it.")						\
	C(event,	 7, CLIENT, NONE, "Write this to the log.")					\
	C(sync,		 8, CLIENT, NONE, "I wait for my lines: acknowledge them now.")		\
	C(log_file,	10, MASTER, FILE, "Write the log here from now on.")				\
	C(drain,	11, MASTER, NONE, "Tell every session to end.")					\
	C(limits,	12, MASTER, NONE, "What the configuration says to the clerk; first message of all.")	\
	C(control,	13, MASTER, FILE, "The control socket, whose clients you answer; who may ask, and who I am.") \
	C(certificates,	14, MASTER, NONE, "So many certificates and revocation lists are configured; each follows, and then they replace the former ones.") \
	C(certificate,	15, MASTER, NONE, "One of them, and when the first of its chain ends.")		\
	C(verdict,	20, CLERK,  NONE, "Answer to a request.")					\
	C(written,	21, CLERK,  NONE, "Every event up to this number is in the log.")		\
	C(stop,		22, CLERK,  NONE, "Your session must end.")					\
	C(log_lost,	23, CLERK,  NONE, "To the master: the log goes nowhere any more, open it again.")

#define CLERK_MSG_attach(F)	F(str, role, CLERK_TITLE_MAX) F(str, session, CLERK_SESSION_MAX) F(str, protocol, CLERK_TITLE_MAX)	\
				F(str, listener, CLERK_TITLE_MAX) F(str, peer, NETADDR_TEXT_BYTES) F(str, user, GUARD_USER_NAME_MAX)	\
				F(i64, since, 0)
#define CLERK_MSG_admit(F)	F(str, session, CLERK_SESSION_MAX) F(str, protocol, CLERK_TITLE_MAX) F(str, listener, CLERK_TITLE_MAX)	\
				F(str, peer, NETADDR_TEXT_BYTES)
#define CLERK_MSG_leave(F)
#define CLERK_MSG_login(F)	F(str, user, GUARD_USER_NAME_MAX) F(u32, max_sessions, 0)
#define CLERK_MSG_hash_begin(F)
#define CLERK_MSG_hash_end(F)
#define CLERK_MSG_event(F)	F(u64, seq, 0) F(i64, seconds, 0) F(u32, milliseconds, 999) F(u32, event, EVENT_COUNT - 1)	\
				F(blob, fields, EVENT_MAX_BYTES)
#define CLERK_MSG_sync(F)
#define CLERK_MSG_log_file(F)	F(u32, kind, CLERK_LOG_KIND_COUNT - 1)
#define CLERK_MSG_drain(F)	F(u32, now, 1)
#define CLERK_MSG_limits(F)	F(u32, max_sessions, 0) F(u32, max_sessions_per_address, 0) F(u32, max_hashing, 0)	\
				F(u32, log_format, 1)
#define CLERK_MSG_control(F)	F(u32, uid, 0) F(u32, pid, 0) F(i64, since, 0)
#define CLERK_MSG_certificates(F) F(u32, count, CLERK_CERTIFICATES_MAX)
#define CLERK_MSG_certificate(F) F(str, file, CLERK_PATH_MAX) F(str, names, CLERK_NAMES_MAX) F(i64, expires, 0) \
				F(u32, kind, CLERK_CERTIFICATE_KIND_COUNT - 1)
#define CLERK_MSG_verdict(F)	F(u32, verdict, CLERK_VERDICT_COUNT - 1)
#define CLERK_MSG_written(F)	F(u64, seq, 0)
#define CLERK_MSG_stop(F)	F(u32, reason, GUARD_STOP_COUNT - 1) F(u32, now, 1)
#define CLERK_MSG_log_lost(F)

/* What `certificate` tells of: the server's own, by names its hosts; a list that is out of date first in its file, by names
 * its issuer. */
enum clerk_certificate_kind { CLERK_CERTIFICATE_OF_SERVER, CLERK_CERTIFICATE_LIST, CLERK_CERTIFICATE_KIND_COUNT };

/* How the descriptor of log_file is written to. */
enum clerk_log_kind { CLERK_LOG_PLAIN, CLERK_LOG_STREAM_SOCKET, CLERK_LOG_SYSLOG, CLERK_LOG_KIND_COUNT };

/* V(name, text): the clerk's answers; text is for the log line `refuse`. */
#define CLERK_VERDICTS(V)										\
	V(ALLOWED,		"allowed")								\
	V(TOO_MANY,		"too many sessions (max_sessions)")					\
	V(TOO_MANY_FROM_ADDRESS, "too many sessions from this address (max_sessions_per_address)")	\
	V(TOO_MANY_OF_USER,	"too many sessions of this user (max_sessions_per_user)")		\
	V(SHUTTING_DOWN,	"the server is going down")						\
	V(UNAVAILABLE,		"the clerk does not answer")
/* clang-format on */

#define CLERK_VERDICT_ENUM(name, text) CLERK_##name,
enum clerk_verdict { CLERK_VERDICTS(CLERK_VERDICT_ENUM) CLERK_VERDICT_COUNT };
#undef CLERK_VERDICT_ENUM
const char *clerk_verdict_text(enum clerk_verdict verdict);

/* --- written once; never touched when a message is added ------------------------------------ */

enum clerk_message_from { CLERK_FROM_CLIENT, CLERK_FROM_MASTER, CLERK_FROM_CLERK };

#define CLERK_NUMBER(name, number, from, fd, why) CLERK_MESSAGE_##name = (number),
enum clerk_message_number { CLERK_MESSAGES(CLERK_NUMBER) };

#define CLERK_STRUCT(name, number, from, fd, why)                                                  \
	struct clerk_msg_##name {                                                                  \
		char nothing;                                                                      \
		CLERK_MSG_##name(WIRE_STRUCT_FIELD)                                                \
	};
CLERK_MESSAGES(CLERK_STRUCT)

/* clerk_put_admit, clerk_get_admit ... (clerk_wire.c) */
#define CLERK_CODEC_PROTOTYPES(name, number, from, fd, why)                                        \
	void clerk_put_##name(struct wire_writer *, const struct clerk_msg_##name *);              \
	void clerk_get_##name(struct wire_reader *, struct clerk_msg_##name *);
CLERK_MESSAGES(CLERK_CODEC_PROTOTYPES)

#endif
