#include <criterion/criterion.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

#include "server/sftp/ssh_libcrypto.h"

#define KEY_BYTES 32

TestSuite(ssh_libcrypto, .init = ssh_libcrypto_open, .fini = ssh_libcrypto_close);

/* --- keys ------------------------------------------------------------------------------------- */

/* As libssh derives one. */
static void derive(const char *kind, char letter, uint8_t *key, size_t n)
{
	char type[] = { letter, '\0' };
	char digest[] = "SHA256";
	char secret[] = "a shared secret";
	char hash[] = "an exchange hash";
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, kind, NULL);
	EVP_KDF_CTX *context = EVP_KDF_CTX_new(kdf);
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, strlen(secret)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SSHKDF_XCGHASH, hash, strlen(hash)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SSHKDF_SESSION_ID, hash, strlen(hash)),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_SSHKDF_TYPE, type, 1),
		OSSL_PARAM_construct_end(),
	};

	cr_assert_eq(EVP_KDF_derive(context, key, n, params), 1);
	EVP_KDF_CTX_free(context);
	EVP_KDF_free(kdf);
}

static void derive_true(char letter, uint8_t key[KEY_BYTES])
{
	ssh_libcrypto_take_keys(false);
	derive("SSHKDF", letter, key, KEY_BYTES);
	ssh_libcrypto_take_keys(true);
}

Test(ssh_libcrypto, libssh_gets_other_keys_than_the_wire)
{
	uint8_t given[6][KEY_BYTES];
	uint8_t real[6][KEY_BYTES];
	struct ssh_libcrypto_keys keys[2];

	for (int i = 0; i < 6; i++) {
		derive_true((char)('A' + i), real[i]);
		derive("SSHKDF", (char)('A' + i), given[i], KEY_BYTES);
		cr_assert_arr_neq(given[i], real[i], KEY_BYTES);
	}
	for (int out = 0; out < 2; out++) {
		cr_assert(ssh_libcrypto_keys(out == 0, &keys[out]));
		cr_assert_arr_eq(keys[out].wire.iv, real[out], KEY_BYTES);
		cr_assert_arr_eq(keys[out].wire.key, real[2 + out], KEY_BYTES);
		cr_assert_arr_eq(keys[out].wire.mac, real[4 + out], KEY_BYTES);
		cr_assert_arr_eq(keys[out].inner.iv, given[out], KEY_BYTES);
		cr_assert_arr_eq(keys[out].inner.key, given[2 + out], KEY_BYTES);
		cr_assert_arr_eq(keys[out].inner.mac, given[4 + out], KEY_BYTES);
	}
}

Test(ssh_libcrypto, keys_are_fetched_once_and_only_when_all_are_there)
{
	static const char letters[] = "ACBE";
	struct ssh_libcrypto_keys keys;
	uint8_t key[KEY_BYTES];

	for (size_t i = 0; i < strlen(letters); i++) {
		cr_assert_not(ssh_libcrypto_keys(true, &keys));
		derive("SSHKDF", letters[i], key, sizeof(key));
	}
	cr_assert_not(ssh_libcrypto_keys(false, &keys));
	cr_assert(ssh_libcrypto_keys(true, &keys));
	cr_assert_not(ssh_libcrypto_keys(true, &keys));
}

Test(ssh_libcrypto, other_derivations_and_other_processes_are_left_alone)
{
	uint8_t key[KEY_BYTES];
	uint8_t again[KEY_BYTES];
	struct ssh_libcrypto_keys keys;

	ssh_libcrypto_close();
	for (char letter = 'A'; letter <= 'F'; letter++) {
		derive("SSHKDF", letter, key, sizeof(key));
		derive("SSHKDF", letter, again, sizeof(again));
		cr_assert_arr_eq(key, again, sizeof(key));
	}
	ssh_libcrypto_open();
	derive("HKDF", 'A', key, sizeof(key));
	derive("HKDF", 'A', again, sizeof(again));
	cr_assert_arr_eq(key, again, sizeof(key));
	cr_assert_not(ssh_libcrypto_keys(true, &keys));
}

/* --- random bytes ----------------------------------------------------------------------------- */

Test(ssh_libcrypto, short_random_bytes_come_from_the_stock_once)
{
	uint8_t seen[1000][16];

	for (size_t i = 0; i < 1000; i++) {
		cr_assert_eq(RAND_bytes(seen[i], sizeof(seen[i])), 1);
		for (size_t j = 0; j < i; j++)
			cr_assert_arr_neq(seen[i], seen[j], sizeof(seen[i]), "%zu repeats %zu", i, j);
	}
	cr_assert_lt(ssh_libcrypto_random_fills(), 100);
	cr_assert_gt(ssh_libcrypto_random_fills(), 0);
}

Test(ssh_libcrypto, long_ones_and_other_processes_are_served_by_the_generator_itself)
{
	uint8_t key[32];
	uint8_t padding[8];

	cr_assert_eq(RAND_bytes(key, sizeof(key)), 1);
	ssh_libcrypto_close();
	cr_assert_eq(RAND_bytes(padding, sizeof(padding)), 1);
	cr_assert_eq(ssh_libcrypto_random_fills(), 0);
	cr_assert_eq(RAND_bytes(padding, -1), 0);
}
