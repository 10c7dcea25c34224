/* "pattern NUL name": linear in the name for each star, and the same whenever it is asked. */
#include <stdlib.h>
#include <string.h>

#include "server/base/text.h"

#define TEXT_MAX 512u /* longer ones only take longer */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	const void *nul = memchr(bytes, '\0', length);
	size_t first = nul != NULL ? (size_t)((const uint8_t *)nul - bytes) : length;
	size_t second = nul != NULL ? length - first - 1 : 0;
	char *pattern = strndup((const char *)bytes, first < TEXT_MAX ? first : TEXT_MAX);
	char *name =
	    strndup((const char *)bytes + length - second, second < TEXT_MAX ? second : TEXT_MAX);

	/* A name without anything special matches itself, and what holds no pattern matches nothing
	 * else. */
	if (strpbrk(name, "*?[\\") == NULL && !text_glob(name, name))
		abort();
	if (!text_is_glob(pattern) && strchr(pattern, '\\') == NULL &&
	    text_glob(pattern, name) != (strcmp(pattern, name) == 0))
		abort();
	if (!text_glob("*", name))
		abort();
	free(pattern);
	free(name);
	return 0;
}
