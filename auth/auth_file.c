/* Users with a file of their own: users_dir/NAME.conf. */
#include "auth/auth_backends.h"

enum conf_status auth_file_find(const struct auth_sources *sources, const char *name,
    struct conf_user **out, char detail[CONF_MESSAGE_BYTES])
{
	enum conf_status status;

	if (sources->users_dir_fd < 0)
		return CONF_NOT_FOUND; /* there is no such directory: anonymous logins only */
	status = conf_user_load(out, sources->conf, sources->users_dir_fd, name, detail);
	/* The library and auth.c agree on names; should they ever not, nobody is called this. */
	return status == CONF_BAD_NAME ? CONF_NOT_FOUND : status;
}
