/* Checks of TLS: the certificates of the server, and those who may certify clients. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/base/text.h"
#include "server/tls/tls_certificate.h"
#include "server/tls/tls_profiles.h"
#include "server/client_ca.h"
#include "server/crl_file.h"
#include "server/ctl_check_private.h"

#define WHAT_BYTES  300
#define DAY_SECONDS (24 * 60 * 60)
#define LEAST_BITS  112 /* of security: RSA 2048, SHA-224; what OpenSSL asks for by default */

/* A certificate file of the configuration, and what was found in it. */
struct subject {
	struct ctl_check *check;
	const char *what;
	const char *path;
	const struct tls_certificate_file *file;
	bool fine; /* so far */
};

/* A finding about a subject; keeps in mind that there was one. */
#define SAY(subject, level, cure, ...)                                                             \
	((subject)->fine = false,                                                                  \
	    ctl_check_say((subject)->check, level, (subject)->what, cure, __VA_ARGS__))

/* "certificate 2 in FILE", or "FILE" for the first. */
static const char *place_of(const struct subject *subject, size_t index, char *out, size_t out_bytes)
{
	if (index == 0)
		text_copy(out, out_bytes, subject->path);
	else
		text_format(out, out_bytes, "certificate %zu in %s", index + 1, subject->path);
	return out;
}

/* --- one certificate ---------------------------------------------------------------------------- */

static void check_dates(struct subject *subject, size_t index)
{
	X509 *certificate = tls_certificate_at(subject->file, index);
	const int64_t now = clock_wall().tv_sec;
	const int64_t begins = tls_certificate_not_before(certificate);
	const int64_t ends = tls_certificate_not_after(certificate);
	char place[CTL_CHECK_TEXT_BYTES], date[TLS_CERTIFICATE_DATE_BYTES];

	place_of(subject, index, place, sizeof(place));
	if (ends <= now) {
		tls_certificate_date(ends, date);
		SAY(subject, CTL_CHECK_ERROR, "renew it", "%s expired on %s", place, date);
	} else if (begins > now) {
		tls_certificate_date(begins, date);
		SAY(subject, CTL_CHECK_ERROR, "wait, or look at this machine's clock",
		    "%s is not valid before %s", place, date);
	} else if (ends - now <= subject->check->conf->tls.expiry_warning / 1000) {
		tls_certificate_date(ends, date);
		SAY(subject, CTL_CHECK_WARNING, "renew it", "%s expires on %s, in %lld days", place, date,
		    (long long)((ends - now) / DAY_SECONDS));
	}
}

static void check_strength(struct subject *subject, size_t index)
{
	X509 *certificate = tls_certificate_at(subject->file, index);
	const EVP_PKEY *key = X509_get0_pubkey(certificate);
	char place[CTL_CHECK_TEXT_BYTES];
	int digest = NID_undef;
	bool self_signed = (X509_get_extension_flags(certificate) & EXFLAG_SS) != 0;

	place_of(subject, index, place, sizeof(place));
	if (key == NULL || EVP_PKEY_get_security_bits(key) < LEAST_BITS)
		SAY(subject, CTL_CHECK_ERROR, "make a new key: ECDSA P-256, or RSA with 2048 bits or more",
		    "%s has a weak key of %d bits, which clients refuse", place,
		    key == NULL ? 0 : EVP_PKEY_get_bits(key));
	/* Nobody relies on what an authority says of itself. */
	if (self_signed && index > 0)
		return;
	if (X509_get_signature_info(certificate, &digest, NULL, NULL, NULL) == 1 &&
	    (digest == NID_sha1 || digest == NID_md5))
		SAY(subject, CTL_CHECK_ERROR, "have it signed with SHA-256",
		    "%s is signed with %s, which clients refuse", place, OBJ_nid2sn(digest));
}

/* --- the chain ---------------------------------------------------------------------------------- */

static bool issued(X509 *issuer, X509 *certificate)
{
	bool did = X509_check_issued(issuer, certificate) == X509_V_OK &&
	           X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;

	ERR_clear_error();
	return did;
}

/* Does an authority that this machine trusts stand at the chain's end? */
static bool leads_to_known(const struct subject *subject)
{
	STACK_OF(X509) *between = sk_X509_new_null();
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	bool known = false;

	if (between == NULL || store == NULL || context == NULL)
		goto out;
	for (size_t i = 1; i < tls_certificate_count(subject->file); i++)
		sk_X509_push(between, tls_certificate_at(subject->file, i));
	X509_STORE_set_default_paths(store);
	/* Dates have checks of their own. */
	X509_STORE_set_flags(store, X509_V_FLAG_NO_CHECK_TIME);
	if (X509_STORE_CTX_init(context, store, tls_certificate_at(subject->file, 0), between) == 1)
		known = X509_verify_cert(context) == 1;
out:
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	sk_X509_free(between);
	ERR_clear_error();
	return known;
}

static void check_end(struct subject *subject)
{
	size_t count = tls_certificate_count(subject->file);
	X509 *last = tls_certificate_at(subject->file, count - 1);

	if (leads_to_known(subject))
		return;
	if (issued(last, last) && count == 1)
		SAY(subject, CTL_CHECK_WARNING,
		    "tell the clients' owners its fingerprint, or get one from an authority",
		    "%s is self-signed: clients do not know it", subject->path);
	else if (issued(last, last))
		SAY(subject, CTL_CHECK_WARNING, "give the clients the authority's certificate",
		    "the authority at the end of %s is a private one, which clients do not know", subject->path);
	else
		SAY(subject, CTL_CHECK_WARNING,
		    "add the intermediate certificates; if the authority is a private one, its own too",
		    "the chain in %s ends before an authority that this machine knows", subject->path);
}

static const char order_cure[] = "put the server's own certificate first, then the one that issued it, and so on";

static void check_chain(struct subject *subject)
{
	size_t count = tls_certificate_count(subject->file);

	if (count > 1 && X509_check_ca(tls_certificate_at(subject->file, 0)) != 0 &&
	    X509_check_ca(tls_certificate_at(subject->file, count - 1)) == 0) {
		SAY(subject, CTL_CHECK_ERROR, order_cure,
		    "%s begins with an authority's certificate", subject->path);
		return;
	}
	for (size_t i = 1; i < count; i++) {
		if (issued(tls_certificate_at(subject->file, i), tls_certificate_at(subject->file, i - 1)))
			continue;
		SAY(subject, CTL_CHECK_ERROR, order_cure,
		    "certificate %zu in %s did not issue the one before it", i + 1, subject->path);
		return;
	}
	check_end(subject);
}

/* --- key and names ------------------------------------------------------------------------------ */

static void check_key(struct subject *subject, const char *path)
{
	EVP_PKEY *key;

	if (path[0] == '\0') {
		SAY(subject, CTL_CHECK_ERROR, "name the file of the private key", "there is a certificate and no key");
		return;
	}
	key = ctl_check_key(subject->check, subject->what, path, KEEPER_USE_TLS);
	if (key == NULL)
		subject->fine = false;
	else if (EVP_PKEY_eq(key, X509_get0_pubkey(tls_certificate_at(subject->file, 0))) != 1)
		SAY(subject, CTL_CHECK_ERROR,
		    "put the key there that the certificate was made for, or the certificate of this key",
		    "the key in %s is not that of the first certificate in %s", path, subject->path);
	EVP_PKEY_free(key);
	ERR_clear_error();
}

static void check_names(struct subject *subject, const char *names, const char *host)
{
	X509 *server = tls_certificate_at(subject->file, 0);

	if (X509_check_purpose(server, X509_PURPOSE_SSL_SERVER, 0) != 1)
		SAY(subject, CTL_CHECK_ERROR, "have it made for TLS servers (extended key usage)",
		    "%s is not for servers", subject->path);
	if (names[0] == '\0')
		SAY(subject, CTL_CHECK_ERROR, "have it made for the server's host names",
		    "%s names no host: no client takes it", subject->path);
	else if (host != NULL && !tls_certificate_is_for(server, host))
		SAY(subject, CTL_CHECK_ERROR,
		    "name the section as clients ask, and have the certificate made for that name",
		    "%s is not for %s, only for %s", subject->path, host, names);
}

/* --- a certificate of the server ---------------------------------------------------------------- */

/* host: the name of a tls_host section, or NULL. */
static void check_certificate(
    struct ctl_check *check, const char *what, const char *path, const char *key, const char *host)
{
	struct subject subject = { .check = check, .what = what, .path = path, .fine = true };
	char message[CONF_MESSAGE_BYTES], names[TLS_CERTIFICATE_NAMES_BYTES], date[TLS_CERTIFICATE_DATE_BYTES];
	struct tls_certificate_file *file = tls_certificate_load(path, message, sizeof(message));

	if (file == NULL) {
		ctl_check_say(check, CTL_CHECK_ERROR, what, "put the certificate and its chain there (PEM)",
		    "%s: %s", path, message);
		return;
	}
	subject.file = file;
	for (size_t i = 0; i < tls_certificate_count(file); i++) {
		check_dates(&subject, i);
		check_strength(&subject, i);
	}
	check_chain(&subject);
	check_key(&subject, key);
	tls_certificate_names(tls_certificate_at(file, 0), names, sizeof(names));
	check_names(&subject, names, host);
	tls_certificate_date(tls_certificate_not_after(tls_certificate_at(file, 0)), date);
	if (subject.fine)
		ctl_check_say(check, CTL_CHECK_OK, what, NULL, "for %s, until %s", names, date);
	tls_certificate_free(&file);
}

/* A name that clients may give with HOST, and no certificate for it. */
static void check_host_names(struct ctl_check *check)
{
	const struct conf *conf = check->conf;

	for (size_t i = 0; i < conf->ftp.host_names.count; i++) {
		const char *name = conf->ftp.host_names.items[i];
		bool served = false;

		for (size_t j = 0; j <= conf->tls_host_count && !served; j++) {
			char message[CONF_MESSAGE_BYTES];
			struct tls_certificate_file *file =
			    tls_certificate_load(j == 0 ? conf->tls.certificate : conf->tls_hosts[j - 1].certificate,
			        message, sizeof(message));

			served = file != NULL && tls_certificate_is_for(tls_certificate_at(file, 0), name);
			tls_certificate_free(&file);
		}
		if (!served)
			ctl_check_say(check, CTL_CHECK_WARNING, "host_names",
			    "have one made for that name, or add a tls_host section",
			    "no certificate is for %s", name);
	}
}

/* What tls { } says in place of the profiles: a start would fail at it. */
static void check_lists_of_ours(struct ctl_check *check)
{
	char message[CONF_MESSAGE_BYTES];

	if (!tls_profiles_check(check->conf, message, sizeof(message)))
		ctl_check_say_wrong(check, "tls", message);
}

void ctl_check_certificates(struct ctl_check *check)
{
	const struct conf *conf = check->conf;
	char what[WHAT_BYTES];

	if (conf->tls.certificate[0] == '\0') {
		if (conf->tls.key[0] != '\0' || conf->tls_host_count > 0)
			ctl_check_say(check, CTL_CHECK_ERROR, "tls", "set tls.certificate",
			    "there is a key or a tls_host section, and no certificate for clients that name no host");
		return;
	}
	check_certificate(check, "tls", conf->tls.certificate, conf->tls.key, NULL);
	for (size_t i = 0; i < conf->tls_host_count; i++) {
		const struct conf_tls_host *host = &conf->tls_hosts[i];

		text_format(what, sizeof(what), "tls_host %s", host->title);
		check_certificate(check, what, host->certificate, host->key, host->title);
	}
	check_host_names(check);
	check_lists_of_ours(check);
}

/* --- who may certify clients -------------------------------------------------------------------- */

static bool is_issuer_known(const struct tls_certificate_file *authorities, const X509_CRL *list)
{
	for (size_t i = 0; i < tls_certificate_count(authorities); i++)
		if (X509_NAME_cmp(X509_CRL_get_issuer(list),
		        X509_get_subject_name(tls_certificate_at(authorities, i))) == 0)
			return true;
	return false;
}

/* The end by the rule of the running server's warning. */
static void check_list(
    struct ctl_check *check, const struct tls_certificate_file *authorities, const X509_CRL *list)
{
	static const char what[] = "client_crl";
	static const char renew[] = "fetch a new one from the authority, and do so regularly";
	const char *path = check->conf->tls.client_crl;
	const int64_t now = clock_wall().tv_sec;
	char date[TLS_CERTIFICATE_DATE_BYTES];
	struct crl_file_list told;

	crl_file_describe(list, &told);
	tls_certificate_date(told.expires, date);
	if (told.expires <= now)
		ctl_check_say(check, CTL_CHECK_ERROR, what, renew,
		    "the list of %s in %s is out of date: every client certificate of that authority is refused",
		    told.issuer, path);
	else if (told.begins > now)
		ctl_check_say(check, CTL_CHECK_ERROR, what, "set the clock of this machine, or the authority's",
		    "the list of %s in %s begins in the future: every client certificate of that authority is refused",
		    told.issuer, path);
	else if (!is_issuer_known(authorities, list))
		ctl_check_say(check, CTL_CHECK_WARNING, what, "put the list of an authority in client_ca there",
		    "the list of %s in %s was issued by nobody in client_ca", told.issuer, path);
	else if (told.expires != INT64_MAX &&
		 told.expires - now <= crl_file_warning(&told, check->conf->tls.expiry_warning / 1000))
		ctl_check_say(check, CTL_CHECK_WARNING, what, renew,
		    "the list of %s in %s is out of date on %s, in %lld hours", told.issuer, path, date,
		    (long long)((told.expires - now) / (60 * 60)));
	else
		ctl_check_say(check, CTL_CHECK_OK, what, NULL, "the list of %s in %s", told.issuer, path);
}

/* Those that the server goes by: of each authority the one that ends last. */
static void check_lists(struct ctl_check *check, const struct tls_certificate_file *authorities)
{
	const char *path = check->conf->tls.client_crl;
	STACK_OF(X509_CRL) *lists = crl_file_load(path);

	for (int i = 0; i < sk_X509_CRL_num(lists); i++)
		check_list(check, authorities, sk_X509_CRL_value(lists, i));
	if (sk_X509_CRL_num(lists) <= 0)
		ctl_check_say(check, CTL_CHECK_ERROR, "client_crl", "put the revocation lists there (PEM)",
		    "%s holds no revocation list that can be read", path);
	crl_file_free(&lists);
}

static void check_authorities(struct ctl_check *check, const struct tls_certificate_file *authorities)
{
	struct subject subject = { .check = check,
		.what = "client_ca",
		.path = check->conf->tls.client_ca,
		.file = authorities,
		.fine = true };

	for (size_t i = 0; i < tls_certificate_count(authorities); i++) {
		char place[CTL_CHECK_TEXT_BYTES];

		check_dates(&subject, i);
		if (X509_check_ca(tls_certificate_at(authorities, i)) == 0)
			SAY(&subject, CTL_CHECK_WARNING, "put the certificates of authorities there",
			    "%s is no authority's", place_of(&subject, i, place, sizeof(place)));
	}
	if (subject.fine)
		ctl_check_say(check, CTL_CHECK_OK, subject.what, NULL, "%zu in %s",
		    tls_certificate_count(authorities), subject.path);
}

void ctl_check_client_authorities(struct ctl_check *check)
{
	const struct conf_tls *tls = &check->conf->tls;
	struct tls_certificate_file *authorities;
	char message[CONF_MESSAGE_BYTES];

	if (tls->client_ca[0] == '\0') {
		if (tls->client_crl[0] != '\0')
			ctl_check_say(check, CTL_CHECK_WARNING, "client_crl", "set client_ca as well",
			    "there is a revocation list and no authority whose it could be");
		return;
	}
	authorities = tls_certificate_load(tls->client_ca, message, sizeof(message));
	if (authorities == NULL) {
		ctl_check_say(check, CTL_CHECK_ERROR, "client_ca", "put the authorities' certificates there (PEM)",
		    "%s: %s", tls->client_ca, message);
		return;
	}
	check_authorities(check, authorities);
	if (tls->client_crl[0] != '\0' && client_ca_is_wanted(check->conf))
		check_lists(check, authorities);
	tls_certificate_free(&authorities);
}
