#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/sftp/ssh_libcrypto.h"
#include "server/sftp/ssh_socket.h"
#include "tests/unit/sftp/packets_peers.h"

enum {
	IGNORE = 2,
	UNIMPLEMENTED = 3,
	SERVICE_REQUEST = 5,
	EXT_INFO = 7,
	KEXINIT = 20,
	NEWKEYS = 21,
	KEX_INIT = 30,
	KEX_REPLY = 31,
	USERAUTH_REQUEST = 50,
	OPEN = 90,
	CONFIRMATION = 91,
	ADJUST = 93,
	DATA = 94,
	EXTENDED = 95,
	REQUEST = 98,
};

#define PAYLOAD(...) ((const uint8_t[]){ __VA_ARGS__ }), sizeof((const uint8_t[]){ __VA_ARGS__ })
#define U32(n)	     0, 0, 0, (n)
#define CHANNEL	     7
#define MOMENTS_MAX  64

/* --- the owner ------------------------------------------------------------------------------- */

enum who { OWNER_DATA, OWNER_EXTENDED, OWNER_WINDOW, LIBRARY };

/* Who was given something, in what order. */
struct moment {
	enum who who;
	uint32_t channel;
	uint32_t n; /* bytes of data or window; the type of a packet for libssh */
};

static struct packets_peers peers;
static struct moment moments[MOMENTS_MAX];
static size_t moments_count;
static struct buf taken; /* all data so far */
static bool ready;
static int patience; /* data packets after which the owner is not ready any more; -1: no end */
static bool refusing;
static struct ssh_packets_opening confirmed;

static void note(enum who who, uint32_t channel, size_t n)
{
	if (moments_count < MOMENTS_MAX)
		moments[moments_count++] = (struct moment){ who, channel, (uint32_t)n };
}

static bool take_data(void *context, uint32_t channel, bool extended, const uint8_t *bytes, size_t n)
{
	cr_assert_eq(context, &peers);
	note(extended ? OWNER_EXTENDED : OWNER_DATA, channel, n);
	cr_assert(n == 0 || buf_append(&taken, bytes, n));
	if (patience > 0)
		patience--;
	return !refusing;
}

static bool take_window(void *context, uint32_t channel, uint32_t more)
{
	cr_assert_eq(context, &peers);
	note(OWNER_WINDOW, channel, more);
	return !refusing;
}

static bool take_confirmation(void *context, struct ssh_packets_opening *opening)
{
	cr_assert_eq(context, &peers);
	confirmed = *opening;
	opening->window = 0x00800000;
	opening->packet_max = 0x00010000;
	return !refusing;
}

static bool is_ready(void *context)
{
	cr_assert_eq(context, &peers);
	return ready && patience != 0;
}

/* --- the play -------------------------------------------------------------------------------- */

static void begin(const struct packets_setting *setting)
{
	const struct ssh_packets_owner owner = {
		.context = &peers,
		.data = take_data,
		.window = take_window,
		.confirmed = take_confirmation,
		.ready = is_ready,
	};

	moments_count = 0;
	ready = true;
	patience = -1;
	refusing = false;
	buf_init(&taken, 16u << 20);
	cr_assert(packets_peers_open(&peers, setting, &owner));
}

static void end(void)
{
	packets_peers_close(&peers);
	buf_clear(&taken);
}

static enum ssh_packets_state advance(void)
{
	return ssh_packets_advance(&peers.packets);
}

static void assert_library_gets(const uint8_t *payload, size_t n)
{
	const uint8_t *got;
	size_t length;

	cr_assert_eq(packets_library_read(&peers, &got, &length), PACKETS_ONE, "%s %s",
	    peers.setting.cipher, peers.setting.mac);
	cr_assert_eq(length, n);
	cr_assert_arr_eq(got, payload, n);
	note(LIBRARY, 0, got[0]);
}

static void assert_client_gets(const uint8_t *payload, size_t n)
{
	const uint8_t *got;
	size_t length;

	cr_assert_eq(packets_client_read(&peers, &got, &length), PACKETS_ONE, "%s %s",
	    peers.setting.cipher, peers.setting.mac);
	cr_assert_eq(length, n);
	cr_assert_arr_eq(got, payload, n);
}

static void assert_nobody_gets_more(void)
{
	const uint8_t *got;
	size_t length;

	cr_assert_eq(packets_library_read(&peers, &got, &length), PACKETS_NONE);
	cr_assert_eq(buf_length(&peers.library.in), 0);
	cr_assert_eq(packets_client_read(&peers, &got, &length), PACKETS_NONE);
	cr_assert_eq(buf_length(&peers.client.in), 0);
}

static void client_sends(const uint8_t *payload, size_t n)
{
	cr_assert(packets_client_send(&peers, payload, n));
}

/* One packet all the way from the client to libssh, and from libssh to the client. */
static void pass_in(const uint8_t *payload, size_t n)
{
	client_sends(payload, n);
	cr_assert_eq(advance(), SSH_PACKETS_HANDED);
	assert_library_gets(payload, n);
}

static void pass_out(const uint8_t *payload, size_t n)
{
	cr_assert(packets_library_send(&peers, payload, n));
	assert_client_gets(payload, n);
}

static void identify(void)
{
	static const char lines[] = "SSH-2.0-client\r\n";
	char got[32];

	cr_assert(packets_client_write(&peers, (const uint8_t *)lines, strlen(lines)));
	cr_assert_eq(advance(), SSH_PACKETS_HANDED);
	cr_assert_eq(recv(peers.library_fd, got, sizeof(got), 0), (ssize_t)strlen(lines));
	cr_assert(packets_library_write(&peers, (const uint8_t *)lines, strlen(lines)));
	ssh_socket_flush();
	cr_assert_eq(read(peers.client_fd, got, sizeof(got)), (ssize_t)strlen(lines));
}

static void pass_kexinit_in(void)
{
	uint8_t offer[1024];

	pass_in(offer, packets_kexinit(&peers, true, offer));
}

static void pass_kexinit_out(void)
{
	uint8_t offer[1024];

	pass_out(offer, packets_kexinit(&peers, false, offer));
}

static void pass_newkeys_out(void)
{
	pass_out(PAYLOAD(NEWKEYS));
	cr_assert(packets_derive(&peers));
	packets_switch_out(&peers);
}

static void pass_newkeys_in(void)
{
	pass_in(PAYLOAD(NEWKEYS));
	packets_switch_in(&peers);
}

static void exchange(void)
{
	pass_kexinit_in();
	pass_kexinit_out();
	pass_newkeys_out();
	pass_newkeys_in();
}

/* As far as channels. */
static void begin_served(const struct packets_setting *setting)
{
	begin(setting);
	identify();
	exchange();
	ssh_packets_serve(&peers.packets);
	moments_count = 0;
}

static void for_each_setting(void (*check)(const struct packets_setting *setting))
{
	static const struct packets_setting settings[] = {
		{ "aes128-gcm@openssh.com", "", true, true },
		{ "aes256-gcm@openssh.com", "", false, true },
		{ "chacha20-poly1305@openssh.com", "", true, true },
		{ "chacha20-poly1305@openssh.com", "", false, false },
		{ "aes256-ctr", "hmac-sha2-256", true, true },
		{ "aes256-ctr", "hmac-sha2-256", true, false },
		{ "aes256-ctr", "hmac-sha2-256", false, true },
		{ "aes128-ctr", "hmac-sha2-256-etm@openssh.com", true, true },
		{ "aes192-ctr", "hmac-sha2-512-etm@openssh.com", false, false },
		{ "aes128-cbc", "hmac-sha1", true, false },
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		check(&settings[i]);
		end();
	}
}

static const struct packets_setting plain = { "aes256-ctr", "hmac-sha2-256", true, true };
static const struct packets_setting unmarked = { "aes256-ctr", "hmac-sha2-256", false, true };

/* What the owner has as data must be this text. */
static void assert_taken(const char *text)
{
	cr_assert_eq(buf_length(&taken), strlen(text));
	cr_assert_arr_eq(buf_bytes(&taken), text, strlen(text));
}

static void assert_moments(const struct moment *wanted, size_t count)
{
	cr_assert_eq(moments_count, count);
	for (size_t i = 0; i < count; i++) {
		cr_assert_eq(moments[i].who, wanted[i].who, "moment %zu", i);
		cr_assert_eq(moments[i].channel, wanted[i].channel, "moment %zu", i);
		cr_assert_eq(moments[i].n, wanted[i].n, "moment %zu", i);
	}
}

/* --- before the first keys ------------------------------------------------------------------- */

Test(ssh_packets, the_identification_lines_pass_as_they_are_in_pieces)
{
	static const char line[] = "SSH-2.0-client with words\r\n";
	char got[64];

	begin(&plain);
	cr_assert_eq(advance(), SSH_PACKETS_HUNGRY);
	for (size_t i = 0; i < strlen(line); i++) {
		cr_assert(packets_client_write(&peers, (const uint8_t *)line + i, 1));
		cr_assert_eq(advance(), SSH_PACKETS_HANDED);
		cr_assert_eq(recv(peers.library_fd, got, sizeof(got), 0), 1);
		cr_assert_eq(got[0], line[i]);
	}
	for (size_t i = 0; i < strlen(line); i++) {
		cr_assert_eq(ssh_socket_unsent(), 0, "a line goes out as one");
		cr_assert(packets_library_write(&peers, (const uint8_t *)line + i, 1));
	}
	ssh_socket_flush();
	cr_assert_eq(read(peers.client_fd, got, sizeof(got)), (ssize_t)strlen(line));
	cr_assert_arr_eq(got, line, strlen(line));
	pass_in(PAYLOAD(IGNORE, U32(0)));
	pass_out(PAYLOAD(IGNORE, U32(0)));
	end();
}

Test(ssh_packets, a_packet_behind_the_line_waits_for_it)
{
	static const char line[] = "SSH-2.0-client\r\n";
	uint8_t bytes[128];
	char got[128];
	size_t n = strlen(line);

	begin(&plain);
	memcpy(bytes, line, n);
	n += packets_seal(&peers.client, PAYLOAD(IGNORE, U32(0)), bytes + n);
	cr_assert(packets_client_write(&peers, bytes, n));
	cr_assert_eq(advance(), SSH_PACKETS_HANDED);
	cr_assert_eq(recv(peers.library_fd, got, sizeof(got), 0), (ssize_t)strlen(line));
	cr_assert_eq(advance(), SSH_PACKETS_HANDED);
	assert_library_gets(PAYLOAD(IGNORE, U32(0)));
	end();
}

Test(ssh_packets, packets_in_the_clear_pass_and_are_counted)
{
	const struct ssh_packets *packets = &peers.packets;

	begin(&plain);
	identify();
	for (uint32_t i = 1; i <= 5; i++) {
		pass_in(PAYLOAD(IGNORE, U32(0)));
		cr_assert_eq(packets->in.wire_sequence, i);
		cr_assert_eq(packets->in.inner_sequence, i);
		cr_assert_eq(packets->handed, i - 1);
	}
	pass_kexinit_in();
	pass_kexinit_out();
	pass_in(PAYLOAD(KEX_INIT, U32(1), 'x'));
	pass_out(PAYLOAD(KEX_REPLY, U32(1), 'y'));
	cr_assert_eq(packets->in.wire_sequence, 7);
	cr_assert_eq(packets->out.wire_sequence, 2);
	cr_assert_eq(packets->out.inner_sequence, 2);
	cr_assert(ssh_offer_is_read(&packets->in.offer) && ssh_offer_is_read(&packets->out.offer));
	end();
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
		begin(&plain);
		identify();
		cr_assert(packets_client_write(&peers, rows[i].bytes, 5));
		cr_assert(packets_client_write(&peers, rows[i].bytes + 5, 7));
		/* An empty length leaves bytes behind it, which are none of its. */
		cr_assert_eq(advance(), rows[i].state, "row %zu", i);
		cr_assert_eq(ssh_socket_handed(), 0, "row %zu", i);
		end();
	}
}

/* --- keys ------------------------------------------------------------------------------------ */

static void change_one_direction_after_the_other(const struct packets_setting *setting)
{
	const struct ssh_packets *packets = &peers.packets;
	const bool strict = setting->strict_client && setting->strict_server;

	begin(setting);
	identify();
	pass_kexinit_in();
	pass_kexinit_out();
	pass_newkeys_out();
	cr_assert_eq(packets->strict, strict);
	cr_assert_eq(packets->out.wire_sequence, strict ? 0 : 2);
	cr_assert_eq(packets->out.inner_sequence, setting->strict_client ? 0 : 2);
	pass_out(PAYLOAD(EXT_INFO, U32(0)));
	pass_in(PAYLOAD(KEX_INIT, U32(1), 'x')); /* still in the clear */
	pass_newkeys_in();
	cr_assert_eq(packets->in.wire_sequence, strict ? 0 : 3);
	cr_assert_eq(packets->in.inner_sequence, setting->strict_client ? 0 : 3);
	for (uint8_t i = 0; i < 3; i++) {
		pass_in(PAYLOAD(SERVICE_REQUEST, U32(1), i));
		pass_out(PAYLOAD(IGNORE, U32(1), i));
	}
	assert_nobody_gets_more();
	cr_assert_str_eq(packets->in.cipher, setting->cipher);
	cr_assert_str_eq(packets->out.mac, setting->mac);
}

Test(ssh_packets, keys_change_at_newkeys_in_each_direction_by_itself)
{
	for_each_setting(change_one_direction_after_the_other);
}

static void change_the_input_first(const struct packets_setting *setting)
{
	begin_served(setting);
	for (int round = 0; round < 3; round++) {
		pass_kexinit_out();
		pass_out(PAYLOAD(KEX_REPLY, U32(0)));
		pass_kexinit_in();
		cr_assert(packets_derive(&peers)); /* early, as a client's NEWKEYS may come behind ours */
		pass_newkeys_in();
		pass_in(PAYLOAD(IGNORE, U32(0)));
		pass_out(PAYLOAD(KEX_REPLY, U32(1), 'o')); /* under the old keys */
		pass_out(PAYLOAD(NEWKEYS));
		packets_switch_out(&peers);
		pass_out(PAYLOAD(IGNORE, U32(0)));
		pass_in(PAYLOAD(IGNORE, U32(0)));
	}
	assert_nobody_gets_more();
}

Test(ssh_packets, either_direction_may_be_the_first_to_change)
{
	for_each_setting(change_the_input_first);
}

static void count_both_sides(const struct packets_setting *setting)
{
	const struct ssh_packets *packets = &peers.packets;
	uint32_t in_before;
	uint32_t out_before;

	begin_served(setting);
	in_before = packets->in.inner_sequence;
	out_before = packets->out.inner_sequence;
	for (int i = 0; i < 10; i++) {
		client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(2), 'a', 'b'));
		cr_assert_eq(advance(), SSH_PACKETS_HUNGRY);
		cr_assert(ssh_packets_send_data(&peers.packets, CHANNEL, (const uint8_t *)"cd", 2));
		assert_client_gets(PAYLOAD(DATA, U32(CHANNEL), U32(2), 'c', 'd'));
	}
	cr_assert_eq(packets->in.inner_sequence, in_before, "libssh never saw them");
	cr_assert_eq(packets->out.inner_sequence, out_before);
	cr_assert_eq(packets->in.wire_sequence, peers.client.sent);
	cr_assert_eq(packets->out.wire_sequence, peers.client.received);
	pass_in(PAYLOAD(REQUEST, U32(CHANNEL)));
	pass_out(PAYLOAD(REQUEST, U32(CHANNEL)));
	cr_assert_eq(packets->in.inner_sequence, in_before + 1);
	cr_assert_eq(packets->out.inner_sequence, out_before + 1);
	cr_assert_eq(packets->in.wire_sequence, peers.client.sent);
}

Test(ssh_packets, packets_of_either_side_are_counted_apart)
{
	for_each_setting(count_both_sides);
}

/* libssh goes by the mark in any KEXINIT, both sides of the wire by that of the first alone. */
Test(ssh_packets, a_mark_of_strictness_that_comes_late_counts_for_libssh_only)
{
	uint8_t offer[1024];
	size_t n;

	begin_served(&unmarked);
	peers.setting.strict_client = true;
	n = packets_kexinit(&peers, true, offer);
	pass_in(offer, n);
	pass_kexinit_out();
	peers.setting.strict_server = false; /* as the peers shall count */
	pass_newkeys_out();
	pass_newkeys_in();
	cr_assert_not(peers.packets.strict);
	cr_assert(peers.packets.strict_inner);
	cr_assert_gt(peers.packets.in.wire_sequence, 0);
	cr_assert_eq(peers.packets.in.inner_sequence, 0);
	pass_in(PAYLOAD(IGNORE, U32(0)));
	pass_out(PAYLOAD(IGNORE, U32(0)));
	end();
}

Test(ssh_packets, the_sequence_number_wraps)
{
	begin_served(&plain);
	peers.packets.in.wire_sequence = peers.client.sent = 0xffffffff;
	peers.packets.out.wire_sequence = peers.client.received = 0xffffffff;
	for (int i = 0; i < 3; i++) {
		client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(0)));
		cr_assert_eq(advance(), SSH_PACKETS_HUNGRY);
		cr_assert(ssh_packets_send_window(&peers.packets, CHANNEL, 1));
		assert_client_gets(PAYLOAD(ADJUST, U32(CHANNEL), U32(1)));
	}
	cr_assert_eq(peers.packets.in.wire_sequence, 2);
	end();
}

static void renew_keys_again_and_again(const struct packets_setting *setting)
{
	begin_served(setting);
	for (uint8_t round = 0; round < 5; round++) {
		client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'));
		cr_assert_eq(advance(), SSH_PACKETS_HUNGRY);
		cr_assert(ssh_packets_send_data(&peers.packets, CHANNEL, &round, 1));
		assert_client_gets(PAYLOAD(DATA, U32(CHANNEL), U32(1), round));
		if (round == 2)
			ssh_packets_forget_offers(&peers.packets);
		exchange();
		pass_out(PAYLOAD(IGNORE, U32(1), round));
	}
	assert_taken("aaaaa");
	cr_assert_eq(peers.exchanges, 6);
}

Test(ssh_packets, keys_are_renewed_again_and_again)
{
	for_each_setting(renew_keys_again_and_again);
}

/* asyncssh does so, against RFC 4253 7.1; it costs nothing to take it. */
static void take_data_in_the_middle_of_an_exchange(const struct packets_setting *setting)
{
	begin_served(setting);
	pass_kexinit_in();
	client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'));
	cr_assert_eq(advance(), SSH_PACKETS_HUNGRY);
	pass_kexinit_out();
	client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'b'));
	pass_in(PAYLOAD(KEX_INIT, U32(0)));
	pass_newkeys_out();
	client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'c'));
	cr_assert_eq(advance(), SSH_PACKETS_HUNGRY);
	assert_taken("abc");
	pass_newkeys_in();
	client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'd'));
	cr_assert_eq(advance(), SSH_PACKETS_HUNGRY);
	assert_taken("abcd");
}

Test(ssh_packets, data_of_the_client_under_the_old_keys_is_taken_until_its_newkeys)
{
	for_each_setting(take_data_in_the_middle_of_an_exchange);
}

static void send_no_data_in_the_middle_of_an_exchange(const struct packets_setting *setting)
{
	begin(setting);
	identify();
	cr_assert_not(ssh_packets_take_data(&peers.packets));
	exchange();
	cr_assert_not(ssh_packets_take_data(&peers.packets), "nobody has logged in");
	ssh_packets_serve(&peers.packets);
	cr_assert(ssh_packets_take_data(&peers.packets));
	pass_kexinit_in();
	cr_assert(ssh_packets_take_data(&peers.packets), "our side may until it has said KEXINIT itself");
	cr_assert(ssh_packets_send_data(&peers.packets, CHANNEL, (const uint8_t *)"o", 1));
	assert_client_gets(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'o'));
	pass_kexinit_out();
	cr_assert_not(ssh_packets_take_data(&peers.packets));
	pass_out(PAYLOAD(KEX_REPLY, U32(0)));
	cr_assert_not(ssh_packets_take_data(&peers.packets));
	pass_newkeys_out();
	cr_assert(ssh_packets_take_data(&peers.packets));
	cr_assert(ssh_packets_send_data(&peers.packets, CHANNEL, (const uint8_t *)"n", 1));
	assert_client_gets(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'n'));
	pass_out(PAYLOAD(IGNORE, U32(0)));
	pass_newkeys_in();
	pass_in(PAYLOAD(IGNORE, U32(0)));
}

Test(ssh_packets, no_data_is_sent_between_our_kexinit_and_our_newkeys)
{
	for_each_setting(send_no_data_in_the_middle_of_an_exchange);
}

Test(ssh_packets, the_offers_are_kept_while_an_exchange_runs)
{
	begin_served(&plain);
	pass_kexinit_in();
	ssh_packets_forget_offers(&peers.packets);
	pass_kexinit_out();
	ssh_packets_forget_offers(&peers.packets);
	pass_newkeys_out();
	ssh_packets_forget_offers(&peers.packets);
	cr_assert(ssh_offer_is_read(&peers.packets.in.offer));
	pass_newkeys_in();
	ssh_packets_forget_offers(&peers.packets);
	cr_assert_not(ssh_offer_is_read(&peers.packets.in.offer));
	cr_assert_not(ssh_offer_is_read(&peers.packets.out.offer));
	pass_in(PAYLOAD(IGNORE, U32(0)));
	end();
}

/* --- key exchanges that are none ------------------------------------------------------------- */

/* The client's next packet ends it, and so does whatever comes afterwards. */
static void assert_refused(const uint8_t *payload, size_t n)
{
	client_sends(payload, n);
	cr_assert_eq(advance(), SSH_PACKETS_BROKEN, "%s", peers.setting.cipher);
	cr_assert_eq(ssh_socket_handed(), 0);
	cr_assert_eq(advance(), SSH_PACKETS_BROKEN);
	cr_assert(packets_client_send(&peers, PAYLOAD(IGNORE, U32(0))));
	cr_assert_eq(advance(), SSH_PACKETS_BROKEN, "broken stays broken");
	cr_assert_eq(ssh_socket_handed(), 0);
}

static void begin_identified(const struct packets_setting *setting)
{
	begin(setting);
	identify();
}

static void refuse_newkeys_without_kexinit(const struct packets_setting *setting)
{
	void (*const beginnings[])(const struct packets_setting *) = { begin_identified, begin_served };

	for (size_t i = 0; i < 2; i++) {
		if (i > 0)
			end();
		beginnings[i](setting);
		assert_refused(PAYLOAD(NEWKEYS));
		end();
		beginnings[i](setting);
		pass_kexinit_out();
		assert_refused(PAYLOAD(NEWKEYS));
	}
}

Test(ssh_packets, newkeys_without_kexinit_ends_it)
{
	for_each_setting(refuse_newkeys_without_kexinit);
}

Test(ssh_packets, newkeys_before_our_kexinit_ends_it)
{
	begin_identified(&plain);
	pass_kexinit_in();
	assert_refused(PAYLOAD(NEWKEYS));
	end();
}

static void refuse_newkeys_twice(const struct packets_setting *setting)
{
	begin_served(setting);
	pass_kexinit_in();
	pass_kexinit_out();
	pass_newkeys_out();
	pass_newkeys_in();
	assert_refused(PAYLOAD(NEWKEYS));
	end();
	/* Under the old keys, too. */
	begin_served(setting);
	pass_kexinit_in();
	pass_kexinit_out();
	pass_newkeys_out();
	pass_in(PAYLOAD(NEWKEYS));
	assert_refused(PAYLOAD(NEWKEYS));
}

Test(ssh_packets, newkeys_twice_ends_it)
{
	for_each_setting(refuse_newkeys_twice);
}

static void refuse_packets_before_keys_are_there(const struct packets_setting *setting)
{
	begin_identified(setting);
	pass_kexinit_in();
	pass_kexinit_out();
	pass_in(PAYLOAD(NEWKEYS));
	assert_refused(PAYLOAD(IGNORE, U32(0)));
	end();
	begin_served(setting);
	pass_kexinit_in();
	pass_kexinit_out();
	pass_in(PAYLOAD(NEWKEYS));
	assert_refused(PAYLOAD(IGNORE, U32(0)));
}

Test(ssh_packets, packets_behind_newkeys_before_keys_were_derived_end_it)
{
	for_each_setting(refuse_packets_before_keys_are_there);
}

Test(ssh_packets, an_offer_that_cannot_be_read_or_agreed_on_ends_it)
{
	struct packets_setting other = plain;

	begin_identified(&plain);
	assert_refused(PAYLOAD(KEXINIT, 0, 0, 0, 0));
	end();
	begin_served(&plain);
	assert_refused(PAYLOAD(KEXINIT, 0, 0, 0, 0));
	end();
	begin_identified(&plain);
	pass_kexinit_in();
	other.cipher = "aes128-ctr";
	peers.setting = other;
	pass_kexinit_out();
	assert_refused(PAYLOAD(NEWKEYS));
	end();
}

/* --- channels and libssh --------------------------------------------------------------------- */

static void pass_data_by_only_after_the_login(const struct packets_setting *setting)
{
	begin(setting);
	identify();
	exchange();
	pass_in(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'));
	pass_in(PAYLOAD(EXTENDED, U32(CHANNEL), U32(1), U32(1), 'a'));
	pass_in(PAYLOAD(ADJUST, U32(CHANNEL), U32(1)));
	cr_assert_eq(buf_length(&taken), 0);
	ssh_packets_serve(&peers.packets);
	moments_count = 0;
	client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(2), 'b', 'c'));
	client_sends(PAYLOAD(EXTENDED, U32(CHANNEL), U32(1), U32(1), 'd'));
	client_sends(PAYLOAD(ADJUST, U32(CHANNEL), U32(9)));
	client_sends(PAYLOAD(DATA, 0xff, 0xff, 0xff, 0xff, U32(0)));
	cr_assert_eq(advance(), SSH_PACKETS_HUNGRY);
	assert_nobody_gets_more();
	assert_moments(
	    (const struct moment[]){ { OWNER_DATA, CHANNEL, 2 }, { OWNER_EXTENDED, CHANNEL, 1 },
	        { OWNER_WINDOW, CHANNEL, 9 }, { OWNER_DATA, 0xffffffff, 0 } },
	    4);
	assert_taken("bcd");
}

Test(ssh_packets, channel_data_goes_to_libssh_before_the_login_and_to_the_owner_after_it)
{
	for_each_setting(pass_data_by_only_after_the_login);
}

static void keep_the_order(const struct packets_setting *setting)
{
	begin_served(setting);
	client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'));
	client_sends(PAYLOAD(REQUEST, U32(CHANNEL)));
	client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'b'));
	client_sends(PAYLOAD(ADJUST, U32(CHANNEL), U32(5)));
	client_sends(PAYLOAD(IGNORE, U32(0)));
	client_sends(PAYLOAD(IGNORE, U32(1), 'x'));
	client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'c'));
	cr_assert_eq(advance(), SSH_PACKETS_HANDED);
	cr_assert_eq(advance(), SSH_PACKETS_HANDED, "nothing overtakes");
	assert_library_gets(PAYLOAD(REQUEST, U32(CHANNEL)));
	cr_assert_eq(advance(), SSH_PACKETS_HANDED);
	assert_library_gets(PAYLOAD(IGNORE, U32(0)));
	cr_assert_eq(advance(), SSH_PACKETS_HANDED);
	assert_library_gets(PAYLOAD(IGNORE, U32(1), 'x'));
	cr_assert_eq(advance(), SSH_PACKETS_HUNGRY);
	assert_moments(
	    (const struct moment[]){ { OWNER_DATA, CHANNEL, 1 }, { LIBRARY, 0, REQUEST },
	        { OWNER_DATA, CHANNEL, 1 }, { OWNER_WINDOW, CHANNEL, 5 }, { LIBRARY, 0, IGNORE },
	        { LIBRARY, 0, IGNORE }, { OWNER_DATA, CHANNEL, 1 } },
	    7);
}

Test(ssh_packets, data_and_other_packets_keep_their_order)
{
	for_each_setting(keep_the_order);
}

Test(ssh_packets, libssh_is_handed_one_packet_at_a_time)
{
	uint8_t first[64];
	size_t handed;

	begin_served(&plain);
	for (int i = 0; i < 3; i++)
		client_sends(PAYLOAD(REQUEST, U32(CHANNEL)));
	cr_assert_eq(advance(), SSH_PACKETS_HANDED);
	handed = ssh_socket_handed();
	cr_assert_gt(handed, 4);
	cr_assert_eq(peers.packets.handed, peers.client.sent - 3);
	cr_assert_eq(advance(), SSH_PACKETS_HANDED);
	cr_assert_eq(ssh_socket_handed(), handed);
	cr_assert_eq(recv(peers.library_fd, first, 4, 0), 4);
	cr_assert_eq(advance(), SSH_PACKETS_HANDED, "it has only begun to read");
	cr_assert_eq(ssh_socket_handed(), handed - 4);
	cr_assert(buf_append(&peers.library.in, first, 4));
	assert_library_gets(PAYLOAD(REQUEST, U32(CHANNEL)));
	cr_assert_eq(peers.packets.handed, peers.client.sent - 3);
	cr_assert_eq(advance(), SSH_PACKETS_HANDED);
	cr_assert_eq(peers.packets.handed, peers.client.sent - 2);
	end();
}

Test(ssh_packets, every_other_type_is_libsshs)
{
	begin_served(&plain);
	for (unsigned type = 0; type < 256; type++) {
		const uint8_t payload[] = { (uint8_t)type, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

		if (type == KEXINIT || type == NEWKEYS || (type >= ADJUST && type <= EXTENDED))
			continue;
		pass_in(payload, sizeof(payload));
		pass_in(payload, 1);
		/* What libssh says goes out as it is, these included. */
		pass_out(payload, 1);
	}
	end();
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
		begin_served(&plain);
		assert_refused(rows[i].bytes, rows[i].n);
		cr_assert_eq(moments_count, 0, "row %zu", i);
		end();
	}
}

Test(ssh_packets, the_owner_ends_it)
{
	begin_served(&plain);
	refusing = true;
	assert_refused(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'));
	cr_assert_eq(moments_count, 1);
	end();
	begin_served(&plain);
	refusing = true;
	assert_refused(PAYLOAD(ADJUST, U32(CHANNEL), U32(1)));
	cr_assert_eq(moments_count, 1);
	end();
	begin_served(&plain);
	refusing = true;
	packets_library_send(&peers, PAYLOAD(CONFIRMATION, U32(1), U32(2), U32(3), U32(4)));
	cr_assert_eq(advance(), SSH_PACKETS_BROKEN);
	cr_assert_eq(ssh_socket_unsent(), 0);
	end();
}

static void pause_and_go_on(const struct packets_setting *setting)
{
	char expected[21] = "";

	begin_served(setting);
	patience = 3;
	for (char letter = 'a'; letter < 'a' + 10; letter++) {
		client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), (uint8_t)letter));
		client_sends(PAYLOAD(IGNORE, U32(1), (uint8_t)letter));
		snprintf(expected + strlen(expected), 2, "%c", letter);
	}
	while (buf_length(&taken) < 10) {
		enum ssh_packets_state state = advance();

		if (state == SSH_PACKETS_HANDED) {
			assert_library_gets(PAYLOAD(IGNORE, U32(1),
			    (uint8_t)('a' + (int)buf_length(&taken) - 1)));
			continue;
		}
		cr_assert_eq(state, SSH_PACKETS_PAUSED);
		cr_assert_eq(buf_length(&taken) % 3, 0);
		cr_assert_eq(advance(), SSH_PACKETS_PAUSED);
		patience = 3;
	}
	assert_taken(expected);
	cr_assert_eq(advance(), SSH_PACKETS_HUNGRY);
	ready = false;
	client_sends(PAYLOAD(IGNORE, U32(1), 'z'));
	cr_assert_eq(advance(), SSH_PACKETS_PAUSED);
	ready = true;
	cr_assert_eq(advance(), SSH_PACKETS_HANDED);
	assert_library_gets(PAYLOAD(IGNORE, U32(1), 'z'));
}

Test(ssh_packets, nothing_is_lost_while_the_owner_is_not_ready)
{
	for_each_setting(pause_and_go_on);
}

Test(ssh_packets, logins_are_counted_and_those_with_a_nul_end_it)
{
	begin(&plain);
	identify();
	exchange();
	for (unsigned i = 1; i <= 3; i++) {
		pass_in(PAYLOAD(USERAUTH_REQUEST, U32(1), 'a', U32(1), 's', U32(1), 'm'));
		cr_assert_eq(peers.packets.login_requests, i);
	}
	pass_in(PAYLOAD(IGNORE, U32(1), 0));
	assert_refused(PAYLOAD(USERAUTH_REQUEST, U32(2), 'a', 0, U32(1), 's', U32(1), 'm'));
	cr_assert_eq(peers.packets.login_requests, 3);
	end();
}

/* --- what is changed on its way --------------------------------------------------------------- */

static void assert_opening(uint32_t theirs, uint32_t window, uint32_t packet_max)
{
	cr_assert_eq(peers.packets.opening.theirs, theirs);
	cr_assert_eq(peers.packets.opening.window, window);
	cr_assert_eq(peers.packets.opening.packet_max, packet_max);
}

Test(ssh_packets, what_a_channel_is_opened_with_is_noted)
{
	begin_served(&plain);
	pass_in(PAYLOAD(OPEN, U32(3), 'a', 'b', 'c', U32(4), 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xff));
	assert_opening(4, 0x10000, 0xffffffff);
	pass_in(PAYLOAD(OPEN, U32(0), U32(5), U32(6), U32(7), 'm', 'o', 'r', 'e'));
	assert_opening(5, 6, 7);
	pass_in(PAYLOAD(IGNORE, U32(0)));
	assert_opening(0, 0, 0);
	pass_in(PAYLOAD(OPEN, U32(0), U32(5), U32(6), U32(7)));
	assert_opening(5, 6, 7);
	/* libssh would leave this one without an answer. */
	client_sends(PAYLOAD(OPEN, U32(0), U32(5), U32(6), U32(0)));
	cr_assert_eq(advance(), SSH_PACKETS_HANDED);
	assert_library_gets(PAYLOAD(OPEN, U32(0), U32(5), U32(6), U32(1)));
	assert_opening(5, 6, 0);
	/* Lengths that lie. */
	pass_in(PAYLOAD(OPEN));
	assert_opening(0, 0, 0);
	pass_in(PAYLOAD(OPEN, 0, 0, 0));
	assert_opening(0, 0, 0);
	pass_in(PAYLOAD(OPEN, U32(0), U32(5), U32(6), 0, 0, 0));
	assert_opening(0, 0, 0);
	pass_in(PAYLOAD(OPEN, U32(1), U32(5), U32(6), U32(7)));
	assert_opening(0, 0, 0);
	pass_in(PAYLOAD(OPEN, 0xff, 0xff, 0xff, 0xff, U32(5), U32(6), U32(7)));
	assert_opening(0, 0, 0);
	pass_in(PAYLOAD(OPEN, 0xff, 0xff, 0xff, 0xf4, U32(5), U32(6), U32(7)));
	assert_opening(0, 0, 0);
	end();
}

static void rewrite_a_confirmation(const struct packets_setting *setting)
{
	begin_served(setting);
	cr_assert(packets_library_send(&peers, PAYLOAD(CONFIRMATION, U32(1), U32(2), U32(3), U32(4), 'x')));
	assert_client_gets(PAYLOAD(
	    CONFIRMATION, U32(1), U32(2), 0, 0x80, 0, 0, 0, 1, 0, 0, 'x'));
	cr_assert_eq(confirmed.theirs, 1);
	cr_assert_eq(confirmed.ours, 2);
	cr_assert_eq(confirmed.window, 3);
	cr_assert_eq(confirmed.packet_max, 4);
	pass_out(PAYLOAD(CONFIRMATION, U32(1), U32(2), U32(3), 0, 0, 0)); /* none */
}

Test(ssh_packets, a_confirmation_tells_the_owners_window)
{
	for_each_setting(rewrite_a_confirmation);
}

static void number_the_unimplemented(const struct packets_setting *setting)
{
	const uint8_t strange[] = { 192, 1, 2, 3 };
	uint32_t number;

	begin_served(setting);
	for (int i = 0; i < 10; i++)
		client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'));
	client_sends(strange, sizeof(strange));
	number = peers.client.sent - 1;
	client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'));
	cr_assert_eq(advance(), SSH_PACKETS_HANDED);
	assert_library_gets(strange, sizeof(strange));
	cr_assert(packets_library_send(&peers, PAYLOAD(UNIMPLEMENTED, U32(200))));
	cr_assert_lt(number, 256);
	assert_client_gets(PAYLOAD(UNIMPLEMENTED, U32((uint8_t)number)));
	cr_assert_eq(advance(), SSH_PACKETS_HUNGRY);
	pass_out(PAYLOAD(UNIMPLEMENTED, 0, 0, 0)); /* none */
}

Test(ssh_packets, unimplemented_carries_the_number_that_the_client_counted)
{
	for_each_setting(number_the_unimplemented);
}

/* --- worn keys ------------------------------------------------------------------------------- */

static void drop_all_of_the_clients(void)
{
	const uint8_t *got;
	size_t n;

	while (packets_client_read(&peers, &got, &n) == PACKETS_ONE)
		continue;
}

/* Bytes of data that it took. */
static uint64_t send_until_worn(bool from_client)
{
	const uint8_t bytes[] = { 'd', 'a', 't', 'a' };
	uint64_t sent = 0;

	while (!ssh_packets_want_rekey(&peers.packets)) {
		if (from_client)
			client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(4), 'd', 'a', 't', 'a'));
		else
			cr_assert(ssh_packets_send_data(&peers.packets, CHANNEL, bytes, sizeof(bytes)));
		sent += sizeof(bytes);
		cr_assert_lt(sent, 10000);
		cr_assert_eq(advance(), SSH_PACKETS_HUNGRY);
		drop_all_of_the_clients();
	}
	return sent;
}

static void wear_keys(const struct packets_setting *setting)
{
	begin_served(setting);
	cr_assert_not(ssh_packets_want_rekey(&peers.packets));
	peers.packets.rekey_bytes = 2000;
	for (int round = 0; round < 4; round++) {
		cr_assert_gt(send_until_worn(round % 2 == 0), 50);
		pass_kexinit_out();
		cr_assert_not(ssh_packets_want_rekey(&peers.packets), "one is under way");
		pass_kexinit_in();
		cr_assert_not(ssh_packets_want_rekey(&peers.packets));
		pass_newkeys_out();
		cr_assert_not(ssh_packets_want_rekey(&peers.packets));
		pass_newkeys_in();
		cr_assert_not(ssh_packets_want_rekey(&peers.packets), "the new ones are not used yet");
		pass_in(PAYLOAD(IGNORE, U32(0)));
		pass_out(PAYLOAD(IGNORE, U32(0)));
		cr_assert_not(ssh_packets_want_rekey(&peers.packets));
	}
	peers.packets.rekey_bytes = 0;
	peers.packets.in.bytes = peers.packets.out.bytes = UINT64_MAX / 2;
	cr_assert_not(ssh_packets_want_rekey(&peers.packets), "only as often as the cipher needs");
	peers.packets.out.packets = (1ull << 31) + 1;
	cr_assert(ssh_packets_want_rekey(&peers.packets), "RFC 4344 3.1");
}

Test(ssh_packets, new_keys_are_wanted_after_so_many_bytes_or_packets)
{
	for_each_setting(wear_keys);
}

Test(ssh_packets, no_new_keys_are_wanted_before_the_login)
{
	begin(&plain);
	identify();
	peers.packets.rekey_bytes = 1;
	cr_assert_not(ssh_packets_want_rekey(&peers.packets));
	exchange();
	pass_in(PAYLOAD(IGNORE, U32(0)));
	cr_assert_not(ssh_packets_want_rekey(&peers.packets));
	ssh_packets_serve(&peers.packets);
	cr_assert(ssh_packets_want_rekey(&peers.packets));
	end();
}

/* --- bytes that were changed, and pieces ------------------------------------------------------ */

/* The client's next packet with one bit of it changed, at the end of the stream so that a longer one never comes. */
static enum ssh_packets_state send_damaged(const uint8_t *payload, size_t n, size_t bit, size_t *bits_out)
{
	uint8_t packet[256];
	size_t total = packets_seal(&peers.client, payload, n, packet);

	cr_assert_leq(total, sizeof(packet));
	*bits_out = total * 8;
	packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
	cr_assert(packets_client_write(&peers, packet, total));
	return advance();
}

/* More of the stream, for a packet whose length was made larger. */
static enum ssh_packets_state send_more(void)
{
	static uint8_t more[SSH_CIPHER_PACKET_MAX + SSH_CIPHER_OVERHEAD_MAX];
	enum ssh_packets_state state = SSH_PACKETS_HUNGRY;

	for (size_t at = 0; at < sizeof(more) && state == SSH_PACKETS_HUNGRY; at += 1u << 15) {
		size_t n = sizeof(more) - at;

		cr_assert(packets_client_write(&peers, more + at, n < 1u << 15 ? n : 1u << 15));
		state = advance();
	}
	return state;
}

static void flip_every_bit(const struct packets_setting *setting)
{
	size_t bits = 1;

	for (size_t bit = 0; bit < bits; bit++) {
		enum ssh_packets_state state;

		if (bit > 0)
			end();
		begin_served(setting);
		state = send_damaged(PAYLOAD(DATA, U32(CHANNEL), U32(3), 'a', 'b', 'c'), bit, &bits);
		if (state == SSH_PACKETS_HUNGRY)
			state = send_more();
		cr_assert_eq(state, SSH_PACKETS_BROKEN, "%s %s: bit %zu", setting->cipher, setting->mac, bit);
		cr_assert_eq(moments_count, 0);
		cr_assert_eq(ssh_socket_handed(), 0);
		cr_assert_eq(advance(), SSH_PACKETS_BROKEN);
		/* The client may still be told why. */
		pass_out(PAYLOAD(1, U32(2), U32(0), U32(0)));
	}
	cr_assert_gt(bits, 200);
}

Test(ssh_packets, a_bit_that_was_changed_anywhere_ends_it_and_it_stays_ended, .timeout = 300)
{
	for_each_setting(flip_every_bit);
}

static void send_a_packet_again(const struct packets_setting *setting)
{
	uint8_t packet[256];
	size_t total;

	begin_served(setting);
	total = packets_seal(&peers.client, PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'), packet);
	cr_assert(packets_client_write(&peers, packet, total));
	cr_assert_eq(advance(), SSH_PACKETS_HUNGRY);
	cr_assert(packets_client_write(&peers, packet, total));
	if (advance() == SSH_PACKETS_HUNGRY)
		cr_assert_eq(send_more(), SSH_PACKETS_BROKEN);
	assert_taken("a");
}

Test(ssh_packets, a_packet_that_comes_again_ends_it)
{
	for_each_setting(send_a_packet_again);
}

static void leave_a_packet_out(const struct packets_setting *setting)
{
	uint8_t packet[256];

	begin_served(setting);
	packets_seal(&peers.client, PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'), packet);
	client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'b'));
	if (advance() == SSH_PACKETS_HUNGRY)
		cr_assert_eq(send_more(), SSH_PACKETS_BROKEN);
	assert_taken("");
}

Test(ssh_packets, a_packet_that_is_left_out_ends_it)
{
	for_each_setting(leave_a_packet_out);
}

static void split_everywhere(const struct packets_setting *setting)
{
	uint8_t packets[512];
	size_t first;
	size_t total = 1;

	begin_served(setting);
	for (size_t split = 0; split <= total; split++) {
		buf_reset(&taken);
		first = packets_seal(&peers.client, PAYLOAD(DATA, U32(CHANNEL), U32(3), 'a', 'b', 'c'), packets);
		total = first +
		        packets_seal(&peers.client, PAYLOAD(DATA, U32(CHANNEL), U32(1), 'd'), packets + first);
		cr_assert(packets_client_write(&peers, packets, split));
		cr_assert_eq(advance(), SSH_PACKETS_HUNGRY, "%s %s: at %zu", setting->cipher, setting->mac,
		    split);
		assert_taken(split < first ? "" : split < total ? "abc" : "abcd");
		cr_assert(packets_client_write(&peers, packets + split, total - split));
		cr_assert_eq(advance(), SSH_PACKETS_HUNGRY);
		assert_taken("abcd");
	}
	/* Byte by byte. */
	buf_reset(&taken);
	total = packets_seal(&peers.client, PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'), packets);
	for (size_t i = 0; i < total; i++) {
		assert_taken("");
		cr_assert(packets_client_write(&peers, packets + i, 1));
		cr_assert_eq(advance(), SSH_PACKETS_HUNGRY);
	}
	assert_taken("a");
}

Test(ssh_packets, a_packet_that_is_split_anywhere_arrives_whole)
{
	for_each_setting(split_everywhere);
}

static void split_what_libssh_writes(const struct packets_setting *setting)
{
	uint8_t packets[512];
	size_t first;
	size_t total = 1;

	begin_served(setting);
	for (size_t split = 1; split < total || split == 1; split++) {
		first = packets_seal(&peers.library, PAYLOAD(EXT_INFO, U32(1), 'a'), packets);
		total = first + packets_seal(&peers.library, PAYLOAD(IGNORE, U32(2), 'b', 'c'), packets + first);
		cr_assert(packets_library_write(&peers, packets, split));
		if (split >= first)
			assert_client_gets(PAYLOAD(EXT_INFO, U32(1), 'a'));
		assert_nobody_gets_more();
		cr_assert(packets_library_write(&peers, packets + split, total - split));
		if (split < first)
			assert_client_gets(PAYLOAD(EXT_INFO, U32(1), 'a'));
		assert_client_gets(PAYLOAD(IGNORE, U32(2), 'b', 'c'));
		assert_nobody_gets_more();
	}
	cr_assert_gt(total, 60);
}

Test(ssh_packets, what_libssh_writes_in_pieces_goes_out_once_and_in_order)
{
	for_each_setting(split_what_libssh_writes);
}

/* From then on nothing goes out, neither libssh's nor ours. */
static void damage_what_libssh_writes(const struct packets_setting *setting)
{
	uint8_t packet[256];
	size_t total;

	begin_served(setting);
	total = packets_seal(&peers.library, PAYLOAD(EXT_INFO, U32(1), 'a'), packet);
	packet[total - 1] ^= 1;
	cr_assert(packets_library_write(&peers, packet, total));
	cr_assert_eq(advance(), SSH_PACKETS_BROKEN);
	cr_assert_not(ssh_packets_take_data(&peers.packets));
	cr_assert_not(ssh_packets_send_data(&peers.packets, CHANNEL, (const uint8_t *)"a", 1));
	cr_assert_not(ssh_packets_send_window(&peers.packets, CHANNEL, 1));
	packets_library_send(&peers, PAYLOAD(IGNORE, U32(0)));
	cr_assert_eq(ssh_socket_unsent(), 0);
	client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), 'a'));
	cr_assert_eq(advance(), SSH_PACKETS_BROKEN);
	assert_taken("");
}

Test(ssh_packets, a_damaged_packet_of_libsshs_ends_it_and_nothing_goes_out_any_more)
{
	for_each_setting(damage_what_libssh_writes);
}

Test(ssh_packets, key_exchanges_of_libssh_that_are_none_end_it)
{
	begin_identified(&plain);
	packets_library_send(&peers, PAYLOAD(NEWKEYS));
	cr_assert_eq(advance(), SSH_PACKETS_BROKEN);
	end();
	begin_served(&plain);
	packets_library_send(&peers, PAYLOAD(NEWKEYS));
	cr_assert_eq(advance(), SSH_PACKETS_BROKEN);
	cr_assert_eq(ssh_socket_unsent(), 0);
	end();
	/* NEWKEYS, and then no keys. */
	begin_served(&plain);
	pass_kexinit_in();
	pass_kexinit_out();
	pass_out(PAYLOAD(NEWKEYS));
	cr_assert_not(ssh_packets_send_data(&peers.packets, CHANNEL, (const uint8_t *)"a", 1));
	cr_assert_eq(advance(), SSH_PACKETS_BROKEN);
	end();
}

/* --- all of it -------------------------------------------------------------------------------- */

static void pass_large_packets(const struct packets_setting *setting)
{
	static const size_t sizes[] = { 1, 1000, 32768, 65536, 200000, SSH_CIPHER_PACKET_MAX - 1024 };
	uint8_t *payload = calloc(1, SSH_CIPHER_PACKET_MAX);

	begin_served(setting);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		payload[0] = IGNORE;
		pass_in(payload, sizes[i]);
		if (sizes[i] <= 65536)
			pass_out(payload, sizes[i]);
		payload[0] = DATA;
		if (sizes[i] < 1000)
			continue;
		for (unsigned byte = 0; byte < 4; byte++)
			payload[5 + byte] = (uint8_t)((sizes[i] - 9) >> (24 - 8 * byte));
		client_sends(payload, sizes[i]);
		cr_assert_eq(advance(), SSH_PACKETS_HUNGRY);
		cr_assert_eq(buf_length(&taken), sizes[i] - 9);
		buf_reset(&taken);
		memset(payload, 0, 9);
	}
	cr_assert(ssh_packets_send_data(&peers.packets, CHANNEL, payload, SSH_PACKETS_DATA_MAX));
	drop_all_of_the_clients();
	cr_assert_eq(buf_length(&peers.client.in), 0);
	free(payload);
}

Test(ssh_packets, packets_of_every_size_pass)
{
	for_each_setting(pass_large_packets);
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
		client_sends(PAYLOAD(DATA, U32(CHANNEL), U32(1), value));
		cr_assert_eq(advance(), SSH_PACKETS_HUNGRY);
		break;
	case 1:
		pass_in(PAYLOAD(IGNORE, U32(1), value));
		break;
	case 2:
		pass_out(PAYLOAD(IGNORE, U32(1), value));
		break;
	case 3:
		if (ssh_packets_take_data(&peers.packets)) {
			cr_assert(ssh_packets_send_data(&peers.packets, CHANNEL, block, value % sizeof(block)));
			drop_all_of_the_clients();
		}
		break;
	case 4:
		if (ssh_packets_take_data(&peers.packets)) {
			cr_assert(ssh_packets_send_window(&peers.packets, CHANNEL, value));
			assert_client_gets(PAYLOAD(ADJUST, U32(CHANNEL), U32(value)));
		}
		break;
	default:
		ssh_packets_forget_offers(&peers.packets);
		break;
	}
}

static void do_everything_at_random(const struct packets_setting *setting)
{
	void (*const steps[])(void) = { pass_kexinit_in, pass_kexinit_out, pass_newkeys_out,
		pass_newkeys_in };
	uint32_t random = 1;
	size_t step = 0;

	begin_served(setting);
	for (unsigned i = 0; i < 2000; i++) {
		uint32_t what = next_random(&random);

		if (what % 16 == 0)
			steps[step++ % 4]();
		else
			do_something(what / 16, (uint8_t)i);
	}
	cr_assert_gt(peers.exchanges, 10);
	assert_nobody_gets_more();
	cr_assert_eq(peers.packets.in.wire_sequence, peers.client.sent);
	cr_assert_eq(peers.packets.in.inner_sequence, peers.library.received);
	cr_assert_eq(peers.packets.out.wire_sequence, peers.client.received);
	cr_assert_eq(peers.packets.out.inner_sequence, peers.library.sent);
}

Test(ssh_packets, everything_in_any_order)
{
	for_each_setting(do_everything_at_random);
}
