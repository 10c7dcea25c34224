#include "server/key_wrapper.h"

#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

typedef int sign_fn(
    EVP_MD_CTX *context, unsigned char *signature, size_t *length, const unsigned char *data, size_t n);
typedef int verify_fn(EVP_MD_CTX *context, const unsigned char *signature, size_t length,
    const unsigned char *data, size_t n);

/* The one state of the process that the two functions below can know of: their callers are libraries. */
static struct {
	sign_fn *real_sign;
	verify_fn *real_verify;
	key_wrapper_sign_fn *divert;
	void *context;
	enum key_wrapper_verify mode;
	bool has_seen;
	struct key_wrapper_seen seen;
	unsigned sign_calls, verify_calls;
} wrapper;

/* Before main: dlsym(3) may allocate and take locks, and a front's filter would not like what it opens. */
__attribute__((constructor)) static void find_real_functions(void)
{
	/* POSIX guarantees that such a pointer can become one to a function, C does not. */
	*(void **)&wrapper.real_sign = dlsym(RTLD_NEXT, "EVP_DigestSign");
	*(void **)&wrapper.real_verify = dlsym(RTLD_NEXT, "EVP_DigestVerify");
	if (wrapper.real_sign == NULL || wrapper.real_verify == NULL)
		abort();
}

/* --- what is set from outside --------------------------------------------------------------- */

void key_wrapper_divert_sign(key_wrapper_sign_fn *divert, void *context)
{
	wrapper.divert = divert;
	wrapper.context = context;
	wrapper.sign_calls = 0;
	wrapper.verify_calls = 0;
}

void key_wrapper_set_verify(enum key_wrapper_verify mode)
{
	wrapper.mode = mode;
}

const struct key_wrapper_seen *key_wrapper_seen(void)
{
	return wrapper.has_seen ? &wrapper.seen : NULL;
}

void key_wrapper_forget(void)
{
	wrapper.has_seen = false;
}

unsigned key_wrapper_sign_calls(void)
{
	return wrapper.sign_calls;
}

unsigned key_wrapper_verify_calls(void)
{
	return wrapper.verify_calls;
}

/* --- signing -------------------------------------------------------------------------------- */

static bool find_digest(EVP_PKEY_CTX *context, enum keeper_digest *out)
{
	static const struct {
		int nid;
		enum keeper_digest digest;
	} known[] = {
		{ NID_sha1, KEEPER_DIGEST_SHA1 },
		{ NID_sha256, KEEPER_DIGEST_SHA256 },
		{ NID_sha384, KEEPER_DIGEST_SHA384 },
		{ NID_sha512, KEEPER_DIGEST_SHA512 },
	};
	const EVP_MD *md = NULL;

	if (EVP_PKEY_get_id(EVP_PKEY_CTX_get0_pkey(context)) == EVP_PKEY_ED25519) {
		*out = KEEPER_DIGEST_NONE;
		return true;
	}
	if (EVP_PKEY_CTX_get_signature_md(context, &md) <= 0 || md == NULL)
		return false;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (EVP_MD_get_type(md) != known[i].nid)
			continue;
		*out = known[i].digest;
		return true;
	}
	return false;
}

/* The keeper salts as TLS wants it (RFC 8446 4.2.3): what asks for another salt is no handshake. */
static bool find_padding(EVP_PKEY_CTX *context, bool *pss_out)
{
	const EVP_MD *md = NULL;
	int padding = 0;
	int salt = 0;

	*pss_out = false;
	if (EVP_PKEY_get_base_id(EVP_PKEY_CTX_get0_pkey(context)) != EVP_PKEY_RSA)
		return true;
	if (EVP_PKEY_CTX_get_rsa_padding(context, &padding) <= 0)
		return false;
	if (padding == RSA_PKCS1_PADDING)
		return true;
	if (padding != RSA_PKCS1_PSS_PADDING ||
	    EVP_PKEY_CTX_get_rsa_pss_saltlen(context, &salt) <= 0 ||
	    EVP_PKEY_CTX_get_signature_md(context, &md) <= 0 || md == NULL)
		return false;
	*pss_out = true;
	return salt == RSA_PSS_SALTLEN_DIGEST || salt == EVP_MD_get_size(md);
}

static int sign_elsewhere(EVP_MD_CTX *md_context, unsigned char *signature, size_t *length,
    const unsigned char *data, size_t n)
{
	EVP_PKEY_CTX *context = EVP_MD_CTX_get_pkey_ctx(md_context);
	struct key_wrapper_ask ask = { .data = data, .length = n };
	bool made;
	int room;

	if (context == NULL)
		return 0;
	ask.key = EVP_PKEY_CTX_get0_pkey(context);
	room = ask.key != NULL ? EVP_PKEY_get_size(ask.key) : 0;
	if (room <= 0)
		return 0;
	if (signature == NULL) {
		*length = (size_t)room;
		return 1;
	}
	/* libssl takes what lies in the queue when a step of the handshake ends for that step's failure. */
	ERR_set_mark();
	made = find_digest(context, &ask.digest) && find_padding(context, &ask.pss) &&
	       wrapper.divert(wrapper.context, &ask, signature, length);
	ERR_pop_to_mark();
	if (!made) {
		/* Callers print the queue: it must not hold what an earlier failure left there. */
		ERR_clear_error();
		ERR_raise(ERR_LIB_EVP, ERR_R_OPERATION_FAIL);
		return 0;
	}
	return 1;
}

int EVP_DigestSign(EVP_MD_CTX *context, unsigned char *signature, size_t *length,
    const unsigned char *data, size_t n)
{
	wrapper.sign_calls++;
	if (wrapper.divert == NULL)
		return wrapper.real_sign(context, signature, length, data, n);
	return sign_elsewhere(context, signature, length, data, n);
}

/* --- verifying ------------------------------------------------------------------------------ */

/* False when it is more than a login's evidence can be: then it is none. */
static bool remember(
    const unsigned char *signature, size_t length, const unsigned char *data, size_t n)
{
	struct key_wrapper_seen *seen = &wrapper.seen;

	wrapper.has_seen = n <= sizeof(seen->data) && length <= sizeof(seen->signature);
	if (!wrapper.has_seen)
		return false;
	memcpy(seen->data, data, n);
	memcpy(seen->signature, signature, length);
	seen->data_length = n;
	seen->signature_length = length;
	return true;
}

int EVP_DigestVerify(EVP_MD_CTX *context, const unsigned char *signature, size_t length,
    const unsigned char *data, size_t n)
{
	wrapper.verify_calls++;
	if (wrapper.mode != KEY_WRAPPER_VERIFY && !remember(signature, length, data, n))
		return 0;
	if (wrapper.mode == KEY_WRAPPER_REMEMBER)
		return 1;
	return wrapper.real_verify(context, signature, length, data, n);
}
