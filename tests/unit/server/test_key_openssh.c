/* OpenSSH's key files, and keys without a private half as libssh takes them. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <libssh/libssh.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "key_samples.h"
#include "server/base/io.h"
#include "server/key_dummy.h"
#include "server/key_openssh.h"

TestSuite(key_openssh, .timeout = 60);

Test(key_openssh, what_is_written_is_read_again)
{
	for (size_t i = 0; i < KEY_SAMPLES_COUNT; i++) {
		EVP_PKEY *key = key_sample_make(key_samples[i].kind);
		char *text = key_openssh_write(key, "a comment");
		const char *problem = NULL;
		EVP_PKEY *again;

		cr_assert_not_null(text);
		cr_assert(key_openssh_is(text));
		again = key_openssh_read(text, &problem);
		cr_assert_not_null(again, "%s: %s", key_samples[i].name, problem);
		cr_expect_eq(EVP_PKEY_eq(key, again), 1);
		EVP_PKEY_free(again);
		EVP_PKEY_free(key);
		key_openssh_text_free(&text);
		cr_expect_null(text);
	}
}

Test(key_openssh, damage_is_noticed_wherever_it_is)
{
	EVP_PKEY *key = key_sample_make(KEY_KIND_ED25519);
	char *text = key_openssh_write(key, "");
	const size_t length = strlen(text);

	for (size_t i = 0; i < length; i++) {
		const char *problem = NULL;
		char *cut = strndup(text, i);
		EVP_PKEY *read = key_openssh_read(cut, &problem);

		/* The last line's end may be missing. */
		cr_expect_eq(read == NULL, i < length - 1, "cut at %zu of %zu", i, length);
		cr_expect(read != NULL || problem != NULL);
		EVP_PKEY_free(read);
		free(cut);
	}
	for (size_t i = 0; i < length; i++) {
		const char *problem = NULL;
		EVP_PKEY *read;
		char kept = text[i];

		text[i] = '*'; /* not a character of base64 */
		read = key_openssh_read(text, &problem);
		cr_expect_eq(read == NULL, i != length - 1, "byte %zu", i);
		EVP_PKEY_free(read);
		text[i] = kept;
	}
	key_openssh_text_free(&text);
	EVP_PKEY_free(key);
}

/* 0 when the program ran and succeeded, 127 when it is not there. */
static int run(char *const arguments[])
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		int fd = open("/dev/null", O_RDWR);

		dup2(fd, 1);
		dup2(fd, 2);
		execvp(arguments[0], arguments);
		_exit(127);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static char *make_with_ssh_keygen(const char *directory, const char *type, const char *passphrase)
{
	char path[128];
	char *arguments[] = { strdup("ssh-keygen"), strdup("-q"), strdup("-t"), strdup(type), strdup("-N"),
		strdup(passphrase), strdup("-f"), path, NULL };
	int status;
	char *text;

	snprintf(path, sizeof(path), "%s/%s%s", directory, type, passphrase);
	status = run(arguments);
	for (size_t i = 0; i < 7; i++)
		free(arguments[i]);
	if (status == 127)
		return NULL;
	cr_assert_eq(status, 0);
	text = io_read_file(AT_FDCWD, path, 65536, NULL);
	unlink(path);
	snprintf(path, sizeof(path), "%s/%s%s.pub", directory, type, passphrase);
	unlink(path);
	return text;
}

Test(key_openssh, keys_of_ssh_keygen_are_read_but_not_those_with_a_passphrase)
{
	static const char *const types[] = { "ed25519", "ecdsa", "rsa" };
	char directory[] = "/tmp/transom-keys-XXXXXX";
	const char *problem = NULL;
	EVP_PKEY *key;
	char *text;

	cr_assert_not_null(mkdtemp(directory));
	for (size_t i = 0; i < 3; i++) {
		text = make_with_ssh_keygen(directory, types[i], "");
		if (text == NULL) {
			rmdir(directory);
			cr_skip_test("no ssh-keygen here");
		}
		key = key_openssh_read(text, &problem);
		cr_expect_not_null(key, "%s: %s", types[i], problem);
		EVP_PKEY_free(key);
		free(text);
	}
	text = make_with_ssh_keygen(directory, "ed25519", "secret");
	cr_expect_null(key_openssh_read(text, &problem));
	cr_expect_not_null(strstr(problem, "passphrase"));
	free(text);
	rmdir(directory);
}

/* --- the public half ------------------------------------------------------------------------ */

Test(key_openssh, libssh_takes_a_dummy_for_the_true_key_and_knows_its_public_half)
{
	for (size_t i = 0; i < KEY_SAMPLES_COUNT; i++) {
		EVP_PKEY *key = key_sample_make(key_samples[i].kind);
		size_t length;
		uint8_t *der = key_sample_public(key, &length);
		char *text = key_dummy_ssh_text(der, length);
		uint8_t blob[KEY_OPENSSH_BLOB_MAX_BYTES];
		char expected[2 * KEY_OPENSSH_BLOB_MAX_BYTES];
		char *found = NULL;
		ssh_key imported = NULL;

		cr_assert_not_null(text);
		cr_assert_eq(ssh_pki_import_privkey_base64(text, NULL, NULL, NULL, &imported), SSH_OK, "%s",
		    key_samples[i].name);
		cr_assert_eq(ssh_key_is_private(imported), 1);
		cr_assert_eq(ssh_pki_export_pubkey_base64(imported, &found), SSH_OK);
		EVP_EncodeBlock((unsigned char *)expected, blob, (int)key_openssh_public(key, blob));
		cr_expect_str_eq(found, expected, "%s", key_samples[i].name);
		cr_expect_str_eq(ssh_key_type_to_char(ssh_key_type(imported)), key_openssh_type(key));
		ssh_string_free_char(found);
		ssh_key_free(imported);
		free(text);
		OPENSSL_free(der);
		EVP_PKEY_free(key);
	}
}

Test(key_openssh, the_fingerprint_is_that_of_libssh)
{
	EVP_PKEY *key = key_sample_make(KEY_KIND_P256);
	char *text = key_openssh_write(key, "");
	char fingerprint[KEY_FINGERPRINT_BYTES];
	ssh_key imported = NULL;
	unsigned char *hash = NULL;
	size_t hash_length = 0;
	char *expected;

	cr_assert_eq(ssh_pki_import_privkey_base64(text, NULL, NULL, NULL, &imported), SSH_OK);
	cr_assert_eq(ssh_get_publickey_hash(imported, SSH_PUBLICKEY_HASH_SHA256, &hash, &hash_length), 0);
	expected = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, hash_length);
	cr_assert(key_openssh_fingerprint(key, fingerprint));
	cr_expect_str_eq(fingerprint, expected);
	ssh_string_free_char(expected);
	ssh_clean_pubkey_hash(&hash);
	ssh_key_free(imported);
	key_openssh_text_free(&text);
	EVP_PKEY_free(key);
}

Test(key_openssh, a_key_of_another_kind_is_nobodys)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	uint8_t blob[KEY_OPENSSH_BLOB_MAX_BYTES];
	char fingerprint[KEY_FINGERPRINT_BYTES];
	size_t length;
	uint8_t *der = key_sample_public(key, &length);

	cr_expect_null(key_openssh_write(key, ""));
	cr_expect_null(key_openssh_type(key));
	cr_expect_eq(key_openssh_public(key, blob), 0);
	cr_expect_not(key_openssh_fingerprint(key, fingerprint));
	cr_expect_null(key_dummy_new(der, length));
	cr_expect_null(key_dummy_ssh_text(der, length));
	cr_expect_null(key_dummy_new((const uint8_t *)"nonsense", 8));
	OPENSSL_free(der);
	EVP_PKEY_free(key);
}
