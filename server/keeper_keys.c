#include "server/keeper_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf_message.h"
#include "server/base/io.h"
#include "server/base/random.h"
#include "server/base/secret.h"
#include "server/base/text.h"
#include "server/key_openssh.h"

#define PATH_BYTES 4096
#define SHOWN_BYTES 512
#define KEY_MODE 0600
#define MADE_RSA_BITS 3072

/* Host keys that are made when the configuration names none, in the order in which they are offered. */
static const struct {
	const char *name;
	enum key_kind kind;
} made_keys[] = {
	{ "ssh_host_ed25519_key", KEY_KIND_ED25519 },
	{ "ssh_host_ecdsa_key", KEY_KIND_P256 },
	{ "ssh_host_rsa_key", KEY_KIND_RSA },
};

/* --- reading a file ------------------------------------------------------------------------- */

/* What is wrong with the file, for messages; heap-free. */
struct complaint {
	char text[KEEPER_WRONG_BYTES];
};

/*
 * As sshd does it: a host key that anybody else may read is not used.  A TLS key may be readable for a group, since
 * that is how systems share one among their servers (ssl-cert of Debian).
 */
static bool is_private(mode_t mode, enum keeper_use use, struct complaint *wrong)
{
	const mode_t others = use == KEEPER_USE_SSH ? 077 : 037;

	if ((mode & others) == 0)
		return true;
	text_format(wrong->text, sizeof(wrong->text),
	    "its permissions are %04o, so it is not private any more; allowed: none for others "
	    "(chmod %s, or make a new key if somebody may have read it)",
	    (unsigned)(mode & 07777), use == KEEPER_USE_SSH ? "600" : "640");
	return false;
}

/* The text, NUL-terminated; the caller wipes KEEPER_KEY_FILE_MAX_BYTES and frees. */
static char *read_text(const char *path, enum keeper_use use, struct complaint *wrong)
{
	/* O_NONBLOCK: a fifo must not hold up the start. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char *text = NULL;
	struct stat status;
	ssize_t got;

	if (fd < 0 && errno == EACCES) {
		text_copy(wrong->text, sizeof(wrong->text),
		    "this user may not read it; allowed: a file that whoever starts the server may read");
	} else if (fd < 0 || fstat(fd, &status) != 0) {
		text_format(wrong->text, sizeof(wrong->text), "%s; allowed: a file with a private key",
		    strerror(errno));
	} else if (!S_ISREG(status.st_mode) || status.st_size >= KEEPER_KEY_FILE_MAX_BYTES) {
		text_format(wrong->text, sizeof(wrong->text), "%s; allowed: a file with a private key",
		    S_ISDIR(status.st_mode)    ? "it is a directory"
		    : !S_ISREG(status.st_mode) ? "it is no regular file"
		                               : "it is too large for a private key");
	} else if (is_private(status.st_mode, use, wrong)) {
		text = calloc(1, KEEPER_KEY_FILE_MAX_BYTES);
		got = text != NULL ? io_read_full(fd, text, KEEPER_KEY_FILE_MAX_BYTES - 1) : -1;
		if (got < 0) {
			text_format(wrong->text, sizeof(wrong->text), "%s", strerror(errno));
			free(text);
			text = NULL;
		}
	}
	io_close(&fd);
	return text;
}

/* OpenSSL asks for a passphrase: there is nobody to ask. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
	bool *asked = context;

	(void)buffer;
	(void)size;
	(void)writing;
	*asked = true;
	return -1;
}

static EVP_PKEY *parse(const char *text, const char **problem)
{
	bool asked = false;
	EVP_PKEY *key;
	BIO *bio;

	if (key_openssh_is(text))
		return key_openssh_read(text, problem);
	*problem = "there is no private key in it; allowed: PEM, or what ssh-keygen writes";
	bio = BIO_new_mem_buf(text, -1);
	if (bio == NULL)
		return NULL;
	key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, &asked);
	BIO_free(bio);
	if (asked)
		*problem = "it has a passphrase, which nobody is there to type; allowed: a key "
			   "without one";
	return key;
}

/* --- a key and its proof -------------------------------------------------------------------- */

static const EVP_MD *digest_of(enum keeper_digest digest)
{
	switch (digest) {
	case KEEPER_DIGEST_SHA1:
		return EVP_sha1();
	case KEEPER_DIGEST_SHA256:
		return EVP_sha256();
	case KEEPER_DIGEST_SHA384:
		return EVP_sha384();
	case KEEPER_DIGEST_SHA512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

bool keeper_keys_sign(const struct keeper_key *key, const struct keeper_msg_sign *ask, uint8_t *signature,
    size_t *length)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_context = NULL;
	const EVP_MD *digest = digest_of((enum keeper_digest)ask->digest);
	bool ok = context != NULL &&
	          EVP_DigestSignInit(context, &key_context, digest, NULL, key->key) == 1;

	if (ok && ask->pss != 0)
		ok = EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1 &&
		     EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST) == 1;
	ok = ok && EVP_DigestSign(context, signature, length, ask->data.bytes, ask->data.length) == 1;
	EVP_MD_CTX_free(context);
	return ok;
}

/* Do the halves belong together?  Found out here, not by the first client. */
static bool prove(const struct keeper_key *key)
{
	static const enum keeper_digest digests[] = {
		[KEY_KIND_ED25519] = KEEPER_DIGEST_NONE,
		[KEY_KIND_P256] = KEEPER_DIGEST_SHA256,
		[KEY_KIND_P384] = KEEPER_DIGEST_SHA384,
		[KEY_KIND_P521] = KEEPER_DIGEST_SHA512,
		[KEY_KIND_RSA] = KEEPER_DIGEST_SHA256,
	};
	uint8_t data[32];
	uint8_t signature[KEEPER_SIGNATURE_MAX_BYTES];
	size_t length = sizeof(signature);
	const struct keeper_msg_sign ask = {
		.digest = (uint32_t)digests[key->kind],
		.data = { .bytes = data, .length = sizeof(data) },
	};
	const uint8_t *der = key->der;
	EVP_PKEY *public_half = d2i_PUBKEY(NULL, &der, (long)key->der_length);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok;

	random_bytes(data, sizeof(data));
	ok = public_half != NULL && context != NULL &&
	     keeper_keys_sign(key, &ask, signature, &length) &&
	     EVP_DigestVerifyInit(context, NULL, digest_of(digests[key->kind]), NULL, public_half) == 1 &&
	     EVP_DigestVerify(context, signature, length, data, sizeof(data)) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(public_half);
	return ok;
}

/* NULL when the key can be used; else what is wrong with it. */
static const char *find_fault(struct keeper_key *key)
{
	int length;

	key->kind = key_shapes_kind(key->key);
	if (key->kind == KEY_KIND_OTHER)
		return "it is of a kind that is not supported; allowed: " KEY_SHAPES_ALLOWED;
	if (key->kind == KEY_KIND_RSA && EVP_PKEY_get_bits(key->key) < KEY_RSA_MIN_BITS)
		return "it is an RSA key that is too short to be safe; allowed: " KEY_SHAPES_ALLOWED;
	length = i2d_PUBKEY(key->key, &key->der);
	if (length <= 0 || length > (int)KEEPER_PUBLIC_MAX_BYTES)
		return "its public half is too large; allowed: RSA with up to 16384 bits";
	key->der_length = (size_t)length;
	return prove(key) ? NULL : "its public and its private half do not belong together";
}

/* Takes the key in any case. */
static const char *add_key(
    struct keeper_keys *keys, const char *title, enum keeper_use use, EVP_PKEY *key)
{
	struct keeper_key *place = &keys->keys[keys->count];

	if (keys->count == KEEPER_KEYS_MAX) {
		EVP_PKEY_free(key);
		return "there are too many private keys; allowed: 64";
	}
	keys->count++;
	*place = (struct keeper_key){ .use = use, .title = strdup(title), .key = key };
	return place->title != NULL ? find_fault(place) : "out of memory";
}

static bool load_file(
    struct keeper_keys *keys, const char *path, enum keeper_use use, struct complaint *wrong)
{
	char *text = read_text(path, use, wrong);
	const char *problem = NULL;
	EVP_PKEY *key;

	if (text == NULL)
		return false;
	key = parse(text, &problem);
	secret_wipe(text, KEEPER_KEY_FILE_MAX_BYTES);
	free(text);
	if (key != NULL)
		problem = add_key(keys, path, use, key);
	if (problem != NULL)
		text_copy(wrong->text, sizeof(wrong->text), problem);
	return problem == NULL;
}

EVP_PKEY *keeper_keys_read(const char *path, enum keeper_use use, char wrong[KEEPER_WRONG_BYTES])
{
	struct keeper_keys keys = { .count = 0 };
	struct complaint complaint = { "" };
	EVP_PKEY *key = NULL;

	if (load_file(&keys, path, use, &complaint)) {
		key = keys.keys[0].key;
		EVP_PKEY_up_ref(key);
	}
	keeper_keys_clear(&keys);
	text_copy(wrong, KEEPER_WRONG_BYTES, complaint.text);
	return key;
}

/* --- making host keys ----------------------------------------------------------------------- */

static EVP_PKEY *make_key(enum key_kind kind)
{
	if (kind == KEY_KIND_ED25519)
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (kind == KEY_KIND_P256)
		return EVP_EC_gen("P-256");
	return EVP_RSA_gen(MADE_RSA_BITS);
}

/* Under a name of its own first: a reader must never see half a key, nor may two that start at once win both. */
static bool write_file(const char *path, const char *text, struct complaint *wrong)
{
	char temporary[PATH_BYTES];
	uint32_t number;
	bool ok = false;
	int fd;

	random_bytes(&number, sizeof(number));
	text_format(temporary, sizeof(temporary), "%s.%08x", path, (unsigned)number);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, KEY_MODE);
	if (fd >= 0) {
		ok = io_write_full(fd, text, strlen(text)) && fsync(fd) == 0 &&
		     (link(temporary, path) == 0 || errno == EEXIST);
		if (!ok)
			text_format(wrong->text, sizeof(wrong->text), "%s", strerror(errno));
		unlink(temporary);
	} else {
		text_format(wrong->text, sizeof(wrong->text), "%s", strerror(errno));
	}
	io_close(&fd);
	return ok;
}

static bool make_file(const char *path, enum key_kind kind, struct complaint *wrong)
{
	EVP_PKEY *key = make_key(kind);
	char *text = key != NULL ? key_openssh_write(key, "transom") : NULL;
	bool ok = text != NULL && write_file(path, text, wrong);

	if (text == NULL)
		text_copy(wrong->text, sizeof(wrong->text), "a new key cannot be made");
	key_openssh_text_free(&text);
	EVP_PKEY_free(key);
	return ok;
}

/* --- what a configuration names ------------------------------------------------------------- */

/* One line: "FILE: option = "path": what is wrong". */
static bool complain(const struct conf *conf, const char *option, const char *path,
    const struct complaint *wrong, char message[CONF_MESSAGE_BYTES])
{
	char shown[SHOWN_BYTES];

	text_escape(shown, sizeof(shown), path, strlen(path));
	conf_say(message, conf->file, 0, "%s = \"%s\": %s", option, shown, wrong->text);
	return false;
}

static bool load_made_keys(struct keeper_keys *keys, const struct conf *conf,
    enum keeper_missing missing, char message[CONF_MESSAGE_BYTES])
{
	char path[PATH_BYTES];
	struct complaint wrong = { "" };

	for (size_t i = 0; i < sizeof(made_keys) / sizeof(made_keys[0]); i++) {
		text_format(path, sizeof(path), "%s/%s", conf->state_dir, made_keys[i].name);
		if (access(path, F_OK) != 0 && errno == ENOENT) {
			if (missing == KEEPER_MISSING_SKIP)
				continue;
			if (!make_file(path, made_keys[i].kind, &wrong))
				return complain(conf, "host_keys", path, &wrong, message);
		}
		if (!load_file(keys, path, KEEPER_USE_SSH, &wrong))
			return complain(conf, "host_keys", path, &wrong, message);
	}
	return true;
}

/* ECDSA counts as one kind, whatever the curve: a client that knows one knows them all. */
static bool is_second_of_kind(const struct keeper_keys *keys)
{
	const struct keeper_key *last = &keys->keys[keys->count - 1];

	for (const struct keeper_key *key = keys->keys; key < last; key++)
		if (key->use == KEEPER_USE_SSH &&
		    EVP_PKEY_get_base_id(key->key) == EVP_PKEY_get_base_id(last->key))
			return true;
	return false;
}

static bool load_host_keys(
    struct keeper_keys *keys, const struct conf *conf, char message[CONF_MESSAGE_BYTES])
{
	static const struct complaint second = {
		"there is one of its kind already; allowed: at most one each of Ed25519, ECDSA and RSA"
	};
	const struct conf_list *paths = &conf->ssh.host_keys;
	struct complaint wrong = { "" };

	for (size_t i = 0; i < paths->count; i++) {
		if (!load_file(keys, paths->items[i], KEEPER_USE_SSH, &wrong))
			return complain(conf, "host_keys", paths->items[i], &wrong, message);
		if (is_second_of_kind(keys))
			return complain(conf, "host_keys", paths->items[i], &second, message);
	}
	return true;
}

static bool load_tls_key(struct keeper_keys *keys, const struct conf *conf, const char *path,
    char message[CONF_MESSAGE_BYTES])
{
	struct complaint wrong = { "" };

	return path[0] == '\0' || load_file(keys, path, KEEPER_USE_TLS, &wrong) ||
	       complain(conf, "key", path, &wrong, message);
}

static bool has_ssh(const struct conf *conf)
{
	for (size_t i = 0; i < conf->listener_count; i++)
		if (conf->listeners[i].protocol == CONF_PROTOCOL_SFTP)
			return true;
	return false;
}

bool keeper_keys_load(struct keeper_keys *out, const struct conf *conf, enum keeper_missing missing,
    char message[CONF_MESSAGE_BYTES])
{
	bool ok = true;

	*out = (struct keeper_keys){ .count = 0 };
	if (has_ssh(conf))
		ok = conf->ssh.host_keys.count > 0 ? load_host_keys(out, conf, message)
		                                   : load_made_keys(out, conf, missing, message);
	ok = ok && load_tls_key(out, conf, conf->tls.key, message);
	for (size_t i = 0; ok && i < conf->tls_host_count; i++)
		ok = load_tls_key(out, conf, conf->tls_hosts[i].key, message);
	return ok;
}

void keeper_keys_clear(struct keeper_keys *keys)
{
	for (size_t i = 0; i < keys->count; i++) {
		free(keys->keys[i].title);
		EVP_PKEY_free(keys->keys[i].key);
		OPENSSL_free(keys->keys[i].der);
	}
	*keys = (struct keeper_keys){ .count = 0 };
}
