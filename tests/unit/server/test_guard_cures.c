/* Cures of failed handshakes: each of them helps, and weaker algorithms are told to nobody whom they would not help. */
#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>

#include "server/guard_cures.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct conf conf;
static struct conf_listener listener;
static struct guard_cures_facts facts;

static void enter(void)
{
	conf = (struct conf){ .tls = { .min_version = CONF_TLS_1_2 } };
	listener = (struct conf_listener){ .protocol = CONF_PROTOCOL_FTP };
	facts = (struct guard_cures_facts){ .conf = &conf, .listener = &listener };
}

TestSuite(guard_cures, .init = enter, .timeout = 60);

static bool advises_weaker(const char *cure)
{
	return cure != NULL && (strstr(cure, "legacy") != NULL || strstr(cure, "compat") != NULL ||
	                           strstr(cure, "min_version = ") != NULL);
}

/* By every row, in every configuration that makes a difference. */
Test(guard_cures, weaker_algorithms_cure_only_a_lack_of_common_ones)
{
	static const char *const common[] = { "no shared", "no suitable", "no common", "protocol", "version too low",
		"inappropriate fallback" };

	for (size_t i = 0; i < guard_cures_count; i++) {
		const char *cause = guard_cures[i].cause;
		bool is_common = false;

		for (size_t j = 0; j < COUNT(common); j++)
			is_common |= strstr(cause, common[j]) != NULL;
		for (int protocol = 0; protocol < CONF_PROTOCOL_COUNT; protocol++)
			for (int profile = 0; profile < CONF_ALGORITHMS_LEGACY; profile++)
				for (int data = 0; data < 2; data++) {
					listener.protocol = protocol;
					listener.algorithms = profile;
					facts.data = data == 1;
					conf.tls.min_version = data == 1 ? CONF_TLS_1_3 : CONF_TLS_1_2;
					cr_expect(is_common || !advises_weaker(guard_cures_find(cause, &facts)),
					    "%s", cause);
				}
	}
}

Test(guard_cures, no_row_hides_another_and_each_has_something_to_say)
{
	listener.protocol = CONF_PROTOCOL_FTPS;
	for (size_t i = 0; i < guard_cures_count; i++) {
		const char *cure = guard_cures_find(guard_cures[i].cause, &facts);

		cr_expect((guard_cures[i].cure != NULL) != (guard_cures[i].choose != NULL), "%s", guard_cures[i].cause);
		cr_assert_not_null(cure, "%s", guard_cures[i].cause);
		if (guard_cures[i].cure != NULL)
			cr_expect_str_eq(cure, guard_cures[i].cure, "%s", guard_cures[i].cause);
	}
}

/* The words are OpenSSL's, which may change them. */
Test(guard_cures, what_openssl_says_is_understood)
{
	static const int reasons[] = { SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS,
		SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SSL_R_NO_SHARED_GROUPS, SSL_R_NO_SUITABLE_KEY_SHARE,
		SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW, SSL_R_TLSV1_ALERT_PROTOCOL_VERSION,
		SSL_R_INAPPROPRIATE_FALLBACK, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST,
		SSL_R_WRONG_VERSION_NUMBER, SSL_R_PACKET_LENGTH_TOO_LONG, SSL_R_NO_APPLICATION_PROTOCOL,
		SSL_R_TLSV1_ALERT_UNKNOWN_CA, SSL_R_SSLV3_ALERT_BAD_CERTIFICATE,
		SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED,
		SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED, SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE,
		SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, SSL_R_BAD_SIGNATURE };

	cr_assert_eq(OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, NULL), 1);
	for (size_t i = 0; i < COUNT(reasons); i++) {
		const char *text = ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, reasons[i]));

		cr_assert_not_null(text);
		cr_expect_not_null(guard_cures_find(text, &facts), "%s", text);
	}
	cr_expect_not_null(guard_cures_find(ERR_reason_error_string(ERR_PACK(ERR_LIB_SSL, 0, ERR_R_EVP_LIB)), &facts));
}

Test(guard_cures, what_nobody_can_mend_has_none)
{
	static const char *const causes[] = { "", "Connection reset by peer", "decryption failed or bad record mac",
		"the handshake is too long", "too many records without payload", "unexpected message" };

	for (size_t i = 0; i < COUNT(causes); i++)
		cr_expect_null(guard_cures_find(causes[i], &facts), "%s", causes[i]);
}

static void expect_cure(const char *failure, const char *part)
{
	const char *cure = guard_cures_find(failure, &facts);

	cr_assert_not_null(cure, "%s", failure);
	cr_expect_not_null(strstr(cure, part), "%s: %s", failure, cure);
}

Test(guard_cures, the_profile_and_lists_of_the_administrators_own_decide)
{
	listener.algorithms = CONF_ALGORITHMS_MODERN;
	expect_cure("no shared cipher", "compat or legacy");
	expect_cure("no suitable key share", "compat");
	listener.algorithms = CONF_ALGORITHMS_COMPAT;
	expect_cure("no shared cipher", "to legacy");
	cr_expect_not(advises_weaker(guard_cures_find("no suitable key share", &facts)));
	listener.algorithms = CONF_ALGORITHMS_LEGACY;
	cr_expect_not(advises_weaker(guard_cures_find("no shared cipher", &facts)));
	listener.algorithms = CONF_ALGORITHMS_MODERN;
	conf.tls.ciphers = (char[]){ "ECDHE-ECDSA-AES128-GCM-SHA256" };
	conf.tls.groups = (char[]){ "X25519" };
	expect_cure("no shared cipher", "ciphers or ciphersuites in tls { }");
	expect_cure("no suitable key share", "groups in tls { }");
	listener.protocol = CONF_PROTOCOL_SFTP;
	expect_cure("no common cipher", "compat or legacy");
	conf.ssh.kex = (char[]){ "curve25519-sha256" };
	expect_cure("no common key exchange method", "in ssh { }");
}

Test(guard_cures, an_old_version_is_cured_by_the_option_of_the_least_one)
{
	expect_cure("unsupported protocol", "update the client: TLS before 1.2 is never served");
	conf.tls.min_version = CONF_TLS_1_3;
	expect_cure("unsupported protocol", "min_version = 1.2 in tls { }");
}

Test(guard_cures, plain_text_is_told_by_where_it_came)
{
	expect_cure("wrong version number", "AUTH TLS");
	cr_expect_null(guard_cures_find("the handshake took too long", &facts));
	facts.data = true;
	expect_cure("wrong version number", "PROT P");
	listener.protocol = CONF_PROTOCOL_FTPS;
	expect_cure("wrong version number", "PROT P");
	cr_expect_null(guard_cures_find("the handshake took too long", &facts));
	facts.data = false;
	expect_cure("wrong version number", "implicit TLS");
	expect_cure("the handshake took too long", "implicit TLS");
}
