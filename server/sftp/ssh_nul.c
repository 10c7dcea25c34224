#include "server/sftp/ssh_nul.h"

#include <string.h>

#define MSG_USERAUTH_REQUEST	   50
#define MSG_USERAUTH_INFO_RESPONSE 61
#define LENGTH_BYTES		   4u

struct texts {
	const uint8_t *bytes;
	size_t left;
	bool nul;    /* in one that was taken */
	bool failed; /* there was none */
};

static uint32_t take_number(struct texts *texts)
{
	const uint8_t *bytes = texts->bytes;

	if (texts->failed || texts->left < LENGTH_BYTES) {
		texts->failed = true;
		return 0;
	}
	texts->bytes += LENGTH_BYTES;
	texts->left -= LENGTH_BYTES;
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The next string and its length; it is good only if texts has not failed. */
static const uint8_t *take_text(struct texts *texts, size_t *length_out)
{
	const uint8_t *text;

	*length_out = take_number(texts);
	text = texts->bytes;
	if (texts->failed || *length_out > texts->left) {
		texts->failed = true;
		return text;
	}
	texts->bytes += *length_out;
	texts->left -= *length_out;
	texts->nul = texts->nul || memchr(text, '\0', *length_out) != NULL;
	return text;
}

static bool take_flag(struct texts *texts)
{
	if (texts->failed || texts->left == 0) {
		texts->failed = true;
		return false;
	}
	texts->left--;
	return *texts->bytes++ != 0;
}

static void look_at_request(struct texts *texts)
{
	static const char password[] = "password";
	const uint8_t *method;
	size_t length;
	bool change;

	take_text(texts, &length); /* user */
	take_text(texts, &length); /* service */
	method = take_text(texts, &length);
	if (texts->failed || length != strlen(password) || memcmp(method, password, length) != 0)
		return;
	change = take_flag(texts);
	take_text(texts, &length);
	if (change)
		take_text(texts, &length);
}

static void look_at_answers(struct texts *texts)
{
	uint32_t count = take_number(texts);
	size_t length;

	for (uint32_t i = 0; i < count && !texts->failed; i++)
		take_text(texts, &length);
}

bool ssh_nul_is_in_login(const uint8_t *payload, size_t n)
{
	struct texts texts = { .bytes = payload + 1, .left = n - 1 };

	if (payload[0] == MSG_USERAUTH_REQUEST)
		look_at_request(&texts);
	else if (payload[0] == MSG_USERAUTH_INFO_RESPONSE)
		look_at_answers(&texts);
	return texts.nul;
}
