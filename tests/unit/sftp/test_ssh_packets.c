#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/sftp/ssh_socket.h"
#include "tests/unit/sftp/packets_play.h"

/* --- before the first keys ------------------------------------------------------------------- */

Test(ssh_packets, the_identification_lines_pass_as_they_are_in_pieces)
{
	static const char line[] = "SSH-2.0-client with words\r\n";
	char got[64];

	play_begin(&play_plain);
	cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY);
	for (size_t i = 0; i < strlen(line); i++) {
		cr_assert(packets_client_write(&play.peers, (const uint8_t *)line + i, 1));
		cr_assert_eq(play_advance(), SSH_PACKETS_HANDED);
		cr_assert_eq(recv(play.peers.library_fd, got, sizeof(got), 0), 1);
		cr_assert_eq(got[0], line[i]);
	}
	for (size_t i = 0; i < strlen(line); i++) {
		cr_assert_eq(ssh_socket_unsent(), 0, "a line goes out as one");
		cr_assert(packets_library_write(&play.peers, (const uint8_t *)line + i, 1));
	}
	ssh_socket_flush();
	cr_assert_eq(read(play.peers.client_fd, got, sizeof(got)), (ssize_t)strlen(line));
	cr_assert_arr_eq(got, line, strlen(line));
	play_in(PAYLOAD(IGNORE, U32(0)));
	play_out(PAYLOAD(IGNORE, U32(0)));
	play_end();
}

Test(ssh_packets, a_packet_behind_the_line_waits_for_it)
{
	static const char line[] = "SSH-2.0-client\r\n";
	uint8_t bytes[128];
	char got[128];
	size_t n = strlen(line);

	play_begin(&play_plain);
	memcpy(bytes, line, n);
	n += packets_seal(&play.peers.client, PAYLOAD(IGNORE, U32(0)), bytes + n);
	cr_assert(packets_client_write(&play.peers, bytes, n));
	cr_assert_eq(play_advance(), SSH_PACKETS_HANDED);
	cr_assert_eq(recv(play.peers.library_fd, got, sizeof(got), 0), (ssize_t)strlen(line));
	cr_assert_eq(play_advance(), SSH_PACKETS_HANDED);
	play_library_gets(PAYLOAD(IGNORE, U32(0)));
	play_end();
}

Test(ssh_packets, packets_in_the_clear_pass_and_are_counted)
{
	const struct ssh_packets *packets = &play.peers.packets;

	play_begin(&play_plain);
	play_identify();
	for (uint32_t i = 1; i <= 5; i++) {
		play_in(PAYLOAD(IGNORE, U32(0)));
		cr_assert_eq(packets->in.wire_sequence, i);
		cr_assert_eq(packets->in.inner_sequence, i);
		cr_assert_eq(packets->handed, i - 1);
	}
	play_kexinit_in();
	play_kexinit_out();
	play_in(PAYLOAD(KEX_INIT, U32(1), 'x'));
	play_out(PAYLOAD(KEX_REPLY, U32(1), 'y'));
	cr_assert_eq(packets->in.wire_sequence, 7);
	cr_assert_eq(packets->out.wire_sequence, 2);
	cr_assert_eq(packets->out.inner_sequence, 2);
	cr_assert(ssh_offer_is_read(&packets->in.offer) && ssh_offer_is_read(&packets->out.offer));
	play_end();
}

Test(ssh_packets, what_is_no_packet_in_the_clear_ends_it)
{
	static const struct {
		uint8_t bytes[12];
		enum ssh_packets_state state;
	} rows[] = {
		{ { 0, 0, 0, 0, 0 }, SSH_PACKETS_BROKEN },
		{ { 0, 0, 0, 1, 0 }, SSH_PACKETS_BROKEN },
		{ { 0, 0, 0, 2, 1, 2 }, SSH_PACKETS_BROKEN }, /* padding and no payload */
		{ { 0, 0, 0, 6, 6, 2, 0, 0, 0, 0 }, SSH_PACKETS_BROKEN }, /* more padding than packet */
		{ { 0, 4, 0, 1, 4 }, SSH_PACKETS_BROKEN }, /* beyond SSH_CIPHER_PACKET_MAX */
		{ { 0xff, 0xff, 0xff, 0xff, 4 }, SSH_PACKETS_BROKEN },
		{ { 'H', 'E', 'A', 'D', ' ' }, SSH_PACKETS_BROKEN },
		{ { 0, 0, 0, 9, 4 }, SSH_PACKETS_HUNGRY },
		{ { 0, 4, 0, 0, 4 }, SSH_PACKETS_HUNGRY }, /* the largest */
		{ { 0, 0, 0, 8, 6, NEWKEYS }, SSH_PACKETS_BROKEN },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		play_begin(&play_plain);
		play_identify();
		cr_assert(packets_client_write(&play.peers, rows[i].bytes, 5));
		cr_assert(packets_client_write(&play.peers, rows[i].bytes + 5, 7));
		/* An empty length leaves bytes behind it, which are none of its. */
		cr_assert_eq(play_advance(), rows[i].state, "row %zu", i);
		cr_assert_eq(ssh_socket_handed(), 0, "row %zu", i);
		play_end();
	}
}

/* --- channels and libssh --------------------------------------------------------------------- */

static void pass_data_by_only_after_the_login(const struct packets_setting *setting)
{
	play_begin(setting);
	play_identify();
	play_exchange();
	play_in(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'));
	play_in(PAYLOAD(EXTENDED, U32(CHANNEL), U32(1), U32(1), 'a'));
	play_in(PAYLOAD(ADJUST, U32(CHANNEL), U32(1)));
	cr_assert_eq(buf_length(&play.taken), 0);
	ssh_packets_serve(&play.peers.packets);
	play.moments_count = 0;
	play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(2), 'b', 'c'));
	play_client_sends(PAYLOAD(EXTENDED, U32(CHANNEL), U32(1), U32(1), 'd'));
	play_client_sends(PAYLOAD(ADJUST, U32(CHANNEL), U32(9)));
	play_client_sends(PAYLOAD(DATA, 0xff, 0xff, 0xff, 0xff, U32(0)));
	cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY);
	play_nobody_gets_more();
	play_had_moments(
	    (const struct moment[]){ { OWNER_DATA, CHANNEL, 2 }, { OWNER_EXTENDED, CHANNEL, 1 },
	        { OWNER_WINDOW, CHANNEL, 9 }, { OWNER_DATA, 0xffffffff, 0 } },
	    4);
	play_has_taken("bcd");
}

Test(ssh_packets, channel_data_goes_to_libssh_before_the_login_and_to_the_owner_after_it)
{
	play_for_each_setting(pass_data_by_only_after_the_login);
}

static void keep_the_order(const struct packets_setting *setting)
{
	play_begin_served(setting);
	play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'));
	play_client_sends(PAYLOAD(REQUEST, U32(CHANNEL)));
	play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'b'));
	play_client_sends(PAYLOAD(ADJUST, U32(CHANNEL), U32(5)));
	play_client_sends(PAYLOAD(IGNORE, U32(0)));
	play_client_sends(PAYLOAD(IGNORE, U32(1), 'x'));
	play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'c'));
	cr_assert_eq(play_advance(), SSH_PACKETS_HANDED);
	cr_assert_eq(play_advance(), SSH_PACKETS_HANDED, "nothing overtakes");
	play_library_gets(PAYLOAD(REQUEST, U32(CHANNEL)));
	cr_assert_eq(play_advance(), SSH_PACKETS_HANDED);
	play_library_gets(PAYLOAD(IGNORE, U32(0)));
	cr_assert_eq(play_advance(), SSH_PACKETS_HANDED);
	play_library_gets(PAYLOAD(IGNORE, U32(1), 'x'));
	cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY);
	play_had_moments(
	    (const struct moment[]){ { OWNER_DATA, CHANNEL, 1 }, { LIBRARY, 0, REQUEST },
	        { OWNER_DATA, CHANNEL, 1 }, { OWNER_WINDOW, CHANNEL, 5 }, { LIBRARY, 0, IGNORE },
	        { LIBRARY, 0, IGNORE }, { OWNER_DATA, CHANNEL, 1 } },
	    7);
}

Test(ssh_packets, data_and_other_packets_keep_their_order)
{
	play_for_each_setting(keep_the_order);
}

Test(ssh_packets, libssh_is_handed_one_packet_at_a_time)
{
	uint8_t first[64];
	size_t handed;

	play_begin_served(&play_plain);
	for (int i = 0; i < 3; i++)
		play_client_sends(PAYLOAD(REQUEST, U32(CHANNEL)));
	cr_assert_eq(play_advance(), SSH_PACKETS_HANDED);
	handed = ssh_socket_handed();
	cr_assert_gt(handed, 4);
	cr_assert_eq(play.peers.packets.handed, play.peers.client.sent - 3);
	cr_assert_eq(play_advance(), SSH_PACKETS_HANDED);
	cr_assert_eq(ssh_socket_handed(), handed);
	cr_assert_eq(recv(play.peers.library_fd, first, 4, 0), 4);
	cr_assert_eq(play_advance(), SSH_PACKETS_HANDED, "it has only begun to read");
	cr_assert_eq(ssh_socket_handed(), handed - 4);
	cr_assert(buf_append(&play.peers.library.in, first, 4));
	play_library_gets(PAYLOAD(REQUEST, U32(CHANNEL)));
	cr_assert_eq(play.peers.packets.handed, play.peers.client.sent - 3);
	cr_assert_eq(play_advance(), SSH_PACKETS_HANDED);
	cr_assert_eq(play.peers.packets.handed, play.peers.client.sent - 2);
	play_end();
}

Test(ssh_packets, every_other_type_is_libsshs)
{
	play_begin_served(&play_plain);
	for (unsigned type = 0; type < 256; type++) {
		const uint8_t payload[] = { (uint8_t)type, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

		if (type == KEXINIT || type == NEWKEYS || (type >= ADJUST && type <= EXTENDED))
			continue;
		play_in(payload, sizeof(payload));
		play_in(payload, 1);
		/* What libssh says goes out as it is, these included. */
		play_out(payload, 1);
	}
	play_end();
}

Test(ssh_packets, channel_packets_that_are_not_well_formed_end_it)
{
	static const struct {
		uint8_t bytes[16];
		size_t n;
	} rows[] = {
		{ { ADJUST }, 1 },
		{ { ADJUST, U32(1), 0, 0, 0 }, 8 },
		{ { ADJUST, U32(1), U32(1), 0 }, 10 },
		{ { DATA }, 1 },
		{ { DATA, U32(1) }, 5 },
		{ { DATA, U32(1), 0, 0, 0 }, 8 },
		{ { DATA, U32(1), U32(1) }, 9 },
		{ { DATA, U32(1), U32(1), 'a', 'b' }, 11 },
		{ { DATA, U32(1), U32(3), 'a', 'b' }, 11 },
		{ { DATA, U32(1), 0xff, 0xff, 0xff, 0xff, 'a', 'b' }, 11 },
		{ { DATA, U32(1), 0x80, 0, 0, 2, 'a', 'b' }, 11 },
		{ { EXTENDED }, 1 },
		{ { EXTENDED, U32(1), U32(1) }, 9 },
		{ { EXTENDED, U32(1), U32(1), U32(1) }, 13 },
		{ { EXTENDED, U32(1), U32(1), U32(1), 'a', 'b' }, 15 },
		{ { EXTENDED, U32(1), U32(1), 0xff, 0xff, 0xff, 0xff }, 13 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		play_begin_served(&play_plain);
		play_is_refused(rows[i].bytes, rows[i].n);
		cr_assert_eq(play.moments_count, 0, "row %zu", i);
		play_end();
	}
}

Test(ssh_packets, the_owner_ends_it)
{
	play_begin_served(&play_plain);
	play.refusing = true;
	play_is_refused(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'));
	cr_assert_eq(play.moments_count, 1);
	play_end();
	play_begin_served(&play_plain);
	play.refusing = true;
	play_is_refused(PAYLOAD(ADJUST, U32(CHANNEL), U32(1)));
	cr_assert_eq(play.moments_count, 1);
	play_end();
	play_begin_served(&play_plain);
	play.refusing = true;
	packets_library_send(&play.peers, PAYLOAD(CONFIRMATION, U32(1), U32(2), U32(3), U32(4)));
	cr_assert_eq(play_advance(), SSH_PACKETS_BROKEN);
	cr_assert_eq(ssh_socket_unsent(), 0);
	play_end();
}

static void pause_and_go_on(const struct packets_setting *setting)
{
	char expected[21] = "";

	play_begin_served(setting);
	play.patience = 3;
	for (char letter = 'a'; letter < 'a' + 10; letter++) {
		play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), (uint8_t)letter));
		play_client_sends(PAYLOAD(IGNORE, U32(1), (uint8_t)letter));
		snprintf(expected + strlen(expected), 2, "%c", letter);
	}
	while (buf_length(&play.taken) < 10) {
		enum ssh_packets_state state = play_advance();

		if (state == SSH_PACKETS_HANDED) {
			play_library_gets(PAYLOAD(IGNORE, U32(1),
			    (uint8_t)('a' + (int)buf_length(&play.taken) - 1)));
			continue;
		}
		cr_assert_eq(state, SSH_PACKETS_PAUSED);
		cr_assert_eq(buf_length(&play.taken) % 3, 0);
		cr_assert_eq(play_advance(), SSH_PACKETS_PAUSED);
		play.patience = 3;
	}
	play_has_taken(expected);
	cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY);
	play.ready = false;
	play_client_sends(PAYLOAD(IGNORE, U32(1), 'z'));
	cr_assert_eq(play_advance(), SSH_PACKETS_PAUSED);
	play.ready = true;
	cr_assert_eq(play_advance(), SSH_PACKETS_HANDED);
	play_library_gets(PAYLOAD(IGNORE, U32(1), 'z'));
}

Test(ssh_packets, nothing_is_lost_while_the_owner_is_not_ready)
{
	play_for_each_setting(pause_and_go_on);
}

Test(ssh_packets, logins_are_counted_and_those_with_a_nul_end_it)
{
	play_begin(&play_plain);
	play_identify();
	play_exchange();
	for (unsigned i = 1; i <= 3; i++) {
		play_in(PAYLOAD(USERAUTH_REQUEST, U32(1), 'a', U32(1), 's', U32(1), 'm'));
		cr_assert_eq(play.peers.packets.login_requests, i);
	}
	play_in(PAYLOAD(IGNORE, U32(1), 0));
	play_is_refused(PAYLOAD(USERAUTH_REQUEST, U32(2), 'a', 0, U32(1), 's', U32(1), 'm'));
	cr_assert_eq(play.peers.packets.login_requests, 3);
	play_end();
}

/* --- what is changed on its way --------------------------------------------------------------- */

static void assert_opening(uint32_t theirs, uint32_t window, uint32_t packet_max)
{
	cr_assert_eq(play.peers.packets.opening.theirs, theirs);
	cr_assert_eq(play.peers.packets.opening.window, window);
	cr_assert_eq(play.peers.packets.opening.packet_max, packet_max);
}

Test(ssh_packets, what_a_channel_is_opened_with_is_noted)
{
	play_begin_served(&play_plain);
	play_in(PAYLOAD(OPEN, U32(3), 'a', 'b', 'c', U32(4), 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff));
	assert_opening(4, 0x10000, 0xffffffff);
	play_in(PAYLOAD(OPEN, U32(0), U32(5), U32(6), U32(7), 'm', 'o', 'r', 'e'));
	assert_opening(5, 6, 7);
	play_in(PAYLOAD(IGNORE, U32(0)));
	assert_opening(0, 0, 0);
	play_in(PAYLOAD(OPEN, U32(0), U32(5), U32(6), U32(7)));
	assert_opening(5, 6, 7);
	/* libssh would leave this one without an answer. */
	play_client_sends(PAYLOAD(OPEN, U32(0), U32(5), U32(6), U32(0)));
	cr_assert_eq(play_advance(), SSH_PACKETS_HANDED);
	play_library_gets(PAYLOAD(OPEN, U32(0), U32(5), U32(6), U32(1)));
	assert_opening(5, 6, 0);
	/* Lengths that lie. */
	play_in(PAYLOAD(OPEN));
	assert_opening(0, 0, 0);
	play_in(PAYLOAD(OPEN, 0, 0, 0));
	assert_opening(0, 0, 0);
	play_in(PAYLOAD(OPEN, U32(0), U32(5), U32(6), 0, 0, 0));
	assert_opening(0, 0, 0);
	play_in(PAYLOAD(OPEN, U32(1), U32(5), U32(6), U32(7)));
	assert_opening(0, 0, 0);
	play_in(PAYLOAD(OPEN, 0xff, 0xff, 0xff, 0xff, U32(5), U32(6), U32(7)));
	assert_opening(0, 0, 0);
	play_in(PAYLOAD(OPEN, 0xff, 0xff, 0xff, 0xf4, U32(5), U32(6), U32(7)));
	assert_opening(0, 0, 0);
	play_end();
}

static void rewrite_a_confirmation(const struct packets_setting *setting)
{
	play_begin_served(setting);
	cr_assert(packets_library_send(&play.peers, PAYLOAD(CONFIRMATION, U32(1), U32(2), U32(3), U32(4), 'x')));
	play_client_gets(PAYLOAD(
	    CONFIRMATION, U32(1), U32(2), 0, 0x80, 0, 0, 0, 1, 0, 0, 'x'));
	cr_assert_eq(play.confirmed.theirs, 1);
	cr_assert_eq(play.confirmed.ours, 2);
	cr_assert_eq(play.confirmed.window, 3);
	cr_assert_eq(play.confirmed.packet_max, 4);
	play_out(PAYLOAD(CONFIRMATION, U32(1), U32(2), U32(3), 0, 0, 0)); /* none */
}

Test(ssh_packets, a_confirmation_tells_the_owners_window)
{
	play_for_each_setting(rewrite_a_confirmation);
}

static void number_the_unimplemented(const struct packets_setting *setting)
{
	const uint8_t strange[] = { 192, 1, 2, 3 };
	uint32_t number;

	play_begin_served(setting);
	for (int i = 0; i < 10; i++)
		play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'));
	play_client_sends(strange, sizeof(strange));
	number = play.peers.client.sent - 1;
	play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'));
	cr_assert_eq(play_advance(), SSH_PACKETS_HANDED);
	play_library_gets(strange, sizeof(strange));
	cr_assert(packets_library_send(&play.peers, PAYLOAD(UNIMPLEMENTED, U32(200))));
	cr_assert_lt(number, 256);
	play_client_gets(PAYLOAD(UNIMPLEMENTED, U32((uint8_t)number)));
	cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY);
	play_out(PAYLOAD(UNIMPLEMENTED, 0, 0, 0)); /* none */
}

Test(ssh_packets, unimplemented_carries_the_number_that_the_client_counted)
{
	play_for_each_setting(number_the_unimplemented);
}

static void name_login_keys(const struct packets_setting *setting)
{
	static const uint8_t info[] = { EXT_INFO, U32(1), U32(15), 's', 'e', 'r', 'v', 'e', 'r', '-', 's', 'i', 'g', '-', 'a',
		'l', 'g', 's', U32(1), 'x' };
	uint8_t wanted[sizeof(info) + 4];

	play_begin_served(setting);
	play_out(info, sizeof(info));
	play.peers.packets.login_keys = "a,bcd";
	memcpy(wanted, info, sizeof(info));
	memcpy(wanted + sizeof(info) - 2, (const uint8_t[]){ 5, 'a', ',', 'b', 'c', 'd' }, 6);
	cr_assert(packets_library_send(&play.peers, info, sizeof(info)));
	play_client_gets(wanted, sizeof(wanted));
	play_out(PAYLOAD(EXT_INFO, U32(0)));
	play_out(PAYLOAD(IGNORE, U32(0)));
	play_nobody_gets_more();
}

Test(ssh_packets, clients_are_told_of_our_login_keys_instead_of_libsshs)
{
	play_for_each_setting(name_login_keys);
}

/* --- all of it -------------------------------------------------------------------------------- */

static void pass_large_packets(const struct packets_setting *setting)
{
	static const size_t sizes[] = { 1, 1000, 32768, 65536, 200000, SSH_CIPHER_PACKET_MAX - 1024 };
	uint8_t *payload = calloc(1, SSH_CIPHER_PACKET_MAX);

	play_begin_served(setting);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		payload[0] = IGNORE;
		play_in(payload, sizes[i]);
		if (sizes[i] <= 65536)
			play_out(payload, sizes[i]);
		payload[0] = DATA;
		if (sizes[i] < 1000)
			continue;
		for (unsigned byte = 0; byte < 4; byte++)
			payload[5 + byte] = (uint8_t)((sizes[i] - 9) >> (24 - 8 * byte));
		play_client_sends(payload, sizes[i]);
		cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY);
		cr_assert_eq(buf_length(&play.taken), sizes[i] - 9);
		buf_reset(&play.taken);
		memset(payload, 0, 9);
	}
	cr_assert(ssh_packets_send_data(&play.peers.packets, CHANNEL, payload, SSH_PACKETS_DATA_MAX));
	play_drop_all_of_the_clients();
	cr_assert_eq(buf_length(&play.peers.client.in), 0);
	free(payload);
}

Test(ssh_packets, packets_of_every_size_pass)
{
	play_for_each_setting(pass_large_packets);
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 16;
}

/* One of the things that can happen in any order; what ends the exchange of its direction included. */
static void do_something(uint32_t what, uint8_t value)
{
	static const uint8_t block[200] = { 0 };

	switch (what % 6) {
	case 0:
		play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), value));
		cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY);
		break;
	case 1:
		play_in(PAYLOAD(IGNORE, U32(1), value));
		break;
	case 2:
		play_out(PAYLOAD(IGNORE, U32(1), value));
		break;
	case 3:
		if (ssh_packets_take_data(&play.peers.packets)) {
			cr_assert(ssh_packets_send_data(&play.peers.packets, CHANNEL, block, value % sizeof(block)));
			play_drop_all_of_the_clients();
		}
		break;
	case 4:
		if (ssh_packets_take_data(&play.peers.packets)) {
			cr_assert(ssh_packets_send_window(&play.peers.packets, CHANNEL, value));
			play_client_gets(PAYLOAD(ADJUST, U32(CHANNEL), U32(value)));
		}
		break;
	default:
		ssh_packets_forget_offers(&play.peers.packets);
		break;
	}
}

static void do_everything_at_random(const struct packets_setting *setting)
{
	void (*const steps[])(void) = { play_kexinit_in, play_kexinit_out, play_newkeys_out,
		play_newkeys_in };
	uint32_t random = 1;
	size_t step = 0;

	play_begin_served(setting);
	for (unsigned i = 0; i < 2000; i++) {
		uint32_t what = next_random(&random);

		if (what % 16 == 0)
			steps[step++ % 4]();
		else
			do_something(what / 16, (uint8_t)i);
	}
	cr_assert_gt(play.peers.exchanges, 10);
	play_nobody_gets_more();
	cr_assert_eq(play.peers.packets.in.wire_sequence, play.peers.client.sent);
	cr_assert_eq(play.peers.packets.in.inner_sequence, play.peers.library.received);
	cr_assert_eq(play.peers.packets.out.wire_sequence, play.peers.client.received);
	cr_assert_eq(play.peers.packets.out.inner_sequence, play.peers.library.sent);
}

Test(ssh_packets, everything_in_any_order)
{
	play_for_each_setting(do_everything_at_random);
}
