#include "server/sftp/ssh_offer.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/text.h"

#define KEXINIT        20
#define COOKIE_BYTES   16
#define LENGTH_BYTES   4
#define HEADER_BYTES   (LENGTH_BYTES + 1 + 1 + COOKIE_BYTES) /* packet length, padding length, type, cookie */
#define NAME_MAX_BYTES 64 /* RFC 4251 6 */

void ssh_offer_init(struct ssh_offer *offer)
{
	*offer = (struct ssh_offer){ .state = SSH_OFFER_LINE };
	buf_init(&offer->bytes, SSH_OFFER_PACKET_MAX_BYTES);
}

static void drop_lists(struct ssh_offer *offer)
{
	for (size_t i = 0; i < SSH_OFFER_LISTS; i++) {
		free(offer->lists[i]);
		offer->lists[i] = NULL;
	}
}

void ssh_offer_clear(struct ssh_offer *offer)
{
	drop_lists(offer);
	buf_clear(&offer->bytes);
}

static uint32_t number_at(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Up to and with the line feed; false when it has not come yet. */
static bool take_line(struct ssh_offer *offer)
{
	const uint8_t *start = buf_bytes(&offer->bytes);
	size_t length = buf_length(&offer->bytes);
	const uint8_t *end = length > 0 ? memchr(start, '\n', length) : NULL;

	if (end == NULL) {
		if (length >= SSH_OFFER_LINE_MAX_BYTES)
			offer->state = SSH_OFFER_UNREADABLE;
		return false;
	}
	buf_consume(&offer->bytes, (size_t)(end - start) + 1);
	offer->state = SSH_OFFER_PACKET;
	return true;
}

static bool parse_lists(struct ssh_offer *offer, const uint8_t *bytes, size_t left)
{
	for (size_t i = 0; i < SSH_OFFER_LISTS; i++) {
		size_t length;

		if (left < LENGTH_BYTES)
			return false;
		length = number_at(bytes);
		bytes += LENGTH_BYTES;
		left -= LENGTH_BYTES;
		if (length > left || memchr(bytes, '\0', length) != NULL)
			return false;
		offer->lists[i] = strndup((const char *)bytes, length);
		if (offer->lists[i] == NULL)
			return false;
		bytes += length;
		left -= length;
	}
	return true;
}

static void take_packet(struct ssh_offer *offer)
{
	const uint8_t *bytes = buf_bytes(&offer->bytes);
	size_t held = buf_length(&offer->bytes);
	size_t length;

	if (held < LENGTH_BYTES)
		return;
	length = number_at(bytes);
	if (length < HEADER_BYTES || length > SSH_OFFER_PACKET_MAX_BYTES - LENGTH_BYTES) {
		offer->state = SSH_OFFER_UNREADABLE;
		return;
	}
	if (held < LENGTH_BYTES + length)
		return;
	offer->state = SSH_OFFER_READ;
	if (bytes[LENGTH_BYTES + 1] != KEXINIT ||
	    !parse_lists(offer, bytes + HEADER_BYTES, LENGTH_BYTES + length - HEADER_BYTES)) {
		drop_lists(offer);
		offer->state = SSH_OFFER_UNREADABLE;
	}
}

void ssh_offer_feed(struct ssh_offer *offer, const uint8_t *bytes, size_t n)
{
	size_t room = buf_room(&offer->bytes);

	if (offer->state != SSH_OFFER_LINE && offer->state != SSH_OFFER_PACKET)
		return;
	if (!buf_append(&offer->bytes, bytes, n < room ? n : room)) {
		offer->state = SSH_OFFER_UNREADABLE;
	} else {
		if (offer->state == SSH_OFFER_LINE)
			take_line(offer);
		if (offer->state == SSH_OFFER_PACKET)
			take_packet(offer);
	}
	if (offer->state == SSH_OFFER_READ || offer->state == SSH_OFFER_UNREADABLE)
		buf_clear(&offer->bytes);
}

bool ssh_offer_is_read(const struct ssh_offer *offer)
{
	return offer->state == SSH_OFFER_READ;
}

/* --- two offers ------------------------------------------------------------------------------ */

void ssh_offer_describe(const char *const lists[SSH_OFFER_LISTS], char *out, size_t out_bytes)
{
	const char *kex = lists[SSH_OFFER_KEX];

	/* The two directions are the same with every client there is. */
	text_format(out, out_bytes, "key exchange: %s; host keys: %s; ciphers: %s; MACs: %s",
	    kex != NULL ? kex : "", lists[SSH_OFFER_HOST_KEYS] != NULL ? lists[SSH_OFFER_HOST_KEYS] : "",
	    lists[SSH_OFFER_CIPHERS_IN] != NULL ? lists[SSH_OFFER_CIPHERS_IN] : "",
	    lists[SSH_OFFER_MACS_IN] != NULL ? lists[SSH_OFFER_MACS_IN] : "");
}

static bool holds(const char *list, const char *name, size_t length)
{
	while (list != NULL && *list != '\0') {
		size_t item = strcspn(list, ",");

		if (item == length && memcmp(list, name, length) == 0)
			return true;
		list += item;
		list += *list == ',';
	}
	return false;
}

const char *ssh_offer_choose(const char *ours, const char *theirs, size_t *length_out)
{
	while (theirs != NULL && *theirs != '\0') {
		size_t item = strcspn(theirs, ",");

		if (item > 0 && item <= NAME_MAX_BYTES && holds(ours, theirs, item)) {
			*length_out = item;
			return theirs;
		}
		theirs += item;
		theirs += *theirs == ',';
	}
	return NULL;
}

/* RFC 5647 and chacha20-poly1305@openssh.com: the cipher is its own MAC. */
static bool authenticates(const char *cipher, size_t length)
{
	static const char *const marks[] = { "-gcm@openssh.com", "-poly1305@openssh.com" };

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		size_t mark = strlen(marks[i]);

		if (length > mark && memcmp(cipher + length - mark, marks[i], mark) == 0)
			return true;
	}
	return false;
}

const char *ssh_offer_conflict(
    const char *const ours[SSH_OFFER_LISTS], const char *const theirs[SSH_OFFER_LISTS])
{
	static const char *const texts[SSH_OFFER_LISTS] = {
		[SSH_OFFER_KEX] = "no common key exchange method",
		[SSH_OFFER_HOST_KEYS] = "no common host key algorithm",
		[SSH_OFFER_CIPHERS_IN] = "no common cipher",
		[SSH_OFFER_CIPHERS_OUT] = "no common cipher",
		[SSH_OFFER_MACS_IN] = "no common MAC",
		[SSH_OFFER_MACS_OUT] = "no common MAC",
	};
	size_t length = 0;

	for (size_t i = 0; i < SSH_OFFER_LISTS; i++) {
		if (i == SSH_OFFER_MACS_IN || i == SSH_OFFER_MACS_OUT) {
			size_t cipher = i - SSH_OFFER_MACS_IN + SSH_OFFER_CIPHERS_IN;
			const char *name = ssh_offer_choose(ours[cipher], theirs[cipher], &length);

			if (name != NULL && authenticates(name, length))
				continue;
		}
		if (ssh_offer_choose(ours[i], theirs[i], &length) == NULL)
			return texts[i];
	}
	return NULL;
}
