#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/text.h"
#include "tls_peer.h"

static const struct {
	const char *asked;
	const char *shown;
} names[] = {
	{ NULL, "server.example" },
	{ "server.example", "server.example" },
	{ "other.example", "other.example" },
	{ "OTHER.example", "other.example" },
	{ "third.example", "other.example" },	/* named by the certificate alone */
	{ "nobody.example", "server.example" },
};

Test(tls_contexts, the_name_that_a_client_asks_for_chooses_the_certificate)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct tls_peer peer;
	struct tls_line line;

	cr_assert(tls_peer_init(&peer, ""), "%s", peer.message);
	for (size_t v = 0; v < 2; v++) {
		SSL_CTX *client = tls_peer_client(versions[v]);

		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			X509 *shown;

			tls_line_open(&line, &peer, client, false, NULL);
			if (names[i].asked != NULL) {
				/* The macro casts const away: so it gets a copy. */
				char name[64];

				text_copy(name, sizeof(name), names[i].asked);
				SSL_set_tlsext_host_name(line.client, name);
			}
			cr_assert_eq(tls_line_shake_hands(&line), TLS_OK, "row %zu", i);
			shown = SSL_get0_peer_certificate(line.client);
			cr_expect_eq(X509_check_host(shown, names[i].shown, 0, 0, NULL), 1, "row %zu", i);
			cr_expect_str_eq(tls_stream_host(line.server),
			    names[i].asked != NULL ? names[i].asked : "");
			tls_line_close(&line);
		}
		SSL_CTX_free(client);
	}
	tls_peer_clear(&peer);
}

/* --- keys of several types --------------------------------------------------------------------------- */

static const char *const kinds[] = { "P-256", "RSA", "P-384", "ED25519" };

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void ask_for(struct tls_line *line, const char *asked)
{
	char name[64]; /* the macro casts const away: so it gets a copy */

	if (asked == NULL)
		return;
	text_copy(name, sizeof(name), asked);
	SSL_set_tlsext_host_name(line->client, name);
}

/* A control connection and two data connections, one of which resumes its session: all of them succeed. */
static void expect_shown(struct tls_peer *peer, SSL_CTX *client, const char *asked, const char *shown)
{
	struct tls_line control;
	struct tls_line data;
	SSL_SESSION *session;
	size_t n;

	tls_line_open(&control, peer, client, false, NULL);
	ask_for(&control, asked);
	cr_assert_eq(tls_line_shake_hands(&control), TLS_OK, "%s", tls_stream_failure(control.server));
	cr_expect_eq(X509_check_host(SSL_get0_peer_certificate(control.client), shown, 0, 0, NULL), 1);
	cr_assert_eq(tls_stream_write(control.server, "x", 1, &n), TLS_OK);
	cr_assert_eq(tls_line_client_reads(&control, &(char){ 0 }, 1), 1);
	session = SSL_get1_session(control.client);
	for (int i = 0; i < 2; i++) {
		tls_line_open(&data, peer, client, true, i == 1 ? session : NULL);
		ask_for(&data, asked);
		cr_expect_eq(tls_line_shake_hands(&data), TLS_OK, "%s", tls_stream_failure(data.server));
		cr_expect_eq(tls_stream_is_resumed(data.server), i == 1);
		tls_line_close(&data);
	}
	SSL_SESSION_free(session);
	tls_line_close(&control);
}

static void expect_every_name(struct tls_peer *peer)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

	for (size_t v = 0; v < 2; v++) {
		SSL_CTX *client = tls_peer_client(versions[v]);

		expect_shown(peer, client, NULL, "server.example");
		expect_shown(peer, client, "server.example", "server.example");
		expect_shown(peer, client, "other.example", "other.example");
		expect_shown(peer, client, "third.example", "other.example");
		SSL_CTX_free(client);
	}
}

Test(tls_contexts, every_type_of_key_serves_beside_every_other)
{
	for (size_t i = 0; i < KINDS * KINDS; i++) {
		const struct tls_peer_certificate two[2] = {
			{ "server.example", "DNS:server.example", kinds[i / KINDS] },
			{ "other.example", "DNS:other.example,DNS:third.example", kinds[i % KINDS] },
		};
		struct tls_peer peer;

		cr_assert(tls_peer_init_with(&peer, two, ""), "%s", peer.message);
		expect_every_name(&peer);
		tls_peer_clear(&peer);
	}
}

Test(tls_contexts, looking_for_a_key_leaves_nothing_that_the_handshake_would_be_judged_by)
{
	static const struct tls_peer_certificate two[2] = {
		{ "server.example", "DNS:server.example", "P-256" },
		{ "other.example", "DNS:other.example", "RSA" },
	};
	struct tls_peer peer;
	uint32_t index;

	cr_assert(tls_peer_init_with(&peer, two, ""), "%s", peer.message);
	ERR_clear_error();
	cr_expect(tls_contexts_find_key(peer.contexts, peer.private_keys[1], &index));
	cr_expect_eq(index, 1);
	cr_expect_eq(ERR_peek_error(), 0);
	tls_peer_clear(&peer);
}

/* --- one name, several certificates ------------------------------------------------------------------- */

#define ONLY_RSA   "rsa_pss_rsae_sha256:rsa_pkcs1_sha256"
#define ONLY_ECDSA "ecdsa_secp256r1_sha256"

static const struct {
	int version;
	const char *signatures; /* of the client; NULL: all */
	const char *suites;	/* of TLS 1.2; NULL: all */
	const char *asked;
	int type; /* of the key that is shown; 0: the first one's */
} wishes[] = {
	{ TLS1_3_VERSION, NULL, NULL, NULL, 0 },
	{ TLS1_3_VERSION, NULL, NULL, "server.example", 0 },
	{ TLS1_3_VERSION, NULL, NULL, "nobody.example", 0 },
	{ TLS1_3_VERSION, ONLY_RSA, NULL, NULL, EVP_PKEY_RSA },
	{ TLS1_3_VERSION, ONLY_RSA, NULL, "server.example", EVP_PKEY_RSA },
	{ TLS1_3_VERSION, ONLY_ECDSA, NULL, NULL, EVP_PKEY_EC },
	{ TLS1_3_VERSION, ONLY_ECDSA, NULL, "server.example", EVP_PKEY_EC },
	{ TLS1_3_VERSION, ONLY_ECDSA, NULL, "nobody.example", EVP_PKEY_EC },
	{ TLS1_2_VERSION, NULL, NULL, NULL, 0 },
	{ TLS1_2_VERSION, NULL, NULL, "server.example", 0 },
	{ TLS1_2_VERSION, ONLY_RSA, NULL, "server.example", EVP_PKEY_RSA },
	{ TLS1_2_VERSION, ONLY_ECDSA, NULL, "server.example", EVP_PKEY_EC },
	{ TLS1_2_VERSION, NULL, "ECDHE-RSA-AES128-GCM-SHA256", "server.example", EVP_PKEY_RSA },
	{ TLS1_2_VERSION, NULL, "ECDHE-RSA-AES128-GCM-SHA256", NULL, EVP_PKEY_RSA },
	{ TLS1_2_VERSION, NULL, "ECDHE-ECDSA-AES128-GCM-SHA256", NULL, EVP_PKEY_EC },
};

/* The macro of OpenSSL casts const away: so it gets a copy. */
static void set_signatures(SSL_CTX *client, const char *algorithms)
{
	char list[128];

	cr_assert(text_copy(list, sizeof(list), algorithms));
	cr_assert_eq(SSL_CTX_set1_sigalgs_list(client, list), 1);
}

static void expect_type(struct tls_peer *peer, size_t row, int first_type)
{
	SSL_CTX *client = tls_peer_client(wishes[row].version);
	struct tls_line line;
	X509 *shown;

	if (wishes[row].signatures != NULL)
		set_signatures(client, wishes[row].signatures);
	if (wishes[row].suites != NULL)
		cr_assert_eq(SSL_CTX_set_cipher_list(client, wishes[row].suites), 1);
	tls_line_open(&line, peer, client, false, NULL);
	ask_for(&line, wishes[row].asked);
	cr_expect_eq(tls_line_shake_hands(&line), TLS_OK, "row %zu: %s", row, tls_stream_failure(line.server));
	shown = SSL_get0_peer_certificate(line.client);
	if (shown != NULL)
		cr_expect_eq(EVP_PKEY_get_base_id(X509_get0_pubkey(shown)),
		    wishes[row].type != 0 ? wishes[row].type : first_type, "row %zu", row);
	tls_line_close(&line);
	SSL_CTX_free(client);
}

Test(tls_contexts, of_two_certificates_for_a_name_a_client_gets_the_first_that_it_can_verify)
{
	static const char *const both[] = { "P-256", "RSA" };

	for (size_t i = 0; i < 2; i++) {
		const struct tls_peer_certificate two[2] = {
			{ "first.example", "DNS:server.example", both[i] },
			{ "second.example", "DNS:server.example", both[1 - i] },
		};
		struct tls_peer peer;

		cr_assert(tls_peer_init_with(&peer, two, ""), "%s", peer.message);
		for (size_t row = 0; row < sizeof(wishes) / sizeof(wishes[0]); row++)
			expect_type(&peer, row, i == 0 ? EVP_PKEY_EC : EVP_PKEY_RSA);
		tls_peer_clear(&peer);
	}
}

Test(tls_contexts, a_certificate_for_other_names_stands_in_for_none)
{
	static const struct tls_peer_certificate two[2] = {
		{ "server.example", "DNS:server.example", "P-256" },
		{ "other.example", "DNS:other.example", "RSA" },
	};
	static const char *const asked[] = { NULL, "server.example", "nobody.example" };
	SSL_CTX *client = tls_peer_client(TLS1_3_VERSION);
	struct tls_peer peer;
	struct tls_line line;

	set_signatures(client, ONLY_RSA);
	cr_assert(tls_peer_init_with(&peer, two, ""), "%s", peer.message);
	for (size_t i = 0; i < 3; i++) {
		tls_line_open(&line, &peer, client, false, NULL);
		ask_for(&line, asked[i]);
		cr_expect_eq(tls_line_shake_hands(&line), TLS_FAILED);
		tls_line_close(&line);
	}
	SSL_CTX_free(client);
	tls_peer_clear(&peer);
}

/* --- who may certify clients -------------------------------------------------------------------------- */

/* A file of so many certificates, each of a name of its own. */
static void write_authorities(const char *path, int count)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	FILE *file = fopen(path, "we");

	for (int i = 0; i < count; i++) {
		X509 *certificate = X509_new();
		char name[64];

		text_format(name, sizeof(name), "An authority with a name of its own, number %d", i);
		X509_set_version(certificate, X509_VERSION_3);
		X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
		X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
		X509_set_pubkey(certificate, key);
		X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
		    (const unsigned char *)name, -1, -1, 0);
		X509_sign(certificate, key, EVP_sha256());
		PEM_write_X509(file, certificate);
		X509_free(certificate);
	}
	fclose(file);
	EVP_PKEY_free(key);
}

Test(tls_contexts, authorities_are_named_while_the_client_can_sign_all_that_was_said)
{
	static const struct {
		int count;
		int named;
	} rows[] = { { 1, 1 }, { 20, 20 }, { 1000, 0 } };
	char dir[] = "/tmp/transom-tls-ca-XXXXXX";
	char path[64], extra[128];

	cr_assert_not_null(mkdtemp(dir));
	text_format(path, sizeof(path), "%s/ca.pem", dir);
	text_format(extra, sizeof(extra), "client_ca = \"%s\"", path);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		SSL_CTX *client = tls_peer_client(TLS1_2_VERSION);
		struct tls_peer peer;
		struct tls_line line;

		write_authorities(path, rows[i].count);
		cr_assert(tls_peer_init(&peer, extra), "%s", peer.message);
		peer.conf->listeners[0].client_certs = CONF_CLIENT_CERTS_OPTIONAL;
		tls_peer_renew_session(&peer);
		tls_line_open(&line, &peer, client, false, NULL);
		cr_expect_eq(tls_line_shake_hands(&line), TLS_OK);
		cr_expect_eq(sk_X509_NAME_num(SSL_get_client_CA_list(line.client)), rows[i].named, "row %zu: %d", i,
		    sk_X509_NAME_num(SSL_get_client_CA_list(line.client)));
		tls_line_close(&line);
		tls_peer_clear(&peer);
		SSL_CTX_free(client);
	}
	unlink(path);
	rmdir(dir);
}

Test(tls_contexts, alpn_takes_ftp_and_refuses_everything_else)
{
	static const struct {
		const char *offer;
		bool taken;
	} rows[] = {
		{ "\3ftp", true },
		{ "\10ftp-data", true },
		{ "\17x-filezilla-ftp\3ftp", true },
		{ "\10http/1.1", false },
		{ "\2h2\10http/1.1", false },
		{ "\4ftpx", false },
	};
	SSL_CTX *client = tls_peer_client(TLS1_3_VERSION);
	struct tls_peer peer;
	struct tls_line line;

	cr_assert(tls_peer_init(&peer, ""), "%s", peer.message);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tls_line_open(&line, &peer, client, false, NULL);
		SSL_set_alpn_protos(line.client, (const unsigned char *)rows[i].offer,
		    (unsigned)strlen(rows[i].offer));
		cr_expect_eq(tls_line_shake_hands(&line), rows[i].taken ? TLS_OK : TLS_FAILED,
		    "row %zu", i);
		tls_line_close(&line);
	}
	SSL_CTX_free(client);
	tls_peer_clear(&peer);
}

Test(tls_contexts, tls_1_1_is_not_spoken)
{
	SSL_CTX *client = tls_peer_client(TLS1_1_VERSION);
	struct tls_peer peer;
	struct tls_line line;

	SSL_CTX_set_security_level(client, 0);
	cr_assert(tls_peer_init(&peer, ""), "%s", peer.message);
	tls_line_open(&line, &peer, client, false, NULL);
	cr_expect_eq(tls_line_shake_hands(&line), TLS_FAILED);
	cr_expect_neq(tls_stream_failure(line.server)[0], '\0');
	tls_line_close(&line);
	SSL_CTX_free(client);
	tls_peer_clear(&peer);
}

#define COMPRESS_CERTIFICATE 27 /* RFC 8879 3 */

struct asked {
	bool came;
	bool compressed;
};

/* Of CERTIFICATE_REQUEST (RFC 8446 4.3.2): type, three of length, a context of no bytes, two of length, extensions. */
static void look_at_request(int is_written, int version, int type, const void *bytes, size_t n, SSL *ssl, void *context)
{
	struct asked *asked = context;
	const uint8_t *message = bytes;

	(void)version;
	(void)ssl;
	if (is_written || type != SSL3_RT_HANDSHAKE || message[0] != SSL3_MT_CERTIFICATE_REQUEST)
		return;
	asked->came = true;
	for (size_t i = 7; i + 4 <= n; i += 4u + (size_t)(message[i + 2] << 8 | message[i + 3]))
		asked->compressed |= (message[i] << 8 | message[i + 1]) == COMPRESS_CERTIFICATE;
}

Test(tls_contexts, clients_are_not_asked_for_compressed_certificates)
{
	struct asked asked = { .came = false };
	SSL_CTX *client = tls_peer_client(TLS1_3_VERSION);
	struct tls_peer peer;
	struct tls_line line;

	cr_assert(tls_peer_init(&peer, ""), "%s", peer.message);
	tls_line_open(&line, &peer, client, false, NULL);
	SSL_set_verify(tls_stream_ssl(line.server), SSL_VERIFY_PEER, NULL);
	SSL_set_msg_callback(line.client, look_at_request);
	SSL_set_msg_callback_arg(line.client, &asked);
	cr_assert_eq(tls_line_shake_hands(&line), TLS_OK);
	cr_expect(asked.came);
	cr_expect_not(asked.compressed);
	tls_line_close(&line);
	SSL_CTX_free(client);
	tls_peer_clear(&peer);
}

Test(tls_contexts, every_handshake_has_its_signature_made_elsewhere)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	struct tls_peer peer;
	struct tls_line line;

	cr_assert(tls_peer_init(&peer, ""), "%s", peer.message);
	for (size_t v = 0; v < 2; v++) {
		SSL_CTX *client = tls_peer_client(versions[v]);

		tls_line_open(&line, &peer, client, false, NULL);
		cr_expect_eq(tls_line_shake_hands(&line), TLS_OK);
		cr_expect_eq(peer.signatures, v + 1);
		tls_line_close(&line);
		SSL_CTX_free(client);
	}
	tls_peer_clear(&peer);
}

Test(tls_contexts, a_certificate_without_its_key_is_named)
{
	struct tls_contexts *contexts;
	struct keeper_public_keys none = { .count = 0 };
	struct tls_peer peer;

	cr_assert(tls_peer_init(&peer, ""), "%s", peer.message);
	contexts = tls_contexts_new(peer.conf, &none, peer.message, sizeof(peer.message));
	cr_expect_null(contexts);
	cr_expect_not_null(strstr(peer.message, "server.example.pem"), "%s", peer.message);
	tls_peer_clear(&peer);
}

Test(tls_contexts, a_key_for_ssh_is_not_used)
{
	struct tls_contexts *contexts;
	struct tls_peer peer;

	cr_assert(tls_peer_init(&peer, ""), "%s", peer.message);
	peer.keys.keys[0].use = KEEPER_USE_SSH;
	contexts = tls_contexts_new(peer.conf, &peer.keys, peer.message, sizeof(peer.message));
	cr_expect_null(contexts);
	tls_peer_clear(&peer);
}

Test(tls_contexts, a_file_that_is_no_certificate_is_named)
{
	struct tls_contexts *contexts;
	struct tls_peer peer;

	cr_assert(tls_peer_init(&peer, ""), "%s", peer.message);
	free(peer.conf->tls.certificate);
	peer.conf->tls.certificate = strdup("/dev/null");
	contexts = tls_contexts_new(peer.conf, &peer.keys, peer.message, sizeof(peer.message));
	cr_expect_null(contexts);
	cr_expect_not_null(strstr(peer.message, "/dev/null"), "%s", peer.message);
	tls_peer_clear(&peer);
}

Test(tls_contexts, they_are_wanted_where_an_ftp_listener_and_a_certificate_are)
{
	struct tls_peer peer;

	cr_assert(tls_peer_init(&peer, ""), "%s", peer.message);
	cr_expect(tls_contexts_wanted(peer.conf));
	peer.conf->listeners[0].protocol = CONF_PROTOCOL_SFTP;
	cr_expect_not(tls_contexts_wanted(peer.conf));
	tls_peer_clear(&peer);
}
