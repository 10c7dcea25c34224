/* Checks of private keys: their files, and the host keys of SSH. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/base/io.h"
#include "server/base/secret.h"
#include "server/base/text.h"
#include "server/ctl_check_private.h"
#include "server/key_openssh.h"

#define KEY_FILE_MAX_BYTES (1u << 20)
#define WHAT_BYTES         300
#define RSA_LEAST_BITS     2048

/* --- any private key ---------------------------------------------------------------------------- */

bool ctl_check_key_file(
    struct ctl_check *check, const char *what, const char *path, unsigned forbidden)
{
	struct stat status;

	if (stat(path, &status) != 0) {
		ctl_check_say(check, CTL_CHECK_ERROR, what,
		    errno == EACCES ? "as root, transomctl check can read it" : "put the private key there",
		    "%s: %s", path, strerror(errno));
		return false;
	}
	if (!S_ISREG(status.st_mode)) {
		ctl_check_say(check, CTL_CHECK_ERROR, what, "name a file", "%s is no file", path);
		return false;
	}
	if ((status.st_mode & forbidden) == 0)
		return true;
	ctl_check_say(check, CTL_CHECK_ERROR, what,
	    forbidden == CTL_CHECK_SSH_FORBIDDEN ? "chmod 600" : "chmod 640, or 600",
	    "others may read or write the private key in %s, and the server refuses it", path);
	return false;
}

/* No passphrase: a server has nobody to ask.  The default would ask at the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *context)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)context;
	return 0;
}

static EVP_PKEY *read_pem(const char *text, size_t length, const char **problem)
{
	BIO *memory = BIO_new_mem_buf(text, (int)length);
	EVP_PKEY *key =
	    memory == NULL ? NULL : PEM_read_bio_PrivateKey(memory, NULL, no_passphrase, NULL);

	if (key == NULL)
		*problem = strstr(text, "ENCRYPTED") != NULL
		               ? "the private key has a passphrase, and the server cannot ask for it"
		               : "it holds no private key";
	BIO_free(memory);
	ERR_clear_error();
	return key;
}

EVP_PKEY *ctl_check_read_key(const char *path, const char **problem)
{
	size_t length = 0;
	char *text = io_read_file(AT_FDCWD, path, KEY_FILE_MAX_BYTES, &length);
	EVP_PKEY *key;

	if (text == NULL) {
		*problem = strerror(errno);
		return NULL;
	}
	key = key_openssh_is(text) ? key_openssh_read(text, problem) : read_pem(text, length, problem);
	secret_wipe(text, length);
	free(text);
	return key;
}

/* --- SSH ---------------------------------------------------------------------------------------- */

/* The type of the key, told of; NULL when it is of no use. */
static const char *check_host_key(struct ctl_check *check, const char *what, const char *path)
{
	char fingerprint[KEY_FINGERPRINT_BYTES];
	const char *problem = NULL;
	const char *type = NULL;
	EVP_PKEY *key = NULL;

	if (!ctl_check_key_file(check, what, path, CTL_CHECK_SSH_FORBIDDEN))
		return NULL;
	key = ctl_check_read_key(path, &problem);
	if (key == NULL) {
		ctl_check_say(check, CTL_CHECK_ERROR, what, "make one: ssh-keygen -t ed25519 -N '' -f FILE", "%s: %s",
		    path, problem);
		return NULL;
	}
	type = key_openssh_type(key);
	if (type == NULL || !key_openssh_fingerprint(key, fingerprint)) {
		ctl_check_say(check, CTL_CHECK_ERROR, what, "use Ed25519, ECDSA or RSA",
		    "%s holds a key of a type that is no host key", path);
		type = NULL;
	} else if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) < RSA_LEAST_BITS) {
		ctl_check_say(check, CTL_CHECK_ERROR, what, "make a new one, Ed25519 or RSA with 3072 bits",
		    "%s: RSA with %d bits is too weak", path, EVP_PKEY_get_bits(key));
	} else {
		ctl_check_say(check, CTL_CHECK_OK, what, NULL, "%s %s %s", path, type, fingerprint);
	}
	EVP_PKEY_free(key);
	return type;
}

/* "ssh-ed25519", "ecdsa-sha2-nistp384": keys of ECDSA count as one kind, whatever their curve. */
static bool is_same_kind(const char *a, const char *b)
{
	static const char ecdsa[] = "ecdsa-";
	const size_t length = sizeof(ecdsa) - 1;

	return strcmp(a, b) == 0 ||
	       (strncmp(a, ecdsa, length) == 0 && strncmp(b, ecdsa, length) == 0);
}

/* Keys that the server made for itself. */
static void check_made_keys(struct ctl_check *check)
{
	static const char *const kinds[] = { "ed25519", "ecdsa", "rsa" };
	char path[CONF_PATH_BYTES + 64];
	size_t found = 0;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct stat status;

		text_format(path, sizeof(path), "%s/ssh_host_%s_key", check->conf->state_dir, kinds[i]);
		if (stat(path, &status) != 0 && errno == ENOENT)
			continue;
		check_host_key(check, "host_keys", path);
		found++;
	}
	if (found == 0)
		ctl_check_say(check, CTL_CHECK_OK, "host_keys", NULL,
		    "they are made in %s when the server starts", check->conf->state_dir);
}

void ctl_check_host_keys(struct ctl_check *check)
{
	const struct conf_list *files = &check->conf->ssh.host_keys;
	const char *types[16] = { NULL };

	if (!ctl_check_has_protocol(check->conf, CONF_PROTOCOL_SFTP))
		return;
	if (files->count == 0)
		check_made_keys(check);
	for (size_t i = 0; i < files->count && i < sizeof(types) / sizeof(types[0]); i++) {
		types[i] = check_host_key(check, "host_keys", files->items[i]);
		for (size_t j = 0; types[i] != NULL && j < i; j++)
			if (types[j] != NULL && is_same_kind(types[i], types[j]))
				ctl_check_say(check, CTL_CHECK_ERROR, "host_keys", "keep one of each type",
				    "%s and %s are of the same type", files->items[j], files->items[i]);
	}
}
