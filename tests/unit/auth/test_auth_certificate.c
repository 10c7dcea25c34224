#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/auth_certificate.h"
#include "proofs.h"
#include "server/base/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char directory[64], ca_file[96], crl_file[96];
static struct proof_certificate root;
static struct auth_certificate_ca *ca;
static struct auth_certificate result;

static void write_pem(const char *path, X509 *x509, X509_CRL *crl, const char *mode)
{
	FILE *file = fopen(path, mode);

	cr_assert_not_null(file);
	if (x509 != NULL)
		PEM_write_X509(file, x509);
	if (crl != NULL)
		PEM_write_X509_CRL(file, crl);
	fclose(file);
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static void enter(void)
{
	const struct proof_subject subject = { .common_name = "Root", .authority = true };
	char message[CONF_MESSAGE_BYTES];

	snprintf(directory, sizeof(directory), "/tmp/transom-certificate-XXXXXX");
	cr_assert_not_null(mkdtemp(directory));
	snprintf(ca_file, sizeof(ca_file), "%s/ca.pem", directory);
	snprintf(crl_file, sizeof(crl_file), "%s/crl.pem", directory);
	proof_certificate_make(&root, &subject, NULL);
	write_pem(ca_file, root.x509, NULL, "w");
	ca = auth_certificate_ca_load(ca_file, "", message);
	cr_assert_not_null(ca, "%s", message);
}

static void leave(void)
{
	auth_certificate_clear(&result);
	auth_certificate_ca_free(&ca);
	proof_certificate_free(&root);
	unlink(ca_file);
	unlink(crl_file);
	rmdir(directory);
}

TestSuite(auth_certificate, .init = enter, .fini = leave);

/* Evidence of a login with this certificate over TLS 1.3, by a scheme that fits its key. */
struct evidence {
	struct proof_bytes chain, data, signature;
	uint32_t scheme;
};

static struct auth_certificate_evidence view(const struct evidence *evidence)
{
	return (struct auth_certificate_evidence){
		.chain = { .bytes = evidence->chain.bytes, .length = evidence->chain.length },
		.signed_data = { .bytes = evidence->data.bytes, .length = evidence->data.length },
		.signature = { .bytes = evidence->signature.bytes,
		    .length = evidence->signature.length },
		.scheme = evidence->scheme,
	};
}

static void show(struct evidence *out, const struct proof_certificate *certificate)
{
	memset(out, 0, sizeof(*out));
	proof_put_certificate(&out->chain, certificate);
	proof_tls13(&out->data);
	switch (EVP_PKEY_get_base_id(certificate->key)) {
	case EVP_PKEY_RSA:
		out->scheme = 0x0804;
		proof_sign(certificate->key, "SHA256", true, &out->data, &out->signature);
		break;
	case EVP_PKEY_ED25519:
		out->scheme = 0x0807;
		proof_sign(certificate->key, NULL, false, &out->data, &out->signature);
		break;
	default:
		out->scheme = 0x0403;
		proof_sign(certificate->key, "SHA256", false, &out->data, &out->signature);
	}
}

static bool check_with(const struct auth_certificate_ca *who, const struct evidence *evidence)
{
	const struct auth_certificate_evidence seen = view(evidence);

	auth_certificate_clear(&result);
	return auth_certificate_check(who, &seen, &result);
}

/* A certificate by this issuer, checked. */
static bool check_issued(
    const struct proof_subject *subject, const struct proof_certificate *issuer)
{
	static struct evidence evidence;
	struct proof_certificate leaf;
	bool good;

	proof_certificate_make(&leaf, subject, issuer);
	show(&evidence, &leaf);
	good = check_with(ca, &evidence);
	proof_certificate_free(&leaf);
	return good;
}

Test(auth_certificate, good_ones_of_every_kind_of_key_pass)
{
	static const char *const groups[] = { NULL, "P-384", "RSA", "ED25519" };

	for (size_t i = 0; i < COUNT(groups); i++) {
		const struct proof_subject subject = { .common_name = "alice",
			.group = groups[i],
			.usage = i == 0 ? NULL : "clientAuth" };
		bool good = check_issued(&subject, &root);

		cr_expect(good, "%zu: %s", i, result.wrong);
		cr_expect(result.vouched);
		cr_expect_eq(strncmp(result.fingerprint, "SHA256:", 7), 0);
	}
}

Test(auth_certificate, bad_ones_are_refused_with_the_reason)
{
	static const struct {
		struct proof_subject subject;
		const char *wrong, *cure;
	} rows[] = {
		{ { .common_name = "a", .days_before = -2, .days_after = -1 }, "has expired",
		    "a new certificate" },
		{ { .common_name = "a", .days_before = 1, .days_after = 2 }, "not yet valid",
		    "clock" },
		{ { .common_name = "a", .usage = "serverAuth" }, "purpose", "clientAuth" },
	};
	const struct proof_subject other = { .common_name = "Root", .authority = true };
	const struct proof_subject alice = { .common_name = "alice" };
	struct proof_certificate stranger;

	for (size_t i = 0; i < COUNT(rows); i++) {
		cr_expect_not(check_issued(&rows[i].subject, &root));
		cr_expect_not_null(strstr(result.wrong, rows[i].wrong), "%s", result.wrong);
		cr_expect_not_null(strstr(result.cure, rows[i].cure), "%s", result.cure);
		cr_expect_null(result.x509);
		cr_expect_str_not_empty(result.fingerprint, "for the log");
	}
	/* Same name, other key. */
	proof_certificate_make(&stranger, &other, NULL);
	cr_expect_not(check_issued(&alice, &stranger));
	cr_expect_not_null(strstr(result.cure, "client_ca"), "%s", result.cure);
	cr_expect_not(check_issued(&alice, NULL), "self-signed");
	proof_certificate_free(&stranger);
}

Test(auth_certificate, intermediates_come_with_the_chain_or_are_trusted_themselves)
{
	const struct proof_subject middle_subject = { .common_name = "Middle", .authority = true };
	const struct proof_subject alice = { .common_name = "alice" };
	struct proof_certificate middle, leaf, below;
	struct evidence evidence;

	proof_certificate_make(&middle, &middle_subject, &root);
	proof_certificate_make(&leaf, &alice, &middle);
	show(&evidence, &leaf);
	cr_expect_not(check_with(ca, &evidence), "nobody knows the one in the middle");
	proof_put_certificate(&evidence.chain, &middle);
	cr_expect(check_with(ca, &evidence), "%s", result.wrong);
	/* A leaf is no authority. */
	proof_certificate_make(&below, &alice, &leaf);
	show(&evidence, &below);
	proof_put_certificate(&evidence.chain, &leaf);
	proof_put_certificate(&evidence.chain, &middle);
	cr_expect_not(check_with(ca, &evidence));
	proof_certificate_free(&below);
	proof_certificate_free(&leaf);
	proof_certificate_free(&middle);
}

Test(auth_certificate, revoked_ones_and_missing_lists_are_refused)
{
	const struct proof_subject subject = { .common_name = "alice" };
	struct proof_certificate good, revoked;
	struct auth_certificate_ca *with_crl;
	char message[CONF_MESSAGE_BYTES];
	struct evidence evidence;
	X509_CRL *crl;

	proof_certificate_make(&good, &subject, &root);
	proof_certificate_make(&revoked, &subject, &root);
	crl = proof_crl_make(&root, &revoked);
	write_pem(crl_file, NULL, crl, "w");
	with_crl = auth_certificate_ca_load(ca_file, crl_file, message);
	cr_assert_not_null(with_crl, "%s", message);
	show(&evidence, &good);
	cr_expect(check_with(with_crl, &evidence), "%s", result.wrong);
	show(&evidence, &revoked);
	cr_expect(check_with(ca, &evidence), "nobody has heard of it");
	cr_expect_not(check_with(with_crl, &evidence));
	cr_expect_not_null(strstr(result.wrong, "revoked"), "%s", result.wrong);
	auth_certificate_ca_free(&with_crl);
	X509_CRL_free(crl);
	/* The list of somebody else. */
	crl = proof_crl_make(&good, NULL);
	write_pem(crl_file, NULL, crl, "w");
	with_crl = auth_certificate_ca_load(ca_file, crl_file, message);
	show(&evidence, &good);
	cr_expect_not(check_with(with_crl, &evidence));
	cr_expect_not_null(strstr(result.cure, "client_crl"), "%s", result.cure);
	auth_certificate_ca_free(&with_crl);
	X509_CRL_free(crl);
	proof_certificate_free(&good);
	proof_certificate_free(&revoked);
}

Test(auth_certificate, files_that_hold_nothing_are_named)
{
	char message[CONF_MESSAGE_BYTES], empty_file[96], damaged_file[96];
	const struct {
		const char *ca, *crl, *message;
	} cases[] = {
		{ "/nowhere.pem", "", "client_ca = \"/nowhere.pem\": No such file or directory; allowed: " },
		{ ca_file, "/nowhere.crl", "client_crl = \"/nowhere.crl\": No such file or directory; allowed: " },
		{ "/", "", "client_ca = \"/\": it is a directory; allowed: " },
		{ "/dev/null", "", "client_ca = \"/dev/null\": it is no regular file; allowed: " },
		{ empty_file, "", "it holds no certificate in PEM form; allowed: " },
		{ damaged_file, "", "a certificate in it is damaged; allowed: " },
		/* A list where certificates should be, and the other way round. */
		{ ca_file, ca_file, "it holds no revocation list in PEM form; allowed: " },
	};

	snprintf(empty_file, sizeof(empty_file), "%s/empty.pem", directory);
	snprintf(damaged_file, sizeof(damaged_file), "%s/damaged.pem", directory);
	write_text(empty_file, "");
	write_text(damaged_file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_expect_null(auth_certificate_ca_load(cases[i].ca, cases[i].crl, message));
		cr_expect_not_null(strstr(message, cases[i].message), "%s", message);
	}
	unlink(empty_file);
	unlink(damaged_file);
}

Test(auth_certificate, the_signature_is_over_this_kind_of_handshake_by_this_key)
{
	const struct proof_subject subject = { .common_name = "alice" };
	struct proof_certificate leaf, other;
	struct evidence evidence;

	proof_certificate_make(&leaf, &subject, &root);
	proof_certificate_make(&other, &subject, &root);
	show(&evidence, &leaf);
	for (size_t i = 0; i < evidence.data.length; i += 3) {
		evidence.data.bytes[i] ^= 1;
		cr_expect_not(check_with(ca, &evidence), "%zu", i);
		evidence.data.bytes[i] ^= 1;
	}
	/* Signed well, but not what a client signs. */
	evidence.data.bytes[73] = 's'; /* "TLS 1.3, s..." */
	proof_sign(leaf.key, "SHA256", false, &evidence.data, &evidence.signature);
	cr_expect_not(check_with(ca, &evidence));
	cr_expect_str_eq(result.wrong, "what was signed is no TLS handshake of a client");
	proof_tls13(&evidence.data);
	evidence.data.length--;
	proof_sign(leaf.key, "SHA256", false, &evidence.data, &evidence.signature);
	cr_expect_not(check_with(ca, &evidence));
	/* By another key. */
	show(&evidence, &leaf);
	proof_sign(other.key, "SHA256", false, &evidence.data, &evidence.signature);
	cr_expect_not(check_with(ca, &evidence));
	/* With another scheme than the number says. */
	show(&evidence, &leaf);
	for (uint32_t scheme = 0; scheme < 0x0900; scheme++) {
		evidence.scheme = scheme;
		cr_assert_eq(check_with(ca, &evidence), scheme == 0x0403, "%04x", scheme);
	}
	proof_certificate_free(&leaf);
	proof_certificate_free(&other);
}

Test(auth_certificate, chains_that_are_cut_or_too_long_are_refused)
{
	const struct proof_subject subject = { .common_name = "alice" };
	struct proof_certificate leaf;
	struct evidence evidence;
	size_t whole;

	proof_certificate_make(&leaf, &subject, &root);
	show(&evidence, &leaf);
	whole = evidence.chain.length;
	for (size_t length = 0; length < whole; length += 11) {
		evidence.chain.length = length;
		cr_expect_not(check_with(ca, &evidence), "%zu", length);
	}
	evidence.chain.length = whole;
	proof_put_byte(&evidence.chain, 0);
	cr_expect_not(check_with(ca, &evidence));
	evidence.chain.length = whole;
	for (unsigned i = 1; i < AUTH_CERTIFICATE_CHAIN_MAX; i++)
		proof_put_certificate(&evidence.chain, &root);
	cr_expect(check_with(ca, &evidence), "%s", result.wrong);
	proof_put_certificate(&evidence.chain, &root);
	cr_expect_not(check_with(ca, &evidence));
	proof_certificate_free(&leaf);
}

Test(auth_certificate, tls_1_2_signs_the_handshake_itself)
{
	const struct proof_subject subject = { .common_name = "alice", .group = "RSA" };
	struct proof_certificate leaf, other;
	struct evidence evidence;
	uint8_t last;

	proof_certificate_make(&leaf, &subject, &root);
	proof_certificate_make(&other, &subject, &root);
	show(&evidence, &leaf);
	proof_tls12(&evidence.data, &leaf);
	evidence.scheme = 0x0401; /* which TLS 1.3 has done away with */
	proof_sign(leaf.key, "SHA256", false, &evidence.data, &evidence.signature);
	cr_expect(check_with(ca, &evidence), "%s", result.wrong);
	/* Another client's certificate in the handshake; a handshake that goes on or breaks off. */
	proof_tls12(&evidence.data, &other);
	proof_sign(leaf.key, "SHA256", false, &evidence.data, &evidence.signature);
	cr_expect_not(check_with(ca, &evidence));
	proof_tls12(&evidence.data, &leaf);
	proof_put(&evidence.data, "\17\0\0\0", 4);
	proof_sign(leaf.key, "SHA256", false, &evidence.data, &evidence.signature);
	cr_expect_not(check_with(ca, &evidence));
	proof_tls12(&evidence.data, &leaf);
	evidence.data.length -= 44; /* without the ClientKeyExchange */
	proof_sign(leaf.key, "SHA256", false, &evidence.data, &evidence.signature);
	cr_expect_not(check_with(ca, &evidence));
	proof_tls12(&evidence.data, &leaf);
	last = evidence.data.bytes[0];
	evidence.data.bytes[0] = 2;
	proof_sign(leaf.key, "SHA256", false, &evidence.data, &evidence.signature);
	cr_expect_not(check_with(ca, &evidence));
	evidence.data.bytes[0] = last;
	/* PKCS #1 1.5 over what TLS 1.3 would sign. */
	proof_tls13(&evidence.data);
	proof_sign(leaf.key, "SHA256", false, &evidence.data, &evidence.signature);
	cr_expect_not(check_with(ca, &evidence));
	proof_certificate_free(&leaf);
	proof_certificate_free(&other);
}

/* Does the user with this entry own the certificate that was checked last? */
static bool is_of(const char *entry)
{
	char text[256];
	char *items[] = { text };
	const struct conf_list names = { .items = items, .count = 1 };

	text_copy(text, sizeof(text), entry);
	return auth_certificate_is(&result, &names);
}

Test(auth_certificate, belongs_to_whom_its_names_or_its_fingerprint_say)
{
	const struct proof_subject subject = {
		.common_name = "Alice Liddell",
		.alternatives = "DNS:alice.example.com,email:Alice@Example.com,URI:urn:alice",
	};
	static const struct {
		const char *entry;
		bool owned;
	} rows[] = {
		{ "CN:Alice Liddell", true },
		{ "CN:alice liddell", false },
		{ "CN:Alice", false },
		{ "SAN:alice.example.com", true },
		{ "SAN:ALICE.example.com", true },
		{ "SAN:example.com", false },
		{ "SAN:Alice@example.com", true },
		{ "SAN:alice@example.com", false }, /* the part before the @ */
		{ "SAN:urn:alice", true },
		{ "SAN:URN:alice", false },
		{ "SAN:Alice Liddell", false },
		{ "CN:alice.example.com", false },
		{ "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", false },
	};
	unsigned char digest[32];
	unsigned length;
	char hex[65], entry[128];

	cr_assert(check_issued(&subject, &root), "%s", result.wrong);
	for (size_t i = 0; i < COUNT(rows); i++)
		cr_expect_eq(is_of(rows[i].entry), rows[i].owned, "%s", rows[i].entry);
	cr_expect(is_of(result.fingerprint), "as the log prints it");
	cr_assert_eq(X509_digest(result.x509, EVP_sha256(), digest, &length), 1);
	text_hex(hex, digest, 32);
	snprintf(entry, sizeof(entry), "SHA256:%s", hex);
	cr_expect(is_of(entry));
	/* As openssl x509 -fingerprint prints it. */
	snprintf(entry, sizeof(entry), "SHA256:%02X", digest[0]);
	for (size_t i = 1; i < 32; i++)
		snprintf(entry + strlen(entry), sizeof(entry) - strlen(entry), ":%02X", digest[i]);
	cr_expect(is_of(entry), "%s", entry);
	entry[7] = entry[7] == '0' ? '1' : '0';
	cr_expect_not(is_of(entry));
}

Test(auth_certificate, without_an_authority_only_the_fingerprint_names_somebody)
{
	const struct proof_subject subject = { .common_name = "alice",
		.alternatives = "DNS:alice" };
	const struct proof_subject old = {
		.common_name = "alice", .days_before = -2, .days_after = -1
	};
	struct proof_certificate own;
	struct evidence evidence;

	proof_certificate_make(&own, &subject, NULL);
	show(&evidence, &own);
	cr_assert(check_with(NULL, &evidence), "%s", result.wrong);
	cr_expect_not(result.vouched);
	cr_expect_not(is_of("CN:alice"));
	cr_expect_not(is_of("SAN:alice"));
	cr_expect(is_of(result.fingerprint));
	proof_certificate_free(&own);
	proof_certificate_make(&own, &old, NULL);
	show(&evidence, &own);
	cr_expect_not(check_with(NULL, &evidence));
	cr_expect_not_null(strstr(result.wrong, "expired"));
	proof_certificate_free(&own);
}
