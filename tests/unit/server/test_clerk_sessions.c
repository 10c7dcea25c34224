#include <criterion/criterion.h>
#include <stdio.h>

#include "server/clerk_sessions.h"

#define MANY 40

/* Books with these limits, and up to MANY sessions of processes 1, 2, ... */
struct fixture {
	struct clerk_sessions *books;
	struct clerk_session *sessions[MANY];
};

static void set_up(struct fixture *f, uint32_t total, uint32_t from_address, uint32_t hashing)
{
	const struct clerk_limits limits = { total, from_address, hashing };

	f->books = clerk_sessions_new();
	cr_assert_not_null(f->books);
	clerk_sessions_set_limits(f->books, &limits);
	for (int i = 0; i < MANY; i++) {
		f->sessions[i] = clerk_sessions_open(f->books, 1 + i, &f->sessions[i]);
		cr_assert_not_null(f->sessions[i]);
	}
}

static void tear_down(struct fixture *f)
{
	for (int i = 0; i < MANY; i++)
		clerk_sessions_close(f->books, &f->sessions[i]);
	cr_assert_eq(clerk_sessions_total(f->books), 0);
	clerk_sessions_free(&f->books);
	cr_assert_null(f->books);
}

/* Over FTP, where the protocol does not matter. */
static enum clerk_verdict admit(
    struct clerk_sessions *books, struct clerk_session *session, const char *peer)
{
	return clerk_sessions_admit(books, session, CONF_PROTOCOL_FTP, peer);
}

Test(clerk_sessions, nobody_is_admitted_without_limits)
{
	struct clerk_sessions *books = clerk_sessions_new();
	struct clerk_session *session = clerk_sessions_open(books, 7, NULL);

	cr_assert_eq(admit(books, session, "192.0.2.1"), CLERK_TOO_MANY);
	cr_assert(!clerk_sessions_is_admitted(session));
	clerk_sessions_close(books, &session);
	clerk_sessions_free(&books);
}

Test(clerk_sessions, admits_up_to_the_total_and_again_after_a_close)
{
	struct fixture f;

	set_up(&f, 3, 100, 1);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(
		    admit(f.books, f.sessions[i], "192.0.2.1"), CLERK_ALLOWED);
	cr_assert_eq(admit(f.books, f.sessions[3], "192.0.2.2"), CLERK_TOO_MANY);
	clerk_sessions_close(f.books, &f.sessions[1]);
	cr_assert_eq(admit(f.books, f.sessions[3], "192.0.2.2"), CLERK_ALLOWED);
	tear_down(&f);
}

Test(clerk_sessions, counts_ipv4_by_address_and_ipv6_by_network)
{
	struct fixture f;

	set_up(&f, 100, 2, 1);
	cr_assert_eq(admit(f.books, f.sessions[0], "192.0.2.1"), CLERK_ALLOWED);
	cr_assert_eq(admit(f.books, f.sessions[1], "192.0.2.1"), CLERK_ALLOWED);
	cr_assert_eq(
	    admit(f.books, f.sessions[2], "192.0.2.1"), CLERK_TOO_MANY_FROM_ADDRESS);
	cr_assert_eq(admit(f.books, f.sessions[2], "192.0.2.2"), CLERK_ALLOWED);
	cr_assert_eq(admit(f.books, f.sessions[3], "2001:db8::1"), CLERK_ALLOWED);
	cr_assert_eq(admit(f.books, f.sessions[4], "2001:db8::2:1"), CLERK_ALLOWED);
	cr_assert_eq(admit(f.books, f.sessions[5], "2001:db8::3"),
	    CLERK_TOO_MANY_FROM_ADDRESS);
	cr_assert_eq(
	    admit(f.books, f.sessions[5], "2001:db8:0:1::3"), CLERK_ALLOWED);
	cr_assert_eq(clerk_sessions_from(f.books, "192.0.2.1"), 2);
	cr_assert_eq(clerk_sessions_from(f.books, "2001:db8::ffff"), 2);
	cr_assert_eq(clerk_sessions_from(f.books, "198.51.100.1"), 0);
	tear_down(&f);
}

Test(clerk_sessions, limits_the_sessions_of_one_user)
{
	struct fixture f;

	set_up(&f, 100, 100, 1);
	for (int i = 0; i < 4; i++)
		cr_assert_eq(
		    admit(f.books, f.sessions[i], "192.0.2.1"), CLERK_ALLOWED);
	cr_assert_eq(clerk_sessions_login(f.books, f.sessions[0], "alice", 2), CLERK_ALLOWED);
	cr_assert_eq(clerk_sessions_login(f.books, f.sessions[1], "alice", 2), CLERK_ALLOWED);
	cr_assert_eq(
	    clerk_sessions_login(f.books, f.sessions[2], "alice", 2), CLERK_TOO_MANY_OF_USER);
	cr_assert(!clerk_sessions_has_user(f.sessions[2]));
	cr_assert_eq(clerk_sessions_login(f.books, f.sessions[2], "alice", 0), CLERK_ALLOWED);
	cr_assert_eq(clerk_sessions_login(f.books, f.sessions[3], "bob", 1), CLERK_ALLOWED);
	cr_assert_eq(clerk_sessions_of(f.books, "alice"), 3);
	clerk_sessions_leave(f.books, f.sessions[0]);
	cr_assert_eq(clerk_sessions_of(f.books, "alice"), 2);
	cr_assert_eq(clerk_sessions_total(f.books), 3);
	tear_down(&f);
}

Test(clerk_sessions, a_session_of_a_former_clerk_counts_whatever_the_limits)
{
	struct fixture f;

	set_up(&f, 1, 1, 1);
	cr_assert(clerk_sessions_restore(f.books, f.sessions[0], CONF_PROTOCOL_SFTP, "192.0.2.1", "alice"));
	cr_assert(clerk_sessions_restore(f.books, f.sessions[1], CONF_PROTOCOL_SFTP, "192.0.2.1", ""));
	cr_assert_eq(clerk_sessions_total(f.books), 2);
	cr_assert_eq(clerk_sessions_of(f.books, "alice"), 1);
	cr_assert_eq(admit(f.books, f.sessions[2], "192.0.2.9"), CLERK_TOO_MANY);
	tear_down(&f);
}

Test(clerk_sessions, admits_nobody_once_shut)
{
	struct fixture f;

	set_up(&f, 100, 100, 1);
	clerk_sessions_shut(f.books);
	cr_assert_eq(
	    admit(f.books, f.sessions[0], "192.0.2.1"), CLERK_SHUTTING_DOWN);
	tear_down(&f);
}

Test(clerk_sessions, one_process_cannot_hold_many_connections)
{
	struct clerk_sessions *books = clerk_sessions_new();
	struct clerk_session *sessions[CLERK_CONNECTIONS_PER_PROCESS + 1];

	for (int i = 0; i < CLERK_CONNECTIONS_PER_PROCESS; i++) {
		sessions[i] = clerk_sessions_open(books, 42, NULL);
		cr_assert_not_null(sessions[i]);
	}
	cr_assert_null(clerk_sessions_open(books, 42, NULL));
	clerk_sessions_close(books, &sessions[0]);
	sessions[0] = clerk_sessions_open(books, 42, NULL);
	cr_assert_not_null(sessions[0]);
	for (int i = 0; i < CLERK_CONNECTIONS_PER_PROCESS; i++)
		clerk_sessions_close(books, &sessions[i]);
	clerk_sessions_free(&books);
}

/* --- turns to hash --- */

static int next_turn(struct fixture *f)
{
	struct clerk_session *session = clerk_sessions_hash_next(f->books);

	if (session == NULL)
		return -1;
	return (int)((struct clerk_session **)clerk_sessions_context(session) - f->sessions);
}

Test(clerk_sessions, turns_to_hash_go_round_over_the_addresses)
{
	struct fixture f;

	set_up(&f, 100, 100, 1);
	/* 0..29 flood from one address; 30 and 31 come from two others, later. */
	for (int i = 0; i < 32; i++) {
		char peer[32];

		snprintf(peer, sizeof(peer), "192.0.2.%d", i < 30 ? 1 : i);
		cr_assert_eq(admit(f.books, f.sessions[i], peer), CLERK_ALLOWED);
		cr_assert(clerk_sessions_hash_begin(f.books, f.sessions[i]));
	}
	cr_assert_eq(next_turn(&f), 0);
	cr_assert_eq(next_turn(&f), -1, "one at a time");
	clerk_sessions_hash_end(f.books, f.sessions[0]);
	cr_assert_eq(next_turn(&f), 30);
	clerk_sessions_hash_end(f.books, f.sessions[30]);
	cr_assert_eq(next_turn(&f), 31);
	clerk_sessions_hash_end(f.books, f.sessions[31]);
	for (int i = 1; i < 30; i++) {
		cr_assert_eq(next_turn(&f), i, "in the order they came");
		clerk_sessions_hash_end(f.books, f.sessions[i]);
	}
	cr_assert_eq(next_turn(&f), -1);
	tear_down(&f);
}

Test(clerk_sessions, a_turn_ends_with_its_connection)
{
	struct fixture f;

	set_up(&f, 100, 100, 2);
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(
		    admit(f.books, f.sessions[i], "192.0.2.1"), CLERK_ALLOWED);
		cr_assert(clerk_sessions_hash_begin(f.books, f.sessions[i]));
		cr_assert(!clerk_sessions_hash_begin(f.books, f.sessions[i]), "only once");
	}
	cr_assert_eq(next_turn(&f), 0);
	cr_assert_eq(next_turn(&f), 1);
	cr_assert_eq(next_turn(&f), -1);
	clerk_sessions_close(f.books, &f.sessions[0]); /* while hashing */
	clerk_sessions_close(f.books, &f.sessions[3]); /* in the middle of the queue */
	cr_assert_eq(next_turn(&f), 2);
	clerk_sessions_hash_end(f.books, f.sessions[4]); /* gave up waiting */
	clerk_sessions_hash_end(f.books, f.sessions[1]);
	cr_assert_eq(next_turn(&f), -1);
	cr_assert(!clerk_sessions_hash_begin(f.books, f.sessions[9]), "not admitted");
	tear_down(&f);
}

Test(clerk_sessions, counts_sessions_by_protocol_and_users_once)
{
	struct fixture f;

	set_up(&f, 100, 100, 1);
	for (int i = 0; i < 6; i++) {
		const enum conf_protocol protocol =
		    i < 3 ? CONF_PROTOCOL_FTP : i < 5 ? CONF_PROTOCOL_FTPS : CONF_PROTOCOL_SFTP;

		cr_assert_eq(clerk_sessions_admit(f.books, f.sessions[i], protocol, "192.0.2.1"),
		    CLERK_ALLOWED);
	}
	cr_assert_eq(clerk_sessions_over(f.books, CONF_PROTOCOL_FTP), 3);
	cr_assert_eq(clerk_sessions_over(f.books, CONF_PROTOCOL_FTPS), 2);
	cr_assert_eq(clerk_sessions_over(f.books, CONF_PROTOCOL_SFTP), 1);
	cr_assert_eq(clerk_sessions_users(f.books), 0);
	clerk_sessions_login(f.books, f.sessions[0], "alice", 0);
	clerk_sessions_login(f.books, f.sessions[3], "alice", 0);
	clerk_sessions_login(f.books, f.sessions[5], "bob", 0);
	cr_assert_eq(clerk_sessions_users(f.books), 2);
	clerk_sessions_leave(f.books, f.sessions[0]);
	clerk_sessions_close(f.books, &f.sessions[5]);
	cr_assert_eq(clerk_sessions_over(f.books, CONF_PROTOCOL_FTP), 2);
	cr_assert_eq(clerk_sessions_over(f.books, CONF_PROTOCOL_SFTP), 0);
	cr_assert_eq(clerk_sessions_users(f.books), 1);
	tear_down(&f);
}
