#include "auth/auth_certificate.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/text.h"

#define CHAIN_DEPTH_MAX 8
#define SECURITY_LEVEL  2 /* of SSL_CTX_set_security_level(3): 112 bits, no SHA-1 */
#define SPACES          64u
#define SIGNED_TITLE    "TLS 1.3, client CertificateVerify" /* RFC 8446 4.4.3; its NUL is signed too \
	                                                     */

struct auth_certificate_ca {
	X509_STORE *store;
};

/* --- whom to trust ------------------------------------------------------------------------------
 */

/* An option that names a file, what the file is to hold, and how OpenSSL reads it. */
struct source {
	const char *option;
	const char *what;
	const char *allowed;
	int (*load)(X509_LOOKUP *lookup, const char *file, int type);
};

static const struct source authorities = {
	.option = "client_ca",
	.what = "certificate",
	.allowed = "the certificates of those who certify clients",
	.load = X509_load_cert_file,
};
static const struct source revocations = {
	.option = "client_crl",
	.what = "revocation list",
	.allowed = "a revocation list of each authority in client_ca",
	.load = X509_load_crl_file,
};

static bool say(const struct source *source, const char *file, const char *wrong,
    char message[CONF_MESSAGE_BYTES])
{
	char shown[CONF_MESSAGE_BYTES / 2];

	text_escape(shown, sizeof(shown), file, strlen(file));
	text_format(message, CONF_MESSAGE_BYTES, "%s = \"%s\": %s; allowed: %s, in PEM form",
	    source->option, shown, wrong, source->allowed);
	ERR_clear_error();
	return false;
}

static bool load_file(X509_LOOKUP *lookup, const struct source *source, const char *file,
    char message[CONF_MESSAGE_BYTES])
{
	char wrong[128];
	struct stat status;

	if (access(file, R_OK) != 0 || stat(file, &status) != 0)
		return say(source, file, strerror(errno), message);
	if (!S_ISREG(status.st_mode))
		return say(source, file,
		    S_ISDIR(status.st_mode) ? "it is a directory" : "it is no regular file", message);
	ERR_clear_error();
	if (source->load(lookup, file, X509_FILETYPE_PEM) > 0)
		return true;
	/* Of several it takes all or none.  The oldest error is the cause; "PEM lib" comes on top of it. */
	if (ERR_GET_REASON(ERR_peek_error()) == PEM_R_NO_START_LINE)
		text_format(wrong, sizeof(wrong), "it holds no %s in PEM form", source->what);
	else
		text_format(wrong, sizeof(wrong), "a %s in it is damaged", source->what);
	return say(source, file, wrong, message);
}

static bool load(
    X509_STORE *store, const char *ca_file, const char *crl_file, char message[CONF_MESSAGE_BYTES])
{
	/* Every certificate in the file is trusted as it stands, whether or not it is a root. */
	unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;
	X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());

	if (lookup == NULL) {
		text_copy(message, CONF_MESSAGE_BYTES, "client_ca: out of memory");
		return false;
	}
	if (!load_file(lookup, &authorities, ca_file, message))
		return false;
	if (crl_file[0] != '\0') {
		if (!load_file(lookup, &revocations, crl_file, message))
			return false;
		flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
	}
	X509_STORE_set_flags(store, flags);
	X509_STORE_set_depth(store, CHAIN_DEPTH_MAX);
	X509_VERIFY_PARAM_set_auth_level(X509_STORE_get0_param(store), SECURITY_LEVEL);
	return true;
}

struct auth_certificate_ca *auth_certificate_ca_load(
    const char *ca_file, const char *crl_file, char message[CONF_MESSAGE_BYTES])
{
	struct auth_certificate_ca *ca = calloc(1, sizeof(*ca));

	message[0] = '\0';
	if (ca != NULL)
		ca->store = X509_STORE_new();
	if (ca == NULL || ca->store == NULL)
		text_copy(message, CONF_MESSAGE_BYTES, "out of memory");
	else if (load(ca->store, ca_file, crl_file, message))
		return ca;
	auth_certificate_ca_free(&ca);
	return NULL;
}

void auth_certificate_ca_free(struct auth_certificate_ca **ca)
{
	if (*ca == NULL)
		return;
	X509_STORE_free((*ca)->store);
	free(*ca);
	*ca = NULL;
}

/* --- failures -----------------------------------------------------------------------------------
 */

static bool fail(struct auth_certificate *out, const char *wrong, const char *cure)
{
	text_copy(out->wrong, sizeof(out->wrong), wrong);
	text_copy(out->cure, sizeof(out->cure), cure);
	ERR_clear_error();
	return false;
}

static const char *chain_cure(int error)
{
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "give the client a new certificate";
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "wait, or correct the clock";
	case X509_V_ERR_CERT_REVOKED:
		return "";
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
	case X509_V_ERR_CRL_SIGNATURE_FAILURE:
		return "put a current revocation list of every certifier in the chain into "
		       "client_crl";
	case X509_V_ERR_INVALID_PURPOSE:
		return "certify the client for clientAuth (extendedKeyUsage)";
	default:
		return "add the certifier to client_ca, if it may certify clients";
	}
}

/* --- the chain ----------------------------------------------------------------------------------
 */

/* Each certificate after its length; the first one becomes out->x509. */
static bool read_chain(
    struct auth_blob chain, STACK_OF(X509) * others, struct auth_certificate *out)
{
	static const char damaged[] = "the client's certificates are damaged";
	struct auth_blob der;

	for (unsigned i = 0; chain.length > 0; i++) {
		const unsigned char *at;
		X509 *read;

		if (i >= AUTH_CERTIFICATE_CHAIN_MAX || !auth_blob_take_string(&chain, &der))
			return fail(out, damaged, "");
		at = der.bytes;
		read = d2i_X509(NULL, &at, (long)der.length);
		if (read == NULL || at != der.bytes + der.length ||
		    (i > 0 && sk_X509_push(others, read) <= 0)) {
			X509_free(read);
			return fail(out, damaged, "");
		}
		if (i == 0) {
			out->x509 = read;
			auth_key_fingerprint(der, out->fingerprint);
		}
	}
	return out->x509 != NULL || fail(out, "the client has no certificate", "");
}

static bool fail_chain(struct auth_certificate *out, int error)
{
	char wrong[CONF_MESSAGE_BYTES];

	text_format(wrong, sizeof(wrong), "the client's certificate is not valid: %s",
	    X509_verify_cert_error_string(error));
	return fail(out, wrong, chain_cure(error));
}

static bool verify_chain(
    const struct auth_certificate_ca *ca, STACK_OF(X509) * others, struct auth_certificate *out)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	int error = X509_V_ERR_OUT_OF_MEM;
	bool good = false;

	if (context != NULL && X509_STORE_CTX_init(context, ca->store, out->x509, others) == 1 &&
	    X509_STORE_CTX_set_default(context, "ssl_client") == 1) {
		good = X509_verify_cert(context) == 1;
		error = X509_STORE_CTX_get_error(context);
	}
	X509_STORE_CTX_free(context);
	out->vouched = good;
	return good || fail_chain(out, error);
}

/* Without anybody to vouch for it, a certificate is a key with dates. */
static bool check_dates(struct auth_certificate *out)
{
	int error = X509_V_OK;

	if (X509_cmp_current_time(X509_get0_notBefore(out->x509)) >= 0)
		error = X509_V_ERR_CERT_NOT_YET_VALID;
	else if (X509_cmp_current_time(X509_get0_notAfter(out->x509)) <= 0)
		error = X509_V_ERR_CERT_HAS_EXPIRED;
	return error == X509_V_OK || fail_chain(out, error);
}

/* --- the signature ------------------------------------------------------------------------------
 */

/* THE list of signature schemes (RFC 8446 4.2.3).  TLS 1.3 has done away with some of TLS 1.2. */
static const struct scheme {
	uint32_t number;
	int key;            /* EVP_PKEY_* */
	const char *digest; /* NULL: the algorithm has its own */
	bool pss;
	bool old; /* not in TLS 1.3 */
} schemes[] = {
	{ .number = 0x0401, .key = EVP_PKEY_RSA, .digest = "SHA256", .old = true },
	{ .number = 0x0501, .key = EVP_PKEY_RSA, .digest = "SHA384", .old = true },
	{ .number = 0x0601, .key = EVP_PKEY_RSA, .digest = "SHA512", .old = true },
	{ .number = 0x0403, .key = EVP_PKEY_EC, .digest = "SHA256" },
	{ .number = 0x0503, .key = EVP_PKEY_EC, .digest = "SHA384" },
	{ .number = 0x0603, .key = EVP_PKEY_EC, .digest = "SHA512" },
	{ .number = 0x0804, .key = EVP_PKEY_RSA, .digest = "SHA256", .pss = true },
	{ .number = 0x0805, .key = EVP_PKEY_RSA, .digest = "SHA384", .pss = true },
	{ .number = 0x0806, .key = EVP_PKEY_RSA, .digest = "SHA512", .pss = true },
	{ .number = 0x0807, .key = EVP_PKEY_ED25519 },
	{ .number = 0x0808, .key = EVP_PKEY_ED448 },
	{ .number = 0x0809, .key = EVP_PKEY_RSA_PSS, .digest = "SHA256", .pss = true },
	{ .number = 0x080a, .key = EVP_PKEY_RSA_PSS, .digest = "SHA384", .pss = true },
	{ .number = 0x080b, .key = EVP_PKEY_RSA_PSS, .digest = "SHA512", .pss = true },
};

static const struct scheme *find_scheme(uint32_t number)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (schemes[i].number == number)
			return &schemes[i];
	return NULL;
}

static bool verify_signature(
    EVP_PKEY *key, const struct scheme *scheme, const struct auth_certificate_evidence *evidence)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *details = NULL;
	bool good = context != NULL && EVP_DigestVerifyInit_ex(context, &details, scheme->digest,
	                                   NULL, NULL, key, NULL) == 1;

	if (good && scheme->pss)
		good = EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING) == 1 &&
		       EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST) == 1;
	good =
	    good && EVP_DigestVerify(context, evidence->signature.bytes, evidence->signature.length,
	                evidence->signed_data.bytes, evidence->signed_data.length) == 1;
	EVP_MD_CTX_free(context);
	return good;
}

/* --- what was signed ----------------------------------------------------------------------------
 */

/* RFC 8446 4.4.3: spaces, the title with a NUL, the hash of the handshake so far. */
static bool is_tls13(struct auth_blob data)
{
	struct auth_blob spaces, title;

	if (!auth_blob_take_bytes(&data, SPACES, &spaces) ||
	    !auth_blob_take_bytes(&data, sizeof(SIGNED_TITLE), &title))
		return false;
	for (size_t i = 0; i < spaces.length; i++)
		if (spaces.bytes[i] != ' ')
			return false;
	return memcmp(title.bytes, SIGNED_TITLE, sizeof(SIGNED_TITLE)) == 0 &&
	       (data.length == 32 || data.length == 48);
}

/* Handshake messages (RFC 5246 7.4). */
enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, CERTIFICATE = 11, CLIENT_KEY_EXCHANGE = 16 };

/* Is it a Certificate message whose first certificate is this one? */
static bool is_own_certificate(struct auth_blob body, struct auth_blob leaf)
{
	struct auth_blob first;
	uint32_t length;

	return auth_blob_take_u24(&body, &length) && length == body.length &&
	       auth_blob_take_u24(&body, &length) && auth_blob_take_bytes(&body, length, &first) &&
	       auth_blob_same(first, leaf);
}

/*
 * RFC 5246 7.4.8: the handshake so far, each message after its type and length: from the
 * ClientHello to the client's key exchange, just before which the client has sent the certificate.
 */
static bool is_tls12(struct auth_blob data, struct auth_blob leaf)
{
	bool certificate_before = false;
	uint8_t type = 0;

	for (unsigned i = 0; data.length > 0; i++) {
		const bool was_certificate = type == CERTIFICATE && certificate_before;
		struct auth_blob body;
		uint32_t length;

		if (!auth_blob_take_byte(&data, &type) || !auth_blob_take_u24(&data, &length) ||
		    !auth_blob_take_bytes(&data, length, &body))
			return false;
		if ((i == 0) != (type == CLIENT_HELLO) || (i == 1) != (type == SERVER_HELLO))
			return false;
		if (type == CLIENT_KEY_EXCHANGE)
			return was_certificate && data.length == 0;
		certificate_before = type == CERTIFICATE && is_own_certificate(body, leaf);
	}
	return false;
}

static bool check_signature(
    const struct auth_certificate_evidence *evidence, struct auth_certificate *out)
{
	const struct scheme *scheme = find_scheme(evidence->scheme);
	EVP_PKEY *key = X509_get0_pubkey(out->x509);
	struct auth_blob chain = evidence->chain;
	struct auth_blob leaf;
	bool tls13;

	if (!auth_blob_take_string(&chain, &leaf))
		return fail(out, "the client's certificates are damaged", "");
	tls13 = is_tls13(evidence->signed_data);
	if (!tls13 && !is_tls12(evidence->signed_data, leaf))
		return fail(out, "what was signed is no TLS handshake of a client", "");
	if (scheme == NULL || key == NULL || EVP_PKEY_get_base_id(key) != scheme->key ||
	    (tls13 && scheme->old))
		return fail(out, "the signature scheme does not fit the client's certificate", "");
	if (!verify_signature(key, scheme, evidence))
		return fail(out, "the handshake is not signed by the client's certificate", "");
	return true;
}

bool auth_certificate_check(const struct auth_certificate_ca *ca,
    const struct auth_certificate_evidence *evidence, struct auth_certificate *out)
{
	STACK_OF(X509) *others = sk_X509_new_null();
	bool good = false;

	*out = (struct auth_certificate){ .x509 = NULL };
	if (others == NULL)
		fail(out, "out of memory", "");
	else if (read_chain(evidence->chain, others, out) && check_signature(evidence, out))
		good = ca != NULL ? verify_chain(ca, others, out) : check_dates(out);
	sk_X509_pop_free(others, X509_free);
	if (!good)
		auth_certificate_clear(out);
	return good;
}

void auth_certificate_clear(struct auth_certificate *certificate)
{
	X509_free(certificate->x509);
	certificate->x509 = NULL;
}

/* --- whose it is --------------------------------------------------------------------------------
 */

static struct auth_blob string_blob(const ASN1_STRING *string)
{
	return (struct auth_blob){
		.bytes = ASN1_STRING_get0_data(string),
		.length = (size_t)ASN1_STRING_length(string),
	};
}

/* Same text, capitals or not; a NUL within the certificate's never compares equal. */
static bool same_caseless(struct auth_blob blob, const char *text)
{
	return blob.length == strlen(text) && memchr(blob.bytes, '\0', blob.length) == NULL &&
	       strncasecmp((const char *)blob.bytes, text, blob.length) == 0;
}

/* The part before the @ says capitals apart (RFC 5280 4.2.1.6). */
static bool same_mailbox(struct auth_blob blob, const char *text)
{
	const char *at = strrchr(text, '@');
	const size_t local = at == NULL ? 0 : (size_t)(at - text);

	return at != NULL && same_caseless(blob, text) && memcmp(blob.bytes, text, local) == 0;
}

static bool alternative_is(const GENERAL_NAME *alternative, const char *name)
{
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(alternative, &type);

	switch (type) {
	case GEN_DNS:
		return same_caseless(string_blob(value), name);
	case GEN_EMAIL:
		return same_mailbox(string_blob(value), name);
	case GEN_URI:
		return auth_blob_is(string_blob(value), name);
	default:
		return false;
	}
}

static bool has_alternative(X509 *x509, const char *name)
{
	GENERAL_NAMES *alternatives = X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL);
	bool found = false;

	for (int i = 0; alternatives != NULL && i < sk_GENERAL_NAME_num(alternatives) && !found;
	     i++)
		found = alternative_is(sk_GENERAL_NAME_value(alternatives, i), name);
	GENERAL_NAMES_free(alternatives);
	return found;
}

/* Its common name, of which there must be one: who has two is not called by either. */
static bool has_common_name(X509 *x509, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(x509);
	const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *utf8 = NULL;
	int length;
	bool found;

	if (index < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, index) >= 0)
		return false;
	length = ASN1_STRING_to_UTF8(
	    &utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
	if (length < 0)
		return false;
	found = auth_blob_is((struct auth_blob){ .bytes = utf8, .length = (size_t)length }, name);
	OPENSSL_free(utf8);
	return found;
}

static bool has_digest(X509 *x509, const uint8_t digest[CONF_CERT_DIGEST_BYTES])
{
	unsigned char own[EVP_MAX_MD_SIZE];
	unsigned length = 0;

	return X509_digest(x509, EVP_sha256(), own, &length) == 1 &&
	       length == CONF_CERT_DIGEST_BYTES && memcmp(own, digest, length) == 0;
}

bool auth_certificate_is(const struct auth_certificate *certificate, const struct conf_list *names)
{
	uint8_t digest[CONF_CERT_DIGEST_BYTES];
	const char *name = NULL;
	bool found = false;

	for (size_t i = 0; i < names->count && !found; i++) {
		switch (conf_cert_read(names->items[i], &name, digest)) {
		case CONF_CERT_SHA256:
			found = has_digest(certificate->x509, digest);
			break;
		case CONF_CERT_SAN:
			found = certificate->vouched && has_alternative(certificate->x509, name);
			break;
		case CONF_CERT_CN:
			found = certificate->vouched && has_common_name(certificate->x509, name);
			break;
		case CONF_CERT_WRONG:
			break;
		}
	}
	ERR_clear_error();
	return found;
}
