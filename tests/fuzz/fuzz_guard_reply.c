/*
 * What a broken guard may send its front: replies and notices, decoded by the row that the header
 * names. A message that decodes is also encoded again and must come out as it went in.
 */
#include <stdlib.h>
#include <string.h>

#include "server/guard_messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define TRY(part, name, number, kind_)                                \
	if (header.kind == (kind_) && header.type == (number)) {      \
		struct guard_##part##_##name message;                 \
		guard_get_##part##_##name(&reader, &message);         \
		if (wire_done(&reader))                               \
			guard_put_##part##_##name(&writer, &message); \
		known = true;                                         \
	}
#define TRY_REPLY(name, number, states, fd, calls, flags, why) TRY(rep, name, number, WIRE_REPLY)
#define TRY_NOTICE(name, number, fd, why)                      TRY(note, name, number, WIRE_NOTICE)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static uint8_t again[WIRE_MAX_BYTES];
	struct wire_reader reader = { .bytes = bytes, .left = length };
	struct wire_writer writer = { .bytes = again, .size = sizeof(again) };
	struct wire_header header;
	bool known = false;

	if (length > WIRE_MAX_BYTES)
		return 0;
	wire_get_header(&reader, &header);
	wire_put_header(&writer, &header);
	GUARD_MESSAGES(TRY_REPLY)
	GUARD_NOTICES(TRY_NOTICE)
	if (known && wire_done(&reader) &&
	    (writer.failed || writer.length != length || memcmp(again, bytes, length) != 0))
		abort();
	return 0;
}
