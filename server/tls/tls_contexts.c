#include "server/tls/tls_contexts.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/base/text.h"
#include "server/key_dummy.h"
#include "server/tls/tls_bio.h"
#include "server/tls/tls_certificate.h"
#include "server/tls/tls_limits.h"
#include "server/tls/tls_profiles.h"
#include "server/tls/tls_secrets.h"
#include "server/tls/tls_selftest.h"

/* Sessions are told apart by their ticket keys and their own cache; OpenSSL wants a name where certificates of
 * clients are asked for. */
static const unsigned char session_context[] = "transom";

/* ALPN (RFC 7301), as a client sends it: length and name.  FileZilla says the second for data connections. */
static const char *const alpn_names[] = { "\3ftp", "\10ftp-data" };

struct certificate {
	const char *title; /* name that clients ask for; "" in tls { } */
	const char *file;
	X509 *own;
	STACK_OF(X509) *chain;
	EVP_PKEY *dummy;
	uint32_t key; /* index into keys */
};

struct tls_contexts {
	const struct conf *conf;
	const struct keeper_public_keys *keys;
	BIO_METHOD *method;
	STACK_OF(X509_NAME) *client_ca;
	struct certificate certificates[TLS_CERTIFICATES_MAX];
	size_t count;
	/* What a context's callbacks know of it. */
	struct offer {
		struct tls_contexts *owner;
		SSL_CTX *ctx[TLS_CERTIFICATES_MAX]; /* NULL: no listener uses the profile */
	} offers[TLS_PROFILE_COUNT];
};

#define TLS_WRONG_BYTES 256

/* --- reading ------------------------------------------------------------------------------------ */

static bool complain(char *message, size_t message_bytes, const char *file, const char *what)
{
	text_format(message, message_bytes, "certificate %s: %s", file, what);
	ERR_clear_error();
	return false;
}

/* The server's own certificate first, then those that certify it; a private key between them is not taken. */
static bool read_file(struct certificate *certificate, char *message, size_t message_bytes)
{
	char wrong[TLS_WRONG_BYTES];
	struct tls_certificate_file *file =
	    tls_certificate_load(certificate->file, wrong, sizeof(wrong));
	bool ok = file != NULL && (certificate->chain = sk_X509_new_null()) != NULL;

	if (file == NULL)
		return complain(message, message_bytes, certificate->file, wrong);
	for (size_t i = 0; ok && i < tls_certificate_count(file); i++) {
		X509 *item = tls_certificate_at(file, i);

		X509_up_ref(item);
		if (i == 0)
			certificate->own = item;
		else if (sk_X509_push(certificate->chain, item) <= 0) {
			X509_free(item);
			ok = false;
		}
	}
	if (!ok)
		complain(message, message_bytes, certificate->file, "out of memory");
	tls_certificate_free(&file);
	return ok;
}

/* The keeper's key that has the certificate's public half, and a dummy of it. */
static bool find_dummy(struct tls_contexts *contexts, struct certificate *certificate,
    char *message, size_t message_bytes)
{
	const EVP_PKEY *wanted = X509_get0_pubkey(certificate->own);

	if (wanted == NULL)
		return complain(message, message_bytes, certificate->file, "its key is of an unknown kind");
	for (uint32_t i = 0; i < contexts->keys->count; i++) {
		const struct keeper_public_key *key = &contexts->keys->keys[i];

		if (key->use != KEEPER_USE_TLS)
			continue;
		certificate->dummy = key_dummy_new(key->der, key->der_length);
		if (certificate->dummy != NULL && EVP_PKEY_eq(certificate->dummy, wanted) == 1) {
			certificate->key = i;
			return true;
		}
		EVP_PKEY_free(certificate->dummy);
		certificate->dummy = NULL;
	}
	return complain(message, message_bytes, certificate->file,
	    "it belongs to none of the private keys; set key to the file of its own one");
}

static bool add_certificate(struct tls_contexts *contexts, const char *title, const char *file,
    char *message, size_t message_bytes)
{
	struct certificate *certificate = &contexts->certificates[contexts->count];

	if (file == NULL || file[0] == '\0')
		return true;
	if (contexts->count == TLS_CERTIFICATES_MAX)
		return complain(message, message_bytes, file, "one more than this server takes");
	contexts->count++;
	certificate->title = title;
	certificate->file = file;
	return read_file(certificate, message, message_bytes) &&
	       find_dummy(contexts, certificate, message, message_bytes);
}

static bool read_all(struct tls_contexts *contexts, char *message, size_t message_bytes)
{
	const struct conf *conf = contexts->conf;

	if (!add_certificate(contexts, "", conf->tls.certificate, message, message_bytes))
		return false;
	for (size_t i = 0; i < conf->tls_host_count; i++) {
		const struct conf_tls_host *host = &conf->tls_hosts[i];

		if (!add_certificate(
		        contexts, host->title, host->certificate, message, message_bytes))
			return false;
	}
	if (conf->tls.client_ca == NULL || conf->tls.client_ca[0] == '\0')
		return true;
	contexts->client_ca = SSL_load_client_CA_file(conf->tls.client_ca);
	if (contexts->client_ca == NULL)
		return complain(message, message_bytes, conf->tls.client_ca,
		    "tls { client_ca } cannot be read as certificates in PEM format");
	return true;
}

/* --- choosing ----------------------------------------------------------------------------------- */

/* Titles first, since the administrator wrote them down; then what the certificates say themselves. */
static size_t find_certificate(const struct tls_contexts *contexts, const char *name)
{
	for (size_t i = 0; i < contexts->count; i++) {
		if (strcasecmp(contexts->certificates[i].title, name) == 0)
			return i;
	}
	for (size_t i = 0; i < contexts->count; i++) {
		if (X509_check_host(contexts->certificates[i].own, name, 0, 0, NULL) == 1)
			return i;
	}
	return 0;
}

static int on_server_name(SSL *ssl, int *alert, void *context)
{
	const struct offer *offer = context;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)alert;
	if (name == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	/* A name that nobody has gets the default: RFC 6066 3 leaves it to the client to be content with it. */
	SSL_set_SSL_CTX(ssl, offer->ctx[find_certificate(offer->owner, name)]);
	return SSL_TLSEXT_ERR_OK;
}

static bool alpn_offers(const unsigned char *offered, unsigned length, const char *name)
{
	const size_t name_length = 1 + (size_t)name[0];
	unsigned i = 0;

	while (i < length && i + 1u + offered[i] <= length) {
		if (1u + offered[i] == name_length && memcmp(offered + i, name, name_length) == 0)
			return true;
		i += 1u + offered[i];
	}
	return false;
}

/* Only called when the client offers any: one of another protocol must not be led to take us for its own server
 * (ALPACA, CVE-2021-3618). */
static int on_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *chosen_length,
    const unsigned char *offered, unsigned length, void *context)
{
	(void)ssl;
	(void)context;
	for (size_t i = 0; i < sizeof(alpn_names) / sizeof(alpn_names[0]); i++) {
		if (!alpn_offers(offered, length, alpn_names[i]))
			continue;
		*chosen = (const unsigned char *)alpn_names[i] + 1;
		*chosen_length = (unsigned char)alpn_names[i][0];
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* The guard checks a client's certificates, from the evidence that tls_session.c brings it. */
static int on_client_chain(X509_STORE_CTX *store, void *context)
{
	(void)store;
	(void)context;
	return 1;
}

/* --- contexts ----------------------------------------------------------------------------------- */

static void set_behaviour(SSL_CTX *ctx, struct offer *offer)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	                             SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_clear_options(ctx, SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION);
	/* Whoever waits for a descriptor wants to know when it has brought no payload. */
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Of a session without tickets; it lives in the memory of the front that serves it alone. */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_SERVER);
	SSL_CTX_sess_set_cache_size(ctx, TLS_SESSIONS_CACHED);
	SSL_CTX_set_timeout(ctx, TLS_SESSION_SECONDS);
	SSL_CTX_set_num_tickets(ctx, TLS_TICKETS_AT_START);
	SSL_CTX_set_max_early_data(ctx, 0);
	SSL_CTX_set_max_cert_list(ctx, TLS_CLIENT_CHAIN_BYTES);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
	SSL_CTX_set_tlsext_servername_arg(ctx, offer);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, on_client_chain, NULL);
	tls_secrets_prepare(ctx);
}

static SSL_CTX *make_context(struct tls_contexts *contexts, const struct certificate *certificate,
    enum conf_algorithms algorithms, char *message, size_t message_bytes)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	STACK_OF(X509_NAME) *names = NULL;

	if (ctx == NULL || !tls_profiles_apply(ctx, algorithms, &contexts->conf->tls, message, message_bytes))
		goto fail;
	set_behaviour(ctx, &contexts->offers[algorithms]);
	if (SSL_CTX_set_session_id_context(ctx, session_context, sizeof(session_context) - 1) != 1 ||
	    SSL_CTX_use_certificate(ctx, certificate->own) != 1 ||
	    SSL_CTX_use_PrivateKey(ctx, certificate->dummy) != 1 ||
	    SSL_CTX_set1_chain(ctx, certificate->chain) != 1) {
		complain(message, message_bytes, certificate->file,
		    "OpenSSL does not take it, as too weak for `algorithms` of a listener perhaps");
		goto fail;
	}
	if (contexts->client_ca != NULL) {
		names = SSL_dup_CA_list(contexts->client_ca);
		if (names == NULL)
			goto fail;
		SSL_CTX_set_client_CA_list(ctx, names);
	}
	return ctx;
fail:
	SSL_CTX_free(ctx);
	return NULL;
}

static bool make_offer(struct tls_contexts *contexts, enum conf_algorithms algorithms,
    char *message, size_t message_bytes)
{
	struct offer *offer = &contexts->offers[algorithms];

	if (offer->owner != NULL)
		return true;
	offer->owner = contexts;
	for (size_t i = 0; i < contexts->count; i++) {
		offer->ctx[i] = make_context(
		    contexts, &contexts->certificates[i], algorithms, message, message_bytes);
		if (offer->ctx[i] == NULL)
			return false;
	}
	return true;
}

static bool make_offers(struct tls_contexts *contexts, char *message, size_t message_bytes)
{
	for (size_t i = 0; i < contexts->conf->listener_count; i++) {
		const struct conf_listener *listener = &contexts->conf->listeners[i];

		if (listener->protocol == CONF_PROTOCOL_SFTP)
			continue;
		if (!make_offer(contexts, (enum conf_algorithms)listener->algorithms, message,
		        message_bytes))
			return false;
	}
	return true;
}

/* --- the whole ---------------------------------------------------------------------------------- */

bool tls_contexts_wanted(const struct conf *conf)
{
	bool certificate = conf->tls.certificate != NULL && conf->tls.certificate[0] != '\0';
	bool listener = false;

	for (size_t i = 0; i < conf->tls_host_count; i++)
		certificate |= conf->tls_hosts[i].certificate != NULL &&
		               conf->tls_hosts[i].certificate[0] != '\0';
	for (size_t i = 0; i < conf->listener_count; i++)
		listener |= conf->listeners[i].protocol != CONF_PROTOCOL_SFTP;
	return certificate && listener;
}

struct tls_contexts *tls_contexts_new(const struct conf *conf, const struct keeper_public_keys *keys,
    char *message, size_t message_bytes)
{
	struct tls_contexts *contexts = calloc(1, sizeof(*contexts));

	text_copy(message, message_bytes, "TLS: out of memory");
	if (contexts == NULL)
		return NULL;
	contexts->conf = conf;
	contexts->keys = keys;
	contexts->method = tls_bio_method_new();
	if (contexts->method == NULL || !read_all(contexts, message, message_bytes) ||
	    !make_offers(contexts, message, message_bytes) ||
	    !tls_selftest_run(contexts, message, message_bytes))
		tls_contexts_free(&contexts);
	ERR_clear_error();
	return contexts;
}

void tls_contexts_free(struct tls_contexts **contexts_pointer)
{
	struct tls_contexts *contexts = *contexts_pointer;

	*contexts_pointer = NULL;
	if (contexts == NULL)
		return;
	for (size_t i = 0; i < TLS_CERTIFICATES_MAX; i++) {
		for (size_t profile = 0; profile < TLS_PROFILE_COUNT; profile++)
			SSL_CTX_free(contexts->offers[profile].ctx[i]);
		X509_free(contexts->certificates[i].own);
		sk_X509_pop_free(contexts->certificates[i].chain, X509_free);
		EVP_PKEY_free(contexts->certificates[i].dummy);
	}
	sk_X509_NAME_pop_free(contexts->client_ca, X509_NAME_free);
	BIO_meth_free(contexts->method);
	free(contexts);
}

SSL_CTX *tls_contexts_default(const struct tls_contexts *contexts, enum conf_algorithms algorithms)
{
	return contexts->offers[algorithms].ctx[0];
}

BIO_METHOD *tls_contexts_bio_method(const struct tls_contexts *contexts)
{
	return contexts->method;
}

bool tls_contexts_find_key(
    const struct tls_contexts *contexts, const EVP_PKEY *key, uint32_t *index_out)
{
	for (size_t i = 0; i < contexts->count; i++) {
		if (EVP_PKEY_eq(contexts->certificates[i].dummy, key) == 1) {
			*index_out = contexts->certificates[i].key;
			return true;
		}
	}
	return false;
}

size_t tls_contexts_count(const struct tls_contexts *contexts)
{
	return contexts->count;
}

SSL_CTX *tls_contexts_nth(
    const struct tls_contexts *contexts, enum conf_algorithms algorithms, size_t n)
{
	return contexts->offers[algorithms].ctx[n];
}

const char *tls_contexts_file(const struct tls_contexts *contexts, size_t n)
{
	return contexts->certificates[n].file;
}
