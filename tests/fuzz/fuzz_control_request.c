/* A request over the control socket: taken apart within its bytes, or refused. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/control_messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct control_request request;
	char *line = malloc(length + 1);

	if (line == NULL || length >= CONTROL_LINE_MAX_BYTES)
		goto out;
	memcpy(line, bytes, length);
	line[length] = '\0';
	if ((control_request_parse(&request, line, length) == NULL) != (request.id != CONTROL_REQUEST_COUNT))
		abort();
out:
	free(line);
	return 0;
}
