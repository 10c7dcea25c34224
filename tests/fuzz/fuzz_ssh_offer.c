/* The payload of a KEXINIT: whatever it is, there are all lists or none, and a sentence about them. */
#include <stdlib.h>

#include "server/sftp/ssh_offer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct ssh_offer offer = { 0 };
	char cipher[SSH_OFFER_NAME_MAX_BYTES + 1];
	char mac[SSH_OFFER_NAME_MAX_BYTES + 1];
	char text[256];

	if (ssh_offer_parse(&offer, bytes, length) != ssh_offer_is_read(&offer))
		abort();
	for (size_t i = 0; i < SSH_OFFER_LISTS; i++)
		if ((offer.lists[i] != NULL) != ssh_offer_is_read(&offer))
			abort();
	ssh_offer_describe((const char *const *)offer.lists, text, sizeof(text));
	ssh_offer_conflict((const char *const *)offer.lists, (const char *const *)offer.lists);
	ssh_offer_agree(&offer, &offer, true, cipher, mac);
	ssh_offer_clear(&offer);
	return 0;
}
