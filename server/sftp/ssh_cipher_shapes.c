#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <string.h>

#include "server/base/bytes.h"
#include "server/sftp/ssh_cipher_private.h"

#define GCM_FIXED_BYTES 4u
#define CHACHA_IV_BYTES 16u

/* --- what libcrypto is asked ------------------------------------------------------------------ */

static bool update(EVP_CIPHER_CTX *evp, uint8_t *out, const uint8_t *in, size_t n)
{
	int written = 0;

	/* Whole strides and no padding of its own: it must not keep anything back. */
	return EVP_CipherUpdate(evp, out, &written, in, (int)n) == 1 && (size_t)written == n;
}

static bool update_all(EVP_CIPHER_CTX *evp, const struct cipher_plain *plain)
{
	for (size_t i = 0; i < plain->count; i++) {
		const struct cipher_piece *piece = &plain->pieces[i];

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
	uint8_t nonce[GCM_IV_BYTES];

	memcpy(nonce, c->iv, sizeof(nonce));
	for (size_t i = GCM_IV_BYTES; i > GCM_FIXED_BYTES && ++c->iv[i - 1] == 0; i--)
		;
	return aead_begin(c->aead, nonce, length, LENGTH_BYTES);
}

static bool gcm_seal(
    struct ssh_cipher *c, uint32_t sequence, const struct cipher_plain *plain, uint8_t *wire, size_t n)
{
	(void)sequence;
	if (!gcm_start(c, wire))
		return false;
	for (size_t i = 0; i < plain->count; i++) {
		const struct cipher_piece *piece = &plain->pieces[i];

		if (!aead_update(c->aead, piece->out, piece->in, piece->n))
			return false;
	}
	return aead_seal_end(c->aead, wire + n);
}

static bool gcm_open(struct ssh_cipher *c, uint32_t sequence, uint8_t *packet, size_t n)
{
	uint8_t *sealed = packet + LENGTH_BYTES;

	(void)sequence;
	return gcm_start(c, packet) && aead_update(c->aead, sealed, sealed, n - LENGTH_BYTES) &&
	       aead_open_end(c->aead, packet + n);
}

/* --- chacha20-poly1305@openssh.com ------------------------------------------------------------ */

/* libcrypto's IV is the number of the first block, here 0, and the nonce. */
static bool chacha_start(EVP_CIPHER_CTX *evp, uint32_t sequence)
{
	uint8_t iv[CHACHA_IV_BYTES] = { 0 };

	bytes_put_u32(iv + CHACHA_IV_BYTES - 4, sequence);
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
    struct ssh_cipher *c, uint32_t sequence, const struct cipher_plain *plain, uint8_t *wire, size_t n)
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

	bytes_put_u32(number, sequence);
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
    struct ssh_cipher *c, uint32_t sequence, const struct cipher_plain *plain, uint8_t *wire, size_t n)
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
    struct ssh_cipher *c, uint32_t sequence, const struct cipher_plain *plain, uint8_t *wire, size_t n)
{
	uint8_t tag[TAG_MAX];

	if (!hmac_start(c, sequence))
		return false;
	for (size_t i = 0; i < plain->count; i++) {
		const struct cipher_piece *piece = &plain->pieces[i];

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

const struct cipher_shape cipher_gcm = { LENGTH_BYTES, read_clear_length, gcm_seal, gcm_open };
const struct cipher_shape cipher_chacha = { LENGTH_BYTES, chacha_length, chacha_seal, chacha_open };
const struct cipher_shape cipher_encrypt_then_mac = { LENGTH_BYTES, read_clear_length, etm_seal,
	etm_open };
const struct cipher_shape cipher_encrypt_and_mac = { 0, mac_length, mac_seal, mac_open };

bool cipher_tells_lengths(const struct ssh_cipher *c)
{
	return c->shape == &cipher_encrypt_and_mac &&
	       EVP_CIPHER_CTX_get_mode(c->evp) == EVP_CIPH_CBC_MODE;
}

void cipher_waste(struct ssh_cipher *c, uint8_t *bytes, size_t n)
{
	uint8_t tag[TAG_MAX];

	(void)(update(c->evp, bytes, bytes, n) && hmac_start(c, 0) && mac_update(c->mac, bytes, n) &&
	       mac_final(c, tag));
}

/* In OpenSSL before 3.0.3 an HMAC does not begin anew when it is not given its key again. */
bool cipher_hmac_begins_anew(struct ssh_cipher *c)
{
	uint8_t tags[2][TAG_MAX];

	for (size_t i = 0; i < 2; i++) {
		if (!hmac_start(c, 0) || !mac_final(c, tags[i]))
			return false;
	}
	return is_same_tag(c, tags[0], tags[1]);
}
