/* The command line of an exec request: words, patterns and the joined path stay within their memory. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/sftp/scp_command.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	char *line = strndup((const char *)bytes, length);
	struct scp_command *command = scp_command_parse(line);
	char dir[64];

	for (size_t i = 0; command != NULL && i < command->word_count; i++) {
		if (strlen(command->words[i].text) > length ||
		    (command->words[i].pattern != NULL && strlen(command->words[i].pattern) > 2 * length))
			abort();
		if (command->words[i].pattern != NULL)
			scp_command_split(command->words[i].pattern, dir, sizeof(dir));
	}
	if (command != NULL && ((command->joined == NULL) != (command->word_count == 1) ||
	                           (command->joined != NULL && strlen(command->joined) > length)))
		abort();
	scp_command_free(&command);
	free(line);
	return 0;
}
