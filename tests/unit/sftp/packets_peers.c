#include "tests/unit/sftp/packets_peers.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/sftp/ssh_libcrypto.h"
#include "server/sftp/ssh_socket.h"

#define PADDING_MIN	 4u
#define CLEAR_BLOCK	 8u
#define CLEAR_HEAD_BYTES 5u
#define COOKIE_BYTES	 16u
#define READ_BYTES	 65536u
#define IN_MAX_BYTES	 (8u << 20)

/* --- the connection -------------------------------------------------------------------------- */

bool packets_peers_open(struct packets_peers *peers, const struct packets_setting *setting,
    const struct ssh_packets_owner *owner)
{
	int fds[2];

	*peers = (struct packets_peers){ .setting = *setting, .client_fd = -1, .library_fd = -1 };
	buf_init(&peers->client.in, IN_MAX_BYTES);
	buf_init(&peers->library.in, IN_MAX_BYTES);
	peers->packet = malloc(PACKETS_ROOM_BYTES);
	if (peers->packet == NULL ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
		return false;
	peers->library_fd = fds[0];
	peers->client_fd = fds[1];
	ssh_socket_open(peers->library_fd);
	ssh_libcrypto_open();
	ssh_packets_init(&peers->packets, owner);
	return true;
}

static void clear_peer(struct packets_peer *peer)
{
	ssh_cipher_free(&peer->seal);
	ssh_cipher_free(&peer->open);
	ssh_cipher_free(&peer->next_seal);
	ssh_cipher_free(&peer->next_open);
	buf_clear(&peer->in);
}

void packets_peers_close(struct packets_peers *peers)
{
	ssh_packets_clear(&peers->packets);
	ssh_socket_close();
	ssh_libcrypto_close();
	clear_peer(&peers->client);
	clear_peer(&peers->library);
	free(peers->packet);
	if (peers->client_fd >= 0) {
		close(peers->client_fd);
		close(peers->library_fd);
	}
}

/* As much as goes through a socket at a time is fetched before the next piece. */
bool packets_client_write(struct packets_peers *peers, const uint8_t *bytes, size_t n)
{
	while (n > 0) {
		ssize_t wrote = write(peers->client_fd, bytes, n < READ_BYTES ? n : READ_BYTES);

		if (wrote <= 0)
			return false;
		bytes += wrote;
		n -= (size_t)wrote;
		for (size_t left = (size_t)wrote; left > 0;) {
			size_t got = ssh_socket_fill();

			if (got == 0)
				return false;
			left -= got;
		}
	}
	return true;
}

bool packets_library_write(struct packets_peers *peers, const uint8_t *bytes, size_t n)
{
	return send(peers->library_fd, bytes, n, 0) == (ssize_t)n;
}

static void fetch(struct packets_peers *peers, struct packets_peer *peer)
{
	ssize_t got;

	do {
		uint8_t *room = buf_reserve(&peer->in, READ_BYTES);

		if (room == NULL)
			return;
		if (peer == &peers->library) {
			got = recv(peers->library_fd, room, READ_BYTES, 0);
		} else {
			ssh_socket_flush();
			got = read(peers->client_fd, room, READ_BYTES);
		}
		buf_commit(&peer->in, got > 0 ? (size_t)got : 0);
	} while (got > 0);
}

/* --- packets --------------------------------------------------------------------------------- */

static size_t seal_clear(const uint8_t *payload, size_t n, uint8_t *out)
{
	size_t padding = CLEAR_BLOCK - (CLEAR_HEAD_BYTES + n) % CLEAR_BLOCK;
	size_t length;

	padding += padding < PADDING_MIN ? CLEAR_BLOCK : 0;
	length = 1 + n + padding;
	for (unsigned i = 0; i < 4; i++)
		out[i] = (uint8_t)(length >> (24 - 8 * i));
	out[4] = (uint8_t)padding;
	memcpy(out + CLEAR_HEAD_BYTES, payload, n);
	memset(out + CLEAR_HEAD_BYTES + n, 0, padding);
	return CLEAR_HEAD_BYTES + n + padding;
}

size_t packets_seal(struct packets_peer *peer, const uint8_t *payload, size_t n, uint8_t *out)
{
	uint32_t sequence = peer->sent++;

	if (peer->seal == NULL)
		return seal_clear(payload, n, out);
	if (!ssh_cipher_seal(peer->seal, sequence, NULL, 0, payload, n, out))
		abort();
	return ssh_cipher_sealed_bytes(peer->seal, n);
}

static bool send_as(struct packets_peers *peers, struct packets_peer *peer, const uint8_t *payload, size_t n)
{
	uint8_t *packet = malloc(n + SSH_CIPHER_OVERHEAD_MAX);
	bool good = false;

	if (packet != NULL) {
		size_t total = packets_seal(peer, payload, n, packet);

		good = peer == &peers->client ? packets_client_write(peers, packet, total)
		                              : packets_library_write(peers, packet, total);
	}
	free(packet);
	return good;
}

bool packets_client_send(struct packets_peers *peers, const uint8_t *payload, size_t n)
{
	return send_as(peers, &peers->client, payload, n);
}

bool packets_library_send(struct packets_peers *peers, const uint8_t *payload, size_t n)
{
	return send_as(peers, &peers->library, payload, n);
}

/* All bytes of the packet that starts at head; 0: it is none. */
static size_t total_of(struct packets_peer *peer, const uint8_t *head)
{
	size_t total;

	if (peer->open != NULL)
		return ssh_cipher_length(peer->open, peer->received, head, &total) ? total : 0;
	total = 4 + ((size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3]);
	return total > CLEAR_HEAD_BYTES && total <= PACKETS_ROOM_BYTES ? total : 0;
}

static bool open_one(struct packets_peers *peers, struct packets_peer *peer, size_t total,
    const uint8_t **payload_out, size_t *n_out)
{
	uint8_t *payload;

	if (peer->open != NULL) {
		if (!ssh_cipher_open(peer->open, peer->received, peers->packet, total, &payload, n_out))
			return false;
		*payload_out = payload;
	} else {
		if (peers->packet[4] + CLEAR_HEAD_BYTES >= total)
			return false;
		*payload_out = peers->packet + CLEAR_HEAD_BYTES;
		*n_out = total - CLEAR_HEAD_BYTES - peers->packet[4];
	}
	peer->received++;
	return true;
}

static enum packets_got read_as(struct packets_peers *peers, struct packets_peer *peer,
    const uint8_t **payload_out, size_t *n_out)
{
	size_t head = peer->open != NULL ? ssh_cipher_head_bytes(peer->open) : CLEAR_HEAD_BYTES;
	size_t total;

	fetch(peers, peer);
	if (buf_length(&peer->in) < head)
		return PACKETS_NONE;
	total = total_of(peer, buf_bytes(&peer->in));
	if (total == 0)
		return PACKETS_FORGED;
	if (buf_length(&peer->in) < total)
		return PACKETS_NONE;
	memcpy(peers->packet, buf_bytes(&peer->in), total);
	buf_consume(&peer->in, total);
	return open_one(peers, peer, total, payload_out, n_out) ? PACKETS_ONE : PACKETS_FORGED;
}

enum packets_got packets_client_read(
    struct packets_peers *peers, const uint8_t **payload_out, size_t *n_out)
{
	return read_as(peers, &peers->client, payload_out, n_out);
}

enum packets_got packets_library_read(
    struct packets_peers *peers, const uint8_t **payload_out, size_t *n_out)
{
	return read_as(peers, &peers->library, payload_out, n_out);
}

/* --- keys ------------------------------------------------------------------------------------ */

size_t packets_kexinit(const struct packets_peers *peers, bool of_client, uint8_t *out)
{
	const struct packets_setting *setting = &peers->setting;
	const bool strict = of_client ? setting->strict_client : setting->strict_server;
	const char *mac = setting->mac[0] != '\0' ? setting->mac : "hmac-sha2-256";
	char kex[128];
	const char *lists[] = { kex, "ssh-ed25519", setting->cipher, setting->cipher, mac, mac, "none",
		"none", "", "" };
	size_t n = 1 + COOKIE_BYTES;

	snprintf(kex, sizeof(kex), "curve25519-sha256%s%s", strict ? ",kex-strict-" : "",
	    !strict     ? ""
	    : of_client ? "c-v00@openssh.com"
	                : "s-v00@openssh.com");
	memset(out, 0, n);
	out[0] = 20;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		size_t length = strlen(lists[i]);

		memset(out + n, 0, 4);
		out[n + 3] = (uint8_t)length;
		memcpy(out + n + 4, lists[i], length);
		n += 4 + length;
	}
	memset(out + n, 0, 5);
	return n + 5;
}

static bool derive(unsigned exchange, char letter, uint8_t key[SSH_CIPHER_KEY_BYTES])
{
	char type[] = { letter, '\0' };
	char digest[] = "SHA256";
	char secret[32];
	char hash[] = "an exchange hash";
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SSHKDF", NULL);
	EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
	int n = snprintf(secret, sizeof(secret), "secret %u", exchange);
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, (size_t)n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SSHKDF_XCGHASH, hash, strlen(hash)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SSHKDF_SESSION_ID, hash, strlen(hash)),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_SSHKDF_TYPE, type, 1),
		OSSL_PARAM_construct_end(),
	};
	bool good = context != NULL && EVP_KDF_derive(context, key, SSH_CIPHER_KEY_BYTES, params) == 1;

	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
	return good;
}

/* All six; as a peer of the wire, or as libssh, which is given others. */
static bool derive_all(unsigned exchange, bool on_wire, struct ssh_cipher_keys *in, struct ssh_cipher_keys *out)
{
	uint8_t *const places[] = { in->iv, out->iv, in->key, out->key, in->mac, out->mac };
	bool good = true;

	ssh_libcrypto_take_keys(!on_wire);
	for (size_t i = 0; good && i < sizeof(places) / sizeof(places[0]); i++)
		good = derive(exchange, (char)('A' + i), places[i]);
	ssh_libcrypto_take_keys(true);
	return good;
}

static bool make_next(const struct packets_setting *setting, const struct ssh_cipher_keys *sealing,
    const struct ssh_cipher_keys *opening, struct packets_peer *peer)
{
	ssh_cipher_free(&peer->next_seal);
	ssh_cipher_free(&peer->next_open);
	peer->next_seal = ssh_cipher_new(setting->cipher, setting->mac, sealing, SSH_CIPHER_SEAL);
	peer->next_open = ssh_cipher_new(setting->cipher, setting->mac, opening, SSH_CIPHER_OPEN);
	return peer->next_seal != NULL && peer->next_open != NULL;
}

bool packets_derive(struct packets_peers *peers)
{
	struct ssh_cipher_keys in;
	struct ssh_cipher_keys out;

	peers->exchanges++;
	return derive_all(peers->exchanges, true, &in, &out) &&
	       make_next(&peers->setting, &in, &out, &peers->client) &&
	       derive_all(peers->exchanges, false, &in, &out) &&
	       make_next(&peers->setting, &out, &in, &peers->library);
}

static void replace(struct ssh_cipher **old, struct ssh_cipher **next)
{
	ssh_cipher_free(old);
	*old = *next;
	*next = NULL;
}

/* libssh counts anew whenever the client has said that it can; the client only if both have. */
static void count_anew(const struct packets_setting *setting, uint32_t *of_client, uint32_t *of_library)
{
	if (setting->strict_client)
		*of_library = 0;
	if (setting->strict_client && setting->strict_server)
		*of_client = 0;
}

void packets_switch_out(struct packets_peers *peers)
{
	replace(&peers->library.seal, &peers->library.next_seal);
	replace(&peers->client.open, &peers->client.next_open);
	count_anew(&peers->setting, &peers->client.received, &peers->library.sent);
}

void packets_switch_in(struct packets_peers *peers)
{
	replace(&peers->client.seal, &peers->client.next_seal);
	replace(&peers->library.open, &peers->library.next_open);
	count_anew(&peers->setting, &peers->client.sent, &peers->library.received);
}
