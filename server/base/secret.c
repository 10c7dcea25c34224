#include "server/base/secret.h"

#include <string.h>
#include <sys/mman.h>

/* A mapping of its own, so that locking and dumping are decided for it alone. */
struct secret {
	size_t length;
	char text[SECRET_MAX_BYTES + 1];
};

struct secret *secret_new(const char *text, size_t length)
{
	struct secret *secret;

	if (length > SECRET_MAX_BYTES)
		return NULL;
	secret =
	    mmap(NULL, sizeof(*secret), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (secret == MAP_FAILED)
		return NULL;
	/* Both are best effort: an ordinary user's RLIMIT_MEMLOCK may be used up. */
	mlock(secret, sizeof(*secret));
	madvise(secret, sizeof(*secret), MADV_DONTDUMP);
	secret->length = length;
	if (length > 0)
		memcpy(secret->text, text, length);
	return secret; /* a fresh mapping is zero: the text ends in NUL */
}

void secret_free(struct secret **secret)
{
	if (*secret == NULL)
		return;
	secret_wipe(*secret, sizeof(**secret));
	munmap(*secret, sizeof(**secret)); /* unlocks as well */
	*secret = NULL;
}

const char *secret_text(const struct secret *secret)
{
	return secret->text;
}

size_t secret_length(const struct secret *secret)
{
	return secret->length;
}

void secret_wipe(void *bytes, size_t n)
{
	if (n > 0)
		explicit_bzero(bytes, n);
}
