#include "server/sftp/ssh_nul.h"

#include <libssh/ssh2.h>
#include <string.h>

#include "server/sftp/fxp_codec.h"

/* The payload, with the reader of SSH's types (RFC 4251 5) that SFTP has, too. */
struct texts {
	struct fxp_reader reader;
	bool nul; /* in a string that was taken */
};

static struct fxp_string take_text(struct texts *texts)
{
	struct fxp_string text = fxp_get_string(&texts->reader);

	if (!texts->reader.failed && text.length > 0)
		texts->nul = texts->nul || memchr(text.bytes, '\0', text.length) != NULL;
	return text;
}

static void look_at_request(struct texts *texts)
{
	static const char password[] = "password";
	struct fxp_string method;
	bool change;

	take_text(texts); /* user */
	take_text(texts); /* service */
	method = take_text(texts);
	if (texts->reader.failed || method.length != strlen(password) ||
	    memcmp(method.bytes, password, method.length) != 0)
		return;
	change = fxp_get_u8(&texts->reader) != 0;
	take_text(texts);
	if (change)
		take_text(texts);
}

static void look_at_answers(struct texts *texts)
{
	uint32_t count = fxp_get_u32(&texts->reader);

	for (uint32_t i = 0; i < count && !texts->reader.failed; i++)
		take_text(texts);
}

bool ssh_nul_is_in_login(const uint8_t *payload, size_t n)
{
	struct texts texts = { .reader = { .bytes = payload + 1, .left = n - 1 } };

	if (payload[0] == SSH2_MSG_USERAUTH_REQUEST)
		look_at_request(&texts);
	else if (payload[0] == SSH2_MSG_USERAUTH_INFO_RESPONSE)
		look_at_answers(&texts);
	return texts.nul;
}
