/*
 * A client and libssh that say anything: the first byte chooses ciphers, the second how far the session has come; then
 * records of what happens, one byte for the step, one for a length, and so many bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "server/sftp/ssh_socket.h"
#include "tests/unit/sftp/packets_peers.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static struct packets_peers peers;
static bool ready;

static bool take_data(void *context, uint32_t channel, bool extended, const uint8_t *bytes, size_t n)
{
	uint8_t sum = 0;

	(void)context;
	(void)extended;
	for (size_t i = 0; i < n; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return channel != 0xffffffff || sum != 0;
}

static bool take_window(void *context, uint32_t channel, uint32_t more)
{
	(void)context;
	return channel != 0xffffffff || more != 0;
}

static bool take_confirmation(void *context, struct ssh_packets_opening *opening)
{
	(void)context;
	opening->window = 1;
	return opening->theirs != 0xffffffff;
}

static bool is_ready(void *context)
{
	(void)context;
	return ready;
}

/* The input as far as it goes, with a libssh that reads all; what is broken stays so. */
static void advance(void)
{
	enum ssh_packets_state state;
	const uint8_t *payload;
	size_t n;

	do {
		state = ssh_packets_advance(&peers.packets);
		while (packets_library_read(&peers, &payload, &n) == PACKETS_ONE)
			continue;
		buf_reset(&peers.library.in);
	} while (state == SSH_PACKETS_HANDED);
	if (state == SSH_PACKETS_BROKEN && ssh_packets_advance(&peers.packets) != SSH_PACKETS_BROKEN)
		abort();
	while (packets_client_read(&peers, &payload, &n) == PACKETS_ONE)
		continue;
	buf_reset(&peers.client.in);
}

static void say_kexinit(bool of_client)
{
	uint8_t offer[1024];
	size_t n = packets_kexinit(&peers, of_client, offer);

	if (of_client)
		packets_client_send(&peers, offer, n);
	else
		packets_library_send(&peers, offer, n);
}

static void say_newkeys(bool of_client)
{
	const uint8_t newkeys = 21;

	if (of_client ? peers.client.next_seal == NULL : peers.library.next_seal == NULL)
		packets_derive(&peers);
	if (of_client) {
		packets_client_send(&peers, &newkeys, 1);
		advance();
		packets_switch_in(&peers);
	} else {
		packets_library_send(&peers, &newkeys, 1);
		advance();
		packets_switch_out(&peers);
	}
}

static void step(uint8_t what, const uint8_t *bytes, size_t n)
{
	switch (what % 12) {
	case 0:
		packets_client_write(&peers, bytes, n);
		break;
	case 1:
		if (n > 0)
			packets_client_send(&peers, bytes, n);
		break;
	case 2:
		packets_library_write(&peers, bytes, n);
		break;
	case 3:
		if (n > 0)
			packets_library_send(&peers, bytes, n);
		break;
	case 4:
	case 5:
		say_kexinit(what % 12 == 4);
		break;
	case 6:
	case 7:
		say_newkeys(what % 12 == 6);
		break;
	case 8:
		packets_derive(&peers);
		break;
	case 9:
		ready = !ready;
		break;
	case 10:
		ssh_packets_serve(&peers.packets);
		break;
	default:
		if (ssh_packets_take_data(&peers.packets))
			ssh_packets_send_data(&peers.packets, 1, bytes, n);
		break;
	}
	advance();
	ssh_packets_want_rekey(&peers.packets);
	ssh_packets_forget_offers(&peers.packets);
}

static void begin(uint8_t choice, uint8_t stage)
{
	static const struct packets_setting settings[] = {
		{ "aes128-gcm@openssh.com", "", true, true },
		{ "chacha20-poly1305@openssh.com", "", false, true },
		{ "aes256-ctr", "hmac-sha2-256", true, false },
		{ "aes128-ctr", "hmac-sha2-512-etm@openssh.com", true, true },
		{ "aes128-cbc", "hmac-sha1", false, false },
	};
	const struct ssh_packets_owner owner = {
		.data = take_data,
		.window = take_window,
		.confirmed = take_confirmation,
		.ready = is_ready,
	};
	const uint8_t beginning[] = { 4, 5, 7, 6, 10 };

	ready = true;
	if (!packets_peers_open(&peers, &settings[choice % 5], &owner))
		abort();
	if (stage % 4 == 0)
		return;
	packets_client_write(&peers, (const uint8_t *)"x\n", 2);
	packets_library_write(&peers, (const uint8_t *)"x\n", 2);
	advance();
	for (size_t i = 0; stage % 4 > 1 && i < sizeof(beginning) - (stage % 4 == 2); i++)
		step(beginning[i], NULL, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (length < 2)
		return 0;
	begin(bytes[0], bytes[1]);
	for (size_t at = 2; at + 2 <= length;) {
		size_t n = bytes[at + 1];

		if (n > length - at - 2)
			n = length - at - 2;
		step(bytes[at], bytes + at + 2, n);
		at += 2 + n;
	}
	packets_peers_close(&peers);
	return 0;
}
