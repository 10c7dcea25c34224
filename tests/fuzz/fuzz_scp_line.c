/* A control record of the scp protocol: numbers in their ranges, and a name that is one. */
#include <stdlib.h>
#include <string.h>

#include "server/sftp/scp_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct scp_line line;

	scp_line_parse(&line, bytes, length);
	if (line.mode > 07777 || line.size > INT64_MAX || line.mtime < 0 || line.atime < 0 ||
	    line.mtime_nsec >= 1000000000 || line.atime_nsec >= 1000000000)
		abort();
	if (line.kind == SCP_LINE_BAD && line.problem == NULL)
		abort();
	if ((line.kind == SCP_LINE_FILE || line.kind == SCP_LINE_DIR) && line.verdict == SCP_NAME_OK &&
	    (line.name[0] == '\0' || strchr(line.name, '/') != NULL || strcmp(line.name, "..") == 0))
		abort();
	return 0;
}
