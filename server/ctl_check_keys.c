/* Checks of private keys: their files, and the host keys of SSH. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/text.h"
#include "server/ctl_check_private.h"
#include "server/keeper_keys.h"
#include "server/key_openssh.h"

/* --- any private key ---------------------------------------------------------------------------- */

EVP_PKEY *ctl_check_key(
    struct ctl_check *check, const char *what, const char *path, enum keeper_use use)
{
	char wrong[KEEPER_WRONG_BYTES], message[CTL_CHECK_TEXT_BYTES];
	EVP_PKEY *key = keeper_keys_read(path, use, wrong);

	if (key != NULL)
		return key;
	if (access(path, R_OK) != 0 && errno == EACCES) {
		ctl_check_say(check, CTL_CHECK_ERROR, what, "as root, transomctl check can read it",
		    "%s: this user may not read it", path);
	} else {
		text_format(message, sizeof(message), "%s: %s", path, wrong);
		ctl_check_say_wrong(check, what, message);
	}
	return NULL;
}

/* --- SSH ---------------------------------------------------------------------------------------- */

/* The type of the key, told of; NULL when it is of no use. */
static const char *check_host_key(struct ctl_check *check, const char *what, const char *path)
{
	char fingerprint[KEY_FINGERPRINT_BYTES];
	const char *type = NULL;
	EVP_PKEY *key = ctl_check_key(check, what, path, KEEPER_USE_SSH);

	if (key == NULL)
		return NULL;
	type = key_openssh_type(key);
	if (type != NULL && key_openssh_fingerprint(key, fingerprint))
		ctl_check_say(check, CTL_CHECK_OK, what, NULL, "%s %s %s", path, type, fingerprint);
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
