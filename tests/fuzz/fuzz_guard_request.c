/*
 * What a hijacked front may send its guard: a header and any bytes, decoded by the row that the
 * header names. A message that decodes is also encoded again and must come out as it went in.
 */
#include <stdlib.h>
#include <string.h>

#include "server/guard_messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define TRY(name, number, states, fd, calls, flags, why)         \
	if (header.type == (number)) {                           \
		struct guard_req_##name message;                 \
		guard_get_req_##name(&reader, &message);         \
		if (wire_done(&reader))                          \
			guard_put_req_##name(&writer, &message); \
	}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	static uint8_t again[WIRE_MAX_BYTES];
	struct wire_reader reader = { .bytes = bytes, .left = length };
	struct wire_writer writer = { .bytes = again, .size = sizeof(again) };
	struct wire_header header;

	if (length > WIRE_MAX_BYTES)
		return 0;
	wire_get_header(&reader, &header);
	wire_put_header(&writer, &header);
	GUARD_MESSAGES(TRY)
	if (guard_message_find(header.type) != NULL && wire_done(&reader) &&
	    (writer.failed || writer.length != length || memcmp(again, bytes, length) != 0))
		abort();
	return 0;
}
