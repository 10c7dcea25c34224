/*
 * The TLS of one FTP session: its control connection and its data connections, and nobody else's.
 *
 * Front only, one a process, made when TLS is first spoken.  Ticket keys are made up here and never leave the process,
 * so whoever resumes has been part of this very session: that is what binds data connections to their control
 * connection.  Signatures are fetched from the guard.
 */
#ifndef TLS_SESSION_H
#define TLS_SESSION_H

#include <stdbool.h>

#include "conf/conf.h"
#include "server/guard_client.h"
#include "server/tls/tls_contexts.h"
#include "server/tls/tls_stream.h"

struct tls_session;

/* All is borrowed, and contexts are changed.  NULL when memory ran out. */
struct tls_session *tls_session_new(
    struct tls_contexts *contexts, const struct conf_listener *listener, struct guard_client *guard);
void tls_session_free(struct tls_session **session);

/* The caller's (tls_stream_free); they must be gone before the session is.  NULL when memory ran out.  After the
 * handshake of a control connection tls_session_take_evidence is to be called. */
struct tls_stream *tls_session_control(struct tls_session *session, int fd);
struct tls_stream *tls_session_data(struct tls_session *session, int fd);

/* The handshake of the control connection is over: keep what proves the client's certificate, if it showed one. */
void tls_session_take_evidence(struct tls_session *session, const struct tls_stream *control);
/* That evidence as the guard wants it, without a user; false when there is none. */
bool tls_session_evidence(
    const struct tls_session *session, struct guard_req_login_certificate *out);
/* The login is over. */
void tls_session_drop_evidence(struct tls_session *session);

#endif
