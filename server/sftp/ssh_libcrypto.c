#include "server/sftp/ssh_libcrypto.h"

#include <dlfcn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Padding is at most 3 bytes longer than the largest block (RFC 4253 6).  What is longer may be a key: never from here.
 */
#define SHORT_BYTES 24u
#define STOCK_BYTES 256u
#define LETTERS	    6u	  /* 'A' to 'F', RFC 4253 7.2 */
#define LETTERS_IN  0x15u /* A, C, E: client to server */
#define LETTERS_OUT 0x2au /* B, D, F */

enum direction { IN, OUT, DIRECTIONS };

typedef int derive_fn(EVP_KDF_CTX *context, unsigned char *key, size_t n, const OSSL_PARAM params[]);

static struct {
	derive_fn *real_derive;
	bool open, take_keys;
	uint8_t stock[STOCK_BYTES];
	size_t stocked;
	unsigned random_fills;
	struct ssh_libcrypto_keys keys[DIRECTIONS];
	unsigned derived; /* letters that nobody has fetched yet, one bit each */
} kept;

/* Before main: dlsym(3) may allocate and take locks, and a front's filter would not like what it opens. */
__attribute__((constructor)) static void find_real_functions(void)
{
	/* POSIX guarantees that such a pointer can become one to a function, C does not. */
	*(void **)&kept.real_derive = dlsym(RTLD_NEXT, "EVP_KDF_derive");
	if (kept.real_derive == NULL)
		abort();
}

void ssh_libcrypto_open(void)
{
	if (!kept.open)
		kept.random_fills = 0;
	kept.open = true;
	kept.take_keys = true;
}

void ssh_libcrypto_close(void)
{
	kept.open = false;
	kept.take_keys = false;
	kept.stocked = 0;
	kept.derived = 0;
	OPENSSL_cleanse(kept.stock, sizeof(kept.stock));
	OPENSSL_cleanse(kept.keys, sizeof(kept.keys));
}

unsigned ssh_libcrypto_random_fills(void)
{
	return kept.random_fills;
}

/* --- random bytes ----------------------------------------------------------------------------- */

int RAND_bytes(unsigned char *bytes, int n)
{
	uint8_t *taken;

	if (n < 0)
		return 0;
	if (!kept.open || (size_t)n > SHORT_BYTES)
		return RAND_bytes_ex(NULL, bytes, (size_t)n, 0);
	if (kept.stocked < (size_t)n) {
		int status = RAND_bytes_ex(NULL, kept.stock, sizeof(kept.stock), 0);

		if (status != 1)
			return status;
		kept.stocked = sizeof(kept.stock);
		kept.random_fills++;
	}
	kept.stocked -= (size_t)n;
	taken = kept.stock + kept.stocked;
	memcpy(bytes, taken, (size_t)n);
	/* What was handed out is nowhere else any more. */
	OPENSSL_cleanse(taken, (size_t)n);
	return 1;
}

/* --- keys ------------------------------------------------------------------------------------- */

void ssh_libcrypto_take_keys(bool on)
{
	kept.take_keys = on;
}

/* Which of RFC 4253 7.2's six this derivation is for, from 0; LETTERS: it is none of SSH's. */
static unsigned letter_of(EVP_KDF_CTX *context, const OSSL_PARAM params[])
{
	const OSSL_PARAM *type = OSSL_PARAM_locate_const(params, OSSL_KDF_PARAM_SSHKDF_TYPE);
	const char *text = NULL;

	if (!EVP_KDF_is_a(EVP_KDF_CTX_kdf(context), "SSHKDF") || type == NULL ||
	    OSSL_PARAM_get_utf8_string_ptr(type, &text) != 1 || text == NULL || text[0] < 'A' ||
	    text[0] >= (char)('A' + LETTERS))
		return LETTERS;
	return (unsigned)(text[0] - 'A');
}

/* Where a letter's bytes belong: IVs, then keys, then integrity keys, each for client to server first. */
static uint8_t *place_of(struct ssh_libcrypto_keys keys[DIRECTIONS], unsigned letter, bool inner)
{
	struct ssh_libcrypto_keys *side = &keys[letter % 2 == 0 ? IN : OUT];
	struct ssh_cipher_keys *of = inner ? &side->inner : &side->wire;

	switch (letter / 2) {
	case 0:
		return of->iv;
	case 1:
		return of->key;
	default:
		return of->mac;
	}
}

/* True when the caller may have the bytes that are now at key, which are no longer those that were derived. */
static bool exchange_key(unsigned letter, uint8_t *key, size_t n)
{
	uint8_t *wire = place_of(kept.keys, letter, false);
	uint8_t *inner = place_of(kept.keys, letter, true);

	if (n > SSH_CIPHER_KEY_BYTES)
		n = SSH_CIPHER_KEY_BYTES;
	memset(wire, 0, SSH_CIPHER_KEY_BYTES);
	memset(inner, 0, SSH_CIPHER_KEY_BYTES);
	memcpy(wire, key, n);
	if (RAND_bytes_ex(NULL, key, n, 0) != 1)
		return false;
	memcpy(inner, key, n);
	kept.derived |= 1u << letter;
	return true;
}

int EVP_KDF_derive(EVP_KDF_CTX *context, unsigned char *key, size_t n, const OSSL_PARAM params[])
{
	int status = kept.real_derive(context, key, n, params);
	unsigned letter = kept.take_keys && status == 1 ? letter_of(context, params) : LETTERS;

	if (letter < LETTERS && !exchange_key(letter, key, n))
		return 0;
	return status;
}

bool ssh_libcrypto_keys(bool client_to_server, struct ssh_libcrypto_keys *keys)
{
	const enum direction direction = client_to_server ? IN : OUT;
	const unsigned letters = client_to_server ? LETTERS_IN : LETTERS_OUT;

	if ((kept.derived & letters) != letters)
		return false;
	*keys = kept.keys[direction];
	kept.derived &= ~letters;
	OPENSSL_cleanse(&kept.keys[direction], sizeof(kept.keys[direction]));
	return true;
}
