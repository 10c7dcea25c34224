#include "server/sftp/ssh_packets.h"

#include <libssh/ssh2.h>
#include <openssl/crypto.h>
#include <string.h>

#include "server/base/bytes.h"
#include "server/base/clock.h"
#include "server/sftp/ssh_ext_info.h"
#include "server/sftp/ssh_key_kinds.h"
#include "server/sftp/ssh_libcrypto.h"
#include "server/sftp/ssh_nul.h"
#include "server/sftp/ssh_socket.h"


#define LENGTH_BYTES	     4u
#define CLEAR_HEAD_BYTES     (LENGTH_BYTES + 1u) /* length, padding length */
#define DATA_HEAD_BYTES	     (1u + 4u + 4u)	 /* type, channel, length */
#define CONFIRMATION_BYTES   (1u + 4u * 4u)
#define PACKETS_MAX	     (1ull << 31) /* RFC 4344 3.1 */
#define ANSWERS_HELD_MAX     1024u

static void clear_offers(struct ssh_packets *packets)
{
	ssh_offer_clear(&packets->in.offer);
	ssh_offer_clear(&packets->out.offer);
}

void ssh_packets_forget_offers(struct ssh_packets *packets)
{
	if (!packets->in.exchanging && !packets->out.exchanging)
		clear_offers(packets);
}

static void clear_keys(struct ssh_packets_half *half)
{
	ssh_cipher_free(&half->wire);
	ssh_cipher_free(&half->inner);
}

void ssh_packets_clear(struct ssh_packets *packets)
{
	ssh_socket_on_write(NULL, NULL);
	clear_offers(packets);
	clear_keys(&packets->in);
	clear_keys(&packets->out);
}

void ssh_packets_serve(struct ssh_packets *packets)
{
	packets->serving = true;
}

/* --- keys ------------------------------------------------------------------------------------ */

static bool make_ciphers(struct ssh_packets_half *half, bool inward, const struct ssh_libcrypto_keys *keys)
{
	clear_keys(half);
	half->wire = ssh_cipher_new(
	    half->cipher, half->mac, &keys->wire, inward ? SSH_CIPHER_OPEN : SSH_CIPHER_SEAL);
	half->inner = ssh_cipher_new(
	    half->cipher, half->mac, &keys->inner, inward ? SSH_CIPHER_SEAL : SSH_CIPHER_OPEN);
	return half->wire != NULL && half->inner != NULL;
}

/*
 * libssh derives the keys when it has sent its NEWKEYS; so this is done as late as possible, before the first packet
 * under the new ones.
 */
static bool renew_keys(struct ssh_packets *packets, struct ssh_packets_half *half)
{
	const bool inward = half == &packets->in;
	struct ssh_libcrypto_keys keys;
	bool good = ssh_libcrypto_keys(inward, &keys) && make_ciphers(half, inward, &keys);

	OPENSSL_cleanse(&keys, sizeof(keys));
	half->renew = false;
	half->packets = half->bytes = 0;
	return good;
}

/* What a packet of either side means for the keys, before it is passed on.  False: it cannot be. */
static bool note_exchange(struct ssh_packets *packets, struct ssh_packets_half *half, const uint8_t *payload,
    size_t n)
{
	if (payload[0] == SSH2_MSG_KEXINIT) {
		half->exchanging = true;
		if (!ssh_offer_parse(&half->offer, payload, n))
			return false;
		packets->strict_inner = packets->strict_inner || packets->in.offer.strict_client;
	}
	if (payload[0] == SSH2_MSG_NEWKEYS) {
		if (!half->exchanging ||
		    !ssh_offer_agree(&packets->out.offer, &packets->in.offer, half == &packets->in,
		        half->cipher, half->mac))
			return false;
		if (!packets->exchanged)
			packets->strict =
			    packets->in.offer.strict_client && packets->out.offer.strict_server;
		packets->exchanged = true;
		half->exchanging = false;
		half->renew = true;
		packets->new_keys++;
	}
	return true;
}

/* A packet of `bytes` on the wire has passed. */
static void count_wire(struct ssh_packets_half *half, size_t bytes)
{
	half->wire_sequence++;
	half->packets++;
	half->bytes += bytes;
}

/* The same packet has passed on libssh's side, too: NEWKEYS starts the count anew when that was agreed on. */
static void count_inner(struct ssh_packets *packets, struct ssh_packets_half *half)
{
	half->inner_sequence++;
	if (half->renew && packets->strict)
		half->wire_sequence = 0;
	if (half->renew && packets->strict_inner)
		half->inner_sequence = 0;
}

/* --- from the client ------------------------------------------------------------------------- */

/* For libssh, as it is. */
static bool hand_bytes(const uint8_t *bytes, size_t n)
{
	uint8_t *room = ssh_socket_hand_room(n);

	if (room == NULL)
		return false;
	memcpy(room, bytes, n);
	ssh_socket_hand_over(n);
	return true;
}

static bool hand_payload(struct ssh_packets *packets, const uint8_t *payload, size_t n)
{
	struct ssh_packets_half *in = &packets->in;
	size_t total = ssh_cipher_sealed_bytes(in->inner, n);
	uint8_t *room = ssh_socket_hand_room(total);

	if (room == NULL ||
	    !ssh_cipher_seal(in->inner, in->inner_sequence, NULL, 0, payload, n, room))
		return false;
	ssh_socket_hand_over(total);
	return true;
}

/*
 * What libssh will be asked for, as far as others want to know.  It leaves a channel with a maximum of 0 without an
 * answer; 1 is refused like every small one (ssh_channels.c).
 */
static void note_request(struct ssh_packets *packets, uint8_t *payload, size_t n)
{
	uint32_t name;

	packets->opening = (struct ssh_packets_opening){ 0 };
	if (payload[0] == SSH2_MSG_USERAUTH_REQUEST) {
		packets->login_requests++;
	} else if (payload[0] == SSH2_MSG_CHANNEL_OPEN && n >= 1 + 4) {
		name = bytes_get_u32(payload + 1);
		if (n - 5 < 3 * 4 || name > n - 5 - 3 * 4)
			return;
		payload += 5 + name;
		packets->opening = (struct ssh_packets_opening){
			.theirs = bytes_get_u32(payload),
			.window = bytes_get_u32(payload + 4),
			.packet_max = bytes_get_u32(payload + 8),
		};
		if (packets->opening.packet_max == 0)
			bytes_put_u32(payload + 8, 1);
	}
}

/* RFC 4254 5.2.  False when it is not well-formed or the owner does not want it. */
static bool take_channel_packet(struct ssh_packets *packets, const uint8_t *payload, size_t n)
{
	const struct ssh_packets_owner *owner = &packets->owner;
	const bool extended = payload[0] == SSH2_MSG_CHANNEL_EXTENDED_DATA;
	const size_t head = DATA_HEAD_BYTES + (extended ? 4u : 0u);

	if (n < head)
		return false;
	if (payload[0] == SSH2_MSG_CHANNEL_WINDOW_ADJUST)
		return n == head &&
		       owner->window(owner->context, bytes_get_u32(payload + 1), bytes_get_u32(payload + 5));
	if (bytes_get_u32(payload + head - 4) != n - head)
		return false;
	return owner->data(owner->context, bytes_get_u32(payload + 1), extended, payload + head, n - head);
}

static bool is_of_channels(const struct ssh_packets *packets, uint8_t type)
{
	return packets->serving &&
	       (type == SSH2_MSG_CHANNEL_DATA || type == SSH2_MSG_CHANNEL_EXTENDED_DATA ||
	           type == SSH2_MSG_CHANNEL_WINDOW_ADJUST);
}

/* The identification passes as it is; libssh bounds it. */
static enum ssh_packets_state pass_line(struct ssh_packets *packets, const uint8_t *bytes, size_t n)
{
	const uint8_t *end = memchr(bytes, '\n', n);

	if (end != NULL)
		n = (size_t)(end - bytes) + 1;
	packets->in.line = end != NULL;
	if (!hand_bytes(bytes, n))
		return SSH_PACKETS_BROKEN;
	ssh_socket_consume(n);
	return SSH_PACKETS_HANDED;
}

/* A packet before the first keys (RFC 4253 6): the payload, or NULL when it is none. */
static const uint8_t *read_clear(const uint8_t *packet, size_t total, size_t *n_out)
{
	size_t padding = packet[LENGTH_BYTES];

	if (total < CLEAR_HEAD_BYTES + 1 || padding > total - CLEAR_HEAD_BYTES - 1)
		return NULL;
	*n_out = total - CLEAR_HEAD_BYTES - padding;
	return packet + CLEAR_HEAD_BYTES;
}

static enum ssh_packets_state pass_clear(struct ssh_packets *packets, const uint8_t *bytes, size_t n)
{
	const uint8_t *payload;
	size_t length;
	size_t total;

	if (n < CLEAR_HEAD_BYTES)
		return SSH_PACKETS_HUNGRY;
	total = LENGTH_BYTES + (size_t)bytes_get_u32(bytes);
	if (total > LENGTH_BYTES + SSH_CIPHER_PACKET_MAX)
		return SSH_PACKETS_BROKEN;
	if (n < total)
		return SSH_PACKETS_HUNGRY;
	payload = read_clear(bytes, total, &length);
	if (payload == NULL || !note_exchange(packets, &packets->in, payload, length) ||
	    !hand_bytes(bytes, total))
		return SSH_PACKETS_BROKEN;
	packets->handed = packets->in.wire_sequence;
	count_wire(&packets->in, total);
	count_inner(packets, &packets->in);
	ssh_socket_consume(total);
	return SSH_PACKETS_HANDED;
}

static bool is_of_exchange(uint8_t type)
{
	return type >= SSH2_MSG_KEXINIT && type < SSH2_MSG_USERAUTH_REQUEST;
}

/* What libssh may not say before its NEWKEYS it queues without a bound. */
static bool is_flood(struct ssh_packets *packets, uint8_t type)
{
	if (!packets->out.exchanging || !packets->serving)
		packets->answers_held = 0;
	else if (!is_of_exchange(type))
		packets->answers_held++;
	return packets->answers_held > ANSWERS_HELD_MAX;
}

/* A packet that was opened in place. */
static enum ssh_packets_state pass_payload(struct ssh_packets *packets, uint8_t *payload, size_t n)
{
	if (is_of_channels(packets, payload[0]))
		return take_channel_packet(packets, payload, n) ? SSH_PACKETS_PAUSED : SSH_PACKETS_BROKEN;
	if (!note_exchange(packets, &packets->in, payload, n) || ssh_nul_is_in_login(payload, n) ||
	    is_flood(packets, payload[0]))
		return SSH_PACKETS_BROKEN;
	n = ssh_key_kinds_replace(payload, n);
	note_request(packets, payload, n);
	if (!hand_payload(packets, payload, n))
		return SSH_PACKETS_BROKEN;
	count_inner(packets, &packets->in);
	return SSH_PACKETS_HANDED;
}

/* No packet: until that may be noticed, it is waited for as if it were a long one. */
static enum ssh_packets_state refuse(struct ssh_packets *packets, uint8_t *bytes, size_t n)
{
	packets->damaged = true;
	return ssh_cipher_may_refuse(packets->in.wire, bytes, n) ? SSH_PACKETS_BROKEN : SSH_PACKETS_HUNGRY;
}

static enum ssh_packets_state pass_sealed(struct ssh_packets *packets, uint8_t *bytes, size_t n)
{
	struct ssh_packets_half *in = &packets->in;
	enum ssh_packets_state state;
	uint8_t *payload;
	size_t length;
	size_t total;

	if (in->renew && !renew_keys(packets, in))
		return SSH_PACKETS_BROKEN;
	if (n < ssh_cipher_head_bytes(in->wire))
		return SSH_PACKETS_HUNGRY;
	if (packets->damaged || !ssh_cipher_length(in->wire, in->wire_sequence, bytes, &total))
		return refuse(packets, bytes, n);
	if (n < total)
		return SSH_PACKETS_HUNGRY;
	if (!ssh_cipher_open(in->wire, in->wire_sequence, bytes, total, &payload, &length))
		return refuse(packets, bytes, n);
	packets->handed = in->wire_sequence;
	count_wire(in, total);
	state = pass_payload(packets, payload, length);
	/* A password may be in it. */
	if (!packets->serving)
		OPENSSL_cleanse(payload, length);
	ssh_socket_consume(total);
	return state;
}

static enum ssh_packets_state pass_one(struct ssh_packets *packets)
{
	size_t n;
	uint8_t *bytes = ssh_socket_input(&n);

	if (n == 0)
		return SSH_PACKETS_HUNGRY;
	if (!packets->in.line)
		return pass_line(packets, bytes, n);
	if (packets->in.wire == NULL && !packets->in.renew)
		return pass_clear(packets, bytes, n);
	return pass_sealed(packets, bytes, n);
}

enum ssh_packets_state ssh_packets_advance(struct ssh_packets *packets)
{
	enum ssh_packets_state state = SSH_PACKETS_PAUSED;

	if (packets->broken || packets->refused)
		return SSH_PACKETS_BROKEN;
	if (ssh_socket_handed() > 0)
		return SSH_PACKETS_HANDED;
	while (state == SSH_PACKETS_PAUSED && packets->owner.ready(packets->owner.context))
		state = pass_one(packets);
	if (state == SSH_PACKETS_HUNGRY)
		ssh_socket_starve();
	packets->refused = state == SSH_PACKETS_BROKEN;
	return packets->broken ? SSH_PACKETS_BROKEN : state;
}

/* --- to the client --------------------------------------------------------------------------- */

static bool send_bytes(const uint8_t *bytes, size_t n)
{
	uint8_t *room = ssh_socket_reserve(n);

	if (room == NULL)
		return false;
	memcpy(room, bytes, n);
	ssh_socket_commit(n);
	return true;
}

static bool send_payload(struct ssh_packets *packets, const uint8_t *head, size_t head_bytes, const uint8_t *body,
    size_t body_bytes)
{
	struct ssh_packets_half *out = &packets->out;
	size_t total;
	uint8_t *room;

	if (out->renew && !renew_keys(packets, out))
		return false;
	if (out->wire == NULL)
		return false;
	total = ssh_cipher_sealed_bytes(out->wire, head_bytes + body_bytes);
	room = ssh_socket_reserve(total);
	if (room == NULL ||
	    !ssh_cipher_seal(out->wire, out->wire_sequence, head, head_bytes, body, body_bytes, room))
		return false;
	ssh_socket_commit(total);
	count_wire(out, total);
	return true;
}

bool ssh_packets_take_data(const struct ssh_packets *packets)
{
	return !packets->broken && packets->serving && !packets->out.exchanging &&
	       !ssh_socket_is_full();
}

/* One of ours, that libssh does not know of. */
static bool send_own(struct ssh_packets *packets, const uint8_t *head, size_t head_bytes, const uint8_t *body,
    size_t body_bytes)
{
	if (packets->broken || !send_payload(packets, head, head_bytes, body, body_bytes)) {
		packets->broken = true;
		return false;
	}
	ssh_socket_flush_some();
	return true;
}

bool ssh_packets_send_data(struct ssh_packets *packets, uint32_t channel, const uint8_t *bytes, size_t n)
{
	uint8_t head[DATA_HEAD_BYTES] = { SSH2_MSG_CHANNEL_DATA };

	bytes_put_u32(head + 1, channel);
	bytes_put_u32(head + 5, (uint32_t)n);
	return send_own(packets, head, sizeof(head), bytes, n);
}

bool ssh_packets_send_window(struct ssh_packets *packets, uint32_t channel, uint32_t more)
{
	uint8_t head[DATA_HEAD_BYTES] = { SSH2_MSG_CHANNEL_WINDOW_ADJUST };

	bytes_put_u32(head + 1, channel);
	bytes_put_u32(head + 5, more);
	return send_own(packets, head, sizeof(head), NULL, 0);
}

/* What must not go out as libssh has it: it knows neither our count of packets nor our windows. */
static bool correct(struct ssh_packets *packets, uint8_t *payload, size_t n)
{
	struct ssh_packets_opening opening;

	if (payload[0] == SSH2_MSG_UNIMPLEMENTED && n == 1 + 4) {
		bytes_put_u32(payload + 1, packets->handed);
	} else if (payload[0] == SSH2_MSG_CHANNEL_OPEN_CONFIRMATION && n >= CONFIRMATION_BYTES) {
		opening = (struct ssh_packets_opening){
			.theirs = bytes_get_u32(payload + 1),
			.ours = bytes_get_u32(payload + 5),
			.window = bytes_get_u32(payload + 9),
			.packet_max = bytes_get_u32(payload + 13),
		};
		if (!packets->owner.confirmed(packets->owner.context, &opening))
			return false;
		bytes_put_u32(payload + 9, opening.window);
		bytes_put_u32(payload + 13, opening.packet_max);
	}
	return true;
}

/* Bytes of libssh that were passed on: 0 when a packet is not whole.  False: they are no packet. */
static bool relay_clear(struct ssh_packets *packets, const uint8_t *bytes, size_t n, size_t *used_out)
{
	const uint8_t *payload;
	size_t length;
	size_t total;

	if (n < CLEAR_HEAD_BYTES)
		return true;
	total = LENGTH_BYTES + (size_t)bytes_get_u32(bytes);
	if (n < total)
		return total <= SSH_SOCKET_INNER_MAX_BYTES;
	payload = read_clear(bytes, total, &length);
	if (payload == NULL || !note_exchange(packets, &packets->out, payload, length) ||
	    !send_bytes(bytes, total))
		return false;
	count_wire(&packets->out, total);
	count_inner(packets, &packets->out);
	*used_out = total;
	return true;
}

static bool send_libsshs(struct ssh_packets *packets, const uint8_t *payload, size_t n)
{
	uint8_t info[SSH_EXT_INFO_MAX_BYTES];
	size_t length = packets->login_keys != NULL
	                    ? ssh_ext_info_rewrite(payload, n, packets->login_keys, info)
	                    : 0;

	return length > 0 ? send_payload(packets, info, length, NULL, 0)
	                  : send_payload(packets, payload, n, NULL, 0);
}

static bool relay_sealed(struct ssh_packets *packets, uint8_t *bytes, size_t n, size_t *used_out)
{
	struct ssh_packets_half *out = &packets->out;
	uint8_t *payload;
	size_t length;
	size_t total;

	if (out->renew && !renew_keys(packets, out))
		return false;
	if (n < ssh_cipher_head_bytes(out->inner))
		return true;
	if (!ssh_cipher_length(out->inner, out->inner_sequence, bytes, &total))
		return false;
	if (n < total)
		return true;
	if (!ssh_cipher_open(out->inner, out->inner_sequence, bytes, total, &payload, &length) ||
	    !correct(packets, payload, length) || !note_exchange(packets, out, payload, length))
		return false;
	/* NEWKEYS itself goes out under the old keys. */
	if (payload[0] == SSH2_MSG_NEWKEYS)
		out->renew = false;
	if (!send_libsshs(packets, payload, length))
		return false;
	out->renew = payload[0] == SSH2_MSG_NEWKEYS;
	count_inner(packets, out);
	*used_out = total;
	return true;
}

static bool relay_one(struct ssh_packets *packets, size_t *used_out)
{
	size_t n;
	uint8_t *bytes = ssh_socket_written(&n);
	const uint8_t *end;

	*used_out = 0;
	if (n == 0)
		return true;
	if (packets->out.line)
		return packets->out.wire == NULL && !packets->out.renew
		           ? relay_clear(packets, bytes, n, used_out)
		           : relay_sealed(packets, bytes, n, used_out);
	end = memchr(bytes, '\n', n);
	if (end == NULL)
		return true;
	packets->out.line = true;
	*used_out = (size_t)(end - bytes) + 1;
	return send_bytes(bytes, *used_out);
}

/* libssh has written: it all goes on at once, so that data of ours comes behind it. */
static void relay(void *context)
{
	struct ssh_packets *packets = context;
	size_t used = 1;

	while (used > 0 && !packets->broken) {
		packets->broken = !relay_one(packets, &used);
		ssh_socket_written_consume(packets->broken ? 0 : used);
	}
}

void ssh_packets_init(struct ssh_packets *packets, const struct ssh_packets_owner *owner)
{
	*packets = (struct ssh_packets){ .owner = *owner };
	ssh_socket_on_write(relay, packets);
}

/* --- new keys -------------------------------------------------------------------------------- */

static bool is_worn(const struct ssh_packets *packets, const struct ssh_packets_half *half)
{
	uint64_t blocks;

	if (half->wire == NULL || half->renew || half->exchanging)
		return false;
	blocks = ssh_cipher_blocks(half->wire);
	return half->packets > PACKETS_MAX || blocks > ssh_cipher_blocks_max(half->wire) ||
	       (packets->rekey_bytes != 0 && half->bytes > packets->rekey_bytes);
}

bool ssh_packets_want_rekey(const struct ssh_packets *packets)
{
	return packets->serving && !packets->in.exchanging && !packets->out.exchanging &&
	       (is_worn(packets, &packets->in) || is_worn(packets, &packets->out));
}

int64_t ssh_packets_exchange_deadline(struct ssh_packets *packets, int64_t now)
{
	if (!packets->in.exchanging && !packets->out.exchanging) {
		packets->exchange_ms = 0;
		return CLOCK_NEVER;
	}
	/* Some clients begin the next exchange as soon as one has ended: it is never seen that none is under way. */
	if (packets->exchange_ms == 0 || packets->exchange_keys != packets->new_keys) {
		packets->exchange_ms = now;
		packets->exchange_keys = packets->new_keys;
	}
	return packets->exchange_ms + SSH_PACKETS_EXCHANGE_MS;
}
