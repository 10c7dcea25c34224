/* A user's file of any content, NUL bytes included, over defaults with a mount. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_users.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static const char defaults[] =
	    "defaults { deny_names = { x } mount \"/m\" { source = \"%u\" } }";
	static struct conf *conf;
	char message[CONF_MESSAGE_BYTES];
	struct conf_user *user = NULL;
	unsigned line;
	int used = 0;

	if (conf == NULL && conf_parse(&conf, "/fuzz/transom.conf", defaults, message) != CONF_OK)
		abort();
	if (conf_user_parse(&user, conf, "alice", "f", (const char *)bytes, length, message) !=
	        CONF_OK &&
	    strncmp(message, "f: root or a source is too long", 31) != 0 &&
	    (sscanf(message, "f:%u: %n", &line, &used) != 1 ||
	        strncmp(message + used, "libConfuse", 10) == 0))
		abort();
	if (user != NULL && (user->name == NULL || user->root[0] != '/'))
		abort();
	conf_user_free(&user);
	return 0;
}
