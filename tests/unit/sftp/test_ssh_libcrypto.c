#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "server/sftp/ssh_libcrypto.h"

/* RFC 4231 4.3 (test case 2). */
static const char text[] = "what do ya want for nothing?";
static const uint8_t jefe[] = { 'J', 'e', 'f', 'e' };
static const uint8_t sha256_of_jefe[] = { 0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08,
	0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38,
	0x43 };

TestSuite(ssh_libcrypto, .init = ssh_libcrypto_open, .fini = ssh_libcrypto_close);

/* An HMAC as libssh makes one: everything anew. */
static size_t hmac(const EVP_MD *md, const uint8_t *key, size_t key_length, uint8_t out[EVP_MAX_MD_SIZE])
{
	size_t length = EVP_MAX_MD_SIZE;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY *pkey = EVP_PKEY_new_mac_key(EVP_PKEY_HMAC, NULL, key, (int)key_length);

	cr_assert_not_null(pkey);
	cr_assert_eq(EVP_DigestSignInit(context, NULL, md, NULL, pkey), 1);
	EVP_PKEY_free(pkey);
	cr_assert_eq(EVP_DigestSignUpdate(context, text, 10), 1);
	cr_assert_eq(EVP_DigestSignUpdate(context, text + 10, strlen(text) - 10), 1);
	cr_assert_eq(EVP_DigestSignFinal(context, out, &length), 1);
	EVP_MD_CTX_free(context);
	return length;
}

static void assert_jefe(void)
{
	uint8_t out[EVP_MAX_MD_SIZE];

	cr_assert_eq(hmac(EVP_sha256(), jefe, sizeof(jefe), out), sizeof(sha256_of_jefe));
	cr_assert_arr_eq(out, sha256_of_jefe, sizeof(sha256_of_jefe));
}

Test(ssh_libcrypto, an_hmac_is_set_up_once_for_many_packets)
{
	for (int i = 0; i < 100; i++)
		assert_jefe();
	cr_assert_eq(ssh_libcrypto_counts().mac_set_ups, 1);
}

Test(ssh_libcrypto, an_hmac_that_is_given_up_spoils_none)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY *pkey = EVP_PKEY_new_mac_key(EVP_PKEY_HMAC, NULL, jefe, sizeof(jefe));

	assert_jefe();
	cr_assert_eq(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, pkey), 1);
	cr_assert_eq(EVP_DigestSignUpdate(context, "other", 5), 1);
	assert_jefe();
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(pkey);
	assert_jefe();
}

Test(ssh_libcrypto, more_keys_and_digests_than_are_kept_change_no_result)
{
	for (unsigned round = 0; round < 20; round++) {
		for (uint8_t number = 0; number < 7; number++) {
			const EVP_MD *md = (round + number) % 2 == 0 ? EVP_sha512() : EVP_sha1();
			const uint8_t key[33] = { number, 2 };
			uint8_t kept[EVP_MAX_MD_SIZE];
			uint8_t fresh[EVP_MAX_MD_SIZE];
			size_t length = hmac(md, key, sizeof(key), kept);

			ssh_libcrypto_close();
			cr_assert_eq(hmac(md, key, sizeof(key), fresh), length);
			cr_assert_arr_eq(kept, fresh, length);
			if (number % 3 == 0)
				ssh_libcrypto_open();
			assert_jefe();
			ssh_libcrypto_open();
		}
	}
}

Test(ssh_libcrypto, a_key_is_not_taken_for_its_beginning)
{
	static const uint8_t longer[] = { 'J', 'e', 'f', 'e', 'r' };
	uint8_t out[EVP_MAX_MD_SIZE];

	assert_jefe();
	hmac(EVP_sha256(), longer, sizeof(longer), out);
	cr_assert_arr_neq(out, sha256_of_jefe, sizeof(sha256_of_jefe));
	assert_jefe();
}

Test(ssh_libcrypto, signatures_are_set_up_by_libcrypto)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	cr_assert_eq(EVP_DigestSignInit(context, NULL, NULL, NULL, key), 1);
	cr_assert_eq(ssh_libcrypto_counts().mac_set_ups, 0);
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
}

Test(ssh_libcrypto, short_random_bytes_come_from_the_stock_once)
{
	uint8_t seen[1000][16];

	for (size_t i = 0; i < 1000; i++) {
		cr_assert_eq(RAND_bytes(seen[i], sizeof(seen[i])), 1);
		for (size_t j = 0; j < i; j++)
			cr_assert_arr_neq(seen[i], seen[j], sizeof(seen[i]), "%zu repeats %zu", i, j);
	}
	cr_assert_lt(ssh_libcrypto_counts().random_fills, 100);
	cr_assert_gt(ssh_libcrypto_counts().random_fills, 0);
}

Test(ssh_libcrypto, keys_and_other_processes_are_served_by_the_generator_itself)
{
	uint8_t key[32];
	uint8_t padding[8];

	cr_assert_eq(RAND_bytes(key, sizeof(key)), 1);
	ssh_libcrypto_close();
	cr_assert_eq(RAND_bytes(padding, sizeof(padding)), 1);
	assert_jefe();
	cr_assert_eq(ssh_libcrypto_counts().random_fills, 0);
	cr_assert_eq(ssh_libcrypto_counts().mac_set_ups, 0);
	cr_assert_eq(RAND_bytes(padding, -1), 0);
}
