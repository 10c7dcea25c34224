#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/base/pages.h"

TestSuite(pages);

Test(pages, are_zeroed_aligned_and_writable)
{
	size_t size = 3 * (size_t)sysconf(_SC_PAGESIZE) + 1;
	uint8_t *pages = pages_new(size);

	cr_assert_not_null(pages);
	cr_assert_eq((uintptr_t)pages % (uintptr_t)sysconf(_SC_PAGESIZE), 0);
	for (size_t i = 0; i < size; i++)
		cr_assert_eq(pages[i], 0);
	pages[0] = pages[size - 1] = 1;
	pages_free(pages, size);
}

Test(pages, says_when_there_are_none)
{
	cr_assert_null(pages_new(SIZE_MAX / 2));
	cr_assert_eq(errno, ENOMEM);
	pages_free(NULL, 0);
}

Test(pages, the_heap_works_on_after_it_was_trimmed_and_filled)
{
	void *blocks[200];

	for (size_t i = 0; i < 200; i++)
		blocks[i] = malloc(i * 37);
	for (size_t i = 0; i < 200; i += 2)
		free(blocks[i]);
	pages_trim_heap();
	pages_fill_heap();
	for (size_t i = 0; i < 200; i += 2)
		blocks[i] = malloc(i * 37);
	for (size_t i = 0; i < 200; i++)
		free(blocks[i]);
	pages_fill_heap();
}
