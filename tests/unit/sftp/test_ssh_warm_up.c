#include <criterion/criterion.h>
#include <dirent.h>
#include <openssl/evp.h>

#include "server/key_wrapper.h"
#include "server/sftp/ssh_front.h"

static size_t count_entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t count = 0;

	cr_assert_not_null(dir);
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count;
}

static struct conf_listener listener;

static bool warm_up(int protocol, char message[CONF_MESSAGE_BYTES])
{
	const struct conf conf = { .listeners = &listener, .listener_count = 1 };

	listener.protocol = protocol;
	return ssh_front_warm_up(&conf, message, CONF_MESSAGE_BYTES);
}

Test(ssh_warm_up, proves_that_signatures_go_through_the_wrapper)
{
	char message[CONF_MESSAGE_BYTES] = "";

	cr_assert(warm_up(CONF_PROTOCOL_SFTP, message), "%s", message);
}

Test(ssh_warm_up, leaves_no_descriptors_threads_or_diversions_behind)
{
	char message[CONF_MESSAGE_BYTES] = "";
	size_t descriptors;
	size_t threads;

	cr_assert(warm_up(CONF_PROTOCOL_SFTP, message), "%s", message);
	descriptors = count_entries("/proc/self/fd");
	threads = count_entries("/proc/self/task");
	cr_assert(warm_up(CONF_PROTOCOL_SFTP, message), "%s", message);
	cr_assert_eq(count_entries("/proc/self/fd"), descriptors);
	cr_assert_eq(count_entries("/proc/self/task"), threads);
	cr_assert_null(key_wrapper_seen());
}

Test(ssh_warm_up, signatures_are_verified_again_afterwards)
{
	char message[CONF_MESSAGE_BYTES] = "";
	static const uint8_t seed[32] = { 1 };
	static const uint8_t data[] = "data";
	uint8_t signature[64] = { 0 };
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	cr_assert(warm_up(CONF_PROTOCOL_SFTP, message), "%s", message);
	cr_assert_eq(EVP_DigestVerifyInit(context, NULL, NULL, NULL, key), 1);
	cr_assert_neq(EVP_DigestVerify(context, signature, sizeof(signature), data, sizeof(data)), 1);
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
}

Test(ssh_warm_up, does_nothing_for_a_server_without_sftp)
{
	char message[CONF_MESSAGE_BYTES] = "";

	key_wrapper_divert_sign(NULL, NULL);
	cr_assert(warm_up(CONF_PROTOCOL_FTP, message));
	cr_assert_eq(key_wrapper_sign_calls(), 0);
}
