#include "server/sftp/ssh_libcrypto.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Padding is at most 3 bytes longer than the largest block (RFC 4253 6).  What is longer may be a key: never from here.
 */
#define SHORT_BYTES 24u
#define STOCK_BYTES 256u
/* Keys of both directions, and the next ones while a key exchange is under way. */
#define MACS		4u
#define MAC_KEY_BYTES	64u

typedef EVP_PKEY *new_mac_key_fn(int type, ENGINE *engine, const unsigned char *key, int n);
typedef int sign_init_fn(
    EVP_MD_CTX *context, EVP_PKEY_CTX **out, const EVP_MD *md, ENGINE *engine, EVP_PKEY *key);

struct mac {
	uint8_t key[MAC_KEY_BYTES];
	size_t key_length;
	EVP_PKEY *pkey;		/* NULL: free */
	const EVP_MD *md;
	EVP_MD_CTX *ready;	/* set up with both and nothing hashed; NULL: not yet */
};

static struct {
	new_mac_key_fn *real_new_mac_key;
	sign_init_fn *real_sign_init;
	bool open;
	uint8_t stock[STOCK_BYTES];
	size_t stocked;
	struct mac macs[MACS];
	unsigned next_mac;
	struct ssh_libcrypto_counts counts;
} kept;

/* Before main: dlsym(3) may allocate and take locks, and a front's filter would not like what it opens. */
__attribute__((constructor)) static void find_real_functions(void)
{
	/* POSIX guarantees that such a pointer can become one to a function, C does not. */
	*(void **)&kept.real_new_mac_key = dlsym(RTLD_NEXT, "EVP_PKEY_new_mac_key");
	*(void **)&kept.real_sign_init = dlsym(RTLD_NEXT, "EVP_DigestSignInit");
	if (kept.real_new_mac_key == NULL || kept.real_sign_init == NULL)
		abort();
}

static void forget_mac(struct mac *mac)
{
	EVP_MD_CTX_free(mac->ready);
	EVP_PKEY_free(mac->pkey);
	OPENSSL_cleanse(mac, sizeof(*mac));
}

void ssh_libcrypto_open(void)
{
	if (!kept.open)
		kept.counts = (struct ssh_libcrypto_counts){ 0 };
	kept.open = true;
}

void ssh_libcrypto_close(void)
{
	kept.open = false;
	OPENSSL_cleanse(kept.stock, sizeof(kept.stock));
	kept.stocked = 0;
	for (size_t i = 0; i < MACS; i++)
		forget_mac(&kept.macs[i]);
	kept.next_mac = 0;
}

struct ssh_libcrypto_counts ssh_libcrypto_counts(void)
{
	return kept.counts;
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
		kept.counts.random_fills++;
	}
	kept.stocked -= (size_t)n;
	taken = kept.stock + kept.stocked;
	memcpy(bytes, taken, (size_t)n);
	/* What was handed out is nowhere else any more. */
	OPENSSL_cleanse(taken, (size_t)n);
	return 1;
}

/* --- HMAC ------------------------------------------------------------------------------------- */

static struct mac *find_key(const uint8_t *key, size_t n)
{
	for (size_t i = 0; i < MACS; i++) {
		struct mac *mac = &kept.macs[i];

		if (mac->pkey != NULL && mac->key_length == n && CRYPTO_memcmp(mac->key, key, n) == 0)
			return mac;
	}
	return NULL;
}

/* In the place of the one that was new the longest time ago. */
static void keep_key(EVP_PKEY *pkey, const uint8_t *key, size_t n)
{
	struct mac *mac = &kept.macs[kept.next_mac];

	forget_mac(mac);
	if (EVP_PKEY_up_ref(pkey) != 1)
		return;
	mac->pkey = pkey;
	mac->key_length = n;
	memcpy(mac->key, key, n);
	kept.next_mac = (kept.next_mac + 1) % MACS;
}

EVP_PKEY *EVP_PKEY_new_mac_key(int type, ENGINE *engine, const unsigned char *key, int n)
{
	bool suits = kept.open && type == EVP_PKEY_HMAC && engine == NULL && key != NULL && n > 0 &&
		     (size_t)n <= MAC_KEY_BYTES;
	struct mac *mac = suits ? find_key(key, (size_t)n) : NULL;
	EVP_PKEY *pkey;

	if (mac != NULL && EVP_PKEY_up_ref(mac->pkey) == 1)
		return mac->pkey;
	pkey = kept.real_new_mac_key(type, engine, key, n);
	if (suits && mac == NULL && pkey != NULL)
		keep_key(pkey, key, (size_t)n);
	return pkey;
}

static struct mac *find_pkey(const EVP_PKEY *pkey)
{
	for (size_t i = 0; i < MACS; i++) {
		if (pkey != NULL && kept.macs[i].pkey == pkey)
			return &kept.macs[i];
	}
	return NULL;
}

/* False when there is none to copy. */
static bool make_ready(struct mac *mac, const EVP_MD *md)
{
	if (mac->ready != NULL && mac->md == md)
		return true;
	EVP_MD_CTX_free(mac->ready);
	mac->ready = EVP_MD_CTX_new();
	mac->md = md;
	kept.counts.mac_set_ups++;
	if (mac->ready != NULL && kept.real_sign_init(mac->ready, NULL, md, NULL, mac->pkey) == 1)
		return true;
	EVP_MD_CTX_free(mac->ready);
	mac->ready = NULL;
	return false;
}

int EVP_DigestSignInit(
    EVP_MD_CTX *context, EVP_PKEY_CTX **out, const EVP_MD *md, ENGINE *engine, EVP_PKEY *pkey)
{
	struct mac *mac = kept.open && out == NULL && engine == NULL ? find_pkey(pkey) : NULL;

	if (mac != NULL && make_ready(mac, md) && EVP_MD_CTX_copy_ex(context, mac->ready) == 1)
		return 1;
	return kept.real_sign_init(context, out, md, engine, pkey);
}
