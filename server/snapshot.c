#include "server/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/text.h"

struct conf *snapshot_load(int fd, char message[CONF_MESSAGE_BYTES])
{
	struct conf *conf = NULL;
	struct stat status;
	char *bytes = NULL;
	size_t size;

	text_copy(message, CONF_MESSAGE_BYTES, "the snapshot of the configuration cannot be read");
	if (fstat(fd, &status) != 0 || status.st_size <= 0)
		return NULL;
	size = (size_t)status.st_size;
	bytes = calloc(1, size + 1);
	/* pread: the position is shared with everybody who has the file. */
	if (bytes != NULL && pread(fd, bytes, size, 0) == (ssize_t)size &&
	    memchr(bytes, '\0', size) != NULL &&
	    conf_parse(&conf, bytes, bytes + strlen(bytes) + 1, message) != CONF_OK)
		conf = NULL;
	free(bytes);
	return conf;
}
