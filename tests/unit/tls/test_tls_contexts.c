#include <criterion/criterion.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

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
