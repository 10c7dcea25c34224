#include "server/sftp/ssh_ext_info.h"

#include <libssh/ssh2.h>
#include <string.h>

#include "server/sftp/fxp_codec.h"

#define SIGNATURES "server-sig-algs"

static bool is_signatures(struct fxp_string name)
{
	return name.length == strlen(SIGNATURES) && memcmp(name.bytes, SIGNATURES, name.length) == 0;
}

size_t ssh_ext_info_rewrite(
    const uint8_t *payload, size_t n, const char *algorithms, uint8_t out[SSH_EXT_INFO_MAX_BYTES])
{
	struct fxp_reader reader = { .bytes = payload, .left = n };
	struct fxp_writer writer = { .bytes = out, .size = SSH_EXT_INFO_MAX_BYTES };
	bool found = false;
	uint32_t count;

	if (fxp_get_u8(&reader) != SSH2_MSG_EXT_INFO)
		return 0;
	count = fxp_get_u32(&reader);
	fxp_put_u8(&writer, SSH2_MSG_EXT_INFO);
	fxp_put_u32(&writer, count);
	for (uint32_t i = 0; i < count && !reader.failed && !writer.failed; i++) {
		struct fxp_string name = fxp_get_string(&reader);
		struct fxp_string value = fxp_get_string(&reader);

		fxp_put_string(&writer, name.bytes, name.length);
		if (is_signatures(name))
			fxp_put_text(&writer, algorithms);
		else
			fxp_put_string(&writer, value.bytes, value.length);
		found = found || is_signatures(name);
	}
	return found && !reader.failed && !writer.failed && reader.left == 0 ? writer.length : 0;
}
