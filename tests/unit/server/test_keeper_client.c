/* Asking the keeper: the list, signatures, and what happens when it is gone for a while. */
#include <criterion/criterion.h>
#include <openssl/x509.h>
#include <string.h>

#include "fake_keeper.h"
#include "key_samples.h"
#include "server/base/clock.h"

TestSuite(keeper_client, .timeout = 60);

static struct fake_keeper keeper;
static struct keeper_client *client;

static void start(void)
{
	fake_keeper_start(&keeper);
	client = keeper_client_new("test", keeper.door_fd);
	cr_assert_not_null(client);
}

static void stop(void)
{
	keeper_client_free(&client);
	fake_keeper_stop(&keeper);
}

static enum vfs_status sign(uint32_t key, uint8_t *signature, size_t *length)
{
	static const uint8_t hash[32] = { 7 };
	const struct keeper_msg_sign ask = {
		.key = key,
		.shape = KEEPER_SHAPE_SSH,
		.digest = (uint32_t)key_samples[key % KEY_SAMPLES_COUNT].digest,
		.data = { hash, sizeof(hash) },
	};

	return keeper_client_sign(client, &keeper.public_keys, &ask, signature, length);
}

Test(keeper_client, the_list_holds_every_public_half_in_order, .init = start, .fini = stop)
{
	struct keeper_public_keys keys;
	char message[256];

	cr_assert(keeper_client_list(client, &keys, message, sizeof(message)));
	cr_assert_eq(keys.count, keeper.keys.count);
	for (size_t i = 0; i < keys.count; i++) {
		cr_expect_eq(keys.keys[i].use, keeper.keys.keys[i].use);
		cr_expect_eq(keys.keys[i].kind, keeper.keys.keys[i].kind);
		cr_expect_str_eq(keys.keys[i].title, keeper.keys.keys[i].title);
		cr_expect_eq(keys.keys[i].der_length, keeper.keys.keys[i].der_length);
		cr_expect_eq(
		    memcmp(keys.keys[i].der, keeper.keys.keys[i].der, keys.keys[i].der_length), 0);
	}
	keeper_public_keys_clear(&keys);
	cr_expect_eq(keys.count, 0);
}

Test(keeper_client, every_key_signs, .init = start, .fini = stop)
{
	uint8_t signature[KEEPER_SIGNATURE_MAX_BYTES];

	for (uint32_t key = 0; key < keeper.keys.count; key++) {
		size_t length = sizeof(signature);

		cr_expect_eq(sign(key, signature, &length), VFS_OK);
		cr_expect_gt(length, 0);
	}
	cr_expect_eq(keeper.signs, keeper.keys.count);
}

Test(keeper_client, a_key_is_looked_at_once_a_connection, .init = start, .fini = stop)
{
	uint8_t signature[KEEPER_SIGNATURE_MAX_BYTES];

	for (int i = 0; i < 3; i++) {
		size_t length = sizeof(signature);

		cr_expect_eq(sign(0, signature, &length), VFS_OK);
	}
	cr_expect_eq(keeper.lists, 1);
	cr_expect_eq(keeper.signs, 3);
}

Test(keeper_client, a_signature_that_does_not_fit_is_none, .init = start, .fini = stop)
{
	uint8_t signature[8];
	size_t length = sizeof(signature);

	cr_expect_eq(sign(0, signature, &length), VFS_FAILED);
}

Test(keeper_client, there_is_no_key_beyond_the_list, .init = start, .fini = stop)
{
	uint8_t signature[KEEPER_SIGNATURE_MAX_BYTES];
	size_t length = sizeof(signature);

	cr_expect_eq(sign((uint32_t)keeper.keys.count, signature, &length), VFS_FAILED);
	cr_expect_eq(keeper.signs, 0, "nobody was asked");
}

Test(keeper_client, a_keeper_that_was_restarted_is_asked_again, .init = start, .fini = stop)
{
	uint8_t signature[KEEPER_SIGNATURE_MAX_BYTES];
	size_t length = sizeof(signature);

	cr_assert_eq(sign(0, signature, &length), VFS_OK);
	keeper.hangs_up = true;
	length = sizeof(signature);
	cr_expect_eq(sign(0, signature, &length), VFS_OK);
}

Test(keeper_client, a_keeper_with_other_keys_is_not_believed, .init = start, .fini = stop)
{
	uint8_t signature[KEEPER_SIGNATURE_MAX_BYTES];
	size_t length = sizeof(signature);

	cr_assert_eq(sign(0, signature, &length), VFS_OK);
	fake_keeper_change_keys(&keeper);
	length = sizeof(signature);
	cr_expect_eq(sign(0, signature, &length), VFS_FAILED);
}

Test(keeper_client, a_silent_keeper_is_given_up_in_time, .init = start, .fini = stop)
{
	const int64_t since = clock_mono_ms();
	uint8_t signature[KEEPER_SIGNATURE_MAX_BYTES];
	size_t length = sizeof(signature);

	keeper.silent = true;
	cr_expect_eq(sign(0, signature, &length), VFS_TIMEOUT);
	cr_expect_lt(clock_mono_ms() - since, KEEPER_WAIT_MS + 2000);
}
