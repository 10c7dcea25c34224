/* REIN: what a guard gives away, to whom, and what it takes over. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard_harness.h"
#include "server/base/os_linux.h"
#include "server/nursery_messages.h"
#include "server/session.h"

static struct guard_harness harness;

/* The last message of the leash, or the one to send. */
static _Alignas(struct nursery_client) char leash_bytes[sizeof(struct nursery_client) + 64];
static struct nursery_client *const heard = (void *)leash_bytes;

static void start(void)
{
	harness_start(&harness, "");
}

static void start_heir(void)
{
	harness_start_heir(&harness);
}

static void stop(void)
{
	harness_stop(&harness);
}

/* The next message on the leash, without the one byte of WAITING; its length. */
static size_t hear(int *fd_out)
{
	struct pollfd leash = { .fd = harness.leash_fd, .events = POLLIN };
	ssize_t length;

	do {
		cr_assert_eq(poll(&leash, 1, HARNESS_WAIT_MS), 1);
		length = wire_receive(harness.leash_fd, leash_bytes, sizeof(leash_bytes), fd_out);
	} while (length == 1);
	return length > 0 ? (size_t)length : 0;
}

static uint32_t send_rein_of(int fd, const char *unread, bool greeted)
{
	const struct wire_header header = {
		.type = GUARD_MESSAGE_rein,
		.kind = WIRE_REQUEST,
		.id = 77,
	};
	const struct guard_req_rein ask = {
		.greeted = greeted,
		.unread = { .bytes = (const uint8_t *)unread, .length = strlen(unread) },
	};
	uint8_t bytes[256];
	struct wire_writer writer = { .bytes = bytes, .size = sizeof(bytes) };

	wire_put_header(&writer, &header);
	guard_put_req_rein(&writer, &ask);
	harness_send(&harness, bytes, writer.length, fd);
	return header.id;
}

static uint32_t send_rein(int fd, const char *unread)
{
	return send_rein_of(fd, unread, false);
}

static void give_heir(int fd, uint32_t listener, uint64_t cookie, const char *unread)
{
	memset(leash_bytes, 0, sizeof(leash_bytes));
	heard->kind = NURSERY_LEASH_INHERIT;
	heard->listener = listener;
	heard->cookie = cookie;
	memcpy(heard->unread, unread, strlen(unread));
	cr_assert(wire_send(harness.leash_fd, leash_bytes, sizeof(*heard) + strlen(unread), fd));
}

/* What the listener has accepted of harness.client_fd: an heir's own listeners are closed. */
static int accepted(void)
{
	int fd;

	harness_dial(&harness);
	fd = accept4(harness.listener_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	cr_assert_geq(fd, 0);
	return fd;
}

Test(guard_rein, the_nursery_knows_the_connection_before_anybody_is_logged_in, .init = start,
    .fini = stop)
{
	int fd;

	harness_connect(&harness);
	cr_assert_eq(hear(&fd), sizeof(*heard));
	cr_expect_eq(heard->kind, NURSERY_LEASH_BUSY);
	cr_expect_eq(heard->listener, 0);
	cr_expect_neq(heard->cookie, 0);
	cr_expect_eq(heard->cookie, os_socket_cookie(harness.control_fd));
	cr_expect_lt(fd, 0);
}

Test(guard_rein, the_connection_goes_to_the_nursery_and_the_session_ends, .init = start,
    .fini = stop)
{
	struct harness_message message;
	int fd = -1;

	harness_login(&harness);
	cr_assert_eq(hear(&fd), sizeof(*heard));
	send_rein(harness.control_fd, "USER bob\n");
	cr_assert(harness_receive(&harness, &message));
	cr_expect_eq(message.header.id, 77);
	cr_expect_eq(message.header.status, VFS_OK);
	cr_assert_eq(hear(&fd), sizeof(*heard) + strlen("USER bob\n"));
	cr_expect_eq(heard->kind, NURSERY_LEASH_REIN);
	cr_expect_not(heard->greeted);
	cr_expect_arr_eq(heard->unread, "USER bob\n", 9);
	cr_expect_eq(os_socket_cookie(fd), os_socket_cookie(harness.control_fd));
	close(fd);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_OK);
	cr_expect(harness_logged(&harness, "logout session="));
	cr_expect(harness_logged(&harness, "(REIN)"));
}

Test(guard_rein, that_the_client_has_its_reply_is_passed_on, .init = start, .fini = stop)
{
	struct harness_message message;
	int fd = -1;

	harness_login(&harness);
	cr_assert_eq(hear(&fd), sizeof(*heard));
	send_rein_of(harness.control_fd, "", true);
	cr_assert(harness_receive(&harness, &message));
	cr_assert_eq(hear(&fd), sizeof(*heard));
	cr_expect_eq(heard->kind, NURSERY_LEASH_REIN);
	cr_expect(heard->greeted);
	close(fd);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_OK);
}

Test(guard_rein, a_nursery_that_is_gone_is_told_of, .init = start, .fini = stop)
{
	struct harness_message message;

	harness_login(&harness);
	close(harness.leash_fd);
	harness.leash_fd = -1;
	send_rein(harness.control_fd, "");
	cr_assert(harness_receive(&harness, &message));
	cr_expect_eq(message.header.status, VFS_FAILED);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_OK);
}

/* What a front in the hands of its client could send instead of its connection. */
enum forged { A_FILE, A_PIPE, A_LISTENER, ANOTHER_CONNECTION, THE_CLIENTS_END, THE_WALL, FORGED_COUNT };

static int forge(enum forged kind)
{
	int pipes[2];
	int fd;

	switch (kind) {
	case A_FILE:
		return memfd_create("forged", MFD_CLOEXEC);
	case A_PIPE:
		cr_assert_eq(pipe2(pipes, O_CLOEXEC), 0);
		close(pipes[1]);
		return pipes[0];
	case A_LISTENER:
		return dup(harness.listener_fd);
	case ANOTHER_CONNECTION:
		fd = harness.client_fd;
		close(accepted());
		close(fd);
		return dup(harness.client_fd);
	case THE_CLIENTS_END:
		return dup(harness.client_fd);
	default:
		return dup(harness.wall_fd);
	}
}

Test(guard_rein, any_descriptor_but_the_sessions_own_connection_ends_the_session)
{
	for (int kind = 0; kind < FORGED_COUNT; kind++) {
		struct harness_message message;
		int leash_fd;
		int fd;

		start();
		harness_login(&harness);
		cr_assert_eq(hear(&leash_fd), sizeof(*heard));
		fd = forge((enum forged)kind);
		send_rein(fd, "");
		close(fd);
		cr_expect_not(harness_receive(&harness, &message), "%d", kind);
		cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_VIOLATION, "%d", kind);
		cr_expect(harness_logged(
			      &harness, "message=rein reason=not the client's connection"),
		    "%d", kind);
		cr_expect_eq(hear(&leash_fd), 0, "the nursery got something: %d", kind);
		stop();
	}
}

/* --- before a login ------------------------------------------------------------------------------ */

static void begin_anew(void)
{
	const struct guard_req_anew ask = { .nothing = 0 };

	cr_assert_eq(harness_ask_anew(&harness, &ask, NULL, NULL), VFS_OK);
}

static void start_protected(void)
{
	const struct harness_extras extras = {
		.protocol = "ftp", .keeper_door_fd = -1, .listener = "require_tls = control"
	};
	const struct guard_req_secured agreed = { .algorithms = "TLSv1.3 X" };

	harness_start_with(&harness, "login_attempts = 4", &extras);
	harness_connect(&harness);
	cr_assert_eq(harness_ask_secured(&harness, &agreed, NULL, NULL), VFS_OK);
}

Test(guard_rein, tls_that_has_ended_protects_no_password, .init = start_protected, .fini = stop)
{
	begin_anew();
	cr_expect_eq(harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_NEEDS_TLS);
	cr_expect(harness_logged(&harness, "reason=`require_tls` forbids"));
}

Test(guard_rein, tls_that_has_begun_again_does, .init = start_protected, .fini = stop)
{
	const struct guard_req_secured agreed = { .algorithms = "TLSv1.2 Y" };

	begin_anew();
	cr_assert_eq(harness_ask_secured(&harness, &agreed, NULL, NULL), VFS_OK);
	cr_expect_eq(harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_OK);
	cr_expect(harness_logged(&harness, "algorithms=TLSv1.2 Y"));
}

Test(guard_rein, the_log_does_not_tell_of_tls_that_has_ended_nor_of_a_name_from_before,
    .init = start, .fini = stop)
{
	const struct guard_req_secured agreed = { .algorithms = "TLSv1.3 X" };
	const struct guard_req_client_name name = { .name = "somebody" };

	harness_connect(&harness);
	cr_assert_eq(harness_ask_secured(&harness, &agreed, NULL, NULL), VFS_OK);
	cr_assert_eq(harness_ask_client_name(&harness, &name, NULL, NULL), VFS_OK);
	begin_anew();
	cr_expect_eq(harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_OK);
	cr_expect(harness_logged(&harness, "login session="));
	cr_expect_null(strstr(harness.log, "TLSv1.3"), "%s", harness.log);
	cr_expect_null(strstr(harness.log, "somebody"), "%s", harness.log);
}

Test(guard_rein, failed_tries_are_not_forgotten, .init = start_protected, .fini = stop)
{
	for (int i = 0; i < 3; i++) {
		cr_expect_eq(harness_try_login(&harness, "alice", "wrong"), GUARD_LOGIN_FAILED);
		begin_anew();
	}
	cr_expect_eq(harness_try_login(&harness, "alice", "wrong"), GUARD_LOGIN_TOO_MANY_TRIES);
	begin_anew();
	cr_expect_eq(
	    harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_TOO_MANY_TRIES);
}

/* --- the heir ------------------------------------------------------------------------------------ */

Test(guard_rein, an_heir_takes_the_connection_and_what_was_sent_ahead, .init = start_heir,
    .fini = stop)
{
	int fd = accepted();
	const uint64_t cookie = os_socket_cookie(fd);
	int leash_fd;

	give_heir(fd, 0, cookie, "USER alice\n");
	close(fd);
	harness_take_start(&harness, "USER alice\n");
	cr_assert_eq(hear(&leash_fd), sizeof(*heard));
	cr_expect_eq(heard->kind, NURSERY_LEASH_BUSY);
	cr_expect_eq(heard->cookie, cookie);
	cr_expect(harness_logged(&harness, "accept session="));
	cr_expect_eq(harness_try_login(&harness, "alice", "wrong"), GUARD_LOGIN_FAILED);
	cr_expect_eq(harness_try_login(&harness, "alice", "wonderland"), GUARD_LOGIN_OK);
	send_rein(harness.control_fd, "");
	cr_assert_eq(hear(&leash_fd), sizeof(*heard));
	cr_expect_eq(heard->kind, NURSERY_LEASH_REIN);
	close(leash_fd);
}

Test(guard_rein, an_heir_that_may_not_have_a_session_says_so_and_ends, .init = start_heir,
    .fini = stop)
{
	static const char line[] = "421 Too many connections from your address, try again later.\r\n";
	char text[128] = "";
	int fd = accepted();

	harness.admit = CLERK_TOO_MANY_FROM_ADDRESS;
	give_heir(fd, 0, os_socket_cookie(fd), "");
	close(fd);
	cr_expect_eq(recv(harness.client_fd, text, sizeof(text) - 1, MSG_WAITALL), sizeof(line) - 1);
	cr_expect_str_eq(text, line);
	cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_OK);
}

Test(guard_rein, an_heir_without_the_connection_it_was_told_of_ends)
{
	for (int kind = 0; kind < 5; kind++) {
		struct harness_message message;
		int fd;

		start_heir();
		fd = accepted();
		switch (kind) {
		case 0:
			give_heir(fd, 1, os_socket_cookie(fd), "");
			break;
		case 1:
			give_heir(fd, 0, os_socket_cookie(fd) + 1, "");
			break;
		case 2:
			give_heir(-1, 0, 0, "");
			break;
		case 3:
			cr_assert(wire_send(harness.leash_fd, "i", 1, fd));
			break;
		default:
			shutdown(harness.leash_fd, SHUT_RDWR);
			break;
		}
		close(fd);
		cr_expect_not(harness_receive(&harness, &message), "%d", kind);
		cr_expect_eq(harness_wait_end(&harness), SESSION_EXIT_OK, "%d", kind);
		stop();
	}
}
