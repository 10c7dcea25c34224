/* A client's first bytes: whatever they are, there are all lists or none, and a sentence about them. */
#include <stdlib.h>

#include "server/sftp/ssh_offer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct ssh_offer offer;
	char text[256];

	ssh_offer_init(&offer);
	for (size_t at = 0, piece = 1; at < length; at += piece, piece = piece % 97 + 13)
		ssh_offer_feed(&offer, bytes + at, piece < length - at ? piece : length - at);
	for (size_t i = 0; i < SSH_OFFER_LISTS; i++)
		if ((offer.lists[i] != NULL) != ssh_offer_is_read(&offer))
			abort();
	ssh_offer_describe((const char *const *)offer.lists, text, sizeof(text));
	ssh_offer_conflict((const char *const *)offer.lists, (const char *const *)offer.lists);
	ssh_offer_clear(&offer);
	return 0;
}
