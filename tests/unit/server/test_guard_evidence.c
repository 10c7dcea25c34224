/* Logins by SSH key and TLS client certificate, and by several factors, as a front may ask for
 * them. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../auth/proofs.h"
#include "auth/auth_certificate.h"
#include "auth/auth_key.h"
#include "fake_keeper.h"
#include "guard_harness.h"
#include "server/base/clock.h"
#include "server/base/io.h"
#include "server/guard_private.h"
#include "server/session.h"

#define PASSWORD "wonderland"

static struct guard_harness harness;
static struct fake_keeper keeper;
static bool keeper_runs;
static struct proof_key key, other_key;
static const uint8_t hash[32] = "the first exchange hash of this!";
static struct proof_bytes data, signature;

/* --- SSH ----------------------------------------------------------------------------------------
 */

/* users.d/NAME.conf with these lines after the password; %s in them is the line of `key`. */
static void write_user(const char *name, const char *format)
{
	char line[4096], lines[8192], text[10000], path[128], file[64];
	int dir_fd;

	proof_key_line(&key, "alice@laptop", line);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(lines, sizeof(lines), format, line);
#pragma GCC diagnostic pop
	snprintf(text, sizeof(text), HARNESS_PASSWORD "%s\n", lines);
	snprintf(file, sizeof(file), "%s.conf", name);
	snprintf(path, sizeof(path), "%s/users.d", harness.base);
	dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(io_replace_file(dir_fd, file, text, strlen(text), 0600));
	close(dir_fd);
}

#define WITH_KEY "keys = { '%s' }"

/* An SSH session whose first hash has been signed, so that it has a session id. */
static void start_ssh_with(const char *extra, const char *listener)
{
	const struct guard_req_sign ask = {
		.key = 0,
		.shape = KEEPER_SHAPE_SSH,
		.digest = KEEPER_DIGEST_NONE,
		.data = { .bytes = hash, .length = sizeof(hash) },
	};
	struct harness_extras extras = { .protocol = "sftp", .listener = listener };

	/* Its keys take a second to make: one keeper for all sessions of a test. */
	if (!keeper_runs)
		fake_keeper_start(&keeper);
	keeper_runs = true;
	extras.keeper_door_fd = keeper.door_fd;
	extras.keys = &keeper.public_keys;
	harness_start_with(&harness, extra, &extras);
	proof_key_make(&key, "ssh-ed25519", 0);
	proof_key_make(&other_key, "ssh-ed25519", 0);
	write_user("alice", WITH_KEY);
	harness_connect(&harness);
	cr_assert_eq(harness_ask_sign(&harness, &ask, NULL, NULL), VFS_OK);
}

static void start_ssh(void)
{
	start_ssh_with("", NULL);
}

static void end_session(void)
{
	harness_stop(&harness);
	proof_key_free(&key);
	proof_key_free(&other_key);
}

static void stop_ssh(void)
{
	end_session();
	fake_keeper_stop(&keeper);
}

static bool probe(const char *user, const struct proof_key *with)
{
	const struct guard_req_probe_key ask = {
		.user = user,
		.key = { .bytes = with->blob.bytes, .length = with->blob.length },
	};
	struct guard_rep_probe_key reply;

	cr_assert_eq(harness_ask_probe_key(&harness, &ask, &reply, NULL), VFS_OK);
	return reply.acceptable != 0;
}

/* Log in by what is in data and signature, as made by `with`. */
static struct guard_rep_login_key send_key(const char *user, const struct proof_key *with)
{
	const struct guard_req_login_key ask = {
		.user = user,
		.key = { .bytes = with->blob.bytes, .length = with->blob.length },
		.signed_data = { .bytes = data.bytes, .length = data.length },
		.signature = { .bytes = signature.bytes, .length = signature.length },
	};
	struct guard_rep_login_key reply;

	cr_assert_eq(harness_ask_login_key(&harness, &ask, &reply, NULL), VFS_OK);
	return reply;
}

static void sign_request(const struct proof_request *request, const struct proof_key *with)
{
	proof_request_encode(request, &data);
	proof_sign(with->key, with->digest, false, &data, &signature);
}

static uint32_t login_key(const char *user, const struct proof_key *with)
{
	const struct proof_request request = proof_request_of(with, hash, sizeof(hash), user);

	sign_request(&request, with);
	return send_key(user, with).result;
}

static uint32_t login_password(const char *user)
{
	return harness_try_login(&harness, user, PASSWORD);
}

Test(guard_evidence, a_key_of_the_users_logs_in, .init = start_ssh, .fini = stop_ssh)
{
	const struct guard_req_stat look = { .path = "/" };
	char fingerprint[AUTH_KEY_FINGERPRINT_BYTES], line[160];

	cr_expect(probe("alice", &key));
	cr_expect_eq(login_key("alice", &key), GUARD_LOGIN_OK);
	auth_key_fingerprint(
	    (struct auth_blob){ .bytes = key.blob.bytes, .length = key.blob.length }, fingerprint);
	snprintf(line, sizeof(line), "backend=file method=publickey key=%s", fingerprint);
	cr_expect(harness_logged(&harness, line), "%s\n%s", line, harness.log);
	cr_expect_eq(harness_ask_stat(&harness, &look, NULL, NULL), VFS_OK);
}

Test(guard_evidence, the_reply_says_who_has_logged_in, .init = start_ssh, .fini = stop_ssh)
{
	const struct proof_request request = proof_request_of(&key, hash, sizeof(hash), "alice");
	struct guard_rep_login_key reply;

	sign_request(&request, &key);
	reply = send_key("alice", &key);
	cr_expect_eq(reply.result, GUARD_LOGIN_OK);
	cr_expect_str_eq(reply.user, "alice");
	cr_expect_str_eq(reply.start_dir, "/");
	cr_expect_neq(reply.rights, 0);
	cr_expect_eq(reply.uid, geteuid());
	cr_expect_eq(reply.attempts_left, 6);
}

Test(guard_evidence, every_type_of_key_logs_in_and_no_password_is_needed, .init = start_ssh,
    .fini = stop_ssh)
{
	for (size_t i = 0; i < auth_key_type_count; i++) {
		struct proof_request request;

		if (i > 0)
			start_ssh();
		proof_key_free(&key);
		proof_key_make(&key, auth_key_types[i].name, 2048);
		write_user("alice", WITH_KEY);
		request = proof_request_of(&key, hash, sizeof(hash), "alice");
		if (auth_key_types[i].security_key)
			proof_request_encode_sk(&request, "ssh:", 1, &data);
		else
			proof_request_encode(&request, &data);
		proof_sign(key.key, key.digest, false, &data, &signature);
		cr_expect(probe("alice", &key), "%s", auth_key_types[i].name);
		cr_expect_eq(send_key("alice", &key).result, GUARD_LOGIN_OK, "%s: %s",
		    auth_key_types[i].name, harness.log);
		if (i + 1 < auth_key_type_count)
			end_session();
	}
}

/* The Go and libssh holes of 2024 and 2018: what was probed, or claimed, is not what was proven. */
Test(guard_evidence, a_probe_proves_nothing, .init = start_ssh, .fini = stop_ssh)
{
	const struct guard_req_stat look = { .path = "/" };
	struct proof_request request;

	/* The key of alice is probed; another one signs, under alice's key and under its own. */
	cr_expect(probe("alice", &key));
	request = proof_request_of(&key, hash, sizeof(hash), "alice");
	sign_request(&request, &other_key);
	cr_expect_eq(send_key("alice", &key).result, GUARD_LOGIN_FAILED);
	cr_expect(harness_logged(&harness, "reason=the signature is not by this key"));
	cr_expect(probe("alice", &key));
	cr_expect_eq(login_key("alice", &other_key), GUARD_LOGIN_FAILED);
	cr_expect(harness_logged(&harness, "reason=not one of the user's keys"));
	/* A good signature for another user of the same key. */
	write_user("bob", WITH_KEY);
	request = proof_request_of(&key, hash, sizeof(hash), "alice");
	sign_request(&request, &key);
	cr_expect_eq(send_key("bob", &key).result, GUARD_LOGIN_FAILED);
	cr_expect(harness_logged(&harness, "reason=what was signed names another user"));
	cr_expect_null(strstr(harness.log, "login session="));
	/* And nobody is logged in by it all. */
	harness_send_stat(&harness, &look);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_VIOLATION);
}

Test(guard_evidence, a_forged_verified_logs_nobody_in, .init = start_ssh, .fini = stop_ssh)
{
	/* A hijacked front says: libssh has verified it.  It has nothing to show for it. */
	data.length = 0;
	signature.length = 0;
	cr_expect_eq(send_key("alice", &key).result, GUARD_LOGIN_FAILED);
	proof_put_byte(&data, 1);
	proof_put_byte(&signature, 1);
	cr_expect_eq(send_key("alice", &key).result, GUARD_LOGIN_FAILED);
	cr_expect_null(strstr(harness.log, "login session="));
}

Test(guard_evidence, a_signature_of_another_connection_is_worth_nothing, .init = start_ssh,
    .fini = stop_ssh)
{
	static const uint8_t elsewhere[32] = "the first exchange hash of that!";
	const struct proof_request request =
	    proof_request_of(&key, elsewhere, sizeof(elsewhere), "alice");

	sign_request(&request, &key);
	cr_expect_eq(send_key("alice", &key).result, GUARD_LOGIN_FAILED);
	cr_expect(harness_logged(&harness, "reason=what was signed belongs to another connection"));
}

Test(guard_evidence, before_any_key_exchange_no_key_logs_in)
{
	struct harness_extras extras = { .protocol = "sftp", .keeper_door_fd = -1 };
	static const uint8_t nothing[1];
	struct proof_request request;

	harness_start_with(&harness, "", &extras);
	proof_key_make(&key, "ssh-ed25519", 0);
	write_user("alice", WITH_KEY);
	harness_connect(&harness);
	request = proof_request_of(&key, nothing, 0, "alice");
	sign_request(&request, &key);
	cr_expect_eq(send_key("alice", &key).result, GUARD_LOGIN_FAILED);
	cr_expect(harness_logged(&harness, "reason=this connection has no session id yet"));
	harness_stop(&harness);
	proof_key_free(&key);
}

Test(guard_evidence, who_may_not_log_in_by_key_is_told_nothing_and_the_log_all, .init = start_ssh,
    .fini = stop_ssh)
{
	static const struct {
		const char *user, *lines, *reason;
	} rows[] = {
		{ "nobody-here", NULL, "user=nobody-here method=publickey key=SHA256:" },
		{ "../alice", NULL, "reason=not a possible user name" },
		{ "off", "enabled = no " WITH_KEY, "reason=the account is disabled" },
		{ "bob", "umask = 022 # %s", "backend=file method=publickey key=SHA256:" },
		{ "far", "keys = { 'from=\"10.0.0.0/8\" %s' }",
		    "reason=keys, line 1: from= does not allow the key at address 127.0.0.1 "
		    "cure=add" },
		{ "late", "keys = { 'expiry-time=\"20200101Z\" %s' }",
		    "reason=keys, line 1: the key has expired" },
		{ "odd", "keys = { 'x', 'agent %s' }",
		    "reason=keys, line 2: option agent is not known cure=" },
		{ "spoilt", "keys = { 'x' } # %s",
		    "reason=not one of the user's keys; keys, line 1 does not count: it is not a "
		    "line" },
		{ "pass", "require = { password } " WITH_KEY,
		    "reason=`require` of the user does not name publickey cure=change" },
		{ "file", "authorized_keys = \"/nowhere/%%u\" # %s",
		    "; /nowhere/file is not read: there is no such file" },
		{ "anonymous", NULL, "reason=anonymous logs in by password only" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* Each row costs two of the six tries. */
		if (i % 2 == 0) {
			end_session();
			start_ssh_with("anonymous { }", NULL);
		}
		if (rows[i].lines != NULL)
			write_user(rows[i].user, rows[i].lines);
		cr_expect_not(probe(rows[i].user, &key), "%s", rows[i].user);
		cr_expect(harness_logged(&harness, rows[i].reason), "%s\n%s", rows[i].reason,
		    harness.log);
		cr_expect_eq(login_key(rows[i].user, &key), GUARD_LOGIN_FAILED, "%s", rows[i].user);
	}
}

Test(guard_evidence, keys_may_come_from_a_file_of_ones_own, .init = start_ssh, .fini = stop_ssh)
{
	char line[4096], text[8192], lines[128];
	int base_fd = open(harness.base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	proof_key_line(&key, "laptop", line);
	snprintf(text, sizeof(text), "# mine\n\nrestrict,from=\"127.0.0.1\" %s\r\n", line);
	cr_assert(io_replace_file(base_fd, "keys-carol", text, strlen(text), 0600));
	snprintf(lines, sizeof(lines), "authorized_keys = \"%s/keys-%%%%u\" # %%s", harness.base);
	write_user("carol", lines);
	cr_expect(probe("carol", &key), "%s", harness.log);
	/* Once others can write it, it counts no more. */
	cr_assert_eq(fchmodat(base_fd, "keys-carol", 0666, 0), 0);
	cr_expect_not(probe("carol", &key));
	cr_expect(harness_logged(&harness, "is not read: others than its owner can write it"));
	cr_assert_eq(fchmodat(base_fd, "keys-carol", 0600, 0), 0);
	cr_expect_eq(login_key("carol", &key), GUARD_LOGIN_OK);
	close(base_fd);
}

Test(guard_evidence, sha1_signatures_are_for_old_devices_only)
{
	for (int legacy = 0; legacy <= 1; legacy++) {
		struct proof_request request;

		start_ssh_with(
		    "ssh { rsa_min_bits = 2048 }", legacy ? "algorithms = legacy" : NULL);
		proof_key_free(&key);
		proof_key_make(&key, "ssh-rsa", 2048);
		write_user("alice", WITH_KEY);
		request = proof_request_of(&key, hash, sizeof(hash), "alice");
		request.algorithm = "ssh-rsa";
		proof_request_encode(&request, &data);
		proof_sign(key.key, "SHA1", false, &data, &signature);
		cr_expect_eq(
		    send_key("alice", &key).result, legacy ? GUARD_LOGIN_OK : GUARD_LOGIN_FAILED);
		end_session();
	}
	fake_keeper_stop(&keeper);
}

/* --- tries --------------------------------------------------------------------------------------
 */

Test(guard_evidence, a_thousand_tries_are_cut_at_six, .init = start_ssh, .fini = stop_ssh)
{
	const struct guard_req_probe_key ask = {
		.user = "alice",
		.key = { .bytes = other_key.blob.bytes, .length = other_key.blob.length },
	};
	struct guard_rep_probe_key reply;
	struct harness_message message;
	unsigned logged = 0;

	for (unsigned i = 1; i <= 6; i++) {
		cr_assert_eq(harness_ask_probe_key(&harness, &ask, &reply, NULL), VFS_OK);
		cr_expect_eq(reply.acceptable, 0);
		cr_expect_eq(reply.attempts_left, 6 - i);
	}
	/* Now even the right one, and the right password, are too late. */
	cr_expect_not(probe("alice", &key));
	cr_expect_eq(login_key("alice", &key), GUARD_LOGIN_TOO_MANY_TRIES);
	cr_expect_eq(login_password("alice"), GUARD_LOGIN_TOO_MANY_TRIES);
	/* Whoever goes on and on is ended. */
	for (unsigned i = 0; i < 1000 && logged == 0; i++) {
		harness_send_probe_key(&harness, &ask);
		if (!harness_receive(&harness, &message))
			logged = i + 1;
	}
	cr_expect_eq(logged, 94, "%u", logged);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_VIOLATION);
	logged = 0;
	for (const char *at = harness.log; (at = strstr(at, "login-failed")) != NULL; at++)
		logged++;
	cr_expect_eq(logged, 6, "%u", logged);
}

Test(guard_evidence, every_way_to_fail_counts_and_what_is_right_does_not, .init = start_ssh,
    .fini = stop_ssh)
{
	struct guard_rep_login_key reply;

	cr_expect_not(probe("alice", &other_key));
	cr_expect_eq(harness_try_login(&harness, "alice", "wrong"), GUARD_LOGIN_FAILED);
	for (int i = 0; i < 8; i++)
		cr_expect(probe("alice", &key));
	cr_expect_eq(login_key("alice", &other_key), GUARD_LOGIN_FAILED);
	data.length = 0;
	reply = send_key("alice", &key);
	cr_expect_eq(reply.attempts_left, 2);
	cr_expect_eq(login_key("alice", &key), GUARD_LOGIN_OK);
}

static void start_slow(void)
{
	start_ssh_with("login_delay = \"1200ms\"", NULL);
}

Test(guard_evidence, keys_that_do_not_fit_cost_little_and_passwords_much, .init = start_slow,
    .fini = stop_ssh)
{
	int64_t since_ms = clock_mono_ms();

	for (int i = 0; i < 4; i++)
		cr_expect_not(probe("alice", &other_key));
	cr_expect_geq(clock_mono_ms() - since_ms, 4 * GUARD_EVIDENCE_DELAY_MS);
	cr_expect_lt(clock_mono_ms() - since_ms, (1 + 2 + 4 + 8) * GUARD_EVIDENCE_DELAY_MS, "no doubling");
	since_ms = clock_mono_ms();
	cr_expect_eq(harness_try_login(&harness, "alice", "wrong"), GUARD_LOGIN_FAILED);
	cr_expect_geq(clock_mono_ms() - since_ms, 1200);
	cr_expect_lt(clock_mono_ms() - since_ms, 2400, "the first wrong password");
}

Test(guard_evidence, known_and_unknown_users_are_refused_after_the_same_time, .init = start_ssh,
    .fini = stop_ssh)
{
	static const char *const users[] = { "alice", "nobody-here", "../x", "locked", "broken" };

	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		int64_t since_ms = clock_mono_ms();

		cr_expect_not(probe(users[i], &other_key));
		cr_expect_geq(clock_mono_ms() - since_ms, GUARD_EVIDENCE_DELAY_MS, "%s", users[i]);
	}
}

/* --- several factors ----------------------------------------------------------------------------
 */

Test(guard_evidence, two_factors_in_either_order)
{
	for (int key_first = 0; key_first <= 1; key_first++) {
		struct proof_request request;
		struct guard_rep_login_key reply;

		start_ssh();
		write_user("alice", "require = { publickey, password } " WITH_KEY);
		request = proof_request_of(&key, hash, sizeof(hash), "alice");
		if (key_first) {
			sign_request(&request, &key);
			reply = send_key("alice", &key);
			cr_expect_eq(reply.result, GUARD_LOGIN_PARTIAL);
			cr_expect_eq(reply.methods, GUARD_METHOD_PASSWORD);
			cr_expect_eq(reply.attempts_left, 6);
			cr_expect(harness_logged(&harness, "login-partial session="));
			cr_expect(harness_logged(&harness, "missing=password"), "%s", harness.log);
			cr_expect_eq(login_password("alice"), GUARD_LOGIN_OK);
		} else {
			cr_expect_eq(login_password("alice"), GUARD_LOGIN_PARTIAL);
			cr_expect(probe("alice", &key));
			cr_expect_eq(login_key("alice", &key), GUARD_LOGIN_OK);
		}
		cr_expect(harness_logged(&harness, "method=password+publickey key=SHA256:"), "%s",
		    harness.log);
		end_session();
	}
	fake_keeper_stop(&keeper);
}

Test(guard_evidence, one_factor_twice_is_still_one, .init = start_ssh, .fini = stop_ssh)
{
	write_user("alice", "require = { publickey, password } " WITH_KEY);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(login_password("alice"), GUARD_LOGIN_PARTIAL);
	cr_expect_eq(login_key("alice", &other_key), GUARD_LOGIN_FAILED);
	cr_expect_eq(harness_try_login(&harness, "alice", "wrong"), GUARD_LOGIN_FAILED);
	cr_expect_eq(login_key("alice", &key), GUARD_LOGIN_OK, "what was right stays right");
}

Test(guard_evidence, another_name_begins_anew, .init = start_ssh, .fini = stop_ssh)
{
	write_user("alice", "require = { publickey, password } " WITH_KEY);
	write_user("bob", "require = { publickey, password } " WITH_KEY);
	/* The password of one and the key of the other are nobody's two factors. */
	cr_expect_eq(login_password("alice"), GUARD_LOGIN_PARTIAL);
	cr_expect_eq(login_key("bob", &key), GUARD_LOGIN_PARTIAL);
	cr_expect_eq(
	    login_key("alice", &key), GUARD_LOGIN_PARTIAL, "alice's password is forgotten");
	/* A probe of another name is enough, too. */
	cr_expect(probe("bob", &key));
	cr_expect_eq(login_password("alice"), GUARD_LOGIN_PARTIAL);
	cr_expect_eq(login_key("alice", &key), GUARD_LOGIN_OK);
}

Test(guard_evidence, a_factor_that_is_not_asked_for_logs_nobody_in, .init = start_ssh,
    .fini = stop_ssh)
{
	write_user("alice", "require = { publickey } " WITH_KEY);
	cr_expect_eq(login_password("alice"), GUARD_LOGIN_FAILED);
	cr_expect(harness_logged(&harness, "reason=`require` of the user does not name password"));
	cr_expect_eq(login_key("alice", &key), GUARD_LOGIN_OK);
}

Test(guard_evidence, what_the_protocol_has_not_got_is_said_to_the_log, .init = start_ssh,
    .fini = stop_ssh)
{
	write_user("alice", "require = { publickey, certificate } " WITH_KEY);
	cr_expect_eq(login_key("alice", &key), GUARD_LOGIN_FAILED);
	cr_expect(harness_logged(&harness, "reason=`require` of the user asks for certificate as "
	                                   "well, which this listener has "
	                                   "not got"),
	    "%s", harness.log);
}

/* --- FTP ----------------------------------------------------------------------------------------
 */

static struct proof_certificate root, leaf;
static struct auth_certificate_ca *client_ca;
static char ca_file[64];

static void start_ftp(const char *listener, bool with_ca)
{
	const struct proof_subject authority = { .common_name = "Root", .authority = true };
	const struct proof_subject alice = { .common_name = "Alice",
		.alternatives = "email:alice@example.com" };
	struct harness_extras extras = {
		.protocol = "ftps", .keeper_door_fd = -1, .listener = listener
	};
	char message[CONF_MESSAGE_BYTES];
	FILE *file;

	proof_certificate_make(&root, &authority, NULL);
	proof_certificate_make(&leaf, &alice, &root);
	snprintf(ca_file, sizeof(ca_file), "/tmp/transom-evidence-%d.pem", (int)getpid());
	file = fopen(ca_file, "w");
	cr_assert_not_null(file);
	PEM_write_X509(file, root.x509);
	fclose(file);
	client_ca = with_ca ? auth_certificate_ca_load(ca_file, "", message) : NULL;
	extras.client_ca = client_ca;
	harness_start_with(&harness, "", &extras);
	proof_key_make(&key, "ssh-ed25519", 0);
	write_user("alice", "certificates = { 'SAN:alice@example.com' } # %s");
	harness_connect(&harness);
}

static void stop_ftp(void)
{
	harness_stop(&harness);
	auth_certificate_ca_free(&client_ca);
	proof_certificate_free(&root);
	proof_certificate_free(&leaf);
	proof_key_free(&key);
	unlink(ca_file);
}

static struct guard_rep_login_certificate show_certificate(
    const char *user, const struct proof_certificate *certificate)
{
	struct proof_bytes chain = { .length = 0 };
	struct guard_req_login_certificate ask = { .user = user, .scheme = 0x0403 };
	struct guard_rep_login_certificate reply;

	proof_put_certificate(&chain, certificate);
	proof_tls13(&data);
	proof_sign(certificate->key, "SHA256", false, &data, &signature);
	ask.chain = (struct wire_blob){ .bytes = chain.bytes, .length = chain.length };
	ask.signed_data = (struct wire_blob){ .bytes = data.bytes, .length = data.length };
	ask.signature = (struct wire_blob){ .bytes = signature.bytes, .length = signature.length };
	cr_assert_eq(harness_ask_login_certificate(&harness, &ask, &reply, NULL), VFS_OK);
	return reply;
}

Test(guard_evidence, a_certificate_alone_logs_in, .fini = stop_ftp)
{
	start_ftp("client_certs = optional", true);
	cr_expect_eq(show_certificate("alice", &leaf).result, GUARD_LOGIN_OK, "%s", harness.log);
	cr_expect(harness_logged(&harness, "method=certificate key=SHA256:"), "%s", harness.log);
}

Test(guard_evidence, a_certificate_and_then_the_password, .fini = stop_ftp)
{
	struct guard_rep_login_certificate reply;

	start_ftp("client_certs = optional", true);
	write_user(
	    "alice", "require = { certificate, password } certificates = { 'CN:Alice' } # %s");
	reply = show_certificate("alice", &leaf);
	cr_expect_eq(reply.result, GUARD_LOGIN_PARTIAL);
	cr_expect_eq(reply.methods, GUARD_METHOD_PASSWORD);
	cr_expect_eq(login_password("alice"), GUARD_LOGIN_OK);
	cr_expect(
	    harness_logged(&harness, "method=password+certificate key=SHA256:"), "%s", harness.log);
}

Test(guard_evidence, a_password_without_the_certificate_that_is_asked_for, .fini = stop_ftp)
{
	start_ftp("client_certs = optional", true);
	write_user(
	    "alice", "require = { certificate, password } certificates = { 'CN:Alice' } # %s");
	cr_expect_eq(login_password("alice"), GUARD_LOGIN_FAILED);
	cr_expect(harness_logged(&harness, "which the client has not shown before its password"),
	    "%s", harness.log);
}

Test(guard_evidence, who_needs_a_key_cannot_log_in_over_ftp, .fini = stop_ftp)
{
	start_ftp("client_certs = off", false);
	write_user("alice", "require = { publickey, password } " WITH_KEY);
	cr_expect_eq(login_password("alice"), GUARD_LOGIN_FAILED);
	cr_expect(harness_logged(&harness, "reason=`require` of the user asks for publickey as "
	                                   "well, which this listener has not got "
	                                   "cure=change `require`"),
	    "%s", harness.log);
}

Test(guard_evidence, somebody_elses_certificate_is_a_failure_and_one_nobody_asked_for_is_not,
    .fini = stop_ftp)
{
	struct guard_rep_login_certificate reply;

	start_ftp("client_certs = optional", true);
	write_user("bob", "certificates = { 'CN:Bob' } # %s");
	write_user("carol", "umask = 022 # %s");
	reply = show_certificate("bob", &leaf);
	cr_expect_eq(reply.result, GUARD_LOGIN_FAILED);
	cr_expect_eq(reply.attempts_left, 5);
	cr_expect(
	    harness_logged(&harness, "reason=not one of the user's certificates cure=if it is"));
	reply = show_certificate("nobody-here", &leaf);
	cr_expect_eq(reply.result, GUARD_LOGIN_FAILED);
	/* No certificate is foreseen for carol: the password decides, and nothing is counted. */
	reply = show_certificate("carol", &leaf);
	cr_expect_eq(reply.result, GUARD_LOGIN_PARTIAL);
	cr_expect_eq(reply.methods, GUARD_METHOD_PASSWORD);
	cr_expect_eq(reply.attempts_left, 4);
	cr_expect_eq(login_password("carol"), GUARD_LOGIN_OK);
}

Test(guard_evidence, a_listener_that_requires_certificates_lets_no_password_in_alone,
    .fini = stop_ftp)
{
	start_ftp("client_certs = required", true);
	write_user("carol", "umask = 022 # %s");
	cr_expect_eq(login_password("carol"), GUARD_LOGIN_FAILED);
	cr_expect(harness_logged(&harness, "reason=the listener requires a client certificate"));
	cr_expect_eq(show_certificate("carol", &leaf).result, GUARD_LOGIN_PARTIAL);
	cr_expect_eq(login_password("carol"), GUARD_LOGIN_OK);
}

static void begin_anew(void)
{
	const struct guard_req_anew ask = { .nothing = 0 };

	cr_assert_eq(harness_ask_anew(&harness, &ask, NULL, NULL), VFS_OK);
}

Test(guard_evidence, a_certificate_from_before_rein_is_no_factor_after_it, .fini = stop_ftp)
{
	start_ftp("client_certs = optional", true);
	write_user(
	    "alice", "require = { certificate, password } certificates = { 'CN:Alice' } # %s");
	cr_expect_eq(show_certificate("alice", &leaf).result, GUARD_LOGIN_PARTIAL);
	begin_anew();
	cr_expect_eq(login_password("alice"), GUARD_LOGIN_FAILED);
	cr_expect(harness_logged(&harness, "which the client has not shown before its password"),
	    "%s", harness.log);
	/* What is shown after it counts. */
	cr_expect_eq(show_certificate("alice", &leaf).result, GUARD_LOGIN_PARTIAL);
	cr_expect_eq(login_password("alice"), GUARD_LOGIN_OK);
}

Test(guard_evidence, nor_is_it_one_that_the_listener_requires, .fini = stop_ftp)
{
	start_ftp("client_certs = required", true);
	write_user("carol", "umask = 022 # %s");
	cr_expect_eq(show_certificate("carol", &leaf).result, GUARD_LOGIN_PARTIAL);
	begin_anew();
	cr_expect_eq(login_password("carol"), GUARD_LOGIN_FAILED);
	cr_expect(harness_logged(&harness, "and none was shown"), "%s", harness.log);
	cr_expect_eq(show_certificate("carol", &leaf).result, GUARD_LOGIN_PARTIAL);
	cr_expect_eq(login_password("carol"), GUARD_LOGIN_OK);
}

/* It proves who one user is, and nothing about another. */
Test(guard_evidence, a_certificate_that_only_one_user_knows_lets_no_other_user_in, .fini = stop_ftp)
{
	char lines[256], fingerprint[AUTH_KEY_FINGERPRINT_BYTES];
	struct proof_bytes chain = { .length = 0 };

	start_ftp("client_certs = required", false);
	proof_put_certificate(&chain, &leaf);
	auth_key_fingerprint(
	    (struct auth_blob){ .bytes = chain.bytes + 4, .length = chain.length - 4 },
	    fingerprint);
	snprintf(lines, sizeof(lines),
	    "require = { certificate, password } certificates = { '%s' } # %%s", fingerprint);
	write_user("alice", lines);
	write_user("carol", "umask = 022 # %s");
	cr_expect_eq(show_certificate("alice", &leaf).result, GUARD_LOGIN_PARTIAL);
	cr_expect_eq(show_certificate("carol", &leaf).result, GUARD_LOGIN_PARTIAL);
	cr_expect_eq(login_password("carol"), GUARD_LOGIN_FAILED);
	cr_expect(harness_logged(&harness, "and the one that was shown does not do"), "%s",
	    harness.log);
}

Test(guard_evidence, the_log_tells_a_certificate_that_was_refused_from_none, .fini = stop_ftp)
{
	static const char *const listeners[] = { "client_certs = required", "client_certs = optional" };
	static const char *const lines[] = { "umask = 022 # %s",
		"require = { certificate, password } certificates = { 'CN:Alice' } # %s" };
	static const char *const reasons[] = {
		"the listener requires a client certificate, and the one that was shown does not do",
		"asks for certificate as well, which the client has shown, and an earlier line says why"
	};
	const struct proof_subject subject = { .common_name = "Alice" };
	struct proof_certificate own;

	for (size_t i = 0; i < 2; i++) {
		start_ftp(listeners[i], true);
		write_user("carol", lines[i]);
		proof_certificate_make(&own, &subject, NULL);
		cr_expect_eq(show_certificate("carol", &own).result, GUARD_LOGIN_FAILED);
		cr_expect_eq(login_password("carol"), GUARD_LOGIN_FAILED);
		cr_expect(harness_logged(&harness, reasons[i]), "%s", harness.log);
		proof_certificate_free(&own);
		if (i == 0)
			stop_ftp();
	}
}

Test(guard_evidence, without_an_authority_the_fingerprint_decides, .fini = stop_ftp)
{
	char lines[256], fingerprint[AUTH_KEY_FINGERPRINT_BYTES];
	struct proof_bytes chain = { .length = 0 };

	start_ftp("client_certs = optional", false);
	proof_put_certificate(&chain, &leaf);
	auth_key_fingerprint(
	    (struct auth_blob){ .bytes = chain.bytes + 4, .length = chain.length - 4 },
	    fingerprint);
	cr_expect_eq(show_certificate("alice", &leaf).result, GUARD_LOGIN_FAILED,
	    "a name that nobody vouches for");
	snprintf(lines, sizeof(lines), "certificates = { '%s' } # %%s", fingerprint);
	write_user("alice", lines);
	cr_expect_eq(show_certificate("alice", &leaf).result, GUARD_LOGIN_OK, "%s", harness.log);
}

Test(guard_evidence, a_way_in_that_the_listener_has_not_got_ends_the_session, .fini = stop_ftp)
{
	const struct guard_req_probe_key ask = { .user = "alice" };

	start_ftp("client_certs = off", true);
	harness_send_probe_key(&harness, &ask);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_VIOLATION);
	cr_expect(harness_logged(&harness, "violation session="));
}
