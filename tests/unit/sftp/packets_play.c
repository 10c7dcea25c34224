#include "tests/unit/sftp/packets_play.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/sftp/ssh_socket.h"

struct packets_play play;
const struct packets_setting play_plain = { "aes256-ctr", "hmac-sha2-256", true, true };

/* --- the owner ------------------------------------------------------------------------------- */

static void note(enum who who, uint32_t channel, size_t n)
{
	if (play.moments_count < MOMENTS_MAX)
		play.moments[play.moments_count++] = (struct moment){ who, channel, (uint32_t)n };
}

static bool take_data(void *context, uint32_t channel, bool extended, const uint8_t *bytes, size_t n)
{
	cr_assert_eq(context, &play.peers);
	note(extended ? OWNER_EXTENDED : OWNER_DATA, channel, n);
	cr_assert(n == 0 || buf_append(&play.taken, bytes, n));
	if (play.patience > 0)
		play.patience--;
	return !play.refusing;
}

static bool take_window(void *context, uint32_t channel, uint32_t more)
{
	cr_assert_eq(context, &play.peers);
	note(OWNER_WINDOW, channel, more);
	return !play.refusing;
}

static bool take_confirmation(void *context, struct ssh_packets_opening *opening)
{
	cr_assert_eq(context, &play.peers);
	play.confirmed = *opening;
	opening->window = 0x00800000;
	opening->packet_max = 0x00010000;
	return !play.refusing;
}

static bool is_ready(void *context)
{
	cr_assert_eq(context, &play.peers);
	return play.ready && play.patience != 0;
}

/* --- the play -------------------------------------------------------------------------------- */

void play_begin(const struct packets_setting *setting)
{
	const struct ssh_packets_owner owner = {
		.context = &play.peers,
		.data = take_data,
		.window = take_window,
		.confirmed = take_confirmation,
		.ready = is_ready,
	};

	play.moments_count = 0;
	play.ready = true;
	play.patience = -1;
	play.refusing = false;
	buf_init(&play.taken, 16u << 20);
	cr_assert(packets_peers_open(&play.peers, setting, &owner));
}

void play_end(void)
{
	packets_peers_close(&play.peers);
	buf_clear(&play.taken);
}

enum ssh_packets_state play_advance(void)
{
	return ssh_packets_advance(&play.peers.packets);
}

void play_library_gets(const uint8_t *payload, size_t n)
{
	const uint8_t *got;
	size_t length;

	cr_assert_eq(packets_library_read(&play.peers, &got, &length), PACKETS_ONE, "%s %s",
	    play.peers.setting.cipher, play.peers.setting.mac);
	cr_assert_eq(length, n);
	cr_assert_arr_eq(got, payload, n);
	note(LIBRARY, 0, got[0]);
}

void play_client_gets(const uint8_t *payload, size_t n)
{
	const uint8_t *got;
	size_t length;

	cr_assert_eq(packets_client_read(&play.peers, &got, &length), PACKETS_ONE, "%s %s",
	    play.peers.setting.cipher, play.peers.setting.mac);
	cr_assert_eq(length, n);
	cr_assert_arr_eq(got, payload, n);
}

void play_nobody_gets_more(void)
{
	const uint8_t *got;
	size_t length;

	cr_assert_eq(packets_library_read(&play.peers, &got, &length), PACKETS_NONE);
	cr_assert_eq(buf_length(&play.peers.library.in), 0);
	cr_assert_eq(packets_client_read(&play.peers, &got, &length), PACKETS_NONE);
	cr_assert_eq(buf_length(&play.peers.client.in), 0);
}

void play_client_sends(const uint8_t *payload, size_t n)
{
	cr_assert(packets_client_send(&play.peers, payload, n));
}

void play_in(const uint8_t *payload, size_t n)
{
	play_client_sends(payload, n);
	cr_assert_eq(play_advance(), SSH_PACKETS_HANDED);
	play_library_gets(payload, n);
}

void play_out(const uint8_t *payload, size_t n)
{
	cr_assert(packets_library_send(&play.peers, payload, n));
	play_client_gets(payload, n);
}

void play_identify(void)
{
	static const char lines[] = "SSH-2.0-client\r\n";
	char got[32];

	cr_assert(packets_client_write(&play.peers, (const uint8_t *)lines, strlen(lines)));
	cr_assert_eq(play_advance(), SSH_PACKETS_HANDED);
	cr_assert_eq(recv(play.peers.library_fd, got, sizeof(got), 0), (ssize_t)strlen(lines));
	cr_assert(packets_library_write(&play.peers, (const uint8_t *)lines, strlen(lines)));
	ssh_socket_flush();
	cr_assert_eq(read(play.peers.client_fd, got, sizeof(got)), (ssize_t)strlen(lines));
}

void play_kexinit_in(void)
{
	uint8_t offer[1024];

	play_in(offer, packets_kexinit(&play.peers, true, offer));
}

void play_kexinit_out(void)
{
	uint8_t offer[1024];

	play_out(offer, packets_kexinit(&play.peers, false, offer));
}

void play_newkeys_out(void)
{
	play_out(PAYLOAD(NEWKEYS));
	cr_assert(packets_derive(&play.peers));
	packets_switch_out(&play.peers);
}

void play_newkeys_in(void)
{
	play_in(PAYLOAD(NEWKEYS));
	packets_switch_in(&play.peers);
}

void play_exchange(void)
{
	play_kexinit_in();
	play_kexinit_out();
	play_newkeys_out();
	play_newkeys_in();
}

void play_begin_identified(const struct packets_setting *setting)
{
	play_begin(setting);
	play_identify();
}

void play_begin_served(const struct packets_setting *setting)
{
	play_begin(setting);
	play_identify();
	play_exchange();
	ssh_packets_serve(&play.peers.packets);
	play.moments_count = 0;
}

void play_for_each_setting(void (*check)(const struct packets_setting *setting))
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
		play_end();
	}
}

void play_has_taken(const char *text)
{
	cr_assert_eq(buf_length(&play.taken), strlen(text));
	cr_assert_arr_eq(buf_bytes(&play.taken), text, strlen(text));
}

void play_had_moments(const struct moment *wanted, size_t count)
{
	cr_assert_eq(play.moments_count, count);
	for (size_t i = 0; i < count; i++) {
		cr_assert_eq(play.moments[i].who, wanted[i].who, "moment %zu", i);
		cr_assert_eq(play.moments[i].channel, wanted[i].channel, "moment %zu", i);
		cr_assert_eq(play.moments[i].n, wanted[i].n, "moment %zu", i);
	}
}

void play_drop_all_of_the_clients(void)
{
	const uint8_t *got;
	size_t n;

	while (packets_client_read(&play.peers, &got, &n) == PACKETS_ONE)
		continue;
}

bool play_is_told_late(const struct packets_setting *setting)
{
	return strstr(setting->cipher, "-cbc") != NULL && strstr(setting->mac, "-etm") == NULL;
}

enum ssh_packets_state play_send_more(void)
{
	static uint8_t more[SSH_CIPHER_PACKET_MAX + SSH_CIPHER_OVERHEAD_MAX];
	enum ssh_packets_state state = SSH_PACKETS_HUNGRY;

	for (size_t at = 0; at < sizeof(more) && state == SSH_PACKETS_HUNGRY; at += 1u << 15) {
		size_t n = sizeof(more) - at;

		cr_assert(packets_client_write(&play.peers, more + at, n < 1u << 15 ? n : 1u << 15));
		state = play_advance();
	}
	return state;
}

void play_is_refused(const uint8_t *payload, size_t n)
{
	enum ssh_packets_state state;

	play_client_sends(payload, n);
	state = play_advance();
	if (state == SSH_PACKETS_HUNGRY && play_is_told_late(&play.peers.setting))
		state = play_send_more();
	cr_assert_eq(state, SSH_PACKETS_BROKEN, "%s", play.peers.setting.cipher);
	cr_assert_eq(ssh_socket_handed(), 0);
	cr_assert_eq(play_advance(), SSH_PACKETS_BROKEN);
	cr_assert(packets_client_send(&play.peers, PAYLOAD(IGNORE, U32(0))));
	cr_assert_eq(play_advance(), SSH_PACKETS_BROKEN, "broken stays broken");
	cr_assert_eq(ssh_socket_handed(), 0);
}
