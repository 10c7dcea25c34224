/* Which private keys a configuration names, and which of them may be used. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "key_samples.h"
#include "server/keeper_keys.h"
#include "server/key_dummy.h"
#include "server/key_openssh.h"

TestSuite(keeper_keys, .timeout = 60);

static char base[64];
static struct conf *conf;
static struct keeper_keys keys;
static char message[CONF_MESSAGE_BYTES];

static void start(void)
{
	strcpy(base, "/tmp/transom-keeper-XXXXXX");
	cr_assert_not_null(mkdtemp(base));
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	(void)where;
	return remove(path);
}

static void stop(void)
{
	keeper_keys_clear(&keys);
	conf_free(&conf);
	nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", base, name);
	return path;
}

static void configure(const char *text)
{
	char whole[2048];

	snprintf(whole, sizeof(whole), "state_dir = \"%s\"\n%s\n", base, text);
	conf_free(&conf);
	cr_assert_eq(conf_parse(&conf, path_of("transom.conf"), whole, message), CONF_OK, "%s", message);
}

static bool load(enum keeper_missing missing)
{
	keeper_keys_clear(&keys);
	return keeper_keys_load(&keys, conf, missing, message);
}

static void write_text(const char *name, const char *text, mode_t mode)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	cr_assert_eq(fchmod(fd, mode), 0);
	close(fd);
}

/* PEM, with a passphrase when there is one. */
static void write_pem(const char *name, EVP_PKEY *key, const char *passphrase, mode_t mode)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long length;

	cr_assert_eq(PEM_write_bio_PKCS8PrivateKey(bio, key, passphrase != NULL ? EVP_aes_128_cbc() : NULL,
	                 passphrase, passphrase != NULL ? (int)strlen(passphrase) : 0, NULL, NULL),
	    1);
	length = BIO_get_mem_data(bio, &text);
	text = strndup(text, (size_t)length);
	write_text(name, text, mode);
	free(text);
	BIO_free(bio);
}

static void write_sample(const char *name, enum key_kind kind, mode_t mode)
{
	EVP_PKEY *key = key_sample_make(kind);

	write_pem(name, key, NULL, mode);
	EVP_PKEY_free(key);
}

static mode_t mode_of(const char *name)
{
	struct stat status;

	cr_assert_eq(stat(path_of(name), &status), 0, "%s", name);
	return status.st_mode & 07777;
}

/* --- keys of its own ------------------------------------------------------------------------ */

Test(keeper_keys, host_keys_are_made_once_and_kept, .init = start, .fini = stop)
{
	static const char *const names[] = { "ssh_host_ed25519_key", "ssh_host_ecdsa_key",
		"ssh_host_rsa_key" };
	static const enum key_kind kinds[] = { KEY_KIND_ED25519, KEY_KIND_P256, KEY_KIND_RSA };
	char first[3][KEY_FINGERPRINT_BYTES];
	char again[KEY_FINGERPRINT_BYTES];

	configure("listener \"sftp\" { protocol = \"sftp\" }");
	cr_assert(load(KEEPER_MISSING_MAKE), "%s", message);
	cr_assert_eq(keys.count, 3);
	for (size_t i = 0; i < 3; i++) {
		cr_expect_eq(keys.keys[i].kind, kinds[i]);
		cr_expect_eq(keys.keys[i].use, KEEPER_USE_SSH);
		cr_expect_str_eq(keys.keys[i].title, path_of(names[i]));
		cr_expect_eq(mode_of(names[i]), 0600);
		cr_assert(key_openssh_fingerprint(keys.keys[i].key, first[i]));
	}
	cr_expect_eq(EVP_PKEY_get_bits(keys.keys[2].key), 3072);
	cr_assert(load(KEEPER_MISSING_MAKE), "%s", message);
	for (size_t i = 0; i < 3; i++) {
		cr_assert(key_openssh_fingerprint(keys.keys[i].key, again));
		cr_expect_str_eq(again, first[i]);
	}
}

Test(keeper_keys, a_check_makes_nothing, .init = start, .fini = stop)
{
	configure("listener \"sftp\" { protocol = \"sftp\" }");
	cr_expect(load(KEEPER_MISSING_SKIP));
	cr_expect_eq(keys.count, 0);
	cr_expect_neq(access(path_of("ssh_host_ed25519_key"), F_OK), 0);
}

Test(keeper_keys, only_sftp_listeners_need_host_keys, .init = start, .fini = stop)
{
	configure("listener \"ftp\" { protocol = \"ftp\" }");
	cr_expect_not(conf_needs_keeper(conf));
	cr_expect(load(KEEPER_MISSING_MAKE));
	cr_expect_eq(keys.count, 0);
}

/* --- keys of the administrator's ------------------------------------------------------------ */

Test(keeper_keys, keys_are_numbered_in_the_order_of_the_configuration, .init = start, .fini = stop)
{
	write_sample("a", KEY_KIND_RSA, 0600);
	write_sample("b", KEY_KIND_P384, 0600);
	write_sample("c", KEY_KIND_P256, 0600);
	write_sample("d", KEY_KIND_ED25519, 0600);
	write_sample("e", KEY_KIND_RSA, 0600);
	configure("listener \"sftp\" { protocol = \"sftp\" }\nssh { host_keys = { \"a\", \"b\" } }\n"
	          "tls { key = \"c\" }\ntls_host \"x\" { key = \"d\" }\ntls_host \"y\" { key = \"e\" }");
	cr_assert(load(KEEPER_MISSING_MAKE), "%s", message);
	cr_assert_eq(keys.count, 5);
	for (size_t i = 0; i < 5; i++) {
		const char name[] = { (char)('a' + i), '\0' };

		cr_expect_str_eq(keys.keys[i].title, path_of(name));
		cr_expect_eq(keys.keys[i].use, i < 2 ? KEEPER_USE_SSH : KEEPER_USE_TLS);
	}
	cr_expect(conf_needs_keeper(conf));
}

Test(keeper_keys, a_key_that_others_may_read_is_refused, .init = start, .fini = stop)
{
	static const struct {
		mode_t mode;
		bool ssh, tls;
	} rows[] = {
		{ 0600, true, true },
		{ 0400, true, true },
		{ 0700, true, true },
		{ 0640, false, true },
		{ 0440, false, true },
		{ 0620, false, false },
		{ 0660, false, false },
		{ 0604, false, false },
		{ 0644, false, false },
		{ 0601, false, false },
	};

	write_sample("key", KEY_KIND_ED25519, 0600);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert_eq(chmod(path_of("key"), rows[i].mode), 0);
		configure("listener \"sftp\" { protocol = \"sftp\" }\nssh { host_keys = { \"key\" } }");
		cr_expect_eq(load(KEEPER_MISSING_MAKE), rows[i].ssh, "%04o", rows[i].mode);
		cr_expect(rows[i].ssh || strstr(message, "chmod 600") != NULL, "%s", message);
		configure("tls { key = \"key\" }");
		cr_expect_eq(load(KEEPER_MISSING_MAKE), rows[i].tls, "%04o", rows[i].mode);
	}
}

static void make_bad_files(void)
{
	EVP_PKEY *key = key_sample_make(KEY_KIND_P256);
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	EVP_PKEY *small = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	size_t length;
	uint8_t *der = key_sample_public(key, &length);
	char *dummy = key_dummy_ssh_text(der, length);
	char *large = malloc(70000);

	write_pem("locked", key, "secret", 0600);
	write_pem("other", other, NULL, 0600);
	write_pem("small", small, NULL, 0600);
	write_text("dummy", dummy, 0600);
	write_text("empty", "", 0600);
	write_text("garbage", "-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n", 0600);
	write_text("damaged", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
	    0600);
	memset(large, 'x', 69999);
	large[69999] = '\0';
	write_text("large", large, 0600);
	cr_assert_eq(mkdir(path_of("directory"), 0700), 0);
	cr_assert_eq(mkfifo(path_of("fifo"), 0600), 0);
	free(large);
	free(dummy);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	EVP_PKEY_free(small);
}

Test(keeper_keys, what_is_no_good_key_is_refused_with_file_and_cause, .init = start, .fini = stop)
{
	static const struct {
		const char *name, *cause;
	} rows[] = {
		{ "missing", "No such file" },
		{ "directory", "it is a directory" },
		{ "fifo", "it is no regular file" },
		{ "large", "it is too large" },
		{ "empty", "no private key in it" },
		{ "garbage", "no private key in it" },
		{ "damaged", "damaged" },
		{ "locked", "passphrase" },
		{ "other", "kind that is not supported" },
		{ "small", "too short" },
		{ "dummy", "do not belong together" },
	};
	char text[256];

	make_bad_files();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int tls = 0; tls < 2; tls++) {
			snprintf(text, sizeof(text),
			    tls ? "tls { key = \"%s\" }"
			        : "listener \"sftp\" { protocol = \"sftp\" }\nssh { host_keys = { \"%s\" } }",
			    rows[i].name);
			configure(text);
			message[0] = '\0';
			cr_expect_not(load(KEEPER_MISSING_MAKE), "%s", rows[i].name);
			cr_expect_not_null(strstr(message, rows[i].cause), "%s: %s", rows[i].name, message);
			cr_expect_not_null(strstr(message, rows[i].name));
			cr_expect_not_null(strstr(message, "transom.conf: "));
		}
}

Test(keeper_keys, one_host_key_of_a_kind_is_enough, .init = start, .fini = stop)
{
	write_sample("a", KEY_KIND_P256, 0600);
	write_sample("b", KEY_KIND_P384, 0600);
	configure("listener \"sftp\" { protocol = \"sftp\" }\nssh { host_keys = { \"a\", \"b\" } }");
	cr_expect_not(load(KEEPER_MISSING_MAKE));
	cr_expect_not_null(strstr(message, "one of its kind already"), "%s", message);
}

Test(keeper_keys, the_format_of_openssh_is_read_too, .init = start, .fini = stop)
{
	EVP_PKEY *key = key_sample_make(KEY_KIND_P521);
	char *text = key_openssh_write(key, "a comment");

	write_text("key", text, 0600);
	configure("tls { key = \"key\" }");
	cr_assert(load(KEEPER_MISSING_MAKE), "%s", message);
	cr_expect_eq(EVP_PKEY_eq(keys.keys[0].key, key), 1);
	key_openssh_text_free(&text);
	EVP_PKEY_free(key);
}
