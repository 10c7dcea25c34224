#include "server/sftp/ssh_cipher.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/bytes.h"
#include "server/base/text.h"
#include "server/sftp/ssh_cipher_private.h"

#define PADDING_MIN  4u
#define WIRE_MIN     16u /* RFC 4253 6, without the tag */
/* A body below this is copied: encrypting it at one go is quicker than sparing the copy. */
#define COPIED_BYTES 512u

/* clang-format off */
#define AES(text, evp_name, what, key) { .name = (text), .evp = (evp_name), .kind = (what), .key_bytes = (key), \
	.iv_bytes = (what) == GCM ? GCM_IV_BYTES : 16, .block = 16, .stride = 16, .tag_bytes = (what) == GCM ? 16 : 0 }

static const struct cipher_row cipher_rows[] = {
	AES("aes128-gcm@openssh.com", NULL, GCM, 16),
	AES("aes256-gcm@openssh.com", NULL, GCM, 32),
	{ .name = "chacha20-poly1305@openssh.com", .evp = "ChaCha20", .kind = CHACHA,
	  .key_bytes = CHACHA_KEY_BYTES, .block = 8, .stride = CHACHA_STRIDE, .tag_bytes = 16 },
	AES("aes128-ctr", "AES-128-CTR", BLOCK, 16),
	AES("aes192-ctr", "AES-192-CTR", BLOCK, 24),
	AES("aes256-ctr", "AES-256-CTR", BLOCK, 32),
	AES("aes128-cbc", "AES-128-CBC", BLOCK, 16),
	AES("aes192-cbc", "AES-192-CBC", BLOCK, 24),
	AES("aes256-cbc", "AES-256-CBC", BLOCK, 32),
	{ .name = "3des-cbc", .evp = "DES-EDE3-CBC", .kind = BLOCK,
	  .key_bytes = 24, .iv_bytes = 8, .block = 8, .stride = 8 },
};

static const struct mac_row mac_rows[] = {
	{ .name = "hmac-sha2-256-etm@openssh.com", .digest = "SHA2-256", .bytes = 32, .etm = true },
	{ .name = "hmac-sha2-512-etm@openssh.com", .digest = "SHA2-512", .bytes = 64, .etm = true },
	{ .name = "hmac-sha2-256", .digest = "SHA2-256", .bytes = 32 },
	{ .name = "hmac-sha2-512", .digest = "SHA2-512", .bytes = 64 },
	{ .name = "hmac-sha1-etm@openssh.com", .digest = "SHA1", .bytes = 20, .etm = true },
	{ .name = "hmac-sha1", .digest = "SHA1", .bytes = 20 },
};
/* clang-format on */

/* --- set-up ----------------------------------------------------------------------------------- */

static const struct cipher_row *find_cipher(const char *name)
{
	for (size_t i = 0; name != NULL && i < sizeof(cipher_rows) / sizeof(cipher_rows[0]); i++) {
		if (strcmp(cipher_rows[i].name, name) == 0)
			return &cipher_rows[i];
	}
	return NULL;
}

static const struct mac_row *find_mac(const char *name)
{
	for (size_t i = 0; name != NULL && i < sizeof(mac_rows) / sizeof(mac_rows[0]); i++) {
		if (strcmp(mac_rows[i].name, name) == 0)
			return &mac_rows[i];
	}
	return NULL;
}

static EVP_CIPHER_CTX *make_evp(
    const struct cipher_row *row, const uint8_t *key, const uint8_t *iv, enum ssh_cipher_use use)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, row->evp, NULL);
	EVP_CIPHER_CTX *evp = EVP_CIPHER_CTX_new();

	if (cipher == NULL || evp == NULL ||
	    EVP_CipherInit_ex(evp, cipher, NULL, key, row->iv_bytes > 0 ? iv : NULL,
	        use == SSH_CIPHER_SEAL) != 1 ||
	    EVP_CIPHER_CTX_set_padding(evp, 0) != 1) {
		EVP_CIPHER_CTX_free(evp);
		evp = NULL;
	}
	EVP_CIPHER_free(cipher);
	return evp;
}

static EVP_MAC_CTX *make_mac(const char *name)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, name, NULL);
	EVP_MAC_CTX *context = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;

	EVP_MAC_free(mac);
	return context;
}

static EVP_MAC_CTX *make_hmac(const struct mac_row *row, const uint8_t *key)
{
	char digest[16]; /* libcrypto wants to be able to write it */
	EVP_MAC_CTX *hmac = make_mac("HMAC");
	OSSL_PARAM params[2];

	text_copy(digest, sizeof(digest), row->digest);
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	params[1] = OSSL_PARAM_construct_end();
	if (hmac != NULL && EVP_MAC_init(hmac, key, row->bytes, params) != 1) {
		EVP_MAC_CTX_free(hmac);
		hmac = NULL;
	}
	return hmac;
}

static void set_shape(struct ssh_cipher *c, const struct cipher_row *row, const struct mac_row *mac)
{
	c->row = row;
	c->tag_bytes = row->kind == BLOCK ? mac->bytes : row->tag_bytes;
	switch (row->kind) {
	case GCM:
		c->shape = &cipher_gcm;
		break;
	case CHACHA:
		c->shape = &cipher_chacha;
		break;
	case BLOCK:
		c->shape = mac->etm ? &cipher_encrypt_then_mac 
				: &cipher_encrypt_and_mac;
		break;
	}
}

static bool set_keys(struct ssh_cipher *c, const struct mac_row *mac,
    const struct ssh_cipher_keys *keys, enum ssh_cipher_use use)
{
	if (c->row->kind == GCM) {
		memcpy(c->iv, keys->iv, sizeof(c->iv));
		c->aead = aead_new(c->row->key_bytes == 16 ? AEAD_AES_128_GCM : AEAD_AES_256_GCM, keys->key,
		    use == SSH_CIPHER_SEAL ? AEAD_SEAL : AEAD_OPEN);
		return c->aead != NULL;
	}
	c->evp = make_evp(c->row, keys->key, keys->iv, use);
	if (c->evp == NULL)
		return false;
	switch (c->row->kind) {
	case CHACHA:
		c->length_evp = make_evp(c->row, keys->key + CHACHA_KEY_BYTES, NULL, use);
		c->mac = make_mac("POLY1305");
		return c->length_evp != NULL && c->mac != NULL;
	case BLOCK:
		c->mac = make_hmac(mac, keys->mac);
		return c->mac != NULL;
	case GCM:
		break;
	}
	return false;
}

bool ssh_cipher_is_known(const char *cipher, const char *mac)
{
	static const struct ssh_cipher_keys any;
	struct ssh_cipher *c = ssh_cipher_new(cipher, mac, &any, SSH_CIPHER_OPEN);
	bool known = c != NULL && (c->row->kind != BLOCK || cipher_hmac_begins_anew(c));

	ssh_cipher_free(&c);
	return known;
}

struct ssh_cipher *ssh_cipher_new(const char *cipher, const char *mac,
    const struct ssh_cipher_keys *keys, enum ssh_cipher_use use)
{
	const struct cipher_row *row = find_cipher(cipher);
	const struct mac_row *mac_row = find_mac(mac);
	struct ssh_cipher *c;

	if (row == NULL || (row->kind == BLOCK && mac_row == NULL))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	set_shape(c, row, mac_row);
	if (!set_keys(c, mac_row, keys, use))
		ssh_cipher_free(&c);
	return c;
}

void ssh_cipher_free(struct ssh_cipher **c)
{
	if (*c == NULL)
		return;
	/* These wipe what they hold. */
	aead_free(&(*c)->aead);
	EVP_CIPHER_CTX_free((*c)->evp);
	EVP_CIPHER_CTX_free((*c)->length_evp);
	EVP_MAC_CTX_free((*c)->mac);
	OPENSSL_cleanse(*c, sizeof(**c));
	free(*c);
	*c = NULL;
}

uint64_t ssh_cipher_blocks(const struct ssh_cipher *c)
{
	return c->blocks;
}

uint64_t ssh_cipher_blocks_max(const struct ssh_cipher *c)
{
	/* RFC 4344 3.2: 2^(bits / 4) blocks, or 1 GiB where they are short. */
	return c->row->block == BLOCK_MAX ? UINT64_C(1) << 32 : (UINT64_C(1) << 30) / c->row->block;
}

/* --- sealing ---------------------------------------------------------------------------------- */

static size_t padding_of(const struct ssh_cipher *c, size_t payload)
{
	size_t block = c->row->block;
	size_t n = LENGTH_BYTES + 1 + payload;
	size_t padding = block - (n - c->shape->clear) % block;

	while (padding < PADDING_MIN || n + padding < WIRE_MIN)
		padding += block;
	return padding;
}

size_t ssh_cipher_sealed_bytes(const struct ssh_cipher *c, size_t n)
{
	return LENGTH_BYTES + 1 + n + padding_of(c, n) + c->tag_bytes;
}

/* Returns where the next go. */
static uint8_t *append(uint8_t *at, const uint8_t *bytes, size_t n)
{
	if (n > 0)
		memcpy(at, bytes, n);
	return at + n;
}

/* A piece that is encrypted where it is, up to end. */
static void add_piece(struct cipher_plain *plain, uint8_t *start, const uint8_t *end)
{
	plain->pieces[plain->count++] = (struct cipher_piece){ start, start, (size_t)(end - start) };
}

/*
 * The packet before it is encrypted: what surrounds the body's whole strides is put together where
 * it will be on the wire, with as much of the body as it takes to make whole strides of it too.
 */
static bool lay_out(const struct ssh_cipher *c, const uint8_t *head, size_t head_bytes,
    const uint8_t *body, size_t body_bytes, uint8_t *wire, struct cipher_plain *out)
{
	const size_t stride = c->row->stride;
	const size_t padding = padding_of(c, head_bytes + body_bytes);
	uint8_t *start = wire + c->shape->clear;
	uint8_t *at = append(wire + LENGTH_BYTES + 1, head, head_bytes);

	bytes_put_u32(wire, (uint32_t)(1 + head_bytes + body_bytes + padding));
	wire[LENGTH_BYTES] = (uint8_t)padding;
	out->count = 0;
	if (body_bytes >= COPIED_BYTES) {
		size_t before = (stride - (size_t)(at - start) % stride) % stride;
		size_t middle = (body_bytes - before) / stride * stride;

		at = append(at, body, before);
		add_piece(out, start, at);
		out->pieces[out->count++] = (struct cipher_piece){ body + before, at, middle };
		start = at += middle;
		body += before + middle;
		body_bytes -= before + middle;
	}
	at = append(at, body, body_bytes);
	add_piece(out, start, at + padding);
	return RAND_bytes(at, (int)padding) == 1;
}

bool ssh_cipher_seal(struct ssh_cipher *c, uint32_t sequence, const uint8_t *head,
    size_t head_bytes, const uint8_t *body, size_t body_bytes, uint8_t *wire)
{
	size_t n; /* up to the tag */
	struct cipher_plain plain;

	if (head_bytes > SSH_CIPHER_PACKET_MAX || body_bytes > SSH_CIPHER_PACKET_MAX ||
	    head_bytes + body_bytes == 0)
		return false;
	n = ssh_cipher_sealed_bytes(c, head_bytes + body_bytes) - c->tag_bytes;
	if (n - LENGTH_BYTES > SSH_CIPHER_PACKET_MAX ||
	    !lay_out(c, head, head_bytes, body, body_bytes, wire, &plain) ||
	    !c->shape->seal(c, sequence, &plain, wire, n))
		return false;
	c->blocks += (n - c->shape->clear) / c->row->block;
	return true;
}

/* --- opening ---------------------------------------------------------------------------------- */

size_t ssh_cipher_head_bytes(const struct ssh_cipher *c)
{
	return c->shape->clear > 0 ? LENGTH_BYTES : c->row->block;
}

bool ssh_cipher_length(
    struct ssh_cipher *c, uint32_t sequence, const uint8_t *head, size_t *total_out)
{
	uint8_t length[LENGTH_BYTES];
	size_t n;

	c->total = 0;
	c->worked = 0;
	if (!c->shape->read_length(c, sequence, head, length))
		return false;
	n = bytes_get_u32(length);
	if (n < 1 + 1 + PADDING_MIN || n > SSH_CIPHER_PACKET_MAX ||
	    (LENGTH_BYTES + n - c->shape->clear) % c->row->block != 0)
		return false;
	c->total = LENGTH_BYTES + n + c->tag_bytes;
	*total_out = c->total;
	return true;
}

bool ssh_cipher_open(struct ssh_cipher *c, uint32_t sequence, uint8_t *packet, size_t total,
    uint8_t **payload_out, size_t *payload_bytes_out)
{
	const bool told = total != 0 && total == c->total;
	const size_t n = total - c->tag_bytes;
	size_t padding;

	c->total = 0;
	c->worked = told ? n : 0;
	if (!told || !c->shape->open(c, sequence, packet, n))
		return false;
	c->blocks += (n - c->shape->clear) / c->row->block;
	/* The packet is genuine: what is wrong with it now tells nobody but the one that made it
	 * anything. */
	padding = packet[LENGTH_BYTES];
	if (padding < PADDING_MIN || LENGTH_BYTES + 1 + padding >= n)
		return false;
	*payload_out = packet + LENGTH_BYTES + 1;
	*payload_bytes_out = n - LENGTH_BYTES - 1 - padding;
	return true;
}

bool ssh_cipher_may_refuse(struct ssh_cipher *c, uint8_t *packet, size_t n)
{
	/* Of whole blocks, packet_length among them, no packet is longer than this without its tag. */
	const size_t longest = SSH_CIPHER_PACKET_MAX;

	if (!cipher_tells_lengths(c))
		return true;
	/* What was done for bytes before the last ones came nobody will have waited for. */
	if (n < longest + c->tag_bytes) {
		c->worked = 0;
		return false;
	}
	cipher_waste(c, packet + c->worked, longest - c->worked);
	c->worked = longest;
	return true;
}
