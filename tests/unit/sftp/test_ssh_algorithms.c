#include <criterion/criterion.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <string.h>

#include "auth/auth_key.h"
#include "server/sftp/ssh_algorithms.h"

static char nothing[] = "";

static struct conf_ssh no_override(void)
{
	return (struct conf_ssh){ .kex = nothing, .ciphers = nothing, .macs = nothing };
}

static bool holds(const char *list, const char *name)
{
	const size_t length = strlen(name);

	for (const char *at = list; (at = strstr(at, name)) != NULL; at += length) {
		if ((at == list || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
			return true;
	}
	return false;
}

Test(ssh_algorithms, names_stand_once_for_each_purpose)
{
	for (size_t i = 0; i < ssh_algorithms_count; i++) {
		for (size_t j = i + 1; j < ssh_algorithms_count; j++)
			cr_assert(ssh_algorithms[i].kind != ssh_algorithms[j].kind ||
			          strcmp(ssh_algorithms[i].name, ssh_algorithms[j].name) != 0);
	}
}

Test(ssh_algorithms, every_profile_holds_those_that_are_stricter)
{
	for (size_t i = 0; i < ssh_algorithms_count; i++) {
		const unsigned profiles = ssh_algorithms[i].profiles;
		const unsigned modern = 1u << CONF_ALGORITHMS_MODERN;
		const unsigned compat = 1u << CONF_ALGORITHMS_COMPAT;
		const unsigned legacy = 1u << CONF_ALGORITHMS_LEGACY;

		cr_assert(profiles == (modern | compat | legacy) || profiles == (compat | legacy) ||
		              profiles == legacy,
		    "%s", ssh_algorithms[i].name);
	}
}

Test(ssh_algorithms, libssh_knows_every_row)
{
	static const enum ssh_bind_options_e options[SSH_ALGORITHM_KINDS] = {
		[SSH_ALGORITHM_KEX] = SSH_BIND_OPTIONS_KEY_EXCHANGE,
		[SSH_ALGORITHM_HOST_KEY] = SSH_BIND_OPTIONS_HOSTKEY_ALGORITHMS,
		[SSH_ALGORITHM_LOGIN_KEY] = SSH_BIND_OPTIONS_PUBKEY_ACCEPTED_KEY_TYPES,
		[SSH_ALGORITHM_CIPHER] = SSH_BIND_OPTIONS_CIPHERS_S_C,
		[SSH_ALGORITHM_MAC] = SSH_BIND_OPTIONS_HMAC_S_C,
	};

	for (size_t i = 0; i < ssh_algorithms_count; i++) {
		ssh_bind bind = ssh_bind_new();

		cr_assert_not_null(bind);
		cr_assert_eq(
		    ssh_bind_options_set(bind, options[ssh_algorithms[i].kind], ssh_algorithms[i].name),
		    SSH_OK, "%s", ssh_algorithms[i].name);
		ssh_bind_free(bind);
	}
}

Test(ssh_algorithms, modern_has_nothing_that_is_doubted)
{
	static const char *const doubted[] = { "nistp", "sha1", "cbc", "group14", "group1-", "exchange", "ssh-rsa" };
	const struct conf_ssh ssh = no_override();
	char list[SSH_ALGORITHMS_LIST_BYTES];

	for (int kind = 0; kind < SSH_ALGORITHM_KINDS; kind++) {
		ssh_algorithms_list(&ssh, CONF_ALGORITHMS_MODERN, (enum ssh_algorithm_kind)kind, list);
		cr_assert_gt(strlen(list), 0);
		/* A user's key may be on a NIST curve, which many tokens only know. */
		for (size_t i = kind == SSH_ALGORITHM_LOGIN_KEY; i < sizeof(doubted) / sizeof(doubted[0]); i++)
			cr_assert_null(strstr(list, doubted[i]), "%s", list);
	}
	ssh_algorithms_list(&ssh, CONF_ALGORITHMS_MODERN, SSH_ALGORITHM_CIPHER, list);
	cr_assert_eq(strncmp(list, "aes128-gcm@openssh.com,", 23), 0);
}

/* RSA alone has algorithms of other names than its keys' type. */
Test(ssh_algorithms, clients_may_sign_with_every_type_of_key_that_the_guard_knows_and_no_certificate)
{
	const struct conf_ssh ssh = no_override();
	char list[SSH_ALGORITHMS_LIST_BYTES];
	size_t commas = 0;

	ssh_algorithms_list(&ssh, CONF_ALGORITHMS_MODERN, SSH_ALGORITHM_LOGIN_KEY, list);
	for (size_t i = 0; i < auth_key_type_count; i++)
		cr_assert_eq(holds(list, auth_key_types[i].name), auth_key_types[i].algorithm != AUTH_KEY_RSA, "%s",
		    auth_key_types[i].name);
	cr_assert(holds(list, "rsa-sha2-512") && holds(list, "rsa-sha2-256"));
	for (const char *at = list; *at != '\0'; at++)
		commas += *at == ',';
	cr_assert_eq(commas, auth_key_type_count, "%s", list);
	ssh_algorithms_list(&ssh, CONF_ALGORITHMS_LEGACY, SSH_ALGORITHM_LOGIN_KEY, list);
	cr_assert(holds(list, "ssh-rsa"));
}

Test(ssh_algorithms, wider_profiles_add)
{
	const struct conf_ssh ssh = no_override();
	char list[SSH_ALGORITHMS_LIST_BYTES];

	ssh_algorithms_list(&ssh, CONF_ALGORITHMS_COMPAT, SSH_ALGORITHM_KEX, list);
	cr_assert(holds(list, "ecdh-sha2-nistp256"));
	cr_assert_not(holds(list, "diffie-hellman-group14-sha1"));
	ssh_algorithms_list(&ssh, CONF_ALGORITHMS_LEGACY, SSH_ALGORITHM_KEX, list);
	cr_assert(holds(list, "diffie-hellman-group1-sha1"));
	ssh_algorithms_list(&ssh, CONF_ALGORITHMS_LEGACY, SSH_ALGORITHM_CIPHER, list);
	cr_assert(holds(list, "3des-cbc"));
}

Test(ssh_algorithms, the_configuration_takes_the_place_of_a_profile)
{
	char ciphers[] = "aes256-ctr,3des-cbc";
	struct conf_ssh ssh = no_override();
	char list[SSH_ALGORITHMS_LIST_BYTES];

	ssh.ciphers = ciphers;
	ssh_algorithms_list(&ssh, CONF_ALGORITHMS_MODERN, SSH_ALGORITHM_CIPHER, list);
	cr_assert_str_eq(list, ciphers);
	ssh_algorithms_list(&ssh, CONF_ALGORITHMS_MODERN, SSH_ALGORITHM_KEX, list);
	cr_assert(holds(list, "curve25519-sha256"));
}

Test(ssh_algorithms, unknown_names_are_told_with_those_allowed)
{
	static const struct {
		const char *list;
		bool good;
		const char *told;
	} rows[] = {
		{ "hmac-sha2-256", true, NULL },
		{ "hmac-sha2-256,hmac-sha1", true, NULL },
		{ "", true, NULL },
		{ "hmac-md5", false, "\"hmac-md5\"" },
		{ "hmac-sha2-256,", false, "\"\"" },
		{ "hmac-sha2-256 ,hmac-sha1", false, "\"hmac-sha2-256 \"" },
		{ "aes128-ctr", false, "\"aes128-ctr\"" },
		{ "hmac-sha2-25", false, "\"hmac-sha2-25\"" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char macs[64];
		struct conf conf = { .ssh = no_override() };
		char message[CONF_MESSAGE_BYTES] = "";

		strncpy(macs, rows[i].list, sizeof(macs) - 1);
		macs[sizeof(macs) - 1] = '\0';
		conf.ssh.macs = macs;
		cr_assert_eq(ssh_algorithms_check(&conf, message, sizeof(message)), rows[i].good, "%s",
		    rows[i].list);
		if (rows[i].good)
			continue;
		cr_assert_not_null(strstr(message, rows[i].told), "%s", message);
		cr_assert_not_null(strstr(message, "ssh.macs"), "%s", message);
		cr_assert_not_null(strstr(message, "hmac-sha2-512-etm@openssh.com"), "%s", message);
	}
}
