/*
 * data_session: may a data connection go on that did, or did not, resume the TLS session of its control connection?
 *
 * Front only; no side effects but on what it is given.
 */
#ifndef TLS_RATCHET_H
#define TLS_RATCHET_H

#include <stdbool.h>

#include "conf/conf.h"

enum tls_verdict {
	TLS_ADMIT,
	TLS_ADMIT_UNPROVEN, /* let in by the peer's address and an unguessable port alone */
	TLS_REFUSE_ENDED,   /* the client has resumed before: then this is not it, or it must go on */
	TLS_REFUSE_MISSING,
};

/* has_resumed: of this session so far; set when the connection resumed. */
enum tls_verdict tls_ratchet(enum conf_data_session policy, bool resumed, bool *has_resumed);

#endif
