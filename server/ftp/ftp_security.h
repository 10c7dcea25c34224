/*
 * TLS of the control and data connections: when it begins, what must be protected, when it ends.
 *
 * Front only.  The streams are server/tls/'s; here is what FTP makes of them (RFC 4217).  That a login is protected
 * is checked by the guard again; that data connections are protected, and by this session's client, can only be known
 * here, where the keys of TLS are.
 */
#ifndef FTP_SECURITY_H
#define FTP_SECURITY_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"

struct ftp_session;
struct guard_rep_login;
struct tls_session;
struct tls_stream;

struct ftp_security {
	struct tls_session *tls;    /* heap; NULL until TLS is first spoken */
	struct tls_stream *control; /* NULL: plain text */
	bool clearing;		    /* CCC was served: TLS ends when the client has said so, or speaks plainly */
	bool cleared;		    /* and has ended */
	bool begins_anew;	    /* REIN is what ends it, and not CCC */
	unsigned handshakes;	    /* of the control connection, begun so far */
	int64_t deadline_ms;	    /* of the last one */
	bool implies_protection;    /* of this AUTH: data connections are protected without PROT P */

	bool buffer_size_said; /* PBSZ */
	bool protects_data;    /* PROT P */

	/* What must be protected: of the listener, then of the user. */
	enum conf_require_tls require_tls;
	enum conf_data_session data_session;
	bool require_close_notify;
	bool data_resumed;   /* a data connection has resumed the session before */
	bool told_unresumed; /* the log knows that this client does not */
	bool kernel_refuses; /* to make records (tls_kernel.h) */
};

void ftp_security_init(struct ftp_session *session);
/* What the client has chosen goes back to its defaults. */
void ftp_security_reset(struct ftp_session *session);
/* Free all; nothing is said to the client. */
void ftp_security_clear(struct ftp_session *session);
/* What the guard says that holds for the user who has logged in. */
void ftp_security_adopt(struct ftp_session *session, const struct guard_rep_login *login);

/* --- the control connection ------------------------------------------------------------------------------ */

/* Is there a certificate? */
bool ftp_security_is_served(const struct ftp_session *session);
/* Does the control connection speak TLS to the last byte, so that replies must go through it? */
bool ftp_security_speaks(const struct ftp_session *session);
/* Has the control connection spoken TLS since the session began, or since REIN? */
bool ftp_security_has_begun(const struct ftp_session *session);
/* Has it shaken hands as often as the guard will sign for?  Then the log has been told. */
bool ftp_security_is_exhausted(struct ftp_session *session);
/* Begin a handshake: the client's next byte is TLS.  Ends the session when there is no memory. */
void ftp_security_begin(struct ftp_session *session);
bool ftp_security_is_shaking(const struct ftp_session *session);
/* Go on with it.  At its end everything that was said in plain text is forgotten. */
void ftp_security_step(struct ftp_session *session);
/* Its time is over. */
void ftp_security_too_slow(struct ftp_session *session);
/* End TLS from our side (CCC, REIN), after all replies are out. */
void ftp_security_uncover(struct ftp_session *session);
/* TLS has ended, and so has all that it meant: nobody has shown a certificate, no ticket is good for anything, and AUTH
 * may be said again (REIN). */
void ftp_security_forget(struct ftp_session *session);
/* While clearing: look at the next byte.  True when TLS has ended and plain text may be read. */
bool ftp_security_is_uncovered(struct ftp_session *session);

/* --- data connections ------------------------------------------------------------------------------------ */

/* A connection has come that is to be protected: begin.  False without memory. */
bool ftp_security_begin_data(struct ftp_session *session);
bool ftp_security_is_shaking_data(const struct ftp_session *session);
enum ftp_security_data {
	FTP_SECURITY_WAITS,
	FTP_SECURITY_DONE,
	FTP_SECURITY_BROKEN,  /* the handshake failed */
	FTP_SECURITY_REFUSED, /* the client has not proved that it is this session's */
};
enum ftp_security_data ftp_security_step_data(struct ftp_session *session);
/* An upload has ended without close_notify: tell the log. */
void ftp_security_truncated(struct ftp_session *session);
/* May the kernel be asked to encrypt a download? */
bool ftp_security_may_ask_kernel(const struct ftp_session *session);
/* What is transferred next goes over the control connection (STAT): for the log. */
void ftp_security_uses_control(struct ftp_session *session);
/* A download ended because it would take no new keys: for the log. */
void ftp_security_lacks_keys(struct ftp_session *session);

#endif
