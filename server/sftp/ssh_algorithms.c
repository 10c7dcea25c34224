#include "server/sftp/ssh_algorithms.h"

#include <string.h>

#include "server/base/text.h"

#define MODERN (1u << CONF_ALGORITHMS_MODERN)
#define COMPAT (1u << CONF_ALGORITHMS_COMPAT)
#define LEGACY (1u << CONF_ALGORITHMS_LEGACY)
#define ALWAYS (MODERN | COMPAT | LEGACY)

#define KEX(text, who) { .kind = SSH_ALGORITHM_KEX, .name = (text), .profiles = (who) }
#define HOST_KEY(text, who) { .kind = SSH_ALGORITHM_HOST_KEY, .name = (text), .profiles = (who) }
#define LOGIN_KEY(text, who) { .kind = SSH_ALGORITHM_LOGIN_KEY, .name = (text), .profiles = (who) }
#define CIPHER(text, who) { .kind = SSH_ALGORITHM_CIPHER, .name = (text), .profiles = (who) }
#define MAC(text, who) { .kind = SSH_ALGORITHM_MAC, .name = (text), .profiles = (who) }

/* clang-format off */
const struct ssh_algorithm ssh_algorithms[] = {
	KEX("curve25519-sha256", ALWAYS),
	KEX("curve25519-sha256@libssh.org", ALWAYS),
	KEX("ecdh-sha2-nistp256", COMPAT | LEGACY),
	KEX("ecdh-sha2-nistp384", COMPAT | LEGACY),
	KEX("ecdh-sha2-nistp521", COMPAT | LEGACY),
	KEX("diffie-hellman-group16-sha512", ALWAYS),
	KEX("diffie-hellman-group18-sha512", ALWAYS),
	KEX("diffie-hellman-group14-sha256", COMPAT | LEGACY),
	KEX("diffie-hellman-group14-sha1", LEGACY),
	KEX("diffie-hellman-group1-sha1", LEGACY),

	HOST_KEY("ssh-ed25519", ALWAYS),
	HOST_KEY("rsa-sha2-512", ALWAYS),
	HOST_KEY("rsa-sha2-256", ALWAYS),
	HOST_KEY("ecdsa-sha2-nistp256", COMPAT | LEGACY),
	HOST_KEY("ecdsa-sha2-nistp384", COMPAT | LEGACY),
	HOST_KEY("ecdsa-sha2-nistp521", COMPAT | LEGACY),
	HOST_KEY("ssh-rsa", LEGACY),

	/* Whose key it is, its owner has chosen: NIST curves, too.  No certificates. */
	LOGIN_KEY("ssh-ed25519", ALWAYS),
	LOGIN_KEY("sk-ssh-ed25519@openssh.com", ALWAYS),
	LOGIN_KEY("ecdsa-sha2-nistp256", ALWAYS),
	LOGIN_KEY("ecdsa-sha2-nistp384", ALWAYS),
	LOGIN_KEY("ecdsa-sha2-nistp521", ALWAYS),
	LOGIN_KEY("sk-ecdsa-sha2-nistp256@openssh.com", ALWAYS),
	LOGIN_KEY("rsa-sha2-512", ALWAYS),
	LOGIN_KEY("rsa-sha2-256", ALWAYS),
	LOGIN_KEY("ssh-rsa", LEGACY),

	/* GCM first: hardware does it, and no MAC besides. */
	CIPHER("aes128-gcm@openssh.com", ALWAYS),
	CIPHER("aes256-gcm@openssh.com", ALWAYS),
	CIPHER("chacha20-poly1305@openssh.com", ALWAYS),
	CIPHER("aes128-ctr", ALWAYS),
	CIPHER("aes192-ctr", ALWAYS),
	CIPHER("aes256-ctr", ALWAYS),
	CIPHER("aes128-cbc", LEGACY),
	CIPHER("aes192-cbc", LEGACY),
	CIPHER("aes256-cbc", LEGACY),
	CIPHER("3des-cbc", LEGACY),

	MAC("hmac-sha2-256-etm@openssh.com", ALWAYS),
	MAC("hmac-sha2-512-etm@openssh.com", ALWAYS),
	/* Last, for libssh2 before 1.11 (curl of Debian 12), which knows no others that are sound. */
	MAC("hmac-sha2-256", ALWAYS),
	MAC("hmac-sha2-512", ALWAYS),
	MAC("hmac-sha1-etm@openssh.com", LEGACY),
	MAC("hmac-sha1", LEGACY),
};
/* clang-format on */
const size_t ssh_algorithms_count = sizeof(ssh_algorithms) / sizeof(ssh_algorithms[0]);

/* The option of ssh { } that takes a profile's place; keys have none. */
static const char *override(const struct conf_ssh *ssh, enum ssh_algorithm_kind kind)
{
	switch (kind) {
	case SSH_ALGORITHM_KEX:
		return ssh->kex;
	case SSH_ALGORITHM_CIPHER:
		return ssh->ciphers;
	case SSH_ALGORITHM_MAC:
		return ssh->macs;
	case SSH_ALGORITHM_HOST_KEY:
	case SSH_ALGORITHM_LOGIN_KEY:
	case SSH_ALGORITHM_KINDS:
		break;
	}
	return "";
}

/* Those of a kind that one of the profiles has. */
static void list_profiles(
    unsigned profiles, enum ssh_algorithm_kind kind, char out[SSH_ALGORITHMS_LIST_BYTES])
{
	size_t length = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ssh_algorithms_count; i++) {
		const struct ssh_algorithm *row = &ssh_algorithms[i];

		if (row->kind != kind || (row->profiles & profiles) == 0)
			continue;
		if (!text_format(out + length, SSH_ALGORITHMS_LIST_BYTES - length, "%s%s",
		        length > 0 ? "," : "", row->name))
			return;
		length += strlen(out + length);
	}
}

void ssh_algorithms_list(const struct conf_ssh *ssh, int profile, enum ssh_algorithm_kind kind,
    char out[SSH_ALGORITHMS_LIST_BYTES])
{
	const char *given = override(ssh, kind);

	if (given != NULL && given[0] != '\0')
		text_copy(out, SSH_ALGORITHMS_LIST_BYTES, given);
	else
		list_profiles(1u << profile, kind, out);
}

bool ssh_algorithms_know(enum ssh_algorithm_kind kind, const char *name, size_t length)
{
	for (size_t i = 0; i < ssh_algorithms_count; i++) {
		const struct ssh_algorithm *row = &ssh_algorithms[i];

		if (row->kind == kind && strlen(row->name) == length &&
		    memcmp(row->name, name, length) == 0)
			return true;
	}
	return false;
}

static bool check_list(const char *option, const char *list, enum ssh_algorithm_kind kind,
    char *message, size_t message_bytes)
{
	char allowed[SSH_ALGORITHMS_LIST_BYTES];

	if (list == NULL || *list == '\0')
		return true;
	for (;;) {
		size_t item = strcspn(list, ",");

		if (!ssh_algorithms_know(kind, list, item)) {
			list_profiles(ALWAYS, kind, allowed);
			text_format(message, message_bytes,
			    "ssh.%s: \"%.*s\" is not served; allowed, separated by commas: %s", option,
			    (int)item, list, allowed);
			return false;
		}
		if (list[item] == '\0')
			return true;
		list += item + 1;
	}
}

bool ssh_algorithms_check(const struct conf *conf, char *message, size_t message_bytes)
{
	static const struct {
		const char *option;
		enum ssh_algorithm_kind kind;
	} options[] = {
		{ "kex", SSH_ALGORITHM_KEX },
		{ "ciphers", SSH_ALGORITHM_CIPHER },
		{ "macs", SSH_ALGORITHM_MAC },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (!check_list(options[i].option, override(&conf->ssh, options[i].kind),
		        options[i].kind, message, message_bytes))
			return false;
	}
	return true;
}

/* --- docs/SFTP.md ------------------------------------------------------------------------------ */

void ssh_algorithms_print(FILE *out)
{
	static const char *const kinds[SSH_ALGORITHM_KINDS] = {
		[SSH_ALGORITHM_KEX] = "key exchange",
		[SSH_ALGORITHM_HOST_KEY] = "host key",
		[SSH_ALGORITHM_LOGIN_KEY] = "login by key",
		[SSH_ALGORITHM_CIPHER] = "cipher",
		[SSH_ALGORITHM_MAC] = "MAC",
	};

	fprintf(out, "| kind | name | modern | compat | legacy |\n|---|---|---|---|---|\n");
	for (size_t i = 0; i < ssh_algorithms_count; i++) {
		const struct ssh_algorithm *row = &ssh_algorithms[i];

		fprintf(out, "| %s | `%s` | %s | %s | %s |\n", kinds[row->kind], row->name,
		    (row->profiles & MODERN) != 0 ? "yes" : "-",
		    (row->profiles & COMPAT) != 0 ? "yes" : "-",
		    (row->profiles & LEGACY) != 0 ? "yes" : "-");
	}
}
