#include "server/tls/tls_session.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/bytes.h"
#include "server/base/random.h"
#include "server/base/secret.h"
#include "server/key_wrapper.h"
#include "server/tls/tls_limits.h"

#define TICKET_KEYS_BYTES 80 /* name, HMAC-SHA256 and AES-256 keys: SSL_CTX_set_tlsext_ticket_keys(3) */

/* What signed handshakes of TLS 1.3 start with (RFC 8446 4.4.3), and no random number of TLS 1.2 does. */
#define SPACES_1_3 64

struct tls_session {
	struct tls_contexts *contexts;
	SSL_CTX *ctx;
	struct guard_client *guard;
	int client_certs; /* enum conf_client_certs */
	/* Of the client's certificate, until the login. */
	struct key_wrapper_seen *seen; /* heap */
	uint8_t *chain;		       /* heap */
	size_t chain_length;
	unsigned scheme;
};

/* --- signatures ----------------------------------------------------------------------------------- */

static enum keeper_shape shape_of(const struct key_wrapper_ask *ask)
{
	for (size_t i = 0; i < SPACES_1_3; i++) {
		if (i >= ask->length || ask->data[i] != ' ')
			return KEEPER_SHAPE_TLS12;
	}
	return KEEPER_SHAPE_TLS13;
}

static bool sign(
    void *context, const struct key_wrapper_ask *ask, uint8_t *signature, size_t *signature_length)
{
	struct tls_session *session = context;
	struct guard_req_sign request = {
		.shape = shape_of(ask),
		.digest = ask->digest,
		.pss = ask->pss,
		.data = { .bytes = ask->data, .length = ask->length },
	};
	struct guard_rep_sign reply;

	if (!tls_contexts_find_key(session->contexts, ask->key, &request.key) ||
	    guard_client_sign(session->guard, &request, &reply, NULL) != VFS_OK ||
	    reply.signature.length > *signature_length)
		return false;
	memcpy(signature, reply.signature.bytes, reply.signature.length);
	*signature_length = reply.signature.length;
	return true;
}

/* --- life ------------------------------------------------------------------------------------------ */

struct tls_session *tls_session_new(
    struct tls_contexts *contexts, const struct conf_listener *listener, struct guard_client *guard)
{
	struct tls_session *session = calloc(1, sizeof(*session));
	uint8_t keys[TICKET_KEYS_BYTES];

	if (session == NULL)
		return NULL;
	session->contexts = contexts;
	session->ctx = tls_contexts_default(contexts, (enum conf_algorithms)listener->algorithms);
	session->guard = guard;
	session->client_certs = listener->client_certs;
	random_bytes(keys, sizeof(keys));
	if (SSL_CTX_set_tlsext_ticket_keys(session->ctx, keys, sizeof(keys)) != 1) {
		free(session);
		return NULL;
	}
	secret_wipe(keys, sizeof(keys));
	/* Clients without tickets resume by what the context remembers of them (TLS 1.2). */
	SSL_CTX_flush_sessions(session->ctx, 0);
	key_wrapper_divert_sign(sign, session);
	return session;
}

void tls_session_drop_evidence(struct tls_session *session)
{
	free(session->seen);
	free(session->chain);
	session->seen = NULL;
	session->chain = NULL;
	session->chain_length = 0;
}

void tls_session_free(struct tls_session **session)
{
	if (*session == NULL)
		return;
	key_wrapper_divert_sign(NULL, NULL);
	tls_session_drop_evidence(*session);
	free(*session);
	*session = NULL;
}

/* --- connections ----------------------------------------------------------------------------------- */

struct tls_stream *tls_session_control(struct tls_session *session, int fd)
{
	struct tls_stream *stream =
	    tls_stream_new(session->ctx, tls_contexts_bio_method(session->contexts), fd, false);

	if (stream == NULL || session->client_certs == CONF_CLIENT_CERTS_OFF)
		return stream;
	SSL_set_verify(tls_stream_ssl(stream),
	    SSL_VERIFY_PEER |
	        (session->client_certs == CONF_CLIENT_CERTS_REQUIRED ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT
	                                                             : 0),
	    NULL);
	key_wrapper_forget();
	key_wrapper_set_verify(KEY_WRAPPER_VERIFY_AND_REMEMBER);
	return stream;
}

/*
 * Who got in without resumption has proved nothing: no ticket and no session for it, or it could resume the next time.
 * Called in the middle of the handshake, when it is known what was resumed.
 */
static int on_new_session(SSL *ssl, int is_forward_secure)
{
	(void)is_forward_secure;
	return SSL_session_reused(ssl) != 1;
}

struct tls_stream *tls_session_data(struct tls_session *session, int fd)
{
	struct tls_stream *stream =
	    tls_stream_new(session->ctx, tls_contexts_bio_method(session->contexts), fd, true);

	if (stream == NULL)
		return NULL;
	/* No ticket on a data connection: a client that only sends never reads it, and its close, with something
	 * unread, becomes a reset that takes the end of the upload along (lftp, curl).  It comes over the control
	 * connection instead. */
	SSL_set_num_tickets(tls_stream_ssl(stream), 0);
	SSL_set_not_resumable_session_callback(tls_stream_ssl(stream), on_new_session);
	return stream;
}

/* --- the client's certificate ----------------------------------------------------------------------- */

/* One certificate in DER behind its length, as the guard reads them; bytes written, 0 when there is no room. */
static size_t put_certificate(uint8_t *out, size_t room, X509 *certificate)
{
	int length = i2d_X509(certificate, NULL);
	uint8_t *to = out + sizeof(uint32_t);

	if (length <= 0 || (size_t)length + sizeof(uint32_t) > room)
		return 0;
	bytes_put_u32(out, (uint32_t)length);
	i2d_X509(certificate, &to);
	return (size_t)length + sizeof(uint32_t);
}

/* Of the server's side OpenSSL keeps the own one apart from those that certify it, which begin with it in 1.3. */
static bool copy_chain(struct tls_session *session, SSL *ssl, X509 *own)
{
	const STACK_OF(X509) *chain = SSL_get_peer_cert_chain(ssl);
	uint8_t *bytes = malloc(GUARD_CHAIN_MAX_BYTES);
	size_t length = bytes != NULL ? put_certificate(bytes, GUARD_CHAIN_MAX_BYTES, own) : 0;
	bool ok = length > 0;

	for (int i = 0; ok && i < sk_X509_num(chain); i++) {
		X509 *next = sk_X509_value(chain, i);
		size_t n;

		if (i == 0 && X509_cmp(next, own) == 0)
			continue;
		n = put_certificate(bytes + length, GUARD_CHAIN_MAX_BYTES - length, next);
		ok = n > 0;
		length += n;
	}
	if (!ok) {
		free(bytes);
		return false;
	}
	session->chain = bytes;
	session->chain_length = length;
	return true;
}

void tls_session_take_evidence(struct tls_session *session, const struct tls_stream *control)
{
	const struct key_wrapper_seen *seen = key_wrapper_seen();
	SSL *ssl = tls_stream_ssl(control);
	X509 *own = SSL_get0_peer_certificate(ssl);

	key_wrapper_set_verify(KEY_WRAPPER_VERIFY);
	if (own != NULL && seen != NULL && copy_chain(session, ssl, own)) {
		session->scheme = tls_stream_client_scheme(control);
		session->seen = malloc(sizeof(*seen));
		if (session->seen != NULL)
			memcpy(session->seen, seen, sizeof(*seen));
	}
	key_wrapper_forget();
}

bool tls_session_evidence(
    const struct tls_session *session, struct guard_req_login_certificate *out)
{
	if (session->chain == NULL || session->seen == NULL)
		return false;
	out->chain = (struct wire_blob){ .bytes = session->chain, .length = session->chain_length };
	out->signed_data = (struct wire_blob){
		.bytes = session->seen->data, .length = session->seen->data_length
	};
	out->signature = (struct wire_blob){
		.bytes = session->seen->signature, .length = session->seen->signature_length
	};
	out->scheme = session->scheme;
	return true;
}
