/*
 * The nursery's rehearsal: handshakes between two ends in this process, with keys that are none.
 *
 * What libssh and OpenSSL load at first use is loaded here, once for all sessions.  And since both ends' signatures
 * are worthless, and the server's libssh gets other keys than the client's, the handshakes come to a good end only if
 * libssh makes and checks every signature through key_wrapper.h, derives its keys through ssh_libcrypto.h, and reads
 * and writes through ssh_socket.h: a libssh for which that does not hold must serve nobody, for its sessions would need
 * the private keys and believe signatures by themselves.
 */
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/text.h"
#include "server/key_dummy.h"
#include "server/key_wrapper.h"
#include "server/sftp/ssh_algorithms.h"
#include "server/sftp/ssh_cipher.h"
#include "server/sftp/ssh_front_private.h"
#include "server/sftp/ssh_libcrypto.h"
#include "server/sftp/ssh_packets.h"
#include "server/sftp/ssh_socket.h"

#define REHEARSAL_MS  20000 /* valgrind and sanitizers included */
#define ED25519_BYTES 32
#define RSA_BITS      2048
#define USER          "rehearsal"

/* One for each kind of key; together they use what most clients will. */
struct scene {
	const char *title;
	const char *host_key;
	const char *kex;
	const char *cipher;
	const char *mac;
	EVP_PKEY *(*make_key)(void);
};

struct rehearsal {
	const struct scene *scene;
	int fds[2]; /* client, server */
	ssh_session client, server;
	ssh_event event; /* the server's */
	struct ssh_packets packets;
	struct ssh_server_callbacks_struct callbacks;
	bool key_probed, key_proven;
};

enum { CLIENT, SERVER };

/* --- keys without a private half ------------------------------------------------------------- */

static EVP_PKEY *make_ed25519(void)
{
	uint8_t point[ED25519_BYTES];

	if (RAND_bytes(point, sizeof(point)) != 1)
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, point, sizeof(point));
}

static EVP_PKEY *make_p256(void)
{
	return EVP_EC_gen("P-256");
}

/* A number that looks like a modulus: nobody will find its factors, not even we. */
static EVP_PKEY *make_rsa(void)
{
	BIGNUM *n = BN_new();
	BIGNUM *e = BN_new();
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	OSSL_PARAM *numbers = NULL;
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;

	if (n != NULL && e != NULL && builder != NULL && context != NULL &&
	    BN_rand(n, RSA_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD) == 1 &&
	    BN_set_word(e, RSA_F4) == 1 &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
	    OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e) == 1)
		numbers = OSSL_PARAM_BLD_to_param(builder);
	if (numbers != NULL && EVP_PKEY_fromdata_init(context) == 1 &&
	    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, numbers) != 1)
		key = NULL;
	OSSL_PARAM_free(numbers);
	OSSL_PARAM_BLD_free(builder);
	EVP_PKEY_CTX_free(context);
	BN_free(e);
	BN_free(n);
	return key;
}

static const struct scene scenes[] = {
	{ "Ed25519", "ssh-ed25519", "curve25519-sha256", "aes128-gcm@openssh.com",
	    "hmac-sha2-256-etm@openssh.com", make_ed25519 },
	{ "ECDSA", "ecdsa-sha2-nistp256", "ecdh-sha2-nistp256", "chacha20-poly1305@openssh.com",
	    "hmac-sha2-256-etm@openssh.com", make_p256 },
	{ "RSA", "rsa-sha2-512", "curve25519-sha256@libssh.org", "aes256-ctr",
	    "hmac-sha2-512-etm@openssh.com", make_rsa },
};

/* Worthless, but of the form that the key's kind has. */
static bool sign_nothing(void *context, const struct key_wrapper_ask *ask, uint8_t *signature,
    size_t *signature_length)
{
	static const uint8_t one_and_one[] = { 0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01 };
	bool ecdsa = EVP_PKEY_get_base_id(ask->key) == EVP_PKEY_EC;
	size_t length = ecdsa ? sizeof(one_and_one) : (size_t)EVP_PKEY_get_size(ask->key);

	(void)context;
	if (length > *signature_length)
		return false;
	memset(signature, 1, length);
	if (ecdsa)
		memcpy(signature, one_and_one, length);
	*signature_length = length;
	return true;
}

static ssh_key make_dummy(EVP_PKEY *(*make_key)(void))
{
	EVP_PKEY *half = make_key();
	uint8_t *der = NULL;
	int length = half != NULL ? i2d_PUBKEY(half, &der) : 0;
	char *text = length > 0 ? key_dummy_ssh_text(der, (size_t)length) : NULL;
	ssh_key key = NULL;

	if (text != NULL)
		ssh_pki_import_privkey_base64(text, NULL, NULL, NULL, &key);
	free(text);
	OPENSSL_free(der);
	EVP_PKEY_free(half);
	return key;
}

/* --- the two ends ---------------------------------------------------------------------------- */

static int on_key(
    ssh_session session, const char *user, ssh_key key, char signature_state, void *userdata)
{
	struct rehearsal *rehearsal = userdata;
	const struct key_wrapper_seen *seen = key_wrapper_seen();

	(void)session;
	(void)user;
	(void)key;
	if (signature_state == SSH_PUBLICKEY_STATE_NONE)
		rehearsal->key_probed = true;
	else if (signature_state == SSH_PUBLICKEY_STATE_VALID && seen != NULL)
		/* The blob of RFC 4252 7 names the user; nothing else here does. */
		rehearsal->key_proven =
		    memmem(seen->data, seen->data_length, USER, strlen(USER)) != NULL;
	return SSH_AUTH_SUCCESS;
}

static bool set_server(struct rehearsal *rehearsal, ssh_bind bind)
{
	const struct scene *scene = rehearsal->scene;
	bool no = false;
	ssh_key key;

	if (bind == NULL || rehearsal->server == NULL ||
	    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no) != SSH_OK ||
	    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_KEY_EXCHANGE, scene->kex) != SSH_OK ||
	    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_CIPHERS_C_S, scene->cipher) != SSH_OK ||
	    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_CIPHERS_S_C, scene->cipher) != SSH_OK ||
	    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HMAC_C_S, scene->mac) != SSH_OK ||
	    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_HMAC_S_C, scene->mac) != SSH_OK)
		return false;
	key = make_dummy(scene->make_key);
	if (key == NULL)
		return false;
	if (ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, key) != SSH_OK) {
		ssh_key_free(key);
		return false;
	}
	if (ssh_bind_accept_fd(bind, rehearsal->server, rehearsal->fds[SERVER]) != SSH_OK)
		return false;
	rehearsal->fds[SERVER] = -1;
	rehearsal->callbacks = (struct ssh_server_callbacks_struct){
		.size = sizeof(rehearsal->callbacks),
		.userdata = rehearsal,
		.auth_pubkey_function = on_key,
	};
	ssh_set_blocking(rehearsal->server, 0);
	ssh_set_server_callbacks(rehearsal->server, &rehearsal->callbacks);
	return true;
}

static bool set_client(struct rehearsal *rehearsal)
{
	ssh_session client = rehearsal->client;
	bool no = false;

	if (client == NULL ||
	    ssh_options_set(client, SSH_OPTIONS_PROCESS_CONFIG, &no) != SSH_OK ||
	    ssh_options_set(client, SSH_OPTIONS_HOST, "localhost") != SSH_OK ||
	    ssh_options_set(client, SSH_OPTIONS_USER, USER) != SSH_OK ||
	    ssh_options_set(client, SSH_OPTIONS_SSH_DIR, "/nonexistent") != SSH_OK ||
	    ssh_options_set(client, SSH_OPTIONS_KNOWNHOSTS, "/dev/null") != SSH_OK ||
	    ssh_options_set(client, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null") != SSH_OK ||
	    ssh_options_set(client, SSH_OPTIONS_HOSTKEYS, rehearsal->scene->host_key) != SSH_OK ||
	    ssh_options_set(client, SSH_OPTIONS_FD, &rehearsal->fds[CLIENT]) != SSH_OK)
		return false;
	ssh_set_blocking(client, 0);
	return true;
}

/* --- the play -------------------------------------------------------------------------------- */

/* There are no channels in this play. */
static bool no_data(void *context, uint32_t channel, bool extended, const uint8_t *bytes, size_t n)
{
	(void)context;
	(void)channel;
	(void)extended;
	(void)bytes;
	(void)n;
	return false;
}

static bool no_window(void *context, uint32_t channel, uint32_t more)
{
	(void)context;
	(void)channel;
	(void)more;
	return false;
}

static bool no_channel(void *context, struct ssh_packets_opening *opening)
{
	(void)context;
	(void)opening;
	return false;
}

static bool always_ready(void *context)
{
	(void)context;
	return true;
}

/* What libssh does with a packet; false when the session is over. */
static bool serve_packet(struct rehearsal *rehearsal)
{
	if (rehearsal->event != NULL)
		return ssh_event_dopoll(rehearsal->event, 0) != SSH_ERROR;
	switch (ssh_handle_key_exchange(rehearsal->server)) {
	case SSH_AGAIN:
		return true;
	case SSH_OK:
		rehearsal->event = ssh_event_new();
		return rehearsal->event != NULL &&
		       ssh_event_add_session(rehearsal->event, rehearsal->server) == SSH_OK;
	default:
		return false;
	}
}

/* The server's turn; false when its session is over. */
static bool serve_turn(struct rehearsal *rehearsal)
{
	enum ssh_packets_state state;
	bool good;

	/* The client, in the same process, needs the keys that it derives. */
	ssh_libcrypto_take_keys(true);
	ssh_socket_fill();
	do {
		state = ssh_packets_advance(&rehearsal->packets);
		good = state != SSH_PACKETS_BROKEN && serve_packet(rehearsal);
	} while (good && state == SSH_PACKETS_HANDED);
	ssh_socket_flush();
	ssh_libcrypto_take_keys(false);
	return good;
}

static bool shake_hands(struct rehearsal *rehearsal, int64_t deadline)
{
	int status = SSH_AGAIN;

	while (status == SSH_AGAIN && clock_mono_ms() < deadline) {
		status = ssh_connect(rehearsal->client);
		if (!serve_turn(rehearsal))
			return false;
	}
	return status == SSH_OK;
}

static bool log_in(struct rehearsal *rehearsal, int64_t deadline)
{
	ssh_key key = make_dummy(rehearsal->scene->make_key);
	int status = SSH_AUTH_AGAIN;
	bool good = key != NULL;

	/* In vain, but the client then knows the server's signature algorithms (RFC 8308). */
	while (good && status == SSH_AUTH_AGAIN && clock_mono_ms() < deadline) {
		status = ssh_userauth_none(rehearsal->client, NULL);
		good = serve_turn(rehearsal);
	}
	good = good && status == SSH_AUTH_DENIED;
	status = SSH_AUTH_AGAIN;
	while (good && status == SSH_AUTH_AGAIN && clock_mono_ms() < deadline) {
		status = ssh_userauth_try_publickey(rehearsal->client, NULL, key);
		good = serve_turn(rehearsal);
	}
	good = good && status == SSH_AUTH_SUCCESS;
	status = SSH_AUTH_AGAIN;
	while (good && status == SSH_AUTH_AGAIN && clock_mono_ms() < deadline) {
		status = ssh_userauth_publickey(rehearsal->client, NULL, key);
		good = serve_turn(rehearsal);
	}
	ssh_key_free(key);
	return good && status == SSH_AUTH_SUCCESS;
}

static bool rehearse(struct rehearsal *rehearsal)
{
	const struct ssh_packets_owner owner = {
		.data = no_data, .window = no_window, .confirmed = no_channel, .ready = always_ready
	};
	const int64_t deadline = clock_mono_ms() + REHEARSAL_MS;
	ssh_bind bind = ssh_bind_new();
	bool good;

	rehearsal->client = ssh_new();
	rehearsal->server = ssh_new();
	key_wrapper_divert_sign(sign_nothing, NULL);
	key_wrapper_set_verify(KEY_WRAPPER_REMEMBER);
	good = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, rehearsal->fds) == 0;
	if (good) {
		ssh_socket_open(rehearsal->fds[SERVER]);
		ssh_libcrypto_open();
		ssh_libcrypto_take_keys(false);
		ssh_packets_init(&rehearsal->packets, &owner);
	}
	good = good && set_server(rehearsal, bind) && set_client(rehearsal) &&
	       shake_hands(rehearsal, deadline) && log_in(rehearsal, deadline) &&
	       rehearsal->key_probed && rehearsal->key_proven &&
	       /* Host key and user key, signed and verified. */
	       key_wrapper_sign_calls() >= 2 && key_wrapper_verify_calls() >= 2 &&
	       rehearsal->packets.in.wire != NULL && rehearsal->packets.out.wire != NULL;
	if (bind != NULL)
		ssh_bind_free(bind);
	if (rehearsal->event != NULL) {
		ssh_event_remove_session(rehearsal->event, rehearsal->server);
		ssh_event_free(rehearsal->event);
	}
	ssh_free(rehearsal->server);
	ssh_free(rehearsal->client);
	ssh_packets_clear(&rehearsal->packets);
	ssh_libcrypto_close();
	ssh_socket_close();
	io_close(&rehearsal->fds[SERVER]);
	key_wrapper_forget();
	key_wrapper_set_verify(KEY_WRAPPER_VERIFY);
	key_wrapper_divert_sign(NULL, NULL);
	return good;
}

static bool is_wanted(const struct conf *conf)
{
	for (size_t i = 0; i < conf->listener_count; i++) {
		if (conf->listeners[i].protocol == CONF_PROTOCOL_SFTP)
			return true;
	}
	return false;
}

/* Libcrypto has then looked for each, and remembers in every front what it has found.  NULL: it has all. */
static const char *find_lacking_cipher(void)
{
	for (size_t i = 0; i < ssh_algorithms_count; i++) {
		if (ssh_algorithms[i].kind != SSH_ALGORITHM_CIPHER)
			continue;
		for (size_t j = 0; j < ssh_algorithms_count; j++) {
			if (ssh_algorithms[j].kind == SSH_ALGORITHM_MAC &&
			    !ssh_cipher_is_known(ssh_algorithms[i].name, ssh_algorithms[j].name))
				return ssh_algorithms[i].name;
		}
	}
	return NULL;
}

bool ssh_front_warm_up(const struct conf *conf, char *message, size_t message_bytes)
{
	const char *version = ssh_version(0);
	const char *lacking;

	if (!is_wanted(conf))
		return true;
	if (ssh_version(SSH_VERSION_INT(0, 10, 6)) == NULL) {
		text_format(message, message_bytes, "libssh 0.10.6 or later is needed, this is %s",
		    version != NULL ? version : "older");
		return false;
	}
	lacking = find_lacking_cipher();
	if (lacking != NULL) {
		text_format(message, message_bytes,
		    "SSH is not served: libcrypto lacks %s, or a sound HMAC for it; OpenSSL 3.0.3 or later is needed",
		    lacking);
		return false;
	}
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		struct rehearsal rehearsal = { .scene = &scenes[i], .fds = { -1, -1 } };

		if (rehearse(&rehearsal))
			continue;
		text_format(message, message_bytes,
		    "SSH is not served: in a handshake of the server with itself (key: %s) libssh %s did not leave "
		    "signatures, keys and the connection to transomd; install the libssh that transomd was built for",
		    scenes[i].title, version != NULL ? version : "");
		return false;
	}
	return true;
}
