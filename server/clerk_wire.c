/* The generated half of clerk_messages.h: an encoder and a decoder for each row. */
#include "server/clerk_messages.h"

#define CLERK_CODECS(name, number, from, fd, why)                                                 \
	void clerk_put_##name(struct wire_writer *writer, const struct clerk_msg_##name *message) \
	{                                                                                         \
		(void)writer;                                                                     \
		(void)message;                                                                    \
		CLERK_MSG_##name(WIRE_ENCODE_FIELD)                                               \
	}                                                                                         \
	void clerk_get_##name(struct wire_reader *reader, struct clerk_msg_##name *message)       \
	{                                                                                         \
		(void)reader;                                                                     \
		message->nothing = 0;                                                             \
		CLERK_MSG_##name(WIRE_DECODE_FIELD)                                               \
	}
CLERK_MESSAGES(CLERK_CODECS)

#define VERDICT_TEXT(name, text) [CLERK_##name] = (text),

const char *clerk_verdict_text(enum clerk_verdict verdict)
{
	static const char *const texts[CLERK_VERDICT_COUNT] = { CLERK_VERDICTS(VERDICT_TEXT) };

	return (unsigned)verdict < CLERK_VERDICT_COUNT ? texts[verdict] : "unknown verdict";
}
