#include "tls_peer.h"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/io.h"
#include "server/base/text.h"
#include "server/key_wrapper.h"

#define TURNS_MAX 200

/* --- keys and certificates ---------------------------------------------------------------------- */

static void add_names(X509 *certificate, const char *names)
{
	X509_EXTENSION *extension =
	    X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

static EVP_PKEY *make_key(const char *kind)
{
	if (strcmp(kind, "RSA") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	if (strcmp(kind, "ED25519") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return EVP_EC_gen(kind);
}

/* dir/NAME.pem, and its key among the peer's. */
static void make_certificate(struct tls_peer *peer, const char *name, const char *names, const char *kind)
{
	struct keeper_public_key *listed = &peer->keys.keys[peer->keys.count];
	EVP_PKEY *key = make_key(kind);
	X509 *certificate = X509_new();
	char path[128];
	FILE *file;

	X509_set_version(certificate, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
	    (const unsigned char *)name, -1, -1, 0);
	add_names(certificate, names);
	X509_sign(certificate, key, EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256());
	text_format(path, sizeof(path), "%s/%s.pem", peer->dir, name);
	file = fopen(path, "we");
	PEM_write_X509(file, certificate);
	fclose(file);
	X509_free(certificate);
	listed->use = KEEPER_USE_TLS;
	listed->title = strdup(path);
	listed->der_length = (size_t)i2d_PUBKEY(key, &listed->der);
	peer->private_keys[peer->keys.count++] = key;
}

static bool sign_with(EVP_PKEY *key, const struct key_wrapper_ask *ask, uint8_t *signature, size_t *signature_length)
{
	static const char *const digests[] = { NULL, "SHA1", "SHA256", "SHA384", "SHA512" };
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *context = NULL;
	const char *digest = digests[ask->digest];
	bool ok = EVP_DigestSignInit(md, &context, digest != NULL ? EVP_get_digestbyname(digest) : NULL, NULL, key) == 1;

	if (ok && ask->pss)
		ok = EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
	ok = ok && EVP_DigestSign(md, signature, signature_length, ask->data, ask->length) == 1;
	EVP_MD_CTX_free(md);
	return ok;
}

/* What the guard and the keeper do for a front. */
static bool sign(
    void *context, const struct key_wrapper_ask *ask, uint8_t *signature, size_t *signature_length)
{
	struct tls_peer *peer = context;
	uint32_t index;
	bool ok;

	peer->signatures++;
	if (!tls_contexts_find_key(peer->contexts, ask->key, &index))
		return false;
	/* The wrapper would ask here again. */
	key_wrapper_divert_sign(NULL, NULL);
	ok = sign_with(peer->private_keys[index], ask, signature, signature_length);
	key_wrapper_divert_sign(sign, peer);
	return ok;
}

static bool make_contexts(struct tls_peer *peer, const struct tls_peer_certificate two[2], const char *extra)
{
	char text[2048];

	text_format(text, sizeof(text),
	    "listener \"a\" { protocol = \"ftps\" address = \"127.0.0.1:0\" }\n"
	    "tls { certificate = \"%s/%s.pem\" key = \"/none\" %s }\n"
	    "tls_host \"%s\" { certificate = \"%s/%s.pem\" key = \"/none\" }\n",
	    peer->dir, two[0].name, extra, two[1].name, peer->dir, two[1].name);
	if (conf_parse(&peer->conf, "/tmp/transom.conf", text, peer->message) != CONF_OK)
		return false;
	peer->contexts =
	    tls_contexts_new(peer->conf, &peer->keys, peer->message, sizeof(peer->message));
	return peer->contexts != NULL;
}

bool tls_peer_init_with(struct tls_peer *peer, const struct tls_peer_certificate two[2], const char *extra)
{
	*peer = (struct tls_peer){ .dir = "/tmp/transom-tls-XXXXXX" };
	if (mkdtemp(peer->dir) == NULL)
		abort();
	for (size_t i = 0; i < 2; i++)
		make_certificate(peer, two[i].name, two[i].names, two[i].kind);
	if (!make_contexts(peer, two, extra))
		return false;
	tls_peer_renew_session(peer);
	return true;
}

bool tls_peer_init(struct tls_peer *peer, const char *extra)
{
	static const struct tls_peer_certificate two[2] = {
		{ "server.example", "DNS:server.example", "P-256" },
		{ "other.example", "DNS:other.example,DNS:third.example", "P-256" },
	};

	return tls_peer_init_with(peer, two, extra);
}

void tls_peer_renew_session(struct tls_peer *peer)
{
	tls_session_free(&peer->session);
	/* The guard is asked for signatures alone, and they are made here. */
	peer->session = tls_session_new(peer->contexts, &peer->conf->listeners[0], NULL);
	key_wrapper_divert_sign(sign, peer);
}

void tls_peer_clear(struct tls_peer *peer)
{
	tls_session_free(&peer->session);
	key_wrapper_divert_sign(NULL, NULL);
	tls_contexts_free(&peer->contexts);
	for (size_t i = 0; i < peer->keys.count; i++) {
		unlink(peer->keys.keys[i].title);
		EVP_PKEY_free(peer->private_keys[i]);
		free(peer->keys.keys[i].title);
		OPENSSL_free(peer->keys.keys[i].der);
	}
	conf_free(&peer->conf);
	rmdir(peer->dir);
}

/* --- connections -------------------------------------------------------------------------------- */

SSL_CTX *tls_peer_client(int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	return ctx;
}

const char *tls_peer_group(void)
{
	return OpenSSL_version_num() < 0x30500000ul ? "x25519" : "X25519MLKEM768";
}

void tls_line_open(
    struct tls_line *line, struct tls_peer *peer, SSL_CTX *client, bool data, SSL_SESSION *session)
{
	*line = (struct tls_line){ .ctx = client };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, line->fds) != 0)
		abort();
	line->client = SSL_new(client);
	SSL_set_fd(line->client, line->fds[0]);
	SSL_set_connect_state(line->client);
	if (session != NULL)
		SSL_set_session(line->client, session);
	line->server = data ? tls_session_data(peer->session, line->fds[1])
	                    : tls_session_control(peer->session, line->fds[1]);
}

enum tls_status tls_line_shake_hands(struct tls_line *line)
{
	enum tls_status status = TLS_AGAIN;
	int client = 0;

	for (int i = 0; i < TURNS_MAX && (status == TLS_AGAIN || client != 1); i++) {
		client = SSL_do_handshake(line->client);
		status = tls_stream_handshake(line->server);
		if (status != TLS_OK && status != TLS_AGAIN)
			break;
		if (client != 1 && SSL_get_error(line->client, client) != SSL_ERROR_WANT_READ)
			break;
	}
	/* An alert of ours. */
	SSL_do_handshake(line->client);
	return status;
}

size_t tls_line_client_reads(struct tls_line *line, void *bytes, size_t n)
{
	size_t got = 0;

	return SSL_read_ex(line->client, bytes, n, &got) == 1 ? got : 0;
}

void tls_line_close(struct tls_line *line)
{
	SSL_set_shutdown(line->client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(line->client);
	tls_stream_free(&line->server);
	io_close(&line->fds[0]);
	io_close(&line->fds[1]);
}
