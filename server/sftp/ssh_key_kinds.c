#include "server/sftp/ssh_key_kinds.h"

#include <libssh/ssh2.h>
#include <stdbool.h>
#include <string.h>

#include "server/base/bytes.h"
#include "server/sftp/fxp_codec.h"
#include "server/sftp/ssh_algorithms.h"

static bool is_text(struct fxp_string string, const char *text)
{
	return string.length == strlen(text) && memcmp(string.bytes, text, string.length) == 0;
}

/* The end of it. */
static uint8_t *put_text(uint8_t *at, const char *text)
{
	const size_t length = strlen(text);

	bytes_put_u32(at, (uint32_t)length);
	memcpy(at + sizeof(uint32_t), text, length);
	return at + sizeof(uint32_t) + length;
}

size_t ssh_key_kinds_replace(uint8_t *payload, size_t n)
{
	/* With the reader of SSH's types (RFC 4251 5) that SFTP has, too. */
	struct fxp_reader reader = { .bytes = payload + 1, .left = n - 1 };
	struct fxp_string method;
	struct fxp_string algorithm;
	size_t before;

	if (payload[0] != SSH2_MSG_USERAUTH_REQUEST)
		return n;
	fxp_get_string(&reader); /* user */
	fxp_get_string(&reader); /* service */
	before = n - reader.left;
	method = fxp_get_string(&reader);
	fxp_get_u8(&reader); /* with a signature? */
	algorithm = fxp_get_string(&reader);
	if (reader.failed || !is_text(method, "publickey") ||
	    ssh_algorithms_know(SSH_ALGORITHM_LOGIN_KEY, (const char *)algorithm.bytes, algorithm.length))
		return n;
	return (size_t)(put_text(payload + before, "none") - payload);
}
