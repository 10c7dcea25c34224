#include <criterion/criterion.h>

#include "server/base/clock.h"
#include "tests/unit/sftp/packets_play.h"

static const struct packets_setting unmarked = { "aes256-ctr", "hmac-sha2-256", false, true };

/* --- keys ------------------------------------------------------------------------------------ */

static void change_one_direction_after_the_other(const struct packets_setting *setting)
{
	const struct ssh_packets *packets = &play.peers.packets;
	const bool strict = setting->strict_client && setting->strict_server;

	play_begin(setting);
	play_identify();
	play_kexinit_in();
	play_kexinit_out();
	play_newkeys_out();
	cr_assert_eq(packets->strict, strict);
	cr_assert_eq(packets->out.wire_sequence, strict ? 0 : 2);
	cr_assert_eq(packets->out.inner_sequence, setting->strict_client ? 0 : 2);
	play_out(PAYLOAD(EXT_INFO, U32(0)));
	play_in(PAYLOAD(KEX_INIT, U32(1), 'x')); /* still in the clear */
	play_newkeys_in();
	cr_assert_eq(packets->in.wire_sequence, strict ? 0 : 3);
	cr_assert_eq(packets->in.inner_sequence, setting->strict_client ? 0 : 3);
	for (uint8_t i = 0; i < 3; i++) {
		play_in(PAYLOAD(SERVICE_REQUEST, U32(1), i));
		play_out(PAYLOAD(IGNORE, U32(1), i));
	}
	play_nobody_gets_more();
	cr_assert_str_eq(packets->in.cipher, setting->cipher);
	cr_assert_str_eq(packets->out.mac, setting->mac);
}

Test(ssh_packets_keys, keys_change_at_newkeys_in_each_direction_by_itself)
{
	play_for_each_setting(change_one_direction_after_the_other);
}

static void change_the_input_first(const struct packets_setting *setting)
{
	play_begin_served(setting);
	for (int round = 0; round < 3; round++) {
		play_kexinit_out();
		play_out(PAYLOAD(KEX_REPLY, U32(0)));
		play_kexinit_in();
		cr_assert(packets_derive(&play.peers)); /* early, as a client's NEWKEYS may come behind ours */
		play_newkeys_in();
		play_in(PAYLOAD(IGNORE, U32(0)));
		play_out(PAYLOAD(KEX_REPLY, U32(1), 'o')); /* under the old keys */
		play_out(PAYLOAD(NEWKEYS));
		packets_switch_out(&play.peers);
		play_out(PAYLOAD(IGNORE, U32(0)));
		play_in(PAYLOAD(IGNORE, U32(0)));
	}
	play_nobody_gets_more();
}

Test(ssh_packets_keys, either_direction_may_be_the_first_to_change)
{
	play_for_each_setting(change_the_input_first);
}

static void count_both_sides(const struct packets_setting *setting)
{
	const struct ssh_packets *packets = &play.peers.packets;
	uint32_t in_before;
	uint32_t out_before;

	play_begin_served(setting);
	in_before = packets->in.inner_sequence;
	out_before = packets->out.inner_sequence;
	for (int i = 0; i < 10; i++) {
		play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(2), 'a', 'b'));
		cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY);
		cr_assert(ssh_packets_send_data(&play.peers.packets, CHANNEL, (const uint8_t *)"cd", 2));
		play_client_gets(PAYLOAD(DATA, U32(CHANNEL), U32(2), 'c', 'd'));
	}
	cr_assert_eq(packets->in.inner_sequence, in_before, "libssh never saw them");
	cr_assert_eq(packets->out.inner_sequence, out_before);
	cr_assert_eq(packets->in.wire_sequence, play.peers.client.sent);
	cr_assert_eq(packets->out.wire_sequence, play.peers.client.received);
	play_in(PAYLOAD(REQUEST, U32(CHANNEL)));
	play_out(PAYLOAD(REQUEST, U32(CHANNEL)));
	cr_assert_eq(packets->in.inner_sequence, in_before + 1);
	cr_assert_eq(packets->out.inner_sequence, out_before + 1);
	cr_assert_eq(packets->in.wire_sequence, play.peers.client.sent);
}

Test(ssh_packets_keys, packets_of_either_side_are_counted_apart)
{
	play_for_each_setting(count_both_sides);
}

/* libssh goes by the mark in any KEXINIT, both sides of the wire by that of the first alone. */
Test(ssh_packets_keys, a_mark_of_strictness_that_comes_late_counts_for_libssh_only)
{
	uint8_t offer[1024];
	size_t n;

	play_begin_served(&unmarked);
	play.peers.setting.strict_client = true;
	n = packets_kexinit(&play.peers, true, offer);
	play_in(offer, n);
	play_kexinit_out();
	play.peers.setting.strict_server = false; /* as the peers shall count */
	play_newkeys_out();
	play_newkeys_in();
	cr_assert_not(play.peers.packets.strict);
	cr_assert(play.peers.packets.strict_inner);
	cr_assert_gt(play.peers.packets.in.wire_sequence, 0);
	cr_assert_eq(play.peers.packets.in.inner_sequence, 0);
	play_in(PAYLOAD(IGNORE, U32(0)));
	play_out(PAYLOAD(IGNORE, U32(0)));
	play_end();
}

Test(ssh_packets_keys, the_sequence_number_wraps)
{
	play_begin_served(&play_plain);
	play.peers.packets.in.wire_sequence = play.peers.client.sent = 0xffffffff;
	play.peers.packets.out.wire_sequence = play.peers.client.received = 0xffffffff;
	for (int i = 0; i < 3; i++) {
		play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(0)));
		cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY);
		cr_assert(ssh_packets_send_window(&play.peers.packets, CHANNEL, 1));
		play_client_gets(PAYLOAD(ADJUST, U32(CHANNEL), U32(1)));
	}
	cr_assert_eq(play.peers.packets.in.wire_sequence, 2);
	play_end();
}

static void renew_keys_again_and_again(const struct packets_setting *setting)
{
	play_begin_served(setting);
	for (uint8_t round = 0; round < 5; round++) {
		play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'));
		cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY);
		cr_assert(ssh_packets_send_data(&play.peers.packets, CHANNEL, &round, 1));
		play_client_gets(PAYLOAD(DATA, U32(CHANNEL), U32(1), round));
		if (round == 2)
			ssh_packets_forget_offers(&play.peers.packets);
		play_exchange();
		play_out(PAYLOAD(IGNORE, U32(1), round));
	}
	play_has_taken("aaaaa");
	cr_assert_eq(play.peers.exchanges, 6);
}

Test(ssh_packets_keys, keys_are_renewed_again_and_again)
{
	play_for_each_setting(renew_keys_again_and_again);
}

/* asyncssh does so, against RFC 4253 7.1; it costs nothing to take it. */
static void take_data_in_the_middle_of_an_exchange(const struct packets_setting *setting)
{
	play_begin_served(setting);
	play_kexinit_in();
	play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'));
	cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY);
	play_kexinit_out();
	play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'b'));
	play_in(PAYLOAD(KEX_INIT, U32(0)));
	play_newkeys_out();
	play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'c'));
	cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY);
	play_has_taken("abc");
	play_newkeys_in();
	play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'd'));
	cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY);
	play_has_taken("abcd");
}

Test(ssh_packets_keys, data_of_the_client_under_the_old_keys_is_taken_until_its_newkeys)
{
	play_for_each_setting(take_data_in_the_middle_of_an_exchange);
}

static void send_no_data_in_the_middle_of_an_exchange(const struct packets_setting *setting)
{
	play_begin(setting);
	play_identify();
	cr_assert_not(ssh_packets_take_data(&play.peers.packets));
	play_exchange();
	cr_assert_not(ssh_packets_take_data(&play.peers.packets), "nobody has logged in");
	ssh_packets_serve(&play.peers.packets);
	cr_assert(ssh_packets_take_data(&play.peers.packets));
	play_kexinit_in();
	cr_assert(ssh_packets_take_data(&play.peers.packets), "our side may until it has said KEXINIT itself");
	cr_assert(ssh_packets_send_data(&play.peers.packets, CHANNEL, (const uint8_t *)"o", 1));
	play_client_gets(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'o'));
	play_kexinit_out();
	cr_assert_not(ssh_packets_take_data(&play.peers.packets));
	play_out(PAYLOAD(KEX_REPLY, U32(0)));
	cr_assert_not(ssh_packets_take_data(&play.peers.packets));
	play_newkeys_out();
	cr_assert(ssh_packets_take_data(&play.peers.packets));
	cr_assert(ssh_packets_send_data(&play.peers.packets, CHANNEL, (const uint8_t *)"n", 1));
	play_client_gets(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'n'));
	play_out(PAYLOAD(IGNORE, U32(0)));
	play_newkeys_in();
	play_in(PAYLOAD(IGNORE, U32(0)));
}

Test(ssh_packets_keys, no_data_is_sent_between_our_kexinit_and_our_newkeys)
{
	play_for_each_setting(send_no_data_in_the_middle_of_an_exchange);
}

Test(ssh_packets_keys, the_offers_are_kept_while_an_exchange_runs)
{
	play_begin_served(&play_plain);
	play_kexinit_in();
	ssh_packets_forget_offers(&play.peers.packets);
	play_kexinit_out();
	ssh_packets_forget_offers(&play.peers.packets);
	play_newkeys_out();
	ssh_packets_forget_offers(&play.peers.packets);
	cr_assert(ssh_offer_is_read(&play.peers.packets.in.offer));
	play_newkeys_in();
	ssh_packets_forget_offers(&play.peers.packets);
	cr_assert_not(ssh_offer_is_read(&play.peers.packets.in.offer));
	cr_assert_not(ssh_offer_is_read(&play.peers.packets.out.offer));
	play_in(PAYLOAD(IGNORE, U32(0)));
	play_end();
}

static int64_t deadline_at(int64_t now)
{
	return ssh_packets_exchange_deadline(&play.peers.packets, now);
}

/* now: milliseconds of a clock that only this test has. */
Test(ssh_packets_keys, a_key_exchange_has_a_minute_from_its_beginning_and_from_each_newkeys)
{
	play_begin_served(&play_plain);
	cr_assert_eq(deadline_at(1000), CLOCK_NEVER);
	play_kexinit_in();
	cr_assert_eq(deadline_at(2000), 62000);
	cr_assert_eq(deadline_at(61999), 62000, "nothing but new keys puts it off");
	play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'));
	cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY);
	play_in(PAYLOAD(KEX_INIT, U32(0)));
	play_kexinit_out();
	play_out(PAYLOAD(KEX_REPLY, U32(0)));
	cr_assert_eq(deadline_at(70000), 62000);
	play_newkeys_out();
	cr_assert_eq(deadline_at(71000), 131000, "the client's NEWKEYS is waited for anew");
	cr_assert_eq(deadline_at(72000), 131000);
	play_newkeys_in();
	cr_assert_eq(deadline_at(73000), CLOCK_NEVER);
	/* One that we begin, and another before anybody has looked. */
	play_kexinit_out();
	cr_assert_eq(deadline_at(80000), 140000);
	play_kexinit_in();
	play_newkeys_out();
	play_newkeys_in();
	play_kexinit_in();
	cr_assert_eq(deadline_at(90000), 150000);
	cr_assert_eq(deadline_at(100000), 150000);
	play_end();
}

/* --- key exchanges that are none ------------------------------------------------------------- */

static void refuse_newkeys_without_kexinit(const struct packets_setting *setting)
{
	void (*const beginnings[])(const struct packets_setting *) = { play_begin_identified, play_begin_served };

	for (size_t i = 0; i < 2; i++) {
		if (i > 0)
			play_end();
		beginnings[i](setting);
		play_is_refused(PAYLOAD(NEWKEYS));
		play_end();
		beginnings[i](setting);
		play_kexinit_out();
		play_is_refused(PAYLOAD(NEWKEYS));
	}
}

Test(ssh_packets_keys, newkeys_without_kexinit_ends_it)
{
	play_for_each_setting(refuse_newkeys_without_kexinit);
}

Test(ssh_packets_keys, newkeys_before_our_kexinit_ends_it)
{
	play_begin_identified(&play_plain);
	play_kexinit_in();
	play_is_refused(PAYLOAD(NEWKEYS));
	play_end();
}

static void refuse_newkeys_twice(const struct packets_setting *setting)
{
	play_begin_served(setting);
	play_kexinit_in();
	play_kexinit_out();
	play_newkeys_out();
	play_newkeys_in();
	play_is_refused(PAYLOAD(NEWKEYS));
	play_end();
	/* Under the old keys, too. */
	play_begin_served(setting);
	play_kexinit_in();
	play_kexinit_out();
	play_newkeys_out();
	play_in(PAYLOAD(NEWKEYS));
	play_is_refused(PAYLOAD(NEWKEYS));
}

Test(ssh_packets_keys, newkeys_twice_ends_it)
{
	play_for_each_setting(refuse_newkeys_twice);
}

static void refuse_packets_before_keys_are_there(const struct packets_setting *setting)
{
	play_begin_identified(setting);
	play_kexinit_in();
	play_kexinit_out();
	play_in(PAYLOAD(NEWKEYS));
	play_is_refused(PAYLOAD(IGNORE, U32(0)));
	play_end();
	play_begin_served(setting);
	play_kexinit_in();
	play_kexinit_out();
	play_in(PAYLOAD(NEWKEYS));
	play_is_refused(PAYLOAD(IGNORE, U32(0)));
}

Test(ssh_packets_keys, packets_behind_newkeys_before_keys_were_derived_end_it)
{
	play_for_each_setting(refuse_packets_before_keys_are_there);
}

Test(ssh_packets_keys, an_offer_that_cannot_be_read_or_agreed_on_ends_it)
{
	struct packets_setting other = play_plain;

	play_begin_identified(&play_plain);
	play_is_refused(PAYLOAD(KEXINIT, 0, 0, 0, 0));
	play_end();
	play_begin_served(&play_plain);
	play_is_refused(PAYLOAD(KEXINIT, 0, 0, 0, 0));
	play_end();
	play_begin_identified(&play_plain);
	play_kexinit_in();
	other.cipher = "aes128-ctr";
	play.peers.setting = other;
	play_kexinit_out();
	play_is_refused(PAYLOAD(NEWKEYS));
	play_end();
}

/* --- worn keys ------------------------------------------------------------------------------- */

/* Bytes of data that it took. */
static uint64_t send_until_worn(bool from_client)
{
	const uint8_t bytes[] = { 'd', 'a', 't', 'a' };
	uint64_t sent = 0;

	while (!ssh_packets_want_rekey(&play.peers.packets)) {
		if (from_client)
			play_client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(4), 'd', 'a', 't', 'a'));
		else
			cr_assert(ssh_packets_send_data(&play.peers.packets, CHANNEL, bytes, sizeof(bytes)));
		sent += sizeof(bytes);
		cr_assert_lt(sent, 10000);
		cr_assert_eq(play_advance(), SSH_PACKETS_HUNGRY);
		play_drop_all_of_the_clients();
	}
	return sent;
}

static void wear_keys(const struct packets_setting *setting)
{
	play_begin_served(setting);
	cr_assert_not(ssh_packets_want_rekey(&play.peers.packets));
	play.peers.packets.rekey_bytes = 2000;
	for (int round = 0; round < 4; round++) {
		cr_assert_gt(send_until_worn(round % 2 == 0), 50);
		play_kexinit_out();
		cr_assert_not(ssh_packets_want_rekey(&play.peers.packets), "one is under way");
		play_kexinit_in();
		cr_assert_not(ssh_packets_want_rekey(&play.peers.packets));
		play_newkeys_out();
		cr_assert_not(ssh_packets_want_rekey(&play.peers.packets));
		play_newkeys_in();
		cr_assert_not(ssh_packets_want_rekey(&play.peers.packets), "the new ones are not used yet");
		play_in(PAYLOAD(IGNORE, U32(0)));
		play_out(PAYLOAD(IGNORE, U32(0)));
		cr_assert_not(ssh_packets_want_rekey(&play.peers.packets));
	}
	play.peers.packets.rekey_bytes = 0;
	play.peers.packets.in.bytes = play.peers.packets.out.bytes = UINT64_MAX / 2;
	cr_assert_not(ssh_packets_want_rekey(&play.peers.packets), "only as often as the cipher needs");
	play.peers.packets.out.packets = (1ull << 31) + 1;
	cr_assert(ssh_packets_want_rekey(&play.peers.packets), "RFC 4344 3.1");
}

Test(ssh_packets_keys, new_keys_are_wanted_after_so_many_bytes_or_packets)
{
	play_for_each_setting(wear_keys);
}

Test(ssh_packets_keys, no_new_keys_are_wanted_before_the_login)
{
	play_begin(&play_plain);
	play_identify();
	play.peers.packets.rekey_bytes = 1;
	cr_assert_not(ssh_packets_want_rekey(&play.peers.packets));
	play_exchange();
	play_in(PAYLOAD(IGNORE, U32(0)));
	cr_assert_not(ssh_packets_want_rekey(&play.peers.packets));
	ssh_packets_serve(&play.peers.packets);
	cr_assert(ssh_packets_want_rekey(&play.peers.packets));
	play_end();
}
