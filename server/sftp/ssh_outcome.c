/*
 * How a key exchange came out, for the log: what both sides agreed on, or what each of them offers.
 */
#include <string.h>

#include "server/base/text.h"
#include "server/sftp/ssh_front_private.h"
#include "server/sftp/ssh_socket.h"

static void tell_client_name(struct ssh_front *front)
{
	const char *name = ssh_get_clientbanner(front->session);
	const struct guard_req_client_name ask = { .name = name };

	if (name != NULL)
		guard_client_client_name(front->start->guard, &ask, NULL, NULL);
}

static void gather_lists(const struct ssh_front *front, const char *ours[SSH_OFFER_LISTS],
    const char *theirs[SSH_OFFER_LISTS])
{
	static const enum ssh_algorithm_kind kinds[SSH_OFFER_LISTS] = {
		[SSH_OFFER_KEX] = SSH_ALGORITHM_KEX,
		[SSH_OFFER_HOST_KEYS] = SSH_ALGORITHM_HOST_KEY,
		[SSH_OFFER_CIPHERS_IN] = SSH_ALGORITHM_CIPHER,
		[SSH_OFFER_CIPHERS_OUT] = SSH_ALGORITHM_CIPHER,
		[SSH_OFFER_MACS_IN] = SSH_ALGORITHM_MAC,
		[SSH_OFFER_MACS_OUT] = SSH_ALGORITHM_MAC,
	};

	for (size_t i = 0; i < SSH_OFFER_LISTS; i++) {
		ours[i] = front->ours[kinds[i]];
		theirs[i] = front->packets.in.offer.lists[i];
	}
}

void ssh_outcome_failed(struct ssh_front *front)
{
	const char *ours[SSH_OFFER_LISTS];
	const char *theirs[SSH_OFFER_LISTS];
	char our_text[GUARD_OFFER_MAX + 1] = "";
	char their_text[GUARD_OFFER_MAX + 1] = "";
	char failure[GUARD_ALGORITHMS_MAX + 1];
	struct guard_req_secured ask = { .algorithms = "", .failure = failure };
	const char *conflict = NULL;
	int error;

	tell_client_name(front);
	gather_lists(front, ours, theirs);
	if (ssh_offer_is_read(&front->packets.in.offer)) {
		conflict = ssh_offer_conflict(ours, theirs);
		ssh_offer_describe(ours, our_text, sizeof(our_text));
		ssh_offer_describe(theirs, their_text, sizeof(their_text));
	}
	text_copy(failure, sizeof(failure),
	    conflict != NULL ? conflict : ssh_get_error(front->session));
	/* Somebody who only looked in is no failure. */
	if (conflict == NULL && ssh_socket_ended(&error))
		return;
	ask.ours = our_text;
	ask.theirs = their_text;
	guard_client_secured(front->start->guard, &ask, NULL, NULL);
}

void ssh_outcome_agreed(struct ssh_front *front)
{
	const char *ours[SSH_OFFER_LISTS];
	const char *theirs[SSH_OFFER_LISTS];
	char text[GUARD_ALGORITHMS_MAX + 1];
	const struct guard_req_secured ask = {
		.algorithms = text, .failure = "", .ours = "", .theirs = ""
	};
	const char *kex = ssh_get_kex_algo(front->session);
	const char *cipher = ssh_get_cipher_in(front->session);
	const char *mac = ssh_get_hmac_in(front->session);
	const char *host_key;
	size_t length = 0;

	tell_client_name(front);
	gather_lists(front, ours, theirs);
	host_key = ssh_offer_choose(ours[SSH_OFFER_HOST_KEYS], theirs[SSH_OFFER_HOST_KEYS], &length);
	if (mac != NULL && strncmp(mac, "aead-", strlen("aead-")) == 0)
		mac = NULL; /* libssh's word for a cipher that needs none */
	text_format(text, sizeof(text), "ssh %s %.*s %s%s%s", kex != NULL ? kex : "?",
	    host_key != NULL ? (int)length : 1, host_key != NULL ? host_key : "?",
	    cipher != NULL ? cipher : "?", mac != NULL ? " " : "", mac != NULL ? mac : "");
	guard_client_secured(front->start->guard, &ask, NULL, NULL);
	ssh_packets_forget_offers(&front->packets);
}
