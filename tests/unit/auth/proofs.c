#include "proofs.h"

#include <criterion/criterion.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#define APPLICATION "ssh:"

/* --- bytes -------------------------------------------------------------------------------------
 */

void proof_put(struct proof_bytes *out, const void *bytes, size_t length)
{
	cr_assert_leq(out->length + length, sizeof(out->bytes));
	memcpy(out->bytes + out->length, bytes, length);
	out->length += length;
}

void proof_put_byte(struct proof_bytes *out, uint8_t byte)
{
	proof_put(out, &byte, 1);
}

void proof_put_u32(struct proof_bytes *out, uint32_t number)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		proof_put_byte(out, (uint8_t)(number >> shift));
}

void proof_put_string(struct proof_bytes *out, const void *bytes, size_t length)
{
	proof_put_u32(out, (uint32_t)length);
	proof_put(out, bytes, length);
}

void proof_put_text(struct proof_bytes *out, const char *text)
{
	proof_put_string(out, text, strlen(text));
}

static void put_number(struct proof_bytes *out, EVP_PKEY *key, const char *param)
{
	uint8_t bytes[PROOF_BLOB_BYTES];
	BIGNUM *number = NULL;
	int length;

	cr_assert_eq(EVP_PKEY_get_bn_param(key, param, &number), 1);
	bytes[0] = 0;
	length = BN_bn2bin(number, bytes + 1);
	/* RFC 4251 5: a zero only before a set top bit. */
	if (bytes[1] & 0x80)
		proof_put_string(out, bytes, (size_t)length + 1);
	else
		proof_put_string(out, bytes + 1, (size_t)length);
	BN_free(number);
}

/* --- keys --------------------------------------------------------------------------------------
 */

static const char *group_of(const char *type)
{
	if (strstr(type, "nistp384") != NULL)
		return "P-384";
	return strstr(type, "nistp521") != NULL ? "P-521" : "P-256";
}

static void put_ecdsa(struct proof_key *out)
{
	const char *group = group_of(out->type);
	uint8_t point[160];
	size_t length;

	out->key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", group);
	cr_assert_eq(EVP_PKEY_get_octet_string_param(
	                 out->key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &length),
	    1);
	proof_put_text(&out->blob, strcmp(group, "P-256") == 0   ? "nistp256"
	                           : strcmp(group, "P-384") == 0 ? "nistp384"
	                                                         : "nistp521");
	proof_put_string(&out->blob, point, length);
	out->digest = strcmp(group, "P-256") == 0   ? "SHA256"
	              : strcmp(group, "P-384") == 0 ? "SHA384"
	                                            : "SHA512";
}

void proof_key_make(struct proof_key *out, const char *type, unsigned bits)
{
	uint8_t public_half[32];
	size_t length = sizeof(public_half);

	memset(out, 0, sizeof(*out));
	out->type = type;
	proof_put_text(&out->blob, type);
	if (strcmp(type, "ssh-rsa") == 0) {
		out->key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
		put_number(&out->blob, out->key, OSSL_PKEY_PARAM_RSA_E);
		put_number(&out->blob, out->key, OSSL_PKEY_PARAM_RSA_N);
		out->digest = "SHA512";
	} else if (strstr(type, "ecdsa") != NULL) {
		put_ecdsa(out);
	} else {
		out->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		cr_assert_eq(EVP_PKEY_get_raw_public_key(out->key, public_half, &length), 1);
		proof_put_string(&out->blob, public_half, length);
	}
	cr_assert_not_null(out->key);
	if (strncmp(type, "sk-", 3) == 0)
		proof_put_text(&out->blob, APPLICATION);
}

void proof_key_free(struct proof_key *key)
{
	EVP_PKEY_free(key->key);
	key->key = NULL;
}

void proof_key_line(const struct proof_key *key, const char *comment, char out[4096])
{
	char base64[3500];

	EVP_EncodeBlock((unsigned char *)base64, key->blob.bytes, (int)key->blob.length);
	snprintf(out, 4096, "%s %s %s", key->type, base64, comment);
}

/* --- requests and signatures -------------------------------------------------------------------
 */

struct proof_request proof_request_of(
    const struct proof_key *key, const uint8_t *session, size_t length, const char *user)
{
	return (struct proof_request){
		.session = session,
		.session_length = length,
		.message = 50,
		.user = user,
		.service = "ssh-connection",
		.method = "publickey",
		.has_signature = 1,
		.algorithm = strcmp(key->type, "ssh-rsa") == 0 ? "rsa-sha2-512" : key->type,
		.key = &key->blob,
	};
}

void proof_request_encode(const struct proof_request *request, struct proof_bytes *out)
{
	out->length = 0;
	proof_put_string(out, request->session, request->session_length);
	proof_put_byte(out, request->message);
	proof_put_text(out, request->user);
	proof_put_text(out, request->service);
	proof_put_text(out, request->method);
	proof_put_byte(out, request->has_signature);
	proof_put_text(out, request->algorithm);
	proof_put_string(out, request->key->bytes, request->key->length);
}

void proof_request_encode_sk(const struct proof_request *request, const char *application,
    uint8_t flags, struct proof_bytes *out)
{
	struct proof_bytes plain;
	uint8_t digest[SHA256_DIGEST_LENGTH];

	proof_request_encode(request, &plain);
	out->length = 0;
	SHA256((const uint8_t *)application, strlen(application), digest);
	proof_put(out, digest, sizeof(digest));
	proof_put_byte(out, flags);
	proof_put_u32(out, 7);
	SHA256(plain.bytes, plain.length, digest);
	proof_put(out, digest, sizeof(digest));
}

void proof_sign(EVP_PKEY *key, const char *digest, bool pss, const struct proof_bytes *data,
    struct proof_bytes *signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *details = NULL;
	size_t length = sizeof(signature->bytes);

	cr_assert_eq(EVP_DigestSignInit_ex(context, &details, digest, NULL, NULL, key, NULL), 1);
	if (pss) {
		EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST);
	}
	cr_assert_eq(
	    EVP_DigestSign(context, signature->bytes, &length, data->bytes, data->length), 1);
	signature->length = length;
	EVP_MD_CTX_free(context);
}

/* --- certificates ------------------------------------------------------------------------------
 */

static EVP_PKEY *make_certificate_key(const char *group)
{
	if (group != NULL && strcmp(group, "RSA") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	if (group != NULL && strcmp(group, "ED25519") == 0)
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return EVP_PKEY_Q_keygen(NULL, NULL, "EC", group == NULL ? "P-256" : group);
}

static void add_extension(X509 *x509, X509V3_CTX *context, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, context, nid, value);

	cr_assert_not_null(extension, "%s", value);
	X509_add_ext(x509, extension, -1);
	X509_EXTENSION_free(extension);
}

void proof_certificate_make(struct proof_certificate *out, const struct proof_subject *subject,
    const struct proof_certificate *issuer)
{
	const bool dated = subject->days_before != 0 || subject->days_after != 0;
	const int before = dated ? subject->days_before : -1;
	const int after = dated ? subject->days_after : 1;
	static int serial = 1;
	X509V3_CTX context;
	X509_NAME *name;
	EVP_PKEY *signer;

	out->key = make_certificate_key(subject->group);
	out->x509 = X509_new();
	X509_set_version(out->x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(out->x509), serial++);
	X509_gmtime_adj(X509_getm_notBefore(out->x509), before * 86400L);
	X509_gmtime_adj(X509_getm_notAfter(out->x509), after * 86400L);
	name = X509_get_subject_name(out->x509);
	X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_UTF8, (const unsigned char *)subject->common_name, -1, -1, 0);
	X509_set_issuer_name(
	    out->x509, issuer == NULL ? name : X509_get_subject_name(issuer->x509));
	X509_set_pubkey(out->x509, out->key);
	X509V3_set_ctx(
	    &context, issuer == NULL ? out->x509 : issuer->x509, out->x509, NULL, NULL, 0);
	add_extension(out->x509, &context, NID_basic_constraints,
	    subject->authority ? "critical,CA:TRUE" : "CA:FALSE");
	if (subject->alternatives != NULL)
		add_extension(out->x509, &context, NID_subject_alt_name, subject->alternatives);
	if (subject->usage != NULL)
		add_extension(out->x509, &context, NID_ext_key_usage, subject->usage);
	signer = issuer == NULL ? out->key : issuer->key;
	cr_assert_gt(X509_sign(out->x509, signer,
	                 EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519 ? NULL : EVP_sha256()),
	    0);
}

void proof_certificate_free(struct proof_certificate *certificate)
{
	X509_free(certificate->x509);
	EVP_PKEY_free(certificate->key);
	memset(certificate, 0, sizeof(*certificate));
}

X509_CRL *proof_crl_make(
    const struct proof_certificate *issuer, const struct proof_certificate *revoked)
{
	X509_CRL *crl = X509_CRL_new();
	ASN1_TIME *now = X509_gmtime_adj(NULL, -60);
	ASN1_TIME *next = X509_gmtime_adj(NULL, 86400);

	X509_CRL_set_version(crl, X509_CRL_VERSION_2);
	X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->x509));
	X509_CRL_set1_lastUpdate(crl, now);
	X509_CRL_set1_nextUpdate(crl, next);
	if (revoked != NULL) {
		X509_REVOKED *entry = X509_REVOKED_new();

		X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked->x509));
		X509_REVOKED_set_revocationDate(entry, now);
		X509_CRL_add0_revoked(crl, entry);
	}
	cr_assert_gt(X509_CRL_sign(crl, issuer->key, EVP_sha256()), 0);
	ASN1_TIME_free(now);
	ASN1_TIME_free(next);
	return crl;
}

void proof_put_certificate(struct proof_bytes *chain, const struct proof_certificate *certificate)
{
	unsigned char *der = NULL;
	int length = i2d_X509(certificate->x509, &der);

	cr_assert_gt(length, 0);
	proof_put_string(chain, der, (size_t)length);
	OPENSSL_free(der);
}

void proof_tls13(struct proof_bytes *out)
{
	static const char title[] = "TLS 1.3, client CertificateVerify";

	out->length = 0;
	for (int i = 0; i < 64; i++)
		proof_put_byte(out, ' ');
	proof_put(out, title, sizeof(title));
	for (int i = 0; i < 32; i++)
		proof_put_byte(out, (uint8_t)i);
}

static void put_u24(struct proof_bytes *out, size_t number)
{
	proof_put_byte(out, (uint8_t)(number >> 16));
	proof_put_byte(out, (uint8_t)(number >> 8));
	proof_put_byte(out, (uint8_t)number);
}

static void put_message(struct proof_bytes *out, uint8_t type, const void *body, size_t length)
{
	proof_put_byte(out, type);
	put_u24(out, length);
	proof_put(out, body, length);
}

static void put_certificates(struct proof_bytes *out, const struct proof_certificate *certificate)
{
	unsigned char *der = NULL;
	int length = i2d_X509(certificate->x509, &der);
	struct proof_bytes body = { .length = 0 };

	put_u24(&body, (size_t)length + 3);
	put_u24(&body, (size_t)length);
	proof_put(&body, der, (size_t)length);
	put_message(out, 11, body.bytes, body.length);
	OPENSSL_free(der);
}

void proof_tls12(struct proof_bytes *out, const struct proof_certificate *client)
{
	static const uint8_t some[40];

	out->length = 0;
	put_message(out, 1, some, sizeof(some));  /* ClientHello */
	put_message(out, 2, some, sizeof(some));  /* ServerHello */
	put_message(out, 11, some, sizeof(some)); /* Certificate of the server */
	put_message(out, 12, some, sizeof(some)); /* ServerKeyExchange */
	put_message(out, 13, some, sizeof(some)); /* CertificateRequest */
	put_message(out, 14, some, 0);            /* ServerHelloDone */
	put_certificates(out, client);
	put_message(out, 16, some, sizeof(some)); /* ClientKeyExchange */
}
