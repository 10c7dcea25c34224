#include <criterion/criterion.h>
#include <sys/socket.h>

#include "tls_peer.h"

static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };

/* The handshake of a control connection and a byte behind it, so that tickets have arrived. */
static SSL_SESSION *control_session(struct tls_peer *peer, SSL_CTX *client, struct tls_line *control)
{
	char byte = 'x';
	size_t taken;

	tls_line_open(control, peer, client, false, NULL);
	cr_assert_eq(tls_line_shake_hands(control), TLS_OK);
	cr_assert_eq(tls_stream_write(control->server, &byte, 1, &taken), TLS_OK);
	cr_assert_eq(tls_line_client_reads(control, &byte, 1), 1);
	return SSL_get1_session(control->client);
}

/* Does a data connection with this session come out as resumed?  *next_out: what the client has of it. */
static bool data_resumes(
    struct tls_peer *peer, SSL_CTX *client, SSL_SESSION *session, SSL_SESSION **next_out)
{
	struct tls_line data;
	bool resumed;
	char byte = 'y';
	size_t taken;

	tls_line_open(&data, peer, client, true, session);
	cr_assert_eq(tls_line_shake_hands(&data), TLS_OK);
	resumed = tls_stream_is_resumed(data.server);
	tls_stream_write(data.server, &byte, 1, &taken);
	tls_line_client_reads(&data, &byte, 1);
	if (next_out != NULL)
		*next_out = SSL_get1_session(data.client);
	tls_line_close(&data);
	return resumed;
}

Test(tls_session, a_data_connection_resumes_the_session_of_its_control_connection)
{
	for (size_t v = 0; v < 2; v++) {
		for (int tickets = 0; tickets < 2; tickets++) {
			SSL_CTX *client = tls_peer_client(versions[v]);
			struct tls_peer peer;
			struct tls_line control;
			SSL_SESSION *session;

			if (tickets == 0)
				SSL_CTX_set_options(client, SSL_OP_NO_TICKET);
			cr_assert(tls_peer_init(&peer, ""), "%s", peer.message);
			session = control_session(&peer, client, &control);
			for (int i = 0; i < 5; i++)
				cr_expect(data_resumes(&peer, client, session, NULL), "%zu %d", v, tickets);
			cr_expect_eq(peer.signatures, 1);
			SSL_SESSION_free(session);
			tls_line_close(&control);
			SSL_CTX_free(client);
			tls_peer_clear(&peer);
		}
	}
}

Test(tls_session, a_ticket_of_another_session_resumes_nothing)
{
	for (size_t v = 0; v < 2; v++) {
		SSL_CTX *client = tls_peer_client(versions[v]);
		struct tls_peer peer;
		struct tls_line control;
		SSL_SESSION *session;

		cr_assert(tls_peer_init(&peer, ""), "%s", peer.message);
		session = control_session(&peer, client, &control);
		tls_line_close(&control);
		tls_peer_renew_session(&peer);
		cr_expect_not(data_resumes(&peer, client, session, NULL));
		SSL_SESSION_free(session);
		SSL_CTX_free(client);
		tls_peer_clear(&peer);
	}
}

Test(tls_session, who_got_in_without_resumption_gets_nothing_to_resume)
{
	for (size_t v = 0; v < 2; v++) {
		for (int tickets = 0; tickets < 2; tickets++) {
			SSL_CTX *client = tls_peer_client(versions[v]);
			struct tls_peer peer;
			SSL_SESSION *stolen = NULL;

			if (tickets == 0)
				SSL_CTX_set_options(client, SSL_OP_NO_TICKET);
			cr_assert(tls_peer_init(&peer, ""), "%s", peer.message);
			cr_expect_not(data_resumes(&peer, client, NULL, &stolen));
			cr_expect_not(data_resumes(&peer, client, stolen, NULL), "%zu %d", v, tickets);
			SSL_SESSION_free(stolen);
			SSL_CTX_free(client);
			tls_peer_clear(&peer);
		}
	}
}

Test(tls_session, a_data_connection_leaves_nothing_unread_that_would_make_the_clients_close_a_reset)
{
	for (size_t v = 0; v < 2; v++) {
		SSL_CTX *client = tls_peer_client(versions[v]);
		struct tls_peer peer;
		struct tls_line control;
		struct tls_line data;
		SSL_SESSION *session;
		char byte;

		cr_assert(tls_peer_init(&peer, ""), "%s", peer.message);
		session = control_session(&peer, client, &control);
		tls_line_open(&data, &peer, client, true, session);
		cr_assert_eq(tls_line_shake_hands(&data), TLS_OK);
		cr_expect(tls_stream_is_resumed(data.server));
		cr_expect_eq(recv(data.fds[0], &byte, 1, MSG_DONTWAIT), -1);
		tls_line_close(&data);
		SSL_SESSION_free(session);
		tls_line_close(&control);
		SSL_CTX_free(client);
		tls_peer_clear(&peer);
	}
}

static int tickets_seen;

static int count_ticket(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	(void)session;
	tickets_seen++;
	return 0;
}

Test(tls_session, the_control_connection_brings_another_ticket_when_asked)
{
	SSL_CTX *client = tls_peer_client(TLS1_3_VERSION);
	struct tls_peer peer;
	struct tls_line control;
	char byte = 'x';
	size_t taken;
	int before;

	SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT);
	SSL_CTX_sess_set_new_cb(client, count_ticket);
	cr_assert(tls_peer_init(&peer, ""), "%s", peer.message);
	SSL_SESSION_free(control_session(&peer, client, &control));
	before = tickets_seen;
	tls_stream_renew_ticket(control.server);
	tls_stream_write(control.server, &byte, 1, &taken);
	tls_line_client_reads(&control, &byte, 1);
	cr_expect_eq(tickets_seen, before + 1);
	tls_line_close(&control);
	SSL_CTX_free(client);
	tls_peer_clear(&peer);
}

Test(tls_session, without_a_client_certificate_there_is_no_evidence)
{
	SSL_CTX *client = tls_peer_client(TLS1_3_VERSION);
	struct guard_req_login_certificate request = { .user = "" };
	struct tls_peer peer;
	struct tls_line control;

	cr_assert(tls_peer_init(&peer, ""), "%s", peer.message);
	SSL_SESSION_free(control_session(&peer, client, &control));
	tls_session_take_evidence(peer.session, control.server);
	cr_expect_not(tls_session_evidence(peer.session, &request));
	tls_line_close(&control);
	SSL_CTX_free(client);
	tls_peer_clear(&peer);
}
