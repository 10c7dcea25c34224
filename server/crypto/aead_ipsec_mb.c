#include "config.h"
#include "server/crypto/aead_backends.h"

#ifdef HAVE_IPSEC_MB

#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "server/base/secret.h"

/* Since 3.1 libcrypto has AES-GCM with VAES itself, from the same authors. */
#define LIBCRYPTO_IS_AS_FAST 0x30100000ul
/* The struct of a key's tables has changed between versions of one soname: only the one we were built with may write
 * there, and it shall find more room than it needs. */
#define SAME_VERSION(number) (((number) ^ IMB_VERSION_NUM) >> 8 == 0)
#define KEY_SPARE_BYTES	     512u
#define KEY_ALIGNMENT	     64u

struct functions {
	aes_gcm_pre_t set_key;
	aes_gcm_init_t begin;
	aes_gcm_enc_dec_update_t update[2]; /* by aead_use */
	aes_gcm_enc_dec_finalize_t end[2];
};

struct state {
	struct gcm_key_data key;
	uint8_t spare[KEY_SPARE_BYTES];
	struct gcm_context_data message;
	const struct functions *functions;
	enum aead_use use;
};

static struct functions with_128, with_256;

/* Asked of the compiler, which asks the system, too, whether it saves these registers. */
static bool has_vaes(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("vpclmulqdq");
}

/* They are plain functions that know no manager: nothing else of it is kept. */
static void keep_functions(const IMB_MGR *manager)
{
	with_128 = (struct functions){ manager->gcm128_pre, manager->gcm128_init,
		{ manager->gcm128_enc_update, manager->gcm128_dec_update },
		{ manager->gcm128_enc_finalize, manager->gcm128_dec_finalize } };
	with_256 = (struct functions){ manager->gcm256_pre, manager->gcm256_init,
		{ manager->gcm256_enc_update, manager->gcm256_dec_update },
		{ manager->gcm256_enc_finalize, manager->gcm256_dec_finalize } };
}

static bool load(void)
{
	IMB_MGR *manager;
	bool ok;

	/* Whoever wants FIPS 140 wants the module that he has configured. */
	if (OpenSSL_version_num() >= LIBCRYPTO_IS_AS_FAST || EVP_default_properties_is_fips_enabled(NULL) ||
	    !has_vaes() || !SAME_VERSION(imb_get_version()))
		return false;
	manager = alloc_mb_mgr(0);
	if (manager == NULL)
		return false;
	init_mb_mgr_avx512(manager);
	ok = imb_get_errno(manager) == 0 && (manager->features & IMB_CPUFLAGS_AVX512_T2) == IMB_CPUFLAGS_AVX512_T2;
	if (ok)
		keep_functions(manager);
	free_mb_mgr(manager);
	return ok;
}

static const char *available(enum aead_algorithm algorithm)
{
	if (algorithm != AEAD_AES_128_GCM && algorithm != AEAD_AES_256_GCM)
		return NULL;
	return with_128.begin != NULL || load() ? "intel-ipsec-mb " IMB_VERSION_STR : NULL;
}

static void *allocate(enum aead_algorithm algorithm, enum aead_use use)
{
	struct state *state =
	    aligned_alloc(KEY_ALIGNMENT, (sizeof(*state) + KEY_ALIGNMENT - 1) / KEY_ALIGNMENT * KEY_ALIGNMENT);

	if (state == NULL)
		return NULL;
	state->functions = algorithm == AEAD_AES_128_GCM ? &with_128 : &with_256;
	state->use = use;
	return state;
}

static void release(void *pointer)
{
	secret_wipe(pointer, sizeof(struct state));
	free(pointer);
}

static bool set_key(void *pointer, const uint8_t *key)
{
	struct state *state = pointer;

	state->functions->set_key(key, &state->key);
	return true;
}

static bool begin(void *pointer, const uint8_t *nonce, const uint8_t *aad, size_t aad_bytes)
{
	struct state *state = pointer;

	state->functions->begin(&state->key, &state->message, nonce, aad, aad_bytes);
	return true;
}

static bool update(void *pointer, uint8_t *out, const uint8_t *in, size_t n)
{
	struct state *state = pointer;

	state->functions->update[state->use](&state->key, &state->message, out, in, n);
	return true;
}

static bool seal_end(void *pointer, uint8_t *tag)
{
	struct state *state = pointer;

	state->functions->end[AEAD_SEAL](&state->key, &state->message, tag, AEAD_TAG_BYTES);
	return true;
}

static bool open_end(void *pointer, const uint8_t *tag)
{
	struct state *state = pointer;
	uint8_t wanted[AEAD_TAG_BYTES];

	state->functions->end[AEAD_OPEN](&state->key, &state->message, wanted, sizeof(wanted));
	return CRYPTO_memcmp(wanted, tag, sizeof(wanted)) == 0;
}

#else

static const char *available(enum aead_algorithm algorithm)
{
	(void)algorithm;
	return NULL;
}

#endif

const struct aead_backend aead_ipsec_mb = {
	.available = available,
#ifdef HAVE_IPSEC_MB
	.allocate = allocate,
	.release = release,
	.set_key = set_key,
	.begin = begin,
	.update = update,
	.seal_end = seal_end,
	.open_end = open_end,
#endif
};
