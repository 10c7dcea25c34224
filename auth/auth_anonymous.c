/* The anonymous login, when the configuration has a section for it. */
#include <strings.h>

#include "auth/auth_backends.h"
#include "server/base/text.h"

#define ANONYMOUS_NAME "anonymous" /* in logs and for %u, whatever was typed */

enum conf_status auth_anonymous_find(const struct auth_sources *sources, const char *name,
    struct conf_user **out, char detail[CONF_MESSAGE_BYTES])
{
	enum conf_status status;

	/* "ftp" is the older of the two names, and browsers still send it; case is ignored by
	 * custom. */
	if (!sources->conf->has_anonymous ||
	    (strcasecmp(name, ANONYMOUS_NAME) != 0 && strcasecmp(name, "ftp") != 0))
		return CONF_NOT_FOUND;
	status = conf_user_anonymous(out, sources->conf, ANONYMOUS_NAME);
	if (status != CONF_OK)
		text_copy(detail, CONF_MESSAGE_BYTES, "the anonymous section cannot be used");
	return status;
}
