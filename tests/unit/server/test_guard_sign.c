/* What a front may have signed: its own connection's handshakes, and nothing else. */
#include <criterion/criterion.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_keeper.h"
#include "guard_harness.h"
#include "key_samples.h"
#include "server/session.h"

TestSuite(guard_sign, .timeout = 60);

#define TLS_CONTROL_MAX 4 /* signatures of a control connection */

static struct fake_keeper keeper;
static struct guard_harness harness;
static uint8_t data[KEY_SAMPLE_DATA_BYTES];

static void start(const char *protocol)
{
	struct harness_extras extras = { .protocol = protocol };

	fake_keeper_start(&keeper);
	extras.keeper_door_fd = keeper.door_fd;
	extras.keys = &keeper.public_keys;
	harness_start_with(&harness, "", &extras);
}

static void start_sftp(void)
{
	start("sftp");
}

static void start_ftp(void)
{
	start("ftp");
}

static void stop(void)
{
	harness_stop(&harness);
	fake_keeper_stop(&keeper);
}

/* Something new to sign each time, in this shape. */
static struct guard_req_sign request(enum keeper_shape shape, uint32_t key)
{
	static uint8_t number;
	const size_t length = key_sample_data(shape, data);
	const struct key_sample *sample = &key_samples[key % KEY_SAMPLES_COUNT];

	data[shape == KEEPER_SHAPE_TLS13 ? length - 1 : 0] = ++number;
	return (struct guard_req_sign){
		.key = key,
		.shape = shape,
		.digest = (uint32_t)sample->digest,
		.pss = shape == KEEPER_SHAPE_TLS13 && sample->kind == KEY_KIND_RSA,
		.data = { data, length },
	};
}

static enum vfs_status ask(const struct guard_req_sign *message)
{
	struct guard_rep_sign reply;

	return harness_ask_sign(&harness, message, &reply, NULL);
}

static enum vfs_status ask_for(enum keeper_shape shape, uint32_t key)
{
	const struct guard_req_sign message = request(shape, key);

	return ask(&message);
}

/* --- SSH ------------------------------------------------------------------------------------ */

Test(guard_sign, the_exchange_hash_of_ssh_is_signed_by_the_keeper, .init = start_sftp, .fini = stop)
{
	const struct guard_req_sign message = request(KEEPER_SHAPE_SSH, 0);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	struct guard_rep_sign reply;

	harness_connect(&harness);
	cr_assert_eq(harness_ask_sign(&harness, &message, &reply, NULL), VFS_OK);
	cr_assert_eq(EVP_DigestVerifyInit(context, NULL, NULL, NULL, keeper.keys.keys[0].key), 1);
	cr_expect_eq(EVP_DigestVerify(context, reply.signature.bytes, reply.signature.length,
	                 message.data.bytes, message.data.length),
	    1);
	EVP_MD_CTX_free(context);
}

Test(guard_sign, before_login_there_is_one_exchange_and_no_more, .init = start_sftp, .fini = stop)
{
	harness_connect(&harness);
	cr_expect_eq(ask_for(KEEPER_SHAPE_SSH, 0), VFS_OK);
	cr_expect_eq(ask_for(KEEPER_SHAPE_SSH, 0), VFS_FORBIDDEN);
	cr_expect_eq(ask_for(KEEPER_SHAPE_SSH, 1), VFS_FORBIDDEN);
	cr_expect_eq(keeper.signs, 1);
	cr_expect(harness_logged(&harness, "negotiation-failed"));
	/* Which is no reason to end the session. */
	cr_expect_eq(harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_OK);
}

Test(guard_sign, after_login_keys_may_be_exchanged_again_and_again, .init = start_sftp, .fini = stop)
{
	harness_connect(&harness);
	cr_assert_eq(ask_for(KEEPER_SHAPE_SSH, 2), VFS_OK);
	cr_assert_eq(harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_OK);
	for (int i = 0; i < 40; i++)
		cr_assert_eq(ask_for(KEEPER_SHAPE_SSH, 2), VFS_OK, "%d", i);
	cr_expect_eq(keeper.signs, 41);
}

Test(guard_sign, the_same_hash_is_never_signed_twice, .init = start_sftp, .fini = stop)
{
	const struct guard_req_sign message = request(KEEPER_SHAPE_SSH, 0);

	harness_connect(&harness);
	cr_assert_eq(ask(&message), VFS_OK);
	cr_assert_eq(harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_OK);
	harness_send_sign(&harness, &message);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_VIOLATION);
	cr_expect(harness_logged(&harness, "violation"));
	cr_expect_eq(keeper.signs, 1);
}

/* --- TLS ------------------------------------------------------------------------------------ */

Test(guard_sign, both_shapes_of_tls_are_signed_with_every_key, .init = start_ftp, .fini = stop)
{
	for (uint32_t i = 0; i < TLS_CONTROL_MAX; i++) {
		enum keeper_shape shape = i % 2 == 0 ? KEEPER_SHAPE_TLS12 : KEEPER_SHAPE_TLS13;

		if (i == 0)
			harness_connect(&harness);
		cr_expect_eq(ask_for(shape, FAKE_KEEPER_TLS_FIRST + i + 1), VFS_OK, "%u", i);
	}
}

Test(guard_sign, each_connection_has_one_handshake_of_tls, .init = start_ftp, .fini = stop)
{
	struct guard_rep_data_listen port;
	struct sockaddr_storage name;
	struct netaddr address;
	int data_fd = -1;
	int client_fd;

	harness_login(&harness);
	for (int i = 0; i < TLS_CONTROL_MAX; i++)
		cr_assert_eq(ask_for(KEEPER_SHAPE_TLS13, FAKE_KEEPER_TLS_FIRST), VFS_OK);
	cr_expect_eq(ask_for(KEEPER_SHAPE_TLS13, FAKE_KEEPER_TLS_FIRST), VFS_FORBIDDEN);
	cr_expect(harness_logged(&harness, "more handshakes than connections"));

	cr_assert_eq(harness_ask_data_listen(
	                 &harness, &(struct guard_req_data_listen){ 0 }, &port, NULL),
	    VFS_OK);
	cr_assert(netaddr_parse_ip(&address, "127.0.0.1"));
	address.port = (uint16_t)port.port;
	cr_expect_eq(ask_for(KEEPER_SHAPE_TLS13, FAKE_KEEPER_TLS_FIRST), VFS_FORBIDDEN,
	    "an open port is no connection");
	client_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(connect(client_fd, (struct sockaddr *)&name,
	                 netaddr_to_sockaddr(&address, &name)),
	    0);
	cr_assert_eq(harness_ask_data_accept(
	                 &harness, &(struct guard_req_data_accept){ 0 }, NULL, &data_fd),
	    VFS_OK);
	cr_expect_eq(ask_for(KEEPER_SHAPE_TLS13, FAKE_KEEPER_TLS_FIRST), VFS_OK);
	cr_expect_eq(ask_for(KEEPER_SHAPE_TLS13, FAKE_KEEPER_TLS_FIRST), VFS_FORBIDDEN);
	close(data_fd);
	close(client_fd);
}

/* --- what no honest front asks -------------------------------------------------------------- */

static void expect_violation(const char *protocol, const struct guard_req_sign *message, const char *what)
{
	start(protocol);
	harness_connect(&harness);
	harness_send_sign(&harness, message);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_VIOLATION, "%s", what);
	cr_expect(harness_logged(&harness, "message=sign"), "%s", what);
	cr_expect_eq(keeper.signs, 0, "%s", what);
	stop();
}

Test(guard_sign, a_forged_request_ends_the_session)
{
	struct guard_req_sign message = request(KEEPER_SHAPE_SSH, 0);

	message.key = 2 * KEY_SAMPLES_COUNT;
	expect_violation("sftp", &message, "a key that is not there");
	message = request(KEEPER_SHAPE_SSH, FAKE_KEEPER_TLS_FIRST);
	expect_violation("sftp", &message, "a key of TLS for SSH");
	message = request(KEEPER_SHAPE_TLS13, FAKE_KEEPER_TLS_FIRST);
	expect_violation("sftp", &message, "TLS on a listener of SSH");
	message = request(KEEPER_SHAPE_SSH, 0);
	expect_violation("ftp", &message, "SSH on a listener of FTP");
	message = request(KEEPER_SHAPE_TLS13, 0);
	expect_violation("ftp", &message, "a key of SSH for TLS");
	message = request(KEEPER_SHAPE_SSH, 0);
	message.data.length = 33;
	expect_violation("sftp", &message, "no hash");
	message = request(KEEPER_SHAPE_TLS12, FAKE_KEEPER_TLS_FIRST);
	message.data.length--;
	expect_violation("ftp", &message, "no handshake of TLS 1.2");
	message = request(KEEPER_SHAPE_TLS12, FAKE_KEEPER_TLS_FIRST);
	message.shape = KEEPER_SHAPE_TLS13;
	expect_violation("ftps", &message, "no handshake of TLS 1.3");
}

Test(guard_sign, without_a_keeper_nothing_can_be_asked)
{
	const struct guard_req_sign message = request(KEEPER_SHAPE_TLS13, 0);

	harness_start(&harness, "");
	harness_connect(&harness);
	harness_send_sign(&harness, &message);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_VIOLATION);
	harness_stop(&harness);
}

Test(guard_sign, a_digest_that_does_not_go_with_the_key_is_refused, .init = start_sftp, .fini = stop)
{
	struct guard_req_sign message = request(KEEPER_SHAPE_SSH, 4);

	harness_connect(&harness);
	message.digest = KEEPER_DIGEST_SHA1; /* the profile is `modern` */
	cr_expect_eq(ask(&message), VFS_FORBIDDEN);
	message.digest = KEEPER_DIGEST_SHA512;
	cr_expect_eq(ask(&message), VFS_OK);
}

/* --- facts for the log ---------------------------------------------------------------------- */

Test(guard_sign, what_was_agreed_on_is_in_the_lines_of_the_session, .init = start_sftp, .fini = stop)
{
	const struct guard_req_secured agreed = { .algorithms = "ssh curve25519-sha256 aes128-gcm@openssh.com" };

	harness_connect(&harness);
	cr_assert_eq(harness_ask_secured(&harness, &agreed, NULL, NULL), VFS_OK);
	cr_assert_eq(harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_OK);
	cr_expect(harness_logged(&harness, "algorithms=ssh curve25519-sha256 aes128-gcm@openssh.com"));
}

Test(guard_sign, a_failed_negotiation_is_logged_with_both_offers_and_the_cure, .init = start_sftp,
    .fini = stop)
{
	const struct guard_req_secured failed = {
		.failure = "no common key exchange method",
		.ours = "curve25519-sha256",
		.theirs = "diffie-hellman-group1-sha1",
	};

	harness_connect(&harness);
	cr_assert_eq(harness_ask_secured(&harness, &failed, NULL, NULL), VFS_OK);
	cr_expect(harness_logged(&harness, "reason=no common key exchange method"));
	cr_expect(harness_logged(&harness, "ours=curve25519-sha256"));
	cr_expect(harness_logged(&harness, "theirs=diffie-hellman-group1-sha1"));
	cr_expect(harness_logged(&harness, "cure=update the client"));
}

Test(guard_sign, a_failure_that_is_no_lack_of_common_algorithms_does_not_advise_weaker_ones, .init = start_ftp,
    .fini = stop)
{
	const struct guard_req_secured failed = {
		.failure = "tlsv1 alert unknown ca",
		.ours = "TLS_AES_128_GCM_SHA256",
		.theirs = "TLS_AES_128_GCM_SHA256",
	};

	harness_connect(&harness);
	cr_assert_eq(harness_ask_secured(&harness, &failed, NULL, NULL), VFS_OK);
	cr_expect(harness_logged(&harness, "cure=the client does not trust this server's certificate"));
	cr_expect_not(harness_logged(&harness, "legacy"));
}

Test(guard_sign, a_front_cannot_fill_the_log_with_failures, .init = start_sftp, .fini = stop)
{
	struct guard_req_secured failed = { .failure = "again" };
	unsigned lines = 0;

	harness_connect(&harness);
	for (int i = 0; i < 100; i++)
		cr_assert_eq(harness_ask_secured(&harness, &failed, NULL, NULL), VFS_OK);
	cr_assert_eq(harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_OK);
	cr_assert(harness_logged(&harness, "\nlogin "));
	pthread_mutex_lock(&harness.lock);
	for (const char *line = harness.log; (line = strstr(line, "negotiation-failed")) != NULL; line++)
		lines++;
	pthread_mutex_unlock(&harness.lock);
	cr_expect_eq(lines, 16);
}
