/*
 * The traffic secrets of one handshake, as libssl tells them to whoever asks for its key log.
 *
 * Front only.  They are kept in the struct of the connection that they are for, until its keys are made of them; nothing
 * of them is logged.  libssl only knows a key log of a whole context: control connections, which share theirs with their
 * data connections, are told of as well, and the callback drops it.
 */
#ifndef TLS_SECRETS_H
#define TLS_SECRETS_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

#define TLS_SECRETS_BYTES 48u

struct tls_secrets {
	uint8_t client[TLS_SECRETS_BYTES];
	uint8_t server[TLS_SECRETS_BYTES];
	size_t client_bytes; /* 0: not told */
	size_t server_bytes;
};

/* Of a context, once: its connections' secrets go where tls_secrets_collect says, others' nowhere. */
void tls_secrets_prepare(SSL_CTX *ctx);
/* Before the handshake.  secrets is borrowed; NULL: no more. */
void tls_secrets_collect(SSL *ssl, struct tls_secrets *secrets);

#endif
