#include <criterion/criterion.h>
#include <string.h>

#include "auth/auth_signature.h"
#include "proofs.h"

static const uint8_t session[32] = "the exchange hash, the first one";

static struct auth_blob as_blob(const struct proof_bytes *bytes)
{
	return (struct auth_blob){ .bytes = bytes->bytes, .length = bytes->length };
}

/* What the guard asks, with everything right; data and signature are filled by sign(). */
struct login {
	struct proof_key key;
	struct auth_key parsed;
	struct proof_request request;
	struct proof_bytes data, signature;
	struct auth_signature ask;
};

static void begin(struct login *login, const char *type)
{
	memset(login, 0, sizeof(*login));
	proof_key_make(&login->key, type, 2048);
	cr_assert_null(auth_key_parse(&login->parsed, as_blob(&login->key.blob)), "%s", type);
	login->request = proof_request_of(&login->key, session, sizeof(session), "alice");
	login->ask = (struct auth_signature){
		.session_id = { .bytes = session, .length = sizeof(session) },
		.user = "alice",
		.key = &login->parsed,
	};
}

static void encode(struct login *login)
{
	if (strncmp(login->key.type, "sk-", 3) == 0)
		proof_request_encode_sk(&login->request, "ssh:", 1, &login->data);
	else
		proof_request_encode(&login->request, &login->data);
}

static const char *check(struct login *login, const char *digest)
{
	proof_sign(login->key.key, digest, false, &login->data, &login->signature);
	login->ask.signed_data = as_blob(&login->data);
	login->ask.signature = as_blob(&login->signature);
	return auth_signature_check(&login->ask);
}

static const char *try_login(struct login *login)
{
	encode(login);
	return check(login, login->key.digest);
}

Test(auth_signature, every_type_of_key_logs_in)
{
	static struct login login;

	for (size_t i = 0; i < auth_key_type_count; i++) {
		const char *wrong;

		begin(&login, auth_key_types[i].name);
		wrong = try_login(&login);
		cr_expect_null(wrong, "%s: %s", auth_key_types[i].name, wrong);
		proof_key_free(&login.key);
	}
}

Test(auth_signature, every_bit_of_data_and_signature_counts)
{
	static struct login login;

	for (size_t i = 0; i < auth_key_type_count; i++) {
		begin(&login, auth_key_types[i].name);
		cr_assert_null(try_login(&login));
		for (size_t at = 0; at < login.data.length; at += 7) {
			login.data.bytes[at] ^= 1;
			cr_expect_not_null(
			    auth_signature_check(&login.ask), "%s: byte %zu", login.key.type, at);
			login.data.bytes[at] ^= 1;
		}
		for (size_t at = 0; at < login.signature.length; at += 5) {
			login.signature.bytes[at] ^= 1;
			cr_expect_not_null(auth_signature_check(&login.ask));
			login.signature.bytes[at] ^= 1;
		}
		for (size_t length = 0; length < login.data.length; length += 3) {
			login.ask.signed_data.length = length;
			cr_expect_not_null(auth_signature_check(&login.ask));
		}
		proof_key_free(&login.key);
	}
}

/* One thing after the other that is signed well, and is not what this login needs. */
Test(auth_signature, what_was_signed_for_something_else_does_not_log_in)
{
	static const uint8_t other_session[32] = "the exchange hash of another one";
	static struct login login;
	static struct proof_key other;

	for (size_t i = 0; i < auth_key_type_count; i++) {
		const bool plain = strncmp(auth_key_types[i].name, "sk-", 3) != 0;

		begin(&login, auth_key_types[i].name);
		proof_key_make(&other, auth_key_types[i].name, 2048);
#define EXPECT_WRONG(change, text)                                                               \
	do {                                                                                     \
		const char *wrong;                                                               \
                                                                                                 \
		login.request = proof_request_of(&login.key, session, sizeof(session), "alice"); \
		login.request.change;                                                            \
		wrong = try_login(&login);                                                       \
		cr_expect_not_null(wrong, "%s: " #change, login.key.type);                       \
		if (wrong != NULL && plain)                                                      \
			cr_expect_not_null(strstr(wrong, text), "%s: %s", #change, wrong);       \
	} while (0)
		EXPECT_WRONG(session = other_session, "another connection");
		EXPECT_WRONG(session_length = 31, "another connection");
		EXPECT_WRONG(user = "alic", "another user");
		EXPECT_WRONG(user = "alice2", "another user");
		EXPECT_WRONG(user = "", "another user");
		EXPECT_WRONG(message = 51, "another request");
		EXPECT_WRONG(service = "ssh-userauth", "another request");
		EXPECT_WRONG(method = "hostbased", "another request");
		EXPECT_WRONG(has_signature = 0, "another request");
		EXPECT_WRONG(algorithm = "ssh-dss", "does not fit");
		EXPECT_WRONG(key = &other.blob, "another key");
		/* The other key signs: the blob is right, the signature is not. */
		login.request = proof_request_of(&login.key, session, sizeof(session), "alice");
		encode(&login);
		proof_sign(other.key, other.digest, false, &login.data, &login.signature);
		login.ask.signed_data = as_blob(&login.data);
		login.ask.signature = as_blob(&login.signature);
		cr_expect_not_null(auth_signature_check(&login.ask));
		proof_key_free(&other);
		proof_key_free(&login.key);
	}
}

Test(auth_signature, nothing_may_follow_the_key)
{
	static struct login login;

	begin(&login, "ssh-ed25519");
	encode(&login);
	proof_put_byte(&login.data, 0);
	cr_assert_str_eq(check(&login, NULL), "what was signed is no request for a login");
	proof_key_free(&login.key);
}

Test(auth_signature, a_connection_without_session_id_has_no_logins)
{
	static struct login login;

	begin(&login, "ssh-ed25519");
	login.request.session_length = 0;
	login.ask.session_id.length = 0;
	cr_assert_str_eq(try_login(&login), "this connection has no session id yet");
	login.ask.session_id.length = 19;
	login.request.session_length = 19;
	cr_assert_str_eq(try_login(&login), "this connection has no session id yet");
	proof_key_free(&login.key);
}

Test(auth_signature, rsa_goes_by_the_algorithm_that_was_signed)
{
	static const struct {
		const char *algorithm, *digest;
		bool allow_sha1, good;
	} rows[] = {
		{ "rsa-sha2-512", "SHA512", false, true },
		{ "rsa-sha2-256", "SHA256", false, true },
		{ "rsa-sha2-256", "SHA512", false, false },
		{ "rsa-sha2-512", "SHA1", true, false },
		{ "ssh-rsa", "SHA1", false, false },
		{ "ssh-rsa", "SHA1", true, true },
		{ "ssh-rsa", "SHA256", true, false },
		{ "ssh-ed25519", "SHA512", true, false },
		{ "rsa-sha2-1024", "SHA512", true, false },
	};
	static struct login login;

	begin(&login, "ssh-rsa");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		login.request.algorithm = rows[i].algorithm;
		login.ask.allow_sha1 = rows[i].allow_sha1;
		encode(&login);
		cr_expect_eq(check(&login, rows[i].digest) == NULL, rows[i].good, "row %zu", i);
	}
	proof_key_free(&login.key);
}

Test(auth_signature, a_security_key_must_be_touched_and_verified_as_its_line_says)
{
	static const struct {
		uint8_t flags;
		bool untouched_ok, verify_required, good;
	} rows[] = {
		{ 0x01, false, false, true },
		{ 0x05, false, false, true },
		{ 0x00, false, false, false },
		{ 0x04, false, false, false },
		{ 0x00, true, false, true },
		{ 0x01, false, true, false },
		{ 0x05, false, true, true },
		{ 0x04, true, true, true },
		{ 0x00, true, true, false },
	};
	static const char *const types[] = { "sk-ssh-ed25519@openssh.com",
		"sk-ecdsa-sha2-nistp256@openssh.com" };
	static struct login login;

	for (size_t t = 0; t < 2; t++) {
		begin(&login, types[t]);
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			login.ask.untouched_ok = rows[i].untouched_ok;
			login.ask.verify_required = rows[i].verify_required;
			proof_request_encode_sk(&login.request, "ssh:", rows[i].flags, &login.data);
			cr_expect_eq(check(&login, login.key.digest) == NULL, rows[i].good,
			    "%s row %zu", types[t], i);
		}
		proof_key_free(&login.key);
	}
}

Test(auth_signature, a_security_key_signs_for_its_own_application)
{
	static struct login login;

	begin(&login, "sk-ssh-ed25519@openssh.com");
	proof_request_encode_sk(&login.request, "ssh:other", 1, &login.data);
	cr_assert_str_eq(check(&login, NULL), "what was signed is for another application");
	/* The request in clear, as a plain key would sign it. */
	proof_request_encode(&login.request, &login.data);
	cr_assert_str_eq(check(&login, NULL), "what was signed is not what security keys sign");
	proof_key_free(&login.key);
}

Test(auth_signature, warming_up_does_no_harm)
{
	static struct login login;

	auth_signature_warm_up();
	begin(&login, "ecdsa-sha2-nistp256");
	cr_assert_null(try_login(&login));
	proof_key_free(&login.key);
}
