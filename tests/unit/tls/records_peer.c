#include "records_peer.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/io.h"

static const struct {
	uint16_t id;
	size_t secret_bytes;
} suites[] = { { 0x1301, 32 }, { 0x1302, 48 }, { 0x1303, 32 } };

static bool make_ends(struct records_peer *peer, const SSL_CIPHER *suite, size_t secret_bytes)
{
	struct tls_secrets secrets = { .client_bytes = secret_bytes, .server_bytes = secret_bytes };

	for (size_t i = 0; i < secret_bytes; i++) {
		secrets.client[i] = (uint8_t)i;
		secrets.server[i] = (uint8_t)(0x80 + i);
	}
	peer->records = tls_records_new(suite, &secrets, &peer->bio);
	peer->sealing = tls_aead_new(suite, secrets.client, secret_bytes, AEAD_SEAL);
	peer->opening = tls_aead_new(suite, secrets.server, secret_bytes, AEAD_OPEN);
	return peer->records != NULL && peer->sealing != NULL && peer->opening != NULL;
}

bool records_peer_open(struct records_peer *peer, unsigned suite)
{
	const uint8_t wire[2] = { (uint8_t)(suites[suite].id >> 8), (uint8_t)suites[suite].id };
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());
	SSL *ssl = ctx != NULL ? SSL_new(ctx) : NULL;
	bool ok;

	memset(peer, 0, sizeof(*peer));
	peer->fds[0] = peer->fds[1] = -1;
	ok = ssl != NULL && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, peer->fds) == 0;
	tls_bio_init(&peer->bio, peer->fds[1], true);
	/* SSL_CIPHER is of libssl's own tables, and outlives the SSL. */
	ok = ok && make_ends(peer, SSL_CIPHER_find(ssl, wire), suites[suite].secret_bytes);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	/* As a handshake leaves it: it has been read from. */
	return ok && tls_bio_receive(&peer->bio) < 0 && peer->bio.error == 0;
}

void records_peer_close(struct records_peer *peer)
{
	tls_records_free(&peer->records);
	tls_aead_free(&peer->sealing);
	tls_aead_free(&peer->opening);
	tls_bio_clear(&peer->bio);
	io_close(&peer->fds[0]);
	io_close(&peer->fds[1]);
}

size_t records_peer_seal(
    struct records_peer *peer, uint8_t type, const uint8_t *bytes, size_t n, uint8_t *out, size_t room)
{
	if (n + TLS_AEAD_OVERHEAD_BYTES > room || !tls_aead_seal(peer->sealing, type, bytes, n, out))
		return 0;
	return n + TLS_AEAD_OVERHEAD_BYTES;
}

bool records_peer_write(struct records_peer *peer, const uint8_t *bytes, size_t n)
{
	return n == 0 || write(peer->fds[0], bytes, n) == (ssize_t)n;
}

bool records_peer_send(struct records_peer *peer, uint8_t type, const uint8_t *bytes, size_t n)
{
	uint8_t record[2 * RECORDS_PEER_ROOM];
	size_t total = records_peer_seal(peer, type, bytes, n, record, sizeof(record));

	return total > 0 && records_peer_write(peer, record, total);
}

enum records_peer_heard records_peer_hear(
    struct records_peer *peer, uint8_t *to, size_t *n_out, uint8_t *type_out)
{
	size_t bytes;
	ssize_t n;

	tls_bio_flush(&peer->bio);
	n = read(peer->fds[0], peer->heard + peer->heard_bytes, sizeof(peer->heard) - peer->heard_bytes);
	if (n > 0)
		peer->heard_bytes += (size_t)n;
	if (peer->heard_bytes < TLS_AEAD_HEADER_BYTES)
		return PEER_HEARD_NOTHING;
	bytes = TLS_AEAD_HEADER_BYTES + ((size_t)peer->heard[3] << 8 | peer->heard[4]);
	if (bytes > RECORDS_PEER_ROOM || bytes < TLS_AEAD_OVERHEAD_BYTES)
		return PEER_HEARD_NONSENSE;
	if (peer->heard_bytes < bytes)
		return PEER_HEARD_NOTHING;
	if (tls_aead_open(peer->opening, peer->heard, bytes, n_out, type_out) != TLS_AEAD_OPENED)
		return PEER_HEARD_NONSENSE;
	memcpy(to, peer->heard + TLS_AEAD_HEADER_BYTES, *n_out);
	peer->heard_bytes -= bytes;
	memmove(peer->heard, peer->heard + bytes, peer->heard_bytes);
	return PEER_HEARD_RECORD;
}
