#include "server/tls/tls_selftest.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "server/base/text.h"
#include "server/key_wrapper.h"
#include "server/tls/tls_contexts.h"
#include "server/tls/tls_profiles.h"

#define STEPS_MAX 32 /* turns of both ends; a handshake takes three */

/* --- two ends in one process ------------------------------------------------------------------- */

struct ends {
	SSL *client;
	SSL *server;
};

static void ends_clear(struct ends *ends)
{
	/* Else OpenSSL takes the session for a broken one, not to be resumed. */
	if (ends->client != NULL && ends->server != NULL) {
		SSL_set_shutdown(ends->client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		SSL_set_shutdown(ends->server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	}
	SSL_free(ends->client);
	SSL_free(ends->server);
	*ends = (struct ends){ NULL, NULL };
}

static bool ends_make(struct ends *ends, SSL_CTX *client, SSL_CTX *server)
{
	BIO *near = NULL;
	BIO *far = NULL;

	ends->client = SSL_new(client);
	ends->server = SSL_new(server);
	if (ends->client == NULL || ends->server == NULL ||
	    BIO_new_bio_pair(&near, 0, &far, 0) != 1) {
		ends_clear(ends);
		return false;
	}
	SSL_set_bio(ends->client, near, near);
	SSL_set_bio(ends->server, far, far);
	SSL_set_connect_state(ends->client);
	SSL_set_accept_state(ends->server);
	return true;
}

/* SSL_get_error judges by the queue, which both ends share. */
static int end_step(SSL *end)
{
	int result;

	ERR_clear_error();
	result = SSL_do_handshake(end);
	return result == 1 ? SSL_ERROR_NONE : SSL_get_error(end, result);
}

/* As far as it goes: true when both ends are done. */
static bool ends_shake_hands(const struct ends *ends)
{
	for (int i = 0; i < STEPS_MAX; i++) {
		int client = end_step(ends->client);
		int server = end_step(ends->server);

		if (client == SSL_ERROR_NONE && server == SSL_ERROR_NONE)
			return true;
		if ((client != SSL_ERROR_NONE && client != SSL_ERROR_WANT_READ) ||
		    (server != SSL_ERROR_NONE && server != SSL_ERROR_WANT_READ))
			return false;
	}
	return false;
}

/* A byte each way; the client's first read takes the tickets in, too. */
static bool ends_talk(const struct ends *ends)
{
	char byte = 'x';
	size_t n;

	return SSL_write_ex(ends->server, &byte, 1, &n) == 1 &&
	       SSL_read_ex(ends->client, &byte, 1, &n) == 1 &&
	       SSL_write_ex(ends->client, &byte, 1, &n) == 1 &&
	       SSL_read_ex(ends->server, &byte, 1, &n) == 1;
}

/* --- warming up ---------------------------------------------------------------------------------- */

/* A certificate of a moment, signed by nobody but itself. */
static bool use_throwaway(SSL_CTX *ctx)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	bool ok = key != NULL && certificate != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 &&
	          X509_gmtime_adj(X509_getm_notBefore(certificate), 0) != NULL &&
	          X509_gmtime_adj(X509_getm_notAfter(certificate), 3600) != NULL &&
	          X509_set_pubkey(certificate, key) == 1 &&
	          X509_sign(certificate, key, EVP_sha256()) > 0 &&
	          SSL_CTX_use_certificate(ctx, certificate) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1;

	X509_free(certificate);
	EVP_PKEY_free(key);
	return ok;
}

/* One handshake, then another that resumes it. */
static bool warm_up_twice(SSL_CTX *client, SSL_CTX *server)
{
	struct ends ends = { NULL, NULL };
	SSL_SESSION *session = NULL;
	bool ok = ends_make(&ends, client, server) && ends_shake_hands(&ends) && ends_talk(&ends);

	if (ok)
		session = SSL_get1_session(ends.client);
	ends_clear(&ends);
	if (session == NULL)
		return false;
	ok = ends_make(&ends, client, server) && SSL_set_session(ends.client, session) == 1 &&
	     ends_shake_hands(&ends) && ends_talk(&ends) && SSL_session_reused(ends.server) == 1;
	SSL_SESSION_free(session);
	ends_clear(&ends);
	return ok;
}

static const struct {
	int version;
	const char *cipher;
} kinds[] = {
	{ TLS1_3_VERSION, "TLS_AES_128_GCM_SHA256" },
	{ TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384" },
	{ TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256" },
	{ TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256" },
	{ TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384" },
	{ TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305" },
};

static bool warm_up(char *message, size_t message_bytes)
{
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());
	SSL_CTX *server = SSL_CTX_new(TLS_server_method());
	bool ok = client != NULL && server != NULL && use_throwaway(server);

	for (size_t i = 0; ok && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		ok = SSL_CTX_set_min_proto_version(client, kinds[i].version) == 1 &&
		     SSL_CTX_set_max_proto_version(client, kinds[i].version) == 1;
		if (kinds[i].version == TLS1_3_VERSION)
			ok = ok && SSL_CTX_set_ciphersuites(client, kinds[i].cipher) == 1;
		else
			ok = ok && SSL_CTX_set_cipher_list(client, kinds[i].cipher) == 1;
		ok = ok && warm_up_twice(client, server);
	}
	SSL_CTX_free(client);
	SSL_CTX_free(server);
	if (!ok)
		text_copy(message, message_bytes,
		    "TLS: OpenSSL cannot do a handshake with itself; look into its openssl.cnf");
	return ok;
}

/* --- the way of signatures ------------------------------------------------------------------------ */

/* What the wrapper was asked to sign with. */
struct asked {
	const EVP_PKEY *wanted;
	bool came;
};

static bool on_sign(
    void *context, const struct key_wrapper_ask *ask, uint8_t *signature, size_t *signature_length)
{
	struct asked *asked = context;

	(void)signature;
	(void)signature_length;
	asked->came = EVP_PKEY_eq(ask->key, asked->wanted) == 1;
	return false; /* the handshake ends here, and nothing was signed */
}

static bool signatures_take_the_way(SSL_CTX *client, SSL_CTX *server)
{
	struct asked asked = { .wanted = SSL_CTX_get0_privatekey(server) };
	struct ends ends = { NULL, NULL };

	key_wrapper_divert_sign(on_sign, &asked);
	if (ends_make(&ends, client, server))
		ends_shake_hands(&ends);
	key_wrapper_divert_sign(NULL, NULL);
	ends_clear(&ends);
	return asked.came;
}

static bool try_versions(SSL_CTX *server, const char *file, char *message, size_t message_bytes)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());
	bool ok = client != NULL;
	int version = 0;

	for (size_t i = 0; ok && i < sizeof(versions) / sizeof(versions[0]); i++) {
		version = versions[i];
		if (version < SSL_CTX_get_min_proto_version(server))
			continue;
		ok = SSL_CTX_set_min_proto_version(client, version) == 1 &&
		     SSL_CTX_set_max_proto_version(client, version) == 1 &&
		     signatures_take_the_way(client, server);
	}
	SSL_CTX_free(client);
	if (!ok)
		text_format(message, message_bytes,
		    "certificate = \"%s\": no client of TLS %s can use it with the ciphers and groups of tls { }, or "
		    "this OpenSSL does not let its signatures be made elsewhere; allowed: ciphers for its kind of key, "
		    "and groups with X25519 or P-256 among them",
		    file, version == TLS1_2_VERSION ? "1.2" : "1.3");
	return ok;
}

bool tls_selftest_run(const struct tls_contexts *contexts, char *message, size_t message_bytes)
{
	bool ok = warm_up(message, message_bytes);

	for (int profile = 0; ok && profile < TLS_PROFILE_COUNT; profile++) {
		for (size_t i = 0; ok && i < tls_contexts_count(contexts); i++) {
			SSL_CTX *server = tls_contexts_nth(contexts, (enum conf_algorithms)profile, i);

			ok = server == NULL || try_versions(server, tls_contexts_file(contexts, i),
			                           message, message_bytes);
		}
	}
	ERR_clear_error();
	return ok;
}
