/* The fields of an event, as a guard sends them, in both log formats: one line, or refused. */
#include <stdlib.h>
#include <string.h>

#include "server/clerk_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct clerk_log_line line = { .event = EVENT_LOGIN,
		.role = "guard",
		.pid = 1,
		.fields = { .bytes = bytes, .length = length } };
	struct buf out;

	for (int format = CONF_LOG_JSON; format <= CONF_LOG_LOGFMT && length <= EVENT_MAX_BYTES;
	     format++) {
		buf_init(&out, CLERK_LOG_LINE_MAX_BYTES);
		if (clerk_log_format(&out, (enum conf_log_format)format, &line) &&
		    memchr(buf_bytes(&out), '\n', buf_length(&out)) !=
		        buf_bytes(&out) + buf_length(&out) - 1)
			abort();
		buf_clear(&out);
	}
	return 0;
}
