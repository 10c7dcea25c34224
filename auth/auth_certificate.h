/*
 * TLS client certificates: is the chain good, was the handshake signed with the certificate's key,
 * and whose is it?
 *
 * The nursery loads whom to trust; the guard asks, before login.  It believes nothing that the
 * front's library has checked.
 */
#ifndef AUTH_AUTH_CERTIFICATE_H
#define AUTH_AUTH_CERTIFICATE_H

#include "auth/auth_blob.h"
#include "auth/auth_key.h"
#include "conf/conf.h"

#define AUTH_CERTIFICATE_CHAIN_MAX 10u /* certificates that a client may send */

/* Who may certify clients, and what they have revoked. */
struct auth_certificate_ca;

/* crl_file may be "".  NULL with "option = "FILE": what is wrong; what is allowed". */
struct auth_certificate_ca *auth_certificate_ca_load(
    const char *ca_file, const char *crl_file, char message[CONF_MESSAGE_BYTES]);
void auth_certificate_ca_free(struct auth_certificate_ca **ca);

/* What came from the front: as guard_messages.h describes login_certificate.  Everything is
 * borrowed. */
struct auth_certificate_evidence {
	struct auth_blob chain;
	struct auth_blob signed_data;
	struct auth_blob signature;
	uint32_t scheme;
};

/* The client's own certificate, once it has been checked. */
struct auth_certificate {
	struct x509_st *x509;
	bool vouched; /* by somebody in client_ca; otherwise only its own fingerprint can name a
	                 user */
	char fingerprint[AUTH_KEY_FINGERPRINT_BYTES]; /* SHA-256 of the whole; may be set after a
	                                                 failure too */
	char wrong[CONF_MESSAGE_BYTES];               /* after a failure: for the log */
	char cure[CONF_MESSAGE_BYTES];
};

/*
 * Check chain and signature; ca NULL: nobody certifies clients, so only dates are looked at.  True:
 * out->x509 is set and somebody with its key is shaking hands (auth_certificate_clear).  False:
 * wrong says why, cure may be "".
 */
bool auth_certificate_check(const struct auth_certificate_ca *ca,
    const struct auth_certificate_evidence *evidence, struct auth_certificate *out);
void auth_certificate_clear(struct auth_certificate *certificate);
/* Does one of the items of a user's `certificates` name it?  Names count only where it was vouched
 * for. */
bool auth_certificate_is(const struct auth_certificate *certificate, const struct conf_list *names);

#endif
