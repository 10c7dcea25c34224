#include "auth/auth_backends.h"

/* A user file named anonymous.conf comes before the anonymous login: it has a password to check. */
const struct auth_backend auth_backends[] = {
	{ .name = "file", .find = auth_file_find },
	{ .name = "anonymous", .find = auth_anonymous_find, .any_password = true },
};
const size_t auth_backend_count = sizeof(auth_backends) / sizeof(auth_backends[0]);
