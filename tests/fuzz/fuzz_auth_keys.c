/*
 * A file of authorized_keys: whatever stands in it, a key is found or not, and a line that is read
 * has the key that its base64 says.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/auth_keys.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static struct auth_keys_line line;
	struct auth_keys_answer answer = { .accepted = false };
	struct netaddr peer;
	struct auth_keys_ask ask = { .key = &line.key, .peer = &peer, .now = 1700000000 };
	const uint8_t *newline = memchr(bytes, '\n', length);
	struct auth_key again;

	netaddr_parse_ip(&peer, "192.0.2.7");
	/* The first line's own key is looked for in all of the text. */
	if (auth_keys_read(&line, (const char *)bytes,
	        newline == NULL ? length : (size_t)(newline - bytes)) != NULL)
		memset(&line.key, 0, sizeof(line.key));
	else if (auth_key_parse(&again, line.key.blob) != NULL)
		abort();
	auth_keys_try_text(&ask, (const char *)bytes, length, "F", &answer);
	if (answer.accepted && line.key.type == NULL)
		abort();
	return 0;
}
