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

/* As every complaint about a configuration: what is wrong; what is allowed. */
static bool complain(const struct tls_contexts *contexts, const char *option, const char *file, const char *wrong,
    const char *allowed, char *message, size_t message_bytes)
{
	char shown[TLS_WRONG_BYTES];

	text_escape(shown, sizeof(shown), file, strlen(file));
	text_format(message, message_bytes, "%s: %s = \"%s\": %s; allowed: %s", contexts->conf->file, option,
	    shown, wrong, allowed);
	ERR_clear_error();
	return false;
}

/* The server's own certificate first, then those that certify it; a private key between them is not taken. */
static bool read_file(const struct tls_contexts *contexts, struct certificate *certificate, char *message,
    size_t message_bytes)
{
	char wrong[TLS_WRONG_BYTES];
	struct tls_certificate_file *file =
	    tls_certificate_load(certificate->file, wrong, sizeof(wrong));
	bool ok = file != NULL && (certificate->chain = sk_X509_new_null()) != NULL;

	if (file == NULL)
		return complain(contexts, "certificate", certificate->file, wrong,
		    "the server's certificate and those that certify it, in PEM form", message, message_bytes);
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
		text_copy(message, message_bytes, "TLS: out of memory");
	tls_certificate_free(&file);
	return ok;
}

/* Of keys of different types EVP_PKEY_eq complains, in the queue by which OpenSSL judges the handshake that asks. */
static bool is_same_key(const EVP_PKEY *a, const EVP_PKEY *b)
{
	bool same;

	ERR_set_mark();
	same = EVP_PKEY_eq(a, b) == 1;
	ERR_pop_to_mark();
	return same;
}

/* The keeper's key that has the certificate's public half, and a dummy of it. */
static bool find_dummy(struct tls_contexts *contexts, struct certificate *certificate,
    char *message, size_t message_bytes)
{
	const EVP_PKEY *wanted = X509_get0_pubkey(certificate->own);

	if (wanted == NULL)
		return complain(contexts, "certificate", certificate->file, "its key is of an unknown kind",
		    KEY_SHAPES_ALLOWED, message, message_bytes);
	for (uint32_t i = 0; i < contexts->keys->count; i++) {
		const struct keeper_public_key *key = &contexts->keys->keys[i];

		if (key->use != KEEPER_USE_TLS)
			continue;
		certificate->dummy = key_dummy_new(key->der, key->der_length);
		if (certificate->dummy != NULL && is_same_key(certificate->dummy, wanted)) {
			certificate->key = i;
			return true;
		}
		EVP_PKEY_free(certificate->dummy);
		certificate->dummy = NULL;
	}
	return complain(contexts, "certificate", certificate->file, "it belongs to none of the private keys",
	    "one whose own private key is in the file that key names", message, message_bytes);
}

static bool add_certificate(struct tls_contexts *contexts, const char *title, const char *file,
    char *message, size_t message_bytes)
{
	struct certificate *certificate = &contexts->certificates[contexts->count];

	if (file == NULL || file[0] == '\0')
		return true;
	if (contexts->count == TLS_CERTIFICATES_MAX)
		return complain(contexts, "certificate", file, "it is one too many", "as many as there may be keys",
		    message, message_bytes);
	contexts->count++;
	certificate->title = title;
	certificate->file = file;
	return read_file(contexts, certificate, message, message_bytes) &&
	       find_dummy(contexts, certificate, message, message_bytes);
}

static bool is_listed(const STACK_OF(X509_NAME) *names, const X509_NAME *name)
{
	for (int i = 0; i < sk_X509_NAME_num(names); i++)
		if (X509_NAME_cmp(sk_X509_NAME_value(names, i), name) == 0)
			return true;
	return false;
}

/* The names of those who certify clients, as clients are told when they are asked for a certificate. */
static STACK_OF(X509_NAME) *names_of(const struct tls_certificate_file *file)
{
	STACK_OF(X509_NAME) *names = sk_X509_NAME_new_null();

	for (size_t i = 0; names != NULL && i < tls_certificate_count(file); i++) {
		const X509_NAME *name = X509_get_subject_name(tls_certificate_at(file, i));
		X509_NAME *copy = is_listed(names, name) ? NULL : X509_NAME_dup(name);

		if (copy != NULL && sk_X509_NAME_push(names, copy) <= 0)
			X509_NAME_free(copy);
	}
	return names;
}

static bool read_client_ca(struct tls_contexts *contexts, char *message, size_t message_bytes)
{
	const char *path = contexts->conf->tls.client_ca;
	char wrong[TLS_WRONG_BYTES];
	struct tls_certificate_file *file;

	if (path == NULL || path[0] == '\0')
		return true;
	file = tls_certificate_load(path, wrong, sizeof(wrong));
	if (file == NULL)
		return complain(contexts, "client_ca", path, wrong,
		    "the certificates of those who certify clients, in PEM form", message, message_bytes);
	contexts->client_ca = names_of(file);
	tls_certificate_free(&file);
	return contexts->client_ca != NULL;
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
	return read_client_ca(contexts, message, message_bytes);
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
	ERR_set_mark();
	SSL_set_SSL_CTX(ssl, offer->ctx[find_certificate(offer->owner, name)]);
	ERR_pop_to_mark();
	return SSL_TLSEXT_ERR_OK;
}

static bool is_named(const struct certificate *certificate, const char *name)
{
	return strcasecmp(certificate->title, name) == 0 ||
	       X509_check_host(certificate->own, name, 0, 0, NULL) == 1;
}

/* Is one of the first one's host names the other's, too? */
static bool shares_name(const struct certificate *first, const struct certificate *other)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(first->own, NID_subject_alt_name, NULL, NULL);
	bool shares = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !shares; i++) {
		int type;
		const ASN1_STRING *name = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &type);

		shares = type == GEN_DNS &&
		         X509_check_host(other->own, (const char *)ASN1_STRING_get0_data(name),
			     (size_t)ASN1_STRING_length(name), 0, NULL) == 1;
	}
	GENERAL_NAMES_free(names);
	return shares;
}

/* May it be shown in place of the first, to a client that has asked for this name, or for none? */
static bool stands_in(const struct certificate *other, const struct certificate *first, const char *name)
{
	return name != NULL && is_named(first, name) ? is_named(other, name) : shares_name(first, other);
}

/* Until TLS 1.3 cipher suites say by which kind of key the server is known; Ed25519 goes by ECDSA's (RFC 8422 2). */
static bool offers_suite_for(SSL *ssl, const EVP_PKEY *key)
{
	const STACK_OF(SSL_CIPHER) *offered = SSL_get_client_ciphers(ssl);
	const int wanted = EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA ? NID_auth_rsa : NID_auth_ecdsa;

	for (int i = 0; i < sk_SSL_CIPHER_num(offered); i++) {
		const SSL_CIPHER *suite = sk_SSL_CIPHER_value(offered, i);

		if (SSL_CIPHER_get_auth_nid(suite) == wanted && SSL_CIPHER_get_kx_nid(suite) == NID_kx_ecdhe)
			return true;
	}
	return false;
}

/*
 * Does the client's hello allow a handshake with it?  Not whether all of its chain is signed as the client likes it: many
 * leave that out of their hello and take it all the same.
 */
static bool can_be_verified(SSL *ssl, const struct certificate *certificate)
{
	const bool is_1_3 = SSL_version(ssl) >= TLS1_3_VERSION;
	const int needed = CERT_PKEY_SIGN | (is_1_3 ? CERT_PKEY_EE_SIGNATURE : CERT_PKEY_EE_PARAM);

	return (SSL_check_chain(ssl, certificate->own, certificate->dummy, certificate->chain) & needed) == needed &&
	       (is_1_3 || offers_suite_for(ssl, certificate->dummy));
}

/* Of several for the same name: the first that the client can verify, in the order of the configuration. */
static size_t find_verifiable(SSL *ssl, const struct tls_contexts *contexts, size_t first)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct certificate *certificates = contexts->certificates;

	if (can_be_verified(ssl, &certificates[first]))
		return first;
	for (size_t i = 0; i < contexts->count; i++) {
		if (i != first && stands_in(&certificates[i], &certificates[first], name) &&
		    can_be_verified(ssl, &certificates[i]))
			return i;
	}
	return first;
}

/* After the name, when all of the hello is known. */
static int on_certificate(SSL *ssl, void *context)
{
	const struct offer *offer = context;
	const SSL_CTX *chosen = SSL_get_SSL_CTX(ssl);
	size_t first = 0;

	if (offer->owner->count == 1)
		return 1;
	while (first + 1 < offer->owner->count && offer->ctx[first] != chosen)
		first++;
	ERR_set_mark();
	SSL_set_SSL_CTX(ssl, offer->ctx[find_verifiable(ssl, offer->owner, first)]);
	ERR_pop_to_mark();
	return 1;
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

/* RFC 8879, in OpenSSL since 3.2: else whoever is asked for a certificate may have anything decompressed before a login. */
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION
#define NO_CERTIFICATE_COMPRESSION (SSL_OP_NO_TX_CERTIFICATE_COMPRESSION | SSL_OP_NO_RX_CERTIFICATE_COMPRESSION)
#else
#define NO_CERTIFICATE_COMPRESSION 0
#endif

static void set_behaviour(SSL_CTX *ctx, struct offer *offer)
{
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | NO_CERTIFICATE_COMPRESSION |
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
	SSL_CTX_set_cert_cb(ctx, on_certificate, offer);
	SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
	SSL_CTX_set_cert_verify_callback(ctx, on_client_chain, NULL);
	tls_secrets_prepare(ctx);
}

/* See TLS_SERVER_WORDS_BYTES. */
static bool names_leave_room(const STACK_OF(X509_NAME) *names, const struct certificate *certificate)
{
	size_t bytes = (size_t)i2d_X509(certificate->own, NULL);

	for (int i = 0; i < sk_X509_num(certificate->chain); i++)
		bytes += (size_t)i2d_X509(sk_X509_value(certificate->chain, i), NULL);
	for (int i = 0; i < sk_X509_NAME_num(names); i++)
		bytes += (size_t)i2d_X509_NAME(sk_X509_NAME_value(names, i), NULL);
	return bytes <= TLS_SERVER_WORDS_BYTES;
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
		complain(contexts, "certificate", certificate->file,
		    "OpenSSL does not take it, as too weak for algorithms of a listener perhaps",
		    "one with ECDSA P-256, or RSA with 2048 bits or more, signed with SHA-256", message, message_bytes);
		goto fail;
	}
	if (contexts->client_ca != NULL && names_leave_room(contexts->client_ca, certificate)) {
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

static bool run_selftest(const struct tls_contexts *contexts, char *message, size_t message_bytes)
{
	char wrong[CONF_MESSAGE_BYTES];

	if (tls_selftest_run(contexts, wrong, sizeof(wrong)))
		return true;
	text_format(message, message_bytes, "%s: %s", contexts->conf->file, wrong);
	return false;
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
	    !run_selftest(contexts, message, message_bytes))
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
		if (is_same_key(contexts->certificates[i].dummy, key)) {
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
