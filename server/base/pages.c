#include "server/base/pages.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *pages_new(size_t bytes)
{
	void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return pages == MAP_FAILED ? NULL : pages;
}

void pages_free(void *pages, size_t bytes)
{
	if (pages != NULL)
		munmap(pages, bytes);
}

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)

#define HOLE_LARGEST_BYTES  65536u
#define HOLE_SMALLEST_BYTES 24u
#define HOLES_MAX	    100000u /* of one size: a bound, never met */

void pages_trim_heap(void)
{
	malloc_trim(0);
}

/* Blocks of this size until one comes from above all holes. */
static void fill_holes(size_t bytes, uintptr_t top)
{
	for (unsigned i = 0; i < HOLES_MAX; i++) {
		void *block = malloc(bytes);

		if (block == NULL || (uintptr_t)block >= top) {
			free(block);
			return;
		}
	}
}

void pages_fill_heap(void)
{
	uintptr_t top;
	size_t bytes = HOLE_LARGEST_BYTES;

	malloc_trim(0);
	top = (uintptr_t)sbrk(0) - mallinfo2().keepcost;
	while (bytes >= HOLE_SMALLEST_BYTES) {
		fill_holes(bytes, top);
		bytes = bytes > 1024 ? bytes / 2 : bytes - 16;
	}
}

#else

void pages_trim_heap(void)
{
}

void pages_fill_heap(void)
{
}

#endif
