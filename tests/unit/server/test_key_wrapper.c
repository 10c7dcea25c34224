/* Who signs for whom: the wrapper on libcrypto alone, and under real handshakes of libssl. */
#include <criterion/criterion.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "key_samples.h"
#include "server/keeper_keys.h"
#include "server/key_dummy.h"
#include "server/key_wrapper.h"

TestSuite(key_wrapper, .timeout = 60);

static const EVP_MD *digest(const struct key_sample *sample)
{
	static const char *const names[] = { NULL, "SHA1", "SHA256", "SHA384", "SHA512" };

	return sample->digest == KEEPER_DIGEST_NONE ? NULL : EVP_get_digestbyname(names[sample->digest]);
}

static int sign(EVP_PKEY *key, const struct key_sample *sample, const char *text, uint8_t *out, size_t *length)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int result = 0;

	cr_assert_eq(EVP_DigestSignInit(context, NULL, digest(sample), NULL, key), 1);
	result = EVP_DigestSign(context, out, length, (const uint8_t *)text, strlen(text));
	EVP_MD_CTX_free(context);
	return result;
}

static int verify(EVP_PKEY *key, const struct key_sample *sample, const char *text, const uint8_t *signature,
    size_t length)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	int result;

	cr_assert_eq(EVP_DigestVerifyInit(context, NULL, digest(sample), NULL, key), 1);
	result = EVP_DigestVerify(context, signature, length, (const uint8_t *)text, strlen(text));
	EVP_MD_CTX_free(context);
	return result;
}

/* --- signatures ----------------------------------------------------------------------------- */

Test(key_wrapper, passes_on_to_libcrypto_unless_told_otherwise)
{
	uint8_t signature[1024];

	key_wrapper_divert_sign(NULL, NULL);
	for (size_t i = 0; i < KEY_SAMPLES_COUNT; i++) {
		EVP_PKEY *key = key_sample_make(key_samples[i].kind);
		size_t length = sizeof(signature);

		cr_assert_eq(sign(key, &key_samples[i], "a text", signature, &length), 1);
		cr_expect_eq(verify(key, &key_samples[i], "a text", signature, length), 1);
		cr_expect_neq(verify(key, &key_samples[i], "a test", signature, length), 1);
		EVP_PKEY_free(key);
	}
	cr_expect_eq(key_wrapper_sign_calls(), KEY_SAMPLES_COUNT);
	cr_expect_eq(key_wrapper_verify_calls(), 2 * KEY_SAMPLES_COUNT);
	cr_expect_null(key_wrapper_seen(), "nothing is remembered unless asked for");
}

struct diverted {
	unsigned calls;
	EVP_PKEY *key;
	enum keeper_digest digest;
	bool refuses;
};

static bool note(void *context, const struct key_wrapper_ask *ask, uint8_t *signature, size_t *length)
{
	struct diverted *seen = context;

	seen->calls++;
	seen->key = ask->key;
	seen->digest = ask->digest;
	cr_expect_not(ask->pss);
	cr_expect_eq(ask->length, 6);
	cr_expect_eq(memcmp(ask->data, "a text", 6), 0);
	memcpy(signature, "signed", 6);
	*length = 6;
	return !seen->refuses;
}

Test(key_wrapper, a_diverted_signature_is_made_elsewhere)
{
	for (size_t i = 0; i < KEY_SAMPLES_COUNT; i++) {
		EVP_PKEY *key = key_sample_make(key_samples[i].kind);
		struct diverted seen = { 0 };
		uint8_t signature[1024];
		size_t length = 0;

		key_wrapper_divert_sign(note, &seen);
		cr_assert_eq(sign(key, &key_samples[i], "a text", NULL, &length), 1);
		cr_expect_eq(length, (size_t)EVP_PKEY_get_size(key), "%s", key_samples[i].name);
		cr_expect_eq(seen.calls, 0, "how long it will be is nobody's affair");
		cr_assert_eq(sign(key, &key_samples[i], "a text", signature, &length), 1);
		cr_expect_eq(length, 6);
		cr_expect_eq(memcmp(signature, "signed", 6), 0);
		cr_expect_eq(seen.calls, 1);
		cr_expect_eq(seen.key, key);
		cr_expect_eq(seen.digest, key_samples[i].digest, "%s", key_samples[i].name);
		cr_expect_eq(key_wrapper_sign_calls(), 2);
		EVP_PKEY_free(key);
	}
}

static bool complain_and_sign(void *context, const struct key_wrapper_ask *ask, uint8_t *signature, size_t *length)
{
	(void)context;
	(void)ask;
	ERR_raise(ERR_LIB_EVP, ERR_R_OPERATION_FAIL);
	signature[0] = 's';
	*length = 1;
	return true;
}

/* libssl would take it for its own. */
Test(key_wrapper, a_signature_that_was_made_leaves_the_queue_of_errors_as_it_was)
{
	EVP_PKEY *key = key_sample_make(KEY_KIND_P256);
	uint8_t signature[1024];
	size_t length = sizeof(signature);

	key_wrapper_divert_sign(complain_and_sign, NULL);
	ERR_clear_error();
	cr_expect_eq(sign(key, &key_samples[1], "a text", signature, &length), 1);
	cr_expect_eq(ERR_peek_error(), 0);
	ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
	cr_expect_eq(sign(key, &key_samples[1], "a text", signature, &length), 1);
	cr_expect_eq(ERR_GET_REASON(ERR_peek_last_error()), ERR_R_MALLOC_FAILURE);
	cr_expect_eq(ERR_peek_error(), ERR_peek_last_error());
	ERR_clear_error();
	EVP_PKEY_free(key);
}

Test(key_wrapper, a_refused_signature_is_an_error_of_libcrypto)
{
	struct diverted seen = { .refuses = true };
	EVP_PKEY *key = key_sample_make(KEY_KIND_P256);
	uint8_t signature[1024];
	size_t length = sizeof(signature);

	key_wrapper_divert_sign(note, &seen);
	cr_expect_eq(sign(key, &key_samples[1], "a text", signature, &length), 0);
	cr_expect_neq(ERR_get_error(), 0);
	EVP_PKEY_free(key);
}

Test(key_wrapper, a_digest_that_the_keeper_does_not_know_is_refused)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY *key = key_sample_make(KEY_KIND_RSA);
	struct diverted seen = { 0 };
	uint8_t signature[1024];
	size_t length = sizeof(signature);

	key_wrapper_divert_sign(note, &seen);
	cr_assert_eq(EVP_DigestSignInit(context, NULL, EVP_sha224(), NULL, key), 1);
	cr_expect_eq(EVP_DigestSign(context, signature, &length, (const uint8_t *)"a text", 6), 0);
	cr_expect_eq(seen.calls, 0);
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(key);
}

static bool expect_pss(void *context, const struct key_wrapper_ask *ask, uint8_t *signature, size_t *length)
{
	(void)signature;
	*length = 1;
	*(bool *)context = ask->pss;
	return true;
}

Test(key_wrapper, the_padding_of_rsa_is_passed_on_and_a_strange_salt_refused)
{
	static const struct {
		int salt;
		bool ok;
	} rows[] = { { RSA_PSS_SALTLEN_DIGEST, true }, { 32, true }, { 20, false },
		{ RSA_PSS_SALTLEN_MAX, false } };
	EVP_PKEY *key = key_sample_make(KEY_KIND_RSA);
	uint8_t signature[1024];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		EVP_MD_CTX *context = EVP_MD_CTX_new();
		EVP_PKEY_CTX *inner = NULL;
		size_t length = sizeof(signature);
		bool pss = false;

		key_wrapper_divert_sign(expect_pss, &pss);
		cr_assert_eq(EVP_DigestSignInit(context, &inner, EVP_sha256(), NULL, key), 1);
		EVP_PKEY_CTX_set_rsa_padding(inner, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(inner, rows[i].salt);
		cr_expect_eq(EVP_DigestSign(context, signature, &length, (const uint8_t *)"x", 1),
		    rows[i].ok, "salt %d", rows[i].salt);
		cr_expect_eq(pss, rows[i].ok);
		EVP_MD_CTX_free(context);
	}
	EVP_PKEY_free(key);
}

/* --- what is verified ----------------------------------------------------------------------- */

Test(key_wrapper, remembers_evidence_and_leaves_the_verdict_to_others_where_told_so)
{
	EVP_PKEY *key = key_sample_make(KEY_KIND_ED25519);
	uint8_t wrong[64] = { 1, 2, 3 };

	key_wrapper_set_verify(KEY_WRAPPER_REMEMBER);
	cr_expect_eq(verify(key, &key_samples[0], "evidence", wrong, sizeof(wrong)), 1);
	cr_assert_not_null(key_wrapper_seen());
	cr_expect_eq(key_wrapper_seen()->data_length, 8);
	cr_expect_eq(memcmp(key_wrapper_seen()->data, "evidence", 8), 0);
	cr_expect_eq(key_wrapper_seen()->signature_length, sizeof(wrong));
	cr_expect_eq(memcmp(key_wrapper_seen()->signature, wrong, sizeof(wrong)), 0);
	key_wrapper_forget();
	cr_expect_null(key_wrapper_seen());

	key_wrapper_set_verify(KEY_WRAPPER_VERIFY_AND_REMEMBER);
	cr_expect_neq(verify(key, &key_samples[0], "evidence", wrong, sizeof(wrong)), 1);
	cr_expect_not_null(key_wrapper_seen());
	key_wrapper_forget();

	key_wrapper_set_verify(KEY_WRAPPER_VERIFY);
	cr_expect_neq(verify(key, &key_samples[0], "evidence", wrong, sizeof(wrong)), 1);
	cr_expect_null(key_wrapper_seen());
	EVP_PKEY_free(key);
}

Test(key_wrapper, evidence_that_is_too_long_is_none)
{
	EVP_PKEY *key = key_sample_make(KEY_KIND_ED25519);
	char *text = malloc(16386);
	uint8_t signature[4097] = { 0 };

	memset(text, 'x', 16385);
	text[16385] = '\0';
	key_wrapper_set_verify(KEY_WRAPPER_REMEMBER);
	cr_expect_eq(verify(key, &key_samples[0], "earlier", signature, 64), 1);
	cr_expect_eq(verify(key, &key_samples[0], text, signature, 64), 0);
	cr_expect_null(key_wrapper_seen(), "and what was there before does not stand for it");
	cr_expect_eq(verify(key, &key_samples[0], "short", signature, sizeof(signature)), 0);
	free(text);
	EVP_PKEY_free(key);
}

/* --- libssl, in memory ---------------------------------------------------------------------- */

/* The true key, where the keeper would be. */
struct strong_side {
	struct keeper_key key;
	enum keeper_shape shape;
	unsigned calls;
};

static bool sign_as_keeper(void *context, const struct key_wrapper_ask *ask, uint8_t *signature, size_t *length)
{
	struct strong_side *keeper = context;
	const struct keeper_msg_sign message = {
		.shape = keeper->shape,
		.digest = ask->digest,
		.pss = ask->pss,
		.data = { .bytes = ask->data, .length = ask->length },
	};
	bool ok;

	keeper->calls++;
	cr_expect_eq(EVP_PKEY_eq(ask->key, keeper->key.key), 1, "the public half tells which key");
	cr_expect_null(key_shapes_problem(KEEPER_USE_TLS, &message), "libssl signs what the table allows");
	cr_expect(key_shapes_digest_fits(keeper->key.kind, false, &message));
	key_wrapper_divert_sign(NULL, NULL);
	ok = keeper_keys_sign(&keeper->key, &message, signature, length);
	key_wrapper_divert_sign(sign_as_keeper, keeper);
	return ok;
}

static X509 *certify(EVP_PKEY *key, const EVP_MD *md)
{
	X509 *certificate = X509_new();

	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
	    (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
	X509_set_pubkey(certificate, key);
	cr_assert_gt(X509_sign(certificate, key, md), 0);
	return certificate;
}

static SSL *new_end(SSL_CTX *context, bool server, BIO *in, BIO *out)
{
	SSL *end = SSL_new(context);

	BIO_up_ref(in);
	BIO_up_ref(out);
	SSL_set_bio(end, in, out);
	if (server)
		SSL_set_accept_state(end);
	else
		SSL_set_connect_state(end);
	return end;
}

/* Both ends in this process; 1 when the client is content with the server's signature. */
static int shake_hands(SSL_CTX *server_context, SSL_CTX *client_context)
{
	BIO *up = BIO_new(BIO_s_mem());
	BIO *down = BIO_new(BIO_s_mem());
	SSL *server = new_end(server_context, true, up, down);
	SSL *client = new_end(client_context, false, down, up);
	int server_done = 0;
	int client_done = 0;

	for (int i = 0; i < 10 && (server_done != 1 || client_done != 1); i++) {
		client_done = SSL_do_handshake(client);
		server_done = SSL_do_handshake(server);
	}
	SSL_free(server);
	SSL_free(client);
	BIO_free(up);
	BIO_free(down);
	return server_done == 1 && client_done == 1;
}

static void check_handshake(const struct key_sample *sample, int version, bool true_key)
{
	EVP_PKEY *right = key_sample_make(sample->kind);
	struct strong_side keeper = {
		.key = { .kind = sample->kind, .key = right },
		.shape = version == TLS1_3_VERSION ? KEEPER_SHAPE_TLS13 : KEEPER_SHAPE_TLS12,
	};
	SSL_CTX *server = SSL_CTX_new(TLS_server_method());
	SSL_CTX *client = SSL_CTX_new(TLS_client_method());
	X509 *certificate = certify(right, digest(sample));
	size_t length;
	uint8_t *der = key_sample_public(right, &length);
	EVP_PKEY *dummy = key_dummy_new(der, length);

	cr_assert_not_null(dummy);
	cr_assert_eq(SSL_CTX_use_certificate(server, certificate), 1);
	cr_assert_eq(SSL_CTX_use_PrivateKey(server, dummy), 1);
	cr_assert_eq(SSL_CTX_check_private_key(server), 1);
	SSL_CTX_set_min_proto_version(server, version);
	SSL_CTX_set_max_proto_version(server, version);
	SSL_CTX_set_verify(client, SSL_VERIFY_NONE, NULL);
	if (true_key) {
		key_wrapper_divert_sign(sign_as_keeper, &keeper);
		cr_expect_eq(shake_hands(server, client), 1, "%s, version %x", sample->name, version);
		cr_expect_eq(keeper.calls, 1, "libssl is bound to the wrapper, and asks once");
	} else {
		key_wrapper_divert_sign(NULL, NULL);
		cr_expect_eq(shake_hands(server, client), 0, "a dummy signs nothing: %s", sample->name);
	}
	key_wrapper_divert_sign(NULL, NULL);
	OPENSSL_free(der);
	EVP_PKEY_free(dummy);
	EVP_PKEY_free(right);
	X509_free(certificate);
	SSL_CTX_free(server);
	SSL_CTX_free(client);
}

Test(key_wrapper, libssl_serves_tls_with_keys_that_it_does_not_have)
{
	for (size_t i = 0; i < KEY_SAMPLES_COUNT; i++) {
		check_handshake(&key_samples[i], TLS1_2_VERSION, true);
		check_handshake(&key_samples[i], TLS1_3_VERSION, true);
	}
}

Test(key_wrapper, a_key_without_its_private_half_convinces_nobody)
{
	for (size_t i = 0; i < KEY_SAMPLES_COUNT; i++) {
		check_handshake(&key_samples[i], TLS1_2_VERSION, false);
		check_handshake(&key_samples[i], TLS1_3_VERSION, false);
	}
}
