#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "server/sftp/ssh_socket.h"
#include "tests/unit/sftp/packets_play.h"

/* --- bytes that were changed, and pieces ------------------------------------------------------ */

/* The client's next packet with one bit of it changed, at the end of the stream so that a longer one never comes. */
static enum ssh_packets_state send_damaged(const uint8_t *payload, size_t n, size_t bit, size_t *bits_out)
{
	uint8_t packet[256];
	size_t total = packets_seal(&play.peers.client, payload, n, packet);

	cr_assert_leq(total, sizeof(packet));
	*bits_out = total * 8;
	packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
	cr_assert(packets_client_write(&play.peers, packet, total));
	return play_advance();
}

static void flip_every_bit(const struct packets_setting *setting)
{
	size_t bits = 1;

	for (size_t bit = 0; bit < bits; bit++) {
		enum ssh_packets_state state;

		if (bit > 0)
			play_end();
		play_begin_served(setting);
		state = send_damaged(PAYLOAD(DATA, U32(CHANNEL), U32(3), 'a', 'b', 'c'), bit, &bits);
		if (state == SSH_PACKETS_HUNGRY)
			state = play_send_more();
		cr_assert_eq(state, SSH_PACKETS_BROKEN, "%s %s: bit %zu", setting->cipher, setting->mac, bit);
		cr_assert_eq(play.moments_count, 0);
		cr_assert_eq(ssh_socket_handed(), 0);
		cr_assert_eq(play_advance(), SSH_PACKETS_BROKEN);
		/* The client may still be told why. */
		play_out(PAYLOAD(1, U32(2), U32(0), U32(0)));
	}
	cr_assert_gt(bits, 200);
}

Test(ssh_packets_damage, a_bit_that_was_changed_anywhere_ends_it_and_it_stays_ended, .timeout = 300)
{
	play_for_each_setting(flip_every_bit);
}

/* With a bit of it changed, counted from its beginning or (negative) its end: how many of its bytes end the session. */
static size_t bytes_until_refused(const struct packets_setting *setting, size_t n, long bit)
{
	static uint8_t stream[SSH_CIPHER_PACKET_MAX + SSH_CIPHER_OVERHEAD_MAX];
	uint8_t *payload = calloc(1, n);
	size_t total;
	size_t sent;

	play_begin_served(setting);
	payload[0] = IGNORE;
	total = packets_seal(&play.peers.client, payload, n, stream);
	free(payload);
	bit += bit < 0 ? (long)total * 8 : 0;
	stream[bit / 8] ^= (uint8_t)(1u << bit % 8);
	sent = play_is_told_late(setting) ? SSH_CIPHER_PACKET_MAX : total - 1;
	cr_assert(packets_client_write(&play.peers, stream, sent));
	while (play_advance() == SSH_PACKETS_HUNGRY) {
		/* It is a packet like others that has not all come. */
		cr_assert(ssh_packets_send_data(&play.peers.packets, CHANNEL, (const uint8_t *)"a", 1));
		play_client_gets(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'));
		cr_assert(packets_client_write(&play.peers, stream + sent++, 1));
	}
	cr_assert_eq(play_advance(), SSH_PACKETS_BROKEN);
	cr_assert_eq(ssh_socket_handed(), 0);
	play_end();
	return sent;
}

/* A block of CBC that was put in tells nothing by where the session ends (CVE-2008-5161). */
Test(ssh_packets_damage, a_wrong_length_and_a_wrong_mac_of_cbc_end_it_at_the_same_byte)
{
	static const struct packets_setting settings[] = {
		{ "aes128-cbc", "hmac-sha1", true, true },
		{ "aes256-cbc", "hmac-sha2-512", true, true },
		{ "3des-cbc", "hmac-sha2-256", true, true },
	};
	static const size_t tags[] = { 20, 64, 32 };
	static const size_t sizes[] = { 1, 40, 32768, SSH_CIPHER_PACKET_MAX - 32 };

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++) {
			cr_assert_eq(bytes_until_refused(&settings[i], sizes[j], 5),
			    SSH_CIPHER_PACKET_MAX + tags[i], "length, %zu bytes", sizes[j]);
			cr_assert_eq(bytes_until_refused(&settings[i], sizes[j], -1),
			    SSH_CIPHER_PACKET_MAX + tags[i], "MAC, %zu bytes", sizes[j]);
		}
	}
}

Test(ssh_packets_damage, a_wrong_mac_of_other_ciphers_ends_it_with_its_last_byte)
{
	static const struct packets_setting settings[] = {
		{ "aes128-gcm@openssh.com", "", true, true },
		{ "chacha20-poly1305@openssh.com", "", true, true },
		{ "aes256-ctr", "hmac-sha2-256", true, true },
		{ "aes128-ctr", "hmac-sha2-256-etm@openssh.com", true, true },
		{ "aes128-cbc", "hmac-sha1-etm@openssh.com", true, true },
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		cr_assert_lt(bytes_until_refused(&settings[i], 40, -1), 200, "%s", settings[i].cipher);
}

static void send_a_packet_again(const struct packets_setting *setting)
{
	uint8_t packet[256];
	size_t total;

	play_begin_served(setting);
	total = packets_seal(&play.peers.client, PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'), packet);
	cr_assert(packets_client_write(&play.peers, packet, total));
	cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY);
	cr_assert(packets_client_write(&play.peers, packet, total));
	if (play_advance() == SSH_PACKETS_HUNGRY)
		cr_assert_eq(play_send_more(), SSH_PACKETS_BROKEN);
	play_has_taken("a");
}

Test(ssh_packets_damage, a_packet_that_comes_again_ends_it)
{
	play_for_each_setting(send_a_packet_again);
}

static void leave_a_packet_out(const struct packets_setting *setting)
{
	uint8_t packet[256];

	play_begin_served(setting);
	packets_seal(&play.peers.client, PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'), packet);
	play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'b'));
	if (play_advance() == SSH_PACKETS_HUNGRY)
		cr_assert_eq(play_send_more(), SSH_PACKETS_BROKEN);
	play_has_taken("");
}

Test(ssh_packets_damage, a_packet_that_is_left_out_ends_it)
{
	play_for_each_setting(leave_a_packet_out);
}

static void split_everywhere(const struct packets_setting *setting)
{
	uint8_t packets[512];
	size_t first;
	size_t total = 1;

	play_begin_served(setting);
	for (size_t split = 0; split <= total; split++) {
		buf_reset(&play.taken);
		first = packets_seal(&play.peers.client, PAYLOAD(DATA, U32(CHANNEL), U32(3), 'a', 'b', 'c'), packets);
		total = first +
		        packets_seal(&play.peers.client, PAYLOAD(DATA, U32(CHANNEL), U32(1), 'd'), packets + first);
		cr_assert(packets_client_write(&play.peers, packets, split));
		cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY, "%s %s: at %zu", setting->cipher, setting->mac,
		    split);
		play_has_taken(split < first ? "" : split < total ? "abc" : "abcd");
		cr_assert(packets_client_write(&play.peers, packets + split, total - split));
		cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY);
		play_has_taken("abcd");
	}
	/* Byte by byte. */
	buf_reset(&play.taken);
	total = packets_seal(&play.peers.client, PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'), packets);
	for (size_t i = 0; i < total; i++) {
		play_has_taken("");
		cr_assert(packets_client_write(&play.peers, packets + i, 1));
		cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY);
	}
	play_has_taken("a");
}

Test(ssh_packets_damage, a_packet_that_is_split_anywhere_arrives_whole)
{
	play_for_each_setting(split_everywhere);
}

static void split_what_libssh_writes(const struct packets_setting *setting)
{
	uint8_t packets[512];
	size_t first;
	size_t total = 1;

	play_begin_served(setting);
	for (size_t split = 1; split < total || split == 1; split++) {
		first = packets_seal(&play.peers.library, PAYLOAD(EXT_INFO, U32(1), 'a'), packets);
		total = first + packets_seal(&play.peers.library, PAYLOAD(IGNORE, U32(2), 'b', 'c'), packets + first);
		cr_assert(packets_library_write(&play.peers, packets, split));
		if (split >= first)
			play_client_gets(PAYLOAD(EXT_INFO, U32(1), 'a'));
		play_nobody_gets_more();
		cr_assert(packets_library_write(&play.peers, packets + split, total - split));
		if (split < first)
			play_client_gets(PAYLOAD(EXT_INFO, U32(1), 'a'));
		play_client_gets(PAYLOAD(IGNORE, U32(2), 'b', 'c'));
		play_nobody_gets_more();
	}
	cr_assert_gt(total, 60);
}

Test(ssh_packets_damage, what_libssh_writes_in_pieces_goes_out_once_and_in_order)
{
	play_for_each_setting(split_what_libssh_writes);
}

/* From then on nothing goes out, neither libssh's nor ours. */
static void damage_what_libssh_writes(const struct packets_setting *setting)
{
	uint8_t packet[256];
	size_t total;

	play_begin_served(setting);
	total = packets_seal(&play.peers.library, PAYLOAD(EXT_INFO, U32(1), 'a'), packet);
	packet[total - 1] ^= 1;
	cr_assert(packets_library_write(&play.peers, packet, total));
	cr_assert_eq(play_advance(), SSH_PACKETS_BROKEN);
	cr_assert_not(ssh_packets_take_data(&play.peers.packets));
	cr_assert_not(ssh_packets_send_data(&play.peers.packets, CHANNEL, (const uint8_t *)"a", 1));
	cr_assert_not(ssh_packets_send_window(&play.peers.packets, CHANNEL, 1));
	packets_library_send(&play.peers, PAYLOAD(IGNORE, U32(0)));
	cr_assert_eq(ssh_socket_unsent(), 0);
	play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'));
	cr_assert_eq(play_advance(), SSH_PACKETS_BROKEN);
	play_has_taken("");
}

Test(ssh_packets_damage, a_damaged_packet_of_libsshs_ends_it_and_nothing_goes_out_any_more)
{
	play_for_each_setting(damage_what_libssh_writes);
}

Test(ssh_packets_damage, key_exchanges_of_libssh_that_are_none_end_it)
{
	play_begin_identified(&play_plain);
	packets_library_send(&play.peers, PAYLOAD(NEWKEYS));
	cr_assert_eq(play_advance(), SSH_PACKETS_BROKEN);
	play_end();
	play_begin_served(&play_plain);
	packets_library_send(&play.peers, PAYLOAD(NEWKEYS));
	cr_assert_eq(play_advance(), SSH_PACKETS_BROKEN);
	cr_assert_eq(ssh_socket_unsent(), 0);
	play_end();
	/* NEWKEYS, and then no keys. */
	play_begin_served(&play_plain);
	play_kexinit_in();
	play_kexinit_out();
	play_out(PAYLOAD(NEWKEYS));
	cr_assert_not(ssh_packets_send_data(&play.peers.packets, CHANNEL, (const uint8_t *)"a", 1));
	cr_assert_eq(play_advance(), SSH_PACKETS_BROKEN);
	play_end();
}
