/* What a hijacked guard may send the keeper: decoded by the row that the header names, and judged. */
#include <stdlib.h>

#include "server/key_shapes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define TRY(name, number, from, fd, why)                             \
	if (header.type == (number)) {                               \
		struct keeper_msg_##name message;                    \
		keeper_get_##name(&reader, &message);                \
	}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct wire_reader reader = { .bytes = bytes, .left = length };
	struct keeper_msg_sign ask;
	struct wire_header header;

	wire_get_header(&reader, &header);
	KEEPER_MESSAGES(TRY)
	reader = (struct wire_reader){ .bytes = bytes, .left = length };
	keeper_get_sign(&reader, &ask);
	if (wire_done(&reader) && key_shapes_problem(KEEPER_USE_SSH, &ask) == NULL &&
	    key_shapes_problem(KEEPER_USE_TLS, &ask) == NULL)
		abort(); /* what is signed for one protocol is never good for the other */
	return 0;
}
