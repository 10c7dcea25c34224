/*
 * Both ends of TLS in one thread: a server's contexts with keys of its own, and a client on the other end of a socket
 * pair.  For the unit tests of server/tls and the fuzz target.
 */
#ifndef TLS_PEER_H
#define TLS_PEER_H

#include "server/tls/tls_contexts.h"
#include "server/tls/tls_session.h"
#include "server/tls/tls_stream.h"

#define PEER_KEYS_MAX 3

struct tls_peer {
	char dir[64];
	struct conf *conf;
	EVP_PKEY *private_keys[PEER_KEYS_MAX];
	struct keeper_public_keys keys;
	struct tls_contexts *contexts;
	struct tls_session *session;
	char message[CONF_MESSAGE_BYTES];
	unsigned signatures;
};

struct tls_peer_certificate {
	const char *name;  /* of the file, and of the tls_host */
	const char *names; /* as openssl's configuration writes alternative names */
	const char *kind;  /* "RSA", "ED25519", or a curve: "P-256" */
};
/* The first in tls { }, the second in a tls_host; the rest as tls_peer_init. */
bool tls_peer_init_with(struct tls_peer *peer, const struct tls_peer_certificate two[2], const char *extra);
/*
 * "server.example" in tls { }, "other.example" in a tls_host, whose certificate also names "third.example"; extra is
 * more text of the configuration.  False with peer->message when the contexts cannot be made; asserts nothing.
 */
bool tls_peer_init(struct tls_peer *peer, const char *extra);
/* Another session's keys for tickets from now on. */
void tls_peer_renew_session(struct tls_peer *peer);
void tls_peer_clear(struct tls_peer *peer);

/* One connection: the client's end and the server's. */
struct tls_line {
	struct tls_stream *server;
	SSL *client;
	SSL_CTX *ctx; /* the client's; borrowed */
	int fds[2];   /* client's, server's */
};
/* A client's context: any certificate is fine. */
SSL_CTX *tls_peer_client(int version);
/* The group on which a client without wishes of its own and a server agree: hybrid with ML-KEM where libcrypto has that. */
const char *tls_peer_group(void);
/* data: a data connection; session may be NULL. */
void tls_line_open(
    struct tls_line *line, struct tls_peer *peer, SSL_CTX *client, bool data, SSL_SESSION *session);
/* Turn by turn until the server's end has come to a result. */
enum tls_status tls_line_shake_hands(struct tls_line *line);
/* The client takes what has come (tickets, alerts); bytes of payload. */
size_t tls_line_client_reads(struct tls_line *line, void *bytes, size_t n);
void tls_line_close(struct tls_line *line);

#endif
