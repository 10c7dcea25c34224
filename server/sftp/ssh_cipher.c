#include "server/sftp/ssh_cipher.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/text.h"

#define LENGTH_BYTES     4u /* of packet_length */
#define PADDING_MIN      4u
#define WIRE_MIN         16u /* RFC 4253 6, without the tag */
#define BLOCK_MAX        16u
#define TAG_MAX          64u
#define GCM_IV_BYTES     12u
#define GCM_FIXED_BYTES  4u
#define CHACHA_IV_BYTES  16u
#define CHACHA_KEY_BYTES 32u
#define CHACHA_STRIDE    64u /* what one step of the key stream is */
/* A body below this is copied: encrypting it at one go is quicker than sparing the copy. */
#define COPIED_BYTES     512u

enum kind { GCM, CHACHA, BLOCK };

struct cipher_row {
	const char *name;
	const char *evp;
	enum kind kind;
	uint8_t key_bytes;
	uint8_t iv_bytes;  /* what libcrypto is given together with the key */
	uint8_t block;     /* what padding aligns to */
	uint8_t stride;    /* updates of a multiple of this leave nothing half used in libcrypto */
	uint8_t tag_bytes; /* 0: the MAC's */
};

struct mac_row {
	const char *name;
	const char *digest;
	uint8_t bytes; /* of key and tag alike */
	bool etm;      /* the MAC is of what was encrypted */
};

/* clang-format off */
#define AES(text, evp_name, what, key) { .name = (text), .evp = (evp_name), .kind = (what), .key_bytes = (key), \
	.iv_bytes = (what) == GCM ? GCM_IV_BYTES : 16, .block = 16, .stride = 16, .tag_bytes = (what) == GCM ? 16 : 0 }

static const struct cipher_row cipher_rows[] = {
	AES("aes128-gcm@openssh.com", "AES-128-GCM", GCM, 16),
	AES("aes256-gcm@openssh.com", "AES-256-GCM", GCM, 32),
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

/* What is encrypted at one go, from one place to another or in its own. */
struct piece {
	const uint8_t *in;
	uint8_t *out;
	size_t n;
};

/* The payload's beginning, its middle where the caller has it, and its end with the padding. */
struct plain {
	struct piece pieces[3];
	size_t count;
};

/* How encryption and authentication go together. */
struct shape {
	/* Bytes of a packet that are neither encrypted with the payload nor count for its
	 * alignment. */
	size_t clear;
	bool (*read_length)(struct ssh_cipher *c, uint32_t sequence, const uint8_t *head,
	    uint8_t out[LENGTH_BYTES]);
	/* n: bytes before the tag, here and below. */
	bool (*seal)(struct ssh_cipher *c, uint32_t sequence, const struct plain *plain,
	    uint8_t *wire, size_t n);
	/* In place. */
	bool (*open)(struct ssh_cipher *c, uint32_t sequence, uint8_t *packet, size_t n);
};

struct ssh_cipher {
	const struct cipher_row *row;
	const struct shape *shape;
	size_t tag_bytes;
	EVP_CIPHER_CTX *evp;
	EVP_CIPHER_CTX *length_evp; /* chacha20: of packet_length */
	EVP_MAC_CTX *mac;           /* HMAC with its key, or Poly1305, with one per packet */
	uint8_t iv[GCM_IV_BYTES];   /* GCM: of the next packet */
	/* Of the packet that is being opened: its first block, decrypted to know the length; all
	 * its bytes, or 0. */
	uint8_t first[BLOCK_MAX];
	bool first_known;
	size_t total;
	uint64_t blocks;
};

static void put_u32(uint8_t out[4], uint32_t number)
{
	out[0] = (uint8_t)(number >> 24);
	out[1] = (uint8_t)(number >> 16);
	out[2] = (uint8_t)(number >> 8);
	out[3] = (uint8_t)number;
}

static uint32_t get_u32(const uint8_t in[4])
{
	return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

/* --- what libcrypto is asked ------------------------------------------------------------------ */

static bool update(EVP_CIPHER_CTX *evp, uint8_t *out, const uint8_t *in, size_t n)
{
	int written = 0;

	/* Whole strides and no padding of its own: it must not keep anything back. */
	return EVP_CipherUpdate(evp, out, &written, in, (int)n) == 1 && (size_t)written == n;
}

static bool update_all(EVP_CIPHER_CTX *evp, const struct plain *plain)
{
	for (size_t i = 0; i < plain->count; i++) {
		const struct piece *piece = &plain->pieces[i];

		if (!update(evp, piece->out, piece->in, piece->n))
			return false;
	}
	return true;
}

/* Another nonce, the same key. */
static bool set_iv(EVP_CIPHER_CTX *evp, const uint8_t *iv)
{
	return EVP_CipherInit_ex(evp, NULL, NULL, NULL, iv, -1) == 1;
}

static bool mac_update(EVP_MAC_CTX *mac, const uint8_t *bytes, size_t n)
{
	return EVP_MAC_update(mac, bytes, n) == 1;
}

static bool mac_final(struct ssh_cipher *c, uint8_t out[TAG_MAX])
{
	size_t length = 0;

	return EVP_MAC_final(c->mac, out, &length, TAG_MAX) == 1 && length == c->tag_bytes;
}

static bool is_same_tag(const struct ssh_cipher *c, const uint8_t *a, const uint8_t *b)
{
	return CRYPTO_memcmp(a, b, c->tag_bytes) == 0;
}

/* --- AES-GCM ---------------------------------------------------------------------------------- */

static bool read_clear_length(
    struct ssh_cipher *c, uint32_t sequence, const uint8_t *head, uint8_t out[LENGTH_BYTES])
{
	(void)c;
	(void)sequence;
	memcpy(out, head, LENGTH_BYTES);
	return true;
}

/* RFC 5647 7.1: the invocation counter goes up by one per packet, and knows no sequence number. */
static bool gcm_start(struct ssh_cipher *c, const uint8_t *length)
{
	int written;

	if (!set_iv(c->evp, c->iv))
		return false;
	for (size_t i = GCM_IV_BYTES; i > GCM_FIXED_BYTES && ++c->iv[i - 1] == 0; i--)
		;
	return EVP_CipherUpdate(c->evp, NULL, &written, length, LENGTH_BYTES) == 1;
}

static bool gcm_seal(
    struct ssh_cipher *c, uint32_t sequence, const struct plain *plain, uint8_t *wire, size_t n)
{
	uint8_t nothing[BLOCK_MAX];
	int written;

	(void)sequence;
	return gcm_start(c, wire) && update_all(c->evp, plain) &&
	       EVP_CipherFinal_ex(c->evp, nothing, &written) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c->evp, EVP_CTRL_AEAD_GET_TAG, (int)c->tag_bytes, wire + n) == 1;
}

static bool gcm_open(struct ssh_cipher *c, uint32_t sequence, uint8_t *packet, size_t n)
{
	uint8_t nothing[BLOCK_MAX];
	uint8_t *sealed = packet + LENGTH_BYTES;
	int written;

	(void)sequence;
	return gcm_start(c, packet) &&
	       EVP_CIPHER_CTX_ctrl(c->evp, EVP_CTRL_AEAD_SET_TAG, (int)c->tag_bytes, packet + n) ==
	           1 &&
	       update(c->evp, sealed, sealed, n - LENGTH_BYTES) &&
	       /* 0 where the tag is another. */
	       EVP_CipherFinal_ex(c->evp, nothing, &written) == 1;
}

/* --- chacha20-poly1305@openssh.com ------------------------------------------------------------ */

/* libcrypto's IV is the number of the first block, here 0, and the nonce. */
static bool chacha_start(EVP_CIPHER_CTX *evp, uint32_t sequence)
{
	uint8_t iv[CHACHA_IV_BYTES] = { 0 };

	put_u32(iv + CHACHA_IV_BYTES - 4, sequence);
	return set_iv(evp, iv);
}

static bool chacha_length(
    struct ssh_cipher *c, uint32_t sequence, const uint8_t *head, uint8_t out[LENGTH_BYTES])
{
	return chacha_start(c->length_evp, sequence) &&
	       update(c->length_evp, out, head, LENGTH_BYTES);
}

/* Block 0 of the payload's key stream is the key of Poly1305; what is encrypted next begins with
 * block 1. */
static bool chacha_mac_start(struct ssh_cipher *c, uint32_t sequence)
{
	static const uint8_t zeroes[CHACHA_STRIDE];
	uint8_t stream[CHACHA_STRIDE];
	bool good = chacha_start(c->evp, sequence) &&
	            update(c->evp, stream, zeroes, sizeof(stream)) &&
	            EVP_MAC_init(c->mac, stream, CHACHA_KEY_BYTES, NULL) == 1;

	OPENSSL_cleanse(stream, sizeof(stream));
	return good;
}

static bool chacha_seal(
    struct ssh_cipher *c, uint32_t sequence, const struct plain *plain, uint8_t *wire, size_t n)
{
	uint8_t tag[TAG_MAX];

	if (!chacha_length(c, sequence, wire, wire) || !chacha_mac_start(c, sequence) ||
	    !update_all(c->evp, plain) || !mac_update(c->mac, wire, n) || !mac_final(c, tag))
		return false;
	memcpy(wire + n, tag, c->tag_bytes);
	return true;
}

static bool chacha_open(struct ssh_cipher *c, uint32_t sequence, uint8_t *packet, size_t n)
{
	uint8_t *sealed = packet + LENGTH_BYTES;
	uint8_t tag[TAG_MAX];

	return chacha_mac_start(c, sequence) && mac_update(c->mac, packet, n) &&
	       mac_final(c, tag) && is_same_tag(c, tag, packet + n) &&
	       update(c->evp, sealed, sealed, n - LENGTH_BYTES);
}

/* --- a block cipher and an HMAC --------------------------------------------------------------- */

static bool hmac_start(struct ssh_cipher *c, uint32_t sequence)
{
	uint8_t number[4];

	put_u32(number, sequence);
	/* No key: the one it has, which takes a third of the time of copying a context, as
	 * measured. */
	return EVP_MAC_init(c->mac, NULL, 0, NULL) == 1 &&
	       mac_update(c->mac, number, sizeof(number));
}

static bool hmac_is(
    struct ssh_cipher *c, uint32_t sequence, const uint8_t *packet, size_t n, const uint8_t *tag)
{
	uint8_t wanted[TAG_MAX];

	return hmac_start(c, sequence) && mac_update(c->mac, packet, n) && mac_final(c, wanted) &&
	       is_same_tag(c, wanted, tag);
}

static bool etm_seal(
    struct ssh_cipher *c, uint32_t sequence, const struct plain *plain, uint8_t *wire, size_t n)
{
	uint8_t tag[TAG_MAX];

	if (!update_all(c->evp, plain) || !hmac_start(c, sequence) ||
	    !mac_update(c->mac, wire, n) || !mac_final(c, tag))
		return false;
	memcpy(wire + n, tag, c->tag_bytes);
	return true;
}

static bool etm_open(struct ssh_cipher *c, uint32_t sequence, uint8_t *packet, size_t n)
{
	uint8_t *sealed = packet + LENGTH_BYTES;

	return hmac_is(c, sequence, packet, n, packet + n) &&
	       update(c->evp, sealed, sealed, n - LENGTH_BYTES);
}

/* The first block can be decrypted once only: the cipher's state goes on. */
static bool mac_length(
    struct ssh_cipher *c, uint32_t sequence, const uint8_t *head, uint8_t out[LENGTH_BYTES])
{
	(void)sequence;
	if (!c->first_known && !update(c->evp, c->first, head, c->row->block))
		return false;
	c->first_known = true;
	memcpy(out, c->first, LENGTH_BYTES);
	return true;
}

static bool mac_seal(
    struct ssh_cipher *c, uint32_t sequence, const struct plain *plain, uint8_t *wire, size_t n)
{
	uint8_t tag[TAG_MAX];

	if (!hmac_start(c, sequence))
		return false;
	for (size_t i = 0; i < plain->count; i++) {
		const struct piece *piece = &plain->pieces[i];

		/* In this order: it may be encrypted in place. */
		if (!mac_update(c->mac, piece->in, piece->n) ||
		    !update(c->evp, piece->out, piece->in, piece->n))
			return false;
	}
	if (!mac_final(c, tag))
		return false;
	memcpy(wire + n, tag, c->tag_bytes);
	return true;
}

static bool mac_open(struct ssh_cipher *c, uint32_t sequence, uint8_t *packet, size_t n)
{
	size_t block = c->row->block;

	c->first_known = false;
	memcpy(packet, c->first, block);
	return (n == block || update(c->evp, packet + block, packet + block, n - block)) &&
	       hmac_is(c, sequence, packet, n, packet + n);
}

static const struct shape gcm = { LENGTH_BYTES, read_clear_length, gcm_seal, gcm_open };
static const struct shape chacha = { LENGTH_BYTES, chacha_length, chacha_seal, chacha_open };
static const struct shape encrypt_then_mac = { LENGTH_BYTES, read_clear_length, etm_seal,
	etm_open };
static const struct shape encrypt_and_mac = { 0, mac_length, mac_seal, mac_open };

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
		c->shape = &gcm;
		break;
	case CHACHA:
		c->shape = &chacha;
		break;
	case BLOCK:
		c->shape = mac->etm ? &encrypt_then_mac : &encrypt_and_mac;
		break;
	}
}

static bool set_keys(struct ssh_cipher *c, const struct mac_row *mac,
    const struct ssh_cipher_keys *keys, enum ssh_cipher_use use)
{
	c->evp = make_evp(c->row, keys->key, keys->iv, use);
	if (c->evp == NULL)
		return false;
	switch (c->row->kind) {
	case GCM:
		memcpy(c->iv, keys->iv, sizeof(c->iv));
		return true;
	case CHACHA:
		c->length_evp = make_evp(c->row, keys->key + CHACHA_KEY_BYTES, NULL, use);
		c->mac = make_mac("POLY1305");
		return c->length_evp != NULL && c->mac != NULL;
	case BLOCK:
		c->mac = make_hmac(mac, keys->mac);
		return c->mac != NULL;
	}
	return false;
}

/* In OpenSSL before 3.0.3 an HMAC does not begin anew when it is not given its key again. */
static bool begins_anew(struct ssh_cipher *c)
{
	uint8_t tags[2][TAG_MAX];

	for (size_t i = 0; i < 2; i++) {
		if (!hmac_start(c, 0) || !mac_final(c, tags[i]))
			return false;
	}
	return is_same_tag(c, tags[0], tags[1]);
}

bool ssh_cipher_is_known(const char *cipher, const char *mac)
{
	static const struct ssh_cipher_keys any;
	struct ssh_cipher *c = ssh_cipher_new(cipher, mac, &any, SSH_CIPHER_OPEN);
	bool known = c != NULL && (c->row->kind != BLOCK || begins_anew(c));

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
static void add_piece(struct plain *plain, uint8_t *start, const uint8_t *end)
{
	plain->pieces[plain->count++] = (struct piece){ start, start, (size_t)(end - start) };
}

/*
 * The packet before it is encrypted: what surrounds the body's whole strides is put together where
 * it will be on the wire, with as much of the body as it takes to make whole strides of it too.
 */
static bool lay_out(const struct ssh_cipher *c, const uint8_t *head, size_t head_bytes,
    const uint8_t *body, size_t body_bytes, uint8_t *wire, struct plain *out)
{
	const size_t stride = c->row->stride;
	const size_t padding = padding_of(c, head_bytes + body_bytes);
	uint8_t *start = wire + c->shape->clear;
	uint8_t *at = append(wire + LENGTH_BYTES + 1, head, head_bytes);

	put_u32(wire, (uint32_t)(1 + head_bytes + body_bytes + padding));
	wire[LENGTH_BYTES] = (uint8_t)padding;
	out->count = 0;
	if (body_bytes >= COPIED_BYTES) {
		size_t before = (stride - (size_t)(at - start) % stride) % stride;
		size_t middle = (body_bytes - before) / stride * stride;

		at = append(at, body, before);
		add_piece(out, start, at);
		out->pieces[out->count++] = (struct piece){ body + before, at, middle };
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
	struct plain plain;

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
	if (!c->shape->read_length(c, sequence, head, length))
		return false;
	n = get_u32(length);
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
