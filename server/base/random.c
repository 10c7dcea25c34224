#include "server/base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *out, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = getrandom((char *)out + done, n - done, 0);

		if (got < 0 && errno != EINTR)
			abort(); /* a guessable number in a security decision is worse than no
			            server */
		if (got > 0)
			done += (size_t)got;
	}
}

uint32_t random_below(uint32_t bound)
{
	/* 2^32 mod bound: the lowest values are drawn again, or they would come more often. */
	uint32_t unfair = (uint32_t)(-bound % bound);
	uint32_t value;

	do
		random_bytes(&value, sizeof(value));
	while (value < unfair);
	return value % bound;
}
