#include "server/sftp/ssh_offer.h"

#include <libssh/ssh2.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/text.h"
#include "server/sftp/fxp_codec.h"

#define COOKIE_BYTES 16
#define STRICT_CLIENT "kex-strict-c-v00@openssh.com"
#define STRICT_SERVER "kex-strict-s-v00@openssh.com"

/* --- one offer ------------------------------------------------------------------------------- */

void ssh_offer_clear(struct ssh_offer *offer)
{
	for (size_t i = 0; i < SSH_OFFER_LISTS; i++)
		free(offer->lists[i]);
	*offer = (struct ssh_offer){ 0 };
}

static bool parse_lists(struct ssh_offer *offer, struct fxp_reader *reader)
{
	for (size_t i = 0; i < SSH_OFFER_LISTS; i++) {
		struct fxp_string list = fxp_get_string(reader);

		if (reader->failed || (list.length > 0 && memchr(list.bytes, '\0', list.length) != NULL))
			return false;
		offer->lists[i] = list.length > 0 ? strndup((const char *)list.bytes, list.length) : strdup("");
		if (offer->lists[i] == NULL)
			return false;
	}
	return true;
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

bool ssh_offer_parse(struct ssh_offer *offer, const uint8_t *payload, size_t n)
{
	struct fxp_reader reader;

	ssh_offer_clear(offer);
	if (n < 1 + COOKIE_BYTES || payload[0] != SSH2_MSG_KEXINIT)
		return false;
	reader = (struct fxp_reader){ .bytes = payload + 1 + COOKIE_BYTES, .left = n - 1 - COOKIE_BYTES };
	if (!parse_lists(offer, &reader)) {
		ssh_offer_clear(offer);
		return false;
	}
	offer->strict_client = holds(offer->lists[SSH_OFFER_KEX], STRICT_CLIENT, strlen(STRICT_CLIENT));
	offer->strict_server = holds(offer->lists[SSH_OFFER_KEX], STRICT_SERVER, strlen(STRICT_SERVER));
	return true;
}

bool ssh_offer_is_read(const struct ssh_offer *offer)
{
	return offer->lists[0] != NULL;
}

const char *ssh_offer_choose(const char *ours, const char *theirs, size_t *length_out)
{
	while (theirs != NULL && *theirs != '\0') {
		size_t item = strcspn(theirs, ",");

		if (item > 0 && item <= SSH_OFFER_NAME_MAX_BYTES && holds(ours, theirs, item)) {
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

static bool agree_on(const struct ssh_offer *ours, const struct ssh_offer *theirs, int list,
    char out[SSH_OFFER_NAME_MAX_BYTES + 1])
{
	size_t length = 0;
	const char *name = ssh_offer_choose(ours->lists[list], theirs->lists[list], &length);

	if (name != NULL) {
		memcpy(out, name, length);
		out[length] = '\0';
	}
	return name != NULL;
}

bool ssh_offer_agree(const struct ssh_offer *ours, const struct ssh_offer *theirs, bool client_to_server,
    char cipher[SSH_OFFER_NAME_MAX_BYTES + 1], char mac[SSH_OFFER_NAME_MAX_BYTES + 1])
{
	mac[0] = '\0';
	if (!agree_on(ours, theirs, client_to_server ? SSH_OFFER_CIPHERS_IN : SSH_OFFER_CIPHERS_OUT, cipher))
		return false;
	return authenticates(cipher, strlen(cipher)) ||
	       agree_on(ours, theirs, client_to_server ? SSH_OFFER_MACS_IN : SSH_OFFER_MACS_OUT, mac);
}
